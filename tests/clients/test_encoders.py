# SPDX-License-Identifier: BSD-3-Clause
"""The encoders for applications: pinned by the vectors, read back by sitebound-decode, equal to each other in what they
make and in what they refuse, and to the tables of envelope_encode.h."""

import contextlib
import io
import json
import os
import random
import re
import shutil
import subprocess
import sys

import pytest

import encoders

KEY = bytes(range(32))
ZONE = "r.example.net"
SHELLS = [shell for shell in ("sh", "dash", "bash", "busybox") if shutil.which(shell)]
# what the shell is asked of the thousands of reports of the others, at some 50 ms each
SHELL_STEP = int(os.environ.get("SITEBOUND_SHELL_STEP", "20"))


@pytest.fixture(scope="module")
def python_module():
    sys.dont_write_bytecode = True
    sys.path.insert(0, encoders.CLIENTS)
    import sitebound_report
    yield sitebound_report
    sys.path.remove(encoders.CLIENTS)


@pytest.fixture(scope="module")
def encode(python_module, tmp_path_factory):
    """encode(NAME, REPORTS): what an encoder makes of lists of arguments: names, or "! " and why not."""
    commands = {}

    def in_python(arguments):
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                status = python_module.main(arguments)
            except SystemExit as end:
                status = end.code
        assert (status, bool(out.getvalue()), bool(err.getvalue())) in ((0, True, False), (2, False, True)), arguments
        return "! " + err.getvalue() if status else out.getvalue().rstrip("\n")

    def in_process(command, arguments):
        result = subprocess.run([*command, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                universal_newlines=True, timeout=60, check=False)
        assert (result.returncode, bool(result.stdout), bool(result.stderr)) in ((0, True, False), (2, False, True)), (arguments, result)
        return "! " + result.stderr if result.returncode else result.stdout.rstrip("\n")

    def encode(name, reports):
        if name == "python":
            return [in_python(report) for report in reports]
        if name not in commands:
            try:
                commands[name] = encoders.command(name, tmp_path_factory.mktemp(name))
            except encoders.Missing as missing:
                commands[name] = missing
        if isinstance(commands[name], encoders.Missing):
            if os.environ.get("SITEBOUND_NO_SKIP") == "1":
                pytest.fail(str(commands[name]))
            pytest.skip(str(commands[name]))
        if name in encoders.DRIVEN:
            return encoders.batch(commands[name], reports)
        return [in_process(commands[name], report) for report in reports]

    encode.commands = commands
    return encode


def table(root, *path):
    with open(os.path.join(root, "tests", *path), encoding="utf-8") as rows:
        return {row.split("\t")[0]: row.rstrip("\n").split("\t")[1:]
                for row in rows if not row.startswith("#")}


@pytest.mark.parametrize("name", ["python", *SHELLS, *encoders.DRIVEN])
def test_vectors(root, encode, name):
    cases = table(root, "clients", "cases.tsv")
    vectors = table(root, "vectors", "envelope.tsv")
    assert len(cases) >= 14
    made = encode(name, [["-z", "R.Example.NET" if ident == "envelope-18" else ZONE, *arguments] for ident, arguments in cases.items()])
    assert [name.lower() for name in made] == [vectors[ident][1] + "." for ident in cases]


BAD = [
    ["error.code=a b"],
    ["error.code="],
    ["error.code=" + "x" * 33],
    ["error.type=tcp.nonsense"],
    ["error.code=1", "server.port=65536"],
    ["error.code=1", "server.port=-1"],
    ["error.code=1", "server.port=01x"],
    ["error.code=1", "server.ip=300.1.1.1"],
    ["error.code=1", "server.ip=1.1.1"],
    ["error.code=1", "client.geo.country_iso_code=swe"],
    ["error.code=1", "sitebound.install_id=010203"],
    ["error.code=1", "labels.Upper=x"],
    ["error.code=1", "labels.=x"],
    ["error.code=1", "labels.abcdefghijklmnopq=x"],
    ["error.code=1", "raw.0=00"],
    ["error.code=1", "raw.32=00"],
    ["error.code=1", "raw.9=0"],
    ["error.code=1", "no.such.field=1"],
    ["error.code=1", "nothing"],
    ["error.code=1", "error.message=" + "m" * 256],
    ["error.code=1", "error.message=" + "m" * 150],
    ["-n", "123", "error.code=1"],
    ["-p", "2/2", "error.code=1"],
    ["-p", "0/17", "error.code=1"],
    ["-p", "1", "error.code=1"],
    ["-p", "1/", "error.code=1"],
    ["-p", "/2", "error.code=1"],
    ["-p", "0/0", "error.code=1"],
    ["-p", "a/b", "error.code=1"],
    ["-k", "256:00", "error.code=1"],
    ["-k", "x:00", "error.code=1"],
    ["error.code=1", "server.ip=010.1.1.1"],
    ["-k", "1:xx", "error.code=1"],
    ["-k", "1:000102030405060708090a0b0c0d0e", "error.code=1"],
    ["error.message=no code"],
    ["-p", "0/2", "error.message=no code"],
    ["error.code=1", "error.code=2"],
    ["error.code=1", "raw.2=05"],
    ["-z", "a..b", "error.code=1"],
    ["-z", "https://r.example.net/", "error.code=1"],
    ["error.code=1", "sitebound.sample_rate=0.01"],
    ["error.code=1", "raw.13=0001"],
    ["error.code=1", "raw.17=010203"],
    ["error.code=1", "raw.31=3d61"],
    ["error.code=1", "raw.31=613d61", "labels.a=b"],
    ["error.code=1", "raw.09=00"],
    ["error.code=1", "server.port=01"],
    ["error.code=1", "user_agent.os.type=-"],
    ["error.code=1", "server.ip=fe80::1%1"],
    ["error.code=1", "server.ip=1::2::3"],
    ["error.code=1", "server.ip=1:2:3:4:5:6:7"],
    ["error.code=1", "sitebound.install_id=01 02 03 04"],
    ["error.code=1", "sitebound.count=9223372036854775808"],
    ["-n", "0102 030", "error.code=1"],
    ["-p", "0/ 2", "error.code=1"],
    ["-k", "01:000102030405060708090a0b0c0d0e0f", "error.code=1"],
    ["-z", "x" * 64, "error.code=1"],
    ["-z", "", "error.code=1"],
    ["-z", ".", "error.code=1"],
    [],
]


@pytest.mark.parametrize("name", ["python", SHELLS[0], *encoders.DRIVEN])
def test_refused(encode, name):
    for arguments, made in zip(BAD, encode(name, [["-z", ZONE, *arguments] for arguments in BAD])):
        assert made.startswith("! ") and len(made) > 2, arguments


@pytest.mark.parametrize("name", encoders.DRIVEN)
def test_types(encode, name):
    """Values that only a program can give."""
    encode(name, [["-z", ZONE, "error.code=1"]])
    result = subprocess.run([*encode.commands[name], "--types"], stdout=subprocess.PIPE, universal_newlines=True, timeout=60, check=True)
    assert result.stdout.isspace() is False and int(result.stdout) > 90


def random_fields(choose):
    """Fields and the values that the line must have."""
    text = "".join(choose.choice("abc xyz-åß✗\"\\${}/é🙂") for _ in range(choose.randrange(12)))
    fields = {"error.code": choose.choice([0, 7, 1407, 4294967295, "ap-4:tls", "007", "x" * 32])}
    expected = {"error.code": str(fields["error.code"])}

    def add(field, value, name=None, logged=None):
        if choose.random() < 0.3:
            fields[field] = value
            expected[name or field] = value if logged is None else logged

    add("error.type", choose.choice(["unknown", "tcp.refused", "http.failed", "type77"]))
    add("service.name", text)
    add("user_agent.name", "desktop")
    add("user_agent.version", "1.%d" % choose.randrange(1000))
    add("user_agent.os.type", choose.choice(["linux", "unix"]))
    add("sitebound.access", choose.choice(["wifi", "other"]))
    number = choose.choice([0, 1, 255, 256, 4294967295])
    add("duration_ms", number, "event.duration", number * 1000000)
    add("server.ip", "192.0.2.%d" % choose.randrange(256))
    add("server.port", choose.choice([0, 1, 443, 65535]))
    add("http.response.status_code", 503)
    add("event.start", 1767225600, logged="2026-01-01T00:00:00.000Z")
    add("error.message", text)
    add("sitebound.install_id", "%012x" % choose.randrange(1 << 48))
    add("sitebound.sample_rate", choose.randrange(1000))
    add("sitebound.count", choose.randrange(1000))
    add("client.geo.country_iso_code", "se", logged="SE")
    add("sitebound.attempt", choose.randrange(65536))
    add("labels.k_1", "v=%d" % choose.randrange(10))
    return fields, expected


def field(value, name):
    for part in name.split("."):
        value = value[part]
    return value


def random_report(choose):
    """Arguments of a report, and the values that its line must have."""
    fields, expected = random_fields(choose)
    nonce = choose.getrandbits(32).to_bytes(4, "big")
    arguments = ["-z", ZONE, "-n", nonce.hex()]
    key, total = choose.random() < 0.3, choose.randrange(1, 17)
    if key:
        arguments += ["-k", "1:" + KEY.hex()]
    if choose.random() < 0.25:
        arguments += ["-p", "0/%d" % total]
    expected["sitebound.nonce"] = nonce.hex()
    expected["sitebound.verified"] = "mac" if key else "none"
    expected["sitebound.weight"] = min(1000, expected.get("sitebound.sample_rate", 1) * expected.get("sitebound.count", 1))
    return arguments + ["%s=%s" % pair for pair in fields.items()], expected


def decode(root, decode_program, names):
    result = subprocess.run(
        [decode_program, "--config", os.path.join(root, "tests", "conf", "good-report-full.yaml")],
        input="\n".join(names).encode(), stdout=subprocess.PIPE, timeout=60, check=False)
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert len(lines) == len(names)
    for name, line in zip(names, lines):
        assert line["event"]["action"] in ("client-error", "client-error-detail"), (name, line)
    return lines


@pytest.fixture(scope="module")
def reports(encode):
    """3,000 random reports that are accepted, what their lines must have, and their names in Python."""
    choose = random.Random(5)
    made = [random_report(choose) for _ in range(4000)]
    names = encode("python", [arguments for arguments, _ in made])
    good = [(arguments, expected, name) for (arguments, expected), name in zip(made, names) if not name.startswith("! ")][:3000]
    assert len(good) == 3000
    return good


def test_round_trips(root, reports, decode_program):
    names = [name for _, _, name in reports]
    for (_, expected, name), line in zip(reports, decode(root, decode_program, names)):
        for key, value in expected.items():
            assert field(line, key) == value, (name, key)


@pytest.mark.parametrize("name", [SHELLS[0], *encoders.DRIVEN])
def test_equal(encode, reports, name):
    """What the decoder reads of Python's names it reads of the others': they are the same."""
    some = reports[::SHELL_STEP] if name in SHELLS else reports
    for (arguments, _, wanted), made in zip(some, encode(name, [arguments for arguments, _, _ in some])):
        assert made == wanted, arguments


NUMBERS = ["", "0", "00", "01", "-1", "+1", " 1", "1 ", "1\n", "1.0", "1e3", "0x10", "255", "256", "65535", "65536", "4294967295", "4294967296",
           "999999999999999", "9223372036854775807", "9223372036854775808", "18446744073709551616", "1" * 30, "\u0663", "1_0", "True", "None"]
WORDS = ["type5", "typetype5", "type", "type-1", "type05", "Type5", "tcp.timed_out", "TCP.TIMED_OUT", "linux", "windows ", "-", "wifi", "ok unknown", "*"]
OCTETS = ["", "0", "00", "0g", "0001", "01020304", "0102030405060708", "8102030405060708", "010203040506070809", "01 02 03 04", "DEADBEEF", "0x010203",
          "613d", "3d61", "613D62", "41", "5345", "ff", "61" * 32, "61" * 33, "00" * 16]
TEXTS = ["", "abcdef", "abcdefg", "m" * 60, "m" * 120, "m" * 255, "m" * 256, "\u00e9\U0001f642\ufeff\uffff", "\t", "a\nb\n", "=", "a=b", " x ", "\x7f", "$(id)", "%s\\n"]
CODES = ["7", "007", "a", "a b", "a\n", "\u00e9", "-110", ".", "x" * 32, "x" * 33, "4294967295", "4294967296", "99999999999", "_:-"]
ADDRESSES = ["1.2.3.4", "255.255.255.255", "256.1.1.1", "1.2.3", "1.2.3.4.5", "01.2.3.4", "1.2.3.4 ", "1..2.3", "0x1.2.3.4", "16909060", "::", "::1", "1::", ":::", ":",
             "1::2::3", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "1::3:4:5:6:7:8", "1:2:3:4::5:6:7:8",
             "::ffff:1.2.3.4", "::ffff:1.2.3", "::01.2.3.4", "1.2.3.4::", "1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:7:1.2.3.4", "fe80::1%1", "12345::", "g::", "[::1]",
             "::1/64", ":1", "1:", "0000:0:0::", "ABCD:ef01::", "::1.2.3.4:5", "1.2.3.4:5"]
KEYS = ["", "a", "A", "1a", "a-b", "a" * 16, "a" * 17, "\u00e9", "a.b", "a b", "_a", "a_1", "a=", "exp"]
NAMES = ["raw.0", "raw.1", "raw.32", "raw.01", "raw.+1", "raw.", "raw.1x", "rawx", "labels", "LABELS.x", "Error.code", "error.code ", "", "sitebound.format", "5", "-",
         "event.duration", "raw.sitebound.install_id", "error", "labels.", "error.code\n"]
ZONES = ["", ".", "..", "a", "a.", "a..", ".a", "a..b", "*.a", "a b", "a/b", "http://a", "\u00e9.a", "x" * 63, "x" * 64, ".".join(["x" * 60] * 4), "R.Example.Net.", "a\n", "a-.-b", "_a.b"]
NONCES = ["", "0", "0102030", "01020304", "0102030405", "0102 030", "g1020304", "ABCDEF01", "01020304\n", "0x010203"]
PARTS = ["", "/", "0/1", "1/1", "0/2", "1/2", "15/16", "16/16", "0/17", "0/0", "00/2", "0/02", "0/2/3", " 0/2", "+0/2", "0/2 ", "a/b", "0", "0/-1", "0.0/2"]
SECRETS = ["", ":", "1", "1:", "1:" + "00" * 15, "1:" + "00" * 16, "1:" + "00" * 64, "1:" + "00" * 65, "256:" + "00" * 16, "01:" + "00" * 16, "-1:" + "00" * 16,
           "255:" + "0A" * 16, "1:" + "0" * 33, "1:" + "zz" * 16, "x:" + "00" * 16, ":" + "00" * 16, "1:1:" + "00" * 16]
FIELDS_OF = {"error.code": CODES, "error.type": WORDS + NUMBERS, "service.name": TEXTS, "user_agent.os.type": WORDS + NUMBERS, "sitebound.access": WORDS + NUMBERS,
             "duration_ms": NUMBERS, "server.ip": ADDRESSES, "server.port": NUMBERS, "sitebound.install_id": OCTETS, "sitebound.count": NUMBERS,
             "client.geo.country_iso_code": ["se", "SE", "s", "swe", "s1", "\u00e9\u00e9", "", "se\n"], "error.message": TEXTS}


def odd_report(choose):
    """Arguments of which something may be refused."""
    options = {"-z": ZONE, "-n": "01020304"}
    fields = [("error.code", "7")]
    for option, values in (("-z", ZONES), ("-n", NONCES), ("-p", PARTS), ("-k", SECRETS)):
        if choose.random() < 0.06:
            options[option] = choose.choice(values)
    for _ in range(choose.choice([0, 1, 1, 1, 2])):
        kind = choose.random()
        if kind < 0.5:
            name = choose.choice(list(FIELDS_OF))
            fields.append((name, choose.choice(FIELDS_OF[name])))
        elif kind < 0.75:
            fields.append(("raw.%d" % choose.randrange(1, 32), choose.choice(OCTETS)))
        elif kind < 0.9:
            fields.append(("labels." + choose.choice(KEYS), choose.choice(TEXTS)))
        else:
            fields.append((choose.choice(NAMES), choose.choice(OCTETS)))
    if len(fields) > 1 and (fields[-1][0] == "error.code" or choose.random() < 0.03):
        del fields[0]
    order = {"error.code": 2}
    return [part for pair in options.items() for part in pair] + ["%s=%s" % pair for pair in sorted(fields, key=lambda pair: order.get(pair[0], 3))]


@pytest.fixture(scope="module")
def odd_reports(encode):
    choose = random.Random(6)
    made = [odd_report(choose) for _ in range(3000)]
    return list(zip(made, encode("python", made)))


@pytest.mark.parametrize("name", [SHELLS[0], *encoders.DRIVEN])
def test_the_same_is_refused(encode, odd_reports, name):
    """Whatever one refuses the others refuse; what they take is the same name. (In Go the order of fields is its own.)"""
    some = odd_reports[::SHELL_STEP] if name in SHELLS else odd_reports
    for (arguments, wanted), made in zip(some, encode(name, [arguments for arguments, _ in some])):
        assert made.startswith("! ") == wanted.startswith("! "), (arguments, made, wanted)
        assert wanted.startswith("! ") or made == wanted or (name == "go" and len(made) == len(wanted)), arguments


def test_what_is_not_refused_is_accepted(root, odd_reports, decode_program):
    """The decoder takes what the encoders take, as far as it has the zone and the key."""
    known = [name for arguments, name in odd_reports
             if not name.startswith("! ") and name.lower().endswith("." + ZONE + ".") and "-k" not in arguments]
    refused = [name for _, name in odd_reports if name.startswith("! ")]
    assert len(known) > 500 and len(refused) > 1000
    decode(root, decode_program, known)


def test_python_interface(python_module):
    one = python_module.encode(ZONE + ".", {"error.code": 7})
    two = python_module.encode(ZONE, {"error.code": 7})
    assert one != two and one.endswith("." + ZONE + ".")
    with pytest.raises(ValueError):
        python_module.encode(ZONE, {"error.code": 7}, nonce=b"123")
    with pytest.raises(python_module.ReportError):
        python_module.encode(ZONE, {"error.code": 7}, part=(1, 1))
    for fields in ({"error.code": None}, {"error.code": True}, {"error.code": 7, "service.name": None},
                   {"error.code": 7, "sitebound.sample_rate": 0.01}, {}, {"error.message": "x"},
                   {"error.code": 7, "raw.13": b"\0\1"}, {"error.code": 7, "server.ip": "x"},
                   {"error.code": 7, "sitebound.count": 1 << 63}, {"error.code": 7, "raw.9": "zz"}, {"error.code": 7, "raw.9": 3}, {"error.code": 7, "service.name": b"x"},
                   {"error.code": 7, "service.name": ["x"]}, {"error.code": b"7"}, {"error.code": 7, "sitebound.install_id": 5}, {5: 7}, None, "x",
                   {"error.code": 7, "service.name": "\ud800"}, {"error.code": 7, "server.ip": 5}):
        with pytest.raises(python_module.ReportError):
            python_module.encode(ZONE, fields)
    for options in ({"nonce": 4}, {"nonce": "abcd"}, {"nonce": b""}, {"part": (0.5, 2)}, {"part": 5}, {"part": ("0", "2")}, {"key": (1, "x" * 16)}, {"key": 5},
                    {"key": (1.5, KEY)}, {"key": (-1, KEY)}, {"key": (256, KEY)}, {"zone": None}, {"zone": b"r.example.net"}):
        with pytest.raises(python_module.ReportError):
            python_module.encode(**{"zone": ZONE, "fields": {"error.code": 7}, **options})


def macro(header, name):
    """The rows of a table of envelope_encode.h."""
    lines = re.search(r"#define %s\(X\) \\\n((?:.*\\\n)*.*)" % name, header)[1]
    return [[part.strip(' "') for part in row.split(",")] for row in re.findall(r"X\((.*)\)", lines)]


TABLES = {"python": "sitebound_report.py", "shell": "sitebound-report.sh", "go": "go/sitebound_report.go", "java": "java/SiteboundReport.java",
          "javascript": "javascript/sitebound-report.js"}


@pytest.mark.parametrize("name", TABLES)
def test_tables(root, name):
    """Types, numbers, sizes and words of an encoder are those of the header."""
    with open(os.path.join(root, "include", "sitebound", "envelope_encode.h"), encoding="utf-8") as file:
        header = file.read()
    with open(os.path.join(encoders.CLIENTS, TABLES[name]), encoding="utf-8") as file:
        source = file.read()
    kinds = {"ERROR_TYPE": "error", "OS_TYPE": "os", "ACCESS": "access"}
    rows = [(field.replace("event.duration", "duration_ms"), int(number), kinds.get(ident, kind.lower()), int(most))
            for ident, number, kind, most, field in macro(header, "SB_ENVELOPE_TYPES")]
    found = re.findall(r"""^[^#/\n]*?([a-z_]+\.[a-z_.]*|duration_ms)"?,? ([0-9]+),? [\w."]*?(\w+)"?,? ([0-9]+)\b""", source, re.M)
    assert [(field, int(number), kind.lower(), int(most)) for field, number, kind, most in found] == rows
    for list_name, of_header in (("error_?types", "SB_ENVELOPE_ERROR_TYPES"), ("os_?types", "SB_ENVELOPE_OS_TYPES"), ("access", "SB_ENVELOPE_ACCESSES")):
        words = re.search(r"(?im)^.*?\b%s\b(?:\[\])? ?= ?(?:\[\]string)?['({\[]([^')}\]]*)[')}\]]" % list_name, source)[1]
        assert re.findall(r"[a-z_0-9.]+", words) == [word for _, word in macro(header, of_header)], list_name


def test_table_of_the_readme(root):
    with open(os.path.join(root, "include", "sitebound", "envelope_encode.h"), encoding="utf-8") as file:
        header = file.read()
    with open(os.path.join(encoders.CLIENTS, "README.md"), encoding="utf-8") as file:
        readme = file.read()
    numbers = {}
    for _, number, _, _, field in macro(header, "SB_ENVELOPE_TYPES"):
        numbers.setdefault(field.replace("labels.", "labels.KEY"), []).append(number)
    found = {}
    fields_of = readme[readme.index("\n## Fields\n"):]
    for fields, types in re.findall(r"^\| ([a-zA-Z_., ]+) \| ([0-9, or]+) \|", fields_of, re.M):
        fields, types = fields.split(", "), re.findall("[0-9]+", types)
        if len(fields) == 1:
            found[fields[0]] = types
        else:
            assert len(fields) == len(types)
            found.update((field, [number]) for field, number in zip(fields, types))
    assert found == numbers
    words = re.search(r"`error.type`, numbered from 0: ([^`]*?)\.\n\n", readme)[1]
    assert re.split(r",\s+", words) == [word for _, word in macro(header, "SB_ENVELOPE_ERROR_TYPES")]
    for of_header in ("SB_ENVELOPE_OS_TYPES", "SB_ENVELOPE_ACCESSES"):
        wanted = [word for _, word in macro(header, of_header)]
        assert "%s (1 to %d)" % (" ".join(wanted), len(wanted)) in readme


def code_of_readme(language, beginning):
    with open(os.path.join(encoders.CLIENTS, "README.md"), encoding="utf-8") as file:
        (code,) = [code for code in re.findall(r"```%s\n(.*?)```" % language, file.read(), re.S) if code.startswith(beginning)]
    return code


def test_kotlin(tmp_path):
    """The example of the README in Kotlin, where there is a compiler."""
    try:
        compiler, javac = encoders.tool("kotlinc", "javac")
    except encoders.Missing as reason:
        pytest.skip(str(reason))
    encoders.build(javac, "-d", str(tmp_path / "java"), os.path.join(encoders.CLIENTS, "java", "SiteboundReport.java"))
    (tmp_path / "Main.kt").write_text("fun main() {\n%s}\n" % code_of_readme("kotlin", "val name"))
    result = subprocess.run([compiler, "-cp", str(tmp_path / "java"), str(tmp_path / "Main.kt"), "-d", str(tmp_path / "kotlin")],
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True, timeout=300, check=False)
    assert result.returncode == 0 and (tmp_path / "kotlin" / "MainKt.class").exists(), result.stdout


# what send() says in turn, the last one for ever; how often it is asked
SENDS = [(["arrived"], 1), (["failed", "arrived"], 2), (["failed"], 4)]


def test_background_in_javascript(tmp_path):
    """The example of the README: tries, the queue's end, and no exception. Only its waits are shorter."""
    try:
        encoders.tool("node")
    except encoders.Missing as reason:
        pytest.skip(str(reason))
    code = code_of_readme("js", "const WAIT").replace("30e3, 120e3, 600e3", "1, 2, 3")
    assert "1, 2, 3" in code
    code += """
        const {encode} = require(%r);
        let asked = [], says;
        async function send(name, timeout) { asked.push(name); return says[Math.min(asked.length, says.length) - 1]; }
        async function wait() {
            while (waiting)
                await new Promise((done) => setTimeout(done, 1));
        }
        (async () => {
            for (says of %s) {
                asked = [];
                report("r.example.net", {"error.code": 7});
                await wait();
                console.log(asked.length, new Set(asked).size, waiting);
            }
            report("no zone", {});
            report("r.example.net", null);
            asked = [], says = ["failed"];
            for (let i = 0; i < 300; i++)
                report("r.example.net", {"error.code": 7});
            await wait();
            console.log(new Set(asked).size, waiting);
        })();""" % (os.path.join(encoders.CLIENTS, "javascript", "sitebound-report.js"), json.dumps([says for says, _ in SENDS]))
    result = subprocess.run(["node", "-e", code], stdout=subprocess.PIPE, universal_newlines=True, timeout=60, check=True)
    assert result.stdout.splitlines() == ["%d 1 0" % times for _, times in SENDS] + ["100 0"]


def test_background_in_java(tmp_path):
    try:
        compiler, java = encoders.tool("javac", "java")
    except encoders.Missing as reason:
        pytest.skip(str(reason))
    code = code_of_readme("java", "final class Reporter")
    for old, new in (("{30, 120, 600}", "{1, 2, 3}"), ("TimeUnit.SECONDS", "TimeUnit.MILLISECONDS"), ("SiteboundReport.send(", "Fake.send("),
                     ("private final Scheduled", "final Scheduled")):
        assert old in code
        code = code.replace(old, new)
    (tmp_path / "Fake.java").write_text("import java.util.*;\nimport java.util.concurrent.*;\n" + code + """
        public final class Fake {
            static final List<String> asked = Collections.synchronizedList(new ArrayList<String>());
            static String[] says;
            static volatile CountDownLatch gate = new CountDownLatch(0);
            static SiteboundReport.Outcome send(String name, String ack) {
                asked.add(name);
                try {
                    gate.await();
                } catch (InterruptedException error) {
                    throw new IllegalStateException(error);
                }
                return SiteboundReport.Outcome.valueOf(says[Math.min(asked.size(), says.length) - 1].toUpperCase(Locale.ROOT));
            }
            static void rest(Reporter reporter) throws InterruptedException {
                while (reporter.thread.getActiveCount() > 0 || !reporter.thread.getQueue().isEmpty())
                    Thread.sleep(1);
                // what was between the two
                reporter.thread.shutdown();
                reporter.thread.awaitTermination(9, TimeUnit.SECONDS);
            }
            public static void main(String[] given) throws Exception {
                Map<String, Object> fields = Collections.<String, Object>singletonMap("error.code", 7);
                for (String line : given) {
                    says = line.substring(2).split(",");
                    asked.clear();
                    Reporter one = new Reporter("r.example.net", null);
                    one.report(fields);
                    while (asked.size() < line.charAt(0) - '0')
                        Thread.sleep(1);
                    rest(one);
                    System.out.println(asked.size() + " " + new HashSet<>(asked).size());
                }
                new Reporter("no zone", null).report(fields);
                new Reporter("r.example.net", null).report(null);
                says = new String[] {"arrived"};
                asked.clear();
                gate = new CountDownLatch(1);
                Reporter many = new Reporter("r.example.net", null);
                for (int i = 0; i < 300; i++)
                    many.report(fields);
                gate.countDown();
                rest(many);
                System.out.println(asked.size() <= 101 && asked.size() >= 100);
            }
        }""")
    encoders.build(compiler, "--release", "8", "-Xlint:all,-options", "-Werror", "-d", str(tmp_path), str(tmp_path / "Fake.java"),
                   os.path.join(encoders.CLIENTS, "java", "SiteboundReport.java"))
    result = subprocess.run([java, "-cp", str(tmp_path), "Fake", *("%d=%s" % (times, ",".join(says)) for says, times in SENDS)], stdout=subprocess.PIPE,
                            universal_newlines=True, timeout=60, check=True)
    assert result.stdout.splitlines() == ["%d 1" % times for _, times in SENDS] + ["true"]
