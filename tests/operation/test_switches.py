# SPDX-License-Identifier: BSD-3-Clause
"""The switches: live within two seconds, on every thread, for cached answers too; off is as without the module."""

import json
import time

import pytest

import data
import operation
import reports
import tabletest
from data import expand
from harness import Pending
from operation import EFFECT, ask_threads, start, status, switch, switch_and_wait, tool, touch, wait

pytestmark = pytest.mark.needs("report", "synth", "noaaaa")

P = "prd.example.com"

# a question, the module that decides it, and the zone
CASES = [
    ("10.1.2.3.Z", "A", "synth", "ip.example.com"),
    ("3.2.1.10.in-addr.arpa.", "PTR", "synth", "ip.example.com"),
    ("svc.dc.P", "A", "synth", P),
    ("svc.dc.P", "MX", "synth", P),
    ("only2.dc.P", "A", "synth", P),
    ("nosuch.dc.P", "A", "synth", P),
    ("www.example.com.", "AAAA", "noaaaa", "example.com"),
    ("h3.example.com.", "HTTPS", "noaaaa", "example.com"),
    ("alias.org.", "AAAA", "noaaaa", "example.com"),
    ("addr.org.", "A", "synth", "ip.example.com"),
    ("site.org.", "MX", "synth", P),
    ("x.r.example.net.", "TXT", "report", "r.example.net"),
]


def brief(response):
    return str(response.brief())


@pytest.mark.parametrize("threads", [2, 4])
@pytest.mark.parametrize("of", ["module", "zone"])
def test_in_force_within_two_seconds(lab, of, threads):
    """Off, on, reset, with warm caches and nothing asked in between: the very next answer of every thread is the new one."""
    resolver = start(lab, threads=threads)
    reference = lab.reference(resolver)
    switches = sorted({(module, zone if of == "zone" else None) for _, _, module, zone in CASES}, key=str)
    without = {case: brief(reference.ask(expand(case[0]), case[1])) for case in CASES}
    on = {}
    for case in CASES:
        answers = {brief(r) for r in ask_threads(resolver, case[0], case[1])}
        assert len(answers) == 1 and answers != {without[case]}, case
        on[case] = answers.pop()
    touch(resolver)
    for position, state, expected in (("off", "off", without), ("on", "on", on), ("off", "off", without),
                                      ("reset", "on", on)):
        # (warm already: every thread was asked twice at least)
        began = time.monotonic()
        for module, zone in switches:
            switch(resolver, position, module, zone)
        wait(lambda: all(status(resolver)[m, z or "."].state == state for m, z in switches),
             EFFECT - (time.monotonic() - began), "all switches " + state)
        for case in CASES:
            for response in ask_threads(resolver, case[0], case[1]):
                assert brief(response) == expected[case], "%s:\n%s" % (position, response)
    tabletest.settle(resolver)


def test_zone_wins_over_module(lab):
    """A zone's own switch does not regard the module's; the others follow the module."""
    resolver = start(lab)
    touch(resolver)
    switch_and_wait(resolver, "on", "synth", P)
    switch_and_wait(resolver, "off", "synth")
    found = status(resolver)
    assert found[("synth", P)].state == "on" and found[("synth", P)].source == "control"
    assert found[("synth", "stg.example.com")].state == "off"
    assert found[("synth", "ip.example.com")].state == "off"
    assert found[("noaaaa", ".")].state == "on"
    for _ in range(2):
        lab.expect(resolver, "svc.dc.P A", "CNAME svc.dc1.P @30 + A 10.1.1.5", expand, repeat=True)
    lab.expect(resolver, "10.1.2.3.Z A", "UP NXDOMAIN", expand)
    lab.expect(resolver, "www.example.com AAAA", "ND(example.com)", expand)
    switch_and_wait(resolver, "reset", "synth", P, "off")
    lab.expect(resolver, "svc.dc.P A", "UP NXDOMAIN", expand)
    switch_and_wait(resolver, "reset", "synth", state="on")
    lab.expect(resolver, "svc.dc.P A", "CNAME svc.dc1.P @30 + A 10.1.1.5", expand)
    lab.expect(resolver, "10.1.2.3.Z A", "A 10.1.2.3 @300", expand)


def test_many_changes_in_a_row(lab):
    """Only the last one counts, and the status does not pile up."""
    resolver = start(lab)
    touch(resolver)
    size = len(operation.published(resolver, "status"))
    for _ in range(25):
        for position in ("off", "on"):
            for zone in (None, "ip.example.com"):
                switch(resolver, position, "synth", zone)
                resolver.ask("10.1.2.3.ip.example.com.")
    switch_and_wait(resolver, "off", "synth", "ip.example.com")
    lab.expect(resolver, "10.1.2.3.Z A", "UP NXDOMAIN", expand)
    lab.expect(resolver, "svc.dc.P A", "CNAME svc.dc1.P @30 + A 10.1.1.5", expand)
    assert len(operation.published(resolver, "status")) == size
    tabletest.settle(resolver)


@pytest.mark.parametrize("lines, questions", [
    ([("synth.", "refuse")], {"10.1.2.3.Z A": "UP NXDOMAIN", "svc.dc.P A": "UP NXDOMAIN"}),
    ([("ip.example.com.synth.", "refuse")],
     {"10.1.2.3.Z A": "UP NXDOMAIN", "svc.dc.P A": "CNAME svc.dc1.P @30 + A 10.1.1.5"}),
    ([("synth", "refuse"), ("IP.Example.COM.synth", "transparent")],
     {"10.1.2.3.Z A": "A 10.1.2.3 @300", "svc.dc.P A": "UP NXDOMAIN"}),
    ([("noaaaa.", "refuse")], {"www.example.com AAAA": "UP NOERROR", "10.1.2.3.Z A": "A 10.1.2.3 @300"}),
    ([("example.com.noaaaa.", "refuse")], {"www.example.com AAAA": "UP NOERROR"}),
    ([("noaaaa.", "transparent")], {"www.example.com AAAA": "ND(example.com)"}),
    ([("report.", "refuse")], {"x.r.example.net TXT": "UP NXDOMAIN"}),
])
def test_defaults_in_unbound_conf(lab, lines, questions):
    """local-zone lines of the view are in force from the very first question on."""
    for question, expected in questions.items():
        # the first question of this resolver's life
        resolver = start(lab, lines=lines)
        lab.expect(resolver, question, expected, expand)
    found = touch(resolver)
    for name, kind in lines:
        zone, _, module = name.rstrip(".").lower().rpartition(".")
        assert found[(module, zone or ".")][::2] == (
            "off" if kind == "refuse" else "on", "unbound.conf"), found
    tabletest.settle(resolver)


def test_other_types_are_no_positions(lab):
    """A local zone of a switch's name that is neither refuse nor transparent, in unbound.conf and later, is as if it were
    not there."""
    resolver = start(lab, lines=[("synth.", "static")])
    found = touch(resolver)
    assert found[("synth", ".")][::2] == found[("report", ".")][::2] == ("on", "file")
    lab.expect(resolver, "10.1.2.3.Z A", "A 10.1.2.3 @300", expand)
    switch_and_wait(resolver, "off", "synth")
    resolver.control("view_local_zone sitebound synth. redirect")
    wait(lambda: status(resolver)[("synth", ".")].state == "on", EFFECT)
    lab.expect(resolver, "10.1.2.3.Z A", "A 10.1.2.3 @300", expand)
    assert status(resolver)[("synth", ".")].source == "file"


@pytest.mark.parametrize("slabs", [1, 64])
def test_many_messages_are_swept(lab, slabs):
    """More than go at once in a part of a table, and tables that are smaller than such a part."""
    upstream = lab.upstream(data.upstream_data())
    names = ["many%d.org." % number for number in range(600)]
    for name in names:
        upstream.data.add(name, 600, "CNAME", "www.example.com.")
    resolver = start(lab, modules=("noaaaa",), upstream=upstream, threads=1, server="msg-cache-slabs: %d" % slabs)
    for name in names:
        assert resolver.ask(name, "AAAA").data("AAAA") == []
    assert len(resolver.cached_messages("org.")) >= len(names)
    switch_and_wait(resolver, "off", "noaaaa")
    for name in names:
        assert resolver.ask(name, "AAAA").data("AAAA") != [], name


def test_defaults_can_be_overruled(lab):
    """`on` over a default of off; `reset` takes unbound.conf's line away too (until the next reload)."""
    resolver = start(lab, lines=[("noaaaa.", "refuse")])
    touch(resolver)
    lab.expect(resolver, "www.example.com AAAA", "UP NOERROR", expand)
    switch_and_wait(resolver, "on", "noaaaa")
    assert status(resolver)[("noaaaa", ".")].source == "control"
    lab.expect(resolver, "www.example.com AAAA", "ND(example.com)", expand)
    resolver.reload()
    lab.expect(resolver, "www.example.com AAAA", "UP NOERROR", expand)
    touch(resolver)
    switch_and_wait(resolver, "reset", "noaaaa", state="on")
    lab.expect(resolver, "www.example.com AAAA", "ND(example.com)", expand)


def test_since(lab):
    """The time of a change is the time of the change, on a resolver that slept, and a repeat does not move it."""
    resolver = start(lab, threads=4)
    began = int(time.time())
    found = touch(resolver)
    assert all(began - 5 <= s.since <= time.time() for s in found.values()), found
    # nothing but the control channel wakes this resolver up
    quiet = time.monotonic() + 2.2
    wait(lambda: time.monotonic() > quiet)
    began = int(time.time())
    switch_and_wait(resolver, "off", "synth")
    first = status(resolver)[("synth", ".")].since
    assert began <= first <= time.time(), "%s, not %s" % (first, began)
    switch(resolver, "off", "synth")
    switch_and_wait(resolver, "off", "noaaaa")
    assert status(resolver)[("synth", ".")].since == first


# -- off is as without the module ---------------------------------------------------------------
def table_questions(needs):
    """All questions of the table, as (qname, qtype, options)."""
    out = {}
    for lines in tabletest.ROWS.values():
        for variant, question, _, flags in lines:
            if variant != "base":
                continue
            options = {}
            for flag in flags:
                key, _, value = flag.partition("=")
                if key == "class":
                    options["qclass"] = value
                elif key == "rd":
                    options["rd"] = value == "1"
            qname, _, qtype = question.partition(" ")
            out[(expand(qname), qtype or "A", tuple(options.items()))] = None
    if "report" in needs:
        for qname in (reports.envelope()[0], "r.example.net", "e1aaaaaaa.r.example.net", "x.y.r.example.net"):
            for qtype in ("A", "AAAA", "TXT", "SOA", "NS", "MX", "ANY"):
                out[(qname, qtype, ())] = None
    return list(out)


@pytest.mark.parametrize("modules, ede", [
    (("synth",), False), (("noaaaa",), False), (("report",), False), (operation.ALL, True)],
    ids=lambda value: "+".join(value) if isinstance(value, tuple) else "ede" if value else "plain")
def test_off_is_as_without(lab, modules, ede):
    """A table of questions with warm caches: off as without the module, and on again as at first."""
    resolver = start(lab, modules=modules, threads=1, ede=ede)
    questions = table_questions(modules)
    options = {"edns": 0} if ede else {}
    reference = lab.reference(resolver)

    def answers(server):
        return [(server.ask(n, t, **options, **dict(o)).brief(), server.ask(n, t, **options, **dict(o)).brief())
                for n, t, o in questions]
    expected = answers(reference)
    on = answers(resolver)
    if modules != ("noaaaa",):
        assert sum(a != b for a, b in zip(on, expected)) > 20
    touch(resolver)
    for module in modules:
        switch_and_wait(resolver, "off", module)
    wrong = [(q, a, b) for q, a, b in zip(questions, answers(resolver), expected) if a != b]
    assert not wrong, "%d of %d differ: %s" % (len(wrong), len(questions), wrong[:3])
    for module in modules:
        switch_and_wait(resolver, "on", module)
    wrong = [(q, a, b) for q, a, b in zip(questions, answers(resolver), on) if a != b]
    assert not wrong, "%d of %d differ: %s" % (len(wrong), len(questions), wrong[:3])
    tabletest.settle(resolver)


def test_off_writes_no_reports(lab):
    resolver = start(lab)
    touch(resolver)
    name, ident = reports.envelope()
    resolver.ask(name, "TXT")
    switch_and_wait(resolver, "off", "report")
    resolver.ask(reports.envelope()[0], "TXT")
    switch_and_wait(resolver, "on", "report")
    last, last_ident = reports.envelope()
    resolver.ask(last, "TXT")
    resolver.stop()
    assert resolver.reports.ids() == [ident, last_ident]


# -- questions under way ------------------------------------------------------------------------
# what is held upstream, and the question that waits for it
HELD = {
    "on": [("ip.example.com.", "Z", "MX"),
           ("svc.dc1.prd.example.com.", "svc.dc.P", "A"),
           ("only2.dc2.prd.example.com.", "only2.dc.P", "A"),
           ("alias.org.", "alias.org.", "AAAA"),
           ("h3.example.com.", "h3.example.com.", "HTTPS")],
    "off": [("10.1.2.3.ip.example.com.", "10.1.2.3.Z", "A"),
            ("svc.dc.prd.example.com.", "svc.dc.P", "A"),
            ("www.example.com.", "www.example.com.", "AAAA"),
            ("alias.org.", "alias.org.", "AAAA"),
            ("h3.example.com.", "h3.example.com.", "HTTPS"),
            ("x.r.example.net.", "x.r.example.net.", "TXT")],
}


@pytest.mark.parametrize("late", [False, True], ids=["soon", "after the last sweep"])
@pytest.mark.parametrize("first", HELD)
def test_under_way(lab, first, late):
    """What upstream answers behind the switch is never cached behind it."""
    second = "off" if first == "on" else "on"
    # answers behind the switch, from a resolver that was never in the other position
    if second == "off":
        other = lab.resolver(data=data.upstream_data())
    else:
        other = start(lab, lab.folder / "other", report={"log": str(lab.folder / "other.jsonl")})
    expected = [other.ask(expand(n), t).brief() for _, n, t in HELD[first]]
    resolver = start(lab, threads=1)
    upstream = resolver.upstream
    touch(resolver)
    if first == "off":
        for module in operation.ALL:
            switch_and_wait(resolver, "off", module)
    # a site name that nobody has asked for before is not cached in any case
    for _, qname, qtype in HELD[first]:
        resolver.ask(expand(qname), qtype)
    resolver.flush()
    pending = []
    for held, qname, qtype in HELD[first]:
        upstream.rule("hold", held)
        before = upstream.count(held)
        pending.append(Pending((resolver.address, resolver.port), expand(qname), qtype))
        upstream.wait_for(held, count=before + 1)
    began = time.monotonic()
    for module in operation.ALL:
        switch(resolver, second, module)
    wait(lambda: all(status(resolver)[m, "."].state == second for m in operation.ALL), EFFECT)
    if late:
        # the cache is swept for a few seconds behind a change; then nobody looks any more
        wait(lambda: time.monotonic() > began + 5.2)
    upstream.release()
    for each in pending:
        each.result()
    for _ in range(2):
        for (_, qname, qtype), answer in zip(HELD[first], expected):
            response = resolver.ask(expand(qname), qtype)
            assert response.brief() == answer, str(response)
    tabletest.settle(resolver)


def test_alias_under_way(lab):
    """The job is switched off while the aliases to its names are looked up: upstream's word is behind them then."""
    questions = [("addr.org.", "A"), ("site.org.", "MX"), ("site.org.", "AAAA")]
    expected = [lab.resolver(data=data.upstream_data()).ask(*question).brief() for question in questions]
    resolver = start(lab, modules=("synth",), threads=1)
    touch(resolver)
    pending = []
    for qname, qtype in questions:
        resolver.upstream.rule("hold", qname, "CNAME")
        pending.append(Pending((resolver.address, resolver.port), qname, qtype))
        resolver.upstream.wait_for(qname, "CNAME")
    switch_and_wait(resolver, "off", "synth")
    resolver.upstream.release()
    for each, answer in zip(pending, expected):
        found = each.result().brief()
        assert (found[0], found[4:]) == (answer[0], answer[4:])
    for question, answer in zip(questions, expected):
        assert resolver.ask(*question).brief() == answer
    tabletest.settle(resolver)


def test_while_an_answer_is_validated(lab):
    """Upstream has answered before the switch, and the validator is done behind the last sweep."""
    upstream_data = data.upstream_data(ent=True)
    anchor = upstream_data.sign("example.com.")
    resolver = start(lab, upstream=lab.upstream(upstream_data), server='trust-anchor: "%s"' % anchor)
    touch(resolver)
    for module in ("synth", "noaaaa"):
        switch_and_wait(resolver, "off", module)
    resolver.flush()
    resolver.upstream.rule("hold", "example.com.", "DNSKEY")
    lines = (("10.1.2.3.Z A", "A 10.1.2.3 @300"), ("svc.dc.P A", "CNAME svc.dc1.P @30 + A 10.1.1.5"),
             ("h3.example.com HTTPS", 'HTTPS 1 . alpn="h3" ipv4hint="192.0.2.80"'))
    pending = []
    for question, _ in lines:
        qname, qtype = question.split()
        pending.append(Pending((resolver.address, resolver.port), expand(qname), qtype))
        resolver.upstream.wait_for(expand(qname), qtype)
    resolver.upstream.wait_for("example.com.", "DNSKEY")
    began = time.monotonic()
    for module in ("synth", "noaaaa"):
        switch_and_wait(resolver, "on", module)
    wait(lambda: time.monotonic() > began + 5.2)
    resolver.upstream.release()
    for each in pending:
        each.result()
    for _ in range(2):
        for question, expected in lines:
            lab.expect(resolver, question, expected, expand, repeat=True)
    tabletest.settle(resolver)


def test_with_cd(lab):
    """AAAA is cached apart for those who ask with CD."""
    resolver = start(lab)
    touch(resolver)
    for cd in (True, False) * 2:
        lab.expect(resolver, "alias.org AAAA", "CNAME www.example.com + NODATA(example.com)", expand, repeat=True, cd=cd)
    switch_and_wait(resolver, "off", "noaaaa")
    for cd in (True, False):
        lab.expect(resolver, "alias.org AAAA", "UP NOERROR", expand, cd=cd)


# -- nobody else sees it ------------------------------------------------------------------------
def test_invisible_to_clients(lab):
    """The names of the view do not answer, whatever is switched."""
    resolver = start(lab, upstream=lab.upstream(data.upstream_data()), forward=True)
    touch(resolver)
    switch_and_wait(resolver, "off", "synth")
    switch_and_wait(resolver, "off", "noaaaa", "example.com")
    reference = lab.reference(resolver)
    names = ["status." + m + "." for m in operation.ALL] + ["stats." + m + "." for m in operation.ALL]
    names += ["synth.", "noaaaa.", "example.com.noaaaa.", "sitebound.", "config."]
    for name in names:
        for qtype in ("TXT", "SOA", "A", "ANY"):
            response = resolver.ask(name, qtype)
            assert response.brief() == reference.ask(name, qtype).brief(), str(response)
            assert response.data("TXT") == [] and response.rcode == "NXDOMAIN"


def test_rules_of_one_zone(lab):
    """A zone that several rules name is one zone to who looks and switches."""
    both = {"synth": {"address-names": [{"zone": "prd.example.com"}],
                      "site-names": [{"label": "dc", "parents": ["prd.example.com"], "site": "dc1"},
                                     {"label": "dx", "parents": ["prd.example.com"], "site": "dc2"}]}}
    resolver = start(lab, modules=("synth",), text=both)
    answers = {"10.1.2.3.P A": "A 10.1.2.3 @300", "svc.dc.P A": "CNAME svc.dc1.P @300 + A 10.1.1.5",
               "svc.dx.P A": "CNAME svc.dc2.P @300 + A 10.2.1.5"}
    for question, expected in answers.items():
        for _ in range(2):
            lab.expect(resolver, question, expected, expand, repeat=True)
    wait(lambda: operation.counters(resolver) == {("synth", P, "address"): 2, ("synth", P, "site_local"): 4}, EFFECT)
    assert set(status(resolver)) == {("synth", "."), ("synth", P)}
    switch_and_wait(resolver, "off", "synth", P)
    for question in answers:
        lab.expect(resolver, question, "UP NXDOMAIN", expand)


@pytest.mark.parametrize("letters", [55, 61])
def test_long_zone(lab, letters):
    """Of a zone too long for a TXT record nothing is published, nor logged each second; it works. So does one that is
    too long for a switch."""
    zone = ".".join(["x" * 60] * 3 + ["y" * letters, "com"])
    resolver = start(lab, modules=("noaaaa",), text={"noaaaa": [{"zones": [zone, "example.com"], "answer": "nodata"}]})
    for round_ in (1, 2):
        lab.expect(resolver, "w.%s AAAA" % zone, "ND(%s)" % zone)
        lab.expect(resolver, "www.example.com AAAA", "ND(example.com)")
        wait(lambda n=round_: operation.counters(resolver).get(("noaaaa", "example.com", "nodata")) == n, EFFECT)
    assert set(status(resolver)) == {("noaaaa", "."), ("noaaaa", "example.com")}
    tabletest.settle(resolver)


def test_thousands_of_zones(lab):
    """All are published, in memory that does not grow with their square, and no answer waits for it."""
    count = 5000
    resolver = start(lab, modules=("noaaaa",), threads=1, text={"noaaaa": [
        {"zones": ["z%d.example.com" % n for n in range(count)], "answer": "nodata"}]})
    before = operation.resident(resolver)
    for number in range(count):
        resolver.ask("x.z%d.example.com." % number, "AAAA")
    wait(lambda: len(operation.counters(resolver)) == count, 10, "all counters")
    assert len(status(resolver)) == count + 1
    assert operation.resident(resolver) - before < 64 << 20
    answer = tool(resolver, "status", "--json")
    assert len(json.loads(answer.stdout)) == count + 1, answer
    switch_and_wait(resolver, "off", "noaaaa", "z4999.example.com")
    lab.expect(resolver, "x.z4999.example.com AAAA", "UP NXDOMAIN", expand)
    lab.expect(resolver, "x.z4998.example.com AAAA", "ND(z4998.example.com)", expand)
    tabletest.settle(resolver)


def test_without_the_view(lab):
    """No view: no switches, no status, and all else works."""
    resolver = start(lab, view="")
    for _ in range(3):
        lab.expect(resolver, "10.1.2.3.Z A", "A 10.1.2.3 @300", expand)
    assert "no view" in resolver.control("view_list_local_data sitebound")
    tabletest.settle(resolver)


def test_view_without_view_first(lab):
    """A view with its name alone does, too."""
    resolver = start(lab, view='view:\n  name: "sitebound"\n')
    touch(resolver)
    switch_and_wait(resolver, "off", "synth")
    lab.expect(resolver, "10.1.2.3.Z A", "UP NXDOMAIN", expand)
    switch_and_wait(resolver, "reset", "synth", state="on")
    lab.expect(resolver, "10.1.2.3.Z A", "A 10.1.2.3 @300", expand)
