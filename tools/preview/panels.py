# SPDX-License-Identifier: BSD-3-Clause
"""From numbers to panels, the same for a page and for a terminal. All text of a panel has been
through shown(): what a client wrote can be read, and does nothing."""

import unicodedata
from dataclasses import dataclass, field
from datetime import UTC, datetime

from .tally import LOSSES, MORE, coarser, text_at

LABEL_MAX = 24
TOP = 10
OTHER = "other"


@dataclass
class Panel:
    title: str
    # time: a value for each series and slot of time; bars: a value for each series and label;
    # table: rows of texts below labels
    kind: str
    labels: list
    # (name, values)
    series: list = field(default_factory=list)
    rows: list = field(default_factory=list)
    note: str = ""
    # one value on top of the other, or lines beside each other
    stacked: bool = True


def shown(text, limit=LABEL_MAX):
    """Text as it is shown: invisible characters, those that turn the direction of writing and those
    that move a terminal's cursor become escapes, and what is too long is cut."""
    out = []
    length = 0
    for character in text:
        if unicodedata.category(character)[0] in "CZ" and character != " ":
            character = f"\\u{{{ord(character):x}}}"
        length += len(character)
        if length > limit:
            return cut("".join(out) + character, limit)
        out.append(character)
    return "".join(out) or "(empty)"


def cut(text, limit):
    """text, the end of which may be missing, with an ellipsis within the limit."""
    return text[: limit - 1] + "\N{HORIZONTAL ELLIPSIS}"


def stamp(seconds, form):
    return datetime.fromtimestamp(seconds, UTC).strftime(form)


def span(seconds):
    for name, size in (("d", 86400), ("h", 3600)):
        if seconds % size == 0:
            return f"{seconds // size} {name}"
    return f"{seconds // 60} min"


def by_value(title, values, note=""):
    top, rest = values.top(TOP)
    labels = [shown(value) for value, _ in top]
    amounts = [amount for _, amount in top]
    if rest:
        labels.append(OTHER)
        amounts.append(rest)
    return Panel(title, "bars", labels, [("", amounts)], note=note)


def of_time(tally, columns):
    slots, width = coarser(tally.slots, tally.width, columns)
    if not slots:
        return [], [], 0
    starts = range(min(slots), max(slots) + 1, width)
    whole_days = width % 86400 == 0
    one_day = stamp(starts[0], "%F") == stamp(starts[-1], "%F")
    labels = [stamp(s, "%F" if whole_days else "%H:%M" if one_day else "%m-%d %H:%M") for s in starts]
    return labels, [slots.get(start) for start in starts], width


def column(slots, read):
    return [read(slot) if slot else 0 for slot in slots]


def errors_by_code(tally, labels, slots, note):
    totals = type(tally.types)()
    for slot in slots:
        if slot:
            totals.update_from(slot.codes)
    top, rest = totals.top(TOP)
    series = [(shown(code), column(slots, lambda slot, code=code: slot.codes.get(code, 0))) for code, _ in top]
    if rest:
        named = [code for code, _ in top]
        series.append(
            (OTHER, column(slots, lambda slot: sum(n for code, n in slot.codes.items() if code not in named)))
        )
    return Panel("Client errors by code", "time", labels, series, note=note)


def affected(tally, labels, slots, note):
    series = []
    for name, distinct, read in (
        ("installs", tally.installs, lambda slot: len(slot.installs)),
        ("networks", tally.networks, lambda slot: len(slot.networks)),
    ):
        total = f"{len(distinct):,}{' and more' if distinct.full else ''}"
        series.append((f"{name}: {total} in all", column(slots, read)))
    return Panel("Affected installs and networks", "time", labels, series, note=note, stacked=False)


def losses(labels, slots, note):
    series = [(name, column(slots, lambda slot, name=name: slot.losses.get(name, 0))) for name in LOSSES]
    series = [(f"{name}: {sum(values):,} in all", values) for name, values in series]
    return Panel("Losses: reports without a line", "time", labels, series, note=note)


def dns_errors(tally):
    """A bar for each code, with a piece for each report zone."""
    by_code, by_zone = type(tally.types)(), type(tally.types)()
    for key, amount in tally.dns_errors.items():
        code, zone = (MORE, MORE) if key is MORE else key
        by_code.add(code, amount)
        by_zone.add(zone, amount)
    codes, _ = by_code.top(TOP)
    zones, _ = by_zone.top(TOP)
    codes, zones = [code for code, _ in codes], [zone for zone, _ in zones]
    rows, columns = [*codes, OTHER], [*zones, OTHER]
    cells = {}
    for key, amount in tally.dns_errors.items():
        code, zone = (MORE, MORE) if key is MORE else key
        at = (codes.index(code) if code in codes else len(codes), zones.index(zone) if zone in zones else len(zones))
        cells[at] = cells.get(at, 0) + amount
    labels = [row if row is OTHER else shown(row, 32) for row in rows]
    series = []
    for z, name in enumerate(columns):
        values = [cells.get((c, z), 0) for c in range(len(rows))]
        if any(values):
            series.append((name if name is OTHER else shown(name), values))
    if not any(cells.get((len(codes), z), 0) for z in range(len(columns))):
        labels.pop()
        series = [(name, values[:-1]) for name, values in series]
    return Panel("DNS error reports by EDE and report zone", "bars", labels, series)


def latest(tally):
    rows = []
    for event in sorted(tally.latest, key=lambda event: event["@timestamp"], reverse=True):
        rows.append(
            [
                shown(text_at(event, "@timestamp")[:19].replace("T", " ")),
                shown(text_at(event, "event", "action")),
                shown(text_at(event, "error", "code") or text_at(event, "event", "reason") or "-"),
                shown(text_at(event, "message") or "-", 60),
                shown(text_at(event, "client", "ip") or "-", 39),
            ]
        )
    return Panel("Latest reports", "table", ["time (UTC)", "what", "code", "message", "client"], rows=rows)


def summary(tally):
    """What was read, in a sentence or two."""
    parts = [f"{tally.lines:,} lines", f"client errors with their weight: {tally.errors:,}"]
    if tally.first is not None:
        first, last = (when[:16].replace("T", " ") for when in (tally.first, tally.last))
        parts.insert(1, f"{first} to {last} UTC")
    if tally.repeated:
        parts.append(f"read before, not counted again: {tally.repeated:,}")
    if tally.bad:
        parts.append(f"bad lines: {tally.bad:,}, the first is {tally.first_bad}")
    return "; ".join(parts)


def panels(tally, columns):
    """All panels; those of time have so many columns at most."""
    labels, slots, width = of_time(tally, columns)
    each = f"UTC, {span(width)} a column" if slots else ""
    return [
        errors_by_code(tally, labels, slots, each),
        affected(tally, labels, slots, each),
        by_value("Client errors by type", tally.types),
        by_value("Version", tally.versions),
        by_value("Operating system", tally.systems),
        by_value("Country", tally.countries),
        by_value("Service", tally.services),
        by_value("Malformed by reason", tally.malformed()),
        losses(labels, slots, each),
        dns_errors(tally),
        by_value("DNS error reports by name", tally.dns_names),
        latest(tally),
    ]
