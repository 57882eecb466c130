"""LMDB files: the writer, through the library (package lmdb). `mailconf.maps.database.lmdb` describes the format.

All keys are known, so they come sorted and fill their pages. The size of the map, which LMDB keeps in the file, is the
first of 16 MB (postconf(5) lmdb_map_size), 32, 64, ... that holds them, as with postmap(1).
"""

from __future__ import annotations

import errno
import os
from itertools import islice, repeat
from operator import add
from typing import BinaryIO

import lmdb

from mailconf.maps.core.opening import NotStored, Progress, Repeated

SMALLEST_MAP = 16 << 20  # bytes

_TOO_LONG = "MDB_BAD_VALSIZE: Unsupported size of key/DB name/data, or wrong DUPFIXED size"
_BATCH = 1 << 16


def write_lmdb(
    file: BinaryIO,
    keys: list[bytes],
    values: list[bytes],
    *,
    end: bytes = b"",
    progress: Progress | None = None,
) -> None:
    """Write a table, its values in the order of its keys, into the empty file ``file`` (one of the operating system's).

    ``end`` is appended to every key and value; ``progress`` is called now and then with (entries done, all entries).

    Raises Repeated when a key comes twice, NotStored with the original's words when one is empty or longer than 511
    bytes, and OSError when the disk is full or fails.
    """
    order = sorted(range(len(keys)), key=keys.__getitem__)  # quicker than to sort pairs
    keys = list(map(keys.__getitem__, order))
    values = list(map(values.__getitem__, order))
    del order
    total = sum(map(len, keys)) + sum(map(len, values)) + 16 * len(keys)
    size = SMALLEST_MAP
    while size < total:
        size *= 2
    try:
        while not _written(file, keys, values, end, size, progress):
            size *= 2
    except lmdb.DiskError as full:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from full
    except lmdb.Error as problem:
        raise OSError(errno.EIO, str(problem)) from problem


def _written(
    file: BinaryIO, keys: list[bytes], values: list[bytes], end: bytes, size: int, progress: Progress | None
) -> bool:
    """Write all entries; False, and the file is empty, when the map of this size does not hold them."""
    pairs = zip(map(add, keys, repeat(end)), map(add, values, repeat(end)), strict=True)
    # The library opens its files itself; this is ours, under any name. The caller makes it durable.
    with (
        lmdb.open(f"/dev/fd/{file.fileno()}", subdir=False, lock=False, sync=False, map_size=size) as environment,
        environment.begin(write=True) as transaction,
    ):
        cursor = transaction.cursor()
        for done in range(_BATCH, len(keys) + _BATCH, _BATCH):
            try:
                taken, added = cursor.putmulti(islice(pairs, _BATCH), append=True)
            except lmdb.MapFullError:
                transaction.abort()
                file.truncate(0)
                return False
            except lmdb.BadValsizeError:
                raise NotStored(errno.EINVAL, _TOO_LONG) from None
            if added < taken:
                raise Repeated
            if progress is not None:
                progress(min(done, len(keys)), len(keys))
    return True
