# SPDX-License-Identifier: BSD-3-Clause
"""Two sites and a small internet in network namespaces.

    root, a TLD server, three zone owners      "in"   198.51.100.0/24
      |                        |
    router r1 -- inter-site -- router r2       each with the internal authoritative server 10.N.0.53
      |                        |
    a1 b1  e1 f1  c1         a2 b2  e2 f2      nameservers .11 .12, egress resolvers .21 .22, client .31

Nameservers, egress resolvers and the client run the very files that conf/render writes for an inventory with these
addresses; only directories, the user and the log are those of the laboratory (see localised()).
"""
import fcntl
import importlib.util
import json
import os
import re
import resource
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

import yaml

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
FORWARD_HEALTH = os.path.join(TOP, "contrib", "forward-health", "forward-health")
OWNERS = {"alpha.com": "198.51.100.11", "beta.net": "198.51.100.12", "gamma.org": "198.51.100.13"}
ROOT, TLD = "198.51.100.1", "198.51.100.2"
LIVE = set()        # laboratories that exist now
TIMEOUT = 2.0       # seconds a client waits for an answer
RATE = 20           # its questions a second


def program(name):
    prefix = os.environ.get("UNBOUND_PREFIX")
    for where in ([os.path.join(prefix, "sbin", name)] if prefix else []) + [shutil.which(name),
                                                                            "/usr/sbin/" + name]:
        if where and os.access(where, os.X_OK):
            return where
    raise SystemExit("lab: %s is not there; set UNBOUND_PREFIX" % name)


def missing():
    """Why the lab cannot run here, or None."""
    if os.geteuid() != 0:
        return "not root"
    for name in ("ip", "nft", "dig", "flock", "sysctl"):
        if not shutil.which(name) and not os.path.exists("/usr/sbin/" + name):
            return "%s(8) is missing" % name
    if importlib.util.find_spec("dns") is None:
        return "dnspython is missing"
    probe = "sbprobe%d" % os.getpid()
    made = subprocess.run(["ip", "netns", "add", probe], capture_output=True)
    if made.returncode:
        return "no network namespaces: %s" % made.stderr.decode().strip()
    try:
        nft = subprocess.run(["ip", "netns", "exec", probe, "nft", "add table inet t"], capture_output=True)
        if nft.returncode:
            return "no nftables: %s" % nft.stderr.decode().strip()
    finally:
        subprocess.run(["ip", "netns", "del", probe])
    return None


def wait_for(what, seconds, test, step=0.02):
    """Waits until test() is true; returns the seconds it took; raises when it takes too long."""
    start = time.monotonic()
    while True:
        if test():
            return time.monotonic() - start
        if time.monotonic() - start > seconds:
            raise TimeoutError("%s: not within %g s" % (what, seconds))
        time.sleep(step)


def control(path, command):
    """Asks Unbound over its control socket; the same bytes as unbound-control, without a process."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(2)
        sock.connect(path)
        sock.sendall(("UBCT1 %s\n" % command).encode())
        out = b""
        while True:
            part = sock.recv(65536)
            if not part:
                return out.decode()
            out += part


def raise_limits():
    """As a service manager would: with few file descriptors Unbound cuts down the length of its request list."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for limit in ((65536, max(hard, 65536)), (hard, hard)):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, limit)
            return
        except (ValueError, OSError):
            continue


class Lab:
    def __init__(self, modules=None):
        self.tag = "sb" + secrets.token_hex(3)
        self.dir = tempfile.mkdtemp(prefix="sitebound-lab-")
        self.modules = modules
        self.spaces = []
        self.procs = {}
        self.watch_stop = threading.Event()
        self.forwards = {}          # nameserver -> [(time, set of addresses)]
        self.watcher = None
        self.script = None
        LIVE.add(self)

    # --- processes ---------------------------------------------------------------------------

    def ns(self, name):
        return self.tag + name

    def argv(self, host, argv):
        return ["ip", "netns", "exec", self.ns(host)] + argv

    def path(self, name):
        return os.path.join(self.dir, name)

    def start(self, key, host, argv, **kw):
        log = open(self.path(key + ".log"), "ab")
        self.procs[key] = subprocess.Popen(self.argv(host, argv), stdout=log, stderr=subprocess.STDOUT,
                                           stdin=subprocess.DEVNULL, start_new_session=True, **kw)
        log.close()
        return self.procs[key]

    def run(self, host, *argv, check=True):
        return subprocess.run(self.argv(host, list(argv)), check=check, capture_output=True, text=True).stdout

    def end(self, key, how=signal.SIGTERM):
        proc = self.procs.pop(key, None)
        if proc is None:
            return
        try:
            os.killpg(proc.pid, how)
            os.killpg(proc.pid, signal.SIGCONT)
        except ProcessLookupError:
            pass
        try:
            proc.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(proc.pid, signal.SIGKILL)
            proc.wait()

    # --- the network -------------------------------------------------------------------------

    def hosts(self):
        for site in (1, 2):
            for name, last in (("a", 11), ("b", 12), ("e", 21), ("f", 22)):
                yield site, name + str(site), last
        yield 1, "c1", 31

    def public(self):
        """Hosts on the internet, with their addresses."""
        return {}

    def build(self):
        raise_limits()
        self.spaces = ["in", "r1", "r2"] + [h for _, h, _ in self.hosts()] + list(self.public())
        top = ["netns add " + self.ns(s) for s in self.spaces]
        links = [("in", "i1", "r1", "out"), ("in", "i2", "r2", "out"), ("r1", "cross", "r2", "cross")]
        for site, host, _ in self.hosts():
            links.append(("r%d" % site, "p" + host, host, "eth0"))
        links += [("in", "p" + host, host, "eth0") for host in self.public()]
        for n, (one, dev1, two, dev2) in enumerate(links):
            tmp = "%s%x" % (self.tag, n)
            top.append("link add %sa type veth peer name %sb" % (tmp, tmp))
            top.append("link set %sa netns %s name %s" % (tmp, self.ns(one), dev1))
            top.append("link set %sb netns %s name %s" % (tmp, self.ns(two), dev2))
        # the first "netns add" of a machine mounts a directory, which hides what another one has just made there
        with open("/run/lock/sitebound-lab" if os.path.isdir("/run/lock") else "/tmp/sitebound-lab.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.batch(None, top)
        up = ["link set lo up"]
        self.batch("in", up + ["addr add %s/32 dev lo" % a for a in [ROOT, TLD] + list(self.owners().values())] + [
            "addr add 192.0.2.1/30 dev i1", "addr add 192.0.2.5/30 dev i2", "link set i1 up", "link set i2 up",
            "route add 10.1.0.0/16 via 192.0.2.2", "route add 10.2.0.0/16 via 192.0.2.6"])
        for site in (1, 2):
            r = up + ["link add br0 type bridge", "addr add 10.%d.0.1/24 dev br0" % site,
                      "addr add 10.%d.0.53/32 dev lo" % site, "link set br0 up",
                      "addr add 192.0.2.%d/30 dev out" % (4 * site - 2), "link set out up",
                      "addr add 10.0.12.%d/30 dev cross" % site, "link set cross up",
                      "route add default via 192.0.2.%d" % (4 * site - 3),
                      "route add unreachable 10.0.0.0/8 metric 4000",
                      "route add 10.%d.0.0/16 via 10.0.12.%d" % (3 - site, 3 - site)]
            for s, host, _ in self.hosts():
                if s == site:
                    r += ["link set p%s master br0" % host, "link set p%s up" % host]
            self.batch("r%d" % site, r)
        for site, host, last in self.hosts():
            self.batch(host, up + ["addr add 10.%d.0.%d/24 dev eth0" % (site, last), "link set eth0 up",
                                   "route add default via 10.%d.0.1" % site])
        for host, address in self.public().items():
            self.batch("in", ["link set p%s up" % host, "route add %s/32 dev p%s" % (address, host)])
            self.batch(host, up + ["addr add %s/32 dev eth0" % address, "link set eth0 up",
                                   "route add %s dev eth0" % ROOT, "route add default via %s" % ROOT])
        for host in ("in", "r1", "r2"):
            self.run(host, "sysctl", "-qw", "net.ipv4.ip_forward=1")
            self.run(host, "nft", "add table inet lab")
        self.servers()

    def batch(self, host, lines):
        argv = ["ip"] + (["-n", self.ns(host)] if host else []) + ["-batch", "-"]
        done = subprocess.run(argv, input="\n".join(lines), text=True, capture_output=True)
        if done.returncode:
            raise RuntimeError("ip -batch in %s: %s" % (host, done.stderr))

    # --- the servers -------------------------------------------------------------------------

    def authority(self, key, host, address, zones):
        """A real authoritative server: Unbound with auth-zones and nothing else."""
        conf = ["server:", '  module-config: "iterator"', "  interface: %s" % address, "  do-daemonize: no",
                '  username: ""', '  chroot: ""', '  directory: "%s"' % self.dir, '  pidfile: ""', "  use-syslog: no",
                "  access-control: 0.0.0.0/0 allow", "  num-threads: 1", "  local-zone: 10.in-addr.arpa. nodefault",
                "remote-control:", "  control-enable: no"]
        for zone, lines in zones.items():
            file = self.path("zone-%s-%s" % (key, zone.strip(".") or "root"))
            with open(file, "w") as out:
                out.write("$TTL 60\n%s SOA ns. host. 1 3600 600 86400 5\n" % zone + "\n".join(lines) + "\n")
            conf += ["auth-zone:", '  name: "%s"' % zone, '  zonefile: "%s"' % file, "  for-upstream: no",
                     "  for-downstream: yes"]
        file = self.path(key + ".conf")
        with open(file, "w") as out:
            out.write("\n".join(conf) + "\n")
        self.start(key, host, [program("unbound"), "-d", "-c", file])

    def unbound(self, key, **kw):
        """Starts a nameserver (a, b), an egress resolver (e, f), the cache of a client (c) or a collector (k)."""
        self.start(key, key, [program("unbound"), "-d", "-c", self.path(key + ".conf")], **kw)

    def ctl(self, key):
        return self.path(key + ".ctl")

    def rendered(self, site, file):
        """The text of a file that conf/render writes for a site."""
        folder = self.path("rendered")
        if not os.path.isdir(folder):
            with open(os.path.join(TOP, "conf", "inventory.yaml")) as shipped:
                inventory = yaml.safe_load(shipped)
            inventory["probes"] = list(OWNERS)
            inventory["modules"] = self.modules or inventory["modules"]
            with open(self.path("inventory.yaml"), "w") as out:
                yaml.safe_dump(inventory, out)
            subprocess.run([os.path.join(TOP, "conf", "render"), self.path("inventory.yaml"), folder], check=True)
        with open(os.path.join(folder, site, file)) as text:
            return text.read()

    def localised(self, key, text):
        """A rendered unbound.conf with the directories of the laboratory, no change of user, and the log on standard
        error. No trust anchor: this internet is not signed. A real machine's own lines stay as they are."""
        hints = self.path("root.hints")
        with open(hints, "w") as out:
            out.write(". 3600 NS ns.root.\nns.root. 3600 A %s\n" % ROOT)
        for key_word, value in (("username", '""'), ("directory", '"%s"' % self.dir), ("pidfile", '""'), ("use-syslog", "no"),
                                ("do-daemonize", "no"), ("root-hints", '"%s"' % hints), ("auto-trust-anchor-file", None),
                                ("control-interface", '"%s"' % self.ctl(key))):
            text = re.sub(r"(?m)^\t%s:.*$" % key_word, "" if value is None else "\t%s: %s" % (key_word, value), text)
        text = text.replace("/etc/unbound/sitebound.yaml", self.path("sitebound-%s.yaml" % key))
        if not self.modules:
            text = re.sub(r'(?m)^dynlib:\n.*\n', "", re.sub(r'(module-config: ")dynlib ', r"\1", text))
        return text

    def tier(self, key, site):
        tier = {"a": "nameserver", "b": "nameserver", "e": "egress", "f": "egress", "c": "client", "k": "collector"}[key[0]]
        site = "dc%d" % site
        text = self.localised(key, self.rendered(site, tier + "/unbound.conf"))
        if tier != "nameserver":
            with open(self.path("sitebound-%s.yaml" % key), "w") as out:
                out.write(self.rendered(site, tier + "/sitebound.yaml").replace("/var/lib/unbound/", self.dir + "/" + key + "-"))
        with open(self.path(key + ".conf"), "w") as out:
            out.write(text)
        done = subprocess.run([program("unbound-checkconf"), self.path(key + ".conf")], capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError("%s: %s" % (tier, done.stderr))
        self.unbound(key)

    def owners(self):
        """The owners of zones on the internet, and the addresses of their servers."""
        return OWNERS

    def owner_lines(self, owner):
        """What an owner's zone holds beside its NS."""
        return ["*.w.%s. A 203.0.113.80" % owner, "known.%s. 5 A 203.0.113.53" % owner] + [
            "www%d.%s. 20 A 203.0.113.%d" % (n, owner, n) for n in range(20)]

    def internal_lines(self, zone):
        """What the authoritative servers of both sites hold in an internal zone, beside its NS."""
        return ["web.dc%d.%s. A 10.%d.7.7" % (n, zone, n) for n in (1, 2)]

    def servers(self):
        owners = self.owners()
        tlds = {o.split(".")[1] for o in owners}
        self.authority("root", "in", ROOT, {".": [". NS ns.root.", "ns.root. A " + ROOT] + [
            line for t in tlds for line in ("%s. NS ns.nic.%s." % (t, t), "ns.nic.%s. A %s" % (t, TLD))]})
        self.authority("tld", "in", TLD, {t + ".": ["%s. NS ns.nic.%s." % (t, t), "ns.nic.%s. A %s" % (t, TLD)] + [
            line for o, a in owners.items() if o.endswith("." + t)
            for line in ("%s. NS ns.%s." % (o, o), "ns.%s. A %s" % (o, a))] for t in tlds})
        for owner, address in owners.items():
            self.authority(owner, "in", address, {owner + ".": [
                "%s. NS ns.%s." % (owner, owner), "ns.%s. A %s" % (owner, address)] + self.owner_lines(owner)})
        for site in (1, 2):
            self.authority("auth%d" % site, "r%d" % site, "10.%d.0.53" % site, {zone + ".": [
                "%s. NS ns.%s." % (zone, zone), "ns.%s. A 10.%d.0.53" % (zone, site)] + self.internal_lines(zone)
                for zone in ("prd.example.com", "stg.example.com")})
        for site, host, _ in self.hosts():
            self.tier(host, site)
        for _, host, _ in self.hosts():
            wait_for(host + " to listen", 10, lambda: self.alive(host))
        wait_for("a first answer", 10, lambda: self.ask("c1", "127.0.0.1", 53, "www1.alpha.com"), 0.1)

    def alive(self, key):
        try:
            return "is running" in control(self.ctl(key), "status")
        except OSError:
            if self.procs[key].poll() is not None:
                with open(self.path(key + ".log")) as log:
                    raise RuntimeError("%s ended: %s" % (key, log.read()[-2000:]))
            return False

    def ask(self, host, server, port, name, qtype="A"):
        out = self.run(host, "dig", "-r", "+short", "+tries=1", "+time=1", "@" + server, "-p", str(port), name, qtype,
                       check=False)
        return [w for w in out.split("\n") if w and not w.startswith(";")]

    # --- the scripts -------------------------------------------------------------------------

    def health_conf(self, key, extra=()):
        conf = yaml.safe_load(self.rendered("dc%s" % key[1], "forward-health.yaml"))
        conf.update({"run-dir": self.path("run-" + key), "state-dir": self.path("state-" + key),
                     "metrics": self.path(key + ".prom"), "control": self.ctl(key),
                     "egress-control": {address + "@5301": self.ctl(egress) for egress, address in (
                         ("e1", "10.1.0.21"), ("f1", "10.1.0.22"), ("e2", "10.2.0.21"), ("f2", "10.2.0.22"))}})
        conf.update(extra)
        file = self.path("health-%s.yaml" % key)
        with open(file, "w") as out:
            json.dump(conf, out, indent=1)      # JSON is YAML
        return file

    def start_script_again(self):
        self.start_script(*self.script)

    def start_script(self, script, extra=()):
        self.script = script, extra
        for key in ("a1", "b1"):
            if script == "forward-health":
                self.start("script-" + key, key, [FORWARD_HEALTH, "-c", self.health_conf(key, extra)])
            elif script == "known-loop":
                self.start("script-" + key, key, [
                    os.path.join(HERE, "known-loop"), "known.alpha.com", "203.0.113.53", "10.1.0.21@5301 10.1.0.22@5301",
                    "10.2.0.21@5301 10.2.0.22@5301", program("unbound-control"), "-c", self.path(key + ".conf")])
        if script == "forward-health":
            for key in ("a1", "b1"):
                wait_for("forward-health at " + key, 10, lambda: len(self.events(key, "resolver-state")) >= 4)

    def events(self, key, action=None):
        try:
            with open(self.path("script-%s.log" % key)) as log:
                lines = log.read().split("\n")
        except OSError:
            return []
        out = []
        for line in lines:
            try:
                event = json.loads(line)
            except ValueError:
                continue
            if action in (None, event["event"]["action"]):
                out.append(event)
        return out

    # --- watching ----------------------------------------------------------------------------

    def watch(self):
        """Notes every change of the forwarders of site 1's nameservers, by asking Unbound 20 times a second."""
        def loop():
            while not self.watch_stop.is_set():
                for key in ("a1", "b1"):
                    try:
                        text = control(self.ctl(key), "list_forwards")
                    except OSError:
                        continue
                    for line in text.split("\n"):
                        words = line.split()
                        if words[:3] == [".", "IN", "forward"]:
                            now = frozenset(w.split("@")[0] for w in words[3:] if w[0] != "+")
                            seen = self.forwards.setdefault(key, [])
                            if not seen or seen[-1][1] != now:
                                seen.append((time.monotonic(), now))
                self.watch_stop.wait(0.05)
        self.watcher = threading.Thread(target=loop, daemon=True)
        self.watcher.start()
        wait_for("a first look", 5, lambda: len(self.forwards) == 2)

    def list_now(self, key):
        return self.forwards[key][-1][1]

    def load(self):
        self.start("load", "c1", [os.path.join(HERE, "load"), "127.0.0.1", str(RATE), str(TIMEOUT),
                                  self.path("load.txt")] + list(OWNERS))
        # a program without a cache, which asks a nameserver once and waits five seconds
        self.start("stub", "c1", [os.path.join(HERE, "load"), "10.1.0.11", str(RATE), "5", self.path("stub.txt")] + list(OWNERS))

    def questions(self, client="load"):
        out = []
        with open(self.path(client + ".txt")) as file:
            for line in file:
                asked, ms, outcome, name = line.split()
                out.append((float(asked), float(ms), outcome, name))
        return out

    def asked_of(self, key):
        """Questions that an egress resolver got, ever."""
        for line in control(self.ctl(key), "stats_noreset").split("\n"):
            if line.startswith("total.num.queries="):
                return int(line.split("=")[1])
        raise RuntimeError("no statistics")

    # --- outages -----------------------------------------------------------------------------

    def silent(self, on, host="r1"):
        """Packets to and from the internet vanish."""
        if on:
            self.run(host, "nft", "add chain inet lab cut { type filter hook forward priority 0; }; "
                     "add rule inet lab cut oifname out drop; add rule inet lab cut iifname out drop")
        else:
            self.run(host, "nft", "delete chain inet lab cut")

    def link(self, on):
        """The line to the internet is down: errors at once."""
        self.run("r1", "ip", "link", "set", "out", "up" if on else "down")
        if on:
            self.run("r1", "ip", "route", "add", "default", "via", "192.0.2.1")

    def route(self, on):
        self.run("r1", "ip", "route", "add" if on else "del", "default", "via", "192.0.2.1")

    def intersite(self, on):
        self.run("r1", "ip", "link", "set", "cross", "up" if on else "down")
        if on:
            self.run("r1", "ip", "route", "replace", "10.2.0.0/16", "via", "10.0.12.2")

    def servfail(self, on):
        """Everything on the internet answers SERVFAIL."""
        if on:
            self.start("sick", "r1", [os.path.join(HERE, "sick-dns"), "10.1.0.1", "5399", "servfail"])
            self.run("r1", "nft", "add chain inet lab sick { type nat hook prerouting priority -100; }; "
                     "add rule inet lab sick ip daddr 198.51.100.0/24 udp dport 53 dnat ip to 10.1.0.1:5399")
        else:
            self.run("r1", "nft", "delete chain inet lab sick")
            self.end("sick")

    def pause(self, key, on):
        os.killpg(self.procs[key].pid, signal.SIGSTOP if on else signal.SIGCONT)

    # --- the end -----------------------------------------------------------------------------

    def close(self, missed=True):
        if self not in LIVE:
            return
        LIVE.discard(self)
        self.watch_stop.set()
        if self.watcher:
            self.watcher.join(5)
        for key in list(self.procs):
            self.end(key, signal.SIGKILL)
        for space in self.spaces:
            subprocess.run(["ip", "netns", "del", self.ns(space)], capture_output=True)
        if os.environ.get("LAB_KEEP") == "all" or (os.environ.get("LAB_KEEP") == "missed" and missed):
            print("kept: " + self.dir, file=sys.stderr)
        else:
            shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        try:
            self.build()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()
