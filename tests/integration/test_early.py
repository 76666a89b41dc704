# SPDX-License-Identifier: BSD-3-Clause
"""Answers in the place of local zones: the same as through the modules, for strangers too, and nothing is asked upstream."""

import time

import pytest

import data
import tabletest
from harness import Expect

Z = "ip.example.com"
CONF = {"synth": {"address-names": [{"zone": Z, "otherwise": "nxdomain", "deny": ["10.66.0.0/16"],
                                     "forms": ["dotted", "dashed", "hex"], "ttl": 77, "negative-ttl": 33}]}}
SOA = 'local-data: "%s. 33 SOA %s. nobody.invalid. 1 3600 1200 604800 33"' % (Z, Z)
LOCAL = 'local-zone: "%s." static\n%s\n' % (Z, SOA)
STRANGER = "access-control: 127.0.0.0/8 refuse_non_local\n"
NAMES = ["10.1.2.3.%s" % Z, "10.66.2.3.%s" % Z, "10-1-2-3.%s" % Z, "0a010203.%s" % Z, "2001-db8--7.%s" % Z, "x.10.1.2.3.%s" % Z,
         "2.3.%s" % Z, "www.%s" % Z, Z, "10.1.2.3.IP.eXample.com", "_x.%s" % Z, "127.0.0.1.%s" % Z]
TYPES = ["A", "AAAA", "TXT", "SOA", "NS", "ANY", "CNAME", "DS", "HTTPS"]
OPTIONS = [{}, {"rd": False}, {"cd": True}, {"do": True}, {"tcp": True}, {"edns": 0}]


def start(lab, server, conf=None, **options):
    return lab.resolver(data=data.upstream_data(), modules=("synth", "noaaaa"), conf=conf or CONF, server=server, **options)


def wait(condition, seconds):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.05)


def brief(response):
    """Everything of an answer but its number."""
    return response.rcode, [response.flag(f) for f in ("AA", "TC", "RD", "RA", "AD", "CD")], response.answer, \
        response.authority, response.additional, response.ede()


@pytest.mark.needs("synth")
@pytest.mark.parametrize("ede", [False, True], ids=["", "ede"])
def test_same_answers(lab, ede):
    through = start(lab, "access-control: 127.0.0.0/8 allow_snoop\n", ede=ede)
    early = start(lab, STRANGER + LOCAL, ede=ede)
    for name in NAMES:
        for qtype in TYPES:
            for options in OPTIONS:
                if (name, qtype) == (Z, "DS"):  # is the parent's, to Unbound
                    assert not early.ask(name, qtype, **options).message.answer
                    continue
                expected = brief(through.ask(name, qtype, **options))
                assert brief(early.ask(name, qtype, **options)) == expected, (name, qtype, options)
    assert early.cached_messages(Z) == []
    assert early.upstream.queries == []
    tabletest.settle(early)


@pytest.mark.needs("synth")
@pytest.mark.parametrize("qclass", ["IN", "CH", "HS", "ANY"])
@pytest.mark.parametrize("rd", [True, False], ids=["rd", ""])
def test_nothing_else_for_strangers(lab, qclass, rd):
    """Every other name is refused, in every class, and nothing goes upstream."""
    resolver = start(lab, STRANGER + LOCAL + "hide-identity: yes\nhide-version: yes\n")
    for name in ("www.example.com", "example.com", "www.google.com", ".", "not" + Z, "10.1.2.3.ip.example.net"):
        for qtype in ("A", "AAAA", "TXT", "NS", "SOA", "ANY", "DNSKEY", "HTTPS"):
            response = resolver.ask(name, qtype, qclass=qclass, rd=rd)
            assert response.rcode == "REFUSED" and not response.answer, (name, qtype, str(response))
    assert resolver.upstream.queries == []


@pytest.mark.needs("synth")
def test_what_is_not_answered_early(lab):
    """A zone that passes names on, a local zone without SOA, one above, and data of the local zone itself."""
    passing = {"synth": {"address-names": [{"zone": Z}]}}
    resolver = start(lab, LOCAL, conf=passing)
    assert resolver.ask("10.1.2.3." + Z).rcode == "NXDOMAIN"
    resolver = start(lab, 'local-zone: "%s." static\n' % Z)
    assert resolver.ask("10.1.2.3." + Z).rcode == "NXDOMAIN"
    resolver = start(lab, LOCAL.replace(Z, "example.com"))
    assert resolver.ask("10.1.2.3." + Z).rcode == "NXDOMAIN"
    resolver = start(lab, LOCAL + 'local-data: "10.1.2.3.%s. 5 A 192.0.2.1"\n' % Z)
    assert resolver.ask("10.1.2.3." + Z).data("A") == ["192.0.2.1"]
    assert resolver.ask("10.1.2.4." + Z).data("A") == ["10.1.2.4"]


@pytest.mark.needs("report")
def test_a_zone_of_reports_below_a_local_zone(lab, tmp_path):
    """What a local zone says of all that is below it stands, whoever has a zone there; in the report's own place it does not."""
    conf = {"report": {"log": str(tmp_path / "log"), "zones": [{"zone": "r.example.net", "format": "envelope"}]}}
    for zone, rcode in (("example.net", "NXDOMAIN"), ("r.example.net", "NOERROR")):
        resolver = lab.resolver(data=data.upstream_data(), modules=("report",), conf=conf, server=LOCAL.replace(Z, zone))
        assert resolver.ask("e1aafbwlb5cedsalmkpu.r.example.net", "TXT").rcode == rcode


@pytest.mark.needs("synth")
def test_switched_off(lab):
    """Off: what the local zone says by itself. The switches are looked at though no question reaches the modules."""
    resolver = start(lab, STRANGER + LOCAL, extra='view:\n  name: "sitebound"\n  view-first: yes\n')
    assert Expect("A 10.1.2.3 @77").check(resolver.ask("10.1.2.3." + Z)) is None
    resolver.control("view_local_zone sitebound synth. refuse")
    wait(lambda: resolver.ask("10.1.2.3." + Z).rcode == "NXDOMAIN", 3)
    resolver.control("view_local_zone_remove sitebound synth.")
    wait(lambda: resolver.ask("10.1.2.3." + Z).rcode == "NOERROR", 3)
    assert "synth" in resolver.control("view_list_local_data sitebound")
