# SPDX-License-Identifier: BSD-3-Clause
"""One real server after the other; every test that asks for `server` runs on each."""

import importlib.util
import itertools
import os
import pathlib
import shutil
import subprocess
import sys

import pytest
from faults import Proxy
from rsyslog import Rsyslog
from servers import CHECKOUT, STARTERS, stop

TESTS = CHECKOUT / "tests"
sys.path[:0] = [str(TESTS / "integration"), str(TESTS / "report")]
specification = importlib.util.spec_from_file_location("integration_conftest", TESTS / "integration" / "conftest.py")
shared = importlib.util.module_from_spec(specification)
specification.loader.exec_module(shared)
pytest_configure = shared.pytest_configure
needs_modules = shared.needs_modules
lab = shared.lab

numbers = itertools.count(1)


def install(server, *options):
    """Runs contrib/shipping/install on the server; returns what came of it."""
    command = [str(CHECKOUT / "contrib" / "shipping" / "install"), "--url", server.url, *options]
    if server.kind == "opensearch":
        command.append("--opensearch")
    environment = dict(os.environ, SITEBOUND_PASSWORD="installer-password")
    return subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)


@pytest.fixture(scope="session", params=list(STARTERS))
def server(request, tmp_path_factory):
    why_not = os.environ.get("SHIPPING_WITHOUT_" + request.param.upper())
    if why_not:
        pytest.skip(why_not)
    running = STARTERS[request.param](tmp_path_factory.mktemp(request.param))
    try:
        running.installed = [install(running, "--user", "installer") for _ in range(2)]
        yield running
    finally:
        stop(running.process)


@pytest.fixture
def empty(server):
    """The server with a data stream of the test's own (this Elasticsearch cannot delete one)."""
    server.stream = f"logs-sitebound.report-test{next(numbers)}"
    return server


@pytest.fixture
def proxy(empty):
    made = Proxy(empty.port)
    yield made
    made.close()


@pytest.fixture
def rsyslog(empty, proxy, tmp_path):
    if not shutil.which("rsyslogd"):
        pytest.skip("rsyslog is not installed")
    if not list(pathlib.Path("/usr/lib").glob("*/rsyslog/omelasticsearch.so")):
        pytest.skip("rsyslog-elasticsearch is not installed")
    made = Rsyslog(tmp_path, empty, proxy.port)
    made.start()
    yield made
    stop(made.process)
