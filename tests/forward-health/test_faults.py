# SPDX-License-Identifier: BSD-3-Clause
"""Courses of events in which a health script goes wrong, one by one, with a virtual clock."""
import random

import pytest
from simulation import World, conf


def settled(world, seconds=4):
    world.run(seconds)
    assert set(world.states().values()) == {"up"}
    return world


def adds(world):
    return [c for _, c in world.commands if c.startswith("forward_add")]


def actions(world, action):
    return [e for e in world.events if e[1] == action]


def test_start_decides_soon():
    world = World(conf())
    took = world.run(3, world.engine.settled)
    assert took is not None and took < 1.0 and not adds(world)


def test_site_fails_when_the_others_are_unreachable_already():
    """The failures of the other sites say nothing of the owners."""
    world = settled(World(conf()))
    world.dead.update(world.conf.sites["dc2"])
    world.run(6)
    world.lines.add("dc1")
    assert world.run(5, lambda: bool(actions(world, "nobody-healthy"))) is not None
    world.dead.clear()
    assert world.run(4, lambda: world.list() == set(world.conf.sites["dc2"])) is not None


def test_first_decision_with_a_dead_site():
    world = World(conf())
    world.lines.add("dc1")
    assert world.run(3, lambda: world.list() == set(world.conf.sites["dc2"])) is not None


@pytest.mark.parametrize("fast, bar", [(False, 3.0), (True, 1.3)])
def test_dead_site_is_left(fast, bar):
    took = []
    for seed in range(20):
        world = settled(World(conf(fast=fast), seed))
        world.run(seed / 10)
        world.lines.add("dc1")
        took.append(world.run(10, lambda world=world: not world.list() & world.local()))
    assert None not in took and sorted(took)[10] <= bar, took
    world.run(1)
    assert len(actions(world, "forward-switch")) == 1


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize("silent", [1, 2])
def test_owners_silent_everywhere_decide_nothing(silent, fast):
    """Fault 2: neither down, nor up; and a real outage is still seen."""
    world = settled(World(conf(fast=fast)))
    world.owners.update(list(world.conf.owners)[:silent])
    world.run(120)
    assert set(world.states().values()) == {"up"} and not adds(world)
    assert not actions(world, "resolver-state")[4:]
    assert len(actions(world, "probe-name-broken")) == silent
    world.lines.add("dc1")
    assert world.run(3.0, lambda: not world.list() & world.local()) is not None
    world.lines.clear()
    assert world.run(30, lambda: world.list() == world.local()) is not None
    world.owners.clear()
    world.run(60)
    assert len(actions(world, "probe-name-recovered")) == silent


@pytest.mark.parametrize("mode", ["hang", "refuse", "garbage", "error"])
def test_failing_control_does_not_spin_and_is_one_event(mode):
    """Faults 3, 6 and 9: a few calls a minute and one event, then work goes on."""
    world = settled(World(conf()))
    world.lines.add("dc1")
    world.mode = mode
    calls, steps = len(world.commands), world.steps
    world.run(60)
    assert len(world.commands) - calls <= 24, "%d commands in a minute" % (len(world.commands) - calls)
    assert world.steps - steps < 60 * 60
    assert len(actions(world, "control-failed")) == 1
    assert world.list() == world.local()
    world.mode = "ok"
    assert world.run(9, lambda: not world.list() & world.local()) is not None
    world.run(2)
    assert len(actions(world, "control-recovered")) == 1


def test_garbage_is_not_believed():
    """Fault 9: nonsense with success is no list; nothing is set because of it."""
    world = settled(World(conf()))
    world.mode = "garbage"
    world.run(30)
    assert not adds(world)


@pytest.mark.parametrize("order", [None, ["dc2", "dc1"]])
def test_slow_far_site_takes_nothing_from_the_local_one(order):
    """Fault 4: slow is relative to a resolver's own usual latency, whatever stands first in the file."""
    world = World(conf(sites=(4, 4), order=order))
    world.delay["dc2"] = 0.3
    settled(world, 15)
    begin = world.time
    world.run(15)
    for key, times in world.asked.items():
        assert len([t for t in times if t > begin]) >= 6, key
        assert len([t for t in times if t > begin]) <= 25, "%s is always in question" % key
    for key in world.local():
        assert len([t for t in world.asked[key] if t > begin]) >= 12, key
    world.lines.add("dc1")
    assert world.run(4.0, lambda: not world.list() & world.local()) is not None


def test_everybody_is_asked_when_the_rate_is_short():
    """Fault 5: more resolvers in question than max-rate allows: the last ones get their share."""
    c = conf(sites=(10, 10))
    c.max_rate = 20
    world = World(c)
    world.run(4)
    world.loss = 0.3        # everybody is in question all the time
    begin = world.time
    world.run(20)
    for key, times in world.asked.items():
        assert max(b - a for a, b in zip([begin, *[t for t in times if t > begin]], [t for t in times if t > begin])) < 3.5, key


@pytest.mark.parametrize("standby, dropped", [(0, 1), (1, 0)])
def test_request_list_is_flushed_only_where_nobody_lived(standby, dropped):
    """Fault 8: with a living standby in the old list Unbound's own retry answers what waits."""
    world = settled(World(conf(standby=standby)))
    world.run(3)
    world.lines.add("dc1")
    world.run(6)
    assert not world.list() & world.local()
    assert len([c for _, c in world.commands if c == "flush_requestlist"]) == dropped


def test_flush_after_a_repair():
    """Fault 9: Unbound restarted in an outage may have learnt bad things before the repair."""
    world = settled(World(conf()))
    world.lines.add("dc1")
    world.run(5)
    calls = len(world.commands)
    world.restart()
    assert world.run(1.1, lambda: not world.list() & world.local()) is not None
    world.run(1)
    assert [c for _, c in world.commands[calls:]].count("flush_infra all") == 1
    assert actions(world, "forward-repair")


def test_hups_put_off_nothing():
    """Fault 9: counted failures outlive a re-read of the configuration."""
    world = settled(World(conf()))
    world.lines.add("dc1")
    for _ in range(8):
        world.run(0.4)
        world.hup()
        world.due = world.time
    assert not world.list() & world.local()


def test_flapping():
    world = settled(World(conf()))
    for _ in range(8):
        world.lines.add("dc1")
        world.run(8)
        world.lines.clear()
        world.run(8)
    assert len(actions(world, "forward-switch")) <= 6


def test_hold_doubles_and_decays():
    world = settled(World(conf()))
    holds = []
    for _ in range(3):
        world.lines.add("dc1")
        world.run(6)
        world.lines.clear()
        holds.append(world.run(100, lambda: world.list() == world.local()))
    assert None not in holds and holds[0] < 9 and holds[2] > holds[1] > holds[0] + 3
    world.run(1300)
    assert world.engine.decision.zones["."].hold < 20


def test_nobody_healthy_keeps_the_list():
    world = settled(World(conf()))
    world.lines.update(world.conf.sites)
    world.run(20)
    assert world.list() and world.list() <= world.local() and len(actions(world, "nobody-healthy")) == 1
    world.lines.discard("dc2")
    assert world.run(5, lambda: world.list() == set(world.conf.sites["dc2"])) is not None


def test_pin_and_drain():
    world = settled(World(conf()))
    far, first = world.conf.sites["dc2"], world.conf.sites["dc1"][0]
    for override, want in [({"pin": ["dc2"]}, set(far)), ({"drain": [first]}, world.local() - {first}), ({"pin": far[:1]}, {far[0]}),
                           ({}, world.local())]:
        world.override(override)
        world.run(2)
        assert world.list() == want, override


def test_lost_large_answers_are_said_once():
    world = settled(World(conf()))
    key = world.conf.sites["dc1"][0]
    for _ in range(5):
        world.engine.large_answered(key, "timeout")
    assert len(actions(world, "large-answers-lost")) == 1
    world.engine.large_answered(key, "ok")
    assert len(actions(world, "large-answers-back")) == 1


def test_egress_is_flushed_in_an_outage_and_once_after_it():
    c = conf()
    c.egress_control = {c.sites["dc1"][0]: "somewhere"}
    world = settled(World(c))
    world.lines.add("dc1")
    world.run(35)
    assert {c for _, _, c in world.egress} == {"flush_infra all"} and 2 <= len(world.egress) <= 4
    before = len(world.egress)
    world.lines.clear()
    world.run(20)
    assert [c for _, _, c in world.egress[before:]].count("flush_negative") == 1


def test_one_owner_is_not_enough():
    """A resolver at which one owner fails, however often, is not down."""
    world = settled(World(conf()))
    key = world.conf.sites["dc1"][0]
    server = world.engine.health.servers[key]
    world.ill[key] = [world.time] * 3

    def fail(number, owner):
        server.waiting[number] = (world.time, owner)
        world.engine.answered(number, key, "timeout")
    for number in range(6):
        fail(-1 - number, "owner0")
    assert len(server.run) == 6 and server.state == "up"
    fail(-11, "owner1")
    fail(-12, "owner2")
    assert server.state == "up", "and while no resolver has a right answer there is no hurry"
    world.engine.health.servers[world.conf.sites["dc2"][0]].last_ok = world.time + 0.1
    fail(-13, "owner0")
    assert server.state == "down"


@pytest.mark.parametrize("owners, silent", [(2, 1), (3, 1), (3, 2)])
@pytest.mark.parametrize("sites", [(2, 2), (1, 1), (2,), (1,)])
def test_owners_fall_silent_and_recover_in_turn(owners, silent, sites):
    """At all resolvers at once, and others in their place: no state changes and no list."""
    world = settled(World(conf(sites=sites, owners=owners)))
    names = list(world.conf.owners)
    for turn in range(12):
        world.owners = {names[(turn + n) % owners] for n in range(silent)} if turn % 3 < 2 else set()
        world.run(5 + turn % 4 * 2.3)
        assert set(world.states().values()) == {"up"} and not adds(world)
    assert len(actions(world, "resolver-state")) == len(world.conf.resolvers)


def test_dead_resolver_is_not_asked_in_haste():
    """A resolver that is down is asked at the normal interval, and the others are not hurried because of it."""
    world = settled(World(conf()))
    key = world.conf.sites["dc1"][0]
    world.dead.add(key)
    world.run(10)
    begin = world.time
    world.run(20)
    for name, times in world.asked.items():
        assert 8 <= len([t for t in times if t > begin]) <= 24, name


@pytest.mark.parametrize("sites, rate, bar", [((2, 2), 20, 3.5), ((2, 2), 4, 7.0), ((1, 1), 2, 7.0)])
def test_broken_owners_take_no_more_than_every_other_question(sites, rate, bar):
    """However many are broken and short the rate is: where an outage is told by one owner alone, it is told soon."""
    c, took = conf(sites=sites, owners=4), []
    c.max_rate = rate
    for seed in range(20):
        world = settled(World(c, seed))
        world.owners.update(c.owners[:3])
        world.run(60 + seed / 10)
        assert [o.broken for o in world.engine.health.owners.values()] == [True, True, True, False]
        world.lines.add("dc1")
        took.append(world.run(30, lambda world=world: not world.list() & world.local()))
    assert None not in took and max(took) <= bar, took


def test_resolvers_are_asked_together():
    """At rest one wake-up of the machine does for all of them, within the jitter; the rate is what the intervals say."""
    world = settled(World(conf(sites=(4, 4))))
    world.run(30)
    begin = world.time
    world.run(60)
    asked = [t for times in world.asked.values() for t in times if t > begin]
    assert len(set(asked)) <= 75 and 340 <= len(asked) <= 400, (len(set(asked)), len(asked))


def test_a_dead_site_keeps_no_other_from_asking_for_an_owner_that_recovered():
    """It asks for the broken owner as well, and its failures tell nothing."""
    for seed in range(40):
        world = settled(World(conf(), seed))
        world.owners = {"owner1"}
        world.run(20)
        world.lines.add("dc1")
        world.run(seed / 40)
        world.owners = {"owner0", "owner2"}
        world.run(12)
        assert {world.states()[k] for k in world.conf.sites["dc2"]} == {"up"}, seed


def test_owners_and_sites_fail_in_turn():
    """Each resolver in question asks for the broken owners in an order of its own. The world says who is called down wrongly."""
    for seed in range(200):
        rng = random.Random(seed)
        world = settled(World(conf(sites=rng.choice([(1, 1), (2, 2), (1, 2)]), owners=rng.choice([2, 3, 4]), fast=rng.random() < 0.3), seed))
        for _ in range(6):
            world.lines = {rng.choice(list(world.conf.sites))} if rng.random() < 0.5 else set()
            world.silent(rng.sample(world.conf.owners, rng.randrange(len(world.conf.owners))))
            world.run(rng.choice([2.1, 3, 5, 12]) * world.conf.timeout)


def test_a_working_resolver_that_fails_for_broken_owners_does_not_save_a_dead_one():
    """It is in question all the time, because it is slow; and its next right answer does not end a failure of everything."""
    for seed in range(20):
        world = settled(World(conf(sites=(1, 1), owners=4, fast=True), seed))
        world.slower("dc1", 0.37)
        world.owners = {"owner1", "owner3"}
        world.run(10 + seed / 10)
        world.lines.add("dc2")
        assert world.run(2, lambda world=world: world.state(world.conf.sites["dc2"][0]) == "down") is not None, seed


def test_a_resolver_that_fails_now_and_then_does_not_save_a_dead_one():
    """Its next right answer would end a failure of everything; but there is one while the others of its site are well."""
    for seed in range(20):
        world = settled(World(conf(), seed))
        (dead, *_), (lossy, *_) = world.conf.sites.values()
        world.run(seed / 10)
        world.dead.add(dead)
        begin, health = world.time, world.engine.health
        while world.state(dead) == "up" and world.time < begin + 8:
            server, number = health.servers[lossy], next(health.questions)
            server.waiting[number] = (world.time, world.conf.owners[0])
            world.engine.answered(number, lossy, "timeout")
            world.run(0.3)
        assert world.state(dead) == "down" and world.state(lossy) == "up", seed


def test_while_nobody_has_an_answer_broken_owners_are_tried_first():
    """One of them may be the one that works again. Where the rate is short that takes longer than the patience."""
    for seed in range(20):
        world = settled(World(conf(sites=(2, 2), owners=4, fast=True, max_rate=8), seed))
        world.owners = {"owner0", "owner1"}
        world.run(20 + seed / 10)
        world.owners = set(world.conf.owners)
        assert world.run(20, lambda world=world: "down" in world.states().values()) is not None
        for server in world.engine.health.servers.values():
            assert server.state == "up" or {failure[1] for failure in server.run} == world.owners
