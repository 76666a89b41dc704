# SPDX-License-Identifier: BSD-3-Clause
"""Sending with the clients of contrib/: what they tell of a report is what came of it. They ask the system's
resolver, so Unbound and they are in a network namespace with an /etc/resolv.conf of its own."""

import os
import shutil
import subprocess
import sys

import pytest

from harness import missing
from reports import ZONE

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "clients"))
import encoders  # noqa: E402

pytestmark = pytest.mark.needs("report")
CLIENTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "contrib", "clients")
ACK = "198.51.100.53"
PLAIN = "n.example.net"
EXIT = {"arrived": 0, "failed": 1, "unknown": 3}
TOOLS = ["dig", "drill", "host", "nslookup", "getent"]
UNKNOWN_KEY = ["-k", "9:000102030405060708090a0b0c0d0e0f"]

# id, zone, options, outcome of: what asks for TXT (tools, Go, JavaScript), Python, what cannot tell why there is no address
# (getent, Java)
ROWS = [
    ("acknowledged", ZONE, [], "arrived", "arrived", "arrived"),
    ("nonce in capitals", ZONE, ["-n", "ABCDEF01"], "arrived", "arrived", "arrived"),
    ("no ack-a", PLAIN, [], "arrived", "unknown", "unknown"),
    ("malformed to the zone", ZONE, UNKNOWN_KEY, "unknown", "unknown", "unknown"),
    ("NXDOMAIN", "nx.test", [], "unknown", "unknown", "unknown"),
    ("SERVFAIL", "broken.test", [], "failed", "failed", "unknown"),
    ("REFUSED", "refused.test", [], "failed", "failed", "unknown"),
]


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """A command that runs another one in a network of its own, whose resolver is 127.0.0.1."""
    folder = tmp_path_factory.mktemp("alone")
    resolv = folder / "resolv.conf"
    resolv.write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
    # getent asks for no IPv4 addresses on a host that has none
    command = ["unshare", "-n", "-m", "/bin/sh", "-c",
               'ip link set lo up && ip address add 192.0.2.9/32 dev lo && '
               'mount --bind "$0" /etc/resolv.conf && exec "$@"', str(resolv)]
    if subprocess.run(command + ["true"], capture_output=True, check=False).returncode:
        missing("namespaces need root, unshare and ip")
    return command


@pytest.fixture(scope="module")
def inside(alone, module_lab, tmp_path_factory):
    """A command that runs another one beside a resolver with report zones."""
    from reports import Reports
    reports = Reports(module_lab, tmp_path_factory.mktemp("send"))
    resolver = reports.resolver(
        zones=[{"zone": ZONE, "format": "envelope", "ack-a": ACK},
               {"zone": PLAIN, "format": "envelope"}],
        wrapper=alone,
        server="""interface: 127.0.0.1@53
            local-zone: "test." nodefault
            local-zone: "nx.test." static
            local-zone: "refused.test." refuse""",
        extra='forward-zone:\n  name: "broken.test"\n  forward-addr: 127.0.0.1@1\n')
    return ["nsenter", "-n", "-m", "-t", str(resolver.process.pid)]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The command of a client that is built, once."""
    commands = {}

    def command(name):
        if name not in commands:
            commands[name] = encoders.command(name, tmp_path_factory.mktemp(name))
        return commands[name]
    return command


@pytest.fixture(params=["python", *encoders.DRIVEN, *TOOLS])
def client(request, built, tmp_path):
    """The name of a client, and its command: the shell's has one tool to ask with."""
    if request.param not in TOOLS:
        try:
            return request.param, built(request.param)
        except encoders.Missing as reason:
            missing(str(reason))
    for tool in ("od", "tr", "openssl", request.param):
        path = shutil.which(tool)
        if path is None:
            missing("there is no " + tool)
        (tmp_path / tool).symlink_to(path)
    return request.param, ["/usr/bin/env", "PATH=%s" % tmp_path, "/bin/sh",
                           os.path.join(CLIENTS, "sitebound-report.sh")]


def check(command, zone, options, outcome):
    done = subprocess.run([*command, "-s", "-z", zone, *options, "error.code=7"], timeout=60,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True)
    assert done.stderr == ""
    name, said = done.stdout.splitlines()
    assert name.endswith(".%s." % zone)
    assert (said, done.returncode) == (outcome, EXIT[outcome])


@pytest.mark.parametrize("zone,options,by_txt,by_python,by_getent",
                         [pytest.param(*r[1:], id=r[0]) for r in ROWS])
def test_outcome(inside, client, zone, options, by_txt, by_python, by_getent):
    name, command = client
    check(inside + command, zone, options, {"python": by_python, "getent": by_getent, "java": by_getent}.get(name, by_txt))


def test_nobody_answers(alone, client):
    name, command = client
    check(alone + command, ZONE, [], "unknown" if name in ("getent", "java") else "failed")


def test_an_address_that_is_no_acknowledgement(inside):
    code = ("import sitebound_report as s; name = s.encode(%r, {'error.code': 7});"
            "print(s.send(name, ack=%r), s.send(name, ack='192.0.2.1'))" % (ZONE, ACK))
    done = subprocess.run([*inside, "env", "PYTHONPATH=" + CLIENTS, sys.executable, "-B", "-c", code], timeout=60,
                          stdout=subprocess.PIPE, universal_newlines=True, check=True)
    assert done.stdout == "arrived unknown\n"
