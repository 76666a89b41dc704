# SPDX-License-Identifier: BSD-3-Clause
"""Fixtures for report: those of the integration tests (same environment variables), and a resolver with report.so."""

import importlib.util
import os
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
INTEGRATION = os.path.join(os.path.dirname(HERE), "integration")
sys.path[:0] = [HERE, INTEGRATION]


def _load(name, path):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


shared = _load("integration_conftest", os.path.join(INTEGRATION, "conftest.py"))
pytest_report_header = shared.pytest_report_header
pytest_configure = shared.pytest_configure
pytest_runtest_makereport = shared.pytest_runtest_makereport
needs_modules = shared.needs_modules
lab = shared.lab
module_lab = shared.module_lab

from harness import missing  # noqa: E402
from reports import Reports  # noqa: E402


@pytest.fixture
def reports(lab, tmp_path):
    """Starts resolvers with report.so, and knows their logs."""
    reports = Reports(lab, tmp_path)
    yield reports
    reports.close()


@pytest.fixture
def root_only():
    if os.geteuid() != 0:
        missing("mounts and namespaces need root")
