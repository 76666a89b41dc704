# SPDX-License-Identifier: BSD-3-Clause
"""The vectors, over the wire: a question to a real resolver, the answer, the line in the file."""

import json
import os

import pytest

from harness import Expect
from reports import TESTS

pytestmark = pytest.mark.needs("report")
ZONES = {"envelope": "r.example.net", "pattern": "e.example.net", "rfc9567": "er.example.net"}


def rows():
    for fmt, zone in ZONES.items():
        with open(os.path.join(TESTS, "vectors", fmt + ".tsv"), encoding="utf-8") as file:
            for line in file:
                if line.startswith("#") or not line.strip():
                    continue
                ident, qtype, qname, outcome, detail = line.rstrip("\n").split("\t")
                if fmt == "pattern":
                    qname += "." + zone
                yield pytest.param(fmt, zone, qtype, qname, outcome, detail, id=ident)


def conf(log):
    with open(os.path.join(TESTS, "conf", "good-report-full.yaml"), encoding="utf-8") as file:
        return file.read().replace("/var/lib/unbound/reports.jsonl", log)


def contains(line, expected, path=""):
    """Every field of expected, by dotted name or nested, is in the line."""
    for key, value in expected.items():
        found = line
        for part in key.split("."):
            assert isinstance(found, dict) and part in found, "%s%s is missing" % (path, key)
            found = found[part]
        if isinstance(value, dict):
            contains(found, value, path + key + ".")
        else:
            assert found == value, "%s%s" % (path, key)


@pytest.mark.parametrize("fmt,zone,qtype,qname,outcome,detail", rows())
def test_vector(lab, reports, fmt, zone, qtype, qname, outcome, detail):
    resolver = reports.resolver(start=False)
    resolver.write_conf(conf(resolver.reports.path))
    resolver.start()
    response = resolver.ask(qname, qtype, source="127.0.7.9")
    lab.drop(resolver)
    lines = [l for l in resolver.reports.lines() if l["event"]["action"] != "report-stats"]
    stats = resolver.reports.stats()
    if outcome == "partial":
        assert lines == [] and stats["partial"] == 1
        expected = "ND(%s)" % zone
    elif outcome == "malformed":
        assert [l["event"]["action"] for l in lines] == ["report-malformed"]
        assert lines[0]["event"]["reason"] == detail
        assert stats["malformed"] == {detail: 1} and stats["lines"] == 0
        expected = "ND(%s)" % zone
    else:
        assert len(lines) == 1 and stats["accepted"] == 1 and stats["lines"] == 1
        contains(lines[0], json.loads(detail))
        expected = "ND(%s)" % zone
        if qtype == "TXT":
            expected = 'TXT "ok %s" @60' % lines[0]["event"]["id"]
        elif qtype == "A" and fmt == "envelope":
            expected = "A 198.51.100.53 @60"
    if lines:
        contains(lines[0], {"client.ip": "127.0.7.0", "network.transport": "udp",
                            "dns.question.type": qtype, "sitebound.zone": zone})
    assert Expect(expected).check(response) is None, (expected, str(response))
    assert response.flag("AA")
