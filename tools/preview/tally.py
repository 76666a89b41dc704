# SPDX-License-Identifier: BSD-3-Clause
"""Counts the lines of report(8). What a line says may come from anybody: nothing in it makes this
fail, and nothing makes it grow without a bound."""

import collections
import json
from datetime import datetime

LINE_MAX = 4096
# Different values that one counter keeps; what comes later is counted under MORE.
VALUES_MAX = 10_000
MORE = None
# Installs or networks that are told apart.
DISTINCT_MAX = 1_000_000
# Reports whose event.id is remembered, at least.
IDS_MAX = 500_000
LATEST = 20
WEIGHT_MAX = 10**9
LOSSES = ("rate_limited", "queue_dropped", "write_errors")

# Slots of time: as many as these at most, of the first of these widths (seconds) that will do.
# Each width is a multiple of the one before.
SLOTS_MAX = 240
WIDTHS = [60, 300, 900, 1800, 3600, 10800, 21600, 43200] + [86400 << n for n in range(20)]


class BadLine(Exception):
    """A line that is not one of report(8)'s."""


class Values(dict):
    """How much of each value, of so many values at most."""

    def add(self, value, amount=1):
        if value not in self and len(self) >= VALUES_MAX:
            value = MORE
        self[value] = self.get(value, 0) + amount

    def update_from(self, other):
        for value, amount in other.items():
            self.add(value, amount)

    def top(self, count):
        """The largest as (value, amount), and the sum of all others."""
        known = sorted(((v, n) for v, n in self.items() if v is not MORE), key=lambda item: (-item[1], item[0]))
        return known[:count], sum(n for _, n in known[count:]) + self.get(MORE, 0)


class Distinct(set):
    """Different values, of which so many are told apart; full says that there were more."""

    full = False

    def see(self, value):
        if len(self) < DISTINCT_MAX:
            self.add(value)
        elif value not in self:
            self.full = True


class Slot:
    """What happened in one span of time."""

    def __init__(self):
        self.codes = Values()
        self.installs = set()
        self.networks = set()
        self.losses = Values()

    def take_in(self, other):
        self.codes.update_from(other.codes)
        self.installs |= other.installs
        self.networks |= other.networks
        self.losses.update_from(other.losses)


def coarser(slots, width, count):
    """The slots of time, and their width, so that they and the gaps between them are no more than count."""
    if not slots:
        return slots, width
    first, last = min(slots), max(slots)
    fits = next(w for w in WIDTHS if w >= width and last // w - first // w < count)
    if fits == width:
        return slots, width
    merged = {}
    for start, slot in slots.items():
        merged.setdefault(start // fits * fits, Slot()).take_in(slot)
    return merged, fits


def text_at(event, *path):
    """The text of a field; None when there is none."""
    for name in path:
        if type(event) is not dict:
            return None
        event = event.get(name)
    return event if type(event) is str else None


def number_at(event, *path):
    for name in path:
        if type(event) is not dict:
            return None
        event = event.get(name)
    return event if type(event) is int and 0 <= event <= 2**63 else None


def joined(*parts):
    """The parts that are there, with a space between them; None when none is."""
    return " ".join(part for part in parts if part) or None


class Tally:
    def __init__(self):
        self.lines = self.bad = self.repeated = 0
        self.first_bad = None
        self.first = self.last = None
        self.slots, self.width = {}, WIDTHS[0]
        self.errors = 0
        self.types, self.versions, self.systems = Values(), Values(), Values()
        self.countries, self.services = Values(), Values()
        self.installs, self.networks = Distinct(), Distinct()
        self.dns_errors, self.dns_names = Values(), Values()
        self.latest = collections.deque(maxlen=LATEST)
        self._malformed_lines, self._malformed_counted = Values(), Values()
        # the last counters of each resolver: they are sums since it was started
        self._counters = {}
        self._ids, self._older_ids = set(), set()
        self._minutes = {}
        self._actions = {
            "client-error": self._client_error,
            "client-error-detail": lambda event, slot, source: None,
            "dns-error-report": self._dns_error,
            "report-malformed": self._malformed,
            "report-stats": self._stats,
        }

    def add(self, line, source=""):
        """Count a line (bytes). source: where it is from, so that resolvers with one host name in
        two logs are kept apart."""
        self.lines += 1
        try:
            self._add(line, source)
        except BadLine as error:
            self.bad += 1
            if self.first_bad is None:
                self.first_bad = f"line {self.lines}: {error}"

    def malformed(self):
        """Malformed names by reason. At most one a second has a line, and the counters come once
        a minute: the larger number is nearer."""
        out = Values(self._malformed_lines)
        for reason, count in self._malformed_counted.items():
            out[reason] = max(count, out.get(reason, 0))
        return out

    def _add(self, line, source):
        if len(line) > LINE_MAX:
            raise BadLine("too long")
        try:
            event = json.loads(line.decode())
        except (ValueError, RecursionError):
            raise BadLine("not JSON") from None
        handle = self._actions.get(text_at(event, "event", "action"))
        if handle is None:
            raise BadLine("no report")
        minute = self._minute(text_at(event, "@timestamp"))
        ident = text_at(event, "event", "id")
        if ident is not None and self._seen(ident):
            self.repeated += 1
            return
        handle(event, minute, source)
        when = event["@timestamp"]
        self.first = min(self.first or when, when)
        self.last = max(self.last or when, when)
        if handle != self._stats:
            self.latest.append(event)

    def _seen(self, ident):
        """Whether a report was counted already: one that came to two resolvers is one."""
        if ident in self._ids or ident in self._older_ids:
            return True
        if len(self._ids) >= IDS_MAX:
            self._older_ids, self._ids = self._ids, set()
        self._ids.add(ident)
        return False

    def _minute(self, stamp):
        """The minute of a time stamp, in seconds."""
        if stamp is None or not 17 <= len(stamp) <= 30 or stamp[-1] != "Z" or stamp[16] not in ":Z":
            raise BadLine("no time")
        text = stamp[:16]
        if text not in self._minutes:
            try:
                minute = int(datetime.fromisoformat(text + "+00:00").timestamp())
            except ValueError:
                raise BadLine("no time") from None
            if minute < 0:
                raise BadLine("no time")
            if len(self._minutes) > VALUES_MAX:
                self._minutes.clear()
            self._minutes[text] = minute
        return self._minutes[text]

    def _slot(self, minute):
        start = minute // self.width * self.width
        if start not in self.slots:
            self.slots[start] = Slot()
            self.slots, self.width = coarser(self.slots, self.width, SLOTS_MAX)
            start = minute // self.width * self.width
        return self.slots[start]

    def _client_error(self, event, minute, source):
        code = text_at(event, "error", "code")
        weight = number_at(event, "sitebound", "weight")
        if code is None:
            raise BadLine("no error.code")
        if weight is None or not 1 <= weight <= WEIGHT_MAX:
            raise BadLine("no weight")
        self.errors += weight
        slot = self._slot(minute)
        slot.codes.add(code, weight)
        agent = event.get("user_agent")
        for values, value in (
            (self.types, text_at(event, "error", "type")),
            (self.versions, text_at(agent, "version") and joined(text_at(agent, "name"), text_at(agent, "version"))),
            (
                self.systems,
                joined(text_at(agent, "os", "name") or text_at(agent, "os", "type"), text_at(agent, "os", "version")),
            ),
            (self.countries, text_at(event, "client", "geo", "country_iso_code")),
            (self.services, text_at(event, "service", "name")),
        ):
            if value is not None:
                values.add(value, weight)
        for all_of_them, in_slot, value in (
            (self.installs, slot.installs, text_at(event, "sitebound", "install_id")),
            (self.networks, slot.networks, text_at(event, "client", "ip")),
        ):
            if value is not None:
                all_of_them.see(value)
                if value in all_of_them:
                    in_slot.add(value)

    def _dns_error(self, event, minute, source):
        code = text_at(event, "error", "code")
        if code is None:
            raise BadLine("no error.code")
        purpose = text_at(event, "error", "message")
        self._slot(minute)
        self.dns_errors.add((joined(code, purpose), text_at(event, "sitebound", "zone") or ""))
        name = text_at(event, "sitebound", "reported", "name")
        if name is not None:
            self.dns_names.add(name)

    def _malformed(self, event, minute, source):
        self._slot(minute)
        self._malformed_lines.add(text_at(event, "event", "reason") or "unknown")

    def _stats(self, event, minute, source):
        stats = event.get("sitebound")
        stats = stats.get("stats") if type(stats) is dict else None
        if type(stats) is not dict:
            raise BadLine("no counters")
        slot = self._slot(minute)
        resolver = (source, text_at(event, "observer", "hostname"))
        if resolver not in self._counters and len(self._counters) >= VALUES_MAX:
            raise BadLine("too many resolvers")
        now = {name: number_at(stats, name) or 0 for name in (*LOSSES, "accepted")}
        reasons = stats.get("malformed")
        for reason in list(reasons)[:100] if type(reasons) is dict else ():
            now["malformed", reason] = number_at(reasons, reason) or 0
        before = self._counters.get(resolver, {})
        if any(now.get(name, 0) < count for name, count in before.items()):
            before = {}  # it was started again
        self._counters[resolver] = now
        for name, count in now.items():
            more = count - before.get(name, 0)
            if more == 0:
                continue
            if name in LOSSES:
                slot.losses.add(name, more)
            elif type(name) is tuple:
                self._malformed_counted.add(name[1], more)
