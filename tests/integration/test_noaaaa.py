# SPDX-License-Identifier: BSD-3-Clause
"""AAAA suppression: by name, by owner behind CNAMEs, in ANY, in the additional section and in HTTPS hints."""

import itertools
import struct

import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import pytest

import data
import tabletest
from data import expand
from harness import Pending, Response, ask, exchange, make_query, missing
from upstream import Data, key, name

pytestmark = pytest.mark.needs("noaaaa")

SETS = (("noaaaa",), ("synth", "noaaaa"))
APEXES = data.APEXES + ("test.",)
FILTERED = 17
ME, OTHER = "127.0.0.2", "127.0.0.3"

MORE = """
alias2.test. 600 CNAME alias.org.
alias6.test. 600 CNAME v6only.example.com.
out.test. 600 CNAME free.test.
free.test. 600 AAAA 2001:db8::f
free.test. 600 A 192.0.2.15
free.test. 600 HTTPS 1 . alpn="h2" ipv6hint="2001:db8::f"
inner.example.com. 600 CNAME www.example.com.
leave.example.com. 600 CNAME free.test.
mx.test. 600 MX 10 www.example.com.
mx.test. 600 MX 20 free.test.
mx.notexample.com. 600 MX 10 www.example.com.
mx.notexample.com. 600 MX 20 x.notexample.com.
www.example.com. 600 MX 10 www.example.com.
hidden.test. 600 CNAME h3.example.com.
both.example.com. 600 AAAA 2001:db8::77
both.example.com. 600 AAAA 2001:db8::78
both.example.com. 600 A 192.0.2.77
both.example.com. 600 TXT both
child.www.example.com. 600 A 192.0.2.81
child.www.example.com. 600 MX 10 www.example.com.
txt.example.com. 600 TXT only
h3.example.com. 600 A 192.0.2.80
"""


def upstream_data(records=""):
    out = data.upstream_data()
    out.apexes.add(key("test."))
    for text in (MORE, records):
        for owner, node in Data(text).records.items():
            out.records.setdefault(owner, {}).update(node)
    www = out.records[key("www.example.com.")]
    free = out.records[key("free.test.")]
    a, aaaa = dns.rdatatype.A, dns.rdatatype.AAAA
    out.additional[(key("mx.test."), dns.rdatatype.MX)] = [www[a], www[aaaa], free[a], free[aaaa]]
    out.additional[(key("mx.notexample.com."), dns.rdatatype.MX)] = [
        www[a], www[aaaa], out.records[key("x.notexample.com.")][aaaa]]
    out.additional[(key("www.example.com."), dns.rdatatype.MX)] = [www[a], www[aaaa]]
    return out


def start(lab, changes=None, records="", modules=("noaaaa",), **options):
    options.setdefault("conf", data.conf(noaaaa=changes or {}))
    options.setdefault("upstream", lab.upstream(upstream_data(records)))
    return lab.resolver(modules=modules, **options)


def in_order(lab, resolver, *lines):
    """Questions in order, then all once more. Nothing may be logged."""
    for repeat in (False, True):
        for question, expected in lines:
            lab.expect(resolver, question, expected, expand, repeat=repeat)
    tabletest.settle(resolver)


@pytest.mark.parametrize("case", tabletest.cases(70, 99, *SETS))
def test_row(lab, case):
    tabletest.run_row(lab, *case)


# -- by name ------------------------------------------------------------------------------------
@pytest.mark.parametrize("question, expected", [
    ("www.example.com AAAA", "ND(example.com)"),
    ("example.com AAAA", "ND(example.com)"),
    ("EXAMPLE.com AAAA", "ND(example.com)"),
    ("a.b.c.d.e.www.example.com AAAA", "ND(example.com)"),
    ("inner.example.com AAAA", "ND(example.com)"),
    ("nosuch.example.com AAAA", "ND(example.com)"),
    ("txt.example.com AAAA", "ND(example.com)"),
])
def test_always(lab, question, expected):
    """Answered at once, in every way to ask, without a question upstream."""
    resolver = start(lab, threads=2)
    for extra in ({}, {"cd": True}, {"do": True}, {"tcp": True}, {"do": True, "cd": True, "ad": True}, {}):
        lab.expect(resolver, question, expected, expand, **extra)
    tabletest.settle(resolver, no_upstream=True)


@pytest.mark.parametrize("question", [
    "xexample.com AAAA", "notexample.com AAAA", "com AAAA", "example.com.evil.net AAAA", "free.test AAAA", "out.test AAAA",
    "h.v6.example.com AAAA", "v6.example.com AAAA", "x.y.V6.example.com AAAA", "www.example.com A", "example.com MX",
    "child.www.example.com A", "child.www.example.com MX", "txt.example.com TXT", "inner.example.com A",
    "free.test HTTPS", "alias.org A", "alias.org MX", "nosuch.example.com HTTPS", "example.com SOA",
])
def test_not_its_business(lab, question):
    resolver = start(lab)
    for extra in ({}, {"cd": True}, {"do": True}, {"tcp": True}):
        for _ in range(2):
            lab.expect(resolver, question, "UP", expand, **extra)
    tabletest.settle(resolver)


def test_longest_match_of_zones_and_except(lab):
    resolver = start(lab, {"zones": ["example.com", "in.v6.example.com"], "except": ["v6.example.com", "x.in.v6.example.com"]},
                     "x.in.v6.example.com. 600 AAAA 2001:db8::1\ny.in.v6.example.com. 600 AAAA 2001:db8::2\n")
    in_order(lab, resolver, ("h.v6.example.com AAAA", "UP NOERROR"), ("y.in.v6.example.com AAAA", "ND(in.v6.example.com)"),
             ("x.in.v6.example.com AAAA", "UP NOERROR"), ("www.example.com AAAA", "ND(example.com)"))


def test_several_rules(lab):
    conf = data.conf()
    conf["noaaaa"].append({"zones": ["test"], "answer": "nodata", "negative-ttl": 5})
    resolver = start(lab, conf=conf)
    in_order(lab, resolver, ("www.example.com AAAA", "ND(example.com)"), ("free.test AAAA", "ND(test)@5"),
             ("x.notexample.com AAAA", "UP NOERROR"))


def test_negative_ttl(lab):
    resolver = start(lab, {"negative-ttl": 11})
    in_order(lab, resolver, ("www.example.com AAAA", "ND(example.com)@11"))


def is_bare_nxdomain(response):
    return response.rcode == "NXDOMAIN" and not response.answer and not response.authority and not response.flag("AD")


@pytest.mark.parametrize("answer", ["nxdomain", None])
def test_nxdomain(lab, answer):
    """The default: NXDOMAIN without SOA; other types and names below are as before."""
    resolver = start(lab, {"answer": answer})
    for qname in ("www.example.com.", "WWW.example.com.", "nosuch.example.com.", "example.com."):
        for extra in ({}, {"cd": True}, {"do": True}, {"tcp": True}, {}):
            response = resolver.ask(qname, "AAAA", **extra)
            assert is_bare_nxdomain(response), str(response)
            assert response.question_unchanged()
    tabletest.settle(resolver, no_upstream=True)
    in_order(lab, resolver, ("www.example.com A", "UP NOERROR"), ("www.example.com MX", "UP NOERROR"),
             ("child.www.example.com A", "UP NOERROR"), ("child.www.example.com MX", "UP NOERROR"),
             ("example.com A", "UP NOERROR"), ("h.v6.example.com AAAA", "UP NOERROR"))


@pytest.mark.parametrize("answer", ["nxdomain", "nodata"])
@pytest.mark.parametrize("forward", [False, True], ids=["stub", "forward"])
@pytest.mark.parametrize("chain", ["dynlib validator iterator", "dynlib iterator"])
def test_others_not_affected(lab, answer, forward, chain):
    """The negative answer says nothing about other types of the name and about names below it."""
    resolver = start(lab, {"answer": answer}, forward=forward, module_config=chain,
                     server="harden-below-nxdomain: yes\nqname-minimisation: yes\naggressive-nsec: yes")
    for _ in range(2):
        for qname in ("example.com.", "www.example.com.", "child.www.example.com.", "both.example.com."):
            resolver.ask(qname, "AAAA")
            resolver.ask(qname, "AAAA", cd=True)
        in_order(lab, resolver, ("www.example.com A", "UP NOERROR"), ("child.www.example.com A", "UP NOERROR"),
                 ("child.www.example.com MX", "UP NOERROR"), ("both.example.com TXT", "UP NOERROR"),
                 ("h.v6.example.com AAAA", "UP NOERROR"), ("nosuch.www.example.com A", "UP NXDOMAIN"))


def test_below_in_a_signed_zone(lab):
    """The same where the zone has a trust anchor."""
    more = upstream_data()
    more.ent = True
    anchor = more.sign("example.com.")
    resolver = lab.resolver(data=more, modules=("noaaaa",), conf=data.conf(noaaaa={"answer": "nxdomain"}),
                            server='trust-anchor: "%s"' % anchor)
    for extra in ({}, {"do": True}, {"cd": True}):
        assert is_bare_nxdomain(resolver.ask("www.example.com.", "AAAA", **extra))
        assert is_bare_nxdomain(resolver.ask("example.com.", "AAAA", **extra))
    for qname, qtype in (("www.example.com.", "A"), ("child.www.example.com.", "A"), ("child.www.example.com.", "MX"),
                         ("h.v6.example.com.", "AAAA")):
        for _ in range(2):
            response = resolver.ask(qname, qtype, do=True)
            assert response.rcode == "NOERROR" and qtype in response.types() and response.flag("AD"), str(response)
    tabletest.settle(resolver)


def test_ede(lab):
    resolver = start(lab, ede=True)
    for _ in range(2):
        assert resolver.ask("www.example.com.", "AAAA", edns=0).ede() == [FILTERED]
        assert resolver.ask("www.example.com.", "AAAA").message.edns == -1
        assert resolver.ask("www.example.com.", "A", edns=0).ede() == []
        assert resolver.ask("free.test.", "AAAA", edns=0).ede() == []
    resolver = start(lab)
    assert resolver.ask("www.example.com.", "AAAA", edns=0).ede() == []


def test_ede_of_cached_parts(lab):
    """An answer that is put together from a record whose hints are gone already says so as its repeats do."""
    resolver = start(lab, records="alias.test. 600 CNAME h3.example.com.\n", ede=True)
    for _ in range(2):
        for qname in ("h3.example.com.", "alias.test.", "alias.test."):
            response = resolver.ask(qname, "HTTPS", edns=0)
            assert response.ede() == [FILTERED] and "ipv6hint" not in str(response), str(response)
        resolver.flush()


# -- only-if-a ----------------------------------------------------------------------------------
ONLY_IF_A = {"when": "only-if-a"}
ONLY_LINES = (
    ("www.example.com AAAA", "ND(example.com)"),
    ("both.example.com AAAA", "ND(example.com)"),
    ("v6only.example.com AAAA", "UP NOERROR"),
    ("nosuch.example.com AAAA", "UP NXDOMAIN"),
    ("txt.example.com AAAA", "UP NOERROR"),
    ("h.v6.example.com AAAA", "UP NOERROR"),
    ("free.test AAAA", "UP NOERROR"),
    ("www.example.com A", "UP NOERROR"),
    ("v6only.example.com A", "UP NOERROR"),
    ("both.example.com TXT", "UP NOERROR"),
)


@pytest.mark.parametrize("modules", SETS, ids="+".join)
@pytest.mark.parametrize("order", ["as written", "reversed", "A first", "cd first"])
def test_only_if_a(lab, order, modules):
    for module in modules:
        if not __import__("harness").module_path(module):
            missing("%s.so is not in SITEBOUND_MODULES" % module)
    resolver = start(lab, ONLY_IF_A, modules=modules)
    lines = list(ONLY_LINES)
    if order == "reversed":
        lines.reverse()
    elif order == "A first":
        for question, _ in lines:
            resolver.ask(question.split()[0] + ".", "A")
    elif order == "cd first":
        for question, expected in lines:
            lab.expect(resolver, question, expected, expand, cd=True)
    in_order(lab, resolver, *((q, e + "@60" if e.startswith("ND") else e) for q, e in lines))
    for question, expected in lines:
        for extra in ({"cd": True}, {"do": True}, {"tcp": True}):
            lab.expect(resolver, question, expected, expand, repeat=True, **extra)
    tabletest.settle(resolver)


@pytest.mark.parametrize("answer", ["nodata", "nxdomain"])
@pytest.mark.parametrize("do_ip4", ["yes", "no"])
def test_only_if_a_is_kept(lab, answer, do_ip4):
    """A repeat comes from the message cache, is the same, and is there no longer than A is known."""
    resolver = start(lab, dict(ONLY_IF_A, answer=answer), "short.example.com. 20 A 192.0.2.5\n", ede=True,
                     server="" if do_ip4 == "yes" else "do-ip6: yes",
                     extra="" if do_ip4 == "yes" else 'server:\n  do-ip4: no\n  interface: ::1\n  access-control: ::1 allow\n'
                     'stub-zone:\n  name: "example.com"\n  stub-addr: ::1@@UPSTREAM@')
    if do_ip4 == "no":
        if not resolver.upstream.has_ipv6:
            missing("::1 is not there")
        resolver.address = "::1"
    for qname, most in (("www.example.com.", 60), ("short.example.com.", 20)):
        for extra in ({}, {"cd": True}):
            first = resolver.ask(qname, "AAAA", edns=0, **extra)
            hits = resolver.stats()["total.num.cachehits"]
            again = resolver.ask(qname, "AAAA", edns=0, **extra)
            assert again.brief() == first.brief() and again.ede() == first.ede() == [FILTERED], str(again)
            assert resolver.stats()["total.num.cachehits"] == hits + (do_ip4 == "yes")
        lines = [line.split() for line in resolver.cached_messages(qname)]
        assert all(int(f[6]) <= most for f in lines if f[3] == "AAAA"), lines
    lab.expect(resolver, "short.example.com TXT", "NODATA")
    tabletest.settle(resolver)


@pytest.mark.parametrize("qname, has_aaaa", [("www.example.com.", True), ("v6only.example.com.", True),
                                             ("txt.example.com.", False)])
def test_only_if_a_with_an_error(lab, qname, has_aaaa):
    """A fails: that is not the answer to AAAA. When A is back, it decides."""
    resolver = start(lab, ONLY_IF_A)
    resolver.upstream.rule("servfail", qname, "A")
    for _ in range(2):
        for extra in ({}, {"cd": True}):
            response = resolver.ask(qname, "AAAA", **extra)
            assert response.rcode == "NOERROR", str(response)
    assert resolver.ask(qname, "A").rcode == "SERVFAIL"
    resolver.upstream.rule(None, qname, "A")
    resolver.control("flush_type %s A" % qname)
    resolver.control("flush_infra all")
    has_a = resolver.ask(qname, "A").data("A") != []
    for _ in range(2):
        for extra in ({}, {"cd": True}):
            response = resolver.ask(qname, "AAAA", **extra)
            assert response.rcode == "NOERROR", str(response)
            assert (response.data("AAAA") != []) == (has_aaaa and not has_a), str(response)
    tabletest.settle(resolver)


def test_only_if_a_aaaa_error(lab):
    """AAAA fails upstream: a name with an A is answered all the same, one without is an error."""
    resolver = start(lab, ONLY_IF_A)
    for qname in ("www.example.com.", "v6only.example.com."):
        resolver.upstream.rule("servfail", qname, "AAAA")
    assert resolver.ask("v6only.example.com.", "AAAA").rcode == "SERVFAIL"
    response = resolver.ask("www.example.com.", "AAAA")
    assert response.rcode in ("NOERROR", "SERVFAIL") and not response.answer, str(response)


def test_only_if_a_an_a_appears(lab):
    """A name gets an A later: from then on (caches empty) AAAA is suppressed, and the other way round."""
    resolver = start(lab, ONLY_IF_A)
    in_order(lab, resolver, ("v6only.example.com AAAA", "UP NOERROR"), ("www.example.com AAAA", "ND(example.com)"))
    resolver.upstream.data.add("v6only.example.com.", 600, "A", "192.0.2.99")
    resolver.upstream.data.remove("www.example.com.", "A")
    resolver.flush()
    in_order(lab, resolver, ("v6only.example.com AAAA", "ND(example.com)"), ("www.example.com AAAA", "UP NOERROR"))


def test_only_if_a_bogus_a(lab):
    """The A is bogus: AAAA is not SERVFAIL because of it."""
    more = upstream_data()
    more.ent = True
    anchor = more.sign("example.com.")
    more.signed[key("example.com.")].make_bogus("www.example.com.", "A")
    resolver = lab.resolver(data=more, modules=("noaaaa",), conf=data.conf(noaaaa=ONLY_IF_A),
                            server='trust-anchor: "%s"' % anchor)
    for extra in ({}, {"do": True}, {"cd": True}, {}):
        assert resolver.ask("www.example.com.", "AAAA", **extra).rcode == "NOERROR"
    assert resolver.ask("www.example.com.", "A").rcode == "SERVFAIL"
    assert resolver.ask("both.example.com.", "AAAA").answer == []
    assert resolver.ask("v6only.example.com.", "AAAA", do=True).flag("AD")


# -- by owner -----------------------------------------------------------------------------------
@pytest.mark.parametrize("forward", [False, True], ids=["stub", "forward"])
def test_behind_a_cname(lab, forward):
    resolver = start(lab, forward=forward, threads=2)
    lines = (("alias.org AAAA", "CNAME www.example.com + NODATA(example.com)"),
             ("alias2.test AAAA", "CNAME alias.org + CNAME www.example.com + NODATA(example.com)"),
             ("alias6.test AAAA", "CNAME v6only.example.com + NODATA(example.com)"),
             ("out.test AAAA", "UP NOERROR"),
             ("alias.org A", "UP NOERROR"),
             ("alias2.test A", "UP NOERROR"),
             ("www.example.com AAAA", "ND(example.com)"))
    in_order(lab, resolver, *lines)
    for extra in ({"cd": True}, {"do": True}, {"tcp": True}, {"cd": True, "do": True}):
        for question, expected in lines[::-1]:
            lab.expect(resolver, question, expected, expand, repeat=True, **extra)
    tabletest.settle(resolver)


def test_behind_a_cname_only_if_a(lab):
    resolver = start(lab, ONLY_IF_A)
    in_order(lab, resolver, ("alias.org AAAA", "CNAME www.example.com + NODATA(example.com)"),
             ("alias6.test AAAA", "UP NOERROR"))


def test_behind_a_cname_with_nxdomain(lab):
    """The name asked is not in the zones and has a CNAME: it exists."""
    resolver = start(lab, {"answer": "nxdomain"})
    for _ in range(2):
        for extra in ({}, {"do": True}):
            response = resolver.ask("alias.org.", "AAAA", **extra)
            assert response.types() == ["CNAME"] and "AAAA" not in response.types("additional"), str(response)
    in_order(lab, resolver, ("alias.org A", "UP NOERROR"), ("www.example.com A", "UP NOERROR"))


@pytest.mark.parametrize("qname, wanted, unwanted", [
    ("both.example.com.", {"A", "TXT"}, "AAAA"),
    ("www.example.com.", {"A", "MX"}, "AAAA"),
    ("example.com.", {"A", "MX"}, "AAAA"),
    ("v6only.example.com.", set(), "AAAA"),
    ("free.test.", {"A", "AAAA", "HTTPS"}, None),
    ("h.v6.example.com.", {"A", "AAAA"}, None),
])
def test_any(lab, qname, wanted, unwanted):
    resolver = start(lab)
    for extra in ({}, {}, {"tcp": True}, {"cd": True}, {"do": True}):
        response = resolver.ask(qname, "ANY", **extra)
        assert response.rcode == "NOERROR" and set(response.types()) == wanted, str(response)
    # what ANY left in the cache does not answer AAAA
    response = resolver.ask(qname, "AAAA")
    assert (response.data("AAAA") == []) == (unwanted == "AAAA")
    tabletest.settle(resolver)


@pytest.mark.parametrize("forward", [False, True], ids=["stub", "forward"])
def test_additional(lab, forward):
    """With minimal-responses: no the additional section of MX shows no AAAA of the zones, and all else."""
    resolver = start(lab, server="minimal-responses: no", forward=forward)
    whole = lab.reference(resolver)
    for qname in ("mx.notexample.com.", "mx.test.", "www.example.com."):
        there = {(r[0], r[2]) for r in whole.ask(qname, "MX").additional}
        wanted = {(o, t) for o, t in there if t != "AAAA" or name("example.com.").labels != o[-3:]}
        if qname != "mx.test.":
            assert wanted != there and wanted, "the upstream gives nothing to remove"
        for extra in ({}, {}, {"tcp": True}, {"cd": True}, {"do": True}, {}):
            response = resolver.ask(qname, "MX", **extra)
            assert response.data("MX") == whole.ask(qname, "MX").data("MX")
            assert {(r[0], r[2]) for r in response.additional} == wanted, str(response)
    lab.expect(resolver, "www.example.com AAAA", "ND(example.com)")
    lab.expect(resolver, "free.test AAAA", "UP NOERROR")
    tabletest.settle(resolver)


def test_many_owners(lab):
    """Whether a name has A is looked up for eight of an answer; behind them AAAA goes unseen."""
    more = upstream_data("many.notexample.com. 600 MX 10 v6only.example.com.\n" + "".join(
        "m%d.example.com. 600 A 192.0.2.9%d\nm%d.example.com. 600 AAAA 2001:db8::9%d\n" % (i, i, i, i) for i in range(10)))
    node = more.records[key("many.notexample.com.")][dns.rdatatype.MX]
    there = [more.records[key("v6only.example.com.")][dns.rdatatype.AAAA]]
    for i in range(10):
        node.add(dns.rdata.from_text("IN", "MX", "10 m%d.example.com." % i), 600)
        there += more.records[key("m%d.example.com." % i)].values()
    more.additional[(key("many.notexample.com."), dns.rdatatype.MX)] = there
    resolver = start(lab, ONLY_IF_A, upstream=lab.upstream(more), server="minimal-responses: no")
    for extra in ({"tcp": True}, {"tcp": True, "cd": True}, {"tcp": True}):
        response = resolver.ask("many.notexample.com.", "MX", **extra)
        assert len(response.data("MX")) == 11, str(response)
        assert response.types("additional").count("A") == 10, str(response)
        assert [r[0] for r in response.additional if r[2] == "AAAA"] == [name("v6only.example.com.").labels], str(response)
    tabletest.settle(resolver)


def test_time_of_a_changed_answer(lab):
    """It lives no longer than the SOA record that was put in, whether upstream has answered or the cache knew the records."""
    resolver = start(lab, {"negative-ttl": 11})
    for _ in range(3):
        assert resolver.ask("v6only.example.com.", "ANY").types() == []
        lines = [line.split() for line in resolver.cached_messages("v6only.example.com.")]
        assert [int(f[6]) <= 11 for f in lines if f[3] == "ANY"] == [True], lines
        resolver.control("flush_type v6only.example.com. ANY")
    assert resolver.upstream.seen()[("v6only.example.com.", "ANY")] == 1


# -- HTTPS and SVCB -----------------------------------------------------------------------------
def svcb(priority, target, params):
    """Rdata of a SVCB record, parameters as (key, value bytes) in order."""
    out = struct.pack("!H", priority) + name(target).to_wire()
    for number, value in params:
        out += struct.pack("!HH", number, len(value)) + value
    return out


def keys(*numbers):
    return b"".join(struct.pack("!H", n) for n in numbers)


V4 = bytes([192, 0, 2, 80])
V6 = bytes.fromhex("20010db8000000000000000000000080")
MANDATORY, ALPN, NO_DEFAULT, PORT, HINT4, ECH, HINT6 = range(7)

SVCB_CASES = {
    "hint last": ([(ALPN, b"\x02h3"), (HINT4, V4), (HINT6, V6)], [(ALPN, b"\x02h3"), (HINT4, V4)]),
    "hint alone": ([(HINT6, V6)], []),
    "two hints": ([(HINT6, V6 + V6)], []),
    "no hint": ([(ALPN, b"\x02h3"), (HINT4, V4)], [(ALPN, b"\x02h3"), (HINT4, V4)]),
    "unknown keys": ([(ALPN, b"\x02h2\x02h3"), (NO_DEFAULT, b""), (PORT, b"\x01\xbb"), (HINT4, V4 + V4), (ECH, b"\x00\xff\"\\"),
                      (HINT6, V6), (7, b"/dns-query{?dns}"), (667, b"\x00\x01"), (65280, b"")],
                     [(ALPN, b"\x02h2\x02h3"), (NO_DEFAULT, b""), (PORT, b"\x01\xbb"), (HINT4, V4 + V4), (ECH, b"\x00\xff\"\\"),
                      (7, b"/dns-query{?dns}"), (667, b"\x00\x01"), (65280, b"")]),
    "mandatory alone": ([(MANDATORY, keys(HINT6)), (HINT6, V6)], []),
    "mandatory first": ([(MANDATORY, keys(HINT6, 667)), (HINT6, V6), (667, b"x")], [(MANDATORY, keys(667)), (667, b"x")]),
    "mandatory last": ([(MANDATORY, keys(ALPN, HINT6)), (ALPN, b"\x02h3"), (HINT6, V6)],
                       [(MANDATORY, keys(ALPN)), (ALPN, b"\x02h3")]),
    "mandatory middle": ([(MANDATORY, keys(ALPN, HINT6, 667)), (ALPN, b"\x02h3"), (HINT6, V6), (667, b"x")],
                         [(MANDATORY, keys(ALPN, 667)), (ALPN, b"\x02h3"), (667, b"x")]),
    "mandatory other": ([(MANDATORY, keys(PORT)), (PORT, b"\x01\xbb"), (HINT6, V6)],
                        [(MANDATORY, keys(PORT)), (PORT, b"\x01\xbb")]),
}


def raw_records(wire):
    """(section, owner, type, rdata) of each record of a message, rdata with its compressed names as on the wire."""
    counts = struct.unpack("!6H", wire[:12])
    at = 12
    out = []

    def skip(at):
        while wire[at] and wire[at] < 192:
            at += 1 + wire[at]
        return at + (2 if wire[at] else 1)
    for _ in range(counts[2]):
        at = skip(at) + 4
    for section in (3, 4, 5):
        for _ in range(counts[section]):
            owner, _ = dns.name.from_wire(wire, at)
            at = skip(at)
            rtype, _, _, length = struct.unpack("!HHIH", wire[at:at + 10])
            out.append((section, owner, rtype, wire[at + 10:at + 10 + length]))
            at += 10 + length
    return out


def put_raw(where, owner, rtype, *rdatas):
    rtype = dns.rdatatype.from_text(rtype)
    rrset = dns.rrset.RRset(name(owner), dns.rdataclass.IN, rtype)
    for rdata in rdatas:
        rrset.add(dns.rdata.GenericRdata(dns.rdataclass.IN, rtype, rdata), 600)
    where.records.setdefault(key(owner), {})[rtype] = rrset


def raw_answer(resolver, qname, qtype, **extra):
    """The rdata of the answer records of a type, as bytes (without dnspython's own parser for the type)."""
    query = make_query(qname, qtype, **extra)
    wire = exchange((resolver.address, resolver.port), query)
    rtype = dns.rdatatype.from_text(qtype)
    return wire, sorted(r[3] for r in raw_records(wire) if r[0] == 3 and r[2] == rtype)


@pytest.mark.parametrize("case", SVCB_CASES)
@pytest.mark.parametrize("qtype", ["HTTPS", "SVCB"])
def test_hints(lab, case, qtype):
    """ipv6hint goes, and its number in `mandatory`; every other byte of the record stays. The hints are of the target, and
    of the owner where that is "."."""
    before, after = SVCB_CASES[case]
    more = upstream_data("elsewhere.test. 600 CNAME s.example.com.")
    put_raw(more, "s.example.com.", qtype, svcb(1, ".", before), svcb(2, "Other.Example.NET.", before),
            svcb(3, "Other.Example.COM.", before))
    put_raw(more, "s.test.", qtype, svcb(1, ".", before))
    put_raw(more, "t.test.", qtype, svcb(1, ".", before), svcb(2, "WWW.example.com.", before))
    wanted = sorted([svcb(1, ".", after), svcb(2, "Other.Example.NET.", before), svcb(3, "Other.Example.COM.", after)])
    resolver = start(lab, upstream=lab.upstream(more))
    for extra in ({}, {}, {"cd": True}, {"do": True}, {}):
        for qname in ("s.example.com.", "S.Example.Com.", "elsewhere.test."):
            wire, found = raw_answer(resolver, qname, qtype, **extra)
            assert found == wanted, (case, found, wanted)
        assert raw_answer(resolver, "s.test.", qtype, **extra)[1] == [svcb(1, ".", before)]
        assert raw_answer(resolver, "t.test.", qtype, **extra)[1] == [svcb(1, ".", before),
                                                                      svcb(2, "WWW.example.com.", after)]
    tabletest.settle(resolver)


def test_hints_alias_mode_and_exempt(lab):
    more = upstream_data()
    put_raw(more, "s.example.com.", "HTTPS", svcb(0, "www.example.com.", []))
    put_raw(more, "s.v6.example.com.", "HTTPS", svcb(1, ".", [(HINT6, V6)]))
    resolver = start(lab, upstream=lab.upstream(more))
    for _ in range(2):
        assert raw_answer(resolver, "s.example.com.", "HTTPS")[1] == [svcb(0, "www.example.com.", [])]
        assert raw_answer(resolver, "s.v6.example.com.", "HTTPS")[1] == [svcb(1, ".", [(HINT6, V6)])]
        assert raw_answer(resolver, "hidden.test.", "HTTPS")[1] == [
            svcb(1, ".", [(ALPN, b"\x02h3"), (HINT4, V4)])]


@pytest.mark.parametrize("rdata", [
    b"\x00\x01\x00" + struct.pack("!HH", HINT6, 17) + V6,
    b"\x00\x01\x00" + struct.pack("!HH", HINT6, 16) + V6[:5],
    b"\x00\x01\x00" + struct.pack("!H", HINT6),
    b"\x00\x01\x00" + struct.pack("!HH", HINT6, 15) + V6[:15],
    b"\x00\x01\x00" + struct.pack("!HH", HINT6, 0),
    b"\x00\x01\x00" + struct.pack("!HH", MANDATORY, 1) + b"\x00" + struct.pack("!HH", HINT6, 16) + V6,
    b"\x00\x01\x00" + struct.pack("!HH", MANDATORY, 0) + struct.pack("!HH", HINT6, 16) + V6,
    b"\x00\x01\x00" + (struct.pack("!HH", HINT6, 16) + V6) * 2,
    b"\x00\x01\x3fabc",
    b"\x00\x01",
    b"\x00",
    b"",
], ids=range(12))
def test_malformed_hints(lab, rdata):
    """A record that does not parse cannot hurt: an answer or SERVFAIL, no crash, no log line."""
    more = upstream_data()
    put_raw(more, "s.example.com.", "HTTPS", rdata)
    resolver = start(lab, upstream=lab.upstream(more))
    for _ in range(2):
        wire = exchange((resolver.address, resolver.port), make_query("s.example.com.", "HTTPS"))
        assert wire[3] & 15 in (0, 2)
    lab.expect(resolver, "h3.example.com HTTPS", 'HTTPS 1 . alpn="h3" ipv4hint="192.0.2.80"')
    tabletest.settle(resolver)


# -- DNSSEC -------------------------------------------------------------------------------------
@pytest.mark.parametrize("forward", [False, True], ids=["stub", "forward"])
def test_ad_is_cleared_on_changed_answers(lab, forward):
    more = upstream_data()
    more.ent = True
    anchors = [more.sign("example.com."), more.sign("test.")]
    more.additional.clear()
    resolver = lab.resolver(data=more, modules=("noaaaa",), conf=data.conf(), forward=forward,
                            server="\n".join('trust-anchor: "%s"' % a for a in anchors))
    for extra in ({"do": True}, {"ad": True}, {"do": True}, {"do": True, "tcp": True}):
        for qname, qtype, secure in (("www.example.com.", "AAAA", False), ("alias6.test.", "AAAA", False),
                                     ("h3.example.com.", "HTTPS", False), ("hidden.test.", "HTTPS", False),
                                     ("both.example.com.", "ANY", False),
                                     ("www.example.com.", "A", True), ("free.test.", "AAAA", True),
                                     ("free.test.", "HTTPS", True), ("h.v6.example.com.", "AAAA", True)):
            response = resolver.ask(qname, qtype, **extra)
            assert response.rcode == "NOERROR", str(response)
            assert response.flag("AD") == secure, "AD of %s %s\n%s" % (qname, qtype, response)
            # no signature stays behind whose records are gone
            covered = {r[3].split()[0] for r in response.answer if r[2] == "RRSIG"}
            assert covered <= set(response.types()), str(response)
    tabletest.settle(resolver)


def test_bogus_stays_servfail(lab):
    """A bogus HTTPS record or alias is SERVFAIL also where it would be changed; CD shows it, changed."""
    more = upstream_data()
    more.ent = True
    anchors = [more.sign("example.com."), more.sign("test.")]
    more.signed[key("example.com.")].make_bogus("h3.example.com.")
    more.signed[key("test.")].make_bogus("alias6.test.")
    resolver = lab.resolver(data=more, modules=("noaaaa",), conf=data.conf(),
                            server="\n".join('trust-anchor: "%s"' % a for a in anchors))
    for cd in (True, False, True, False):
        for qname, qtype in (("h3.example.com.", "HTTPS"), ("alias6.test.", "AAAA")):
            response = resolver.ask(qname, qtype, cd=cd)
            assert response.rcode == ("NOERROR" if cd else "SERVFAIL"), str(response)
            if cd:
                assert response.data("AAAA") == [] and "ipv6hint" not in str(response)


# -- the resolver's own look-ups ----------------------------------------------------------------
NS6 = """
server:
  do-ip6: yes
stub-zone:
  name: "six.test."
  stub-host: ns6.example.com@@UPSTREAM@
"""
NS6_DATA = "ns6.example.com. 600 AAAA ::1\nwww.six.test. 600 A 192.0.2.6\nwww2.six.test. 600 A 192.0.2.7\n"
CHAINS = {"validator": "dynlib validator iterator", "iterator": "dynlib iterator"}


@pytest.mark.parametrize("answer", ["nodata", "nxdomain"])
@pytest.mark.parametrize("when", ["always", "only-if-a"])
@pytest.mark.parametrize("chain", CHAINS)
def test_row_85_name_server_with_aaaa_only(lab, chain, when, answer):
    """A zone whose only name server has only an IPv6 address resolves, also after clients were told it has none."""
    resolver = start(lab, {"answer": answer, "when": when}, NS6_DATA, module_config=CHAINS[chain], extra=NS6)
    if not resolver.upstream.has_ipv6:
        missing("::1 is not there")
    suppressed = when == "always"

    def check(**extra):
        response = resolver.ask("ns6.example.com.", "AAAA", **extra)
        if suppressed:
            assert response.rcode == ("NOERROR" if answer == "nodata" else "NXDOMAIN") and not response.answer, \
                str(response)
        else:
            assert response.data("AAAA") == ["::1"], str(response)
    assert resolver.ask("www.six.test.").data("A") == ["192.0.2.6"]
    # what the resolver looked up for itself is in the cache, under CD=1; a client must not see it
    check(cd=True)
    check()
    check(cd=True, do=True)
    assert resolver.ask("www2.six.test.").data("A") == ["192.0.2.7"]
    tabletest.settle(resolver)

    resolver = start(lab, {"answer": answer, "when": when}, NS6_DATA, module_config=CHAINS[chain], extra=NS6)
    check()
    check(cd=True)
    assert resolver.ask("www.six.test.").data("A") == ["192.0.2.6"]
    check(cd=True)
    assert resolver.ask("www2.six.test.", cd=True).data("A") == ["192.0.2.7"]
    tabletest.settle(resolver)


def test_name_server_names_in_additional(lab):
    """An AAAA that came with a delegation's glue is not shown to clients."""
    more = upstream_data("www.glue.test. 600 A 192.0.2.9\n")
    ns = dns.rrset.from_text("www.glue.test.", 600, "IN", "NS", "www.example.com.")
    www = more.records[key("www.example.com.")]
    more.records[key("www.glue.test.")][dns.rdatatype.NS] = ns
    more.additional[(key("www.glue.test."), dns.rdatatype.NS)] = [www[dns.rdatatype.A], www[dns.rdatatype.AAAA]]
    resolver = start(lab, upstream=lab.upstream(more), server="minimal-responses: no")
    for extra in ({}, {"cd": True}, {}, {"cd": True}):
        response = resolver.ask("www.glue.test.", "NS", **extra)
        assert response.types() == ["NS"] and "AAAA" not in response.types("additional"), str(response)
        lab.expect(resolver, "www.example.com AAAA", "ND(example.com)", repeat=True, **extra)


# -- clients ------------------------------------------------------------------------------------
CLIENTS = {"clients": [ME + "/32"]}
CLIENT_LINES = (
    ("www.example.com AAAA", "ND(example.com)"),
    ("alias.org AAAA", "CNAME www.example.com + NODATA(example.com)"),
    ("h3.example.com HTTPS", 'HTTPS 1 . alpn="h3" ipv4hint="192.0.2.80"'),
    ("v6only.example.com ANY", "EMPTY"),
    ("alias2.test AAAA", "CNAME alias.org + CNAME www.example.com + NODATA(example.com)"),
)


@pytest.mark.parametrize("when", ["always", "only-if-a"])
@pytest.mark.parametrize("order", [(ME, OTHER, ME), (OTHER, ME, OTHER), (ME, ME, OTHER, OTHER, ME)],
                         ids=["me first", "other first", "twice each"])
def test_row_86_clients(lab, when, order):
    """A rule for some clients: nobody sees through the cache what another one was told."""
    resolver = start(lab, dict(CLIENTS, when=when))
    lines = [line for line in CLIENT_LINES if when == "always" or "v6only" not in line[0]]
    for extra in ({}, {"cd": True}, {"do": True}, {"tcp": True}):
        for client in order:
            for question, expected in lines:
                lab.expect(resolver, question, expected if client == ME else "UP NOERROR", expand, repeat=True,
                           source=client, **extra)
                lab.expect(resolver, "www.example.com A", "UP NOERROR", expand, source=client)
    tabletest.settle(resolver)


@pytest.mark.parametrize("order", list(itertools.permutations((ME, OTHER))) + [(OTHER, ME, ME, OTHER), (ME, OTHER, OTHER, ME)],
                         ids=lambda o: "".join("m" if c == ME else "o" for c in o))
@pytest.mark.parametrize("when", ["always", "only-if-a"])
@pytest.mark.parametrize("question, hold", [("www.example.com. AAAA", "www.example.com."), ("alias.org. AAAA", "alias.org."),
                                            ("alias.org. AAAA", "www.example.com."), ("h3.example.com. HTTPS", "h3.example.com."),
                                            ("both.example.com. ANY", "both.example.com.")])
def test_clients_at_the_same_time(lab, question, hold, when, order):
    """Two clients ask at once and upstream is slow: each gets the answer that is right for it."""
    resolver = start(lab, dict(CLIENTS, when=when))
    resolver.upstream.rule("hold", hold)
    qname, qtype = question.split()
    pending = []
    for count, client in enumerate(order):
        pending.append((client, Pending((resolver.address, resolver.port), qname, qtype, source=client)))
        resolver.wait_queries(count + 1)
    if qname == hold or when == "only-if-a" or OTHER in order:
        resolver.upstream.wait_for(hold)
    resolver.upstream.release()

    def seen(response):
        return bool(response.data("AAAA")) or "ipv6hint" in str(response)
    for client, waiting in pending:
        response = waiting.result()
        assert response.rcode == "NOERROR", str(response)
        # who waits for one answer with a client whom the rule means, by an alias from elsewhere, may lose AAAA with it
        if qname != "alias.org." or client == ME or ME not in order:
            assert seen(response) == (client == OTHER), "%s\n%s" % (client, response)
    for client in order:
        assert seen(resolver.ask(qname, qtype, source=client)) == (client == OTHER)
    tabletest.settle(resolver)


@pytest.mark.needs("synth")
@pytest.mark.parametrize("order", [(ME, OTHER), (OTHER, ME)], ids=["me first", "other first"])
def test_clients_at_a_site(lab, order):
    """Two clients' questions for a site name share the questions at the site: who is meant gets no AAAA, first or second."""
    resolver = start(lab, CLIENTS, modules=("synth", "noaaaa"))
    target = expand("svc.dc1.P")
    resolver.upstream.rule("hold", target, "A")
    pending = {}
    for count, client in enumerate(order):
        pending[client] = Pending((resolver.address, resolver.port), expand("svc.dc.P"), "AAAA", source=client)
        resolver.wait_queries(count + 1)
    resolver.upstream.wait_for(target, "A")
    resolver.upstream.release()
    response = {client: waiting.result() for client, waiting in pending.items()}
    assert response[ME].types() == ["CNAME"], str(response[ME])
    assert response[OTHER].rcode == "NOERROR", str(response[OTHER])
    for client in order:
        answer = resolver.ask(expand("svc.dc.P"), "AAAA", source=client)
        assert bool(answer.data("AAAA")) == (client == OTHER), str(answer)
    tabletest.settle(resolver)


@pytest.mark.needs("synth")
def test_clients_behind_an_alias_of_a_site_name(lab):
    """What a rule lets one client see is not kept for others, however many aliases it is behind."""
    more = upstream_data("site.test. 600 CNAME svc.dc.prd.example.com.\nsite2.test. 600 CNAME site.test.\n")
    for order in ((ME, OTHER, ME), (OTHER, ME, OTHER)):
        resolver = start(lab, CLIENTS, modules=("synth", "noaaaa"), upstream=lab.upstream(more))
        for client in order * 2:
            for qname in ("site2.test.", "site.test.", expand("svc.dc.P"), expand("svc.dc1.P")):
                response = resolver.ask(qname, "AAAA", source=client)
                assert bool(response.data("AAAA")) == (client == OTHER), str(response)
        tabletest.settle(resolver)


def test_client_prefixes(lab):
    resolver = start(lab, {"clients": ["127.0.0.2/31", "127.1.0.0/16"]})
    for client, mine in (("127.0.0.1", False), ("127.0.0.2", True), ("127.0.0.3", True), ("127.0.0.4", False),
                         ("127.0.255.255", False), ("127.1.0.0", True), ("127.1.255.255", True), ("127.2.0.0", False)):
        for _ in range(2):
            lab.expect(resolver, "www.example.com AAAA", "ND(example.com)" if mine else "UP NOERROR", source=client)


def test_ipv6_clients(lab):
    """Rules for IPv6 clients do not touch IPv4 ones, and the other way round."""
    for clients, v4, v6 in ((["::1/128"], False, True), (["127.0.0.0/8"], True, False), (["0.0.0.0/0", "::/0"], True, True),
                            (["::/0"], False, True)):
        resolver = start(lab, {"clients": clients}, server="interface: ::1\ndo-ip6: yes\naccess-control: ::1 allow")
        if not resolver.upstream.has_ipv6:
            missing("::1 is not there")
        for address, mine in (("127.0.0.1", v4), ("::1", v6)) * 2:
            for qname, aaaa in (("www.example.com.", ["2001:db8::80"]), ("alias.org.", ["2001:db8::80"])):
                response = ask((address, resolver.port), qname, "AAAA")
                assert response.data("AAAA") == ([] if mine else aaaa), "%s %s\n%s" % (clients, address, response)


# -- the cache ----------------------------------------------------------------------------------
@pytest.mark.parametrize("server", ["prefetch: yes", "serve-expired: yes", "cache-min-ttl: 3600", "minimal-responses: no",
                                    "qname-minimisation: no", "rrset-roundrobin: yes"], ids=lambda s: s.split(":")[0])
@pytest.mark.parametrize("when", ["always", "only-if-a"])
def test_options_of_unbound(lab, server, when):
    resolver = start(lab, {"when": when}, server=server)
    in_order(lab, resolver, ("www.example.com AAAA", "ND(example.com)"), ("www.example.com A", "UP NOERROR"),
             ("alias.org AAAA", "CNAME www.example.com + NODATA(example.com)"), ("free.test AAAA", "UP NOERROR"),
             ("h3.example.com HTTPS", 'HTTPS 1 . alpn="h3" ipv4hint="192.0.2.80"'))


@pytest.mark.parametrize("answer", ["nodata", "nxdomain"])
@pytest.mark.parametrize("when", ["always", "only-if-a"])
def test_downstream_resolver(lab, answer, when):
    """A plain Unbound that forwards to ours: AAAA first, then A, of the name and of names below."""
    ours = start(lab, {"answer": answer, "when": when})
    downstream = lab.resolver(extra="""
forward-zone:
  name: "."
  forward-addr: 127.0.0.1@%d
""" % ours.port, server="harden-below-nxdomain: yes\nqname-minimisation: yes")
    for _ in range(2):
        for qname, address in (("example.com.", "192.0.2.1"), ("www.example.com.", "192.0.2.80"),
                               ("child.www.example.com.", "192.0.2.81"), ("both.example.com.", "192.0.2.77")):
            for extra in ({}, {"cd": True}):
                response = downstream.ask(qname, "AAAA", **extra)
                assert response.answer == [], str(response)
                if answer == "nodata":
                    assert response.rcode == "NOERROR", str(response)
            assert downstream.ask(qname, "A").data("A") == [address]
        assert downstream.ask("h.v6.example.com.", "AAAA").data("AAAA") == ["2001:db8::67"]
        response = downstream.ask("alias.org.", "AAAA")
        assert response.data("AAAA") == [] and "CNAME" in response.types(), str(response)
        assert downstream.ask("alias.org.", "A").data("A") == ["192.0.2.80"]


@pytest.mark.needs("synth")
def test_synthesized_aaaa_is_kept(lab):
    """The order is synth, then noaaaa: a computed AAAA inside the zones stays."""
    resolver = start(lab, {"except": None}, modules=("synth", "noaaaa"))
    in_order(lab, resolver, ("2001-db8--1.Z AAAA", "AAAA 2001:db8::1 @300"), ("10.1.2.3.Z AAAA", "ND(Z)"),
             ("www.example.com AAAA", "ND(example.com)"))


def test_class_is_in(lab):
    resolver = start(lab)
    response = resolver.ask("www.example.com.", "AAAA", qclass="CH")
    assert response.answer == [] and "SOA" not in response.types("authority")
    assert isinstance(response, Response)
    tabletest.settle(resolver)
