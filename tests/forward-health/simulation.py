# SPDX-License-Identifier: BSD-3-Clause
"""forward-health in a world with a virtual clock: simulated resolvers, owners, Unbound and control socket.

A world runs the real Engine. Faults come from outside (happen()); what must hold at each event is checked at each event: no list is
empty, nothing is said to Unbound when nothing differs, no resolver is called down without `fall` failures of its own (as long as
some owner works and no more than one in fifty questions is lost).
"""
import heapq
import os
import random
import sys
from types import SimpleNamespace

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "contrib", "forward-health"))

from forward_health.engine import Engine  # noqa: E402


def conf(sites=(2, 2), owners=3, fast=False, order=None, **more):
    """A configuration as config.read() would give it."""
    names = {"dc%d" % (n + 1): ["10.%d.0.%d@5301" % (n + 1, k + 21) for k in range(count)] for n, count in enumerate(sites)}
    c = SimpleNamespace(
        site="dc1", sites={s: names[s] for s in (order or names)}, interval=1.0, fast_interval=0.25, timeout=1.0, fall=3, rise=5,
        jitter=10, max_rate=20, min_healthy=1, standby=0, hold=5.0, egress_control={}, large=None,
        owners=["owner%d" % n for n in range(owners)])
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
        self.site_of = {k: s for s, keys in c.sites.items() for k in keys}
        self.dead = set()               # resolvers that are silent
        self.lines = set()              # sites without internet
        self.owners = set()             # owners that are silent everywhere
        self.delay = {}                 # site or resolver -> seconds more
        self.loss = 0.0
        self.mode = "ok"                # of the control socket: ok, hang, refuse, garbage, error
        self.booted = {".": list(c.sites["dc1"])}
        self.restart()
        self.commands, self.egress, self.events = [], [], []
        self.asked = {k: [] for k in c.resolvers}
        self.ill = {k: [] for k in c.resolvers}     # when questions were asked that the resolver itself failed, since its last right answer
        self.slow = False               # answers came late at some time, so a resolver may have got the name of a slow one
        self.blackout = 0.0             # when a question was asked last while every owner was silent, or one in five was lost
        self.changed = 0.0              # when other owners fell silent
        self.steps = 0
        self.due = self.time
        self.engine = Engine(c, self, random.Random(seed + 1))

    # --- what the engine sees ----------------------------------------------------------------

    def now(self):
        return self.time

    def emit(self, action, reason="", duration=0, **details):
        self.events.append((self.time, action, details))
        if action == "resolver-state" and details["to"] == "down" and self.time - self.blackout > 10:
            assert len(self.ill[details["server"]]) >= self.conf.fall, "%s is called down for failures of owners" % details["server"]

    def later(self, seconds, what, *args):
        self.serial += 1
        heapq.heappush(self.heap, (self.time + seconds, self.serial, what, args))

    def ask(self, question, key, owner):
        site = self.site_of[key]
        self.asked[key].append(self.time)
        took = 0.001 + 0.019 * self.rng.random() + self.delay.get(site, 0) + self.delay.get(key, 0)
        if key in self.dead or site in self.lines or took >= self.conf.timeout or (self.loss and self.rng.random() < self.loss):
            self.ill[key].append(self.time)
        elif owner not in self.owners:
            self.later(took, self.right, question, key, self.time)
            return
        if len(self.owners) == len(self.conf.owners) or self.loss > 0.1:
            self.blackout = self.time
        self.later(self.conf.timeout, self.engine.answered, question, key, "timeout")

    def right(self, question, key, asked):
        self.ill[key] = [t for t in self.ill[key] if t > asked]
        self.engine.answered(question, key, "ok")

    def control(self, target, command, done):
        if target != "local":
            self.egress.append((self.time, target, command))
            self.later(0.001, done, "ok\n", None)
            return
        self.commands.append((self.time, command))
        if self.mode == "hang":
            self.later(2.0, done, None, "no answer within 2 s")
        elif self.mode == "refuse":
            self.later(0.0005, done, None, "Connection refused")
        elif self.mode == "error" and command.startswith("forward_add"):
            self.later(0.0005, done, None, "error parsing")
        else:
            self.later(0.001, done, self.unbound(command), None)

    def unbound(self, command):
        if command == "list_forwards":
            if self.mode == "garbage":
                return "\x7fELF nonsense\n"
            return "".join("%s IN forward %s\n" % (z, " ".join(k if self.ports else k.split("@")[0] for k in keys))
                           for z, keys in self.forwards.items())
        words = command.split()
        if words[0] == "forward_add":
            assert len(words) > 2, "an empty list"
            assert words[2:] != self.forwards.get(words[1]) or self.time < self.restarted + 0.01, "a command although nothing differs: %s" % command
            self.forwards[words[1]] = words[2:]
        return "ok\n"

    # --- the course of things ----------------------------------------------------------------

    def run(self, seconds, until=None):
        """Goes on for so long, or until the test holds; gives the seconds that passed, or None."""
        begin, end, heap, steps = self.time, self.time + seconds, self.heap, 0
        while not (until and until()):
            at = heap[0][0] if heap and heap[0][0] < self.due else self.due
            if at > end:
                self.time = end
                break
            assert at >= self.time, "time ran backwards"
            self.time = at
            while heap and heap[0][0] <= at:
                _, _, what, args = heapq.heappop(heap)
                what(*args)
            self.due = self.engine.step()
            steps += 1
        else:
            return self.time - begin
        self.steps += steps
        assert steps <= 60 + seconds * (6 * self.conf.max_rate + 40), "%d steps in %g s: it spins" % (steps, seconds)
        return None if until else seconds

    def list(self):
        return set(self.forwards["."])

    def local(self):
        return set(self.conf.sites["dc1"])

    def states(self):
        return self.engine.states()

    def calm(self):
        """Everything works again."""
        self.dead, self.lines, self.owners, self.delay, self.loss, self.mode = set(), set(), set(), {}, 0.0, "ok"

    def silent(self, owners):
        """These owners and no others are silent. Not more often than can be told: one time-out, and another one."""
        if self.time > self.changed + 2 * self.conf.timeout:
            self.owners, self.changed = set(owners), self.time

    def slower(self, site, seconds):
        self.delay[site], self.slow = seconds, True

    def restart(self):
        self.restarted = self.time
        self.forwards = {z: list(v) for z, v in self.booted.items()}

    def hup(self):
        self.engine.reload(self.conf)

    def override(self, said):
        self.engine.override = said
        self.engine.decide()
        self.due = self.time

    def again(self):
        """forward-health itself is killed and started."""
        self.heap.clear()
        self.engine = Engine(self.conf, self, random.Random(self.rng.random()))
        self.due = self.time


def happen(world, rng):
    """Something happens."""
    key, site = rng.choice(list(world.conf.resolvers)), rng.choice(list(world.conf.sites))
    owners = rng.sample(list(world.conf.owners), rng.randrange(len(world.conf.owners)))
    rng.choice([
        lambda: world.dead.symmetric_difference_update({key}), lambda: world.lines.symmetric_difference_update({site}),
        lambda: world.silent(owners), lambda: world.slower(site, rng.uniform(0, 0.4)),
        lambda: setattr(world, "loss", rng.choice([0, 0, 0.02, 0.2])),
        lambda: setattr(world, "mode", rng.choice(["ok", "ok", "hang", "refuse", "garbage", "error"])),
        world.restart, world.hup, world.again, world.calm])()
    world.due = world.time


def history(seed, length=4):
    """One random history, and after it one of the invariants that need a beginning in peace."""
    rng = random.Random(seed)
    c = conf(sites=rng.choice([(2, 2), (1, 1), (2, 1), (3, 2, 2), (4, 4), (2,)]), owners=rng.choice([2, 3, 3, 4]),
             fast=rng.random() < 0.2, standby=rng.choice([0, 0, 1]),
             hold=rng.choice([1.0, 1.0, 5.0]))
    world = World(c, seed, ports=rng.random() < 0.5)
    world.run(2)
    for _ in range(length):
        happen(world, rng)
        span = rng.choice([0.2, 1.0, 3.0])
        calls = len(world.commands)
        world.run(span)
        if world.mode in ("hang", "refuse", "garbage", "error"):
            assert len(world.commands) - calls <= 8 + 3 * span, "%d commands in %g s to a control that fails" % (
                len(world.commands) - calls, span)
        if span == 3.0:
            for key, times in world.asked.items():
                assert times[-1] > world.time - 3 * c.interval - c.timeout, "%s was not asked for long" % key
    if rng.random() < 0.4:
        dead_seen(world, rng)
    else:
        peace(world)
        rng.choice([owners_silent, site_left, nobody])(world, rng)
    return world


def peace(world):
    """With one healthy local resolver known for `hold` the local site is used, and with all of them, all."""
    world.calm()
    world.run(world.conf.timeout + 0.5)     # what was asked before
    world.run(100, lambda: set(world.states().values()) == {"up"})
    hold = max(z.hold for z in world.engine.decision.zones.values())
    world.run(8 + hold + 3, lambda: world.list() >= world.local() and world.engine.settled() and not world.engine.backoff)
    assert set(world.states().values()) == {"up"}, "not all well again: %s" % world.states()
    assert world.list() >= world.local() and len(world.list()) <= len(world.local()) + world.conf.standby, "not home: %s" % world.list()


def dead_seen(world, rng):
    """Whatever happened before, and whatever owners are silent: a resolver that is dead is down within seconds."""
    key = rng.choice(list(world.conf.resolvers))
    world.dead.add(key)
    world.loss = 0
    assert world.run(6, lambda: world.states()[key] == "down") is not None, "%s is dead, and not called down" % key


def owners_silent(world, rng):
    """Owners that fail everywhere decide nothing, up or down; nor does it when others take their place, or they recover."""
    before = [c for _, c in world.commands if c.startswith("forward_add")]
    for _ in range(2):
        world.silent(rng.sample(list(world.conf.owners), rng.randrange(len(world.conf.owners))))
        world.run(rng.choice([1, 4, 8]))
        assert set(world.states().values()) == {"up"}, "owners that fail everywhere decided: %s" % world.states()
    assert before == [c for _, c in world.commands if c.startswith("forward_add")], "a list changed"


def site_left(world, rng):
    """A dead local site is left within the bar."""
    if len(world.conf.sites) > 1:
        world.lines.add("dc1")
        took = world.run(10, lambda: not world.list() & world.local())
        assert took is not None and took <= (3.75 if world.slow else 3.0), "left after %s" % took


def nobody(world, rng):
    """Everything fails, the other sites first: it is said, and the list stays."""
    world.dead.update(k for k, s in world.site_of.items() if s != "dc1")
    world.run(rng.choice([0, 4]))
    world.lines.add("dc1")
    assert world.run(8, lambda: world.engine.decision.zones["."].nobody) is not None, "nobody is healthy, and it is not said"
