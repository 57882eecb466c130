"""A connection to another host, with what is spoken over it: it carries one transaction after the other.

The bytes come by callbacks of the event loop, so that a connection that waits for its next transaction is known to be
lost at the moment in which the host closes it or says something.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from mailconf.smtp.client import Client, Ready

if TYPE_CHECKING:
    from mailconf.model.policy import Policy
    from mailconf.mta.hop_session import Host
    from mailconf.mta.program import Speaker
    from mailconf.mta.secure_hops import HostLayer

_PIECE = 1 << 18  # bytes that are written at a time: the host has to take them within its time
_GRACE = 10.0  # seconds within which a program ends by itself when nobody speaks with it any more
_MOST = 1 << 18  # bytes that wait to be read: the host is not read from beyond that


class NotConnected(Exception):
    """The message is the reason, in the system's words."""


class HopConnection(asyncio.Protocol):
    """One connection. `open` makes it; ``client`` is the protocol's side of it.

    policy   the one by which it was made
    made     when, by the event loop's clock
    ready    what the host has said about itself
    layer    TLS, once it is in force
    hosts    by the nexthops for which it was used, those of late
    on_lost  called when the connection is of no use any more while nothing is waited for
    """

    def __init__(self, client: Client, policy: Policy) -> None:
        self.client = client
        self.policy = policy
        self.ready: Ready | None = None
        self.layer: HostLayer | None = None
        self.hosts: dict[str, Host] = {}
        self.on_lost: Callable[[HopConnection], None] | None = None
        self._loop = asyncio.get_running_loop()
        self.made = self._loop.time()
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._reader: asyncio.Future[None] | None = None
        self._writer: asyncio.Future[None] | None = None
        self._paused = self._full = False
        self._ended = False
        self._speaker: Speaker | None = None

    async def ended_program(self) -> str:
        """Have the program end, if one is spoken with: why it could not be run, or ""."""
        speaker, self._speaker = self._speaker, None
        if speaker is None:
            return ""
        try:
            return await speaker.end(_GRACE)
        finally:
            self.abort()

    async def open(self, host: Host, patience: float, own: str = "") -> None:
        """Connect, within ``patience`` seconds, 0 for no limit. Raises NotConnected.

        own  the local address that the connection comes from, "" for the system's choice
        """
        try:
            async with asyncio.timeout(patience or None):
                if host.program is not None:
                    await self._run(host)
                elif host.path:
                    await self._loop.create_unix_connection(lambda: self, host.path)
                else:
                    local = (own, 0) if own else None
                    await self._loop.create_connection(lambda: self, host.address, host.port, local_addr=local)
        except TimeoutError:
            raise NotConnected(os.strerror(errno.ETIMEDOUT)) from None
        except OSError as error:
            raise NotConnected(os.strerror(error.errno) if error.errno else str(error)) from None

    async def _run(self, host: Host) -> None:
        """Run the program of ``host`` and speak with it. Raises OSError."""
        from mailconf.mta.program import spoken_with

        assert host.program is not None
        made, self._speaker = await spoken_with(host.program, host.folder)
        await self._loop.create_unix_connection(lambda: self, sock=made)

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        made = transport.get_extra_info("socket")
        if made is not None and made.family in (socket.AF_INET, socket.AF_INET6):
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if len(self._received) > _MOST and self._transport is not None and not self._full:
            self._full = True
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> bool:
        self._ended = True
        self._wake()
        return True  # what is written still goes out

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended = True
        self._paused = False
        self._release()
        self._wake()

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        self._release()

    def _wake(self) -> None:
        if self._reader is not None:
            if not self._reader.done():
                self._reader.set_result(None)
        elif self.on_lost is not None:
            self.on_lost(self)

    def _release(self) -> None:
        if self._writer is not None and not self._writer.done():
            self._writer.set_result(None)

    # What a session calls.

    @property
    def usable(self) -> bool:
        """Whether another transaction may begin: the host has neither closed the connection nor said anything."""
        return not self._ended and not self._received and self.client.in_step

    async def read(self, patience: float | None) -> bytes:
        """What has come, b"" at the end. Raises TimeoutError after ``patience`` seconds."""
        if not self._received and not self._ended:
            self._reader = self._loop.create_future()
            await self._until(self._reader, patience)
            self._reader = None
        data = bytes(self._received)
        self._received.clear()
        if self._full and self._transport is not None and not self._ended:
            self._full = False
            self._transport.resume_reading()
        return data

    async def write(self, data: bytes, patience: float | None) -> None:
        """Send ``data`` as it is. Raises TimeoutError where the host takes none of it for ``patience`` seconds."""
        for at in range(0, len(data), _PIECE):
            if self._transport is None or self._transport.is_closing():
                return
            self._transport.write(data[at : at + _PIECE] if len(data) > _PIECE else data)
            if self._paused:
                self._writer = self._loop.create_future()
                await self._until(self._writer, patience)
                self._writer = None

    async def _until(self, future: asyncio.Future[None], patience: float | None) -> None:
        timer = self._loop.call_later(patience, _expire, future) if patience else None
        try:
            await future
        finally:
            self._reader = self._writer = None
            if timer is not None:
                timer.cancel()

    # TLS

    async def say(self, data: bytes, patience: float | None) -> None:
        """Send ``data``, by TLS where that is in force."""
        await self.write(self._wrapped(data), patience)

    def meant(self, data: bytes) -> bytes | None:
        """What received ``data`` mean: None where more has to come, b"" where the host has ended TLS or breaks it."""
        from mailconf.smtp.tls import TlsFailed

        if self.layer is None:
            return data
        try:
            said = self.layer.receive_data(data)
        except TlsFailed:
            return b""
        return said if said or self.layer.closed else None

    def _wrapped(self, data: bytes, *, ends: bool = False) -> bytes:
        if self.layer is None:
            return data
        self.layer.send(data)
        if ends:
            self.layer.close()
        return self.layer.data_to_send()

    # The end

    def quit(self) -> None:
        """End the session in good order; the reply is of no interest."""
        self.on_lost = None
        transport = self._transport
        if transport is None or self._ended or self._paused:
            self.abort()
            return
        self.client.quit()
        data = self._wrapped(self.client.data_to_send(), ends=True)
        if data:
            transport.write(data)
        if self._speaker is not None and not transport.get_write_buffer_size():
            transport.write_eof()  # a program may say what it wants to say, and ends
        elif transport.get_write_buffer_size():
            transport.abort()  # a host that does not read would keep the connection for ever
        else:
            transport.close()

    def abort(self) -> None:
        """End it at once."""
        self.on_lost = None
        if self._transport is not None:
            self._transport.abort()


def _expire(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_exception(TimeoutError())
