# SPDX-License-Identifier: BSD-3-Clause
"""The modules among Unbound's other modules, limits and commands."""

import itertools
import socket
import time

import pytest

import data
import tabletest
from data import expand
from harness import Pending

pytestmark = pytest.mark.needs("synth", "noaaaa")

LINES = (
    ("10.1.2.3.Z A", "A 10.1.2.3 @300"),
    ("10.1.2.3.Z TXT", "ND(Z)"),
    ("10.66.0.1.Z A", "NX(Z)"),
    ("3.2.1.10.in-addr.arpa PTR", "PTR 10-1-2-3.Z @300"),
    ("svc.dc.P A", "CNAME svc.dc1.P @30 + A 10.1.1.5"),
    ("only2.dc.P A", "CNAME only2.dc2.P @30 + A 10.2.1.6"),
    ("nosuch.dc.P A", "CNAME nosuch.dc1.P + NXDOMAIN"),
    ("svc.dc.P SRV", "CNAME svc.dc1.P @30 + SRV 1 2 443 svc.dc1.prd.example.com."),
    ("www.example.com AAAA", "ND(example.com)"),
    ("alias.org AAAA", "CNAME www.example.com + NODATA(example.com)"),
    ("h3.example.com HTTPS", 'HTTPS 1 . alpn="h3" ipv4hint="192.0.2.80"'),
    ("www.example.com A", "UP NOERROR"),
    ("x.notexample.com AAAA", "UP NOERROR"),
)


def start(lab, modules=("synth", "noaaaa"), **options):
    options.setdefault("conf", data.conf())
    return lab.resolver(data=data.upstream_data(), modules=modules, **options)


def all_lines(lab, resolver, lines=LINES):
    for repeat in (False, True, True):  # a site name is in the cache after its second ask
        for question, expected in lines:
            lab.expect(resolver, question, expected, expand, repeat=repeat)
    tabletest.settle(resolver)


@pytest.mark.parametrize("chain", [
    "dynlib iterator",
    "dynlib validator iterator",
    "validator dynlib iterator",
    "dynlib respip validator iterator",
    "dynlib subnetcache validator iterator",
])
def test_chains(lab, chain):
    if "subnetcache" in chain:
        options = {"server": 'send-client-subnet: 127.0.0.1\nclient-subnet-zone: "other.test."\nmax-client-subnet-ipv4: 24'}
    else:
        options = {}
    all_lines(lab, start(lab, module_config=chain, **options))


def test_policy_zone(lab, tmp_path):
    """RPZ: a rule for the name that is asked goes before the modules, as a local zone does; one for an address does not
    change what they compute."""
    zone = tmp_path / "policy"
    denied = ("x.notexample.com.", expand("10.9.9.9.Z") + ".")
    zone.write_text("$ORIGIN policy.test.\n@ 60 SOA a. b. 1 3600 600 86400 60\n32.3.2.1.10.rpz-ip CNAME .\n"
                    + "".join("%s CNAME .\n" % name.rstrip(".") for name in denied))
    resolver = start(lab, module_config="dynlib respip validator iterator",
                     extra='rpz:\n  name: "policy.test."\n  zonefile: "%s"\n' % zone)
    for name in denied * 2:
        assert resolver.ask(name.rstrip(".") + ".", "A").rcode == "NXDOMAIN"
    all_lines(lab, resolver, [line for line in LINES if not line[0].startswith("x.notexample.com")])


def test_dns64(lab):
    """dns64 behind the modules: what they answer stands, what they pass is dns64's."""
    resolver = start(lab, module_config="dynlib dns64 validator iterator", server="dns64-prefix: 64:ff9b::/96")
    all_lines(lab, resolver, [line for line in LINES if "AAAA" not in line[0]] +
              [("www.example.com AAAA", "ND(example.com)"), ("10.1.2.3.Z AAAA", "ND(Z)")])


@pytest.mark.parametrize("server", [
    "use-caps-for-id: yes", "deny-any: yes", "hide-identity: yes", "harden-referral-path: yes", "harden-large-queries: yes",
    "ignore-cd-flag: yes", "serve-expired: yes\nserve-expired-client-timeout: 1800", "val-clean-additional: no",
    "msg-cache-size: 0\nrrset-cache-size: 0", "cache-max-ttl: 0", "outgoing-num-tcp: 1\ntcp-upstream: yes",
    "private-address: 10.0.0.0/8\nprivate-domain: example.com", "unwanted-reply-threshold: 10000",
], ids=lambda s: s.split(":")[0])
def test_server_options(lab, server):
    all_lines(lab, start(lab, server=server),
              [line for line in LINES if not (server.startswith(("cache-max-ttl", "msg-cache")) and "UP" in line[1])])


def test_dump_and_load_cache(lab):
    """A cache that was dumped and loaded again has no wrong answers for computed names."""
    resolver = start(lab)
    all_lines(lab, resolver)
    dump = resolver.control("dump_cache")
    assert "www.example.com." in dump
    resolver.flush()
    assert resolver.control("load_cache", dump).startswith("ok")
    for _ in range(2):
        for question, expected in LINES[::-1] + (("svc.dc.P MX", "CNAME svc.dc1.P + NODATA"), ("svc.dc.P CNAME", "CNAME svc.dc1.P"),
                                                 ("dc.P A", "NODATA"), ("2.3.Z A", "ND(Z)")):
            lab.expect(resolver, question, expected, expand, repeat=True)


def test_first_question_hits_what_must_go(lab):
    """The sweep that goes on behind a start removes the very message with which the first question is answered: not
    before Unbound has let go of it."""
    plain = lab.resolver(data=data.upstream_data())
    plain.ask("www.ip.example.com.")
    resolver = lab.resolver(data=data.upstream_data(), modules=["synth"], conf=data.conf())
    assert resolver.control("load_cache", plain.control("dump_cache")).startswith("ok")
    # the cache is swept once more a second behind the start
    began = time.monotonic()
    while time.monotonic() < began + 1.2:
        assert resolver.cached_messages("www.ip.example.com.")
    assert resolver.ask("www.ip.example.com.").data("A") == ["192.0.2.90"]
    assert resolver.upstream.count() == 0
    deadline = time.monotonic() + 5
    while resolver.cached_messages("www.ip.example.com."):
        assert time.monotonic() < deadline, "it does not go"
    assert resolver.ask("www.ip.example.com.").data("A") == ["192.0.2.90"]


def test_load_cache_from_elsewhere(lab):
    """load_cache passes no guard; a reload that keeps the cache removes what it has brought in."""
    lines = LINES + (("addr.org A", "CNAME 10.1.2.3.Z + A 10.1.2.3"), ("site.org A", "CNAME svc.dc.P + CNAME svc.dc1.P + A 10.1.1.5"),
                     ("Z AAAA", "ND(Z)"))
    plain = lab.resolver(data=data.upstream_data())
    for question, _ in lines:
        plain.ask(*map(expand, question.split()))
    resolver = start(lab)
    assert resolver.control("load_cache", plain.control("dump_cache")).startswith("ok")
    assert resolver.ask("alias.org.", "AAAA").data("AAAA"), "then this is not needed"
    resolver.reload("reload_keep_cache")
    resolver.mark_log()
    all_lines(lab, resolver, lines)
    assert resolver.upstream.count("x.notexample.com.", "AAAA") == 0, "the rest of the cache is gone"


def test_load_cache_with_a_loop(lab):
    """A target that leads back to the name, as the guard would not have let it in, is an error and no answer."""
    def upstream_data():
        records = data.upstream_data()
        records.add("self.dc1.prd.example.com.", 600, "CNAME", "self.dc.prd.example.com.")
        records.add("self.dc.prd.example.com.", 600, "A", "192.0.2.91")
        return records
    plain = lab.resolver(data=upstream_data())
    assert plain.ask("self.dc1.prd.example.com.").data("A") == ["192.0.2.91"]
    resolver = lab.resolver(data=upstream_data(), modules=["synth"], conf=data.conf())
    assert resolver.control("load_cache", plain.control("dump_cache")).startswith("ok")
    lab.expect(resolver, "self.dc.P A", "SERVFAIL", expand)
    assert resolver.upstream.count("self.dc1.prd.example.com.") == 0


@pytest.mark.parametrize("command", ["flush svc.dc.prd.example.com.", "flush_type svc.dc1.prd.example.com. A",
                                     "flush_zone prd.example.com.", "flush_zone .", "flush_negative", "flush_bogus",
                                     "flush_infra all", "flush_requestlist", "lookup svc.dc.prd.example.com.", "dump_requestlist",
                                     "stats_noreset"])
def test_commands_with_questions_under_way(lab, command):
    resolver = start(lab)
    all_lines(lab, resolver)
    resolver.flush()
    resolver.upstream.rule("hold", "svc.dc1.prd.example.com.")
    pending = Pending((resolver.address, resolver.port), expand("svc.dc.P"))
    resolver.upstream.wait_for("svc.dc1.prd.example.com.", "A", 2)
    assert not resolver.control(command).startswith("error")
    resolver.upstream.release()
    if command != "flush_requestlist":
        assert pending.result().data("A") == ["10.1.1.5"]
    pending.sock.close()
    for question, expected in LINES:
        lab.expect(resolver, question, expected, expand, repeat=True)


def test_few_slots(lab):
    """More waiting site names than the resolver has slots: some clients get nothing or SERVFAIL, then all is well."""
    resolver = start(lab, server="num-queries-per-thread: 16\noutgoing-range: 64\njostle-timeout: 1\nstatistics-cumulative: yes")
    for number in range(150):
        resolver.upstream.rule("hold", "n%d.dc1.prd.example.com." % number)
        resolver.upstream.data.add("n%d.dc1.prd.example.com." % number, 600, "A", "10.1.4.%d" % number)
    pending = [Pending((resolver.address, resolver.port), expand("n%d.dc.P" % n)) for n in range(150)]
    resolver.wait_queries(150)
    resolver.upstream.release()
    seen = set()
    for number, waiting in enumerate(pending):
        try:
            response = waiting.result(timeout=0.05 if seen else 2)
        except socket.timeout:
            continue
        seen.add(response.rcode)
        assert response.rcode == "SERVFAIL" or response.data("A") == ["10.1.4.%d" % number], str(response)
    assert seen <= {"SERVFAIL", "NOERROR"} and seen
    for number in range(150):
        assert resolver.ask(expand("n%d.dc.P" % number)).rcode in ("NOERROR", "SERVFAIL")
    resolver.flush()
    for number in range(150):
        assert resolver.ask(expand("n%d.dc.P" % number)).data("A") == ["10.1.4.%d" % number]
    all_lines(lab, resolver)


def test_clients_go_away(lab):
    """TCP clients that close while their question waits."""
    resolver = start(lab, threads=2)
    held = ("svc.dc1.prd.example.com.", "alias.org.", "ip.example.com.", "3.2.1.10.in-addr.arpa.")
    for owner in held:
        resolver.upstream.rule("hold", owner)
    questions = [("svc.dc.P", "A"), ("alias.org", "AAAA"), ("Z", "MX"), ("3.2.1.10.in-addr.arpa", "PTR")]
    server = (resolver.address, resolver.port)
    waiting = [Pending(server, expand(q), t, tcp=tcp) for (q, t), tcp in itertools.product(questions * 3, (True, False))]
    for owner in held:
        resolver.upstream.wait_for(owner)
    for pending in waiting[::2]:
        pending.sock.close()
    resolver.upstream.release()
    for pending in waiting[1::2]:
        assert pending.result().rcode == "NOERROR"
    all_lines(lab, resolver, [(q, e) for q, e in LINES if "svc.dc" not in q])


def test_every_class_at_once(lab):
    """A question of class ANY says nothing about class IN, which Unbound would store it as."""
    resolver = start(lab)
    resolver.ask("www.example.com.", "AAAA", qclass="ANY")
    resolver.ask(expand("10.1.2.3.Z"), "A", qclass="ANY")
    resolver.ask(expand("svc.dc.P"), "A", qclass="ANY")
    all_lines(lab, resolver)
