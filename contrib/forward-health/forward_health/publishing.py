# SPDX-License-Identifier: BSD-3-Clause
"""What is told: events as JSON lines, metrics as a Prometheus text file, the status, and the hook."""
import asyncio
import contextlib
import datetime
import json
import os
import signal
import statistics
import sys
import syslog

HOOK_TIMEOUT = 10.0
CHANGES = ("forward-start", "forward-switch", "forward-members", "forward-repair")


def replace(path, text):
    """Writes a file so that nobody sees half of it."""
    new = "%s.%d" % (path, os.getpid())
    try:
        with open(new, "w", encoding="utf-8") as out:
            out.write(text)
        os.replace(new, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(new)
        raise


class Publisher:
    def __init__(self, conf):
        self.conf, self.write_errors, self.tasks = conf, 0, set()
        if conf.log == "syslog":
            syslog.openlog("forward-health", syslog.LOG_PID, syslog.LOG_DAEMON)

    def emit(self, action, reason, duration, details):
        now = datetime.datetime.now(datetime.timezone.utc)
        event = {"action": action}
        if reason:
            event["reason"] = reason
        if duration:
            event["duration"] = int(duration * 1e9)
        line = json.dumps({"@timestamp": now.strftime("%Y-%m-%dT%H:%M:%S.") + "%03dZ" % (now.microsecond // 1000),
                           "event": event, "sitebound": {"site": self.conf.site, **details}})
        try:
            if self.conf.log == "syslog":
                syslog.syslog(line)
            elif self.conf.log == "-":
                sys.stdout.write(line + "\n")
                sys.stdout.flush()
            else:
                with open(self.conf.log, "a", encoding="utf-8") as out:
                    out.write(line + "\n")
        except OSError:
            self.write_errors += 1
        if self.conf.hook and action in CHANGES:
            task = asyncio.get_running_loop().create_task(self.hook(line))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    async def hook(self, line):
        try:
            child = await asyncio.create_subprocess_exec(self.conf.hook, stdin=asyncio.subprocess.PIPE,
                                                         stdout=asyncio.subprocess.DEVNULL, start_new_session=True)
        except OSError as error:
            self.emit("hook-failed", error.strerror, 0, {})
            return
        try:
            await asyncio.wait_for(child.communicate(line.encode() + b"\n"), HOOK_TIMEOUT)
        except asyncio.TimeoutError:
            self.emit("hook-failed", "not done within %g s" % HOOK_TIMEOUT, 0, {})
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)

    def file(self, path, text):
        try:
            replace(path, text)
        except OSError:
            self.write_errors += 1

    def status(self, engine):
        self.file(os.path.join(self.conf.run_dir, "status.json"), json.dumps({"pid": os.getpid(), **engine.status()}) + "\n")

    def metrics(self, engine, records):
        if self.conf.metrics:
            self.file(self.conf.metrics, metrics(engine.status(), records, self.write_errors))


def labels(**words):
    return "{%s}" % ",".join('%s="%s"' % (k, str(v).replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n"))
                             for k, v in words.items())


def metrics(status, records, write_errors):
    out = []

    def family(name, kind, text, rows):
        out.append("# HELP forward_health_%s %s\n# TYPE forward_health_%s %s\n" % (name, text, name, kind))
        out.extend("forward_health_%s%s %.9g\n" % (name, words, value) for words, value in rows)

    servers = [(dict(server=k, site=s["site"]), s) for k, s in status["servers"].items()]
    family("server_up", "gauge", "1 when the resolver is healthy.", [(labels(**w), s["state"] == "up") for w, s in servers])
    family("server_latency_seconds", "gauge", "Usual latency of right answers.",
           [(labels(**w), s["latency_ms"] / 1000) for w, s in servers if s["latency_ms"] is not None])
    family("probes_right_total", "counter", "Right answers.", [(labels(**w), s["right"]) for w, s in servers])
    family("probes_failed_total", "counter", "Failed probes.",
           [(labels(**w, reason=r), n) for w, s in servers for r, n in s["failures"].items()])
    family("large_answers_lost", "gauge", "1 when large answers are lost and small ones arrive.",
           [(labels(**w), s["large_answers_lost"]) for w, s in servers])
    family("owner_broken", "gauge", "1 when no resolver gets a right answer for the probes of this owner.",
           [(labels(owner=o), s == "broken") for o, s in status["owners"].items()])
    zones = status["zones"].items()
    family("active_site", "gauge", "1 for the site in use.", [(labels(zone=z, site=m["site"]), 1) for z, m in zones if m["site"]])
    family("switches_total", "counter", "Changes of site.", [(labels(zone=z), m["switches"]) for z, m in zones])
    family("nobody_healthy", "gauge", "1 when no resolver of any site is healthy.",
           [(labels(zone=z), m["nobody_healthy"]) for z, m in zones])
    family("control_failing", "gauge", "1 while Unbound cannot be controlled.", [("", bool(status["control_error"]))])
    family("override", "gauge", "1 while an operator's pin or drain is in force.",
           [(labels(kind=k), bool(status["override"].get(k))) for k in ("pin", "drain")])
    family("write_errors_total", "counter", "Events and files that could not be written.", [("", write_errors)])
    rows = [(labels(server=k, name=n, type=t), outcomes) for (k, n, t), outcomes in records.items() if outcomes]
    family("record_right_ratio", "gauge", "Right answers among the last 100.",
           [(w, sum(o == "ok" for o, _ in seen) / len(seen)) for w, seen in rows])
    family("record_answered_ratio", "gauge", "Answers of any kind among the last 100.",
           [(w, sum(o in ("ok", "wrong-data") for o, _ in seen) / len(seen)) for w, seen in rows])
    quartiles = []
    for w, seen in rows:
        times = [took for o, took in seen if o == "ok"]
        cuts = statistics.quantiles(times, n=4) if len(times) > 1 else times * 3
        quartiles += [(w[:-1] + ',quantile="%s"}' % q, value) for q, value in zip(("0.25", "0.5", "0.75"), cuts)]
    family("record_latency_seconds", "gauge", "Quartiles of the last right answers.", quartiles)
    return "".join(out)


def table(status):
    """The status for people."""
    out = ["site %s%s%s" % (status["site"], "".join("; %s %s" % (k, " ".join(v)) for k, v in status["override"].items() if v),
                            "; control fails: " + status["control_error"] if status["control_error"] else "")]
    for zone, m in status["zones"].items():
        out.append("zone %s: site %s, %s%s" % (zone, m["site"] or "-", " ".join(m["list"] or ["as it is"]),
                                               " (nobody is healthy)" if m["nobody_healthy"] else ""))
    out.append("%-8s %-40s %-8s %9s %8s %s" % ("site", "resolver", "state", "since s", "ms", "reason"))
    for key, s in status["servers"].items():
        out.append("%-8s %-40s %-8s %9.0f %8s %s%s" % (
            s["site"], key, s["state"], s["for_seconds"], "-" if s["latency_ms"] is None else s["latency_ms"], s["reason"],
            " large answers lost" if s["large_answers_lost"] else ""))
    out += ["owner %s: %s" % pair for pair in status["owners"].items()]
    return "\n".join(out)
