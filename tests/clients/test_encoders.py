# SPDX-License-Identifier: BSD-3-Clause
"""The encoders for applications in Python and shell: pinned by the vectors, read back by
sitebound-decode, and equal to each other."""

import json
import os
import random
import shutil
import subprocess
import sys

import pytest

KEY = bytes(range(32))
ZONE = "r.example.net"


@pytest.fixture(scope="module")
def clients(root):
    return os.path.join(root, "contrib", "clients")


@pytest.fixture(scope="module")
def python_module(clients):
    sys.dont_write_bytecode = True
    sys.path.insert(0, clients)
    import sitebound_report
    yield sitebound_report
    sys.path.remove(clients)


def shells():
    return [shell for shell in ("sh", "dash", "bash", "busybox") if shutil.which(shell)]


def encoder(clients, name):
    """The command of an encoder."""
    script = os.path.join(clients, "sitebound-report.sh")
    if name == "python":
        return [sys.executable, "-B", os.path.join(clients, "sitebound_report.py")]
    if name == "busybox":
        return ["busybox", "sh", script]
    return [name, script]


def run(command, *arguments):
    return subprocess.run([*command, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          universal_newlines=True, timeout=60)


def table(root, *path):
    with open(os.path.join(root, "tests", *path), encoding="utf-8") as rows:
        return {row.split("\t")[0]: row.rstrip("\n").split("\t")[1:]
                for row in rows if not row.startswith("#")}


@pytest.mark.parametrize("name", ["python"] + shells())
def test_vectors(root, clients, name):
    cases = table(root, "clients", "cases.tsv")
    vectors = table(root, "vectors", "envelope.tsv")
    assert len(cases) >= 14
    for ident, arguments in cases.items():
        zone = "R.Example.NET" if ident == "envelope-18" else ZONE
        result = run(encoder(clients, name), "-z", zone, *arguments)
        assert result.returncode == 0, (ident, result)
        assert result.stdout.rstrip("\n").lower() == vectors[ident][1] + ".", ident


BAD = [
    ["error.code=a b"],
    ["error.code="],
    ["error.code=" + "x" * 33],
    ["error.type=tcp.nonsense"],
    ["error.code=1", "server.port=65536"],
    ["error.code=1", "server.port=-1"],
    ["error.code=1", "server.port=01x"],
    ["error.code=1", "server.ip=300.1.1.1"],
    ["error.code=1", "server.ip=1.1.1"],
    ["error.code=1", "client.geo.country_iso_code=swe"],
    ["error.code=1", "sitebound.install_id=010203"],
    ["error.code=1", "labels.Upper=x"],
    ["error.code=1", "labels.=x"],
    ["error.code=1", "labels.abcdefghijklmnopq=x"],
    ["error.code=1", "raw.0=00"],
    ["error.code=1", "raw.32=00"],
    ["error.code=1", "raw.9=0"],
    ["error.code=1", "no.such.field=1"],
    ["error.code=1", "nothing"],
    ["error.code=1", "error.message=" + "m" * 256],
    ["error.code=1", "error.message=" + "m" * 150],
    ["-n", "123", "error.code=1"],
    ["-p", "2/2", "error.code=1"],
    ["-p", "0/17", "error.code=1"],
    ["-p", "1", "error.code=1"],
    ["-p", "1/", "error.code=1"],
    ["-p", "/2", "error.code=1"],
    ["-p", "0/0", "error.code=1"],
    ["-p", "a/b", "error.code=1"],
    ["-k", "256:00", "error.code=1"],
    ["-k", "x:00", "error.code=1"],
    ["error.code=1", "server.ip=010.1.1.1"],
    ["-k", "1:xx", "error.code=1"],
    ["-k", "1:000102030405060708090a0b0c0d0e", "error.code=1"],
    ["error.message=no code"],
    ["-p", "0/2", "error.message=no code"],
    ["error.code=1", "error.code=2"],
    ["error.code=1", "raw.2=05"],
    ["-z", "a..b", "error.code=1"],
    ["-z", "https://r.example.net/", "error.code=1"],
    ["error.code=1", "sitebound.sample_rate=0.01"],
    [],
]


@pytest.mark.parametrize("name", ["python"] + shells()[:1])
@pytest.mark.parametrize("arguments", BAD, ids=lambda arguments: " ".join(arguments)[:30])
def test_refused(clients, name, arguments):
    result = run(encoder(clients, name), "-z", ZONE, *arguments)
    assert result.returncode == 2, result
    assert result.stdout == ""
    assert result.stderr != ""


def random_fields(choose):
    """Fields and the values that the line must have."""
    text = "".join(choose.choice("abc xyz-åß✗\"\\${}/é🙂") for _ in range(choose.randrange(12)))
    fields = {"error.code": choose.choice([0, 7, 1407, 4294967295, "ap-4:tls", "007", "x" * 32])}
    expected = {"error.code": str(fields["error.code"])}

    def add(field, value, name=None, logged=None):
        if choose.random() < 0.3:
            fields[field] = value
            expected[name or field] = value if logged is None else logged

    add("error.type", choose.choice(["unknown", "tcp.refused", "http.failed", "type77"]))
    add("service.name", text)
    add("user_agent.name", "desktop")
    add("user_agent.version", "1.%d" % choose.randrange(1000))
    add("user_agent.os.type", choose.choice(["linux", "unix"]))
    add("sitebound.access", choose.choice(["wifi", "other"]))
    number = choose.choice([0, 1, 255, 256, 4294967295])
    add("duration_ms", number, "event.duration", number * 1000000)
    add("server.ip", "192.0.2.%d" % choose.randrange(256))
    add("server.port", choose.choice([0, 1, 443, 65535]))
    add("http.response.status_code", 503)
    add("event.start", 1767225600, logged="2026-01-01T00:00:00.000Z")
    add("error.message", text)
    add("sitebound.install_id", "%012x" % choose.randrange(1 << 48))
    add("sitebound.sample_rate", choose.randrange(1000))
    add("sitebound.count", choose.randrange(1000))
    add("client.geo.country_iso_code", "se", logged="SE")
    add("sitebound.attempt", choose.randrange(65536))
    add("labels.k_1", "v=%d" % choose.randrange(10))
    return fields, expected


def field(value, name):
    for part in name.split("."):
        value = value[part]
    return value


def test_round_trips(root, clients, python_module, decode_program):
    """Random reports through the decoder; a few of them through the shell as well."""
    choose = random.Random(5)
    names, wanted = [], []
    shell = encoder(clients, shells()[0])
    for i in range(2000):
        fields, expected = random_fields(choose)
        nonce = choose.getrandbits(32).to_bytes(4, "big")
        key = (1, KEY) if i % 3 == 0 else None
        part = (0, choose.randrange(1, 17)) if i % 4 == 0 else None
        try:
            name = python_module.encode(ZONE, fields, nonce, part, key)
        except python_module.ReportError:
            continue
        expected["sitebound.nonce"] = nonce.hex()
        expected["sitebound.verified"] = "mac" if key else "none"
        expected["sitebound.weight"] = min(1000, expected.get("sitebound.sample_rate", 1) *
                                           expected.get("sitebound.count", 1))
        names.append(name)
        wanted.append(expected)
        if i % 50 == 0:
            arguments = ["-n", nonce.hex()]
            if key:
                arguments += ["-k", "1:" + KEY.hex()]
            if part:
                arguments += ["-p", "%d/%d" % part]
            result = run(shell, "-z", ZONE, *arguments,
                         *("%s=%s" % pair for pair in fields.items()))
            assert result.stdout == name + "\n", result.stderr
    assert len(names) > 1000
    result = subprocess.run(
        [decode_program, "--config", os.path.join(root, "tests", "conf", "good-report-full.yaml")],
        input="\n".join(names).encode(), stdout=subprocess.PIPE, timeout=60)
    assert result.returncode == 0
    lines = result.stdout.splitlines()
    assert len(lines) == len(names)
    for name, line, expected in zip(names, lines, wanted):
        line = json.loads(line)
        for key, value in expected.items():
            assert field(line, key) == value, (name, key)


def test_python_interface(python_module):
    one = python_module.encode(ZONE + ".", {"error.code": 7})
    two = python_module.encode(ZONE, {"error.code": 7})
    assert one != two and one.endswith("." + ZONE + ".")
    with pytest.raises(ValueError):
        python_module.encode(ZONE, {"error.code": 7}, nonce=b"123")
    with pytest.raises(python_module.ReportError):
        python_module.encode(ZONE, {"error.code": 7}, part=(1, 1))
    for fields in ({"error.code": None}, {"error.code": True}, {"error.code": 7, "service.name": None},
                   {"error.code": 7, "sitebound.sample_rate": 0.01}, {}, {"error.message": "x"},
                   {"error.code": 7, "raw.13": b"\0\1"}, {"error.code": 7, "server.ip": "x"},
                   {"error.code": 7, "sitebound.count": 1 << 63}, {"error.code": 7, "raw.9": "zz"}):
        with pytest.raises(python_module.ReportError):
            python_module.encode(ZONE, fields)
