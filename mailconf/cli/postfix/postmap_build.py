"""``postmap FILE`` and ``postmap -i``: from text to map; ``postalias`` too."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import chain
from pathlib import Path
from time import time
from typing import TypedDict

from mailconf.arrays import arrays
from mailconf.cli.postfix.map_owner import as_owner_of
from mailconf.cli.postfix.postfix_tool import Messages, ToolFatal, shortened
from mailconf.cli.postfix.postmap_options import TableOptions
from mailconf.maps.build import write
from mailconf.maps.core.contents import NoContent, content
from mailconf.maps.core.opening import NotStored, Progress
from mailconf.postfix.parameters.releases import NO_DOMAIN_SAID, NULLS, NULLS_WARNED
from mailconf.source import decode
from mailconf.tables.lines import LineNumbers, NullLines
from mailconf.tables.packed import Packed, Packing, count_lines, is_large, read_into
from mailconf.tables.postmap import COLON, NO_VALUE, NOT_UTF8, NULL, ORPHAN, UNBALANCED, read_rows
from mailconf.tables.rows import Problems, RowProblem, Rows

# postmap's messages about a line; a problem of an alias file is named in postalias's own words.
_WORDS = {
    NOT_UTF8: 'non-UTF-8 input "{text}" -- ignoring this line',
    UNBALANCED: "unbalanced '\"' in '{text}' -- ignoring this line",
    NO_VALUE: "expected format: key whitespace value",
    COLON: 'record is in "key: value" format; is this an alias file?',
}

_NAMES = {"cdb": "{}", "lmdb": "lmdb:{}"}  # what each type calls its map when it warns of a duplicate

Pair = tuple[bytes, bytes]


class _How(TypedDict):
    """What `write_map` and `update_map` want to know beside the entries."""

    source: os.stat_result | None
    nul: bool | None
    duplicates: write.Duplicates
    progress: Progress | None
    warn: Callable[[str], None] | None


def build(kind: str, name: str, options: TableOptions, messages: Messages) -> None:
    """Make the map ``kind:name`` from the text ``name``, or with -i add standard input to it. Raises Fatal, ..."""
    Build(kind, name, options, messages).run()


class Build:
    def __init__(self, kind: str, name: str, options: TableOptions, messages: Messages) -> None:
        if options.tool.aliases:
            # Before the right to read our modules may be given up.
            from mailconf.tables import aliases, aliases_packed

            self.aliases = aliases
            self.aliases_packed = aliases_packed
        self.kind = kind
        self.name = name
        self.options = options
        self.messages = messages
        self.incremental = "i" in options.flags
        if self.incremental:  # before the right to read our modules may be given up
            from mailconf.maps.build import change

            self.change = change
        self.file = "stdin" if self.incremental else name
        self.replaces = options.repeated == "last"  # a later entry takes the place of an earlier one
        self.quiet = options.repeated != "warned"
        self.end = b""  # what keys and values end with already
        self.own: list[Pair] = []  # entries that take the place of the map's

    def run(self) -> None:
        if self.kind == "fail":
            return self._fail()
        if self.kind == "proxy":
            write.map_path(self.kind, Path(self.name))  # raises: not that way
        source = self.options.root.path(self.name)
        if not source.name:  # "", "." and "/"
            raise ToolFatal(f"open {self.name}: {os.strerror(errno.EISDIR if self.name else errno.ENOENT)}")
        self.data, status = self._content()
        target = write.map_path(self.kind, source)
        large = is_large(self.data) or (self.incremental and self.change.is_large_map(target))
        write.preload(self.kind, packed=self._plain and large)
        with as_owner_of(status, target, self.name, self.options) as new:
            self.line_number = LineNumbers(self.data)
            self.null_lines = NullLines(self.data)
            self._drop_empty(target)
            try:
                self._write(target, new)
            except NotStored as failure:
                raise ToolFatal(f"error updating {self.kind}:{self.name}: {failure.strerror}") from failure
            except OSError as failure:
                database = "" if self.options.root.exists(target) else "database "
                raise ToolFatal(f"open {database}{self._map_name()}: {failure.strerror}") from failure
        return None

    @property
    def _plain(self) -> bool:
        """Whether the entries may be written as they are read."""
        return "F" not in self.options.flags

    def _content(self) -> tuple[bytes, os.stat_result | None]:
        """The text, whatever its size, and the status of its file, where there is one."""
        root = self.options.root
        if not self.incremental:
            try:
                return root.load(self.name, sys.maxsize)
            except OSError as failure:
                raise ToolFatal(f"open {self.name}: {failure.strerror}") from failure
        try:
            data = sys.stdin.buffer.read()
        except OSError as failure:
            raise ToolFatal(f"read {self.file}: {failure.strerror}") from failure
        try:
            return data, root.stat(self.name)
        except OSError:
            return data, None

    def _drop_empty(self, target: Path) -> None:
        """A map of no bytes is no map: an interrupted libdb leaves such a file."""
        try:
            empty = self.options.root.stat(target).st_size == 0
        except OSError:
            return
        if empty:
            self.messages.warn(f"removing zero-length database file: {self._map_name()}")
            target.unlink()

    def _fail(self) -> None:
        """``fail:``: every attempt to write fails."""
        data, _ = self._content()
        if self.options.tool.aliases or read_rows(data, utf8=self.options.utf8).keys:
            raise ToolFatal(f"table fail:{self.name}: write error: Application error")

    def _addition(self, *, large_map: bool = False) -> write.Addition | None:
        """What reads the entries of a large text, or those for a large map; None where they have to be read singly.

        It puts what is wrong with lines into ``problems``.
        """
        if not self._plain or not (is_large(self.data) or large_map) or arrays() is None:
            return None
        data, utf8 = self.data, self.options.utf8
        problems = self.problems = Problems(data, places=False)
        if self.options.tool.aliases:
            end = self.end = write.stored_end(self.kind, self.options.nul)
            own = self.aliases.housekeeping(time(), self.options.hostname, end)
            room = self.aliases_packed.room(data, own)
            aliases = partial(self.aliases_packed.read_packed_aliases, utf8=utf8, fold=self._folded, end=end)
            read = partial(aliases, data=data, own=own, problems=problems, nulls=self._nulls)
            return write.Addition(read, b"", *room, ended=end, own=[key for key, _ in own])
        folded = "f" not in self.options.flags
        read = partial(read_into, data=data, utf8=utf8, folded=folded, problems=problems, nulls=self._nulls)
        return write.Addition(read, data, 0, count_lines(data) + 1)

    def _packed(self) -> Packed | None:
        """The entries of a large text, after their warnings if there are some."""
        addition = self._addition()
        if addition is None:
            return None
        packing = Packing(addition.text, addition.more, addition.most)
        if not addition.read(packing):
            return None
        packed = packing.packed()
        if not len(packed):
            self._tell(packed, 0, ())
            self.data = b""  # nothing is left to be read
            return None
        return write.counting(packed, self._counts, partial(self._tell, packed, 0)) if self.problems else packed

    def _folded(self, key: bytes) -> bytes:
        if "f" in self.options.flags:
            return key
        return key.lower() if key.isascii() else self.options.fold(key)

    def _tell(self, packed: Packed, first: int, repeated: Iterable[int]) -> None:
        """Report what is wrong with lines and which keys are ``repeated``, in the text's order.

        The text's entries are ``packed`` from number ``first`` on.
        """
        mistakes = iter(self.problems)
        mistake = next(mistakes, None)
        for number in chain(() if self.quiet else repeated, (len(packed),)):
            while mistake is not None and mistake.before + first <= number:
                self._problem(mistake)
                mistake = next(mistakes, None)
            if number < len(packed):
                self._duplicate(packed.key(number))
        self.problems.clear()  # they may take as much as the entries

    @property
    def _nulls(self) -> bool:
        """Whether there are NULs to be warned of."""
        return self.messages.version >= NULLS_WARNED and b"\0" in self.data

    def _rows(self) -> Rows:
        rows = self._read()
        self._fold(rows)
        if self.options.tool.aliases:
            self._join(rows)
        return rows

    def _read(self) -> Rows:
        nulls = self._nulls
        if self.options.tool.aliases:
            return self.aliases.read_alias_rows(self.data, utf8=self.options.utf8, nulls=nulls)
        return read_rows(self.data, utf8=self.options.utf8, places="F" in self.options.flags, nulls=nulls)

    def _join(self, rows: Rows) -> None:
        """Add postalias's own entries, of which not all end with a NUL: so all become what is stored."""
        end = self.end = write.stored_end(self.kind, self.options.nul)
        rows.keys = [key + end for key in rows.keys]
        rows.values = [value + end for value in rows.values]
        own = self.aliases.housekeeping(time(), self.options.hostname, end)
        if self.incremental:
            self.own = own
        else:
            rows.keys += [key for key, _ in own]
            rows.values += [value for _, value in own]

    @property
    def _counts(self) -> write.Duplicates:
        return write.Duplicates.LAST if self.replaces else write.Duplicates.FIRST

    def _map_name(self) -> str:
        return self.name + write.EXTENSIONS[self.kind]

    def _fold(self, rows: Rows) -> None:
        if "f" not in self.options.flags:
            rows.keys = list(map(self._folded, rows.keys))

    def _write(self, target: Path, status: os.stat_result | None) -> None:
        """Read and write the entries; warnings come in the order of the text."""
        how = _How(
            source=status,
            nul=False if self.options.tool.aliases else self.options.nul,
            duplicates=self._counts,
            progress=_progress(self.name),
            warn=self.messages.warn,
        )
        told = None if self.quiet else self._duplicate
        if self.incremental:
            addition = self._addition(large_map=self.change.is_large_map(target))
            if addition is not None and self.change.update_packed(self.kind, target, addition, self._tell, **how):
                return
        elif (packed := self._packed()) is not None:
            write.write_map(self.kind, target, packed, on_duplicate=told, **how)
            return
        rows = self._rows()
        easy = not rows.problems and "F" not in self.options.flags
        entries = zip(rows.keys, rows.values, strict=True) if easy else self._in_order(rows)
        if self.incremental:
            self.change.update_map(self.kind, target, entries, last=self.own, on_duplicate=told, **how)
        else:
            columns = write.Columns(rows.keys, rows.values) if easy else entries
            write.write_map(self.kind, target, columns, on_duplicate=told, **how)

    def _in_order(self, rows: Rows) -> Iterator[Pair]:
        problems = iter(rows.problems)
        problem = next(problems, None)
        seen: set[bytes] = set()
        for number, (key, value) in enumerate(zip(rows.keys, rows.values, strict=True)):
            while problem is not None and problem.before <= number:
                self._problem(problem)
                problem = next(problems, None)
            if "F" in self.options.flags:
                try:
                    value = content(value, self.options.root)
                except NoContent as missing:
                    line = self.line_number(rows.places[number].start)
                    self.messages.warn(f"{self.file}, line {line}: {missing}: skipping this entry")
                    continue
            if key in seen and not self.replaces:
                if not self.quiet:
                    self._duplicate(key)
                continue
            seen.add(key)
            yield key, value
        while problem is not None:
            self._problem(problem)
            problem = next(problems, None)

    def _problem(self, problem: RowProblem) -> None:
        if problem.kind == ORPHAN:
            text = decode(shortened(problem.text))
            text = f'{self.file}: logical line must not start with whitespace: "{text}"'
        elif problem.kind == NULL:
            text = f"{self.file}, line {self.null_lines.take(problem.line)}: {NULLS}"
        elif self._is_local_name(problem) and self.messages.version >= NO_DOMAIN_SAID:
            text = f"{self.file}, line {self.line_number(problem.line)}: {problem.kind} and have no domain"
        else:
            text = _WORDS.get(problem.kind, problem.kind).format(text=decode(problem.text))
            text = f"{self.file}, line {self.line_number(problem.line)}: {text}"
        self.messages.warn(text)

    def _is_local_name(self, problem: RowProblem) -> bool:
        return self.options.tool.aliases and problem.kind == self.aliases.NOT_LOCAL

    def _duplicate(self, key: bytes) -> None:
        name = _NAMES.get(self.kind, "{}.db").format(self.name)
        self.messages.warn(f'{name}: duplicate entry: "{decode(key.removesuffix(self.end))}"')


def _progress(name: str) -> Progress | None:
    if not sys.stderr.isatty():
        return None
    from mailconf.cli.shared.progress import bar

    return bar(name)
