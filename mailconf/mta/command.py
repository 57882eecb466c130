"""``|command`` deliveries: the message on a command's standard input, its exit status as the answer (local(8)).

A command runs under the identity of the recipient, or of nobody, with a small environment, for a limited time. What it
prints becomes part of the bounce. An exit status of sysexits.h has its own meaning, any other failure is permanent, a
signal is not. Without the privilege to become that user nothing is run: the message waits.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from mailconf.mta.journal import Remark
from mailconf.source import decode, encode

EX_OK = 0
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
_OUTPUT = 10_000  # bytes of output that are kept
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
    """dsn is "2.0.0" when the command took the message; ``output`` is what it printed, white space folded.

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


async def run(
    command: str, data: bytes, environment: dict[str, str], *, uid: int, gid: int, directory: str, limit: float
) -> CommandOutcome:
    """Run ``command`` (a shell's, or a plain one that is executed without a shell) with ``data`` on its input.

    limit  seconds after which it is killed with everything it started (postconf(5) command_time_limit)
    """
    me = os.geteuid()
    if me not in (0, uid):
        return CommandOutcome("4.3.0", Remark.NO_RIGHTS, {"uid": uid})
    first = command.split()[:1]
    plain = bool(_SIMPLE.match(command)) and bool(first) and first[0] not in _BUILTIN
    arguments = command.split() if plain else ["/bin/sh", "-c", command]
    try:
        process = await asyncio.create_subprocess_exec(
            *(encode(argument) for argument in arguments),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={encode(name): encode(value) for name, value in environment.items()},
            cwd=directory,
            start_new_session=True,
            umask=0o077,
            **_identity(me, uid, gid),
        )
    except OSError as error:
        return CommandOutcome("4.3.0", Remark.COMMAND_NOT_RUN, output=f"{arguments[0]}: {error.strerror}")
    try:
        output = await asyncio.wait_for(_talk(process, data), limit)
    except TimeoutError:
        return CommandOutcome("5.3.0", Remark.COMMAND_TIMEOUT, {"command": command})
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
    return _outcome(command, process.returncode or 0, " ".join(decode(output).split()))


def _identity(me: int, uid: int, gid: int) -> dict[str, Any]:
    """Arguments of subprocess.Popen; only root can and must change who it is."""
    return {"user": uid, "group": gid, "extra_groups": []} if me == 0 else {}


async def _talk(process: asyncio.subprocess.Process, data: bytes) -> bytes:
    """Feed the command, which need not read, and gather the beginning of its output."""

    async def feed() -> None:
        assert process.stdin is not None
        with contextlib.suppress(OSError):
            process.stdin.write(data)
            await process.stdin.drain()
        with contextlib.suppress(OSError):
            process.stdin.close()

    async def gather() -> bytes:
        assert process.stdout is not None
        kept = b""
        while chunk := await process.stdout.read(65536):
            kept = (kept + chunk)[:_OUTPUT]
        return kept

    _, output = await asyncio.gather(feed(), gather())
    await process.wait()
    return output


def _outcome(command: str, status: int, output: str) -> CommandOutcome:
    if status == EX_OK:
        return CommandOutcome("2.0.0", Remark.COMMAND_DONE, {"command": command})
    if status < 0:
        return CommandOutcome("4.3.0", Remark.COMMAND_SIGNAL, {"command": command, "number": -status}, output)
    if status not in _DSN:
        return CommandOutcome("5.3.0", Remark.COMMAND_STATUS, {"command": command, "status": status}, output, status)
    return CommandOutcome(_DSN[status], Remark.COMMAND_EXIT, {"status": status}, output, status)
