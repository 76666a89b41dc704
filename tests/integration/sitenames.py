# SPDX-License-Identifier: BSD-3-Clause
"""What the tests of site names share: records, expected lines, and how a resolver is made."""

import data
import tabletest
from data import expand
from upstream import Data, key

APEXES = data.APEXES + ("test.",)
# More records at svc.dc1, and the answers of its site name for every type.
MANY = """
svc.dc1.prd.example.com. 600 MX 10 mx.example.com.
svc.dc1.prd.example.com. 600 TXT "one" "two"
svc.dc1.prd.example.com. 600 HTTPS 1 . alpn="h2"
svc.dc1.prd.example.com. 600 CAA 0 issue "example.net"
svc.dc1.prd.example.com. 600 TYPE65280 \\# 3 010203
"""
MANY_LINES = (
    ("svc.dc.P A", "CNAME svc.dc1.P @30 + A 10.1.1.5"),
    ("svc.dc.P AAAA", "CNAME svc.dc1.P @30 + AAAA 2001:db8::15"),
    ("svc.dc.P MX", "CNAME svc.dc1.P @30 + MX 10 mx.example.com."),
    ("svc.dc.P TXT", 'CNAME svc.dc1.P @30 + TXT "one" "two"'),
    ("svc.dc.P SRV", "CNAME svc.dc1.P @30 + SRV 1 2 443 svc.dc1.prd.example.com."),
    ("svc.dc.P HTTPS", 'CNAME svc.dc1.P @30 + HTTPS 1 . alpn="h2"'),
    ("svc.dc.P CAA", 'CNAME svc.dc1.P @30 + CAA 0 issue "example.net"'),
    ("svc.dc.P TYPE65280", "CNAME svc.dc1.P @30 + TYPE65280 \\# 3 010203"),
    ("svc.dc.P NAPTR", "CNAME svc.dc1.P @30 + NODATA"),
    ("svc.dc.P TYPE65281", "CNAME svc.dc1.P @30 + NODATA"),
    ("svc.dc.P PTR", "CNAME svc.dc1.P @30 + NODATA"),
    ("svc.dc.P CNAME", "CNAME svc.dc1.P @30"),
    ("svc.dc.P ANY", "CNAME svc.dc1.P @30"),
)

# Three sites, and names that are at some of them.
THREE = {"fallback": ["dc2", "dc3"], "ttl": 120, "fallback-ttl": 20}
SITES = """
one.dc1.prd.example.com. 600 A 10.1.0.1
one.dc2.prd.example.com. 600 A 10.2.0.1
one.dc3.prd.example.com. 600 A 10.3.0.1
two.dc2.prd.example.com. 600 A 10.2.0.2
two.dc3.prd.example.com. 600 A 10.3.0.2
three.dc3.prd.example.com. 600 A 10.3.0.3
txt.dc1.prd.example.com. 600 TXT here
txt.dc2.prd.example.com. 600 A 10.2.0.4
txt2.dc2.prd.example.com. 600 TXT there
txt2.dc3.prd.example.com. 600 A 10.3.0.5
below.ent.dc1.prd.example.com. 600 A 10.1.0.6
ent.dc2.prd.example.com. 600 A 10.2.0.6
"""

# What must hold whatever is in the caches.
SITE_LINES = (("svc.dc.P A", "CNAME svc.dc1.P @30 + A 10.1.1.5"), ("svc.dc.P SRV",
               "CNAME svc.dc1.P @30 + SRV 1 2 443 svc.dc1.prd.example.com."), ("svc.dc.P CNAME", "CNAME svc.dc1.P @30"),
              ("svc.dc.P MX", "CNAME svc.dc1.P @30 + NODATA"), ("dc.P A", "NODATA"), ("dc.P TXT", "NODATA"),
              ("only2.dc.P A", "CNAME only2.dc2.P @30 + A 10.2.1.6"), ("P A", "UP NXDOMAIN"))


def start(lab, changes=None, records="", ent=False, servfail=(), **options):
    """A resolver with the table's configuration and data, changed."""
    if "upstream" not in options:
        upstream_data = data.upstream_data(ent)
        for owner, node in Data(records).records.items():
            upstream_data.records.setdefault(owner, {}).update(node)
        options["upstream"] = lab.upstream(upstream_data)
    for owner in servfail:
        options["upstream"].rule("servfail", expand(owner))
    options.setdefault("modules", ("synth",))
    options.setdefault("conf", data.conf(site=changes or {}))
    return lab.resolver(**options)


def in_order(lab, resolver, *lines, cached=False):
    """Questions in order, then all again: made anew and put into the cache, and from there. Nothing may be logged. With `cached` TTLs may be smaller from the start."""
    for repeat in (cached, True, True):
        for question, expected in lines:
            lab.expect(resolver, question, expected, expand, repeat=repeat)
    tabletest.settle(resolver)


def cached_ttl(resolver, qname, qtype):
    """The TTL of a message in the cache, None when it is not there."""
    for line in resolver.cached_messages(qname):
        fields = line.split()
        if key(fields[1]) == key(qname) and fields[3] == qtype:
            return int(fields[6])
    return None
