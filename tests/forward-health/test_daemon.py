# SPDX-License-Identifier: BSD-3-Clause
"""The whole program with a real Unbound: switching, reasons, repair, commands, files, signals."""
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

import pytest
from daemon import PROGRAM, Bench, unbound_program, wait
from forward_health.config import Target
from forward_health.main import notify
from test_control import answers, ask

QUICK = {"interval": "200ms", "fast-interval": "50ms", "timeout": "250ms", "hold": "0s"}


@pytest.fixture
def bench(tmp_path):
    made = Bench(tmp_path)
    made.keys = {n: made.sick(n, address="127.0.0.%d" % a) for n, a in (("s0", 10), ("s1", 11), ("s2", 12), ("s3", 13))}
    k = made.keys
    made.sites = {"dc1": [k["s0"], k["s1"]], "dc2": [k["s2"], k["s3"]]}
    made.target = Target(path=made.path("ctl"))
    made.remote = ["control-interface: " + made.path("ctl"), "control-use-cert: no"]
    made.daemon = made.unbound(made.remote, made.sites["dc1"])
    made.configure(made.sites, made.path("ctl"), **QUICK)
    assert wait(lambda: answers(made.target))
    yield made
    made.close()


def now(bench):
    return {w.split("@")[0] for line in ask(bench.target, "list_forwards").splitlines() for w in line.split()[3:]}


def have(bench, *names):
    want = {bench.keys[n].split("@")[0] for n in names}
    return wait(lambda: now(bench) == want)


def up(bench):
    return wait(lambda: len([e for e in bench.events("resolver-state") if e["sitebound"]["to"] == "up"]) >= 4)


def test_events_to_syslog(bench, tmp_path):
    """To /dev/log, in a /dev of the program's own."""
    wrapper = ["unshare", "-m", "/bin/sh", "-c", 'mount --bind "$0" /dev && exec "$@"', str(tmp_path / "dev")]
    (tmp_path / "dev").mkdir()
    if not shutil.which("unshare") or subprocess.run([*wrapper, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no mount namespace (it needs root)")
    bench.configure(bench.sites, bench.path("ctl"), log="syslog", **QUICK)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
        log.bind(str(tmp_path / "dev" / "log"))
        log.settimeout(10)
        bench.start([*wrapper, sys.executable, PROGRAM, "-c", bench.path("health.yaml")], "out")
        head, _, line = log.recv(8192).decode().partition("]: ")
    # the facility "daemon", level "info"
    assert head.startswith("<30>") and " forward-health[" in head
    assert json.loads(line)["sitebound"]["site"] == "dc1"


def test_cost(bench):
    """Eight resolvers: the first decision within 3 s, 40 MiB, and per question no more than three times what was measured (forward-health(8))."""
    keys = [bench.sick("t%d" % n, address="127.0.0.%d" % (20 + n)) for n in range(8)]
    bench.configure({"dc1": keys[:4], "dc2": keys[4:]}, bench.path("ctl"))
    began = time.monotonic()
    process = bench.health()
    assert wait(lambda: bench.events("forward-switch"))
    assert time.monotonic() - began < 3 and bench.events("forward-switch")[0]["sitebound"]["after"] == keys[:4]

    def spent():
        servers = json.loads(bench.call("--status", "--json").stdout)["servers"].values()
        with open("/proc/%d/schedstat" % process.pid) as file:
            return int(file.read().split()[0]) / 1e9, sum(s["right"] for s in servers)
    cpu, questions = spent()
    assert wait(lambda: spent()[1] >= questions + 60, 30)
    after = spent()
    assert (after[0] - cpu) / (after[1] - questions) < 0.0016
    with open("/proc/%d/status" % process.pid) as file:
        assert int(re.search(r"VmHWM:\s+(\d+)", file.read())[1]) < 40 * 1024


def test_switch_and_back(bench):
    bench.health()
    assert up(bench) and not bench.events("forward-start")
    bench.set("s0", "silent")
    bench.set("s1", "silent")
    assert have(bench, "s2", "s3")
    assert wait(lambda: bench.events("forward-switch"))
    event = bench.events("forward-switch")[0]["sitebound"]
    assert (event["from"], event["to"], event["after"]) == ("dc1", "dc2", bench.sites["dc2"])
    bench.set("s0", "nxdomain")
    bench.set("s1", "nxdomain")
    assert have(bench, "s0", "s1")


@pytest.mark.parametrize("kind, reason", [
    ("silent", "timeout"), ("servfail", "servfail"), ("refused", "refused"), ("notimp", "rcode-notimp"), ("hijack", "wrong-data"),
    ("garbage", "garbage"), ("truncated", "garbage"), ("wrong-question", "garbage"), ("wrong-id", "garbage")])
def test_reasons(bench, kind, reason):
    bench.health()
    assert up(bench)
    bench.set("s0", kind)
    assert have(bench, "s1")
    downs = [e for e in bench.events("resolver-state") if e["sitebound"]["to"] == "down"]
    assert [(e["sitebound"]["server"], e["event"]["reason"]) for e in downs] == [(bench.keys["s0"], reason)]
    assert not bench.events("forward-switch")


@pytest.mark.parametrize("expect", ["NOERROR", "10.0.0.1"])
@pytest.mark.parametrize("kind", ["hijack", "uncompressed"])
def test_answers_with_data(bench, expect, kind):
    """The owner of the record may be written as a pointer or in full."""
    bench.configure(bench.sites, bench.path("ctl"), probes=[{"name": "{random}.%s.test" % o, "expect": expect} for o in "ab"], **QUICK)
    for name in bench.keys:
        bench.set(name, kind)
    bench.health()
    assert up(bench) and not [e for e in bench.events("resolver-state") if e["sitebound"]["to"] == "down"]


@pytest.mark.parametrize("name", ["", "#egress.test"], ids=["plain", "tls"])
def test_restore_on_exit(bench, name):
    """The local resolvers are set again; a list of TLS resolvers with +t, which an Unbound before 1.20 refuses."""
    with open(bench.path("wrapper"), "w") as out:
        out.write('#!/bin/sh\necho "$*" >>%s\nexec %s -c %s "$@"\n' % (
            bench.path("said"), unbound_program("unbound-control"), bench.path("unbound.conf")))
    os.chmod(bench.path("wrapper"), 0o755)
    local = [k + name for k in bench.sites["dc1"]]
    bench.configure({"dc1": local, "dc2": bench.sites["dc2"]}, {"command": bench.path("wrapper")}, **QUICK, **{"restore-on-exit": True})
    bench.set("s0", "silent")
    bench.set("s1", "silent")
    process = bench.health()
    assert have(bench, "s2", "s3")
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    with open(bench.path("said")) as file:
        assert file.read().splitlines()[-1] == "forward_add %s. %s" % ("+t " if name else "", " ".join(local))
    assert name or have(bench, "s0", "s1")


def test_repair_after_a_restart(bench):
    bench.set("s0", "refused")
    bench.set("s1", "refused")
    bench.health()
    assert have(bench, "s2", "s3")
    bench.daemon.kill()
    bench.daemon.wait()
    assert wait(lambda: bench.events("control-failed"))
    bench.unbound(bench.remote, bench.sites["dc1"])
    assert wait(lambda: answers(bench.target)) and have(bench, "s2", "s3")
    assert wait(lambda: bench.events("control-recovered")) and len(bench.events("control-failed")) == 1


def test_killed_and_started_again_in_an_outage_changes_nothing(bench):
    process = bench.health()
    assert up(bench)
    bench.set("s0", "silent")
    bench.set("s1", "silent")
    assert have(bench, "s2", "s3")
    process.kill()
    process.wait()
    os.unlink(bench.path("events"))
    bench.health()
    assert wait(lambda: len(bench.events("resolver-state")) >= 4)
    assert not [e for e in bench.events() if e["event"]["action"].startswith("forward-")]


def test_second_copy_ends_well(bench):
    bench.health()
    assert up(bench)
    done = bench.call()
    assert done.returncode == 0 and "another copy is running" in done.stderr


def test_status_commands_metrics_and_signals(bench):
    process = bench.health()
    assert up(bench)
    status = json.loads(bench.call("--status", "--json").stdout)
    assert {s["state"] for s in status["servers"].values()} == {"up"} and status["zones"]["."]["site"] == "dc1"
    assert "zone .: site dc1" in bench.call("--status").stdout
    assert bench.call("pin", "dc2").returncode == 0 and have(bench, "s2", "s3")
    assert bench.call("auto").returncode == 0 and have(bench, "s0", "s1")
    assert bench.call("drain", bench.keys["s0"]).returncode == 0 and have(bench, "s1")
    bench.configure(bench.sites, bench.path("ctl"), standby=1, **QUICK)
    process.send_signal(signal.SIGHUP)
    assert have(bench, "s1", "s2")
    bench.set("health.yaml", "site: [")
    process.send_signal(signal.SIGHUP)
    assert wait(lambda: bench.events("reload-failed"))
    process.send_signal(signal.SIGTERM)
    assert process.wait(5) == 0 and have(bench, "s1", "s2")
    metrics = open(bench.path("metrics.prom")).read()
    assert 'forward_health_server_up{server="%s",site="dc1"} 1' % bench.keys["s0"] in metrics
    assert 'forward_health_override{kind="drain"} 1' in metrics


def test_once(bench):
    bench.set("s0", "refused")
    bench.set("s1", "refused")
    assert bench.call("--once", "--dry-run").returncode == 0 and have(bench, "s0", "s1")
    began = time.monotonic()
    assert bench.call("--once").returncode == 0 and have(bench, "s2", "s3")
    assert time.monotonic() - began < 3
    for name in bench.keys:
        bench.set(name, "refused")
    assert bench.call("--once").returncode == 4 and have(bench, "s2", "s3")


def test_hook_and_full_disk(bench):
    hook = bench.path("hook")
    with open(hook, "w") as out:
        out.write("#!/bin/sh\ncat >%s\n" % bench.path("told"))
    os.chmod(hook, 0o755)
    bench.configure(bench.sites, bench.path("ctl"), hook=hook, log="/dev/full", **QUICK)
    bench.health()
    bench.set("s0", "refused")
    bench.set("s1", "refused")
    assert have(bench, "s2", "s3")
    assert wait(lambda: os.path.exists(bench.path("told")) and "forward-s" in open(bench.path("told")).read())


def test_installed(bench):
    """What "make install" lays out: the program finds its parts where they were put, wherever that is."""
    build = os.path.dirname(os.environ.get("SITEBOUND_MODULES", ""))
    if not os.path.exists(os.path.join(build, "Makefile")):
        pytest.skip("no build directory: set SITEBOUND_MODULES")
    there = bench.path("there")
    subprocess.run(["make", "-s", "-C", build, "install-sbinSCRIPTS", "install-forwardhealthlibDATA", "DESTDIR=" + there],
                   check=True, capture_output=True)
    program = subprocess.run(["find", there, "-name", "forward-health", "-type", "f"], capture_output=True, text=True, check=True).stdout.strip()
    with open(program) as file:
        text = file.read()
    data = re.search(r'INSTALLED = "(/.+)"', text)[1]
    assert os.path.exists(there + data + "/forward_health/main.py")
    with open(program, "w") as file:
        file.write(text.replace(data, there + data))
    done = subprocess.run([program, "-c", bench.path("health.yaml"), "--check"], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0 and "4 resolvers at 2 sites" in done.stdout, done.stderr


@pytest.mark.parametrize("where", ["path", "abstract"])
def test_notify(tmp_path, monkeypatch, where):
    """systemd's socket has a path, or a name that is in no directory."""
    name = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.settimeout(5)
        systemd.bind(name if where == "path" else "\0" + name)
        monkeypatch.setenv("NOTIFY_SOCKET", name if where == "path" else "@" + name)
        notify("READY=1")
        assert systemd.recv(64) == b"READY=1"
