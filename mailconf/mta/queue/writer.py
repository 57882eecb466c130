"""Writes segments: one after the other, records at the end, zeros ahead of them, and what is on the disk by a sync."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from contextlib import suppress
from typing import IO, NamedTuple

from mailconf.mta.queue.folder import QueueFolder, write_at
from mailconf.mta.queue.holdings import SEGMENT, Place
from mailconf.mta.queue.records import HEAD_SIZE, PIECE, RECORD_SIZE, RecordType, pack

_ZEROS = 1 << 20  # bytes that a segment is ahead of its records: those in it need no new length to be durable
_TOGETHER = 1 << 18  # bytes that are written in one call


class Content(NamedTuple):
    """The content of a record that is to be written: bytes, then ``length`` bytes of a file from ``start`` on.

    crc  of all of it
    """

    data: bytes
    crc: int
    file: IO[bytes] | None = None
    start: int = 0
    length: int = 0

    @property
    def size(self) -> int:
        return len(self.data) + self.length

    def pieces(self) -> Iterator[bytes]:
        """Raises OSError where the file has become shorter."""
        if self.data:
            yield self.data
        if self.file is None:
            return
        self.file.seek(self.start)
        left = self.length
        while left:
            piece = self.file.read(min(PIECE, left))
            if not piece:
                raise OSError(5, os.strerror(5))
            left -= len(piece)
            yield piece


def content_of(data: bytes) -> Content:
    return Content(data, zlib.crc32(data))


def content_with(data: bytes, file: IO[bytes], length: int) -> Content:
    """Bytes that the first ``length`` bytes of a file follow; reads them for the CRC."""
    crc = 0
    for piece in Content(data, 0, file, 0, length).pieces():
        crc = zlib.crc32(piece, crc)
    return Content(data, crc, file, 0, length)


NOTHING = content_of(b"")


class SegmentWriter:
    """The end of the queue's records. Methods raise OSError; then `abandon` it, and what follows is a new segment.

    number       the last segment that there is
    next_serial  no message has this serial yet, or a higher one
    """

    def __init__(self, folder: QueueFolder, number: int, next_serial: int) -> None:
        self._folder = folder
        self.number = number
        self.next_serial = next_serial
        self._descriptor = -1
        self._mark = b""
        self._written = 0  # bytes in the file
        self._buffer = bytearray()  # follows them
        self._zeros = 0  # the length of the file
        self._synced = 0

    @property
    def _end(self) -> int:
        return self._written + len(self._buffer)

    @property
    def is_synced(self) -> bool:
        return self._descriptor < 0 or self._synced == self._end

    @property
    def is_closed(self) -> bool:
        return self._descriptor < 0

    def append(self, type: RecordType, serial: int, text: bytes, content: Content = NOTHING) -> Place:
        """Write a record, which is durable after the next `sync`."""
        size = RECORD_SIZE + len(text) + content.size
        if self._descriptor >= 0 and self._end > HEAD_SIZE and self._end + size + RECORD_SIZE > SEGMENT:
            self.close()
        if self._descriptor < 0:
            self._begin()
        self.next_serial = max(self.next_serial, serial + 1)
        place = Place(self.number, self._end, content.size)
        self._put(pack(self._mark, type, serial, self._synced, text, content.size, content.crc))
        for piece in content.pieces():
            self._put(piece)
        return place

    def _begin(self) -> None:
        self._descriptor, head = self._folder.create(self.number + 1, self.next_serial, _ZEROS - HEAD_SIZE)
        self.number += 1
        self._mark = head.mark
        self._written = self._synced = HEAD_SIZE
        self._zeros = _ZEROS
        self._buffer.clear()

    def _put(self, data: bytes) -> None:
        self._buffer += data
        if len(self._buffer) >= _TOGETHER:
            self._write()

    def _write(self) -> None:
        write_at(self._descriptor, bytes(self._buffer), self._written)
        self._written += len(self._buffer)
        self._buffer.clear()
        if self._written > self._zeros:
            self._zeros = -(-self._written // _ZEROS) * _ZEROS
            write_at(self._descriptor, bytes(self._zeros - self._written), self._written)

    def sync(self) -> None:
        """Everything that was appended is durable after this."""
        if not self.is_synced:
            self._write()
            os.fdatasync(self._descriptor)
            self._synced = self._written

    def write(self) -> None:
        """What was appended survives this process."""
        if self._buffer:
            self._write()

    def close(self) -> None:
        """End the segment: what follows goes into the next one."""
        if self._descriptor < 0:
            return
        self.sync()
        self._buffer += pack(self._mark, RecordType.END, 0, self._synced, b"")
        self.sync()
        os.close(self._descriptor)
        self._descriptor = -1

    def abandon(self) -> None:
        """Write no more to this segment; whether its last bytes are on the disk is unknown."""
        if self._descriptor >= 0:
            with suppress(OSError):
                os.close(self._descriptor)
            self._descriptor = -1
        self._buffer.clear()
