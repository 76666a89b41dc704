#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Write seeds for the harnesses: seeds.py DIRECTORY. They come from tests/vectors and from the files of other tests,
and are written at each run, so that the repository holds no binary files."""

import base64
import glob
import os
import re
import sys

TESTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
VECTORS = os.path.join(TESTS, "vectors")
NAMES = ("10.1.2.3", "10-1-2-3", "0a010203", "2001-db8--7", "20010db8000000000000000000000007", "10.66.0.1", "2.3", "svc",
         "3.2.1", "7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0")


def rows(name):
    with open(os.path.join(VECTORS, name), encoding="utf-8") as lines:
        for line in lines:
            if not line.startswith("#"):
                ident, _, qname = line.split("\t")[:3]
                yield ident, qname


def wire(labels):
    """Labels in master-file text to wire format, without the root."""
    octets = b""
    for label in re.findall(r"(?:\\[0-9]{3}|[^.])+", labels):
        raw = re.sub(rb"\\([0-9]{3})", lambda escape: bytes([int(escape.group(1))]),
                     label.encode())
        octets += bytes([len(raw)]) + raw
    return octets


def stream(labels):
    """The stream of an envelope without its CRC, or None."""
    text = labels.replace(".", "")[2:].upper()
    try:
        return base64.b32decode(text + "=" * (-len(text) % 8))[:-4]
    except ValueError:
        return None


def main(target):
    def write(harness, name, octets):
        folder = os.path.join(target, harness)
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, name), "wb") as seed:
            seed.write(octets)

    for ident, qname in rows("envelope.tsv"):
        labels = qname[:-len(".r.example.net")]
        write("fuzz_report_envelope", ident, b"\0" + wire(labels))
        write("fuzz_report_line", ident, b"hostname\0" + wire(labels))
        octets = stream(labels)
        if octets is not None:
            write("fuzz_report_envelope", ident + "-stream", b"\1" + octets)
            write("fuzz_report_line", ident + "-tlvs", b"hostname\4" + octets[5:])
    for ident, qname in rows("pattern.tsv"):
        write("fuzz_report_pattern", ident, b"\0" + wire(qname))
        write("fuzz_report_line", ident, b"hostname\1" + wire(qname))
    write("fuzz_report_pattern", "back-and-forth", b"\1" + wire("a" * 50 + ".x.end"))
    write("fuzz_report_line", "long", b"hostname\3" + wire(".".join(["\\255" * 63] * 3 + ["b"])))
    for ident, qname in rows("rfc9567.tsv"):
        labels = qname[:-len(".er.example.net")]
        write("fuzz_report_rfc9567", ident, b"\0" + wire(labels))
        write("fuzz_report_rfc9567", ident + "-inner", b"\3" + wire(labels)[4:-4])
        write("fuzz_report_line", ident, b"hostname\2" + wire(labels)[:-4])
    for harness, pattern in (("fuzz_yaml", "conf/*.yaml"), ("fuzz_unbound_conf", "conf/unbound/*.conf"),
                             ("fuzz_unbound_conf", "../conf/*/*.conf")):
        for path in glob.glob(os.path.join(TESTS, pattern)):
            with open(path, "rb") as file:
                write(harness, os.path.basename(path), file.read().replace(b"include", b"exclude"))
    for first in range(30):
        for name in NAMES:
            write("fuzz_names", "%d-%s" % (first, name), bytes([first]) + wire(name))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: seeds.py DIRECTORY")
    main(sys.argv[1])
