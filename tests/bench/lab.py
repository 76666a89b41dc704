# SPDX-License-Identifier: BSD-3-Clause
"""Resolvers to measure, their CPU clock, and the load: Unbound on one core, dnsperf on the other."""

import os
import re
import select
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))

import harness  # noqa: E402


class BenchError(Exception):
    """The measurement cannot be made, or would not mean anything."""


class LostError(BenchError):
    """Some questions were not answered in time."""


class Skip(Exception):
    """A row that cannot be measured here, with the reason."""


# -- where things are ---------------------------------------------------------------------------
def unbound_modules():
    """The modules that the Unbound under test is built with."""
    said = subprocess.run([harness.unbound_program("unbound"), "-V"], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False).stdout
    found = re.search(r"Linked modules: (.*)", said)
    return found.group(1).split() if found else []


def python_path():
    """Where unboundmodule.py of the Unbound under test is; None when Python finds it by itself."""
    prefix = os.environ.get("UNBOUND_PREFIX", "")
    for folder in ("lib/python3", "lib/python3/dist-packages", "usr/lib/python3/dist-packages"):
        path = os.path.join(prefix, folder)
        if prefix and os.path.isfile(os.path.join(path, "unboundmodule.py")):
            return path
    return None


def cpus():
    """The core of the resolver and the core of the load; the same one when there is only one."""
    usable = sorted(os.sched_getaffinity(0))
    return usable[-1], usable[0]


# -- a resolver ---------------------------------------------------------------------------------
class Resolver(harness.Resolver):
    """One Unbound process with large caches, on one core unless `cpu` is None."""

    def __init__(self, work, name, server="", cpu=None, log_name=None, **options):
        server = """msg-cache-size: 1g
            rrset-cache-size: 1g
            so-rcvbuf: 4m
            so-reuseport: %s
            """ % ("yes" if options.get("threads", 1) > 1 else "no") + server
        wrapper = ["taskset", "-c", str(cpu)] if cpu is not None and shutil.which("taskset") else []
        super().__init__(os.path.join(work, name), server=server, wrapper=wrapper, **options)
        self.name = name
        if log_name is not None:
            self.log_file = self.file(log_name)

    def file(self, name):
        return os.path.join(self.folder, name)

    def write_conf(self, conf):
        super().write_conf(conf.replace("@FOLDER@", self.folder))

    # -- clocks ---------------------------------------------------------------------------------
    def cpu_ns(self):
        """CPU time in nanoseconds, user and system: of all threads, and of the first one."""
        total = first = 0
        folder = "/proc/%d/task" % self.process.pid
        for task in os.listdir(folder):
            with open("%s/%s/schedstat" % (folder, task), encoding="ascii") as file:
                used = int(file.read().split()[0])
            total += used
            if int(task) == self.process.pid:
                first = used
        return total, first

    def rss_kib(self):
        with open("/proc/%d/status" % self.process.pid, encoding="ascii") as file:
            return int(re.search(r"VmRSS:\s*(\d+)", file.read()).group(1))

    def settle(self):
        """Wait until it has nothing left to do (the writer thread has written its lines)."""
        deadline = time.monotonic() + 10
        before = -1
        while time.monotonic() < deadline:
            now = self.cpu_ns()[0]
            # the periodic look of an idle thread is far below this
            if before >= 0 and now - before < 200000:
                return
            before = now
            time.sleep(0.05)
        raise BenchError("%s does not come to rest" % self.name)

    # -- questions ------------------------------------------------------------------------------
    def expect(self, qname, qtype, rcode, answer):
        """Ask once and compare rcode and the data of the last answer RRset."""
        reply = self.ask(qname, qtype)
        got = sorted(str(rr) for rrset in reply.message.answer[-1:] for rr in rrset)
        if reply.rcode != rcode or got != sorted(answer):
            raise BenchError("%s: %s %s: expected %s %s, got\n%s"
                             % (self.name, qname, qtype, rcode, answer, reply))

    def hurry(self):
        """Let it go before all other programs, where that is allowed: for what is measured by the wall clock."""
        hurry(self.process.pid)


def hurry(pid):
    try:
        os.sched_setscheduler(pid, os.SCHED_FIFO, os.sched_param(1))
    except PermissionError:
        pass


class Probe(threading.Thread):
    """Asks for a local name twice in a millisecond, whatever has come back; `longest` is the longest wait for an answer
    in milliseconds, by the clock of the kernel."""

    NAME = "localhost."
    EVERY = 0.0005
    # Linux: an answer comes with the time at which it was there
    SO_TIMESTAMPNS = 35

    def __init__(self, resolver):
        super().__init__(daemon=True)
        self.port = resolver.port
        self.stopping = threading.Event()
        self.longest = 0
        self.unanswered = {}
        self.start()

    def run(self):
        hurry(0)
        query = harness.make_query(self.NAME)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.setsockopt(socket.SOL_SOCKET, self.SO_TIMESTAMPNS, 1)
            sock.connect(("127.0.0.1", self.port))
            sock.setblocking(False)
            ident = 0
            while not self.stopping.is_set():
                ident = (ident + 1) & 0xffff
                self.unanswered[ident] = time.time()
                sock.send(struct.pack("!H", ident) + query[2:])
                self.receive(sock, self.EVERY)
            # what is still under way
            deadline = time.monotonic() + 5
            while self.unanswered and time.monotonic() < deadline:
                self.receive(sock, 0.01)

    def receive(self, sock, timeout):
        select.select([sock], [], [], timeout)
        try:
            while True:
                answer, ancillary, _, _ = sock.recvmsg(4096, 64)
                seconds, nanoseconds = struct.unpack("qq", ancillary[0][2])
                sent = self.unanswered.pop(struct.unpack("!H", answer[:2])[0], None)
                if sent is not None:
                    self.longest = max(self.longest, (seconds + nanoseconds / 1e9 - sent) * 1000)
        except BlockingIOError:
            pass

    def stop(self):
        self.stopping.set()
        self.join()
        if self.unanswered:
            raise LostError("%d questions were not answered" % len(self.unanswered))
        return self.longest


# -- the load -----------------------------------------------------------------------------------
class Load:
    """dnsperf with a file of questions; every question is asked once, and every answer is counted."""

    def __init__(self, work, cpu):
        self.program = shutil.which("dnsperf")
        if self.program is None:
            raise BenchError("no dnsperf: it is in the package of that name")
        self.cpu = cpu
        self.questions = os.path.join(work, "questions")

    def run(self, resolver, lines, rcode, outstanding=100, rate=0, clients=4, pinned=True,
            allow_lost=False):
        """Ask lines ("name type"). @return (answers, wall-clock seconds)."""
        with open(self.questions, "w", encoding="ascii") as out:
            out.write("\n".join(lines) + "\n")
        command = [self.program, "-s", "127.0.0.1", "-p", str(resolver.port), "-d", self.questions,
                   "-n", "1", "-c", str(clients), "-T", "1", "-q", str(outstanding), "-W",
                   "-O", "suppress=timeouts"]
        if rate:
            command += ["-Q", str(rate)]
        if pinned and shutil.which("taskset"):
            command = ["taskset", "-c", str(self.cpu)] + command
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, check=False, timeout=600)
        return self.read(resolver, done, rcode, allow_lost)

    @staticmethod
    def read(resolver, done, rcode, allow_lost):
        def number(pattern):
            found = re.search(pattern, done.stdout)
            if not found:
                raise BenchError("dnsperf says:\n" + done.stdout)
            return float(found.group(1))

        sent = int(number(r"Queries sent:\s+(\d+)"))
        answered = int(number(r"Queries completed:\s+(\d+)"))
        lost = int(number(r"Queries lost:\s+(\d+)"))
        codes = re.search(r"Response codes:\s+(.*)", done.stdout)
        expected = codes is not None and re.fullmatch(r"%s %d \(100\.00%%\)" % (rcode, answered),
                                                      codes.group(1).strip())
        if not expected:
            raise BenchError("%s: expected %s for all answers; dnsperf says:\n%s"
                             % (resolver.name, rcode, done.stdout))
        if not allow_lost and (lost or answered != sent):
            raise LostError("%s: %d of %d questions were not answered"
                            % (resolver.name, sent - answered, sent))
        return answered, number(r"Run time \(s\):\s+([\d.]+)")
