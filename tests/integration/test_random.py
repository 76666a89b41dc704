# SPDX-License-Identifier: BSD-3-Clause
"""Random questions, many at once, against what must hold whatever came before: the modules among Unbound's own, and its
options. SITEBOUND_RANDOM_SECONDS says how long (all configurations together, 50 by default), SITEBOUND_RANDOM_SEED
repeats what another run told."""

import collections
import ipaddress
import os
import random
import selectors
import socket
import struct
import time

import dns.message
import pytest

import wire
from upstream import Data, Upstream, key

pytestmark = pytest.mark.needs("synth", "noaaaa", "large", "report")

SECONDS = float(os.environ.get("SITEBOUND_RANDOM_SECONDS", "50"))
SEED = int(os.environ.get("SITEBOUND_RANDOM_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 32)
PATIENCE = 8
SOURCES = ("127.0.0.1", "127.0.0.2")
IN, CLASSES = 1, (3, 4, 254, 255)

APEXES = (".", "com.", "example.com.", "org.", "net.", "in-addr.arpa.", "ip6.arpa.", "test.", "auth.test.", "d.org.")
# Names below a label that begins with one of these words may fail: upstream does, signatures do, or it is a loop.
MAY_FAIL = (b"dead", b"bad", b"loop")
RECORDS = """
example.com. 4 A 192.0.2.1
example.com. 600 AAAA 2001:db8::1
example.com. 600 MX 10 www.example.com.
www.example.com. 3 A 192.0.2.80
www.example.com. 600 AAAA 2001:db8::80
www.example.com. 600 MX 10 www.example.com.
both.example.com. 600 A 192.0.2.77
both.example.com. 2 AAAA 2001:db8::77
both.example.com. 600 AAAA 2001:db8::78
both.example.com. 600 TXT both
v6only.example.com. 600 AAAA 2001:db8::66
txt.example.com. 600 TXT only
inner.example.com. 600 CNAME www.example.com.
leave.example.com. 600 CNAME free.test.
h.v6.example.com. 600 A 192.0.2.67
h.v6.example.com. 600 AAAA 2001:db8::67
h3.example.com. 5 HTTPS 1 . alpn="h3" ipv4hint="192.0.2.80" ipv6hint="2001:db8::80"
h3.example.com. 600 A 192.0.2.80
far.example.com. 600 HTTPS 1 free.test. ipv6hint="2001:db8::f"
far.example.com. 600 A 192.0.2.80
near.test. 600 HTTPS 1 www.example.com. alpn="h2" ipv6hint="2001:db8::80"
near.test. 600 HTTPS 2 . alpn="h2" ipv6hint="2001:db8::f"
mand.example.com. 600 SVCB 1 . mandatory="ipv6hint" ipv6hint="2001:db8::80"
mand.example.com. 600 A 192.0.2.80
www.ip.example.com. 600 A 192.0.2.90
mail.ip.example.com. 600 MX 10 www.example.com.
svc.dc1.prd.example.com. 3 A 10.1.1.5
svc.dc1.prd.example.com. 600 AAAA 2001:db8::15
svc.dc1.prd.example.com. 600 SRV 1 2 443 svc.dc1.prd.example.com.
svc.dc1.prd.example.com. 600 HTTPS 1 . alpn="h2" ipv6hint="2001:db8::15"
svc.dc2.prd.example.com. 600 A 10.2.1.5
only2.dc2.prd.example.com. 2 A 10.2.1.6
only2.dc2.prd.example.com. 600 TXT two
mail.dc1.prd.example.com. 600 MX 10 mx.example.com.
mail.dc2.prd.example.com. 600 A 10.2.1.8
dead.dc2.prd.example.com. 600 A 10.2.1.7
a.b.dc1.prd.example.com. 600 A 10.1.1.9
toaddr.dc1.prd.example.com. 600 CNAME 10.1.2.3.ip.example.com.
tosite.dc1.prd.example.com. 600 CNAME svc.dc.prd.example.com.
out.dc1.prd.example.com. 600 CNAME www.test.
loop.dc1.prd.example.com. 600 CNAME loop.dc.prd.example.com.
loop.test. 600 CNAME loop.dc.prd.example.com.
alias.org. 600 CNAME www.example.com.
alias2.test. 3 CNAME alias.org.
alias6.test. 600 CNAME v6only.example.com.
gone.test. 600 CNAME gone.example.com.
hidden.test. 600 CNAME h3.example.com.
addr.test. 5 CNAME 10.1.2.3.ip.example.com.
addr6.test. 600 CNAME 2001-db8--7.ip.example.com.
denied.test. 600 CNAME 10.66.0.1.ip.example.com.
ent.test. 600 CNAME 2.3.ip.example.com.
below.test. 600 CNAME x.10.1.2.3.ip.example.com.
nx.test. 600 CNAME nonsense.nx.example.net.
site.test. 4 CNAME svc.dc.prd.example.com.
only2.test. 600 CNAME only2.dc.prd.example.com.
nosite.test. 600 CNAME nosuch.dc.prd.example.com.
dead.test. 600 CNAME dead2.dc.prd.example.com.
ptr.test. 600 CNAME 3.2.1.10.in-addr.arpa.
two.test. 600 CNAME addr.test.
three.test. 600 CNAME two.test.
away.d.org. 600 DNAME ip.example.com.
www.test. 600 A 192.0.2.15
www.test. 600 TXT here
free.test. 600 A 192.0.2.15
free.test. 600 AAAA 2001:db8::f
free.test. 600 HTTPS 1 . alpn="h2" ipv6hint="2001:db8::f"
mx.test. 600 MX 10 www.example.com.
bad.test. 600 CNAME 10.1.2.3.ip.example.com.
5.1.1.10.in-addr.arpa. 600 PTR real.example.com.
to.auth.test. 600 CNAME 10.1.2.3.ip.example.com.
tosite.auth.test. 600 CNAME svc.dc.prd.example.com.
tofiltered.auth.test. 600 CNAME www.example.com.
six.auth.test. 600 AAAA 2001:db8::a
six.auth.test. 600 A 192.0.2.16
alias.auth.test. 600 CNAME six.auth.test.
from.test. 600 CNAME six.auth.test.
plain.auth.test. 600 TXT plain
tolarge.test. 600 CNAME large.test.
toreport.test. 600 CNAME k1.r.example.net.
""" + "".join("large.test. 600 TXT %s\n" % " ".join("%03d%s" % (i, "x" * 200) for _ in range(2)) for i in range(20))
SERVFAIL = ("dead.dc1.prd.example.com.", "dead2.dc1.prd.example.com.")
# Asked besides the owners of records.
MORE = """ip.example.com dc.prd.example.com prd.example.com com nx.example.net nosuch.org nosuch.test nosuch.example.com
svc.dc.prd.example.com only2.dc.prd.example.com mail.dc.prd.example.com nosuch.dc.prd.example.com dead.dc.prd.example.com
dead2.dc.prd.example.com a.b.dc.prd.example.com b.dc.prd.example.com toaddr.dc.prd.example.com tosite.dc.prd.example.com
out.dc.prd.example.com loop.dc.prd.example.com x.dc.stg.example.com 3.2.1.10.in-addr.arpa 2.1.10.in-addr.arpa
1.0.66.10.in-addr.arpa 10.1.2.3.away.d.org x.away.d.org 1.2.away.d.org nosuch.auth.test x.www.example.com
www.nosuch.example.com nosuch.ip.example.com www.nosuch.ip.example.com 10.1.2.3.ip.example.com 2.3.ip.example.com
2001-db8--7.ip.example.com 10.66.0.1.ip.example.com x.10.1.2.3.ip.example.com nonsense.nx.example.net""".split()
CONF = {
    "synth": {
        "address-names": [
            {"zone": "ip.example.com", "forms": ["dotted", "dashed", "hex"], "deny": ["10.66.0.0/16"], "reverse": True,
             "allow": ["10.0.0.0/8", "192.0.2.0/24", "2001:db8::/32"]},
            {"zone": "nx.example.net", "forms": ["dotted", "dashed"], "otherwise": "nxdomain"}],
        "site-names": [{"label": "dc", "parents": ["prd.example.com", "stg.example.com"], "site": "dc1",
                        "fallback": ["dc2"], "on-error": "next", "ttl": 5, "fallback-ttl": 3}]},
    "noaaaa": [{"zones": ["example.com", "auth.test"], "except": ["v6.example.com", "ip.example.com"], "answer": "nodata",
                "negative-ttl": 5}],
    "large": [{"zones": ["large.test"], "max-size": 4096}],
    "report": {"zones": [
        {"zone": "r.example.net", "format": "pattern", "pattern": "^(?<n>[0-9]{1,2})-(?<code>[0-9a-f]{1,4})$",
         "fields": {"n": "sitebound.nonce", "code": "error.code"}, "tests": ["1-a"]}]},
}
ALLOW = [ipaddress.ip_network(n) for n in CONF["synth"]["address-names"][0]["allow"]]
DENY = ipaddress.ip_network("10.66.0.0/16")
ZONE, NX_ZONE = "ip.example.com", "nx.example.net"
FILTERED, EXCEPT = [[wire.encode(z) for z in CONF["noaaaa"][0][k]] for k in ("zones", "except")]
APEX, NX_APEX = wire.encode(ZONE), wire.encode(NX_ZONE)
LARGE, REPORTS = wire.encode("large.test"), wire.encode("r.example.net")
SITES = [wire.encode(z) for z in ("dc.prd.example.com", "dc.stg.example.com")]

AUTH_ZONE = """
auth-zone:
  name: "auth.test"
  zonefile: "@FOLDER@/auth.test.zone"
  for-downstream: no
  for-upstream: yes
"""
# name: chain of modules, options of unbound.conf, changes of noaaaa, more
SETUPS = {
    "plain": ("dynlib iterator", "", {}),
    "validator": ("dynlib validator iterator", "", {"answer": "nxdomain"}),
    "behind the validator": ("validator dynlib iterator", "", {}),
    "signed": ("dynlib validator iterator", "", {}),
    "signed, only-if-a": ("dynlib validator iterator", "num-threads: 2", {"when": "only-if-a", "answer": "nxdomain"}),
    "respip": ("dynlib respip validator iterator", "", {"when": "only-if-a"}),
    "subnetcache": ("dynlib subnetcache validator iterator", 'send-client-subnet: 127.0.0.1\n'
                    'client-subnet-zone: "test."\nmax-client-subnet-ipv4: 24', {}),
    "dns64 behind": ("dynlib dns64 validator iterator", "", {}),
    "dns64 in front": ("dns64 dynlib validator iterator", "", {}),
    "auth-zone": ("dynlib validator iterator", "", {}),
    "serve-expired": ("dynlib validator iterator", "serve-expired: yes\nserve-expired-ttl: 30", {}),
    "serve-expired, client timeout": ("dynlib iterator", "serve-expired: yes\nserve-expired-client-timeout: 1800\n"
                                      "num-threads: 2", {"when": "only-if-a"}),
    "prefetch": ("dynlib validator iterator", "prefetch: yes\nprefetch-key: yes", {}),
    "clients": ("dynlib validator iterator", "prefetch: yes", {"clients": ["127.0.0.2/32"]}),
    "snoop": ("dynlib iterator", "access-control: 127.0.0.0/8 allow_snoop", {}),
    "all jobs": ("dynlib respip validator iterator", "access-control: 127.0.0.0/8 allow_setrd", {}),
    "no minimisation": ("dynlib validator iterator", "qname-minimisation: no\nharden-referral-path: yes\n"
                        "minimal-responses: no\nmsg-cache-size: 40k\nrrset-cache-size: 40k", {}),
}


class Quick(Upstream):
    """An upstream that remembers its answers as octets."""

    def __init__(self, records):
        super().__init__(records)
        self.known = {}

    def _query(self, query, tcp, send):
        ident = (query[2:], tcp)
        known = self.known.get(ident)
        if known is None:
            out = []
            self._answer(query, tcp, out.append, self.action(query))
            if not out:
                return
            if len(self.known) > 50000:
                self.known.clear()
            known = self.known[ident] = out[0][2:]
        try:
            send(query[:2] + known)
        except OSError:
            pass

    def action(self, query):
        question = dns.message.from_wire(query, ignore_trailing=True).question[0]
        return self.rules.get((key(question.name), 255))


Question = collections.namedtuple("Question", "name qtype expected")


class Generator:
    """Makes questions. `expected` is ('A', octets), 'ND' or 'NX' where the answer can be told beforehand."""

    def __init__(self, rng, dns64_in_front, reports):
        self.rng = rng
        self.reports = reports
        self.dns64_in_front = dns64_in_front
        owners = [line.split()[0].rstrip(".") for line in RECORDS.splitlines() if line]
        self.names = sorted(set(owners)) + MORE
        self.types = list(wire.TYPES.values())

    def make(self):
        if self.reports and self.rng.random() < 0.1:
            return self.report()
        if self.rng.random() < 0.5:
            return self.address()
        qname = self.rng.choice(self.names)
        if self.rng.random() < 0.05:
            qname = "r%d.%s" % (self.rng.randrange(1000), qname)
        qtype = self.rng.choice((wire.A, wire.AAAA, self.rng.choice(self.types)))
        if qtype == wire.DS and "." not in qname:
            qtype = wire.A  # asked of the root, which is not there
        return Question(wire.encode(qname), qtype, None)

    def report(self):
        """Accepted, malformed, or whatever it is."""
        rng = self.rng
        labels = [bytes(rng.choice(b"abcdefghijklmnop234567-_\0\xff") for _ in range(rng.randrange(1, 60)))
                  for _ in range(rng.randrange(3))]
        labels.append(b"%d-%x" % (rng.randrange(100), rng.randrange(1 << 16)) if rng.random() < 0.7 else b"-")
        name = b"".join(bytes([len(label)]) + label for label in labels) + REPORTS
        return Question(name, rng.choice((wire.A, wire.TXT, wire.AAAA, wire.ANY, wire.SOA)), None)

    def address(self):
        rng = self.rng
        zone = rng.choice((ZONE, ZONE, NX_ZONE))
        if rng.random() < 0.7:
            address = ipaddress.IPv4Address(rng.choice((0x0a000000, 0x0a420000, 0xc0000200, 0x08080000)) +
                                            rng.randrange(1 << rng.choice((8, 16, 24))) % (1 << 24))
            label = rng.choice((str(address), str(address).replace(".", "-")))
        else:
            address = ipaddress.IPv6Address((0x20010db8 << 96) + rng.randrange(1 << rng.choice((16, 64, 96))))
            label = str(address).replace(":", "-")
            if label.endswith("-") or label[2:4] == "--" or "--" in label and label.startswith("-"):
                label = address.exploded.replace(":", "-")
        if zone == ZONE and rng.random() < 0.2:
            label = "%0*x" % (8 if address.version == 4 else 32, int(address))
        exists = address.version == 6 or zone == NX_ZONE and address.is_private or \
            any(address in net for net in ALLOW if net.version == 4)
        if zone == NX_ZONE:
            exists = True
        elif address.version == 4 and address in DENY:
            exists = False
        expected = "ND" if exists else "NX"
        own = wire.A if address.version == 4 else wire.AAAA
        qtype = rng.choice((wire.A, wire.AAAA, rng.choice(self.types)))
        where = rng.random()
        if where < 0.05:
            label = "r%d.%s" % (rng.randrange(100), label)
            expected = "NX"
        elif where < 0.1 and address.version == 4 and label.count(".") == 3:
            label = label.split(".", rng.randrange(1, 4))[-1]
            expected = "ND"
        elif where < 0.15:
            label = rng.choice(("256.1.2.3", "01-2-3-4", "1-2-3", "1.2.3.4.5", "--1--", "g" * 8, "1" * 9))
            expected = "NX" if zone == NX_ZONE and label != "1.2.3.4.5" else None
        elif exists and qtype in (own, wire.ANY):
            expected = (own, address.packed)
        if self.dns64_in_front and qtype == wire.AAAA:
            expected = None
        return Question(wire.encode("%s.%s" % (label, zone)), qtype, expected)


class Violation(AssertionError):
    pass


class Run:
    """One resolver, asked for some seconds."""

    def __init__(self, resolver, records, rng, rule, chain):
        self.resolver = resolver
        self.records = {wire.encode(k.to_text()): v for k, v in records.records.items()}
        self.rng = rng
        self.rule = rule
        self.dns64 = "dns64" in chain
        self.dns64_in_front = chain.startswith("dns64")
        self.authority = 0 if "subnetcache" in chain or self.dns64 else 0x400
        self.generator = Generator(rng, self.dns64_in_front, "report" in resolver.modules)
        self.hot = [self.generator.make() for _ in range(1500)]
        self.seen = {}
        self.fine = set()
        self.asked = self.lost = 0
        self.snoops = "allow_snoop" in resolver.server
        # what is under way, by socket and id
        self.pending = {}
        self.sockets = []
        for source in SOURCES * 2:
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            sock.bind((source, 0))
            sock.connect((resolver.address, resolver.port))
            sock.setblocking(False)
            self.sockets.append((sock, source))

    def is_filtered(self, name, source):
        """Whether AAAA of a name is not to be seen."""
        if self.rule.get("clients") and source != "127.0.0.2":
            return False
        if not self.is_ruled(name):
            return False
        return self.rule.get("when") != "only-if-a" or \
            wire.A in self.records.get(name, ()) and not any(label.startswith(b"dead") for label in labels_of(name))

    @staticmethod
    def is_ruled(name):
        return any(wire.is_below(name, z) for z in FILTERED) and not any(wire.is_below(name, z) for z in EXCEPT)

    @staticmethod
    def is_computed(name):
        """Whether a job makes the answer: a site name, what begins as an address does, or a report."""
        return any(wire.is_below(name, z) for z in SITES) or wire.is_below(name, NX_APEX) and name != NX_APEX or \
            wire.is_below(name, APEX) and name[1:2].isdigit() or wire.is_below(name, REPORTS)

    # -- asking -----------------------------------------------------------------------------------
    def send(self, sock, source, ident):
        rng = self.rng
        question = rng.choice(self.hot)
        if rng.random() < 0.03:
            question = self.hot[rng.randrange(len(self.hot))] = self.generator.make()
        flags, qclass, options, dnssec = 0x0100, IN, b"", False
        chance = rng.random()
        if chance < 0.4:
            flags |= rng.choice((0x10, 0x20, 0x30))
        if 0.2 < chance < 0.6:
            dnssec = rng.random() < 0.5
            options = struct.pack("!BHHIH", 0, wire.OPT, 4096, 0x8000 if dnssec else 0, 0)
        elif chance > 0.97:
            qclass = rng.choice(CLASSES)
        elif chance > 0.94 and self.snoops:     # who may not is refused, from Unbound 1.26 on not more than 100 times a second
            flags &= ~0x0100
        name = question.name
        if rng.random() < 0.2:
            name = bytes(c ^ 0x20 if 65 <= c & 0xdf <= 90 and rng.random() < 0.5 else c for c in name)
        asked = name + struct.pack("!HH", question.qtype, qclass)
        out = struct.pack("!HHHHHH", ident, flags, 1, 0, 0, len(options) > 0) + asked + options
        self.pending[sock, ident] = (question, qclass, flags, dnssec, asked, source, out, time.monotonic(), 0)
        self.asked += 1
        self.put(sock, out)

    def put(self, sock, out):
        try:
            sock.send(out)
        except (BlockingIOError, ConnectionRefusedError):
            if not self.resolver.alive():
                raise Violation("unbound ended:\n" + self.resolver.log()) from None

    def run(self, seconds):
        selector = selectors.DefaultSelector()
        for sock, source in self.sockets:
            selector.register(sock, selectors.EVENT_READ, source)
        begin = time.monotonic()
        sending, next_look, idents = True, begin + 1, [0] * len(self.sockets)
        while sending or self.pending:
            if sending:
                room = (200 - len(self.pending)) // len(self.sockets)
                for index, (sock, source) in enumerate(self.sockets):
                    for _ in range(max(room, 0)):
                        idents[index] = (idents[index] + 1) & 0xffff
                        if (sock, idents[index]) not in self.pending:
                            self.send(sock, source, idents[index])
            for event, _ in selector.select(0.5):
                try:
                    while True:
                        self.take(event.fileobj, event.fileobj.recv(65535))
                except (BlockingIOError, ConnectionRefusedError):
                    pass
            now = time.monotonic()
            if now > next_look:
                next_look = now + 1
                sending = now < begin + seconds
                self.look_for_lost(now)
        for sock, _ in self.sockets:
            sock.close()
        self.compare_aliases()

    def look_for_lost(self, now):
        """A datagram may get lost, or a question be refused a slot: it is asked again."""
        for (sock, ident), state in list(self.pending.items()):
            if now - state[7] < PATIENCE:
                continue
            self.lost += 1
            if state[8] == 3:
                self.fail(state, "it was not answered in %d tries of %d s" % (state[8] + 1, PATIENCE))
            self.pending[sock, ident] = state[:7] + (now, state[8] + 1)
            self.put(sock, state[6])

    # -- looking ----------------------------------------------------------------------------------
    def take(self, sock, answer):
        if len(answer) < 12:
            raise Violation("an answer of %d octets" % len(answer))
        state = self.pending.pop((sock, answer[0] << 8 | answer[1]), None)
        if state is None:
            return  # of a question that was asked twice
        question, qclass, flags, _, asked, source = state[:6]
        end = 12 + len(asked)
        if answer[12:end] != asked:
            self.fail(state, "the question is not echoed", answer)
        if not answer[2] & 0x80 or answer[2] & 0x78:
            self.fail(state, "the header is not one of an answer", answer)
        fact = (question, qclass, flags, source, answer[2:12], answer[end:])
        if fact in self.fine:
            return
        self.check(state, answer)
        if len(self.fine) > 100000:
            self.fine.clear()
        self.fine.add(fact)

    def check(self, state, answer):
        question, qclass, asked_flags, dnssec, _, source = state[:6]
        try:
            flags, (an, ns, ar) = wire.parse(answer)
        except (wire.Malformed, IndexError, struct.error) as error:
            self.fail(state, "malformed: %r" % error, answer)
        rcode, truncated = flags & 15, flags & 0x200
        if qclass != IN or not asked_flags & 0x100 or truncated:
            return
        for owner, rrtype, rdata, _ in an + ns + ar:
            if rrtype == wire.AAAA and self.is_filtered(owner, source) and \
                    not (self.dns64_in_front and rdata.startswith(bytes.fromhex("0064ff9b"))):
                self.fail(state, "an AAAA of a filtered owner", answer)
            if rrtype in (wire.HTTPS, wire.SVCB):
                target, keys = wire.service_target(rdata)
                if 6 in keys and self.is_filtered(owner if target == b"\0" else target, source):
                    self.fail(state, "an ipv6hint for a filtered name", answer)
        chain = [question.name] + [rdata for _, rrtype, rdata, _ in an if rrtype == wire.CNAME]
        if rcode == 2:
            if not any(label.startswith(MAY_FAIL) for label in labels_of(question.name)):
                self.fail(state, "SERVFAIL without a reason", answer)
            return
        if rcode not in (0, 3):
            self.fail(state, "rcode %d" % rcode, answer)
        composed = question.expected is not None or any(self.is_computed(name) for name in chain[1:]) or question.qtype == wire.AAAA and any(self.is_filtered(name, source) for name in chain)
        if flags & 0x20 and composed and (question.expected is not None or question.qtype not in (wire.ANY, wire.CNAME)):
            self.fail(state, "AD on what is composed", answer)
        if question.expected is not None:
            self.check_expected(state, answer, rcode, an, ns)
        # of ANY, and of CNAME below a DNAME, Unbound tells what it happens to have
        elif question.qtype == wire.ANY or question.qtype == wire.CNAME and any(r[1] == wire.DNAME for r in an):
            return
        self.check_sections(state, answer, rcode, an, ns)
        # each report is one
        if wire.is_below(question.name, REPORTS):
            if rcode != 0:
                self.fail(state, "rcode %d" % rcode, answer)
            return
        # of a large set each answer has other records
        if any(owner == LARGE for owner, _, _, _ in an):
            return
        # clients who share the resolution of an alias may share that they get no AAAA
        if self.rule.get("clients") and question.qtype in (wire.AAAA, wire.HTTPS, wire.SVCB):
            return
        # what subnetcache and dns64 have answered by a query of their own is not authoritative
        found = (rcode, flags & self.authority, *(tuple(sorted((o, t, d) for o, t, d, _ in section if t not in (
            wire.RRSIG, wire.NSEC))) for section in ((an, ns) if "minimal-responses: no" in self.resolver.server
                                                     else (an, ns, ar))))
        if "minimal-responses: no" in self.resolver.server and an:
            found = found[:3]
        # dns64 makes nothing up for who asks with CD (RFC 6147 section 5.5)
        ident = (question.name, question.qtype, source if self.rule.get("clients") else None,
                 asked_flags & 0x10 if self.dns64 and question.qtype == wire.AAAA else 0)
        first = self.seen.setdefault(ident, (found, answer))
        if first[0] != found:
            self.fail(state, "another answer than the first, which was\n%s\n" %
                      dns.message.from_wire(first[1]), answer)
        if len(self.seen) > 200000:
            self.seen.clear()

    def check_sections(self, state, answer, rcode, an, ns):
        """Negative answers have one SOA, positive ones none."""
        question = state[0]
        last = question.name
        for owner, rrtype, rdata, _ in an:
            if rrtype == wire.CNAME and owner == last:
                last = rdata
        is_positive = any(o == last and t == question.qtype for o, t, _, _ in an) or \
            question.qtype in (wire.ANY, wire.CNAME) and bool(an)
        soas = sum(1 for _, t, _, _ in ns if t == wire.SOA)
        if rcode == 3 and question.qtype == wire.AAAA and last == question.name and \
                self.rule.get("answer") == "nxdomain" and self.is_ruled(last) and not an + ns:
            return
        if soas != (not is_positive):
            self.fail(state, "%d SOA records in the authority section" % soas, answer)

    def check_expected(self, state, answer, rcode, an, ns):
        question = state[0]
        expected = question.expected
        if rcode != (3 if expected == "NX" else 0):
            self.fail(state, "rcode %d" % rcode, answer)
        if isinstance(expected, tuple):
            if [(o, t, d) for o, t, d, _ in an] != [(question.name,) + expected]:
                self.fail(state, "not the address of the name", answer)
        elif an or not any(wire.is_below(question.name, o) and t == wire.SOA for o, t, _, _ in ns):
            self.fail(state, "expected is %s" % expected, answer)

    def compare_aliases(self):
        """Behind an alias stands what its target says when asked directly."""
        for (name, qtype, source, cd), (found, answer) in self.seen.items():
            # dns64 in front makes AAAA of the A records of a filtered alias
            if qtype == wire.CNAME or self.dns64_in_front and qtype == wire.AAAA:
                continue
            target = next((d for o, t, d in found[2] if t == wire.CNAME and o == name), None)
            direct = self.seen.get((target, qtype, source, cd))
            # a site name that is nowhere is so for AAAA, too: A decides
            if direct is None or found[0] == 3 and qtype == wire.AAAA and any(wire.is_below(name, z) for z in SITES):
                continue
            behind = [r for r in found[2] if r[1] != wire.DNAME and not (r[0] == name and r[1] == wire.CNAME)]
            wanted = [r for r in direct[0][2] if r[1] != wire.DNAME]
            bare = direct[0][0] == 3 and not wanted and not direct[0][3]
            if behind != wanted or found[0] != (0 if bare else direct[0][0]):
                raise Violation("behind an alias stands\n%s\nand when asked directly\n%s" % (
                    dns.message.from_wire(answer), dns.message.from_wire(direct[1])))

    def fail(self, state, problem, answer=None):
        question, qclass, flags, dnssec, _, source = state[:6]
        raise Violation("%s, type %d, class %d, flags %04x%s, from %s: %s\n%s\n" % (
            ".".join(l.decode("latin-1") for l in labels_of(question.name)), question.qtype, qclass, flags,
            " DO" if dnssec else "", source, problem, dns.message.from_wire(answer) if answer else ""))


def labels_of(name):
    out, at = [], 0
    while name[at]:
        out.append(name[at + 1:at + 1 + name[at]])
        at += 1 + name[at]
    return out


@pytest.mark.parametrize("setup", SETUPS)
def test_random(lab, setup, tmp_path):
    chain, server, rule = SETUPS[setup]
    rng = random.Random("%d %s" % (SEED, setup))
    records = Data(RECORDS, APEXES, ent=True)
    if "signed" in setup:
        anchors = [records.sign("example.com."), records.sign("test.")]
        # Unbound takes an alias to a name that is not there for proof that nothing is below the alias
        server += '\nharden-below-nxdomain: no\ndomain-insecure: "auth.test"' + "".join('\ntrust-anchor: "%s"' % a for a in anchors)
        records.signed[key("test.")].make_bogus("bad.test.", "CNAME")
    upstream = Quick(records)
    lab.upstreams.append(upstream)
    for owner in SERVFAIL:
        upstream.rule("servfail", owner)
    extra = ""
    if setup == "auth-zone":
        extra = AUTH_ZONE.replace("@FOLDER@", str(tmp_path))
        lines = [line for line in RECORDS.splitlines() if line.split()[:1] and
                 line.split()[0].endswith("auth.test.")]
        with open(tmp_path / "auth.test.zone", "w", encoding="utf-8") as file:
            file.write("auth.test. 600 SOA ns.auth.test. hm.auth.test. 1 7200 3600 86400 900\n"
                       "auth.test. 600 NS ns.auth.test.\nns.auth.test. 600 A 127.0.0.1\n" +
                       "".join(line.replace(" 600 ", " 600 IN ", 1) + "\n" for line in lines))
    conf = dict(CONF, noaaaa=[dict(CONF["noaaaa"][0], **rule)], report=dict(CONF["report"], log=str(tmp_path / "reports.jsonl")))
    modules = ("synth", "noaaaa") + (("large", "report") if setup == "all jobs" else ())
    resolver = lab.resolver(upstream=upstream, modules=modules, conf=conf, module_config=chain, server=server,
                            extra=extra)
    run = Run(resolver, records, rng, rule, chain)
    try:
        run.run(SECONDS / len(SETUPS))
    except Violation as violation:
        raise AssertionError("%s, SITEBOUND_RANDOM_SEED=%d, %d questions: %s" % (
            setup, SEED, run.asked, violation)) from None
    finally:
        print("%s: %d questions, %d asked again, seed %d" % (setup, run.asked, run.lost, SEED))
    assert resolver.new_log() == ""
