# SPDX-License-Identifier: BSD-3-Clause
"""Runs the rows of answers.tsv: cold, repeated, reversed, and under every way to ask."""

import data
from data import expand

ROWS = data.table()

WAYS = (
    ("plain", {}),
    ("cd", {"cd": True}),
    ("do", {"do": True}),
    ("tcp", {"tcp": True}),
    ("upper", {}),
    ("mixed", {"do": True, "cd": True, "tcp": True, "ad": True}),
    ("plain", {}),
)


def cases(first, last):
    """(row, variant) pairs of the table between two row numbers."""
    out = []
    for ident, lines in ROWS.items():
        if first <= int(ident) <= last:
            for variant in dict.fromkeys(line[0] for line in lines):
                if variant != "code":
                    out.append((ident, variant))
    return out


def case_id(case):
    ident, variant = case
    return "row-%02d" % int(ident) + ("" if variant == "base" else "-" + variant)


def recased(question, how):
    """The question in another case."""
    qname, _, qtype = question.partition(" ")
    qname = expand(qname)
    if how == "upper":
        qname = qname.upper()
    elif how == "mixed":
        qname = "".join(c.upper() if i % 2 else c.lower() for i, c in enumerate(qname))
    return qname + " " + qtype


def resolver_for(lab, variant, modules, upstream_data=None, **options):
    upstream = lab.upstream(upstream_data or data.upstream_data())
    for owner in data.SERVFAIL:
        upstream.rule("servfail", owner)
    return lab.resolver(upstream=upstream, modules=modules,
                        conf=data.conf(**data.VARIANTS[variant]), **options)


def ask_line(lab, resolver, line, how="plain", repeat=False, **extra):
    _, question, expected, flags = line
    flags = dict(f.split("=") for f in flags)
    options = dict(extra)
    if "class" in flags:
        options["qclass"] = flags["class"]
    if "rd" in flags:
        options["rd"] = flags["rd"] == "1"
    response = lab.expect(resolver, recased(question, how), expected, expand, repeat, **options)
    if response.rcode == "NOERROR":
        for flag in ("aa", "ad"):
            if flag in flags:
                assert response.flag(flag.upper()) == (flags[flag] == "1"), \
                    "%s of %s is wrong:\n%s" % (flag.upper(), question, response)
    return response


def run_row(lab, ident, variant, modules):
    """One row: in order and again with a cold cache; then reversed, two threads, all ways to ask, all from one cold cache."""
    lines = [line for line in ROWS[ident] if line[0] == variant]
    lines = [line for line in lines
             if all(f[5:] in modules for f in line[3] if f.startswith("need="))]
    cached = int(ident) >= 51
    no_upstream = all("up=0" in line[3] for line in lines)

    resolver = resolver_for(lab, variant, modules)
    for line in lines:
        ask_line(lab, resolver, line)
    for line in lines:
        ask_line(lab, resolver, line, repeat=cached)
    settle(resolver, no_upstream)

    resolver = resolver_for(lab, variant, modules, threads=2)
    for how, extra in WAYS:
        for line in reversed(lines):
            ask_line(lab, resolver, line, how, repeat=cached, **extra)
    settle(resolver, no_upstream)


def settle(resolver, no_upstream=False):
    """Nothing may have been logged, and the process must be there."""
    assert resolver.alive(), "unbound ended:\n" + resolver.log()
    if no_upstream:
        assert resolver.upstream.count() == 0, "upstream was asked %s" % dict(resolver.upstream.seen())
    assert resolver.new_log() == "", "a query made Unbound log:\n" + resolver.new_log()
