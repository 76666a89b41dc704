# SPDX-License-Identifier: BSD-3-Clause
"""What sitebound-checkconf says of local zones, against what the Unbound under test does with them."""

import os
import re
import subprocess

import pytest

import data
import harness
from harness import Pending, missing

TYPES_IN_SOURCE = re.compile(r'strcmp\(type, "([a-z_]+)"\)')


def checkconf(resolver):
    """The lines of sitebound-checkconf for the files of a resolver."""
    program = os.path.join(os.environ.get("SITEBOUND_TOOLS", ""), "sitebound-checkconf")
    if not os.access(program, os.X_OK):
        missing("SITEBOUND_TOOLS has no sitebound-checkconf")
    run = subprocess.run([program, "-u", resolver.unbound_conf, resolver.conf_file], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return run.stderr.splitlines()


def local_zone_types(folder):
    """All types of local-zone that this Unbound knows and takes in unbound.conf (some are for its RPZ alone)."""
    path = os.path.join(os.environ.get("UNBOUND_SOURCE", ""), "services", "localzone.c")
    if not os.path.exists(path):
        missing("UNBOUND_SOURCE is not a source tree of Unbound")
    with open(path, encoding="utf-8") as source:
        body = source.read().partition("int local_zone_str2type(")[2].partition("\n}")[0]
    conf = folder / "type.conf"

    def is_taken(kind):
        conf.write_text('server:\n  chroot: ""\n  username: ""\n  directory: "%s"\n  local-zone: x.test %s\n' % (folder, kind))
        return subprocess.run([harness.unbound_program("unbound-checkconf"), conf], capture_output=True).returncode == 0
    return [kind for kind in TYPES_IN_SOURCE.findall(body) if is_taken(kind)]


def answer(pending):
    """The data of the answer, none when nothing has come."""
    try:
        return [record[3] for record in pending.result(timeout=0.01).answer]
    except TimeoutError:
        return []


@pytest.mark.needs("synth")
def test_every_type(lab, tmp_path):
    """A type is warned of if, and only if, no question comes through to the module."""
    types = local_zone_types(tmp_path)
    assert len(types) > 15 and "static" in types
    zones = ["t%d.example.net" % i for i in range(len(types))]
    resolver = lab.resolver(
        modules=["synth"], conf={"synth": {"address-names": [{"zone": zone, "allow": ["0.0.0.0/0", "::/0"]}
                                                             for zone in [*zones, "last.example.net"]]}},
        server="\n".join('local-zone: "%s" %s' % pair for pair in zip(zones, types)))
    server = (resolver.address, resolver.port)
    pending = [[Pending(server, "192-0-2-1." + zone, "A"), Pending(server, "2001-db8--1." + zone, "AAAA")]
               for zone in zones]

    # one thread takes them in their order, and nothing goes upstream: then all that is answered is
    assert resolver.ask("192-0-2-1.last.example.net").data("A") == ["192.0.2.1"]
    passes = {kind for kind, pair in zip(types, pending)
              if any(data in ("192.0.2.1", "2001:db8::1") for question in pair for data in answer(question))}
    said = "\n".join(checkconf(resolver))
    warned = {kind for zone, kind in zip(zones, types) if 'local-zone "%s" %s covers' % (zone, kind) in said}
    assert warned == set(types) - passes
    assert "transparent" in passes and "static" in warned


@pytest.mark.needs("noaaaa")
@pytest.mark.parametrize("unblocked", [False, True])
def test_every_built_in_zone(lab, monkeypatch, unblocked):
    monkeypatch.setattr(harness, "LAN_ZONES", ())
    server = "unblock-lan-zones: %s" % ("yes" if unblocked else "no")
    zones = [line.split()[0] for line in lab.resolver(server=server).control("list_local_zones").splitlines()]
    assert len(zones) > (5 if unblocked else 100)
    resolver = lab.resolver(modules=["noaaaa"], conf={"noaaaa": [{"zones": zones, "answer": "nodata"}]}, server=server)
    warned = re.findall(r"Unbound's built-in local-zone \"(\S+)\" covers the noaaaa zone (\S+?):", "\n".join(checkconf(resolver)))
    assert sorted(z + "." for _, z in warned) == sorted(zones)


@pytest.mark.needs("synth", "noaaaa")
@pytest.mark.parametrize("option", ["", "for-downstream: yes", "for-downstream: no"], ids=["default", "yes", "no"])
def test_auth_zone(lab, tmp_path, option):
    """An auth-zone that answers clients, as it does by default, is warned of, and no question there comes to a job."""
    zone = tmp_path / "example.com.zone"
    zone.write_text("example.com. 600 IN SOA ns.example.com. hm.example.com. 1 7200 3600 86400 900\n"
                    "example.com. 600 IN NS ns.example.com.\nns.example.com. 600 IN A 127.0.0.1\n"
                    "www.example.com. 600 IN A 192.0.2.80\nwww.example.com. 600 IN AAAA 2001:db8::80\n"
                    "svc.dc1.prd.example.com. 600 IN A 10.1.1.5\n")
    resolver = lab.resolver(
        modules=("synth", "noaaaa"), conf=data.conf(),
        extra='auth-zone:\n  name: "example.com"\n  zonefile: "%s"\n  %s\n' % (zone, option))
    shadows = option != "for-downstream: no"
    said = [line for line in checkconf(resolver) if 'auth-zone "example.com"' in line]
    assert bool(said) == shadows, said
    address = resolver.ask("10.1.2.3.ip.example.com.", "A")
    site = resolver.ask("svc.dc.prd.example.com.", "A")
    filtered = resolver.ask("www.example.com.", "AAAA")
    if shadows:
        assert (address.rcode, site.rcode, filtered.data("AAAA")) == ("NXDOMAIN", "NXDOMAIN", ["2001:db8::80"])
    else:
        assert address.data("A") == ["10.1.2.3"] and site.data("A") == ["10.1.1.5"] and not filtered.data("AAAA")
