"""Commands that take a message on their standard input, and whose exit status is the answer (local(8), pipe(8)).

A command runs under an identity that is not root's, with a small environment, for a limited time. What it prints
becomes part of the report. An exit status of sysexits.h has its own meaning, any other failure is permanent, a signal
is not; output that begins with a status of RFC 3463 is what counts. Without the privilege to become that user nothing
is run: the message waits.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from mailconf.model.recipient import Identity
from mailconf.mta import command_start
from mailconf.mta.journal import Remark
from mailconf.source import decode, encode

EX_OK, _EX_SOFTWARE = 0, 70
_DSN = {
    64: "5.3.0",
    65: "5.6.0",
    66: "5.3.0",
    67: "5.1.1",
    68: "5.1.2",
    69: "5.3.0",
    70: "5.3.0",
    71: "4.3.0",
    72: "5.3.0",
    73: "5.2.0",
    74: "5.3.0",
    75: "4.3.0",
    76: "5.5.0",
    77: "5.7.0",
    78: "5.3.5",
}
_OUTPUT = 4095  # bytes of output that are read; then nobody listens any more
_STATUS = re.compile(r"([245]\.[0-9]{1,3}\.[0-9]{1,3})(?: +|\Z)")
_SIMPLE = re.compile(r"[A-Za-z0-9@%\-_+=:,./ \t]+\Z")
_BUILTIN = frozenset(
    (
        ".", ":", "alias", "bg", "break", "case", "cd", "command", "continue", "do", "done", "eval", "exec", "exit",
        "export", "fc", "fg", "for", "getopts", "hash", "if", "jobs", "kill", "newgrp", "read", "readonly", "return",
        "set", "shift", "test", "times", "trap", "type", "ulimit", "umask", "unalias", "unset", "until", "wait",
        "while",
    )
)  # fmt: skip
_UNSAFE = re.compile(r"[^1234567890!@%\-_=+:,./abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ]")


class CommandOutcome(NamedTuple):
    """dsn is "2.0.0" when the command took the message; ``output`` is what it printed (`shown`).

    remark, facts  what is to be said of it
    status         the exit status, 0 where it was not the command that failed
    """

    dsn: str
    remark: Remark
    facts: Mapping[str, str | int] = MappingProxyType({})
    output: str = ""
    status: int = 0


def safe(value: str) -> str:
    """``value`` as it may be in a command's environment (postconf(5) command_expansion_filter)."""
    return _UNSAFE.sub("_", value)


class Program(NamedTuple):
    """What is run: its arguments, and the environment that it has.

    identity  with whose rights
    folder    where; with ``entered`` that user's rights must suffice to go there
    chroot    the root that it has, "" for the system's
    """

    arguments: Sequence[str]
    environment: Mapping[str, str]
    identity: Identity
    folder: str
    entered: bool = False
    chroot: str = ""


class Ended(NamedTuple):
    """How a program ended: its exit status, or a negative signal; the beginning of its output; whether it was late."""

    status: int
    output: bytes
    late: bool = False


class NotStarted(Exception):
    """A program was not started. ``step`` is what failed: "execute", "chdir" or "chroot" of ``file``."""

    def __init__(self, step: str, file: str, reason: str) -> None:
        super().__init__(f"{step} {file}: {reason}")
        self.step = step
        self.file = file
        self.reason = reason


def may_run(identity: Identity) -> bool:
    """Whether this process may run something with these rights."""
    return os.geteuid() in (0, identity.uid)


async def execute(program: Program, data: bytes, limit: float) -> Ended:
    """Run a program with ``data`` on its input. Raises NotStarted.

    limit  seconds after which it is killed with everything it started
    """
    if not program.arguments[0]:
        raise NotStarted("execute", "", os.strerror(errno.ENOENT))
    apart = bool(program.chroot or program.entered)
    arguments = [encode(argument.partition("\0")[0]) for argument in program.arguments]
    told, telling = os.pipe2(os.O_CLOEXEC) if apart else (-1, -1)
    try:
        transport, talk = await _started(program, arguments, telling)
    except OSError as error:
        if apart:
            os.close(told)
        file = program.folder if error.filename == program.folder else program.arguments[0]
        raise NotStarted("execute", file, error.strerror or "") from error
    finally:
        if apart:
            os.close(telling)
    late = False
    try:
        talk.feed(transport, data)
        _, waiting = await asyncio.wait([talk.over], timeout=limit)
        late = bool(waiting)
    finally:
        if not talk.over.done():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(transport.get_pid(), signal.SIGKILL)
        await asyncio.shield(talk.exited)
        transport.close()
        problem = _told(told) if apart else b""
    if problem:
        step, file, reason = decode(problem).split("\0")
        raise NotStarted(step, file, reason)
    return Ended(transport.get_returncode() or 0, bytes(talk.output), late)


async def _started(program: Program, arguments: list[bytes], telling: int) -> tuple[asyncio.SubprocessTransport, _Talk]:
    """The process; ``telling`` is where it reports what fails before the program runs. Raises OSError."""
    me, folder = os.geteuid(), program.folder
    identity: dict[str, Any] = {}
    if telling >= 0:
        script = str(Path(command_start.__file__))
        kept = str(int("LC_CTYPE" in program.environment))
        own = [str(telling), kept, str(program.identity.uid), str(program.identity.gid), program.chroot, folder]
        arguments = [encode(word) for word in (sys.executable, "-I", "-S", script, *own)] + arguments
        identity, folder = {"pass_fds": (telling,)}, "/"
    elif me == 0:  # only root can and must change who it is
        uid, gid = program.identity
        identity = {"user": uid, "group": gid, "extra_groups": []}
    return await asyncio.get_running_loop().subprocess_exec(
        _Talk,
        *arguments,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={encode(name): encode(value.partition("\0")[0]) for name, value in program.environment.items()},
        cwd=folder,
        start_new_session=True,
        restore_signals=False,  # a command whose output nobody reads any more gets an error, and no signal
        umask=0o077,
        **identity,
    )


def _told(file: int) -> bytes:
    """What a process has reported before it became the program."""
    try:
        os.set_blocking(file, False)
        return os.read(file, 65536)
    except BlockingIOError:
        return b""
    finally:
        os.close(file)


class _Talk(asyncio.SubprocessProtocol):
    """The conversation with a program, which need not read: the beginning of its output is gathered.

    exited  set when the process has ended; ``over`` when nothing more can come of it either
    """

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.output = bytearray()
        self.exited: asyncio.Future[None] = loop.create_future()
        self.over: asyncio.Future[None] = loop.create_future()
        self._silent = False
        self._transport: asyncio.SubprocessTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.SubprocessTransport)
        self._transport = transport

    def feed(self, transport: asyncio.SubprocessTransport, data: bytes) -> None:
        pipe = transport.get_pipe_transport(0)
        if isinstance(pipe, asyncio.WriteTransport):
            pipe.write(data)
            pipe.close()

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        self.output += data[: _OUTPUT - len(self.output)]
        pipe = self._transport.get_pipe_transport(1) if self._transport is not None else None
        if len(self.output) >= _OUTPUT and pipe is not None:
            pipe.close()

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        self._silent = self._silent or fd == 1
        self._check()

    def process_exited(self) -> None:
        if not self.exited.done():
            self.exited.set_result(None)
        self._check()

    def _check(self) -> None:
        if self._silent and self.exited.done() and not self.over.done():
            self.over.set_result(None)


async def run(
    command: str,
    data: bytes,
    environment: dict[str, str],
    *,
    uid: int,
    gid: int,
    directory: str,
    limit: float,
    utf8: bool = True,
) -> CommandOutcome:
    """Run ``command`` (a shell's, or a plain one that is executed without a shell) with ``data`` on its input.

    limit  seconds after which it is killed with everything it started (postconf(5) command_time_limit)
    utf8   as of `shown`
    """
    if not may_run(Identity(uid, gid)):
        return CommandOutcome("4.3.0", Remark.NO_RIGHTS, {"uid": uid})
    first = command.split()[:1]
    plain = bool(_SIMPLE.match(command)) and bool(first) and first[0] not in _BUILTIN
    arguments = command.split() if plain else ["/bin/sh", "-c", command]
    try:
        ended = await execute(Program(arguments, environment, Identity(uid, gid), directory), data, limit)
    except NotStarted as failure:
        return CommandOutcome("4.3.0", Remark.COMMAND_NOT_RUN, output=f"{failure.file}: {failure.reason}")
    return outcome(command, ended, utf8=utf8)


def shown(output: bytes, *, utf8: bool) -> str:
    """The output of a command as it is reported: on one line, up to a NUL; what cannot be printed is ``_``.

    utf8  whether characters beyond ASCII can be
    """
    output = output.partition(b"\0")[0].translate(_BLANKS)
    text = output.decode("utf-8" if utf8 else "ascii", "surrogateescape")
    return "".join(c if c >= " " and c != "\x7f" and not "\udc80" <= c <= "\udcff" else "_" for c in text)


def outcome(command: str, ended: Ended, *, utf8: bool = True) -> CommandOutcome:
    """What becomes of a message by the way in which a command ended.

    command  as it is named in reports
    utf8     as of `shown`
    """
    status, output = ended.status, shown(ended.output, utf8=utf8)
    if ended.late:
        return CommandOutcome("5.3.0", Remark.COMMAND_TIMEOUT, {"command": command}, output)
    if status == EX_OK:
        return CommandOutcome("2.0.0", Remark.COMMAND_DONE, {"command": command}, output)
    if status < 0:
        return CommandOutcome("4.3.0", Remark.COMMAND_SIGNAL, {"command": command, "number": -status}, output)
    if found := _STATUS.match(output):
        dsn = found[1] if output[0] != "2" else "5.0.0"
        return CommandOutcome(dsn, Remark.COMMAND_SAID, {"text": output[found.end() :]}, "", status)
    if status not in _DSN:
        return CommandOutcome("5.3.0", Remark.COMMAND_STATUS, {"command": command, "status": status}, output, status)
    return CommandOutcome(_DSN[status], Remark.COMMAND_EXIT, {"status": status}, output, status)


def diagnosis(found: CommandOutcome, say: Callable[..., str]) -> str:
    """What a report names as the reason: the output, or what the status means; "" where it is the text of the remark.

    say  the words for a remark
    """
    if found.output.strip():
        return found.output.strip()
    if found.remark is Remark.COMMAND_SAID:
        return str(found.facts["text"]).strip()
    if found.remark in (Remark.COMMAND_TIMEOUT, Remark.COMMAND_SIGNAL):
        return say(Remark.COMMAND_EXIT, status=_EX_SOFTWARE)
    if not found.status:
        return ""
    if found.remark is Remark.COMMAND_EXIT:
        return say(Remark.COMMAND_EXIT, status=found.status)
    return say(Remark.UNKNOWN_STATUS, status=found.status)


_BLANKS = bytes.maketrans(b"\t\n", b"  ")
