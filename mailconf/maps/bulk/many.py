"""Many keys of tables looked up together, and the work divided between two processes (``postmap -q -``).

Nothing here reports anything. Where something is to be reported, and where a table takes one key at a time, the keys
are left to be looked up singly. There are two ways:

- The library of the table's type finds them (`mailconf.maps.core.table.LibraryTable`). It trusts the file:
  it is asked in processes of their own, and what they give counts when all of them have come to their end.
- Our own readers, which believe nothing, find each one part in this process and one in another.
"""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from itertools import compress
from typing import cast

from mailconf.maps.bulk.beside import apart, beside, processors
from mailconf.maps.bulk.keys import keys_of
from mailconf.maps.core.table import WHOLE, BulkTable, LibraryTable, TemporaryFailure, UnsupportedMap
from mailconf.maps.core.utf8 import is_utf8

TYPE_CHECKING = False
if TYPE_CHECKING:
    from array import array
    from collections.abc import Callable, Iterator

    from mailconf.maps.core.table import AskedLibrary, LookupTable, Share

SHARED = 20_000  # keys that are worth a second process
FIRST = (20, 500, 5000)  # of those, looked up before, until the table knows whether the keys of the file end with a NUL
OURS = 0.51  # of the work; the other process also has to hand over what it found
CPU_SECONDS = 2  # for a library, which needs a tenth of one for SHARED keys
MEMORY = 8 << 30  # bytes of address space for it, in which the map lies too
TOGETHER = 1 << 12  # lines of output that are made at a time
BLOCK = 1 << 16  # bytes of keys whose lines are counted at a time
ROOM = 64  # bytes of output for a byte of the keys


class ManyKeys:
    """Keys of a search in some tables.

    count, table  how many tables there are, and what opens one of them by its number
    line          what is output for a key and its value, without a newline
    utf8          whether keys and values have to be UTF-8
    by_library    whether a library may be asked
    """

    def __init__(
        self,
        count: int,
        table: Callable[[int], LookupTable],
        line: Callable[[tuple[bytes, bytes]], bytes],
        *,
        utf8: bool,
        by_library: bool,
    ) -> None:
        self._count = count
        self._table = table
        self._line = line
        self._utf8 = utf8
        self._by_library = by_library

    def written(self, keys: bytes, write: Callable[[bytes | memoryview], object]) -> bool | None:
        """``write`` the output for the keys on the lines of a text, where the library of the only table finds them.

        Whether there was any; None, and nothing written, where it is not for the library.
        """
        if self._count > 1 or not self._by_library or b"\0" in keys or not _are_many(keys):
            return None
        table = self._table(0)
        if not isinstance(table, LibraryTable) or (self._utf8 and not is_utf8(keys)):
            return None
        first = 0
        output: list[bytes | memoryview] = []
        for count in FIRST:
            at = first
            for _ in range(count):
                first = keys.index(b"\n", first) + 1
            teaching = self.texts(keys_of(keys[at:first]))
            if teaching is None:
                return None
            output += teaching
            if table.edition is not None:
                break
        middle = keys.index(b"\n", (first + len(keys)) // 2) + 1 if processors() > 1 else first
        try:
            with table.by_library() as ask, ExitStack() as stack:
                if ask is None:
                    return None
                answers = [
                    stack.enter_context(
                        apart(partial(self._found, ask, keys, start, stop), ROOM * len(keys), CPU_SECONDS, MEMORY)
                    )
                    for start, stop in ((first, middle), (middle, len(keys)))
                    if start < stop
                ]
                for answer in answers:
                    text = answer()
                    if text is None:
                        return None
                    output.append(text)
                for some in output:
                    write(some)
                return any(map(len, output))
        except TemporaryFailure:
            return None

    def _found(self, ask: AskedLibrary, keys: bytes, start: int, stop: int) -> Iterator[bytes]:
        """The output for a part of ``keys``, found in this process. Raises any exception."""
        while start < stop:
            end = keys.index(b"\n", min(start + ask.at_once, stop - 1)) + 1
            lines, values = ask(keys[start:end])
            if b"" in values:
                raise ValueError  # to be warned about
            text = self._output(lines, values)
            if b"\0" in text or (self._utf8 and not is_utf8(text)):
                raise ValueError
            yield text
            start = end

    def texts(self, keys: list[bytes]) -> list[bytes] | None:
        """The output for ``keys`` in pieces, or None."""
        if self._utf8 and not all(map(bytes.isascii, keys)) and not is_utf8(b"\n".join(keys)):
            return None
        try:
            values = self._values(keys)
        except (TemporaryFailure, UnsupportedMap):
            return None
        if values is None:
            return None
        texts = []
        for at in range(0, len(keys), TOGETHER):
            text = self._output(keys[at : at + TOGETHER], values[at : at + TOGETHER])
            if self._utf8 and not is_utf8(text):
                return None
            texts.append(text)
        return texts

    def _output(self, keys: list[bytes], values: list[bytes | None]) -> bytes:
        """The lines of those of ``keys`` that have a value."""
        pairs = cast("Iterator[tuple[bytes, bytes]]", compress(zip(keys, values, strict=True), values))
        return _text(list(map(self._line, pairs)))

    def _values(self, keys: list[bytes]) -> list[bytes | None] | None:
        """The first answer for each of ``keys``, None or empty where it is absent; None as `texts`."""
        values: list[bytes | None] = []
        left: list[int] = []  # the keys without an answer yet
        for number in range(self._count):
            table = self._table(number)
            if not isinstance(table, BulkTable):
                return None
            found = self._values_of(table, [keys[index] for index in left] if number else keys)
            if found is None:
                return None
            if number == 0:
                values = found
            else:
                for index, value in zip(left, found, strict=True):
                    values[index] = value
            if number + 1 < self._count:
                left = [index for index, value in enumerate(values) if not value]
                if not left:
                    break
        return values

    def _values_of(self, table: BulkTable, keys: list[bytes]) -> list[bytes | None] | None:
        """`_values` of one table. Of many keys, a second process finds one part where there is a processor for it."""
        if len(keys) < SHARED or processors() < 2 or table.processes(len(keys)) < 2:
            return self._part_of(table, keys, WHOLE)
        first: list[bytes | None] = []
        for count in FIRST:
            some = self._part_of(table, keys[len(first) : len(first) + count], WHOLE)
            if some is None:
                return None
            first += some
            if table.edition is not None:
                break
        rest, edition = keys[len(first) :], table.edition
        if edition is None:
            return self._part_of(table, keys, WHOLE)
        places = _places(table, rest)

        def part() -> list[bytes] | None:
            values = self._part_of(table, rest, (OURS, 1), places)
            return None if values is None else [*[value or b"" for value in values], repr(table.edition).encode()]

        with beside(part) as other:
            values = self._part_of(table, rest, (0, OURS), places)
            others = other()
        if values is not None and table.edition == edition and others and others.pop() == repr(edition).encode():
            return first + [one or another for one, another in zip(values, others, strict=True)]
        return self._part_of(table, keys, WHOLE)  # it failed there, or the file was replaced meanwhile

    def _part_of(
        self, table: BulkTable, keys: list[bytes], share: Share, places: array[int] | None = None
    ) -> list[bytes | None] | None:
        """`_values_of` for a share of the work."""
        values = table.lookup_all(keys, share, places)
        return None if b"" in values else values  # an empty one is to be warned about


def _places(table: BulkTable, keys: list[bytes]) -> array[int] | None:
    """The places of ``keys`` in a table, one half of them worked out in a second process."""
    middle = len(keys) // 2

    def half() -> Iterator[bytes]:
        found = table.places(keys[middle:])
        if found is not None:
            yield found.tobytes()

    places = table.places(keys[:1])
    if places is None:
        return None
    with apart(half, places.itemsize * len(keys), CPU_SECONDS, MEMORY) as other:
        places = table.places(keys[:middle])
        others = other()
        if places is None or others is None:
            return None
        places.frombytes(others)
    return places if len(places) == len(keys) else None


def _are_many(keys: bytes) -> bool:
    """Whether a text has as many lines as are worth a second process; all of a long one are not counted."""
    count = at = 0
    while count < SHARED and at < len(keys):
        count += keys.count(b"\n", at, at + BLOCK)
        at += BLOCK
    return count >= SHARED


def _text(lines: list[bytes]) -> bytes:
    """The ``lines``, each with a newline."""
    lines.append(b"")
    return b"\n".join(lines)
