# SPDX-License-Identifier: BSD-3-Clause
"""The program of the checkout, the library that the build has fetched (SITEBOUND_TOOLS), and Chromium."""

import os
import shutil
import subprocess
import sys

import hypothesis
import pytest

# No database of examples in the checkout.
hypothesis.settings.register_profile("here", database=None, deadline=None)
hypothesis.settings.load_profile("here")

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TOOLS = os.environ.get("SITEBOUND_TOOLS", os.path.join(ROOT, "tools"))
PROGRAM = os.path.join(ROOT, "tools", "sitebound-preview")
sys.path.insert(0, os.path.join(ROOT, "tools"))


def missing(reason):
    if os.environ.get("SITEBOUND_NO_SKIP") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def root():
    return ROOT


@pytest.fixture(scope="session")
def charts():
    """The file with Chart.js."""
    path = os.path.join(TOOLS, "preview", "chart.js")
    if not os.path.exists(path):
        missing(f"no {path}: npm could not get Chart.js when this was built")
    return path


@pytest.fixture(scope="session")
def chromium():
    program = shutil.which("chromium")
    if not program:
        missing("no chromium")
    return program


@pytest.fixture
def preview():
    """Runs the program to its end."""

    def run(*arguments, **options):
        return subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, timeout=60, check=False, **options)

    return run
