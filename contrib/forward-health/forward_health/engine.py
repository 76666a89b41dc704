# SPDX-License-Identifier: BSD-3-Clause
"""Health and decision put together, and what Unbound is told: the whole of forward-health but the outside.

The outside is handed in (`io`), so that the tests' can be one with a virtual clock:
  io.now()                                seconds of a clock that never jumps
  io.ask(question, resolver, owner)       answers with engine.answered(question, resolver, outcome)
  io.control(target, command, done)       answers with done(text, error); target: "local" or a resolver
  io.emit(action, reason, duration, **details)
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
FORGET = ("flush_infra all", "flush_negative", "flush_bogus")


class Engine:
    def __init__(self, conf, io, rng, override=None, dry_run=False):
        self.conf, self.io, self.dry_run, self.override = conf, io, dry_run, override or {}
        now = io.now()
        self.health, self.decision = Health(conf, now, rng), Decision(conf, now)
        self.looked = False         # the list of Unbound was read once
        self.said, self.have = "", {}   # what Unbound said last, and the lists in it
        self.decide_at = now        # when time alone may change what is wanted
        self.wanted = dict.fromkeys(conf.zones)
        self.applied = {}           # zone -> list that Unbound was seen to have as wanted
        self.sites = {}             # zone -> (site before, site after) of a change that Unbound has yet to be told
        self.flush = []             # commands still to be given after a change
        self.busy = False
        self.check_at = now
        self.backoff, self.failed_at, self.control_error = 0.0, now, ""
        self.egress_at = {}         # resolver that is down -> when to flush it next
        self.egress_busy, self.egress_failed = set(), set()
        self.flushed = set()        # resolvers flushed since they began to answer again
        self.large_failed, self.switches = Counter(), Counter()
        self.why = ""

    def reload(self, conf):
        """Takes a new configuration; what was counted stays, so no switch is put off."""
        now = self.io.now()
        self.conf = conf
        self.health, self.decision = Health(conf, now, self.health.rng, self.health), Decision(conf, now, self.decision)
        self.applied = {z: v for z, v in self.applied.items() if z in conf.zones}
        self.egress_at = {k: t for k, t in self.egress_at.items() if conf.egress_control.get(k)}
        self.io.emit("reload")
        self.decide()

    # --- the loop ----------------------------------------------------------------------------

    def step(self):
        now = self.io.now()
        due = self.health.next_due()
        if now >= min(due, self.decide_at):
            for question in self.health.take(now):
                self.io.ask(*question)
            if now >= self.decide_at:
                self.decide()
            due = self.health.next_due()
        if not self.busy and now >= self.check_at:
            self.busy = True
            self.talk(self.reconcile())
        due = min(due, self.decide_at)
        for key, at in self.egress_at.items():
            if now >= at and key not in self.egress_busy:
                self.egress_at[key] = at = now + EGRESS_FLUSH
                self.talk(self.flush_egress(key, FORGET[:1]))
            due = min(due, at)
        return due if self.busy else min(due, self.check_at)

    def answered(self, question, key, outcome):
        now = self.io.now()
        changes = self.health.answer(question, key, outcome, now)
        for what, name, state, reason, since in changes:
            if what == "owner":
                self.io.emit("probe-name-broken" if state == "broken" else "probe-name-recovered", reason, owner=name)
                continue
            self.io.emit("resolver-state", reason, now - since, server=name, server_site=self.health.servers[name].site, to=state)
            self.egress_at.pop(name, None)
            if state == "down":
                self.why = reason
                self.flushed.discard(name)
                if self.conf.egress_control.get(name):
                    self.egress_at[name] = now + EGRESS_FLUSH
        if changes:
            self.decide()
        server = self.health.servers.get(key)
        if server and server.state == "down" and server.oks and key not in self.flushed:
            self.flushed.add(key)
            if self.conf.egress_control.get(key):
                self.talk(self.flush_egress(key, FORGET))

    def large_answered(self, key, outcome):
        """What became of a question with a large answer: lost, while small ones arrive, is told once."""
        server = self.health.servers.get(key)
        if server is None or server.state != "up" or server.run:
            return
        before, now = self.large_failed[key], 0 if outcome in ("ok", "small") else self.large_failed[key] + 1
        self.large_failed[key] = now
        if (before >= LARGE_FALL) != (now >= LARGE_FALL):
            self.io.emit("large-answers-lost" if now else "large-answers-back", outcome if now else "",
                         server=key, server_site=server.site)

    def states(self):
        return {key: server.state for key, server in self.health.servers.items()}

    def decide(self):
        now = self.io.now()
        self.decide_at = float("inf")
        if not self.looked:
            return
        wanted, changes = self.decision.wanted(now, self.states(), self.override)
        self.decide_at = self.decision.next_due(now)
        for zone, what, before, after in changes:
            if what == "site":
                self.sites[zone] = (before, after)
            else:
                self.io.emit("nobody-healthy" if what == "nobody" else "somebody-healthy", zone=zone)
        if wanted != self.wanted and not self.backoff:
            self.check_at = now     # at once, but not faster than a control that fails allows
        self.wanted = wanted
        self.health.use({key for want in wanted.values() for key in want or ()}, now)

    def pending(self):
        """Whether something that is wanted is not what Unbound has."""
        return any(want is not None and self.applied.get(zone) != want for zone, want in self.wanted.items())

    def settled(self):
        return self.looked and not self.busy and all(self.states().values()) and not self.flush and not self.pending()

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
            have = self.read((yield "local", "list_forwards"))
            if not self.looked:
                self.looked = True
                for zone in self.conf.zones:
                    self.decision.found(zone, self.known(have.get(zone, ())))
                self.decide()
            for zone, want in list(self.wanted.items()):
                if want is None:
                    self.applied.pop(zone, None)
                elif self.same(zone, have.get(zone, ()), want):
                    self.applied[zone] = want
                    self.sites.pop(zone, None)
                else:
                    yield from self.change(zone, have.get(zone, ()), want)
            while self.flush:
                yield "local", self.flush[0]
                self.flush.pop(0)
            if self.control_error:
                self.io.emit("control-recovered", "", self.io.now() - self.failed_at)
            self.control_error, self.backoff = "", 0.0
        except ControlError as error:
            self.backoff = min(BACKOFF_MAX, self.backoff * 2 or CHECK)
            if not self.control_error:
                self.failed_at = self.io.now()
                self.io.emit("control-failed", str(error))
            self.control_error = str(error)
        self.busy = False
        self.check_at = self.io.now() + (self.backoff or (0 if self.pending() else CHECK))

    def change(self, zone, have, want):
        began = self.io.now()
        command = self.forward_add(zone, want)
        before, old = self.applied.get(zone), self.known(have)
        if self.dry_run:
            self.io.emit("dry-run", zone=zone, command=command)
            self.applied[zone] = want
            return
        yield "local", command
        self.applied[zone] = want
        if not self.same(zone, self.read((yield "local", "list_forwards")).get(zone, ()), want):
            del self.applied[zone]
            raise ControlError("forward_add did not take effect")
        site = self.sites.pop(zone, None)
        if before == want:
            action, reason = "forward-repair", "the list was not what it had been set to"
        elif site:
            action, reason = "forward-switch", self.why
            self.switches[zone] += 1
        else:
            action, reason = "forward-start" if before is None else "forward-members", ""
        if action != "forward-members":
            self.forget(old, want)
        memory = self.decision.zones[zone]
        self.io.emit(action, reason, self.io.now() - began, **{
            "zone": zone, "from": site[0] if site else memory.site, "to": memory.site, "before": old or [a for a, _ in have],
            "after": want, "hold_seconds": memory.hold})

    def forget(self, old, want):
        """What the nameserver has to forget, once for all zones. Questions that wait for a dead site are dropped only where
        no living resolver was in the old list: else Unbound's own retry answers them."""
        states = self.states()
        drop = old and not any(states.get(k) == "up" for k in old) and not set(old) & set(want)
        self.flush += [c for c in FORGET + (("flush_requestlist",) if drop else ()) if c not in self.flush]

    def flush_egress(self, key, commands):
        if self.dry_run:
            return
        self.egress_busy.add(key)
        try:
            for command in commands:
                yield key, command
            self.egress_failed.discard(key)
            if commands == FORGET:
                self.io.emit("egress-flush", server=key)
        except ControlError as error:
            if key not in self.egress_failed:
                self.egress_failed.add(key)
                self.io.emit("control-failed", str(error), server=key)
        self.egress_busy.discard(key)

    # --- lists -------------------------------------------------------------------------------

    def forward_add(self, zone, keys):
        tls = "+t " if any(self.conf.resolvers[k][2] for k in keys) else ""
        return "forward_add %s%s %s" % (tls, zone, " ".join(keys))

    def read(self, text):
        if text != self.said:
            self.said, self.have = "", forwards(text)
            self.said = text
        return self.have

    def known(self, have):
        """The resolvers of a list that may come without ports."""
        return [key for key, (address, port, _) in self.conf.resolvers.items()
                if any(a == address and p in (None, port) for a, p in have)]

    def same(self, zone, have, want):
        """Whether a list is the wanted one. Without ports it says too little where resolvers share an address: then what was
        set last counts."""
        pairs = sorted(self.conf.resolvers[k][:2] for k in want)
        if any(port for _, port in have):
            return sorted((a, p or 53) for a, p in have) == pairs
        shared = len({a for a, _, _ in self.conf.resolvers.values()}) < len(self.conf.resolvers)
        return sorted(a for a, _ in have) == [a for a, _ in pairs] and not (
            shared and sorted(self.applied.get(zone, want)) != sorted(want))

    def status(self):
        now = self.io.now()
        return {
            "site": self.conf.site, "override": self.override, "control_error": self.control_error,
            "zones": {z: {"site": m.site, "list": self.applied.get(z), "wanted": self.wanted.get(z), "hold_seconds": m.hold,
                          "nobody_healthy": m.nobody, "switches": self.switches[z]} for z, m in self.decision.zones.items()},
            "servers": {k: {"site": s.site, "state": s.state or "unknown", "reason": s.reason, "for_seconds": round(now - s.since, 3),
                            "latency_ms": round(s.usual * 1000, 1) if s.right else None, "right": s.right,
                            "failures": dict(s.failures), "large_answers_lost": self.large_failed[k] >= LARGE_FALL}
                        for k, s in self.health.servers.items()},
            "owners": {n: "broken" if o.broken else "works" for n, o in self.health.owners.items()}}
