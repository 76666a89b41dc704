# SPDX-License-Identifier: BSD-3-Clause
"""Fixtures. `lab` makes resolvers and upstreams and ends them after the test."""

import os
import sys
import tempfile

import pytest

sys.path.insert(0, os.path.dirname(__file__))

import harness  # noqa: E402


def pytest_report_header(config):
    lines = ["unbound: %s" % harness.unbound_program("unbound")]
    for module in harness.MODULE_ORDER:
        lines.append("%s: %s" % (module, harness.module_path(module)))
    return lines


def pytest_configure(config):
    config.addinivalue_line("markers", "plain: means nothing with sanitizers in the modules (memory, other builds)")
    config.addinivalue_line("markers", "needs(*modules): modules (shared objects) that a test loads")


@pytest.fixture(autouse=True)
def needs_modules(request):
    for mark in request.node.iter_markers("needs"):
        for module in mark.args:
            if harness.module_path(module) is None:
                harness.missing("%s.so is not in SITEBOUND_MODULES" % module)


@pytest.fixture
def lab(tmp_path):
    lab = harness.Lab(tmp_path)
    yield lab
    lab.close()


@pytest.fixture
def public_lab():
    """Like `lab`, in a folder that every user may enter, for an Unbound that becomes another one."""
    if os.geteuid() != 0:
        harness.missing("needs root, to start Unbound as another user")
    with tempfile.TemporaryDirectory(prefix="sitebound-") as folder:
        os.chmod(folder, 0o755)
        lab = harness.Lab(folder)
        yield lab
        lab.close()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A crash is told with the test that saw it: the log of a resolver that ended by itself."""
    outcome = yield
    report = outcome.get_result()
    lab = item.funcargs.get("lab") if hasattr(item, "funcargs") else None
    if report.failed and call.when == "call" and lab is not None:
        for resolver in lab.resolvers:
            if resolver.process is not None and resolver.process.poll() is not None:
                report.sections.append(("unbound ended (status %s)" % resolver.process.returncode,
                                        resolver.log()))


@pytest.fixture(scope="module")
def module_lab(tmp_path_factory):
    """Like `lab`, for resolvers that the tests of a file share."""
    lab = harness.Lab(tmp_path_factory.mktemp("lab"))
    yield lab
    lab.close()
