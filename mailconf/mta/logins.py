"""The connection to an authentication server, which the sessions of a service share (`mailconf.smtp.dovecot`).

It is made when it is first needed, and again when it is needed after it was lost; logins under way when it is lost
have failed for the time being. An answer is waited for no longer than smtpd(8) does.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable
from typing import Any, TypeVar, cast

from mailconf.files import Root
from mailconf.model.security import Logins
from mailconf.smtp.dovecot import (
    AuthClient,
    BadServer,
    Challenge,
    Failure,
    Mechanism,
    Ready,
    Request,
    Success,
)

PATIENCE = 10.0  # seconds for the server's greeting, and for an answer
_T = TypeVar("_T")
Answer = Challenge | Success | Failure


class LoginsUnavailable(Exception):
    """The server cannot be asked; the message is the reason."""


class LoginServer:
    """What a service asks. ``settings`` is public to see which mechanisms count."""

    def __init__(self, settings: Logins, root: Root, patience: float = PATIENCE) -> None:
        self.settings = settings
        self._root = root
        self._patience = patience
        self._link: _Link | None = None
        self._connecting = asyncio.Lock()

    async def mechanisms(self) -> tuple[Mechanism, ...]:
        """Raises LoginsUnavailable."""
        link = await self._linked()
        return link.mechanisms

    async def begin(self, request: Request) -> tuple[Login, Answer]:
        """Raises LoginsUnavailable."""
        link = await self._linked()
        number = link.client.begin(request)
        login = Login(link, number, self._patience)
        return login, await login.answer()

    def close(self) -> None:
        if self._link is not None:
            self._link.lose("it is closed")

    async def _linked(self) -> _Link:
        async with self._connecting:
            if self._link is None or self._link.lost:
                self._link = await self._connect()
            return self._link

    async def _connect(self) -> _Link:
        loop = asyncio.get_running_loop()
        where = self.settings.server
        try:
            async with asyncio.timeout(self._patience):
                if where.startswith("inet:"):
                    host, _, port = where[5:].rpartition(":")
                    _, link = await loop.create_connection(_Link, host.strip("[]"), int(port))
                else:
                    _, link = await loop.create_unix_connection(_Link, str(self._root.path(where)))
                await link.ready
                return link
        except TimeoutError:
            raise LoginsUnavailable("it does not answer") from None
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else str(error)
            raise LoginsUnavailable(reason) from error
        except ValueError as error:
            raise LoginsUnavailable(str(error)) from error


class Login:
    """One login under way."""

    def __init__(self, link: _Link, number: int, patience: float) -> None:
        self._link = link
        self._number = number
        self._patience = patience

    async def respond(self, response: str) -> Answer:
        """Answer the challenge. Raises LoginsUnavailable."""
        if self._link.lost:
            raise LoginsUnavailable("the connection is lost")
        self._link.client.respond(self._number, response)
        return await self.answer()

    async def answer(self) -> Answer:
        """Raises LoginsUnavailable."""
        link = self._link
        waiter = link.wait_for(self._number)
        link.flush()
        return await _within(waiter, self._patience, link)

    def give_up(self) -> None:
        if not self._link.lost:
            self._link.client.cancel(self._number)
            self._link.flush()


async def _within(waiter: Awaitable[_T], seconds: float, link: _Link) -> _T:
    try:
        async with asyncio.timeout(seconds):
            return await waiter
    except TimeoutError:
        link.lose("it does not answer")
        raise LoginsUnavailable("it does not answer") from None


class _Link(asyncio.Protocol):
    """One connection."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self.client = AuthClient(os.getpid())
        self.mechanisms: tuple[Mechanism, ...] = ()
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.lost = False
        self._waiters: dict[int, asyncio.Future[Answer]] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.flush()

    def flush(self) -> None:
        self.transport.write(self.client.data_to_send())

    def wait_for(self, number: int) -> asyncio.Future[Answer]:
        waiter: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        waiter.add_done_callback(lambda done: self._waiters.pop(number, None))
        self._waiters[number] = waiter
        return waiter

    def data_received(self, data: bytes) -> None:
        self.client.receive_data(data)
        try:
            while (event := self.client.next_event()) is not None:
                if isinstance(event, Ready):
                    self.mechanisms = event.mechanisms
                    if not self.ready.done():
                        self.ready.set_result(None)
                elif (waiter := self._waiters.get(event.number)) is not None and not waiter.done():
                    waiter.set_result(event)
        except BadServer as error:
            self.lose(str(error))

    def connection_lost(self, exc: Exception | None) -> None:
        self.lose("the connection is lost")

    def lose(self, reason: str) -> None:
        """End it: whoever waits for an answer gets `LoginsUnavailable`."""
        self.lost = True
        self.transport.abort()
        waiting: list[asyncio.Future[Any]] = [self.ready, *self._waiters.values()]
        for waiter in waiting:
            if not waiter.done():
                waiter.set_exception(LoginsUnavailable(reason))
