# SPDX-License-Identifier: BSD-3-Clause
"""Which resolver is well: whom to ask what and when, and what the answers mean.

Pure: no clock, no network. Every method is handed the time (seconds of a clock that never jumps).

A failure may be the resolver's or the owner's. While an owner has no right answer anywhere, and a resolver at which it
failed gave another one later, it is in doubt: its failures do not count. A resolver is down after `fall` failures in a
row that count, of every owner that is not in doubt. The owner of the last right answer anywhere is never in doubt: when
it falls silent everything fails everywhere, and then nobody is called down for a while, as owners may take turns, nor
before it failed for every owner: one in doubt may be the one that works again.
"""
import dataclasses
import itertools
from collections import Counter

RETRY = 10.0        # a broken owner is asked again so often, but by each resolver in question in its turn
CAP = 5             # a resolver need not fail for more owners than this
PATIENCE = 4        # time-outs that a resolver has while none has a right answer: there is nobody to turn to anyway
PAST, FUTURE = float("-inf"), float("inf")


@dataclasses.dataclass(slots=True)
class Server:
    """What is known of one resolver."""
    key: str
    site: str
    due: float                  # when it is to be asked next
    may: float                  # from when on it is asked when others are
    since: float                # since when the state is what it is
    turn: int                   # whose owner's turn it is
    tried: bool = False         # the last question was for a broken owner
    named: dict = dataclasses.field(default_factory=dict)   # owner -> when it was last asked for
    state: str | None = None    # "up", "down" or not known yet
    reason: str = ""
    run: list = dataclasses.field(default_factory=list)     # failures since the last right answer: asked, owner, reason
    oks: int = 0                # right answers in a row
    last_ok: float = PAST       # when the question of the last right answer was asked
    asked: float = PAST         # when it was last asked
    waiting: dict = dataclasses.field(default_factory=dict)     # question -> (asked, owner), oldest first
    late: bool = False          # the oldest of them waits for longer than is usual
    late_at: float = FUTURE     # when it will
    usual: float = 0.0          # latency of right answers and its spread, smoothed as TCP does
    spread: float = 0.0
    right: int = 0
    failures: Counter = dataclasses.field(default_factory=Counter)

    def suspicious(self):
        return self.oks > 0 if self.state == "down" else self.late or bool(self.run) or self.state is None

    def learn(self, took):
        if not self.right:
            self.usual, self.spread = took, took / 2
        else:
            self.spread += (abs(took - self.usual) - self.spread) / 4
            self.usual += (took - self.usual) / 8
        self.right += 1


@dataclasses.dataclass(slots=True)
class Owner:
    """What is known of one owner of probe names, over all resolvers."""
    last_ok: float = PAST       # when the question of its last right answer was asked
    failed: dict = dataclasses.field(default_factory=dict)  # resolver at which it failed since then -> when first asked
    sound: float = PAST         # what was asked until then and failed was the owner's fault
    count: int = 0              # failures since the last right answer
    broken: bool = False        # in doubt for `fall` failures: it is said so, and asked now and then only
    asked: float = PAST         # when it was last asked for


class Health:
    def __init__(self, conf, now, rng, old=None):
        """old: the Health before a re-read of the configuration; what it counted stays."""
        self.conf, self.rng = conf, rng
        self.servers = {key: Server(key, site, now, now, now, 0) for site, keys in conf.sites.items() for key in keys}
        for turn, server in enumerate(self.servers.values()):
            server.turn = turn
        self.owners = {name: Owner() for name in conf.owners}
        self.questions, self.quiet = itertools.count(), set()
        self.spent = PAST       # the time by which max-rate allows what was asked until now
        if old:
            self.spent, self.questions, self.quiet = old.spent, old.questions, old.quiet
            self.owners.update((name, owner) for name, owner in old.owners.items() if name in self.owners)
            for key in self.servers.keys() & old.servers.keys():
                old.servers[key].site, self.servers[key] = self.servers[key].site, old.servers[key]
        self.names = list(self.owners)

    # --- when to ask -------------------------------------------------------------------------

    def use(self, keys, now):
        """The resolvers in any list; the others are asked half as often."""
        self.quiet = self.servers.keys() - keys if keys else set()
        for key in keys & self.servers.keys():
            self.soon(self.servers[key], now, self.conf.interval)

    def next_due(self):
        """When take() has something to do."""
        return max(self.spent, min([s.due if s.due < s.late_at else s.late_at for s in self.servers.values()]))

    def take(self, now):
        """What to ask now: (question, resolver, owner). Whoever waited longest comes first, local first in doubt.
        A question that may be asked by now, with all of its jitter, comes along: waking up costs more than it does."""
        for server in self.servers.values():
            if server.late_at <= now:
                server.late, server.late_at = True, FUTURE
                if server.state != "down":
                    self.hurry(server, now)
        due = [s for s in self.servers.values() if s.may <= now]
        due.sort(key=lambda s: (s.asked, s.site != self.conf.site))
        # what was not asked may be made up for, but not all at once
        self.spent = max(self.spent, now - min(1, 2 * len(self.servers) / self.conf.max_rate))
        stray = self.conf.jitter / 100 * (2 * self.rng.random() - 1)    # the same for all: they stay together
        return [self.ask(server, now, stray) for server in due if self.spent <= now]

    def ask(self, server, now, stray):
        self.spent += 1 / self.conf.max_rate
        question, name = next(self.questions), self.choose(server, now)
        if not server.waiting:
            server.late_at = now + self.late_after(server)
        server.waiting[question] = (now, name)
        server.asked = now
        if server.suspicious():
            pause = self.conf.fast_interval
        else:
            pause = self.conf.interval * (2 if server.key in self.quiet and server.state == "up" else 1)
        server.due, server.may = now + pause * (1 + stray), now + pause * (1 - self.conf.jitter / 100)
        return question, server.key, name

    def late_after(self, server):
        """Slow is relative: to what this resolver usually needs."""
        return min(self.conf.timeout, max(self.conf.fast_interval, server.usual + 4 * server.spread))

    def choose(self, server, now):
        """The owners take turns; a broken one comes now and then, sooner while the others may be about to fail, too,
        but never twice in a row: its failures tell nothing of the resolver."""
        for _ in self.names:
            name = self.names[server.turn % len(self.names)]
            server.turn += 1
            if not self.owners[name].broken:
                break
            retry = self.retry(server)
            broken = [n for n, o in self.owners.items() if o.broken and now >= o.asked + retry]
            if broken and not server.tried:     # in an order of its own: others may be dead and ask in vain
                name = min(broken, key=lambda n: server.named.get(n, PAST))
                break
        server.tried, self.owners[name].asked, server.named[name] = self.owners[name].broken, now, now
        return name

    def retry(self, server):
        """A resolver that is down tells nothing of owners: it asks for broken ones only where no other can. Nor does
        one that will soon be down: what it asked keeps no other resolver in question from asking."""
        if server.state == "down":
            return FUTURE if any(s.state == "up" for s in self.servers.values()) else RETRY
        return 0 if server.suspicious() else RETRY

    @staticmethod
    def soon(server, now, pause):
        """It is asked so long after the last time, if not before."""
        server.due = min(server.due, max(now, server.asked + pause))
        server.may = min(server.may, server.due)

    def hurry(self, server, now):
        """A resolver is late or failed: it and its neighbours are asked soon."""
        for other in self.servers.values():
            if other.site == server.site and (other is server or other.state == "up"):
                self.soon(other, now, self.conf.fast_interval)

    def ask_elsewhere(self, server, name, now):
        """The owner may be at fault: a resolver that fails for none, best of another site, is asked for it now. (One that is
        late may be about to fail, too: then it is to fail for each owner in its turn.)"""
        others = [s for s in self.servers.values() if s is not server and s.state == "up" and not s.suspicious()
                  and s.key not in self.owners[name].failed and now - s.asked >= self.conf.fast_interval]
        if others:
            other = min(others, key=lambda s: (s.site == server.site, s.asked))
            other.due = other.may = min(other.due, now)
            other.turn = self.names.index(name)

    # --- what answers mean -------------------------------------------------------------------

    def answer(self, question, key, outcome, now):
        """A question ended; outcome is "ok" or the reason of the failure. Gives the changes: ("server" or "owner",
        name, state, reason, since)."""
        server = self.servers.get(key)
        if server is None or question not in server.waiting:
            return []
        asked, name = server.waiting.pop(question)
        owner = self.owners.get(name)
        if outcome == "ok":
            server.learn(now - asked)
        else:
            server.failures[outcome] += 1
        changes = []
        if owner:
            changes = self.right(server, owner, name, asked, now) if outcome == "ok" else \
                self.wrong(server, owner, name, asked, outcome, now)
        oldest = next(iter(server.waiting.values()), None)
        server.late_at = oldest[0] + self.late_after(server) if oldest else FUTURE
        server.late = server.late_at <= now
        if server.late:
            server.late_at = FUTURE
        if server.suspicious():
            self.soon(server, now, self.conf.fast_interval)
        return changes

    def right(self, server, owner, name, asked, now):
        changes = []
        owner.last_ok = max(owner.last_ok, asked)
        if server.run or owner.failed:
            self.forgive(server, name, asked)
        owner.failed, owner.count = {}, 0
        if owner.broken:
            owner.broken = False
            changes.append(("owner", name, "works", "", now))
        server.last_ok = max(server.last_ok, asked)
        # a failure of a question asked later than this one still stands
        server.run = [f for f in server.run if f[0] > asked]
        server.oks = 0 if server.run else server.oks + 1
        if server.state != "up" and server.oks >= (self.conf.rise if server.state else 1):
            changes.append(self.change(server, "up", "", server.since, now))
        return changes

    def forgive(self, server, name, asked):
        """A right answer after failures. If all others failed, too, what was asked until then was the fault of owners,
        of all of them; if this owner was in doubt, of this one. Failures for owners in doubt are no sign of such a time.
        """
        certain = self.certain()
        all_up = [s for s in self.servers.values() if s is server or s.state == "up"]
        all_failed = all(any(f[1] in certain for f in s.run) for s in all_up)
        if all_failed or name not in certain:
            faults = self.names if all_failed else [name]
            for other in self.servers.values():
                other.run = [f for f in other.run if f[0] > asked or f[1] not in faults]
            for fault in faults:
                self.owners[fault].sound = asked

    def wrong(self, server, owner, name, asked, reason, now):
        changes = []
        if asked > owner.last_ok:
            owner.failed.setdefault(server.key, asked)
            owner.count += 1
        if asked > max(server.last_ok, owner.sound):
            server.run = server.run[-63:] + [(asked, name, reason)]
            server.oks = 0
        if server.state == "down":
            return changes
        self.ask_elsewhere(server, name, now)
        if server.run:
            self.hurry(server, now)
        certain = self.certain()
        if name not in certain and not owner.broken and owner.count >= self.conf.fall:
            owner.broken = True
            changes.append(("owner", name, "broken", "no right answer anywhere, while other owners have some", now))
        count = [f for f in server.run if f[1] in certain]
        if len(count) >= self.conf.fall:
            since, failed = count[0][0], {f[1] for f in server.run}
            elsewhere = any(s.last_ok > since for s in self.servers.values())
            needed = certain if elsewhere else self.names   # one in doubt may be the one that works again
            if len(failed.intersection(needed)) >= min(len(needed), CAP) and (
                    elsewhere or now >= since + PATIENCE * self.conf.timeout):
                reason = Counter(f[2] for f in count).most_common(1)[0][0]
                changes.append(self.change(server, "down", reason, since, now))
        return changes

    def certain(self):
        """The owners that are not in doubt."""
        return [name for name, owner in self.owners.items() if not any(
            key in self.servers and self.servers[key].last_ok > asked for key, asked in owner.failed.items())]

    @staticmethod
    def change(server, state, reason, since, now):
        server.state, server.reason, server.since, server.oks = state, reason, now, 0
        return "server", server.key, state, reason, since
