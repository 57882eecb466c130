"""Runs a program on a message: as somebody else, with bounded output and time, and never through a shell.

`mailconf.mta.launcher` becomes the user and then the program. What the program leaves behind is killed with it, where
it has not begun a session of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple, cast

from mailconf.model.letter import Program
from mailconf.mta import launcher

OUTPUT = 10_000  # bytes of output that are kept
LONGEST = 3600.0  # seconds after which a program is killed
_UMASK = 0o022


class Ended(NamedTuple):
    """How a program ended: with a status, or by a signal (its number, negative).

    not_run  why it could not be run, "" where it was
    late     whether it was killed because it took too long
    """

    status: int
    output: bytes = b""
    not_run: str = ""
    late: bool = False


def may_become(program: Program) -> bool:
    """Whether this process has the rights to run the program."""
    return os.geteuid() in (0, program.identity.uid) and (os.geteuid() == 0 or not program.root)


async def run(program: Program, data: bytes, folder: str, longest: float = LONGEST) -> Ended:
    """Run a program with ``data`` on its standard input.

    folder   where it is started; it need not be able to enter it
    longest  seconds after which it is killed
    """
    report, write = os.pipe()
    words = [sys.executable, "-I", "-S", str(Path(launcher.__file__)), _told(program), str(write)]
    try:
        transport, talk = await asyncio.get_running_loop().subprocess_exec(
            _Talk,
            *words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={},
            cwd=folder,
            pass_fds=(write,),
            start_new_session=True,
        )
    except OSError as error:
        os.close(report)
        return Ended(0, not_run=error.strerror or str(error))
    finally:
        os.close(write)
    late = False
    try:
        await asyncio.wait_for(talk.carry_out(data, program.limit), longest)
    except TimeoutError:
        late = True
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(transport.get_pid(), signal.SIGKILL)
        await talk.exited.wait()
        status = transport.get_returncode() or 0
        transport.close()
        reason = _reported(report)
    return Ended(status, talk.output, reason, late)


async def spoken_with(program: Program, folder: str) -> tuple[socket.socket, Speaker]:
    """Run a program that is spoken with: the socket that is its standard input and output. Raises OSError."""
    ours, theirs = socket.socketpair()
    report, write = os.pipe()
    words = [sys.executable, "-I", "-S", str(Path(launcher.__file__)), _told(program), str(write)]
    try:
        process = await asyncio.create_subprocess_exec(
            *words,
            stdin=theirs.fileno(),
            stdout=theirs.fileno(),
            stderr=subprocess.DEVNULL,
            env={},
            cwd=folder,
            pass_fds=(write,),
            start_new_session=True,
        )
    except OSError:
        ours.close()
        os.close(report)
        raise
    finally:
        theirs.close()
        os.close(write)
    ours.setblocking(False)
    return ours, Speaker(process, report)


class Speaker:
    """A program that is spoken with. `end` has to be called once, and waits until there is nothing left of it."""

    def __init__(self, process: asyncio.subprocess.Process, report: int) -> None:
        self._process = process
        self._report = report

    async def end(self, grace: float) -> str:
        """Returns when the program has ended, which is killed after ``grace`` seconds.

        Why it could not be run, "" where it was.
        """
        try:
            async with asyncio.timeout(grace):
                await self._process.wait()
        except TimeoutError:
            pass
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            await self._process.wait()
            reason = _reported(self._report)
        return reason


class _Talk(asyncio.SubprocessProtocol):
    """The program's standard input, which it need not read, and the beginning of its output."""

    def __init__(self) -> None:
        self.output = b""
        self.exited = asyncio.Event()
        self._fed = asyncio.Event()
        self._transport: asyncio.SubprocessTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.SubprocessTransport, transport)

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        self.output = (self.output + data)[:OUTPUT]

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        if fd == 0:
            self._fed.set()

    def process_exited(self) -> None:
        self._fed.set()
        self.exited.set()

    async def carry_out(self, data: bytes, wait: float) -> None:
        """Returns when the program has ended. Raises TimeoutError ``wait`` seconds after all is written."""
        assert self._transport is not None
        pipe = cast(asyncio.WriteTransport, self._transport.get_pipe_transport(0))
        pipe.write(data)
        pipe.close()
        await self._fed.wait()
        await asyncio.wait_for(self.exited.wait(), wait or None)
        await asyncio.sleep(0)  # what it has said is read


def groups_of(program: Program) -> list[int]:
    """The numbers of the further groups that a program has."""
    groups = set(program.groups)
    if program.login:
        groups = set(os.getgrouplist(program.login, program.groups[0] if program.groups else program.identity.gid))
    return sorted(groups)


def _told(program: Program) -> str:
    """What the launcher is told."""
    uid, gid = program.identity
    told = {
        "path": program.path,
        "argv": program.argv,
        "environment": dict(program.environment),
        "uid": uid,
        "gid": gid,
        "groups": groups_of(program),
        "become": os.geteuid() == 0,
        "folders": program.folders,
        "root": program.root,
        "nice": program.nice,
        "umask": _UMASK,
    }
    return json.dumps(told)


def _reported(report: int) -> str:
    """Why the program could not be run, "" where it was."""
    os.set_blocking(report, False)
    try:
        said = os.read(report, 4096)
        return str(json.loads(said)[1]) if said else ""
    except (BlockingIOError, ValueError, IndexError, TypeError):
        return ""
    finally:
        os.close(report)
