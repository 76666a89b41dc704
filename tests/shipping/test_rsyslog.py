# SPDX-License-Identifier: BSD-3-Clause
"""The shipped rsyslog configuration, run by a real rsyslogd against the real servers."""

import json
import os
import shutil
import signal
import subprocess

import pytest
import sample
from servers import stop, wait_for


@pytest.mark.skipif(not os.environ.get("SHIPPING_LONG"), reason="the long scenario: with SHIPPING_LONG=1")
def test_the_scenario_ends_with_every_line(rsyslog, proxy, empty):
    lines = sample.lines(4003)
    sent = 0

    def more(count, **where):
        nonlocal sent
        rsyslog.write(lines[sent : sent + count], **where)
        sent += count

    def spoil(mode, count):
        before = proxy.spoiled.get(mode, 0)
        proxy.set(mode)
        more(count)
        wait_for(f"{mode} was met", lambda: proxy.spoiled.get(mode, 0) > before, 30, rsyslog.process)
        proxy.set("ok")

    more(1000)
    rsyslog.arrived(1000)

    old = rsyslog.file.with_suffix(".jsonl.1")
    rsyslog.file.rename(old)
    more(2, path=old)  # late lines on the old file
    rsyslog.file.touch()
    more(398)
    rsyslog.arrived(1400)

    shutil.copy(rsyslog.file, old)
    os.truncate(rsyslog.file, 0)
    more(300)
    rsyslog.arrived(1700)

    for mode in ("down", "429", "503", "item429"):
        spoil(mode, 400)
    spoil("hang", 100)

    stop(rsyslog.process)
    more(400)
    rsyslog.start()
    rsyslog.write(["this is no JSON", '{"event":{"action":"without id"}}'])
    half = lines[sent]
    with open(rsyslog.file, "a", encoding="utf-8") as file:
        file.write(half[:100])
        file.flush()
        file.write(half[100:] + "\n")
    sent += 1
    more(4003 - sent - 100)

    resubmitted = 0

    def everything_arrived():
        nonlocal resubmitted
        done = rsyslog.resubmit()
        resubmitted += int(done.stdout.split()[0])
        return done.returncode == 0 and empty.count() == sent

    wait_for(f"{sent} documents", everything_arrived, 180, rsyslog.process)
    os.killpg(rsyslog.process.pid, signal.SIGKILL)
    rsyslog.process.wait()
    more(100)
    rsyslog.start()
    wait_for("4003 documents", everything_arrived, 180, rsyslog.process)
    assert set(proxy.spoiled) == {"down", "429", "503", "item429", "hang"}
    assert resubmitted > 0  # what this rsyslog alone would have lost

    hits = empty.search({"size": 5000, "_source": True})["hits"]["hits"]
    assert len(hits) == 4003
    got = {hit["_id"]: hit["_source"] for hit in hits}
    for line in lines:
        want = json.loads(line)
        document = got[want["event"]["id"]]
        document["event"].pop("ingested", None)
        assert document == want


def test_what_is_refused_for_good_is_kept_apart(rsyslog, empty):
    good, bad = (json.loads(line) for line in sample.lines(2))
    bad["client"]["ip"] = "no address"
    rsyslog.write([json.dumps(bad), json.dumps(good)])
    rsyslog.arrived(1)
    refused = rsyslog.directory / "sitebound-refused"
    wait_for("the refused line", lambda: refused.exists() and "no address" in refused.read_text(), 20, rsyslog.process)


def test_a_stop_waits_for_a_slow_server(rsyslog, proxy, empty):
    """Or the bulk in hand is lost."""
    lines = sample.lines(700)
    rsyslog.write(lines[:100])
    rsyslog.arrived(100)
    proxy.set("hang")
    rsyslog.write(lines[100:600])
    wait_for("the hang", lambda: proxy.spoiled.get("hang"), 30, rsyslog.process)
    os.killpg(rsyslog.process.pid, signal.SIGTERM)
    with pytest.raises(subprocess.TimeoutExpired):
        rsyslog.process.wait(3)
    proxy.set("ok")
    rsyslog.process.wait(60)
    rsyslog.start()
    rsyslog.write(lines[600:])
    rsyslog.arrived(700)
