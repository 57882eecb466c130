"""``cdb``: constant databases (CDB_README, cdb(5)); ``cdb:/etc/postfix/access`` is /etc/postfix/access.cdb.

A file begins with 256 pairs of 32-bit numbers, little-endian: the place and the number of slots of 256 hash tables.
From byte 2048 on there are the records, each the lengths of its key and its value and these themselves, up to the first
table. The hash of a key is Bernstein's: from 5381, times 33, exclusive or the byte, 32 bits. Its lowest 8 bits choose
the table, the rest modulo the number of slots is where the search in it begins. A slot is a pair of hash and place of
the record; a place of 0 ends the search.

Keys and values end without a NUL in files of postmap(1) unless it was given ``-N``; they are read either way.
"""

from __future__ import annotations

import os
import struct
import sys
from collections.abc import Callable, Iterator
from importlib import import_module

from mailconf.maps.core.opening import Opening
from mailconf.maps.core.table import WHOLE, Share
from mailconf.maps.database.bdb_table import DatabaseTable, Library, c_string, part_of
from mailconf.maps.database.fnv import MASK, hash_all, hash_one
from mailconf.maps.database.raw_file import RawFile

START, PRIME = 5381, 33
HEADER = 2048
TABLES = 256
LARGEST = 1 << 32  # places are 32-bit numbers

_PAIR = struct.Struct("<II")
_EMPTY = memoryview(bytes(8)).cast("Q")  # a table in which nothing is found
_SLOTS = 512  # read at a time
_MANY = 1000  # keys, for which the whole file is read
_PROBES = 100  # slots
_LARGE = 256 << 20  # bytes; a file that is not read whole
_TRIES = 10_000  # records with the hash of a key but another key
_READ = 1 << 16


def open_table(name: str, opening: Opening) -> DatabaseTable:
    return DatabaseTable("cdb", name, opening, CdbFile, ".cdb", _library)


def _library() -> Library | None:
    """The package cdbx, where it is installed."""
    try:
        package = import_module("cdbx")
    except ImportError:
        return None

    def opened(path: str) -> Callable[[list[bytes]], list[bytes | None]]:
        get = package.CDB(path, mmap=True).get
        return lambda keys: list(map(get, keys))

    return Library(opened, 1 << 15)  # what is at work stays in the processor's cache


class CdbFile:
    """A file open for reading. Raises OSError when it cannot be read and DamagedMap when it cannot be a cdb file."""

    def __init__(self, path: str | os.PathLike[str], name: str = "") -> None:
        self.file = RawFile(path, name, "cdb")
        try:
            self._tables = list(_PAIR.iter_unpack(self.file.read(0, HEADER)))
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self.file.close()

    def get(self, key: bytes) -> bytes | None:
        """The value of the first record with this key, as it is stored."""
        wanted = hash_one(key, PRIME, START)
        place, slots = self._tables[wanted % TABLES]
        if slots == 0:
            return None
        if place < HEADER or place + 8 * slots > self.file.size:
            raise self.file.damaged("a table lies outside the file")
        first = (wanted >> 8) % slots
        tries = _TRIES
        for begin, end in ((first, slots), (0, first)):
            for at in range(begin, end, _SLOTS):
                count = min(_SLOTS, end - at)
                for slot_hash, record in _PAIR.iter_unpack(self.file.read(place + 8 * at, 8 * count)):
                    if record == 0:
                        return None
                    if slot_hash == wanted:
                        tries -= 1
                        if tries < 0:
                            raise self.file.damaged("too many records with one hash")
                        found = self._record(record, key)
                        if found is not None:
                            return found
        return None

    def get_all(self, keys: list[bytes], end: bytes = b"", share: Share = WHOLE) -> list[bytes | None]:
        """What `get` gives for each of ``keys`` followed by ``end``, up to a NUL; for less than one by one."""
        part = part_of(len(keys), share)
        before: list[bytes | None] = [None] * part.start
        found = self._get_all(
            [key + end for key in keys[part.start : part.stop]] if end else keys[part.start : part.stop]
        )
        return before + found + [None] * (len(keys) - part.stop)

    def _get_all(self, keys: list[bytes]) -> list[bytes | None]:
        if len(keys) < _MANY or self.file.size > _LARGE or sys.byteorder == "big":
            return [c_string(self.get(key)) for key in keys]
        data = self.file.read(0, self.file.size)
        tables = [(self._slots(data, *table), table[1]) if table[1] else (_EMPTY, 1) for table in self._tables]
        unpack, last = _PAIR.unpack_from, len(data) - 8
        found: list[bytes | None] = []
        for key, wanted in zip(keys, hash_all(keys, prime=PRIME, start=START), strict=True):
            table, size = tables[wanted & 0xFF]
            slot = table[(wanted >> 8) % size]
            if slot <= MASK:  # the place is 0
                found.append(None)
                continue
            record = slot >> 32
            if slot & MASK == wanted and HEADER <= record <= last:
                key_length, length = unpack(data, record)
                middle = record + 8 + key_length
                if middle + length <= last + 8 and data[record + 8 : middle] == key:
                    found.append(data[middle : middle + length].partition(b"\0")[0])
                    continue
            found.append(self._probe(data, table, wanted, key))
        return found

    def _probe(self, data: bytes, table: memoryview, wanted: int, key: bytes) -> bytes | None:
        """The value of a key that may be at any place in its table."""
        size = len(table)
        first = (wanted >> 8) % size
        for at in range(first, first + min(size, _PROBES)):
            slot = table[at - size if at >= size else at]
            if slot <= MASK:
                return None
            if slot & MASK == wanted:
                value = self._value(data, slot >> 32, key)
                if value is not None:
                    return c_string(value)
        return c_string(self.get(key))

    def _slots(self, data: bytes, place: int, slots: int) -> memoryview:
        """A table of the file's content, hash and place of each slot as one number."""
        if place < HEADER or place + 8 * slots > len(data):
            raise self.file.damaged("a table lies outside the file")
        return memoryview(data)[place : place + 8 * slots].cast("Q")

    def _value(self, data: bytes, record: int, key: bytes) -> bytes | None:
        """The value of a record of the file's content; None when it has another key."""
        if record < HEADER or record + 8 > len(data):
            raise self.file.damaged("a record lies outside the file")
        key_length, value_length = _PAIR.unpack_from(data, record)
        middle = record + 8 + key_length
        if middle + value_length > len(data):
            raise self.file.damaged("a record lies outside the file")
        return data[middle : middle + value_length] if data[record + 8 : middle] == key else None

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        """All records in the order in which they were written."""
        end = self._tables[0][0]
        if not HEADER <= end <= self.file.size:
            raise self.file.damaged("a table lies outside the file")
        at, start, data = HEADER, HEADER, b""
        while at < end:
            if at + 8 > start + len(data):
                start, data = at, self.file.read(at, min(_READ, end - at))
            if len(data) < at - start + 8:
                raise self.file.damaged("a record lies outside its part of the file")
            key_length, value_length = _PAIR.unpack_from(data, at - start)
            following = at + 8 + key_length + value_length
            if following > end:
                raise self.file.damaged("a record lies outside its part of the file")
            if following > start + len(data):
                start, data = at, self.file.read(at, min(max(_READ, following - at), end - at))
            begin = at - start + 8
            middle = begin + key_length
            yield data[begin:middle], data[middle : middle + value_length]
            at = following

    def _record(self, place: int, key: bytes) -> bytes | None:
        """The value of the record at ``place``; None when it has another key."""
        if place < HEADER or place + 8 > self.file.size:
            raise self.file.damaged("a record lies outside the file")
        data = self.file.read(place, min(8 + len(key) + 256, self.file.size - place))
        key_length, value_length = _PAIR.unpack_from(data)
        end = 8 + key_length + value_length
        if place + end > self.file.size:
            raise self.file.damaged("a record lies outside the file")
        if key_length != len(key) or data[8 : 8 + key_length] != key:
            return None
        if end > len(data):
            data = self.file.read(place, end)
        return data[8 + key_length : end]
