# SPDX-License-Identifier: BSD-3-Clause
"""One real server after the other; every test that asks for `server` runs on each."""

import itertools
import os
import subprocess

import pytest
from servers import CHECKOUT, STARTERS, stop

numbers = itertools.count(1)


def install(server, *arguments, user="installer"):
    """Runs contrib/shipping/install on the server; returns its lines."""
    command = [str(CHECKOUT / "contrib" / "shipping" / "install"), "--url", server.url, *arguments]
    environment = dict(os.environ)
    if server.kind == "opensearch":
        command.append("--opensearch")
    else:
        command += ["--user", user]
        environment["SITEBOUND_PASSWORD"] = f"{user}-password"
    done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


@pytest.fixture(scope="session", params=list(STARTERS))
def server(request, tmp_path_factory):
    why_not = os.environ.get("SHIPPING_WITHOUT_" + request.param.upper())
    if why_not:
        pytest.skip(why_not)
    running = STARTERS[request.param](tmp_path_factory.mktemp(request.param))
    try:
        running.installed = [install(running), install(running)]
        yield running
    finally:
        stop(running.process)


@pytest.fixture
def empty(server):
    """The server with a data stream of the test's own (this Elasticsearch cannot delete one)."""
    server.stream = f"logs-sitebound.report-test{next(numbers)}"
    return server
