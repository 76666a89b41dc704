# SPDX-License-Identifier: BSD-3-Clause
"""Reports over every transport that this Unbound has, and what the line says of it."""

import shutil
import subprocess

import pytest

from harness import free_port, missing, unbound_program
from reports import envelope

TRANSPORTS = {
    # options of unbound.conf; the client's command; network.transport
    "udp": ("", "dig +notcp", "udp"),
    "tcp": ("", "dig +tcp", "tcp"),
    "tls": ("tls-port: @PORT@", "dig +tls", "tcp"),
    "https": ("https-port: @PORT@", "dig +https", "tcp"),
    "quic": ("quic-port: @PORT@", "kdig +quic", "quic"),
}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """Options of unbound.conf for a key and a certificate."""
    folder = tmp_path_factory.mktemp("certificate")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-subj", "/CN=localhost", "-keyout", folder / "key", "-out", folder / "pem"],
                   check=True, capture_output=True)
    return 'tls-service-key: "%s"\ntls-service-pem: "%s"\n' % (folder / "key", folder / "pem")


def built_with(option):
    """Whether Unbound was configured with an option."""
    said = subprocess.run([unbound_program("unbound"), "-V"], capture_output=True, text=True).stdout
    return "--with-%s" % option in said and "--with-%s=no" % option not in said


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("require_tcp", [False, True])
def test_transport(reports, certificate, transport, require_tcp):
    server, command, name = TRANSPORTS[transport]
    program, *options = command.split()
    if transport == "https" and not built_with("libnghttp2"):
        missing("this Unbound is built without DNS over HTTPS (--with-libnghttp2)")
    if transport == "quic" and not built_with("libngtcp2"):
        missing("this Unbound is built without DNS over QUIC (--with-libngtcp2)")
    if shutil.which(program) is None:
        missing("no program %s" % program)
    port = free_port()
    if server:
        server = "interface: 127.0.0.1@@PORT@\n%s\n%s" % (server, certificate)
    resolver = reports.resolver(zones=[{"zone": "r.example.net", "format": "envelope", "require-tcp": require_tcp}],
                                server=server.replace("@PORT@", str(port)))
    qname, event_id = envelope()
    said = subprocess.run([program, "@127.0.0.1", "-p", str(port if server else resolver.port), *options,
                           "+ignore", "+retry=0", "+time=10", qname, "TXT"], capture_output=True, text=True, timeout=20)
    proven = name != "udp"
    assert ("ok %s" % event_id in said.stdout) == (proven or not require_tcp), said.stdout + said.stderr
    resolver.stop()
    lines = resolver.reports.reports()
    assert [line["event"]["id"] for line in lines] == ([event_id] if proven or not require_tcp else [])
    for line in lines:
        assert line["network"]["transport"] == name
        assert line["sitebound"]["verified"] == ("tcp" if proven else "none")
