# SPDX-License-Identifier: BSD-3-Clause
"""What is counted, and that nothing in a line does harm."""

import copy
import itertools
import json
import random

import pytest
import sample
from hypothesis import given, settings
from hypothesis import strategies as st
from preview import tally as tally_module
from preview.panels import panels, shown, summary
from preview.tally import SLOTS_MAX, WIDTHS, Tally, coarser
from preview.text import cells, text


def error(number=0, seconds=0, **fields):
    """A client error; fields with "__" between the names of their path."""
    event = sample.client_error(random.Random(number), seconds, number)
    for path, value in fields.items():
        *names, last = path.split("__")
        at = event
        for name in names:
            at = at.setdefault(name, {})
        at[last] = value
    return event


def count(*events, source="log"):
    tally = Tally()
    for event in events:
        tally.add(event if isinstance(event, bytes) else json.dumps(event).encode(), source)
    return tally


def panel(tally, title, columns=100):
    return next(p for p in panels(tally, columns) if p.title.startswith(title))


def bars(tally, title):
    found = panel(tally, title)
    return {label: tuple(values[i] for _, values in found.series) for i, label in enumerate(found.labels)}


def test_codes_by_weight_ten_and_other():
    """Code c1 has weight 1, c2 2, ... c13 13: the largest ten, and 1 + 2 + 3 are other."""
    tally = count(*(error(n, error__code=f"c{n}", sitebound__weight=n) for n in range(1, 14)))
    found = panel(tally, "Client errors by code")
    assert {name: sum(values) for name, values in found.series} == {f"c{n}": n for n in range(4, 14)} | {"other": 6}
    assert [name for name, _ in found.series] == [f"c{n}" for n in range(13, 3, -1)] + ["other"]
    assert tally.errors == 91


def test_over_time():
    tally = count(*(error(n, seconds=60 * n, error__code="x", sitebound__weight=n + 1) for n in (0, 1, 4)))
    found = panel(tally, "Client errors by code")
    assert found.labels == ["00:00", "00:01", "00:02", "00:03", "00:04"]
    assert found.series == [("x", [1, 2, 0, 0, 5])]
    assert found.note == "UTC, 1 min a column"


@pytest.mark.parametrize(
    "title, fields, label",
    [
        ("Client errors by type", {"error__type": "tls.failed"}, "tls.failed"),
        ("Version", {"user_agent": {"name": "P", "version": "2"}}, "P 2"),
        ("Version", {"user_agent": {"version": "v2"}}, "v2"),
        ("Version", {"user_agent": {"name": "P"}}, None),
        ("Operating system", {"user_agent": {"os": {"name": "win10"}}}, "win10"),
        ("Operating system", {"user_agent": {"os": {"type": "ios", "version": "18"}}}, "ios 18"),
        ("Operating system", {"user_agent": {"os": {}}}, None),
        ("Country", {"client": {"geo": {"country_iso_code": "SE"}}}, "SE"),
        ("Service", {"service__name": "s"}, "s"),
    ],
)
def test_by_value(title, fields, label):
    assert bars(count(error(sitebound__weight=7, **fields)), title) == ({label: (7,)} if label else {})


def test_details_are_no_errors():
    tally = count(error(1, event__action="client-error-detail"))
    assert (tally.errors, tally.bad, panel(tally, "Client errors by code").series) == (0, 0, [])


def test_a_report_counts_once():
    """The same event.id from two resolvers, as an index would have it."""
    one = error(1, sitebound__weight=3)
    tally = count(one, one, error(2, sitebound__weight=3))
    assert (tally.errors, tally.repeated, tally.lines) == (6, 1, 3)
    assert "read before, not counted again: 1" in summary(tally)


def test_remembered_ids_are_bounded(monkeypatch):
    monkeypatch.setattr(tally_module, "IDS_MAX", 10)
    tally = count(*(error(n) for n in range(100)), *(error(n) for n in range(90, 100)))
    assert tally.repeated == 10
    assert len(tally._ids) + len(tally._older_ids) <= 20


def test_installs_and_networks(monkeypatch):
    events = [
        error(n, seconds=60 * (n // 4), sitebound__install_id=f"i{n % 3}", client__ip=f"10.{n}.0.0") for n in range(8)
    ]
    found = panel(count(*events), "Affected")
    assert found.series == [("installs: 3 in all", [3, 3]), ("networks: 8 in all", [4, 4])]
    monkeypatch.setattr(tally_module, "DISTINCT_MAX", 2)
    assert panel(count(*events), "Affected").series[0][0] == "installs: 2 and more in all"


def test_malformed_lines_and_counters():
    """Lines are at most one a second, counters come late: the larger number of each reason."""
    lines = [sample.head(n, "report-malformed") for n in range(5)]
    for n, line in enumerate(lines):
        line["event"]["reason"] = "mac" if n else "flags"
    tally = count(*lines, sample.stats(60, "h", {}, {"flags": 900, "mac": 2, "short": 1}))
    assert bars(tally, "Malformed") == {"flags": (900,), "mac": (4,), "short": (1,)}


def test_losses_are_what_came_since():
    """Counters are sums since the start of each resolver; a smaller one tells of a new start."""
    tally = count(
        sample.stats(0, "a", {"rate_limited": 10}, {}),
        sample.stats(0, "b", {"rate_limited": 1}, {}),
        sample.stats(60, "a", {"rate_limited": 15, "queue_dropped": 2}, {}),
        sample.stats(120, "a", {"rate_limited": 15, "queue_dropped": 2}, {}),
        {**sample.stats(180, "a", {"rate_limited": 4}, {}), "x": 1},
    )
    found = panel(tally, "Losses")
    assert found.series == [
        ("rate_limited: 20 in all", [11, 5, 0, 4]),
        ("queue_dropped: 2 in all", [0, 2, 0, 0]),
        ("write_errors: 0 in all", [0, 0, 0, 0]),
    ]


def test_resolvers_with_one_name_in_two_logs():
    tally = Tally()
    for source in ("one", "two"):
        tally.add(json.dumps(sample.stats(0, "a", {"write_errors": 5}, {})).encode(), source)
    assert ("write_errors: 10 in all", [10]) in panel(tally, "Losses").series


def test_dns_errors():
    events = []
    for n in range(14):
        event = sample.dns_error(random.Random(n), 0, n)
        event["error"] = {"code": str(n // 2), "message": "Purpose"}
        event["sitebound"]["zone"] = "er.a" if n % 2 else "er.b"
        event["sitebound"]["reported"]["name"] = f"name{n % 3}.example."
        events += [event, {**event, "event": {**event["event"], "id": f"again{n}"}}]
    tally = count(*events)
    assert bars(tally, "DNS error reports by EDE") == {f"{n} Purpose": (2, 2) for n in range(7)}
    assert bars(tally, "DNS error reports by name") == {
        "name0.example.": (10,),
        "name1.example.": (10,),
        "name2.example.": (8,),
    }


def test_more_than_ten_codes_and_zones_of_dns_errors():
    events = []
    for n in range(24):
        event = sample.dns_error(random.Random(n), 0, n)
        event["error"] = {"code": str(n // 2)}
        event["sitebound"]["zone"] = f"er{n // 2:02}"
        events.append(event)
    found = panel(count(*events), "DNS error reports by EDE")
    assert (len(found.labels), len(found.series)) == (11, 11)
    assert sum(sum(values) for _, values in found.series) == 24
    assert found.labels[-1] == found.series[-1][0] == "other"
    assert sum(found.series[-1][1]) == sum(values[-1] for _, values in found.series) == 4


def test_values_are_bounded(monkeypatch):
    """What comes when there are too many is counted as other."""
    monkeypatch.setattr(tally_module, "VALUES_MAX", 20)
    tally = count(*(error(n, error__code=f"c{n}", sitebound__weight=1, service__name=f"s{n}") for n in range(100)))
    assert len(tally.services) == 21
    assert bars(tally, "Service")["other"] == (90,)
    assert sum(sum(values) for _, values in panel(tally, "Client errors by code").series) == 100


def test_latest():
    tally = count(*(error(n, seconds=n) for n in range(50)), sample.stats(3600, "a", {}, {}))
    rows = panel(tally, "Latest").rows
    assert [row[0][-8:] for row in rows] == [f"00:00:{n:02}" for n in range(49, 29, -1)]


BAD = {
    "empty": b"",
    "no JSON": b"error",
    "cut": json.dumps(error()).encode()[:-1],
    "list": b"[1]",
    "not UTF-8": json.dumps(error()).encode().replace(b"playback", b"play\xffback"),
    "UTF-16": json.dumps(error()).encode("utf-16"),
    "deep": b"[" * 4000,
    "long number": b"1" * 4090,
    "too long": json.dumps(error(message="x" * 4096)).encode(),
    "no time": json.dumps({**error(), "@timestamp": None}).encode(),
    "time of other zone": json.dumps({**error(), "@timestamp": "2026-11-24T00:00:00+01:00"}).encode(),
    "month 13": json.dumps({**error(), "@timestamp": "2026-13-24T00:00:00.000Z"}).encode(),
    "before 1970": json.dumps({**error(), "@timestamp": "1969-12-31T23:59:00.000Z"}).encode(),
    "year 0": json.dumps({**error(), "@timestamp": "0000-01-24T00:00:00.000Z"}).encode(),
    "unknown action": json.dumps(error(event__action="other")).encode(),
    "action is a list": json.dumps(error(event__action=["client-error"])).encode(),
    "no code": json.dumps(error(error__code=None)).encode(),
    "code is a number": json.dumps(error(error__code=7)).encode(),
    "weight 0": json.dumps(error(sitebound__weight=0)).encode(),
    "weight huge": json.dumps(error(sitebound__weight=10**30)).encode(),
    "weight true": json.dumps(error(sitebound__weight=True)).encode(),
    "weight NaN": json.dumps(error(sitebound__weight=float("nan"))).encode(),
    "no counters": json.dumps({**sample.stats(0, "a", {}, {}), "sitebound": 1}).encode(),
}


@pytest.mark.parametrize("line", BAD.values(), ids=BAD)
def test_bad_lines_are_counted(line):
    tally = count(error(1, sitebound__weight=1), line, error(2, sitebound__weight=1))
    assert (tally.bad, tally.errors) == (1, 2)
    assert "bad lines: 1, the first is line 2: " in text(tally, 80)


def replace(event, path, value):
    *names, last = path
    at = event
    for name in names:
        at = at[name]
    at[last] = value


def paths(value, path=()):
    if isinstance(value, dict):
        for name, inner in value.items():
            yield (*path, name)
            yield from paths(inner, (*path, name))


EVENTS = [
    error(1),
    sample.dns_error(random.Random(1), 0, 1),
    sample.malformed(random.Random(1), 0),
    sample.stats(0, "a", {"rate_limited": 1}, {"mac": 1}),
]
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda s: st.lists(s) | st.dictionaries(st.text(), s),
)


@settings(max_examples=100)
@given(st.data())
def test_any_field_may_be_anything(data):
    event = copy.deepcopy(data.draw(st.sampled_from(EVENTS)))
    replace(event, data.draw(st.sampled_from(list(paths(event)))), data.draw(ANYTHING))
    tally = count(event, EVENTS[0])
    assert tally.lines == 2
    out = text(tally, 80)
    assert all(c.isprintable() or c == "\n" for c in out)


# -- time ---------------------------------------------------------------------------------------
def test_widths_are_multiples():
    assert all(wider % narrower == 0 for narrower, wider in itertools.pairwise(WIDTHS))


@pytest.mark.parametrize(
    "first, last", [("1970-01-01T00:00", "9999-12-31T23:59"), ("2026-11-24T23:59", "2026-11-25T00:00")]
)
def test_far_apart(first, last):
    tally = count(
        error(1, sitebound__weight=1),
        *({**error(n), "@timestamp": f"{when}:00.000Z"} for n, when in ((2, first), (3, last))),
    )
    assert tally.bad == 0
    for columns in (10, 120):
        found = panel(tally, "Client errors by code", columns)
        assert 1 <= len(found.labels) <= columns
        assert sum(sum(values) for _, values in found.series) == tally.errors


@given(st.lists(st.integers(0, 5 * 365 * 86400), min_size=1, max_size=30), st.integers(2, 300))
@settings(max_examples=200)
def test_slots(seconds, columns):
    """However lines are spread over time, and in whatever order they come, all are counted in few slots."""
    tally = Tally()
    for n, second in enumerate(seconds):
        slot = tally._slot(second // 60 * 60)
        slot.codes.add("x")
        slot.installs.add(n)
    assert max(tally.slots) // tally.width - min(tally.slots) // tally.width < SLOTS_MAX
    slots, width = coarser(tally.slots, tally.width, columns)
    assert max(slots) // width - min(slots) // width < columns
    assert sum(slot.codes["x"] for slot in slots.values()) == len(seconds)
    assert sum(len(slot.installs) for slot in slots.values()) == len(seconds)
    assert all(start % width == 0 for start in slots)


# -- text ---------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "raw, expected",
    [
        ("plain", "plain"),
        ("", "(empty)"),
        ("a\u202eb", "a\\u{202e}b"),
        ("\x1b[2J", "\\u{1b}[2J"),
        ("a\tb\nc", "a\\u{9}b\\u{a}c"),
        ("zero\u200bwidth", "zero\\u{200b}width"),
        ("\ud800", "\\u{d800}"),
        ("\u2028", "\\u{2028}"),
        ("\u00a0", "\\u{a0}"),
        ("<b>&", "<b>&"),
        ("x" * 24, "x" * 24),
        ("x" * 25, "x" * 23 + "…"),
        ("x" * 20 + "\u202e" * 9, "x" * 20 + "\\u{…"),
    ],
)
def test_shown(raw, expected):
    assert shown(raw) == expected
    assert len(shown(raw)) <= 24


@given(st.text())
def test_shown_is_printable(raw):
    assert shown(raw).isprintable()


def test_text_fits_the_terminal():
    tally = count(*sample.day(3000))
    for width in (40, 80, 200):
        body = text(tally, width).split("\nLatest reports")[0].split("\n", 1)[1]
        assert max(map(cells, body.split("\n"))) <= max(width, 66)


def test_nothing():
    assert "Client errors by code\n  none" in text(Tally(), 80)
