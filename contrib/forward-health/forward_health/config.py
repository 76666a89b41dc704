# SPDX-License-Identifier: BSD-3-Clause
"""forward-health.yaml: read, checked, and every error told as FILE:LINE:COLUMN: KEY PATH: what is wrong."""
import dataclasses
import ipaddress
import os
import re
import socket
import subprocess
from types import SimpleNamespace

import dns.exception
import dns.name
import dns.rdatatype
import yaml

RANDOM = "{random}"
PROFILES = {"default": {}, "fast": {"interval": 0.5, "fast_interval": 0.15, "timeout": 0.5, "fall": 2}}
NEEDED = object()


@dataclasses.dataclass(frozen=True)
class Target:
    """Where a control channel is: a socket's path, HOST@PORT, or a command."""
    path: str = ""
    host: str = ""
    port: int = 0
    keys: str = ""              # directory of the keys; empty: plain TCP
    command: tuple = ()


class Errors(Exception):
    """All errors of a file; each is a line."""


# --- kinds of single values: the text goes in, the value comes out; ValueError says what is wrong ---------------------


def duration(least, most):
    def kind(text):
        found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)?", text)
        if not found:
            raise ValueError("is no duration (1s, 250ms, 10m)")
        value = float(found[1]) * {"ms": 0.001, "s": 1, None: 1, "m": 60, "h": 3600}[found[2]]
        if not least <= value <= most:
            raise ValueError("%s is not between %gs and %gs" % (text, least, most))
        return value
    return kind


def number(least, most):
    def kind(text):
        if not re.fullmatch(r"[0-9]{1,6}", text) or not least <= int(text) <= most:
            raise ValueError("is no number from %d to %d" % (least, most))
        return int(text)
    return kind


def one_of(words, said):
    def kind(text):
        if text not in words:
            raise ValueError("is not " + said)
        return words[text]
    return kind


def path(*words):
    def kind(text):
        if text not in words and not text.startswith("/"):
            raise ValueError('"%s" is no absolute path%s' % (text, "".join(" or " + w for w in words)))
        return text
    return kind


def name(text):
    """In lower case, without its last dot. {random} stands for 16 letters."""
    try:
        dns.name.from_text(text.replace(RANDOM, "0" * 16))
        return dns.name.from_text(text).to_text(omit_final_dot=True).lower()
    except (dns.exception.DNSException, UnicodeError):
        raise ValueError('"%s" is no domain name' % text) from None


def site_name(text):
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,62}", text):
        raise ValueError("is no site name (a-z, 0-9, -)")
    return text


def pattern(text):
    """The site that the host's name gives."""
    host = os.environ.get("FORWARD_HEALTH_HOSTNAME") or socket.gethostname()
    try:
        found = re.search(text.replace("(?<site>", "(?P<site>"), host)
    except re.error as error:
        raise ValueError("is no regular expression: %s" % error) from None
    if not found or not found.groups():
        raise ValueError('does not give a site for the host name "%s"' % host)
    return found.groupdict().get("site") or found[1]


def resolver(text):
    """(the text, address, port, TLS name) of ADDRESS[@PORT][#NAME]."""
    found = re.fullmatch(r"([0-9A-Fa-f.:]+)(?:@([1-9][0-9]{0,4}))?(?:#([A-Za-z0-9_.-]+))?", text)
    try:
        port = int(found[2] or (853 if found[3] else 53))
        if port < 65536:
            return text, str(ipaddress.ip_address(found[1])), port, found[3] or ""
    except (TypeError, ValueError):
        pass
    raise ValueError('"%s" is not ADDRESS[@PORT][#NAME]' % text)


def probe_name(text):
    if text.count(RANDOM) != 1:
        raise ValueError('"%s" has no {random}: a cache could answer it' % text)
    name(text)
    return text.rstrip(".")


def expectation(text):
    if text.upper() in ("NXDOMAIN", "NODATA", "NOERROR"):
        return text.upper()
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise ValueError('"%s" is not NXDOMAIN, NODATA, NOERROR or an address' % text) from None


def record_type(text):
    try:
        dns.rdatatype.from_text(text)
    except dns.exception.DNSException:
        raise ValueError('"%s" is no record type' % text) from None
    return text


def control(text):
    if text.startswith("/"):
        return Target(path=text)
    found = re.fullmatch(r"([^@\s]+)@([1-9][0-9]{0,4})", text)
    if not found:
        raise ValueError("is no socket (/PATH), HOST@PORT or {command: ...}")
    return Target(host=found[1], port=int(found[2]))


def owner_of(probe):
    """The registrable name as far as it can be told without a list: two labels, or three below co.uk and such."""
    labels = probe.lower().split(".")
    second = ("ac", "co", "com", "edu", "gov", "net", "org", "or", "ne")
    short = len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in second
    return ".".join(labels[-3 if short else -2:])


# A kind is a function as above; [kind] for a list; {key: (kind, default)} for keys and values, or {function: kind}
# where the keys are free; (kind, kind) for a single value or else keys and values.
CONTROL = (control, {"command": ((str.split, [str]), NEEDED)})
FIELDS = {
    "sites": ({site_name: [resolver]}, NEEDED),
    "site": ((str, {"hostname": (pattern, NEEDED)}), NEEDED),
    "zones": ([{"zone": (name, NEEDED), "order": ([str], ())}], ()),
    "probes": ([{"name": (probe_name, NEEDED), "expect": (expectation, "NXDOMAIN"), "owner": (str, None)}], ()),
    "profile": (one_of(PROFILES, "default or fast"), {}),
    "interval": (duration(0.1, 60), 1.0), "fast-interval": (duration(0.05, 60), 0.25),
    "timeout": (duration(0.05, 10), 1.0), "fall": (number(2, 100), 3), "rise": (number(1, 100), 5),
    "jitter": (number(0, 50), 10), "max-rate": (number(1, 1000), 20),
    "min-healthy": (number(1, 100), 1), "standby": (number(0, 100), 0), "hold": (duration(0, 600), 5.0),
    "restore-on-exit": (one_of({"yes": True, "true": True, "no": False, "false": False}, "yes or no"), False),
    "control": (CONTROL, None), "control-keys": (path("none"), "/etc/unbound"), "egress-control": ({str: CONTROL}, {}),
    "records": ([{"name": (name, NEEDED), "type": (record_type, NEEDED), "expect": ([str], NEEDED)}], ()),
    "record-interval": (duration(1, 86400), 60.0),
    "large-answer": ({"name": (name, NEEDED), "type": (record_type, "TXT"), "every": (number(1, 999999), 30)}, None),
    "log": (path("-", "syslog"), "-"), "metrics": (path(), None), "hook": (path(), None),
    "run-dir": (path(), "/run/forward-health"), "state-dir": (path(), "/var/lib/forward-health"),
}


class Reader:
    def __init__(self, file):
        self.file, self.errors, self.nodes, self.bad = file, [], {}, set()

    def error(self, where, text):
        """where: a key path, or a pair of a node and a path."""
        node, key = where if isinstance(where, tuple) else (self.nodes.get(where) or self.nodes[""], where)
        mark = node.start_mark
        self.bad.add(re.split(r"[.\[]", key)[0])
        self.errors.append((mark.line, mark.column, "%s:%d:%d: %s%s" % (
            self.file, mark.line + 1, mark.column + 1, key + ": " if key else "", text)))

    def read(self, kind, node, key):
        """The value of a node, or None, which was told then."""
        self.nodes[key] = node
        if isinstance(kind, tuple):
            kind = kind[0] if isinstance(node, yaml.ScalarNode) else kind[1]
        if isinstance(kind, list):
            if not isinstance(node, yaml.SequenceNode):
                return self.error(key, "wants a list")
            return [self.read(kind[0], item, "%s[%d]" % (key, n)) for n, item in enumerate(node.value)]
        if isinstance(kind, dict):
            if not isinstance(node, yaml.MappingNode):
                return self.error(key, "wants keys and values")
            return self.mapping(kind, node, key)
        if not isinstance(node, yaml.ScalarNode) or node.value == "":
            return self.error(key, "wants a single value")
        try:
            return kind(node.value)
        except ValueError as error:
            return self.error(key, str(error))

    def mapping(self, fields, node, key):
        free = next((f for f in fields if callable(f)), None)
        out = {}
        for left, right in node.value:
            word = left.value if isinstance(left, yaml.ScalarNode) else None
            inner = "%s.%s" % (key, word) if key else str(word)
            if word is None or (not free and word not in fields):
                self.error((left, inner), "unknown key")
            elif word in out:
                self.error((left, inner), "is here twice")
            else:
                if free:
                    self.read(free, left, inner)
                out[word] = self.read(fields[free] if free else fields[word][0], right, inner)
        for word, (_, default) in {} if free else fields.items():
            if word not in out and default is NEEDED:
                self.error((node, "%s.%s" % (key, word) if key else word), "is missing")
                out[word] = None
            elif word not in out:
                out[word] = default
        return out if free else SimpleNamespace(**{w.replace("-", "_"): v for w, v in out.items()})


def read(file):
    """What a file says, keys with _ for -; Errors when anything is wrong with it."""
    r = Reader(file)
    try:
        with open(file, encoding="utf-8") as lines:
            top = yaml.compose(lines, Loader=yaml.SafeLoader)
    except (OSError, UnicodeError) as error:
        raise Errors("%s: cannot be read: %s" % (file, getattr(error, "strerror", None) or error)) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise Errors("%s:%d:%d: %s" % (file, mark.line + 1, mark.column + 1, error.problem)) from None
    except (yaml.YAMLError, RecursionError) as error:
        raise Errors("%s:1:1: %s" % (file, str(error).split("\n")[0])) from None
    if top is None:
        raise Errors("%s:1:1: the file is empty" % file)
    conf = r.read(FIELDS, top, "")
    for check, *of in ((sites, "sites", "site", "profile"), (zones, "sites", "site", "zones"), (probes, "probes"),
                       (controls, "sites", "control", "control-keys", "egress-control"), (limits, *FIELDS)):
        if conf and not r.bad & set(of):
            check(r, conf)
    if r.errors:
        raise Errors("\n".join(text for _, _, text in sorted(r.errors)))
    return conf


# --- what the values mean together ------------------------------------------------------------------------------------


def sites(r, conf):
    for key, value in conf.profile.items():
        if key.replace("_", "-") not in r.nodes:
            setattr(conf, key, value)
    said, conf.sites, conf.resolvers, seen = conf.sites, {}, {}, {}
    for site, items in said.items():
        conf.sites[site] = []
        for n, (text, address, port, tls) in enumerate(items):
            key = "sites.%s[%d]" % (site, n)
            if (address, port) in seen:
                r.error(key, "%s is already in line %d" % (text, seen[address, port]))
                continue
            seen[address, port] = r.nodes[key].start_mark.line + 1
            conf.sites[site].append(text)
            conf.resolvers[text] = address, port, tls
        if not items:
            r.error("sites." + site, "has no resolver")
    conf.site = conf.site.hostname if isinstance(conf.site, SimpleNamespace) else conf.site
    if conf.site not in conf.sites:
        r.error("site", '"%s" is none of the sites' % conf.site)


def zones(r, conf):
    usual = [conf.site] + [s for s in conf.sites if s != conf.site]
    said, conf.zones = conf.zones, {} if conf.zones else {".": usual}
    for n, item in enumerate(said):
        key, name_ = "zones[%d]" % n, item.zone.rstrip(".") + "."
        if name_ in conf.zones:
            r.error(key + ".zone", "%s is here twice" % name_)
        order = []
        for m, word in enumerate(item.order):
            if word not in ("local", "*") and word not in conf.sites:
                r.error("%s.order[%d]" % (key, m), '"%s" is none of the sites' % word)
            order += [conf.site] if word == "local" else conf.sites if word == "*" else [word]
        conf.zones[name_] = list(dict.fromkeys(order)) or usual


def probes(r, conf):
    conf.owners, names = {}, set()
    for n, probe in enumerate(conf.probes):
        if probe.name.lower() in names:
            r.error("probes[%d].name" % n, '"%s" is here twice' % probe.name)
        names.add(probe.name.lower())
        probe.owner = probe.owner or owner_of(probe.name)
        conf.owners.setdefault(probe.owner, []).append(probe)
    if len(conf.owners) < 2:
        r.error("probes", "at least two owners are needed: a resolver is bad when it fails for more than one")


def controls(r, conf):
    keys = "" if conf.control_keys == "none" else conf.control_keys

    def target(value):
        if isinstance(value, SimpleNamespace):
            return Target(command=tuple(value.command))
        return dataclasses.replace(value, keys=keys) if value.host else value
    conf.control = target(conf.control) if conf.control else default_control(keys)
    for n, word in enumerate(conf.egress_control):
        if word not in conf.resolvers:
            node = r.nodes["egress-control"].value[n][0]
            r.error((node, "egress-control." + word), "is no resolver of this file")
    conf.egress_control = {k: target(v) for k, v in conf.egress_control.items()}


def default_control(keys):
    """What unbound.conf says, as unbound-checkconf tells it."""
    def ask(option):
        try:
            said = subprocess.check_output(["unbound-checkconf", "-o", option], stderr=subprocess.DEVNULL, timeout=5)
            return said.decode().split("\n")[0].strip()
        except (OSError, subprocess.SubprocessError):
            return ""
    said = {o: ask(o) for o in ("control-interface", "control-port", "control-use-cert", "control-key-file")}
    interface = said["control-interface"]
    if interface.startswith("/"):
        return Target(path=interface)
    if said["control-use-cert"] == "no":
        keys = ""
    elif said["control-key-file"]:
        keys = os.path.dirname(said["control-key-file"])
    return Target(host=interface.split("@")[0] or "127.0.0.1", port=int(said["control-port"] or 8953), keys=keys)


def limits(r, conf):
    """What each value allows by itself and all together do not."""
    need = len(conf.resolvers) / conf.interval
    if need > conf.max_rate:
        r.error("max-rate", "%d is too small: %d resolvers every %gs are %.3g questions a second" % (
            conf.max_rate, len(conf.resolvers), conf.interval, need))
    if conf.fast_interval > conf.interval:
        r.error("fast-interval", "is longer than interval")
    kinds = set()
    for site, keys in conf.sites.items():
        if len(keys) < conf.min_healthy:
            r.error("min-healthy", "%d is more than site %s has (%d)" % (conf.min_healthy, site, len(keys)))
        tls = {bool(conf.resolvers[k][2]) for k in keys}
        kinds |= tls
        if len(tls) > 1:
            r.error("sites." + site, "mixes TLS (#NAME) and plain: Unbound takes a list of one kind only")
    if conf.standby and len(kinds) > 1:
        r.error("standby", "the sites mix TLS and plain: Unbound takes a list of one kind only")
