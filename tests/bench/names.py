# SPDX-License-Identifier: BSD-3-Clause
"""Questions for dnsperf, one line each ("name type"), made on the fly. No two of a batch are the same."""

import struct
import zlib

ADDRESSES_MAX = 1 << 24
BLOCKS = 10000


def addresses(zone, first, count):
    """The dashed names of 10.0.0.0/8 below a zone, from the first'th address on."""
    return ["10-%d-%d-%d.%s A" % (i >> 16 & 255, i >> 8 & 255, i & 255, zone)
            for i in range(first, first + count)]


def blocks(count, odd=0):
    """So many networks of 256 addresses of 10.0.0.0/8, with one left out between any two."""
    return ["10.%d.%d.0/24" % (i >> 7, (i & 127) * 2 + odd) for i in range(count)]


def in_blocks(zone, first, count):
    """The dashed names of the addresses in BLOCKS of them, spread over all."""
    return ["10-%d-%d-%d.%s A" % (i % BLOCKS >> 7, (i % BLOCKS & 127) * 2, i // BLOCKS & 255, zone)
            for i in range(first, first + count)]


def many_zones(zone, first, count, qtype="A", zones=100000, prefix="h"):
    """A name in each of the zones z0.zone, z1.zone, ..., again and again."""
    return ["%s%07d.z%d.%s %s" % (prefix, i, i * 7919 % zones, zone, qtype) for i in range(first, first + count)]


def hosts(zone, first, count, qtype="A", prefix="h"):
    """h0000000.zone, h0000001.zone, ..."""
    return ["%s%07d.%s %s" % (prefix, i, zone, qtype) for i in range(first, first + count)]


def tokens(member, members, each):
    """The tokens of a member, when `members` have `each` of them and all are evenly spread over a ring of SHA-1."""
    return ["%040x" % (((1 << 160) // (members * each)) * (member + i * members)) for i in range(each)]


def keys(zone, first, count):
    """Positions all over the ring."""
    return ["%040x.%s SRV" % (i * 0x9e3779b97f4a7c15f39cc0605cedc8341082276b % (1 << 160), zone)
            for i in range(first, first + count)]


# -- envelopes ----------------------------------------------------------------------------------
_DIGITS = "abcdefghijklmnopqrstuvwxyz234567"
_PAIRS = [a + b for a in _DIGITS for b in _DIGITS]


def _base32(octets):
    """RFC 4648 in lower case without padding, ten bits at a time."""
    bits = len(octets) * 8
    digits = (bits + 4) // 5
    even = digits + digits % 2
    value = int.from_bytes(octets, "big") << (even * 5 - bits)
    return "".join([_PAIRS[value >> shift & 1023]
                    for shift in range(even * 5 - 10, -1, -10)])[:digits]


def _tlv(number, value):
    head = bytes([number << 3 | len(value)]) if len(value) < 7 else bytes([number << 3 | 7, len(value)])
    return head + value


# What an application sends when a connection timed out: 56 characters in one label.
_FIELDS = (_tlv(1, b"1407") + _tlv(3, b"\x07") + _tlv(4, b"login") + _tlv(6, b"1.2.58") +
           _tlv(7, b"\x01") + _tlv(20, b"SE"))


def report(zone, nonce, qtype="A"):
    """One report with this nonce, a CRC-32 as its check."""
    stream = b"\0" + struct.pack("!I", nonce) + _FIELDS
    return "e1%s.%s %s" % (_base32(stream + struct.pack("!I", zlib.crc32(stream))), zone, qtype)


def reports(zone, first, count, qtype="A"):
    return [report(zone, nonce, qtype) for nonce in range(first, first + count)]
