# SPDX-License-Identifier: BSD-3-Clause
"""Aliases from upstream that lead to computed names: the chain, and behind it what the name says when asked directly."""

import pytest

import data
import tabletest
from data import expand
from upstream import Data, key

pytestmark = pytest.mark.needs("synth")

APEXES = data.APEXES + ("test.", "d.org.")
RECORDS = data.RECORDS + """
addr.test. 50 CNAME 10.1.2.3.ip.example.com.
dashed.test. 600 CNAME 10-1-2-3.ip.example.com.
denied.test. 600 CNAME 10.66.0.1.ip.example.com.
ent.test. 600 CNAME 2.3.ip.example.com.
site.test. 600 CNAME svc.dc.prd.example.com.
only2.test. 600 CNAME only2.dc.prd.example.com.
nosuch.test. 600 CNAME nosuch.dc.prd.example.com.
ptr.test. 600 CNAME 3.2.1.10.in-addr.arpa.
two.test. 600 CNAME addr.test.
three.test. 600 CNAME two.test.
away.d.org. 600 DNAME ip.example.com.
10.1.2.3.away.d.org. 600 CNAME 10.1.2.3.ip.example.com.
plain.test. 600 CNAME www.example.org.
www.example.org. 600 A 192.0.2.80
toaddr.dc1.prd.example.com. 600 CNAME 10.1.2.3.ip.example.com.
tosite.dc1.prd.example.com. 600 CNAME svc.dc.prd.example.com.
loop.dc1.prd.example.com. 600 CNAME loop.test.
loop.test. 600 CNAME loop.dc.prd.example.com.
"""
LINES = (
    ("addr.test A", "CNAME 10.1.2.3.Z @50 + A 10.1.2.3"),
    ("addr.test AAAA", "CNAME 10.1.2.3.Z @50 + ND(Z)"),
    ("addr.test TXT", "CNAME 10.1.2.3.Z @50 + ND(Z)"),
    ("dashed.test A", "CNAME 10-1-2-3.Z + A 10.1.2.3 @300"),
    ("denied.test A", "CNAME 10.66.0.1.Z + NX(Z)"),
    ("ent.test A", "CNAME 2.3.Z + ND(Z)"),
    ("site.test A", "CNAME svc.dc.P + CNAME svc.dc1.P + A 10.1.1.5"),
    ("site.test SRV", "CNAME svc.dc.P + CNAME svc.dc1.P + SRV 1 2 443 svc.dc1.prd.example.com."),
    ("only2.test A", "CNAME only2.dc.P + CNAME only2.dc2.P + A 10.2.1.6"),
    ("nosuch.test A", "CNAME nosuch.dc.P + CNAME nosuch.dc1.P + NXDOMAIN"),
    ("ptr.test PTR", "CNAME 3.2.1.10.in-addr.arpa. + PTR 10-1-2-3.Z"),
    ("two.test A", "CNAME addr.test + CNAME 10.1.2.3.Z + A 10.1.2.3"),
    ("three.test A", "CNAME two.test + CNAME addr.test + CNAME 10.1.2.3.Z + A 10.1.2.3"),
    ("plain.test A", "CNAME www.example.org + A 192.0.2.80"),
    ("toaddr.dc.P A", "CNAME toaddr.dc1.P + CNAME 10.1.2.3.Z + A 10.1.2.3"),
    ("tosite.dc.P A", "CNAME tosite.dc1.P + CNAME svc.dc.P + CNAME svc.dc1.P + A 10.1.1.5"),
    ("addr.test CNAME", "CNAME 10.1.2.3.Z @50"),
)
TARGETS = ("10.1.2.3.ip.example.com.", "10-1-2-3.ip.example.com.", "10.66.0.1.ip.example.com.", "2.3.ip.example.com.",
           "svc.dc.prd.example.com.", "only2.dc.prd.example.com.", "nosuch.dc.prd.example.com.")
CHAINS = ("dynlib validator iterator", "dynlib iterator", "validator dynlib iterator", "dynlib respip validator iterator")


def start(lab, upstream_data=None, **options):
    options.setdefault("conf", data.conf())
    return lab.resolver(data=upstream_data or Data(RECORDS, APEXES), modules=("synth",), **options)


def ask_all(lab, resolver, lines=LINES):
    for repeat in (False, True, True):
        for question, expected in lines:
            for extra in ({}, {"do": True}) if repeat else ({},):
                response = lab.expect(resolver, question, expected, expand, repeat=repeat, **extra)
                assert not response.flag("AD"), str(response)
    tabletest.settle(resolver)


@pytest.mark.parametrize("chain", CHAINS)
@pytest.mark.parametrize("forward", [False, True], ids=["stub", "forward"])
def test_chains(lab, chain, forward):
    ask_all(lab, start(lab, module_config=chain, forward=forward))


@pytest.mark.parametrize("server", ["prefetch: yes", "serve-expired: yes", "minimal-responses: no",
                                    "qname-minimisation: no", "harden-below-nxdomain: no", "use-caps-for-id: yes"],
                         ids=lambda s: s.split(":")[0])
def test_options_of_unbound(lab, server):
    ask_all(lab, start(lab, server=server))


def test_reversed(lab):
    ask_all(lab, start(lab, threads=2), LINES[::-1])


@pytest.mark.parametrize("word", ["servfail", "refused", "silent"])
def test_upstream_fails_at_the_target(lab, word):
    """What upstream says of a computed name does not matter, and nobody waits for it."""
    resolver = start(lab)
    for target in TARGETS:
        resolver.upstream.rule(word, target)
    ask_all(lab, resolver)
    for target in TARGETS:
        assert resolver.upstream.count(target) == 0, dict(resolver.upstream.seen())


@pytest.mark.parametrize("forward", [False, True], ids=["stub", "forward"])
def test_upstream_has_the_target(lab, forward):
    upstream_data = Data(RECORDS, APEXES)
    for target in TARGETS:
        upstream_data.add(target, 600, "A", "192.0.2.66").add(target, 600, "TXT", "wrong")
    ask_all(lab, start(lab, upstream_data, forward=forward))


def test_from_the_cache(lab):
    resolver = start(lab)
    for qtype in ("A", "AAAA", "TXT"):
        resolver.ask("site.test.", qtype)
    resolver.upstream.clear()
    for qtype in ("A", "AAAA", "TXT"):
        resolver.ask("site.test.", qtype)
    assert resolver.upstream.count() == 0, dict(resolver.upstream.seen())


def test_dname(lab):
    """A DNAME, of which upstream makes the alias."""
    resolver = start(lab)
    for _ in range(3):
        response = resolver.ask("10.1.2.3.away.d.org.", "A")
        assert response.rcode == "NOERROR" and response.data("A") == ["10.1.2.3"], str(response)


def test_loop(lab):
    resolver = start(lab)
    for _ in range(2):
        for qname in ("loop.test.", "loop.dc.prd.example.com."):
            assert resolver.ask(qname, "A").rcode == "SERVFAIL"
    tabletest.settle(resolver)


def test_signed(lab):
    """Aliases in a signed zone are validated; a bogus one is SERVFAIL, however good the computed name is."""
    upstream_data = Data("""
        good.signed.test. 600 CNAME 10.1.2.3.ip.example.com.
        bad.signed.test. 600 CNAME 10.1.2.3.ip.example.com.
        chain.signed.test. 600 CNAME bad.signed.test.
        """, APEXES)
    anchor = upstream_data.sign("signed.test.")
    upstream_data.signed[key("signed.test.")].make_bogus("bad.signed.test.", "CNAME")
    resolver = start(lab, upstream_data, server='trust-anchor: "%s"' % anchor)
    for extra in ({}, {"do": True}, {"ad": True}) * 2:
        response = resolver.ask("good.signed.test.", "A", **extra)
        assert response.rcode == "NOERROR" and response.data("A") == ["10.1.2.3"], str(response)
        assert not response.flag("AD")
        for qname in ("bad.signed.test.", "chain.signed.test."):
            assert resolver.ask(qname, "A", **extra).rcode == "SERVFAIL"
    tabletest.settle(resolver)


# -- noaaaa -------------------------------------------------------------------------------------
FILTERED = (
    ("alias.org AAAA", "CNAME www.example.com + ND(example.com)"),
    ("alias2.test AAAA", "CNAME alias.org + CNAME www.example.com + ND(example.com)"),
    ("gone.test AAAA", "CNAME gone.example.com + ND(example.com)"),
)


@pytest.mark.needs("noaaaa")
@pytest.mark.parametrize("chain", CHAINS[:3])
@pytest.mark.parametrize("answer", ["nxdomain", "nodata"])
@pytest.mark.parametrize("word", [None, "servfail", "refused", "silent"])
@pytest.mark.parametrize("first", ["A", "AAAA"])
def test_into_noaaaa(lab, chain, answer, word, first):
    """Whatever upstream says of the target's AAAA, behind an alias there is none, and the alias exists."""
    upstream_data = Data(RECORDS + """
        alias2.test. 600 CNAME alias.org.
        gone.test. 600 CNAME gone.example.com.
        """, APEXES)
    resolver = lab.resolver(data=upstream_data, modules=("synth", "noaaaa"), module_config=chain,
                            conf=data.conf(noaaaa={"answer": answer}))
    if word:
        for target in ("www.example.com.", "gone.example.com."):
            resolver.upstream.rule(word, target, "AAAA")
    if first == "A":
        for question, _ in FILTERED:
            resolver.ask(question.split()[0], "A")
    # an alias from upstream to one that the cache knows is not seen before the target was asked for, once
    ask_all(lab, resolver, FILTERED[::2] if word == "silent" else FILTERED + LINES)
    if word is None:
        assert resolver.upstream.count("www.example.com.", "AAAA") <= 1, dict(resolver.upstream.seen())
    assert resolver.ask("alias.org.", "A").data("A") == ["192.0.2.80"]
