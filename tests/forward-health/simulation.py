# SPDX-License-Identifier: BSD-3-Clause
"""forward-health in a world with a virtual clock: simulated resolvers, owners, Unbound and control socket.

A world runs the real Engine. Faults come from outside (see ACTIONS); invariants are checked at each event.
"""
import heapq
import os
import random
import sys
from types import SimpleNamespace

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "contrib", "forward-health"))

from forward_health.config import Probe  # noqa: E402
from forward_health.engine import Engine  # noqa: E402


def conf(sites=(2, 2), owners=3, fast=False, order=None, **more):
    """A configuration as config.read() would give it."""
    names = {"dc%d" % (n + 1): ["10.%d.0.%d@5301" % (n + 1, k + 21) for k in range(count)] for n, count in enumerate(sites)}
    c = SimpleNamespace(
        site="dc1", sites={s: names[s] for s in (order or names)}, interval=1.0, fast_interval=0.25, timeout=1.0, fall=3, rise=5,
        jitter=10, max_rate=20, min_healthy=1, standby=0, hold=5.0, egress_control={}, large=None,
        owners={"owner%d" % n: [Probe("{random}.owner%d" % n, "NXDOMAIN", "owner%d" % n)] for n in range(owners)})
    if fast:
        c.interval, c.fast_interval, c.timeout, c.fall = 0.5, 0.15, 0.5, 2
    for key, value in more.items():
        setattr(c, key, value)
    c.resolvers = {k: (k.split("@")[0], 5301, "") for keys in c.sites.values() for k in keys}
    c.max_rate = max(c.max_rate, int(len(c.resolvers) / c.interval) + 1)
    c.zones = {".": ["dc1"] + [s for s in c.sites if s != "dc1"]}
    return c


class World:
    def __init__(self, c, seed=0, ports=False):
        self.conf, self.rng, self.ports = c, random.Random(seed), ports
        self.time, self.serial, self.heap = 1000.0, 0, []
        self.dead = set()               # resolvers that are silent
        self.lines = set()              # sites without internet
        self.owners = set()             # owners that are silent everywhere
        self.delay = {}                 # site or resolver -> seconds more
        self.loss = 0.0
        self.mode = "ok"                # of the control socket: ok, hang, refuse, garbage, error
        self.booted = {".": list(c.sites["dc1"])}
        self.forwards = {z: list(v) for z, v in self.booted.items()}
        self.commands, self.egress, self.events = [], [], []
        self.asked = {k: [] for k in c.resolvers}
        self.steps = 0
        self.due = self.time
        self.engine = Engine(c, self, random.Random(seed + 1))

    # --- what the engine sees ----------------------------------------------------------------

    def now(self):
        return self.time

    def emit(self, action, reason, duration, details):
        self.events.append((self.time, action, details))

    def later(self, seconds, what):
        self.serial += 1
        heapq.heappush(self.heap, (self.time + seconds, self.serial, what))

    def works(self, key, owner):
        site = next(s for s, keys in self.conf.sites.items() if key in keys)
        return key not in self.dead and site not in self.lines and owner not in self.owners

    def ask(self, question, key, owner):
        self.asked[key].append(self.time)
        site = self.engine.health.servers[key].site
        took = self.rng.uniform(0.001, 0.02) + self.delay.get(site, 0) + self.delay.get(key, 0)
        fine = self.works(key, owner) and self.rng.random() >= self.loss and took < self.conf.timeout
        self.later(took if fine else self.conf.timeout, lambda: self.engine.answered(question, key, "ok" if fine else "timeout"))

    def control(self, target, command, done):
        if target != "local":
            self.egress.append((self.time, target, command))
            self.later(0.001, lambda: done("ok\n", None))
            return
        self.commands.append((self.time, command))
        if self.mode == "hang":
            self.later(2.0, lambda: done(None, "no answer within 2 s"))
        elif self.mode == "refuse":
            self.later(0.0005, lambda: done(None, "Connection refused"))
        elif self.mode == "error" and command.startswith("forward_add"):
            self.later(0.0005, lambda: done(None, "error parsing"))
        else:
            self.later(0.001, lambda: done(self.unbound(command), None))

    def unbound(self, command):
        words = command.split()
        if words[0] == "list_forwards":
            if self.mode == "garbage":
                return "\x7fELF nonsense\n"
            return "".join("%s IN forward %s\n" % (z, " ".join(k if self.ports else k.split("@")[0] for k in keys))
                           for z, keys in self.forwards.items())
        if words[0] == "forward_add":
            assert len(words) > 2, "an empty list"
            assert words[2:] != self.forwards.get(words[1]), "a command although nothing differs: %s" % command
            self.forwards[words[1]] = words[2:]
        return "ok\n"

    # --- the course of things ----------------------------------------------------------------

    def run(self, seconds, until=None):
        """Goes on for so long, or until the test holds; gives the seconds that passed, or None."""
        begin, end = self.time, self.time + seconds
        while True:
            if until and until():
                return self.time - begin
            at = min(self.due, self.heap[0][0] if self.heap else self.due)
            if at > end:
                self.time = end
                return None if until else seconds
            assert at >= self.time - 1e-6, "time ran backwards"
            self.time = max(self.time, at)
            while self.heap and self.heap[0][0] <= self.time:
                heapq.heappop(self.heap)[2]()
            self.due = self.engine.step()
            self.steps += 1
            self.check()

    def check(self):
        assert all(self.forwards.values()), "an empty list"

    def list(self):
        return set(self.forwards["."])

    def local(self):
        return set(self.conf.sites["dc1"])

    def states(self):
        return {k: s.state for k, s in self.engine.health.servers.items()}

    def calm(self):
        """Everything works again."""
        self.dead, self.lines, self.owners, self.delay, self.loss, self.mode = set(), set(), set(), {}, 0.0, "ok"

    def restart(self):
        self.forwards = {z: list(v) for z, v in self.booted.items()}

    def hup(self):
        self.engine.reload(self.conf)

    def again(self):
        """forward-health itself is killed and started."""
        self.heap.clear()
        self.engine = Engine(self.conf, self, random.Random(self.rng.random()))
        self.due = self.time


def actions(world, rng):
    """The things that may happen, one of them at random."""
    key, site = rng.choice(list(world.conf.resolvers)), rng.choice(list(world.conf.sites))
    owner = rng.choice(list(world.conf.owners))
    return rng.choice([
        lambda: world.dead.symmetric_difference_update({key}), lambda: world.lines.symmetric_difference_update({site}),
        lambda: world.owners.symmetric_difference_update({owner}), lambda: world.delay.update({site: rng.uniform(0, 0.4)}),
        lambda: setattr(world, "loss", rng.choice([0, 0, 0.02, 0.2])),
        lambda: setattr(world, "mode", rng.choice(["ok", "ok", "hang", "refuse", "garbage", "error"])),
        world.restart, world.hup, world.again, world.calm])


def history(seed, length=8):
    """One random history, and after it the invariants."""
    rng = random.Random(seed)
    c = conf(sites=rng.choice([(2, 2), (1, 1), (2, 1), (3, 2, 2), (4, 4), (2,)]), owners=rng.choice([2, 3, 3, 4]),
             fast=rng.random() < 0.2, standby=rng.choice([0, 0, 1]), min_healthy=1)
    world = World(c, seed, ports=rng.random() < 0.5)
    world.run(4)
    for _ in range(length):
        actions(world, rng)()
        span = rng.choice([0.2, 1.0, 4.0, 12.0])
        begin, steps, calls = world.time, world.steps, len(world.commands)
        world.due = world.time
        world.run(span)
        used = world.steps - steps
        assert used <= 40 + span * (6 * c.max_rate + 40), "%d steps in %g s: it spins" % (used, span)
        if world.mode in ("hang", "refuse", "garbage", "error"):
            assert len(world.commands) - calls <= 8 + 3 * span, "%d commands in %g s to a control that fails" % (
                len(world.commands) - calls, span)
        if span >= 12:
            for key, times in world.asked.items():
                assert times and max(times) > begin + span - 3 * c.interval - c.timeout, "%s was not asked for long" % key
    # owners that fail everywhere decide nothing
    world.calm()
    world.due = world.time
    world.run(40 + 12 * len(c.owners))
    longest = max(z.hold for z in world.engine.decision.zones.values())
    world.run(longest + 10)
    assert set(world.states().values()) == {"up"}, "not all well again: %s" % world.states()
    want = world.local()
    assert world.list() >= want and len(world.list()) <= len(want) + c.standby, "not home: %s" % world.list()
    before = len([1 for _, command in world.commands if command.startswith("forward_add")])
    silent = rng.sample(list(c.owners), len(c.owners) - 1)
    world.owners.update(silent)
    world.run(60)
    assert set(world.states().values()) == {"up"}, "owners that fail everywhere decided: %s" % world.states()
    assert before == len([1 for _, command in world.commands if command.startswith("forward_add")]), "a list changed"
    world.calm()
    world.run(30)
    if len(c.sites) > 1:    # a dead local site is left within the bar
        world.lines.add("dc1")
        took = world.run(10, lambda: not world.list() & world.local())
        assert took is not None and took <= 3.0, "left after %s" % took
    world.calm()
    world.run(60 + longest * 3)
    # everything fails, the other sites first: said, and the list stays
    world.dead.update(k for s, keys in c.sites.items() if s != "dc1" for k in keys)
    world.run(6)
    world.lines.add("dc1")
    assert world.run(12, lambda: world.engine.decision.zones["."].nobody) is not None, "nobody is healthy, and it is not said"
    return world


