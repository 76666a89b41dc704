# SPDX-License-Identifier: BSD-3-Clause
"""forward-health.yaml: read, checked, and every error told as FILE:LINE:COLUMN: KEY PATH: what is wrong."""
import dataclasses
import ipaddress
import os
import re
import socket
import subprocess

import dns.exception
import dns.name
import dns.rdatatype
import yaml

RANDOM = "{random}"
PROFILES = {"default": {}, "fast": {"interval": 0.5, "fast-interval": 0.15, "timeout": 0.5, "fall": 2}}
# key -> (default, least, most); durations are seconds
DURATIONS = {"interval": (1.0, 0.1, 60), "fast-interval": (0.25, 0.05, 60), "timeout": (1.0, 0.05, 10), "hold": (5.0, 0, 600),
             "record-interval": (60.0, 1, 86400)}
NUMBERS = {"fall": (3, 2, 100), "rise": (5, 1, 100), "jitter": (10, 0, 50), "max-rate": (20, 1, 1000),
           "min-healthy": (1, 1, 100), "standby": (0, 0, 100)}
PATHS = {"metrics": None, "run-dir": "/run/forward-health", "state-dir": "/var/lib/forward-health", "hook": None,
         "control-keys": "/etc/unbound"}
OTHERS = ("site", "sites", "zones", "probes", "profile", "control", "egress-control", "records", "log", "restore-on-exit",
          "large-answer")


@dataclasses.dataclass(frozen=True)
class Probe:
    name: str
    expect: str
    owner: str


@dataclasses.dataclass(frozen=True)
class Target:
    """Where a control channel is: a socket's path, HOST@PORT, or a command."""
    path: str = ""
    host: str = ""
    port: int = 0
    keys: str = ""              # directory of the keys; empty: plain TCP
    command: tuple = ()


class Conf:
    """What the file says; keys have _ for -."""


class Errors(Exception):
    """All errors of a file; each is a line."""


def resolver(text):
    """(address, port, TLS name) of ADDRESS[@PORT][#NAME]; ValueError."""
    rest, _, tls = text.partition("#")
    address, at, port = rest.partition("@")
    if ("#" in text and not re.fullmatch(r"[A-Za-z0-9_.-]+", tls)) or (at and not re.fullmatch(r"[1-9][0-9]{0,4}", port)):
        raise ValueError
    number = int(port) if port else 853 if tls else 53
    if number > 65535:
        raise ValueError
    return str(ipaddress.ip_address(address)), number, tls


def probe_owner(name):
    """The registrable name, as far as it can be told without a list: the last two labels, or three below co.uk and such."""
    labels = name.lower().rstrip(".").split(".")
    short = len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in ("ac", "co", "com", "edu", "gov", "net", "org", "or", "ne")
    return ".".join(labels[-3 if short else -2:])


class Reader:
    def __init__(self, path):
        self.path, self.errors = path, []

    def error(self, node, key, text):
        mark = node.start_mark
        self.errors.append((mark.line, mark.column, "%s:%d:%d: %s%s" % (
            self.path, mark.line + 1, mark.column + 1, key + ": " if key else "", text)))

    def text(self, node, key):
        if isinstance(node, yaml.ScalarNode) and node.value != "":
            return node.value
        self.error(node, key, "wants a single value")
        return None

    def items(self, node, key):
        if isinstance(node, yaml.SequenceNode):
            return [(item, "%s[%d]" % (key, n)) for n, item in enumerate(node.value)]
        self.error(node, key, "wants a list")
        return []

    def pairs(self, node, key, known=None):
        """(key text, key node, value node) of a mapping; unknown and repeated keys are errors."""
        if not isinstance(node, yaml.MappingNode):
            self.error(node, key, "wants keys and values")
            return []
        out, seen = [], set()
        for name, value in node.value:
            word = name.value if isinstance(name, yaml.ScalarNode) else None
            path = "%s.%s" % (key, word) if key else str(word)
            if word is None or (known and word not in known):
                self.error(name, path, "unknown key")
            elif word in seen:
                self.error(name, path, "is here twice")
            else:
                seen.add(word)
                out.append((word, name, value))
        return out

    def name(self, node, key, text):
        """The name in lower case, without its last dot. {random} stands for 16 letters."""
        try:
            dns.name.from_text(text.replace(RANDOM, "0" * 16))
            return dns.name.from_text(text).to_text(omit_final_dot=True).lower()
        except (dns.exception.DNSException, UnicodeError):
            self.error(node, key, '"%s" is no domain name' % text)
            return None

    def duration(self, node, key, least, most):
        found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)?", self.text(node, key) or "")
        if not found:
            self.error(node, key, "is no duration (1s, 250ms, 10m)")
            return least
        value = float(found[1]) * {"ms": 0.001, "s": 1, None: 1, "m": 60, "h": 3600}[found[2]]
        if not least <= value <= most:
            self.error(node, key, "%s is not between %gs and %gs" % (node.value, least, most))
        return value

    def target(self, node, key, keys):
        if isinstance(node, yaml.MappingNode):
            for _, _, value in self.pairs(node, key, ("command",)):
                if isinstance(value, yaml.SequenceNode) and value.value:
                    return Target(command=tuple(self.text(v, k) or "" for v, k in self.items(value, key + ".command")))
                words = (self.text(value, key + ".command") or "").split()
                if words:
                    return Target(command=tuple(words))
            return None
        text = self.text(node, key) or ""
        if text.startswith("/"):
            return Target(path=text)
        found = re.fullmatch(r"([^@\s]+)@([1-9][0-9]{0,4})", text)
        if not found:
            self.error(node, key, "is no socket (/PATH), HOST@PORT or {command: ...}")
            return None
        return Target(host=found[1], port=int(found[2]), keys=keys)


def default_target(keys):
    """What unbound.conf says, as unbound-checkconf tells it."""
    said = {}
    for option in ("control-interface", "control-port", "control-use-cert", "control-key-file"):
        try:
            done = subprocess.run(["unbound-checkconf", "-o", option], capture_output=True, text=True, timeout=5, check=False)
            said[option] = done.stdout.split("\n")[0].strip() if done.returncode == 0 else ""
        except (OSError, subprocess.SubprocessError):
            said[option] = ""
    interface = said["control-interface"]
    if interface.startswith("/"):
        return Target(path=interface)
    if said["control-use-cert"] == "no":
        keys = ""
    elif said["control-key-file"]:
        keys = os.path.dirname(said["control-key-file"])
    return Target(host=interface.split("@")[0] or "127.0.0.1", port=int(said["control-port"] or 8953), keys=keys)


def read(path):
    """The Conf of a file; Errors when anything is wrong with it."""
    r, top = Reader(path), None
    try:
        with open(path, encoding="utf-8") as file:
            top = yaml.compose(file, Loader=yaml.SafeLoader)
    except (OSError, UnicodeError) as error:
        raise Errors("%s: cannot be read: %s" % (path, getattr(error, "strerror", None) or error)) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise Errors("%s:%d:%d: %s" % (path, mark.line + 1, mark.column + 1, error.problem)) from None
    except (yaml.YAMLError, RecursionError) as error:
        raise Errors("%s:1:1: %s" % (path, str(error).split("\n")[0])) from None
    if top is None:
        raise Errors("%s:1:1: the file is empty" % path)
    known = (*DURATIONS, *NUMBERS, *PATHS, *OTHERS)
    nodes = {word: value for word, _, value in r.pairs(top, "", known)}
    conf = fill(r, top, nodes)
    if r.errors:
        raise Errors("\n".join(text for _, _, text in sorted(r.errors)))
    return conf


def fill(r, top, nodes):
    conf = Conf()
    profile = r.text(nodes["profile"], "profile") if "profile" in nodes else "default"
    if profile not in PROFILES:
        r.error(nodes["profile"], "profile", "is not default or fast")
    preset = PROFILES.get(profile, {})
    for key, (default, least, most) in DURATIONS.items():
        value = r.duration(nodes[key], key, least, most) if key in nodes else preset.get(key, default)
        setattr(conf, key.replace("-", "_"), value)
    for key, (default, least, most) in NUMBERS.items():
        value = preset.get(key, default)
        if key in nodes:
            text = r.text(nodes[key], key) or ""
            value = int(text) if re.fullmatch(r"[0-9]{1,6}", text) else -1
            if not least <= value <= most:
                r.error(nodes[key], key, "is no number from %d to %d" % (least, most))
        setattr(conf, key.replace("-", "_"), value)
    for key, default in PATHS.items():
        value = r.text(nodes[key], key) if key in nodes else default
        if key in nodes and value and not value.startswith("/") and not (key == "control-keys" and value == "none"):
            r.error(nodes[key], key, '"%s" is no absolute path' % value)
        setattr(conf, key.replace("-", "_"), value)
    conf.control_keys = "" if conf.control_keys == "none" else conf.control_keys
    conf.log = r.text(nodes["log"], "log") if "log" in nodes else "-"
    if conf.log and conf.log not in ("-", "syslog") and not conf.log.startswith("/"):
        r.error(nodes["log"], "log", "is not -, syslog or an absolute path")
    conf.restore_on_exit = False
    if "restore-on-exit" in nodes:
        text = r.text(nodes["restore-on-exit"], "restore-on-exit")
        conf.restore_on_exit = text in ("yes", "true")
        if text not in ("yes", "no", "true", "false"):
            r.error(nodes["restore-on-exit"], "restore-on-exit", "is not yes or no")
    read_sites(r, top, nodes, conf)
    read_site(r, top, nodes, conf)
    read_zones(r, nodes, conf)
    read_probes(r, top, nodes, conf)
    conf.control = r.target(nodes["control"], "control", conf.control_keys) if "control" in nodes else None
    if "control" not in nodes and not r.errors:
        conf.control = default_target(conf.control_keys)
    conf.egress_control = {}
    if "egress-control" in nodes:
        for word, name, value in r.pairs(nodes["egress-control"], "egress-control"):
            if word not in conf.resolvers:
                r.error(name, "egress-control." + word, "is no resolver of this file")
            conf.egress_control[word] = r.target(value, "egress-control." + word, conf.control_keys)
    limits(r, top, nodes, conf)
    return conf


def read_sites(r, top, nodes, conf):
    conf.sites, conf.resolvers, seen = {}, {}, {}
    if "sites" not in nodes:
        r.error(top, "sites", "is missing")
        return
    for site, name, value in r.pairs(nodes["sites"], "sites"):
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,62}", site):
            r.error(name, "sites." + site, "is no site name (a-z, 0-9, -)")
        conf.sites[site] = []
        for item, key in r.items(value, "sites." + site):
            text = r.text(item, key)
            if text is None:
                continue
            try:
                parsed = resolver(text)
            except ValueError:
                r.error(item, key, '"%s" is not ADDRESS[@PORT][#NAME]' % text)
                continue
            if parsed[:2] in seen:
                r.error(item, key, "%s is already in line %d" % (text, seen[parsed[:2]]))
                continue
            seen[parsed[:2]] = item.start_mark.line + 1
            conf.sites[site].append(text)
            conf.resolvers[text] = parsed
        if not conf.sites[site]:
            r.error(value, "sites." + site, "has no resolver")


def read_site(r, top, nodes, conf):
    conf.site = None
    node = nodes.get("site")
    if node is None:
        r.error(top, "site", "is missing")
        return
    if isinstance(node, yaml.MappingNode):
        for _, _, value in r.pairs(node, "site", ("hostname",)):
            pattern = r.text(value, "site.hostname") or ""
            try:
                found = re.search(pattern.replace("(?<site>", "(?P<site>"), host := (os.environ.get(
                    "FORWARD_HEALTH_HOSTNAME") or socket.gethostname()))
            except re.error as error:
                r.error(value, "site.hostname", "is no regular expression: %s" % error)
                return
            if not found or not found.groups():
                r.error(value, "site.hostname", 'does not give a site for the host name "%s"' % host)
                return
            conf.site = found.groupdict().get("site") or found[1]
    else:
        conf.site = r.text(node, "site")
    if conf.site is not None and conf.site not in conf.sites:
        r.error(node, "site", '"%s" is none of the sites' % conf.site)


def read_zones(r, nodes, conf):
    conf.zones = {}
    local = [conf.site] if conf.site in conf.sites else []
    if "zones" not in nodes:
        conf.zones["."] = local + [s for s in conf.sites if s != conf.site]
        return
    for item, key in r.items(nodes["zones"], "zones"):
        found = {word: value for word, _, value in r.pairs(item, key, ("zone", "order"))}
        if "zone" not in found:
            r.error(item, key + ".zone", "is missing")
            continue
        text = r.text(found["zone"], key + ".zone") or "."
        zone = "." if text == "." else (r.name(found["zone"], key + ".zone", text) or "bad") + "."
        if zone in conf.zones:
            r.error(item, key + ".zone", "%s is here twice" % zone)
        order = []
        words = r.items(found["order"], key + ".order") if "order" in found else []
        for word, path in words:
            value = r.text(word, path)
            if value not in (None, "local", "*") and value not in conf.sites:
                r.error(word, path, '"%s" is none of the sites' % value)
                continue
            for site in local if value == "local" else conf.sites if value == "*" else [value]:
                if site and site not in order:
                    order.append(site)
        conf.zones[zone] = order or local + [s for s in conf.sites if s != conf.site]


def read_probes(r, top, nodes, conf):
    conf.probes, conf.owners, conf.records, conf.large = [], {}, [], None
    seen = set()
    for item, key in r.items(nodes["probes"], "probes") if "probes" in nodes else []:
        found = {word: value for word, _, value in r.pairs(item, key, ("name", "expect", "owner"))}
        if "name" not in found:
            r.error(item, key + ".name", "is missing")
            continue
        name = (r.text(found["name"], key + ".name") or "").rstrip(".")
        expect = (r.text(found["expect"], key + ".expect") if "expect" in found else "NXDOMAIN") or ""
        if name.count(RANDOM) != 1:
            r.error(found["name"], key + ".name", '"%s" has no {random}: a cache could answer it' % name)
            continue
        r.name(found["name"], key + ".name", name)
        if name.lower() in seen:
            r.error(found["name"], key + ".name", '"%s" is here twice' % name)
        seen.add(name.lower())
        if expect.upper() in ("NXDOMAIN", "NODATA", "NOERROR"):
            expect = expect.upper()
        else:
            try:
                expect = str(ipaddress.ip_address(expect))
            except ValueError:
                r.error(found["expect"], key + ".expect", '"%s" is not NXDOMAIN, NODATA, NOERROR or an address' % expect)
        owner = r.text(found["owner"], key + ".owner") if "owner" in found else probe_owner(name)
        probe = Probe(name, expect, owner)
        conf.probes.append(probe)
        conf.owners.setdefault(owner, []).append(probe)
    if len(conf.owners) < 2:
        r.error(nodes.get("probes", top), "probes", "at least two owners are needed: a resolver is bad when it fails for more than one")
    for item, key in r.items(nodes["records"], "records") if "records" in nodes else []:
        found = {word: value for word, _, value in r.pairs(item, key, ("name", "type", "expect"))}
        if len(found) != 3:
            r.error(item, key, "wants name, type and expect")
            continue
        name = r.name(found["name"], key + ".name", r.text(found["name"], key + ".name") or "")
        kind = r.text(found["type"], key + ".type") or ""
        try:
            dns.rdatatype.from_text(kind)
        except dns.exception.DNSException:
            r.error(found["type"], key + ".type", '"%s" is no record type' % kind)
        conf.records.append((name, kind, frozenset(r.text(v, k) for v, k in r.items(found["expect"], key + ".expect"))))
    if "large-answer" in nodes:
        found = {word: value for word, _, value in r.pairs(nodes["large-answer"], "large-answer", ("name", "type", "every"))}
        if "name" not in found:
            r.error(nodes["large-answer"], "large-answer.name", "is missing")
            return
        every = r.text(found["every"], "large-answer.every") if "every" in found else "30"
        if not re.fullmatch(r"[1-9][0-9]{0,5}", every or ""):
            r.error(found["every"], "large-answer.every", "is no number from 1")
            return
        conf.large = (r.name(found["name"], "large-answer.name", r.text(found["name"], "large-answer.name") or ""),
                      (r.text(found["type"], "large-answer.type") if "type" in found else "TXT"), int(every))


def limits(r, top, nodes, conf):
    """What each value allows by itself and all together do not."""
    need = len(conf.resolvers) / conf.interval
    if need > conf.max_rate:
        r.error(nodes.get("max-rate", top), "max-rate", "%d is too small: %d resolvers every %gs are %.3g questions a second" % (
            conf.max_rate, len(conf.resolvers), conf.interval, need))
    if conf.fast_interval > conf.interval:
        r.error(nodes.get("fast-interval", top), "fast-interval", "is longer than interval")
    tls = {}
    for site, keys in conf.sites.items():
        if 0 < len(keys) < conf.min_healthy:
            r.error(nodes.get("min-healthy", top), "min-healthy", "%d is more than site %s has (%d)" % (
                conf.min_healthy, site, len(keys)))
        tls[site] = {bool(conf.resolvers[k][2]) for k in keys}
        if len(tls[site]) > 1:
            r.error(nodes["sites"], "sites." + site, "mixes TLS (#NAME) and plain: Unbound takes a list of one kind only")
    if conf.standby and len(set().union(*tls.values())) > 1:
        r.error(nodes["standby"], "standby", "the sites mix TLS and plain: Unbound takes a list of one kind only")
