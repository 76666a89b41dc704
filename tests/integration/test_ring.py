# SPDX-License-Identifier: BSD-3-Clause
"""Ring names: KEY.tracks.ring.example.com is answered by the member of a ring who owns the key. The ring is made of SRV
and TXT records that the resolver looks up: from a scripted upstream, and from BIND where it is there."""

import bisect
import hashlib
import os
import random
import re
import shutil
import signal
import subprocess
import time

import pytest

import data
import tabletest
from harness import Expect, Pending, StartError, free_port, has_option, missing, unbound_program
from upstream import Data
from upstream import key as data_key

pytestmark = pytest.mark.needs("synth")

R = "tracks.ring.example.com."
SERVICE = "_tracks._hm.lon6.example.net."
CONFIG = "config." + SERVICE
ZONES = ("example.net.", "hosts.example.net.")
APEXES = data.APEXES + ("example.net.",)
SYNTHESIZED = 29


def expand(text):
    return re.sub(r"\bR\b", R.rstrip("."), text)


class Member:
    """A member: its SRV record, its tokens (hexadecimal words; None: no such name) and its addresses."""

    def __init__(self, host, *tokens, port=8080, priority=1, weight=2, a=None, aaaa=None, ttl=600):
        self.host = host + ".hosts.example.net."
        self.tokens = None if tokens == (None,) else tokens
        self.port = port
        self.srv = "%d %d %d %s" % (priority, weight, port, self.host)
        self.a = a
        self.aaaa = aaaa
        self.ttl = ttl
        self.tokens_name = "tokens.%d.%s" % (port, self.host)

    def lines(self):
        out = ["%s 600 SRV %s" % (SERVICE, self.srv)]
        for word in self.tokens or ():
            out.append('%s %d TXT "%s"' % (self.tokens_name, self.ttl, word))
        out += ["%s 600 A %s" % (self.host, self.a)] if self.a else []
        out += ["%s 600 AAAA %s" % (self.host, self.aaaa)] if self.aaaa else []
        return out


A = Member("a", "40", a="10.0.0.1", aaaa="2001:db8::a")
B = Member("b", "80", a="10.0.0.2", port=8081)
C = Member("c", "c0", a="10.0.0.3")
THREE = (A, B, C)


def records(members, config="hash=sha1", config_ttl=600):
    """All records of a ring, as lines."""
    out = [line for member in members for line in member.lines()]
    if config is not None:
        out.append('%s %d TXT %s' % (CONFIG, config_ttl, config if config.startswith('"') else '"%s"' % config))
    return "\n".join(dict.fromkeys(out))


def ring_data(members, config="hash=sha1", **options):
    """The same as an upstream's data."""
    out = Data(apexes=APEXES)
    rrsets = {}
    for line in records(members, config, **options).splitlines():
        owner, ttl, rtype, rdata = line.split(None, 3)
        rrsets.setdefault((owner, int(ttl), rtype), []).append(rdata)
    for rrset, values in rrsets.items():
        out.add(*rrset, *values)
    return out


def conf(**changes):
    ring = {"zone": R.rstrip("."), "service": SERVICE.rstrip("."), "ttl": 60}
    ring.update({k.replace("_", "-"): v for k, v in changes.items()})
    return {"synth": {"ring-names": [ring]}}


def start(lab, members=THREE, config="hash=sha1", changes=None, upstream=None, **options):
    options.setdefault("conf", conf(**changes or {}))
    options.setdefault("modules", ("synth",))
    return lab.resolver(upstream=upstream or lab.upstream(ring_data(members, config)), **options)


def key(text, digest="sha1"):
    """A position as the TXT answer has it."""
    return text.lower().ljust(2 * hashlib.new(digest).digest_size, "0")


def txt(position, member, digest="sha1", token=None):
    return 'TXT "key=%s token=%s host=%s port=%d"' % (key(position, digest), key(token or member.tokens[0], digest),
                                                      member.host.rstrip("."), member.port)


def srv(member):
    return "SRV %s @60" % member.srv


def expect(lab, resolver, question, text, **options):
    """Ask by every way, twice; the answer is the same. With AD never."""
    for _ in range(2):
        for way in ({}, {"edns": 0}, {"do": True, "ad": True}, {"cd": True}, {"tcp": True}):
            lab.expect(resolver, question, text, expand, repeat=True, **way, **options)


def test_memory_is_told(lab):
    """get_mem counts what is kept of a ring: an entry for each of its tokens."""
    def told(count):
        member = Member("a", *["%06x" % (i * 256) for i in range(count)], a="10.0.0.1")
        resolver = start(lab, [member], server="extended-statistics: yes")
        before = resolver.stats()["mem.mod.dynlibmod"]
        expect(lab, resolver, "40.R SRV", srv(member))
        return resolver.stats()["mem.mod.dynlibmod"] - before
    few, many = told(1), told(101)
    assert few > 0 and many >= few + 100 * 20


# -- who owns what ------------------------------------------------------------------------------
@pytest.mark.parametrize("left, owner", [
    ("0", A), ("3f", A), ("40", A), ("4", A), ("40" + 38 * "0", A), ("40" + 37 * "0" + "1", B), ("41", B), ("80", B),
    ("C0", C), ("c0" + 37 * "0" + "1", A), ("f" * 40, A), ("d34db33f", A), ("D34DB33F", A),
    ("r1.40", B), ("R2.40", C), ("r1.ff", B), ("r1.c0", A), ("r3.40", None), ("r1000.40", None), ("r0.40", None),
    ("r01.40", None), ("f" * 41, None), ("g", None), ("h-", None), ("40.40", None), ("x.r1.40", None), ("r1", None),
    ("*", None), ("\\000", None), ("-4", None)])
def test_owner(module_lab, left, owner):
    resolver = three(module_lab)
    for qtype in ("SRV", "ANY"):
        expect(module_lab, resolver, "%s.R %s" % (left, qtype), srv(owner) if owner else "NX(R)")
    if owner is None:
        for qtype in ("A", "TXT", "MX", "CNAME"):
            expect(module_lab, resolver, "%s.R %s" % (left, qtype), "NX(R)")


def three(module_lab):
    if not hasattr(module_lab, "three"):
        module_lab.three = start(module_lab, threads=2)
    return module_lab.three


@pytest.mark.parametrize("question, expected", [
    ("41.R SRV", srv(B)),
    ("41.R TXT", txt("41", B)),
    ("41.R A", "CNAME b.hosts.example.net. @60 + A 10.0.0.2"),
    ("41.R AAAA", "CNAME b.hosts.example.net. @60 + NODATA"),
    ("r2.41.R AAAA", "CNAME a.hosts.example.net. @60 + AAAA 2001:db8::a"),
    ("r2.41.R TXT", txt("41", A)),
    ("41.R CNAME", "CNAME b.hosts.example.net. @60"),
    ("41.R ANY", srv(B)),
    ("41.R MX", "ND(R)"), ("41.R NS", "ND(R)"), ("41.R DS", "ND(R)"), ("41.R HTTPS", "ND(R)"), ("41.R SOA", "ND(R)"),
    ("R SOA", "SOA(R)"), ("R A", "ND(R)"), ("R SRV", "ND(R)"), ("R TXT", "ND(R)"),
    ("x.R A", "NX(R)"), ("ring.example.com A", "UP NXDOMAIN"), ("41.xring.example.com SRV", "UP NXDOMAIN"),
])
def test_types(module_lab, question, expected):
    expect(module_lab, three(module_lab), question, expected)
    tabletest.settle(three(module_lab))


def test_class_and_case(module_lab):
    resolver = three(module_lab)
    assert resolver.ask(expand("41.R"), "SRV", qclass="CH").answer == []
    expect(module_lab, resolver, "41.TRACKS.Ring.example.com SRV", srv(B))


def test_ede(lab):
    resolver = start(lab, ede=True)
    for question in ("41.R SRV", "41.R A", "41.R MX", "x.R A"):
        qname, qtype = expand(question).split()
        for _ in range(2):
            assert resolver.ask(qname, qtype, edns=0).ede() == [SYNTHESIZED], question
            assert resolver.ask(qname, qtype).ede() == []


def test_flags(module_lab):
    """Computed answers have AA, those with something resolved behind have not; as with other kinds of names."""
    resolver = three(module_lab)
    for question, aa in (("41.R SRV", True), ("41.R TXT", True), ("41.R MX", True), ("x.R A", True), ("41.R A", False)):
        assert resolver.ask(*expand(question).split()).flag("AA") == aa, question


@pytest.mark.parametrize("config, digest", [
    ("hash=sha1", "sha1"), ("hash=md5", "md5"), ("hash=sha256", "sha256"), ("HASH=SHA256", "sha256"), (None, "sha1"),
    ("slaves=1", "sha1"), ('"hash=md5" "slaves=1"', "md5"), ("slaves=1 hash=md5 other=x", "md5")])
def test_config(lab, config, digest):
    """The hash of h- names, what is as long as a position, and how many replicas there are."""
    resolver = start(lab, config=config)
    for label in ("x", "Track-42", "d34db33f"):
        position = hashlib.new(digest, label.lower().encode()).hexdigest()
        owner = THREE[bisect.bisect_left(["40", "80", "c0"], position[:2] if position[2:].strip("0") == "" else
                                         position[:2] + "1") % 3]
        expect(lab, resolver, "h-%s.R SRV" % label, srv(owner))
        expect(lab, resolver, "h-%s.R TXT" % label, txt(position, owner, digest))
    size = 2 * hashlib.new(digest).digest_size
    # (a label does not hold the last digit of SHA-256)
    expect(lab, resolver, "%s.R SRV" % ("0" * min(size, 63)), srv(A))
    if size < 63:
        expect(lab, resolver, "%s.R SRV" % ("0" * (size + 1)), "NX(R)")
    expect(lab, resolver, "r1.40.R SRV", srv(B))
    expect(lab, resolver, "r2.40.R SRV", "NX(R)" if config and "slaves" in config else srv(C))
    tabletest.settle(resolver)


def test_replica_by_hash(lab):
    """The N-th replica owns the N times hashed position."""
    resolver = start(lab, changes={"replica": "hash"})
    position = bytes.fromhex(key("41"))
    for number in range(1, 6):
        position = hashlib.sha1(position).digest()
        owner = THREE[[m for m in range(4) if m == 3 or position <= bytes.fromhex(key(THREE[m].tokens[0]))][0] % 3]
        expect(lab, resolver, "r%d.41.R TXT" % number, txt(position.hex(), owner))


def test_templates(lab):
    """Other names for tokens and configuration."""
    upstream_data = Data("""
        %s 600 SRV 1 2 8080 a.hosts.example.net.
        %s 600 SRV 1 2 8081 b.hosts.example.net.
        p8080.a.hosts.example.net.ring.example.org. 600 TXT 10
        p8081.b.hosts.example.net.ring.example.org. 600 TXT 90
        settings.example.org. 600 TXT hash=md5
        """ % (SERVICE, SERVICE), apexes=APEXES)
    resolver = start(lab, upstream=lab.upstream(upstream_data),
                     changes={"tokens": "p{port}.{host}.ring.example.org", "config": "settings.example.org"})
    expect(lab, resolver, "11.R SRV", "SRV 1 2 8081 b.hosts.example.net.")
    expect(lab, resolver, "%s.R SRV" % ("0" * 32), "SRV 1 2 8080 a.hosts.example.net.")
    expect(lab, resolver, "%s.R SRV" % ("0" * 33), "NX(R)")


# -- what a ring is made of ---------------------------------------------------------------------
@pytest.mark.parametrize("members, owners", [
    # one member has it all; it has no replica
    ((A,), {"0": A, "40": A, "41": A, "ff": A, "r1.0": None}),
    # no member
    ((), {"0": None, "ff": None, "h-x": None}),
    # the root as a target is no member (RFC 2782)
    ((A, B), {"0": A, "41": B, "81": A}),
    # without a token: left out
    ((A, Member("n", None), B), {"0": A, "41": B, "81": A, "r1.0": B, "r2.0": None}),
    ((Member("n", None),), {"0": None, "41": None}),
    # bad tokens, alone and beside a good one
    ((A, Member("x", "xyz", "4g", "0x41", "", "f" * 41), B), {"0": A, "41": B, "81": A}),
    ((A, Member("x", "zz", "60", a="10.0.0.9"), B), {"41": Member("x", "60"), "61": B}),
    # several tokens: in one string, in one record, in several
    ((A, Member("m", "10 60", "d0")), {"0": Member("m"), "11": A, "41": Member("m"), "61": Member("m"), "d1": Member("m")}),
    # one token of two members: the first by priority, then by host
    ((Member("z", "40", priority=0), A), {"0": Member("z", priority=0), "ff": Member("z", priority=0)}),
    ((Member("z", "40"), A), {"0": A, "ff": A}),
    # two ports of one host
    ((Member("h", "40", port=1), Member("h", "80", port=2)), {"0": Member("h", port=1), "41": Member("h", port=2)}),
    # one host and port twice: one name for both
    ((Member("h", "40", priority=1), Member("h", "40", priority=2)), {"0": Member("h", priority=1)}),
    # short tokens are aligned left, case does not matter
    ((Member("s", "4"), Member("t", "AbCdEf")), {"40": Member("s"), "41": Member("t"), "abcdef": Member("t"),
                                                "abcdef01": Member("s")}),
], ids=str)
def test_members(lab, members, owners):
    resolver = start(lab, members)
    for left, owner in owners.items():
        for qtype in ("SRV", "ANY"):
            expect(lab, resolver, "%s.R %s" % (left, qtype), srv(owner) if owner else "NX(R)")
        if owner is None:
            expect(lab, resolver, "%s.R A" % left, "NX(R)")
    tabletest.settle(resolver)


def events(lab, resolver):
    """The counters of the job, from the metrics that a stop writes."""
    resolver.stop()
    with open(os.path.join(lab.folder, "prom"), encoding="utf-8") as file:
        text = file.read()
    out = {name: int(value) for name, value in re.findall(r'synth_events_total\{event="(\w+)"\} (\d+)', text)}
    out.update({kind: int(value) for kind, value in re.findall(
        r'synth_answers_total\{zone="%s",kind="(\w+)"\} (\d+)' % re.escape(R.rstrip(".")), text) if int(value)})
    return out


def metrics(lab, text):
    return dict(text, metrics=os.path.join(lab.folder, "prom"))


def test_counters(lab):
    members = (A, B, Member("n", None), Member("n", None, port=1), Member("x", "zz", "ff" * 30), Member("d", "40"))
    resolver = start(lab, members, conf=metrics(lab, conf()))
    for question in ("41.R SRV", "41.R A", "41.R TXT", "41.R MX", "x.R A", "R SOA"):
        resolver.ask(*expand(question).split())
    assert events(lab, resolver) == {
        "rings_built": 1, "rings_failed": 0, "ring_members_without_token": 3, "ring_bad_tokens": 2,
        "ring_duplicate_tokens": 1, "ring": 3, "nodata": 1, "nxdomain": 1, "soa": 1}


def reference(members, digest="sha1"):
    """A function from a position to its owner, by another way: a sorted list."""
    tokens = sorted((key(token, digest), index) for index, member in enumerate(members) for token in member.tokens)

    def owner(position):
        at = bisect.bisect_left(tokens, (key(position, digest), -1))
        return members[tokens[at % len(tokens)][1]]
    return owner


def many(count, tokens=3, seed=7):
    chance = random.Random(seed)
    return [Member("m%d" % i, *["%040x" % chance.getrandbits(160) for _ in range(tokens)]) for i in range(count)]


def check_many(resolver, members, keys=300):
    owner = reference(members)
    chance = random.Random(3)
    positions = ["%040x" % chance.getrandbits(160) for _ in range(keys)]
    positions += ["0", "f" * 40] + [m.tokens[0] for m in members[:20]]
    for position in positions:
        response = resolver.ask("%s.%s" % (position, R), "SRV", edns=0, timeout=180)
        assert response.data("SRV") == [owner(position).srv], "%s\n%s" % (position, response)


@pytest.mark.parametrize("forward", [False, True], ids=["stub", "forward"])
def test_thousand_members(lab, forward):
    members = many(1000)
    resolver = start(lab, members, forward=forward)
    check_many(resolver, members)
    assert resolver.upstream.count(SERVICE, "SRV") in (1, 2)  # over UDP, then TCP
    counts = resolver.upstream.seen()
    assert all(counts[(m.tokens_name, "TXT")] == 1 for m in members)
    tabletest.settle(resolver)


# -- built once ---------------------------------------------------------------------------------
@pytest.mark.parametrize("threads", [1, 2, 4])
def test_asked_once_by_many(lab, threads):
    """Two hundred ask while the first part is held; each part is asked for once, whatever thread they came to."""
    resolver = start(lab, threads=threads, server="so-reuseport: yes")
    upstream = resolver.upstream
    upstream.rule("hold", SERVICE)
    pending = [Pending((resolver.address, resolver.port), "%x.%s" % (i, R), ("SRV", "A", "TXT", "MX")[i % 4], edns=0)
               for i in range(200)]
    upstream.wait_for(SERVICE, "SRV")
    resolver.wait_queries(200)
    upstream.release()
    for i, one in enumerate(pending):
        response = one.result(20)
        assert response.rcode == "NOERROR" and (i % 4 == 3 or response.answer), str(response)
    counts = resolver.upstream.seen()
    for qname, qtype in [(SERVICE, "SRV"), (CONFIG, "TXT")] + [(m.tokens_name, "TXT") for m in THREE]:
        assert counts[(qname, qtype)] == 1, counts
    tabletest.settle(resolver)


def test_built_on_without_the_client(lab):
    """Unbound gives up a client whose answer takes longer than discard-timeout; the ring is there for the next question."""
    if not has_option(unbound_program("unbound"), "discard-timeout"):
        pytest.skip("this Unbound gives up no client")
    resolver = start(lab, server="discard-timeout: 100")
    resolver.upstream.rule("hold", CONFIG)
    pending = Pending((resolver.address, resolver.port), "0." + R, "SRV")
    resolver.upstream.wait_for(CONFIG, "TXT")
    with pytest.raises(TimeoutError):
        pending.result(0.5)
    resolver.upstream.release()
    for member in THREE:
        resolver.upstream.wait_for(member.tokens_name, "TXT")
    asked = resolver.upstream.count(CONFIG)

    def is_there():
        try:
            return resolver.ask("0." + R, "SRV", timeout=1).rcode == "NOERROR"
        except TimeoutError:
            return False
    wait_until(is_there)
    assert resolver.upstream.count(CONFIG) == asked


def test_not_too_many_at_once(lab):
    """Of a thousand members no more than 32 are asked for at a time."""
    members = many(200)
    resolver = start(lab, members)
    for member in members:
        resolver.upstream.rule("hold", member.tokens_name)
    pending = Pending((resolver.address, resolver.port), "0." + R, "SRV")
    seen = set()

    def held():
        """The names asked for since; a question that Unbound asks again is no other one."""
        return {wire[12:].split(b"\0")[0] for wire, _, _ in list(resolver.upstream.held)} - seen

    while len(seen) < 200:
        want = min(32, 200 - len(seen))
        deadline = time.monotonic() + 10
        while len(held()) < want:
            assert time.monotonic() < deadline, (len(seen), len(held()))
            time.sleep(0.002)
        # nobody else comes: an answer to another question has been all the way meanwhile
        resolver.ask("www.example.com.", "A")
        assert len(held()) == want
        seen |= held()
        resolver.upstream.answer_held()
    assert pending.result(20).rcode == "NOERROR"


def test_no_question_waits_for_others(lab):
    """While a ring is built, other names and other rings are answered."""
    both = conf()
    both["synth"]["ring-names"].append({"zone": "other.example.com", "service": "_o.example.net"})
    upstream_data = ring_data(THREE)
    upstream_data.add("_o.example.net.", 600, "SRV", C.srv)
    resolver = start(lab, upstream=lab.upstream(upstream_data), conf=both)
    resolver.upstream.rule("hold", A.tokens_name)
    pending = Pending((resolver.address, resolver.port), "0." + R, "SRV")
    resolver.upstream.wait_for(A.tokens_name)
    lab.expect(resolver, "0.other.example.com SRV", srv(C), expand)
    lab.expect(resolver, "x.R SRV", "NX(R)", expand)
    resolver.upstream.release()
    assert pending.result().data("SRV") == [A.srv]


def test_the_works_own_name(lab):
    """The name under which a ring is built is as others that are no key, also meanwhile."""
    resolver = start(lab)
    resolver.upstream.rule("hold", A.tokens_name)
    pending = Pending((resolver.address, resolver.port), "0." + R, "SRV")
    resolver.upstream.wait_for(A.tokens_name)
    joined = Pending((resolver.address, resolver.port), "*." + R, "NULL")
    lab.expect(resolver, "*.R NULL", "NX(R)", expand, cd=True)
    resolver.upstream.release()
    assert pending.result().data("SRV") == [A.srv]
    assert Expect("NX(R)", expand).check(joined.result()) is None
    expect(lab, resolver, "*.R NULL", "NX(R)")


# -- its life -----------------------------------------------------------------------------------
PARTS = {"service": SERVICE, "config": CONFIG, "tokens": B.tokens_name}


def with_ttl(ttl, part=None):
    """A ring whose parts, or one of them, live for ttl seconds."""
    upstream_data = ring_data(THREE)
    for owner in [PARTS[part]] if part else list(PARTS.values()) + [A.tokens_name, C.tokens_name]:
        for rrset in upstream_data.records[data_key(owner)].values():
            rrset.ttl = ttl
    return upstream_data


def wait_until(condition, timeout=10):
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("part", list(PARTS))
def test_smallest_ttl(lab, part):
    """The ring ends with the first of its parts, and is built anew; the others are in the cache still."""
    resolver = start(lab, upstream=lab.upstream(with_ttl(2, part)))
    response = resolver.ask(expand("41.R"), "SRV")
    assert response.data("SRV") == [B.srv] and response.answer[0][1] <= 2, str(response)
    for qtype in ("TXT", "A"):
        assert resolver.ask(expand("41.R"), qtype).answer[0][1] <= 2
    assert resolver.upstream.count(PARTS[part]) == 1
    wait_until(lambda: resolver.ask(expand("41.R"), "SRV").data("SRV") and resolver.upstream.count(PARTS[part]) > 1)
    others = [owner for name, owner in PARTS.items() if name != part]
    assert [resolver.upstream.count(owner) for owner in others] == [1, 1]
    tabletest.settle(resolver)


def test_negative_parts_have_a_life(lab):
    """No service and no token are known for as long as a resolver knows them."""
    resolver = start(lab, (), config=None, server="cache-max-negative-ttl: 1")
    lab.expect(resolver, "0.R SRV", "NX(R)", expand)
    resolver.upstream.data = ring_data(THREE)
    wait_until(lambda: resolver.ask(expand("0.R"), "SRV").rcode == "NOERROR")
    lab.expect(resolver, "41.R SRV", srv(B), expand, repeat=True)


@pytest.mark.parametrize("part", list(PARTS))
def test_no_time_at_all(lab, part):
    """A part with TTL 0: who waits gets an answer, which nobody may keep."""
    resolver = start(lab, upstream=lab.upstream(with_ttl(0, part)))
    for _ in range(3):
        response = resolver.ask(expand("41.R"), "SRV")
        assert response.data("SRV") == [B.srv] and response.answer[0][1] == 0, str(response)
    assert resolver.upstream.count(PARTS[part], "SRV" if part == "service" else "TXT") == 3


def test_changes_come_with_the_next_ring(lab):
    resolver = start(lab, upstream=lab.upstream(with_ttl(2)))
    lab.expect(resolver, "61.R SRV", srv(B), expand, repeat=True)
    resolver.upstream.data.add(SERVICE, 2, "SRV", Member("n").srv)
    resolver.upstream.data.add(Member("n").tokens_name, 2, "TXT", "70")
    wait_until(lambda: resolver.ask(expand("61.R"), "SRV").data("SRV") == [Member("n").srv])
    lab.expect(resolver, "71.R SRV", srv(B), expand, repeat=True)


# -- failures -----------------------------------------------------------------------------------
BAD = dict(PARTS, first=A.tokens_name, last=C.tokens_name)


@pytest.mark.parametrize("action", ["servfail", "refused"])
@pytest.mark.parametrize("part", list(BAD))
def test_failure_of_a_part(lab, part, action):
    """No ring without all its parts: SERVFAIL; and no longer than the failure lasts."""
    resolver = start(lab)
    resolver.upstream.rule(action, BAD[part])
    for question in ("41.R SRV", "41.R A", "41.R TXT", "41.R MX", "h-x.R SRV", "r1.41.R SRV"):
        for way in ({}, {"edns": 0}, {"do": True, "cd": True}):
            lab.expect(resolver, question, "SERVFAIL", expand, **way)
    for question, expected in (("x.R SRV", "NX(R)"), ("R SOA", "SOA(R)"), ("R A", "ND(R)")):
        lab.expect(resolver, question, expected, expand)
    resolver.upstream.rule(None, BAD[part])
    resolver.flush()
    expect(lab, resolver, "41.R SRV", srv(B))
    tabletest.settle(resolver)


def test_failure_of_the_host(lab):
    """A host that cannot be resolved is an error of its addresses only; one that is not there is none."""
    resolver = start(lab, (A, Member("gone", "80")))
    resolver.upstream.rule("servfail", A.host)
    lab.expect(resolver, "40.R A", "SERVFAIL", expand)
    expect(lab, resolver, "40.R SRV", srv(A))
    expect(lab, resolver, "80.R A", "CNAME gone.hosts.example.net. @60 + NXDOMAIN")
    expect(lab, resolver, "80.R CNAME", "CNAME gone.hosts.example.net. @60")


@pytest.mark.parametrize("word", ["hash=crc32", "hash=", "hash=sha1x", "slaves=many", "slaves=-1", "slaves=1000"])
def test_bad_config(lab, word):
    """A configuration that is not understood: better no answer than a wrong one."""
    resolver = start(lab, config=word)
    for question in ("41.R SRV", "41.R A"):
        lab.expect(resolver, question, "SERVFAIL", expand)
    tabletest.settle(resolver)


@pytest.mark.parametrize("part", list(BAD))
@pytest.mark.parametrize("serve", ["yes", "limited", "no"])
def test_stale(lab, part, serve):
    """The old ring answers while there is no new one, where unbound.conf has serve-expired; then its time ends."""
    server = {"yes": "serve-expired: yes\nserve-expired-ttl: 3600\nserve-expired-reply-ttl: 7",
              "limited": "serve-expired: yes\nserve-expired-ttl: 2", "no": ""}[serve]
    resolver = start(lab, upstream=lab.upstream(with_ttl(1)), server=server, conf=metrics(lab, conf()))
    lab.expect(resolver, "41.R SRV", srv(B).replace("@60", ""), expand)
    resolver.upstream.rule("servfail", BAD[part])
    if serve == "no":
        wait_until(lambda: resolver.ask(expand("41.R"), "SRV").rcode == "SERVFAIL")
        lab.expect(resolver, "41.R A", "SERVFAIL", expand)
        return
    ttl = 7 if serve == "yes" else 30

    def is_stale():
        response = resolver.ask(expand("41.R"), "SRV")
        assert response.data("SRV") == [B.srv], str(response)
        return response.answer[0][1] == ttl
    wait_until(is_stale)
    lab.expect(resolver, "41.R TXT", txt("41", B) + " @%d" % ttl, expand)
    lab.expect(resolver, "41.R MX", "ND(R)", expand)
    if serve == "limited":
        wait_until(lambda: resolver.ask(expand("41.R"), "SRV").rcode == "SERVFAIL")
    else:
        resolver.upstream.rule(None, BAD[part])
        resolver.flush()
        wait_until(lambda: not is_stale())
        counts = events(lab, resolver)
        assert counts["ring_stale"] >= 2 and counts["rings_failed"] >= 1 and counts["rings_built"] >= 2, counts


def test_stale_while_it_is_built(lab):
    """One waits for the new ring; the others need not, and have the old one."""
    resolver = start(lab, upstream=lab.upstream(with_ttl(1)), server="serve-expired: yes\nserve-expired-ttl: 3600")
    lab.expect(resolver, "41.R SRV", srv(B).replace("@60", ""), expand)
    resolver.upstream.rule("hold", B.tokens_name)
    pending = []

    def is_asked():
        pending.append(Pending((resolver.address, resolver.port), "%x.%s" % (len(pending), R), "SRV"))
        return resolver.upstream.count(B.tokens_name) > 1
    wait_until(is_asked)
    for left, owner in (("41", B), ("81", C), ("c1", A)):
        lab.expect(resolver, left + ".R SRV", srv(owner).replace("@60", "@30"), expand)
    resolver.upstream.release()
    assert all(one.result().rcode == "NOERROR" for one in pending)


# -- DNSSEC -------------------------------------------------------------------------------------
def signed(lab, bogus=None, **options):
    upstream_data = ring_data(THREE)
    anchor = upstream_data.sign("example.net.")
    if bogus:
        upstream_data.signed[data_key("example.net.")].make_bogus(bogus)
    return start(lab, upstream=lab.upstream(upstream_data), server='trust-anchor: "%s"' % anchor, **options)


def test_signed_parts(lab):
    """Parts are validated; the answer is not, and AD is never set."""
    resolver = signed(lab)
    assert resolver.ask(SERVICE, "SRV", do=True).flag("AD")
    for question, expected in (("41.R SRV", srv(B)), ("41.R TXT", txt("41", B)), ("41.R MX", "ND(R)"),
                               ("r9.41.R SRV", "NX(R)")):
        expect(lab, resolver, question, expected)
    response = resolver.ask(expand("41.R"), "A", do=True)
    assert response.types() == ["CNAME", "A", "RRSIG"] and not response.flag("AD"), str(response)
    tabletest.settle(resolver)


@pytest.mark.parametrize("part", list(PARTS))
def test_bogus_part(lab, part):
    resolver = signed(lab, PARTS[part])
    for way in ({}, {"do": True}, {"cd": True}, {"cd": True, "do": True}):
        lab.expect(resolver, "41.R SRV", "SERVFAIL", expand, **way)
        lab.expect(resolver, "41.R A", "SERVFAIL", expand, **way)


def test_bogus_host(lab):
    """The host's addresses are for who asks with CD; that does not get about."""
    resolver = signed(lab, B.host)
    for _ in range(2):
        lab.expect(resolver, "41.R A", "SERVFAIL", expand, do=True)
        assert resolver.ask(expand("41.R"), "A", cd=True).data("A") == ["10.0.0.2"]
        lab.expect(resolver, "41.R A", "SERVFAIL", expand)
        lab.expect(resolver, "41.R SRV", srv(B), expand, repeat=True)


# -- the message cache, aliases -----------------------------------------------------------------
@pytest.mark.parametrize("chain", ["dynlib validator iterator", "dynlib iterator"])
@pytest.mark.parametrize("forward", [False, True], ids=["stub", "forward"])
def test_cache_says_nothing_else(lab, chain, forward):
    """Upstream has its own idea of the names; by whatever way it comes in, it does not show."""
    upstream_data = ring_data(THREE)
    for owner in ("41." + R, "x." + R, "r1.41." + R, "*." + R):
        upstream_data.add(owner, 600, "A", "192.0.2.66")
        upstream_data.add(owner, 600, "SRV", "0 0 1 wrong.example.net.")
    upstream_data.add("mx.test.", 600, "MX", "10 41." + R)
    upstream_data.additional[(data_key("mx.test."), 15)] = list(upstream_data.records[data_key("41." + R)].values())
    resolver = start(lab, upstream=lab.upstream(upstream_data), module_config=chain, forward=forward,
                     server="qname-minimisation: yes\nminimal-responses: no")
    for qname, qtype in (("mx.test.", "MX"), ("foo.bar.41." + R, "A"), ("41." + R, "CH")):
        resolver.ask(qname, "A" if qtype == "CH" else qtype, qclass="CH" if qtype == "CH" else "IN")
    lines = (("41.R SRV", srv(B)), ("41.R A", "CNAME b.hosts.example.net. @60 + A 10.0.0.2"), ("41.R MX", "ND(R)"),
             ("x.R A", "NX(R)"), ("r1.41.R SRV", srv(C)), ("foo.41.R A", "NX(R)"), ("R A", "ND(R)"))
    for ordered in (lines, lines[::-1]):
        for question, expected in ordered:
            expect(lab, resolver, question, expected)
    assert not [line for line in resolver.cached_messages(R) if key_of(line) != data_key(R)]
    tabletest.settle(resolver)


def key_of(line):
    return data_key(line.split()[1])


@pytest.mark.parametrize("chain", ["dynlib validator iterator", "dynlib iterator"])
@pytest.mark.parametrize("forward", [False, True], ids=["stub", "forward"])
def test_alias_from_elsewhere(lab, chain, forward):
    upstream_data = ring_data(THREE)
    for owner, target in (("key.test.", "41." + R), ("none.test.", "x." + R), ("two.test.", "key.test.")):
        upstream_data.add(owner, 600, "CNAME", target)
    resolver = start(lab, upstream=lab.upstream(upstream_data), module_config=chain, forward=forward)
    for _ in range(2):
        for question, expected in (
                ("key.test SRV", "CNAME 41.R + SRV " + B.srv),
                ("key.test A", "CNAME 41.R + CNAME b.hosts.example.net. + A 10.0.0.2"),
                ("key.test TXT", "CNAME 41.R + " + txt("41", B)),
                ("key.test MX", "CNAME 41.R + ND(R)"),
                ("two.test SRV", "CNAME key.test + CNAME 41.R + SRV " + B.srv),
                ("none.test SRV", "CNAME x.R + NX(R)"),
                ("key.test CNAME", "CNAME 41.R")):
            for way in ({}, {"do": True}, {"cd": True}):
                lab.expect(resolver, question, expected, expand, repeat=True, **way)
    tabletest.settle(resolver)


@pytest.mark.parametrize("forward", [False, True], ids=["stub", "forward"])
def test_loops(lab, forward):
    """A host that is an alias of a key, a service that is one, rings that need each other: SERVFAIL, and soon."""
    loop = Member("loop", "80")
    upstream_data = ring_data((A, loop))
    upstream_data.add(loop.host, 600, "CNAME", "80." + R)
    upstream_data.add("_one.example.net.", 600, "CNAME", "1.two.example.com.")
    upstream_data.add("_two.example.net.", 600, "CNAME", "1.one.example.com.")
    text = conf()
    text["synth"]["ring-names"] += [{"zone": "one.example.com", "service": "_one.example.net"},
                                    {"zone": "two.example.com", "service": "_two.example.net"},
                                    {"zone": "three.example.com", "service": "1.four.example.com"},
                                    {"zone": "four.example.com", "service": "1.three.example.com"}]
    resolver = start(lab, upstream=lab.upstream(upstream_data), conf=text, forward=forward)
    began = time.monotonic()
    for _ in range(2):
        for question in ("80.R A", "1.one.example.com SRV", "1.two.example.com A", "1.three.example.com SRV"):
            lab.expect(resolver, question, "SERVFAIL", expand)
        lab.expect(resolver, "0.R A", "CNAME a.hosts.example.net. + A 10.0.0.1", expand)
    assert time.monotonic() - began < 5
    tabletest.settle(resolver)


def test_host_in_noaaaa(lab):
    """What noaaaa says of the host stands; the rest of the answer is synth's."""
    if unbound_program("unbound") is None:
        missing("no Unbound")
    text = dict(conf(), noaaaa=[{"zones": ["hosts.example.net"], "answer": "nodata"},
                                {"zones": [R.rstrip(".")], "answer": "nodata"}])
    resolver = start(lab, modules=("synth", "noaaaa"), conf=text)
    expect(lab, resolver, "40.R AAAA", "CNAME a.hosts.example.net. @60 + NODATA(hosts.example.net)")
    expect(lab, resolver, "40.R A", "CNAME a.hosts.example.net. @60 + A 10.0.0.1")


@pytest.mark.parametrize("chain", ["dynlib dns64 validator iterator", "dns64 dynlib validator iterator",
                                   "dns64 dynlib iterator"])
def test_dns64(lab, chain):
    """Whatever dns64 makes of a host without AAAA, it makes at first and again; it stores nothing of ours."""
    resolver = start(lab, module_config=chain, server="dns64-prefix: 64:ff9b::/96")
    lines = (("41.R SRV", srv(B)), ("41.R A", "CNAME b.hosts.example.net. @60 + A 10.0.0.2"),
             ("41.R AAAA", "CNAME b.hosts.example.net. @60 + AAAA 64:ff9b::a00:2"), ("41.R MX", "ND(R)"),
             ("x.R AAAA", "NX(R)"), ("40.R AAAA", "CNAME a.hosts.example.net. @60 + AAAA 2001:db8::a"))
    for ordered in (lines, lines[::-1]):
        for question, expected in ordered * 2:
            for way in ({}, {"do": True}, {"tcp": True}):
                lab.expect(resolver, question, expected, expand, repeat=True, **way)
    assert not [line for line in resolver.cached_messages(R) if key_of(line) != data_key(R)]
    tabletest.settle(resolver)


def test_respip(lab):
    """response-ip changes the addresses behind a key as those of any name."""
    resolver = start(lab, module_config="dynlib respip validator iterator", server="""
        response-ip: 10.0.0.2/32 redirect
        response-ip-data: 10.0.0.2/32 "A 192.0.2.250"
        """)
    for _ in range(3):
        lab.expect(resolver, "41.R A", "CNAME b.hosts.example.net. + A 192.0.2.250", expand, repeat=True)
        lab.expect(resolver, "40.R A", "CNAME a.hosts.example.net. + A 10.0.0.1", expand, repeat=True)


def test_without_recursion(lab):
    """A ring is the resolver's own business: RD=0 gets the same of it."""
    resolver = start(lab, server="access-control: 127.0.0.0/8 allow_snoop")
    for question, expected in (("41.R SRV", srv(B)), ("41.R TXT", txt("41", B)), ("41.R MX", "ND(R)"), ("x.R A", "NX(R)")):
        lab.expect(resolver, question, expected, expand, rd=False)
        lab.expect(resolver, question, expected, expand, repeat=True)


# -- switches, reloads --------------------------------------------------------------------------
VIEW = 'view:\n  name: "sitebound"\n  view-first: yes\n'


def switch(resolver, position, zone=R):
    how = {"on": "view_local_zone sitebound %s transparent", "off": "view_local_zone sitebound %s refuse"}[position]
    assert resolver.control(how % (zone + "synth.")).startswith("ok")


def test_switch(lab):
    """Off: as without the module. On again: another ring, made of what is there then."""
    resolver = start(lab, extra=VIEW)
    expect(lab, resolver, "41.R SRV", srv(B))
    switch(resolver, "off")
    wait_until(lambda: resolver.ask(expand("41.R"), "SRV").rcode == "NXDOMAIN")
    for question in ("41.R SRV", "41.R A", "R A"):
        lab.expect(resolver, question, "UP NXDOMAIN", expand)
    resolver.upstream.data = ring_data((A,))
    resolver.flush()
    switch(resolver, "on")
    wait_until(lambda: resolver.ask(expand("41.R"), "SRV").rcode == "NOERROR")
    expect(lab, resolver, "41.R SRV", srv(A))
    tabletest.settle(resolver)


@pytest.mark.parametrize("how", ["reload", "reload_keep_cache", "SIGHUP"])
def test_reload(lab, how):
    """A reload drops the ring, also one that is being built, and who waits for it."""
    resolver = start(lab, threads=2)
    expect(lab, resolver, "41.R SRV", srv(B))
    resolver.upstream.data = ring_data((A,))
    resolver.reload(how)
    resolver.flush()
    resolver.upstream.rule("hold", A.tokens_name)
    pending = [Pending((resolver.address, resolver.port), "%x.%s" % (i, R), "SRV") for i in range(20)]
    resolver.upstream.wait_for(A.tokens_name, count=2)
    resolver.reload(how)
    resolver.upstream.release()
    resolver.mark_log()
    expect(lab, resolver, "41.R SRV", srv(A))
    for one in pending:
        one.sock.close()
    tabletest.settle(resolver)


def test_jobs_apart(lab):
    resolver = start(lab, apart=True)
    expect(lab, resolver, "41.R SRV", srv(B))
    expect(lab, resolver, "41.R A", "CNAME b.hosts.example.net. @60 + A 10.0.0.2")


def test_refused_at_start(lab):
    with pytest.raises(StartError) as error:
        start(lab, changes={"service": "x." + R.rstrip(".")})
    assert "the ring would be built from itself" in error.value.log


# -- BIND ---------------------------------------------------------------------------------------
class Bind:
    """named with the zone of the ring."""

    def __init__(self, folder, text):
        self.folder = os.path.join(str(folder), "named")
        os.makedirs(self.folder)
        self.port = free_port()
        with open(os.path.join(self.folder, "zone"), "w", encoding="utf-8") as out:
            out.write("example.net. 600 SOA ns.example.net. hm.example.net. 1 3600 600 86400 60\n"
                      "example.net. 600 NS ns.example.net.\nns.example.net. 600 A 127.0.0.1\n%s\n" % text)
        conf_file = os.path.join(self.folder, "named.conf")
        with open(conf_file, "w", encoding="utf-8") as out:
            out.write("""options { directory "%s"; port %d; listen-on port %d { 127.0.0.1; }; listen-on-v6 { none; };
    pid-file none; session-keyfile "session.key"; recursion no; dnssec-validation no; notify no;
    max-records-per-type 0; };
controls { };
zone "example.net" { type primary; file "zone"; };
""" % (self.folder, self.port, self.port))
        self.log_path = os.path.join(self.folder, "log")
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen([program(), "-g", "-4", "-n", "1", "-c", conf_file], cwd=self.folder,
                                            stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        wait_until(lambda: self.process.poll() is None and " running\n" in self.log(), 20)

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)


def program():
    return shutil.which("named", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


@pytest.mark.parametrize("count", [1, 3, 1000])
def test_before_bind(lab, count):
    if program() is None:
        missing("named is not installed")
    members = many(count) if count > 3 else THREE[:count]
    bind = Bind(lab.folder, records(members))
    try:
        resolver = lab.resolver(modules=("synth",), conf=conf(), extra="""
stub-zone:
  name: "example.net."
  stub-addr: 127.0.0.1@%d
""" % bind.port)
        check_many(resolver, members, 100)
        if count <= 3:
            expect(lab, resolver, "0.R A", "CNAME a.hosts.example.net. @60 + A 10.0.0.1")
            expect(lab, resolver, "0.R TXT", txt("0", A))
            expect(lab, resolver, "0.R MX", "ND(R)")
        tabletest.settle(resolver)
    finally:
        bind.stop()
