"""Doing things as somebody else: mailbox writing and commands under the recipient's user and group.

A root MTA writes mailboxes through worker processes, one for each identity (`mailconf.mta.mailbox_writer.serve`), kept
for a while. Any other MTA writes as itself, and only what belongs to its own user; mail for another user waits, and so
does what it is not permitted to write: root could deliver it. Below another root than ``/`` user ids mean nothing, so
files are written as ourselves there too.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import itertools
import os
import pwd
import socket
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

from mailconf.files import Root
from mailconf.model.recipient import Identity
from mailconf.mta import mailbox_writer

WAITS = "4.3.0"  # the status of what another user, or root, could deliver
_KEPT = 64  # workers
_Key = tuple[int, int, tuple[int, ...], str]  # a worker's user and group, its further groups, and what is "/" to it


class Workers:
    """Carries out mailbox requests (`mailconf.mta.mailbox_writer.perform`) under an identity, for one event loop."""

    def __init__(self, root: Root) -> None:
        self.root = root
        self._workers: dict[_Key, _Worker] = {}
        self._own: _Own | None = None
        self._retired: set[asyncio.Task[None]] = set()

    async def write(self, request: dict[str, Any], data: bytes, identity: Identity | None) -> dict[str, Any]:
        """The answer of `perform`; no identity is that of nobody (postconf(5) default_privs)."""
        me = os.geteuid()
        if not self.root.is_real:
            with contextlib.suppress(OSError):  # writing reports it
                Path(request["path"]).parent.mkdir(parents=True, exist_ok=True)
            return _put_off(await self._by_ourselves(request, data), me)
        uid, gid = identity or default_privileges()
        if me not in (0, uid) and request["path"] != os.devnull:  # which everybody may write
            return {"dsn": WAITS, "text": f"cannot write as user {uid} without root privileges"}
        if me != 0 or uid == 0:
            return _put_off(await self._by_ourselves(request, data), me)
        if request["kind"] == "mbox" and not request["required"]:
            _create_in_roots_folder(Path(request["path"]), uid, gid)
        group = _spool_group(request["path"])
        return await self._worker((uid, gid, (group,) if group >= 0 else (), "")).ask(request, data)

    async def write_as(
        self, request: dict[str, Any], data: bytes, identity: Identity, groups: tuple[int, ...], root: str
    ) -> dict[str, Any]:
        """The answer of `perform` under an identity and groups, with a folder as "/" or "".

        Who is not root does what it may by itself; without a ``root``, and for its own user.
        """
        me = os.geteuid()
        if me == 0:
            return await self._worker((*identity, groups, root)).ask(request, data)
        if root or me != identity.uid:
            return {"dsn": WAITS, "text": f"cannot write as user {identity.uid} without root privileges"}
        return _put_off(await self._by_ourselves(request, data), me)

    def _worker(self, key: _Key) -> _Worker:
        worker = self._workers.pop(key, None) or _Worker(*key)
        self._workers[key] = worker  # the last used one is the last
        if len(self._workers) > _KEPT:
            self._retire(self._workers.pop(next(iter(self._workers))))
        return worker

    async def _by_ourselves(self, request: dict[str, Any], data: bytes) -> dict[str, Any]:
        if self._own is None:
            self._own = _Own()
        return await self._own.ask(request, data)

    def _retire(self, worker: _Worker) -> None:
        task = asyncio.create_task(worker.close())
        self._retired.add(task)
        task.add_done_callback(self._retired.discard)

    async def close(self) -> None:
        """Returns when the workers have done what they are at, and have ended."""
        for worker in self._workers.values():
            self._retire(worker)
        self._workers.clear()
        await asyncio.gather(*self._retired)
        if self._own is not None:
            await asyncio.to_thread(self._own.writer.finish)


def _put_off(answer: dict[str, Any], me: int) -> dict[str, Any]:
    """The answer of `perform`; what we, who are not root, are not permitted is temporary."""
    return {**answer, "dsn": WAITS} if me != 0 and answer.get("denied") else answer


def default_privileges() -> Identity:
    """User and group of "nobody", under which alias commands and files run."""
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        return Identity(65534, 65534)
    return Identity(nobody.pw_uid, nobody.pw_gid)


def _spool_group(path: str) -> int:
    """The group that may make files in a mail spool (/var/mail is often root:mail 2775), -1 where none matters."""
    try:
        found = Path(path).parent.stat()
    except OSError:
        return -1
    shared = found.st_uid == 0 and found.st_mode & stat.S_IWGRP and not found.st_mode & stat.S_IWOTH
    return found.st_gid if shared else -1


def _create_in_roots_folder(path: Path, uid: int, gid: int) -> None:
    """Make a user's mailbox in a spool where only root may: nobody else can have prepared anything there."""
    with contextlib.suppress(OSError):
        folder = path.parent.stat()
        if folder.st_uid != 0 or folder.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            return
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            os.fchown(file, uid, gid)
        finally:
            os.close(file)


class _Asked:
    """Requests that have no answer yet."""

    def __init__(self) -> None:
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._numbers = itertools.count()

    def begin(self) -> tuple[int, asyncio.Future[dict[str, Any]]]:
        number, answer = next(self._numbers), asyncio.get_running_loop().create_future()
        self._answers[number] = answer
        return number, answer

    def end(self, number: int, answer: dict[str, Any]) -> None:
        asked = self._answers.pop(number, None)
        if asked is not None and not asked.done():
            asked.set_result(answer)

    def give_up(self, answer: dict[str, Any]) -> None:
        for number in list(self._answers):
            self.end(number, answer)


class _Own:
    """Writes as ourselves."""

    def __init__(self) -> None:
        self._asked = _Asked()
        self._loop = asyncio.get_running_loop()
        self.writer = mailbox_writer.Writer(self._report)

    def _report(self, answers: list[tuple[int, dict[str, Any]]]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is gone: nobody waits any more
            self._loop.call_soon_threadsafe(self._settle, answers)

    def _settle(self, answers: list[tuple[int, dict[str, Any]]]) -> None:
        for number, answer in answers:
            self._asked.end(number, answer)

    async def ask(self, request: dict[str, Any], data: bytes) -> dict[str, Any]:
        number, answer = self._asked.begin()
        self.writer.put(number, request, data)
        return await answer


_DIED = {"dsn": "4.3.0", "text": "the delivery process died"}


class _Worker:
    """A process under one identity; started with the first request, and again when it is gone.

    Requests are sent as they come; it writes those for one mailbox together (`mailconf.mta.mailbox_writer.Writer`).
    """

    def __init__(self, uid: int, gid: int, groups: tuple[int, ...], root: str) -> None:
        self.arguments = [str(uid), str(gid), root, *map(str, groups)]
        self._pipe: _Pipe | None = None
        self._starting = asyncio.Lock()
        self._users = 0  # requests under way
        self._unused = asyncio.Event()
        self._unused.set()

    async def ask(self, request: dict[str, Any], data: bytes) -> dict[str, Any]:
        self._users += 1
        self._unused.clear()
        try:
            for _ in range(2):
                pipe = self._pipe if self._pipe is not None and not self._pipe.gone else await self._started()
                answer = await pipe.ask(request, data)
                if answer is not _DIED:
                    return answer
            return _DIED
        finally:
            self._users -= 1
            if not self._users:
                self._unused.set()

    async def _started(self) -> _Pipe:
        async with self._starting:
            if self._pipe is not None and self._pipe.gone:
                await self._pipe.close()
            if self._pipe is None or self._pipe.gone:
                near, far = socket.socketpair()
                with far:
                    program = [sys.executable, "-I", "-S", str(Path(mailbox_writer.__file__)), *self.arguments]
                    process = subprocess.Popen(program, stdin=far.fileno(), stdout=subprocess.DEVNULL, cwd="/")
                loop = asyncio.get_running_loop()
                _, self._pipe = await loop.connect_accepted_socket(functools.partial(_Pipe, process), near)
            return self._pipe

    async def close(self) -> None:
        """End the process after the requests that are under way."""
        await self._unused.wait()
        if self._pipe is not None:
            await self._pipe.close()


class _Pipe(asyncio.Protocol):
    """The connection to a process; ``gone`` when there is none any more."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._asked = _Asked()
        self._unpacker = mailbox_writer.Unpacker()
        self._transport: asyncio.Transport | None = None
        self.gone = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    async def ask(self, request: dict[str, Any], data: bytes) -> dict[str, Any]:
        """The answer, or _DIED where the process has ended before it came."""
        if self.gone:
            return _DIED
        assert self._transport is not None
        number, answer = self._asked.begin()
        self._transport.write(mailbox_writer.packed(number, request, data))
        return await answer

    def data_received(self, data: bytes) -> None:
        for number, answer, _ in self._unpacker.feed(data):
            self._asked.end(number, answer)

    def connection_lost(self, exc: Exception | None) -> None:
        self.gone = True
        self._asked.give_up(_DIED)

    async def close(self) -> None:
        """Returns when the process has ended; one that has closed its side before is ended."""
        assert self._transport is not None
        if not self.gone:
            self._transport.close()
        else:
            self._process.kill()
        await asyncio.to_thread(self._process.wait)
