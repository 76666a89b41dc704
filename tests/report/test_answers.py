# SPDX-License-Identifier: BSD-3-Clause
"""What is answered inside a report zone: acknowledgements, the apex, and never a negative rcode."""

import random

import dns.message
import dns.opcode
import dns.rcode
import dns.tsig
import pytest

from harness import Expect, exchange, make_query
from reports import KEY, ZONE, envelope, local_zone

pytestmark = pytest.mark.needs("report")
SERVER = "ns1." + ZONE
GOOD, GOOD_ID = envelope(nonce=0x0a1b2c3d)
ACK = 'TXT "ok %s" @60' % GOOD_ID
ND = "ND(%s)" % ZONE
NS = "NS ns1.example.net. @60 + NS %s. @60 + NS ns2.%s. @60" % (SERVER, ZONE)

# id, question, options, expected
ROWS = [
    ("txt", GOOD + " TXT", {}, ACK),
    ("a", GOOD + " A", {}, "A 198.51.100.53 @60"),
    ("aaaa", GOOD + " AAAA", {}, ND),
    ("upper case", GOOD.upper() + " TXT", {}, ACK),
    ("no recursion desired", GOOD + " TXT", {"rd": False}, ACK),
    ("checking disabled", GOOD + " TXT", {"cd": True}, ACK),
    ("dnssec", GOOD + " TXT", {"do": True}, ACK),
    ("tcp", GOOD + " TXT", {"tcp": True}, ACK),
    ("mx", GOOD + " MX", {}, ND),
    ("any", GOOD + " ANY", {}, ND),
    ("ns", GOOD + " NS", {}, ND),
    ("ds", GOOD + " DS", {}, ND),
    ("unknown type", GOOD + " TYPE65280", {}, ND),
    ("part of a name", "zz.%s A" % ZONE, {}, ND),
    ("part of a name, ns", "zz.%s NS" % ZONE, {}, ND),
    ("malformed", "e1.%s TXT" % ZONE, {}, ND),
    ("noise", "www.%s A" % ZONE, {}, ND),
    ("wildcard", "*.%s TXT" % ZONE, {}, ND),
    ("underscore", "_dmarc.%s TXT" % ZONE, {}, ND),
    ("apex soa", "%s SOA" % ZONE, {}, "SOA(%s)" % ZONE),
    ("apex soa, rd=0", "%s SOA" % ZONE, {"rd": False}, "SOA(%s)" % ZONE),
    ("apex ns", "%s NS" % ZONE, {}, NS),
    ("apex ns, rd=0", "%s NS" % ZONE, {"rd": False}, NS),
    ("apex a", "%s A" % ZONE, {}, ND),
    ("apex txt", "%s TXT" % ZONE, {}, ND),
    ("apex ds", "%s DS" % ZONE, {}, ND),
    ("apex dnskey", "%s DNSKEY" % ZONE, {}, ND),
    ("name server a", SERVER + " A", {}, "A 192.0.2.53 @60 + A 192.0.2.54 @60"),
    ("name server a, rd=0", SERVER.upper() + " A", {"rd": False}, "A 192.0.2.53 @60 + A 192.0.2.54 @60"),
    ("name server aaaa", SERVER + " AAAA", {}, "AAAA 2001:db8::53 @60"),
    ("name server txt", SERVER + " TXT", {}, ND),
    ("name server ns", SERVER + " NS", {}, ND),
    ("name server with one family, aaaa", "ns2.%s AAAA" % ZONE, {}, ND),
    ("below a name server", "www.%s A" % SERVER, {}, ND),
]


@pytest.fixture(scope="module", params=["module", "local zone"])
def resolver(request, module_lab, tmp_path_factory):
    """Answers from the module and those in the place of a local zone are the same."""
    from reports import Reports
    reports = Reports(module_lab, tmp_path_factory.mktemp("answers"))
    return reports.resolver(
        zones=[{"zone": ZONE, "format": "envelope", "ack-a": "198.51.100.53",
                "rname": "hostmaster.example.net",
                "nameservers": ["ns1.example.net",
                                {"name": SERVER,
                                 "addresses": ["192.0.2.53", "2001:db8::53", "192.0.2.54"]},
                                {"name": "ns2." + ZONE, "addresses": ["192.0.2.55"]}]}],
        server=local_zone(ZONE) if request.param == "local zone" else "")


@pytest.mark.parametrize("question,options,expected",
                         [pytest.param(*r[1:], id=r[0]) for r in ROWS])
def test_answer(request, resolver, question, options, expected):
    qname, qtype = question.split()
    if "local zone-apex ds" in request.node.name:
        # the parent's, to Unbound; which is nobody's here
        assert resolver.ask(qname, qtype).rcode == "REFUSED"
        return
    qtype = int(qtype[4:]) if qtype.startswith("TYPE") else qtype
    for _ in range(2):
        response = resolver.ask(qname, qtype, **options)
        assert Expect(expected).check(response) is None, (expected, str(response))
        assert response.flag("AA") and not response.flag("AD") and not response.flag("TC")
        assert response.question_unchanged()
    assert resolver.cached_messages(ZONE) == []


def test_ns_brings_the_addresses_of_servers_inside(resolver):
    response = resolver.ask(ZONE, "NS")
    assert sorted(r[1:] for r in response.additional if r[2] != "OPT") == [
        (60, "A", "192.0.2.53"), (60, "A", "192.0.2.54"), (60, "A", "192.0.2.55"),
        (60, "AAAA", "2001:db8::53")]
    assert resolver.ask(ZONE, "SOA").additional == []
    assert resolver.cached_messages(ZONE) == []


def test_rname(resolver):
    for qtype, section in (("SOA", "answer"), ("TXT", "authority")):
        soa = resolver.ask(ZONE, qtype).data("SOA", section)[0].split()
        assert soa[:2] == ["ns1.example.net.", "hostmaster.example.net."]


def test_a_name_server_is_no_report(reports):
    """Its questions are neither counted nor logged, also where a pattern takes anything."""
    resolver = reports.resolver(zones=[{
        "zone": ZONE, "format": "pattern", "pattern": "(?<code>[a-z0-9]+)",
        "fields": {"code": "error.code"}, "tests": ["ns1"],
        "nameservers": [{"name": SERVER, "addresses": ["192.0.2.53"]}]}])
    assert Expect("A 192.0.2.53 @60").check(resolver.ask(SERVER)) is None
    assert Expect(ND).check(resolver.ask(SERVER, "TXT")) is None
    resolver.stop()
    assert resolver.reports.reports() == []
    assert resolver.reports.stats()["accepted"] == resolver.reports.stats()["partial"] == 0


def test_other_classes_are_answered_without_data(resolver):
    for qclass in ("CH", "HS"):
        response = resolver.ask(GOOD, "TXT", qclass=qclass)
        assert not response.message.answer
        assert response.rcode != "SERVFAIL"


def before_the_module():
    """What Unbound answers before it asks a module or a local zone; report(8) names it: id, query, rcode."""
    for qtype in ("AXFR", "IXFR"):
        yield qtype.lower(), dns.message.make_query(ZONE, qtype), "REFUSED"
    notify = dns.message.make_query(ZONE, "SOA")
    notify.set_opcode(dns.opcode.NOTIFY)
    yield "notify", notify, "REFUSED"
    update = dns.message.make_query(ZONE, "SOA")
    update.set_opcode(dns.opcode.UPDATE)
    yield "update", update, "NOTIMP"
    signed = dns.message.make_query(GOOD, "TXT")
    signed.use_tsig(dns.tsig.Key("key", bytes(16), "hmac-sha256."))
    yield "tsig", signed, "FORMERR"


@pytest.mark.parametrize("query,rcode", [pytest.param(query, rcode, id=ident) for ident, query, rcode in before_the_module()])
def test_before_the_module(resolver, query, rcode):
    wire = query.to_wire()
    answer = exchange((resolver.address, resolver.port), wire)
    assert dns.rcode.to_text(answer[3] & 15) == rcode
    assert answer[6:8] == b"\0\0"


def test_names_outside_go_upstream(lab, reports):
    """notr.example.net and r.example.net.evil.net are nobody's report zone."""
    from data import Data
    data = Data()
    upstream = lab.upstream(data)
    resolver = lab.resolver(upstream=upstream, modules=["report"], conf=reports.conf())
    for qname in ("not" + GOOD.split(".", 1)[1], GOOD + ".evil.net", "example.net", "net"):
        lab.expect(resolver, qname + " TXT", "UP")


def test_hostile_names_never_get_a_negative_rcode(resolver):
    rng = random.Random(5)
    zone = b"\x01r\x07example\x03net\x00"
    for _ in range(400):
        labels, left = b"", 254 - len(zone)
        for _ in range(rng.randrange(1, 6)):
            size = min(rng.choice((1, 2, 3, 20, 63, rng.randrange(1, 64))), left - 1)
            if size < 1:
                break
            octets = bytearray(rng.randrange(256) for _ in range(size))
            if rng.random() < 0.5:
                octets[:2] = rng.choice((b"e1", b"e2", b"E1", b"e9"))[:size]
            if rng.random() < 0.5:
                octets = bytearray(rng.choice(b"abcdefghijklmnopqrstuvwxyz234567") for _ in octets)
                octets[:2] = b"e1"[:size]
            labels += bytes([len(octets)]) + bytes(octets)
            left -= len(octets) + 1
        qtype = rng.choice(("A", "TXT", "AAAA", "NS", "ANY"))
        wire = make_query(ZONE, qtype)
        wire = wire[:12] + labels + zone + wire[12 + len(zone):]
        answer = exchange((resolver.address, resolver.port), wire)
        assert answer[12:12 + len(labels)] == labels, "case or octets of the question changed"
        message = dns.message.from_wire(answer)
        assert message.rcode() == 0 and message.answer == [], (wire, message)
        assert len(message.authority) == 1, (wire, message)
    log = resolver.new_log()
    assert log == "", "clients made Unbound log:\n" + log


def test_without_the_optional_keys(reports):
    resolver = reports.resolver(zones=[{"zone": ZONE, "format": "envelope"}])
    for question, expected in ((GOOD + " A", ND), (GOOD + " TXT", ACK), (ZONE + " NS", ND),
                               (ZONE + " SOA", "SOA(%s)" % ZONE)):
        qname, qtype = question.split()
        assert Expect(expected).check(resolver.ask(qname, qtype)) is None, question


@pytest.mark.parametrize("where", ["module", "local zone"])
def test_require_tcp(reports, where):
    """TC=1 and nothing else over UDP; counted once, when it comes over TCP."""
    resolver = reports.resolver(zones=[{"zone": ZONE, "format": "envelope", "require-tcp": True,
                                        "keys": {1: KEY}}],
                                server=local_zone(ZONE) if where == "local zone" else "")
    for options in ({}, {"edns": 0}, {"do": True}, {"rd": False}):
        for qtype in ("TXT", "A"):
            response = resolver.ask(GOOD, qtype, **options)
            assert response.flag("TC") and response.rcode == "NOERROR"
            assert response.answer == [] and response.authority == []
            assert response.question_unchanged()
    # what is no report needs no proof of the address
    assert Expect(ND).check(resolver.ask("zz." + ZONE)) is None
    assert Expect("SOA(%s)" % ZONE).check(resolver.ask(ZONE, "SOA")) is None
    assert resolver.reports.lines() == []
    for _ in range(2):
        assert Expect(ACK).check(resolver.ask(GOOD, "TXT", tcp=True)) is None
    resolver.stop()
    lines = resolver.reports.reports()
    assert [l["event"]["id"] for l in lines] == [GOOD_ID]
    assert lines[0]["sitebound"]["verified"] == "tcp"
    assert lines[0]["network"]["transport"] == "tcp"
    stats = resolver.reports.stats()
    assert (stats["accepted"], stats["duplicate"], stats["lines"]) == (1, 1, 1)


def test_recursion_desired_is_needed_without_allow_setrd(lab, reports):
    """Unbound itself refuses RD=0 under `access-control: allow`; the man page says so."""
    resolver = lab.resolver(modules=["report"], conf=reports.conf())
    assert resolver.ask(GOOD, "TXT", rd=False).rcode == "REFUSED"
    assert Expect(ACK).check(resolver.ask(GOOD, "TXT")) is None


@pytest.mark.parametrize("where", ["module", "local zone"])
@pytest.mark.parametrize("how,ip,port", [("full", "127.0.7.9", True), ("prefix", "127.0.7.0", False),
                                         ("none", None, False)])
def test_client_address(reports, how, ip, port, where):
    resolver = reports.resolver(client_address=how, server=local_zone(ZONE) if where == "local zone" else "")
    resolver.ask(GOOD, "TXT", source="127.0.7.9")
    resolver.stop()
    client = resolver.reports.reports()[0].get("client", {})
    assert client.get("ip") == ip
    assert ("port" in client) == port
