// SPDX-License-Identifier: BSD-3-Clause
// One OpenSearch node on loopback: java -cp JARS Node.java HTTPPORT TRANSPORTPORT DIRECTORY
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
		}).build(OpenSearchRunner.newConfigs().clusterName("sitebound-test").numOfNode(1).basePath(arguments[2]));
		Thread.currentThread().join();
	}
}
