# SPDX-License-Identifier: BSD-3-Clause
"""The program: its options and exit codes, logs that grow, real lines, and how long it takes."""

import contextlib
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time

import pytest
import sample
from conftest import PROGRAM, TOOLS, missing

DEADLINE = 30


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "reports.jsonl"
    path.write_bytes(b"".join(sample.day(200)))
    return path


def errors(output):
    return int(re.search(rb"client errors with their weight: ([\d,]+)", output)[1].replace(b",", b""))


def weights(path):
    events = map(json.loads, path.read_bytes().splitlines())
    return sum(e["sitebound"]["weight"] for e in events if e["event"]["action"] == "client-error")


def test_text(preview, log):
    done = preview("--text", log)
    assert (done.returncode, done.stderr) == (0, b"")
    assert errors(done.stdout) == weights(log)


def test_standard_input(preview, log):
    for arguments in (["-t"], ["-t", "-"]):
        assert preview(*arguments, input=log.read_bytes()).stdout == preview("-t", log).stdout


def test_several_files(preview, log, tmp_path):
    lines = log.read_bytes().splitlines(keepends=True)
    for name, part in (("a", lines[:100]), ("b", lines[100:])):
        (tmp_path / name).write_bytes(b"".join(part))
    assert errors(preview("-t", tmp_path / "a", tmp_path / "b").stdout) == weights(log)


def test_last_line_without_line_feed(preview, log):
    whole = preview("-t", log).stdout
    log.write_bytes(log.read_bytes()[:-1])
    assert preview("-t", log).stdout == whole


@pytest.mark.parametrize("length", [4096, 4097, 1_000_000])
def test_long_line(preview, log, length):
    """It is one bad line, and the next one counts."""
    before = errors(preview("-t", log).stdout)
    more = json.dumps(sample.client_error(sample.random.Random(1), 86399, 10**6)).encode()
    log.write_bytes(log.read_bytes() + b"x" * length + b"\n" + more + b"\n")
    out = preview("-t", log).stdout
    assert b"bad lines: 1," in out
    assert errors(out) == before + json.loads(more)["sitebound"]["weight"]


@pytest.mark.parametrize("locale", ["C", "C.UTF-8", "POSIX"])
def test_locales(preview, log, locale):
    out = preview("-t", log, env={**os.environ, "LC_ALL": locale, "PYTHONCOERCECLOCALE": "0"})
    assert "█" in out.stdout.decode()


def test_no_such_file(preview, tmp_path):
    done = preview("-t", tmp_path / "none")
    assert done.returncode == 1
    assert re.fullmatch(rb"sitebound-preview: .*none.*\n", done.stderr)


@pytest.mark.parametrize(
    "arguments",
    [["--what"], ["-f", "-t"], ["-f", "-t", "-"], ["-f", "-t", "a", "b"], ["-f", "a"], ["-w", "39"], ["-e", "0"]],
)
def test_usage(preview, arguments):
    done = preview(*arguments, stdin=subprocess.DEVNULL)
    assert (done.returncode, done.stdout) == (2, b"")


def test_without_the_library(preview, log, tmp_path):
    done = preview("--charts", tmp_path / "none.js", log)
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"Chart.js" in done.stderr and b"--text" in done.stderr


def test_output(preview, log, tmp_path):
    out = tmp_path / "out"
    before = os.umask(0o027)
    try:
        assert preview("-t", "-o", out, log).stdout == b""
    finally:
        os.umask(before)
    assert out.read_bytes() == preview("-t", log).stdout
    assert out.stat().st_mode & 0o777 == 0o640
    assert sorted(os.listdir(tmp_path)) == ["out", "reports.jsonl"]


def test_output_that_cannot_be(preview, log, tmp_path):
    (tmp_path / "folder").mkdir()
    done = preview("-t", "-o", tmp_path / "folder", log)
    assert done.returncode == 1
    assert sorted(os.listdir(tmp_path)) == ["folder", "reports.jsonl"]


def test_reader_that_goes_away(log):
    with subprocess.Popen([PROGRAM, "-t", log], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.stderr.read() == b""


# -- --follow -----------------------------------------------------------------------------------
@contextlib.contextmanager
def following(log, out):
    # who runs the tests in the background may have left SIGINT ignored
    process = subprocess.Popen([PROGRAM, "-t", "-f", "-e", "1", "-o", out, log], stderr=subprocess.PIPE,
                               preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def wait_errors(out, expected):
    deadline = time.monotonic() + DEADLINE
    while not out.exists() or errors(out.read_bytes()) != expected:
        assert time.monotonic() < deadline, out.read_text() if out.exists() else "no output"
        time.sleep(0.05)


def line(number, weight=1):
    event = sample.client_error(sample.random.Random(1), 0, number)
    event["sitebound"]["weight"] = weight
    return json.dumps(event).encode() + b"\n"


def test_follow(tmp_path):
    """Half a line waits for its other half; a renamed log is read to its end; a cut one from its beginning."""
    log, out = tmp_path / "log", tmp_path / "out"
    log.write_bytes(line(1))
    with following(log, out) as process, open(log, "ab", buffering=0) as old:
        wait_errors(out, 1)
        half = line(2, 10)
        old.write(half[:50])
        old.write(half[50:])
        wait_errors(out, 11)
        os.rename(log, tmp_path / "log.1")
        old.write(line(3, 100))
        wait_errors(out, 111)
        log.write_bytes(line(4, 900) + line(5, 100))
        wait_errors(out, 1111)
        os.truncate(log, 0)
        with open(log, "ab") as now:
            now.write(line(6, 10000))
        wait_errors(out, 11111)
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=DEADLINE) == 0
        assert process.stderr.read() == b""
    assert sorted(os.listdir(tmp_path)) == ["log", "log.1", "out"]


def test_follow_waits_for_a_whole_line(tmp_path):
    log, out = tmp_path / "log", tmp_path / "out"
    whole = line(2, 10)
    log.write_bytes(line(1) + whole[:-1])
    with following(log, out):
        wait_errors(out, 1)
        with open(log, "ab") as file:
            file.write(b"\n")
        wait_errors(out, 11)
    assert b"bad lines" not in out.read_bytes()


def test_interrupt(tmp_path):
    log, out = tmp_path / "log", tmp_path / "out"
    log.write_bytes(line(1))
    with following(log, out) as process:
        wait_errors(out, 1)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=DEADLINE) == 0
        assert process.stderr.read() == b""


# -- real lines ---------------------------------------------------------------------------------
CONFIGURATION = r"""
report:
  log: "-"
  zones:
    - {zone: r.example.net, format: envelope}
    - {zone: er.example.net, format: rfc9567}
"""


def test_lines_of_the_module(preview, root, tmp_path):
    """Reports made by the encoder for applications, decoded by the module's own code."""
    decode = shutil.which("sitebound-decode", path=TOOLS)
    if not decode:
        missing("there is no sitebound-decode: set SITEBOUND_TOOLS")
    sys.path.insert(0, os.path.join(root, "contrib", "clients"))
    import sitebound_report

    codes = {"1407": 40, "E7": 25, "x": 10}
    names = []
    for code, count in codes.items():
        for n in range(count):
            fields = {"error.code": code, "service.name": "playback", "user_agent.version": f"1.{n % 2}"}
            fields |= {"client.geo.country_iso_code": "SE", "sitebound.count": 3}
            names.append(sitebound_report.encode("r.example.net", fields))
    broken = names[0][:4] + ("b" if names[0][4] == "a" else "a") + names[0][5:]
    names += [broken, "_er.1.broken.test.7._er.er.example.net"]
    (tmp_path / "conf").write_text(CONFIGURATION)
    lines = subprocess.run([decode, "-c", tmp_path / "conf", *names], stdout=subprocess.PIPE, timeout=60, check=False)
    out = preview("-t", "-w", "100", input=lines.stdout).stdout.decode()
    assert "bad lines" not in out
    assert errors(out.encode()) == 3 * sum(codes.values())
    rows = set(re.findall(r"^  (.*?)  +([\d,]+) ", out, re.MULTILINE))
    assert {("1407", "120"), ("E7", "75"), ("x", "30"), ("playback", "225"), ("SE", "225")} <= rows
    assert {("1.0", "114"), ("1.1", "111"), ("7 Signature Expired er.example.net", "1"), ("broken.test", "1")} <= rows
    assert ("checksum", "1") in rows


# -- how long -----------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", ["text", "page"])
def test_a_hundred_thousand_lines(request, preview, tmp_path, kind):
    """CPU time below 4.5 times that of reading the lines as JSON, which is the least that can be done; the best of four."""
    arguments = ["--text"] if kind == "text" else ["--charts", request.getfixturevalue("charts")]
    lines = sample.day(97_000)
    assert len(lines) >= 100_000
    (tmp_path / "log").write_bytes(b"".join(lines))
    took, least = [], []
    while not took or (min(took) >= 4.5 * min(least) and len(took) < 4):
        begin = time.process_time()
        for one in lines:
            json.loads(one)
        least.append(time.process_time() - begin)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = preview(*arguments, tmp_path / "log")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert done.returncode == 0
        took.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(took) < 4.5 * min(least)
    assert len(done.stdout) < 500_000
