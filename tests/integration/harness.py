# SPDX-License-Identifier: BSD-3-Clause
"""Runs a real Unbound with the modules in front of a scripted upstream, asks it, compares the answers.

The environment says where things are:

  UNBOUND_PREFIX         where the Unbound under test is installed (sbin/unbound); without it, unbound from PATH
  UNBOUND_PREFIX_OTHER   an Unbound that is configured otherwise, for the test of the build check
  UNBOUND_PREFIX_RELEASE another version of Unbound, for the same
  SITEBOUND_MODULES      directories with sitebound.so, synth.so, noaaaa.so, large.so, report.so, separated by ':'; each may also
                         be the parent of NAME/NAME.so, NAME/.libs/NAME.so or .libs/NAME.so
  SITEBOUND_APART        1: load the single-job modules instead of sitebound.so
  SITEBOUND_WRAPPER      words put before the command of a resolver with modules, for example
                         "valgrind -q --error-exitcode=99": what it prints is a log line, and so a failure
"""

import functools
import itertools
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import threading
import time

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from upstream import Upstream, key, name

MODULE_ORDER = ("report", "synth", "noaaaa", "large")
EDE = 15


def missing(reason):
    """Skip a test with a reason, or fail where nothing may be skipped (SITEBOUND_NO_SKIP=1)."""
    import pytest  # what else uses this module is no test

    if os.environ.get("SITEBOUND_NO_SKIP") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


# -- where things are ---------------------------------------------------------------------------
def unbound_program(program, prefix_variable="UNBOUND_PREFIX"):
    """The path of one of Unbound's programs, or None."""
    prefix = os.environ.get(prefix_variable)
    if prefix:
        for folder in ("sbin", "bin", ""):
            path = os.path.join(prefix, folder, program)
            if os.access(path, os.X_OK):
                return path
        return None
    if prefix_variable != "UNBOUND_PREFIX":
        return None
    return shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


@functools.lru_cache
def has_option(program, option):
    """Whether an Unbound knows an option of unbound.conf."""
    with open(program, "rb") as file:
        return option.encode() + b":" in file.read()


@functools.lru_cache
def version(program):
    """Of an Unbound."""
    return re.search(r"Version (\S+)", subprocess.run([program, "-V"], check=True, capture_output=True,
                                                      text=True).stdout).group(1)


def module_path(module):
    """The path of a module's shared object, or None."""
    for folder in os.environ.get("SITEBOUND_MODULES", "").split(":"):
        if not folder:
            continue
        for layout in ("%s.so", "%s/%s.so", "%s/.libs/%s.so", ".libs/%s.so"):
            path = os.path.join(folder, layout.replace("%s", module))
            if os.path.isfile(path):
                return os.path.abspath(path)
    return None


APART = os.environ.get("SITEBOUND_APART") == "1"


# -- configuration as YAML text -----------------------------------------------------------------
def yaml_text(value, indent=0):
    """A configuration (dicts, lists, scalars) as block YAML. Booleans are yes and no."""
    pad = "  " * indent
    if isinstance(value, dict):
        out = ""
        for k, v in value.items():
            if isinstance(v, (dict, list)) and v:
                out += "%s%s:\n%s" % (pad, k, yaml_text(v, indent + 1))
            else:
                out += "%s%s: %s\n" % (pad, k, scalar(v))
        return out
    if isinstance(value, list):
        out = ""
        for item in value:
            if isinstance(item, dict):
                text = yaml_text(item, indent + 1)
                out += pad + "- " + text[len(pad) + 2:]
            else:
                out += "%s- %s\n" % (pad, scalar(item))
        return out
    return pad + scalar(value) + "\n"


def scalar(value):
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return str(value)
    if value == []:
        return "[]"
    if value == {}:
        return "{}"
    if re.fullmatch(r"[a-z][a-z0-9.-]*[a-z0-9]", value) and value not in ("yes", "no", "on", "off",
                                                                         "true", "false", "null"):
        return value
    return "'%s'" % value.replace("'", "''")


# -- a resolver ---------------------------------------------------------------------------------
class StartError(AssertionError):
    """Unbound ended instead of starting. `.log` is what it said, `.status` its exit status."""

    def __init__(self, log, status):
        super().__init__("unbound did not start (status %s):\n%s" % (status, log))
        self.log = log
        self.status = status


# The ports that a resolver asks from, beside those that the kernel gives to others.
OUTGOING = (20000, 24095)


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
    raise RuntimeError("no free loopback port")


# Stub zones, because a stub for the root would be primed.
STUBS = ("com.", "org.", "net.", "example.", "test.", "arpa.")
LAN_ZONES = ("10.in-addr.arpa.", "2.0.192.in-addr.arpa.", "8.b.d.0.1.0.0.2.ip6.arpa.", "test.")


class Resolver:
    """One Unbound process. `modules` are the jobs that sitebound.so does, or with `apart` single modules in the
    documented order; `conf` is the text of sitebound.yaml."""

    numbers = itertools.count(1)

    def __init__(self, folder, upstream=None, modules=(), conf=None, server="", extra="", threads=1,
                 env=None, forward=False, find="env", ede=False, prefix="UNBOUND_PREFIX",
                 module_config=None, module_files=None, apart=APART, wrapper=(), upstream_stub=True, user="",
                 arguments=("-d", "-c", "@CONF@")):
        self.folder = os.path.join(str(folder), "u%d" % next(self.numbers))
        os.makedirs(self.folder)
        os.chmod(self.folder, 0o755)
        self.program = unbound_program("unbound", prefix)
        self.upstream = upstream
        self.modules = [m for m in MODULE_ORDER if m in modules]
        files = self.modules if apart else ["sitebound"] if self.modules else []
        self.module_files = module_files or [module_path(m) for m in files]
        self.module_config = module_config
        self.server = server
        self.extra = extra
        self.threads = threads
        self.forward = forward
        self.find = find
        self.ede = ede
        self.user = user
        self.env = dict(env or {})
        self.wrapper = list(wrapper)
        if not self.wrapper and self.module_files:
            self.wrapper = os.environ.get("SITEBOUND_WRAPPER", "").split()
        self.upstream_stub = upstream_stub
        self.arguments = arguments
        self.conf_file = os.path.join(self.folder, "sitebound.yaml")
        self.unbound_conf = os.path.join(self.folder, "unbound.conf")
        self.log_file = os.path.join(self.folder, "log")
        self.socket = os.path.join(self.folder, "ctl")
        self.process = None
        self.port = None
        self.address = "127.0.0.1"
        if conf is not None:
            self.write_conf(conf)

    # -- configuration --------------------------------------------------------------------------
    def write_conf(self, conf):
        """(Re)write sitebound.yaml, from text or from dicts (only the sections of the modules that are loaded)."""
        if isinstance(conf, dict):
            conf = {k: v for k, v in conf.items() if k not in MODULE_ORDER or k in self.modules}
        text = conf if isinstance(conf, str) else yaml_text(conf) or "{}\n"
        with open(self.conf_file + ".new", "w", encoding="utf-8") as out:
            out.write(text)
        os.replace(self.conf_file + ".new", self.conf_file)

    def write_unbound_conf(self):
        chain = self.module_config
        if chain is None:
            chain = "dynlib validator iterator"
        # one "dynlib" stands for all files
        chain = " ".join(" ".join(["dynlib"] * len(self.module_files)) if w == "dynlib" else w for w in chain.split())
        text = ["server:",
                "  interface: 127.0.0.1",
                "  port: %d" % self.port,
                '  chroot: ""',
                '  username: "%s"' % self.user,
                '  directory: "%s"' % self.folder,
                '  pidfile: ""',
                "  use-syslog: no",
                "  do-daemonize: no",
                "  verbosity: 1",
                "  num-threads: %d" % self.threads,
                "  msg-cache-size: 4m",
                "  rrset-cache-size: 8m",
                "  msg-cache-slabs: 1",
                "  rrset-cache-slabs: 1",
                "  do-not-query-localhost: no",
                "  unknown-server-time-limit: 4000",
                "  infra-cache-min-rtt: 4000",
                "  outgoing-range: 512",
                # Unbound shuffles all ports that it may use, with a system call for each: most of its start
                "  outgoing-port-avoid: 0-65535",
                "  outgoing-port-permit: %d-%d" % OUTGOING,
                "  trust-anchor-signaling: no",
                "  ede: %s" % ("yes" if self.ede else "no"),
                '  module-config: "%s"' % chain]
        if has_option(self.program, "discard-timeout"):
            text.append("  discard-timeout: 180000")  # for slow machines: late answers are not dropped
        text += ['  local-zone: "%s" nodefault' % zone for zone in LAN_ZONES]
        text += ["  " + line.strip() for line in self.server.splitlines() if line.strip()]
        if self.module_files:
            text.append("dynlib:")
            text += ['  dynlib-file: "%s"' % path for path in self.module_files]
        text += ["remote-control:",
                 "  control-enable: yes",
                 "  control-interface: %s" % self.socket,
                 "  control-use-cert: no"]
        if self.find == "view":
            text += ["view:", '  name: "sitebound"',
                     "  local-data: 'config. TXT \"%s\"'" % self.conf_file]
        if self.upstream is not None and self.upstream_stub:
            kind = "forward" if self.forward else "stub"
            for zone in (".",) if self.forward else STUBS:
                text += ["%s-zone:" % kind, '  name: "%s"' % zone,
                         "  %s-addr: 127.0.0.1@%d" % (kind, self.upstream.port)]
        text += self.extra.replace("@UPSTREAM@", str(getattr(self.upstream, "port", 0))).splitlines()
        with open(self.unbound_conf, "w", encoding="utf-8") as out:
            out.write("\n".join(text) + "\n")

    # -- life -----------------------------------------------------------------------------------
    def start(self, wait=20):
        assert self.program, "no unbound program: set UNBOUND_PREFIX"
        for attempt in range(5):
            self.port = free_port()
            self.write_unbound_conf()
            env = dict(os.environ)
            env.pop("SITEBOUND_CONF", None)
            if self.find == "env":
                env["SITEBOUND_CONF"] = self.conf_file
            env.update(self.env)
            with open(self.log_file, "wb") as log:
                self.process = subprocess.Popen(
                    self.wrapper + [self.program] +
                    [a.replace("@CONF@", self.unbound_conf) for a in self.arguments],
                    stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                    cwd=self.folder, env=env)
            deadline = time.monotonic() + wait
            while True:
                if self.process.poll() is not None:
                    log = self.log()
                    if "address already in use" in log.lower() and attempt < 4:
                        break
                    status, self.process = self.process.returncode, None
                    raise StartError(log, status)
                if "start of service" in self.log():
                    try:
                        self.control("status")
                        self.mark = len(self.log())
                        return self
                    except OSError:
                        pass
                assert time.monotonic() < deadline, "unbound does not start:\n" + self.log()
                time.sleep(0.003)
        raise RuntimeError("no free port")

    def stop(self):
        """Stop, and fail if the process had ended by itself or ends badly."""
        if self.process is None:
            return
        process, self.process = self.process, None
        if process.poll() is not None:
            raise AssertionError("unbound ended by itself (status %s):\n%s"
                                 % (process.returncode, self.log()))
        process.send_signal(signal.SIGTERM)
        try:
            status = process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError("unbound does not stop:\n" + self.log()) from None
        assert status == 0, "unbound ended with status %s:\n%s" % (status, self.log())

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def log(self):
        try:
            with open(self.log_file, encoding="utf-8", errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def new_log(self):
        """What was logged since the start, or since the last `mark_log`."""
        return self.log()[self.mark:]

    def mark_log(self):
        self.mark = len(self.log())

    def wait_log(self, pattern, timeout=10):
        deadline = time.monotonic() + timeout
        while not re.search(pattern, self.new_log()):
            assert self.alive(), "unbound ended:\n" + self.log()
            assert time.monotonic() < deadline, "no %r in the log:\n%s" % (pattern, self.log())
            time.sleep(0.005)

    def control(self, command, data="", timeout=20):
        """One unbound-control command over the Unix socket, with its input; the text of the answer."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.settimeout(timeout)
            sock.connect(self.socket)
            sock.sendall(b"UBCT1 " + command.encode() + b"\n" + data.encode())
            sock.shutdown(socket.SHUT_WR)
            out = b""
            while True:
                chunk = sock.recv(65536)
                if not chunk:
                    return out.decode(errors="replace")
                out += chunk

    def reload(self, how="reload"):
        """Reload with unbound-control (`reload`, `reload_keep_cache`) or `SIGHUP`; wait until it is done."""
        before = self.log().count("start of service")
        if how == "SIGHUP":
            self.process.send_signal(signal.SIGHUP)
        else:
            answer = self.control(how)
            assert answer.startswith("ok"), answer
        deadline = time.monotonic() + 20
        while True:
            assert self.alive(), "unbound ended at reload:\n" + self.log()
            if self.log().count("start of service") > before:
                try:
                    self.control("status", timeout=5)
                    return
                except OSError:
                    pass
            assert time.monotonic() < deadline, "the reload does not end:\n" + self.log()
            time.sleep(0.005)

    def flush(self):
        """Empty the caches."""
        self.control("flush_zone .")
        self.control("flush_infra all")

    def stats(self):
        out = {}
        for line in self.control("stats_noreset").splitlines():
            field, _, value = line.partition("=")
            try:
                out[field] = float(value)
            except ValueError:
                pass
        return out

    def wait_queries(self, count, timeout=10):
        """Block until the resolver has read `count` client queries since it started."""
        deadline = time.monotonic() + timeout
        while self.stats()["total.num.queries"] < count:
            assert time.monotonic() < deadline, "the resolver has not read all queries"
            time.sleep(0.005)

    def cached_messages(self, zone):
        """The lines of the message cache for names in `zone`."""
        zone = key(zone)
        out = []
        for line in self.control("dump_cache").splitlines():
            if line.startswith("msg "):
                if name(line.split()[1]).is_subdomain(zone):
                    out.append(line)
        return out

    # -- questions ------------------------------------------------------------------------------
    def ask(self, qname, qtype="A", **options):
        return ask((self.address, self.port), qname, qtype, **options)


class Response:
    """An answer: `.message` (dnspython), `.wire`, and the query's wire."""

    def __init__(self, query, wire):
        self.query = query
        self.wire = wire
        # Unbound's own refusal of a stranger has no question and may drag octets of it behind
        refusal = wire[3] & 15 == 5 and wire[4:12] == bytes(8)
        self.message = dns.message.from_wire(wire, ignore_trailing=refusal)

    @property
    def rcode(self):
        return dns.rcode.to_text(self.message.rcode())

    def flag(self, flag):
        return bool(self.message.flags & dns.flags.from_text(flag))

    @property
    def answer(self):
        """The answer section, RR by RR in order: (owner labels, ttl, type, rdata text)."""
        return records(self.message.answer)

    @property
    def authority(self):
        return records(self.message.authority)

    @property
    def additional(self):
        return records(self.message.additional)

    def types(self, section="answer"):
        return [r[2] for r in getattr(self, section)]

    def data(self, rtype, section="answer"):
        return sorted(r[3] for r in getattr(self, section) if r[2] == rtype)

    def ede(self):
        """The Extended DNS Error codes."""
        return [struct.unpack("!H", o.to_wire()[:2])[0]
                for o in self.message.options if o.otype == EDE]

    def question_unchanged(self):
        length = question_length(self.query)
        return self.query[12:12 + length] == self.wire[12:12 + length] and \
            self.query[:2] == self.wire[:2]

    def brief(self):
        """All that must be equal between two answers to one question (order within a section aside), without TTLs."""
        def section(items):
            return sorted((tuple(l.lower() for l in o), t, d) for o, _, t, d in items)
        return (self.rcode, self.flag("AA"), self.flag("AD"), self.flag("TC"),
                section(self.answer), section(self.authority), section(self.additional))

    def __str__(self):
        return str(self.message)


def records(section):
    out = []
    for rrset in section:
        for rdata in rrset:
            out.append((rrset.name.labels, rrset.ttl, dns.rdatatype.to_text(rrset.rdtype),
                        rdata.to_text()))
    return out


def question_length(wire):
    at = 12
    while wire[at]:
        at += 1 + wire[at]
    return at + 5 - 12


def make_query(qname, qtype="A", edns=None, do=False, cd=False, rd=True, ad=False,
               qclass="IN", ident=None, subnet=None):
    """A query's wire. `edns` None: without EDNS unless `do`; otherwise the EDNS version, usually 0. `subnet`: an address
    of the client's subnet."""
    if (do or subnet) and edns is None:
        edns = 0
    rtype = qtype if isinstance(qtype, int) else dns.rdatatype.from_text(qtype)
    message = dns.message.make_query(name(qname), rtype, qclass, use_edns=False)
    if edns is not None:
        message.use_edns(edns, dns.flags.DO if do else 0, 1232,
                         options=[dns.edns.ECSOption(subnet, 24)] if subnet else None)
    message.flags = 0
    if rd:
        message.flags |= dns.flags.RD
    if cd:
        message.flags |= dns.flags.CD
    if ad:
        message.flags |= dns.flags.AD
    if ident is not None:
        message.id = ident
    return message.to_wire()


def ask(server, qname, qtype="A", tcp=False, timeout=10, source=None, **options):
    wire = make_query(qname, qtype, **options)
    return Response(wire, exchange(server, wire, tcp, timeout, source))


def exchange(server, wire, tcp=False, timeout=10, source=None):
    kind = socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM
    with socket.socket(socket.AF_INET6 if ":" in server[0] else socket.AF_INET, kind) as sock:
        sock.settimeout(timeout)
        if source:
            sock.bind((source, 0))
        sock.connect(server)
        if not tcp:
            sock.send(wire)
            return sock.recv(65535)
        sock.sendall(struct.pack("!H", len(wire)) + wire)
        with sock.makefile("rb") as stream:
            length = struct.unpack("!H", stream.read(2))[0]
            return stream.read(length)


class Pending:
    """A question that was sent and is not yet answered."""

    def __init__(self, server, qname, qtype="A", source=None, tcp=False, **options):
        self.query = make_query(qname, qtype, **options)
        self.tcp = tcp
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM)
        if source:
            self.sock.bind((source, 0))
        self.sock.connect(server)
        self.sock.sendall((struct.pack("!H", len(self.query)) if tcp else b"") + self.query)

    def result(self, timeout=10):
        self.sock.settimeout(timeout)
        with self.sock:
            if not self.tcp:
                return Response(self.query, self.sock.recv(65535))
            with self.sock.makefile("rb") as stream:
                length = struct.unpack("!H", stream.read(2))[0]
                return Response(self.query, stream.read(length))


class Load(threading.Thread):
    """Asks the same questions over and over, one at a time, until stopped, and checks each answer.

    `lost` counts questions that were not answered within `timeout` seconds `tries` times in a row.
    """

    def __init__(self, server, questions, check, timeout=3, tries=1):
        super().__init__(daemon=True)
        self.server = server
        self.wires = [(q, make_query(*q)) for q in questions]
        self.check = check
        self.timeout = timeout
        self.tries = tries
        self.stopping = threading.Event()
        self.asked = self.lost = self.retried = 0
        self.wrong = []

    def run(self):
        for question, wire in itertools.cycle(self.wires):
            if self.stopping.is_set():
                return
            self.asked += 1
            for attempt in range(self.tries):
                try:
                    response = Response(wire, exchange(self.server, wire, timeout=self.timeout))
                    problem = self.check(question, response)
                    if problem:
                        self.wrong.append((question, problem, str(response)))
                    break
                except (socket.timeout, ConnectionRefusedError):
                    self.retried += 1
            else:
                self.lost += 1

    def stop(self):
        self.stopping.set()
        self.join(30)


# -- expectations -------------------------------------------------------------------------------
class Expect:
    """One expected answer, from the notation of the table.

      ND(zone) NX(zone)        NOERROR / NXDOMAIN, no answer, one SOA owned by zone, TTL 60 (or @ttl)
      UP                       what a resolver without the modules answers
      TYPE rdata [@ttl]        an answer record; several joined by ' + '. The owner is the question's name, after a
                               CNAME its target. More types and records than those written are an error.
      + ND(zone)               after records: no more records, one SOA owned by zone
      + NODATA                 after records (or alone): no more records, NOERROR, one SOA; NODATA(zone): owned by zone
      + NXDOMAIN               after records: no more records, NXDOMAIN, one SOA
      SOA(zone)                the zone's SOA as the answer
      SERVFAIL YXDOMAIN        the rcode
      EMPTY                    no record in the answer section
      a | b                    one of these
    """

    def __init__(self, text, expand=lambda t: t):
        self.text = text
        self.expand = expand

    def check(self, response, reference=None, at_most_ttl=False):
        """None, or what is wrong. `reference()` gives the answer of a resolver without modules."""
        problems = []
        for alternative in self.text.split(" | "):
            problem = self._check(alternative.strip(), response, reference, at_most_ttl)
            if problem is None:
                return None
            problems.append(problem)
        return "; or ".join(problems)

    def _check(self, text, response, reference, at_most_ttl):
        expand = self.expand
        if not response.question_unchanged():
            return "the question section differs from the one asked"
        if not response.flag("QR"):
            return "QR is missing"
        if text == "EMPTY":
            return None if not response.answer else "there is an answer"
        if text.split()[0] == "UP":
            expected = reference()
            if expected.brief() != response.brief():
                return "differs from the answer without modules, which is\n%s" % expected
            if any(a[1] > b[1] + 2 for a, b in zip(ordered(response), ordered(expected))):
                return "a TTL is larger than without modules:\n%s" % expected
            if any(a[1] < b[1] - 60 for a, b in zip(ordered(response), ordered(expected))):
                return "a TTL is much smaller than without modules:\n%s" % expected
            wanted = text.split()[1:]
            if wanted and wanted[0] != response.rcode:
                return "rcode is %s (also without modules)" % response.rcode
            return None
        answer = response.answer
        rcode = "NOERROR"
        asked = owner = dns.message.from_wire(response.query).question[0].name.labels
        wanted = []
        soa = soa_owner = None
        ttl_soa = None
        for part in text.split(" + "):
            part, _, ttl = part.partition("@")
            part = part.strip()
            ttl = int(ttl) if ttl else None
            match = re.fullmatch(r"(ND|NX|SOA)\((.*)\)", part)
            if match:
                kind, zone = match.groups()
                if kind == "SOA":
                    soas = [r for r in answer if r[2] == "SOA"]
                    if len(answer) != 1 or len(soas) != 1 or \
                            dns.name.Name(soas[0][0]) != name(expand(zone)):
                        return "not one SOA of %s in the answer" % zone
                    return None if response.rcode == "NOERROR" else "rcode " + response.rcode
                soa = expand(zone)
                ttl_soa = 60 if ttl is None else ttl
                if kind == "NX":
                    rcode = "NXDOMAIN"
            elif part == "NXDOMAIN" or part.startswith("NODATA"):
                soa = "?"
                rcode = "NXDOMAIN" if part == "NXDOMAIN" else "NOERROR"
                if part.startswith("NODATA("):
                    soa_owner = expand(part[7:-1])
            elif part in ("SERVFAIL", "YXDOMAIN", "REFUSED"):
                rcode = part
                if response.rcode != rcode:
                    return "rcode is %s, not %s" % (response.rcode, rcode)
                return None
            else:
                rtype, _, rdata = part.partition(" ")
                wanted.append((owner, ttl, rtype, expand(rdata.strip())))
                if rtype == "CNAME":
                    owner = name(expand(rdata.strip())).labels
        if response.rcode != rcode:
            return "rcode is %s, not %s" % (response.rcode, rcode)
        if response.flag("AD"):
            return "AD is set"
        if not response.flag("RA"):
            return "RA is missing"
        if len(answer) != len(wanted):
            return "%d records in the answer, not %d" % (len(answer), len(wanted))
        remaining = list(answer)
        for owner, ttl, rtype, rdata in wanted:
            for record in remaining:
                # the question's name comes back in its case, targets of CNAMEs in any
                same = record[0] == owner if owner is asked else \
                    dns.name.Name(record[0]) == dns.name.Name(owner)
                if same and record[2] == rtype and same_rdata(rtype, record[3], rdata):
                    break
            else:
                return "no %s %s %s in the answer" % (dns.name.Name(owner), rtype, rdata)
            if rtype == "CNAME" and record is not remaining[0]:
                return "the CNAME is not in its place"
            remaining.remove(record)
            if ttl is not None and (record[1] > ttl if at_most_ttl else record[1] != ttl):
                return "TTL of %s is %d, not %d" % (rtype, record[1], ttl)
        soas = [r for r in response.authority if r[2] == "SOA"]
        if soa is not None:
            if len(soas) != 1:
                return "%d SOA in the authority section" % len(soas)
            if soa_owner is not None and dns.name.Name(soas[0][0]) != name(soa_owner):
                return "the SOA is owned by %s, not %s" % (dns.name.Name(soas[0][0]), soa_owner)
            if soa != "?":
                if len(response.authority) != 1:
                    return "more than the SOA in the authority section"
                if dns.name.Name(soas[0][0]) != name(soa):
                    return "the SOA is owned by %s, not %s" % (dns.name.Name(soas[0][0]), soa)
                if soas[0][1] > ttl_soa or (soas[0][1] != ttl_soa and not at_most_ttl):
                    return "TTL of the SOA is %d, not %d" % (soas[0][1], ttl_soa)
                minimum = int(soas[0][3].split()[-1])
                if minimum != ttl_soa:
                    return "MINIMUM of the SOA is %d, not %d" % (minimum, ttl_soa)
        elif soas and wanted:
            return "a SOA beside a positive answer"
        return None


def ordered(response):
    def fold(record):
        return (tuple(l.lower() for l in record[0]), record[2], record[3])
    return [r for s in (response.answer, response.authority, response.additional)
            for r in sorted(((x[0], x[1], x[2], x[3]) for x in s), key=fold)]


def same_rdata(rtype, found, wanted):
    if rtype == "CNAME" or rtype == "PTR":
        return name(found) == name(wanted)
    if wanted in ("", "*"):
        return True
    rdata_type = dns.rdatatype.from_text(rtype)
    return dns.rdata.from_text("IN", rdata_type, wanted) == \
        dns.rdata.from_text("IN", rdata_type, found)


class Lab:
    """Makes resolvers and upstreams, remembers them, and ends them all."""

    def __init__(self, folder):
        self.folder = folder
        self.resolvers = []
        self.upstreams = []
        self.references = {}

    def upstream(self, data):
        upstream = Upstream(data)
        self.upstreams.append(upstream)
        return upstream

    def resolver(self, data=None, upstream=None, start=True, **options):
        if upstream is None and data is not None:
            upstream = self.upstream(data)
        resolver = Resolver(self.folder, upstream, **options)
        self.resolvers.append(resolver)
        return resolver.start() if start else resolver

    def reference(self, resolver):
        """A resolver like this one without modules, over its own copy of the upstream (made once, emptied at each use)."""
        ident = (id(resolver.upstream.data), resolver.server, resolver.extra, resolver.forward,
                 resolver.ede)
        if ident not in self.references:
            chain = resolver.module_config
            if chain is not None:
                chain = " ".join(w for w in chain.split() if w != "dynlib")
            self.references[ident] = self.resolver(
                data=resolver.upstream.data, server=resolver.server, extra=resolver.extra,
                forward=resolver.forward, ede=resolver.ede, module_config=chain)
            self.references[ident].upstream.rules = resolver.upstream.rules
        reference = self.references[ident]
        reference.flush()
        return reference

    def expect(self, resolver, question, text, expand=lambda t: t, repeat=False, **options):
        """Ask, and fail unless the answer is the expected one. Returns the response."""
        qname, _, qtype = question.partition(" ")
        qtype = qtype or "A"
        response = resolver.ask(expand(qname), qtype, **options)

        def reference():
            return self.reference(resolver).ask(expand(qname), qtype, **options)
        problem = Expect(text, expand).check(response, reference, at_most_ttl=repeat)
        assert problem is None, "%s (%s): expected %s: %s\n%s\nupstream was asked %s" % (
            question, options, text, problem, response,
            dict(resolver.upstream.seen()) if resolver.upstream else None)
        return response

    def drop(self, *resolvers):
        """Stop some resolvers and their upstreams now."""
        for resolver in resolvers:
            self.resolvers.remove(resolver)
            resolver.stop()

    def close(self):
        errors = []
        for resolver in self.resolvers:
            try:
                resolver.stop()
            except AssertionError as error:
                resolver.kill()
                errors.append(str(error))
        for upstream in self.upstreams:
            upstream.close()
        assert not errors, "\n".join(errors)
