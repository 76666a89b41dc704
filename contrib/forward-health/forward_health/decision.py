# SPDX-License-Identifier: BSD-3-Clause
"""Which list each zone should have. Pure: states, the operator's override and the time go in, lists come out.

The first site in a zone's order with min-healthy resolvers is taken; leaving a site that is not well never waits,
going back to a better one waits for `hold`, which doubles with each flap and halves in quiet.
"""
import dataclasses

HOLD_MAX = 600.0
HOLD_DECAY = 600.0


@dataclasses.dataclass
class Zone:
    """The memory of one zone."""
    hold: float
    quiet: float                # since when the hold time has not changed
    site: str | None = None     # the site in use; None: not known yet
    well: dict = dataclasses.field(default_factory=dict)    # site -> since when it has had enough healthy resolvers
    returned: float | None = None   # when a better site was last gone back to
    nobody: bool = False


class Decision:
    def __init__(self, conf, now, old=None):
        self.conf = conf
        self.zones = {z: old.zones[z] if old and z in old.zones else Zone(conf.hold, now) for z in conf.zones}
        for zone in self.zones.values():
            zone.hold = max(zone.hold, conf.hold)
            if zone.site not in conf.sites:
                zone.site = None

    def found(self, name, keys):
        """The list that Unbound had at the start: the site it is of is the site in use. With standby the list has more
        than one: the first in the order."""
        zone = self.zones[name]
        if zone.site is None:
            zone.site = next((s for s in self.conf.zones[name] if set(self.conf.sites[s]) & set(keys)), None)

    def next_due(self, now):
        """When the passing of time alone may change what is wanted; infinite: never."""
        times = [float("inf")]
        for name, zone in self.zones.items():
            order = self.conf.zones[name]
            better = order[:order.index(zone.site)] if zone.site in order else ()
            times += [zone.well[s] + zone.hold for s in better if s in zone.well]
            if zone.hold > self.conf.hold:
                times.append(zone.quiet + HOLD_DECAY)
        return min(t for t in times if t > now)

    def wanted(self, now, states, override):
        """{zone: list, or None for "as it is"} and the changes: (zone, "site", the one before) or (zone,
        "nobody" or "somebody", None).
        states: {resolver: "up", "down" or None}; override: {"pin": [...], "drain": [...]}."""
        changes = []
        return {name: self.zone(name, now, states, override, changes) for name in self.zones}, changes

    def zone(self, name, now, states, override, changes):
        zone, order = self.zones[name], self.conf.zones[name]
        drained = override.get("drain", ())
        up = {s: [k for k in self.conf.sites[s] if states[k] == "up" and k not in drained] for s in order}
        if not any(up.values()):
            up = {s: [k for k in self.conf.sites[s] if states[k] == "up"] for s in order}
        unknown = {s for s in order if any(states[k] is None for k in self.conf.sites[s])}
        zone.well = {s: zone.well.get(s, now) for s in order if len(up[s]) >= self.conf.min_healthy}
        while zone.hold > self.conf.hold and now >= zone.quiet + HOLD_DECAY:
            zone.hold, zone.quiet = max(self.conf.hold, zone.hold / 2), zone.quiet + HOLD_DECAY
        pin = override.get("pin")
        if pin and pin[0] in self.conf.sites:
            return [k for k in self.conf.sites[pin[0]] if states[k] == "up"] or list(self.conf.sites[pin[0]])
        if pin:
            return list(pin)
        site = self.choose(zone, order, now, up, unknown)
        if site is None:
            if not unknown and not zone.nobody:
                zone.nobody = True
                changes.append((name, "nobody", None))
            return None
        if site in unknown and zone.site in (None, site):
            return None         # at the start: until all of this site are known
        if zone.nobody:
            zone.nobody = False
            changes.append((name, "somebody", None))
        if site != zone.site:
            self.moved(zone, order, site, now)
            changes.append((name, "site", zone.site))
            zone.site = site
        return up[site] + [k for s in order if s != site for k in up[s]][:self.conf.standby]

    def choose(self, zone, order, now, up, unknown):
        """The site to use, or None where nobody is healthy or not enough is known yet."""
        for site in order:
            if site in zone.well:
                back = zone.site in zone.well and order.index(site) < order.index(zone.site)
                if not back or now >= zone.well[site] + zone.hold:
                    return site
            elif zone.site not in zone.well and site in unknown:
                return None     # it may still turn out well
        # nobody has enough: stay while there is anybody here, else the first that has any
        some = [s for s in order if up[s]]
        return zone.site if zone.site in some else some[0] if some else None

    @staticmethod
    def moved(zone, order, site, now):
        if zone.site in order and order.index(site) > order.index(zone.site):
            if zone.returned is not None and now - zone.returned < HOLD_DECAY:
                zone.hold = min(HOLD_MAX, zone.hold * 2)
        elif zone.site:
            zone.returned = now
        zone.quiet = now
