# SPDX-License-Identifier: BSD-3-Clause
"""Fixtures for the tests of operation: those of the integration tests (same environment variables)."""

import importlib.util
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)
sys.path[:0] = [HERE, os.path.join(TESTS, "integration"), os.path.join(TESTS, "report")]


def _load(name, path):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


shared = _load("integration_conftest", os.path.join(TESTS, "integration", "conftest.py"))
pytest_report_header = shared.pytest_report_header
pytest_configure = shared.pytest_configure
pytest_runtest_makereport = shared.pytest_runtest_makereport
needs_modules = shared.needs_modules
lab = shared.lab
public_lab = shared.public_lab
