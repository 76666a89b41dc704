# SPDX-License-Identifier: BSD-3-Clause
"""A scripted authoritative server (and forwarder) on loopback, which counts what it is asked.

It answers over UDP and TCP, on 127.0.0.1 and, where the machine has it, on ::1 with the same port.
A query with RD=1 is answered as a recursive forwarder would (CNAME chains followed), one with RD=0 as an
authoritative server for the whole tree (a CNAME alone, the resolver asks for its target).
"""

import collections
import selectors
import socket
import struct
import threading
import time

import dns.dnssec
import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.ANY.NSEC
import dns.rrset

IN = dns.rdataclass.IN
NEGATIVE_TTL = 900


def name(text):
    """A dns.name.Name from text, absolute."""
    return text if isinstance(text, dns.name.Name) else dns.name.from_text(text)


def key(owner):
    return name(owner).canonicalize()


def rdtype(text):
    return text if isinstance(text, int) else dns.rdatatype.from_text(text)


class Data:
    """Records by owner and type. `ent` says whether empty non-terminals exist (NODATA) or not (NXDOMAIN)."""

    def __init__(self, text="", apexes=(".",), ent=False):
        self.ent = ent
        self.apexes = {key(a) for a in apexes}
        self.records = {}
        self.additional = {}
        self.authority = {}
        self.signed = {}
        for line in text.splitlines():
            line = line.split(";")[0].strip()
            if line:
                owner, ttl, rtype, rest = line.split(None, 3)
                self.add(owner, int(ttl), rtype, rest)

    def copy(self):
        new = Data(ent=self.ent)
        new.apexes = set(self.apexes)
        new.records = {k: dict(v) for k, v in self.records.items()}
        new.additional = dict(self.additional)
        new.authority = dict(self.authority)
        new.signed = dict(self.signed)
        return new

    def add(self, owner, ttl, rtype, *values):
        """Add records; the owner keeps the case it is written in."""
        rtype = rdtype(rtype)
        node = self.records.setdefault(key(owner), {})
        old = node.get(rtype)
        rrset = dns.rrset.RRset(name(owner), IN, rtype)
        rrset.ttl = ttl
        if old is not None:
            for rdata in old:
                rrset.add(rdata, ttl)
        for value in values:
            rrset.add(dns.rdata.from_text(IN, rtype, value), ttl)
        node[rtype] = rrset
        return self

    def remove(self, owner, rtype=None):
        if rtype is None:
            self.records.pop(key(owner), None)
        else:
            self.records.get(key(owner), {}).pop(rdtype(rtype), None)

    def apex_of(self, owner):
        owner = key(owner)
        while owner not in self.apexes:
            owner = owner.parent()
        return owner

    def soa(self, apex):
        rrset = dns.rrset.RRset(apex, IN, dns.rdatatype.SOA)
        rrset.add(dns.rdata.from_text(IN, dns.rdatatype.SOA,
                                      "ns.upstream.invalid. hm.upstream.invalid. 1 7200 3600 86400 %d"
                                      % NEGATIVE_TTL), NEGATIVE_TTL)
        return rrset

    def exists(self, owner):
        owner = key(owner)
        if owner in self.records or owner in self.apexes:
            return True
        return self.ent and any(k.is_subdomain(owner) for k in self.records)

    def dname_above(self, owner):
        """The DNAME of the nearest name above one, or None."""
        owner = key(owner)
        while owner != dns.name.root:
            owner = owner.parent()
            found = self.records.get(owner, {}).get(dns.rdatatype.DNAME)
            if found is not None:
                return found
        return None

    # DNSSEC: a zone is signed as a whole, with one key, an NSEC chain and no wildcards.
    def sign(self, apex):
        """Sign everything at and below `apex`; return the trust anchor as text."""
        from cryptography.hazmat.primitives.asymmetric import ed25519
        apex = key(apex)
        self.apexes.add(apex)
        private = ed25519.Ed25519PrivateKey.generate()
        dnskey = dns.dnssec.make_dnskey(private.public_key(), dns.dnssec.Algorithm.ED25519,
                                        flags=257)
        zone = SignedZone(apex, private, dnskey)
        node = self.records.setdefault(apex, {})
        rrset = dns.rrset.RRset(apex, IN, dns.rdatatype.DNSKEY)
        rrset.add(dnskey, 3600)
        node[dns.rdatatype.DNSKEY] = rrset
        node[dns.rdatatype.SOA] = self.soa(apex)
        self.signed[apex] = zone
        zone.build(self)
        return "%s DS %s" % (apex, dns.dnssec.make_ds(apex, dnskey, "SHA256").to_text())


class SignedZone:
    """The RRSIG and NSEC records of one zone."""

    def __init__(self, apex, private, dnskey):
        self.apex = apex
        self.private = private
        self.dnskey = dnskey
        self.signatures = {}
        self.chain = []
        self.nsec = {}
        self.bogus = set()

    def build(self, data):
        self.chain = sorted(k for k in data.records if data.apex_of(k) == self.apex)
        for index, owner in enumerate(self.chain):
            types = sorted(set(data.records[owner]) |
                           {dns.rdatatype.NSEC, dns.rdatatype.RRSIG})
            following = self.chain[(index + 1) % len(self.chain)]
            rrset = dns.rrset.RRset(owner, IN, dns.rdatatype.NSEC)
            text = "%s %s" % (following, " ".join(dns.rdatatype.to_text(t) for t in types))
            rrset.add(dns.rdata.from_text(IN, dns.rdatatype.NSEC, text), NEGATIVE_TTL)
            self.nsec[owner] = rrset
        self.signatures.clear()

    def signature(self, rrset):
        ident = (rrset.name.canonicalize(), rrset.rdtype)
        if ident not in self.signatures:
            now = time.time()
            plain = dns.rrset.RRset(rrset.name.canonicalize(), IN, rrset.rdtype)
            for rdata in rrset:
                plain.add(rdata, rrset.ttl)
            rrsig = dns.dnssec.sign(plain, self.private, self.apex, self.dnskey,
                                    inception=now - 3600, expiration=now + 86400)
            if ident in self.bogus or (rrset.rdtype != dns.rdatatype.NSEC and
                                       (ident[0], dns.rdatatype.ANY) in self.bogus):
                broken = bytes([rrsig.signature[0] ^ 0x55]) + rrsig.signature[1:]
                rrsig = rrsig.replace(signature=broken)
            out = dns.rrset.RRset(rrset.name, IN, dns.rdatatype.RRSIG, rrset.rdtype)
            out.add(rrsig, rrset.ttl)
            self.signatures[ident] = out
        return self.signatures[ident]

    def make_bogus(self, owner, rtype="ANY"):
        """From now on the signatures at this name (of one type, or all but the NSEC) do not verify."""
        self.bogus.add((key(owner), rdtype(rtype)))
        self.signatures.clear()

    def covering(self, owner):
        owner = key(owner)
        before = [k for k in self.chain if k <= owner]
        return self.nsec[before[-1] if before else self.chain[-1]]


class Upstream:
    """The server. `queries` is what arrived, as (qname in lower case with final dot, qtype) pairs."""

    def __init__(self, data):
        self.data = data
        self.lock = threading.RLock()
        self.arrived = threading.Condition(self.lock)
        self.queries = []
        self.rules = {}
        self.client_subnets = False     # answers are for the subnet of the client (RFC 7871)
        self.held = []
        self.tcp = []
        self.running = True
        self._open()
        self.wake, self.woken = socket.socketpair()
        self.thread = threading.Thread(target=self._loop, daemon=True)
        self.thread.start()

    # -- sockets --------------------------------------------------------------------------------
    def _open(self):
        for _ in range(50):
            opened = []
            try:
                listener = socket.create_server(("127.0.0.1", 0), backlog=64)
                opened.append(listener)
                self.port = listener.getsockname()[1]
                udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                opened.append(udp)
                udp.bind(("127.0.0.1", self.port))
                self.has_ipv6 = True
                try:
                    udp6 = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
                    opened.append(udp6)
                    udp6.bind(("::1", self.port))
                except OSError as error:
                    if error.errno == 98:
                        raise
                    self.has_ipv6 = False
                self.listener = listener
                self.sockets = opened
                for sock in opened[1:]:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
                return
            except OSError:
                for sock in opened:
                    sock.close()
        raise RuntimeError("no free loopback port")

    def close(self):
        self.running = False
        try:
            self.wake.send(b"x")
        except OSError:
            pass  # the loop has just looked, and ended
        self.thread.join(5)

    def _loop(self):
        selector = selectors.DefaultSelector()
        woken = self.woken
        selector.register(woken, selectors.EVENT_READ, "wake")
        for sock in self.sockets:
            kind = "listen" if sock is self.listener else "udp"
            selector.register(sock, selectors.EVENT_READ, kind)
        while self.running:
            for event, _ in selector.select(1):
                if event.data == "udp":
                    try:
                        wire, peer = event.fileobj.recvfrom(65535)
                    except OSError:
                        continue
                    sock = event.fileobj
                    self._query(wire, False, lambda out, s=sock, p=peer: s.sendto(out, p))
                elif event.data == "listen":
                    sock, _ = event.fileobj.accept()
                    threading.Thread(target=self._tcp, args=(sock,), daemon=True).start()
        for sock in self.sockets + [self.wake, woken]:
            sock.close()

    def _tcp(self, sock):
        stream = sock.makefile("rb")
        try:
            while self.running:
                head = stream.read(2)
                if len(head) < 2:
                    break
                wire = stream.read(struct.unpack("!H", head)[0])
                self._query(wire, True, lambda out: sock.sendall(struct.pack("!H", len(out)) + out))
        except OSError:
            pass
        finally:
            stream.close()
            sock.close()

    # -- scripting ------------------------------------------------------------------------------
    def rule(self, action, owner, rtype="ANY"):
        """`servfail`, `refused`, `nxdomain`, `silent`, `hold`, or None for ordinary answers."""
        with self.lock:
            if action is None:
                self.rules.pop((key(owner), rdtype(rtype)), None)
            else:
                self.rules[(key(owner), rdtype(rtype))] = action

    def release(self):
        """Stop holding and answer what was held."""
        with self.lock:
            for ident in [k for k, v in self.rules.items() if v == "hold"]:
                del self.rules[ident]
        self.answer_held()

    def answer_held(self):
        """Answer what was held so far, and go on holding."""
        with self.lock:
            held, self.held = self.held, []
        for wire, tcp, send in held:
            self._answer(wire, tcp, send)

    def wait_for(self, owner, rtype="ANY", count=1, timeout=10):
        """Block until `count` queries for the name have arrived."""
        deadline = time.monotonic() + timeout
        with self.lock:
            while self.count(owner, rtype) < count:
                left = deadline - time.monotonic()
                assert left > 0, "upstream was not asked for %s %s; it was asked %s" % (
                    owner, rtype, self.queries)
                self.arrived.wait(left)

    def count(self, owner=None, rtype="ANY"):
        """How many queries arrived, in all or for one name, for any or one type."""
        with self.lock:
            if owner is None:
                return len(self.queries)
            wanted = key(owner).to_text()
            return sum(1 for n, t in self.queries
                       if n == wanted and rtype in ("ANY", t))

    def count_below(self, owner):
        """How many queries arrived for a name and all below it."""
        with self.lock:
            return sum(1 for n, _ in self.queries if name(n).is_subdomain(key(owner)))

    def clear(self):
        with self.lock:
            self.queries = []

    def seen(self):
        with self.lock:
            return collections.Counter(self.queries)

    # -- answering ------------------------------------------------------------------------------
    def _query(self, wire, tcp, send):
        try:
            query = dns.message.from_wire(wire, ignore_trailing=True)
            question = query.question[0]
        except Exception:
            return
        if query.flags & dns.flags.QR:
            return  # a late answer to who had this port before
        with self.lock:
            self.queries.append((question.name.canonicalize().to_text(),
                                 dns.rdatatype.to_text(question.rdtype)))
            owner = question.name.canonicalize()
            action = self.rules.get((owner, question.rdtype),
                                    self.rules.get((owner, dns.rdatatype.ANY)))
            if action == "hold":
                self.held.append((wire, tcp, send))
            self.arrived.notify_all()
        if action not in ("silent", "hold"):
            self._answer(wire, tcp, send, action)

    def _answer(self, wire, tcp, send, action=None):
        query = dns.message.from_wire(wire, ignore_trailing=True)
        with self.lock:
            response = self.respond(query, action)
            try:
                out = response.to_wire(max_size=65535 if tcp else max(query.payload, 512))
            except dns.exception.TooBig:
                if tcp:
                    return
                response = dns.message.make_response(query)
                response.flags |= dns.flags.AA | dns.flags.TC
                out = response.to_wire()
        try:
            send(out)
        except OSError:
            pass

    def respond(self, query, action=None):
        data = self.data
        response = dns.message.make_response(query, our_payload=4096)
        if self.client_subnets:
            response.use_edns(payload=4096, options=[dns.edns.ECSOption(o.address, o.srclen, o.srclen) for o in query.options
                                                     if o.otype == dns.edns.ECS])
        recursive = bool(query.flags & dns.flags.RD)
        if recursive:
            response.flags |= dns.flags.RA
        else:
            response.flags |= dns.flags.AA
        if action == "servfail":
            response.set_rcode(dns.rcode.SERVFAIL)
            return response
        if action == "refused":
            response.set_rcode(dns.rcode.REFUSED)
            return response
        question = query.question[0]
        dnssec = query.ednsflags & dns.flags.DO
        if question.rdclass != IN:
            response.set_rcode(dns.rcode.REFUSED)
            return response
        owner = question.name
        if action == "nxdomain":
            response.set_rcode(dns.rcode.NXDOMAIN)
            response.authority.append(data.soa(data.apex_of(owner)))
            return response
        rtype = question.rdtype

        def put(section, rrset, owner=None):
            if owner is not None and owner.labels != rrset.name.labels:
                copy = dns.rrset.RRset(owner, IN, rrset.rdtype)
                for rdata in rrset:
                    copy.add(rdata, rrset.ttl)
                rrset = copy
            section.append(rrset)
            zone = data.signed.get(data.apex_of(rrset.name))
            if dnssec and zone is not None:
                section.append(zone.signature(rrset))

        for _ in range(12):
            node = data.records.get(key(owner), {})
            apex = data.apex_of(owner)
            if rtype == dns.rdatatype.SOA and key(owner) == apex:
                put(response.answer, data.soa(apex))
                return response
            if rtype == dns.rdatatype.ANY and node:
                for rrset in node.values():
                    put(response.answer, rrset, owner)
                return response
            if rtype in node:
                put(response.answer, node[rtype], owner)
                for section, extra in ((response.authority, data.authority),
                                       (response.additional, data.additional)):
                    for rrset in extra.get((key(owner), rtype), ()):
                        put(section, rrset)
                return response
            if dns.rdatatype.CNAME in node:
                put(response.answer, node[dns.rdatatype.CNAME], owner)
                if not recursive:
                    return response
                owner = node[dns.rdatatype.CNAME][0].target
                continue
            dname = data.dname_above(owner)
            if dname is not None:
                put(response.answer, dname)
                target = owner.relativize(dname.name) + dname[0].target
                cname = dns.rrset.from_rdata(owner, dname.ttl, dns.rdata.from_text(
                    IN, dns.rdatatype.CNAME, target.to_text()))
                response.answer.append(cname)
                if not recursive:
                    return response
                owner = target
                continue
            break
        put(response.authority, data.soa(apex))
        if not data.exists(owner):
            response.set_rcode(dns.rcode.NXDOMAIN)
        zone = data.signed.get(apex)
        if dnssec and zone is not None:
            nsecs = [zone.covering(owner)]
            if response.rcode() == dns.rcode.NXDOMAIN:
                closest = owner
                while closest != apex and not any(k.is_subdomain(closest) for k in zone.chain):
                    closest = closest.parent()
                wildcard = zone.covering(dns.name.Name((b"*",) + closest.labels))
                if wildcard is not nsecs[0]:
                    nsecs.append(wildcard)
            for nsec in nsecs:
                put(response.authority, nsec)
        return response
