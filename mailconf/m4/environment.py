"""What a run of m4 may touch, and how much it may use.

An `Environment` answers every request of the macros to the world outside: reading a file (include, sinclude,
undivert), writing one (debugfile), creating one (mkstemp, maketemp), running a command (syscmd, esyscmd). The base
class refuses everything. `System` is m4 as it is; `Confined` reads below given folders only and answers the commands
that it is given, and is what build and check use.

A `Budget` bounds a run: macro calls, nesting of calls, bytes produced. None means no bound.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Mapping
from typing import BinaryIO, NamedTuple

_LETTERS = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


class Denied(OSError):
    """The environment refuses; its text names what was refused."""


class Budget(NamedTuple):
    """Bounds of a run. ``steps``: macro calls and, in proportion, the work of pattern matching; ``depth``: calls that
    collect arguments inside one another (with a bound, no more than a hundred files include one another); ``size``:
    bytes that calls, files and commands produce, and messages."""

    steps: int | None = 2_000_000
    depth: int | None = 5_000
    size: int | None = 64 << 20


UNBOUNDED = Budget(None, None, None)


class Environment:
    """Refuses everything. Every method raises `Denied`, or OSError where the request itself fails."""

    def read(self, path: bytes) -> bytes:
        """The contents of a file."""
        raise Denied(f"reading {os.fsdecode(path)} is not allowed")

    def append(self, path: bytes) -> BinaryIO:
        """A file opened for appending."""
        raise Denied(f"writing {os.fsdecode(path)} is not allowed")

    def temporary(self, prefix: bytes) -> bytes:
        """The name of a new empty file: ``prefix`` and six characters."""
        raise Denied(f"creating {os.fsdecode(prefix)} is not allowed")

    def run(self, command: bytes, capture: bool) -> tuple[int, bytes]:
        """Run a shell command; its wait status as `subprocess` gives it, and its output if ``capture``."""
        raise Denied(f"running a command is not allowed: {os.fsdecode(command)}")


class System(Environment):
    """Allows everything, as m4 itself does."""

    def read(self, path: bytes) -> bytes:
        with open(path, "rb") as file:  # noqa: PTH123 - pathlib would cost every start a few milliseconds
            return file.read()

    def append(self, path: bytes) -> BinaryIO:
        return open(path, "ab")  # noqa: PTH123

    def temporary(self, prefix: bytes) -> bytes:
        while True:
            path = prefix + bytes(_LETTERS[code % len(_LETTERS)] for code in os.urandom(6))
            try:
                os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
            except FileExistsError:
                continue
            return path

    def run(self, command: bytes, capture: bool) -> tuple[int, bytes]:
        import subprocess

        output = subprocess.PIPE if capture else None
        done = subprocess.run([b"sh", b"-c", command], executable="/bin/sh", stdout=output, check=False)
        return done.returncode, done.stdout or b""


class Confined(Environment):
    """Reads files below ``folders``; answers the commands in ``answers`` with their output; refuses the rest."""

    def __init__(self, folders: Iterable[str | os.PathLike[str]], answers: Mapping[bytes, bytes] | None = None) -> None:
        self._folders = [os.path.realpath(os.fsencode(folder)).rstrip(b"/") + b"/" for folder in folders]
        self.answers = dict(answers or {})

    def read(self, path: bytes) -> bytes:
        real = os.path.realpath(path)
        if not any(real.startswith(folder) for folder in self._folders):
            return super().read(path)
        if not stat.S_ISREG(os.stat(real).st_mode):  # noqa: PTH116 - a device or pipe may never end
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        with open(real, "rb") as file:  # noqa: PTH123
            return file.read()

    def run(self, command: bytes, capture: bool) -> tuple[int, bytes]:
        if command not in self.answers:
            return super().run(command, capture)
        return 0, self.answers[command]
