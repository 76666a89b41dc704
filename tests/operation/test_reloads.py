# SPDX-License-Identifier: BSD-3-Clause
"""Reloads of every kind under load: nothing that was accepted is lost, nothing leaks, nothing crashes.

SITEBOUND_OPERATION_RELOADS says how often (see operation.py).
"""

import os
import re
import shutil
import subprocess
import threading

import pytest

import harness
import operation
import reports
from data import expand
from harness import Load, StartError, missing, module_path
from operation import (EFFECT, RELOADS, descriptors, resident, start, status, switch, switch_and_wait, touch,
                       wait)

pytestmark = pytest.mark.needs("report", "synth", "noaaaa")



def commands():
    """The ways to reload that the Unbound under test has."""
    program = harness.unbound_program("unbound")
    if program is None:
        return []
    with open(program, "rb") as file:
        text = file.read()
    return [how for how in ("reload_keep_cache", "fast_reload") if how.encode() in text]


HOWS = ["reload", "SIGHUP"] + commands()
# those that load the modules and their file anew
FULL = [how for how in HOWS if how != "fast_reload"]
BROKEN = "synth:\n  address-names:\n    - zone: ip.example.com\n      tll: 5\n"


def reload(resolver, how):
    if how != "fast_reload":
        resolver.reload(how)
        return
    answer = resolver.control("fast_reload")
    assert "ok" in answer, answer
    assert resolver.alive(), resolver.log()


class ReportLoad(threading.Thread):
    """Sends reports without a pause; `.sent` are the event.ids that were acknowledged."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server = server
        self.sent, self.errors = [], []
        self.stopping = threading.Event()

    def run(self):
        try:
            while not self.stopping.is_set():
                pairs = [reports.envelope() for _ in range(50)]
                answers = reports.burst(self.server, [name for name, _ in pairs], timeout=30)
                for (_, ident), answer in zip(pairs, answers):
                    assert ident.encode() in answer, answer
                    self.sent.append(ident)
        except BaseException as error:
            self.errors.append(error)

    def stop(self):
        self.stopping.set()
        self.join(40)


def check(question, response):
    """What is wrong with an answer under load, or None."""
    qname, qtype = question
    if qname.startswith("10."):
        good = response.data("A") == ["10.1.2.3"]
    elif ".dc." in qname:
        good = response.rcode == "NOERROR" and response.types() == ["CNAME", qtype]
    elif qtype == "AAAA":
        good = response.rcode == "NOERROR" and not response.answer
    else:
        good = response.data("A") == ["192.0.2.80"]
    return None if good else "wrong answer"


def loads_on(resolver):
    server = (resolver.address, resolver.port)
    questions = [(expand("10.1.2.3.Z"), "A"), ("www.example.com.", "AAAA"), ("www.example.com.", "A"),
                 (expand("svc.dc.P"), "A")]
    loads = [Load(server, questions, check, timeout=0.3, tries=30),
             Load(server, questions[:2], check, timeout=0.3, tries=30),
             ReportLoad(server), ReportLoad(server)]
    for load in loads:
        load.start()
    return loads


def end(loads):
    """Stop; nothing may be wrong or unanswered. The event.ids that were acknowledged."""
    for load in loads:
        load.stop()
    for load in loads[:2]:
        assert not load.wrong, load.wrong[:2]
        assert load.lost == 0 and load.asked >= RELOADS
    sent = []
    for load in loads[2:]:
        assert not load.errors, load.errors
        sent += load.sent
    return sent


def sums(logs):
    """The counters of all instances that ran, added up; each has one line, at its end, and adds up itself."""
    total = {}
    for log in logs:
        for line in log.lines("report-stats"):
            stats = line["sitebound"]["stats"]
            reports.add_up(stats)
            for key in ("accepted", "lines", *reports.LOSSES):
                total[key] = total.get(key, 0) + stats[key]
    return total


def settled(resolver):
    """Until the descriptors are the same at four looks in a row."""
    looks = []

    def quiet():
        looks.append(descriptors(resolver))
        return looks[-4:] == [looks[-1]] * 4
    wait(quiet, 5, "quiet descriptors")


@pytest.mark.parametrize("how", HOWS)
def test_under_load(lab, how):
    """Reports and questions from four clients on two threads, the log rotated meanwhile, metrics on: every report that
    was acknowledged is a line, memory stays flat, and no descriptor or thread is left over."""
    # a stats line for each instance that took a report, and none between
    resolver = start(lab, metrics=str(lab.folder / "sitebound.prom"), report={"stats-interval": 3600})
    touch(resolver)
    loads = loads_on(resolver)
    logs, before = [resolver.reports], None
    for number in range(RELOADS):
        taken, asked = len(loads[2].sent), [load.asked for load in loads[:2]]
        resolver.write_conf(BROKEN if number % 4 == 3 else
                            operation.conf(lab.folder, metrics=str(lab.folder / "sitebound.prom"),
                                           report={"stats-interval": 3600}, address={"ttl": 300 + number}))
        reload(resolver, how)
        wait(lambda: len(loads[2].sent) > taken or loads[2].errors, 20, "a report behind the reload")
        wait(lambda: all(load.asked > then + 2 for load, then in zip(loads, asked)), 20, "questions behind the reload")
        if number % 5 == 4:
            rotated = reports.Log("%s.%d" % (logs[0].path, number))
            os.rename(logs[0].path, rotated.path)
            logs.append(rotated)
        if number == min(3, RELOADS // 2):
            before = resident(resolver), descriptors(resolver), operation.threads(resolver)
    after = resident(resolver)
    wait(lambda: [d for d in descriptors(resolver) if "socket" not in d] ==
         [d for d in before[1] if "socket" not in d], 3, "the same descriptors")
    wait(lambda: operation.threads(resolver) == before[2], 3, "the same threads")
    sent = end(loads)
    resolver.stop()
    found = [ident for log in logs for ident in log.ids()]
    # (what is asked again behind a reload may be a line twice: the memory of what is a repeat is new)
    assert set(found) == set(sent), "%d of %d lost" % (len(set(sent) - set(found)), len(sent))
    total = sums(logs)
    assert total["accepted"] == len(found) + sum(total[k] for k in reports.LOSSES) == len(found), total
    # (a coarse look: the heap of busy threads goes up and down, and see test_memory_without_load)
    assert after - before[0] < (64 << 20), "%d KiB more" % ((after - before[0]) >> 10)
    text = resolver.log()
    assert not re.search(r"(?i)sanitizer|assertion|corrupt", text), text
    parse_file(lab.folder / "sitebound.prom")


def parse_file(path):
    import test_metrics
    test_metrics.parse(path.read_text())


# report's buffers are 22 MiB that the allocator may have at hand already and fill with zeros, or not
@pytest.mark.plain
@pytest.mark.parametrize("modules, room", [(("synth", "noaaaa"), 2 << 20), (("report",), 40 << 20)],
                         ids=["synth+noaaaa", "report"])
@pytest.mark.parametrize("how", HOWS)
def test_memory_without_load(lab, how, modules, room):
    """Reload upon reload of an idle resolver: descriptors and threads exactly, memory nearly, the same."""
    resolver = start(lab, modules=modules, metrics=str(lab.folder / "sitebound.prom"))
    for number in range(RELOADS + 6):
        resolver.write_conf(BROKEN if number % 4 == 3 else
                            operation.conf(lab.folder, metrics=str(lab.folder / "sitebound.prom")))
        reload(resolver, how)
        resolver.ask("10.1.2.3.ip.example.com.")
        if number == 5:
            settled(resolver)
            before = resident(resolver), descriptors(resolver), operation.threads(resolver)
    # (connections to the control channel end a moment later)
    wait(lambda: descriptors(resolver) == before[1], 5, "the same descriptors")
    wait(lambda: operation.threads(resolver) == before[2], 5, "the same threads")
    grown = resident(resolver) - before[0]
    assert grown < room + RELOADS * (16 << 10), "%d KiB more" % (grown >> 10)
    if how != "fast_reload":
        assert sum("memfd:sitebound.yaml" in d for d in descriptors(resolver)) == 1


def test_stop_under_load(lab):
    """What was acknowledged before the end is in the log."""
    resolver = start(lab, metrics=str(lab.folder / "sitebound.prom"))
    touch(resolver)
    load = ReportLoad((resolver.address, resolver.port))
    load.start()
    wait(lambda: len(load.sent) > 300 or load.errors)
    resolver.stop()
    load.stopping.set()
    sent = list(load.sent)
    found = set(resolver.reports.ids())
    assert set(sent) <= found
    stats = resolver.reports.stats()
    reports.add_up(stats)
    assert stats["lines"] == len(found)


@pytest.mark.parametrize("how", FULL)
def test_bad_file_for_long(lab, how):
    """The last good rules stay through many reloads of every kind, and a good file is taken at once."""
    resolver = start(lab)
    resolver.write_conf(operation.conf(lab.folder, address={"ttl": 123}))
    reload(resolver, how)
    for kind in [how, "reload", "SIGHUP", how, how]:
        resolver.write_conf(BROKEN)
        resolver.mark_log()
        reload(resolver, kind)
        assert len(re.findall("last good configuration stays in force", resolver.new_log())) == 1
        lab.expect(resolver, "10.1.2.3.Z A", "A 10.1.2.3 @123", expand)
        lab.expect(resolver, "svc.dc.P A", "CNAME svc.dc1.P @30 + A 10.1.1.5", expand, repeat=True)
        lab.expect(resolver, "www.example.com AAAA", "ND(example.com)", expand)
        name, ident = reports.envelope()
        assert ident in str(resolver.ask(name, "TXT"))
    resolver.write_conf(operation.conf(lab.folder, address={"ttl": 124}))
    reload(resolver, how)
    lab.expect(resolver, "10.1.2.3.Z A", "A 10.1.2.3 @124", expand)


if "fast_reload" in HOWS:
    def test_fast_reload(lab):
        """It takes unbound.conf anew, switches among it, and leaves the modules and their file alone."""
        resolver = start(lab)
        touch(resolver)
        switch_and_wait(resolver, "off", "synth")
        name, ident = reports.envelope()
        resolver.ask(name, "TXT")
        resolver.write_conf(operation.conf(lab.folder, address={"ttl": 9}))
        with open(resolver.unbound_conf, "a", encoding="utf-8") as out:
            out.write('view:\n  name: "sitebound"\n  view-first: yes\n  local-zone: "noaaaa." refuse\n')
        with open(resolver.unbound_conf, encoding="utf-8") as file:
            text = file.read()
        with open(resolver.unbound_conf, "w", encoding="utf-8") as out:
            out.write(text.replace(operation.VIEW, "", 1))
        reload(resolver, "fast_reload")
        # the switch that was thrown is lost, the new line counts; within the two seconds of every change
        wait(lambda: status(resolver).get(("synth", "."), (None,))[0] == "on" and
             status(resolver)[("noaaaa", ".")].state == "off", EFFECT, "the new view's switches")
        lab.expect(resolver, "10.1.2.3.Z A", "A 10.1.2.3 @300", expand)
        lab.expect(resolver, "www.example.com AAAA", "UP NOERROR", expand)
        # the memory of what is a repeat is still there
        assert ident in str(resolver.ask(name, "TXT"))
        resolver.stop()
        assert resolver.reports.ids() == [ident]


# -- replaced files -----------------------------------------------------------------------------
def replace(path, module, change=None):
    """Put another build at path, by rename."""
    with open(module, "rb") as file:
        text = file.read()
    if change:
        assert text.count(change[0]) >= 1
        text = text.replace(*change)
    with open(path + ".new", "wb") as out:
        out.write(text)
    os.replace(path + ".new", path)


@pytest.mark.parametrize("how", FULL)
def test_newer_build(lab, how):
    """The code that runs behind the reload is that of the new file."""
    folder = lab.folder / "lib"
    os.mkdir(folder)
    paths = []
    for module in operation.ALL:
        paths.append(str(folder / (module + ".so")))
        replace(paths[-1], module_path(module))
    prom = lab.folder / "p.prom"
    resolver = start(lab, metrics=str(prom), module_files=paths)

    def versions():
        return re.findall(r'_build_info\{version="([^"]*)"', prom.read_text())
    wait(lambda: prom.exists() and len(versions()) == 3)
    old = versions()[0]
    new = old[:-1] + ("8" if old[-1] != "8" else "9")
    sent = []
    for path, module in zip(paths, operation.ALL):
        name, ident = reports.envelope()
        resolver.ask(name, "TXT")
        sent.append(ident)
        replace(path, module_path(module), (b"\0%s\0" % old.encode(), b"\0%s\0" % new.encode()))
    # (the old code goes on with the old file)
    lab.expect(resolver, "10.1.2.3.Z A", "A 10.1.2.3 @300", expand)
    reload(resolver, how)
    wait(lambda: versions() == [new] * 3, 5, "the new builds")
    lab.expect(resolver, "10.1.2.3.Z A", "A 10.1.2.3 @300", expand)
    resolver.stop()
    assert sorted(resolver.reports.ids()) == sorted(sent)


@pytest.mark.plain
def test_build_for_another_unbound(lab):
    """It is said plainly, and the daemon ends: Unbound gives a module no other way to refuse."""
    path = str(lab.folder / "synth.so")
    replace(path, module_path("synth"))
    resolver = start(lab, modules=("synth",), module_files=[path])
    version = subprocess.run([resolver.program, "-V"], check=True, capture_output=True,
                             text=True).stdout.split()[1]
    replace(path, module_path("synth"), (b"\0unbound %s\0" % version.encode(), b"\0unbound 9.%s\0" % version[2:].encode()))
    resolver.mark_log()
    resolver.control("reload")
    status_code = resolver.process.wait(20)
    resolver.process = None
    assert status_code > 0, "ended by a signal"
    lines = [line for line in resolver.new_log().splitlines() if "sitebound synth" in line]
    assert len(lines) == 1 and "rebuild it" in lines[0] and "unbound 9." in lines[0], resolver.new_log()


def add_module(resolver, path):
    with open(resolver.unbound_conf, encoding="utf-8") as file:
        text = file.read()
    text = text.replace('"dynlib validator iterator"', '"dynlib dynlib validator iterator"')
    text = text.replace("dynlib:\n", 'dynlib:\n  dynlib-file: "%s"\n' % path)
    with open(resolver.unbound_conf, "w", encoding="utf-8") as out:
        out.write(text)


if operation.takes_module_config():
    def test_module_added_together_with_a_bad_file(lab):
        """The new module, too, runs by the last good file, its section among it."""
        text = operation.conf(lab.folder)
        resolver = start(lab, modules=("noaaaa",), text=harness.yaml_text(text), apart=True)
        lab.expect(resolver, "10.1.2.3.Z A", "UP NXDOMAIN", expand)
        add_module(resolver, module_path("synth"))
        resolver.write_conf(BROKEN)
        resolver.reload()
        lab.expect(resolver, "10.1.2.3.Z A", "A 10.1.2.3 @300", expand)
        lab.expect(resolver, "www.example.com AAAA", "ND(example.com)", expand)
        assert "last good configuration stays" in resolver.new_log()

    def test_first_module_added_with_a_bad_file(lab):
        """No module was there, so there is no last good file: as at a start, the daemon ends and says why."""
        resolver = start(lab, modules=(), module_config="validator iterator", text=BROKEN)
        with open(resolver.unbound_conf, encoding="utf-8") as file:
            text = file.read()
        with open(resolver.unbound_conf, "w", encoding="utf-8") as out:
            out.write(text.replace('"validator iterator"', '"dynlib validator iterator"') +
                      'dynlib:\n  dynlib-file: "%s"\n' % module_path("synth"))
        resolver.control("reload")
        assert resolver.process.wait(20) > 0
        resolver.process = None
        assert re.search(r"sitebound\.yaml:4:\d+: .*tll", resolver.log())


def test_what_cannot_be_opened_at_a_reload(lab):
    """A good file that names a log and metrics where they cannot be: the daemon goes on."""
    resolver = start(lab)
    touch(resolver)
    resolver.write_conf(operation.conf(lab.folder, metrics="/nonexistent/p.prom",
                                       report={"log": "/nonexistent/reports.jsonl"}))
    resolver.reload()
    lab.expect(resolver, "10.1.2.3.Z A", "A 10.1.2.3 @300", expand)
    name, ident = reports.envelope()
    assert ident in str(resolver.ask(name, "TXT"))


# -- the kept configuration is not to be had from outside ----------------------------------------
FORGED = ["", "x", "-1", "0", "1", "2", "3", "99999999999999999999", "7 ", "1048577", "%d:3" % os.getpid()]


@pytest.mark.parametrize("value", FORGED, ids=lambda v: v or "empty")
def test_forged_number(lab, value):
    """A number of some other descriptor, or none, in the environment: a good file is taken, a bad one refused."""
    resolver = start(lab, modules=("synth",), env={"SITEBOUND_LAST_GOOD": value})
    lab.expect(resolver, "10.1.2.3.Z A", "A 10.1.2.3 @300", expand)
    resolver.write_conf(BROKEN)
    resolver.reload()
    lab.expect(resolver, "10.1.2.3.Z A", "A 10.1.2.3 @300", expand)
    with pytest.raises(StartError):
        start(lab, modules=("synth",), text=BROKEN, env={"SITEBOUND_LAST_GOOD": value})


FORGER = r"""
import fcntl, os, sys
fd = os.memfd_create("forged", os.MFD_ALLOW_SEALING)
os.write(fd, b"synth: {address-names: [{zone: forged.example.com}]}\n")
if sys.argv[1] == "sealed":
    fcntl.fcntl(fd, 1033, 15)
os.set_inheritable(fd, True)
os.environ["SITEBOUND_LAST_GOOD"] = str(fd)
os.execv(sys.argv[2], sys.argv[2:])
"""


@pytest.mark.parametrize("kind", ["open", "sealed"])
def test_forged_file(lab, kind):
    """Not even a memory file like ours is believed when it came with the start."""
    wrapper = ["/usr/bin/python3", "-c", FORGER, kind]
    with pytest.raises(StartError):
        start(lab, modules=("synth",), text=BROKEN, wrapper=wrapper)
    resolver = start(lab, modules=("synth",), wrapper=wrapper)
    lab.expect(resolver, "10.1.2.3.Z A", "A 10.1.2.3 @300", expand)
    resolver.write_conf(BROKEN)
    resolver.reload()
    lab.expect(resolver, "10.1.2.3.Z A", "A 10.1.2.3 @300", expand)
    lab.expect(resolver, "10.1.2.3.forged.example.com A", "UP NXDOMAIN", expand)


# -- under valgrind -----------------------------------------------------------------------------
@pytest.mark.plain
def test_under_valgrind(lab):
    """Reloads, switches and a bad file under memcheck: no error, and no block of ours that is lost."""
    valgrind = shutil.which("valgrind")
    if valgrind is None or os.environ.get("SITEBOUND_WRAPPER"):
        missing("valgrind is not installed, or all tests run in it")
    log = str(lab.folder / "valgrind.log")
    resolver = start(lab, metrics=str(lab.folder / "p.prom"), start=False,
                     wrapper=[valgrind, "-q", "--error-exitcode=99", "--log-file=" + log, "--leak-check=full",
                              "--show-leak-kinds=definite", "--errors-for-leak-kinds=none"])
    resolver.start(wait=60)
    for how in ("reload", "SIGHUP"):
        for conf in (operation.conf(lab.folder, metrics=str(lab.folder / "p.prom")), BROKEN):
            resolver.write_conf(conf)
            resolver.reload(how)
            for qname, qtype in (("10.1.2.3.Z", "A"), ("svc.dc.P", "A"), ("www.example.com.", "AAAA"),
                                 ("alias.org.", "AAAA"), (reports.envelope()[0], "TXT")):
                resolver.ask(expand(qname), qtype)
            switch(resolver, "off", "synth")
            switch(resolver, "off", "noaaaa", "example.com")
            wait(lambda: status(resolver).get(("synth", "."), ("",))[0] == "off", 20)
            resolver.ask(expand("svc.dc.P"))
    resolver.stop()
    with open(log, encoding="utf-8") as file:
        text = file.read()
    ours = [block for block in text.split("\n\n") if re.search(r"sitebound|sb_|synth|noaaaa|report_", block)]
    assert not ours, "\n\n".join(ours[:5])
