"""``postmap -q``, ``-s`` and ``-d``: maps asked, listed and relieved of entries."""

from __future__ import annotations

import gc
import os
import sys
from contextlib import closing
from itertools import chain
from typing import cast

from mailconf.cli.postfix.postfix_tool import Messages, ToolFatal
from mailconf.maps.bulk.keys import keys_of
from mailconf.maps.core.table import TemporaryFailure, UnknownType
from mailconf.maps.core.utf8 import is_utf8
from mailconf.maps.reference import TableRef
from mailconf.source import decode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import BufferedReader

    from mailconf.cli.postfix.postmap_options import TableOptions
    from mailconf.maps.core.table import LookupTable

BATCH = 1 << 24  # bytes of keys that are looked up together
AT_ONCE = 70_000  # of these keys, so many are held one by one
SAMPLE = 1 << 16  # bytes whose lines show how long keys are
TOGETHER = 1 << 12  # lines that are written at a time
LIKE_EOF = b"\xff"  # what the original takes for the end of its input where it ends a line without a newline
NO_DELETE = ("static", "environ")  # types that can be opened for writing and yet not change


def shown(kind: str, name: str) -> str:
    """How Postfix calls a table that is a file: with the file's extension, unless it is LMDB's."""
    from mailconf.maps.types import EXTENSIONS

    return f"{kind}:{name}{EXTENSIONS.get(kind, '') if kind != 'lmdb' else ''}"


class Tables:
    """The tables of a query, opened when the search comes to them."""

    def __init__(self, tables: list[tuple[str, str]], options: TableOptions, messages: Messages) -> None:
        self.names = tables
        self.options = options
        self.messages = messages
        self._open: dict[int, LookupTable] = {}

    def lookup(self, key: bytes) -> bytes | None:
        """The first answer. Raises Fatal when a table cannot answer."""
        for number, (kind, name) in enumerate(self.names):
            value = self._ask(self.table(number), kind, name, key)
            if value is None:
                continue
            if not value:
                table = shown(kind, name) if self.options.query == "-" else f"{kind}:{name}"
                self.messages.warn(f"table {table}: key {decode(key)}: empty string result is not allowed")
                self.messages.warn(f"table {table} should return NO RESULT in case of NOT FOUND")
            return self._decoded(value, f"table {shown(kind, name)}: key {decode(key)}")
        return None

    def table(self, number: int) -> LookupTable:
        if number not in self._open:
            kind, name = self.names[number]
            self._open[number] = open_table(kind, name, self.options, self.messages)
        return self._open[number]

    def close(self) -> None:
        for table in self._open.values():
            table.close()

    def _ask(self, table: LookupTable, kind: str, name: str, key: bytes) -> bytes | None:
        if self.options.utf8 and not is_utf8(key):
            text = f'{shown(kind, name)}: non-UTF-8 key "{decode(key)}": malformed UTF-8 or invalid codepoint'
            self.messages.warn(text)
            return None
        try:
            value = table.lookup(key)
        except TemporaryFailure as failure:
            reason = f": {failure}" if str(failure) else ""
            raise ToolFatal(f"table {shown(kind, name)}: query error{reason}") from failure
        if value is not None and self.options.utf8 and not is_utf8(value):
            text = f'{shown(kind, name)}: key "{decode(key)}": non-UTF-8 value "{decode(value)}"'
            self.messages.warn(f"{text}: malformed UTF-8 or invalid codepoint")
            raise ToolFatal(f"table {shown(kind, name)}: query error")
        return value

    def _decoded(self, value: bytes, place: str) -> bytes:
        if "F" not in self.options.flags:
            return value
        content = unbase64(value)
        if content is None:
            self.messages.warn(f"{place}: malformed BASE64 value: {decode(value)}")
            raise ToolFatal(f"{place.rpartition(': key ')[0]}: query error")
        return content


def open_table(kind: str, name: str, options: TableOptions, messages: Messages) -> LookupTable:
    """Open for reading, keys folded unless ``-f``. Raises UnsupportedMap, TemporaryFailure."""
    from mailconf.maps import registry
    from mailconf.maps.types import type_of
    from mailconf.ports import Ports
    from mailconf.postfix.parameters.releases import NULLS, NULLS_WARNED, URI_NAMES_DATABASE

    fold = None if "f" in options.flags else options.fold
    nulls = ""
    if not type_of(kind).writer and messages.version >= NULLS_WARNED:
        nulls = NULLS
    return registry.open_table(
        f"{kind}:{name}",
        options.root,
        fold=fold,
        warn=messages.warn,
        utf8=options.utf8,
        repeated=options.repeated,
        files="F" in options.flags,
        nul=options.nul,
        nulls=nulls,
        uri_names_database=messages.version >= URI_NAMES_DATABASE,
        ports=Ports.of(options.value("known_tcp_ports"), options.root),
    )


def query(names: list[tuple[str, str]], options: TableOptions, messages: Messages) -> int:
    gc.disable()  # what a batch makes is free of cycles, and much
    try:
        with closing(Tables(names, options, messages)) as tables:
            return _query(tables, options)
    finally:
        gc.enable()


def _query(tables: Tables, options: TableOptions) -> int:
    write = sys.stdout.buffer.write
    if options.query != "-":
        key = os.fsencode(options.query or "")
        value = tables.lookup(key)
        if value is None:
            return 1
        write((options.line((key, value)) if "j" in options.flags else value) + b"\n")
        return 0
    from mailconf.maps.bulk.many import ManyKeys

    count, by_library = len(tables.names), "j" not in options.flags
    many = ManyKeys(count, tables.table, options.line, utf8=options.utf8, by_library=by_library)
    found = False
    for batch in _batches(options):
        whole = "F" not in options.flags
        if isinstance(batch, bytes) and whole:
            written = many.written(batch, write)
            if written is not None:
                sys.stdout.buffer.flush()
                found = found or written
                continue
        for keys in _pieces(batch) if isinstance(batch, bytes) else (batch,):
            texts = many.texts(keys) if whole else None
            if texts is not None:
                for text in texts:
                    write(text)
                sys.stdout.buffer.flush()
                found = found or any(texts)
                continue
            lines = []
            try:
                for key in keys:
                    value = tables.lookup(key)
                    if value is not None:
                        lines.append(options.line((key, value)))
            finally:
                for at in range(0, len(lines), TOGETHER):
                    write(b"\n".join(lines[at : at + TOGETHER]) + b"\n")
                sys.stdout.buffer.flush()
            found = found or bool(lines)
    return 0 if found else 1


def _pieces(text: bytes) -> Iterator[list[bytes]]:
    """The keys of a text, about `AT_ONCE` at a time."""
    at = 0
    while at < len(text):
        size = SAMPLE * AT_ONCE // max(1, text.count(b"\n", at, at + SAMPLE))
        end = text.find(b"\n", at + size) + 1 or len(text)
        yield keys_of(text[at:end])
        at = end


def _batches(options: TableOptions) -> Iterator[bytes] | Iterator[list[bytes]]:
    """What ``-q -`` asks for: lines of a text, or with -h and -b the headers and the body lines of one message."""
    if not options.flags & set("bh"):
        return _texts()
    from mailconf.cli.postfix.message_keys import MessageKeys, message_keys

    keys = MessageKeys(
        headers="h" in options.flags,
        body="b" in options.flags,
        mime="m" in options.flags,
        **options.limits,
    )
    lines = (line for text in _texts() for piece in _pieces(text) for line in piece)
    return iter([list(message_keys(lines, keys))])


def _texts() -> Iterator[bytes]:
    """Standard input, in whole lines with their newlines: as many as are there, so that a dialogue works too."""
    from select import POLLIN, poll  # select() fails where more than 1024 files are open

    stream = cast("BufferedReader", sys.stdin.buffer)
    waiting = poll()
    waiting.register(stream, POLLIN)
    rest = b""
    while data := stream.read1(BATCH):
        parts = [rest, data]
        size = len(data)
        while size < BATCH and waiting.poll(0) and (more := stream.read1(BATCH)):
            parts.append(more)
            size += len(more)
        data = b"".join(filter(None, parts))
        end = data.rfind(b"\n") + 1
        rest = data[end:]
        if end:
            yield data[:end]
    if rest and rest[-1:] != LIKE_EOF:
        yield rest + b"\n"


def list_entries(kind: str, name: str, options: TableOptions, messages: Messages) -> int:
    """``-s``: all entries of a table."""
    table = open_table(kind, name, options, messages)
    entries = getattr(table, "entries", None)
    if entries is None:
        table.close()
        raise ToolFatal(f"table {shown(kind, name)}: sequence operation is not supported")
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
        raise ToolFatal(f"table {shown(kind, name)}: sequence error: {failure}") from failure
    finally:
        table.close()
        sys.stdout.buffer.write(b"".join(lines))
    return 0


def delete(names: list[tuple[str, str]], options: TableOptions, messages: Messages) -> int:
    """``-d``: exit status 0 if any of the tables had any of the keys."""
    from mailconf.cli.postfix.map_owner import as_owner_of, status_of
    from mailconf.maps.build import change, write

    keys: list[bytes] = []
    found = False
    given = options.delete or ""
    wanted = chain.from_iterable(map(_pieces, _texts())) if given == "-" else ([os.fsencode(given)],)
    for key in chain.from_iterable(wanted):
        if not options.utf8 or is_utf8(key):
            folded = key if "f" in options.flags else options.fold(key)
            if not keys or folded != keys[-1]:
                keys.append(folded)
            continue
        for kind, name in names:
            _check_changeable(kind, name)
            messages.warn(f'{shown(kind, name)}: non-UTF-8 key "{decode(key)}": malformed UTF-8 or invalid codepoint')
        found = True  # so it is with the original
    for table in names:
        kind, name = TableRef(*table).direct
        _check_changeable(kind, name)
        if kind in NO_DELETE:
            raise ToolFatal(f"table {kind}:{name}: delete operation is not supported")
        if kind == "fail":
            raise ToolFatal(f"table {kind}:{name}: delete error: Application error")
        target = write.map_path(kind, options.root.path(name))
        write.preload(kind, packed=change.is_large_map(target))
        with as_owner_of(status_of(target), target, name, options) as status:
            gone = change.delete_keys(
                kind, target, filter(None, keys), nul=options.nul, source=status, warn=messages.warn
            )
        found |= bool(gone)
    return 0 if found else 1


def _check_changeable(kind: str, name: str) -> None:
    """Raise Fatal or UnknownType where a table cannot be opened for writing."""
    from mailconf.maps import registry
    from mailconf.maps.build import write

    if kind in write.writable_types() or kind in (*NO_DELETE, "fail", "proxy"):
        return
    if kind in registry.known_types():
        raise ToolFatal(f"{kind}:{name} map requires O_RDONLY access mode")
    raise UnknownType(kind)


def unbase64(value: bytes) -> bytes | None:
    """The bytes that ``value`` stands for; None if it is not base64."""
    from base64 import b64decode

    try:
        return b64decode(value, validate=True)
    except ValueError:
        return None
