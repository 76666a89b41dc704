# SPDX-License-Identifier: BSD-3-Clause
"""large: answers that do not fit into a message, from an authority of Unbound's own that holds more than a message
does, from BIND, and from a scripted upstream."""

import itertools
import os
import re
import shutil
import socket
import ssl
import struct
import subprocess
import time

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import pytest

import harness
from harness import EDE, exchange, free_port, has_option, make_query, missing, name
from upstream import Data, Upstream

pytestmark = pytest.mark.needs("large" if harness.APART else "sitebound")

ZONE = "roles.example.net"
MESSAGE = 65535
# what is left for options of EDNS, and in a cut answer for aliases; and what Unbound compresses without having to
OPTIONS, ALIASES, COMPRESSED = 265, 800, 2500
CONF = {"large": [{"zones": [ZONE]}]}


def compresses_all():
    """Whether this Unbound compresses every name of a message (before 1.21.1): more would fit than the job counts on."""
    path = os.path.join(os.environ.get("UNBOUND_SOURCE", ""), "util", "data", "msgencode.c")
    if not os.path.exists(path):
        return False
    with open(path, encoding="utf-8") as file:
        return "MAX_COMPRESSION_PER_MESSAGE" not in file.read()


COMPRESSES_ALL = compresses_all()
too_large = pytest.mark.skipif(COMPRESSES_ALL, reason="what is too large elsewhere fits where every name is compressed")
# 2,450 host names of 24 and 25 octets: 65,519 octets at the authority
HOSTS = ["machine-%d.example.se." % i for i in range(320, 320 + 2450)]
ADDRESSES = ["10.0.%d.%d" % divmod(i, 256) for i in range(5000)]
# names of which a part is shared by many, and nothing by all
MIXED = ["host%04d.%s." % (i, ("%d.%s" % (i // 500, "x" * (1 + i // 50))) + ".example.%s" % ("se", "com")[i % 2])
         for i in range(2450)]
VIEW = 'view:\n  name: "sitebound"\n  view-first: yes\n'
SOA = "ns.%s. hm.%s. 1 3600 1200 604800 60" % (ZONE, ZONE)


def zone_text():
    """The zone as a master file."""
    lines = ["$TTL 3600", "%s. SOA %s" % (ZONE, SOA), "%s. NS ns.%s." % (ZONE, ZONE), "ns.%s. A 127.0.0.1" % ZONE]
    sets = {"ptr PTR": HOSTS, "a A": ADDRESSES, "mixed PTR": MIXED, "few PTR": HOSTS[:10], "fits PTR": HOSTS[:1700],
            "one CNAME": ["two.%s." % ZONE], "two CNAME": ["ptr.%s." % ZONE], "to-a CNAME": ["a.%s." % ZONE]}
    for owner, values in sets.items():
        owner, rtype = owner.split()
        lines += ["%s.%s. %s %s" % (owner, ZONE, rtype, value) for value in values]
    return "\n".join(lines) + "\n"


def auth_zone(folder, text=None):
    """Lines of unbound.conf for an authority inside the resolver, which knows no bound of a message."""
    path = os.path.join(str(folder), "zone")
    with open(path, "w", encoding="utf-8") as out:
        out.write(text or zone_text())
    return ('auth-zone:\n  name: "%s"\n  zonefile: "%s"\n  for-downstream: no\n  for-upstream: yes\n'
            "  fallback-enabled: no\n" % (ZONE, path))


def start(lab, folder, conf=CONF, **options):
    options.setdefault("extra", auth_zone(folder))
    return lab.resolver(modules=["large"], conf=conf, ede=True, **options)


def full(owner):
    return owner if owner.endswith(".com") else "%s.%s" % (owner, ZONE)


class Answer:
    """An answer, read in a small part of the time that dnspython takes for thousands of records."""

    def __init__(self, wire):
        self.wire = wire
        self.truncated = bool(wire[2] & 2)
        self.authentic = bool(wire[3] & 0x20)
        self.rcode = dns.rcode.to_text(wire[3] & 15)
        self.edns = False
        # of the answer section: (type, data); and the options of EDNS by their code
        self.answer = []
        self.options = {}
        at = 12 + harness.question_length(wire)
        answers, authority, additional = struct.unpack("!HHH", wire[6:12])
        for number in range(answers + authority + additional):
            at = self.name_at(at)[1]
            rtype, length = struct.unpack("!H6xH", wire[at:at + 10])
            at += 10
            if number < answers:
                self.answer.append((dns.rdatatype.to_text(rtype), self.data_at(rtype, at, length)))
            end = at + length
            self.edns = self.edns or rtype == dns.rdatatype.OPT
            while rtype == dns.rdatatype.OPT and at < end:
                code, size = struct.unpack("!HH", wire[at:at + 4])
                assert code not in self.options
                self.options[code] = wire[at + 4:at + 4 + size]
                at += 4 + size
            at = end
        assert at == len(wire)

    def name_at(self, at):
        """A name as text, and where it ends."""
        text, end = "", 0
        while self.wire[at]:
            if self.wire[at] >= 0xc0:
                end = end or at + 2
                at = struct.unpack("!H", self.wire[at:at + 2])[0] & 0x3fff
            else:
                text += self.wire[at + 1:at + 1 + self.wire[at]].decode() + "."
                at += 1 + self.wire[at]
        return text, end or at + 1

    def data_at(self, rtype, at, length):
        if rtype in (dns.rdatatype.PTR, dns.rdatatype.CNAME):
            return self.name_at(at)[0]
        data = self.wire[at:at + length]
        return socket.inet_ntoa(data) if rtype == dns.rdatatype.A else data

    def data(self, rtype):
        return [data for t, data in self.answer if t == rtype]

    def ede(self):
        """The Extended DNS Error, its code as text in front; None for none."""
        option = self.options.get(EDE)
        return None if option is None else "%d %s" % (option[1], option[2:].decode())

    def told(self):
        """How many of how many, as the Extended DNS Error says."""
        match = re.fullmatch(r"0 (\d+) of (\d+) records fit", self.ede() or "")
        assert match, self.ede()
        return int(match[1]), int(match[2])


def ask(resolver, question, rtype, tcp=True, **options):
    wire = make_query(full(question), rtype, **options)
    return Answer(exchange((resolver.address, resolver.port), wire, tcp, timeout=30))


def check_cut(answer, values, rtype, chain=0, size=MESSAGE, compressed=COMPRESSED):
    """The answer is whole records of the set, as many as fit, behind `chain` aliases. With EDNS it says so."""
    got = answer.data(rtype)
    assert answer.rcode == "NOERROR" and not answer.truncated and not answer.authentic
    assert len(answer.answer) == len(got) + chain
    assert len(set(got)) == len(got) and set(got) <= set(values)
    assert len(answer.wire) <= size
    assert COMPRESSES_ALL or size - OPTIONS - ALIASES - compressed < len(answer.wire)
    assert not answer.edns or answer.told() == (len(got), len(values))
    return got


# -- what each client gets ----------------------------------------------------------------------
def padded(wire):
    """A question with the padding option (RFC 7830)."""
    message = dns.message.from_wire(wire)
    message.use_edns(0, 0, 1232, options=[dns.edns.GenericOption(12, b"")])
    return message.to_wire()


def with_option(code, value):
    def add(wire):
        message = dns.message.from_wire(wire)
        message.use_edns(0, message.ednsflags, 1232, options=[dns.edns.GenericOption(code, value)])
        return message.to_wire()
    return add


# NSID (RFC 5001), cookie (RFC 7873), keepalive (RFC 7828); an option comes back when Unbound knows it
CLIENTS = {
    "plain": ({}, None, None),
    "edns": ({"edns": 0}, None, EDE),
    "do": ({"do": True}, None, EDE),
    "cd": ({"edns": 0, "cd": True}, None, EDE),
    "nsid": ({"edns": 0}, with_option(3, b""), 3),
    "keepalive": ({"edns": 0}, with_option(11, b""), 11),
    "padding": ({"edns": 0}, padded, 12),
}
UNBOUND = harness.unbound_program("unbound")
HAS_COOKIES = UNBOUND is not None and has_option(UNBOUND, "answer-cookie")
if HAS_COOKIES:
    CLIENTS["cookie"] = ({"edns": 0}, with_option(10, b"12345678"), 10)
TRANSPORTS = ("tcp", "tls", "udp")
SETS = {  # question: values, aliases in front
    "ptr PTR": (HOSTS, 0),
    "a A": (ADDRESSES, 0),
    "one PTR": (HOSTS, 2),
    "to-a A": (ADDRESSES, 1),
}


def tls_exchange(server, wire):
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with socket.create_connection(server, timeout=10) as plain, context.wrap_socket(plain) as sock:
        sock.sendall(struct.pack("!H", len(wire)) + wire)
        with sock.makefile("rb") as stream:
            return stream.read(struct.unpack("!H", stream.read(2))[0])


@pytest.fixture(scope="module")
def served(module_lab, tmp_path_factory):
    """A resolver with all that may make an answer longer. `.tls` is its port for DNS over TLS."""
    folder = tmp_path_factory.mktemp("served")
    key, cert = str(folder / "key.pem"), str(folder / "cert.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=localhost"], check=True,
                   capture_output=True)
    tls = free_port()
    server = """interface: 127.0.0.1@{0}
        tls-port: {0}
        tls-service-key: "{1}"
        tls-service-pem: "{2}"
        nsid: "ascii_{3}"
        edns-tcp-keepalive: yes""".format(tls, key, cert, "n" * 200)
    if HAS_COOKIES:
        server += "\nanswer-cookie: yes"
    resolver = start(module_lab, folder, server=server)
    resolver.tls = tls
    return resolver


@pytest.mark.parametrize("question", SETS)
@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("client", CLIENTS)
def test_every_client(served, client, transport, question):
    options, change, option = CLIENTS[client]
    values, chain = SETS[question]
    owner, rtype = question.split()
    query = make_query(full(owner), rtype, **options)
    query = change(query) if change else query
    for _ in range(2):
        if transport == "tls":
            answer = Answer(tls_exchange((served.address, served.tls), query))
        else:
            answer = Answer(exchange((served.address, served.port), query, tcp=transport == "tcp"))
        if transport == "udp":
            assert answer.truncated and not answer.data(rtype)
            continue
        check_cut(answer, values, rtype, chain)
        # padding is for TLS alone
        assert option in answer.options or (option == 12 and transport == "tcp") or not (option or answer.options)
        if 12 in answer.options:
            assert len(answer.wire) % 468 == 0 or len(answer.wire) == MESSAGE


def test_in_whatever_order(served):
    """Unbound begins an RRset with another record for each question, and what it compresses goes by that."""
    sizes = set()
    for ident in range(0, 2450, 70):
        answer = ask(served, "mixed", "PTR", edns=0, ident=ident)
        check_cut(answer, MIXED, "PTR", compressed=3 * COMPRESSED)
        sizes.add(len(answer.wire))
    assert len(sizes) > 1


# -- what an authority sends --------------------------------------------------------------------
class Bind:
    """BIND as the authority of the zone. It holds no RRset of more than 65,535 octets."""

    def __init__(self, folder):
        self.address, self.port = "127.0.0.1", free_port()
        self.log = os.path.join(str(folder), "log")
        owners = ("$", ZONE, "ns.", "ptr.", "two.", "fits.")
        lines = [line for line in zone_text().splitlines() if line.startswith(owners)]
        with open(os.path.join(str(folder), "zone"), "w", encoding="utf-8") as out:
            out.write("\n".join(lines) + "\n")
        conf = os.path.join(str(folder), "named.conf")
        with open(conf, "w", encoding="utf-8") as out:
            out.write("""options {
    directory "%s"; listen-on port %d { 127.0.0.1; }; listen-on-v6 { none; }; pid-file none; recursion no;
    session-keyfile "session.key"; dnssec-validation no; notify no; minimal-responses yes; max-records-per-type 0;
};
controls { };
zone "%s" { type primary; file "zone"; };
""" % (folder, self.port, ZONE))
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen([program("named"), "-g", "-4", "-n", "1", "-c", conf], cwd=str(folder),
                                            stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        while " running\n" not in self.said():
            assert self.process.poll() is None and time.monotonic() < deadline, self.said()
            time.sleep(0.01)

    def said(self):
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return file.read()

    def stop(self):
        self.process.terminate()
        self.process.wait(20)


def program(word):
    return shutil.which(word, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


@pytest.fixture(scope="module")
def bind(tmp_path_factory):
    if program("named") is None:
        missing("named is not installed (package bind9)")
    bind = Bind(tmp_path_factory.mktemp("named"))
    yield bind
    bind.stop()


def stub(port):
    return 'stub-zone:\n  name: "%s"\n  stub-addr: 127.0.0.1@%d\n' % (ZONE, port)


@too_large
def test_bind(lab, tmp_path, bind):
    """What Unbound does with a set that fills BIND's message, without the module and with it."""
    at_bind = ask(bind, "ptr", "PTR", edns=0)
    assert len(at_bind.answer) == 2450 and 65500 < len(at_bind.wire) <= MESSAGE and not at_bind.truncated
    without = lab.resolver(extra=stub(bind.port), ede=True)
    for question, left in (("ptr", 0), ("two", 1)):
        answer = ask(without, question, "PTR", edns=0)
        assert answer.truncated and len(answer.answer) == left
    resolver = start(lab, tmp_path, extra=stub(bind.port))
    for question, chain in (("ptr", 0), ("two", 1), ("two", 1), ("ptr", 0)):
        check_cut(ask(resolver, question, "PTR", edns=0), HOSTS, "PTR", chain)
        assert ask(resolver, question, "PTR", tcp=False, edns=0).truncated


def test_what_fits_is_left_alone(lab, tmp_path, bind):
    resolver = start(lab, tmp_path, extra=stub(bind.port))
    without = lab.resolver(extra=stub(bind.port), ede=True)
    for options in ({}, {"edns": 0}, {"do": True}):
        for _ in range(2):
            answer, as_ever = (ask(r, "fits", "PTR", **options) for r in (resolver, without))
            assert sorted(answer.answer) == sorted(as_ever.answer) and len(answer.answer) == 1700
            assert (len(answer.wire), answer.options, answer.truncated) == (len(as_ever.wire), as_ever.options, False)


class Large(Upstream):
    """Keeps what it has answered. For the names of `cut` it sends TC=1 over TCP, too, and so many records."""

    def __init__(self, data, cut=()):
        self.cut = {name(full(owner)): count for owner, count in dict(cut).items()}
        self.kept = {}
        super().__init__(data)

    def respond(self, query, action=None):
        response = super().respond(query, action)
        count = self.cut.get(query.question[0].name)
        if count is not None and response.answer:
            while len(response.answer[-1]) > count:
                response.answer[-1].pop()
            response.answer = [rrset for rrset in response.answer if len(rrset)]
            response.flags |= dns.flags.TC
        return response

    def _answer(self, wire, tcp, send, action=None):
        ident = wire[2:], tcp
        if ident not in self.kept:
            super()._answer(wire, tcp, lambda out: self.kept.__setitem__(ident, out[2:]), action)
        send(wire[:2] + self.kept[ident])


def large(lab, cut=(), **sets):
    """An upstream: TYPE and values by owner."""
    data = Data()
    for owner, (rtype, values) in sets.items():
        data.add(full(owner), 3600, rtype, *values)
    lab.upstreams.append(Large(data, cut))
    return lab.upstreams[-1]


def test_cut_upstream(lab, tmp_path):
    """What an upstream sends with TC=1 over TCP is given, which Unbound throws away."""
    upstream = large(lab, {"half": 100, "long": 4090, "none": 0}, half=("PTR", HOSTS), long=("A", ADDRESSES),
                     none=("A", ADDRESSES[:5]))
    without = lab.resolver(upstream=upstream)
    assert ask(without, "half", "PTR").rcode == "SERVFAIL"
    resolver = start(lab, tmp_path, extra="", upstream=upstream)
    for question, rtype, least, most in (("half", "PTR", 100, 100), ("long", "A", 4000, 4080)):
        for _ in range(2):
            answer = ask(resolver, question, rtype, edns=0)
            assert answer.rcode == "NOERROR" and not answer.truncated
            assert least <= len(answer.answer) <= most
            assert answer.ede() == "0 %d records, cut upstream" % len(answer.answer)
    assert ask(resolver, "none", "A").rcode == "SERVFAIL"


# -- the cache ----------------------------------------------------------------------------------
def ask_cached(resolver, upstream, question, rtype, **options):
    """Two answers of which the second came from the cache: what is cached at start is looked through for seconds."""
    deadline = time.monotonic() + 20
    while True:
        first = ask(resolver, question, rtype, edns=0, **options)
        before = upstream.count()
        second = ask(resolver, question, rtype, edns=0, **options)
        if upstream.count() == before:
            return first, second
        assert time.monotonic() < deadline, "it is never cached"


def test_cut_is_cached(lab, tmp_path):
    upstream = large(lab, set=("PTR", HOSTS), fits=("PTR", HOSTS[:1700]))
    resolver = start(lab, tmp_path, extra="", upstream=upstream, threads=2)
    first, second = ask_cached(resolver, upstream, "set", "PTR")
    assert set(first.data("PTR")) == set(second.data("PTR"))
    check_cut(first, HOSTS, "PTR")
    check_cut(second, HOSTS, "PTR")
    # the whole set is not there, for the iterator to make a message of
    records = re.findall(r"^%s\.\t\d+\tIN\tPTR\t" % re.escape(full("set")), resolver.control("dump_cache"), re.M)
    assert len(records) == len(second.answer)
    # what is long enough to be looked at is kept back until then, and stored as it is
    for answer in ask_cached(resolver, upstream, "fits", "PTR"):
        assert len(answer.answer) == 1700 and not answer.truncated and answer.ede() is None


@too_large
def test_several_sets(lab, tmp_path):
    """Small RRsets stay whole, the large one is cut. Alone it has more room, in another message of the cache."""
    upstream = large(lab, several=("A", ADDRESSES[:1000]))
    upstream.data.add(full("several"), 3600, "PTR", *HOSTS[:1150])
    upstream.data.add(full("several"), 3600, "MX", "10 mail.example.se.")
    resolver = start(lab, tmp_path, {"large": [{"zones": [ZONE], "max-size": 40000}]}, extra="", upstream=upstream)
    # Unbound composes ANY of what it has, which is not the large set
    ask(resolver, "several", "A", edns=0)
    for _ in range(2):
        together, alone = (ask(resolver, "several", rtype, edns=0) for rtype in ("ANY", "PTR"))
        assert not together.truncated and 35000 < len(together.wire) <= 40000
        assert set(together.data("A")) == set(ADDRESSES[:1000]) and len(together.data("MX")) == 1
        assert together.told() == (len(together.data("PTR")), 1150)
        check_cut(alone, HOSTS[:1150], "PTR", size=40000)
        assert len(alone.answer) > len(together.data("PTR")) > 0


def test_many_sets(lab, tmp_path):
    """So many RRsets are not measured: the answer is what it is without the module."""
    upstream = large(lab, many=("PTR", HOSTS[:300]))
    for number in range(64):
        upstream.data.add(full("many"), 3600, "TYPE%d" % (65280 + number), "\\# 1 00")
    resolver = start(lab, tmp_path, {"large": [{"zones": [ZONE], "max-size": 4096}]}, extra="", upstream=upstream)
    for _ in range(2):
        answer = ask(resolver, "many", "ANY", edns=0)
        assert len(answer.answer) == 364 and not answer.truncated and answer.ede() is None


def test_a_set_of_which_nothing_fits(lab, tmp_path):
    """It is left out; the other one is there."""
    huge = " ".join('"%s"' % ("x" * 250) for _ in range(30))
    upstream = large(lab, both=("PTR", HOSTS[:300]))
    upstream.data.add(full("both"), 3600, "TXT", *("%s" % huge.replace("x", letter) for letter in "xy"))
    resolver = start(lab, tmp_path, {"large": [{"zones": [ZONE], "max-size": 4096}]}, extra="", upstream=upstream)
    for _ in range(2):
        answer = ask(resolver, "both", "ANY", edns=0)
        assert answer.data("TXT") == [] and 0 < len(answer.data("PTR")) < 300 and len(answer.wire) <= 4096
        assert answer.ede() == "0 %d of 300 records fit" % len(answer.data("PTR"))


@pytest.mark.parametrize("keep", ["rotate", "first"])
def test_keep(lab, tmp_path, keep):
    upstream = large(lab, set=("PTR", HOSTS))
    resolver = start(lab, tmp_path, {"large": [{"zones": [ZONE], "keep": keep}]}, extra="", upstream=upstream)
    parts = []
    for _ in range(4):
        resolver.flush()
        parts.append(set(check_cut(ask(resolver, "set", "PTR"), HOSTS, "PTR")))
    if keep == "first":
        assert all(part == parts[0] for part in parts)
    else:
        assert all(a != b for a, b in itertools.pairwise(parts))
        # in turn: two parts are all
        assert parts[0] | parts[1] == set(HOSTS)


def test_prefetch(lab, tmp_path):
    """A prefetch takes the next part, and what is served meanwhile is still cut."""
    upstream = large(lab, set=("PTR", HOSTS))
    upstream.data.records[name(full("set"))][dns.rdatatype.PTR].ttl = 10
    resolver = start(lab, tmp_path, extra="", upstream=upstream, server="prefetch: yes")
    deadline = time.monotonic() + 60
    while resolver.stats()["total.num.prefetch"] == 0:
        before = set(check_cut(ask(resolver, "set", "PTR"), HOSTS, "PTR"))
        assert time.monotonic() < deadline
    eventually(lambda: set(check_cut(ask(resolver, "set", "PTR"), HOSTS, "PTR")) != before)


@pytest.mark.parametrize("forward", [False, True], ids=["stub", "forward"])
@pytest.mark.parametrize("cached", [False, True], ids=["fresh", "set-in-cache"])
def test_aliases(lab, tmp_path, cached, forward):
    """Aliases from elsewhere, whether or not the cache has the set: by the owner of the set."""
    upstream = large(lab, **{"set": ("PTR", HOSTS[:2400]), "www.example.com": ("CNAME", ["mid.example.com."]),
                             "mid.example.com": ("CNAME", [full("set") + "."])})
    resolver = start(lab, tmp_path, extra="", upstream=upstream, forward=forward)
    if cached:
        ask_cached(resolver, upstream, "set", "PTR")
    for _ in range(2):
        check_cut(ask(resolver, "www.example.com", "PTR", edns=0), HOSTS[:2400], "PTR", 2)


@pytest.mark.needs("synth")
@pytest.mark.parametrize("cached", [False, True], ids=["fresh", "set-in-cache"])
def test_behind_a_site_name(lab, cached):
    """What synth puts an alias in front of; the first answer and the repeat have both Extended DNS Errors."""
    upstream = large(lab, **{"svc.dc1.example.com": ("PTR", HOSTS)})
    conf = {"synth": {"site-names": [{"label": "dc", "parents": ["example.com"], "site": "dc1"}]},
            "large": [{"zones": ["example.com"]}]}
    resolver = lab.resolver(modules=["synth", "large"], conf=conf, ede=True, upstream=upstream)
    if cached:
        ask_cached(resolver, upstream, "svc.dc1.example.com", "PTR")
    for _ in range(3):
        response = resolver.ask("svc.dc.example.com", "PTR", tcp=True, edns=0)
        assert not response.flag("TC") and response.types().count("PTR") == len(response.answer) - 1 > 1700
        assert sorted(response.ede()) == [0, 29]


@too_large
def test_other_zones_are_left_alone(lab, tmp_path):
    upstream = large(lab, **{"set.example.com": ("PTR", HOSTS), "out": ("CNAME", ["set.example.com."])})
    resolver = start(lab, tmp_path, extra="", upstream=upstream)
    for question in ("set.example.com", "out"):
        answer = ask(resolver, question, "PTR", edns=0)
        assert answer.truncated and not answer.data("PTR") and answer.ede() is None


# -- DNSSEC -------------------------------------------------------------------------------------
def test_signed(lab, tmp_path):
    """A cut set has no signatures and no AD; a bogus one is SERVFAIL; what is not cut is as ever. (Unbound validates
    no RRset that would not fit into a message with its owner written out each time.)"""
    upstream = large(lab, set=("PTR", HOSTS[:1000]), bad=("PTR", HOSTS[:1000]), small=("PTR", HOSTS[:10]),
                     fits=("PTR", HOSTS[:400]), alias=("CNAME", [full("set") + "."]))
    anchor = upstream.data.sign(ZONE + ".")
    upstream.data.signed[name(ZONE)].make_bogus(full("bad"))
    resolver = start(lab, tmp_path, {"large": [{"zones": [ZONE], "max-size": 20000}]}, extra="", upstream=upstream,
                     server='trust-anchor: "%s"' % anchor)
    for question, aliases in (("alias", 1), ("set", 0), ("set", 0), ("alias", 1)):
        answer = ask(resolver, question, "PTR", do=True)
        assert not answer.authentic and answer.told() == (len(answer.data("PTR")), 1000)
        assert len(answer.data("CNAME")) == aliases
        covered = [struct.unpack("!H", data[:2])[0] for data in answer.data("RRSIG")]
        assert set(covered) <= {dns.rdatatype.CNAME}
    resolver.flush()
    ask_cached(resolver, upstream, "set", "PTR")
    answer = ask(resolver, "alias", "PTR", do=True)
    assert answer.rcode == "NOERROR" and answer.told() == (len(answer.data("PTR")), 1000)
    for cd, rcode in ((False, "SERVFAIL"), (True, "NOERROR"), (False, "SERVFAIL")):
        answer = ask(resolver, "bad", "PTR", do=True, cd=cd)
        assert answer.rcode == rcode and not answer.truncated
    for question, count in (("small", 10), ("fits", 400), ("fits", 400)):
        answer = ask(resolver, question, "PTR", do=True)
        assert answer.authentic and len(answer.data("RRSIG")) == 1 and len(answer.data("PTR")) == count


# -- settings -----------------------------------------------------------------------------------
def test_max_size(lab, tmp_path):
    conf = {"large": [{"zones": [ZONE], "max-size": 20000}, {"zones": ["fits." + ZONE], "max-size": 4096}]}
    resolver = start(lab, tmp_path, conf)
    for question, values, rtype, size in (("ptr", HOSTS, "PTR", 20000), ("a", ADDRESSES, "A", 20000),
                                          ("fits", HOSTS[:1700], "PTR", 4096)):
        check_cut(ask(resolver, question, rtype, edns=0), values, rtype, size=size)
    assert len(ask(resolver, "few", "PTR").answer) == 10


def test_small_buffer(lab, tmp_path):
    """Unbound's own buffer may be the bound."""
    resolver = start(lab, tmp_path, server="msg-buffer-size: 30000")
    check_cut(ask(resolver, "a", "A", edns=0), ADDRESSES, "A", size=30000)


def test_a_record_that_is_too_large(lab, tmp_path):
    """Nothing fits: the answer is what it is without the module."""
    huge = " ".join('"%s"' % ("x" * 250) for _ in range(30))
    upstream = large(lab, huge=("TXT", ['"%d" %s' % (i, huge) for i in range(2)]))
    resolver = start(lab, tmp_path, {"large": [{"zones": [ZONE], "max-size": 4096}]}, extra="", upstream=upstream)
    for _ in range(2):
        answer = ask(resolver, "huge", "TXT", edns=0)
        assert len(answer.answer) == 2 and not answer.truncated and answer.ede() is None


# -- switches and counters ----------------------------------------------------------------------
def eventually(condition, timeout=10):
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("switch", ["large.", ZONE + ".large."])
@too_large
def test_switched_off(lab, tmp_path, switch):
    resolver = start(lab, tmp_path, extra=auth_zone(tmp_path) + VIEW)
    for kind, cut in (("refuse", False), ("transparent", True), ("refuse", False)):
        resolver.control("view_local_zone sitebound %s %s" % (switch, kind))
        for question, rtype in (("ptr", "PTR"), ("a", "A"), ("one", "PTR")):
            eventually(lambda: ask(resolver, question, rtype, edns=0).truncated is not cut)
            assert (ask(resolver, question, rtype, edns=0).ede() is not None) is cut


def test_memory_is_told(lab, tmp_path):
    """get_mem counts where the next parts begin, 1,024 octets, beside what any module has."""
    told = [start(lab, tmp_path, conf, server="extended-statistics: yes").stats()["mem.mod.dynlibmod"]
            for conf in ({}, CONF)]
    assert 1024 < told[1] - told[0] < 2048


def test_counters(lab, tmp_path):
    upstream = large(lab, {"half": 100}, half=("PTR", HOSTS), set=("PTR", HOSTS), few=("PTR", HOSTS[:3]))
    metrics = tmp_path / "prom"
    resolver = start(lab, tmp_path, dict(CONF, metrics=str(metrics)), extra=VIEW, upstream=upstream)
    for question in ("set", "half", "few", "set"):
        ask(resolver, question, "PTR")

    def told_of(record):
        return record in resolver.control("view_list_local_data sitebound")
    eventually(lambda: told_of('"%s upstream_cut 1"' % ZONE))
    eventually(lambda: told_of('"%s cut 1"' % ZONE) or told_of('"%s cut 2"' % ZONE))
    eventually(lambda: told_of('"%s on ' % ZONE))
    resolver.stop()
    text = metrics.read_text()
    assert 'sitebound_large_answers_total{zone="%s",kind="upstream_cut"} 1\n' % ZONE in text
    assert re.search(r'sitebound_large_answers_total{zone="%s",kind="cut"} [12]\n' % ZONE, text)
    assert 'sitebound_large_on{zone="%s"} 1\n' % ZONE in text
