# SPDX-License-Identifier: BSD-3-Clause
"""Resolvers with all modules and the view of their switches, and looks at them from outside.

Beside what harness.py reads from the environment:

  SITEBOUND_OPERATION_RELOADS  how often the reload tests reload (8; before a release 50)
  SITEBOUND_TOOLS              where the programs are (sitebound-control); else tools/ of the source
"""

import collections
import os
import re
import subprocess
import time

import data
import harness
import reports
from data import expand

ALL = ("report", "synth", "noaaaa")
TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
RELOADS = int(os.environ.get("SITEBOUND_OPERATION_RELOADS", "8"))
# what the contract gives a switch to take effect
EFFECT = 2.0
VIEW = 'view:\n  name: "sitebound"\n  view-first: yes\n'


def wait(condition, timeout=10.0, what="it"):
    """Until condition() holds; what it gave."""
    deadline = time.monotonic() + timeout
    while True:
        result = condition()
        if result:
            return result
        assert time.monotonic() < deadline, "%s did not come within %s s" % (what, timeout)
        time.sleep(0.005)


def report_section(folder, **keys):
    section = {"log": os.path.join(str(folder), "reports.jsonl"), "stats-interval": 60,
               "rate-limit": dict(reports.NO_LIMIT)}
    section.update({k.replace("_", "-"): v for k, v in keys.items()})
    section["zones"] = [{"zone": reports.ZONE, "format": "envelope", "ack-a": "198.51.100.53",
                         "nameservers": ["ns1.example.net"], "keys": {1: reports.KEY}}]
    return section


def conf(folder, metrics=None, report=None, **changes):
    """sitebound.yaml for all modules, as a dict."""
    out = data.conf(**changes)
    out["report"] = report_section(folder, **(report or {}))
    if metrics:
        out["metrics"] = str(metrics)
    return out


def start(lab, folder=None, modules=ALL, view=VIEW, lines=(), text=None, upstream=None, report=None, metrics=None,
          changes=None, **options):
    """A resolver with modules; `lines` are local-zone lines of the view: (name, type); `report` and `changes` are for
    conf()."""
    folder = folder or lab.folder
    os.makedirs(str(folder), exist_ok=True)
    options.setdefault("threads", 2)
    extra = options.pop("extra", "") + view
    extra += "".join('  local-zone: "%s" %s\n' % line for line in lines)
    if upstream is None:
        upstream = lab.upstream(data.upstream_data())
        for owner in data.SERVFAIL:
            upstream.rule("servfail", owner)
    resolver = lab.resolver(upstream=upstream, modules=modules, extra=extra,
                            conf=conf(folder, metrics, report, **(changes or {})) if text is None else text,
                            **options)
    resolver.reports = reports.Log(os.path.join(str(folder), "reports.jsonl"))
    return resolver


def takes_module_config():
    """Whether the Unbound under test takes a changed module-config at a reload. 1.21 to 1.24 do not: an added
    module is ignored, and a removed one ends the daemon."""
    program = harness.unbound_program("unbound")
    return program is not None and not re.match(r"1\.2[1-4]\.", harness.version(program))


# -- what the modules publish -------------------------------------------------------------------
Status = collections.namedtuple("Status", "state since source")


def published(resolver, owner):
    """The texts of the TXT records that the modules publish: [(module, words)]."""
    out = []
    for line in resolver.control("view_list_local_data sitebound").splitlines():
        match = re.fullmatch(r'(?:\d+\.)?%s\.([a-z]+)\.\s+0\s+IN\s+TXT\s+"(.*)"' % owner, line)
        if match:
            out.append((match[1], match[2].split()))
    # many records are written bit by bit, and the last one says that it is
    complete = {module for module, words in out if words == [".", "complete"]}
    return [(module, words) for module, words in out if module in complete and words != [".", "complete"]]


def status(resolver):
    """{(module, zone or "."): Status}; nothing may be there twice."""
    out = {}
    for module, (zone, state, since, source) in published(resolver, "status"):
        assert (module, zone) not in out, "twice: %s %s" % (module, zone)
        out[(module, zone)] = Status(state, int(since), source)
    return out


def counters(resolver):
    """{(module, zone, counter): value}; nothing may be there twice."""
    out = {}
    for module, (zone, counter, value) in published(resolver, "stats"):
        assert (module, zone, counter) not in out, "twice: %s" % ((module, zone, counter),)
        out[(module, zone, counter)] = int(value)
    return out


def touch(resolver):
    """The first question, which starts the watch of the switches, and the status that is then published."""
    resolver.ask("www.example.com.")

    def of_all():
        found = status(resolver)
        return found if {module for module, _ in found} == set(resolver.modules) else None
    return wait(of_all, EFFECT, "the status")


# -- switching ----------------------------------------------------------------------------------
POSITIONS = {"on": "transparent", "off": "refuse"}


def switch_name(module, zone=None):
    return (zone.rstrip(".") + "." if zone else "") + module + "."


def switch(resolver, position, module, zone=None):
    """Throw a switch. Does not wait."""
    name = switch_name(module, zone)
    if position == "reset":
        answer = resolver.control("view_local_zone_remove sitebound " + name)
    else:
        answer = resolver.control("view_local_zone sitebound %s %s" % (name, POSITIONS[position]))
    assert answer.startswith("ok"), answer


def switch_and_wait(resolver, position, module, zone=None, state=None):
    """Throw a switch; wait, by looking at the status alone, until it is in force: two seconds at most."""
    began = time.monotonic()
    switch(resolver, position, module, zone)
    state = state or position
    key = (module, zone.rstrip(".") if zone else ".")
    wait(lambda: (found := status(resolver).get(key)) and found.state == state,
         EFFECT - (time.monotonic() - began), "%s %s" % (key, state))


def ask_threads(resolver, qname, qtype="A", **options):
    """Ask from new ports until every thread has been asked; all answers."""
    def loads():
        stats = resolver.stats()
        return [stats["thread%d.num.queries" % n] for n in range(resolver.threads)]
    before = loads()
    out = []
    for _ in range(40):
        out += [resolver.ask(expand(qname), qtype, **options) for _ in range(resolver.threads * 2)]
        if all(now > then for now, then in zip(loads(), before)):
            return out
    raise AssertionError("a thread is never asked: %s" % loads())


# -- the tool -----------------------------------------------------------------------------------
def control_program():
    for folder in (os.environ.get("SITEBOUND_TOOLS", ""), os.path.join(TESTS, "..", "tools")):
        path = os.path.join(folder, "sitebound-control")
        if folder and os.access(path, os.X_OK):
            return path
    raise AssertionError("no sitebound-control: set SITEBOUND_TOOLS")


def tool(resolver, *words, conf_file=None, timeout=30, env=None):
    """Run sitebound-control; the finished process."""
    environment = dict(os.environ, UNBOUND_CONTROL=harness.unbound_program("unbound-control"))
    environment.update(env or {})
    return subprocess.run([control_program(), "-c", conf_file or resolver.unbound_conf, *words],
                          capture_output=True, text=True, check=False, timeout=timeout,
                          env=environment, stdin=subprocess.DEVNULL)


# -- the process --------------------------------------------------------------------------------
def resident(resolver):
    """Octets of memory in use."""
    if os.environ.get("SITEBOUND_SANITIZED"):
        return 0        # the sanitizer holds back what was freed
    with open("/proc/%d/statm" % resolver.process.pid, encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def descriptors(resolver, metrics=False):
    """What the open descriptors refer to, sorted; sockets and pipes without their numbers, and without the metrics
    file, which is open for moments; or those of the metrics file alone."""
    folder = "/proc/%d/fd" % resolver.process.pid
    out = []
    for fd in os.listdir(folder):
        try:
            out.append(re.sub(r"\[\d+\]", "", os.readlink(os.path.join(folder, fd))))
        except FileNotFoundError:
            pass
    return sorted(path for path in out if (".prom" in path) == metrics)


def threads(resolver):
    return len(os.listdir("/proc/%d/task" % resolver.process.pid))
