"""What the map tools and the build need of a sendmail.cf, a line at a time.

The map tools know no continuation lines, as their originals; the build does (``is_folded``), as sendmail.

That is options, maps (``K`` lines), alias files and this machine's names (class w). Other lines mean nothing here.
"""

from __future__ import annotations

import os
import re
from typing import NamedTuple

from mailconf.sendmail.cf.mistakes import folded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from mailconf.files import Root

_CF_LINE = 2047  # bytes of a line of sendmail.cf that are read at once
_MAP_LINE = re.compile(rb"K\s*\S+\s+(\S+)")
_MAP = re.compile(rb"K\s*(\S+)\s+(\S+)\s+((?:-\S*\s+)*)((?!-)\S+)")
_OPTION_LINE = re.compile(rb"O(?: (\w+)[ \t]*=[ \t]*|A[ \t]*)(.*)", re.DOTALL)
_CLASS_W = re.compile(rb"([CF])(?:w|\{w\})\s*(?:-o\s+)?(.*)", re.DOTALL)
_ALIAS_FILE = re.compile(r"(?:(\w*):)?\s*((?:-\S*\s+)*)(.*)", re.DOTALL)


class MapLine(NamedTuple):
    """A map on a file: the number of its line, its name in the rules, its type, its flags, its file."""

    line: int
    name: str
    type: str
    flags: tuple[str, ...]
    file: str

    @property
    def has_nul(self) -> bool:
        """Whether keys and values end with a NUL."""
        return "-N" in self.flags and "-O" not in self.flags

    @property
    def is_optional(self) -> bool:
        return "-o" in self.flags


class CfLines:
    """The lines of a sendmail.cf, which is called ``name``; with ``is_folded``, as sendmail reads them."""

    def __init__(self, name: str, data: bytes, *, is_folded: bool = False) -> None:
        self.name = name
        self.data = data
        known = (b"C", b"F", b"K", b"O")
        if is_folded:
            self._lines = [(line.number, line.text) for line in folded(data) if line.letter in known]
            return
        self._lines = [
            (number, line[at : at + _CF_LINE].partition(b"\0")[0])
            for number, line in enumerate(data.split(b"\n"), 1)
            for at in range(0, len(line), _CF_LINE)
            if line[at : at + 1] in known
        ]

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

    def alias_specs(self) -> list[tuple[int, str]]:
        """The alias files as AliasFile names them (``hash:-o /etc/mail/lists``), each with the number of its line."""
        files = []
        for number, value in self.settings(b"aliasfile"):
            rest = value.lstrip()
            while rest:
                word, comma, rest = rest.partition(",")
                files.append((number, word.rstrip() if comma else word))
                rest = rest.lstrip()
        return files

    def alias_files(self) -> list[MapLine]:
        """The same, taken apart; one without a type is "implicit", and its entries end with a NUL (-N)."""
        files = []
        for number, spec in self.alias_specs():
            found = _ALIAS_FILE.fullmatch(spec)
            assert found is not None
            flags = tuple(found[2].split())
            kind = found[1]
            if kind is None:
                kind, flags = "implicit", (*flags, "-N")
            files.append(MapLine(number, "aliases", kind, flags, found[3]))
        return files

    def user_databases(self) -> list[MapLine]:
        """The files of UserDatabaseSpec, which are btree maps; what is no file is asked over a network."""
        return [
            MapLine(number, "userdb", "btree", ("-o",), word.removesuffix(".db"))
            for number, value in self.settings(b"userdatabasespec")
            for word in re.split(r"[\s,]+", value)
            if word.startswith("/")
        ]

    def maps(self) -> list[MapLine]:
        """The maps of the ``K`` lines that have a file."""
        found = ((number, _MAP.match(line)) for number, line in self._lines if line.startswith(b"K"))
        return [
            MapLine(number, os.fsdecode(m[1]), os.fsdecode(m[2]), tuple(os.fsdecode(m[3]).split()), os.fsdecode(m[4]))
            for number, m in found
            if m is not None
        ]

    def host_names(self, root: Root) -> set[bytes]:
        """The names of this machine, in lower case: class w, and what sendmail adds to it by itself.

        Departure: the name server is not asked for further names.
        """
        names = {b"localhost", os.fsencode(os.uname().nodename).lower()}
        if not any(value[:1].lower() in ("t", "y") for value in self.option(b"dontprobeinterfaces")):
            names.add(b"[127.0.0.1]")
        for words in self._class_w(root):
            names.update(words.lower().split())
        return names

    def _class_w(self, root: Root) -> Iterator[bytes]:
        for _, line in self._lines:
            found = _CLASS_W.match(line)
            if found is None:
                continue
            if found[1] == b"C":
                yield found[2]
                continue
            try:
                path = root.path(os.fsdecode(found[2].split()[0]))
                words = path.read_bytes() if path.is_file() else b""  # a pipe may never end
            except (OSError, IndexError):
                continue
            yield b"\n".join(word.partition(b"#")[0] for word in words.split(b"\n"))

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
