# SPDX-License-Identifier: BSD-3-Clause
"""conf/render: what is checked in is what it writes; what it writes passes the checkers; other names reach every place."""

import os
import pathlib
import re
import subprocess

import pytest
import yaml

CONF = pathlib.Path(__file__).resolve().parents[2] / "conf"
TIERS = ("client", "nameserver", "egress", "collector")
UNBOUND_CHECKCONF = os.path.join(os.environ.get("UNBOUND_PREFIX", "/usr"), "sbin", "unbound-checkconf")
CHECKCONF = os.path.join(os.environ.get("SITEBOUND_TOOLS", "./tools"), "sitebound-checkconf")


def render(inventory, folder):
    return subprocess.run([CONF / "render", inventory, folder], capture_output=True, text=True)


def shipped():
    return yaml.safe_load((CONF / "inventory.yaml").read_text())


def other():
    """One site, IPv6 in places, no name or address of the shipped inventory."""
    return {
        "domain": "corp.example", "zones": ["live.corp.example"], "site-label": "here", "address-zone": "addr.corp.example",
        "networks": ["172.16.0.0/12"], "reverse-zones": ["16.172.in-addr.arpa"], "search-guards": ["eu"],
        "reports": {"zone": "rep.example", "errors": "err.example", "nameservers": ["a.ns.example"]}, "probes": ["a.example", "b.example"],
        "container": {"address": "172.30.0.1", "network": "172.30.0.0/16"}, "modules": "/opt/modules",
        "sites": {"north": {"network": "fd12::/16", "authoritative": ["fd12::53"], "nameservers": ["fd12::11"],
                            "egress": ["fd12::21"], "collectors": ["2001:db8::53"]}}}


def write(tmp_path, inventory):
    file = tmp_path / "inventory.yaml"
    file.write_text(yaml.safe_dump(inventory))
    return file


def test_shipped_files_are_rendered(tmp_path):
    done = render(CONF / "inventory.yaml", tmp_path)
    assert done.returncode == 0, done.stderr
    files = [f for f in (tmp_path / "dc1").rglob("*") if f.is_file()]
    assert len(files) == 8
    for file in files:
        assert (CONF / file.relative_to(tmp_path / "dc1")).read_text() == file.read_text(), file


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("name", ["shipped", "other"])
def test_checkers(tmp_path, name, tier):
    inventory = {"shipped": shipped, "other": other}[name]()
    assert render(write(tmp_path, inventory), tmp_path / "out").returncode == 0
    for site in inventory["sites"]:
        folder = tmp_path / "out" / site / tier
        conf, text = folder / "unbound.conf", (folder / "unbound.conf").read_text()
        # directories, files and the user of a machine that runs it
        text = text.replace("/etc/unbound/sitebound.yaml", str(folder / "sitebound.yaml"))
        text = text.replace('username: "unbound"', 'username: ""')
        text = re.sub(r'(?m)^(\tpidfile:|\tcontrol-interface:|\troot-hints:|\tauto-trust-anchor-file:).*\n', "", text)
        conf.write_text(text.replace('directory: "/var/lib/unbound"', 'directory: "%s"' % folder))
        done = subprocess.run([UNBOUND_CHECKCONF, conf], capture_output=True, text=True)
        unknown = re.search("unknown keyword '(wait-limit|discard-timeout)'", done.stderr)
        if unknown:
            pytest.skip("this Unbound knows no %s, which the file says" % unknown.group(1))
        assert done.returncode == 0, done.stderr
        done = subprocess.run([CHECKCONF, "-u", conf], capture_output=True, text=True,
                              env={k: v for k, v in os.environ.items() if k != "SITEBOUND_CONF"})
        assert done.returncode == 0, done.stderr
        assert "warning" not in done.stderr, done.stderr
        assert "cannot be read" not in done.stderr


def test_nothing_of_the_shipped_inventory_stays(tmp_path):
    assert render(write(tmp_path, other()), tmp_path / "out").returncode == 0
    for file in (tmp_path / "out").rglob("*"):
        if file.is_file():
            text = re.sub(r"#.*", "", file.read_text())
            found = re.search(r"example\.(com|net|org)|10\.[12]\.0|192\.0\.2|dc[12]|172\.17|\$[a-z]", text.replace("172.16.0.0/12", ""))
            assert not found, (file, found)


@pytest.mark.parametrize("tier", TIERS)
def test_one_module(tier):
    """sitebound.so once, in every tier but that of the nameservers, which has none."""
    text = (CONF / tier / "unbound.conf").read_text()
    want = [] if tier == "nameserver" else ["sitebound.so"]
    assert re.findall(r'dynlib-file: ".*/(.*)"', text) == want
    assert re.findall(r'(?m)^\tmodule-config: "(.*)"', text) == ["dynlib validator iterator" if want else "iterator"]


def test_forward_health_yaml(tmp_path):
    render(CONF / "inventory.yaml", tmp_path)
    for site, text in {s: (tmp_path / s / "forward-health.yaml").read_text() for s in ("dc1", "dc2")}.items():
        conf = yaml.safe_load(text)
        assert conf["site"] == site and list(conf["sites"])[0] == site
        assert conf["sites"] == {s: [a + "@5301" for a in v["egress"]] for s, v in shipped()["sites"].items()}
        assert [p["name"] for p in conf["probes"]] == ["{random}." + p for p in shipped()["probes"]]


@pytest.mark.parametrize("path, value, said", [
    ("domain", None, "domain: is missing"),
    ("typo", "x", "typo: unknown key"),
    ("zones", [], "zones: not a list with at least one item"),
    ("zones", "prd.example.com", "zones: not a list"),
    ("domain", 'a" b', "domain: 'a\" b' is not"),
    ("probes", ["one.example.com"], "probes: at least two"),
    ("sites", {}, "sites: not a map"),
    ("sites", {"DC 1": {}}, "sites: 'DC 1' is not a label"),
    ("sites", {"0x1": {}}, "sites: '0x1' is not a text without quotes"),
    ("sites.dc1.egress", ["10.1.0.256"], "sites.dc1.egress: '10.1.0.256' does not appear"),
    ("sites.dc1.network", "10.1.0.1/16", "sites.dc1.network: 10.1.0.1/16 has host bits set"),
    ("container.address", "172.17.0", "container.address: "),
    ("reports", [], "reports: not a map"),
])
def test_bad_inventory(tmp_path, path, value, said):
    inventory = shipped()
    *above, last = path.split(".")
    place = inventory
    for key in above:
        place = place[key]
    if value is None:
        del place[last]
    else:
        place[last] = value
    done = render(write(tmp_path, inventory), tmp_path / "out")
    assert done.returncode == 1 and said in done.stderr, done.stderr
    assert not (tmp_path / "out").exists()
