# SPDX-License-Identifier: BSD-3-Clause
"""2,000 clients report through a BIND and an Unbound to a real resolver; the search server counts what they sent."""

import collections
import os
import random
import sys

import pytest
from servers import CHECKOUT, wait_for

sys.path[:0] = [str(CHECKOUT / "contrib" / "clients")]
from reports import NO_LIMIT, ZONE, Named, Reports, burst  # noqa: E402
from sitebound_report import encode  # noqa: E402

pytestmark = pytest.mark.needs("report")
FIELDS = ("error.code", "user_agent.version", "client.geo.country_iso_code")


@pytest.fixture
def reports(lab, tmp_path):
    made = Reports(lab, tmp_path)
    yield made
    made.close()


def clients(count):
    """What each client sends: a known mix, the same in each run. Countries in both cases."""
    pick = random.Random(2026)
    for number in range(count):
        yield number, {
            "error.code": pick.choices(["E1", "E2", "E3", "E4"], [50, 30, 15, 5])[0],
            "user_agent.version": pick.choice(["1.0", "1.1", "2.0"]),
            "client.geo.country_iso_code": pick.choice(["se", "SE", "DE", "us"]),
        }


def counts_by(server, field):
    aggs = {"split": {"terms": {"field": field, "size": 50}, "aggs": {"value": {"sum": {"field": "sitebound.weight"}}}}}
    query = {"term": {"event.action": "client-error"}}
    answer = server.search({"size": 0, "query": query, "aggs": aggs})
    return {bucket["key"]: bucket["value"]["value"] for bucket in answer["aggregations"]["split"]["buckets"]}


@pytest.mark.parametrize("disturbed", [False, True], ids=["calm", "rotation, reload, refusals"])
def test_what_was_sent_is_what_is_counted(disturbed, reports, rsyslog, proxy, empty):
    if Named.program() is None:
        pytest.skip("bind9 is not installed")
    resolver = reports.resolver(log=str(rsyslog.file), rate_limit=NO_LIMIT)
    fronts = [reports.in_front(resolver), reports.bind_in_front(resolver)]
    sent = {field: collections.Counter() for field in FIELDS}
    names = []
    for number, fields in clients(2000):
        names.append(encode(ZONE, fields, nonce=number.to_bytes(4, "big")))
        for field in FIELDS:
            sent[field][fields[field].upper()] += 1

    def report(part):
        for number, front in enumerate(fronts):
            answers = burst((front.address, front.port), part[number::2], timeout=60)
            assert all(b"ok " in answer for answer in answers)

    report(names[:700])
    if disturbed:
        os.rename(rsyslog.file, str(rsyslog.file) + ".1")
        report(names[700:1000])
        resolver.reload("SIGHUP")
        proxy.set("503")
    report(names[700 if not disturbed else 1000 :])
    if disturbed:
        wait_for("503 was met", lambda: proxy.spoiled.get("503"), 30, rsyslog.process)
        proxy.set("ok")
    resolver.stop()

    def everything_arrived():
        rsyslog.resubmit()
        # before the first one there is nothing to search
        return empty.count() > 0 and sum(counts_by(empty, "error.code").values()) >= len(names)

    wait_for("2,000 reports", everything_arrived, 60, rsyslog.process)
    for field in FIELDS:
        assert counts_by(empty, field) == sent[field], field
