# SPDX-License-Identifier: BSD-3-Clause
"""The whole of forward-health but the outside: health and decision put together, and what Unbound is told.

The outside is handed in (`io`), so that the laboratory of the tests can be one with a virtual clock:
  io.now()                            seconds of a clock that never jumps
  io.ask(question, resolver, owner)   answers with engine.answered(question, resolver, outcome)
  io.control(target, command, done)   answers with done(text, error); target: "local" or a resolver
  io.emit(action, reason, duration, details)
step() does what is due and gives the time when it wants to be called again. A conversation with Unbound is a generator
that yields (target, command) and gets the text.
"""
from collections import Counter

from .control import ControlError, forwards
from .decision import Decision
from .health import Health

CHECK = 1.0             # the list is compared so often
BACKOFF_MAX = 8.0
EGRESS_FLUSH = 10.0     # a resolver that is down forgets dead servers so often
LARGE_FALL = 3


class Engine:
    def __init__(self, conf, io, rng, override=None, dry_run=False):
        self.conf, self.io, self.dry_run = conf, io, dry_run
        now = io.now()
        self.rng = rng
        self.override = override or {}
        self.health = Health(conf, now, rng)
        self.decision = Decision(conf, now)
        self.looked = False         # the list of Unbound was read once
        self.wanted = dict.fromkeys(conf.zones)
        self.applied = {}           # zone -> list that Unbound was seen to have as wanted
        self.sites = {}             # zone -> site of the applied list, and why it came
        self.flush = []             # commands still to be given after a change
        self.busy = False
        self.check_at = now
        self.backoff = 0.0
        self.control_error = ""
        self.failed_at = None
        self.egress_at = {}         # resolver -> when to flush next
        self.egress_busy = set()
        self.egress_failed = set()
        self.flushed = set()        # resolvers flushed since they began to answer again
        self.large_failed = Counter()
        self.switches = Counter()
        self.why = ""

    def reload(self, conf):
        """Takes a new configuration; what was counted stays, so no switch is put off."""
        now = self.io.now()
        self.conf = conf
        self.health = Health(conf, now, self.rng, self.health)
        self.decision = Decision(conf, now, self.decision)
        self.applied = {z: v for z, v in self.applied.items() if z in conf.zones}
        self.io.emit("reload", "", 0, {})
        self.decide()

    # --- the loop ----------------------------------------------------------------------------

    def step(self):
        now = self.io.now()
        for question, key, owner in self.health.take(now):
            self.io.ask(question, key, owner)
        self.decide()
        if not self.busy and now >= self.check_at:
            self.busy = True
            self.talk(self.reconcile())
        for key in list(self.egress_at):
            if now >= self.egress_at[key] and key not in self.egress_busy:
                self.egress_at[key] = now + EGRESS_FLUSH
                self.talk(self.flush_egress(key, ["flush_infra all"]))
        times = [self.health.next_due(now), *self.egress_at.values()]
        if not self.busy:
            times.append(self.check_at)
        change = self.decision.next_due(now)
        if change is not None:
            times.append(change)
        return min(times)

    def answered(self, question, key, outcome):
        now = self.io.now()
        for change in self.health.answer(question, key, outcome, now):
            if change[0] == "owner":
                _, name, what, reason = change
                self.io.emit("probe-name-broken" if what == "broken" else "probe-name-recovered", reason, 0, {"owner": name})
                continue
            _, name, state, reason, duration = change
            self.io.emit("resolver-state", reason, duration, {
                "server": name, "server_site": self.health.servers[name].site, "to": state})
            self.egress_at.pop(name, None)
            if state == "down":
                self.why = reason
                self.flushed.discard(name)
                if self.conf.egress_control.get(name):
                    self.egress_at[name] = now + EGRESS_FLUSH
        server = self.health.servers.get(key)
        if server and server.state == "down" and server.oks and key not in self.flushed:
            self.flushed.add(key)
            if self.conf.egress_control.get(key):
                self.talk(self.flush_egress(key, ["flush_infra all", "flush_negative", "flush_bogus"], say=True))

    def large_answered(self, key, outcome):
        """What became of a question with a large answer: lost, while small ones arrive, is told once."""
        before = self.large_failed[key]
        server = self.health.servers.get(key)
        if server is None or server.state != "up" or server.run:
            return
        self.large_failed[key] = 0 if outcome in ("ok", "small") else before + 1
        if before < LARGE_FALL <= self.large_failed[key]:
            self.io.emit("large-answers-lost", outcome, 0, {"server": key, "server_site": server.site})
        elif before >= LARGE_FALL and not self.large_failed[key]:
            self.io.emit("large-answers-back", "", 0, {"server": key, "server_site": server.site})

    def decide(self):
        if not self.looked:
            return
        now = self.io.now()
        states = {key: s.state for key, s in self.health.servers.items()}
        wanted, changes = self.decision.wanted(now, states, self.override)
        for zone, what, before, after in changes:
            if what == "site":
                self.sites[zone] = (before, after)
            else:
                self.io.emit("nobody-healthy" if what == "nobody" else "somebody-healthy", "", 0, {"zone": zone})
        if any(wanted[z] is not None and wanted[z] != self.wanted.get(z) for z in wanted):
            # at once, but not faster than a control that fails allows
            if not self.backoff:
                self.check_at = now
        self.wanted = wanted
        used = {key for want in wanted.values() for key in want or ()}
        self.health.quiet = set(self.health.servers) - used if used else set()

    def settled(self):
        """All resolvers are judged and Unbound has what is wanted."""
        return self.looked and not self.busy and all(s.state for s in self.health.servers.values()) and not self.flush and \
            all(want is None or self.applied.get(zone) == want for zone, want in self.wanted.items())

    # --- conversations with Unbound ----------------------------------------------------------

    def talk(self, conversation, text=None, error=None):
        try:
            target, command = conversation.throw(ControlError(error)) if error is not None else conversation.send(text)
        except StopIteration:
            return
        self.io.control(target, command, lambda text, error: self.talk(conversation, text, error))

    def reconcile(self):
        """Compares the lists with what is wanted, says what differs, verifies, and flushes once."""
        try:
            have = forwards((yield "local", "list_forwards"))
            if not self.looked:
                self.looked = True
                for zone in self.conf.zones:
                    self.decision.found(zone, [k for k in self.conf.resolvers if self.address(k) in self.addresses(have, zone)])
                self.decide()
            for zone, want in list(self.wanted.items()):
                if want is None:
                    self.applied.pop(zone, None)
                elif self.same(have.get(zone), want) and not self.unclear(have[zone], zone, want):
                    self.applied[zone] = want
                    self.sites.pop(zone, None)
                else:
                    yield from self.change(zone, have.get(zone, []), want)
            while self.flush:
                yield "local", self.flush[0]
                self.flush.pop(0)
            self.recovered()
        except ControlError as error:
            self.failed(str(error))
        self.busy = False
        self.check_at = self.io.now() + (self.backoff or CHECK)
        if not self.backoff and any(w is not None and self.applied.get(z) != w for z, w in self.wanted.items()):
            self.check_at = self.io.now()

    def change(self, zone, have, want):
        began = self.io.now()
        tls = any(self.conf.resolvers[k][2] for k in want if k in self.conf.resolvers)
        command = "forward_add %s%s %s" % ("+t " if tls else "", zone, " ".join(want))
        before = self.applied.get(zone)
        old = [k for k in self.conf.resolvers if self.address(k)[0] in {a for a, _ in have}]
        if self.dry_run:
            self.io.emit("dry-run", "", 0, {"zone": zone, "command": command})
            self.applied[zone] = want
            return
        yield "local", command
        now_has = forwards((yield "local", "list_forwards"))
        if not self.same(now_has.get(zone), want):
            raise ControlError("forward_add did not take effect")
        self.applied[zone] = want
        site = self.sites.pop(zone, None)
        if before == want:
            action, reason = "forward-repair", "the list was not what it had been set to"
        elif before is None and site is None:
            action, reason = "forward-start", ""
        elif site:
            action, reason = "forward-switch", self.why
            self.switches[zone] += 1
        else:
            action, reason = "forward-members", ""
        if action != "forward-members":
            self.after_outage(old, want)
        memory = self.decision.zones[zone]
        self.io.emit(action, reason, self.io.now() - began, {
            "zone": zone, "from": site[0] if site else memory.site, "to": memory.site, "before": old or [a for a, _ in have],
            "after": want, "hold_seconds": memory.hold})

    def after_outage(self, old, want):
        """What the nameserver has to forget, once for all zones. Questions that wait for a dead site are dropped only where
        no living resolver was in the old list: else Unbound's own retry answers them."""
        states = {key: s.state for key, s in self.health.servers.items()}
        commands = ["flush_infra all", "flush_negative", "flush_bogus"]
        if old and not any(states.get(k) == "up" for k in old) and not set(old) & set(want):
            commands.append("flush_requestlist")
        self.flush += [c for c in commands if c not in self.flush]

    def failed(self, error):
        now = self.io.now()
        self.backoff = min(BACKOFF_MAX, self.backoff * 2 or CHECK)
        if not self.control_error:
            self.failed_at = now
            self.io.emit("control-failed", error, 0, {})
        self.control_error = error

    def recovered(self):
        if self.control_error:
            self.io.emit("control-recovered", "", self.io.now() - self.failed_at, {})
        self.control_error, self.backoff = "", 0.0

    def flush_egress(self, key, commands, say=False):
        if self.dry_run:
            return
        self.egress_busy.add(key)
        try:
            for command in commands:
                yield key, command
            self.egress_failed.discard(key)
            if say:
                self.io.emit("egress-flush", "", 0, {"server": key})
        except ControlError as error:
            if key not in self.egress_failed:
                self.egress_failed.add(key)
                self.io.emit("control-failed", str(error), 0, {"server": key})
        self.egress_busy.discard(key)

    # --- lists -------------------------------------------------------------------------------

    def address(self, key):
        return self.conf.resolvers[key][:2]

    def addresses(self, have, zone):
        """(address, port) of a list that may come without ports."""
        known = [self.address(k) for k in self.conf.resolvers]
        return {pair for pair in known for address, port in have.get(zone, ()) if pair[0] == address and port in (None, pair[1])}

    def same(self, have, want):
        """Whether a list, with or without ports, is the wanted one."""
        if have is None:
            return False
        pairs = [self.address(k) for k in want]
        if any(port is not None for _, port in have):
            return sorted((a, p or 53) for a, p in have) == sorted(pairs)
        return sorted(a for a, _ in have) == sorted(a for a, _ in pairs)

    def unclear(self, have, zone, want):
        """A list without ports says too little where resolvers share an address: then what was set last counts."""
        shared = len({a for a, _, _ in self.conf.resolvers.values()}) < len(self.conf.resolvers)
        return shared and all(port is None for _, port in have) and self.applied.get(zone) not in (None, want)

    def status(self):
        now = self.io.now()
        return {
            "site": self.conf.site, "override": self.override, "control_error": self.control_error,
            "zones": {z: {"site": m.site, "list": self.applied.get(z), "wanted": self.wanted.get(z), "hold_seconds": m.hold,
                          "nobody_healthy": m.nobody, "switches": self.switches[z]} for z, m in self.decision.zones.items()},
            "servers": {k: {"site": s.site, "state": s.state or "unknown", "reason": s.reason, "for_seconds": round(now - s.since, 3),
                            "latency_ms": None if s.usual is None else round(s.usual * 1000, 1), "right": s.right,
                            "failures": dict(s.failures), "large_answers_lost": self.large_failed[k] >= LARGE_FALL}
                        for k, s in self.health.servers.items()},
            "owners": {n: "broken" if o.broken else "works" for n, o in self.health.owners.items()}}
