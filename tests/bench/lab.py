# SPDX-License-Identifier: BSD-3-Clause
"""Resolvers to measure, their CPU clock, and the load: Unbound on one core, dnsperf on the other."""

import os
import re
import shutil
import signal
import socket
import subprocess
import time

import dns.message
import dns.query
import dns.rcode
import dns.rdatatype


class BenchError(Exception):
    """The measurement cannot be made, or would not mean anything."""


class LostError(BenchError):
    """Some questions were not answered in time."""


class Skip(Exception):
    """A row that cannot be measured here, with the reason."""


# -- where things are ---------------------------------------------------------------------------
def unbound_program(program):
    prefix = os.environ.get("UNBOUND_PREFIX")
    if prefix:
        for folder in ("sbin", "bin", ""):
            path = os.path.join(prefix, folder, program)
            if os.access(path, os.X_OK):
                return path
        raise BenchError("no %s in UNBOUND_PREFIX=%s" % (program, prefix))
    path = shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if path is None:
        raise BenchError("no %s: set UNBOUND_PREFIX" % program)
    return path


def module_path(module):
    for folder in os.environ.get("SITEBOUND_MODULES", "").split(":"):
        for layout in ("%s.so", "%s/%s.so", "%s/.libs/%s.so", ".libs/%s.so"):
            path = os.path.join(folder, layout.replace("%s", module))
            if folder and os.path.isfile(path):
                return os.path.abspath(path)
    raise BenchError("no %s.so: set SITEBOUND_MODULES" % module)


def unbound_modules():
    """The modules that the Unbound under test is built with."""
    said = subprocess.run([unbound_program("unbound"), "-V"], stdout=subprocess.PIPE,
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


def free_port():
    """A loopback port that is free for UDP and TCP."""
    for _ in range(100):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp, \
                socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            tcp.bind(("127.0.0.1", 0))
            port = tcp.getsockname()[1]
            try:
                udp.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise BenchError("no free loopback port")


# -- a resolver ---------------------------------------------------------------------------------
class Resolver:
    """One Unbound process. `modules` are the words of module-config in front of validator and iterator."""

    def __init__(self, work, name, modules=(), conf=None, server="", extra="", threads=1, cpu=None,
                 cache="512m", env=None, log_name="log"):
        self.name = name
        self.folder = os.path.join(work, name)
        os.makedirs(self.folder, exist_ok=True)
        self.modules = list(modules)
        self.conf = conf
        self.server = server
        self.extra = extra
        self.threads = threads
        self.cpu = cpu
        self.cache = cache
        self.env = dict(env or {})
        self.log_name = log_name
        self.process = None
        self.port = None

    def file(self, name):
        return os.path.join(self.folder, name)

    def write_conf(self):
        files = [module_path(m) for m in self.modules if m != "python"]
        words = ["python" if m == "python" else "dynlib" for m in self.modules]
        text = ["server:",
                "  interface: 127.0.0.1",
                "  port: %d" % self.port,
                '  chroot: ""',
                '  username: ""',
                '  directory: "%s"' % self.folder,
                '  pidfile: ""',
                "  use-syslog: no",
                '  logfile: ""',
                "  do-daemonize: no",
                "  verbosity: 1",
                "  num-threads: %d" % self.threads,
                "  so-reuseport: %s" % ("yes" if self.threads > 1 else "no"),
                "  so-rcvbuf: 4m",
                "  msg-cache-size: %s" % self.cache,
                "  rrset-cache-size: %s" % self.cache,
                "  msg-cache-slabs: 1",
                "  rrset-cache-slabs: 1",
                "  outgoing-range: 512",
                "  do-not-query-localhost: no",
                "  trust-anchor-signaling: no",
                '  module-config: "%s"' % " ".join(words + ["validator", "iterator"])]
        text += ["  " + line.strip() for line in self.server.splitlines() if line.strip()]
        if files:
            text += ["dynlib:"] + ['  dynlib-file: "%s"' % path for path in files]
        text += ["remote-control:",
                 "  control-enable: yes",
                 "  control-interface: %s" % self.file("ctl"),
                 "  control-use-cert: no"]
        text += self.extra.splitlines()
        with open(self.file("unbound.conf"), "w", encoding="utf-8") as out:
            out.write("\n".join(text) + "\n")
        if self.conf is not None:
            with open(self.file("sitebound.yaml"), "w", encoding="utf-8") as out:
                out.write(self.conf.replace("@FOLDER@", self.folder))

    def start(self):
        program = unbound_program("unbound")
        env = dict(os.environ, SITEBOUND_CONF=self.file("sitebound.yaml"), **self.env)
        for _ in range(5):
            self.port = free_port()
            self.write_conf()
            with open(self.file("log"), "wb") as log:
                self.process = subprocess.Popen(
                    [program, "-d", "-c", self.file("unbound.conf")], stdout=log,
                    stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, cwd=self.folder, env=env)
            if self.cpu is not None:
                os.sched_setaffinity(self.process.pid, {self.cpu})
            deadline = time.monotonic() + 30
            while time.monotonic() < deadline:
                if self.process.poll() is not None:
                    break
                if "start of service" in self.log():
                    return self
                time.sleep(0.005)
            if self.process.poll() is None:
                break
            if "Address already in use" not in self.log():
                break
        self.kill()
        raise BenchError("%s: unbound did not start:\n%s" % (self.name, self.log()))

    def stop(self):
        """Stop it; an end by itself before, or a bad one now, makes the figures worthless."""
        if self.process is None:
            return
        process, self.process = self.process, None
        ended = process.poll()
        if ended is None:
            process.send_signal(signal.SIGTERM)
            try:
                if process.wait(60) == 0:
                    return
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        raise BenchError("%s: unbound ended with status %s:\n%s"
                         % (self.name, process.returncode, self.log()))

    def kill(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process = None

    def log(self):
        try:
            with open(self.file(self.log_name), encoding="utf-8", errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

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
    def ask(self, qname, qtype):
        query = dns.message.make_query(qname, qtype, use_edns=False)
        return dns.query.udp(query, "127.0.0.1", port=self.port, timeout=5)

    def expect(self, qname, qtype, rcode, answer):
        """Ask once and compare rcode and the data of the last answer RRset."""
        reply = self.ask(qname, qtype)
        got = sorted(str(rr) for rrset in reply.answer[-1:] for rr in rrset)
        if dns.rcode.to_text(reply.rcode()) != rcode or got != sorted(answer):
            raise BenchError("%s: %s %s: expected %s %s, got\n%s"
                             % (self.name, qname, qtype, rcode, answer, reply))


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
