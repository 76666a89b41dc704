# SPDX-License-Identifier: BSD-3-Clause
"""The upstream data and the configuration that the table answers.tsv speaks of."""

import copy
import os

from upstream import Data

Z = "ip.example.com."
P = "prd.example.com."

APEXES = (".", "com.", "example.com.", "notexample.com.", "org.", "net.", "in-addr.arpa.", "ip6.arpa.")

RECORDS = """
www.example.com.       600 A     192.0.2.80
www.example.com.       600 AAAA  2001:db8::80
example.com.           600 A     192.0.2.1
example.com.           600 AAAA  2001:db8::1
example.com.           600 MX    10 mail.example.com.
www.ip.example.com.    600 A     192.0.2.90
svc.dc1.prd.example.com.  600 A    10.1.1.5
svc.dc1.prd.example.com.  600 SRV  1 2 443 svc.dc1.prd.example.com.
svc.dc1.prd.example.com.  600 AAAA 2001:db8::15
svc.dc2.prd.example.com.  600 A    10.2.1.5
only2.dc2.prd.example.com. 600 A   10.2.1.6
mail.dc1.prd.example.com. 600 MX   10 mx.example.com.
mail.dc2.prd.example.com. 600 A    10.2.1.8
dead.dc2.prd.example.com. 600 A    10.2.1.7
loop.dc1.prd.example.com. 600 CNAME loop.dc.prd.example.com.
a.b.dc1.prd.example.com.  600 A    10.1.1.9
dc.dc1.prd.example.com.   600 A    10.1.1.10
alias.org.             600 CNAME www.example.com.
addr.org.              600 CNAME 10.1.2.3.ip.example.com.
site.org.              600 CNAME svc.dc.prd.example.com.
v6only.example.com.    600 AAAA  2001:db8::66
h.v6.example.com.      600 AAAA  2001:db8::67
h.v6.example.com.      600 A     192.0.2.67
h3.example.com.        600 HTTPS 1 . alpn="h3" ipv4hint="192.0.2.80" ipv6hint="2001:db8::80"
mand.example.com.      600 HTTPS 1 . mandatory="ipv6hint" ipv6hint="2001:db8::80"
5.1.1.10.in-addr.arpa. 600 PTR   real.example.com.
notexample.com.        600 AAAA  2001:db8::70
x.notexample.com.      600 AAAA  2001:db8::71
"""

SERVFAIL = ("dead.dc1.prd.example.com.", "dead2.dc1.prd.example.com.")

CONF = {
    "synth": {
        "address-names": [{
            "zone": "ip.example.com",
            "forms": ["dotted", "dashed", "hex"],
            "allow": ["10.0.0.0/8", "192.0.2.0/24", "2001:db8::/32", "aa::/16"],
            "deny": ["10.66.0.0/16"],
            "ttl": 300,
            "reverse": True,
        }],
        "site-names": [{
            "label": "dc",
            "parents": ["prd.example.com", "stg.example.com"],
            "site": "dc1",
            "fallback": ["dc2"],
            "on-error": "next",
            "ttl": 30,
            "fallback-ttl": 30,
        }],
    },
    "noaaaa": [{
        "zones": ["example.com"],
        "except": ["v6.example.com", "ip.example.com"],
        "answer": "nodata",
    }],
}


VARIANTS = {
    "base": {},
    "fail": {"site": {"on_error": "fail"}},
    "only-if-a": {"noaaaa": {"when": "only-if-a"}},
}


def upstream_data(ent=False):
    return Data(RECORDS, APEXES, ent)


def conf(**changes):
    """The configuration with changes: `address`, `site` and `noaaaa` are dicts merged into the only entry of each."""
    out = copy.deepcopy(CONF)
    for where, entry in (("address", out["synth"]["address-names"][0]),
                         ("site", out["synth"]["site-names"][0]),
                         ("noaaaa", out["noaaaa"][0])):
        for k, v in changes.get(where, {}).items():
            k = k.replace("_", "-")
            if v is None:
                entry.pop(k, None)
            else:
                entry[k] = v
    return out


def expand(text):
    """`.Z` and `Z` stand for ip.example.com, `.P` and `P` for prd.example.com.

    `LONG.` makes a name of 253 characters (255 octets).
    """
    if text.startswith("LONG."):
        rest = expand(text[5:])
        room = 254 - len(rest)
        labels = []
        while room:
            size = min(63, room - 1) if room != 65 else 62
            labels.append("x" * size)
            room -= size + 1
        return ".".join(labels) + "." + rest
    if text == "Z" or text.endswith(".Z"):
        return text[:-1] + Z
    if text == "P" or text.endswith(".P"):
        return text[:-1] + P
    return text


def table():
    """The rows of answers.tsv by id, in order: (conf, question, expected, options) each."""
    rows = {}
    path = os.path.join(os.path.dirname(__file__), "answers.tsv")
    with open(path, encoding="utf-8") as file:
        for line in file:
            line = line.rstrip("\n")
            if not line or line.startswith("#"):
                continue
            ident, variant, question, expected, options = (line.split("\t") + [""] * 5)[:5]
            rows.setdefault(ident, []).append((variant, question, expected, options.split()))
    return rows
