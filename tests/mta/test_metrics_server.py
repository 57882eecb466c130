"""Where figures are read: one page, for whoever asks, and no way to keep others from it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from mailconf.mta import metrics_server
from mailconf.mta.metrics_server import LONGEST, MOST, MetricsServer, Page

GET = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"


class Pages:
    """Counts how often the page is made."""

    def __init__(self, content: bytes = b"up 1\n") -> None:
        self.content = content
        self.made: list[bool] = []

    async def __call__(self, open_metrics: bool) -> Page:
        self.made.append(open_metrics)
        return "text/plain", self.content


def served(test: Callable[[int], Awaitable[None]], pages: Pages | None = None) -> None:
    async def run() -> None:
        server = MetricsServer(pages or Pages())
        _, port = await server.open("127.0.0.1", 0)
        try:
            await test(port)
        finally:
            await server.close()

    asyncio.run(run())


async def ask(port: int, request: bytes = GET) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    try:
        return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


def test_the_page() -> None:
    async def test(port: int) -> None:
        head, _, body = (await ask(port)).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 OK\r\n") and body == b"up 1\n"
        assert b"\r\nContent-Length: 5\r\n" in head and b"\r\nConnection: close" in head
        bare = await ask(port, GET.replace(b"GET", b"HEAD"))
        assert bare.startswith(b"HTTP/1.1 200 ") and bare.endswith(b"\r\n\r\n")

    served(test)


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 404),
        (b"GET /metrics/../etc/passwd HTTP/1.1\r\n\r\n", 404),
        (b"POST /metrics HTTP/1.1\r\nContent-Length: 999999999\r\n\r\n", 405),
        (b"GET /metrics\r\n\r\n", 400),
        (b"GET /metrics SMTP/1.1\r\n\r\n", 400),
        (b"\r\n\r\n", 400),
        (b"\x00\xff\x16\x03\x01\r\n\r\n", 400),
        (b"GET /metrics HTTP/1.1\r\n" + b"X: y\r\n" * LONGEST, 431),
        (b"x" * (4 * LONGEST), 431),
    ],
)
def test_other_requests(request_: bytes, status: int) -> None:
    pages = Pages()

    async def test(port: int) -> None:
        answer = await ask(port, request_)
        # What was sent on may have the answer lost; the connection ends all the same.
        assert answer.startswith(b"HTTP/1.1 %d " % status) or (status == 431 and not answer)

    served(test, pages)
    assert pages.made == []


def test_the_form_is_one_of_two() -> None:
    """What a client says about forms is not repeated to it."""
    pages = Pages()

    async def test(port: int) -> None:
        for wanted in (
            b"*/*",
            b"application/openmetrics-text; version=1.0.0,*/*",
            b"a" * 5000,
            b"text/plain;version=\xff",
        ):
            answer = await ask(port, GET.replace(b"Host: x", b"Accept: " + wanted))
            assert answer.startswith(b"HTTP/1.1 200 ") and b"Content-Type: text/plain\r\n" in answer

    served(test, pages)
    assert sorted(pages.made) == [False, True]  # a page is given again within a second


def test_many_requests_make_one_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics_server, "FRESH", 1000.0)
    pages = Pages()

    async def test(port: int) -> None:
        assert all(answer.endswith(b"up 1\n") for answer in await asyncio.gather(*(ask(port) for _ in range(MOST))))

    served(test, pages)
    assert len(pages.made) == 1


async def rest(reader: asyncio.StreamReader) -> bytes:
    """What still comes until the connection ends, in whatever way."""
    data = b""
    try:
        async with asyncio.timeout(60):
            while piece := await reader.read(1 << 20):
                data += piece
    except ConnectionError:
        pass
    return data


def test_those_who_wait_keep_nobody_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections are held open, some with a part of a request: who asks is answered, and the oldest are ended."""
    monkeypatch.setattr(metrics_server, "PATIENCE", 1000.0)

    async def test(port: int) -> None:
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(5 * MOST)]
        for _, writer in held[::2]:
            writer.write(GET[:10])
        assert (await ask(port)).endswith(b"up 1\n")
        assert not any([await rest(reader) for reader, _ in held[:MOST]])
        for _, writer in held:
            writer.close()

    served(test)


def test_a_request_that_drips_in_has_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics_server, "PATIENCE", 0.2)
    pages = Pages()

    async def test(port: int) -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(GET[:-2])
        with pytest.raises(ConnectionError):
            for _ in range(LONGEST // 20):  # far from being too long
                writer.write(b"X: y\r\n")
                await writer.drain()
                await asyncio.sleep(0.05)
        writer.close()

    served(test, pages)
    assert pages.made == []


def test_a_page_that_is_not_taken_has_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics_server, "PATIENCE", 1.0)
    pages = Pages(b"x" * (64 << 20))  # more than the system keeps for a client that does not read

    async def test(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        transport = writer.transport
        assert isinstance(transport, asyncio.ReadTransport)
        transport.pause_reading()
        writer.write(GET)
        while not server._clients or not pages.made:
            await asyncio.sleep(0.01)
        while server._clients:
            await asyncio.sleep(0.01)
        transport.resume_reading()
        assert len(await rest(reader)) < len(pages.content)
        writer.close()

    async def run() -> None:
        await server.open("127.0.0.1", 0)
        assert server._server is not None
        await test(server._server.sockets[0].getsockname()[1])
        await server.close()

    server = MetricsServer(pages)
    asyncio.run(run())
