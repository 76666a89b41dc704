# SPDX-License-Identifier: BSD-3-Clause
"""Lines as the report module writes them: all actions, all fields of a panel, in a fixed order."""

import json

CODES = ["1001", "1002", "E_AUTH", "timeout", "50", "51", "52", "53", "54", "55", "56", "57"]
TYPES = ["dns.name_not_resolved", "tcp.timed_out", "tls.cert.date_invalid"]
COUNTRIES = ["SE", "DE", "US", "BR"]


def base(number, action, **event):
    return {
        "@timestamp": f"2026-11-25T{10 + number // 600 % 6:02}:{number // 10 % 60:02}:{number % 60:02}.{number % 1000:03}Z",
        "ecs": {"version": "8.11.0"},
        "log": {"level": "info"},
        "message": f"line {number}",
        "event": {
            "kind": "event", "category": ["network"], "type": ["info"], "module": "sitebound",
            "dataset": "sitebound.report", "action": action, "outcome": "failure", "id": f"{number:08x}-{number * 7919:08x}",
            **event,
        },
        "client": {"ip": f"192.0.2.{number % 20}"},
        "network": {"transport": "udp", "type": "ipv4", "protocol": "dns"},
        "observer": {"hostname": "ns1", "product": "unbound", "version": "1.17.1"},
        "sitebound": {"format": "envelope", "zone": "r.example.net", "verified": "none", "weight": 1 + number % 3},
    }


def client_error(number):
    line = base(number, "client-error")
    # A triangle: the first code is the most frequent, so that the order of the terms is certain.
    index = int((number * 37 % 144) ** 0.5)
    line["error"] = {"code": CODES[index], "type": TYPES[number % 7 % 3]}
    line["service"] = {"name": ["player", "sync"][number % 5 % 2]}
    line["user_agent"] = {"name": "app", "version": f"1.{number % 7 % 4}", "os": {"type": ["linux", "ios", "android"][number % 5 % 3]}}
    line["client"]["geo"] = {"country_iso_code": COUNTRIES[number % 11 % 4]}
    line["sitebound"]["install_id"] = f"{number % 97:08x}"
    line["labels"] = {"cdn": "a" if number % 2 else "b"}
    return line


def lines(total=600):
    """The lines as text, without line feeds."""
    result = []
    for number in range(total):
        if number % 20 == 7:
            line = base(number, "report-malformed", outcome="unknown", reason=["checksum", "length", "padding"][number % 9 % 3])
        elif number % 20 == 13:
            line = base(number, "dns-error-report")
            line["error"] = {"code": str([6, 7, 9, 22][number % 17 % 4]), "message": "purpose"}
            line["sitebound"].update(format="rfc9567", zone=["er.example.net", "er.example.org"][number % 3 % 2], reported={"name": f"bad{number % 3}.example.", "types": [1]})
        elif number % 100 == 99:
            line = base(number, "report-stats", kind="metric", outcome="unknown")
            line["sitebound"] = {"stats": {"accepted": number, "rate_limited": number % 5, "queue_dropped": number % 3, "write_errors": 1, "lines": number}}
        else:
            line = client_error(number)
        result.append(json.dumps(line, separators=(",", ":")))
    return result
