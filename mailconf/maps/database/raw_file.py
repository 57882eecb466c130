"""Map files that are read at any place and believed nowhere: what the readers of cdb and lmdb files share."""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Callable, Iterator

from mailconf.maps.core.table import DamagedMap, TemporaryFailure

TOGETHER = 1 << 20  # bytes
_SPARSE = 8  # pages that are read for one that is wanted, at most


def read_runs(
    read: Callable[[int, int], bytes], size: int, numbers: list[int], together: int = TOGETHER
) -> Iterator[tuple[int, list[int], bytes]]:
    """The pages of ``size`` bytes with these ascending numbers, through few calls of ``read`` (place, count).

    together  bytes that are read at a time

    Gives the first page's number, the numbers of those that were read together, and the bytes from the first on.
    """
    at = 0
    while at < len(numbers):
        first = numbers[at]
        end = bisect_left(numbers, first + together // size, at)
        if numbers[end - 1] - first >= _SPARSE * (end - at):
            end = at + 1
        yield first, numbers[at:end], read(first * size, (numbers[end - 1] - first + 1) * size)
        at = end


class RawFile:
    """A file open for reading, with pread(2): the reader of a mapping would die when the file is truncated meanwhile.

    ``name`` and ``format`` are for messages. Raises OSError when the file cannot be opened.
    """

    descriptor = -1  # until it is open, and after it was closed

    def __init__(self, path: str | os.PathLike[str], name: str, format: str) -> None:
        self.name = name or str(path)
        self.format = format
        self.descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe is not waited for
        self.size = os.fstat(self.descriptor).st_size

    def close(self) -> None:
        """A second call does nothing."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def __del__(self) -> None:
        """A table that is dropped, by an error for instance, keeps no file open."""
        self.close()

    def read(self, place: int, count: int) -> bytes:
        """``count`` bytes at ``place``, all of them: raises DamagedMap when the file ends before."""
        try:
            data = os.pread(self.descriptor, count, place)
        except OSError as problem:
            raise TemporaryFailure(f"{self.name}: {problem.strerror}") from problem
        if len(data) < count:
            raise self.damaged("cut short")
        return data

    def damaged(self, what: str) -> DamagedMap:
        return DamagedMap(f"{self.name}: damaged {self.format} file: {what}")
