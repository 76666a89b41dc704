# SPDX-License-Identifier: BSD-3-Clause
"""The harness itself: against an Unbound without modules it must pass what it should and fail what it should."""

import re

import pytest

import data
import tabletest
from data import expand
from harness import Load, Pending
from upstream import Data, key


@pytest.fixture(scope="module")
def plain(module_lab):
    resolver = module_lab.resolver(data=data.upstream_data())
    return module_lab, resolver


def test_up_equals_itself(plain):
    lab, resolver = plain
    for question in ("www.Z A", "nosuch.example.com MX", "alias.org AAAA", "svc.dc1.P SRV",
                     "mail.dc1.P A", "h3.example.com HTTPS", "10.1.2.256.Z A"):
        for how in ({}, {"cd": True}, {"do": True}, {"tcp": True}):
            lab.expect(resolver, question, "UP", expand, **how)
    assert resolver.new_log() == ""


@pytest.mark.parametrize("question, wrong", [
    ("www.Z A", "ND(Z)"),
    ("www.Z A", "A 192.0.2.91"),
    ("www.Z A", "A 192.0.2.90 @300"),
    ("www.Z A", "A 192.0.2.90 + A 192.0.2.91"),
    ("www.Z A", "CNAME www.example.com + A 192.0.2.90"),
    ("www.Z AAAA", "ND(Z)"),
    ("nosuch.Z A", "NX(Z)"),
    ("nosuch.Z A", "ND(example.com)"),
    ("nosuch.Z A", "SERVFAIL"),
    ("nosuch.Z A", "UP NOERROR"),
    ("alias.org A", "CNAME www.example.com + NODATA"),
    ("alias.org A", "CNAME alias.example.com + A 192.0.2.80"),
    ("alias.org A", "EMPTY"),
    ("h3.example.com HTTPS", 'HTTPS 1 . alpn="h3" ipv4hint="192.0.2.80"'),
    ("example.com SOA", "SOA(Z)"),
])
def test_a_wrong_answer_is_seen(plain, question, wrong):
    lab, resolver = plain
    with pytest.raises(AssertionError):
        lab.expect(resolver, question, wrong, expand)


@pytest.mark.parametrize("question, right", [
    ("www.Z A", "A 192.0.2.90 @600"),
    ("alias.org A", "CNAME www.example.com + A 192.0.2.80"),
    ("www.Z AAAA", "ND(example.com)@900"),
    ("nosuch.Z A", "NX(example.com)@900"),
    ("alias.org MX", "CNAME www.example.com + NODATA(example.com)"),
    ("example.com SOA", "SOA(example.com)"),
    ("h3.example.com HTTPS", "HTTPS *"),
])
def test_a_right_answer_is_seen(plain, question, right):
    lab, resolver = plain
    lab.expect(resolver, question, right, expand, repeat=True)


def test_a_difference_to_the_reference_is_seen(lab):
    """UP compares with a fresh resolver: data that changed after the first answer is a difference."""
    upstream_data = Data("a.example. 600 A 192.0.2.1", (".",))
    resolver = lab.resolver(data=upstream_data)
    lab.expect(resolver, "a.example. A", "UP NOERROR")
    upstream_data.add("a.example.", 600, "A", "192.0.2.2")
    with pytest.raises(AssertionError):
        lab.expect(resolver, "a.example. A", "UP NOERROR")


def test_an_ended_resolver_is_seen(lab):
    resolver = lab.resolver(data=data.upstream_data())
    resolver.process.kill()
    resolver.process.wait()
    with pytest.raises(AssertionError):
        resolver.stop()


def test_upstream_counts_and_holds(lab):
    resolver = lab.resolver(data=data.upstream_data())
    resolver.upstream.rule("hold", "www.example.com.")
    pending = [Pending((resolver.address, resolver.port), "www.example.com.") for _ in range(3)]
    resolver.wait_queries(3)
    resolver.upstream.wait_for("www.example.com.", "A")
    resolver.upstream.release()
    for question in pending:
        assert question.result().data("A") == ["192.0.2.80"]
    assert resolver.upstream.count("www.example.com.", "A") == 1


@pytest.mark.parametrize("forward", [False, True], ids=["stub", "forward"])
def test_signed_zone(lab, forward):
    """The signed zones of the upstream validate, and broken signatures do not."""
    zone = Data("""
        www.signed.example. 600 A 192.0.2.1
        bad.signed.example. 600 A 192.0.2.2
        a.b.signed.example. 600 A 192.0.2.3
        """, (".",), ent=True)
    anchor = zone.sign("signed.example.")
    zone.signed[key("signed.example.")].make_bogus("bad.signed.example.")
    resolver = lab.resolver(data=zone, server='trust-anchor: "%s"' % anchor, forward=forward)
    for question, rcode, secure in (("www", "NOERROR", True), ("bad", "SERVFAIL", False),
                                    ("nosuch", "NXDOMAIN", True), ("b", "NOERROR", True)):
        response = resolver.ask(question + ".signed.example.", "A", do=True)
        assert (response.rcode, response.flag("AD")) == (rcode, secure), str(response)
    assert resolver.ask("bad.signed.example.", cd=True).data("A") == ["192.0.2.2"]


def test_load_counts(lab):
    resolver = lab.resolver(data=data.upstream_data())
    load = Load((resolver.address, resolver.port), [("www.example.com.", "A")],
                lambda q, r: None if r.rcode == "NOERROR" else r.rcode)
    load.start()
    resolver.wait_queries(50)
    load.stop()
    assert load.asked >= 50 and not load.lost and not load.wrong


def test_table_is_whole():
    """Every row has a test: rows of the kind `code` a function, the others only known words."""
    import glob
    import os
    source = ""
    for path in glob.glob(os.path.join(os.path.dirname(__file__), "test_*.py")):
        with open(path, encoding="utf-8") as file:
            source += file.read()
    for ident, lines in tabletest.ROWS.items():
        for variant, question, expected, options in lines:
            if variant == "code":
                assert re.search(r"def test_row_%s\b|def test_row_%s_" % (ident, ident), source), ident
            else:
                assert variant in data.VARIANTS
                assert expected and question.count(" ") == 1
                assert all("=" in o for o in options)
    assert len(tabletest.ROWS) == 54


def test_yaml_text():
    import harness
    text = harness.yaml_text(data.CONF)
    assert "- zone: ip.example.com\n" in text
    assert "allow:\n" in text and "reverse: yes\n" in text
    assert "site: dc1" in text


def test_long_name():
    assert len(expand("LONG.dc.P")) == 254
