"""What sendmail's map tools share: getopt, messages, exit status, and the few things they read from sendmail.cf."""

from __future__ import annotations

import os
import re
import sys

from mailconf.files import Root

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

DEFAULT_CF = "/etc/mail/sendmail.cf"
EX_OK, EX_USAGE, EX_DATAERR, EX_NOINPUT, EX_UNAVAILABLE, EX_SOFTWARE, EX_CANTCREAT, EX_IOERR = (
    *(0, 64, 65, 66),
    *(69, 70, 73, 74),
)

_CF_LINE = 2047  # bytes of a line of sendmail.cf that are read at once
_MAP_LINE = re.compile(rb"K\s*\S+\s+(\S+)")
_OPTION_LINE = re.compile(rb"O(?: (\w+)[ \t]*=[ \t]*|A[ \t]*)(.*)", re.DOTALL)
_CLASS_W = re.compile(rb"([CF])(?:w|\{w\})\s*(?:-o\s+)?(.*)", re.DOTALL)
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


def getopt(program: str, arguments: list[str], letters: str) -> Iterator[tuple[str, str]]:
    """The options of ``arguments``, wherever they stand among the operands, as GNU's getopt(3) reads them.

    ``letters`` is getopt's own: a colon follows an option that takes a value. The operands are what is left in
    ``arguments`` at the end. A wrong option is told in getopt's words on standard error and yielded as ("?", letter).
    """
    operands: list[str] = []
    stops_early = "POSIXLY_CORRECT" in os.environ
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
                say(f"{program}: invalid option -- '{letter}'")
                yield "?", letter
            elif letters[at + 1 : at + 2] != ":":
                yield letter, ""
            elif rest or arguments:
                yield letter, rest or arguments.pop(0)
                rest = ""
            else:
                say(f"{program}: option requires an argument -- '{letter}'")
                yield "?", letter
    arguments[:0] = operands


class Cf:
    """A sendmail.cf as the map tools read it: a line at a time, continuation lines unknown.

    Lines that it does not know mean nothing to it.
    """

    def __init__(self, name: str, lines: list[tuple[int, bytes]]) -> None:
        self.name = name
        self._lines = lines

    @classmethod
    def read(cls, program: str, name: str, root: Root) -> Cf:
        """Raises Stop, as the originals do, when the file cannot be read."""
        try:
            with open(root.path(name), "rb") as file:  # noqa: PTH123 - Path.open is slower to start
                data = file.read()
        except IsADirectoryError:
            data = b""
        except OSError as failure:
            raise Stop(EX_NOINPUT, f"{program}: {name}: {failure.strerror}") from failure
        lines = data.split(b"\n")
        if max(map(len, lines)) >= _CF_LINE:
            lines = [line[at : at + _CF_LINE] for line in lines for at in range(0, len(line) or 1, _CF_LINE)]
        known = (b"C", b"F", b"K", b"O")
        return cls(name, [(n, line.partition(b"\0")[0]) for n, line in enumerate(lines, 1) if line[:1] in known])

    def option(self, name: bytes) -> list[str]:
        """The values of all lines that set the option ``name`` (lower case), in their order."""
        return [value for _, value in self.settings(name)]

    def settings(self, name: bytes) -> list[tuple[int, str]]:
        """The same, each with the number of its line."""
        values = []
        for number, line in self._lines:
            found = _OPTION_LINE.match(line) if line.startswith(b"O") else None
            if found and (found[1] or b"aliasfile").lower() == name:
                values.append((number, os.fsdecode(found[2])))
        return values

    def host_names(self, root: Root) -> set[bytes]:
        """The names of this machine, in lower case: class w, and what sendmail adds to it by itself.

        Departure: the name server is not asked for further names.
        """
        names = {b"localhost", os.fsencode(os.uname().nodename).lower()}
        if not any(value[:1].lower() in ("t", "y") for value in self.option(b"dontprobeinterfaces")):
            names.add(b"[127.0.0.1]")
        for _, line in self._lines:
            found = _CLASS_W.match(line)
            if found is None:
                continue
            words = found[2]
            if found[1] == b"F":
                try:
                    words = root.path(os.fsdecode(words.split()[0])).read_bytes()
                except (OSError, IndexError):
                    continue
                words = b"\n".join(word.partition(b"#")[0] for word in words.split(b"\n"))
            names.update(words.lower().split())
        return names

    def trusted_user(self) -> int | None:
        """The number of the user that maps shall belong to when root makes them; None for others and without one.

        A user that does not exist is told on standard error.
        """
        from pwd import getpwnam

        user = None
        for value in self.option(b"trusteduser"):
            number = _USER_NUMBER.match(value)
            try:
                user = int(number[0]) if number else getpwnam(value).pw_uid
            except KeyError:
                user = None
                say(f"TrustedUser: unknown user {value}")
        return user if os.geteuid() == 0 else None

    def map_type(self, name: str, *, base: bool) -> str | None:
        """The type of the first map whose file is ``name``; with ``base``, folders and suffixes do not count.

        That is what makemap's types ``cf`` and ``CF`` stand for. The file is the last word of the K line, in which
        there must be a space.
        """
        wanted = os.fsencode(name)
        for _, line in self._lines:
            found = _MAP_LINE.match(line)
            if found is not None and b" " in line.rstrip():
                file = line.split()[-1]
                if _same_base(file, wanted) if base else file == wanted:
                    return os.fsdecode(found[1])
        return None


def _same_base(file: bytes, name: bytes) -> bool:
    """Whether two paths are the same but for folders and suffixes, as makemap finds out: it looks at one place only."""
    base = name.rpartition(b"/")[2].partition(b".")[0]
    at = file.find(base)
    rest = file[at + len(base) :]
    starts = at == 0 or (at > 0 and file[at - 1 : at] == b"/")
    return bool(base) and starts and (not rest or rest.rfind(b".") == 0)
