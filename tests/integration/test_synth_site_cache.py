# SPDX-License-Identifier: BSD-3-Clause
"""Site names and the caches: for how long, what must not speak for them, sharing, and DNSSEC."""

import itertools
import sys

import pytest

import data
import tabletest
import wire
from data import expand
from harness import Pending
from sitenames import APEXES, MANY, MANY_LINES, SITE_LINES, SITES, THREE, cached_ttl, in_order, start
from upstream import Data, key

pytestmark = pytest.mark.needs("synth")


# -- cache --------------------------------------------------------------------------------------
def test_cached_for_its_own_type(lab):
    resolver = start(lab, records=MANY)
    for qtype in ("A", "SRV", "MX", "TXT", "NAPTR"):
        for _ in range(4):
            resolver.ask(expand("svc.dc.P"), qtype)
            assert resolver.upstream.count("svc.dc1.prd.example.com.", qtype) == 1
        assert cached_ttl(resolver, expand("svc.dc.P"), qtype) is not None
    assert resolver.cached_messages("dc.prd.example.com.") != []


def test_the_alias_alone_is_not_kept(lab):
    """CNAME and ANY are told anew from what the cache knows of the sites: as soon as a site has the name, all types say so."""
    resolver = start(lab, THREE, SITES)
    for qtype in ("CNAME", "ANY") * 3:
        lab.expect(resolver, "late.dc.P " + qtype, "CNAME late.dc1.P @120", expand)
    resolver.upstream.data.add("late.dc2.prd.example.com.", 600, "A", "10.2.0.8")
    for site in ("dc1", "dc2", "dc3"):
        resolver.control("flush_zone %s.prd.example.com" % site)
    lab.expect(resolver, "late.dc.P A", "CNAME late.dc2.P @20 + A 10.2.0.8", expand)
    for qtype in ("CNAME", "ANY"):
        lab.expect(resolver, "late.dc.P " + qtype, "CNAME late.dc2.P @20", expand)


@pytest.mark.parametrize("records, qtype, limit", [
    ("t.dc1.prd.example.com. 7 A 10.1.0.7", "A", 7),
    ("t.dc1.prd.example.com. 70000 A 10.1.0.7", "A", 120),
    ("t.dc1.prd.example.com. 600 TXT x", "A", 120),
    ("t.dc2.prd.example.com. 600 A 10.2.0.7", "A", 20),
    ("t.dc2.prd.example.com. 3 A 10.2.0.7", "A", 3),
    ("t.dc1.prd.example.com. 600 CNAME u.test.\nu.test. 9 A 10.1.0.7", "A", 9),
    ("t.dc1.prd.example.com. 5 CNAME u.test.\nu.test. 90 A 10.1.0.7", "A", 5),
])
def test_smallest_ttl(lab, records, qtype, limit):
    """The composed message lives as long as its shortest part; what it is made of keeps its own TTL."""
    resolver = start(lab, THREE, records)
    first = resolver.ask(expand("t.dc.P"), qtype)
    assert first.rcode == "NOERROR"
    assert cached_ttl(resolver, expand("t.dc.P"), qtype) is None, "only what is asked for twice takes a place"
    resolver.ask(expand("t.dc.P"), qtype)
    cached = cached_ttl(resolver, expand("t.dc.P"), qtype)
    assert cached is not None and limit - 2 <= cached <= limit, cached
    again = resolver.ask(expand("t.dc.P"), qtype)
    for before, after in zip(first.answer, again.answer):
        assert (before[0], before[2:]) == (after[0], after[2:])
        assert after[1] <= before[1]


def tag_row(qname, qtype):
    """Which row of tags a question's is in: sb_octets_hash(), of a name of 32 octets."""
    octets = wire.encode(qname)
    assert len(octets) == 32
    mask, factor = 2**64 - 1, 0x9e3779b97f4a7c15
    hashed = (qtype + len(octets)) * factor & mask
    for at in (0, 8, 16, 24, None):
        eight = int.from_bytes(octets[at:at + 8], sys.byteorder) if at is not None else 0
        hashed = (hashed ^ (eight | 0x2020202020202020)) * factor & mask
        hashed ^= hashed >> 32
    return (hashed * factor & mask) >> 32 & 4095


def test_four_tags_in_a_row(lab):
    """Of names whose tags are in one row the last four are known to have been asked for; the one before is forgotten."""
    rows, full = {}, []
    for number in range(10000000, 20000000):
        qname = expand("tag%d.dc.P" % number)
        row = rows.setdefault(tag_row(qname, wire.A), [])
        row.append(qname)
        if len(row) == 5:
            full.append(row)
        if len(full) == 2:
            break
    resolver = start(lab, records="".join("%s 600 A 10.1.0.1\n" % qname.replace(".dc.", ".dc1.") for qname in sum(full, [])))

    def is_cached_now(qname):
        assert resolver.ask(qname, "A").types() == ["CNAME", "A"]
        return cached_ttl(resolver, qname, "A") is not None
    assert [is_cached_now(qname) for qname in full[0][:4] * 2] == [False] * 4 + [True] * 4
    assert [is_cached_now(qname) for qname in full[1] + full[1][:1] * 2] == [False] * 6 + [True]


def test_target_from_cache(lab):
    """A target that is cached is not asked for again, and a cached NXDOMAIN neither."""
    resolver = start(lab, THREE, SITES)
    for qname in ("one.dc1.P", "two.dc1.P", "two.dc2.P"):
        resolver.ask(expand(qname), "A")
    resolver.upstream.clear()
    lab.expect(resolver, "one.dc.P A", "CNAME one.dc1.P @120 + A 10.1.0.1", expand)
    lab.expect(resolver, "two.dc.P A", "CNAME two.dc2.P @20 + A 10.2.0.2", expand)
    assert resolver.upstream.count_below("dc1.prd.example.com.") + \
        resolver.upstream.count_below("dc2.prd.example.com.") == 0


CHAINS = {"validator": "dynlib validator iterator", "iterator": "dynlib iterator"}


@pytest.fixture(params=list(itertools.product(CHAINS, ("stub", "forward"))), ids="-".join)
def poisoned(request, lab):
    chain, kind = request.param

    def make(records="", **options):
        return start(lab, records=records, module_config=CHAINS[chain], forward=kind == "forward", **options)
    return make


def test_cname_from_elsewhere(lab, poisoned):
    """An alias that leads to a site name, or below one, leaves nothing wrong in the cache."""
    resolver = poisoned("""
        alias.test. 600 CNAME svc.dc.prd.example.com.
        alias2.test. 600 CNAME x.y.svc.dc.prd.example.com.
        svc.dc.prd.example.com. 600 A 192.0.2.66
        mx.test. 600 MX 10 svc.dc.prd.example.com.
        """)
    upstream_data = resolver.upstream.data
    node = upstream_data.records[key("svc.dc.prd.example.com.")]
    upstream_data.additional[(key("mx.test."), 15)] = list(node.values())
    first = {}
    for number in range(3):
        for qname in ("alias.test.", "alias2.test.", "mx.test."):
            for qtype in ("A", "SRV", "MX", "CNAME"):
                response = resolver.ask(qname, qtype)
                assert first.setdefault((qname, qtype), response.brief()) == response.brief(), str(response)
                resolver.ask(qname, qtype, cd=True)
        # the aliases have brought some of it into the cache
        in_order(lab, resolver, *SITE_LINES, cached=True)


def test_name_server_names(lab, poisoned):
    resolver = poisoned(extra="""
stub-zone:
  name: "served.test."
  stub-host: svc.dc.prd.example.com
""")
    resolver.ask("www.served.test.", "A")
    assert resolver.upstream.count("svc.dc.prd.example.com.") > 0, "the resolver did not look the name up"
    in_order(lab, resolver, *SITE_LINES)


def test_while_another_is_resolved(lab, poisoned):
    """The resolver is in the middle of a name that an alias leads to, and has asked for the names above it."""
    resolver = poisoned("alias2.test. 600 CNAME x.y.svc.dc.prd.example.com.\n", threads=2)
    held = "alias2.test." if resolver.forward else "x.y.svc.dc1.prd.example.com."
    resolver.upstream.rule("hold", held)
    pending = Pending((resolver.address, resolver.port), "alias2.test.", "A")
    resolver.upstream.wait_for(held, "A")
    for question, expected in SITE_LINES * 2:
        if not question.startswith("P "):
            lab.expect(resolver, question, expected, expand, repeat=True)
    resolver.upstream.release()
    pending.result()
    in_order(lab, resolver, *SITE_LINES, cached=True)


@pytest.mark.needs("noaaaa")
@pytest.mark.parametrize("answer", ["nxdomain", "nodata"])
@pytest.mark.parametrize("when", ["always", "only-if-a"])
@pytest.mark.parametrize("first", ["A", "AAAA", "HTTPS"])
def test_with_noaaaa(lab, answer, when, first):
    """AAAA is filtered after the alias; the filter's NXDOMAIN is no reason to leave the site."""
    resolver = start(lab, modules=("synth", "noaaaa"), conf=data.conf(noaaaa={"answer": answer, "when": when}),
                     records=MANY + "six.dc1.prd.example.com. 600 A 10.1.0.6\nsix.dc1.prd.example.com. 600 AAAA 2001:db8::6\n"
                                    "six.dc2.prd.example.com. 600 AAAA 2001:db8::26\n")
    for qtype in (first, "AAAA", "A", "HTTPS", "AAAA", "A"):
        for qname, site in (("svc.dc.P", "svc.dc1.P"), ("six.dc.P", "six.dc1.P"), ("only2.dc.P", "only2.dc2.P")):
            for extra in ({}, {"cd": True}):
                response = resolver.ask(expand(qname), qtype, **extra)
                assert response.answer[0][2:] == ("CNAME", expand(site)), str(response)
                assert response.data("AAAA") == [], str(response)
                if qtype == "A":
                    assert response.types() == ["CNAME", "A"] and response.rcode == "NOERROR", str(response)
                elif answer == "nodata":
                    assert response.rcode == "NOERROR", str(response)
    tabletest.settle(resolver)


@pytest.mark.parametrize("server", ["prefetch: yes", "serve-expired: yes", "cache-max-ttl: 10", "minimal-responses: no",
                                    "qname-minimisation: no", "harden-below-nxdomain: no", "rrset-roundrobin: no"],
                         ids=lambda s: s.split(":")[0])
def test_options_of_unbound(lab, server):
    resolver = start(lab, server=server)
    in_order(lab, resolver, *SITE_LINES)


@pytest.mark.parametrize("qname, targets", [("svc.dc.P", ("svc.dc1.P",)), ("only2.dc.P", ("only2.dc1.P", "only2.dc2.P")),
                                            ("nosuch.dc.P", ("nosuch.dc1.P", "nosuch.dc2.P"))])
def test_one_resolution_for_many(lab, qname, targets):
    """Clients that ask for one name while upstream is slow cause one query for each site that is needed."""
    resolver = start(lab)
    for target in targets:
        resolver.upstream.rule("hold", expand(target))
    server = (resolver.address, resolver.port)
    pending = [Pending(server, expand(qname), "A", do=i % 2 == 1, tcp=i % 8 == 7) for i in range(24)]
    resolver.wait_queries(len(pending))
    for target in targets:
        resolver.upstream.wait_for(expand(target), "A")
        assert resolver.upstream.count(expand(target), "A") == 1
        resolver.upstream.rule(None, expand(target))
        resolver.upstream.answer_held()
    answers = [p.result() for p in pending]
    for response in answers:
        assert response.question_unchanged()
        assert response.brief() == answers[0].brief(), "%s\n%s" % (response, answers[0])
    for target in targets:
        assert resolver.upstream.count(expand(target), "A") == 1
    assert resolver.ask(expand(qname), "A").brief() == answers[0].brief()
    for target in targets:
        assert resolver.upstream.count(expand(target), "A") == 1
    tabletest.settle(resolver)


def test_types_at_once(lab):
    """Different types of one name at the same time, with a slow upstream."""
    resolver = start(lab, records=MANY, threads=2)
    resolver.upstream.rule("hold", "svc.dc1.prd.example.com.")
    server = (resolver.address, resolver.port)
    pending = [(line, Pending(server, expand(line[0].split()[0]), line[0].split()[1])) for line in MANY_LINES * 3]
    resolver.upstream.wait_for("svc.dc1.prd.example.com.", "A")
    resolver.wait_queries(len(pending))
    resolver.upstream.release()
    for (question, expected), waiting in pending:
        response = waiting.result()
        qtype = question.split()[1]
        wanted = expected.split(" + ")[-1].split()[0]
        types = ["CNAME"] + ([qtype] if wanted == qtype and qtype != "CNAME" else [])
        assert response.types() == types, "%s\n%s" % (question, response)
    tabletest.settle(resolver)


# -- DNSSEC -------------------------------------------------------------------------------------
def signed(lab, bogus=(), fallback=None, **options):
    """The parent lies in a signed zone with a trust anchor."""
    upstream_data = Data("""
        svc.dc1.prd.signed.test. 600 A 10.1.1.5
        svc.dc1.prd.signed.test. 600 MX 10 mx.signed.test.
        svc.dc2.prd.signed.test. 600 A 10.2.1.5
        only2.dc2.prd.signed.test. 600 A 10.2.1.6
        alias.dc1.prd.signed.test. 600 CNAME svc.dc1.prd.signed.test.
        www.signed.test. 600 A 192.0.2.80
        """, APEXES, ent=True)
    anchor = upstream_data.sign("signed.test.")
    for owner, rtype in bogus:
        upstream_data.signed[key("signed.test.")].make_bogus(owner, rtype)
    conf = data.conf(site={"parents": ["prd.signed.test"], "fallback": fallback, "on-error": "fail"})
    return lab.resolver(data=upstream_data, modules=("synth",), conf=conf,
                        server='trust-anchor: "%s"' % anchor, **options)


@pytest.mark.parametrize("forward", [False, True], ids=["stub", "forward"])
def test_signed_target(lab, forward):
    """The target validates, the composed answer has no AD; with DO the target's signatures come along."""
    resolver = signed(lab, forward=forward)
    s = "prd.signed.test."
    for extra in ({}, {"do": True}, {"ad": True}, {"do": True, "cd": True}, {"do": True, "ad": True, "tcp": True}) * 2:
        for qname, qtype, wanted in (("svc.dc." + s, "A", ["CNAME", "A"]), ("svc.dc." + s, "MX", ["CNAME", "MX"]),
                                     ("svc.dc." + s, "TXT", ["CNAME"]), ("svc.dc." + s, "CNAME", ["CNAME"]),
                                     ("alias.dc." + s, "A", ["CNAME", "CNAME", "A"])):
            response = resolver.ask(qname, qtype, **extra)
            assert response.rcode == "NOERROR" and not response.flag("AD"), str(response)
            types = response.types()
            assert [t for t in types if t != "RRSIG"] == wanted, str(response)
            assert types[0] == "CNAME" and response.answer[0][3] == qname.replace(".dc.", ".dc1.")
            signatures = sum(t == "RRSIG" for t in types)
            assert signatures == (len(wanted) - 1 if extra.get("do") else 0), str(response)
        response = resolver.ask("nosuch.dc." + s, "A", **extra)
        assert response.rcode == "NXDOMAIN" and not response.flag("AD"), str(response)
        assert response.types() == ["CNAME"]
    assert resolver.ask("svc.dc1." + s, "A", do=True).flag("AD")
    assert resolver.ask("www.signed.test.", "A", do=True).flag("AD")
    tabletest.settle(resolver)


@pytest.mark.parametrize("order", list(itertools.permutations(("cd", "plain", "target", "target-cd"), 4))[::3],
                         ids="-".join)
def test_bogus_target(lab, order):
    """A bogus target is SERVFAIL unless CD is set, whatever was asked before."""
    resolver = signed(lab, [("svc.dc1.prd.signed.test.", "A")])
    for what in order * 2:
        label = ".dc1." if "target" in what else ".dc."
        cd = "cd" in what
        for extra in ({}, {"do": True}):
            response = resolver.ask("svc%sprd.signed.test." % label, "A", cd=cd, **extra)
            assert response.rcode == ("NOERROR" if cd else "SERVFAIL"), "%s\n%s" % (what, response)
            assert not response.flag("AD")
            if cd:
                assert response.data("A") == ["10.1.1.5"], str(response)
    assert resolver.ask("svc.dc.prd.signed.test.", "MX").types() == ["CNAME", "MX"]
    tabletest.settle(resolver)


def test_bogus_target_fails_closed(lab):
    """`fail`: no other site is taken because the local answer is bogus."""
    resolver = signed(lab, [("svc.dc1.prd.signed.test.", "A")], fallback=["dc2"])
    for _ in range(2):
        response = resolver.ask("svc.dc.prd.signed.test.", "A")
        assert response.rcode == "SERVFAIL", str(response)
    response = resolver.ask("only2.dc.prd.signed.test.", "A")
    assert response.data("A") == ["10.2.1.6"] and not response.flag("AD"), str(response)


# -- Extended DNS Errors ------------------------------------------------------------------------
@pytest.mark.parametrize("qname", ["svc.dc.P", "only2.dc.P", "nosuch.dc.P", "dc.P"])
def test_ede_is_the_same_in_repeats(lab, qname):
    """Whatever the first answer says, the cached one does too, with EDNS only."""
    resolver = start(lab, ede=True)
    first = resolver.ask(expand(qname), edns=0).ede()
    for extra in ({}, {"tcp": True}, {"do": True}):
        assert resolver.ask(expand(qname), edns=0, **extra).ede() == first
    assert resolver.ask(expand(qname)).message.edns == -1
    assert resolver.ask("www.example.com.", edns=0).ede() == []
