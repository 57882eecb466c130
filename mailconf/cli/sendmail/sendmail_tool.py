"""What sendmail's map tools share: getopt, messages, exit status, and the few things they read from sendmail.cf."""

from __future__ import annotations

import os
import re
import sys

from mailconf.files import Tree
from mailconf.sendmail.cf.tools import ToolCf

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

DEFAULT_CF = "/etc/mail/sendmail.cf"
EX_OK, EX_USAGE, EX_DATAERR, EX_NOINPUT, EX_UNAVAILABLE, EX_SOFTWARE, EX_CANTCREAT, EX_IOERR = (
    *(0, 64, 65, 66),
    *(69, 70, 73, 74),
)

_USER_NUMBER = re.compile(r"[0-9]+")


class Stop(Exception):
    """The tool ends with ``status``; ``message`` (if any) goes to standard error."""

    def __init__(self, status: int, message: str = "") -> None:
        super().__init__(message)
        self.status = status


def say(text: str | bytes) -> None:
    """Write a line to standard error."""
    sys.stdout.flush()
    sys.stderr.buffer.write((text if isinstance(text, bytes) else os.fsencode(text)) + b"\n")
    sys.stderr.buffer.flush()


def getopt(
    program: str,
    arguments: list[str],
    letters: str,
    tell: Callable[[str], object] = say,
    *,
    anywhere: bool = True,
) -> Iterator[tuple[str, str]]:
    """The options of ``arguments``, ``anywhere`` among the operands or before them, as GNU's getopt(3) reads them.

    ``letters`` is getopt's own: a colon follows an option that takes a value. The operands are what is left in
    ``arguments`` at the end. A wrong option is yielded as ("?", letter), and ``tell`` gets getopt's message about it.
    """
    operands: list[str] = []
    stops_early = not anywhere or "POSIXLY_CORRECT" in os.environ
    while arguments:
        word = arguments.pop(0)
        if word == "--":
            break
        if len(word) < 2 or not word.startswith("-"):
            operands.append(word)
            if stops_early:
                break
            continue
        rest = word[1:]
        while rest:
            letter, rest = rest[0], rest[1:]
            at = letters.find(letter) if letter != ":" else -1
            if at < 0:
                tell(f"{program}: invalid option -- '{letter}'")
                yield "?", letter
            elif letters[at + 1 : at + 2] != ":":
                yield letter, ""
            elif rest or arguments:
                yield letter, rest or arguments.pop(0)
                rest = ""
            else:
                tell(f"{program}: option requires an argument -- '{letter}'")
                yield "?", letter
    arguments[:0] = operands


def valued(letters: str) -> str:
    """The options of ``letters``, getopt's own, that take a value."""
    return "".join(part[-1] for part in letters.split(":")[:-1])


def read_cf_data(program: str, name: str, root: Tree) -> bytes:
    """The bytes of a sendmail.cf. Raises Stop, as the originals do, when the file cannot be read."""
    try:
        return root.read(name)
    except IsADirectoryError:
        return b""
    except OSError as failure:
        raise Stop(EX_NOINPUT, f"{program}: {name}: {failure.strerror}") from failure


def read_tool_cf(program: str, name: str, root: Tree) -> ToolCf:
    """A sendmail.cf as the map tools read it. Raises Stop."""
    return ToolCf(name, read_cf_data(program, name, root))


def trusted_user(values: Iterable[str]) -> int | None:
    """The number of the user that maps shall belong to when root makes them, of the values of TrustedUser.

    None for others and without one. A user that does not exist is reported on standard error.
    """
    from pwd import getpwnam

    user = None
    for value in values:
        number = _USER_NUMBER.match(value)
        try:
            user = int(number[0]) if number else getpwnam(value).pw_uid
        except KeyError:
            user = None
            say(f"TrustedUser: unknown user {value}")
    return user if os.geteuid() == 0 else None
