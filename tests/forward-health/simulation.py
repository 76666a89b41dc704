# SPDX-License-Identifier: BSD-3-Clause
"""forward-health in a world with a virtual clock: simulated resolvers, owners, Unbound and control socket.

A world runs the real Engine. Faults come from outside (happen()). What must hold always is checked at each event:
  - no list is empty, nothing is set that is set already, and each change is followed by each flush at most once;
  - every resolver is asked at least every four intervals, and nothing happens without a due time;
  - no resolver is called down without `fall` failures of its own, nor up without right answers (as long as some owner works
    and no more than one in fifty questions is lost);
  - a site that is well is not left for a better one that has not been well for `hold`.
What needs a beginning in peace follows at the end of a history: see ENDS.
"""
import heapq
import math
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
    c.max_rate = max(c.max_rate, math.ceil(len(c.resolvers) / c.interval))
    c.zones = {".": ["dc1"] + [s for s in c.sites if s != "dc1"]}
    return c


class World:
    def __init__(self, c, seed=0, ports=False):
        self.conf, self.seed, self.rng, self.ports = c, seed, random.Random(seed), ports
        self.time, self.serial, self.heap = 1000.0, 0, []
        self.site_of = {k: s for s, keys in c.sites.items() for k in keys}
        self.calm()
        self.tight = c.max_rate < 2 * len(c.resolvers) / c.interval     # then everything takes longer
        self.booted = {".": list(c.sites["dc1"])}
        self.restart()
        self.commands, self.egress, self.events = [], [], []
        self.asked = {k: [] for k in c.resolvers}
        self.ill = {k: [] for k in c.resolvers}     # when questions were asked that the resolver itself failed, since its last right answer
        self.slow = False               # answers came late at some time, so a resolver may have got the name of a slow one
        self.blackout = 0.0             # when a question was asked last while every owner was silent, or one in five was lost
        self.changed = 0.0              # when other owners fell silent
        self.steps = self.adds = 0
        self.flushes = {}               # command -> how often it was done
        self.again()

    def again(self):
        """forward-health itself is killed and started."""
        self.heap.clear()
        self.due = self.began = self.time
        self.rights = dict.fromkeys(self.conf.resolvers, self.conf.rise)    # right answers since it was called down
        self.well = {}                  # site -> since when it has had a healthy resolver
        self.serial += 1
        self.engine = Engine(self.conf, self, random.Random(self.seed + self.serial))
        self.zone, self.site = self.engine.decision.zones["."], None

    # --- what the engine sees ----------------------------------------------------------------

    def now(self):
        return self.time

    def emit(self, action, reason="", duration=0, **details):
        self.events.append((self.time, action, details))
        if action == "resolver-state":
            key, site = details["server"], details["server_site"]
            if not any(self.state(k) == "up" for k in self.conf.sites[site]):
                self.well.pop(site, None)
            if details["to"] == "up":
                self.well.setdefault(site, self.time)
                assert self.rights[key] >= self.conf.rise, "%s is called up after %d right answers" % (key, self.rights[key])
            else:
                self.rights[key] = 0
                assert len(self.ill[key]) >= self.conf.fall or self.tight or self.time - self.blackout <= 10, \
                    "%s is called down for failures of owners" % key

    def later(self, seconds, what, *args):
        self.serial += 1
        heapq.heappush(self.heap, (self.time + seconds, self.serial, what, args))

    def ask(self, question, key, owner):
        now, site = self.time, self.site_of[key]
        self.in_time(key)
        self.asked[key].append(now)
        took = 0.001 + 0.019 * self.rng.random()
        if self.delay:
            took += self.delay.get(site, 0)
        if key in self.dead or site in self.lines or took >= self.conf.timeout or (self.loss and self.rng.random() < self.loss):
            self.ill[key].append(now)
        elif owner not in self.owners:
            self.later(took, self.right, question, key, now)
            return
        if len(self.owners) == len(self.conf.owners) or self.loss > 0.1:
            self.blackout = now
        self.later(self.conf.timeout, self.engine.answered, question, key, "timeout")

    def in_time(self, key):
        last = self.asked[key][-1] if self.asked[key] else 0
        assert self.time - max(last, self.began) <= 4 * self.conf.interval, "%s was not asked for long" % key

    def right(self, question, key, asked):
        self.rights[key] += 1
        if self.ill[key]:
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
            assert words[2:] != self.forwards[words[1]] or self.time < self.restarted + 0.01, \
                "a command although nothing differs: " + command
            self.forwards[words[1]] = words[2:]
            self.adds += 1
        else:
            self.flushes[command] = self.flushes.get(command, 0) + 1
            assert self.flushes[command] <= self.adds, "%s without a change" % command
        return "ok\n"

    # --- the course of things ----------------------------------------------------------------

    def run(self, seconds, until=None):
        """Goes on for so long, or until the test holds; gives the seconds that passed, or None."""
        begin, end, heap, steps = self.time, self.time + seconds, self.heap, 0
        while not (until and until()):
            at = min(heap[0][0], self.due) if heap else self.due
            if at > end:
                self.time = end
                break
            self.time = at
            while heap and heap[0][0] <= at:
                _, _, what, args = heapq.heappop(heap)
                what(*args)
            self.due = self.engine.step()
            assert self.due > at, "it spins"
            steps += 1
            if self.zone.site != self.site:
                self.moved()
        else:
            return self.time - begin
        self.steps += steps
        assert steps <= 60 + seconds * (6 * self.conf.max_rate + 40), "%d steps in %g s: it spins" % (steps, seconds)
        return None if until else seconds

    def moved(self):
        before, self.site = self.site, self.zone.site
        order = self.conf.zones["."]
        if before in self.well and order.index(self.site) < order.index(before):
            assert self.time - self.well[self.site] >= self.conf.hold - 0.001, "%s was left too soon" % before

    def list(self):
        return set(self.forwards["."])

    def local(self):
        return set(self.conf.sites["dc1"])

    def states(self):
        return self.engine.states()

    def state(self, key):
        return self.engine.health.servers[key].state

    def all_up(self):
        return all(s.state == "up" for s in self.engine.health.servers.values())

    def calm(self):
        """Everything works again."""
        self.dead = set()               # resolvers that are silent
        self.lines = set()              # sites without internet
        self.owners = set()             # owners that are silent everywhere
        self.delay = {}                 # site -> seconds more
        self.loss = 0.0
        self.mode = "ok"                # of the control socket: ok, hang, refuse, garbage, error

    def silent(self, owners):
        """These owners and no others are silent. Not more often than can be told: one time-out, and another one; some rounds
        where the rate is short."""
        if self.time > self.changed + (12 if self.tight else 2) * self.conf.timeout:
            self.owners, self.changed = set(owners), self.time

    def slower(self, site, seconds):
        self.delay[site], self.slow = seconds, True

    def restart(self):
        self.restarted = self.time
        self.forwards = {z: list(v) for z, v in self.booted.items()}

    def hup(self):
        self.engine.reload(self.conf)
        self.zone = self.engine.decision.zones["."]
        self.due = self.time

    def override(self, said):
        self.engine.override = said
        self.engine.decide()
        self.due = self.time


def some(world, rng):
    """Owners, but not all of them."""
    return rng.sample(world.conf.owners, rng.randrange(len(world.conf.owners)))


def happen(world, rng):
    """Something happens."""
    key, site = rng.choice(list(world.conf.resolvers)), rng.choice(list(world.conf.sites))
    rng.choice([
        lambda: world.dead.symmetric_difference_update({key}), lambda: world.lines.symmetric_difference_update({site}),
        lambda: world.silent(some(world, rng)), lambda: world.slower(site, rng.uniform(0, 0.4)),
        lambda: setattr(world, "loss", rng.choice([0, 0, 0.02, 0.2])),
        lambda: setattr(world, "mode", rng.choice(["ok", "ok", "hang", "refuse", "garbage", "error"])),
        world.restart, world.hup, world.again, world.calm])()
    world.due = world.time


def history(seed, length=3):
    """One random history, and after it something that needs a beginning in peace. Most worlds are small: what goes wrong
    in a large one does in a small one, too, and sooner."""
    rng = random.Random(seed)
    c = conf(sites=rng.choice([(1, 1), (1, 1), (2, 1), (1, 2), (2, 2), (2,), (1, 1, 1), (3, 3)]), owners=rng.choice([2, 3, 3, 4]),
             fast=rng.random() < 0.2, standby=rng.choice([0, 0, 1]), hold=rng.choice([0.3, 1.0, 3.0]), rise=rng.choice([1, 2, 5]),
             max_rate=rng.choice([1, 20, 20]))
    world = World(c, seed, ports=rng.random() < 0.5)
    assert world.run(3, world.engine.settled) is not None, "no decision after 3 s"
    for _ in range(length):
        happen(world, rng)
        span = rng.choice([0.1, 0.5, 2.5])
        calls = len(world.commands)
        world.run(span)
        if world.mode in ("hang", "refuse", "garbage", "error"):
            assert len(world.commands) - calls <= 8 + 3 * span, "%d commands in %g s to a control that fails" % (
                len(world.commands) - calls, span)
        for key in world.asked:
            world.in_time(key)
    rng.choice(ENDS)(world, rng)
    return world


def peace(world):
    """All is well, and all of the local site is used."""
    world.calm()
    world.run(world.conf.timeout + 0.1)     # what was asked before
    assert world.run(12, world.all_up) is not None, "not all well again: %s" % world.states()
    home(world, world.local())


def home(world, keys):
    """With healthy local resolvers known for `hold` these are used."""
    def there():
        have = world.list()
        return (world.zone.site == "dc1" and keys <= have and len(have) <= len(keys) + world.conf.standby and have == set(world.engine.wanted["."] or ())
                and not world.engine.backoff and not world.engine.busy)
    # a control that failed is tried again after 8 s
    assert world.run(8 + world.zone.hold + 3, there) is not None, "not home: %s" % world.list()
    world.run(0.01)


def one_left(world, rng):
    """Of the local resolvers one is healthy, after everything was ill."""
    peace(world)
    world.lines.update(world.conf.sites)
    world.run(rng.choice([1, 4]))
    key = rng.choice(sorted(world.local()))
    world.calm()
    world.dead.update(world.local() - {key})
    world.run(world.conf.timeout + 0.1)
    assert world.run(12, lambda: world.state(key) == "up") is not None, "%s is well" % key
    world.run(8, lambda: all(world.state(k) == "down" for k in world.dead))
    home(world, {key})


def dead_seen(world, rng):
    """Whatever happened before, whatever owners are silent, and however often the configuration is read: a resolver that is
    dead is down within seconds (where the rate is so short that it is hardly asked, half a minute)."""
    key, hups = rng.choice(list(world.conf.resolvers)), rng.random() < 0.3
    world.dead.add(key)
    world.loss = 0
    for _ in range(100 if world.tight else 30):
        if world.run(0.3, lambda: world.state(key) == "down") is not None:
            return
        if hups:
            world.hup()
    raise AssertionError("%s is dead, and not called down" % key)


def owners_silent(world, rng):
    """Owners that fail everywhere decide nothing, up or down; nor does it when others take their place, or they recover."""
    peace(world)
    before = world.adds
    for _ in range(2):
        world.silent(some(world, rng))
        world.run(rng.choice([0.5, 3]))
        assert world.all_up(), "owners that fail everywhere decided: %s" % world.states()
    assert before == world.adds, "a list changed"


def bar(world):
    """Seconds in which each resolver of a dead site is out of the list, at the worst. It is asked once an interval, and from
    when that is late as soon as fast-interval and, as whoever waited longest is first, all others' turns allow. It is down
    with the time-out of the question that makes it `fall` failures, with each owner among them. Where an owner was in doubt:
    each other one may first have to fail `fall` times to be broken, and then every other question is for a broken one."""
    c, questions = world.conf, max(world.conf.fall, len(world.conf.owners))
    if any(o.failed for o in world.engine.health.owners.values()):
        questions = 2 * questions + c.fall * (len(c.owners) - 1)
    turn, stray = 1 / c.max_rate, 1 + c.jitter / 100
    late = c.timeout if world.slow else c.fast_interval
    return c.interval * stray + turn + late + (questions - 1) * (
        max(c.fast_interval * stray, len(c.resolvers) * turn) + turn) + c.timeout + 0.01


def site_left(world, rng):
    """A dead local site is left within the bar."""
    peace(world)
    if len(world.conf.sites) > 1:
        most = bar(world)
        world.lines.add("dc1")
        took = world.run(60, lambda: not world.list() & world.local())
        assert took is not None and took <= most, "left after %s, not %s" % (took, most)


def nobody(world, rng):
    """Everything fails, the other sites first: it is said, and the list stays."""
    peace(world)
    world.dead.update(k for k, s in world.site_of.items() if s != "dc1")
    world.run(rng.choice([0, 4]))
    world.lines.add("dc1")
    assert world.run(30 if world.tight else 8, lambda: world.zone.nobody) is not None, "nobody is healthy, and it is not said"


ENDS = [dead_seen, dead_seen, one_left, owners_silent, site_left, nobody]
