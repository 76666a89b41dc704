# SPDX-License-Identifier: BSD-3-Clause
"""Site names: svc.dc.prd.example.com becomes a CNAME to the local site, or to a fallback, and is resolved to its end."""

import re
import shutil
import subprocess
import time

import pytest

import data
import tabletest
from data import expand
from harness import StartError, missing
from sitenames import MANY, MANY_LINES, SITES, THREE, in_order, start

pytestmark = pytest.mark.needs("synth")

SETS = (("synth",), ("synth", "noaaaa"))


@pytest.mark.parametrize("case", tabletest.cases(51, 69, *SETS))
def test_row(lab, case):
    tabletest.run_row(lab, *case)


# -- one CNAME, for every type ------------------------------------------------------------------


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


# -- which site ---------------------------------------------------------------------------------
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


TYPES = ("HTTPS", "SRV", "TXT", "AAAA", "MX")


@pytest.mark.parametrize("first", ["A", "HTTPS", "TXT"])
@pytest.mark.parametrize("word", ["nxdomain", "servfail"])
@pytest.mark.parametrize("on_error", ["fail", "next"])
def test_a_decides(lab, on_error, word, first):
    """A server or filter that denies or fails all types but A: none of them goes to another site than A."""
    resolver = start(lab, dict(THREE, on_error=on_error), SITES)
    for qtype in TYPES:
        resolver.upstream.rule(word, "one.dc1.prd.example.com.", qtype)
    expected = "CNAME one.dc1.P @120 + NXDOMAIN" if word == "nxdomain" else "SERVFAIL"
    lines = [("one.dc.P A", "CNAME one.dc1.P @120 + A 10.1.0.1")] + [("one.dc.P " + t, expected) for t in TYPES]
    lines.sort(key=lambda line: not line[0].endswith(" " + first))
    in_order(lab, resolver, *lines)
    assert resolver.upstream.count("one.dc2.prd.example.com.") == 0


@pytest.mark.parametrize("first", ["A", "HTTPS", "TXT"])
@pytest.mark.parametrize("word, expected", [("nxdomain", "CNAME both.dc2.P @20 + TXT there"), ("servfail", "SERVFAIL")])
def test_a_decides_against(lab, word, expected, first):
    """A is denied or fails where other types are: they go where A goes."""
    resolver = start(lab, dict(THREE, on_error="fail"), SITES + """
        both.dc1.prd.example.com. 600 TXT here
        both.dc2.prd.example.com. 600 TXT there
        """)
    resolver.upstream.rule(word, "both.dc1.prd.example.com.", "A")
    resolver.ask(expand("both.dc.P"), first)
    in_order(lab, resolver, ("both.dc.P TXT", expected), cached=True)


def test_an_alias_exists(lab):
    """For every type, wherever it leads: also a DNAME above the name, and an alias of a name that does not exist."""
    resolver = start(lab, THREE, SITES + """
        away.dc1.prd.example.com. 600 DNAME other.org.
        x.away.dc1.prd.example.com. 600 CNAME x.other.org.
        gone.dc1.prd.example.com. 600 CNAME nosuch.org.
        gone.dc2.prd.example.com. 600 A 10.2.0.9
        x.away.dc2.prd.example.com. 600 A 10.2.0.9
        """)
    in_order(lab, resolver, *[("%s.dc.P %s" % (qname, qtype), "CNAME %s.dc1.P @120 + CNAME %s + NXDOMAIN" % (qname, target))
                              for qtype in ("TXT", "A", "AAAA") for qname, target in (("gone", "nosuch.org"),
                                                                                      ("x.away", "x.other.org"))],
             ("gone.dc.P CNAME", "CNAME gone.dc1.P @120"), ("x.away.dc.P ANY", "CNAME x.away.dc1.P @120"))


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
