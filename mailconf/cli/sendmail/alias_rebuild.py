"""``sendmail -bi``, ``newaliases``: the maps of all alias files are made anew.

Each name goes through the rulesets, which say whether it is local. In a file of more than `MOST_ASKED` lines a name
that is one plain word is taken for local without them (docs/sendmail-command.md has the reason). A map is replaced
whole; the original truncates it first. Of a type that is no file of its own nothing is built.

Source: sendmail 8.17.1.9 -bi.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from mailconf.cli.sendmail.folders import queue_folder
from mailconf.cli.sendmail.sendmail_map import TYPES, Map, find_map
from mailconf.cli.sendmail.sendmail_tool import trusted_user
from mailconf.cli.sendmail.terminal import write
from mailconf.sendmail.safefile import Refused, Safety
from mailconf.tables import sendmail_aliases as syntax

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Literal

    from mailconf.cli.sendmail.startup import Start
    from mailconf.sendmail.rules.book import Rulebook
    from mailconf.sendmail.rules.maps import DefinedMap
    from mailconf.sendmail.rules.run import Engine

MOST_ASKED = 5000
# The order in which sendmail comes to the first alias files, by their numbers: that of its table of names.
ORDER = (8, 9, 2, 3, 0, 1, 6, 7, 4, 5)
_ENOENT = 2
_PLAIN = re.compile(rb"[A-Za-z0-9][A-Za-z0-9_-]*(?=[ \t]*:)")
# What sendmail prints of a byte: seven bits, or a question mark where they would be a control character.
_SEVEN_BITS = bytes(c if c < 0x80 else c & 0x7F if c >= 0xA0 else 0x3F for c in range(256))


def rebuild(begun: Start, book: Rulebook) -> int:
    """Make the maps of a configuration; the exit status."""
    from mailconf.cli.sendmail.startup import world_of
    from mailconf.sendmail.rules.run import Engine

    engine = Engine(book, world_of(begun.root, book), problems=begun.problems)
    group = "groupwritabledirpathsafe" not in book.blame
    Safety(begun.root, None, group=group, warn=_tell).warn_of_folders(queue_folder(book))
    for map_ in _maps(book):
        if map_.kind.name in TYPES:
            _AliasFile(begun, engine, map_).rebuild()
    return begun.problems.status


def _maps(book: Rulebook) -> Iterator[DefinedMap]:
    found = {map_.name: map_ for map_ in book.maps.values() if map_.alias and map_.valid}
    for number in (*ORDER, *range(len(ORDER), max(len(ORDER), len(found)))):
        map_ = found.get(f"Alias{number}")
        if map_ is not None:
            yield map_


class _AliasFile:
    """One alias file."""

    def __init__(self, begun: Start, engine: Engine, map_: DefinedMap) -> None:
        self._root = begun.root
        self._problems = begun.problems
        self._engine = engine
        self._map = map_
        self._file = map_.file
        self._path = os.path.join(queue_folder(engine.book), map_.file)  # noqa: PTH118
        self._blame = engine.book.blame
        options = engine.book.options
        self._trusted = trusted_user([options["TrustedUser"]] if "TrustedUser" in options else [])

    def rebuild(self) -> None:
        """Make its map, or say why not."""
        data = self._read()
        if data is None:
            return
        folders: Literal["warn", "refuse"] = "warn" if "mapinunsafedirpath" in self._blame else "refuse"
        group = "groupwritabledirpathsafe" not in self._blame
        safety = Safety(self._root, self._trusted, folders=folders, group=group, warn=_tell)
        try:
            name = self._path
            target = find_map(self._map.kind.name, name, safety, self._root, write=True, create=True, new=True)
            self._write(target, data)
        except (Refused, OSError):
            _tell(f"WARNING: cannot open alias database {self._file}")
            self._problems.system(f"Cannot create database for alias file {self._file}")

    def _read(self) -> bytes | None:
        alone = 0o022
        for name, bit in (("groupwritablealiasfile", 0o020), ("worldwritablealiasfile", 0o002)):
            if name in self._blame:
                alone &= ~bit
        group = "groupwritabledirpathsafe" not in self._blame
        shared = alone != 0o022
        safety = Safety(
            self._root, self._trusted, links=True, shared=shared, alone=alone, group=group, warn=lambda _: None
        )
        try:
            safety.check(self._path, write=False, create=False)
            return self._root.read(self._path)
        except (Refused, OSError) as reason:
            missing = isinstance(reason, Refused) and reason.number == _ENOENT
            if not (self._map.flags.optional and missing):
                words = reason.strerror if isinstance(reason, OSError) else str(reason)
                _tell(f"newaliases: cannot open {self._file}: {words}")
            return None

    def _has_nul(self) -> bool:
        """Whether keys and values end with a NUL: with -N, and where AliasFile names no type, if there is no -O."""
        flags = self._map.flags
        return flags.nul and (not flags.plain or self._map.name in self._engine.book.untyped_aliases)

    def _write(self, target: Map, data: bytes) -> None:
        from mailconf.maps.build.write import Columns, write_map

        aliases = Aliases(self._engine, self._file)
        with target.locked():
            aliases.read(data)
            table = aliases.table
            at = table.pop(b"@", b"@")
            columns = Columns([b"@", *table], [at, *table.values()])
            table.clear()  # while the map is written there need not be both
            source = target.status(self._trusted, umask=0)
            write_map(target.kind, target.path, columns, source=source, nul=self._has_nul())
        count, longest, total = aliases.count, aliases.longest, aliases.total
        _tell(f"{self._file}: {count} aliases, longest {longest} bytes, {total} bytes total")


class Aliases:
    """The content of an alias file: names as the rulesets have them, and values as they are written."""

    def __init__(self, engine: Engine, file: str) -> None:
        self.table: dict[bytes, bytes] = {}
        self.count = self.longest = self.total = 0
        self._engine = engine
        self._problems = engine.problems
        self._file = file

    def read(self, data: bytes) -> None:
        """Read all lines; what is wrong with one is reported with its number."""
        asks = data.count(b"\n") <= MOST_ASKED
        for line in syntax.alias_lines(data):
            self._problems.place = f"{self._file}: line {line.number}"
            if line.problem:
                self._problems.system(line.problem)
            else:
                self._line(line.text, asks)
        self._problems.place = self._problems.subject = ""

    def _line(self, line: bytes, asks: bool) -> None:
        from mailconf.model.world import run
        from mailconf.sendmail.rules.aliases import read_entry

        plain = None if asks else _PLAIN.match(line)
        if plain is not None and plain[0].lower() != b"postmaster":
            name, value, written = plain[0].lower(), syntax.value_of(line), plain[0]
            if not value:
                self._problems.system(f"{line[:40].decode('latin-1')}... missing value for alias")
                return
        else:
            entry = run(read_entry(self._engine, line.decode("latin-1")))
            if entry is None:
                return
            name, value = entry.name.encode("latin-1").lower(), entry.value.encode("latin-1")
            written = entry.written.encode("latin-1")
        if name in self.table:
            self._problems.subject = written.decode("latin-1")
            self._problems.remark(f"Warning: duplicate alias name {name.decode('latin-1')}")
        self.table[name] = value
        self.count += 1
        self.longest = max(self.longest, len(value))
        self.total += len(name) + len(value)


def _tell(text: str | bytes) -> None:
    data = text if isinstance(text, bytes) else os.fsencode(text)
    write(data.translate(_SEVEN_BITS).decode("latin-1") + "\n")
