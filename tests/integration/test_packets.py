# SPDX-License-Identifier: BSD-3-Clause
"""Whatever a client sends: no log line at verbosity 1, no crash, and the right answers afterwards."""

import random
import socket
import struct

import pytest

import data
import harness
import tabletest
from data import expand
from harness import make_query, missing

LABELS = [b"10", b"1", b"2", b"3", b"256", b"01", b"ip", b"dc", b"dc1", b"prd", b"stg", b"www", b"svc", b"example", b"com", b"EXAMPLE",
          b"10-1-2-3", b"0a010203", b"2001-db8--1", b"--1", b"-", b"", b"\0", b"\xff" * 63, b"x" * 63, b"*", b"_", b"a.b", b"in-addr",
          b"ip6", b"arpa", b"66", b"\xc0\x0c", b"e1abcdef", b"_er"]
ZONES = [b"\x02ip\x07example\x03com\0", b"\x02dc\x03prd\x07example\x03com\0", b"\x07example\x03com\0", b"\0",
         b"\x0210\x07in-addr\x04arpa\0", b"\x018\x01b\x01d\x010\x011\x010\x010\x012\x03ip6\x04arpa\0"]
TYPES = [1, 2, 5, 6, 12, 15, 16, 28, 33, 43, 46, 48, 64, 65, 250, 251, 252, 253, 255, 0, 41, 65280, 65535]


def random_packet(chance):
    """Mostly a query for a name near the configured zones, sometimes bent."""
    qname = b""
    for _ in range(chance.randrange(0, 8)):
        label = chance.choice(LABELS)
        if label:
            qname += bytes([len(label)]) + label
    qname += chance.choice(ZONES)
    flags = 0x0100
    if chance.random() < 0.3:
        flags = chance.getrandbits(16) & 0x7fff
    counts = [1, 0, 0, 0]
    if chance.random() < 0.1:
        counts = [chance.randrange(3) for _ in range(4)]
    body = qname + struct.pack("!HH", chance.choice(TYPES), chance.choice((1, 1, 1, 1, 1, 3, 4, 254, 255, 0)))
    if chance.random() < 0.4:
        options = bytes(chance.getrandbits(8) for _ in range(chance.choice((0, 0, 4, 12))))
        body += b"\0" + struct.pack("!HHIH", 41, chance.choice((0, 512, 1232, 65535)),
                                    chance.choice((0, 0x8000, 0x00010000, 0xffffffff)), len(options)) + options
        counts[3] = max(1, counts[3])
    packet = struct.pack("!6H", chance.getrandbits(16), flags, *counts) + body
    if chance.random() < 0.1:
        at = chance.randrange(len(packet))
        packet = packet[:at] + bytes([chance.getrandbits(8)]) + packet[at + 1:]
    if chance.random() < 0.05:
        packet = packet[:chance.randrange(len(packet))]
    return packet


@pytest.mark.parametrize("seed", range(3))
def test_random_packets(lab, seed):
    modules = [m for m in ("report", "synth", "noaaaa") if harness.module_path(m)]
    if not modules:
        missing("no module is in SITEBOUND_MODULES")
    resolver = lab.resolver(data=data.upstream_data(), modules=modules, conf=data.conf(), threads=2, server="ede: yes",
                            extra='forward-zone:\n  name: "."\n  forward-addr: 127.0.0.1@@UPSTREAM@')
    chance = random.Random(seed)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect((resolver.address, resolver.port))
        sock.settimeout(10)
        for number in range(4000):
            try:
                sock.send(random_packet(chance))
            except ConnectionRefusedError:
                break
            if number % 50 == 49:
                # an answer to this one says that the others are read
                sock.send(make_query("10.1.2.3.ip.example.com.", ident=7))
                while sock.recv(65535)[:2] != b"\0\7":
                    pass
    for _ in range(200):
        packet = random_packet(chance)
        with socket.create_connection((resolver.address, resolver.port), timeout=10) as sock:
            sock.sendall(struct.pack("!H", len(packet)) + packet)
    if harness.version(resolver.program) == "1.18.0" and "recvmsg failed: Bad file descriptor" in resolver.log():
        pytest.skip("Unbound 1.18.0 reads again from a socket that it has closed for another question's sake")
    tabletest.settle(resolver)
    if "synth" in modules:
        lab.expect(resolver, "10.1.2.3.Z A", "A 10.1.2.3 @300", expand)
        lab.expect(resolver, "Z A", "ND(Z)", expand)
        lab.expect(resolver, "svc.dc.P A", "CNAME svc.dc1.P @30 + A 10.1.1.5", expand, repeat=True)
        lab.expect(resolver, "only2.dc.P A", "CNAME only2.dc2.P @30 + A 10.2.1.6", expand, repeat=True)
    if "noaaaa" in modules:
        lab.expect(resolver, "www.example.com AAAA", "ND(example.com)", expand)
        lab.expect(resolver, "www.example.com A", "UP NOERROR", expand)
    tabletest.settle(resolver)
