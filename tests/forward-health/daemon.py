# SPDX-License-Identifier: BSD-3-Clause
"""A real Unbound with a control channel, small DNS servers that can be made ill, and forward-health between them."""
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

import pytest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = os.path.join(TOP, "contrib", "forward-health", "forward-health")
SICK = os.path.join(TOP, "tests", "lab", "sick-dns")
sys.path.insert(0, os.path.dirname(PROGRAM))


def unbound_program(name="unbound"):
    prefix = os.environ.get("UNBOUND_PREFIX")
    found = shutil.which(name, path=os.path.join(prefix, "sbin") if prefix else os.environ["PATH"] + ":/usr/sbin")
    if not found:
        pytest.skip("no %s: set UNBOUND_PREFIX" % name)
    return found


def wait(test, seconds=10.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if test():
            return True
        time.sleep(0.02)
    return bool(test())


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Bench:
    def __init__(self, folder):
        self.folder, self.processes = folder, []

    def path(self, name):
        return os.path.join(str(self.folder), name)

    def start(self, argv, log, **more):
        with open(self.path(log), "ab") as out:
            process = subprocess.Popen(argv, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, **more)
        self.processes.append(process)
        return process

    def server(self, *ports):
        """The lines that each Unbound here has."""
        return """server:
  do-daemonize: no
  username: ""
  chroot: ""
  directory: "%s"
  pidfile: ""
  use-syslog: no
  num-threads: 1
  module-config: "iterator"
%s""" % (self.folder, "".join("  interface: 127.0.0.1@%d\n" % port for port in ports))

    def unbound(self, remote, forwards=("127.0.0.9",)):
        """remote: lines of the remote-control section."""
        port = free_port()
        with open(self.path("unbound.conf"), "w") as out:
            out.write("""%s  do-not-query-localhost: no
remote-control:
  control-enable: yes
%s
forward-zone:
  name: "."
%s
""" % (self.server(port), "\n".join("  " + line for line in remote), "\n".join("  forward-addr: " + f for f in forwards)))
        return self.start([unbound_program(), "-c", self.path("unbound.conf")], "unbound.log")

    def sick(self, name, kind="nxdomain", address="127.0.0.1"):
        """A DNS server; what it does is changed by set(name, kind). Gives ADDRESS@PORT."""
        self.set(name, kind)
        process = subprocess.Popen([sys.executable, SICK, address, "0", "@" + self.path(name)], stdout=subprocess.PIPE, text=True)
        self.processes.append(process)
        return "%s@%s" % (address, process.stdout.readline().split()[1])

    def set(self, name, text):
        with open(self.path(name + ".new"), "w") as out:
            out.write(text)
        os.replace(self.path(name + ".new"), self.path(name))

    def configure(self, sites, control, **more):
        conf = {"site": "dc1", "sites": sites, "control": control, "run-dir": self.path("run"), "state-dir": self.path("state"),
                "metrics": self.path("metrics.prom"), "probes": [{"name": "{random}.%s.test" % o} for o in "abc"], **more}
        self.set("health.yaml", json.dumps(conf))

    def health(self, *args):
        return self.start([sys.executable, PROGRAM, "-c", self.path("health.yaml"), *args], "events")

    def call(self, *args):
        return subprocess.run([sys.executable, PROGRAM, "-c", self.path("health.yaml"), *args], capture_output=True, text=True,
                              timeout=30, check=False)

    def events(self, action=None):
        with open(self.path("events")) as file:
            found = [json.loads(line) for line in file if line.startswith("{") and line.endswith("\n")]
        return [e for e in found if action in (None, e["event"]["action"])]

    def close(self):
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
            process.wait()
            if process.stdout:
                process.stdout.close()
