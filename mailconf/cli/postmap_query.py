"""``postmap -q``, ``-s`` and ``-d``: maps asked, listed and relieved of entries."""

from __future__ import annotations

import gc
import os
import sys
from contextlib import ExitStack, closing
from functools import partial
from itertools import compress
from typing import cast

from mailconf.cli.postfix_tool import Fatal, Messages
from mailconf.maps.table import WHOLE, BulkTable, LibraryTable, TemporaryFailure, UnsupportedMap
from mailconf.source import decode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from array import array
    from collections.abc import Callable, Iterator
    from io import BufferedReader
    from typing import Any

    from mailconf.cli.postmap import Options
    from mailconf.maps.table import AskedLibrary, LookupTable, Share

BATCH = 1 << 24  # bytes of keys that are looked up together
SHARED = 20_000  # keys that are worth a second process
FIRST = 20  # of them, looked up before
CPU_SECONDS = 3  # for a library, which needs a tenth of one for SHARED keys
MEMORY = 8 << 30  # bytes of address space for it, in which the map lies too
ROOM = 16  # bytes of output for a byte of the keys
OURS = 0.52  # of the work; the other process also has to hand over what it found
TOGETHER = 1 << 12  # lines that are written at a time
LIKE_EOF = b"\xff"  # what the original takes for the end of its input where it ends a line without a newline
NO_DELETE = ("static", "environ")  # types that can be opened for writing and yet not change


def shown(kind: str, name: str) -> str:
    """How Postfix calls a table that is a file: with the file's extension, unless it is LMDB's."""
    from mailconf.maps.write import EXTENSIONS

    return f"{kind}:{name}{EXTENSIONS.get(kind, '') if kind != 'lmdb' else ''}"


class Tables:
    """The tables of a query, opened when the search comes to them."""

    def __init__(self, tables: list[tuple[str, str]], options: Options, messages: Messages) -> None:
        self.names = tables
        self.options = options
        self.messages = messages
        self._open: dict[int, LookupTable] = {}

    def lookup(self, key: bytes) -> bytes | None:
        """The first answer. Raises Fatal when a table cannot answer."""
        for number, (kind, name) in enumerate(self.names):
            value = self._ask(self._table(number), kind, name, key)
            if value is None:
                continue
            if not value:
                table = shown(kind, name) if self.options.query == "-" else f"{kind}:{name}"
                self.messages.warn(f"table {table}: key {decode(key)}: empty string result is not allowed")
                self.messages.warn(f"table {table} should return NO RESULT in case of NOT FOUND")
            return self._decoded(value, f"table {shown(kind, name)}: key {decode(key)}")
        return None

    def written(self, keys: bytes) -> bool | None:
        """Write the output for the keys on the lines of a text, where the library of the one table there is finds them.

        Whether there was any. The library believes what the file says: it works in other processes, one for each
        processor. None, and nothing written, where there is something to say, where it dies, and where it is not
        worth it.
        """
        if len(self.names) > 1 or self.options.flags & set("Fj") or b"\0" in keys or keys.count(b"\n") < SHARED:
            return None
        from mailconf.cli.beside import apart, processors

        table = self._table(0)
        if not isinstance(table, LibraryTable) or (self.options.utf8 and not _is_utf8(keys)):
            return None
        first = 0
        for _ in range(FIRST):
            first = keys.index(b"\n", first) + 1
        teaching = self.lines(_keys_of(keys[:first]))  # whether the file is one, and its keys end with a NUL
        if teaching is None:
            return None
        middle = keys.index(b"\n", (first + len(keys)) // 2) + 1 if processors() > 1 else first
        output: list[bytes | memoryview] = [_text_of(teaching)]
        try:
            with table.by_library() as ask, ExitStack() as stack:
                if ask is None:
                    return None
                processes = [
                    stack.enter_context(
                        apart(partial(self._found, ask, keys, start, stop), ROOM * len(keys), CPU_SECONDS, MEMORY)
                    )
                    for start, stop in ((first, middle), (middle, len(keys)))
                    if start < stop
                ]
                for found in processes:
                    text = found()
                    if text is None:
                        return None
                    output.append(text)
                for some in output:
                    sys.stdout.buffer.write(some)
                sys.stdout.buffer.flush()
                return any(map(len, output))
        except TemporaryFailure:
            return None

    def _found(self, ask: AskedLibrary, keys: bytes, start: int, stop: int) -> Iterator[bytes]:
        """The output for a part of ``keys``, in this process. Raises any exception."""
        line = self.options.line
        while start < stop:
            end = keys.index(b"\n", min(start + ask.at_once, stop - 1)) + 1
            lines, values = ask(keys[start:end])
            if b"" in values:
                raise ValueError  # to be warned about
            pairs = cast("Iterator[tuple[bytes, bytes]]", compress(zip(lines, values, strict=True), values))
            text = _text_of(list(map(line, pairs)))
            if self.options.utf8 and not _is_utf8(text):
                raise ValueError
            yield text
            start = end

    def lines(self, keys: list[bytes]) -> list[bytes] | None:
        """The lines of output for ``keys``, as `lookup` would answer each of them.

        None when it has to say something, or a table takes one key at a time.
        """
        if "F" in self.options.flags or (self.options.utf8 and not _are_utf8(keys)):
            return None
        try:
            lines = self._lines(keys)
        except (TemporaryFailure, UnsupportedMap):
            return None
        if lines is None:
            return None
        lines = list(filter(None, lines))
        return None if self.options.utf8 and not _are_utf8(lines) else lines

    def _lines(self, keys: list[bytes]) -> list[bytes] | None:
        """For each of ``keys`` its line with the first answer, empty where there is none; None as `lines` does."""
        lines: list[bytes] = []
        left: list[int] = []  # the keys without an answer yet
        for number in range(len(self.names)):
            table = self._table(number)
            if not isinstance(table, BulkTable):
                return None
            found = self._lines_of(table, [keys[index] for index in left] if number else keys)
            if found is None:
                return None
            if number == 0:
                lines = found
            else:
                for index, line in zip(left, found, strict=True):
                    lines[index] = line
            if number + 1 < len(self.names):
                left = [index for index, line in enumerate(lines) if not line]
                if not left:
                    break
        return lines

    def _lines_of(self, table: BulkTable, keys: list[bytes]) -> list[bytes] | None:
        """`_lines` of one table. Of many keys, a second process finds one half where there is a processor for it."""
        from mailconf.cli.beside import beside, processors

        if len(keys) < SHARED or processors() < 2:
            return self._part_of(table, keys, WHOLE)
        first, rest = self._part_of(table, keys[:FIRST], WHOLE), keys[FIRST:]  # the first keys teach the table
        edition = table.edition
        if first is None or edition is None:
            return self._part_of(table, keys, WHOLE)
        places = _places(table, rest)

        def half() -> list[bytes] | None:
            lines = self._part_of(table, rest, (OURS, 1), places)
            return None if lines is None else [*lines, repr(table.edition).encode()]

        with beside(half) as other:
            lines = self._part_of(table, rest, (0, OURS), places)
            others = other()
        if lines is not None and table.edition == edition and others and others.pop() == repr(edition).encode():
            return first + [one or another for one, another in zip(lines, others, strict=True)]
        return self._part_of(table, keys, WHOLE)  # it failed there, or the file was replaced meanwhile

    def _part_of(
        self, table: BulkTable, keys: list[bytes], share: Share, places: array[int] | None = None
    ) -> list[bytes] | None:
        """`_lines_of` for a share of the work."""
        values = table.lookup_all(keys, share, places)
        if b"" in values:
            return None
        line: Callable[[tuple[bytes, Any]], bytes] = self.options.line
        return [line(pair) if pair[1] else b"" for pair in zip(keys, values, strict=True)]

    def _table(self, number: int) -> LookupTable:
        if number not in self._open:
            kind, name = self.names[number]
            self._open[number] = open_table(kind, name, self.options, self.messages)
        return self._open[number]

    def close(self) -> None:
        for table in self._open.values():
            table.close()

    def _ask(self, table: LookupTable, kind: str, name: str, key: bytes) -> bytes | None:
        if self.options.utf8 and not _is_utf8(key):
            text = f'{shown(kind, name)}: non-UTF-8 key "{decode(key)}": malformed UTF-8 or invalid codepoint'
            self.messages.warn(text)
            return None
        try:
            value = table.lookup(key)
        except TemporaryFailure as failure:
            reason = f": {failure}" if str(failure) else ""
            raise Fatal(f"table {shown(kind, name)}: query error{reason}") from failure
        if value is not None and self.options.utf8 and not _is_utf8(value):
            text = f'{shown(kind, name)}: key "{decode(key)}": non-UTF-8 value "{decode(value)}"'
            self.messages.warn(f"{text}: malformed UTF-8 or invalid codepoint")
            raise Fatal(f"table {shown(kind, name)}: query error")
        return value

    def _decoded(self, value: bytes, place: str) -> bytes:
        if "F" not in self.options.flags:
            return value
        content = unbase64(value)
        if content is None:
            self.messages.warn(f"{place}: malformed BASE64 value: {decode(value)}")
            raise Fatal(f"{place.rpartition(': key ')[0]}: query error")
        return content


def open_table(kind: str, name: str, options: Options, messages: Messages) -> LookupTable:
    """Open for reading, keys folded unless ``-f``. Raises UnsupportedMap, TemporaryFailure."""
    from mailconf.maps import registry

    fold = None if "f" in options.flags else options.fold
    return registry.open_table(
        f"{kind}:{name}",
        options.root,
        fold=fold,
        warn=messages.warn,
        utf8=options.utf8,
        repeated=options.repeated,
        files="F" in options.flags,
        nul=options.nul,
    )


def query(names: list[tuple[str, str]], options: Options, messages: Messages) -> int:
    gc.disable()  # what a batch makes is free of cycles, and much
    try:
        with closing(Tables(names, options, messages)) as tables:
            return _query(tables, options)
    finally:
        gc.enable()


def _places(table: BulkTable, keys: list[bytes]) -> array[int] | None:
    """The places of ``keys`` in a table, one half of them worked out in a second process."""
    from mailconf.cli.beside import apart

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


def _query(tables: Tables, options: Options) -> int:
    write = sys.stdout.buffer.write
    if options.query != "-":
        key = os.fsencode(options.query or "")
        value = tables.lookup(key)
        if value is None:
            return 1
        write((options.line((key, value)) if "j" in options.flags else value) + b"\n")
        return 0
    found = False
    for batch in _batches(options):
        if isinstance(batch, bytes):
            written = tables.written(batch)
            if written is not None:
                found = found or written
                continue
            keys = _keys_of(batch)
        else:
            keys = batch
        lines = tables.lines(keys)
        singly = keys if lines is None else []
        lines = lines or []
        try:
            for key in singly:
                value = tables.lookup(key)
                if value is not None:
                    lines.append(options.line((key, value)))
        finally:
            for at in range(0, len(lines), TOGETHER):
                write(b"\n".join(lines[at : at + TOGETHER]) + b"\n")
            sys.stdout.buffer.flush()
        found = found or bool(lines)
    return 0 if found else 1


def _batches(options: Options) -> Iterator[bytes] | Iterator[list[bytes]]:
    """What ``-q -`` asks for: lines of a text, or with -h and -b the headers and the body lines of one message."""
    if not options.flags & set("bh"):
        return _texts()
    from mailconf.cli.message_keys import MessageKeys, message_keys

    keys = MessageKeys(
        headers="h" in options.flags,
        body="b" in options.flags,
        mime="m" in options.flags,
        **options.limits,
    )
    lines = (line for text in _texts() for line in _keys_of(text))
    return iter([list(message_keys(lines, keys))])


def _texts() -> Iterator[bytes]:
    """Standard input, in whole lines with their newlines: as many as are there, so that a dialogue works too."""
    from select import select

    stream = cast("BufferedReader", sys.stdin.buffer)
    rest = b""
    while data := stream.read1(BATCH):
        parts = [rest, data]
        size = len(data)
        while size < BATCH and select([stream], [], [], 0)[0] and (more := stream.read1(BATCH)):
            parts.append(more)
            size += len(more)
        data = b"".join(filter(None, parts))
        end = data.rfind(b"\n") + 1
        rest = data[end:]
        if end:
            yield data[:end]
    if rest and rest[-1:] != LIKE_EOF:
        yield rest + b"\n"


def _keys_of(text: bytes) -> list[bytes]:
    """The lines of ``text``, each up to a NUL."""
    lines = text.split(b"\n")
    lines.pop()
    return [line.partition(b"\0")[0] for line in lines] if b"\0" in text else lines


def _text_of(lines: list[bytes]) -> bytes:
    """The ``lines``, each with a newline."""
    lines.append(b"")
    return b"\n".join(lines)


def list_entries(kind: str, name: str, options: Options, messages: Messages) -> int:
    """``-s``: all entries of a table."""
    table = open_table(kind, name, options, messages)
    entries = getattr(table, "entries", None)
    if entries is None:
        table.close()
        raise Fatal(f"table {shown(kind, name)}: sequence operation is not supported")
    line = options.line
    lines: list[bytes] = []
    try:
        for key, value in entries():
            if not key:
                messages.warn(f"table {kind}:{name}: empty lookup key value is not allowed")
            if not value:
                messages.warn(f"table {kind}:{name}: key {decode(key)}: empty string result is not allowed")
                messages.warn(f"table {kind}:{name} should return NO RESULT in case of NOT FOUND")
            if "F" in options.flags:
                content = unbase64(value)
                if content is None:
                    place = f"table {shown(kind, name)}: key {decode(key)}"
                    messages.warn(f"{place}: malformed BASE64 value: {decode(value)}")
                    continue
                value = content
            lines.append(line((key, value)) + b"\n")
            if len(lines) > 10_000:
                sys.stdout.buffer.write(b"".join(lines))
                lines.clear()
    except TemporaryFailure as failure:
        raise Fatal(f"table {shown(kind, name)}: sequence error: {failure}") from failure
    finally:
        table.close()
        sys.stdout.buffer.write(b"".join(lines))
    return 0


def delete(names: list[tuple[str, str]], options: Options, messages: Messages) -> int:
    """``-d``: exit status 0 if any of the tables had any of the keys."""
    from mailconf.cli.map_owner import as_owner_of, status_of
    from mailconf.maps import write

    keys: list[bytes] = []
    found = False
    given = options.delete or ""
    wanted = [key for text in _texts() for key in _keys_of(text)] if given == "-" else [os.fsencode(given)]
    for key in wanted:
        if not options.utf8 or _is_utf8(key):
            keys.append(key if "f" in options.flags else options.fold(key))
            continue
        for kind, name in names:
            _check_changeable(kind, name)
            messages.warn(f'{shown(kind, name)}: non-UTF-8 key "{decode(key)}": malformed UTF-8 or invalid codepoint')
        found = True  # so it is with the original
    for kind, name in names:
        while kind == "proxy":
            kind, _, name = name.partition(":")
        _check_changeable(kind, name)
        if kind in NO_DELETE:
            raise Fatal(f"table {kind}:{name}: delete operation is not supported")
        if kind == "fail":
            raise Fatal(f"table {kind}:{name}: delete error: Application error")
        target = write.map_path(kind, options.root.path(name))
        write.preload(kind)
        with as_owner_of(status_of(target), target, name, options) as status:
            gone = write.delete_keys(
                kind, target, filter(None, keys), nul=options.nul, source=status, warn=messages.warn
            )
        found |= bool(gone)
    return 0 if found else 1


def _check_changeable(kind: str, name: str) -> None:
    """Raise Fatal where a table cannot be opened for writing."""
    from mailconf.maps import registry, write

    if kind in write.writable_types() or kind in (*NO_DELETE, "fail", "proxy"):
        return
    if kind in registry.known_types():
        raise Fatal(f"{kind}:{name} map requires O_RDONLY access mode")
    raise Fatal(f"unsupported dictionary type: {kind}")


def unbase64(value: bytes) -> bytes | None:
    """The bytes that ``value`` stands for; None if it is not base64."""
    from base64 import b64decode

    try:
        return b64decode(value, validate=True)
    except ValueError:
        return None


def _are_utf8(keys: list[bytes]) -> bool:
    return all(map(bytes.isascii, keys)) or _is_utf8(b"\n".join(keys))


def _is_utf8(data: bytes) -> bool:
    if data.isascii():
        return True
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
