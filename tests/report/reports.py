# SPDX-License-Identifier: BSD-3-Clause
"""Names that carry reports, resolvers that take them, logs that have them."""

import base64
import binascii
import itertools
import json
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import time

from harness import free_port, make_query

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ZONE = "r.example.net"
KEY = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
LOSSES = ("rate_limited", "queue_dropped", "write_errors")
NO_LIMIT = {"per-prefix": 0, "burst": 1, "total": 0}


# -- names --------------------------------------------------------------------------------------
nonces = itertools.count(0x10000000)


def envelope(zone=ZONE, nonce=None, code=7, labels=()):
    """A complete report: a name, and the event.id that it must be acknowledged with.
    Labels are short: `key=value` of at most six characters."""
    nonce = next(nonces) if nonce is None else nonce
    stream = struct.pack("!BI", 0, nonce) + bytes([2 << 3 | 1, code])
    for label in labels:
        stream += bytes([31 << 3 | len(label)]) + label.encode()
    check = struct.pack("!I", binascii.crc32(stream))
    text = base64.b32encode(stream + check).decode().rstrip("=").lower()
    return "e1%s.%s" % (text, zone), "%08x-%s" % (nonce, check.hex())


def random_case(text, pick):
    """The name with each letter in the case that pick() (0 or 1) says."""
    return "".join(c.upper() if pick() else c.lower() for c in text)


# -- the log ------------------------------------------------------------------------------------
class Log:
    """A file of JSON lines."""

    def __init__(self, path):
        self.path = str(path)

    def text(self):
        try:
            with open(self.path, encoding="utf-8") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def lines(self, action=None):
        """The lines, parsed; each must be whole. `action` picks those of one event.action."""
        text = self.text()
        assert text == "" or text.endswith("\n"), "a part of a line: %r" % text[-100:]
        out = [json.loads(line) for line in text.splitlines()]
        return [l for l in out if action is None or l["event"]["action"] == action]

    def reports(self):
        """The lines of accepted reports."""
        return [l for l in self.lines()
                if l["event"]["action"] not in ("report-stats", "report-malformed")]

    def ids(self):
        return [l["event"]["id"] for l in self.reports()]

    def stats(self):
        """The numbers of the last stats line."""
        return self.lines("report-stats")[-1]["sitebound"]["stats"]

    def wait(self, condition, timeout=10):
        """Until condition(log) holds."""
        deadline = time.monotonic() + timeout
        while True:
            try:
                result = condition(self)
            except (AssertionError, ValueError, IndexError):
                # a line is being written
                result = False
            if result:
                return result
            assert time.monotonic() < deadline, "the log does not come to it:\n" + self.text()
            time.sleep(0.002)


def field(line, dotted):
    """A field by its dotted name."""
    value = line
    for part in dotted.split("."):
        value = value[part]
    return value


def add_up(stats):
    """Nothing that was accepted may be missing from the sum."""
    losses = sum(stats[k] for k in LOSSES)
    assert stats["accepted"] == stats["lines"] + losses, stats


# -- resolvers ----------------------------------------------------------------------------------
class Named:
    """BIND's named as a recursive resolver that finds the report zones at one server.

    named asks servers at the port of its option `port`, and listens elsewhere.
    """

    def __init__(self, folder, server_port, zones, options=""):
        self.folder = os.path.join(str(folder), "named-%d" % server_port)
        self.address = "127.0.0.1"
        self.port = None
        self.server_port = server_port
        self.zones = zones
        self.options = options
        self.process = None

    @staticmethod
    def program():
        return shutil.which("named", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")

    def start(self):
        os.makedirs(self.folder)
        self.port = free_port()
        conf = os.path.join(self.folder, "named.conf")
        with open(os.path.join(self.folder, "root.hints"), "w", encoding="utf-8") as out:
            out.write(". 3600 NS a.root.\na.root. 3600 A 127.0.0.1\n")
        with open(conf, "w", encoding="utf-8") as out:
            out.write("""options {
    directory "%s"; port %d; listen-on port %d { %s; }; listen-on-v6 { none; };
    pid-file none; session-keyfile "session.key"; dnssec-validation no; recursion yes;
    empty-zones-enable no; max-cache-size 16m; notify no; %s };
controls { };
zone "." { type hint; file "root.hints"; };
""" % (self.folder, self.server_port, self.port, self.address, self.options))
            for zone in self.zones:
                out.write('zone "%s" { type static-stub; server-addresses { 127.0.0.1; }; };\n' % zone)
        self.log_path = os.path.join(self.folder, "log")
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [self.program(), "-g", "-4", "-n", "1", "-c", conf], cwd=self.folder, stdout=log,
                stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        while " running\n" not in self.log():
            assert self.process.poll() is None, self.log()
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.01)
        return self

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def stop(self):
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None


def local_zone(zone):
    """Lines of unbound.conf with which a zone is answered in the place of a local zone, and nothing else is."""
    return """access-control: 127.0.0.0/8 refuse_non_local
        local-zone: "{0}." static
        local-data: "{0}. 60 SOA {0}. nobody.invalid. 1 3600 1200 604800 60"
        """.format(zone)


class Reports:
    """Makes what the tests need, and ends it."""

    def __init__(self, lab, folder):
        self.lab = lab
        self.folder = str(folder)
        self.named = []

    def conf(self, zones=None, log=None, **keys):
        section = {"log": log or os.path.join(self.folder, "reports.jsonl")}
        section.update({k.replace("_", "-"): v for k, v in keys.items()})
        section["zones"] = zones or [{"zone": ZONE, "format": "envelope",
                                      "ack-a": "198.51.100.53",
                                      "nameservers": ["ns1.example.net"], "keys": {1: KEY}}]
        return {"report": section}

    def resolver(self, zones=None, log=None, threads=1, server="", extra="", wrapper=(), start=True,
                 **keys):
        """A resolver with report.so. It has no upstream: what went there would fail."""
        resolver = self.lab.resolver(
            modules=["report"], conf=self.conf(zones, log, **keys), threads=threads,
            server="access-control: 127.0.0.0/8 allow_setrd\n" + server, extra=extra,
            wrapper=wrapper, start=False)
        resolver.reports = Log(log or os.path.join(self.folder, "reports.jsonl"))
        return resolver.start() if start else resolver

    def in_front(self, resolver, server="", zones=(ZONE,)):
        """An Unbound without modules that resolves the report zones at that resolver."""
        stubs = "".join('stub-zone:\n  name: "%s"\n  stub-addr: 127.0.0.1@%d\n'
                        % (zone, resolver.port) for zone in zones)
        return self.lab.resolver(server=server, extra=stubs)

    def bind_in_front(self, resolver, options="", zones=(ZONE,)):
        named = Named(self.folder, resolver.port, zones, options)
        self.named.append(named)
        return named.start()

    def close(self):
        for named in self.named:
            named.stop()


# -- many questions -----------------------------------------------------------------------------
def burst(server, names, qtype="TXT", window=50, timeout=10):
    """Ask many questions over UDP, `window` at a time, each again after a second without an answer.
    Returns the answers' wires in the order of the names."""
    wires = [make_query(n, qtype, ident=i & 0xffff) for i, n in enumerate(names)]
    answers = [None] * len(wires)
    waiting = {}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        sock.connect(server)
        todo = iter(range(len(wires)))
        now = looked = time.monotonic()
        deadline = now + timeout
        while True:
            while len(waiting) < window:
                index = next(todo, None)
                if index is None:
                    break
                assert index & 0xffff not in waiting, "a question waits for too long"
                sock.send(wires[index])
                waiting[index & 0xffff] = (index, now)
            if not waiting:
                return answers
            ready = select.select([sock], [], [], 0.2)[0]
            now = time.monotonic()
            assert now < deadline, "%d questions are not answered" % len(waiting)
            if ready:
                try:
                    wire = sock.recv(4096)
                except ConnectionRefusedError:
                    continue
                index, _ = waiting.get(struct.unpack("!H", wire[:2])[0], (None, None))
                # a late answer to an earlier question may have the same number
                if index is not None and wire[12:30] == wires[index][12:30]:
                    answers[index] = wire
                    del waiting[index & 0xffff]
            if now - looked > 0.3:
                looked = now
                for ident, (index, sent) in list(waiting.items()):
                    if now - sent > 1:
                        sock.send(wires[index])
                        waiting[ident] = (index, now)
