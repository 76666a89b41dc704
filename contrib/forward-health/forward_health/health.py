# SPDX-License-Identifier: BSD-3-Clause
"""Which resolver is well: whom to ask what and when, and what the answers mean.

Pure: no clock, no network. Every method is handed the time (seconds of a clock that never jumps).

A resolver is down when it failed `fall` times in a row and for every owner that works somewhere. An owner that fails
at several resolvers, and nowhere works, while another owner works, is broken: it decides nothing.
"""
from collections import Counter

OWNER_RETRY = 10.0      # a broken owner is asked again so often
CAP = 5                 # a resolver need not fail for more owners than this


class Server:
    """What is known of one resolver."""

    def __init__(self, key, site, now):
        self.key, self.site = key, site
        self.state = None           # None: not known yet, "up", "down"
        self.since = now
        self.reason = ""
        self.run = []               # failures since the last right answer: (owner, asked, reason)
        self.oks = 0                # right answers in a row
        self.last_ok = None         # when the question of the last right answer was asked
        self.asked = None           # when it was last asked
        self.due = now              # when it is to be asked next
        self.waiting = {}           # question -> (owner, asked, noticed as late)
        self.usual, self.spread = None, 0.0     # latency of right answers, smoothed as TCP does
        self.turn = 0
        self.right = 0
        self.failures = Counter()

    def learn(self, took):
        if self.usual is None:
            self.usual, self.spread = took, took / 2
        else:
            self.spread += (abs(took - self.usual) - self.spread) / 4
            self.usual += (took - self.usual) / 8


class Owner:
    """What is known of one owner of probe names, over all resolvers."""

    def __init__(self):
        self.last_ok = None         # when the question of its last right answer was asked
        self.failed = {}            # resolvers at which it failed since then -> when first asked
        self.count = 0
        self.broken = False
        self.retry = 0.0


class Health:
    def __init__(self, conf, now, rng, old=None):
        """old: the Health before a re-read of the configuration; what it counted stays."""
        self.conf, self.rng = conf, rng
        self.servers = {key: old.servers[key] if old and key in old.servers else Server(key, site, now)
                        for site, keys in conf.sites.items() for key in keys}
        for site, keys in conf.sites.items():
            for key in keys:
                self.servers[key].site = site
        self.owners = {owner: old.owners[owner] if old and owner in old.owners else Owner() for owner in conf.owners}
        self.names = list(self.owners)
        self.quiet = old.quiet & set(self.servers) if old else set()  # not in any list: asked half as often
        self.tokens, self.filled = (old.tokens, old.filled) if old else (self.burst(), now)
        self.question = old.question if old else 0
        for n, server in enumerate(self.servers.values()):
            if server.asked is None:
                server.turn = n

    def burst(self):
        return max(1.0, min(self.conf.max_rate, 2.0 * len(self.servers)))

    # --- when to ask -------------------------------------------------------------------------

    def suspicious(self, server):
        if server.state is None or any(late for _, _, late in server.waiting.values()):
            return True
        return bool(server.run) if server.state == "up" else server.oks > 0

    def late_after(self, server):
        """Slow is relative: to what this resolver usually needs."""
        usual = 0.0 if server.usual is None else server.usual + 4 * server.spread
        return min(self.conf.timeout, max(self.conf.fast_interval, usual))

    def next_due(self, now):
        """When take() has something to do."""
        times = [s.due for s in self.servers.values()]
        times = [max(min(times), self.filled + max(0.0, 1 - self.tokens) / self.conf.max_rate)]
        for server in self.servers.values():
            limit = self.late_after(server)
            times += [asked + limit for _, asked, late in server.waiting.values() if not late]
        return max(now, min(times))

    def take(self, now):
        """What to ask now: (question, resolver, owner). Whoever waited longest comes first, local first in doubt."""
        for server in self.servers.values():
            limit = self.late_after(server) - 1e-6
            for question, (owner, asked, late) in server.waiting.items():
                if not late and now - asked >= limit:
                    server.waiting[question] = (owner, asked, True)
                    self.hurry(server, now)
        self.tokens = min(self.burst(), self.tokens + max(0.0, now - self.filled) * self.conf.max_rate)
        self.filled = now
        due = [s for s in self.servers.values() if s.due <= now + 1e-6]
        due.sort(key=lambda s: (-1.0 if s.asked is None else s.asked, s.site != self.conf.site))
        out = []
        for server in due:
            if self.tokens < 1 - 1e-6:
                break
            self.tokens -= 1
            owner = self.choose(server, now)
            self.question += 1
            server.waiting[self.question] = (owner, now, False)
            server.asked = now
            server.due = now + self.pause(server)
            out.append((self.question, server.key, owner))
        return out

    def pause(self, server):
        if self.suspicious(server):
            pause = self.conf.fast_interval
        else:
            pause = self.conf.interval * (2 if server.key in self.quiet and server.state == "up" else 1)
        return pause * (1 + self.conf.jitter / 100 * self.rng.uniform(-1, 1))

    def choose(self, server, now):
        nobody = all(s.state != "up" for s in self.servers.values())
        for _ in self.names:
            name = self.names[server.turn % len(self.names)]
            server.turn += 1
            owner = self.owners[name]
            if not owner.broken or nobody:
                return name
            if now >= owner.retry:
                owner.retry = now + OWNER_RETRY
                return name
        return name

    def hurry(self, server, now):
        """A resolver is late or failed: ask it and its neighbours soon, and see that its owners work elsewhere."""
        for other in self.servers.values():
            if other is server or (other.site == server.site and other.state == "up"):
                soon = max(now, (now if other.asked is None else other.asked) + self.conf.fast_interval)
                other.due = min(other.due, soon)

    # --- what answers mean -------------------------------------------------------------------

    def answer(self, question, key, outcome, now):
        """A question ended; outcome is "ok" or the reason of the failure. Gives the changes: (what, name, state, reason)."""
        server = self.servers.get(key)
        if server is None or question not in server.waiting:
            return []
        name, asked, _ = server.waiting.pop(question)
        owner = self.owners.get(name)
        if outcome == "ok":
            server.right += 1
            server.learn(now - asked)
        else:
            server.failures[outcome] += 1
        if owner is None:
            return []
        changes = []
        if outcome == "ok":
            if owner.last_ok is None or asked > owner.last_ok:
                owner.last_ok = asked
            owner.failed, owner.count = {}, 0
            if owner.broken:
                owner.broken = False
                changes.append(("owner", name, "works", ""))
            if server.last_ok is None or asked > server.last_ok:
                server.last_ok = asked
            # a failure of a question asked later than this one still stands
            server.run = [f for f in server.run if f[1] > asked]
            server.oks = 0 if server.run else server.oks + 1
        else:
            owner.count += 1
            owner.failed.setdefault(key, asked)
            self.ask_elsewhere(server, name, now)
            if not owner.broken and (server.last_ok is None or asked > server.last_ok):
                server.run = (server.run + [(name, asked, outcome)])[-64:]
                server.oks = 0
                self.hurry(server, now)
        changes += self.judge_owners(now)
        for other in self.servers.values():
            changes += self.judge(other, now)
        if self.suspicious(server):
            server.due = min(server.due, max(now, server.asked + self.conf.fast_interval))
        return changes

    def ask_elsewhere(self, server, name, now):
        """The owner may be at fault: a resolver of another site at which it is not known to fail is asked for it now."""
        others = [s for s in self.servers.values() if s.site != server.site and s.state == "up"
                  and s.key not in self.owners[name].failed and now - (s.asked or 0) >= self.conf.fast_interval]
        if others:
            other = min(others, key=lambda s: s.asked or 0)
            other.due = min(other.due, now)
            other.turn = self.names.index(name)

    def fails_everywhere(self, owner):
        """At two resolvers, and in each site that has any that is up; each of them gave another right answer since then."""
        failing = [self.servers[key] for key, asked in owner.failed.items()
                   if key in self.servers and (self.servers[key].last_ok or 0) > asked]
        return len(failing) >= min(2, len(self.servers)) and \
            {s.site for s in failing} >= {s.site for s in self.servers.values() if s.state == "up"}

    def judge_owners(self, now):
        changes = []
        for name, owner in self.owners.items():
            others = [n for n, o in self.owners.items() if n != name and not o.broken]
            # one owner always decides: or nothing would, when everything fails at last
            if owner.broken or not others or owner.count < self.conf.fall or not self.fails_everywhere(owner):
                continue
            owner.broken, owner.retry = True, now + OWNER_RETRY
            for server in self.servers.values():
                server.run = [f for f in server.run if f[0] != name]
            changes.append(("owner", name, "broken", "no right answer anywhere, while other owners have some"))
        return changes

    def judge(self, server, now):
        state = server.state
        working = [n for n, o in self.owners.items() if not o.broken]
        if state != "down" and len(server.run) >= self.conf.fall and \
                len({f[0] for f in server.run}) >= min(len(working), CAP):
            state = "down"
            server.reason = Counter(f[2] for f in server.run).most_common(1)[0][0]
            since = server.run[0][1]
        elif server.oks >= (1 if state is None else self.conf.rise) and state != "up":
            state, server.reason, since = "up", "", server.since
        if state == server.state:
            return []
        duration = max(0.0, now - since)
        server.state, server.since, server.oks = state, now, 0
        return [("server", server.key, state, server.reason, duration)]
