# SPDX-License-Identifier: BSD-3-Clause
"""contrib/unbound-dynlib: what it refuses, and how soon. That it builds, from a package, a tarball and a tree, is what
contrib/quickstart check and tests/matrix begin with."""

import os
import subprocess

import pytest

import operation

PROGRAM = os.path.join(operation.TESTS, "..", "contrib", "unbound-dynlib")


def run(*arguments):
    return subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("arguments", [
    ["--nonsense"], ["--source"], ["--sanitize", "--other"], ["--release", "potato"],
    ["--revision", "2"], ["--deb", "--revision", "x"]])
def test_usage(arguments):
    done = run(*arguments)
    assert done.returncode == 2 and "--help" in done.stderr, done


@pytest.mark.parametrize("what", ["nothing", "empty folder", "tarball of something else", "packages of a bare tree", "spaces"])
def test_bad_source(tmp_path, what):
    source, output, more, reason = tmp_path / "tree", tmp_path / "out", [], "has no configure script of Unbound"
    if what == "nothing":
        reason = "cannot read"
    else:
        source.mkdir()
    if what == "tarball of something else":
        (source / "configure").write_text("PACKAGE_STRING='dnsmasq 2.90'\n")
        subprocess.run(["tar", "-C", tmp_path, "-cf", tmp_path / "other.tar", "tree/configure"], check=True)
        source = tmp_path / "other.tar"
    if what == "packages of a bare tree":
        (source / "configure").write_text("PACKAGE_STRING='unbound 1.26.0'\n")
        more, reason = ["--deb"], "--deb needs a source with debian/rules"
    if what == "spaces":
        output, reason = tmp_path / "a b", "configure cannot work in a path with spaces"
    done = run("--source", source, "--output", output, *more)
    assert done.returncode == 1 and reason in done.stderr, done
    assert not (output / "stamp").exists() and not (output / "prefix").exists()
