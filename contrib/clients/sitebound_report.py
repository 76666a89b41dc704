# SPDX-License-Identifier: BSD-3-Clause
"""Encode a client error report as a DNS name (envelope, version 1), and ask for it.

One file, Python 3.6 or newer, nothing but the standard library: copy it into an application.

    import sitebound_report
    name = sitebound_report.encode("r.example.net", {
        "error.code": 1407, "error.type": "tcp.timed_out", "service.name": "login"})
    sitebound_report.send(name)

Fields have the names that the log lines have (README.md lists them), but for two:
"duration_ms" is the time in milliseconds, and "raw.N" is TLV type N as octets.
"""

import argparse
import base64
import hashlib
import hmac
import ipaddress
import os
import re
import socket
import sys
import zlib

ERROR_TYPES = (
    "unknown", "ok", "abandoned", "dns.unreachable", "dns.name_not_resolved", "dns.failed",
    "dns.address_changed", "tcp.timed_out", "tcp.closed", "tcp.reset", "tcp.refused",
    "tcp.aborted", "tcp.address_invalid", "tcp.address_unreachable", "tcp.failed",
    "tls.version_or_cipher_mismatch", "tls.bad_client_auth_cert", "tls.cert.name_invalid",
    "tls.cert.date_invalid", "tls.cert.authority_invalid", "tls.cert.invalid",
    "tls.cert.revoked", "tls.cert.pinned_key_not_in_cert_chain", "tls.protocol.error",
    "tls.failed", "http.error", "http.protocol.error", "http.response.invalid",
    "http.response.redirect_loop", "http.failed")
OS_TYPES = (None, "linux", "macos", "windows", "ios", "android", "unix")
ACCESS = (None, "wifi", "cellular", "ethernet", "vpn", "other")

# field: type, kind, argument of the kind
FIELDS = {
    "error.type": (3, "word", ERROR_TYPES),
    "service.name": (4, "text", None),
    "user_agent.name": (5, "text", None),
    "user_agent.version": (6, "text", None),
    "user_agent.os.type": (7, "word", OS_TYPES),
    "user_agent.os.version": (8, "text", None),
    "device.model.identifier": (9, "text", None),
    "sitebound.access": (10, "word", ACCESS),
    "duration_ms": (11, "uint", 4),
    "server.ip": (12, "ip", None),
    "server.port": (13, "uint", 2),
    "http.response.status_code": (14, "uint", 2),
    "event.start": (15, "uint", 4),
    "error.message": (16, "text", None),
    "sitebound.install_id": (17, "hex", None),
    "sitebound.sample_rate": (18, "uint", 8),
    "sitebound.count": (19, "uint", 8),
    "client.geo.country_iso_code": (20, "text", r"[A-Za-z]{2}"),
    "server.domain": (21, "text", None),
    "sitebound.attempt": (22, "uint", 2),
    "network.application": (23, "text", None),
}


class ReportError(ValueError):
    """A field has a value that is not allowed, or the name would be too long."""


def _uint(number, most, field):
    if isinstance(number, str) and re.fullmatch(r"[0-9]{1,20}", number):
        number = int(number)
    if isinstance(number, bool) or not isinstance(number, int):
        raise ReportError("%s: %r is no whole number" % (field, number))
    if number < 0 or number >= 1 << min(8 * most, 63):
        raise ReportError("%s: %d is out of range" % (field, number))
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def _word(value, words, field):
    if value in words and value is not None:
        return _uint(words.index(value), 4, field)
    match = re.fullmatch(r"(?:type)?([0-9]+)", str(value))
    if match is None:
        raise ReportError("%s: %r is none of %s" % (field, value, ", ".join(filter(None, words))))
    return _uint(match.group(1), 4, field)


def _is_value(number, octets):
    """Whether octets are a value of a TLV type, as the decoder sees it."""
    if number == 1:
        return re.fullmatch(rb"[A-Za-z0-9._:-]{1,32}", octets) is not None
    if number == 31:
        return re.match(rb"[a-z][a-z0-9_]{0,15}=", octets) is not None
    kind, argument = {2: ("uint", 4)}.get(number, ("text", None))
    for known, known_kind, known_argument in FIELDS.values():
        if known == number:
            kind, argument = known_kind, known_argument
    if kind in ("uint", "word"):
        most = argument if kind == "uint" else 4
        return (len(octets) <= most and octets[:1] != b"\0" or octets == b"\0") and (
            len(octets) < 8 or octets[0] < 0x80)
    if kind == "ip":
        return len(octets) in (4, 16)
    if kind == "hex":
        return 4 <= len(octets) <= 8
    return argument is None or re.fullmatch(argument.encode(), octets) is not None


def _value(field, value):
    """The TLV type and octets of a field."""
    if value is None or isinstance(value, (bool, float)):
        raise ReportError("%s: %r is no value" % (field, value))
    if field == "error.code":
        text = str(value)
        if re.fullmatch(r"0|[1-9][0-9]{0,9}", text) and int(text) < 1 << 32:
            return 2, _uint(text, 4, field)
        if not re.fullmatch(r"[A-Za-z0-9._:-]{1,32}", text):
            raise ReportError("error.code: %r is not allowed" % text)
        return 1, text.encode()
    if field.startswith("labels."):
        key = field[len("labels."):]
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,15}", key):
            raise ReportError("labels: %r is no key" % key)
        return 31, key.encode() + b"=" + str(value).encode()
    if field.startswith("raw."):
        if not re.fullmatch(r"[0-9]{1,2}", field[4:]) or not 1 <= int(field[4:]) <= 31:
            raise ReportError("%s: the type must be from 1 to 31" % field)
        octets = bytes.fromhex(value) if isinstance(value, str) else bytes(value)
        if not _is_value(int(field[4:]), octets):
            raise ReportError("%s: not allowed" % field)
        return int(field[4:]), octets
    if field not in FIELDS:
        raise ReportError("%s is no field of a report" % field)
    number, kind, argument = FIELDS[field]
    if kind == "uint":
        return number, _uint(value, argument, field)
    if kind == "word":
        return number, _word(value, argument, field)
    if kind == "ip":
        return number, ipaddress.ip_address(value).packed
    if kind == "hex":
        octets = bytes.fromhex(value) if isinstance(value, str) else bytes(value)
        if not 4 <= len(octets) <= 8:
            raise ReportError("%s: must be 4 to 8 octets" % field)
        return number, octets
    if argument is not None and not re.fullmatch(argument, str(value)):
        raise ReportError("%s: %r is not allowed" % (field, value))
    return number, str(value).encode()


def _tlv(number, octets):
    if len(octets) < 7:
        return bytes([number << 3 | len(octets)]) + octets
    if len(octets) > 255:
        raise ReportError("a value is longer than 255 octets")
    return bytes([number << 3 | 7, len(octets)]) + octets


def _labels(text):
    """Cut into labels of at most 63 characters. No label but the first begins with "e" and a
    digit: resolvers may ask for the labels on the right alone, and that would look like a whole
    report."""
    labels = []
    while text:
        size = 63
        if re.match(r"e[0-9]", text[size:]):
            size -= 1
        labels.append(text[:size])
        text = text[size:]
    return labels


def encode(zone, fields, nonce=None, part=None, key=None):
    """The name of a report, with its final dot.

    zone    the report zone
    fields  a mapping of field names to values; in the order in which they are to be sent
    nonce   4 octets, or None for random ones; a new one for each report, the same for its parts
    part    (index, total) for a report in several names; index 0 has the error.code
    key     (number, octets) of a key that the zone knows, or None

    Raises ReportError for everything that is refused.
    """
    try:
        return _encode(zone, fields, nonce, part, key)
    except ReportError:
        raise
    except (ValueError, TypeError, OverflowError) as error:
        raise ReportError(str(error)) from error


def _encode(zone, fields, nonce, part, key):
    if zone.endswith("."):
        zone = zone[:-1]
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*", zone):
        raise ReportError("%r is no zone" % zone)
    nonce = os.urandom(4) if nonce is None else bytes(nonce)
    if len(nonce) != 4:
        raise ReportError("a nonce has 4 octets")
    flags, head = 0, b""
    if part is not None:
        index, total = part
        if not 0 <= index < total <= 16:
            raise ReportError("part %d of %d" % (index, total))
        flags |= 0x80
        head += bytes([index << 4 | total - 1])
    if key is not None:
        flags |= 0x40
        head += _uint(key[0], 1, "key") or b"\0"
        if not 16 <= len(key[1]) <= 64:
            raise ReportError("a key has 16 to 64 octets")
    stream = bytes([flags]) + nonce + head
    seen = set()
    for field, value in fields.items():
        number, octets = _value(field, value)
        # 1 and 2 are one field; a label is known by its key
        known = octets.partition(b"=")[0] if number == 31 else max(number, 2)
        if known in seen:
            raise ReportError("%s: is there twice" % field)
        seen.add(known)
        stream += _tlv(number, octets)
    if 2 not in seen and (part is None or part[0] == 0):
        raise ReportError("the error.code is missing")
    if key is not None:
        covered = stream + zone.lower().encode()
        stream += hmac.new(bytes(key[1]), covered, hashlib.sha256).digest()[:8]
    else:
        stream += zlib.crc32(stream).to_bytes(4, "big")
    text = "e1" + base64.b32encode(stream).decode().rstrip("=").lower()
    name = ".".join(_labels(text) + [zone])
    if len(name) > 253:
        raise ReportError("the name is %d characters too long" % (len(name) - 253))
    return name + "."


def send(name, ack=None):
    """Ask the system's resolver for the name's address. Returns what came of it:

    "arrived"  an acknowledgement came: an address, which a zone with `ack-a` gives
    "unknown"  an answer without one: the zone has no `ack-a`, or refuses the name, or the answer
               is not the zone's
    "failed"   an error, or no answer

    ack     the zone's `ack-a`; another address, as captive portals give, is "unknown" then
    """
    try:
        found = socket.getaddrinfo(name, None, socket.AF_INET)
    except socket.gaierror as error:
        # no address, or no name: not all systems tell one from the other
        answered = (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME))
        return "unknown" if error.errno in answered else "failed"
    except OSError:
        return "failed"
    return "arrived" if ack in [None] + [item[4][0] for item in found] else "unknown"


def main(arguments=None):
    parser = argparse.ArgumentParser(
        description="Encode a client error report as a DNS name.",
        epilog="Exit: 0; 2 usage; with -s: 0 arrived, 1 failed, 3 unknown.")
    parser.add_argument("-z", dest="zone", required=True, help="report zone")
    parser.add_argument("-n", dest="nonce", help="8 hexadecimal digits; default random")
    parser.add_argument("-p", dest="part", help="INDEX/TOTAL, index from 0")
    parser.add_argument("-k", dest="key", help="NUMBER:HEX, a key of the zone")
    parser.add_argument("-s", dest="send", action="store_true", help="ask for the name as well, and print what came of it")
    parser.add_argument("fields", nargs="+", metavar="FIELD=VALUE")
    options = parser.parse_args(arguments)
    try:
        fields = {}
        for argument in options.fields:
            field, equals, value = argument.partition("=")
            if not equals or field in fields:
                raise ReportError("%s: not FIELD=VALUE, or twice" % argument)
            fields[field] = value
        part = key = nonce = None
        if options.part:
            part = tuple(int(number) for number in options.part.split("/"))
        if options.key:
            number, _, digits = options.key.partition(":")
            key = (int(number), bytes.fromhex(digits))
        if options.nonce:
            nonce = bytes.fromhex(options.nonce)
        name = encode(options.zone, fields, nonce, part, key)
    except ValueError as error:
        print("sitebound_report: %s" % error, file=sys.stderr)
        return 2
    print(name)
    if not options.send:
        return 0
    outcome = send(name)
    print(outcome)
    return {"arrived": 0, "failed": 1, "unknown": 3}[outcome]


if __name__ == "__main__":
    sys.exit(main())
