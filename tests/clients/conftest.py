# SPDX-License-Identifier: BSD-3-Clause
"""Where things are: SITEBOUND_TOOLS is the folder with sitebound-decode; without it, the one of
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
    for folder in (os.environ.get("SITEBOUND_TOOLS"), os.path.join(ROOT, "tools"), None):
        program = shutil.which("sitebound-decode", path=folder)
        if program:
            return program
    reason = "there is no sitebound-decode: set SITEBOUND_TOOLS"
    if os.environ.get("SITEBOUND_NO_SKIP") == "1":
        pytest.fail(reason)
    pytest.skip(reason)
