"""Sources into the entries of maps; every mistake is reported and nothing is written.

What comes of it is something `Built`: for one target, the new file's content and what is to be remembered of it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from mailconf.arrays import arrays
from mailconf.build.plan import Target
from mailconf.build.state import Record, Stat, settled
from mailconf.diagnostics import Sink, error
from mailconf.files import Tree
from mailconf.maps.build.write import Duplicates, counting, write_map
from mailconf.maps.core.opening import Progress
from mailconf.source import Source, decode, encode
from mailconf.tables.entry import Entry
from mailconf.tables.postmap import fold, read_rows
from mailconf.tables.reader import report_duplicates

if TYPE_CHECKING:
    from mailconf.tables.check import Known
    from mailconf.tables.packed import Packed
    from mailconf.tables.rows import Progress as ReadProgress

BD002 = error("BD002", "a map's source cannot be read")
"""Why: the map cannot be built again, and the servers go on with the old one.

Example:
    a source that the user who builds may not read.

Remedy: let that user read the file, or build as root.

Source: postmap(1), makemap(8), which report the same.
"""


class Built(Protocol):
    """The new content of one target, not yet written."""

    @property
    def target(self) -> Target: ...

    @property
    def amount(self) -> str:
        """How much there is in it, for people: "5 entries"."""

    def stage(self, staged: Path, progress: Progress | None) -> None:
        """Write it to ``staged``, with the owner and mode that the target is to have. OSError passes to the caller."""

    def report(self, sink: Sink) -> None:
        """Report what is known only when it has been written; asked before that, it is found out."""

    def record(self, root: Tree) -> Record:
        """What is to be remembered of it, except for what only the finished file shows."""


@dataclass(slots=True)
class Compiled:
    """A map's content: folded keys, the first of duplicates; ``status`` is the source's, for owner and mode.

    ``digest`` and ``stat`` describe the source as it was (`mailconf.build.state`); ``nul`` is `write_map`'s.
    ``entries`` that are packed may have a key twice: ``keys`` is how many there are in the map that was written, and
    ``again`` reads the source once more.
    """

    target: Target
    entries: Packed | dict[bytes, bytes]
    status: os.stat_result
    digest: str
    stat: Stat
    nul: bool | None = None
    again: Callable[[], Sequence[Entry]] | None = None
    keys: int | None = None

    def __len__(self) -> int:
        return len(self.entries) if self.keys is None else self.keys

    @property
    def amount(self) -> str:
        return "1 entry" if len(self) == 1 else f"{len(self)} entries"

    def mapping(self) -> Mapping[bytes, bytes]:
        """The entries by their keys, without an object for each where there are many."""
        if isinstance(self.entries, dict):
            return self.entries
        from mailconf.maps.database.packed_table import PackedTable

        return PackedTable(counting(self.entries))

    def stage(self, staged: Path, progress: Progress | None) -> None:
        target = self.target
        entries = self.entries.items() if isinstance(self.entries, dict) else self.entries
        self.keys = write_map(
            target.type, target.target, entries, source=self.status, nul=self.nul, progress=progress, staged=staged
        )

    def report(self, sink: Sink) -> None:
        if self.again is None:
            return
        if self.keys is None:
            self.keys = len(self.mapping())
        if self.keys < len(self.entries):
            report_duplicates(self.again(), sink, _folded)

    def record(self, root: Tree) -> Record:
        return Record(self.target.type, root.inside(self.target.source), self.digest, self.stat, "")


def compile_targets(
    targets: Iterable[Target],
    root: Tree,
    sink: Sink,
    is_restriction: Known,
    progress: Callable[[str], ReadProgress] | None = None,
) -> list[Compiled]:
    """What each target is to hold. Mistakes in a text go to ``sink``; its other entries are read all the same.

    is_restriction  whether an access table may name a word as a restriction
    progress        makes a progress function for a source's name
    """
    compiled = []
    for target in targets:
        read = read_source(root, target, sink)
        if read is not None:
            part = progress(str(target.source)) if progress else None
            content, again = _large(target, read.data, sink, is_restriction, part), None
            if content is None:
                content = content_of(entries_of(target, read.data, sink, is_restriction, part))
            elif not isinstance(content, dict):
                again = partial(entries_of, target, read.data, Sink(), is_restriction)
            compiled.append(Compiled(target, content, read.status, read.digest, read.stat, again=again))
    return compiled


_MANY, _SOME = 50_000, 1 << 12  # entries that are worth numpy; how many of them are objects at a time


class Read(NamedTuple):
    """A source as it was read."""

    data: bytes
    status: os.stat_result
    stat: Stat

    @property
    def digest(self) -> str:
        import hashlib

        return hashlib.sha256(self.data).hexdigest()


def read_source(root: Tree, target: Target, sink: Sink) -> Read | None:
    """The source of a target; None, with a diagnostic, when it cannot be read."""
    try:
        now = time.time_ns()
        data, status = root.load(target.source)
    except OSError as failure:
        span = target.uses[0].span if target.uses else None
        message = f"{target.source_name} cannot be read: {failure.strerror}"
        sink.report(BD002, message, span, file=str(target.source), tree=root)
        return None
    return Read(data, status, settled(status, now))


def _large(
    target: Target, data: bytes, sink: Sink, is_restriction: Known, progress: ReadProgress | None
) -> Packed | dict[bytes, bytes] | None:
    """What the map of a large table is to hold, without an object for each entry; None where `entries_of` reports more.

    That is so where something is wrong with the form of the text. Whether a key occurs twice is not looked at
    where the entries come packed.
    """
    from mailconf.tables.packed import is_large, read_packed
    from mailconf.tables.plain import doubtful, lines_for
    from mailconf.tables.roles import check_table, table_role

    role = table_role(*target.roles)
    lines = lines_for(role) if is_large(data) else None
    if lines is None:
        return None
    packed = read_packed(data, utf8=True, folded=True, progress=progress)
    content: Packed | dict[bytes, bytes]
    if packed is None:
        rows = read_rows(data, progress=progress)
        content = dict(zip(map(fold, rows.keys), rows.values, strict=True))
        if rows.problems or len(content) != len(rows):
            return None
    else:
        content = packed
    check_table(role, doubtful(data, lines, str(target.source), role), sink, is_restriction)
    return content


def entries_of(
    target: Target, data: bytes, sink: Sink, is_restriction: Known, progress: ReadProgress | None = None
) -> Sequence[Entry]:
    """The entries of a target's source in its role, duplicates included; every mistake goes to ``sink``."""
    from mailconf.tables.roles import check_table, read_table, table_role

    role = table_role(*target.roles)
    entries = read_table(role, Source(str(target.source), decode(data)), sink, progress=progress)
    check_table(role, entries, sink, is_restriction)
    report_duplicates(entries, sink, _folded)
    return entries


def content_of(
    entries: Sequence[Entry],
    fold: Callable[[bytes], bytes] = fold,
    duplicates: Duplicates = Duplicates.FIRST,
    own: tuple[bytes, bytes] | None = None,
) -> Packed | dict[bytes, bytes]:
    """What a map is to hold; packed where there are many entries.

    fold        makes the keys of entries equal of which one counts; ``duplicates`` says which
    own         an entry that comes before the others
    """
    if len(entries) > _MANY and arrays() is not None:
        packed = _packed(entries, fold, duplicates, own)
        if packed is not None:
            return counting(packed, duplicates)
    content: dict[bytes, bytes] = dict([own] if own else [])
    for entry in entries:
        key, value = fold(encode(entry.key)), encode(entry.value)
        if duplicates is Duplicates.LAST or key not in content:
            content[key] = value
    return content


def _packed(
    entries: Sequence[Entry], fold: Callable[[bytes], bytes], duplicates: Duplicates, own: tuple[bytes, bytes] | None
) -> Packed | None:
    """The entries, of those that are near each other and have the same key one; None where a side is empty or has a
    NUL."""
    from mailconf.tables.packed import Packing

    found = Packing(b"", len(entries[0].source.text), len(entries) + 1)
    if own is not None:
        found.add_lists([own[0]], [own[1]])
    each = iter(entries)
    while some := list(islice(each, _SOME)):
        content: dict[bytes, bytes] = {}
        for entry in some:
            key, value = fold(encode(entry.key)), encode(entry.value)
            if not key or not value or b"\0" in key or b"\0" in value:
                return None
            if duplicates is Duplicates.LAST or key not in content:
                content[key] = value
        found.add_lists(list(content), list(content.values()))
    return found.packed()


def _folded(key: str) -> str:
    return decode(fold(encode(key)))
