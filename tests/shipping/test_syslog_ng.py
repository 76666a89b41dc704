# SPDX-License-Identifier: BSD-3-Clause
"""The shipped syslog-ng configuration, run by Debian's syslog-ng from a directory beside (its package excludes rsyslog's)."""

import json

import pytest
import sample
from servers import CACHE, CHECKOUT, start, stop, wait_for

ROOT = CACHE / "syslog-ng"


@pytest.fixture
def syslog_ng(empty, proxy, tmp_path):
    modules = next(ROOT.glob("usr/lib/syslog-ng/3.*/libhttp.so"), None)
    if modules is None:
        pytest.skip("apt-get could not fetch syslog-ng-mod-http and its libraries")
    text = (CHECKOUT / "contrib" / "shipping" / "syslog-ng" / "sitebound-report.conf").read_text()
    text = text.replace("/var/lib/unbound/", f"{tmp_path}/").replace("logs-sitebound.report-default", empty.stream)
    login = 'user("shipper") password("shipper-password") '
    text = text.replace('url("http://127.0.0.1:9200/_bulk")', f'url("http://127.0.0.1:{proxy.port}/_bulk") {login}')
    text = text.replace("reliable(yes)", f'dir("{tmp_path}") reliable(yes)')
    configuration = tmp_path / "syslog-ng.conf"
    configuration.write_text(f"@version: 3.38\noptions {{ time-reopen(2); stats-freq(0); }};\n{text}")
    file = tmp_path / "reports.jsonl"
    file.touch()
    libraries = [*ROOT.glob("usr/lib/*-linux-gnu"), *ROOT.glob("lib/*-linux-gnu"), ROOT / "usr" / "lib" / "syslog-ng"]
    process = start(
        [str(ROOT / "usr/sbin/syslog-ng"), "-F", "--no-caps", "-f", str(configuration), f"--module-path={modules.parent}"]
        + [f"--{name}={tmp_path}/syslog-ng.{name}" for name in ("persist-file", "pidfile", "control")],
        tmp_path / "syslog-ng.log",
        env={"PATH": "/usr/bin:/bin", "LD_LIBRARY_PATH": ":".join(map(str, libraries))},
    )
    yield file, process
    stop(process)


def write(file, lines):
    with open(file, "a", encoding="utf-8") as out:
        out.writelines(line + "\n" for line in lines)


def test_whole_refusals_lose_nothing(syslog_ng, proxy, empty):
    file, process = syslog_ng
    lines = sample.lines(1000)
    write(file, lines[:200])
    wait_for("200 documents", lambda: empty.count() == 200, 60, process)
    for number, mode in enumerate(("429", "503")):
        proxy.set(mode)
        write(file, lines[200 + 300 * number : 500 + 300 * number])
        wait_for(f"{mode} was met", lambda mode=mode: proxy.spoiled.get(mode), 30, process)
        proxy.set("ok")
    file.rename(f"{file}.1")
    write(file, ["this is no JSON", *lines[800:]])
    wait_for("1000 documents", lambda: empty.count() >= 1000, 60, process)
    hits = empty.search({"size": 2000})["hits"]["hits"]
    for hit in hits:
        hit["_source"]["event"].pop("ingested", None)
    got = {hit["_id"]: hit["_source"] for hit in hits}
    assert got == {line["event"]["id"]: line for line in map(json.loads, lines)}


def test_single_refusals_are_lost(syslog_ng, proxy, empty):
    """A known loss of this version, which the README tells: when this fails, the README is to be changed."""
    file, process = syslog_ng
    proxy.set("item429")
    write(file, sample.lines(100))
    wait_for("the refusal", lambda: proxy.spoiled.get("item429"), 30, process)
    proxy.set("ok")
    marker = json.loads(sample.lines(101)[100])
    write(file, [json.dumps(marker)])
    wait_for("the line after", lambda: empty.count() >= 1, 60, process)
    assert empty.count() < 101
