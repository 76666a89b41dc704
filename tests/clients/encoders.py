# SPDX-License-Identifier: BSD-3-Clause
"""The encoders of contrib/clients as commands that take the same arguments. Those without a command line of their own
have a program in drivers/, which also reads whole lists of arguments: a line a report, its arguments in hexadecimal digits,
and with --types tries values that no command line can give."""

import os
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CLIENTS = os.path.join(ROOT, "contrib", "clients")
DRIVERS = os.path.join(ROOT, "tests", "clients", "drivers")
DRIVEN = ("go", "java", "javascript")


class Missing(Exception):
    """There is no toolchain."""


def build(*command, **options):
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True, timeout=600, check=False, **options)
    assert result.returncode == 0 and result.stdout == "", result.stdout


def tool(*names):
    paths = [shutil.which(name) for name in names]
    if None in paths:
        raise Missing("there is no " + names[paths.index(None)])
    return paths


def go(folder):
    (program,) = tool("go")
    os.makedirs(os.path.join(folder, "sitebound"))
    shutil.copy(os.path.join(CLIENTS, "go", "sitebound_report.go"), os.path.join(folder, "sitebound"))
    shutil.copy(os.path.join(DRIVERS, "driver.go"), folder)
    with open(os.path.join(folder, "go.mod"), "w", encoding="ascii") as module:
        module.write("module sitebound.test\n\ngo 1.19\n")
    env = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-mod=mod", "GOTOOLCHAIN": "local", "GOPROXY": "off"}
    env.setdefault("HOME", folder)
    build(program, "vet", "./sitebound", cwd=folder, env=env)
    build(program, "build", "-o", "driver", ".", cwd=folder, env=env)
    return [os.path.join(folder, "driver")]


def java(folder):
    compiler, program = tool("javac", "java")
    # the language and library of Java 8, which is what Android has without desugaring
    build(compiler, "--release", "8", "-Xlint:all,-options", "-Werror", "-encoding", "UTF-8", "-d", folder,
          os.path.join(CLIENTS, "java", "SiteboundReport.java"), os.path.join(DRIVERS, "Driver.java"))
    return [program, "-Xshare:auto", "-XX:TieredStopAtLevel=1", "-cp", folder, "Driver"]


def javascript(_):
    (program,) = tool("node")
    return [program, os.path.join(DRIVERS, "driver.js"), os.path.join(CLIENTS, "javascript", "sitebound-report.js")]


def command(name, folder):
    """The command of an encoder; what it is built of goes to an empty folder. Raises Missing."""
    script = os.path.join(CLIENTS, "sitebound-report.sh")
    if name == "python":
        return [sys.executable, "-B", os.path.join(CLIENTS, "sitebound_report.py")]
    if name in DRIVEN:
        return {"go": go, "java": java, "javascript": javascript}[name](str(folder))
    return ["busybox", "sh", script] if name == "busybox" else [name, script]


def batch(driver, reports):
    """What an encoder with a driver makes of each list of arguments: a name, or "! " and why not."""
    lines = "\n".join(" ".join(argument.encode().hex() for argument in report) for report in reports)
    result = subprocess.run(driver, input=lines.encode() + b"\n", stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300, check=False)
    assert result.returncode == 0 and result.stderr == b"", result.stderr
    made = result.stdout.decode().splitlines()
    assert len(made) == len(reports)
    return made
