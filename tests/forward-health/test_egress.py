# SPDX-License-Identifier: BSD-3-Clause
"""conf/egress as it is shipped, with a real Unbound: what forward-health and the nameservers ask of it while servers on the
internet are silent."""
import os
import re
import signal
import socket
import subprocess

import dns.dnssec
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rrset
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from daemon import TOP, Bench, free_port, unbound_program, wait

ADDRESS = "127.0.0.1"


def signed(zone):
    """The text of a small signed zone, and the anchor to trust it by."""
    key = ec.generate_private_key(ec.SECP256R1())
    apex = dns.name.from_text(zone)
    public = dns.dnssec.make_dnskey(key.public_key(), "ECDSAP256SHA256", flags=257)
    sets = [dns.rrset.from_text(apex, 60, "IN", kind, text) for kind, text in (
        ("SOA", "ns.%s h.%s 1 3600 600 86400 60" % (zone, zone)), ("NS", "ns." + zone), ("DNSKEY", public.to_text()),
        ("NSEC", "ns.%s NS SOA RRSIG NSEC DNSKEY" % zone))]
    sets += [dns.rrset.from_text("ns." + zone, 60, "IN", "A", "127.0.0.1"),
             dns.rrset.from_text("ns." + zone, 60, "IN", "NSEC", "%s A RRSIG NSEC" % zone)]
    for one in list(sets):
        seal = dns.dnssec.sign(one, key, apex, public, lifetime=86400)
        sets.append(dns.rrset.from_rdata(one.name, one.ttl, seal))
    return "\n".join(s.to_text() for s in sets) + "\n", "%s DNSKEY %s" % (zone, public.to_text())


class Egress(Bench):
    def authority(self, zone, text):
        """Unbound with one zone; gives the process and its port."""
        port = free_port()
        self.set(zone + "zone", text)
        self.set(zone + "conf", """server:
  module-config: "iterator"
  interface: %s@%d
  do-daemonize: no
  username: ""
  chroot: ""
  directory: "%s"
  pidfile: ""
  use-syslog: no
  num-threads: 1
auth-zone:
  name: "%s"
  zonefile: "%s"
  for-upstream: no
""" % (ADDRESS, port, self.folder, zone, self.path(zone + "zone")))
        return self.start([unbound_program(), "-d", "-c", self.path(zone + "conf")], zone + "log"), port

    def egress(self, stubs, anchors=(), change=lambda text: text):
        """The shipped file, with another "this machine"."""
        self.port = free_port()
        here = ["server:", '  username: ""', '  directory: "%s"' % self.folder, '  pidfile: ""', "  use-syslog: no",
                "  interface: %s@%d" % (ADDRESS, self.port), "  access-control: 127.0.0.0/8 allow", "  do-not-query-localhost: no"]
        here += ["  trust-anchor: '%s'" % a for a in anchors]
        for zone, port in stubs.items():
            here += ["stub-zone:", "  name: " + zone, "  stub-addr: %s@%d" % (ADDRESS, port)]
        with open(os.path.join(TOP, "conf", "egress", "unbound.conf")) as file:
            text = file.read().replace('"dynlib validator', '"validator')
        text, found = re.subn(r"(?ms)^# >>> this machine\n.*?^# <<< this machine\n", lambda _: "\n".join(here) + "\n", change(text))
        assert found == 1
        self.set("egress.conf", text)
        if not knows_wait_limit(self, "egress.conf"):   # what the file tells whoever has such an Unbound to do
            self.set("egress.conf", text.replace("\twait-limit: 0\n", ""))
        self.start([unbound_program(), "-d", "-c", self.path("egress.conf")], "egress.log")

    def ask(self, name, seconds=5.0, flags=0):
        """The answer, or None."""
        query = dns.message.make_query(name, "A", want_dnssec=True)
        query.flags |= flags
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
            line.settimeout(seconds)
            line.connect((ADDRESS, self.port))
            try:
                line.send(query.to_wire())
                return dns.message.from_wire(line.recv(4096))
            except OSError:
                return None

    def right(self, name, seconds=5.0):
        answer = self.ask(name, seconds)
        return answer is not None and answer.rcode() == dns.rcode.NXDOMAIN


@pytest.fixture
def bench(tmp_path):
    made = Egress(tmp_path)
    yield made
    made.close()


@pytest.mark.parametrize("option, cached", [("no", False), ("yes", True)], ids=["shipped", "default"])
def test_signed_owner_is_asked_each_time(bench, option, cached):
    """A probe of the shipped shape below a signed owner in which the name "probe" does not exist: qname-minimisation brings a
    secure denial of that name into the cache. With Unbound's default it answers every later probe, whatever the line does."""
    text, anchor = signed("owner.com.")
    owner, port = bench.authority("owner.com.", text)
    bench.egress({"owner.com.": port}, [anchor], lambda conf: conf.replace("harden-below-nxdomain: no", "harden-below-nxdomain: " + option))
    assert wait(lambda: bench.right("r1.probe.owner.com", 1.0)), open(bench.path("egress.log")).read()
    assert bench.ask("r2.probe.owner.com").flags & dns.flags.AD
    os.kill(owner.pid, signal.SIGSTOP)
    assert bench.right("r3.probe.owner.com", 1.0) == cached


def knows_wait_limit(bench, name):
    return subprocess.run([unbound_program("unbound-checkconf"), "-o", "wait-limit", bench.path(name)], check=False,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0


def zone_of(name):
    return "%s 60 IN SOA ns.%s h.%s 1 3600 600 86400 0\n%s 60 IN NS ns.%s\nns.%s 60 IN A 127.0.0.1\n" % ((name,) * 6)


@pytest.mark.parametrize("silenced", [False, True], ids=["shipped", "default"])
def test_silent_owner_does_not_silence_the_rest(bench, silenced):
    """More than a thousand questions of one nameserver wait for one domain: those for others are answered all the same. With
    Unbound's default they are not."""
    bench.set("empty.conf", "server:\n")
    if not knows_wait_limit(bench, "empty.conf"):
        pytest.skip("this Unbound knows no wait-limit, and so has none")
    # from Unbound 1.23 on the default is not for loopback addresses
    everyone = "\twait-limit-netblock: 127.0.0.0/8 1000\n"
    bench.set("everyone.conf", "server:\n" + everyone)
    default = everyone if knows_wait_limit(bench, "everyone.conf") else ""
    ill, ill_port = bench.authority("ill.net.", zone_of("ill.net."))
    _, well_port = bench.authority("well.org.", zone_of("well.org."))
    bench.egress({"ill.net.": ill_port, "well.org.": well_port},
                 change=lambda conf: conf.replace("\twait-limit: 0\n", default) if silenced else conf)
    assert wait(lambda: bench.right("x.well.org", 1.0) and bench.right("x.ill.net", 1.0)), open(bench.path("egress.log")).read()
    os.kill(ill.pid, signal.SIGSTOP)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.connect((ADDRESS, bench.port))
        for batch in range(12):
            for _ in range(100):
                line.send(dns.message.make_query("slow.ill.net", "A").to_wire())
            assert bench.right("n%d.well.org" % batch, 2.0) or silenced, "not answered while %d wait" % (100 * batch + 100)
    assert bench.right("last.well.org", 1.0) != silenced
