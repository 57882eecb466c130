"""``makemap``: builds and lists maps for sendmail from standard input, as makemap(8) of sendmail 8.17 does.

Options, messages and exit status are the original's (Debian's build: types hash, btree and implicit); ``--root DIR``
(ours) reads and writes every absolute path below DIR. Departures:

- A map is replaced whole, never written in place: the original truncates it first, and a crash leaves a torn one.
  Hence a map in a folder that the caller may not write cannot be replaced, and with ``-s`` another name of the same
  file (a hard link) keeps the old map, which is reported.
- ``-c`` is accepted and means nothing: there is no cache to size.
"""

from __future__ import annotations

import errno
import os
import sys
from contextlib import suppress
from functools import partial
from itertools import chain
from typing import TypedDict

from mailconf.cli.sendmail.sendmail_tool import (
    DEFAULT_CF,
    EX_CANTCREAT,
    EX_DATAERR,
    EX_IOERR,
    EX_OK,
    EX_USAGE,
    Stop,
    getopt,
    read_tool_cf,
    say,
    trusted_user,
    valued,
)
from mailconf.cli.shared.own_options import take_root
from mailconf.source import encode
from mailconf.tables.makemap import LEADING_SPACE, LIMIT, TOO_LONG, Format, Row, read_easy, read_rows

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mailconf.cli.sendmail.sendmail_map import Map
    from mailconf.files import Tree
    from mailconf.maps.build.write import Duplicates
    from mailconf.maps.core.opening import Progress
    from mailconf.sendmail.cf.tools import ToolCf
    from mailconf.tables.makemap_packed import PackedRows
    from mailconf.tables.packed import Packed

LETTERS = "C:D:Nc:defi:Llorst:uvx"
USAGE = """\
Usage: {0} [-C cffile] [-N] [-c cachesize] [-D commentchar]
       {1} [-d] [-e] [-f] [-i type] [-l] [-o] [-r] [-s] [-t delimiter]
       {1} [-u] [-v] type mapname"""
_LISTS = {
    "l": "hash\nbtree\nimplicit\n",
    "L": "cf\nCF\nhash\nbtree\nimplicit\n",
    "x": "hash:db\nbtree:db\nimplicit:\n",
}
_PREFIX = "makemap"  # of messages, except for getopt's, which name the program as it was called

Pair = tuple[bytes, bytes]


class _How(TypedDict):
    """What `write_map` and `update_map` want to know beside the entries."""

    source: os.stat_result
    nul: bool
    duplicates: Duplicates
    progress: Progress | None


class MakemapOptions:
    def __init__(self, root: Tree) -> None:
        self.root = root
        self.flags: set[str] = set()
        self.cf = DEFAULT_CF
        self.fallback: str | None = None
        self.delimiter = b""
        self.comment = b"#"

    def __contains__(self, flag: str) -> bool:
        return flag in self.flags

    @property
    def format(self) -> Format:
        return Format(self.delimiter, self.comment, "e" in self)


def run(name: str, arguments: list[str]) -> int:
    """Run ``makemap arguments``; ``name`` is what the program was called as. The exit status."""
    arguments = list(arguments)
    options = MakemapOptions(take_root(arguments, valued(LETTERS)))
    try:
        _parse(name, arguments, options)
        kind, map_name = arguments
        trusted = None
        # Of an ordinary user the original reads the configuration only where the type comes from it.
        if os.geteuid() == 0 or kind in ("cf", "CF"):
            cf = read_tool_cf(_PREFIX, options.cf, options.root)
            trusted = trusted_user(cf.option(b"trusteduser"))
            if kind in ("cf", "CF", ""):
                kind = _configured_type(kind, map_name, cf, options)
        return _run(kind, map_name, trusted, options)
    except Stop as stop:
        if str(stop):
            say(str(stop))
        return stop.status


def _parse(name: str, arguments: list[str], options: MakemapOptions) -> None:
    for letter, value in getopt(name, arguments, LETTERS):
        if letter in _LISTS:
            sys.stdout.write(_LISTS[letter])
            raise Stop(EX_OK)
        if letter == "?":
            raise Stop(EX_USAGE, _usage())
        if letter == "C":
            options.cf = value
        elif letter == "i":
            options.fallback = value or None
        elif letter == "t" and not value:
            say("Invalid separator")
        elif letter == "t":
            options.delimiter = encode(value)[:1]
        elif letter == "D":
            options.comment = encode(value)[:1]
        else:
            options.flags.add(letter)
    if len(arguments) != 2:
        raise Stop(EX_USAGE, _usage())


def _usage() -> str:
    return USAGE.format(_PREFIX, " " * len(_PREFIX))


def _configured_type(kind: str, name: str, cf: ToolCf, options: MakemapOptions) -> str:
    """The type that sendmail.cf has for the map: makemap's types ``cf`` and ``CF``."""
    found = cf.map_type(name, base=kind == "CF") if kind else None
    if found is not None:
        return found
    missing = f"{_PREFIX}: mapfile {name}: not found in {cf.name}"
    if options.fallback is None:
        raise Stop(EX_DATAERR, missing)
    if "v" in options:
        say(f"{missing}, using fallback {options.fallback}")
    return options.fallback


def _run(kind: str, name: str, trusted: int | None, options: MakemapOptions) -> int:
    from mailconf.cli.sendmail.sendmail_map import cannot_open, find
    from mailconf.sendmail.safefile import Safety

    safety = Safety(options.root, trusted, links="s" in options, warn=say)
    lists, appends = "u" in options, "o" in options
    found = find(
        _PREFIX,
        kind,
        name,
        safety,
        options.root,
        write=not lists,
        create=not (lists or appends),
        new=not (lists or appends),
    )
    if appends and "d" in options and not found.repeats:
        raise cannot_open(_PREFIX, kind, name)
    if lists:
        return _list(found, kind, name, options)
    from mailconf.files import TreePlace

    place = TreePlace(found.path)
    if options.root.exists(place) and options.root.stat(place).st_nlink > 1:
        say(f"{_PREFIX}: {name}: the file has other names: they keep the old map")
    return Build(found, kind, name, trusted, options).run()


def _list(found: Map, kind: str, name: str, options: MakemapOptions) -> int:
    """``-u``: the content, in the file's order."""
    from mailconf.cli.sendmail.sendmail_map import DAMAGED, open_old
    from mailconf.maps.core.table import TemporaryFailure

    database = open_old(_PREFIX, found, kind, name)
    separator = options.delimiter or b"\t"
    lines: list[bytes] = []
    try:
        for key, value in database.items():
            lines.append(key.partition(b"\0")[0] + separator + value.partition(b"\0")[0] + b"\n")
            if len(lines) > 10_000:
                sys.stdout.buffer.write(b"".join(lines))
                lines.clear()
    except (OSError, TemporaryFailure) as failure:
        raise Stop(EX_IOERR, f"{_PREFIX}: close({name}): {DAMAGED}") from failure
    finally:
        database.close()
        sys.stdout.buffer.write(b"".join(lines))
    return EX_OK


_FOLDED = 1 << 16  # keys that are folded at once


class Build:
    """A map built or, with ``-o``, added to."""

    def __init__(self, target: Map, kind: str, name: str, trusted: int | None, options: MakemapOptions) -> None:
        self.target = target
        self.kind = kind
        self.name = name
        self.trusted = trusted
        self.options = options
        self.failed = False
        self._at = 0, b""  # line and key of the entry that is being stored

    def run(self) -> int:
        from mailconf.maps.core.table import TemporaryFailure

        data = sys.stdin.buffer.read()
        try:
            with self.target.locked():
                self._write(data)
        except (OSError, TemporaryFailure) as failure:
            reason = failure.strerror if isinstance(failure, OSError) else os.strerror(errno.EINVAL)
            raise Stop(
                EX_CANTCREAT, f"{_PREFIX}: error opening type {self.kind} map {self.name}: {reason}"
            ) from failure
        return EX_DATAERR if self.failed else EX_OK

    def _write(self, data: bytes) -> None:
        from mailconf.maps.build.change import update_map
        from mailconf.maps.build.write import Columns, DuplicateKey, Duplicates, write_map

        replaces = "r" in self.options
        how = _How(
            source=self.target.status(self.trusted),
            nul="N" in self.options,
            duplicates=Duplicates.LAST if replaces else Duplicates.FIRST,
            progress=_progress(self.name),
        )
        kind, path = self.target.kind, self.target.path
        if "d" in self.options or self.target.repeats:
            if "o" not in self.options and self._write_distinct(data, how):
                return
        elif self._write_packed(data, how):
            return
        rows = self._rows(data)
        if "o" in self.options and not self.target.repeats:
            told = None if replaces else (lambda _: self._duplicate())
            update_map(kind, path, rows, on_duplicate=told, **how)
            return
        if "d" in self.options or self.target.repeats:
            self._write_repeated(rows)
            return
        easy = None if "v" in self.options else read_easy(data, self.options.format)
        if easy is not None:
            columns = Columns(*easy)
            if "f" not in self.options:
                for at in range(0, len(columns.keys), _FOLDED):  # so that there are not all of them twice
                    columns.keys[at : at + _FOLDED] = [key.lower() for key in columns.keys[at : at + _FOLDED]]
            with suppress(DuplicateKey):
                write_map(kind, path, columns, on_duplicate=None if replaces else _stop, **how)
                return
            del easy, columns
        table: dict[bytes, bytes] = {}
        for key, value in rows:
            if key in table and not replaces:
                self._duplicate()
            else:
                table[key] = value
        write_map(kind, path, Columns(list(table), list(table.values())), **how)

    def _write_packed(self, data: bytes, how: _How) -> bool:
        """Write the entries of a large text; False where they have to be read singly."""
        from mailconf.maps.build.change import is_large_map, update_packed
        from mailconf.maps.build.write import Addition, DuplicateKey, counting, write_map
        from mailconf.tables.makemap_packed import packed_rows, read_packed_rows

        kind, path, replaces = self.target.kind, self.target.path, "r" in self.options
        folded = "f" not in self.options
        if "o" in self.options:
            rows = packed_rows(data, self.options.format, large_map=is_large_map(path))
            if rows is None:
                return False
            addition = Addition(partial(rows.read, folded=folded), b"", *rows.room)
            return update_packed(kind, path, addition, partial(self._tell_all, rows), **how)
        rows = read_packed_rows(data, self.options.format, folded=folded)
        if rows is None:
            return False
        self._show(rows.packed, 0)
        if next(rows.mistakes(), None) is None:
            with suppress(DuplicateKey):
                write_map(kind, path, rows.packed, on_duplicate=None if replaces else _stop, **how)
                return True
        kept = counting(rows.packed, how["duplicates"], partial(self._tell, rows, rows.packed, 0))
        write_map(kind, path, kept, **how)
        return True

    def _write_distinct(self, data: bytes, how: _How) -> bool:
        """A map whose keys may repeat, of a large text in which none does; False where it has to be read singly."""
        from mailconf.maps.build.write import write_distinct
        from mailconf.maps.database.packed import repeats
        from mailconf.tables.makemap_packed import read_packed_rows

        rows = read_packed_rows(data, self.options.format, folded="f" not in self.options)
        if rows is None or len(repeats(rows.packed, ends=False)[0]):
            return False
        if not write_distinct(self.target.kind, self.target.path, rows.packed, nul=how["nul"], source=how["source"]):
            return False
        self._tell_all(rows, rows.packed, 0, ())
        return True

    def _show(self, packed: Packed, first: int) -> None:
        """``-v``: the entries from number ``first`` on."""
        if "v" in self.options:
            for number in range(first, len(packed)):
                sys.stdout.buffer.write(b"key=`%b', val=`%b'\n" % (packed.key(number), packed.value(number)))

    def _tell_all(self, rows: PackedRows, packed: Packed, first: int, repeated: Iterable[int]) -> None:
        self._show(packed, first)
        self._tell(rows, packed, first, repeated)

    def _tell(self, rows: PackedRows, packed: Packed, first: int, repeated: Iterable[int]) -> None:
        """Report the mistakes of ``rows`` and the ``repeated`` entries, in the text's order.

        Those of the text are ``packed`` from number ``first`` on.
        """
        mistakes = rows.mistakes()
        mistake = next(mistakes, None)
        for number in chain(() if "r" in self.options else repeated, (len(packed),)):
            while mistake is not None and mistake[0] + first <= number:
                row = mistake[1]
                self._mistake(row, row.key if "f" in self.options else row.key.lower())
                mistake = next(mistakes, None)
            if number < len(packed):
                self._at = rows.lines[number - first], packed.key(number)
                self._duplicate()

    def _write_repeated(self, rows: Iterator[Pair]) -> None:
        """A map whose keys may repeat. Without ``-d`` it is one that was made with it, and ``-r`` adds values, too."""
        adds = "d" in self.options or "r" in self.options
        end = b"\0" if "N" in self.options else b""
        table = self.target.contents() if "o" in self.options else {}
        for key, value in rows:
            values = table.setdefault(key + end, [])
            if values and not adds:
                self._duplicate()
            else:
                values.append(value + end)
        self.target.repeats = True
        self.target.save(table, self.trusted)

    def _rows(self, data: bytes) -> Iterator[Pair]:
        """The entries, keys folded; mistakes are reported as they come."""
        for row in read_rows(data, self.options.format):
            key = row.key if "f" in self.options else row.key.lower()
            if row.problem:
                self._mistake(row, key)
                continue
            if "v" in self.options:
                sys.stdout.buffer.write(b"key=`%b', val=`%b'\n" % (key, row.value))
            self._at = row.line, key
            yield key, row.value

    def _mistake(self, row: Row, key: bytes) -> None:
        if row.problem == TOO_LONG:
            text = b"line too long (%d bytes max)" % LIMIT
        elif row.problem == LEADING_SPACE:
            text = b"syntax error (leading space)"
        else:
            text = b"no RHS for LHS %b" % key
        self._complain(row.line, text)

    def _duplicate(self) -> None:
        """The entry at hand has a key that the map has."""
        line, key = self._at
        self._complain(line, b"key %b: duplicate key" % key)

    def _complain(self, line: int, text: bytes) -> None:
        self.failed = True
        say(b"%b: %b: line %d: %b" % (_PREFIX.encode(), encode(self.name), line, text))


def _stop(key: bytes) -> None:
    from mailconf.maps.build.write import DuplicateKey

    raise DuplicateKey(key)


def _progress(name: str) -> Progress | None:
    if not sys.stderr.isatty():
        return None
    from mailconf.cli.shared.progress import bar

    return bar(name)
