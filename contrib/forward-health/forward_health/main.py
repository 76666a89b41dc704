# SPDX-License-Identifier: BSD-3-Clause
"""The command line, the event loop, and everything that touches the machine."""
import argparse
import asyncio
import collections
import contextlib
import dataclasses
import fcntl
import json
import os
import random
import re
import signal
import socket
import sys
import time

from . import config, control, probes, publishing
from .decision import Zone
from .engine import Engine

CONTROL_TIMEOUT = 2.0
ONCE_LIMIT = 15.0
METRICS_EVERY = 15.0


class Runner:
    """The outside of an Engine (see engine.py): sockets, the clock, files."""

    def __init__(self, conf, args):
        self.conf, self.args = conf, args
        self.now = time.monotonic
        self.loop = asyncio.get_running_loop()
        self.publisher = publishing.Publisher(conf)
        self.emit = self.publisher.emit
        self.records = collections.defaultdict(lambda: collections.deque(maxlen=100))
        self.turns = collections.Counter()
        self.tasks, self.timer, self.end = set(), None, asyncio.Event()
        self.engine = Engine(conf, self, random.Random(), read_override(conf), args.dry_run)

    def task(self, work):
        task = self.loop.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def ask(self, question, key, owner):
        self.turns[key] += 1
        turn, choices, large = self.turns[key], self.conf.owners[owner], self.conf.large_answer
        chosen, resolver = choices[turn % len(choices)], self.conf.resolvers[key]

        def done(outcome):
            self.engine.answered(question, key, outcome)
            self.step()
            if large and turn % large.every == 1 % large.every and outcome == "ok":
                self.task(self.large(key, resolver, large))
        probes.probe(resolver, chosen.name, chosen.expect, self.conf.timeout, done)

    async def large(self, key, resolver, large):
        self.engine.large_answered(key, await probes.large(resolver, large.name, large.type, self.conf.timeout))

    def control(self, target, command, done):
        self.task(self.talk(target, command, done))

    async def talk(self, target, command, done):
        where = self.conf.control if target == "local" else self.conf.egress_control.get(target)
        try:
            if where is None:
                raise control.ControlError("no longer configured")
            text, error = await control.call(where, command, CONTROL_TIMEOUT), None
        except control.ControlError as what:
            text, error = None, str(what)
        done(text, error)
        self.step()

    def step(self):
        due = self.engine.step()
        if self.timer:
            self.timer.cancel()
        self.timer = self.loop.call_at(due, self.step)
        if self.args.once and self.engine.settled():
            self.end.set()

    # --- beside the engine -------------------------------------------------------------------

    async def ask_records(self):
        while self.conf.records:
            for record in self.conf.records:
                for key, resolver in self.conf.resolvers.items():
                    began = self.now()
                    outcome = await probes.record(resolver, record.name, record.type, record.expect,
                                                  self.conf.timeout)
                    self.records[key, record.name, record.type].append((outcome, self.now() - began))
            await asyncio.sleep(self.conf.record_interval)

    async def warn(self):
        """Asks for what stands above the probes' random labels, once, where a resolver answers."""
        for _ in range(30):
            up = [k for k, state in self.engine.states().items() if state == "up"]
            if up:
                break
            await asyncio.sleep(1)
        for probe in self.conf.probes if up else []:
            text = await probes.parent(self.conf.resolvers[up[0]], probe.name, self.conf.timeout)
            if text:
                self.emit("probe-warning", text, owner=probe.owner)

    async def tick(self):
        while True:
            self.publisher.metrics(self.engine, self.records)
            notify("WATCHDOG=1")
            await asyncio.sleep(METRICS_EVERY)

    def reload(self):
        try:
            self.conf = self.publisher.conf = config.read(self.args.config)
        except config.Errors as errors:
            self.emit("reload-failed", str(errors).split("\n")[0])
            return
        self.engine.reload(self.conf)
        self.step()

    def look(self):
        """SIGUSR1: reads the operator's override and writes the status."""
        override = read_override(self.conf)
        if override != self.engine.override:
            self.engine.override = override
            self.emit("override", override=override)
            self.engine.decide()
            self.step()
        self.publisher.status(self.engine)

    async def run(self):
        for number, handler in ((signal.SIGTERM, self.end.set), (signal.SIGINT, self.end.set),
                                (signal.SIGHUP, self.reload), (signal.SIGUSR1, self.look)):
            self.loop.add_signal_handler(number, handler)
        if self.args.once:
            self.engine.decision.zones.update({n: z for n, z in read_once(self.conf).items() if n in self.conf.zones})
            self.loop.call_later(ONCE_LIMIT, self.end.set)
        else:
            self.emit("start")
            for work in (self.warn, self.tick, self.ask_records):
                self.task(work())
        self.step()
        notify("READY=1")
        await self.end.wait()
        self.timer.cancel()
        for task in self.tasks:
            task.cancel()
        self.publisher.metrics(self.engine, self.records)
        self.publisher.status(self.engine)
        if self.publisher.hooks:
            await asyncio.wait(self.publisher.hooks)
        if self.args.once:
            return self.once_done()
        for zone in self.conf.zones if self.conf.restore_on_exit else ():
            command = self.engine.forward_add(zone, self.conf.sites[self.conf.site])
            with contextlib.suppress(control.ControlError):
                await control.call(self.conf.control, command, CONTROL_TIMEOUT)
        self.emit("stop")
        return 0

    def once_done(self):
        """What the next run has to know: which site is in use, and since when others are well."""
        zones = self.engine.decision.zones
        self.publisher.file(os.path.join(self.conf.state_dir, "once"), json.dumps(
            {"boot": boot(), "zones": {n: dataclasses.asdict(z) for n, z in zones.items()}}) + "\n")
        if self.engine.control_error:
            return complain("control: " + self.engine.control_error)
        return 4 if any(z.nobody for z in zones.values()) else 0 if self.engine.settled() else 1


# --- small files ------------------------------------------------------------------------------------------------------


def boot():
    """The clock counts from the start of the machine: what was noted before it means nothing."""
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()


def read_json(directory, name):
    """An object, empty where the file cannot be read."""
    try:
        with open(os.path.join(directory, name), encoding="utf-8") as file:
            said = json.load(file)
        return said if isinstance(said, dict) else {}
    except (OSError, ValueError):
        return {}


def read_once(conf):
    said = read_json(conf.state_dir, "once")
    try:
        return {n: Zone(**z) for n, z in said["zones"].items()} if said["boot"] == boot() else {}
    except (TypeError, KeyError, AttributeError):
        return {}


def read_override(conf):
    """The operator's pins and drains, as far as the configuration knows them."""
    said = read_json(conf.state_dir, "override")
    known = {"pin": {*conf.resolvers, *conf.sites}, "drain": conf.resolvers}
    return {kind: [w for w in said.get(kind, ()) if w in known[kind]] for kind in known}


def notify(text):
    """To systemd, where it listens."""
    where = os.environ.get("NOTIFY_SOCKET")
    if where:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out, contextlib.suppress(OSError):
            out.sendto(text.encode(), "\0" + where[1:] if where[0] == "@" else where)


def ask_running(conf):
    """SIGUSR1 to the running copy; whether there is one."""
    try:
        with open(os.path.join(conf.run_dir, "lock"), encoding="ascii") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                os.kill(int(file.read()), signal.SIGUSR1)
                return True
    except (OSError, ValueError):
        pass
    return False


# --- the commands -----------------------------------------------------------------------------------------------------


def complain(text, status=1):
    print("forward-health: " + text, file=sys.stderr)
    return status


def override(conf, args):
    said, sites = read_override(conf), set(conf.sites) if args.command == "pin" else set()
    for word in args.words:
        if word not in conf.resolvers and word not in sites:
            return complain("%s: %s is no resolver%s of this configuration" % (
                args.command, word, " or site" if sites else ""), 2)
    if (args.command != "auto" and not args.words) or (len(args.words) > 1 and sites.intersection(args.words)):
        return complain("%s: wants %s" % (args.command, "one site or some resolvers" if sites else "resolvers"), 2)
    if args.command == "pin":
        said["pin"] = args.words
    elif args.command == "drain":
        said["drain"] = sorted({*said["drain"], *args.words})
    else:
        said = {**said, "drain": [w for w in said["drain"] if w not in args.words]} if args.words else {}
    try:
        os.makedirs(conf.state_dir, exist_ok=True)
        publishing.replace(os.path.join(conf.state_dir, "override"), json.dumps(said) + "\n")
    except OSError as error:
        return complain("%s: %s" % (conf.state_dir, error.strerror))
    ask_running(conf)
    return 0


def check(conf, _):
    """The good configuration, and what the Unbound that runs here makes of it."""
    if any(tls for _, _, tls in conf.resolvers.values()):
        try:
            text = asyncio.run(control.call(conf.control, "status", CONTROL_TIMEOUT))
            found = re.search(r"^version: (\d+)\.(\d+)", text, re.M)
            if found and (int(found[1]), int(found[2])) < (1, 20):
                return complain("resolvers with #NAME: Unbound %s.%s cannot take them in forward_add" % found.groups())
        except control.ControlError as error:
            complain("control: %s (whether Unbound can take #NAME is not known)" % error)
    print("site %s, %d resolvers at %d sites, %d probes under %d owners" % (
        conf.site, len(conf.resolvers), len(conf.sites), len(conf.probes), len(conf.owners)))
    return 0


def show(conf, args):
    """The fresh status of the running copy."""
    path = os.path.join(conf.run_dir, "status.json")
    with contextlib.suppress(OSError):
        os.unlink(path)
    for _ in range(200 if ask_running(conf) else 0):
        status = read_json(conf.run_dir, "status.json")
        if status:
            print(json.dumps(status) if args.json else publishing.table(status))
            return 0
        time.sleep(0.02)
    return complain("not running", 3)


def watch(conf, args):
    try:
        for directory in (conf.run_dir, conf.state_dir):
            os.makedirs(directory, exist_ok=True)
        # opened for appending: a second copy must not empty it
        lock = open(os.path.join(conf.run_dir, "lock"), "a+", encoding="ascii")
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        lock.truncate(0)
        print(os.getpid(), file=lock, flush=True)
    except BlockingIOError:
        notify("READY=1")   # for systemd this is a start that went well
        return complain("another copy is running with " + conf.run_dir, 0)
    except OSError as error:
        return complain("%s: %s" % (error.filename, error.strerror))

    async def work():
        return await Runner(conf, args).run()
    return asyncio.run(work())


def main(argv):
    parser = argparse.ArgumentParser(prog="forward-health", allow_abbrev=False, description=__doc__)
    parser.add_argument("-c", "--config", default=os.environ.get("FORWARD_HEALTH_CONF", "/etc/forward-health.yaml"))
    for option in ("once", "dry-run", "check", "status", "json"):
        parser.add_argument("--" + option, action="store_true")
    parser.add_argument("command", nargs="?", choices=("pin", "drain", "auto"))
    parser.add_argument("words", nargs="*")
    args = parser.parse_args(argv)
    try:
        conf = config.read(args.config)
    except config.Errors as errors:
        print(errors, file=sys.stderr)
        return 1
    return (check if args.check else show if args.status else override if args.command else watch)(conf, args)
