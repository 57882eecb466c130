"""Doing things as somebody else: mailbox writing and commands under the recipient's user and group.

A root MTA writes mailboxes through worker processes, one for each identity (`mailconf.mta.mailbox.serve`), kept for a
while. Any other MTA writes as itself, and only what belongs to its own user; mail for another user waits, and so does
what it is not permitted to write: root could deliver it. Below another root than ``/`` user ids mean nothing, so files
are written as ourselves there too.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import pwd
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from mailconf.files import Root
from mailconf.model.recipient import Identity
from mailconf.mta import mailbox

WAITS = "4.3.0"  # the status of what another user, or root, could deliver
_KEPT = 64  # workers


class Workers:
    """Carries out mailbox requests (`mailconf.mta.mailbox.perform`) under an identity."""

    def __init__(self, root: Root) -> None:
        self.root = root
        self._workers: dict[tuple[int, int, int], _Worker] = {}
        # Waiting for a lock takes seconds: such waits must not use up the loop's own few threads.
        self._pool = ThreadPoolExecutor(32, "mailbox")

    async def write(self, request: dict[str, Any], data: bytes, identity: Identity | None) -> dict[str, Any]:
        """The answer of `perform`; no identity is that of nobody (postconf(5) default_privs)."""
        me = os.geteuid()
        if not self.root.is_real:
            with contextlib.suppress(OSError):  # writing reports it
                Path(request["path"]).parent.mkdir(parents=True, exist_ok=True)
            return _put_off(await self._call(mailbox.perform, request, data), me)
        uid, gid = identity or default_privileges()
        if me not in (0, uid) and request["path"] != os.devnull:  # which everybody may write
            return {"dsn": WAITS, "text": f"cannot write as user {uid} without root privileges"}
        if me != 0 or uid == 0:
            return _put_off(await self._call(mailbox.perform, request, data), me)
        if request["kind"] == "mbox" and not request["required"]:
            _create_in_roots_folder(Path(request["path"]), uid, gid)
        key = (uid, gid, _spool_group(request["path"]))
        worker = self._workers.pop(key, None) or _Worker(*key)
        self._workers[key] = worker  # the last used one is the last
        if len(self._workers) > _KEPT:
            self._workers.pop(next(iter(self._workers))).retire(self._pool)
        return await self._call(worker.ask, request, data)

    async def _call(
        self, function: Callable[[dict[str, Any], bytes], dict[str, Any]], request: dict[str, Any], data: bytes
    ) -> dict[str, Any]:
        return await asyncio.get_running_loop().run_in_executor(self._pool, function, request, data)

    def close(self) -> None:
        """End the workers when they have done what they are at."""
        for worker in self._workers.values():
            worker.retire(self._pool)
        self._workers.clear()
        self._pool.shutdown()


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


class _Worker:
    """A process under one identity; started with the first request, and again when it is gone."""

    def __init__(self, uid: int, gid: int, group: int) -> None:
        self.arguments = [str(uid), str(gid), *([str(group)] if group >= 0 else [])]
        self._process: subprocess.Popen[bytes] | None = None
        self._busy = threading.Lock()

    def ask(self, request: dict[str, Any], data: bytes) -> dict[str, Any]:
        with self._busy:
            for _ in range(2):
                process = self._started()
                assert process.stdin is not None and process.stdout is not None
                with contextlib.suppress(OSError):
                    mailbox.send(process.stdin, request, data)  # type: ignore[arg-type]
                    answer = mailbox.receive(process.stdout)  # type: ignore[arg-type]
                    if answer is not None:
                        return answer[0]
                self.close()
        return {"dsn": "4.3.0", "text": "the delivery process died"}

    def retire(self, pool: ThreadPoolExecutor) -> None:
        """End the process after the requests that wait for it."""

        def end() -> None:
            with self._busy:
                self.close()

        pool.submit(end)

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(Path(mailbox.__file__)), *self.arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                cwd="/",
            )
        return self._process

    def close(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(OSError):
                assert process.stdin is not None
                process.stdin.close()
            process.wait()
