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
from .health import FUTURE, Health

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
        self.decide_at = now        # when time alone may change what is wanted
        self.wanted = dict.fromkeys(conf.zones)     # None: as it is
        self.applied = {}           # zone -> list that Unbound was seen to have as wanted
        self.left = {}              # zone -> site before a change that Unbound has yet to be told
        self.flush = []             # commands still to be given after a change
        self.busy = False           # a conversation about the lists is under way
        self.check_at = now
        self.backoff, self.failed_at, self.control_error = 0.0, now, ""
        self.egress_at = {}         # resolver that is down -> when to flush it next
        self.egress_failed = set()
        self.flushed = set()        # resolvers flushed since they began to answer again
        self.large_failed, self.switches = Counter(), Counter()
        self.why = ""

    def reload(self, conf):
        """Takes a new configuration; what was counted stays, so no switch is put off."""
        now, self.conf = self.io.now(), conf
        self.health = Health(conf, now, self.health.rng, self.health)
        self.decision = Decision(conf, now, self.decision)
        self.egress_at = {k: t for k, t in self.egress_at.items() if k in conf.egress_control}
        self.io.emit("reload")
        self.decide()

    # --- the loop ----------------------------------------------------------------------------

    def step(self):
        now = self.io.now()
        if now >= self.decide_at:
            self.decide()
        due = self.health.next_due()
        if now >= due:
            for question in self.health.take(now):
                self.io.ask(*question)
            due = self.health.next_due()
        if now >= self.check_at and not self.busy:
            self.busy = True
            self.talk(self.reconcile())
        for key, at in self.egress_at.items():
            if now >= at:
                self.egress_at[key] = now + EGRESS_FLUSH
                self.talk(self.flush_egress(key, FORGET[:1]))
            due = min(due, self.egress_at[key])
        return min(due, self.decide_at, FUTURE if self.busy else self.check_at)

    def answered(self, question, key, outcome):
        now = self.io.now()
        changes = self.health.answer(question, key, outcome, now)
        for what, name, state, reason, since in changes:
            if what == "owner":
                self.io.emit("probe-name-broken" if state == "broken" else "probe-name-recovered", reason, owner=name)
                continue
            self.io.emit("resolver-state", reason, now - since, server=name, to=state,
                         server_site=self.health.servers[name].site)
            self.egress_at.pop(name, None)
            if state == "down":
                self.why = reason
                self.flushed.discard(name)
                if name in self.conf.egress_control and not self.dry_run:
                    self.egress_at[name] = now + EGRESS_FLUSH
        if changes:
            self.decide()
        if key in self.egress_at and self.health.servers[key].oks and key not in self.flushed:
            self.flushed.add(key)
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
        self.decide_at = FUTURE
        if not self.looked:
            return
        now = self.io.now()
        wanted, changes = self.decision.wanted(now, self.states(), self.override)
        self.decide_at = self.decision.next_due(now)
        for zone, what, before in changes:
            if what == "site":
                self.left.setdefault(zone, before)
            else:
                self.io.emit(what + "-healthy", zone=zone)
        if wanted != self.wanted and not self.backoff:
            self.check_at = now     # at once, but not faster than a control that fails allows
        self.wanted = wanted
        self.health.use({key for want in wanted.values() for key in want or ()}, now)

    def pending(self):
        """Whether something that is wanted is not what Unbound has."""
        return any(want and self.applied.get(zone) != want for zone, want in self.wanted.items())

    def settled(self):
        return self.looked and not self.busy and all(self.states().values()) and not self.flush and not self.pending()

    # --- conversations with Unbound ----------------------------------------------------------

    def talk(self, conversation, text=None, error=None):
        try:
            target, command = conversation.throw(ControlError(error)) if error is not None else \
                conversation.send(text)
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
                    self.decision.found(zone, self.known(have.get(zone, ())))
                self.decide()
            for zone, want in list(self.wanted.items()):
                if want is None:
                    self.applied.pop(zone, None)
                elif self.same(zone, have.get(zone, ()), want):
                    self.applied[zone] = want
                    self.left.pop(zone, None)
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
        began, command = self.io.now(), self.forward_add(zone, want)
        before, old = self.applied.get(zone), self.known(have)
        if self.dry_run:
            if before != want:
                self.io.emit("dry-run", zone=zone, command=command)
            self.applied[zone] = want
            return
        yield "local", command
        self.applied[zone] = want
        if not self.same(zone, forwards((yield "local", "list_forwards")).get(zone, ()), want):
            del self.applied[zone]
            raise ControlError("forward_add did not take effect")
        memory = self.decision.zones[zone]
        switch, site = zone in self.left, self.left.pop(zone, memory.site)
        if before == want:
            action, reason = "forward-repair", "the list was not what it had been set to"
        elif switch:
            action, reason = "forward-switch", self.why
            self.switches[zone] += 1
        else:
            action, reason = "forward-start" if before is None else "forward-members", ""
        if action != "forward-members":
            self.forget(old, want)
        self.io.emit(action, reason, self.io.now() - began, zone=zone, before=old or [a for a, _ in have], after=want,
                     hold_seconds=memory.hold, **{"from": site, "to": memory.site})

    def forget(self, old, want):
        """What the nameserver has to forget, once for all zones. Questions that wait for a dead site are dropped only
        where no living resolver was in the old list: else Unbound's own retry answers them."""
        states = self.states()
        drop = old and not any(states.get(k) == "up" for k in old) and not set(old) & set(want)
        self.flush += [c for c in FORGET + (("flush_requestlist",) if drop else ()) if c not in self.flush]

    def flush_egress(self, key, commands):
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

    # --- lists -------------------------------------------------------------------------------

    def forward_add(self, zone, keys):
        tls = "+t " if any(self.conf.resolvers[k][2] for k in keys) else ""
        return "forward_add %s%s %s" % (tls, zone, " ".join(keys))

    def known(self, have):
        """The resolvers of a list that may come without ports."""
        return [key for key, (address, port, _) in self.conf.resolvers.items()
                if (address, port) in have or (address, None) in have]

    def same(self, zone, have, want):
        """Whether a list is the wanted one. Without ports it says too little where resolvers share an address: then
        what was set last counts."""
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
            "zones": {z: {"site": m.site, "list": self.applied.get(z), "wanted": self.wanted.get(z),
                          "hold_seconds": m.hold, "nobody_healthy": m.nobody, "switches": self.switches[z]}
                      for z, m in self.decision.zones.items()},
            "servers": {k: {"site": s.site, "state": s.state or "unknown", "reason": s.reason,
                            "for_seconds": round(now - s.since, 3), "right": s.right, "failures": dict(s.failures),
                            "latency_ms": round(s.usual * 1000, 1) if s.right else None,
                            "large_answers_lost": self.large_failed[k] >= LARGE_FALL}
                        for k, s in self.health.servers.items()},
            "owners": {n: "broken" if o.broken else "works" for n, o in self.health.owners.items()}}
