# SPDX-License-Identifier: BSD-3-Clause
"""conf/collector as shipped, asked by a stranger: report zones are answered, nothing else, and recursion is impossible."""

import itertools
import os
import re
import socket

import dns.edns
import dns.flags
import dns.message
import pytest

import data
from harness import Resolver, exchange, has_option, module_path, unbound_program

TIER = os.path.join(os.path.dirname(__file__), "..", "..", "conf", "collector")
STRANGER = "127.0.0.77"
NAMES = (".", "com", "www.example.com", "www.google.com", "notr.example.net", "example.net", "localhost", "a.test", "x.invalid",
         "1.0.0.127.in-addr.arpa", "1.1.168.192.in-addr.arpa", "1.1.0.10.in-addr.arpa", "8.b.d.0.1.0.0.2.ip6.arpa", "home.arpa",
         "x.onion", "x.local", "resolver.arpa", "a.as112.arpa", "version.bind", "version.server", "id.server", "hostname.bind",
         "authors.bind", "trustanchor.unbound", "config", "report", "synth", "c.f.ip6.arpa", "f.f.ip6.arpa")
TYPES = ("A", "AAAA", "TXT", "NS", "SOA", "ANY", "DNSKEY", "HTTPS", "PTR", "DS")


class Collector(Resolver):
    """The shipped file; only what stands between its marks is of this test. `instead` is (text, text) to replace."""

    instead = ()

    def write_unbound_conf(self):
        with open(os.path.join(TIER, "unbound.conf"), encoding="utf-8") as file:
            text = file.read()
        with open(os.path.join(TIER, "sitebound.yaml"), encoding="utf-8") as file:
            self.write_conf(file.read().replace("/var/lib/unbound/", self.folder + "/"))
        here = ["server:", "\tinterface: 127.0.0.1@%d" % self.port, '\tusername: ""', '\tdirectory: "%s"' % self.folder,
                '\tpidfile: ""', "\tuse-syslog: no", "dynlib:", '\tdynlib-file: "%s"' % module_path("sitebound"),
                "view:", '\tname: "sitebound"', "\tlocal-data: 'config. TXT \"%s\"'" % self.conf_file,
                "remote-control:", '\tcontrol-interface: "%s"' % self.socket,
                "forward-zone:", '\tname: "."', "\tforward-addr: 127.0.0.1@%d" % self.upstream.port]
        text, found = re.subn(r"(?ms)^# >>> this machine\n.*?^# <<< this machine\n", lambda _: "\n".join(here) + "\n", text)
        assert found == 1
        for old, new in (("do-daemonize: yes", "do-daemonize: no"), *self.instead):
            assert old in text
            text = text.replace(old, new)
        with open(self.unbound_conf, "w", encoding="utf-8") as file:
            file.write(text)


def collector(lab, instead=()):
    resolver = Collector(lab.folder, lab.upstream(data.upstream_data()), find="view")
    resolver.instead = instead
    lab.resolvers.append(resolver)
    return resolver.start()


@pytest.mark.needs("report")
def test_reports_of_strangers(lab):
    resolver = collector(lab)
    error = "_er.1.broken.example.org.7._er.er.example.net"
    for rd in (True, False):
        for tcp in (True, False):
            response = resolver.ask(error, "TXT", source=STRANGER, rd=rd, tcp=tcp)
            assert response.rcode == "NOERROR" and response.flag("AA") and len(response.data("TXT")) == 1, str(response)
            for zone in ("r.example.net", "er.example.net"):
                assert resolver.ask(zone, "SOA", source=STRANGER, rd=rd, tcp=tcp).types() == ["SOA"]
                assert resolver.ask(zone, "NS", source=STRANGER, rd=rd, tcp=tcp).types() == ["NS", "NS"]
                nothing = resolver.ask("no-report." + zone, "A", source=STRANGER, rd=rd, tcp=tcp)
                assert nothing.rcode == "NOERROR" and not nothing.answer and nothing.types("authority") == ["SOA"], str(nothing)
    resolver.stop()
    with open(os.path.join(resolver.folder, "reports.jsonl"), encoding="utf-8") as file:
        assert sum('"dns-error-report"' in line for line in file) == 1
    assert resolver.upstream.queries == []


@pytest.mark.needs("report")
@pytest.mark.parametrize("qclass", ["IN", "CH", "HS", "NONE", "ANY"])
@pytest.mark.parametrize("rd", [True, False], ids=["rd", ""])
def test_nothing_else(lab, qclass, rd):
    resolver = collector(lab)
    for name in NAMES:
        for qtype in TYPES:
            response = resolver.ask(name, qtype, qclass=qclass, rd=rd, source=STRANGER)
            assert response.rcode == "REFUSED" and not response.answer and not response.authority, (name, qtype, str(response))
    assert resolver.upstream.queries == []


@pytest.mark.needs("report")
@pytest.mark.parametrize("qclass", ["IN", "CH", "ANY"])
def test_recursion_is_impossible(lab, qclass):
    """With the access control taken away and a forwarder there, still nothing is sent."""
    resolver = collector(lab, [("127.0.0.0/8 refuse_non_local", "127.0.0.0/8 allow")])
    for name in ("www.example.com", "www.example.org", "com"):
        for qtype in ("A", "TXT", "ANY"):
            response = resolver.ask(name, qtype, qclass=qclass, source=STRANGER)
            assert response.rcode != "NOERROR" or not response.answer, str(response)
    assert resolver.upstream.queries == []


@pytest.mark.needs("report")
def test_this_test_sees_recursion(lab):
    """The counter-check: without the do-not-query lines as well the forwarder is asked."""
    resolver = collector(lab, [("127.0.0.0/8 refuse_non_local", "127.0.0.0/8 allow"), ("\tdo-not-query-address: 0.0.0.0/0\n", ""),
                               ("\tmodule-config:", "\tdo-not-query-localhost: no\n\tmodule-config:")])
    resolver.ask("www.example.com", "A", source=STRANGER)
    assert resolver.upstream.queries != []


def questions():
    """Short questions of strangers: what may be answered with more than was asked."""
    report = "e1aafbwlb5cedsalmkpu.r.example.net"
    error = "_er.1.broken.example.org.7._er.er.example.net"
    names = ("r.example.net", "er.example.net", "x.r.example.net", "_er.er.example.net", report, error, ".", "com", "www.example.com", "version.bind")
    options = (None, [], [dns.edns.GenericOption(3, b"")], [dns.edns.GenericOption(10, b"01234567")], [dns.edns.GenericOption(8, b"\0\1\0\0")],
               [dns.edns.GenericOption(12, b"")], [dns.edns.GenericOption(11, b"")], [dns.edns.GenericOption(18, b"")])
    for name, qtype, qclass, option, dnssec in itertools.product(
            names, ("A", "AAAA", "TXT", "NS", "SOA", "ANY", "DNSKEY", "DS", "MX"), ("IN", "CH", "ANY"), options, (False, True)):
        if option is None and dnssec:
            continue
        query = dns.message.make_query(name, qtype, qclass)
        if option is not None:
            query.use_edns(0, dns.flags.DO if dnssec else 0, 4096, options=option)
        yield query


@pytest.mark.needs("report")
def test_answers_are_small(lab):
    """The largest answer over its question; more would be of use to those who attack others. doc/collector.md and report(8) have it."""
    resolver = collector(lab)
    worst = (0, None)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((STRANGER, 0))
        sock.settimeout(5)
        for query in questions():
            wire = query.to_wire()
            sock.sendto(wire, ("127.0.0.1", resolver.port))
            answer = sock.recv(65535)
            assert answer[:2] == wire[:2]
            worst = max(worst, (len(answer) / len(wire), str(query)))
    assert 2.7 < worst[0] < 2.75, worst


@pytest.mark.needs("report")
def test_cookies(lab):
    """The comment about cookies is right, where this Unbound has them."""
    if not has_option(unbound_program("unbound"), "answer-cookie"):
        pytest.skip("this Unbound has no answer-cookie")
    resolver = collector(lab, [("#answer-cookie", "answer-cookie"), ("#cookie-secret", "cookie-secret")])
    query = dns.message.make_query("r.example.net", "SOA")
    query.use_edns(0, 0, 1232, options=[dns.edns.GenericOption(10, b"01234567")])
    response = dns.message.from_wire(exchange(("127.0.0.1", resolver.port), query.to_wire()))
    assert [option.to_wire()[:8] for option in response.options if option.otype == 10] == [b"01234567"]
    assert len(response.answer) == 1
