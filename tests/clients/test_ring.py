# SPDX-License-Identifier: BSD-3-Clause
"""sitebound-decode --ring: records as dig prints them, the ring they make, and who owns a key."""

import hashlib
import subprocess

import pytest

RECORDS = """\
; a ring of three
_t._hm.example.net. 60 IN SRV 0 0 80 a.example.
_t._hm.example.net.\t60\tIN\tSRV\t0 0 80 b.example.
_t._hm.example.net. SRV 0 0 81 c.example.
config._t._hm.example.net. 60 IN TXT "slaves=1 hash=md5"

tokens.80.a.example. 60 IN TXT "40"
tokens.80.b.example. 60 IN TXT "80" "90"
TOKENS.81.C.example 60 in txt c0
"""


@pytest.fixture
def ring(decode_program, tmp_path):
    def run(records, *arguments, stdin=False):
        (tmp_path / "ring").write_text(records)
        path = "-" if stdin else tmp_path / "ring"
        return subprocess.run([decode_program, "--ring", path, *arguments], capture_output=True, text=True, timeout=60,
                              check=False, input=records if stdin else "")
    return run


@pytest.mark.parametrize("stdin", [False, True])
def test_print(ring, stdin):
    done = ring(RECORDS, stdin=stdin)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "hash=md5 members=3 tokens=4 slaves=1 without-token=0 bad-tokens=0 duplicate-tokens=0",
        f"40{'0' * 30}  50.0% a.example:80",
        f"80{'0' * 30}  25.0% b.example:80",
        f"90{'0' * 30}   6.2% b.example:80",
        f"c0{'0' * 30}  18.8% c.example:81",
    ]


def test_owners(ring):
    done = ring(RECORDS, "80", "81", "r1.ff", "r2.ff", "zz", "h-track", "--replica-hash")
    track = hashlib.md5(b"track").hexdigest()
    assert done.returncode == 1
    again = hashlib.md5(bytes.fromhex("ff" + "00" * 15)).hexdigest()
    owner = next((n for n in (0x40, 0x80, 0x90, 0xC0) if again <= f"{n:02x}" + "0" * 30), 0x40)
    host = {0x40: "a.example port=80", 0x80: "b.example port=80", 0x90: "b.example port=80", 0xC0: "c.example port=81"}
    assert done.stdout.splitlines() == [
        f"80 key=80{'0' * 30} token=80{'0' * 30} host=b.example port=80",
        f"81 key=81{'0' * 30} token=90{'0' * 30} host=b.example port=80",
        f"r1.ff key={again} token={owner:02x}{'0' * 30} host={host[owner]}",
        "r2.ff nobody",
        "zz nobody",
        f"h-track key={track} token=40{'0' * 30} host=a.example port=80",
    ]


@pytest.mark.parametrize("line, error", [
    ("x.example. A 192.0.2.1", "neither SRV nor TXT"),
    ("x.example. 60 IN", "no record"),
    ("x..example. TXT 1", "bad owner name"),
    ("other.example. SRV 0 0 1 h.example.", "SRV records of another name"),
    ("_t._hm.example.net. SRV 0 0 65536 h.example.", "bad SRV record"),
    ("_t._hm.example.net. SRV 0 0 80", "bad SRV record"),
    ("tokens.82.c.example. TXT 1", "no member's"),
    ('tokens.80.a.example. TXT "1', "bad TXT record"),
    ("tokens.80.a.example. TXT", "bad TXT record"),
    (f"tokens.80.a.example. TXT {'1' * 256}", "bad TXT record"),
    ('config._t._hm.example.net. TXT "hash=sha512"', "bad TXT record"),
])
def test_bad_files(ring, line, error):
    done = ring(RECORDS + line + "\n")
    assert (done.returncode, done.stdout) == (2, "")
    assert f"ring:{len(RECORDS.splitlines()) + 1}: " in done.stderr and error in done.stderr


def test_no_file(decode_program, tmp_path):
    done = subprocess.run([decode_program, "-r", tmp_path / "none"], capture_output=True, timeout=60, check=False)
    assert done.returncode == 2 and b"none: " in done.stderr


def test_nothing(ring):
    done = ring("")
    assert (done.returncode, done.stdout.count("\n")) == (0, 1)
    assert ring("", "80").returncode == 1
