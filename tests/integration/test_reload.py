# SPDX-License-Identifier: BSD-3-Clause
"""Reloading: new rules at once, a bad file changes nothing, nothing is lost under load."""

import os
import pwd
import re
import shutil

import pytest

import data
import tabletest
from data import expand
from harness import Load, Pending, missing, module_path

pytestmark = pytest.mark.needs("synth")

HOWS = ["reload", "SIGHUP"]
BROKEN = "synth:\n  address-names:\n    - zone: ip.example.com\n      tll: 5\n"


def start(lab, modules=("synth",), **options):
    options.setdefault("conf", data.conf())
    options.setdefault("data", data.upstream_data())
    return lab.resolver(modules=modules, **options)


def hows(resolver):
    """The ways to reload that this Unbound has."""
    out = list(HOWS)
    if "unknown command" not in resolver.control("reload_keep_cache"):
        out.append("reload_keep_cache")
    return out


@pytest.mark.parametrize("how", HOWS)
def test_row_91(lab, how):
    """New rules are in force at once; a broken file is told, and the old answers stay."""
    resolver = start(lab)
    lab.expect(resolver, "10.1.2.3.Z A", "A 10.1.2.3 @300", expand)
    resolver.write_conf(data.conf(address={"allow": ["192.0.2.0/24"]}))
    resolver.reload(how)
    lab.expect(resolver, "10.1.2.3.Z A", "NX(Z)", expand)
    lab.expect(resolver, "192.0.2.7.Z A", "A 192.0.2.7 @300", expand)
    for _ in range(2):
        resolver.mark_log()
        resolver.write_conf(BROKEN)
        resolver.reload(how)
        lab.expect(resolver, "10.1.2.3.Z A", "NX(Z)", expand)
        lab.expect(resolver, "192.0.2.7.Z A", "A 192.0.2.7 @300", expand)
        lab.expect(resolver, "svc.dc.P A", "CNAME svc.dc1.P @30 + A 10.1.1.5", expand, repeat=True)
        assert re.search(r"sitebound\.yaml:4:\d+: .*tll", resolver.new_log()), resolver.new_log()
    resolver.write_conf(data.conf(address={"ttl": 12}))
    resolver.reload(how)
    lab.expect(resolver, "10.1.2.3.Z A", "A 10.1.2.3 @12", expand)


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("what", ["missing", "empty bytes", "directory", "not YAML"])
def test_file_is_gone(lab, how, what):
    """A file that is not there, or is not a configuration, is a bad file."""
    resolver = start(lab)
    os.unlink(resolver.conf_file)
    if what == "empty bytes":
        with open(resolver.conf_file, "wb") as out:
            out.write(b"\0\0\0\0")
    elif what == "directory":
        os.mkdir(resolver.conf_file)
    elif what == "not YAML":
        with open(resolver.conf_file, "w", encoding="utf-8") as out:
            out.write("synth: [\n")
    resolver.mark_log()
    resolver.reload(how)
    lab.expect(resolver, "10.1.2.3.Z A", "A 10.1.2.3 @300", expand)
    lab.expect(resolver, "svc.dc.P A", "CNAME svc.dc1.P @30 + A 10.1.1.5", expand)
    assert "sitebound.yaml" in resolver.new_log(), resolver.new_log()
    if what == "directory":
        os.rmdir(resolver.conf_file)
    resolver.write_conf(data.conf(address={"ttl": 12}))
    resolver.reload(how)
    lab.expect(resolver, "10.1.2.3.Z A", "A 10.1.2.3 @12", expand)


def test_file_becomes_unreadable(public_lab):
    resolver = start(public_lab, user=pwd.getpwnam("nobody").pw_name)
    # what the daemon reads again as that user
    os.chmod(resolver.conf_file, 0o644)
    os.chmod(resolver.unbound_conf, 0o644)
    public_lab.expect(resolver, "10.1.2.3.Z A", "A 10.1.2.3 @300", expand)
    resolver.write_conf(data.conf(address={"ttl": 12}))
    os.chmod(resolver.conf_file, 0o600)
    resolver.mark_log()
    resolver.reload()
    public_lab.expect(resolver, "10.1.2.3.Z A", "A 10.1.2.3 @300", expand)
    assert "sitebound.yaml" in resolver.new_log(), resolver.new_log()
    os.chmod(resolver.conf_file, 0o644)
    resolver.reload()
    public_lab.expect(resolver, "10.1.2.3.Z A", "A 10.1.2.3 @12", expand)


@pytest.mark.needs("noaaaa")
@pytest.mark.parametrize("how", HOWS)
def test_both_modules_keep_their_rules(lab, how):
    """One file for two modules: an error in the section of one leaves both with what they had."""
    resolver = start(lab, ("synth", "noaaaa"))

    def same():
        lab.expect(resolver, "10.1.2.3.Z A", "A 10.1.2.3 @300", expand)
        lab.expect(resolver, "www.example.com AAAA", "ND(example.com)", expand)
        lab.expect(resolver, "svc.dc.P AAAA", "CNAME svc.dc1.P + NODATA", expand, repeat=True)
    same()
    for section in ("synth", "noaaaa"):
        conf = data.conf(address={"ttl": 5}, noaaaa={"negative-ttl": 5})
        if section == "synth":
            conf["synth"]["address-names"][0]["bad"] = 1
        else:
            conf["noaaaa"][0]["bad"] = 1
        resolver.write_conf(conf)
        resolver.reload(how)
        same()
    resolver.write_conf(data.conf(address={"ttl": 5}, noaaaa={"negative-ttl": 5}))
    resolver.reload(how)
    lab.expect(resolver, "10.1.2.3.Z A", "A 10.1.2.3 @5", expand)
    lab.expect(resolver, "www.example.com AAAA", "ND(example.com)@5", expand)


@pytest.mark.needs("noaaaa")
def test_changes_of_every_kind(lab):
    """Zones come and go, sites change, sections disappear and come back."""
    resolver = start(lab, ("synth", "noaaaa"))
    lab.expect(resolver, "svc.dc.P A", "CNAME svc.dc1.P @30 + A 10.1.1.5", expand)
    for how in hows(resolver):
        if how == "reload_keep_cache":
            continue
        resolver.write_conf(data.conf(site={"site": "dc2", "fallback": ["dc1"]}, noaaaa={"zones": ["org"]}))
        resolver.reload(how)
        lab.expect(resolver, "svc.dc.P A", "CNAME svc.dc2.P @30 + A 10.2.1.5", expand)
        lab.expect(resolver, "www.example.com AAAA", "UP NOERROR", expand)
        resolver.write_conf("{}\n")
        resolver.reload(how)
        lab.expect(resolver, "svc.dc.P A", "UP NXDOMAIN", expand)
        lab.expect(resolver, "10.1.2.3.Z A", "UP NXDOMAIN", expand)
        resolver.write_conf(data.conf())
        resolver.reload(how)
        lab.expect(resolver, "svc.dc.P A", "CNAME svc.dc1.P @30 + A 10.1.1.5", expand)
        lab.expect(resolver, "10.1.2.3.Z A", "A 10.1.2.3 @300", expand)
        lab.expect(resolver, "www.example.com AAAA", "ND(example.com)", expand)


@pytest.mark.needs("noaaaa")
def test_keep_cache(lab):
    """What is computed for each question follows the new rules also when the cache is kept."""
    resolver = start(lab, ("synth", "noaaaa"))
    if "reload_keep_cache" not in hows(resolver):
        missing("this Unbound has no reload_keep_cache")
    for question in ("10.1.2.3.Z", "10.66.0.1.Z", "www.Z", "Z"):
        resolver.ask(expand(question))
    lab.expect(resolver, "www.example.com AAAA", "ND(example.com)", expand)
    resolver.write_conf(data.conf(address={"allow": ["192.0.2.0/24"], "ttl": 7}, noaaaa={"negative-ttl": 9}))
    resolver.reload("reload_keep_cache")
    lab.expect(resolver, "10.1.2.3.Z A", "NX(Z)", expand)
    lab.expect(resolver, "192.0.2.1.Z A", "A 192.0.2.1 @7", expand)
    lab.expect(resolver, "www.Z A", "UP NOERROR", expand)
    lab.expect(resolver, "Z A", "ND(Z)", expand)
    lab.expect(resolver, "www.example.com AAAA", "ND(example.com)@9", expand)


@pytest.mark.needs("noaaaa")
def test_keep_cache_without_the_rules(lab):
    """Answers by rules that are gone do not stay in a cache that is kept."""
    resolver = start(lab, ("synth", "noaaaa"))
    if "reload_keep_cache" not in hows(resolver):
        missing("this Unbound has no reload_keep_cache")
    questions = (("svc.dc.P A", "CNAME svc.dc1.P @30 + A 10.1.1.5", "UP NXDOMAIN"),
                 ("alias.org AAAA", "CNAME www.example.com + NODATA(example.com)", "UP NOERROR"),
                 ("h3.example.com HTTPS", "HTTPS 1 . alpn=\"h3\" ipv4hint=\"192.0.2.80\"", "UP NOERROR"))
    for question, expected, _ in questions * 2:
        lab.expect(resolver, question, expected, expand, repeat=True)
    resolver.write_conf("{}\n")
    resolver.reload("reload_keep_cache")
    for question, _, expected in questions:
        lab.expect(resolver, question, expected, expand, repeat=True)


@pytest.mark.parametrize("how", HOWS)
def test_with_questions_under_way(lab, how):
    """A reload and a stop while sub-queries wait for upstream."""
    resolver = start(lab, ("synth",))
    for _ in range(3):
        resolver.flush()
        resolver.upstream.rule("hold", "svc.dc1.prd.example.com.")
        resolver.upstream.rule("hold", "ip.example.com.")
        before = resolver.upstream.count("svc.dc1.prd.example.com.", "A")
        waiting = [Pending((resolver.address, resolver.port), expand(q)) for q in
                   ("svc.dc.P", "svc.dc.P", "Z", "svc.dc1.P")]
        resolver.upstream.wait_for("svc.dc1.prd.example.com.", "A", before + 1)
        resolver.reload(how)
        resolver.upstream.release()
        for pending in waiting:
            pending.sock.close()
        lab.expect(resolver, "svc.dc.P A", "CNAME svc.dc1.P @30 + A 10.1.1.5", expand)
        lab.expect(resolver, "10.1.2.3.Z A", "A 10.1.2.3 @300", expand)
    resolver.upstream.rule("hold", "only2.dc1.prd.example.com.")
    Pending((resolver.address, resolver.port), expand("only2.dc.P"))
    resolver.upstream.wait_for("only2.dc1.prd.example.com.", "A")
    lab.drop(resolver)


def check(question, response):
    """What is wrong with an answer under load, or None."""
    qname, qtype = question
    if qname.startswith("10"):
        good = response.rcode == "NOERROR" and response.data("A") == ["10.1.2.3"]
    elif qname.startswith("8."):
        good = response.rcode == "NXDOMAIN" and not response.answer
    elif ".dc." in qname:
        good = response.rcode == "NOERROR" and response.types() == ["CNAME", qtype]
    else:
        good = response.rcode == "NOERROR" and response.data("A") == ["192.0.2.80"]
    return None if good else "wrong answer"


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("file", ["same", "changing"])
def test_under_load(lab, how, file):
    """Ten reloads under load from two clients on two threads: every question is answered, none wrongly.

    Questions that wait for upstream are dropped by Unbound itself at a reload; those clients ask again, as
    every client does. What is answered at once is never lost.
    """
    resolver = start(lab, threads=2)
    server = (resolver.address, resolver.port)
    at_once = [Load(server, [(expand("10.1.2.3.Z"), "A"), ("8.8.8.8.ip.example.com.", "A"),
                             ("10-1-2-3.ip.example.com.", "A")], check) for _ in range(2)]
    waiting = [Load(server, [(expand("svc.dc.P"), "A"), ("www.example.com.", "A"), (expand("svc.dc.P"), "SRV"),
                             (expand("only2.dc.P"), "A")], check, timeout=0.5, tries=6)]
    loads = at_once + waiting
    for load in loads:
        load.start()
    for number in range(10):
        asked = [load.asked for load in loads]
        if file == "changing":
            resolver.write_conf(BROKEN if number % 3 == 2 else data.conf(address={"ttl": 100 + number}))
        resolver.reload(how)
        while any(load.asked < before + 20 for load, before in zip(loads, asked) if load.is_alive()):
            loads[0].stopping.wait(0.002)
    for load in loads:
        load.stop()
    for load in loads:
        assert load.asked >= 200
        assert not load.wrong, load.wrong[:2]
        assert load.lost == 0
    for load in at_once:
        assert load.retried == 0


def test_replaced_shared_object(lab, tmp_path):
    """The .so is replaced (by rename, as installers do) while it runs, then the resolver is reloaded."""
    path = str(tmp_path / "synth.so")
    shutil.copy(module_path("synth"), path)
    resolver = start(lab, module_files=[path])
    for how in HOWS:
        lab.expect(resolver, "10.1.2.3.Z A", "A 10.1.2.3 @300", expand)
        shutil.copy(module_path("synth"), path + ".new")
        os.replace(path + ".new", path)
        lab.expect(resolver, "10.1.2.3.Z A", "A 10.1.2.3 @300", expand)
        resolver.reload(how)
        lab.expect(resolver, "10.1.2.3.Z A", "A 10.1.2.3 @300", expand)
        lab.expect(resolver, "svc.dc.P A", "CNAME svc.dc1.P @30 + A 10.1.1.5", expand, repeat=True)


def test_replaced_shared_object_and_bad_file(lab, tmp_path):
    """The last good rules outlive the shared object that read them."""
    path = str(tmp_path / "synth.so")
    shutil.copy(module_path("synth"), path)
    resolver = start(lab, module_files=[path])
    shutil.copy(module_path("synth"), path + ".new")
    os.replace(path + ".new", path)
    resolver.write_conf(BROKEN)
    resolver.reload()
    lab.expect(resolver, "10.1.2.3.Z A", "A 10.1.2.3 @300", expand)
    lab.expect(resolver, "svc.dc.P A", "CNAME svc.dc1.P @30 + A 10.1.1.5", expand)


@pytest.mark.plain
def test_memory_does_not_grow(lab):
    """Reloads leave no heap behind that is worth speaking of."""
    resolver = start(lab)

    def resident():
        with open("/proc/%d/statm" % resolver.process.pid, encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    for number in range(40):
        resolver.write_conf(BROKEN if number % 4 == 3 else data.conf())
        resolver.reload()
        if number == 9:
            before = resident()
    assert resident() - before < 4 << 20
    tabletest_alive(lab, resolver)


def tabletest_alive(lab, resolver):
    resolver.mark_log()
    lab.expect(resolver, "10.1.2.3.Z A", "A 10.1.2.3 @300", expand)
    tabletest.settle(resolver)
