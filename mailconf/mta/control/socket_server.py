"""A socket in a folder at which a MTA serves the commands of this machine, from `open` to `close`."""

from __future__ import annotations

import asyncio
import socket
import struct
from abc import ABC, abstractmethod
from contextlib import suppress
from pathlib import Path

from mailconf.mta.control.place import reachable

_CREDENTIALS = struct.Struct("3i")  # pid, uid, gid


class SocketServer(ABC):
    """The socket and the clients that are served there; who that may be is said by `_accept`.

    folder   where it is
    mode     of the socket
    longest  bytes of a line
    clients  those that are connected
    """

    def __init__(self, folder: Path, name: str, mode: int, longest: int) -> None:
        self.folder, self._name = folder, name
        self._mode, self._longest = mode, longest
        self._server: asyncio.Server | None = None
        self.clients: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Raises OSError. The queue's lock is held: a socket that is there is left over."""
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            with reachable(self.folder, self._name) as path:
                with suppress(FileNotFoundError):
                    path.unlink()
                listener.bind(str(path))
                path.chmod(self._mode)
            listener.setblocking(False)
            self._server = await asyncio.start_unix_server(self._accept, sock=listener, limit=self._longest)
        except BaseException:
            listener.close()
            raise

    async def close(self) -> None:
        if self._server is None:
            return
        self._server.close()
        with suppress(OSError), reachable(self.folder, self._name) as path:
            path.unlink()
        for task in self.clients:
            task.cancel()
        await asyncio.gather(*self.clients, return_exceptions=True)
        self._server = None

    @abstractmethod
    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve a client, who is among ``clients`` meanwhile."""


def user_of(writer: asyncio.StreamWriter) -> int:
    """The user id of who has connected, as the kernel says it."""
    known = writer.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    user: int = _CREDENTIALS.unpack(known)[1]
    return user
