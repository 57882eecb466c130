"""Records of a segment, as bytes: how they are written, and how a segment is read after whatever happened to it.

The format is specified in `mailconf.mta.queue`. Nothing here opens a file or believes a length: a reader takes any
bytes, in memory and time in proportion to the file.
"""

from __future__ import annotations

import io
import os
import struct
import zlib
from collections.abc import Iterator
from enum import IntEnum
from typing import BinaryIO, NamedTuple

FORMAT = b"mailconf queue 1"
_HEAD = struct.Struct("<16sQQ8s")
_RECORD = struct.Struct("<8sB3xIQQQII")
_CRC = struct.Struct("<I")
_WHOLE = struct.Struct("<8sB3xIQQQIII")  # a record's head with its CRC
HEAD_SIZE = _HEAD.size + _CRC.size
RECORD_SIZE = _RECORD.size + _CRC.size
MARK_SIZE = 8
PIECE = 1 << 20  # bytes of content that are in memory at a time
_AT_ONCE = 1 << 25  # bytes of a segment that are read at once
_MOSTLY = 2048  # bytes that a record has at most, usually, without its content
_FIRST_STEP = 4096  # bytes that are searched for a mark first
LARGEST_TEXT = 1 << 28  # bytes of the JSON of a record


class RecordType(IntEnum):
    """What a record says; the numbers are those of the file."""

    ADD = 1
    RESULT = 2
    DONE = 3
    END = 4


class SegmentHead(NamedTuple):
    """The first bytes of a segment.

    number       its place among the segments; 0 for a file that a command has left
    next_serial  no message had this serial, or a higher one, when the segment was begun
    mark         random bytes that begin each of its records
    """

    number: int
    next_serial: int
    mark: bytes

    def pack(self) -> bytes:
        data = _HEAD.pack(FORMAT, *self)
        return data + _CRC.pack(zlib.crc32(data))


class Record(NamedTuple):
    """A record that is whole.

    offset       where it begins in its file
    text         its JSON
    start        where its content begins, ``length`` bytes whose CRC is ``crc``
    synced       the bytes before this one were on the disk when the record was written
    """

    type: RecordType
    serial: int
    offset: int
    text: bytes
    start: int
    length: int
    crc: int
    synced: int

    @property
    def end(self) -> int:
        return self.start + self.length


class Damage(NamedTuple):
    """Bytes that were on the disk and cannot be read any more.

    lost  what the first of the records there was, as far as its header can be read: its type and serial
    """

    offset: int
    length: int
    lost: tuple[RecordType, int] | None = None


class Unfinished(NamedTuple):
    """Bytes after the last record of which nothing proves that they ever were acknowledged."""

    offset: int


Found = SegmentHead | Record | Damage | Unfinished


def pack(mark: bytes, type: RecordType, serial: int, synced: int, text: bytes, length: int = 0, crc: int = 0) -> bytes:
    """The head of a record with its text; its content, ``length`` bytes whose CRC is ``crc``, follows."""
    head = _RECORD.pack(mark, type, len(text), length, serial, synced, zlib.crc32(text), crc)
    return head + _CRC.pack(zlib.crc32(head)) + text


def record_of(file: BinaryIO, offset: int, size: int, mark: bytes) -> Record | None:
    """`record_at` without the content, in one read for most records."""
    data = os.pread(file.fileno(), _MOSTLY, offset)
    fields = _fields(data, mark)
    if fields is None or RECORD_SIZE + fields[1] > len(data):
        return record_at(file, offset, size, mark, content=False)
    type, text_length, length, serial, synced, text_crc, crc = fields
    start = offset + RECORD_SIZE + text_length
    text = data[RECORD_SIZE : RECORD_SIZE + text_length]
    if type not in _TYPES or start + length > size or zlib.crc32(text) != text_crc:
        return None
    return Record(_TYPES[type], serial, offset, text, start, length, crc, synced)


def read_head(data: bytes) -> SegmentHead | None:
    """The head of a segment, None if it is none of this format."""
    if len(data) < HEAD_SIZE or data[: len(FORMAT)] != FORMAT:
        return None
    (crc,) = _CRC.unpack_from(data, _HEAD.size)
    if crc != zlib.crc32(data[: _HEAD.size]):
        return None
    _, number, next_serial, mark = _HEAD.unpack_from(data)
    return SegmentHead(number, next_serial, mark)


def scan(file: BinaryIO, size: int) -> Iterator[Found]:
    """What a segment of ``size`` bytes holds, from its head on. Raises OSError.

    It ends at the first record that is not whole, unless a later one proves that what is there was acknowledged: then
    that is Damage, and the records after it are found too.
    """
    data = None
    if size <= _AT_ONCE:
        data = file.read(size)
        file, size = io.BytesIO(data), len(data)
    head = read_head(file.read(HEAD_SIZE))
    if head is None:
        yield Damage(0, size)
        return
    yield head
    offset = HEAD_SIZE
    view = memoryview(data) if data is not None else None
    while offset < size:
        if data is not None and view is not None:
            record = _record_in(data, view, offset, head.mark)
        else:
            record = record_at(file, offset, size, head.mark)
        if record is not None:
            yield record
            offset = record.end
            if record.type is RecordType.END:
                return
            continue
        after = _next_after(file, offset, size, head.mark)
        if after is None:
            if has_bytes(file, offset, size):
                yield Unfinished(offset)
            return
        yield Damage(offset, after - offset, _named_at(file, offset, head.mark))
        offset = after


def record_at(file: BinaryIO, offset: int, size: int, mark: bytes, *, content: bool = True) -> Record | None:
    """The record that begins at ``offset``, if it is whole; ``content`` may be left unread."""
    file.seek(offset)
    head = file.read(RECORD_SIZE)
    fields = _fields(head, mark)
    if fields is None:
        return None
    type, text_length, length, serial, synced, text_crc, crc = fields
    start = offset + RECORD_SIZE + text_length
    if type not in _TYPES or text_length > LARGEST_TEXT or start + length > size:
        return None
    text = file.read(text_length)
    if len(text) != text_length or zlib.crc32(text) != text_crc or (content and not _has_crc(file, length, crc)):
        return None
    return Record(_TYPES[type], serial, offset, text, start, length, crc, synced)


def _record_in(data: bytes, view: memoryview, offset: int, mark: bytes) -> Record | None:
    """`record_at` for a file that is in memory."""
    body = offset + RECORD_SIZE
    if body > len(data):
        return None
    found, type, text_length, length, serial, synced, text_crc, crc, head_crc = _WHOLE.unpack_from(data, offset)
    start = body + text_length
    if found != mark or head_crc != zlib.crc32(view[offset : offset + _RECORD.size]):
        return None
    if type not in _TYPES or text_length > LARGEST_TEXT or start + length > len(data):
        return None
    text = data[body:start]
    if zlib.crc32(text) != text_crc or zlib.crc32(view[start : start + length]) != crc:
        return None
    return Record(_TYPES[type], serial, offset, text, start, length, crc, synced)


_TYPES = {int(type): type for type in RecordType}


def _fields(head: bytes, mark: bytes) -> tuple[int, int, int, int, int, int, int] | None:
    if len(head) < RECORD_SIZE or head[:MARK_SIZE] != mark:
        return None
    if _CRC.unpack_from(head, _RECORD.size)[0] != zlib.crc32(head[: _RECORD.size]):
        return None
    _, type, text_length, length, serial, synced, text_crc, crc = _RECORD.unpack_from(head)
    return type, text_length, length, serial, synced, text_crc, crc


def _named_at(file: BinaryIO, offset: int, mark: bytes) -> tuple[RecordType, int] | None:
    file.seek(offset)
    fields = _fields(file.read(RECORD_SIZE), mark)
    return (_TYPES[fields[0]], fields[3]) if fields is not None and fields[0] in _TYPES else None


def _has_crc(file: BinaryIO, length: int, crc: int) -> bool:
    found = 0
    while length:
        piece = file.read(min(PIECE, length))
        if not piece:
            return False
        found = zlib.crc32(piece, found)
        length -= len(piece)
    return found == crc


def _next_after(file: BinaryIO, offset: int, size: int, mark: bytes) -> int | None:
    """Where the first whole record after ``offset`` begins; None unless one of those after it proves damage."""
    first: int | None = None
    place = offset + 1
    while (found := _find(file, place, mark)) is not None:
        record = record_at(file, found, size, mark)
        if record is None:
            place = found + 1
            continue
        first = found if first is None else first
        if record.synced > offset:
            return first
        place = record.end
    return None


def _find(file: BinaryIO, place: int, mark: bytes) -> int | None:
    file.seek(place)
    kept, step = b"", _FIRST_STEP
    while piece := file.read(step):
        step = min(2 * step, PIECE)
        data = kept + piece
        at = data.find(mark)
        if at >= 0:
            return place - len(kept) + at
        place += len(piece)
        kept = data[-(len(mark) - 1) :]
    return None


def has_bytes(file: BinaryIO, offset: int, size: int) -> bool:
    """Whether anything but zeros is in the file from ``offset`` on."""
    file.seek(offset)
    while piece := file.read(PIECE):
        if piece.count(0) != len(piece):
            return True
    return False
