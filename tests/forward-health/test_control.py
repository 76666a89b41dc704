# SPDX-License-Identifier: BSD-3-Clause
"""The control protocol against a real Unbound: socket, TCP, TLS; wrappers; what is no answer."""
import asyncio
import os
import subprocess
import time

import pytest
from daemon import Bench, free_port, unbound_program, wait
from forward_health.config import Target
from forward_health.control import ControlError, call, forwards


@pytest.fixture
def bench(tmp_path):
    made = Bench(tmp_path)
    yield made
    made.close()


def ask(target, command, timeout=5.0):
    return asyncio.run(call(target, command, timeout))


def answers(target):
    try:
        return "is running" in ask(target, "status")
    except ControlError:
        return False


@pytest.mark.parametrize("kind", ["socket", "tcp", "tls"])
def test_real_unbound(bench, kind):
    port = free_port()
    if kind == "socket":
        target, remote = Target(path=bench.path("ctl")), ["control-interface: " + bench.path("ctl"), "control-use-cert: no"]
    else:
        remote = ["control-interface: 127.0.0.1", "control-port: %d" % port]
        target = Target(host="127.0.0.1", port=port, keys=str(bench.folder) if kind == "tls" else "")
        if kind == "tls":
            subprocess.run([unbound_program("unbound-control-setup"), "-d", str(bench.folder)], check=True, capture_output=True)
            remote += ["%s: %s" % (o, bench.path(f)) for o, f in (
                ("server-key-file", "unbound_server.key"), ("server-cert-file", "unbound_server.pem"),
                ("control-key-file", "unbound_control.key"), ("control-cert-file", "unbound_control.pem"))]
        else:
            remote.append("control-use-cert: no")
    bench.unbound(remote)
    assert wait(lambda: answers(target)), open(bench.path("unbound.log")).read()
    assert forwards(ask(target, "list_forwards"))["."][0][0] == "127.0.0.9"
    assert ask(target, "forward_add . 127.0.0.1@5301 ::1@53").strip() == "ok"
    found = forwards(ask(target, "list_forwards"))["."]
    assert sorted(a for a, _ in found) == ["127.0.0.1", "::1"]
    for command in ("flush_infra all", "flush_negative", "flush_bogus", "flush_requestlist"):
        assert ask(target, command).startswith("ok")
    with pytest.raises(ControlError, match="error"):
        ask(target, "no_such_command")


def test_wrong_keys_are_refused(bench):
    port = free_port()
    os.mkdir(bench.path("other"))
    for directory in (str(bench.folder), bench.path("other")):
        subprocess.run([unbound_program("unbound-control-setup"), "-d", directory], check=True, capture_output=True)
    bench.unbound(["control-interface: 127.0.0.1", "control-port: %d" % port] + ["%s: %s" % (o, bench.path(f)) for o, f in (
        ("server-key-file", "unbound_server.key"), ("server-cert-file", "unbound_server.pem"),
        ("control-key-file", "unbound_control.key"), ("control-cert-file", "unbound_control.pem"))])
    assert wait(lambda: answers(Target(host="127.0.0.1", port=port, keys=str(bench.folder))))
    with pytest.raises(ControlError):
        ask(Target(host="127.0.0.1", port=port, keys=bench.path("other")), "status")


def test_nobody_there(bench):
    with pytest.raises(ControlError, match="No such file"):
        ask(Target(path=bench.path("none")), "status")
    with pytest.raises(ControlError):
        ask(Target(host="127.0.0.1", port=free_port()), "status")


def test_hanging_unbound(bench):
    target = Target(path=bench.path("ctl"))
    process = bench.unbound(["control-interface: " + bench.path("ctl"), "control-use-cert: no"])
    assert wait(lambda: answers(target))
    os.kill(process.pid, 19)
    with pytest.raises(ControlError, match="no answer within"):
        ask(target, "list_forwards", 0.3)


def test_wrapper(bench):
    assert ask(Target(command=("echo", "said")), "status now") == "said status now\n"
    with pytest.raises(ControlError, match="it is ill"):
        ask(Target(command=("sh", "-c", "echo it is ill; exit 3")), "status")


def test_hanging_wrapper_leaves_no_child(bench):
    """Fault 9: its whole process group ends with the time-out."""
    script = "sleep 1000 & echo $! >%s; wait" % bench.path("child")
    began = time.monotonic()
    with pytest.raises(ControlError, match="no answer within"):
        ask(Target(command=("sh", "-c", script)), "status", 0.5)
    assert time.monotonic() - began < 5
    child = int(open(bench.path("child")).read())

    def gone():
        try:
            with open("/proc/%d/stat" % child) as file:
                return file.read().rsplit(")", 1)[1].split()[0] == "Z"
        except OSError:
            return True
    assert wait(gone)


@pytest.mark.parametrize("text, found", [
    ("", {}), (". IN forward 10.0.0.1 10.0.0.2\n", {".": [("10.0.0.1", None), ("10.0.0.2", None)]}),
    (". IN forward +i 10.0.0.1@5301 2001:DB8::1@53\n", {".": [("10.0.0.1", 5301), ("2001:db8::1", 53)]}),
    (". IN forward 10.0.0.1@853#a.test\nB.test. IN forward\n", {".": [("10.0.0.1", 853)], "b.test.": []}),
])
def test_list_forwards(text, found):
    assert forwards(text) == found


@pytest.mark.parametrize("text", ["hello\n", ". IN\n", "<html>\n", ". IN stub 10.0.0.1\n"])
def test_list_forwards_garbage(text):
    with pytest.raises(ControlError):
        forwards(text)
