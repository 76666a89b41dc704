# SPDX-License-Identifier: BSD-3-Clause
"""One question to one resolver, over UDP, TCP or TLS, and what the answer means."""
import asyncio
import errno
import functools
import random
import socket
import ssl

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype

LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
PLACE = "0" * 16
LARGE = 1232
UNREACHABLE = (errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENETDOWN, errno.EHOSTDOWN, errno.EPERM)


@functools.cache
def template(name, kind, edns):
    return dns.message.make_query(name.replace("{random}", PLACE), kind, **dict(edns)).to_wire()


def question(name, kind, **edns):
    """On the wire. Made once and then changed: making it costs more than all else that a probe does."""
    letters = "".join(random.choices(LETTERS, k=len(PLACE)))
    return random.randbytes(2) + template(name, kind, tuple(edns.items()))[2:].replace(PLACE.encode(), letters.encode())


def is_answer(query, data):
    """Whether this is an answer to the question; who refuses may leave the question out. All else that a probe has to
    know is in the header: parsing the whole message would cost more than sending and receiving it."""
    asked = query[12:query.index(b"\0", 12) + 5]
    return len(data) >= 12 and data[:2] == query[:2] and data[2] & 0x80 and (
        data[12:12 + len(asked)].lower() == asked.lower() or (data[4:6] == b"\0\0" and rcode(data) not in (0, 3)))


def rcode(data):
    return data[3] & 15


def by_udp(query, resolver, timeout, done):
    """Callbacks and no coroutine, which would cost half as much again: this is done some times a second for ever.
    Datagrams that are no answer to the question are noted, not believed: the right one may still come."""
    loop, (address, port, _) = asyncio.get_running_loop(), resolver
    line = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    late = "timeout"

    def end(answer, reason):
        timer.cancel()
        loop.remove_reader(line)
        line.close()
        done(answer, reason)

    def readable():
        nonlocal late
        try:
            data = line.recv(65535)
        except OSError as error:
            end(None, reason_of(error))
            return
        if is_answer(query, data):
            end(data, "")
        else:
            late = "garbage"
    timer = loop.call_later(timeout, lambda: end(None, late))
    loop.add_reader(line, readable)
    try:
        line.setblocking(False)
        line.connect((address, port))
        line.send(query)
    except OSError as error:
        loop.call_soon(end, None, reason_of(error))


@functools.cache
def authorities():
    """The machine's own, read once: that takes longer than a question."""
    return ssl.create_default_context()


async def by_stream(query, resolver, timeout):
    address, port, tls = resolver
    writer = None
    try:
        async with asyncio.timeout(timeout):
            reader, writer = await asyncio.open_connection(address, port, ssl=authorities() if tls else None,
                                                           server_hostname=tls or None)
            writer.write(len(query).to_bytes(2, "big") + query)
            data = await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))
            return (data, "") if is_answer(query, data) else (None, "garbage")
    except Exception as error:
        return None, reason_of(error)
    finally:
        if writer:
            writer.transport.abort()


def ask(query, resolver, timeout, done, tcp=False):
    """Calls done() with an answer and "", or None and the reason."""
    if not tcp and not resolver[2]:
        by_udp(query, resolver, timeout, done)
        return
    task = asyncio.get_running_loop().create_task(by_stream(query, resolver, timeout))
    task.add_done_callback(lambda _: task.cancelled() or done(*task.result()))


def reason_of(error):
    if isinstance(error, TimeoutError):
        return "timeout"
    if isinstance(error, ssl.SSLError):
        return "tls"
    if isinstance(error, OSError):
        return "unreachable" if error.errno in UNREACHABLE else "network"
    return "garbage"            # the end before the end


async def exchange(query, resolver, timeout, tcp=False):
    """The answer or None, and "ok" or what is wrong."""
    said = asyncio.get_running_loop().create_future()
    ask(query, resolver, timeout, lambda *what: said.done() or said.set_result(what), tcp)
    data, reason = await said
    try:
        answer = dns.message.from_wire(data) if data else None
    except Exception:           # whatever a library makes of bytes from the network
        return None, "garbage"
    return answer, reason or judge(data, "NOERROR")


def judge(data, expect):
    """ "ok", or what is wrong with the answer."""
    code = dns.rcode.to_text(rcode(data))
    if code not in ("NOERROR", "NXDOMAIN"):
        return code.lower() if code in ("SERVFAIL", "REFUSED") else "rcode-" + code.lower()
    if "NXDOMAIN" in (expect, code) or expect == "NOERROR":
        right = code == expect
    elif expect == "NODATA":
        right = data[6:8] == b"\0\0"
    else:
        try:
            right = any(item.to_text() == expect for rrset in dns.message.from_wire(data).answer for item in rrset)
        except Exception:       # whatever a library makes of bytes from the network
            return "garbage"
    return "ok" if right else "wrong-data"


def probe(resolver, name, expect, timeout, done):
    """Calls done() with "ok" or the reason of the failure."""
    ask(question(name, "AAAA" if ":" in expect else "A"), resolver, timeout,
        lambda data, reason: done(reason or judge(data, expect)))


async def record(resolver, name, kind, expect, timeout):
    """ "ok" or the reason."""
    answer, reason = await exchange(question(name, kind), resolver, timeout)
    if reason != "ok":
        return reason
    kind = dns.rdatatype.from_text(kind)
    said = {item.to_text() for rrset in answer.answer for item in rrset if rrset.rdtype == kind}
    return "ok" if said == set(expect) else "wrong-data"


async def large(resolver, name, kind, timeout):
    """ "ok", "small" (the answer does not test anything), or the reason. What does not fit into UDP comes over TCP."""
    query = question(name, kind, use_edns=0, payload=4096)
    answer, reason = await exchange(query, resolver, timeout)
    if answer and answer.flags & dns.flags.TC:
        answer, reason = await exchange(query, resolver, timeout, tcp=True)
    if reason != "ok":
        return reason
    return "ok" if len(answer.to_wire(max_size=65535)) > LARGE else "small"


async def parent(resolver, name, timeout):
    """A warning about the name above the random label, or None."""
    above = name.split("{random}", 1)[1].lstrip(".") or "."
    answer, _ = await exchange(question(above, "SOA", want_dnssec=True), resolver, timeout)
    if answer and answer.rcode() == dns.rcode.NXDOMAIN:
        return "%s does not exist: caches may answer below it (RFC 8020), unless harden-below-nxdomain is no" % above
    if answer and any(s.rdtype == dns.rdatatype.RRSIG for s in answer.answer + answer.authority):
        return "%s is signed: caches may deny what is below it (RFC 8198), unless aggressive-nsec is no" % above
    return None
