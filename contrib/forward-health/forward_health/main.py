# SPDX-License-Identifier: BSD-3-Clause
"""The command line, the event loop, and everything that touches the machine."""
import argparse
import asyncio
import collections
import contextlib
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
from .engine import Engine

CONTROL_TIMEOUT = 2.0
ONCE_LIMIT = 15.0
METRICS_EVERY = 15.0


def complain(text):
    print("forward-health: " + text, file=sys.stderr)


class Runner:
    """The outside of an Engine (see engine.py): sockets, the clock, files."""

    def __init__(self, conf, path, args):
        self.conf, self.path, self.args = conf, path, args
        self.loop = asyncio.get_running_loop()
        self.publisher = publishing.Publisher(conf)
        self.records = collections.defaultdict(lambda: collections.deque(maxlen=100))
        self.turns = collections.Counter()
        self.tasks, self.timer, self.end = set(), None, asyncio.Event()
        self.engine = Engine(conf, self, random.Random(), read_override(conf), args.dry_run)
        self.tick_at = self.now()

    def now(self):
        return time.monotonic()

    def emit(self, action, reason, duration, details):
        self.publisher.emit(action, reason, duration, details)

    def task(self, work):
        task = self.loop.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def ask(self, question, key, owner):
        self.task(self.probe(question, key, owner))

    async def probe(self, question, key, owner):
        choices = self.conf.owners.get(owner)
        resolver = self.conf.resolvers[key]
        self.turns[key] += 1
        outcome = await probes.probe(resolver, choices[self.turns[key] % len(choices)], self.conf.timeout)
        self.engine.answered(question, key, outcome)
        self.step()
        large = self.conf.large
        if large and self.turns[key] % large[2] == 1 % large[2] and outcome == "ok":
            self.engine.large_answered(key, await probes.large(resolver, large[0], large[1], self.conf.timeout))

    def control(self, target, command, done):
        self.task(self.talk(target, command, done))

    async def talk(self, target, command, done):
        where = self.conf.control if target == "local" else self.conf.egress_control.get(target)
        text = error = None
        try:
            if where is None:
                raise control.ControlError("no longer configured")
            text = await control.call(where, command, CONTROL_TIMEOUT)
        except control.ControlError as what:
            error = str(what)
        done(text, error)
        self.step()

    def step(self):
        due = self.engine.step()
        if self.timer:
            self.timer.cancel()
        self.timer = self.loop.call_at(max(due, self.now() + 0.001), self.step)
        if self.args.once and self.engine.settled():
            self.end.set()

    # --- beside the engine -------------------------------------------------------------------

    async def ask_records(self):
        while True:
            for name, kind, expect in self.conf.records:
                for key in self.conf.resolvers:
                    began = self.now()
                    outcome = await probes.record(self.conf.resolvers[key], name, kind, expect, self.conf.timeout)
                    self.records[key, name, kind].append((outcome, self.now() - began))
            await asyncio.sleep(self.conf.record_interval)

    async def warn(self):
        """Asks for what stands above the probes' random labels, once, where a resolver answers."""
        for _ in range(30):
            up = [k for k, s in self.engine.health.servers.items() if s.state == "up"]
            if up:
                break
            await asyncio.sleep(1)
        for probe in self.conf.probes if up else []:
            text = await probes.parent(self.conf.resolvers[up[0]], probe, self.conf.timeout)
            if text:
                self.emit("probe-warning", text, 0, {"owner": probe.owner})

    async def tick(self):
        while True:
            self.publisher.metrics(self.engine, self.records)
            notify("WATCHDOG=1")
            await asyncio.sleep(METRICS_EVERY)

    def reload(self):
        try:
            self.conf = config.read(self.path)
        except config.Errors as errors:
            self.emit("reload-failed", str(errors).split("\n")[0], 0, {})
            return
        self.publisher.conf = self.conf
        self.engine.reload(self.conf)
        self.step()

    def look(self):
        """SIGUSR1: reads the operator's override and writes the status."""
        override = read_override(self.conf)
        if override != self.engine.override:
            self.engine.override = override
            self.emit("override", "", 0, {"override": override})
            self.engine.decide()
            self.step()
        self.publisher.status(self.engine)

    async def run(self):
        for number, handler in ((signal.SIGTERM, self.end.set), (signal.SIGINT, self.end.set), (signal.SIGHUP, self.reload),
                                (signal.SIGUSR1, self.look)):
            self.loop.add_signal_handler(number, handler)
        if self.args.once:
            self.remember(read_once(self.conf))
            self.loop.call_later(ONCE_LIMIT, self.end.set)
        else:
            self.emit("start", "", 0, {})
            self.task(self.warn())
            self.task(self.tick())
            if self.conf.records:
                self.task(self.ask_records())
        self.step()
        notify("READY=1")
        await self.end.wait()
        if self.timer:
            self.timer.cancel()
        for task in self.tasks:
            task.cancel()
        self.publisher.metrics(self.engine, self.records)
        self.publisher.status(self.engine)
        if self.publisher.tasks:
            await asyncio.wait(self.publisher.tasks)
        if self.args.once:
            return self.once_done()
        if self.conf.restore_on_exit:
            for zone in self.conf.zones:
                with contextlib.suppress(control.ControlError):
                    await control.call(self.conf.control, "forward_add %s %s" % (
                        zone, " ".join(self.conf.sites[self.conf.site])), CONTROL_TIMEOUT)
        self.emit("stop", "", 0, {})
        return 0

    # --- --once ------------------------------------------------------------------------------

    def remember(self, memory):
        """What the run before knew: which site was in use, and since when others are well."""
        for name, said in memory.items():
            if name in self.engine.decision.zones:
                self.engine.decision.zones[name].__dict__.update(said)

    def once_done(self):
        zones = self.engine.decision.zones
        self.publisher.file(os.path.join(self.conf.state_dir, "once"), json.dumps(
            {"boot": boot(), "zones": {n: z.__dict__ for n, z in zones.items()}}) + "\n")
        if self.engine.control_error:
            complain("control: " + self.engine.control_error)
            return 1
        return 4 if any(z.nobody for z in zones.values()) else 0 if self.engine.settled() else 1


def boot():
    """The clock counts from the start of the machine: what was noted before it means nothing."""
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()


def read_once(conf):
    try:
        with open(os.path.join(conf.state_dir, "once"), encoding="utf-8") as file:
            said = json.load(file)
        if said["boot"] != boot():
            return {}
        return {str(n): {"site": z["site"], "hold": float(z["hold"]), "quiet": float(z["quiet"]),
                         "well": {str(s): float(t) for s, t in z["well"].items()},
                         "returned": None if z["returned"] is None else float(z["returned"])} for n, z in said["zones"].items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}


def read_override(conf):
    """The operator's pins and drains; what cannot be read counts as none."""
    try:
        with open(os.path.join(conf.state_dir, "override"), encoding="utf-8") as file:
            said = json.load(file)
        return {k: [w for w in said.get(k, []) if w in conf.resolvers or (k == "pin" and w in conf.sites)]
                for k in ("pin", "drain")}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


def notify(text):
    """To systemd, where it listens."""
    where = os.environ.get("NOTIFY_SOCKET")
    if where:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out, contextlib.suppress(OSError):
            out.sendto(text.encode(), "\0" + where[1:] if where[0] == "@" else where)


def running(conf):
    """The number of the running copy, or None."""
    try:
        with open(os.path.join(conf.run_dir, "lock"), encoding="ascii") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return int(file.read() or 0) or None
    except (OSError, ValueError):
        pass
    return None


def ask_running(conf):
    """The fresh status of the running copy, or None."""
    path, pid = os.path.join(conf.run_dir, "status.json"), running(conf)
    if pid is None:
        return None
    before = os.stat(path).st_mtime_ns if os.path.exists(path) else None
    os.kill(pid, signal.SIGUSR1)
    for _ in range(200):
        with contextlib.suppress(OSError, ValueError):
            if os.stat(path).st_mtime_ns != before:
                with open(path, encoding="utf-8") as file:
                    return json.load(file)
        time.sleep(0.02)
    return None


def override(conf, args):
    said = read_override(conf)
    known = set(conf.resolvers)
    sites = set(conf.sites) if args.command == "pin" else set()
    bad = [w for w in args.words if w not in known | sites]
    if bad or (args.command != "auto" and not args.words) or (len(args.words) > 1 and set(args.words) & sites):
        complain("%s: %s" % (args.command, "%s is no resolver%s of this configuration" % (bad[0], " or site" if sites else "")
                             if bad else "wants %s" % ("one site or some resolvers" if sites else "resolvers")))
        return 2
    if args.command == "pin":
        said["pin"] = args.words
    elif args.command == "drain":
        said["drain"] = sorted(set(said.get("drain", [])) | set(args.words))
    elif args.words:
        said["drain"] = [w for w in said.get("drain", []) if w not in args.words]
    else:
        said = {}
    try:
        os.makedirs(conf.state_dir, exist_ok=True)
        publishing.replace(os.path.join(conf.state_dir, "override"), json.dumps(said) + "\n")
    except OSError as error:
        complain("%s: %s" % (conf.state_dir, error.strerror))
        return 1
    pid = running(conf)
    if pid:
        os.kill(pid, signal.SIGUSR1)
    return 0


def check(conf):
    """The good configuration, and what the Unbound that runs here makes of it."""
    if any(tls for _, _, tls in conf.resolvers.values()):
        try:
            text = asyncio.run(control.call(conf.control, "status", CONTROL_TIMEOUT))
            found = re.search(r"^version: (\d+)\.(\d+)", text, re.M)
            if found and (int(found[1]), int(found[2])) < (1, 20):
                complain("resolvers with #NAME: Unbound %s.%s cannot take them in forward_add" % found.groups())
                return 1
        except control.ControlError as error:
            complain("control: %s (whether Unbound can take #NAME is not known)" % error)
    print("site %s, %d resolvers at %d sites, %d probes under %d owners" % (
        conf.site, len(conf.resolvers), len(conf.sites), len(conf.probes), len(conf.owners)))
    return 0


def show(conf, as_json):
    status = ask_running(conf)
    if status is None:
        complain("not running")
        return 3
    print(json.dumps(status) if as_json else publishing.table(status))
    return 0


def watch(conf, args):
    try:
        for directory in (conf.run_dir, conf.state_dir):
            os.makedirs(directory, exist_ok=True)
        # opened for appending: a second copy must not empty it
        lock = open(os.path.join(conf.run_dir, "lock"), "a+", encoding="ascii")  # noqa: SIM115
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            notify("READY=1")   # for systemd this is a start that went well
            complain("another copy is running with " + conf.run_dir)
            return 0
        lock.truncate(0)
        lock.write("%d\n" % os.getpid())
        lock.flush()
    except OSError as error:
        complain("%s: %s" % (error.filename, error.strerror))
        return 1

    async def work():
        return await Runner(conf, args.config, args).run()
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
    if args.check:
        return check(conf)
    if args.status:
        return show(conf, args.json)
    return override(conf, args) if args.command else watch(conf, args)
