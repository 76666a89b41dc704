# SPDX-License-Identifier: BSD-3-Clause
"""forward-health.yaml: every error with its place, all of them at once; what is good."""
import os
import re
import subprocess
import sys

import pytest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = os.path.join(TOP, "contrib", "forward-health", "forward-health")
sys.path.insert(0, os.path.dirname(PROGRAM))
GOOD = """site: dc1
sites:
  dc1: [127.0.0.1@1, 127.0.0.2@1]
  dc2: [127.0.0.3@1]
probes:
  - {name: "{random}.a.test", expect: NXDOMAIN}
  - {name: "{random}.b.test", expect: NXDOMAIN}
control: /run/none.ctl
"""


def check(tmp_path, text, *args):
    file = tmp_path / "forward-health.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    done = subprocess.run([sys.executable, PROGRAM, "-c", str(file), *(args or ["--check"])], capture_output=True, text=True,
                          env=dict(os.environ, FORWARD_HEALTH_HOSTNAME="dc1-ns1"), timeout=30, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    return done, str(file)


# id, what is replaced in GOOD, by what, the error behind FILE:
BAD = [
    ("unknown-key", "control:", "colour:", "8:1: colour: unknown key"),
    ("twice", "control: /run/none.ctl", "site: dc2", "8:1: site: is here twice"),
    ("syntax", "site: dc1\n", "site: [dc1\n", "2:6: expected ',' or ']', but got ':'"),
    ("site-unknown", "site: dc1", "site: dc9", '1:7: site: "dc9" is none of the sites'),
    ("site-missing", "site: dc1\n", "", "1:1: site: is missing"),
    ("site-pattern", "site: dc1", "site: {hostname: '^(dc7)-'}",
     '1:18: site.hostname: does not give a site for the host name "dc1-ns1"'),
    ("site-regex", "site: dc1", "site: {hostname: '^(dc7'}",
     "1:18: site.hostname: is no regular expression: missing ), unterminated subpattern at position 1"),
    ("address", "127.0.0.2@1", "127.0.0.256", '3:22: sites.dc1[1]: "127.0.0.256" is not ADDRESS[@PORT][#NAME]'),
    ("port", "127.0.0.2@1", "127.0.0.2@65536", '3:22: sites.dc1[1]: "127.0.0.2@65536" is not ADDRESS[@PORT][#NAME]'),
    ("resolver-twice", "127.0.0.3@1", "127.0.0.1@1", "4:9: sites.dc2[0]: 127.0.0.1@1 is already in line 3"),
    ("resolver-twice-ipv6", "[127.0.0.3@1]", '["::1", "0:0::1@53"]', "4:16: sites.dc2[1]: 0:0::1@53 is already in line 4"),
    ("mixed", "127.0.0.2@1", '"127.0.0.2#a.test"', "3:8: sites.dc1: mixes TLS (#NAME) and plain: Unbound takes a list of one kind only"),
    ("site-empty", "[127.0.0.3@1]", "[]", "4:8: sites.dc2: has no resolver"),
    ("probe-cached", "{random}.a.test", "www.a.test", '6:12: probes[0].name: "www.a.test" has no {random}: a cache could answer it'),
    ("probe-name", "{random}.a.test", "{random}..test", '6:12: probes[0].name: "{random}..test" is no domain name'),
    ("probe-expect", "a.test\", expect: NXDOMAIN", "a.test\", expect: MAYBE",
     '6:39: probes[0].expect: "MAYBE" is not NXDOMAIN, NODATA, NOERROR or an address'),
    ("one-owner", "{random}.b.test", "{random}.x.a.test",
     "6:3: probes: at least two owners are needed: a resolver is bad when it fails for more than one"),
    ("duration", "control: /run/none.ctl", "interval: soon", "8:11: interval: is no duration (1s, 250ms, 10m)"),
    ("duration-range", "control: /run/none.ctl", "timeout: 1h", "8:10: timeout: 1h is not between 0.05s and 10s"),
    ("number", "control: /run/none.ctl", "fall: 1", "8:7: fall: is no number from 2 to 100"),
    ("profile", "control: /run/none.ctl", "profile: slow", "8:10: profile: is not default or fast"),
    ("max-rate", "control: /run/none.ctl", "max-rate: 2",
     "8:11: max-rate: 2 is too small: 3 resolvers every 1s are 3 questions a second"),
    ("min-healthy", "control: /run/none.ctl", "min-healthy: 2", "8:14: min-healthy: 2 is more than site dc2 has (1)"),
    ("path", "control: /run/none.ctl", "metrics: here", '8:10: metrics: "here" is no absolute path'),
    ("control", "control: /run/none.ctl", "control: none", "8:10: control: is no socket (/PATH), HOST@PORT or {command: ...}"),
    ("egress", "control: /run/none.ctl", "egress-control: {127.0.0.9@1: /x}",
     "8:18: egress-control.127.0.0.9@1: is no resolver of this file"),
    ("zone-order", "control: /run/none.ctl", 'zones: [{zone: ".", order: [dc9]}]', '8:29: zones[0].order[0]: "dc9" is none of the sites'),
    ("record", "control: /run/none.ctl", "records: [{name: a.test, type: NONESUCH, expect: [1]}]",
     '8:32: records[0].type: "NONESUCH" is no record type'),
]


@pytest.mark.parametrize("what, by, error", [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_bad(tmp_path, what, by, error):
    assert what in GOOD
    done, file = check(tmp_path, GOOD.replace(what, by, 1))
    lines = done.stderr.splitlines()
    assert done.returncode == 1 and "%s:%s" % (file, error) in lines, done.stderr


def test_all_errors_are_told(tmp_path):
    done, _ = check(tmp_path, GOOD + "fall: 1\nrise: no\ncolour: red\n")
    assert [line.split(": ")[1] for line in done.stderr.splitlines()] == ["fall", "rise", "colour"]


@pytest.mark.parametrize("text", [b"", b"\x00", b"- a\n", b"a: &a [*a]\n", b"\xff\xfe", b"[" * 5000], ids=range(6))
def test_garbage(tmp_path, text):
    done, file = check(tmp_path, text)
    assert done.returncode == 1 and done.stderr.startswith(file + ":"), done.stderr[:300]


@pytest.mark.parametrize("what, by, said", [
    ("", "", "site dc1, 3 resolvers at 2 sites, 2 probes under 2 owners"),
    ("site: dc1", "site: {hostname: '^(?<site>[a-z0-9]+)-'}", "site dc1,"),
    ("[127.0.0.3@1]", '["127.0.0.3@853", "2001:db8::53"]', "4 resolvers"),
    ("{random}.b.test\"", "{random}.c.a.test\", owner: other", "2 owners"),
])
def test_good(tmp_path, what, by, said):
    done, _ = check(tmp_path, GOOD.replace(what, by, 1))
    assert done.returncode == 0 and said in done.stdout and not done.stderr


def test_shipped():
    done = subprocess.run([sys.executable, PROGRAM, "-c", os.path.join(os.path.dirname(PROGRAM), "forward-health.yaml"), "--check"],
                          capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("file", ["forward-health.8", "forward-health.yaml"])
def test_every_key_is_documented(file):
    from forward_health import config
    with open(os.path.join(os.path.dirname(PROGRAM), file)) as page:
        text = page.read()
    mark = r"(?m)^\.It.*Cm (?:[a-z-]+ , )*%s(?![\w-])" if file.endswith("8") else r"(?m)^#?%s:"
    assert [key for key in config.FIELDS if not re.search(mark % key, text)] == []


def test_usage(tmp_path):
    assert check(tmp_path, GOOD, "--what")[0].returncode == 2
    assert check(tmp_path, GOOD, "--status")[0].returncode == 3
    assert check(tmp_path, GOOD, "pin", "dc9")[0].returncode == 2
