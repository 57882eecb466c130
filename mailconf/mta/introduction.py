"""Reading, of a connection, whose it is, where a proxy says that (`mailconf.smtp.proxy_header`)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from mailconf.smtp import proxy_header
from mailconf.smtp.options import ServerOptions

PROTOCOL = "haproxy"  # the one that there is


async def introduction(
    head: bytearray,
    more: Callable[[], Awaitable[object]],
    options: ServerOptions,
    seconds: float,
    lost: type[Exception],
) -> proxy_header.Header | proxy_header.Fault:
    """The header that a connection begins with, or what is wrong with it.

    head     what has come, to which ``more`` adds; that raises ``lost`` at the end of the connection
    seconds  for all of it, 0 without a limit
    """
    try:
        async with asyncio.timeout(seconds or None):
            while (found := proxy_header.read(bytes(head), ipv4=options.ipv4, ipv6=options.ipv6)) is None:
                await more()
            return found
    except proxy_header.BadHeader as bad:
        return bad.fault
    except (lost, TimeoutError) as failure:
        return proxy_header.missing(bytes(head), timed_out=isinstance(failure, TimeoutError))
