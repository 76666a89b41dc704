// SPDX-License-Identifier: BSD-3-Clause
// One OpenSearch node on loopback, with the security plugin, whose files are in DIRECTORY/node_1/config:
// java -cp JARS Node.java HTTPPORT TRANSPORTPORT DIRECTORY
import org.codelibs.opensearch.runner.OpenSearchRunner;

public class Node {
	public static void main(String[] arguments) throws Exception {
		String self = "127.0.0.1:" + arguments[1];
		OpenSearchRunner runner = new OpenSearchRunner();
		runner.onBuild((number, settings) -> {
			settings.put("http.port", arguments[0]);
			settings.put("transport.port", arguments[1]);
			settings.put("network.host", "127.0.0.1");
			settings.putList("node.roles", "cluster_manager", "data", "ingest");
			settings.putList("discovery.seed_hosts", self);
			settings.putList("cluster.initial_cluster_manager_nodes", self);
			settings.put("cluster.routing.allocation.disk.threshold_enabled", false);
			settings.put("plugins.security.ssl.http.enabled", false);
			settings.put("plugins.security.ssl.transport.pemcert_filepath", "node.pem");
			settings.put("plugins.security.ssl.transport.pemkey_filepath", "node.key");
			settings.put("plugins.security.ssl.transport.pemtrustedcas_filepath", "node.pem");
			settings.putList("plugins.security.nodes_dn", "CN=node");
			settings.put("plugins.security.allow_default_init_securityindex", true);
			settings.put("plugins.security.audit.type", "noop");
		}).build(OpenSearchRunner.newConfigs().clusterName("sitebound-test").numOfNode(1).basePath(arguments[2])
			.pluginTypes("org.opensearch.security.OpenSearchSecurityPlugin"));
		Thread.currentThread().join();
	}
}
