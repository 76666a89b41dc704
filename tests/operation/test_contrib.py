# SPDX-License-Identifier: BSD-3-Clause
"""What is shipped around the modules fits them: dashboard, alerts, completion, systemd's drop-in."""

import json
import os
import re
import shutil
import subprocess

import pytest

import harness
import operation
from harness import missing
from operation import control_program, start, touch
from test_metrics import parse, read, wait_for_file

CONTRIB = os.path.join(operation.TESTS, "..", "contrib")
DASHBOARD = os.path.join(CONTRIB, "grafana", "sitebound.json")
ALERTS = os.path.join(CONTRIB, "grafana", "sitebound-alerts.yaml")


def panels():
    with open(DASHBOARD, encoding="utf-8") as file:
        return json.load(file)["panels"]


def expressions():
    """All PromQL of the dashboard and of the alerts."""
    out = [target["expr"] for panel in panels() for target in panel.get("targets", [])]
    text = re.sub(r"(?m)^ *#.*\n", "", read(ALERTS))
    blocks = re.findall(r"(?m)^ +expr: (?:>-\n((?: {10,}.*\n)+)|(.*)\n)", text)
    assert len(blocks) == text.count("- alert:")
    return out + [" ".join((folded or plain.strip("'")).split()) for folded, plain in blocks]


def expand_regex(text):
    """All texts that a pattern of plain words, `(a|b)` and a final `.*` stands for."""
    match = re.search(r"\(([a-z|_]+)\)", text)
    if match:
        return [one for word in match[1].split("|") for one in expand_regex(text.replace(match[0], word, 1))]
    return text.split("|")


@pytest.mark.needs("report", "synth", "noaaaa", "large")
def test_series_exist(lab):
    """Every metric, label and label value that the dashboard and the alerts name is one that the modules write."""
    prom = str(lab.folder / "p.prom")
    conf = dict(operation.conf(lab.folder, prom), large=[{"zones": ["roles.example.net"]}])
    modules = (*operation.ALL, "large")
    resolver = start(lab, modules=modules, text=conf)
    resolver.prom = prom
    samples = parse(wait_for_file(resolver, modules))
    names, labels, values = set(), {"instance", "file"}, {}
    for name, pairs in samples:
        names.add(name)
        for key, value in pairs:
            labels.add(key)
            values.setdefault(key, set()).add(value)
    found = expressions()
    assert len(found) >= 15
    for expr in found:
        assert expr.count("(") == expr.count(")") and expr.count("{") == expr.count("}"), expr
        used = re.findall(r"\b(sitebound_\w+)(?=[{ )])", expr)
        for pattern in re.findall(r'__name__=~"([^"]+)"', expr):
            used += expand_regex(pattern)
        assert used or "node_textfile_mtime_seconds" in expr, expr
        assert set(used) <= names, (expr, set(used) - names)
        for key, op, pattern in re.findall(r'(\w+)(=~|=)"([^"]*)"', expr):
            if key in ("__name__", "instance", "file"):
                continue
            assert key in labels, expr
            for one in expand_regex(pattern) if op == "=~" else [pattern]:
                assert any(re.fullmatch(one, value) for value in values[key]), (expr, one)
        for group in re.findall(r"by \(([^)]*)\)", expr):
            assert {g.strip() for g in group.split(",")} <= labels, expr


def test_dashboard_is_laid_out():
    """Panels have numbers of their own and do not lie on each other."""
    ids, taken = set(), set()
    for panel in panels():
        assert panel["id"] not in ids
        ids.add(panel["id"])
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells


# -- completion ---------------------------------------------------------------------------------
COMPLETE = r"""
. "$1"; shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
function=$(complete -p "$1" | sed 's/.*-F \([^ ]*\).*/\1/')
"$function" "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\n' "${COMPREPLY[@]}"
"""


def complete(*words, path=None):
    env = dict(os.environ)
    if path:
        env["PATH"] = path + ":" + env["PATH"]
    process = subprocess.run(["bash", "-uc", COMPLETE, "bash", os.path.join(CONTRIB, "completion", "sitebound-control"),
                              *words], capture_output=True, text=True, check=False, env=env, timeout=30)
    assert process.returncode == 0 and process.stderr == "", process
    return set(process.stdout.split())


@pytest.mark.parametrize("words, expected", [
    (["sitebound-control", "o"], {"on", "off"}),
    (["sitebound-control", "--json", "st"], {"status", "stats"}),
    (["sitebound-control", "-t", "3", "re"], {"reset"}),
    (["sitebound-control", "off", ""], {"synth", "noaaaa", "large", "report"}),
    (["sitebound-control", "off", "no"], {"noaaaa"}),
    (["sitebound-control", "status", ""], {"--json"}),
    (["sitebound-control", "-s", ""], set()),
    (["sitebound-checkconf", "--u"], {"--unbound-conf"}),
    (["sitebound-decode", "--c"], {"--config"}),
    (["sitebound-preview", "--te"], {"--text"}),
    (["forward-health", "d"], {"drain"}),
    (["forward-health", "--status", "--j"], {"--json"}),
    (["forward-health", "pin", ""], set()),
], ids=" ".join)
def test_completion(words, expected):
    assert complete(*words) == expected


def test_completion_of_files(tmp_path):
    (tmp_path / "some file").write_text("")
    for words in (["sitebound-control", "-c"], ["sitebound-control", "check"], ["sitebound-checkconf"],
                  ["sitebound-decode", "-c"], ["forward-health", "-c"]):
        assert complete(*words, str(tmp_path) + "/so") == set((str(tmp_path) + "/some file").split())


@pytest.mark.needs("report", "synth", "noaaaa")
def test_completion_of_zones(lab):
    """The zones are asked of the daemon; one that is down has none."""
    resolver = start(lab)
    touch(resolver)
    folder = lab.folder / "bin"
    os.mkdir(folder)
    (folder / "sitebound-control").write_text("#!/bin/sh\nUNBOUND_CONTROL=%s exec %s \"$@\"\n" % (
        harness.unbound_program("unbound-control"), control_program()))
    os.chmod(folder / "sitebound-control", 0o755)
    words = ["sitebound-control", "-c", resolver.unbound_conf]
    assert complete(*words, "off", "synth", "p", path=str(folder)) == {"prd.example.com"}
    assert complete(*words, "off", "report", "", path=str(folder)) == {"r.example.net"}
    assert complete(*words, "flush", "", path=str(folder)) == {
        "prd.example.com", "stg.example.com", "ip.example.com", "example.com", "r.example.net"}
    resolver.stop()
    assert complete(*words, "off", "synth", "p", path=str(folder)) == set()


# -- systemd ------------------------------------------------------------------------------------
def test_drop_in(tmp_path):
    """systemd knows every line of the drop-in."""
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        missing("systemd-analyze is not installed")
    unit = tmp_path / "unbound.service"
    unit.write_text("[Service]\nType=notify\nExecStart=/bin/true\nExecReload=/bin/true\n")
    os.mkdir(tmp_path / "unbound.service.d")
    text = read(os.path.join(CONTRIB, "systemd", "sitebound.conf")).replace("/usr/bin/sitebound-checkconf", "/bin/true")
    (tmp_path / "unbound.service.d" / "sitebound.conf").write_text(text)
    out = subprocess.run([analyze, "verify", str(unit)], capture_output=True, text=True, check=False,
                         env=dict(os.environ, SYSTEMD_UNIT_PATH=str(tmp_path) + ":"))
    assert "sitebound.conf" not in out.stdout + out.stderr and "unbound.service" not in out.stderr, out.stderr
    assert out.returncode == 0, out.stderr
