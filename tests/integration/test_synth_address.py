# SPDX-License-Identifier: BSD-3-Clause
"""Address names: 10.1.2.3.ip.example.com and its forms, the reverse names, and what the cache must not do to them."""

import ipaddress
import itertools
import random
import socket
import struct

import pytest

import data
import tabletest
from data import expand
from harness import Pending, make_query
from upstream import Data, key

pytestmark = pytest.mark.needs("synth")

SETS = (("synth",), ("synth", "noaaaa"))
SYNTHESIZED, PROHIBITED = 29, 18

QTYPES = ["A", "NS", "CNAME", "SOA", "PTR", "HINFO", "MX", "TXT", "RP", "AFSDB", "SIG", "KEY", "AAAA",
          "LOC", "SRV", "NAPTR", "CERT", "DNAME", "DS", "SSHFP", "IPSECKEY", "RRSIG", "NSEC",
          "DNSKEY", "DHCID", "NSEC3", "NSEC3PARAM", "TLSA", "SMIMEA", "CDS", "CDNSKEY", "OPENPGPKEY",
          "CSYNC", "ZONEMD", "SVCB", "HTTPS", "SPF", "URI", "CAA", "TYPE999", "TYPE65280", "TYPE65534"]


def start(lab, changes=None, **options):
    options.setdefault("modules", ("synth",))
    options.setdefault("conf", data.conf(address=changes or {}))
    options.setdefault("upstream", lab.upstream(data.upstream_data()))
    return lab.resolver(**options)


@pytest.mark.parametrize("case", tabletest.cases(1, 50, *SETS))
def test_row(lab, case):
    tabletest.run_row(lab, *case)


def test_row_40_many_names(lab):
    """10 000 distinct names: nothing upstream, nothing cached, nothing evicted."""
    resolver = start(lab, server="msg-cache-size: 100k\nrrset-cache-size: 200k")
    lab.expect(resolver, "www.example.com A", "UP NOERROR")
    resolver.upstream.clear()
    addresses = [str(ipaddress.ip_address(0x0a010000 + i)) for i in range(10000)]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(10)
        sock.connect((resolver.address, resolver.port))
        for at in range(0, len(addresses), 50):
            part = addresses[at:at + 50]
            for ident, address in enumerate(part):
                sock.send(make_query(address + ".ip.example.com.", ident=ident))
            for _ in part:
                wire = sock.recv(4096)
                ident, flags, _, answers = struct.unpack("!4H", wire[:8])
                # NOERROR, one record, and its rdata at the end
                assert flags & 15 == 0 and answers == 1
                assert socket.inet_ntoa(wire[-4:]) == part[ident]
    assert resolver.upstream.count() == 0
    assert resolver.cached_messages("ip.example.com.") == []
    assert resolver.ask("www.example.com.").data("A") == ["192.0.2.80"]
    assert resolver.upstream.count() == 0, "the message cache was evicted"
    assert resolver.new_log() == ""


@pytest.mark.parametrize("qname, own, rdata", [
    ("10.1.2.3.Z", "A", "10.1.2.3"),
    ("10-1-2-3.Z", "A", "10.1.2.3"),
    ("0a010203.Z", "A", "10.1.2.3"),
    ("2001-db8--1.Z", "AAAA", "2001:db8::1"),
    ("20010db8000000000000000000000001.Z", "AAAA", "2001:db8::1"),
])
def test_every_type(lab, qname, own, rdata):
    """Its own type gets the address, ANY too, every other type ND; never a query upstream, in every way to ask."""
    resolver = start(lab)
    for qtype in QTYPES:
        expected = "%s %s @300" % (own, rdata) if qtype == own else "ND(Z)"
        for extra in ({}, {"do": True, "cd": True}):
            response = lab.expect(resolver, qname + " " + qtype, expected, expand, **extra)
            if qtype == own:
                assert response.flag("AA") and not response.flag("AD")
    lab.expect(resolver, qname + " ANY", "%s %s @300" % (own, rdata), expand)
    tabletest.settle(resolver, no_upstream=True)
    assert resolver.cached_messages(data.Z) == []


@pytest.mark.parametrize("qname, expected", [
    ("192.0.2.255.Z A", "A 192.0.2.255"),
    ("192.0.3.0.Z A", "NX(Z)"),
    ("9.255.255.255.Z A", "NX(Z)"),
    ("11.0.0.0.Z A", "NX(Z)"),
    ("255.255.255.255.Z A", "NX(Z)"),
    ("10.65.255.255.Z A", "A 10.65.255.255"),
    ("10.66.255.255.Z A", "NX(Z)"),
    ("10.67.0.0.Z A", "A 10.67.0.0"),
    ("10-66-0-1.Z A", "NX(Z)"),
    ("0a420001.Z A", "NX(Z)"),
    ("0A01020.Z A", "UP NXDOMAIN"),
    ("0A0102034.Z A", "UP NXDOMAIN"),
    ("0A01020g.Z A", "UP NXDOMAIN"),
    ("20010db800000000000000000000001.Z AAAA", "UP NXDOMAIN"),
    ("20010db80000000000000000000000011.Z AAAA", "UP NXDOMAIN"),
    ("20010DB80000000000000000000000FF.Z AAAA", "AAAA 2001:db8::ff"),
    ("2001-DB8--aBc.Z AAAA", "AAAA 2001:db8::abc"),
    ("2001-db8-0-0-0-0-0-1.Z AAAA", "AAAA 2001:db8::1"),
    ("2001-0db8-0000-0000-0000-0000-0000-0001.Z AAAA", "AAAA 2001:db8::1"),
    ("2001-db8-1-2-3-4-5-6.Z AAAA", "AAAA 2001:db8:1:2:3:4:5:6"),
    ("2001-db8-1-2-3-4-5.Z AAAA", "UP NXDOMAIN"),
    ("2001-db8--00001.Z AAAA", "UP NXDOMAIN"),
    ("2001-db8---1.Z AAAA", "UP NXDOMAIN"),
    ("-2001-db8--1.Z AAAA", "UP NXDOMAIN"),
    ("2001-db8--1-.Z AAAA", "UP NXDOMAIN"),
    ("2001-db8--g.Z AAAA", "UP NXDOMAIN"),
    ("2001-db9--1.Z AAAA", "NX(Z)"),
    ("2001-db7-ffff-ffff-ffff-ffff-ffff-ffff.Z AAAA", "NX(Z)"),
    ("2001-db8-ffff-ffff-ffff-ffff-ffff-ffff.Z AAAA",
     "AAAA 2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("aa--1.Z AAAA", "AAAA aa::1"),
    ("00aa--1.Z AAAA", "AAAA aa::1"),
    ("ab--1.Z AAAA", "NX(Z)"),
    ("fe80--1.Z AAAA", "NX(Z)"),
    ("ff02--1.Z AAAA", "NX(Z)"),
    ("10.1.2.3.4.Z A", "NX(Z)"),
    ("256.1.2.3.Z A", "UP NXDOMAIN"),
    ("10.1.2.1000.Z A", "UP NXDOMAIN"),
    ("10.1.2.-.Z A", "UP NXDOMAIN"),
    ("256-1-2-3.Z A", "UP NXDOMAIN"),
    ("10-1-2-256.Z A", "UP NXDOMAIN"),
    ("10-1-2.Z A", "UP NXDOMAIN"),
    ("10-1-2--3.Z A", "NX(Z)"),
    ("010-1-2-3.Z A", "UP NXDOMAIN"),
    ("10\\0461\\0462\\0463.Z A", "UP NXDOMAIN"),
    ("10.1.2.3\\000.Z A", "UP NXDOMAIN"),
    ("10.1.2.\\179.Z A", "UP NXDOMAIN"),
    ("256.Z A", "UP NXDOMAIN"),
    ("256.3.Z A", "UP NXDOMAIN"),
    ("1.256.Z A", "UP NXDOMAIN"),
    ("0.Z A", "ND(Z)"),
    ("255.255.255.Z TXT", "ND(Z)"),
    ("2.3.Z ANY", "ND(Z)"),
    ("x.y.10.1.2.3.Z A", "NX(Z)"),
    ("x.10-1-2-3.Z A", "NX(Z)"),
    ("x.0a010203.Z TXT", "NX(Z)"),
    ("x.2001-db8--1.Z AAAA", "NX(Z)"),
    ("8.8.8.8.Z TXT", "NX(Z)"),
    ("8.8.8.8.Z AAAA", "NX(Z)"),
    ("8-8-8-8.Z ANY", "NX(Z)"),
    ("LONG.Z A", "UP NXDOMAIN"),
    ("LONG.10.1.2.3.Z A", "NX(Z)"),
    ("LONG.2.3.Z A", "UP NXDOMAIN"),
])
def test_names(module_lab, qname, expected):
    resolver = shared(module_lab, "names")
    resolver.mark_log()
    module_lab.expect(resolver, qname, expected, expand)
    module_lab.expect(resolver, qname, expected, expand, do=True)
    assert resolver.new_log() == ""


SHARED = {}


def shared(lab, what, changes=None, **options):
    """One resolver for many questions that do not disturb each other."""
    if (id(lab), what) not in SHARED:
        SHARED[(id(lab), what)] = start(lab, changes, **options)
    return SHARED[(id(lab), what)]


# -- what may be configured ---------------------------------------------------------------------
def in_order(lab, resolver, *lines):
    """Questions in order, then all once more: the answers must be the same. Nothing may be logged."""
    for repeat in (False, True):
        for question, expected in lines:
            lab.expect(resolver, question, expected, expand, repeat=repeat)
    tabletest.settle(resolver)


@pytest.mark.parametrize("question, expected", [
    ("8.8.8.8.Z A", "A 8.8.8.8"),
    ("10.66.0.1.Z A", "NX(Z)"),
    ("0.0.0.0.Z A", "NX(Z)"),
    ("0.255.255.255.Z A", "NX(Z)"),
    ("1.0.0.0.Z A", "A 1.0.0.0"),
    ("126.255.255.255.Z A", "A 126.255.255.255"),
    ("127.0.0.0.Z A", "NX(Z)"),
    ("127.255.255.255.Z TXT", "NX(Z)"),
    ("128.0.0.0.Z A", "A 128.0.0.0"),
    ("169.253.255.255.Z A", "A 169.253.255.255"),
    ("169.254.0.0.Z A", "NX(Z)"),
    ("169.254.255.255.Z A", "NX(Z)"),
    ("169.255.0.0.Z A", "A 169.255.0.0"),
    ("223.255.255.255.Z A", "A 223.255.255.255"),
    ("224.0.0.0.Z A", "NX(Z)"),
    ("240.0.0.0.Z A", "NX(Z)"),
    ("255.255.255.255.Z A", "NX(Z)"),
    ("--.Z AAAA", "NX(Z)"),
    ("--1.Z AAAA", "NX(Z)"),
    ("fe80--1.Z AAAA", "NX(Z)"),
    ("febf-ffff--1.Z AAAA", "NX(Z)"),
    ("fe7f--1.Z AAAA", "AAAA fe7f::1"),
    ("fec0--1.Z AAAA", "NX(Z)"),
    ("feff--1.Z AAAA", "NX(Z)"),
    ("ff00--.Z AAAA", "NX(Z)"),
    ("ffff-ffff-ffff-ffff-ffff-ffff-ffff-ffff.Z AAAA", "NX(Z)"),
    ("--ffff-808-808.Z AAAA", "AAAA ::ffff:8.8.8.8"),
    ("--ffff-7f00-1.Z AAAA", "NX(Z)"),
    ("--ffff-a42-1.Z AAAA", "NX(Z)"),
    ("0-0-0-0-0-ffff-a9fe-a9fe.Z AAAA", "NX(Z)"),
    ("2002-808-808--.Z AAAA", "AAAA 2002:808:808::"),
    ("2002-7f00-1--1.Z AAAA", "NX(Z)"),
    ("2002-a42-1--1.Z AAAA", "NX(Z)"),
    ("64-ff9b--808-808.Z AAAA", "AAAA 64:ff9b::808:808"),
    ("64-ff9b--7f00-1.Z AAAA", "NX(Z)"),
    ("64-ff9b--a42-1.Z AAAA", "NX(Z)"),
    ("0064ff9b00000000000000007f000001.Z AAAA", "NX(Z)"),
])
def test_without_allow(module_lab, question, expected):
    """No allow list: everything but the deny list and the built-in one, also for addresses carried inside IPv6."""
    resolver = shared(module_lab, "no allow", {"allow": None, "reverse": None})
    resolver.mark_log()
    module_lab.expect(resolver, question, expected, expand)
    assert resolver.new_log() == ""
    if not expected.startswith("UP"):
        assert resolver.upstream.count() == 0


def test_allow_names_what_is_denied_by_default(lab):
    resolver = start(lab, {"allow": ["127.0.0.0/8", "fe80::/10"], "reverse": None})
    in_order(lab, resolver, ("127.0.0.1.Z A", "A 127.0.0.1"), ("fe80--1.Z AAAA", "AAAA fe80::1"),
             ("169.254.0.1.Z A", "NX(Z)"), ("ff02--1.Z AAAA", "NX(Z)"))


@pytest.mark.parametrize("forms, dotted, dashed, hexed", [
    (None, True, True, False),
    (["dotted"], True, False, False),
    (["dashed"], False, True, False),
    (["hex"], False, False, True),
])
def test_forms(lab, forms, dotted, dashed, hexed):
    resolver = start(lab, {"forms": forms, "reverse": None})
    for on, question, rdata in ((dotted, "10.1.2.3.Z A", "A 10.1.2.3"), (dashed, "10-1-2-3.Z A", "A 10.1.2.3"),
                                (dashed, "2001-db8--1.Z AAAA", "AAAA 2001:db8::1"),
                                (hexed, "0a010203.Z A", "A 10.1.2.3"),
                                (hexed, "20010db8000000000000000000000001.Z AAAA", "AAAA 2001:db8::1")):
        lab.expect(resolver, question, rdata + " @300" if on else "UP NXDOMAIN", expand)
        lab.expect(resolver, question, rdata + " @300" if on else "UP NXDOMAIN", expand)


def test_ttls(lab):
    resolver = start(lab, {"ttl": 5, "negative-ttl": 17})
    in_order(lab, resolver, ("10.1.2.3.Z A", "A 10.1.2.3 @5"), ("10.1.2.3.Z TXT", "ND(Z)@17"),
             ("8.8.8.8.Z A", "NX(Z)@17"), ("3.Z A", "ND(Z)@17"), ("Z A", "ND(Z)@17"),
             ("3.2.1.10.in-addr.arpa PTR", "PTR 10-1-2-3.Z @5"))


@pytest.mark.parametrize("forward", [False, True], ids=["stub", "forward"])
@pytest.mark.parametrize("ent", [False, True], ids=["upstream does not know the apex", "upstream knows it"])
@pytest.mark.parametrize("chain", ["dynlib validator iterator", "dynlib iterator"])
def test_other_names_are_cached(lab, chain, ent, forward):
    """Names that are no address: a repeat asks nothing upstream, though the question for the apex before them, which a
    minimised one is, stays out of the cache."""
    resolver = start(lab, upstream=lab.upstream(data.upstream_data(ent)), module_config=chain, forward=forward)
    lines = (("nosuch.Z A", "UP NXDOMAIN"), ("www.Z A", "UP NOERROR"), ("a.b.nosuch.Z TXT", "UP NXDOMAIN"),
             ("www.Z TXT", "UP NOERROR"))
    for question, expected in lines:
        lab.expect(resolver, question, expected, expand)
    apex = "UP NOERROR" if ent else "ND(Z)"
    lab.expect(resolver, "Z A", apex, expand)
    resolver.upstream.clear()
    for question, expected in lines[::-1]:
        lab.expect(resolver, question, expected, expand, repeat=True)
    assert resolver.upstream.count() == 0, dict(resolver.upstream.seen())
    lab.expect(resolver, "Z A", apex, expand, repeat=True)


def test_bogus_upstream(lab):
    """What upstream says of a name that it is asked for first may be bogus: then nothing is made of it."""
    anchor = data.upstream_data().sign("example.com.")
    resolver = start(lab, server='trust-anchor: "%s"' % anchor)
    for _ in range(2):
        for question in ("Z A", "Z TXT", "www.Z A"):
            lab.expect(resolver, question, "SERVFAIL", expand)
        lab.expect(resolver, "10.1.2.3.Z A", "A 10.1.2.3 @300", expand)


def test_otherwise_nxdomain(lab):
    """Names that are no address are NXDOMAIN without a question upstream; empty non-terminals and the apex are not."""
    resolver = start(lab, {"otherwise": "nxdomain"})
    in_order(lab, resolver, ("www.Z A", "NX(Z)"), ("10.1.2.256.Z A", "NX(Z)"), ("10.01.2.3.Z TXT", "NX(Z)"),
             ("256.Z A", "NX(Z)"), ("3.Z A", "ND(Z)"), ("1.2.3.Z AAAA", "ND(Z)"),
             ("10.1.2.3.Z A", "A 10.1.2.3 @300"), ("x.10.1.2.3.Z A", "NX(Z)"))
    assert resolver.upstream.count() == 0
    in_order(lab, resolver, ("Z A", "ND(Z)"), ("Z SOA", "SOA(Z)"), ("www.example.com A", "UP NOERROR"))


def test_longest_zone_wins(lab):
    conf = data.conf()
    conf["synth"]["address-names"].append({"zone": "in.ip.example.com", "ttl": 7, "allow": ["192.0.2.0/24"],
                                           "forms": ["dotted"]})
    resolver = start(lab, conf=conf)
    in_order(lab, resolver, ("192.0.2.1.in.Z A", "A 192.0.2.1 @7"), ("10.1.2.3.in.Z A", "NX(in.ip.example.com)"),
             ("192.0.2.1.Z A", "A 192.0.2.1 @300"), ("192-0-2-1.in.Z A", "UP NXDOMAIN"),
             ("2.1.in.Z A", "ND(in.ip.example.com)"), ("x.192.0.2.1.in.Z A", "NX(in.ip.example.com)"))


def test_apex_with_data(lab):
    """What upstream has at the apex is its answer; only NXDOMAIN there is not."""
    upstream_data = data.upstream_data()
    upstream_data.add("ip.example.com.", 600, "TXT", "upstream")
    resolver = start(lab, upstream=lab.upstream(upstream_data))
    in_order(lab, resolver, ("Z TXT", "UP NOERROR"), ("Z SOA", "SOA(Z)"))
    assert lab.expect(resolver, "Z A", "NODATA", expand, repeat=True).rcode == "NOERROR"


def test_apex_error_is_not_hidden(lab):
    upstream = lab.upstream(data.upstream_data())
    upstream.rule("servfail", "ip.example.com.")
    resolver = start(lab, upstream=upstream)
    lab.expect(resolver, "Z A", "SERVFAIL", expand)


def test_class_and_rd(lab):
    resolver = start(lab)
    for qtype in ("A", "TXT", "ANY"):
        response = resolver.ask("10.1.2.3.ip.example.com.", qtype, qclass="CH")
        assert response.answer == [], str(response)
    response = resolver.ask("10.1.2.3.ip.example.com.", "A", rd=False)
    assert response.rcode in ("NOERROR", "REFUSED")
    tabletest.settle(resolver, no_upstream=True)


# -- Extended DNS Errors ------------------------------------------------------------------------
@pytest.mark.parametrize("question, code", [
    ("10.1.2.3.Z A", SYNTHESIZED),
    ("2001-db8--1.Z AAAA", SYNTHESIZED),
    ("10.66.0.1.Z A", PROHIBITED),
    ("8.8.8.8.Z A", PROHIBITED),
    ("8.8.8.8.Z TXT", PROHIBITED),
])
def test_ede(module_lab, question, code):
    resolver = shared(module_lab, "ede", ede=True)
    qname, qtype = expand(question.split()[0]), question.split()[1]
    for tcp in (False, True):
        assert resolver.ask(qname, qtype, edns=0, tcp=tcp).ede() == [code]
        without = resolver.ask(qname, qtype, tcp=tcp)
        assert without.message.edns == -1 and without.ede() == []
    resolver = shared(module_lab, "no ede")
    assert resolver.ask(qname, qtype, edns=0).ede() == []


def test_ede_not_on_others(module_lab):
    resolver = shared(module_lab, "ede", ede=True)
    assert resolver.ask("www.ip.example.com.", "A", edns=0).ede() == []
    assert resolver.ask("www.ip.example.com.", "A", edns=0).ede() == []


# -- reverse ------------------------------------------------------------------------------------
def test_round_trip(lab):
    """PTR, then the name it gives: the same address again."""
    resolver = start(lab)
    chance = random.Random(4)
    addresses = [ipaddress.ip_address(a) for a in (
        "10.0.0.0", "10.255.255.255", "192.0.2.0", "192.0.2.255", "10.65.255.255", "10.67.0.0",
        "2001:db8::", "2001:db8::1", "2001:db8:0:0:1::", "2001:db8:1:2:3:4:5:6", "2001:db8:0:1:0:1:0:1",
        "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "aa::1", "aa::", "aa:0:0:1::", "aa:1:2:3:4:5:6:7")]
    for _ in range(100):
        addresses.append(ipaddress.ip_address(0x0a000000 + chance.getrandbits(16)))
        addresses.append(ipaddress.ip_address((0x20010db8 << 96) + chance.getrandbits(96)
                                              & ~(0xffff << (16 * chance.randrange(6)))))
    for address in addresses:
        qname = address.reverse_pointer + "."
        for _ in range(2):
            response = resolver.ask(qname, "PTR")
            assert response.rcode == "NOERROR" and response.types() == ["PTR"], "%s\n%s" % (address, response)
            assert response.answer[0][1] == 300
        target = response.data("PTR")[0]
        assert target.endswith("." + data.Z) and target.count(".") == 4, target
        assert target.split(".")[0].strip("-") == target.split(".")[0] or address.version == 6
        forward = resolver.ask(target, "A" if address.version == 4 else "AAAA")
        assert [ipaddress.ip_address(r[3]) for r in forward.answer] == [address], str(forward)
    tabletest.settle(resolver)


V6 = "8.b.d.0.1.0.0.2.ip6.arpa"


@pytest.mark.parametrize("question, expected", [
    ("2.1.10.in-addr.arpa PTR", "ND(10.in-addr.arpa)"),
    ("1.10.in-addr.arpa PTR", "ND(10.in-addr.arpa)"),
    ("2.1.10.in-addr.arpa A", "ND(10.in-addr.arpa)"),
    ("0.0.%s PTR" % V6, "ND(%s)" % V6),
    ("1.%s PTR" % V6, "ND(%s)" % V6),
    ("5.1.1.10.in-addr.arpa PTR", "UP NOERROR"),
    ("1.2.0.192.in-addr.arpa PTR", "PTR 192-0-2-1.Z @300"),
    ("1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.%s PTR" % V6, "PTR 2001-db8--1.Z @300"),
    ("F.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.B.D.0.1.0.0.2.IP6.ARPA PTR", "PTR 2001-db8--f.Z @300"),
    ("1.3.0.192.in-addr.arpa PTR", "UP NXDOMAIN"),
    ("1.1.1.11.in-addr.arpa PTR", "UP NXDOMAIN"),
    ("1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.9.b.d.0.1.0.0.2.ip6.arpa PTR", "UP NXDOMAIN"),
    ("1.0.66.10.in-addr.arpa TXT", "NX(10.in-addr.arpa)"),
])
def test_reverse_names(lab, question, expected):
    resolver = start(lab)
    in_order(lab, resolver, (question, expected))
    lab.expect(resolver, question, expected, expand, repeat=True, do=True, cd=True, tcp=True)


def test_reverse_real_data_comes_and_goes(lab):
    """Upstream is asked first: a PTR that appears there is the answer once the caches are empty."""
    resolver = start(lab)
    ptr = "3.2.1.10.in-addr.arpa"
    in_order(lab, resolver, (ptr + " PTR", "PTR 10-1-2-3.Z @300"))
    assert resolver.upstream.count(ptr + ".", "PTR") >= 1
    resolver.upstream.data.add(ptr + ".", 600, "PTR", "real.example.com.")
    resolver.flush()
    in_order(lab, resolver, (ptr + " PTR", "UP NOERROR"))


@pytest.mark.parametrize("allow, inside, above", [
    ("192.0.2.0/25", {"192.0.2.0": "192-0-2-0", "192.0.2.127": "192-0-2-127"}, ["2.0.192.in-addr.arpa"]),
    ("10.128.0.0/9", {"10.128.0.0": "10-128-0-0", "10.255.255.255": "10-255-255-255"},
     ["10.in-addr.arpa", "128.10.in-addr.arpa", "1.200.10.in-addr.arpa"]),
    ("2001:db8::/33", {"2001:db8:7fff::1": "2001-db8-7fff--1"},
     ["8.b.d.0.1.0.0.2.ip6.arpa", "7.8.b.d.0.1.0.0.2.ip6.arpa"]),
    ("192.0.2.7/32", {"192.0.2.7": "192-0-2-7"}, []),
])
def test_reverse_of_ranges_between_labels(lab, allow, inside, above):
    """A range that ends between two labels of its reverse names: PTR inside, and what is above exists."""
    resolver = start(lab, {"allow": [allow]})
    lines = [(name + " PTR", "NODATA") for name in above]
    for address, label in inside.items():
        lines.append((ipaddress.ip_address(address).reverse_pointer + " PTR", "PTR %s.Z @300" % label))
    in_order(lab, resolver, *lines)
    in_order(lab, resolver, *lines[::-1])


def test_reverse_off_by_default(lab):
    resolver = start(lab, {"reverse": None})
    in_order(lab, resolver, ("3.2.1.10.in-addr.arpa PTR", "UP NXDOMAIN"), ("1.0.66.10.in-addr.arpa PTR", "UP NXDOMAIN"))


# -- the message cache must not speak for these names -------------------------------------------
CHAINS = {"validator": "dynlib validator iterator", "iterator": "dynlib iterator"}


@pytest.fixture(params=list(itertools.product(CHAINS, ("stub", "forward"))), ids="-".join)
def poisoned(request, lab):
    """A maker of resolvers over upstream data that holds wrong or no data for address names."""
    chain, kind = request.param

    def make(more="", **options):
        upstream_data = data.upstream_data()
        upstream_data.records.update(Data(more).records)
        return start(lab, upstream=lab.upstream(upstream_data), module_config=CHAINS[chain],
                     forward=kind == "forward", **options)
    return make


ADDRESS_LINES = (("10.1.2.3.Z A", "A 10.1.2.3 @300"), ("10.1.2.3.Z AAAA", "ND(Z)"), ("10.1.2.3.Z TXT", "ND(Z)"),
                 ("10.1.2.3.Z CNAME", "ND(Z)"), ("2001-db8--1.Z AAAA", "AAAA 2001:db8::1 @300"),
                 ("2001-db8--1.Z A", "ND(Z)"), ("x.10.1.2.3.Z A", "NX(Z)"), ("1.2.3.Z A", "ND(Z)"),
                 ("2.3.Z A", "ND(Z)"), ("3.Z A", "ND(Z)"), ("Z A", "ND(Z)"), ("www.Z A", "UP NOERROR"))


def test_cname_from_elsewhere(lab, poisoned):
    resolver = poisoned("""
        alias.test. 600 CNAME 10.1.2.3.ip.example.com.
        alias2.test. 600 CNAME x.10.1.2.3.ip.example.com.
        alias6.test. 600 CNAME 2001-db8--1.ip.example.com.
        """)
    first = {}
    for repeat in range(3):
        for qname in ("alias.test.", "alias2.test.", "alias6.test."):
            for qtype in ("A", "AAAA", "TXT"):
                response = resolver.ask(qname, qtype)
                assert first.setdefault((qname, qtype), response.brief()) == response.brief(), str(response)
        in_order(lab, resolver, *ADDRESS_LINES)


def test_cname_to_upstream_data(lab, poisoned):
    """Upstream has its own idea of the address; it comes in by a CNAME and by an additional section."""
    resolver = poisoned("""
        alias.test. 600 CNAME 10.1.2.3.ip.example.com.
        10.1.2.3.ip.example.com. 600 A 192.0.2.66
        2001-db8--1.ip.example.com. 600 AAAA 2001:db8::bad
        3.ip.example.com. 600 A 192.0.2.66
        mx.test. 600 MX 10 10.1.2.3.ip.example.com.
        """)
    upstream_data = resolver.upstream.data
    node = upstream_data.records[key("10.1.2.3.ip.example.com.")]
    upstream_data.additional[(key("mx.test."), 15)] = list(node.values())
    for qname, qtype in (("alias.test.", "A"), ("alias.test.", "AAAA"), ("mx.test.", "MX")):
        resolver.ask(qname, qtype)
        resolver.ask(qname, qtype, cd=True)
    in_order(lab, resolver, *ADDRESS_LINES)


def test_qname_minimised_parents(lab, poisoned):
    """Look-ups of other names leave answers for their parents in the message cache."""
    resolver = poisoned(server="qname-minimisation: yes")
    for qname in ("foo.bar.2.3.Z", "10.1.2.256.Z", "256.1.2.3.Z", "a.b.c.d.e.Z", "foo.bar.1.2.3.Z"):
        for qtype in ("A", "AAAA", "TXT"):
            lab.expect(resolver, qname + " " + qtype, "UP NXDOMAIN", expand)
    in_order(lab, resolver, *ADDRESS_LINES)


def test_qname_minimised_reverse_parents(lab, poisoned):
    resolver = poisoned(server="qname-minimisation: yes")
    lab.expect(resolver, "5.1.1.10.in-addr.arpa PTR", "UP NOERROR")
    lab.expect(resolver, "256.2.1.10.in-addr.arpa PTR", "UP NXDOMAIN")
    in_order(lab, resolver, ("2.1.10.in-addr.arpa A", "ND(10.in-addr.arpa)"),
             ("1.1.10.in-addr.arpa PTR", "ND(10.in-addr.arpa)"), ("1.10.in-addr.arpa A", "ND(10.in-addr.arpa)"),
             ("3.2.1.10.in-addr.arpa PTR", "PTR 10-1-2-3.Z @300"))


def test_name_server_names(lab, poisoned):
    """The resolver's own address look-ups of name servers that carry such names."""
    resolver = poisoned(extra="""
stub-zone:
  name: "served.test."
  stub-host: 10.1.2.3.ip.example.com
  stub-host: 2001-db8--1.ip.example.com
""")
    for cd in (False, True):
        resolver.ask("www.served.test.", "A", cd=cd)
    assert resolver.upstream.count("10.1.2.3.ip.example.com.") + \
        resolver.upstream.count("2001-db8--1.ip.example.com.") > 0, "the resolver did not look the names up"
    in_order(lab, resolver, *ADDRESS_LINES)


@pytest.mark.parametrize("under_way", ["10.1.2.256.Z", "foo.bar.2.3.Z", "foo.bar.1.2.3.Z", "alias3.test."])
def test_while_another_is_resolved(lab, poisoned, under_way):
    """The resolver is in the middle of another name, and has asked for its parents; the answers are the same as ever."""
    resolver = poisoned("""
        alias3.test. 600 CNAME foo.bar.1.2.3.ip.example.com.
        """, threads=2)
    held = {"alias3.test.": "foo.bar.1.2.3.Z"}.get(under_way, under_way)
    forward = resolver.forward and under_way.startswith("alias")
    resolver.upstream.rule("hold", under_way if forward else expand(held))
    for qtype in ("A",) if forward else ("A", "AAAA"):
        pending = Pending((resolver.address, resolver.port), expand(under_way), qtype)
        resolver.upstream.wait_for(under_way if forward else expand(held), qtype)
        for _ in range(2):
            for question, expected in ADDRESS_LINES:
                if "www" not in question:
                    lab.expect(resolver, question, expected, expand)
        resolver.upstream.answer_held()
        assert pending.result().rcode == "NXDOMAIN"
    resolver.upstream.release()
    in_order(lab, resolver, *ADDRESS_LINES)


def test_reverse_while_another_is_resolved(lab, poisoned):
    resolver = poisoned()
    resolver.upstream.rule("hold", "256.2.1.10.in-addr.arpa.")
    pending = Pending((resolver.address, resolver.port), "256.2.1.10.in-addr.arpa.", "PTR")
    resolver.upstream.wait_for("256.2.1.10.in-addr.arpa.", "PTR")
    lines = (("2.1.10.in-addr.arpa A", "ND(10.in-addr.arpa)"), ("1.10.in-addr.arpa A", "ND(10.in-addr.arpa)"),
             ("2.1.10.in-addr.arpa PTR", "ND(10.in-addr.arpa)"), ("3.2.1.10.in-addr.arpa PTR", "PTR 10-1-2-3.Z @300"))
    for question, expected in lines * 2:
        lab.expect(resolver, question, expected, expand)
    resolver.upstream.release()
    assert pending.result().rcode == "NXDOMAIN"
    in_order(lab, resolver, *lines)


@pytest.mark.parametrize("server", ["prefetch: yes", "serve-expired: yes", "cache-min-ttl: 3600",
                                    "harden-below-nxdomain: yes\naggressive-nsec: yes", "minimal-responses: no"],
                         ids=lambda s: s.split(":")[0])
def test_cache_options(lab, server):
    resolver = start(lab, server=server)
    lab.expect(resolver, "10.1.2.256.Z A", "UP NXDOMAIN", expand)
    in_order(lab, resolver, *ADDRESS_LINES)


def test_two_threads_at_once(lab):
    """Many clients on two threads ask for names of all kinds at once; every answer is the right one."""
    resolver = start(lab, threads=2)
    kinds = [("10.1.2.3.Z", "A", ["10.1.2.3"]), ("10.1.2.3.Z", "AAAA", []), ("10.1.2.256.Z", "A", []),
             ("2.3.Z", "A", []), ("Z", "A", []), ("10-1-2-4.Z", "A", ["10.1.2.4"]), ("www.Z", "A", ["192.0.2.90"])]
    server = (resolver.address, resolver.port)
    for _ in range(10):
        waiting = [(kind, Pending(server, expand(kind[0]), kind[1])) for kind in kinds * 4]
        for (qname, qtype, rdata), pending in waiting:
            response = pending.result()
            assert response.data(qtype) == rdata, str(response)
            assert response.rcode == ("NXDOMAIN" if "256" in qname else "NOERROR"), str(response)
    tabletest.settle(resolver)
