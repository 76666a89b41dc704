# SPDX-License-Identifier: BSD-3-Clause
"""Beside Unbound's other modules and options a question has one answer: alone, first, repeated, after any others."""

import itertools
import random

import pytest

import data
import tabletest
from data import expand
from harness import Pending
from upstream import Data

pytestmark = pytest.mark.needs("synth", "noaaaa")

APEXES = data.APEXES + ("test.",)
RECORDS = data.RECORDS + """
addr.test. 600 CNAME 10.1.2.3.ip.example.com.
site.test. 600 CNAME svc.dc.prd.example.com.
out.example.com. 600 CNAME www.test.
www.test. 600 A 192.0.2.81
www.test. 600 AAAA 2001:db8::81
www.example.com. 600 TXT "text"
3.2.1.10.in-addr.arpa. 600 TXT "text"
"""
NAMES = ("10.1.2.3.Z", "10.66.0.1.Z", "2.3.Z", "Z", "x.Z", "svc.dc.P", "only2.dc.P", "nosuch.dc.P", "dc.P", "www.example.com",
         "v6only.example.com", "h.v6.example.com", "h3.example.com", "alias.org", "addr.test", "site.test", "out.example.com",
         "www.test", "svc.dc1.P", "nosuch.example.com")
QUESTIONS = tuple(itertools.product(NAMES, ("A", "AAAA", "TXT"))) + (
    ("h3.example.com", "HTTPS"), ("3.2.1.10.in-addr.arpa", "PTR"), ("5.1.1.10.in-addr.arpa", "PTR"),
    # the same addresses behind dns64's prefix
    ("3.0.2.0.1.0.a.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.b.9.f.f.4.6.0.0.ip6.arpa", "PTR"))
# the only rule's client, and one who is not meant
MEANT, OTHER = "127.0.0.2", "127.0.0.3"
CLIENTS = {"clients": [MEANT + "/32"]}


def start(lab, conf=None, **options):
    return lab.resolver(data=Data(RECORDS, APEXES), modules=("synth", "noaaaa"), conf=conf or data.conf(), **options)


def ask(resolver, question, **options):
    qname, qtype, *source = question
    return resolver.ask(expand(qname), qtype, source=source[0] if source else None, **options)


def one_answer(resolver, questions=QUESTIONS, seed=0, rounds=2, **options):
    """Each question alone, and then all of them in several orders from one cache. Returns the answers."""
    alone = {}
    for question in questions:
        resolver.flush()
        alone[question] = ask(resolver, question, **options)
    dice = random.Random(seed)
    for number in range(rounds):
        resolver.flush()
        order = list(questions) * 2
        dice.shuffle(order)
        for at, question in enumerate(order):
            response = ask(resolver, question, **options)
            assert response.question_unchanged()
            assert response.brief() == alone[question].brief(), "%s, round %d: alone\n%s\nnow\n%s\nbefore it: %s" % (
                question, number, alone[question], response, order[:at])
    if "respip" not in (resolver.module_config or ""):  # it tells what it does
        tabletest.settle(resolver)
    return alone


# -- dns64 --------------------------------------------------------------------------------------
DNS64 = ("dynlib dns64 validator iterator", "dns64 dynlib validator iterator", "dns64 dynlib iterator")


@pytest.mark.parametrize("chain", DNS64)
@pytest.mark.parametrize("rule", [{}, {"answer": "nxdomain", "when": "only-if-a"}, CLIENTS], ids=["always", "only-if-a", "clients"])
def test_dns64(lab, chain, rule):
    """dns64 stores what it gets itself, and asks for A and PTR past the modules."""
    resolver = start(lab, data.conf(noaaaa=rule), module_config=chain, server="dns64-prefix: 64:ff9b::/96")
    sources = (MEANT, OTHER) if rule is CLIENTS else (MEANT,)
    one_answer(resolver, [q + (source,) for q in QUESTIONS for source in sources])


@pytest.mark.parametrize("chain", DNS64)
@pytest.mark.parametrize("alias", [False, True], ids=["name", "alias"])
def test_dns64_under_way(lab, chain, alias):
    """Who asks while dns64 asks for A gets what the first client gets, and not upstream's answer to AAAA."""
    records = RECORDS + "only4.test. 600 A 192.0.2.82\nto4.org. 600 CNAME only4.test.\n"
    resolver = lab.resolver(data=Data(records, APEXES), modules=("synth", "noaaaa"), conf=data.conf(), module_config=chain,
                            server="dns64-prefix: 64:ff9b::/96\nqname-minimisation: no")
    resolver.upstream.rule("hold", "only4.test.", "A")
    qname = "to4.org." if alias else "only4.test."
    pending = [Pending((resolver.address, resolver.port), qname, "AAAA")]
    resolver.upstream.wait_for("only4.test.", "A")
    # the name itself and its alias: the cache may have either
    for number, name in enumerate(("only4.test.", "to4.org.")):
        pending.append(Pending((resolver.address, resolver.port), name, "AAAA"))
        resolver.wait_queries(number + 2)
    resolver.upstream.release()
    for waiting in pending:
        response = waiting.result()
        assert response.data("AAAA") == ["64:ff9b::c000:252"], str(response)
    for name in ("only4.test.", "to4.org."):
        assert resolver.ask(name, "AAAA").data("AAAA") == ["64:ff9b::c000:252"]
    asked = resolver.upstream.count()
    assert resolver.ask(qname, "AAAA").data("AAAA") == ["64:ff9b::c000:252"]
    assert resolver.upstream.count() == asked  # it is cached


# -- without recursion ---------------------------------------------------------------------------
def test_without_recursion(lab):
    """RD=0 gets what the cache has, here of another site: nobody else's answer."""
    resolver = start(lab, forward=True, server="access-control: 127.0.0.0/8 allow_snoop")
    questions = [q for q in QUESTIONS if "ip6.arpa" not in q[0]]
    alone = one_answer(resolver, questions, rounds=0)
    resolver.flush()
    ask(resolver, ("svc.dc2.P", "A"))
    assert ask(resolver, ("svc.dc.P", "A"), rd=False).data("A") == ["10.2.1.5"]
    for question in questions * 2:
        ask(resolver, question, rd=False)
        response = ask(resolver, question)
        assert response.brief() == alone[question].brief(), "%s: alone\n%s\nafter RD=0\n%s" % (question, alone[question], response)


# -- ANY ------------------------------------------------------------------------------------------
@pytest.mark.parametrize("server", ["deny-any: no", "deny-any: yes"])
def test_any_by_client(lab, server):
    """Under a rule with clients ANY is not composed of what other questions have brought in, of A and AAAA alone."""
    resolver = start(lab, data.conf(noaaaa=CLIENTS), server=server)
    names = ("www.example.com", "example.com", "v6only.example.com", "h3.example.com")
    alone = one_answer(resolver, tuple(itertools.product(names, ("ANY", "A", "AAAA", "TXT"), (MEANT, OTHER))))
    if server == "deny-any: no":
        for source, types in ((MEANT, ["A", "TXT"]), (OTHER, ["A", "AAAA", "TXT"])):
            assert sorted(alone["www.example.com", "ANY", source].types()) == types


# -- respip, RPZ ----------------------------------------------------------------------------------
RESPIP = "dynlib respip validator iterator"
RESPONSE_IP = """
response-ip: 10.1.1.5/32 redirect
response-ip-data: 10.1.1.5/32 "A 192.0.2.250"
response-ip: 10.2.1.6/32 always_nxdomain
response-ip: 10.1.2.3/32 always_refuse
response-ip: 192.0.2.80/32 redirect
response-ip-data: 192.0.2.80/32 "CNAME 10-1-2-4.ip.example.com."
response-ip: 192.0.2.81/32 redirect
response-ip-data: 192.0.2.81/32 "CNAME a.b.dc.prd.example.com."
response-ip: 10.1.1.10/32 redirect
response-ip-data: 10.1.1.10/32 "CNAME a.b.dc1.prd.example.com."
access-control-view: %s/32 "other"
""" % OTHER
VIEW = """
view:
  name: "other"
  view-first: no
  response-ip: 10.1.1.5/32 redirect
"""
RPZ = """
rpz:
  name: "rpz.test."
  zonefile: "@ZONE@"
"""
RPZ_ZONE = """$ORIGIN rpz.test.
@ 60 SOA ns.invalid. hm.invalid. 1 3600 600 86400 60
32.5.1.1.10.rpz-ip 60 CNAME .
32.6.1.2.10.rpz-ip 60 A 192.0.2.251
24.0.2.1.10.rpz-ip 60 CNAME *.
v6only.example.com 60 CNAME .
a.b.dc1.prd.example.com 60 A 192.0.2.252
"""
BY_SOURCE = [q + (source,) for q in QUESTIONS + (("example.com", "A"), ("a.b.dc.P", "A"), ("dc.dc.P", "A"), ("mail.dc.P", "A"))
             for source in (MEANT, OTHER)]


def test_response_ip(lab):
    """What changes addresses for some clients changes those of site names and aliases, too, at first and from the cache."""
    resolver = start(lab, module_config=RESPIP, server=RESPONSE_IP, extra=VIEW)
    alone = one_answer(resolver, BY_SOURCE)
    assert alone["svc.dc.P", "A", MEANT].data("A") == ["192.0.2.250"]
    assert alone["site.test", "A", MEANT].data("A") == ["192.0.2.250"]
    assert alone["svc.dc.P", "A", OTHER].data("A") == [] and alone["svc.dc.P", "A", OTHER].types() == ["CNAME"]
    assert alone["only2.dc.P", "A", MEANT].rcode == "NXDOMAIN"
    assert alone["only2.dc.P", "A", OTHER].data("A") == ["10.2.1.6"]
    assert set(alone["dc.dc.P", "A", MEANT].data("CNAME")) == set(map(expand, ("dc.dc1.P", "a.b.dc1.P")))
    assert alone["dc.dc.P", "A", MEANT].data("A") == ["10.1.1.9"]
    assert alone["10.1.2.3.Z", "A", MEANT].data("A") == ["10.1.2.3"], "a computed address was changed"
    assert alone["addr.test", "A", MEANT].rcode == "REFUSED", "what is behind an alias was not"


def test_rpz(lab, tmp_path):
    """RPZ by address changes what is behind a site name, too; by name what the client asks for."""
    zone = tmp_path / "rpz.zone"
    zone.write_text(RPZ_ZONE)
    resolver = start(lab, module_config=RESPIP, extra=RPZ.replace("@ZONE@", str(zone)))
    alone = one_answer(resolver, BY_SOURCE[::2])
    assert alone["svc.dc.P", "A", MEANT].rcode == "NXDOMAIN"
    assert alone["only2.dc.P", "A", MEANT].data("A") == ["192.0.2.251"]
    assert alone["10.1.2.3.Z", "A", MEANT].data("A") == ["10.1.2.3"]
    assert alone["v6only.example.com", "A", MEANT].rcode == "NXDOMAIN"


# -- what the resolver asks for itself ------------------------------------------------------------
# Name servers whose names are under a rule, in an address zone, and at a site.
SERVERS = "".join("""
stub-zone:
  name: "%s."
  stub-host: %s@@UPSTREAM@
""" % row for row in (("one.test", "ns.example.com"), ("two.test", "ns.ip.example.com"),
                      ("three.test", "ns.dc1.prd.example.com"), ("four.test", "ns.v6.example.com")))
SERVERS_DATA = RECORDS + "\n".join("""
{0}. 600 A 127.0.0.1
{0}. 600 AAAA ::1
www.{1}.test. 600 A 192.0.2.7
www.{1}.test. 600 AAAA 2001:db8::7
{1}.test. 600 NS {0}.
""".format(host, zone) for zone, host in (("one", "ns.example.com"), ("two", "ns.ip.example.com"), ("three", "ns.dc1.prd.example.com"),
                                          ("four", "ns.v6.example.com")))
OWN_QUESTIONS = QUESTIONS + tuple(itertools.product(
    ("www.one.test", "www.two.test", "www.three.test", "www.four.test", "ns.example.com", "ns.Z", "ns.dc1.P", "ns.dc.P", "ns.v6.example.com",
     "good.signed.test", "P", "dc1.P", "example.com"), ("A", "AAAA", "NS", "HTTPS")))


@pytest.mark.parametrize("server", ["harden-referral-path: yes", 'target-fetch-policy: "9 9 9 9 9"', "prefetch: yes\nprefetch-key: yes",
                                    "qname-minimisation-strict: yes", "qname-minimisation: no", "serve-expired: yes",
                                    "minimal-responses: no", "aggressive-nsec: yes\nharden-below-nxdomain: yes"], ids=lambda s: s.split(":")[0])
def test_options(lab, server):
    upstream_data = Data(SERVERS_DATA + "good.signed.test. 600 CNAME www.example.com.\n", APEXES, ent=True)
    anchor = upstream_data.sign("signed.test.")
    resolver = lab.resolver(data=upstream_data, modules=("synth", "noaaaa"), conf=data.conf(noaaaa={"answer": "nxdomain"}), extra=SERVERS,
                            server='%s\ntrust-anchor: "%s"' % (server, anchor))
    one_answer(resolver, OWN_QUESTIONS, rounds=1)
