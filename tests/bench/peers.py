# SPDX-License-Identifier: BSD-3-Clause
"""Other programs that do what the modules do, set up in a few lines for the questions of the benchmark and nothing
else, which is in their favour. Each is what Debian has, on one core with one working thread where it can be told so."""

import os
import shutil
import socket
import subprocess
import time

import harness
import lab

# RPZ of Unbound: one address for all names, and NXDOMAIN for all types; it can neither compute nor look at the type
RPZ = """rpz:
  name: "rpz.test."
  zonefile: "rpz"
"""
RPZ_ZONE = """$ORIGIN rpz.test.
@ 60 SOA rpz.test. nobody.invalid. 1 3600 1200 604800 60
*.ip.example.com 86400 A 10.1.2.3
*.v4.example.com 60 CNAME .
"""
LUA_ADDRESS = '"^(%d+)%-(%d+)%-(%d+)%-(%d+)%.ip%.example%.com%.$"'

# name: (command, its Debian package, files)
PEERS = {
    "dnsmasq": (["dnsmasq", "--keep-in-foreground", "--conf-file=@FOLDER@/conf"], "dnsmasq-base", {"conf": """port=@PORT@
listen-address=127.0.0.1
bind-interfaces
no-resolv
no-hosts
cache-size=0
user=
pid-file
log-facility=-
synth-domain=ip.example.com,10.0.0.0/8
"""}),
    "knot": (["knotd", "-c", "@FOLDER@/conf"], "knot", {"conf": """server:
  rundir: "@FOLDER@"
  listen: 127.0.0.1@@PORT@
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
database:
  storage: "@FOLDER@"
mod-synthrecord:
  - id: addresses
    type: forward
    ttl: 86400
    network: 10.0.0.0/8
zone:
  - domain: ip.example.com
    storage: "@FOLDER@"
    file: zone
    module: mod-synthrecord/addresses
""", "zone": "@ 60 SOA ip.example.com. nobody.invalid. 1 3600 1200 604800 60\n@ 60 NS ip.example.com.\n"}),
    "coredns": (["coredns", "-conf", "@FOLDER@/conf"], None, {"conf": r"""ip.example.com:@PORT@ {
  bind 127.0.0.1
  template IN A {
    match ^(?P<a>\d+)-(?P<b>\d+)-(?P<c>\d+)-(?P<d>\d+)[.]ip[.]example[.]com[.]$
    answer "{{ .Name }} 86400 IN A {{ .Group.a }}.{{ .Group.b }}.{{ .Group.c }}.{{ .Group.d }}"
  }
}
"""}),
    "dnsdist": (["dnsdist", "--supervised", "--disable-syslog", "-C", "@FOLDER@/conf"], "dnsdist", {"conf": """
setSecurityPollSuffix("")
setLocal("127.0.0.1:@PORT@")
addAction(AndRule({QTypeRule(DNSQType.AAAA), makeRule("v4.example.com")}), RCodeAction(DNSRCode.NXDOMAIN))
addAction(AndRule({QTypeRule(DNSQType.A), makeRule("ip.example.com")}), LuaAction(function(dq)
  local a, b, c, d = dq.qname:toString():match(%s)
  if a then
    return DNSAction.Spoof, a.."."..b.."."..c.."."..d
  end
  return DNSAction.None, ""
end))
""" % LUA_ADDRESS}),
    "recursor": (["pdns_recursor", "--config-dir=@FOLDER@"], "pdns-recursor", {"recursor.conf": """local-address=127.0.0.1
local-port=@PORT@
socket-dir=@FOLDER@
threads=1
disable-packetcache=yes
security-poll-suffix=
write-pid=no
loglevel=3
lua-dns-script=@FOLDER@/script.lua
""", "script.lua": """local v4 = newDN("v4.example.com.")
function preresolve(dq)
  if dq.qtype == pdns.A then
    local a, b, c, d = dq.qname:toString():match(%s)
    if a then
      dq:addAnswer(pdns.A, a.."."..b.."."..c.."."..d, 86400)
      return true
    end
  elseif dq.qtype == pdns.AAAA and dq.qname:isPartOf(v4) then
    dq.rcode = pdns.NXDOMAIN
    return true
  end
  return false
end
""" % LUA_ADDRESS}),
    "bind": (["named", "-f", "-n", "1", "-c", "@FOLDER@/conf"], "bind9", {"conf": """options {
  directory "@FOLDER@";
  listen-on port @PORT@ { 127.0.0.1; };
  listen-on-v6 { none; };
  pid-file none;
  session-keyfile none;
  dnssec-validation no;
  max-cache-size 1g;
  forward only;
  forwarders { 127.0.0.1 port @UPSTREAM@; };
};
controls { };
plugin query "filter-aaaa.so" { filter-aaaa-on-v4 yes; };
"""}),
}


class Peer(lab.Resolver):
    """One of them as a process to measure."""

    def __init__(self, work, name, cpu, upstream_port):
        super().__init__(work, name, cpu=cpu)
        self.command, package, self.files = PEERS[name]
        self.upstream_port = upstream_port
        path = shutil.which(self.command[0], path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
        if path is None:
            raise lab.Skip("there is no %s; %s" % (self.command[0], "it is in Debian's package %s" % package if package
                                                   else "Debian has none, one in PATH is taken"))
        self.command = [path] + self.command[1:]

    def start(self, wait=20):
        self.port = harness.free_port()

        def filled(text):
            return (text.replace("@FOLDER@", self.folder).replace("@PORT@", str(self.port))
                    .replace("@UPSTREAM@", str(self.upstream_port)))

        for name, text in self.files.items():
            with open(self.file(name), "w", encoding="ascii") as out:
                out.write(filled(text))
        with open(self.log_file, "wb") as log:
            self.process = subprocess.Popen(self.wrapper + [filled(word) for word in self.command], stdout=log,
                                            stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, cwd=self.folder)
        deadline = time.monotonic() + wait
        while time.monotonic() < deadline and self.alive():
            try:
                # whatever it says to that
                self.ask("10-1-2-3.ip.example.com.", timeout=0.2)
                return self
            except (ConnectionRefusedError, socket.timeout):
                time.sleep(0.01)
        self.kill()
        raise lab.Skip("%s does not start: %s" % (self.name, (self.log().strip().splitlines() or [""])[-1]))

    def stop(self):
        if self.process is not None:
            self.process.terminate()
            self.process.wait(20)
            self.process = None
