# SPDX-License-Identifier: BSD-3-Clause
"""Questions over TLS and TCP to a real Unbound, and what the answers mean."""
import asyncio
import datetime
import socket

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from daemon import Bench, free_port, unbound_program, wait
from forward_health import probes

NAME = "egress.example.com"


def certificate(key):
    name, now = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)]), datetime.datetime.utcnow()
    return x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1).not_valid_before(
        now - datetime.timedelta(1)).not_valid_after(now + datetime.timedelta(1)).add_extension(
            x509.SubjectAlternativeName([x509.DNSName(NAME)]), False).add_extension(
                x509.BasicConstraints(True, None), True).sign(key, hashes.SHA256())


@pytest.fixture
def bench(tmp_path, monkeypatch):
    made = Bench(tmp_path)
    key = ec.generate_private_key(ec.SECP256R1())
    made.set("key", key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode())
    made.set("pem", certificate(key).public_bytes(serialization.Encoding.PEM).decode())
    monkeypatch.setenv("SSL_CERT_FILE", made.path("pem"))
    probes.authorities.cache_clear()
    made.plain, made.tls = free_port(), free_port()
    made.set("resolver.conf", """%s  tls-port: %d
  tls-service-key: "%s"
  tls-service-pem: "%s"
  local-zone: "owner.example." static
  local-data: "owner.example. SOA ns. host. 1 3600 600 86400 5"
  local-data: "known.owner.example. A 192.0.2.1"
  local-data: 'small.owner.example. TXT "x"'
%s
""" % (made.server(made.plain, made.tls), made.tls, made.path("key"), made.path("pem"),
       "\n".join("  local-data: 'large.owner.example. TXT \"%s\"'" % (str(n) * 200) for n in range(10))))
    made.start([unbound_program(), "-d", "-c", made.path("resolver.conf")], "resolver.log")
    assert wait(lambda: ask(made.plain, "known", "192.0.2.1") == "ok"), open(made.path("resolver.log")).read()
    yield made
    probes.authorities.cache_clear()
    made.close()


def ask(port, label, expect, tls=""):
    async def work():
        said = asyncio.get_running_loop().create_future()
        probes.probe(("127.0.0.1", port, tls), label + ".owner.example", expect, 3.0, said.set_result)
        return await said
    return asyncio.run(work())


@pytest.mark.parametrize("label, expect, outcome", [
    ("{random}", "NXDOMAIN", "ok"), ("{random}", "NOERROR", "wrong-data"), ("known", "NXDOMAIN", "wrong-data"), ("known", "NOERROR", "ok"),
    ("known", "192.0.2.1", "ok"), ("known", "192.0.2.2", "wrong-data"), ("known", "2001:db8::1", "wrong-data"), ("small", "NODATA", "ok"),
    ("known", "NODATA", "wrong-data")])
def test_outcomes(bench, label, expect, outcome):
    assert ask(bench.plain, label, expect) == outcome
    assert ask(bench.tls, label, expect, NAME) == outcome


def test_tls_name_and_port(bench):
    assert ask(bench.tls, "{random}", "NXDOMAIN", "other.example.com") == "tls"
    assert ask(bench.plain, "{random}", "NXDOMAIN", NAME) in ("tls", "network", "garbage", "timeout")
    assert ask(free_port(), "{random}", "NXDOMAIN", NAME) == "unreachable"


@pytest.mark.parametrize("label, outcome", [("large", "ok"), ("small", "small"), ("none", "wrong-data")])
def test_large(bench, label, outcome):
    """What does not fit into a datagram of the resolver's comes over TCP."""
    said = asyncio.run(probes.large(("127.0.0.1", bench.plain, ""), label + ".owner.example", "TXT", 3.0))
    assert said == outcome


def test_large_of_a_silent_resolver():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        said = asyncio.run(probes.large(("127.0.0.1", silent.getsockname()[1], ""), "large.owner.example", "TXT", 0.2))
    assert said == "timeout"


@pytest.mark.parametrize("kind, expect, outcome", [("A", ["192.0.2.1"], "ok"), ("A", ["192.0.2.1", "192.0.2.2"], "wrong-data"),
                                                   ("TXT", ["x"], "wrong-data")])
def test_record(bench, kind, expect, outcome):
    assert asyncio.run(probes.record(("127.0.0.1", bench.plain, ""), "known.owner.example", kind, expect, 3.0)) == outcome
