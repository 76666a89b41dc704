# SPDX-License-Identifier: BSD-3-Clause
"""Ten seconds of what tests/soak/run does for half an hour."""

import os
import subprocess
import sys


def test_ten_seconds(tmp_path):
    run = os.path.join(os.path.dirname(os.path.abspath(__file__)), "run")
    done = subprocess.run([sys.executable, run, "--work", str(tmp_path), "0.17"], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout
