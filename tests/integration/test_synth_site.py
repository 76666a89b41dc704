# SPDX-License-Identifier: BSD-3-Clause
"""Site names: svc.dc.prd.example.com becomes a CNAME to the local site, or to a fallback, and is resolved to its end."""

import itertools
import re
import shutil
import subprocess
import time

import pytest

import data
import tabletest
from conftest import missing
from data import expand
from harness import Pending, StartError
from upstream import Data, key

pytestmark = pytest.mark.needs("synth")

SETS = (("synth",), ("synth", "noaaaa"))
APEXES = data.APEXES + ("test.",)


def start(lab, changes=None, records="", ent=False, servfail=(), **options):
    """A resolver with the table's configuration and data, changed."""
    if "upstream" not in options:
        upstream_data = data.upstream_data(ent)
        for owner, node in Data(records).records.items():
            upstream_data.records.setdefault(owner, {}).update(node)
        options["upstream"] = lab.upstream(upstream_data)
    for owner in servfail:
        options["upstream"].rule("servfail", expand(owner))
    options.setdefault("modules", ("synth",))
    options.setdefault("conf", data.conf(site=changes or {}))
    return lab.resolver(**options)


def in_order(lab, resolver, *lines, cached=False):
    """Questions in order, then all once more. Nothing may be logged. With `cached` TTLs may be smaller from the start."""
    for repeat in (cached, True):
        for question, expected in lines:
            lab.expect(resolver, question, expected, expand, repeat=repeat)
    tabletest.settle(resolver)


def cached_ttl(resolver, qname, qtype):
    """The TTL of a message in the cache, None when it is not there."""
    for line in resolver.cached_messages(qname):
        fields = line.split()
        if key(fields[1]) == key(qname) and fields[3] == qtype:
            return int(fields[6])
    return None


@pytest.mark.parametrize("case", tabletest.cases(51, 69, *SETS))
def test_row(lab, case):
    tabletest.run_row(lab, *case)


# -- one CNAME, for every type ------------------------------------------------------------------
MANY = """
svc.dc1.prd.example.com. 600 MX 10 mx.example.com.
svc.dc1.prd.example.com. 600 TXT "one" "two"
svc.dc1.prd.example.com. 600 HTTPS 1 . alpn="h2"
svc.dc1.prd.example.com. 600 CAA 0 issue "example.net"
svc.dc1.prd.example.com. 600 TYPE65280 \\# 3 010203
"""
MANY_LINES = (
    ("svc.dc.P A", "CNAME svc.dc1.P @30 + A 10.1.1.5"),
    ("svc.dc.P AAAA", "CNAME svc.dc1.P @30 + AAAA 2001:db8::15"),
    ("svc.dc.P MX", "CNAME svc.dc1.P @30 + MX 10 mx.example.com."),
    ("svc.dc.P TXT", 'CNAME svc.dc1.P @30 + TXT "one" "two"'),
    ("svc.dc.P SRV", "CNAME svc.dc1.P @30 + SRV 1 2 443 svc.dc1.prd.example.com."),
    ("svc.dc.P HTTPS", 'CNAME svc.dc1.P @30 + HTTPS 1 . alpn="h2"'),
    ("svc.dc.P CAA", 'CNAME svc.dc1.P @30 + CAA 0 issue "example.net"'),
    ("svc.dc.P TYPE65280", "CNAME svc.dc1.P @30 + TYPE65280 \\# 3 010203"),
    ("svc.dc.P NAPTR", "CNAME svc.dc1.P @30 + NODATA"),
    ("svc.dc.P TYPE65281", "CNAME svc.dc1.P @30 + NODATA"),
    ("svc.dc.P PTR", "CNAME svc.dc1.P @30 + NODATA"),
    ("svc.dc.P CNAME", "CNAME svc.dc1.P @30"),
    ("svc.dc.P ANY", "CNAME svc.dc1.P @30"),
)


@pytest.mark.parametrize("order", ["as written", "reversed", "CNAME first"])
def test_every_type(lab, order):
    resolver = start(lab, records=MANY)
    lines = list(MANY_LINES)
    if order == "reversed":
        lines.reverse()
    elif order == "CNAME first":
        lines = lines[-2:] + lines[:-2]
    in_order(lab, resolver, *lines)


@pytest.mark.parametrize("how", [{"cd": True}, {"do": True}, {"tcp": True}, {"do": True, "cd": True, "ad": True}],
                         ids=["cd", "do", "tcp", "all"])
def test_every_way_to_ask(lab, how):
    """Each way first and the plain one after it, and the other way round, from one cache."""
    resolver = start(lab, records=MANY, threads=2)
    for question, expected in MANY_LINES:
        for extra in (how, {}, how):
            lab.expect(resolver, question, expected, expand, repeat=True, **extra)
    tabletest.settle(resolver)


@pytest.mark.parametrize("question, expected", [
    ("SVC.dC.pRd.example.com A", "CNAME svc.dc1.P @30 + A 10.1.1.5"),
    ("only2.DC.PRD.EXAMPLE.COM A", "CNAME only2.dc2.P @30 + A 10.2.1.6"),
    ("x.dc.stg.example.com A", "CNAME x.dc1.stg.example.com + NXDOMAIN"),
    ("dc.stg.example.com A", "NODATA"),
    ("DC.stg.example.com TXT", "NODATA"),
    ("dc.dc.dc.P A", "CNAME dc.dc.dc1.P + NXDOMAIN"),
    ("dc1.dc.P A", "CNAME dc1.dc1.P + NXDOMAIN"),
    ("a\\046b.dc.P A", "CNAME a\\046b.dc1.prd.example.com. + NXDOMAIN"),
    ("a\\000\\255+b.dc.P A", "CNAME a\\000\\255+b.dc1.prd.example.com. + NXDOMAIN"),
    ("*.dc.P A", "CNAME *.dc1.P + NXDOMAIN"),
    ("svc.dc.x.P A", "UP NXDOMAIN"),
    ("svc.dcx.P A", "UP NXDOMAIN"),
    ("svc.dc1.P A", "UP NOERROR"),
    ("svc.dc2.P A", "UP NOERROR"),
    ("P A", "UP NXDOMAIN"),
    ("svc.dc.example.com A", "UP NXDOMAIN"),
    ("svc.dc.xprd.example.com A", "UP NXDOMAIN"),
])
def test_names(lab, question, expected):
    resolver = start(lab)
    in_order(lab, resolver, (question, expected))


def test_class_is_in(lab):
    resolver = start(lab)
    assert resolver.ask(expand("svc.dc.P"), "A", qclass="CH").answer == []
    tabletest.settle(resolver)


def test_large_answer(lab):
    """A target with many records: truncated over UDP, whole over TCP, first and from the cache."""
    records = "".join("big.dc1.prd.example.com. 600 A 10.9.%d.%d\n" % (i // 250, i % 250 + 1) for i in range(400))
    resolver = start(lab, records=records)
    for _ in range(2):
        response = resolver.ask(expand("big.dc.P"), "A")
        assert response.flag("TC"), str(response)
        response = resolver.ask(expand("big.dc.P"), "A", tcp=True)
        assert not response.flag("TC") and len(response.answer) == 401


# -- which site ---------------------------------------------------------------------------------
THREE = {"fallback": ["dc2", "dc3"], "ttl": 120, "fallback-ttl": 20}
SITES = """
one.dc1.prd.example.com. 600 A 10.1.0.1
one.dc2.prd.example.com. 600 A 10.2.0.1
one.dc3.prd.example.com. 600 A 10.3.0.1
two.dc2.prd.example.com. 600 A 10.2.0.2
two.dc3.prd.example.com. 600 A 10.3.0.2
three.dc3.prd.example.com. 600 A 10.3.0.3
txt.dc1.prd.example.com. 600 TXT here
txt.dc2.prd.example.com. 600 A 10.2.0.4
txt2.dc2.prd.example.com. 600 TXT there
txt2.dc3.prd.example.com. 600 A 10.3.0.5
below.ent.dc1.prd.example.com. 600 A 10.1.0.6
ent.dc2.prd.example.com. 600 A 10.2.0.6
"""


@pytest.mark.parametrize("question, expected", [
    ("one.dc.P A", "CNAME one.dc1.P @120 + A 10.1.0.1"),
    ("two.dc.P A", "CNAME two.dc2.P @20 + A 10.2.0.2"),
    ("two.dc.P TXT", "CNAME two.dc2.P @20 + NODATA"),
    ("three.dc.P A", "CNAME three.dc3.P @20 + A 10.3.0.3"),
    ("three.dc.P CNAME", "CNAME three.dc3.P @20"),
    ("two.dc.P ANY", "CNAME two.dc2.P @20"),
    ("one.dc.P CNAME", "CNAME one.dc1.P @120"),
    ("txt.dc.P A", "CNAME txt.dc1.P @120 + NODATA"),
    ("txt.dc.P TXT", "CNAME txt.dc1.P @120 + TXT here"),
    ("txt2.dc.P A", "CNAME txt2.dc2.P @20 + NODATA"),
    ("none.dc.P A", "CNAME none.dc1.P + NXDOMAIN"),
    ("none.dc.P MX", "CNAME none.dc1.P + NXDOMAIN"),
])
def test_fallback(lab, question, expected):
    resolver = start(lab, THREE, SITES)
    in_order(lab, resolver, (question, expected))


def test_one_site_for_all_types(lab):
    """All types of a name come from one site, in any order, from one cache."""
    resolver = start(lab, THREE, SITES)
    lines = [("%s.dc.P %s" % (name, qtype), site) for name, site in (("one", "dc1"), ("two", "dc2"), ("three", "dc3"),
                                                                    ("txt", "dc1"), ("txt2", "dc2"))
             for qtype in ("TXT", "A", "CNAME", "ANY", "AAAA", "SRV")]
    for ordered in (lines, lines[::-1]):
        resolver.flush()
        for question, site in ordered * 2:
            qname, qtype = question.split()
            response = resolver.ask(expand(qname), qtype)
            assert response.rcode == "NOERROR", str(response)
            assert response.answer[0][2:] == ("CNAME", "%s.%s.prd.example.com." % (qname.split(".")[0], site)), \
                str(response)
    tabletest.settle(resolver)


def test_empty_non_terminal_exists(lab):
    """A name with only names below it exists at the site: no fallback."""
    resolver = start(lab, THREE, SITES, ent=True)
    in_order(lab, resolver, ("ent.dc.P A", "CNAME ent.dc1.P @120 + NODATA"))
    assert resolver.upstream.count("ent.dc2.prd.example.com.") == 0


def test_only_the_sites_needed_are_asked(lab):
    resolver = start(lab, THREE, SITES)
    lab.expect(resolver, "two.dc.P A", "CNAME two.dc2.P @20 + A 10.2.0.2", expand)
    assert resolver.upstream.count("two.dc3.prd.example.com.") == 0
    assert resolver.upstream.count("two.dc.prd.example.com.") == 0
    assert resolver.upstream.count("dc.prd.example.com.") == 0


def test_no_fallback(lab):
    resolver = start(lab, {"fallback": None})
    in_order(lab, resolver, ("only2.dc.P A", "CNAME only2.dc1.P + NXDOMAIN"),
             ("svc.dc.P A", "CNAME svc.dc1.P @30 + A 10.1.1.5"))
    assert resolver.upstream.count("only2.dc2.prd.example.com.") == 0


def test_default_ttls(lab):
    resolver = start(lab, {"ttl": None, "fallback-ttl": None})
    in_order(lab, resolver, ("svc.dc.P A", "CNAME svc.dc1.P @300 + A 10.1.1.5"),
             ("only2.dc.P A", "CNAME only2.dc2.P @30 + A 10.2.1.6"))


def test_target_is_a_cname(lab):
    resolver = start(lab, records="""
        c.dc1.prd.example.com. 600 CNAME www.example.com.
        d.dc1.prd.example.com. 600 CNAME nosuch.example.com.
        """)
    in_order(lab, resolver,
             ("c.dc.P A", "CNAME c.dc1.P @30 + CNAME www.example.com + A 192.0.2.80"),
             ("c.dc.P MX", "CNAME c.dc1.P @30 + CNAME www.example.com + NODATA"),
             ("c.dc.P CNAME", "CNAME c.dc1.P @30"))


def test_several_rules(lab):
    conf = data.conf()
    conf["synth"]["site-names"].append({"label": "local", "parents": ["prd.example.com"], "site": "dc2", "ttl": 11})
    resolver = start(lab, conf=conf)
    in_order(lab, resolver, ("svc.dc.P A", "CNAME svc.dc1.P @30 + A 10.1.1.5"),
             ("svc.local.P A", "CNAME svc.dc2.P @11 + A 10.2.1.5"), ("local.P A", "NODATA"),
             ("svc.local.stg.example.com A", "UP NXDOMAIN"))


def test_a_rule_that_leads_to_a_rule(lab):
    """dc -> local -> dc1: each alias is shown, and the end is reached."""
    conf = data.conf(site={"site": "local", "fallback": None})
    conf["synth"]["site-names"].append({"label": "local", "parents": ["prd.example.com"], "site": "dc1", "ttl": 30})
    resolver = start(lab, conf=conf)
    in_order(lab, resolver, ("svc.dc.P A", "CNAME svc.local.P @30 + CNAME svc.dc1.P @30 + A 10.1.1.5"),
             ("svc.dc.P MX", "CNAME svc.local.P + CNAME svc.dc1.P + NODATA"),
             ("nosuch.dc.P A", "CNAME nosuch.local.P + CNAME nosuch.dc1.P + NXDOMAIN"))


@pytest.mark.parametrize("qtype", ["A", "TXT"])
def test_rules_that_lead_to_each_other(lab, qtype):
    """dc -> other -> dc: refused when read, or SERVFAIL soon."""
    conf = data.conf(site={"site": "other", "fallback": None})
    conf["synth"]["site-names"].append({"label": "other", "parents": ["prd.example.com"], "site": "dc"})
    try:
        resolver = start(lab, conf=conf)
    except StartError as error:
        assert re.search(r"sitebound\.yaml:\d+:\d+: ", error.log), error.log
        return
    for qname in ("svc.dc.P", "svc.other.P") * 2:
        began = time.monotonic()
        lab.expect(resolver, "%s %s" % (qname, qtype), "SERVFAIL", expand)
        assert time.monotonic() - began < 5
    tabletest.settle(resolver)


@pytest.mark.parametrize("qtype", ["A", "CNAME"])
def test_rule_that_leads_to_itself(lab, qtype):
    """The site is called as the label: refused when read, or SERVFAIL."""
    try:
        resolver = start(lab, {"site": "dc", "fallback": None})
    except StartError as error:
        assert re.search(r"sitebound\.yaml:\d+:\d+: ", error.log), error.log
        return
    lab.expect(resolver, "svc.dc.P " + qtype, "SERVFAIL", expand)
    tabletest.settle(resolver)


# -- errors -------------------------------------------------------------------------------------
@pytest.mark.parametrize("on_error", ["fail", "next", None])
@pytest.mark.parametrize("qtype", ["A", "TXT"])
@pytest.mark.parametrize("bad, where, expected_next, expected_fail", [
    (("one.dc1.P",), "one", "CNAME one.dc2.P @20 + {} ", "SERVFAIL"),
    (("two.dc2.P",), "two", "CNAME two.dc3.P @20 + {}", "SERVFAIL"),
    (("none.dc1.P",), "none", "SERVFAIL", "SERVFAIL"),
    (("none.dc2.P",), "none", "SERVFAIL", "SERVFAIL"),
    (("none.dc3.P",), "none", "SERVFAIL", "SERVFAIL"),
    (("none.dc1.P", "none.dc2.P", "none.dc3.P"), "none", "SERVFAIL", "SERVFAIL"),
    (("one.dc2.P",), "one", "CNAME one.dc1.P @120 + {}", "CNAME one.dc1.P @120 + {}"),
])
def test_errors(lab, bad, where, expected_next, expected_fail, on_error, qtype):
    resolver = start(lab, dict(THREE, on_error=on_error), SITES, servfail=bad)
    expected = expected_next if on_error == "next" else expected_fail
    address = {"one.dc2": "10.2.0.1", "two.dc3": "10.3.0.2", "one.dc1": "10.1.0.1"}
    for target, rdata in address.items():
        if target in expected:
            expected = expected.format("A " + rdata if qtype == "A" else "NODATA").strip()
    in_order(lab, resolver, ("%s.dc.P %s" % (where, qtype), expected))


@pytest.mark.parametrize("on_error, expected", [("fail", "SERVFAIL"), ("next", "CNAME one.dc2.P @20 + A 10.2.0.1")])
def test_timeout(lab, on_error, expected):
    """A site that does not answer is an error of that site."""
    resolver = start(lab, dict(THREE, on_error=on_error), SITES, threads=1, extra="""
stub-zone:
  name: "dc1.prd.example.com"
  stub-addr: ::1@@UPSTREAM@
server:
  unknown-server-time-limit: 100
  infra-cache-min-rtt: 100
  infra-cache-max-rtt: 1000
  outbound-msg-retry: 2
  qname-minimisation: no
  do-ip6: yes
""")
    if not resolver.upstream.has_ipv6:
        missing("::1 is not there")
    resolver.upstream.rule("silent", "one.dc1.prd.example.com.")
    lab.expect(resolver, "one.dc.P A", expected, expand)


def test_recovery(lab):
    """A failure is not kept: when the site is back, so is its answer."""
    resolver = start(lab, dict(THREE, on_error="next"), SITES, servfail=("one.dc1.P", "none.dc1.P"))
    lab.expect(resolver, "one.dc.P A", "CNAME one.dc2.P @20 + A 10.2.0.1", expand)
    lab.expect(resolver, "none.dc.P A", "SERVFAIL", expand)
    resolver.upstream.rule(None, "one.dc1.prd.example.com.")
    resolver.upstream.rule(None, "none.dc1.prd.example.com.")
    resolver.flush()
    lab.expect(resolver, "one.dc.P A", "CNAME one.dc1.P @120 + A 10.1.0.1", expand)
    lab.expect(resolver, "none.dc.P A", "CNAME none.dc1.P + NXDOMAIN", expand)


# -- length and loops ---------------------------------------------------------------------------
def long_name(octets, rest):
    """A name of so many octets on the wire that ends in `rest`."""
    room = octets - len(rest) - 1
    labels = []
    while room > 0:
        size = min(63, room - 1) if room != 65 else 62
        labels.append("x" * size)
        room -= size + 1
    out = ".".join(labels) + "." + rest
    assert len(out) + 1 == octets
    return out


@pytest.mark.parametrize("octets, site, fits", [(254, "dc1", True), (255, "dc1", False), (253, "dc1", True),
                                                (255, "d1", True), (250, "dc1site", True), (251, "dc1site", False)])
@pytest.mark.parametrize("qtype", ["A", "CNAME", "ANY", "TXT"])
def test_length(lab, octets, site, fits, qtype):
    resolver = start(lab, {"site": site, "fallback": None})
    qname = long_name(octets, "dc.prd.example.com.")
    for extra in ({"edns": 0}, {"cd": True, "edns": 0}, {"tcp": True}, {"edns": 0}):
        response = resolver.ask(qname, qtype, **extra)
        if fits:
            assert response.answer[0][3] == qname.replace(".dc.prd.", ".%s.prd." % site), str(response)
            if qtype in ("A", "TXT"):
                assert response.rcode == "NXDOMAIN"
        else:
            assert response.rcode == "YXDOMAIN", str(response)
    tabletest.settle(resolver, no_upstream=not fits)


def test_length_at_a_fallback(lab):
    """Only the fallback's name is too long: what the local site says is answered."""
    resolver = start(lab, {"fallback": ["dc2isfaraway"]})
    qname = long_name(254, "dc.prd.example.com.")
    for _ in range(2):
        response = resolver.ask(qname, "A", tcp=True)
        assert response.rcode in ("NXDOMAIN", "YXDOMAIN"), str(response)
    tabletest.settle(resolver)


@pytest.mark.parametrize("forward", [False, True], ids=["stub", "forward"])
@pytest.mark.parametrize("on_error", ["fail", "next"])
def test_loops(lab, on_error, forward):
    """Targets that lead back: SERVFAIL soon, the daemon goes on."""
    resolver = start(lab, {"on_error": on_error, "fallback": None}, """
        self.dc1.prd.example.com. 600 CNAME self.dc.prd.example.com.
        ping.dc1.prd.example.com. 600 CNAME pong.dc.prd.example.com.
        pong.dc1.prd.example.com. 600 CNAME ping.dc.prd.example.com.
        """, forward=forward)
    for qname in ("self.dc.P", "self.dc.P"):
        began = time.monotonic()
        for qtype in ("A", "TXT", "AAAA"):
            lab.expect(resolver, "%s %s" % (qname, qtype), "SERVFAIL", expand)
        assert time.monotonic() - began < 5
    began = time.monotonic()
    for qname in ("ping.dc.P", "pong.dc.P"):
        resolver.ask(expand(qname), "A")
    assert time.monotonic() - began < 5
    lab.expect(resolver, "svc.dc.P A", "CNAME svc.dc1.P @30 + A 10.1.1.5", expand)
    assert resolver.upstream.count() < 60
    tabletest.settle(resolver)


# -- cache --------------------------------------------------------------------------------------
def test_cached_for_its_own_type(lab):
    resolver = start(lab, records=MANY)
    for qtype in ("A", "SRV", "MX", "TXT", "NAPTR"):
        for _ in range(4):
            resolver.ask(expand("svc.dc.P"), qtype)
            assert resolver.upstream.count("svc.dc1.prd.example.com.", qtype) == 1
        assert cached_ttl(resolver, expand("svc.dc.P"), qtype) is not None
    assert resolver.cached_messages("dc.prd.example.com.") != []


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
    cached = cached_ttl(resolver, expand("t.dc.P"), qtype)
    assert cached is not None and limit - 2 <= cached <= limit, cached
    again = resolver.ask(expand("t.dc.P"), qtype)
    for before, after in zip(first.answer, again.answer):
        assert (before[0], before[2:]) == (after[0], after[2:])
        assert after[1] <= before[1]


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


SITE_LINES = (("svc.dc.P A", "CNAME svc.dc1.P @30 + A 10.1.1.5"), ("svc.dc.P SRV",
               "CNAME svc.dc1.P @30 + SRV 1 2 443 svc.dc1.prd.example.com."), ("svc.dc.P CNAME", "CNAME svc.dc1.P @30"),
              ("svc.dc.P MX", "CNAME svc.dc1.P @30 + NODATA"), ("dc.P A", "NODATA"), ("dc.P TXT", "NODATA"),
              ("only2.dc.P A", "CNAME only2.dc2.P @30 + A 10.2.1.6"), ("P A", "UP NXDOMAIN"))


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
        in_order(lab, resolver, *SITE_LINES, cached=number > 0)


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
    held = "alias2.test." if resolver.forward else "x.y.svc.dc.prd.example.com."
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


# -- the site from the host's name --------------------------------------------------------------
def hostname_wrapper(hostname):
    """Run the resolver in its own UTS namespace under another host name."""
    unshare = shutil.which("unshare")
    if not unshare or subprocess.run([unshare, "--uts", "true"], check=False, capture_output=True).returncode:
        missing("unshare --uts is not possible here (it needs root)")
    return [unshare, "--uts", "sh", "-c", 'hostname "$0" && exec "$@"', hostname]


SITE = {"hostname": "^(?<site>[a-z0-9]+)-"}


def test_site_from_hostname(lab):
    resolver = start(lab, {"site": SITE, "fallback": None}, wrapper=hostname_wrapper("dc2-web-07.example.net"))
    in_order(lab, resolver, ("svc.dc.P A", "CNAME svc.dc2.P @30 + A 10.2.1.5"))


def test_site_from_hostname_without_match(lab):
    with pytest.raises(StartError) as error:
        start(lab, {"site": SITE, "fallback": None}, wrapper=hostname_wrapper("localhost"))
    assert "sitebound.yaml" in error.value.log and error.value.status > 0
