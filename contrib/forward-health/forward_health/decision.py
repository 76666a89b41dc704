# SPDX-License-Identifier: BSD-3-Clause
"""Which list each zone should have. Pure: states, the operator's override and the time go in, lists come out.

The first site in a zone's order with min-healthy resolvers is taken; leaving a site that is not well never waits,
going back to a better one waits for `hold`, which doubles with each flap and halves in quiet.
"""
HOLD_MAX = 600.0
HOLD_DECAY = 600.0


class Zone:
    """The memory of one zone."""

    def __init__(self, conf, now):
        self.site = None            # the site in use; None: not known yet
        self.hold = conf.hold
        self.well = {}              # site -> since when it has had enough healthy resolvers
        self.returned = None        # when a better site was last gone back to
        self.quiet = now            # since when the hold time has not changed
        self.nobody = False


class Decision:
    def __init__(self, conf, now, old=None):
        self.conf = conf
        self.zones = {z: old.zones[z] if old and z in old.zones else Zone(conf, now) for z in conf.zones}
        for zone in self.zones.values():
            zone.hold = max(zone.hold, conf.hold)
            if zone.site not in conf.sites:
                zone.site = None

    def found(self, name, keys):
        """The list that Unbound had at the start: the site it is of is the site in use."""
        zone = self.zones[name]
        if zone.site is None:
            of = [s for s in self.conf.zones[name] if set(self.conf.sites[s]) & set(keys)]
            # with standby the list has more than one site: the first in the order is the one in use
            zone.site = of[0] if of else None

    def next_due(self, now):
        """When the passing of time alone may change what is wanted; None: never."""
        times = []
        for name, zone in self.zones.items():
            order = self.conf.zones[name]
            better = order[:order.index(zone.site)] if zone.site in order else []
            times += [zone.well[s] + zone.hold for s in better if s in zone.well]
        return min((t for t in times if t > now), default=None)

    def wanted(self, now, states, override):
        """{zone: list, or None for "as it is"} and the changes: (zone, what, before, after).
        states: {resolver: "up", "down" or None}; override: {"pin": [...], "drain": [...]}."""
        lists, changes = {}, []
        for name in self.conf.zones:
            lists[name] = self.zone(name, now, states, override, changes)
        return lists, changes

    def up(self, site, states, drained=()):
        return [k for k in self.conf.sites[site] if states.get(k) == "up" and k not in drained]

    def zone(self, name, now, states, override, changes):
        zone, order, need = self.zones[name], self.conf.zones[name], self.conf.min_healthy
        drained = set(override.get("drain", ()))
        if not any(self.up(s, states, drained) for s in order):
            drained = set()
        for site in order:
            if len(self.up(site, states, drained)) >= need:
                zone.well.setdefault(site, now)
            else:
                zone.well.pop(site, None)
        if now - zone.quiet >= HOLD_DECAY and zone.hold > self.conf.hold:
            zone.hold, zone.quiet = max(self.conf.hold, zone.hold / 2), now
        pin = override.get("pin")
        if pin:
            if pin[0] in self.conf.sites:
                return self.up(pin[0], states) or list(self.conf.sites[pin[0]])
            return list(pin)
        site = self.choose(zone, order, now, states, drained)
        if site is None:
            unknown = any(states.get(k) is None for s in order for k in self.conf.sites[s])
            if not unknown and not zone.nobody:
                zone.nobody = True
                changes.append((name, "nobody", None, None))
            return None
        if any(states.get(k) is None for k in self.conf.sites[site]) and zone.site in (None, site):
            return None         # at the start: until all of this site are known
        if zone.nobody:
            zone.nobody = False
            changes.append((name, "somebody", None, None))
        if site != zone.site:
            self.moved(zone, order, site, now)
            changes.append((name, "site", zone.site, site))
            zone.site = site
        members = self.up(site, states, drained)
        spare = [k for s in order if s != site for k in self.up(s, states, drained)]
        return members + spare[:self.conf.standby]

    def choose(self, zone, order, now, states, drained):
        """The site to use, or None where nobody is healthy or not enough is known yet."""
        current_well = zone.site in zone.well
        for site in order:
            if site in zone.well:
                back = current_well and site != zone.site and order.index(site) < order.index(zone.site)
                if not back or now >= zone.well[site] + zone.hold - 1e-6:
                    return site
            elif not current_well and len([k for k in self.conf.sites[site] if states.get(k) != "down"]) >= \
                    self.conf.min_healthy and any(states.get(k) is None for k in self.conf.sites[site]):
                return None     # it may still turn out well
        # nobody has enough: stay while there is anybody here, else the first that has any
        some = [s for s in order if self.up(s, states, drained)]
        return zone.site if zone.site in some else (some[0] if some else None)

    def moved(self, zone, order, site, now):
        if zone.site is None:
            return
        if zone.site in order and order.index(site) > order.index(zone.site):
            if zone.returned is not None and now - zone.returned < HOLD_DECAY:
                zone.hold = min(HOLD_MAX, zone.hold * 2)
        else:
            zone.returned = now
        zone.quiet = now
