# SPDX-License-Identifier: BSD-3-Clause
"""sitebound-control: what it prints, what it changes, and what it says when it cannot."""

import datetime
import json
import os
import re
import shutil
import signal
import subprocess
import time

import pytest

import harness
import operation
from data import expand
from harness import missing
from operation import EFFECT, counters, start, status, tool, touch, wait

pytestmark = pytest.mark.needs("report", "synth", "noaaaa")

ZONES = {("synth", None), ("synth", "ip.example.com"), ("synth", "prd.example.com"), ("synth", "stg.example.com"),
         ("noaaaa", None), ("noaaaa", "example.com"), ("report", None), ("report", "r.example.net")}


def good(process):
    assert process.returncode == 0, process.stdout + process.stderr
    assert process.stderr == "", process.stderr
    return process.stdout


def bad(process, status_code, *words):
    """It failed as it should: nothing on standard output, and a line that says what is wrong."""
    assert process.returncode == status_code, process
    assert process.stdout == "", process.stdout
    assert process.stderr.startswith("sitebound-control: "), process.stderr
    for word in words:
        assert word in process.stderr, process.stderr
    assert "Traceback" not in process.stderr
    return process.stderr


def tls(lab, resolver):
    """Make the resolver's control channel TLS alone, with certificates as unbound-control-setup makes them."""
    setup = harness.unbound_program("unbound-control-setup")
    if setup is None or not shutil.which("openssl"):
        missing("unbound-control-setup or openssl is not installed")
    folder = str(lab.folder / "keys")
    os.mkdir(folder)
    subprocess.run([setup, "-d", folder], check=True, capture_output=True, timeout=60)
    files = (("server-key-file", "unbound_server.key"), ("server-cert-file", "unbound_server.pem"),
             ("control-key-file", "unbound_control.key"), ("control-cert-file", "unbound_control.pem"))
    write = resolver.write_unbound_conf

    def write_with_tls():
        write()
        with open(resolver.unbound_conf, encoding="utf-8") as file:
            text = file.read()
        text = text.replace("control-interface: %s\n" % resolver.socket,
                            "control-interface: 127.0.0.1\n  control-port: %d\n" % harness.free_port() +
                            "".join('  %s: "%s/%s"\n' % (key, folder, file) for key, file in files))
        with open(resolver.unbound_conf, "w", encoding="utf-8") as out:
            out.write(text.replace("control-use-cert: no", "control-use-cert: yes"))

    def control(command, timeout=20):
        process = subprocess.run([harness.unbound_program("unbound-control"), "-c", resolver.unbound_conf,
                                  *command.split()], capture_output=True, text=True, check=False, timeout=timeout)
        if process.returncode and "Connection refused" in process.stderr:
            raise OSError(process.stderr)
        return process.stdout
    resolver.write_unbound_conf = write_with_tls
    resolver.control = control


@pytest.mark.parametrize("kind", ["socket", "tls"])
def test_all_commands(lab, kind):
    """Status, stats, switches and flush, as a table and as JSON, over both channels."""
    resolver = start(lab, start=False)
    if kind == "tls":
        tls(lab, resolver)
    resolver.start()
    touch(resolver)
    resolver.ask("10.1.2.3.ip.example.com.")
    resolver.ask(expand("svc.dc.P"))
    wait(lambda: counters(resolver).get(("synth", "prd.example.com", "site_local")), EFFECT)

    # status
    items = json.loads(good(tool(resolver, "--json", "status")))
    assert items == json.loads(good(tool(resolver, "status", "--json")))
    assert {(i["module"], i["zone"]) for i in items} == ZONES and len(items) == len(ZONES)
    for item in items:
        assert set(item) == {"module", "zone", "state", "since", "from"}
        assert item["state"] == "on" and item["from"] == "file"
        since = datetime.datetime.strptime(item["since"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=datetime.timezone.utc)
        assert 0 <= time.time() - since.timestamp() < 300
    lines = good(tool(resolver, "status")).splitlines()
    assert lines[0].split() == ["MODULE", "ZONE", "STATE", "SINCE", "FROM"]
    assert {tuple(line.split()[:3]) for line in lines[1:]} == {(m, z or "(all)", "on") for m, z in ZONES}

    # stats
    items = json.loads(good(tool(resolver, "stats", "--json")))
    found = {(i["module"], i["zone"], i["counter"]): i["value"] for i in items}
    assert found[("synth", "ip.example.com", "address")] == 1
    assert found[("synth", "prd.example.com", "site_local")] == 1
    assert found[("report", None, "accepted")] == 0
    assert all(isinstance(v, int) for v in found.values())
    lines = [line.split() for line in good(tool(resolver, "stats")).splitlines()]
    assert lines[0] == ["MODULE", "ZONE", "COUNTER", "VALUE"]
    assert {tuple(line) for line in lines[1:]} == {(m, z or "(all)", c, str(v)) for (m, z, c), v in found.items()}

    # switches
    assert good(tool(resolver, "off", "synth")) == "ok\n"
    assert good(tool(resolver, "on", "synth", "IP.example.com.")) == "ok\n"

    def is_in_force():
        now = status(resolver)
        zone = now[("synth", "ip.example.com")]
        return now[("synth", ".")].state == "off" and zone.state == "on" and zone.source == "control"
    wait(is_in_force, EFFECT)
    states = {(i["module"], i["zone"]): (i["state"], i["from"])
              for i in json.loads(good(tool(resolver, "status", "--json")))}
    assert states[("synth", None)] == ("off", "control")
    assert states[("synth", "prd.example.com")] == ("off", "control")
    assert states[("synth", "ip.example.com")] == ("on", "control")
    assert states[("noaaaa", "example.com")] == ("on", "file")
    lab.expect(resolver, "10.1.2.3.Z A", "A 10.1.2.3 @300", expand)
    lab.expect(resolver, "svc.dc.P A", "UP NXDOMAIN", expand)
    assert good(tool(resolver, "reset", "synth")) == "ok\n"
    assert good(tool(resolver, "reset", "synth", "ip.example.com")) == "ok\n"
    wait(lambda: status(resolver)[("synth", "prd.example.com")].state == "on", EFFECT)
    lab.expect(resolver, "svc.dc.P A", "CNAME svc.dc1.P @30 + A 10.1.1.5", expand, repeat=True)

    # flush
    before = resolver.upstream.count()
    resolver.ask(expand("svc.dc.P"))
    assert resolver.upstream.count() == before
    out = good(tool(resolver, "flush"))
    for _, zone in ZONES:
        if zone:
            assert re.search(r"^%s: ok" % re.escape(zone), out, re.M), out
    resolver.ask(expand("svc.dc.P"))
    assert resolver.upstream.count() > before
    assert good(tool(resolver, "flush", "prd.example.com")).startswith("ok")


def test_nothing_published_yet(lab):
    """Before the first question: valid JSON, and a word on why the table is empty."""
    resolver = start(lab)
    assert json.loads(good(tool(resolver, "--json", "status"))) == []
    assert json.loads(good(tool(resolver, "--json", "stats"))) == []
    process = tool(resolver, "status")
    assert process.returncode == 0 and "no query" in process.stderr
    bad(tool(resolver, "flush"), 1, "no zones")
    # a switch works all the same, zone or not
    assert good(tool(resolver, "off", "synth", "ip.example.com")) == "ok\n"
    lab.expect(resolver, "10.1.2.3.Z A", "UP NXDOMAIN", expand)


@pytest.mark.parametrize("words, words_said", [
    ([], ["no command"]),
    (["frobnicate"], ["frobnicate"]),
    (["on"], ["takes a module"]),
    (["on", "sinth"], ["sinth"]),
    (["off", "synth", "ip..example.com"], ["ip..example.com"]),
    (["off", "synth", "ip.example.com refuse"], ["not a zone"]),
    (["off", "synth", "a\nb"], ["not a zone"]),
    (["off", "synth", "$(id)"], ["not a zone"]),
    (["off", "synth", "-x", "y"], ["takes a module"]),
    (["reset", "synth", ".x"], ["not a zone"]),
    (["status", "synth"], ["no more words"]),
    (["stats", "x"], ["no more words"]),
    (["flush", "a", "b"], ["at most"]),
    (["check"], ["files"]),
    (["--jsn", "status"], ["--jsn"]),
    (["-t", "soon", "status"], ["-t"]),
    (["-t"], ["-t"]),
], ids=lambda value: " ".join(value) if value else "none")
def test_usage(words, words_said):
    """Exit 2, and nothing is asked of the daemon."""
    class Nowhere:
        unbound_conf = "/nonexistent/unbound.conf"
    bad(tool(Nowhere, *words), 2, *words_said)


def test_help():
    class Nowhere:
        unbound_conf = "/nonexistent/unbound.conf"
    out = good(tool(Nowhere, "--help"))
    for word in ("on MODULE", "off MODULE", "reset MODULE", "status", "stats", "flush", "check", "--json", "-t"):
        assert word in out


def test_zone_that_is_not_configured(lab):
    resolver = start(lab)
    touch(resolver)
    for command in ("on", "off"):
        bad(tool(resolver, command, "synth", "nosuch.example.com"), 1, "nosuch.example.com", "ip.example.com")
        bad(tool(resolver, command, "synth", "example.com"), 1, "synth has no zone")
    assert "nosuch" not in resolver.control("view_list_local_zones sitebound")
    assert good(tool(resolver, "reset", "synth", "nosuch.example.com")) == "ok\n"


def test_no_view(lab):
    resolver = start(lab, view="")
    resolver.ask("www.example.com.")
    for words in (["on", "synth"], ["off", "synth", "ip.example.com"], ["status"], ["stats", "--json"], ["flush"]):
        bad(tool(resolver, *words), 1, "no view", 'name: "sitebound"')


def test_daemon_down(lab):
    resolver = start(lab)
    resolver.stop()
    for words in (["off", "synth"], ["status"], ["--json", "stats"], ["flush", "example.com"]):
        bad(tool(resolver, *words), 1)


def test_no_such_conf_and_no_such_program(lab):
    resolver = start(lab)
    bad(tool(resolver, "status", conf_file=str(lab.folder / "nosuch.conf")), 1, "nosuch.conf")
    bad(tool(resolver, "status", env={"UNBOUND_CONTROL": "/nonexistent/unbound-control"}), 1, "/nonexistent/")


def test_daemon_hangs(lab):
    """A daemon that does not answer does not hang its operator."""
    resolver = start(lab)
    touch(resolver)
    os.kill(resolver.process.pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        for words in (["status"], ["off", "synth"], ["flush"]):
            bad(tool(resolver, "-t", "1", *words), 1, "within 1 seconds")
        assert time.monotonic() - began < 15
    finally:
        os.kill(resolver.process.pid, signal.SIGCONT)
    good(tool(resolver, "status"))


def test_check_of_builds():
    """Whether a module fits an Unbound, before a reload finds out."""
    class Nowhere:
        unbound_conf = "/nonexistent/unbound.conf"
    modules = [harness.module_path(m) for m in operation.ALL]
    ours = {"UNBOUND": harness.unbound_program("unbound")}
    out = good(tool(Nowhere, "check", *modules, env=ours))
    assert out.count("built for") == 3
    bad(tool(Nowhere, "check", "/nonexistent.so", env=ours), 1, "/nonexistent.so")
    bad(tool(Nowhere, "check", *modules, env={"UNBOUND": "/nonexistent/unbound"}), 1, "/nonexistent/unbound")
    other = harness.unbound_program("unbound", "UNBOUND_PREFIX_OTHER")
    if other is None or os.path.samefile(other, ours["UNBOUND"]):
        missing("UNBOUND_PREFIX_OTHER is not set: no other Unbound to check against")
    process = tool(Nowhere, "check", *modules, env={"UNBOUND": other})
    assert process.returncode == 1 and process.stderr.count("rebuild it") == 3, process
