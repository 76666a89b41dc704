# SPDX-License-Identifier: BSD-3-Clause
"""What is told: events as JSON lines, metrics as a Prometheus text file, the status, and the hook."""
import asyncio
import contextlib
import datetime
import json
import os
import signal
import statistics
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
        self.conf, self.write_errors, self.hooks = conf, 0, set()

    def emit(self, action, reason="", duration=0, **details):
        now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        event = {"action": action}
        event.update({"reason": reason} if reason else {}, **{"duration": int(duration * 1e9)} if duration else {})
        line = json.dumps({"@timestamp": now, "event": event, "sitebound": {"site": self.conf.site, **details}})
        try:
            if self.conf.log == "syslog":
                syslog.openlog("forward-health", syslog.LOG_PID, syslog.LOG_DAEMON)
                syslog.syslog(line)
            elif self.conf.log == "-":
                print(line, flush=True)
            else:
                with open(self.conf.log, "a", encoding="utf-8") as out:
                    out.write(line + "\n")
        except OSError:
            self.write_errors += 1
        if self.conf.hook and action in CHANGES:
            task = asyncio.get_running_loop().create_task(self.hook(line))
            self.hooks.add(task)
            task.add_done_callback(self.hooks.discard)

    async def hook(self, line):
        child = None
        try:
            child = await asyncio.create_subprocess_exec(self.conf.hook, stdin=asyncio.subprocess.PIPE,
                                                         stdout=asyncio.subprocess.DEVNULL, start_new_session=True)
            await asyncio.wait_for(child.communicate(line.encode() + b"\n"), HOOK_TIMEOUT)
        except (OSError, asyncio.TimeoutError) as error:
            self.emit("hook-failed", getattr(error, "strerror", None) or "not done within %g s" % HOOK_TIMEOUT)
        finally:
            if child:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(child.pid, signal.SIGKILL)

    def file(self, path, text):
        try:
            replace(path, text)
        except OSError:
            self.write_errors += 1

    def status(self, engine):
        status = {"pid": os.getpid(), **engine.status()}
        self.file(os.path.join(self.conf.run_dir, "status.json"), json.dumps(status) + "\n")

    def metrics(self, engine, records):
        if self.conf.metrics:
            self.file(self.conf.metrics, metrics(engine.status(), records, self.write_errors))


def metrics(status, records, write_errors):
    servers = [({"server": k, "site": s["site"]}, s) for k, s in status["servers"].items()]
    zones = [({"zone": z}, m) for z, m in status["zones"].items()]
    asked = [({"server": k, "name": n, "type": t}, list(seen)) for (k, n, t), seen in records.items() if seen]
    quartiles = []
    for words, outcomes in asked:
        times = [took for outcome, took in outcomes if outcome == "ok"]
        cuts = statistics.quantiles(times, n=4) if len(times) > 1 else times * 3
        quartiles += [({**words, "quantile": q}, cut) for q, cut in zip(("0.25", "0.5", "0.75"), cuts)]
    out = []
    for name, text, rows in (
            ("server_up", "1 when the resolver is healthy.", [(w, s["state"] == "up") for w, s in servers]),
            ("server_latency_seconds", "Usual latency of right answers.",
             [(w, s["latency_ms"] / 1000) for w, s in servers if s["latency_ms"] is not None]),
            ("probes_right_total", "Right answers.", [(w, s["right"]) for w, s in servers]),
            ("probes_failed_total", "Failed probes.",
             [({**w, "reason": r}, n) for w, s in servers for r, n in s["failures"].items()]),
            ("large_answers_lost", "1 when large answers are lost and small ones arrive.",
             [(w, s["large_answers_lost"]) for w, s in servers]),
            ("owner_broken", "1 when no resolver gets a right answer for the probes of this owner.",
             [({"owner": o}, s == "broken") for o, s in status["owners"].items()]),
            ("active_site", "1 for the site in use.", [({**w, "site": m["site"]}, 1) for w, m in zones if m["site"]]),
            ("switches_total", "Changes of site.", [(w, m["switches"]) for w, m in zones]),
            ("nobody_healthy", "1 when no resolver of any site is healthy.",
             [(w, m["nobody_healthy"]) for w, m in zones]),
            ("control_failing", "1 while Unbound cannot be controlled.", [({}, bool(status["control_error"]))]),
            ("override", "1 while an operator's pin or drain is in force.",
             [({"kind": k}, bool(status["override"].get(k))) for k in ("pin", "drain")]),
            ("write_errors_total", "Events and files that could not be written.", [({}, write_errors)]),
            ("record_right_ratio", "Right answers among the last 100.",
             [(w, sum(o == "ok" for o, _ in seen) / len(seen)) for w, seen in asked]),
            ("record_answered_ratio", "Answers of any kind among the last 100.",
             [(w, sum(o in ("ok", "wrong-data") for o, _ in seen) / len(seen)) for w, seen in asked]),
            ("record_latency_seconds", "Quartiles of the last right answers.", quartiles)):
        out.append("# HELP forward_health_%s %s\n# TYPE forward_health_%s %s" % (
            name, text, name, "counter" if name.endswith("_total") else "gauge"))
        for words, value in rows:
            # JSON's escapes are those of the format
            inner = ",".join("%s=%s" % (k, json.dumps(v, ensure_ascii=False)) for k, v in words.items())
            out.append("forward_health_%s%s %.9g" % (name, "{%s}" % inner if inner else "", value))
    return "\n".join(out) + "\n"


def table(status):
    """The status for people."""
    override = ["; %s %s" % (kind, " ".join(words)) for kind, words in status["override"].items() if words]
    failing = "; control fails: " + status["control_error"] if status["control_error"] else ""
    out = ["site " + status["site"] + "".join(override) + failing]
    for zone, m in status["zones"].items():
        out.append("zone %s: site %s, %s%s" % (zone, m["site"] or "-", " ".join(m["list"] or ["as it is"]),
                                               " (nobody is healthy)" if m["nobody_healthy"] else ""))
    row = "%-8s %-40s %-8s %9s %8s %s"
    out.append(row % ("site", "resolver", "state", "since s", "ms", "reason"))
    for key, s in status["servers"].items():
        latency = "-" if s["latency_ms"] is None else s["latency_ms"]
        out.append(row % (s["site"], key, s["state"], round(s["for_seconds"]), latency,
                          s["reason"] + (" large answers lost" if s["large_answers_lost"] else "")))
    return "\n".join(out + ["owner %s: %s" % pair for pair in status["owners"].items()])
