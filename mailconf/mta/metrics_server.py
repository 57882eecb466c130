"""A small HTTP server in the MTA's loop, at which Prometheus reads figures: ``GET /metrics``, and nothing else.

Whoever reaches the address may be hostile. A connection has one request, of `LONGEST` bytes at most, and `PATIENCE`
seconds in all, however its bytes drip in or are taken. There are `MOST` of them: a further one ends the oldest, so that
those who hold connections keep nobody out. What a page says is made once a second at most.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

LONGEST = 8192  # bytes of a request
PATIENCE = 5.0  # seconds
MOST = 16
FRESH = 1.0  # seconds for which a page is given again
_BACKLOG = 64

Page = tuple[str, bytes]  # the content's type, and the content
Make = Callable[[bool], Awaitable[Page]]  # told whether OpenMetrics is asked for

_REASONS = {200: "OK", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed", 431: "Request Too Large"}


class MetricsServer:
    """``make`` gives the page, and is never asked twice at a time."""

    def __init__(self, make: Make) -> None:
        self._make = make
        self._made: dict[bool, tuple[float, Page]] = {}
        self._making = asyncio.Lock()
        self._server: asyncio.Server | None = None
        self._clients: dict[asyncio.Task[None], asyncio.StreamWriter] = {}  # the oldest first

    async def open(self, host: str, port: int) -> tuple[str, int]:
        """Serve; the address and the port. Raises OSError."""
        self._server = await asyncio.start_server(self._accept, host, port, limit=LONGEST, backlog=_BACKLOG)
        name = self._server.sockets[0].getsockname()
        return name[0], name[1]

    async def close(self) -> None:
        if self._server is None:
            return
        self._server.close()
        self._server = None
        tasks = list(self._clients)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        if len(self._clients) >= MOST:
            oldest = next(iter(self._clients))
            self._clients.pop(oldest).transport.abort()
            oldest.cancel()
        self._clients[task] = writer
        try:
            async with asyncio.timeout(PATIENCE):
                await self._serve(reader, writer)
        except (OSError, EOFError, TimeoutError, asyncio.CancelledError):
            writer.transport.abort()
        finally:
            self._clients.pop(task, None)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Raises IncompleteReadError, an EOFError, where a client hangs up."""
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.LimitOverrunError:
            await _answer(writer, 431)
            return
        request, _, rest = head.partition(b"\r\n")
        words = request.split(b" ")
        if len(words) != 3 or not words[2].startswith(b"HTTP/1."):
            await _answer(writer, 400)
        elif words[0] not in (b"GET", b"HEAD"):
            await _answer(writer, 405, more="Allow: GET, HEAD\r\n")
        elif words[1].partition(b"?")[0] != b"/metrics":
            await _answer(writer, 404)
        else:
            kind, content = await self._page(_wants_open_metrics(rest))
            await _answer(writer, 200, kind, content, bare=words[0] == b"HEAD")

    async def _page(self, open_metrics: bool) -> Page:
        async with self._making:
            kept = self._made.get(open_metrics)
            if kept is None or time.monotonic() - kept[0] >= FRESH:
                page = await self._make(open_metrics)
                kept = self._made[open_metrics] = time.monotonic(), page
            return kept[1]


def _wants_open_metrics(head: bytes) -> bool:
    """Whether the header Accept names it. Nothing else of what a client says about forms has an effect."""
    return any(
        line.lower().startswith(b"accept:") and b"application/openmetrics-text" in line.lower()
        for line in head.split(b"\r\n")
    )


async def _answer(
    writer: asyncio.StreamWriter,
    status: int,
    kind: str = "text/plain; charset=utf-8",
    content: bytes = b"",
    *,
    more: str = "",
    bare: bool = False,
) -> None:
    """``bare``: without the content (HEAD)."""
    if status != 200:
        content = f"{status} {_REASONS[status]}\n".encode()
    head = (
        f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: {kind}\r\nContent-Length: {len(content)}\r\n"
        f"{more}Cache-Control: no-store\r\nConnection: close\r\n\r\n"
    )
    writer.transport.set_write_buffer_limits(0)
    writer.write(head.encode() + (b"" if bare else content))
    await writer.drain()
    with suppress(OSError):
        writer.write_eof()
