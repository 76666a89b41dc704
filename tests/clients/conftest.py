# SPDX-License-Identifier: BSD-3-Clause
"""Where things are: SITEBOUND_DECODE names the program sitebound-decode; without it, the one of
a build in the source tree or of the PATH is used."""

import os
import shutil

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


@pytest.fixture(scope="session")
def root():
    return ROOT


@pytest.fixture(scope="session")
def decode_program():
    for program in (os.environ.get("SITEBOUND_DECODE"),
                    os.path.join(ROOT, "tools", "sitebound-decode"),
                    shutil.which("sitebound-decode")):
        if program and os.access(program, os.X_OK):
            return program
    reason = "there is no sitebound-decode: set SITEBOUND_DECODE"
    if os.environ.get("SITEBOUND_NO_SKIP") == "1":
        pytest.fail(reason)
    pytest.skip(reason)
