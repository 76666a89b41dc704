# SPDX-License-Identifier: BSD-3-Clause
"""Many reports: every one is a line or is counted, at the stop, at a reload, with two threads."""

import json
import os
import select
import signal
import threading

import pytest

from reports import NO_LIMIT, Log, add_up, burst, envelope

pytestmark = pytest.mark.needs("report")


def acknowledged(resolver, count, **options):
    """Send reports; the event.ids of those that were acknowledged."""
    pairs = [envelope() for _ in range(count)]
    answers = burst((resolver.address, resolver.port), [n for n, _ in pairs], **options)
    for (_, ident), answer in zip(pairs, answers):
        assert ident.encode() in answer
    return [ident for _, ident in pairs]


@pytest.mark.parametrize("threads", [1, 2])
def test_stop_writes_what_was_accepted(reports, threads):
    """The stop comes right behind the last acknowledgement."""
    resolver = reports.resolver(threads=threads, rate_limit=NO_LIMIT)
    sent = acknowledged(resolver, 5000)
    resolver.stop()
    assert sorted(resolver.reports.ids()) == sorted(sent)
    stats = resolver.reports.stats()
    add_up(stats)
    assert stats["accepted"] == stats["lines"] == 5000


@pytest.mark.parametrize("how", ["reload", "SIGHUP"])
def test_reload_writes_what_was_accepted(reports, how):
    resolver = reports.resolver(threads=2, rate_limit=NO_LIMIT)
    sent = acknowledged(resolver, 3000)
    resolver.reload(how)
    assert sorted(resolver.reports.ids()) == sorted(sent)
    sent += acknowledged(resolver, 100)
    resolver.stop()
    assert sorted(resolver.reports.ids()) == sorted(sent)
    # counters begin anew with each start; each stop tells them
    stats = [l["sitebound"]["stats"] for l in resolver.reports.lines("report-stats")]
    assert [s["lines"] for s in stats] == [3000, 100]


def test_reloads_under_load(reports):
    """Reports that are sent while the resolver reloads are lines or were never acknowledged."""
    resolver = reports.resolver(threads=2, rate_limit=NO_LIMIT)
    sent, errors = [], []
    stop = threading.Event()

    def load():
        try:
            while not stop.is_set():
                sent.extend(acknowledged(resolver, 300, timeout=20))
        except BaseException as error:
            errors.append(error)
    thread = threading.Thread(target=load)
    thread.start()
    try:
        for how in ("reload", "SIGHUP", "reload", "reload"):
            before = len(sent)
            resolver.reload(how)
            resolver.reports.wait(lambda _: len(sent) > before or errors)
    finally:
        stop.set()
        thread.join(30)
    assert not errors, errors
    resolver.stop()
    found = resolver.reports.ids()
    # a question that was asked again after a reload may be a line twice: the table is new
    assert set(found) == set(sent)
    stats = [l["sitebound"]["stats"] for l in resolver.reports.lines("report-stats")]
    assert len(stats) == 5
    for one in stats:
        add_up(one)
    assert sum(s["lines"] for s in stats) == len(found)


def test_fast_reload(reports):
    """Unbound 1.23 and later: the module is not told, and nothing changes for it."""
    resolver = reports.resolver(threads=2)
    sent = acknowledged(resolver, 50)
    said = resolver.control("fast_reload +v")
    assert "error unknown command" in said or "ok" in said, said
    sent += acknowledged(resolver, 50)
    resolver.stop()
    assert sorted(resolver.reports.ids()) == sorted(sent)
    assert resolver.reports.stats()["accepted"] == 100


def test_new_configuration_at_a_reload(reports, tmp_path):
    resolver = reports.resolver()
    first = acknowledged(resolver, 10)
    other = Log(tmp_path / "other.jsonl")
    resolver.write_conf(reports.conf(log=other.path))
    resolver.reload()
    second = acknowledged(resolver, 10)
    resolver.stop()
    assert resolver.reports.ids() == first
    assert other.ids() == second


def test_bad_configuration_at_a_reload_keeps_the_last_good(reports):
    resolver = reports.resolver()
    first = acknowledged(resolver, 10)
    resolver.write_conf("report: {log: 5, zones: nonsense}\n")
    resolver.reload()
    second = acknowledged(resolver, 10)
    resolver.stop()
    assert resolver.reports.ids() == first + second


def test_limits(reports):
    """Over the limit: acknowledged and counted, not logged. A prefix that floods hurts no other."""
    resolver = reports.resolver(rate_limit={"per-prefix": 1, "burst": 20, "total": 0})
    sent = acknowledged(resolver, 500)
    name, ident = envelope()
    resolver.ask(name, "TXT", source="127.0.50.1")
    resolver.stop()
    found = resolver.reports.ids()
    stats = resolver.reports.stats()
    add_up(stats)
    assert ident in found
    assert found[:20] == sent[:20]
    assert 21 <= len(found) <= 40
    assert stats["accepted"] == 501 and stats["rate_limited"] == 501 - len(found)


def test_limit_of_all(reports):
    resolver = reports.resolver(rate_limit={"per-prefix": 0, "burst": 1, "total": 50})
    acknowledged(resolver, 500)
    resolver.stop()
    stats = resolver.reports.stats()
    add_up(stats)
    assert 50 <= stats["lines"] <= 150
    assert stats["rate_limited"] == 500 - stats["lines"]


def test_repeats_take_nothing_of_the_limit(reports):
    resolver = reports.resolver(rate_limit={"per-prefix": 1, "burst": 2, "total": 0})
    name, first = envelope()
    for _ in range(50):
        resolver.ask(name, "TXT")
    name, second = envelope()
    resolver.ask(name, "TXT")
    resolver.stop()
    assert resolver.reports.ids() == [first, second]
    assert resolver.reports.stats()["duplicate"] == 49


def test_writer_that_falls_behind_drops_and_counts(reports, tmp_path):
    """A queue that is full costs reports, not answers."""
    path = str(tmp_path / "fifo")
    os.mkfifo(path)
    # each of many threads has a small share of the queue, and one socket's questions go to one
    resolver = reports.resolver(log=path, rate_limit=NO_LIMIT, threads=16)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    acknowledged(resolver, 8000)
    resolver.process.send_signal(signal.SIGTERM)
    text = b""
    while True:
        select.select([reader], [], [], 1)
        try:
            chunk = os.read(reader, 1 << 20)
        except BlockingIOError:
            continue
        if not chunk:
            break
        text += chunk
    os.close(reader)
    assert resolver.process.wait(20) == 0
    resolver.process = None
    lines = [json.loads(l) for l in text.decode().splitlines()]
    stats = [l for l in lines if l["event"]["action"] == "report-stats"][-1]["sitebound"]["stats"]
    add_up(stats)
    assert stats["accepted"] == 8000 and stats["queue_dropped"] > 0
    assert stats["lines"] == sum(l["event"]["action"] == "client-error" for l in lines)
