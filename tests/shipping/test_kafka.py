# SPDX-License-Identifier: BSD-3-Clause
"""File, rsyslog, a real Kafka, rsyslog, search server: the shipped configurations, their paths and servers changed."""

import json
import os
import pathlib
import shutil
import subprocess
import uuid

import pytest
import sample
from servers import CACHE, CHECKOUT, QUICK_JAVA, free_port, start, stop, wait_for

CONTRIB = CHECKOUT / "contrib" / "shipping" / "kafka"
KAFKA = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
log.dirs={directory}/data
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
num.partitions=3
"""


class Kafka:
    """One broker, its own controller."""

    def __init__(self, directory):
        self.directory, self.port = directory, free_port()
        self.configuration = directory / "kafka.properties"
        self.configuration.write_text(KAFKA.format(port=self.port, controller=free_port(), directory=directory))
        subprocess.run([*self.java(), "kafka.tools.StorageTool", "format", "-t", uuid.uuid4().hex[:22], "-c",
                        str(self.configuration)], check=True, capture_output=True, timeout=120)
        self.process = None

    @staticmethod
    def java():
        return ["java", *QUICK_JAVA, "-Xmx512m", "-cp", f"{CACHE}/kafka/*"]

    def start(self):
        log = self.directory / "kafka.log"
        self.process = start([*self.java(), "kafka.Kafka", str(self.configuration)], log, cwd=self.directory)
        wait_for("Kafka answers", lambda: self.kcat("-L") is not None, 120, self.process)

    def kcat(self, *arguments):
        """What kcat prints, None when it fails."""
        done = subprocess.run(["kcat", "-b", f"127.0.0.1:{self.port}", "-q", *arguments], capture_output=True, timeout=60)
        return done.stdout if done.returncode == 0 else None


@pytest.fixture(scope="module")
def kafka(tmp_path_factory):
    if os.environ.get("SHIPPING_WITHOUT_KAFKA"):
        pytest.skip(os.environ["SHIPPING_WITHOUT_KAFKA"])
    if not shutil.which("kcat"):
        pytest.skip("kcat is not installed")
    if not list(pathlib.Path("/usr/lib").glob("*/rsyslog/omkafka.so")):
        pytest.skip("rsyslog-kafka is not installed")
    made = Kafka(tmp_path_factory.mktemp("kafka"))
    made.start()
    yield made
    stop(made.process)


def rsyslogd(directory, name, changes):
    """Starts rsyslogd with a shipped file in which the pairs of `changes` are replaced."""
    text = (CONTRIB / name).read_text()
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    work = directory / name
    work.mkdir()
    (work / "rsyslog.conf").write_text(f'global(workDirectory="{work}")\n{text}')
    return start(["rsyslogd", "-n", "-f", str(work / "rsyslog.conf"), "-i", str(work / "pid")], work / "log")


def test_by_way_of_a_broker_that_goes_away(kafka, empty, tmp_path):
    """A known loss of Debian 12's omkafka, which the README tells: some of the first lines after the broker is back."""
    topic = f"sitebound.report-{empty.kind}"
    broker = ("127.0.0.1:9092", f"127.0.0.1:{kafka.port}")
    spool = ("/var/spool/rsyslog/", f"{tmp_path}/")
    login = ' uid="shipper" pwd="shipper-password"'
    file = tmp_path / "reports.jsonl"
    file.touch()
    lines = sample.lines(3000)

    def write(part):
        with open(file, "a", encoding="utf-8") as out:
            out.writelines(line + "\n" for line in part)

    def is_there(line):
        return empty.search({"query": {"ids": {"values": [json.loads(line)["event"]["id"]]}}})["hits"]["hits"]

    running = [rsyslogd(tmp_path, "rsyslog-producer.conf", [
        broker, spool, ("/var/lib/unbound/", f"{tmp_path}/"), ("sitebound.report", topic)])]
    try:
        running.append(rsyslogd(tmp_path, "rsyslog-consumer.conf", [
            broker, spool, ("logs-sitebound.report-default", empty.stream), ('topic="sitebound.report"', f'topic="{topic}"'),
            ('serverport="9200"', f'serverport="{empty.port}"{login}')]))
        write(lines[:1000])
        wait_for("1000 documents", lambda: empty.count() >= 1000, 120, running[0])
        stop(kafka.process)
        write(["this is no JSON", *lines[1000:2000]])
        kafka.start()
        write(lines[2000:])
        wait_for("the last line", lambda: is_there(lines[-1]), 120, running[1])
    finally:
        for process in running:
            stop(process)
    hits = empty.search({"size": 5000})["hits"]["hits"]
    for hit in hits:
        hit["_source"]["event"].pop("ingested", None)
    want = {json.loads(line)["event"]["id"]: line for line in lines}
    there = {hit["_id"]: hit["_source"] for hit in hits}
    lost = set(want) - set(there)
    assert lost <= {json.loads(line)["event"]["id"] for line in lines[2000:2050]}
    assert there == {name: json.loads(line) for name, line in want.items() if name not in lost}
    # In the topic: byte for byte, and the key is event.id.
    got = dict(row.split("\t", 1) for row in kafka.kcat("-C", "-t", topic, "-e", "-f", "%k\t%s\n").decode().splitlines())
    assert got == {name: line for name, line in want.items() if name not in lost}
