# SPDX-License-Identifier: BSD-3-Clause
"""Where lines go, and what happens when they cannot: renamed, deleted and recreated files, a full disk, FIFOs, sockets."""

import json
import os
import re
import select
import socket
import stat
import subprocess
import time

import pytest

from harness import missing
from reports import NO_LIMIT, ZONE, Log, add_up, burst, envelope

pytestmark = pytest.mark.needs("report")


def report(resolver, log=None):
    """Send a report and wait for its line. Returns the event.id."""
    name, ident = envelope()
    resolver.ask(name, "TXT")
    (log or resolver.reports).wait(lambda l: ident in l.ids())
    return ident


def wait_log(resolver, text):
    """Like Resolver.wait_log, for what may have been logged while it started."""
    resolver.mark = 0
    resolver.wait_log(text)


def send(resolver, count):
    """Send reports, each acknowledged. Returns their event.ids."""
    pairs = [envelope() for _ in range(count)]
    answers = burst((resolver.address, resolver.port), [n for n, _ in pairs])
    for (_, ident), answer in zip(pairs, answers):
        assert ident.encode() in answer
    return [ident for _, ident in pairs]


def test_labels_of_a_day(reports):
    """The list of a zone, and the first 32 different keys of a day where there is none."""
    listed = "l.example.net"
    resolver = reports.resolver(zones=[{"zone": ZONE, "format": "envelope"},
                                       {"zone": listed, "format": "envelope", "labels": ["exp"]}])

    def line(zone, *labels):
        name, ident = envelope(zone, labels=labels)
        assert resolver.ask(name, "TXT").rcode == "NOERROR"
        return resolver.reports.wait(
            lambda log: [l for l in log.reports() if l["event"]["id"] == ident])[0]

    made = line(listed, "exp=1", "k=2")
    assert made["labels"] == {"exp": "1"} and made["tags"] == ["capped"]
    # midnight may come in between
    kept = {}
    for i in [*range(40), 0, 39]:
        made = line(ZONE, "k%d=v" % i)
        keys = kept.setdefault(made["@timestamp"][:10], set())
        if len(keys) < 32:
            keys.add(i)
        assert made.get("labels") == ({"k%d" % i: "v"} if i in keys else None)
        assert made.get("tags") == (None if i in keys else ["capped"])


# -- files --------------------------------------------------------------------------------------
def test_file_mode(reports):
    before = os.umask(0o022)
    try:
        resolver = reports.resolver()
    finally:
        os.umask(before)
    report(resolver)
    assert stat.S_IMODE(os.stat(resolver.reports.path).st_mode) == 0o640


@pytest.mark.parametrize("how", ["rename", "delete", "rename and create", "delete and create"])
def test_path_is_followed(reports, how):
    resolver = reports.resolver()
    path = resolver.reports.path
    first = report(resolver)
    began = time.monotonic()
    if how.startswith("rename"):
        os.rename(path, path + ".1")
    else:
        os.unlink(path)
    if how.endswith("create"):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o640))
    else:
        # without a signal, and without a report
        while not os.path.exists(path):
            assert time.monotonic() - began < 5
            time.sleep(0.005)
        assert time.monotonic() - began < 1
    second = report(resolver)
    resolver.stop()
    assert resolver.reports.ids() == [second]
    if how.startswith("rename"):
        assert Log(path + ".1").ids() == [first]
    assert resolver.reports.stats()["lines"] == 2


def test_rotation_under_load_loses_nothing(reports):
    """logrotate's rename, many times, while reports come."""
    resolver = reports.resolver(rate_limit=NO_LIMIT)
    path = resolver.reports.path
    sent = []
    for number in range(20):
        sent += send(resolver, 100)
        os.rename(path, "%s.%d" % (path, number)) if os.path.exists(path) else None
    resolver.stop()
    found = []
    for number in range(20):
        found += Log("%s.%d" % (path, number)).ids()
    found += resolver.reports.ids()
    assert sorted(found) == sorted(sent)


def test_copytruncate(reports):
    resolver = reports.resolver()
    report(resolver)
    os.truncate(resolver.reports.path, 0)
    second = report(resolver)
    # appended at the new end, not after a hole
    assert resolver.reports.ids() == [second]


def test_torn_tail(reports):
    """A piece of a line that something else left: the first report is not glued to it."""
    resolver = reports.resolver(start=False)
    with open(resolver.reports.path, "w", encoding="utf-8") as file:
        file.write('{"a":"torn')
    resolver.start()
    name, ident = envelope()
    resolver.ask(name, "TXT")
    resolver.stop()
    torn, *lines = resolver.reports.text().splitlines()
    assert torn == '{"a":"torn'
    lines = [json.loads(line) for line in lines]
    assert lines[0]["event"]["id"] == ident
    assert lines[-1]["sitebound"]["stats"]["lines"] == 1


@pytest.mark.parametrize("then", ["opens again", "is deleted"])
def test_path_that_cannot_be_opened(reports, then):
    """logrotate with `create 0640 root root`: lines go on into the old file, and it is said."""
    resolver = reports.resolver(rate_limit=NO_LIMIT)
    path = resolver.reports.path
    old = Log(path + ".1")
    first = report(resolver)
    os.rename(path, old.path)
    # a directory is what not even root can open to write
    os.mkdir(path)
    wait_log(resolver, "reports.jsonl: cannot be opened: Is a directory; lines go on into the "
                       "file that was there")
    sent = send(resolver, 100)
    old.wait(lambda l: l.ids()[1:] == sent)
    os.rmdir(path)
    if then == "is deleted":
        os.unlink(old.path)
    wait_log(resolver, "reports.jsonl: is written to again; 0 reports were lost, 100 lines are in "
                       "the file that was there")
    last = report(resolver)
    resolver.stop()
    assert resolver.new_log().count("cannot be opened") == 1
    assert resolver.reports.ids() == [last]
    if then == "opens again":
        assert old.ids() == [first] + sent
    stats = resolver.reports.stats()
    add_up(stats)
    assert (stats["lines"], stats["lines_astray"]) == (102, 100)


def test_folder_that_comes_later(reports, tmp_path):
    path = str(tmp_path / "later" / "reports.jsonl")
    resolver = reports.resolver(log=path)
    name, ident = envelope()
    assert resolver.ask(name, "TXT").data("TXT") == ['"ok %s"' % ident]
    wait_log(resolver, "cannot write: No such file or directory")
    os.mkdir(os.path.dirname(path))
    resolver.reports.wait(lambda l: l.ids() == [ident])
    wait_log(resolver, "is written to again; 0 reports were lost")
    resolver.stop()
    assert resolver.reports.stats()["write_errors"] == 0


class Disk:
    """A small file system of its own."""

    def __init__(self, folder, size):
        self.path = str(folder)
        os.mkdir(self.path)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=%d,mode=755" % size, "sitebound-test",
                        self.path], check=True)

    def remount(self, how):
        subprocess.run(["mount", "-o", "remount," + how, self.path], check=True)

    def close(self):
        subprocess.run(["umount", "-l", self.path], check=True)


@pytest.fixture
def disk(root_only, tmp_path):
    disk = Disk(tmp_path / "disk", 64 * 1024)
    yield disk
    disk.close()


def test_full_disk(reports, disk):
    """Whole lines up to the end, all else counted; and again lines when there is room."""
    resolver = reports.resolver(log=disk.path + "/reports.jsonl", rate_limit=NO_LIMIT,
                                stats_interval=1)
    sent = send(resolver, 400)
    wait_log(resolver, "cannot write: No space left on device")
    # every line that is there is whole
    there = resolver.reports.ids()
    assert 50 < len(there) < 400 and there == sent[:len(there)]
    assert os.path.getsize(resolver.reports.path) <= 64 * 1024
    # resolving goes on
    more = send(resolver, 50)
    os.rename(resolver.reports.path, resolver.reports.path + ".1")
    disk.remount("size=4m")
    last = send(resolver, 1)
    resolver.reports.wait(lambda l: last[0] in l.ids())
    resolver.stop()
    found = Log(resolver.reports.path + ".1").ids() + resolver.reports.ids()
    stats = resolver.reports.stats()
    add_up(stats)
    assert stats["accepted"] == 451
    assert stats["lines"] == len(found) == len(set(found))
    assert set(found) <= set(sent + more + last)
    assert stats["write_errors"] == 451 - len(found)


def test_full_disk_for_long(reports, disk):
    resolver = reports.resolver(log=disk.path + "/reports.jsonl", rate_limit=NO_LIMIT)
    send(resolver, 400)
    wait_log(resolver, "cannot write: No space left on device")
    there = resolver.reports.ids()
    # what was given up is told when there is room again
    time_out = time.monotonic() + 15
    while True:
        os.truncate(resolver.reports.path, os.path.getsize(resolver.reports.path))
        if time.monotonic() > time_out - 11:
            break
        select.select([], [], [], 0.05)
    os.rename(resolver.reports.path, resolver.reports.path + ".1")
    disk.remount("size=4m")
    wait_log(resolver, r"is written to again; [1-9][0-9]* reports were lost")
    last = report(resolver)
    resolver.stop()
    stats = resolver.reports.stats()
    add_up(stats)
    assert stats["write_errors"] > 0
    found = Log(resolver.reports.path + ".1").ids() + resolver.reports.ids()
    assert stats["lines"] == len(found)
    assert found[:len(there)] == there and found[-1] == last


def test_read_only(reports, disk):
    resolver = reports.resolver(log=disk.path + "/reports.jsonl", start=False)
    disk.remount("ro")
    resolver.start()
    send(resolver, 10)
    wait_log(resolver, "cannot write: Read-only file system")
    disk.remount("rw")
    last = report(resolver)
    resolver.stop()
    stats = resolver.reports.stats()
    add_up(stats)
    assert stats["accepted"] == 11
    assert stats["lines"] == len(resolver.reports.ids()) and last in resolver.reports.ids()


def test_stop_with_a_full_disk_is_bounded(reports, disk):
    resolver = reports.resolver(log=disk.path + "/reports.jsonl", rate_limit=NO_LIMIT)
    sent = send(resolver, 400)
    wait_log(resolver, "cannot write: No space left on device")
    began = time.monotonic()
    resolver.stop()
    assert time.monotonic() - began < 5
    found = resolver.reports.ids()
    assert found == sent[:len(found)]
    assert "%d reports were lost" % (400 - len(found)) in resolver.new_log()


# -- what is no file ----------------------------------------------------------------------------
def test_fifo_that_nobody_reads(reports, tmp_path):
    path = str(tmp_path / "fifo")
    os.mkfifo(path)
    resolver = reports.resolver(log=path, rate_limit=NO_LIMIT)
    send(resolver, 300)
    began = time.monotonic()
    resolver.stop()
    assert time.monotonic() - began < 5
    assert "300 reports were lost" in resolver.new_log()


def read_lines(fd, condition, timeout=10):
    """Read JSON lines until condition(lines) holds or the other end closes."""
    text = b""
    deadline = time.monotonic() + timeout
    while True:
        lines = [json.loads(l) for l in text.split(b"\n")[:-1]]
        if condition is not None and condition(lines):
            return lines
        assert time.monotonic() < deadline, text
        if select.select([fd], [], [], 0.1)[0]:
            chunk = os.read(fd, 65536)
            if not chunk:
                assert text.endswith(b"\n")
                return lines
            text += chunk


def test_fifo_with_a_slow_reader(reports, tmp_path):
    path = str(tmp_path / "fifo")
    os.mkfifo(path)
    resolver = reports.resolver(log=path, rate_limit=NO_LIMIT)
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    # more than a pipe holds, and then somebody reads
    sent = send(resolver, 500)
    lines = read_lines(fd, lambda ls: len(ls) >= 500)
    os.close(fd)
    assert sorted(l["event"]["id"] for l in lines) == sorted(sent)


def test_datagram_socket(reports, tmp_path):
    path = str(tmp_path / "socket")

    def receiver():
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        sock.bind(path)
        sock.settimeout(10)
        return sock
    sock = receiver()
    resolver = reports.resolver(log=path, rate_limit=NO_LIMIT)
    sent = send(resolver, 100)
    got = [sock.recv(8192) for _ in range(100)]
    assert all(g.endswith(b"\n") and g.count(b"\n") == 1 for g in got)
    assert [json.loads(g)["event"]["id"] for g in got] == sent
    # the receiver ends and comes back
    sock.close()
    os.unlink(path)
    sock = receiver()
    sent = send(resolver, 10)
    assert [json.loads(sock.recv(8192))["event"]["id"] for _ in range(10)] == sent
    sock.close()


def test_standard_output(reports):
    """Unbound's log goes to standard error, which the harness puts into the same file."""
    resolver = reports.resolver(log="-")
    sent = send(resolver, 100)
    resolver.stop()
    lines = [json.loads(l) for l in resolver.log().splitlines() if l.startswith("{")]
    assert [l["event"]["id"] for l in lines if l["event"]["kind"] == "event"] == sent
    assert lines[-1]["sitebound"]["stats"]["lines"] == 100


@pytest.mark.parametrize("kind", ["pipe", "socket"])
def test_standard_output_that_nobody_reads(reports, kind):
    """As under a service manager that is slow: resolving must not wait for it."""
    if kind == "pipe":
        reading, writing = os.pipe()
    else:
        ours, theirs = socket.socketpair()
        reading, writing = ours.detach(), theirs.detach()
    os.set_inheritable(writing, True)
    wrapper = ["/bin/bash", "-c", 'fd=$1; shift; exec "$@" >&"$fd"', "bash", str(writing)]
    resolver = reports.resolver(log="-", rate_limit=NO_LIMIT, start=False)
    popen = subprocess.Popen

    class Inheriting(popen):
        def __init__(self, args, **kwargs):
            super().__init__(wrapper + args, pass_fds=(writing,), **kwargs)
    subprocess.Popen = Inheriting
    try:
        resolver.start()
    finally:
        subprocess.Popen = popen
    os.close(writing)
    sent = send(resolver, 1500)
    lines = read_lines(reading, lambda ls: len(ls) >= 1500)
    assert sorted(l["event"]["id"] for l in lines) == sorted(sent)
    send(resolver, 1500)
    began = time.monotonic()
    resolver.stop()
    assert time.monotonic() - began < 5
    os.close(reading)


def test_syslog(reports, root_only, tmp_path):
    """/dev/log as syslog(3) writes it, in a /dev of the resolver's own."""
    dev = tmp_path / "dev"
    dev.mkdir()
    for device, minor in (("null", 3), ("full", 7), ("random", 8), ("urandom", 9)):
        os.mknod(str(dev / device), 0o666 | stat.S_IFCHR, os.makedev(1, minor))
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sock.bind(str(dev / "log"))
    sock.settimeout(10)
    wrapper = ["unshare", "-m", "/bin/sh", "-c", 'mount --bind "$0" /dev && exec "$@"', str(dev)]
    try:
        resolver = reports.resolver(log="syslog", wrapper=wrapper)
    except AssertionError as error:
        missing("no mount namespace: %s" % error)
    name, ident = envelope()
    resolver.ask(name, "TXT")
    got = sock.recv(8192).decode()
    head, _, text = got.partition("]: ")
    assert head.startswith("<30>") and " sitebound[" in head
    assert not text.endswith("\n")
    assert json.loads(text)["event"]["id"] == ident
    sock.close()


# -- malformed names and counters ----------------------------------------------------------------
def test_malformed_names_have_one_line_a_second(reports):
    resolver = reports.resolver()
    began = time.monotonic()
    names = ["e1%s.%s" % (envelope()[0][2:13], ZONE) for _ in range(300)]
    burst((resolver.address, resolver.port), names)
    took = time.monotonic() - began
    resolver.stop()
    lines = resolver.reports.lines("report-malformed")
    assert 1 <= len(lines) <= 1 + int(took)
    stats = resolver.reports.stats()
    assert sum(stats["malformed"].values()) == 300
    assert stats["accepted"] == stats["lines"] == 0


def test_stats_line_when_a_counter_moved(reports):
    resolver = reports.resolver(stats_interval=1)
    resolver.ask("zz." + ZONE)
    resolver.reports.wait(lambda l: l.stats()["partial"] == 1)
    report(resolver)
    resolver.reports.wait(lambda l: l.stats()["lines"] == 1)
    resolver.stop()
    stats = resolver.reports.lines("report-stats")
    # one for each movement, one at the stop
    assert len(stats) == 3
    assert stats[0]["event"]["kind"] == "metric"


# -- the last numbers ----------------------------------------------------------------------------
def last_metrics(path):
    """report's events in the metrics file."""
    with open(path, encoding="utf-8") as file:
        return {event: int(value) for event, value in
                re.findall(r'^sitebound_report_events_total\{event="(\w+)"\} (\d+)$', file.read(), re.M)}


@pytest.mark.parametrize("end", ["stop", "reload"])
def test_the_last_numbers(reports, tmp_path, end):
    """What waits at the end is written, and counted in every place."""
    metrics = str(tmp_path / "sitebound.prom")
    resolver = reports.resolver(rate_limit=NO_LIMIT, start=False)
    resolver.write_conf(dict(reports.conf(rate_limit=NO_LIMIT), metrics=metrics))
    resolver.start()
    sent = send(resolver, 1500)
    if end == "reload":
        # nobody writes the file anew after this: what is in it is of the end
        resolver.write_conf(reports.conf(rate_limit=NO_LIMIT))
        resolver.reload()
    resolver.stop()
    assert resolver.reports.ids() == sent
    stats = resolver.reports.lines("report-stats")[0]["sitebound"]["stats"]
    numbers = last_metrics(metrics)
    for count in (stats, numbers):
        assert (count["accepted"], count["lines"]) == (1500, 1500)
        add_up(count)


def test_the_last_numbers_with_a_full_disk(reports, disk, tmp_path):
    metrics = str(tmp_path / "sitebound.prom")
    conf = dict(reports.conf(log=disk.path + "/reports.jsonl", rate_limit=NO_LIMIT), metrics=metrics)
    resolver = reports.resolver(log=disk.path + "/reports.jsonl", start=False)
    resolver.write_conf(conf)
    resolver.start()
    send(resolver, 400)
    wait_log(resolver, "cannot write: No space left on device")
    resolver.stop()
    numbers = last_metrics(metrics)
    add_up(numbers)
    assert numbers["accepted"] == 400
    assert numbers["lines"] == len(resolver.reports.ids())
    assert numbers["write_errors"] == 400 - numbers["lines"] > 0


# -- reloads --------------------------------------------------------------------------------------
@pytest.mark.plain
def test_reloads_leak_nothing(reports):
    """PCRE2 keeps memory for compiled patterns; what nobody gives back is lost with the module."""
    zones = [{"zone": "e.example.net", "format": "pattern", "pattern": "(?<a>[a-z]+)[.](?<b>[0-9]+)",
              "fields": {"a": "error.code", "b": "labels.b"}, "tests": ["abc.1"]}]
    resolver = reports.resolver(zones=zones)

    def data():
        with open("/proc/%d/status" % resolver.process.pid, encoding="ascii") as status:
            return int(re.search(r"VmData:\s+(\d+) kB", status.read()).group(1))
    for _ in range(5):
        resolver.reload()
    before = data()
    for _ in range(20):
        resolver.reload()
    # the leak was 64 kB each time
    assert data() - before < 20 * 32
