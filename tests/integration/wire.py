# SPDX-License-Identifier: BSD-3-Clause
"""DNS messages as bytes, for tests that ask more questions than dnspython could follow."""

import struct

A, NS, CNAME, SOA, PTR, MX, TXT, AAAA, SRV, DNAME = 1, 2, 5, 6, 12, 15, 16, 28, 33, 39
OPT, DS, RRSIG, NSEC, DNSKEY, SVCB, HTTPS, ANY = 41, 43, 46, 47, 48, 64, 65, 255
TYPES = {"A": A, "NS": NS, "CNAME": CNAME, "SOA": SOA, "PTR": PTR, "MX": MX, "TXT": TXT, "AAAA": AAAA, "SRV": SRV,
         "DS": DS, "SVCB": SVCB, "HTTPS": HTTPS, "ANY": ANY, "TYPE65280": 65280}
ONE_NAME = (NS, CNAME, PTR, DNAME)
NAME_AT = {MX: 2, SRV: 6}


class Malformed(Exception):
    """A message that is not one; the text says why."""


def encode(text):
    """A name in wire format, from text without escapes."""
    return b"".join(bytes([len(label)]) + label for label in text.encode().split(b".") if label) + b"\0"


def read_name(wire, at):
    """The name at an offset in lower case, uncompressed, and the offset behind it."""
    out, end, limit = [], None, at
    while True:
        if at >= len(wire):
            raise Malformed("a name runs out of the message")
        length = wire[at]
        if length >= 192:
            if at + 1 >= len(wire):
                raise Malformed("a pointer runs out of the message")
            target = (length & 63) << 8 | wire[at + 1]
            if target >= limit:
                raise Malformed("a pointer does not point backwards")
            end = at + 2 if end is None else end
            at = limit = target
            continue
        if length > 63:
            raise Malformed("a label of type %d" % (length >> 6))
        out.append(wire[at:at + 1 + length])
        at += 1 + length
        if length == 0:
            whole = b"".join(out)
            if len(whole) > 255:
                raise Malformed("a name of %d octets" % len(whole))
            return whole.lower(), at if end is None else end


def read_rdata(wire, at, length, rrtype):
    """Rdata with its names uncompressed and in lower case."""
    end = at + length
    if rrtype in ONE_NAME:
        out, at = read_name(wire, at)
    elif rrtype in NAME_AT:
        out, after = read_name(wire, at + NAME_AT[rrtype])
        out, at = wire[at:at + NAME_AT[rrtype]] + out, after
    elif rrtype == SOA:
        mname, at = read_name(wire, at)
        rname, at = read_name(wire, at)
        out, at = mname + rname + wire[at:end], at + 20
    else:
        out, at = wire[at:end], end
    if at != end:
        raise Malformed("rdata of type %d has not its length" % rrtype)
    return out


def parse(wire):
    """(flags, sections) of a message with one question: three lists of (owner, type, rdata, ttl), without OPT."""
    if len(wire) < 12:
        raise Malformed("%d octets" % len(wire))
    _, flags, questions, *counts = struct.unpack("!6H", wire[:12])
    if questions != 1:
        raise Malformed("%d questions" % questions)
    _, at = read_name(wire, 12)
    at += 4
    sections, options = [], 0
    for count in counts:
        section = []
        for _ in range(count):
            owner, at = read_name(wire, at)
            if at + 10 > len(wire):
                raise Malformed("a record runs out of the message")
            rrtype, _, ttl, length = struct.unpack("!HHIH", wire[at:at + 10])
            at += 10
            if at + length > len(wire):
                raise Malformed("rdata runs out of the message")
            if rrtype == OPT:
                options += 1
            else:
                section.append((owner, rrtype, read_rdata(wire, at, length, rrtype), ttl))
            at += length
        sections.append(section)
    if at != len(wire):
        raise Malformed("%d octets behind the last record" % (len(wire) - at))
    if options > 1:
        raise Malformed("%d OPT records" % options)
    return flags, sections


def service_target(rdata):
    """The target of SVCB or HTTPS rdata in lower case, and the keys of its parameters."""
    target, at = read_name(rdata, 2)
    keys = []
    while at + 4 <= len(rdata):
        key, length = struct.unpack("!HH", rdata[at:at + 4])
        keys.append(key)
        at += 4 + length
    return target, keys


def is_below(name, zone):
    """Whether a name is in a zone; both in wire format and lower case."""
    while len(name) > len(zone):
        name = name[1 + name[0]:]
    return name == zone
