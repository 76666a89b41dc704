# SPDX-License-Identifier: BSD-3-Clause
"""A report log to look at: a day of two resolvers, with a fault in the evening. The same for each run."""

import json
import random

COUNTRIES = ["SE", "DE", "NO", "FI", "US", "BR", "JP"]
VERSIONS = [("Player", "1.2.58"), ("Player", "1.2.57"), ("Player", "1.1.9"), ("Desktop", "8.0.1")]
SYSTEMS = [("windows", "11"), ("macos", "15.1"), ("android", "14"), ("ios", "18.1"), ("linux", None)]
CODES = ["1407", "7", "502", "E12", "408", "1001", "1002", "33", "99", "dns", "tls", "42", "x1"]
TYPES = ["tcp.timed_out", "dns.name_not_resolved", "http.error", "tls.cert.date_invalid", "tcp.reset"]
EDES = [("22", "No Reachable Authority"), ("9", "DNSKEY Missing"), ("7", "Signature Expired")]


def stamp(seconds):
    return f"2026-11-24T{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{seconds % 1000:03}Z"


def head(seconds, action, host="res1"):
    kind = "metric" if action == "report-stats" else "event"
    return {
        "@timestamp": stamp(seconds),
        "ecs": {"version": "8.11.0"},
        "event": {"kind": kind, "action": action, "module": "sitebound", "dataset": "sitebound.report"},
        "observer": {"hostname": host, "product": "unbound", "version": "1.17.1"},
    }


def client_error(chance, seconds, number, fault=False):
    event = head(seconds, "client-error", chance.choice(["res1", "res2"]))
    code = "1407" if fault else CODES[min(int(chance.expovariate(0.4)), len(CODES) - 1)]
    name, version = VERSIONS[min(int(chance.expovariate(0.9)), 3)]
    system, release = SYSTEMS[min(int(chance.expovariate(0.6)), 4)]
    event["message"] = f"client error {code} in playback from {name} {version}"
    event["event"]["id"] = f"{number:08x}-{number * 7919 % 2**32:08x}"
    event["error"] = {"code": code, "type": TYPES[0] if fault else TYPES[CODES.index(code) % len(TYPES)]}
    event["service"] = {"name": chance.choice(["playback", "playback", "login", "search"])}
    event["user_agent"] = {"name": name, "version": version, "os": {"type": system}}
    if release:
        event["user_agent"]["os"]["version"] = release
    country = "SE" if fault else COUNTRIES[min(int(chance.expovariate(0.5)), 6)]
    event["client"] = {"ip": f"198.51.{chance.randrange(100)}.0", "geo": {"country_iso_code": country}}
    event["sitebound"] = {"format": "envelope", "zone": "r.example.net", "weight": chance.choice([1, 1, 1, 10])}
    event["sitebound"]["install_id"] = f"{chance.randrange(4000):08x}"
    return event


def dns_error(chance, seconds, number):
    event = head(seconds, "dns-error-report")
    code, purpose = EDES[min(int(chance.expovariate(1)), 2)]
    event["message"] = f"DNS error {code}"
    event["event"]["id"] = f"er{number:08x}"
    event["error"] = {"code": code, "message": purpose}
    event["client"] = {"ip": "203.0.113.0"}
    event["sitebound"] = {"format": "rfc9567", "zone": chance.choice(["er.example.net", "er.example.org"])}
    event["sitebound"]["reported"] = {"name": f"www{chance.randrange(4)}.broken.example.", "types": ["A"]}
    return event


def malformed(chance, seconds):
    event = head(seconds, "report-malformed")
    event["message"] = "malformed report: checksum"
    event["event"]["reason"] = chance.choice(["checksum", "checksum", "alphabet", "pattern"])
    return event


def stats(seconds, host, losses, reasons):
    event = head(seconds, "report-stats", host)
    event["message"] = "report counters"
    event["sitebound"] = {"stats": {"accepted": seconds, "malformed": reasons, "write_errors": 0, **losses}}
    return event


def day(count):
    """Lines (bytes) of a day, of which count are client errors."""
    chance = random.Random(1)
    out = []
    for number in range(count):
        # a tenth of them more in the time of the fault
        fault = number % 10 == 9
        seconds = int(64800 + number / count * 5400 if fault else number / count * 86400)
        out.append(client_error(chance, seconds, number, fault))
        if number % 50 == 0:
            out.append(dns_error(chance, seconds, number))
        if number % 80 == 0:
            out.append(malformed(chance, seconds))
    for seconds in range(0, 86400, 600):
        limited = max(0, min(seconds, 70000) - 64800)
        out.append(stats(seconds, "res1", {"rate_limited": limited, "queue_dropped": limited // 50}, {"short": 3}))
    out.sort(key=lambda event: event["@timestamp"])
    return [json.dumps(event, separators=(",", ":")).encode() + b"\n" for event in out]
