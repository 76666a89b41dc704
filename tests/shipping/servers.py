# SPDX-License-Identifier: BSD-3-Clause
"""Real OpenSearch and Elasticsearch nodes on loopback, from the files that tests/shipping/run fetched."""

import base64
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
CHECKOUT = HERE.parent.parent
CACHE = CHECKOUT / ".cache" / "shipping"
NOBODY = 65534
# What runs for two minutes gains nothing from the second compiler, which is most of a start.
QUICK_JAVA = ("-XX:TieredStopAtLevel=1",)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(what, condition, seconds, process=None):
    """Asks until condition() is true; another answer at once when the process has ended."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        if process is not None and process.poll() is not None:
            raise AssertionError(f"{what}: the program ended with {process.returncode}")
        time.sleep(0.2)
    raise AssertionError(f"{what}: not within {seconds} s")


def stop(process, seconds=30):
    """Ends a process that start() began, with its children."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def start(command, log, **options):
    """Starts a program that ends with these tests, however they end."""
    if command[0] != "setpriv":
        command = ["setpriv"] + command
    command = command[:1] + ["--pdeathsig=TERM"] + command[1:]
    with open(log, "ab") as output:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True, **options
        )


class Server:
    """A running node with security on. `admin`, `installer` and `shipper` can log in, each with its role;
    their passwords are their names and "-password"."""

    def __init__(self, kind, port):
        self.kind, self.port = kind, port
        self.url = f"http://127.0.0.1:{port}"
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        self.process = None
        self.stream = "logs-sitebound.report-default"

    def request(self, method, path, body=None, user="admin"):
        """Returns (status, answer as JSON)."""
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, body, method=method)
        request.add_header("Content-Type", "application/json")
        login = base64.b64encode(f"{user}:{user}-password".encode()).decode()
        request.add_header("Authorization", f"Basic {login}")
        try:
            with self.opener.open(request, timeout=60) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"null")

    def is_up(self):
        try:
            status, health = self.request("GET", "/_cluster/health?wait_for_status=yellow&timeout=1s")
        except (OSError, ValueError):  # the security plugin answers in words until it is ready
            return False
        return status == 200 and not health["timed_out"]

    def search(self, body, index=None):
        self.request("POST", f"/{index or self.stream}/_refresh")
        status, answer = self.request("POST", f"/{index or self.stream}/_search", body)
        assert status == 200, answer
        return answer

    def count(self, index=None):
        self.request("POST", f"/{index or self.stream}/_refresh")
        status, answer = self.request("GET", f"/{index or self.stream}/_count")
        return answer["count"] if status == 200 else 0

    def create(self, lines, index=None, user="admin"):
        """Sends the lines as one bulk of creates; returns the status of each."""
        body = bytearray()
        for line in lines:
            body += json.dumps({"create": {"_index": index or self.stream, "_id": json.loads(line)["event"]["id"]}}).encode()
            body += b"\n" + line.encode() + b"\n"
        status, answer = self.request("POST", "/_bulk", bytes(body), user)
        assert status == 200, answer
        return [item["create"]["status"] for item in answer["items"]]


# bcrypt of the three passwords (see Server), as the security plugin wants them.
OPENSEARCH_USERS = {
    "admin": "$2y$12$4pLxo0gH899xoeOYHfo6OOZIJ4oilXTttrXokJbqYiTwwAadKSoBO",
    "installer": "$2y$12$in41fxsamY9OPzqtqR3Vtu0sRTWYkcmCByGlZSiAjTyfjOcTKkiRK",
    "shipper": "$2y$12$lc18YsGHnB2zwsdtSCq3lOdcBxa8202nKPq37yohx2LaBWe/hl0wG",
}


def start_opensearch(directory):
    plugin, config = directory / "security", directory / "node" / "node_1" / "config"
    with zipfile.ZipFile(next((CACHE / "opensearch").glob("*.zip"))) as archive:
        archive.extractall(plugin)
    shutil.copytree(plugin / "config", config / "opensearch-security")
    certificate = ["-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=node", "-days", "2"]
    subprocess.run(
        ["openssl", "req", *certificate, "-keyout", str(config / "node.key"), "-out", str(config / "node.pem")],
        check=True, capture_output=True,
    )
    basic = {"http_authenticator": {"type": "basic"}, "authentication_backend": {"type": "intern"}}
    roles = {"all_access": "admin", "sitebound_installer": "installer", "sitebound_shipper": "shipper"}
    files = {
        "config": {"config": {"dynamic": {"authc": {"basic": {"http_enabled": True, "order": 0, **basic}}}}},
        "internalusers": {user: {"hash": password} for user, password in OPENSEARCH_USERS.items()},
        "rolesmapping": {role: {"users": [user]} for role, user in roles.items()},
    }
    names = {"internalusers": "internal_users", "rolesmapping": "roles_mapping"}
    for kind, content in files.items():
        made = {"_meta": {"type": kind, "config_version": 2}, **content}
        (config / "opensearch-security" / f"{names.get(kind, kind)}.yml").write_text(json.dumps(made))
    with open(config / "opensearch-security" / "roles.yml", "a", encoding="utf-8") as file:
        file.write((CHECKOUT / "contrib" / "shipping" / "opensearch" / "roles.yml").read_text())
    server = Server("opensearch", free_port())
    server.process = start(
        ["java", *QUICK_JAVA, "-Xmx1g", "-cp", f"{CACHE}/opensearch/*:{plugin}/*", str(HERE / "Node.java")]
        + [str(server.port), str(free_port()), str(directory / "node")],
        directory / "opensearch.log",
        cwd=directory,
    )
    wait_for("OpenSearch answers", server.is_up, 240, server.process)
    return server


ELASTICSEARCH_YML = """\
cluster.name: sitebound-test
discovery.type: single-node
network.host: 127.0.0.1
http.port: {http}
transport.port: {transport}
path.data: {directory}/data
path.logs: {directory}/logs
cluster.routing.allocation.disk.threshold_enabled: false
xpack.ml.enabled: false
xpack.security.enabled: true
xpack.security.http.ssl.enabled: false
xpack.security.transport.ssl.enabled: false
"""


def start_elasticsearch(directory):
    with zipfile.ZipFile(next((CACHE / "elasticsearch").glob("*.zip"))) as archive:
        archive.extractall(directory)
    home = next(directory.glob("elasticsearch-*"))
    for program in (home / "bin").iterdir():
        program.chmod(0o755)
    server = Server("elasticsearch", free_port())
    (home / "config" / "elasticsearch.yml").write_text(
        ELASTICSEARCH_YML.format(http=server.port, transport=free_port(), directory=directory)
    )
    roles = CHECKOUT / "contrib" / "shipping" / "elasticsearch" / "roles.yml"
    shutil.copy(roles, home / "config" / "roles.yml")
    java = pathlib.Path(shutil.which("java")).resolve().parent.parent
    options = " ".join([*QUICK_JAVA, "-Xms1g", "-Xmx1g"])
    environment = dict(os.environ, ES_JAVA_HOME=str(java), ES_JAVA_OPTS=options, ES_TMPDIR=str(directory / "tmp"))
    (directory / "tmp").mkdir()
    become = []
    if os.geteuid() == 0:
        become = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        subprocess.run(["chown", "-R", f"{NOBODY}:{NOBODY}", str(directory)], check=True)
        for parent in directory.parents:  # pytest keeps its directories to their owner
            if parent.owner() == "root" and parent != pathlib.Path("/") and not parent.stat().st_mode & 0o001:
                parent.chmod(parent.stat().st_mode | 0o011)
    users = {"admin": "superuser", "installer": "sitebound_installer", "shipper": "sitebound_shipper"}
    for user, role in users.items():
        subprocess.run(
            become + [str(home / "bin" / "elasticsearch-users"), "useradd", user, "-p", f"{user}-password", "-r", role],
            env=environment, cwd=home, check=True, capture_output=True,
        )
    server.process = start(
        become + [str(home / "bin" / "elasticsearch")], directory / "elasticsearch.log",
        env=environment, cwd=home,
    )
    wait_for("Elasticsearch answers", server.is_up, 240, server.process)
    return server


STARTERS = {"opensearch": start_opensearch, "elasticsearch": start_elasticsearch}
