# SPDX-License-Identifier: BSD-3-Clause
"""One question to one resolver, over UDP, TCP or TLS, and what the answer means."""
import asyncio
import errno
import functools
import random
import socket
import ssl

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype

LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
LARGE = 1232
UNREACHABLE = (errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENETDOWN, errno.EHOSTDOWN, errno.EPERM)


async def by_udp(query, address, port):
    """Datagrams that are no answer to the question are noted, not believed: the right one may still come."""
    garbage = False
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.setblocking(False)
        line.connect((address, port))
        line.send(query.to_wire())
        while True:
            try:
                data = await asyncio.get_running_loop().sock_recv(line, 65535)
            except asyncio.CancelledError:
                if garbage:
                    raise dns.exception.FormError from None
                raise
            try:
                answer = dns.message.from_wire(data, ignore_trailing=True)
                if query.is_response(answer):
                    return answer
            except Exception:   # whatever a library makes of bytes from the network
                pass
            garbage = True


@functools.cache
def authorities():
    """The machine's own, read once: that takes longer than a question."""
    return ssl.create_default_context()


async def by_stream(query, address, port, tls):
    reader, writer = await asyncio.open_connection(address, port, ssl=authorities() if tls else None, server_hostname=tls or None)
    try:
        wire = query.to_wire()
        writer.write(len(wire).to_bytes(2, "big") + wire)
        answer = dns.message.from_wire(await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big")))
        if not query.is_response(answer):
            raise dns.exception.FormError
        return answer
    finally:
        writer.transport.abort()


async def exchange(query, resolver, timeout, tcp=False):
    """(answer, "") or (None, reason)."""
    address, port, tls = resolver
    try:
        async with asyncio.timeout(timeout):
            return await (by_stream(query, address, port, tls) if tls or tcp else by_udp(query, address, port)), ""
    except (asyncio.TimeoutError, dns.exception.Timeout):
        return None, "timeout"
    except ssl.SSLError:
        return None, "tls"
    except OSError as error:
        return None, "unreachable" if error.errno in UNREACHABLE else "network"
    except Exception:       # EOF, FormError, and whatever a library makes of bytes from the network
        return None, "garbage"


def judge(answer, expect):
    """ "ok", or what is wrong with the answer."""
    rcode = answer.rcode()
    if rcode not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        text = dns.rcode.to_text(rcode).lower()
        return text if text in ("servfail", "refused") else "rcode-" + text
    if "NXDOMAIN" in (expect, dns.rcode.to_text(rcode)):
        right = dns.rcode.to_text(rcode) == expect
    elif expect in ("NOERROR", "NODATA"):
        right = expect == "NOERROR" or not answer.answer
    else:
        right = any(item.to_text() == expect for rrset in answer.answer for item in rrset)
    return "ok" if right else "wrong-data"


async def probe(resolver, template, expect, timeout):
    """ "ok" or the reason of the failure."""
    name = template.replace("{random}", "".join(random.choices(LETTERS, k=16)))
    answer, reason = await exchange(dns.message.make_query(name, "AAAA" if ":" in expect else "A"), resolver, timeout)
    return reason or judge(answer, expect)


async def record(resolver, name, kind, expect, timeout):
    """ "ok" or the reason."""
    answer, reason = await exchange(dns.message.make_query(name, kind), resolver, timeout)
    if reason or answer.rcode():
        return reason or judge(answer, "NOERROR")
    kind = dns.rdatatype.from_text(kind)
    said = {item.to_text() for rrset in answer.answer for item in rrset if rrset.rdtype == kind}
    return "ok" if said == set(expect) else "wrong-data"


async def large(resolver, name, kind, timeout):
    """ "ok", "small" (the answer does not test anything), or the reason. What does not fit into UDP is asked for over TCP."""
    query = dns.message.make_query(name, kind, use_edns=0, payload=4096)
    answer, reason = await exchange(query, resolver, timeout)
    if answer is not None and answer.flags & dns.flags.TC:
        answer, reason = await exchange(query, resolver, timeout, tcp=True)
    if reason or answer.rcode():
        return reason or judge(answer, "NOERROR")
    return "ok" if len(answer.to_wire(max_size=65535)) > LARGE else "small"


async def parent(resolver, template, timeout):
    """A warning about the name above the random label, or None."""
    above = template.split("{random}", 1)[1].lstrip(".") or "."
    answer, _ = await exchange(dns.message.make_query(above, "SOA", want_dnssec=True), resolver, timeout)
    if answer and answer.rcode() == dns.rcode.NXDOMAIN:
        return "%s does not exist: caches may answer what is below it (RFC 8020), unless harden-below-nxdomain is no" % above
    if answer and any(s.rdtype == dns.rdatatype.RRSIG for s in answer.answer + answer.authority):
        return "%s is signed: caches may deny what is below it (RFC 8198), unless aggressive-nsec is no" % above
    return None
