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
OS_TYPES = ("linux", "macos", "windows", "ios", "android", "unix")
ACCESS = ("wifi", "cellular", "ethernet", "vpn", "other")

# field, TLV type, how its value is written (as one of the words above: a number), octets at most
FIELDS = (
    ("error.code", 1, "code", 32),
    ("error.code", 2, "uint", 4),
    ("error.type", 3, "error", 4),
    ("service.name", 4, "text", 255),
    ("user_agent.name", 5, "text", 255),
    ("user_agent.version", 6, "text", 255),
    ("user_agent.os.type", 7, "os", 4),
    ("user_agent.os.version", 8, "text", 255),
    ("device.model.identifier", 9, "text", 255),
    ("sitebound.access", 10, "access", 4),
    ("duration_ms", 11, "uint", 4),
    ("server.ip", 12, "address", 16),
    ("server.port", 13, "uint", 2),
    ("http.response.status_code", 14, "uint", 2),
    ("event.start", 15, "uint", 4),
    ("error.message", 16, "text", 255),
    ("sitebound.install_id", 17, "id", 8),
    ("sitebound.sample_rate", 18, "uint", 8),
    ("sitebound.count", 19, "uint", 8),
    ("client.geo.country_iso_code", 20, "country", 2),
    ("server.domain", 21, "text", 255),
    ("sitebound.attempt", 22, "uint", 2),
    ("network.application", 23, "text", 255),
    ("labels.", 31, "label", 255),
)
# the words of a kind, and the number of the first
WORDS = {"error": (ERROR_TYPES, 0), "os": (OS_TYPES, 1), "access": (ACCESS, 1)}


class ReportError(ValueError):
    """A field has a value that is not allowed, or the name would be too long."""


def _text(value, field):
    """The text of a string or a whole number."""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise ReportError("%s: %r is no value" % (field, value))
    return str(value)


def _octets(value, field):
    """Octets, or their hexadecimal digits."""
    if isinstance(value, (bytes, bytearray)):
        return bytes(value)
    if not isinstance(value, str) or not re.fullmatch(r"([0-9A-Fa-f]{2})*", value):
        raise ReportError("%s: %r are no octets" % (field, value))
    return bytes.fromhex(value)


def _uint(digits, field):
    """Big-endian, without leading zero octets: zero is no octet."""
    if not re.fullmatch(r"0|[1-9][0-9]{0,18}", digits) or int(digits) >= 1 << 63:
        raise ReportError("%s: %s is no whole number, or out of range" % (field, digits))
    number = int(digits)
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def _word(value, words, first, field):
    """The number of a word; other numbers are "typeN" or N."""
    if value in words:
        return _uint(str(first + words.index(value)), field)
    return _uint(value[4:] if value.startswith("type") else value, field)


def _address(text, field):
    # older versions of ipaddress take zeros in front, newer ones scopes
    if re.search(r"%|(^|[.:])0[0-9]+\.|\.0[0-9]", text):
        raise ReportError("%s: %s is no address" % (field, text))
    return ipaddress.ip_address(text).packed


def _is_value(number, octets):
    """Whether octets are a value of a TLV type, as the decoder sees it."""
    kind, most = next((row[2:] for row in FIELDS if row[1] == number), ("none", 255))
    if len(octets) > most:
        return False
    if kind == "uint" or kind in WORDS:
        return (len(octets) < 2 or octets[0] != 0) and (len(octets) < 8 or octets[0] < 0x80)
    if kind == "address":
        return len(octets) in (4, 16)
    if kind == "id":
        return len(octets) >= 4
    pattern = {"code": rb"[A-Za-z0-9._:-]+\Z", "country": rb"[A-Za-z]{2}\Z",
               "label": rb"[a-z][a-z0-9_]{0,15}="}.get(kind, b"")
    return re.match(pattern, octets) is not None


def _field(field, value):
    """The TLV type and octets of a field."""
    if field.startswith("raw."):
        if not re.fullmatch(r"[1-9]|[12][0-9]|3[01]", field[4:]):
            raise ReportError("%s: the type must be from 1 to 31" % field)
        return int(field[4:]), _octets(value, field)
    if field == "sitebound.install_id":
        return 17, _octets(value, field)
    text = _text(value, field)
    if field == "error.code":
        if re.fullmatch(r"0|[1-9][0-9]{0,9}", text) and int(text) < 1 << 32:
            return 2, _uint(text, field)
        return 1, text.encode()
    if field.startswith("labels."):
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,15}", field[7:]):
            raise ReportError("%s: no key" % field)
        return 31, (field[7:] + "=" + text).encode()
    for name, number, kind, _ in FIELDS:
        if name == field:
            break
    else:
        raise ReportError("%s is no field of a report" % field)
    if kind == "uint":
        return number, _uint(text, field)
    if kind in WORDS:
        return number, _word(text, *WORDS[kind], field)
    if kind == "address":
        return number, _address(text, field)
    return number, text.encode()


def _tlv(number, octets):
    if len(octets) < 7:
        return bytes([number << 3 | len(octets)]) + octets
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
    fields  a mapping of field names to values: texts, whole numbers, and octets for
            sitebound.install_id and raw.N; in the order in which they are to be sent
    nonce   4 octets, or None for random ones; a new one for each report, the same for its parts
    part    (index, total) for a report in several names; index 0 has the error.code
    key     (number, octets) of a key that the zone knows, or None

    Raises ReportError for everything that is refused.
    """
    try:
        return _encode(zone, fields, nonce, part, key)
    except ReportError:
        raise
    except (ValueError, TypeError, AttributeError) as error:
        raise ReportError(str(error)) from error


def _encode(zone, fields, nonce, part, key):
    if zone.endswith("."):
        zone = zone[:-1]
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*", zone):
        raise ReportError("%r is no zone" % zone)
    nonce = os.urandom(4) if nonce is None else nonce
    if not isinstance(nonce, (bytes, bytearray)) or len(nonce) != 4:
        raise ReportError("a nonce has 4 octets")
    flags, head = 0, b""
    if part is not None:
        index, total = part
        if not 0 <= index < total <= 16:
            raise ReportError("part %r of %r" % (index, total))
        flags |= 0x80
        head += bytes([index << 4 | total - 1])
    if key is not None:
        flags |= 0x40
        if not 0 <= key[0] <= 255:
            raise ReportError("the number of a key is from 0 to 255")
        head += bytes([key[0]])
        if not isinstance(key[1], (bytes, bytearray)) or not 16 <= len(key[1]) <= 64:
            raise ReportError("a key has 16 to 64 octets")
    stream = bytes([flags]) + nonce + head
    seen = set()
    for field, value in fields.items():
        number, octets = _field(field, value)
        if not _is_value(number, octets):
            raise ReportError("%s: %r is not allowed" % (field, value))
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
    parser.add_argument("-s", dest="send", action="store_true",
                        help="ask for the name as well, and print what came of it")
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
        if options.part is not None:
            match = re.fullmatch(r"(0|[1-9][0-9]?)/([1-9][0-9]?)", options.part)
            if match is None:
                raise ReportError("%s is no part" % options.part)
            part = (int(match.group(1)), int(match.group(2)))
        if options.key is not None:
            match = re.fullmatch(r"(0|[1-9][0-9]{0,2}):(.*)", options.key)
            if match is None:
                raise ReportError("a key is NUMBER:HEX")
            key = (int(match.group(1)), _octets(match.group(2), "key"))
        if options.nonce is not None:
            nonce = _octets(options.nonce, "nonce")
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
