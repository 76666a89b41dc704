# SPDX-License-Identifier: BSD-3-Clause
"""Counters, and the metrics file: what Prometheus would read, at every moment."""

import fcntl
import os
import pwd
import re
import shutil
import subprocess
import threading

import pytest

import operation
import reports
import tabletest
from data import expand
from harness import missing
from operation import EFFECT, ask_threads, counters, descriptors, start, switch_and_wait, touch, wait

pytestmark = pytest.mark.needs("report", "synth", "noaaaa")

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*"'
SAMPLE = re.compile(r"(%s)(?:\{(%s(?:,%s)*)\})? (\S+)" % (NAME, LABEL, LABEL))
VALUE = re.compile(r"[0-9]+(\.[0-9]+)?")


def parse(text):
    """Samples of a file in the text format, strictly: {(name, labels): value}."""
    assert text.endswith("\n"), "the end is missing: %r" % text[-60:]
    samples, types, helps, current, closed = {}, {}, {}, None, set()
    for line in text.splitlines():
        if line.startswith(("# HELP ", "# TYPE ")):
            _, kind, name, rest = line.split(" ", 3)
            assert re.fullmatch(NAME, name), line
            if name != current:
                assert name not in closed and name not in types, "two groups of " + name
                closed.add(current)
                current = name
            table = helps if kind == "HELP" else types
            assert name not in table, "twice: " + line
            assert not any(s == name for s, _ in samples), "behind its samples: " + line
            table[name] = rest
            if kind == "TYPE":
                assert rest in ("counter", "gauge", "histogram", "summary", "untyped"), line
            continue
        if line.startswith("#"):
            continue
        match = SAMPLE.fullmatch(line)
        assert match, "no sample: %r" % line
        name, labels, value = match.groups()
        assert name == current and name in types and name in helps, "outside its group: " + line
        assert VALUE.fullmatch(value), line
        pairs = re.findall(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"', labels or "")
        assert len({k for k, _ in pairs}) == len(pairs), "a label twice: " + line
        ident = (name, tuple(sorted(pairs)))
        assert ident not in samples, "twice: " + line
        samples[ident] = float(value)
        assert (types[name] == "counter") == name.endswith("_total"), line
        if name.endswith("_info"):
            assert types[name] == "gauge" and value == "1", line
    return samples


@pytest.mark.parametrize("text", [
    "", "a 1\n", "# HELP a x\n# TYPE a gauge\na 1", "# TYPE a gauge\na 1\n",
    "# HELP a x\n# TYPE a gauge\na 1\na 1\n", "# HELP a x\n# TYPE a gauge\na{b=\"\\x\"} 1\n",
    "# HELP a x\n# TYPE a counter\na 1\n", "# HELP a x\n# TYPE a gauge\na{b=\"c\" 1\n",
    "# HELP a x\n# TYPE a gauge\na 1\n# HELP b x\n# TYPE b gauge\nb 1\na{c=\"d\"} 1\n",
    "# HELP a x\n# TYPE a gauge\n# TYPE a gauge\n", "# HELP a-b x\n"])
def test_the_parser_is_strict(text):
    with pytest.raises(AssertionError):
        parse(text)


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def value(samples, name, **labels):
    return samples.get((name, tuple(sorted(labels.items()))))


def modules_in(text):
    return {m[1] for m in re.finditer(r"^sitebound_([a-z]+)_build_info\{", text, re.M)}


def with_metrics(lab, modules=operation.ALL, **options):
    path = options.pop("metrics", None) or str(lab.folder / "sitebound.prom")
    resolver = start(lab, modules=modules, metrics=path, **options)
    resolver.prom = path
    return resolver


def wait_for_file(resolver, modules=operation.ALL):
    def of_all():
        if not os.path.exists(resolver.prom):
            return None
        text = read(resolver.prom)
        return text if modules_in(text) == set(modules) else None
    return wait(of_all, 10, "the metrics of %s" % (modules,))


# -- memory -------------------------------------------------------------------------------------
def test_memory_is_told(lab):
    """get_mem: what report has allocated, by its settings."""
    def told(name, **settings):
        return start(lab, lab.folder / name, modules=("report",), report=settings,
                     server="extended-statistics: yes").stats()["mem.mod.dynlibmod"]
    small = told("small", **{"dedup-window": 1, "rate-limit": {"total": 10}})
    large = told("large", **{"dedup-window": 3600, "rate-limit": {"total": 5000}})
    # entries of 32 octets: 2^16 at least, 2^20 at most
    assert large - small == 32 * (2 ** 20 - 2 ** 16)
    # the queue has 2^16 names; a megabyte is for the prefixes of clients
    assert 2 ** 16 * (32 + 256) + 2 ** 20 < small < 2 ** 26


# -- counters -----------------------------------------------------------------------------------
# questions, and what each moves: (module, zone, counter)
COUNTED = [
    ("10.1.2.3.Z", "A", ("synth", "ip.example.com", "address")),
    ("10.1.2.3.Z", "TXT", ("synth", "ip.example.com", "nodata")),
    ("3.Z", "A", ("synth", "ip.example.com", "nodata")),
    ("10.66.0.1.Z", "A", ("synth", "ip.example.com", "denied")),
    ("x.10.1.2.3.Z", "A", ("synth", "ip.example.com", "nxdomain")),
    ("Z", "SOA", ("synth", "ip.example.com", "soa")),
    ("3.2.1.10.in-addr.arpa.", "PTR", ("synth", "ip.example.com", "ptr")),
    ("svc.dc.P", "A", ("synth", "prd.example.com", "site_local")),
    ("only2.dc.P", "A", ("synth", "prd.example.com", "site_fallback")),
    ("nosuch.dc.P", "A", ("synth", "prd.example.com", "site_nxdomain")),
    ("dead2.dc.P", "A", ("synth", "prd.example.com", "site_servfail")),
    ("LONG.dc.P", "A", ("synth", "prd.example.com", "yxdomain")),
    ("www.example.com.", "AAAA", ("noaaaa", "example.com", "nodata")),
    ("h3.example.com.", "HTTPS", ("noaaaa", "example.com", "hints")),
    ("alias.org.", "AAAA", ("noaaaa", "example.com", "nodata")),
    ("www.example.com.", "A", None),
    ("www.example.org.", "AAAA", None),
    ("h.v6.example.com.", "AAAA", None),
]
REPORTS = [
    (lambda: reports.envelope()[0], "accepted"),
    (lambda: reports.envelope()[0][:-18] + "aaaa.r.example.net", "malformed"),
    (lambda: "e1aaaaaaaaaaaaaaaaaaaaaa.r.example.net", "malformed"),
    (lambda: "x.r.example.net", "partial"),
]


def test_what_is_counted(lab):
    """Each question of the table moves what its row says, and nothing else."""
    resolver = start(lab)
    expected = {}
    for qname, qtype, moved in COUNTED:
        # (what is cached is not counted)
        resolver.flush()
        resolver.ask(expand(qname), qtype)
        if moved:
            expected[moved] = expected.get(moved, 0) + 1

    def moved_counters():
        return {key: number for key, number in counters(resolver).items() if number}
    try:
        wait(lambda: moved_counters() == expected, EFFECT)
    except AssertionError:
        assert moved_counters() == expected
    # answers from the message cache
    before = resolver.upstream.count()
    resolver.ask(expand("dead2.dc.P"))
    for _ in range(3):
        resolver.ask(expand("svc.dc.P"))
    expected["synth", "prd.example.com", "site_servfail"] += 1
    expected["synth", "prd.example.com", "site_local"] += 1
    wait(lambda: moved_counters() == expected, EFFECT + 1)
    assert resolver.upstream.count() > before


def test_counters_of_many_threads(lab):
    """Every answer of every thread is counted, once; the file says what the view says."""
    resolver = with_metrics(lab, threads=4)
    touch(resolver)
    asked = {}
    for qname, qtype, moved in COUNTED:
        # only what is never answered from the message cache
        if moved and qname != "alias.org." and moved[2] in ("address", "nodata", "denied", "nxdomain", "soa", "yxdomain"):
            count = len(ask_threads(resolver, qname, qtype)) // 2
            asked[moved] = asked.get(moved, 0) + 2 * count
    for make, counter in REPORTS:
        for _ in range(7):
            resolver.ask(make(), "TXT")
        if counter != "partial":
            asked[("report", ".", counter)] = asked.get(("report", ".", counter), 0) + 7
        else:
            asked[("report", ".", counter)] = 7
    found = wait(lambda: counters(resolver).get(("report", ".", "partial")) and counters(resolver), EFFECT + 1)
    malformed = ("report", ".", "malformed")
    # one name asked again is a duplicate
    duplicates = found.pop(("report", ".", "duplicate"), 0)
    found[malformed] = found.get(malformed, 0) + duplicates
    for key, count in asked.items():
        assert found.get(key) == count, (key, count, found)
    resolver.stop()
    samples = parse(read(resolver.prom))
    for (module, zone, counter), count in asked.items():
        if module == "report":
            continue
        assert value(samples, "sitebound_%s_answers_total" % module, zone=zone, kind=counter) == count


# -- the file -----------------------------------------------------------------------------------
@pytest.mark.parametrize("modules", [("synth",), ("noaaaa",), ("report",), operation.ALL], ids="+".join)
def test_the_file(lab, modules):
    """Valid, complete, and there from the start."""
    resolver = with_metrics(lab, modules)
    samples = parse(wait_for_file(resolver, modules))
    for module in modules:
        infos = [dict(labels) for name, labels in samples if name == "sitebound_%s_build_info" % module]
        assert len(infos) == 1 and set(infos[0]) == {"version", "unbound"}
        assert re.search(r"Version %s\b" % re.escape(infos[0]["unbound"]),
                         subprocess.run([resolver.program, "-V"], check=True, capture_output=True, text=True).stdout)
    zones = {"synth": {"ip.example.com", "prd.example.com", "stg.example.com"}, "noaaaa": {"example.com"},
             "report": {"r.example.net"}}
    for module in modules:
        on = {dict(labels)["zone"]: number for (name, labels), number in samples.items()
              if name == "sitebound_%s_on" % module}
        assert on == dict.fromkeys(zones[module], 1)
    mode = os.stat(resolver.prom).st_mode & 0o777
    assert mode & 0o444 and not mode & 0o022, oct(mode)
    resolver.stop()
    assert modules_in(read(resolver.prom)) == set(modules)
    parse(read(resolver.prom))


def test_zones_with_one_name(lab):
    """Two rules of one zone are one series."""
    both = {"synth": {"address-names": [{"zone": "prd.example.com"}],
                      "site-names": [{"label": "dc", "parents": ["prd.example.com"], "site": "dc1"},
                                     {"label": "dx", "parents": ["prd.example.com"], "site": "dc2"}]},
            "metrics": str(lab.folder / "p.prom")}
    resolver = start(lab, modules=("synth",), text=both)
    resolver.prom = both["metrics"]
    for qname in ("10.1.2.3.P", "svc.dc.P", "svc.dx.P"):
        resolver.ask(expand(qname))
    resolver.stop()
    samples = parse(read(resolver.prom))
    for kind, count in (("address", 1), ("site_local", 2)):
        assert value(samples, "sitebound_synth_answers_total", zone="prd.example.com", kind=kind) == count


def test_a_switch_is_shown(lab):
    resolver = with_metrics(lab)
    touch(resolver)
    switch_and_wait(resolver, "off", "synth", "prd.example.com")
    switch_and_wait(resolver, "off", "noaaaa")
    resolver.stop()
    samples = parse(read(resolver.prom))
    assert value(samples, "sitebound_synth_on", zone="prd.example.com") == 0
    assert value(samples, "sitebound_synth_on", zone="ip.example.com") == 1
    assert value(samples, "sitebound_noaaaa_on", zone="example.com") == 0
    assert value(samples, "sitebound_report_on", zone="r.example.net") == 1


def test_never_half_a_file(lab):
    """A reader in a loop, while three modules write and the resolver reloads."""
    resolver = with_metrics(lab)
    wait_for_file(resolver)
    stop, problems, reads = threading.Event(), [], [0]

    def reader():
        while not stop.is_set():
            try:
                text = read(resolver.prom)
                parse(text)
                assert modules_in(text) == set(operation.ALL), "parts of %s" % modules_in(text)
                reads[0] += 1
            except (AssertionError, OSError) as error:
                problems.append(error)
                return
    thread = threading.Thread(target=reader)
    thread.start()
    for _ in range(8):
        resolver.reload()
        resolver.mark_log()
        resolver.ask("10.1.2.3.ip.example.com.")
    stop.set()
    thread.join(20)
    assert not problems, problems
    assert reads[0] > 20
    wait(lambda: not descriptors(resolver, metrics=True), 5, "the files closed")
    tabletest.settle(resolver)


def test_other_processes_parts_go(lab):
    """What a resolver that ran before left in the file, even a broken part, does not stay."""
    path = str(lab.folder / "sitebound.prom")
    with open(path, "w", encoding="utf-8") as out:
        out.write("garbage\n# sitebound part noaaaa of 1\nsitebound_noaaaa_on{zone=\"old\"} 1\n"
                  "# sitebound part synth of %d\nno newline" % (os.getpid(),))
    resolver = with_metrics(lab, ("synth",), metrics=path)
    text = wait_for_file(resolver, ("synth",))
    wait(lambda: "garbage" not in read(path))
    text = read(path)
    parse(text)
    assert "old" not in text and "no newline" not in text


if operation.takes_module_config():
    def test_module_removed_by_reload(lab):
        """The part of a module that is no longer loaded goes with the next write."""
        resolver = with_metrics(lab, apart=True)
        wait_for_file(resolver)
        with open(resolver.unbound_conf, encoding="utf-8") as file:
            text = file.read()
        text = re.sub(r'  dynlib-file: "[^"]*noaaaa\.so"\n', "", text).replace(
            '"dynlib dynlib dynlib validator iterator"', '"dynlib dynlib validator iterator"')
        with open(resolver.unbound_conf, "w", encoding="utf-8") as out:
            out.write(text)
        resolver.reload()
        lab.expect(resolver, "10.1.2.3.Z A", "A 10.1.2.3 @300", expand)
        lab.expect(resolver, "www.example.com AAAA", "UP NOERROR", expand)
        wait(lambda: modules_in(read(resolver.prom)) == {"synth", "report"}, 20, "a file without noaaaa")
        parse(read(resolver.prom))


def test_directory_not_writable(public_lab):
    """Said once in the log; the resolver works on, and the file comes when it can."""
    closed, open_folder = (os.path.join(public_lab.folder, name) for name in ("closed", "open"))
    os.mkdir(closed)
    os.mkdir(open_folder)
    nobody = pwd.getpwnam("nobody")
    os.chown(open_folder, nobody.pw_uid, nobody.pw_gid)
    resolver = with_metrics(public_lab, metrics=os.path.join(closed, "p.prom"), user="nobody", folder=open_folder)
    lines = wait(lambda: re.findall(r".*cannot be written.*", resolver.log()), 10)
    wait(lambda: len(re.findall(r".*p\.prom.*cannot be written.*", resolver.log())) == 1, 10)
    assert "p.prom" in lines[0] and "ermission denied" in lines[0], lines
    public_lab.expect(resolver, "10.1.2.3.Z A", "A 10.1.2.3 @300", expand)
    os.chown(closed, nobody.pw_uid, nobody.pw_gid)
    for path in (resolver.conf_file, resolver.unbound_conf):
        os.chmod(path, 0o644)
    resolver.reload()
    wait_for_file(resolver)


def test_disk_full(lab):
    """The old file stays whole, no half file is left, and the new one comes when there is room."""
    unshare = shutil.which("unshare")
    if not unshare or subprocess.run([unshare, "--mount", "true"], check=False, capture_output=True).returncode:
        missing("unshare --mount is not possible here (it needs root)")
    folder = str(lab.folder / "small")
    os.mkdir(folder)
    script = 'mount -t tmpfs -o size=64k none "$1" && shift && exec "$@"'
    resolver = start(lab, metrics=os.path.join(folder, "p.prom"),
                     wrapper=[unshare, "--mount", "sh", "-c", script, "sh", folder])
    # seen through the resolver's own mounts
    inside = "/proc/%d/root%s" % (resolver.process.pid, folder)
    resolver.prom = inside + "/p.prom"
    wait_for_file(resolver)
    old = read(resolver.prom)
    with open(inside + "/filler", "wb", buffering=0) as filler:
        for size in (4096, 1):
            try:
                while True:
                    filler.write(b"x" * size)
            except OSError:
                pass
    resolver.mark_log()
    resolver.reload()
    wait(lambda: len(re.findall(r"p\.prom: cannot be written: No space left", resolver.new_log())) >= 1, 10)
    assert parse(read(resolver.prom)) == parse(old)
    assert not os.path.exists(resolver.prom + ".new")
    lab.expect(resolver, "10.1.2.3.Z A", "A 10.1.2.3 @300", expand)
    os.unlink(inside + "/filler")
    resolver.ask("10.1.2.3.ip.example.com.")
    resolver.reload()
    wait(lambda: "ended" not in read(resolver.prom), 10)
    assert parse(read(resolver.prom))


def test_a_held_lock_holds_nothing_up(lab):
    """Somebody else holds the lock of the file: a reload and the stop do not wait for him."""
    resolver = with_metrics(lab)
    wait_for_file(resolver)
    with open(resolver.prom + ".lock", "rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        resolver.mark_log()
        resolver.reload()
        lab.expect(resolver, "10.1.2.3.Z A", "A 10.1.2.3 @300", expand)
        assert "cannot be written" in resolver.new_log()
        resolver.stop()


@pytest.mark.parametrize("made", ["symlink", "fifo"])
def test_nothing_is_followed(lab, made):
    """A link or a pipe at the place of the new file is not written through."""
    victim = lab.folder / "victim"
    victim.write_text("mine\n")
    path = str(lab.folder / "sitebound.prom")
    if made == "symlink":
        os.symlink(victim, path + ".new")
    else:
        os.mkfifo(path + ".new")
    resolver = with_metrics(lab, ("synth",), metrics=path)
    wait_for_file(resolver, ("synth",))
    resolver.stop()
    assert victim.read_text() == "mine\n"


@pytest.mark.parametrize("made", ["link", "large"])
def test_what_is_there_is_not_believed(lab, made):
    """Where the file should be is a link, or a file that no module wrote: it is replaced, and not read into memory."""
    large, path = lab.folder / "large", str(lab.folder / "sitebound.prom")
    with open(large if made == "link" else path, "wb") as file:
        file.truncate(512 << 20)
    if made == "link":
        os.symlink(large, path)
    resolver = with_metrics(lab, ("synth",), metrics=path)
    wait(lambda: os.path.getsize(path) < 1 << 20, 20)
    wait_for_file(resolver, ("synth",))
    assert not os.path.islink(path)
    with open("/proc/%d/status" % resolver.process.pid, encoding="ascii") as file:
        peak = int(re.search(r"VmHWM:\s+(\d+) kB", file.read())[1])
    assert peak < 256 << 10
    resolver.stop()


def test_status_and_file_are_of_this_process(lab):
    """Two resolvers with a file each."""
    first = with_metrics(lab, metrics=str(lab.folder / "a.prom"))
    second = with_metrics(lab, metrics=str(lab.folder / "b.prom"), folder=lab.folder / "b")
    first.ask("10.1.2.3.ip.example.com.")
    wait_for_file(second)
    first.stop()
    second.stop()
    name, labels = "sitebound_synth_answers_total", {"zone": "ip.example.com", "kind": "address"}
    assert value(parse(read(first.prom)), name, **labels) == 1
    assert value(parse(read(second.prom)), name, **labels) == 0
