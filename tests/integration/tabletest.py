# SPDX-License-Identifier: BSD-3-Clause
"""Runs the rows of answers.tsv: cold, repeated, reversed, and under every way to ask."""

import pytest

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


def lines_for(ident, variant, modules):
    return [line for line in ROWS[ident] if line[0] == variant and
            all(f[5:] in modules for f in line[3] if f.startswith("need="))]


def cases(first, last, *sets):
    """Parameters (row, variant, modules) for the rows between two numbers and each set of modules."""
    out = []
    for ident, lines in ROWS.items():
        if first <= int(ident) <= last:
            for variant in dict.fromkeys(line[0] for line in lines if line[0] != "code"):
                for modules in sets:
                    if lines_for(ident, variant, modules):
                        name = "row-%02d" % int(ident) + ("" if variant == "base" else "-" + variant)
                        out.append(pytest.param((ident, variant, modules), id="%s-%s" % (name, "+".join(modules)),
                                                marks=pytest.mark.needs(*modules)))
    return out


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
    lines = lines_for(ident, variant, modules)
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
