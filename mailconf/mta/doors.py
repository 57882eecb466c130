"""The listening sockets of a service, which are shut for a while where no more clients are to come."""

from __future__ import annotations

import asyncio
import socket

from mailconf.mta.journal import LogEvent
from mailconf.mta.smtp_service import SmtpService

_BACKLOG = 511


class Doors:
    """One address of a service.

    host, port  where it listens; port 0 takes a free one, which it keeps
    given       the socket that listens there, if there is one already. Clients that come while it is shut wait in its
                queue: who has made the socket keeps it open
    """

    def __init__(self, service: SmtpService, host: str, port: int, given: socket.socket | None = None) -> None:
        self._given = given
        self._of = service
        self._host = host
        self._port = port
        self._server: asyncio.Server | None = None
        self._later: asyncio.TimerHandle | None = None
        self._opening: asyncio.Task[None] | None = None
        self.is_closed = False  # for good

    @property
    def service(self) -> str:
        return self._of.service

    @property
    def places(self) -> list[tuple[str, int]]:
        """The addresses and ports that are bound."""
        return [] if self._server is None else [made.getsockname()[:2] for made in self._server.sockets]

    async def open(self) -> None:
        """Take connections. Raises OSError."""
        loop = asyncio.get_running_loop()
        if self._given is not None:
            made = self._given.dup()  # asyncio closes what it is given
            self._server = await loop.create_server(self._of.protocol, sock=made, backlog=_BACKLOG)
        else:
            self._server = await loop.create_server(self._of.protocol, self._host, self._port, backlog=_BACKLOG)
        if self.is_closed:  # meanwhile
            self._server.close()
        elif not self._port and self.places:
            self._port = self.places[0][1]

    def shut(self) -> None:
        """Take none for as long as the configuration says; then see whether there is room. Clients find that nobody
        listens."""
        if self._server is None or self.is_closed:
            return
        self._server.close()
        self._server = None
        self._wait()

    def _wait(self) -> None:
        limits = self._of.policy.site.limits
        if self._of.is_full:
            facts = {"count": len(self._of.sessions), "most": limits.connections}
            self._of.context.note(LogEvent.FULL, service=self.service, **facts)
        self._later = asyncio.get_running_loop().call_later(limits.full_pause, self._look)

    def _look(self) -> None:
        """Listen again if there is room."""
        if self._of.is_full:
            self._wait()
        else:
            self._opening = asyncio.get_running_loop().create_task(self._open_again())

    async def _open_again(self) -> None:
        try:
            await self.open()
        except OSError as error:
            self._of.context.note(LogEvent.NOT_OPEN, service=self.service, error=error)
            self._wait()
        else:
            self._of.context.note(LogEvent.OPEN_AGAIN, service=self.service)

    def close(self) -> None:
        """Take no more connections."""
        self.is_closed = True
        for timer in (self._later, self._opening):
            if timer is not None:
                timer.cancel()
        if self._server is not None:
            self._server.close()
            self._server = None
        if self._given is not None:
            self._given.close()
