# SPDX-License-Identifier: BSD-3-Clause
"""One report is one line, whatever asks and however often: real resolvers in between."""

import random

import pytest

from harness import Expect, ask, missing
from reports import KEY, ZONE, Named, add_up, envelope, random_case

pytestmark = pytest.mark.needs("report")

RESOLVERS = {
    "unbound": "qname-minimisation: no",
    "unbound-qmin": "qname-minimisation: yes",
    "unbound-qmin-strict": "qname-minimisation: yes\nqname-minimisation-strict: yes",
    "unbound-0x20": "use-caps-for-id: yes\nqname-minimisation: yes",
    "bind": "qname-minimization off;",
    "bind-qmin": "qname-minimization relaxed;",
    "bind-qmin-strict": "qname-minimization strict;",
}
ASKED = {
    "txt": ["TXT"],
    "a": ["A"],
    "aaaa": ["AAAA"],
    "a-aaaa": ["A", "AAAA"],
    "a-then-txt": ["A", "TXT"],
}


def in_front(reports, resolver, which):
    if which.startswith("bind"):
        if Named.program() is None:
            missing("named is not installed (package bind9)")
        return reports.bind_in_front(resolver, RESOLVERS[which])
    return reports.in_front(resolver, RESOLVERS[which])


def expected(qtype, ident):
    return {"TXT": 'TXT "ok %s"' % ident, "A": "A 198.51.100.53",
            "AAAA": "ND(%s)" % ZONE}[qtype]


@pytest.mark.parametrize("require_tcp", [False, True], ids=["udp", "require-tcp"])
@pytest.mark.parametrize("which", RESOLVERS)
def test_through_a_resolver(reports, which, require_tcp):
    resolver = reports.resolver(zones=[{"zone": ZONE, "format": "envelope", "require-tcp": require_tcp,
                                        "ack-a": "198.51.100.53", "keys": {1: KEY}}])
    front = in_front(reports, resolver, which)
    idents = []
    for asked in ASKED.values():
        name, ident = envelope()
        # in more labels, so that there is something to minimise
        first, rest = name.split(".", 1)
        name = "%s.%s.%s.%s" % (first[:8], first[8:12], first[12:], rest)
        idents.append(ident)
        for qtype in asked:
            response = ask((front.address, front.port), name, qtype)
            problem = Expect(expected(qtype, ident)).check(response, at_most_ttl=True)
            assert problem is None, (which, qtype, problem, str(response))
    resolver.stop()
    assert resolver.reports.ids() == idents
    stats = resolver.reports.stats()
    add_up(stats)
    assert stats["accepted"] == len(idents)
    assert stats["malformed"] == {}
    # a resolver that minimises must really have done so for this to say anything
    assert (stats["partial"] > 0) == ("qmin" in which or "0x20" in which)
    verified = {l["sitebound"]["verified"] for l in resolver.reports.reports()}
    assert verified == ({"tcp"} if require_tcp else {"none"})


@pytest.mark.parametrize("which", [w for w in RESOLVERS if w.startswith("bind")])
def test_bind_keeps_minimising(reports, which):
    """A negative rcode for a part of a name would make it log that and stop."""
    resolver = reports.resolver()
    front = in_front(reports, resolver, which)
    for _ in range(5):
        name, _ = envelope()
        ask((front.address, front.port), "a.b.c.d." + name.split(".", 1)[1], "A")
    assert "disabling qname minimization" not in front.log()
    assert "SERVFAIL" not in front.log()


def test_stub_retries(reports):
    """0x20 variants, transports, RD, EDNS, other addresses of a resolver pool: one line."""
    resolver = reports.resolver()
    name, ident = envelope()
    rng = random.Random(1)
    count = 0
    for options in ({}, {"tcp": True}, {"rd": False}, {"edns": 0}, {"do": True}, {"cd": True},
                    {"source": "127.0.9.9"}):
        for qtype in ("A", "AAAA", "TXT"):
            response = resolver.ask(random_case(name, lambda: rng.randrange(2)), qtype, **options)
            assert Expect(expected(qtype, ident)).check(response) is None, (qtype, options)
            count += 1
    resolver.stop()
    assert resolver.reports.ids() == [ident]
    stats = resolver.reports.stats()
    assert (stats["accepted"], stats["duplicate"]) == (1, count - 1)


def test_two_threads_share_the_window(reports):
    resolver = reports.resolver(threads=2, rate_limit={"per-prefix": 0, "burst": 1, "total": 0})
    names = [envelope() for _ in range(200)]
    for _ in range(4):
        for name, ident in names:
            # each question is a socket of its own, so that both threads get some
            assert resolver.ask(name, "TXT").data("TXT") == ['"ok %s"' % ident]
    resolver.stop()
    assert resolver.reports.ids() and sorted(resolver.reports.ids()) == sorted(i for _, i in names)
    assert resolver.reports.stats()["duplicate"] == 600


def test_after_the_window_it_is_a_report_again(reports):
    resolver = reports.resolver(dedup_window=1)
    name, ident = envelope()
    resolver.ask(name, "TXT")
    resolver.reports.wait(lambda log: len(log.reports()) == 1)

    def again(log):
        resolver.ask(name, "TXT")
        return len(log.reports()) == 2
    resolver.reports.wait(again)
    resolver.stop()
    assert resolver.reports.ids() == [ident, ident]


def test_pattern_without_a_nonce_is_told_apart_by_prefix(reports):
    zone = {"zone": "p.example.net", "format": "pattern", "pattern": "^(?<code>[0-9]{3})\\.err$",
            "fields": {"code": "error.code"}, "tests": ["404.err"]}
    resolver = reports.resolver(zones=[zone])
    ids = set()
    for source in ("127.0.1.1", "127.0.1.2", "127.0.2.1"):
        for _ in range(2):
            response = resolver.ask("404.err.p.example.net", "TXT", source=source)
            ids.add(tuple(response.data("TXT")))
    resolver.stop()
    assert len(resolver.reports.reports()) == 2
    assert len(ids) == 2
    assert {l["client"]["ip"] for l in resolver.reports.reports()} == {"127.0.1.0", "127.0.2.0"}
