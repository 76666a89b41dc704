# SPDX-License-Identifier: BSD-3-Clause
"""The page: whole by itself, drawn by a real browser, and nothing that a client wrote does anything in it."""

import base64
import hashlib
import html.parser
import json
import os
import re
import struct
import subprocess
import zlib

import pytest
import sample
from conftest import PROGRAM
from preview import page
from preview.tally import Tally

# As many as a panel shows, so that none is hidden among "other".
HOSTILE = [
    "</script><script>document.title='taken'</script>",
    "<img src=x onerror=\"document.title='taken'\">",
    "</td></table></details><h1>taken</h1>",
    "<!--<script>",
    "\u202egnp.exe\u2066\u2067left\u2069",
    "bell\x07 escape\x1b[31m",
    "\u2028\u2029\u200b\u200d\ufeffzero",
    "quote\"'`${1}{{1}}\ud800",
    "__proto__",
    "x" * 3000,
]
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --hide-scrollbars --window-size=1100,2600 "
    "--enable-logging=stderr"
).split()


class Parts(html.parser.HTMLParser):
    """The tags of a page, its scripts, its styles and its policy."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags, self.scripts, self.styles, self.policy = [], [], [], None
        self.into = None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.tags.append((tag, attrs))
        if attrs.get("http-equiv") == "Content-Security-Policy":
            self.policy = attrs["content"]
        if tag == "style" or (tag == "script" and "type" not in attrs):
            self.into = self.styles if tag == "style" else self.scripts
            self.into.append("")

    def handle_endtag(self, tag):
        self.into = None

    def handle_data(self, data):
        if self.into:
            self.into[-1] += data


def hostile_lines():
    lines = []
    for number, text in enumerate(HOSTILE):
        error = sample.client_error(sample.random.Random(number), number, number)
        error["message"] = error["error"]["code"] = error["error"]["type"] = text
        error["service"]["name"] = error["client"]["ip"] = error["client"]["geo"]["country_iso_code"] = text
        error["user_agent"] = {"name": text, "version": text, "os": {"name": text, "version": text}}
        dns = sample.dns_error(sample.random.Random(number), number, number)
        dns["error"] = {"code": text, "message": text}
        dns["sitebound"]["zone"] = dns["sitebound"]["reported"]["name"] = text
        bad = sample.malformed(sample.random.Random(number), number)
        bad["event"]["reason"] = text
        lines += [error, dns, bad, sample.stats(number, text, {}, {text: 5})]
    return [json.dumps(line).encode() + b"\n" for line in lines] + [
        text.encode("utf-8", "replace") + b"\n" for text in HOSTILE
    ]


@pytest.fixture(scope="module")
def make(charts, tmp_path_factory):
    """Makes a page of lines. Returns its path."""

    def page_of(lines):
        folder = tmp_path_factory.mktemp("page")
        (folder / "log").write_bytes(b"".join(lines))
        subprocess.run(
            [PROGRAM, "--charts", charts, "-o", folder / "page.html", folder / "log"], timeout=60, check=True
        )
        return folder / "page.html"

    return page_of


@pytest.fixture(scope="module")
def sample_page(make):
    return make(sample.day(2000))


@pytest.fixture(scope="module")
def hostile_page(make):
    return make(hostile_lines())


@pytest.fixture
def browse(chromium, tmp_path):
    def run(path, *arguments):
        done = subprocess.run(
            [chromium, *FLAGS, f"--user-data-dir={tmp_path}/profile", *arguments, path.as_uri()],
            capture_output=True,
            timeout=120,
            check=True,
            env={**os.environ, "HOME": str(tmp_path)},
        )
        said = [line for line in done.stderr.decode("utf-8", "replace").splitlines() if "CONSOLE" in line]
        return done.stdout.decode(), said

    return run


@pytest.fixture(params=["sample_page", "hostile_page"])
def any_page(request):
    return request.getfixturevalue(request.param)


def test_whole_by_itself(any_page):
    """Nothing is fetched, and only the three parts of our own may run or give style."""
    parts = Parts(any_page.read_text())
    assert not [(tag, attrs) for tag, attrs in parts.tags if {"src", "href", "srcset", "data", "action"} & set(attrs)]
    assert not [attrs for _, attrs in parts.tags if "style" in attrs or any(name.startswith("on") for name in attrs)]
    assert {tag for tag, _ in parts.tags} <= set(
        "html head meta title style body h1 h2 p main section div canvas details summary table tr th td script".split()
    )
    digests = {
        kind: {f"'sha256-{base64.b64encode(hashlib.sha256(part.encode()).digest()).decode()}'" for part in found}
        for kind, found in (("script-src", parts.scripts), ("style-src", parts.styles))
    }
    assert len(digests["script-src"]) == 2
    policy = {name: set(values) for name, *values in (rule.split() for rule in parts.policy.split(";"))}
    assert policy == {**digests, "default-src": {"'none'"}, "base-uri": {"'none'"}, "form-action": {"'none'"}}


def test_library(charts, root):
    with open(charts, encoding="utf-8") as file:
        library = file.read()
    assert "MIT License" in library and "sourceMappingURL" not in library and "</script" not in library.lower()
    with open(f"{root}/tools/preview/package-lock.json", encoding="utf-8") as file:
        packages = json.load(file)["packages"]
    wanted = packages[""]["dependencies"]["chart.js"]
    assert f"Chart.js v{wanted}\n" in library
    assert all(p["integrity"].startswith("sha512-") and "resolved" not in p for name, p in packages.items() if name)


def test_no_markup_from_text(root):
    for name in ("page.js", "page.py"):
        with open(f"{root}/tools/preview/{name}", encoding="utf-8") as file:
            assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|Function\(", file.read())


def test_texts_are_shown_escaped(hostile_page):
    """Neither in the markup nor in the data is a character that hides, turns or moves anything."""
    text = hostile_page.read_text()
    library = next(part for part in Parts(text).scripts if "MIT License" in part)
    own = text.replace(library, "")
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]", own)
    data = json.loads(re.search(r'id="data">(.*?)</script>', own, re.DOTALL)[1])
    for panel in data.values():
        for label in [*panel["labels"], *(name for name, _ in panel["series"])]:
            assert label.isprintable() and len(label) <= 32
    assert "\\u{202e}gnp.exe" in own


def test_numbers_of_the_page(sample_page):
    """The tables say what the text says."""
    text = subprocess.run(
        [PROGRAM, "-t", sample_page.parent / "log"], capture_output=True, timeout=60, check=True
    ).stdout.decode()
    whole = sample_page.read_text()
    for title in ("Client errors by type", "Version", "Country", "Malformed by reason"):
        section = re.search(rf"<h2>{title}</h2>.*?</section>", whole, re.DOTALL)[0]
        rows = re.findall(r"<tr><td>(.*?)</td><td>(.*?)</td></tr>", section)
        block = text.split(f"\n{title}\n")[1].split("\n\n")[0]
        assert len(rows) >= 3
        assert rows == [re.match(r"  (.*?)  +([\d,]+) ", row).groups() for row in block.splitlines()]


def test_follow_reads_again(charts):
    """A page of a log that grows tells the browser so, any other does not."""
    assert 'http-equiv="refresh"' not in page.page(Tally(), charts)
    assert '<meta http-equiv="refresh" content="7">' in page.page(Tally(), charts, 7)


# -- in a browser -------------------------------------------------------------------------------
def test_browser_draws(browse, any_page):
    dom, said = browse(any_page, "--dump-dom")
    assert said == []
    assert 'data-drawn="yes"' in dom
    assert "<title>Sitebound reports</title>" in dom
    assert "taken</h1>" not in dom.replace("&lt;", "")
    canvases = re.findall(r"<canvas [^>]*>", dom)
    assert len(canvases) >= 8
    # what Chart.js has laid out has a size
    assert all(re.search(r'width="[1-9]\d*"', canvas) for canvas in canvases)


def test_browser_of_nothing(browse, make):
    dom, said = browse(make([]), "--dump-dom")
    assert said == [] and 'data-drawn="yes"' in dom


def pixels(path):
    """The colours of a PNG of 8 bits and 3 or 4 channels, with how often each is there."""
    data = path.read_bytes()
    at, body = 8, b""
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        kind, chunk = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        if kind == b"IHDR":
            width, height, depth, colour = struct.unpack(">IIBB", chunk[:10])
            assert depth == 8 and colour in (2, 6)
        elif kind == b"IDAT":
            body += chunk
        at += length + 12
    size = 3 if colour == 2 else 4
    raw, stride = zlib.decompress(body), width * size
    before, count = bytearray(stride), {}
    for y in range(height):
        form, row = raw[y * (stride + 1)], bytearray(raw[y * (stride + 1) + 1 : (y + 1) * (stride + 1)])
        for i in range(stride):
            left = row[i - size] if i >= size else 0
            up, corner = before[i], before[i - size] if i >= size else 0
            if form == 1:
                row[i] = (row[i] + left) & 255
            elif form == 2:
                row[i] = (row[i] + up) & 255
            elif form == 3:
                row[i] = (row[i] + (left + up) // 2) & 255
            elif form == 4:
                guess = left + up - corner
                nearest = min((abs(guess - left), 0, left), (abs(guess - up), 1, up), (abs(guess - corner), 2, corner))
                row[i] = (row[i] + nearest[2]) & 255
        for i in range(0, stride, size):
            key = bytes(row[i : i + 3])
            count[key] = count.get(key, 0) + 1
        before = row
    return count


def test_picture(browse, make, tmp_path):
    """Bars of two codes, 3 to 1, are painted in the first two colours, about 3 to 1."""
    lines = []
    for number in range(40):
        event = sample.client_error(sample.random.Random(number), 0, number)
        event["error"] = {"code": "first" if number % 4 else "second"}
        event["sitebound"]["weight"] = 1
        del event["user_agent"], event["service"], event["client"], event["sitebound"]["install_id"]
        lines.append(json.dumps(event).encode() + b"\n")
    browse(make(lines), f"--screenshot={tmp_path}/page.png", "--window-size=800,400")
    found = pixels(tmp_path / "page.png")
    first, second = found[bytes.fromhex("2b6cb0")], found[bytes.fromhex("dd6b20")]
    assert second > 1000
    assert 2.5 < first / second < 3.5
