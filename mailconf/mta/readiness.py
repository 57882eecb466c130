"""What systemd is told by a unit of Type=notify, and what it hands over: sd_notify(3), sd_listen_fds(3).

The variables by which systemd says where and what are taken out of the environment, so that no command inherits them.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from contextlib import suppress
from typing import NamedTuple

_FIRST = 3  # the first descriptor that is handed over
_MOST = 1000


class BadSockets(Exception):
    """What was handed over cannot be listened at; the message says why."""


class Handed(NamedTuple):
    """A listening socket that was there before this process. ``name`` is FileDescriptorName of its unit."""

    name: str
    socket: socket.socket


class Supervisor:
    """Tells what becomes of the server, each time in a datagram. Nobody waits for who reads them.

    place     a socket's path, or a name of the abstract space after "@"; "" where nobody is told
    watchdog  seconds in which there has to be a sign of life; None where nobody looks for one
    """

    def __init__(self, place: str = "", watchdog: float | None = None) -> None:
        self._place = place if place[:1] in ("/", "@") else ""
        self._watchdog = watchdog
        self._watch: asyncio.Task[None] | None = None
        self._is_ready = False

    @classmethod
    def of_environment(cls) -> Supervisor:
        """By NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID."""
        place = os.environ.pop("NOTIFY_SOCKET", "")
        microseconds = _number(os.environ.pop("WATCHDOG_USEC", ""))
        for_whom = os.environ.pop("WATCHDOG_PID", "")
        mine = for_whom in ("", str(os.getpid()))
        return cls(place, microseconds / 1e6 if microseconds and mine else None)

    def ready(self) -> None:
        """Connections are taken."""
        self._is_ready = True
        self._tell("READY=1")
        if self._watchdog is not None and self._place and self._watch is None:
            self._watch = asyncio.get_running_loop().create_task(self._live(self._watchdog / 2))

    def reloading(self) -> None:
        """The configuration is read anew; what is not ready yet is not any the less for it."""
        if self._is_ready:
            self._tell("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def reloaded(self) -> None:
        """With success or without: the server serves."""
        if self._is_ready:
            self._tell("READY=1")

    def stopping(self) -> None:
        """The server ends. It does not need to show for how long it lives any more."""
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        self._tell("STOPPING=1")

    async def _live(self, interval: float) -> None:
        """While the loop turns, there is a sign of life."""
        while True:
            self._tell("WATCHDOG=1")
            await asyncio.sleep(interval)

    def _tell(self, *lines: str) -> None:
        if not self._place:
            return
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as systemd:
            systemd.setblocking(False)
            systemd.connect("\0" + self._place[1:] if self._place.startswith("@") else self._place)
            systemd.send("".join(f"{line}\n" for line in lines).encode())


def handed_over() -> list[Handed]:
    """The sockets of LISTEN_FDS, if they are for this process (LISTEN_PID). Raises BadSockets."""
    for_whom, count = os.environ.pop("LISTEN_PID", ""), _number(os.environ.pop("LISTEN_FDS", ""))
    names = os.environ.pop("LISTEN_FDNAMES", "").split(":")
    if for_whom != str(os.getpid()) or not count:
        return []
    if count > _MOST:
        raise BadSockets(f"LISTEN_FDS={count} is more than {_MOST}")
    names += [""] * count
    return [_handed(_FIRST + at, names[at]) for at in range(count)]


def _handed(descriptor: int, name: str) -> Handed:
    """Raises BadSockets."""
    called = f"descriptor {descriptor} of LISTEN_FDS" + (f" ({name})" if name else "")
    try:
        os.set_inheritable(descriptor, False)
        found = socket.socket(fileno=descriptor)
    except OSError as error:
        raise BadSockets(f"{called}: {error.strerror}") from error
    listens = found.type == socket.SOCK_STREAM and found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    if found.family not in (socket.AF_INET, socket.AF_INET6) or not listens:
        found.detach()
        raise BadSockets(f"{called} is no listening socket of TCP")
    found.setblocking(False)
    return Handed(name, found)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0
