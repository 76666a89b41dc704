# SPDX-License-Identifier: BSD-3-Clause
"""Aliases from upstream that lead to computed names: the chain, and behind it what the name says when asked directly."""

import time

import pytest

import data
import tabletest
from data import expand
from harness import Pending
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
site.d.org. 600 DNAME dc.prd.example.com.
far.d.org. 600 DNAME away.d.org.
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
    ("addr.test ANY", "CNAME 10.1.2.3.Z @50"),
    ("two.test ANY", "CNAME addr.test"),
    ("denied.test ANY", "CNAME 10.66.0.1.Z"),
    ("site.test ANY", "CNAME svc.dc.P"),
)
TARGETS = ("10.1.2.3.ip.example.com.", "10-1-2-3.ip.example.com.", "10.66.0.1.ip.example.com.", "2.3.ip.example.com.",
           "svc.dc.prd.example.com.", "only2.dc.prd.example.com.", "nosuch.dc.prd.example.com.")
CHAINS = ("dynlib validator iterator", "dynlib iterator", "validator dynlib iterator", "dynlib respip validator iterator")


def start(lab, upstream_data=None, **options):
    options.setdefault("conf", data.conf())
    options.setdefault("modules", ("synth",))
    return lab.resolver(data=upstream_data or Data(RECORDS, APEXES), **options)


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


@pytest.mark.parametrize("supported", [False, True], ids=["answers for all", "answers for subnets"])
def test_client_subnets(lab, supported):
    """subnetcache keeps, behind us, what the iterator was told in the place of an alias."""
    resolver = start(lab, module_config="dynlib subnetcache validator iterator", server="""
        send-client-subnet: 127.0.0.1
        client-subnet-zone: "test."
        client-subnet-zone: "d.org."
        max-client-subnet-ipv4: 24""")
    upstream, server = resolver.upstream, (resolver.address, resolver.port)
    upstream.client_subnets = supported
    upstream.rule("hold", "addr.test.", "CNAME")
    first = Pending(server, "two.test.")
    upstream.wait_for("addr.test.", "CNAME")
    second = Pending(server, "two.test.", do=True)
    resolver.ask("www.example.org")
    upstream.release()
    for pending in (first, second):
        response = pending.result()
        assert response.rcode == "NOERROR" and response.data("A") == ["10.1.2.3"], str(response)
    ask_all(lab, resolver)


def test_cached_but_not_for_this_client(lab):
    """What is in the message cache is not what this client gets: the aliases are asked for anew, one by one, and not what
    is behind them. A client with a subnet does not meet the cache; and behind a CNAME of respip's there is nothing cached."""
    subnets = start(lab, module_config="dynlib subnetcache validator iterator", server="""
        client-subnet-zone: "test."
        client-subnet-always-forward: yes""")
    respip = start(lab, Data(RECORDS + "brief.example.net. 0 A 192.0.2.99", APEXES + ("net.",)),
                   module_config="dynlib respip validator iterator", server="""
        response-ip: 10.1.2.3/32 redirect
        response-ip-data: 10.1.2.3/32 "CNAME brief.example.net."
        """)
    for resolver, qtype, options in ((subnets, "TXT", {"subnet": "203.0.113.0"}), (respip, "A", {})):
        upstream = resolver.upstream
        first = resolver.ask("two.test.", qtype)
        for _ in range(2):
            upstream.clear()
            again = resolver.ask("two.test.", qtype, **options)
            assert again.brief() == first.brief(), "first\n%s\nagain\n%s" % (first, again)
            assert upstream.count("addr.test.", "CNAME") == 1, dict(upstream.seen())
            assert upstream.count("addr.test.", "TXT") == upstream.count(TARGETS[0]) == 0, dict(upstream.seen())


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


@pytest.mark.parametrize("word", ["servfail", "silent"])
def test_from_a_cached_alias(lab, word):
    """The first aliases are in the cache, and the one that leads to a computed name is not."""
    resolver = start(lab, Data(RECORDS + "four.test. 600 CNAME two.test.\n", APEXES))
    resolver.upstream.rule(word, TARGETS[0])
    for qname in ("four.test.", "two.test."):
        resolver.ask(qname, "CNAME")
    for qtype, behind in (("TXT", "ND(Z)"), ("A", "A 10.1.2.3")):
        lab.expect(resolver, "four.test " + qtype, "CNAME two.test + CNAME addr.test + CNAME 10.1.2.3.Z + " + behind, expand)
    assert resolver.upstream.count(TARGETS[0]) == 0


@pytest.mark.parametrize("forward", [False, True], ids=["stub", "forward"])
def test_upstream_has_the_target(lab, forward):
    upstream_data = Data(RECORDS, APEXES)
    for target in TARGETS:
        upstream_data.add(target, 600, "A", "192.0.2.66").add(target, 600, "TXT", "wrong")
    ask_all(lab, start(lab, upstream_data, forward=forward))


def test_deny_any(lab):
    """Unbound's iterator refuses ANY, whatever the cache knows of an alias."""
    resolver = start(lab, server="deny-any: yes")
    for _ in range(2):
        lab.expect(resolver, "addr.test ANY", "UP NOTIMP", expand)
        lab.expect(resolver, "addr.test A", "CNAME 10.1.2.3.Z + A 10.1.2.3", expand, repeat=True)


@pytest.mark.needs("noaaaa")
def test_ede(lab):
    """What a computed name has when it is asked directly stands behind an alias as well, at first and from the cache; and
    no SOA of synth's is taken for one of noaaaa's."""
    resolver = start(lab, modules=("synth", "noaaaa"), conf=data.conf(noaaaa={"except": ["v6.example.com"]}), ede=True)
    for _ in range(3):
        for question, codes in (("addr.test A", [29]), ("addr.test TXT", [29]), ("addr.test ANY", []), ("two.test A", [29]),
                                ("denied.test A", [18]), ("ent.test A", [29]), ("site.test A", [29]), ("site.test AAAA", [29, 17]),
                                ("10.1.2.3.away.d.org TXT", [29]), ("plain.test A", []), ("addr.test CNAME", [])):
            qname, qtype = question.split()
            response = resolver.ask(qname + ".", qtype, edns=0)
            assert response.ede() == codes, "%s\n%s" % (question, response)
        assert resolver.ask("addr.test.", "A").message.edns == -1


def test_from_the_cache(lab):
    resolver = start(lab)
    for qtype in ("A", "AAAA", "TXT"):
        resolver.ask("site.test.", qtype)
    resolver.upstream.clear()
    for qtype in ("A", "AAAA", "TXT"):
        resolver.ask("site.test.", qtype)
    assert resolver.upstream.count() == 0, dict(resolver.upstream.seen())


DNAMES = (
    ("10.1.2.3.away.d.org A", ["DNAME ip.example.com.", "CNAME 10.1.2.3.ip.example.com.", "A 10.1.2.3"]),
    ("10.1.2.3.away.d.org TXT", ["DNAME ip.example.com.", "CNAME 10.1.2.3.ip.example.com."]),
    ("2.3.away.d.org A", ["DNAME ip.example.com.", "CNAME 2.3.ip.example.com."]),
    ("10.66.0.1.away.d.org A", ["DNAME ip.example.com.", "CNAME 10.66.0.1.ip.example.com."]),
    ("svc.site.d.org A", ["DNAME dc.prd.example.com.", "CNAME svc.dc.prd.example.com.", "CNAME svc.dc1.prd.example.com.",
                          "A 10.1.1.5"]),
    ("10-1-2-3.far.d.org A", ["DNAME away.d.org.", "CNAME 10-1-2-3.away.d.org.", "DNAME ip.example.com.",
                              "CNAME 10-1-2-3.ip.example.com.", "A 10.1.2.3"]),
)


@pytest.mark.parametrize("chain", CHAINS)
@pytest.mark.parametrize("before", [None, "x.away.d.org", "nosuch.site.d.org", "x.far.d.org"])
@pytest.mark.parametrize("server", ["", "qname-minimisation: no"], ids=["", "no minimisation"])
def test_dname(lab, chain, before, server):
    """The whole chain, each record once and in its place, whether the cache knows the DNAME or not. Nothing is logged."""
    resolver = start(lab, module_config=chain, server=server)
    if before:
        resolver.ask(before + ".", "A")
    for _ in range(3):
        for question, expected in DNAMES:
            for extra in ({}, {"cd": True}, {"do": True}):
                qname, qtype = question.split()
                response = resolver.ask(qname + ".", qtype, **extra)
                assert [" ".join(r[2:]) for r in response.answer] == expected, str(response)
                assert response.rcode == ("NXDOMAIN" if "10.66" in qname else "NOERROR"), str(response)
                assert response.types("authority") == ([] if expected[-1][0] == "A" else ["SOA"]), str(response)
    tabletest.settle(resolver)


@pytest.mark.parametrize("cd", [False, True])
def test_every_class_at_once(lab, cd):
    """What the iterator asks for itself to answer class ANY, from aliases that the cache knows, is told to nobody; nor to
    a client who asks meanwhile, or through an alias."""
    resolver = start(lab, modules=("synth", "noaaaa"), conf=data.conf())
    held = ("10.1.2.3.ip.example.com.", "www.example.com.")
    lines = LINES + FILTERED[:2] + (("inner.example.com AAAA", "ND(example.com)"),)
    resolver.upstream.data.add("inner.example.com.", 600, "CNAME", "www.example.org.")
    resolver.upstream.data.add("alias2.test.", 600, "CNAME", "alias.org.")
    for qname in ("alias.org.", "alias2.test.", "inner.example.com.", "www.example.com."):
        resolver.ask(qname, "A")
    for owner in held:
        resolver.upstream.rule("hold", owner)
    for question, _ in lines:
        qname, qtype = question.split()
        Pending((resolver.address, resolver.port), expand(qname), qtype, qclass="ANY", cd=cd)
    waiting = [(q, Pending((resolver.address, resolver.port), q, "A")) for q in ("10.1.2.3.ip.example.com.", "addr.test.")]
    resolver.upstream.release()
    for _, pending in waiting:
        response = pending.result()
        assert response.data("A") == ["10.1.2.3"], response
    for repeat in (True, True):
        for question, expected in lines:
            lab.expect(resolver, question, expected, expand, repeat=repeat, cd=cd)
    tabletest.settle(resolver)


def test_every_class_of_a_cached_answer(lab):
    """Of an answer of ours in the cache, of which the alias alone is not there, the iterator would make one for all."""
    resolver = start(lab)
    for repeat in (False, True):
        lab.expect(resolver, "only2.test A", dict(LINES)["only2.test A"], expand, repeat=repeat)
    assert resolver.ask("only2.test.", "A", qclass="ANY").rcode == "REFUSED"
    lab.expect(resolver, "only2.test A", dict(LINES)["only2.test A"], expand, repeat=True)


def test_cname_questions(lab):
    """The alias alone, first and from the cache, and what it leaves does not stand for its target."""
    resolver = start(lab)
    lines = [("addr.test CNAME", "CNAME 10.1.2.3.Z"), ("two.test CNAME", "CNAME addr.test"),
             ("site.test CNAME", "CNAME svc.dc.P"), ("toaddr.dc1.P CNAME", "CNAME 10.1.2.3.Z"),
             ("toaddr.dc.P CNAME", "CNAME toaddr.dc1.P"), ("10.1.2.3.Z CNAME", "ND(Z)")]
    ask_all(lab, resolver, lines)
    ask_all(lab, resolver, LINES)
    ask_all(lab, resolver, lines)


def test_middle_of_a_chain(lab):
    """What the cache knows of a chain is not asked for again."""
    resolver = start(lab)
    for qtype in ("A", "TXT", "AAAA"):
        resolver.ask("three.test.", qtype)
    for owner in ("three.test.", "two.test."):
        assert resolver.upstream.count(owner) == 1, dict(resolver.upstream.seen())
    assert resolver.upstream.count(TARGETS[0]) == 0, dict(resolver.upstream.seen())


@pytest.mark.parametrize("held", ["two.test.", "addr.test."])
def test_held_alias(lab, held):
    """Clients who wait for the question for an alias, of different types, each get their answer; those who leave harm
    nobody."""
    resolver = start(lab)
    resolver.upstream.rule("hold", held, "CNAME")
    server = (resolver.address, resolver.port)
    waiting = [Pending(server, "two.test.", qtype, tcp=tcp) for qtype in ("A", "TXT", "A") for tcp in (False, True)]
    if held == "addr.test.":
        resolver.upstream.wait_for(held, "CNAME")
    for pending in waiting[1::2]:
        pending.sock.close()
    resolver.upstream.release()
    for pending, count in zip(waiting[::2], (1, 0, 1)):
        response = pending.result()
        assert response.rcode == "NOERROR" and len(response.data("A")) == count, str(response)
    ask_all(lab, resolver)


@pytest.mark.needs("noaaaa")
@pytest.mark.parametrize("how", ["switch", "reload_keep_cache"])
def test_composed_answers_are_swept(lab, how):
    """Once a job is off, or its rule gone, upstream's word holds again behind an alias, and the other way round."""
    upstream_data = Data(RECORDS, APEXES)
    upstream_data.add("10.1.2.3.ip.example.com.", 600, "A", "192.0.2.66")
    resolver = start(lab, upstream_data, modules=("synth", "noaaaa"), conf=data.conf(), find="view")

    def turn(on):
        if how == "switch":
            for job in ("synth", "noaaaa"):
                resolver.control("view_local_zone sitebound %s. %s" % (job, "transparent" if on else "refuse"))
        else:
            resolver.write_conf(data.conf() if on else "{}")
            resolver.reload(how)

    def wait(qname, qtype, wanted):
        deadline = time.monotonic() + 10
        while resolver.ask(qname, qtype).data(qtype) != wanted:
            assert time.monotonic() < deadline, "%s %s stays\n%s" % (qname, qtype, resolver.ask(qname, qtype))

    for on in (True, False, True):
        if on is False or how != "switch" or resolver.ask("addr.test.", "A").data("A") != ["10.1.2.3"]:
            turn(on)
        for _ in range(2):
            wait("addr.test.", "A", ["10.1.2.3" if on else "192.0.2.66"])
            wait("three.test.", "A", ["10.1.2.3" if on else "192.0.2.66"])
            wait("alias.org.", "AAAA", [] if on else ["2001:db8::80"])
            wait("site.test.", "A", ["10.1.1.5"] if on else [])


def test_loop(lab):
    resolver = start(lab)
    for _ in range(2):
        for qname in ("loop.test.", "loop.dc.prd.example.com."):
            assert resolver.ask(qname, "A").rcode == "SERVFAIL"
    tabletest.settle(resolver)


def test_long_chain_in_the_cache(lab):
    """Aliases of which the cache knows more than Unbound follows, and which lead to nothing of ours: as without modules."""
    resolver = start(lab, Data("\n".join("a%d.test. 600 CNAME a%d.test." % (n, n + 1) for n in range(20)) +
                               "\na20.test. 600 A 192.0.2.20\n", APEXES))
    for number in range(20):
        resolver.ask("a%d.test." % number, "CNAME")
    for qname in ("a0.test", "a12.test"):
        lab.expect(resolver, qname + " A", "UP", expand)
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


@pytest.mark.needs("noaaaa")
@pytest.mark.parametrize("signed", [False, True], ids=["unsigned", "signed"])
def test_site_target_in_the_cache(lab, signed):
    """A question that noaaaa looks at is asked of the site by a sub-query. What the cache has for it is ours: the iterator
    would take it for an alias of upstream's, and ask for what is behind it; or show with what it knows of a signed zone
    that nothing is there, and from Unbound 1.26 on have that stored."""
    upstream_data = Data(RECORDS, APEXES)
    server = 'trust-anchor: "%s"' % upstream_data.sign("example.com.") if signed else ""
    resolver = start(lab, upstream_data, modules=("synth", "noaaaa"), server=server)
    asked = ("toaddr.dc1.P SVCB", "CNAME 10.1.2.3.Z + ND(Z)")
    assert resolver.ask("i.example.com.", "TXT").rcode == "NXDOMAIN"   # its NSEC record covers what is below ip
    lab.expect(resolver, "toaddr.dc.P A", "CNAME toaddr.dc1.P + CNAME 10.1.2.3.Z + A 10.1.2.3", expand)
    for repeat in (False, True):
        lab.expect(resolver, *asked, expand, repeat=repeat)
    target = "toaddr.dc1.prd.example.com."
    resolver.upstream.rule("hold", target)
    before = resolver.upstream.count(target)
    pending = Pending((resolver.address, resolver.port), "toaddr.dc.prd.example.com.", "SVCB")
    resolver.upstream.wait_for(target, count=before + 1)
    lab.expect(resolver, *asked, expand, repeat=True)
    resolver.upstream.release()
    assert pending.result().rcode == "NOERROR"
    lab.expect(resolver, *asked, expand, repeat=True)
    assert resolver.upstream.count(TARGETS[0]) == 0, dict(resolver.upstream.seen())
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
