# SPDX-License-Identifier: BSD-3-Clause
"""sitebound-decode: the vectors, its exit codes, and what it does with names that are none."""

import json
import os
import re
import subprocess

import pytest

ZONES = {"envelope": "", "pattern": ".e.example.net", "rfc9567": ""}


def vectors(root):
    for name, zone in ZONES.items():
        with open(os.path.join(root, "tests", "vectors", name + ".tsv"), encoding="utf-8") as rows:
            for row in rows:
                if not row.startswith("#"):
                    ident, qtype, qname, outcome, detail = row.rstrip("\n").split("\t")
                    yield ident, qtype, qname + zone, outcome, detail


@pytest.fixture
def config(root):
    return os.path.join(root, "tests", "conf", "good-report-full.yaml")


def decode(program, *arguments, stdin="", env=None):
    return subprocess.run([program, *arguments], input=stdin.encode(), stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=60, env=env)


def field(value, name):
    for part in name.split("."):
        value = value[part]
    return value


def has_fields(line, expected, prefix=""):
    for name, value in expected.items():
        if isinstance(value, dict):
            has_fields(field(line, name), value, name + ".")
        else:
            assert field(line, name) == value, prefix + name


def test_vectors(root, decode_program, config):
    """All of them in one run: one line for each name, in order."""
    rows = [row for row in vectors(root)
            # the program asks TXT questions: two rows are partial for their type alone
            if row[0] not in ("er-67",)]
    result = decode(decode_program, "--config", config,
                    stdin="".join(row[2] + "\n" for row in rows))
    assert result.returncode == 1
    assert result.stderr == b""
    lines = result.stdout.decode().splitlines()
    assert len(lines) == len(rows)
    for (ident, _, qname, outcome, detail), text in zip(rows, lines):
        line = json.loads(text)
        print(ident, text)
        assert line["dns"]["question"]["name"] == qname
        if outcome == "partial":
            assert line == {"event": {"action": "partial"}, "dns": {"question": {"name": qname}}}
        elif outcome == "malformed":
            assert line["event"]["action"] == "report-malformed"
            assert line["event"]["reason"] == detail
        else:
            has_fields(line, json.loads(detail))
            assert "client" not in line or set(line["client"]) == {"geo"}


@pytest.mark.parametrize("names,status", [
    (["e1aafbwlb5cedsalmkpu.r.example.net"], 0),
    (["e1aafbwlb5cedsalmkpu.r.example.net.", "_er.48.9._er.er.example.net"], 0),
    (["e1aafbwlb5cedsalmkpu.r.example.net", "x.r.example.net"], 1),
    (["e1aafbwlb5cedsalmkpv.r.example.net"], 1),
    (["r.example.net"], 1),
    (["example.net"], 1),
    (["a..b"], 1),
    (["a" * 64 + ".r.example.net"], 1),
    ([""], 1),
])
def test_status(decode_program, config, names, status):
    result = decode(decode_program, "-c", config, *names)
    assert result.returncode == status, result
    assert len(result.stdout.splitlines()) == len(names)
    for line in result.stdout.splitlines():
        json.loads(line)


def test_standard_input(decode_program, config):
    stdin = "\n  e1aafbwlb5cedsalmkpu.r.example.net \r\n\n\te1aafbwlb5cedsalmkpu.r.example.net."
    result = decode(decode_program, "-c", config, stdin=stdin)
    assert result.returncode == 0
    assert len(result.stdout.splitlines()) == 2
    assert decode(decode_program, "-c", config, stdin="").returncode == 0


@pytest.mark.parametrize("name,action", [
    ("x.example.org", "not-in-a-report-zone"),
    ("a..b", "not-a-name"),
    ("\x1b[31m\x7f..", "not-a-name"),
    ("x" * 100000, "not-a-name"),
])
def test_other_names(decode_program, config, name, action):
    result = decode(decode_program, "-c", config, stdin=name + "\n")
    assert result.returncode == 1
    assert json.loads(result.stdout)["event"]["action"] == action
    assert re.fullmatch(rb"[^\x00-\x1f\x7f]+\n", result.stdout)


def test_usage(decode_program, tmp_path, config):
    bad = tmp_path / "bad.yaml"
    bad.write_text("report: {log: relative, zones: []}\n")
    other = tmp_path / "other.yaml"
    other.write_text("noaaaa: []\n")
    name = "e1aafbwlb5cedsalmkpu.r.example.net"
    result = decode(decode_program, "-c", str(bad), name)
    assert result.returncode == 2
    assert result.stdout == b""
    assert len(result.stderr.splitlines()) == 2
    assert decode(decode_program, "-c", str(tmp_path / "none.yaml"), name).returncode == 2
    assert decode(decode_program, "--colour", name).returncode == 2
    result = decode(decode_program, "-c", str(other), name)
    assert result.returncode == 2
    env = dict(os.environ, SITEBOUND_CONF=config)
    assert decode(decode_program, name, env=env).returncode == 0
    assert decode(decode_program, "--help").returncode == 0
    assert decode(decode_program, "--version").returncode == 0
