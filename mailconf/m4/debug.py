"""Debugging output: the flags of debugmode, trace lines, the debug file.

Lines begin with ``m4trace:`` or ``m4debug:``; their forms are those of the manual, "Debugging".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO

from mailconf.m4.macros import Builtin

FLAGS = b"acefilpqtx"
DEFAULT = frozenset(b"aeq")
ALL = frozenset(FLAGS)


def flags(text: bytes) -> frozenset[int] | None:
    """The set of flags that ``text`` names; None if one is unknown. Empty text is the default."""
    if not text:
        return DEFAULT
    found = frozenset(text)
    if ord("V") in found:
        found = found - frozenset(b"V") | ALL
    return found if found <= ALL else None


class Debug:
    """What is shown, of which macros, and where: ``write`` takes each line."""

    def __init__(self, stderr: Callable[[bytes], object]) -> None:
        self._stderr = stderr
        self._file: BinaryIO | None = None
        self._discard = False
        self.flags: frozenset[int] = frozenset()
        self.traced: set[bytes] = set()
        self.length = 0  # longest piece of an argument or expansion that is shown; 0: all
        self.watching = False  # any trace line may be due
        self.changed = False  # debugmode has set other flags; without an argument it does not count

    def set_flags(self, new: frozenset[int]) -> None:
        self.flags = new
        self.changed = True
        self.look()

    def look(self) -> None:
        """After `traced` has changed."""
        self.watching = bool(self.traced) or ord("t") in self.flags

    def has(self, flag: str) -> bool:
        return ord(flag) in self.flags

    def traces(self, name: bytes) -> bool:
        return name in self.traced or ord("t") in self.flags

    def redirect(self, file: BinaryIO | None, discard: bool = False) -> None:
        """Send what follows to ``file``, to nowhere, or (neither) to standard error."""
        self.close()
        self._file = file
        self._discard = discard

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def write(self, text: bytes) -> None:
        if self._discard:
            return
        if self._file is not None:
            self._file.write(text)
            self._file.flush()
        else:
            self._stderr(text)

    def prefix(self, kind: bytes, file: bytes, line: int) -> bytes:
        """``m4trace:`` and as much of the place as the flags f and l ask for."""
        text = b"m4" + kind + b":"
        if file:  # no place is known at the command line
            if self.has("f"):
                text += file + b":"
            if self.has("l"):
                text += b"%d:" % line
        return text + b" "

    def cut(self, text: bytes) -> bytes:
        """An argument or expansion, no longer than asked for."""
        return text if not self.length or len(text) < self.length else text[: self.length] + b"..."

    def shown(self, value: bytes | Builtin, quote: bytes, unquote: bytes) -> bytes:
        """An argument as trace lines show it."""
        if isinstance(value, Builtin):
            return b"<" + value.name + b">"
        value = self.cut(value)
        return quote + value + unquote if self.has("q") else value
