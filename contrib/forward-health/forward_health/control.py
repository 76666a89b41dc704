# SPDX-License-Identifier: BSD-3-Clause
"""Unbound's control protocol, spoken directly: one line "UBCT1 COMMAND", then the text until the end."""
import asyncio
import functools
import ipaddress
import os
import signal
import ssl

LIMIT = 4 * 1024 * 1024     # more text than this is no answer to any command that is given here


class ControlError(Exception):
    """The command was not done: no connection, no answer in time, or an error."""


async def call(target, command, timeout):
    """The text that Unbound gives; ControlError."""
    try:
        async with asyncio.timeout(timeout):
            text = await (by_command if target.command else direct)(target, command)
    except asyncio.TimeoutError:
        raise ControlError("no answer within %g s" % timeout) from None
    except (OSError, ssl.SSLError, UnicodeError) as error:
        raise ControlError(getattr(error, "strerror", None) or str(error)) from None
    if text.startswith("error"):
        raise ControlError(text.split("\n")[0][:200])
    return text


async def direct(target, command):
    if target.path:
        reader, writer = await asyncio.open_unix_connection(target.path)
    else:
        tls = {"ssl": keys(target.keys), "server_hostname": "unbound"} if target.keys else {}
        reader, writer = await asyncio.open_connection(target.host, target.port, **tls)
    try:
        writer.write(b"UBCT1 " + command.encode() + b"\n")
        await writer.drain()
        return await text_of(reader)
    finally:
        writer.transport.abort()


async def text_of(reader):
    text = b""
    while part := await reader.read(65536):
        text += part
        if len(text) > LIMIT:
            raise ControlError("answer without end")
    return text.decode()


def keys(directory):
    """The keys that unbound-control-setup made. The server's certificate is the authority, its name is no host's."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(os.path.join(directory, "unbound_server.pem"))
    context.load_cert_chain(*(os.path.join(directory, "unbound_control." + end) for end in ("pem", "key")))
    return context


async def by_command(target, command):
    """A wrapper, in a process group of its own that ends with the call."""
    child = await asyncio.create_subprocess_exec(
        *target.command, *command.split(), stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT, start_new_session=True)
    try:
        text = await text_of(child.stdout)
        if await child.wait() != 0:
            raise ControlError((text.strip().split("\n")[-1] or "exit %d" % child.returncode)[:200])
        return text
    finally:
        try:
            os.killpg(child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        await child.wait()


@functools.lru_cache(1)
def forwards(text):
    """{zone: [(address, port or None), ...]} of list_forwards; ControlError when it is anything else.
    Ports are printed from Unbound 1.26.1 on."""
    out = {}
    for line in text.split("\n"):
        if not line.strip():
            continue
        words = line.split()
        if words[1:3] != ["IN", "forward"]:
            raise ControlError("list_forwards says %r" % line[:80])
        found = []
        for word in words[3:]:
            if word.startswith("+"):
                continue
            address, at, port = word.split("#")[0].partition("@")
            try:
                found.append((str(ipaddress.ip_address(address)), int(port) if at else None))
            except ValueError:
                # the name of a forward-host is no address and is never what was set
                found.append((word, None))
        out[words[0].lower()] = found
    return out
