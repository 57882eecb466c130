"""What every lookup table offers: `LookupTable`, and the three outcomes of a lookup.

A lookup returns the value (bytes) when the key is found and None when it is absent, and raises `TemporaryFailure`
otherwise, so that a failure cannot be mistaken for an absence (DESIGN.md, "three outcomes").
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, runtime_checkable

Share = tuple[float, float]  # a part of work: from where to where, between 0 and 1
WHOLE: Share = (0, 1)


class TemporaryFailure(Exception):
    """The table could not answer: unreachable, damaged, over its limit. The message says why, for the log."""


class DamagedMap(TemporaryFailure):
    """The file is no map or a damaged one; nothing that it says may be believed."""


class UnsupportedMap(Exception):
    """The map type is unknown or cannot do what is asked; the message is the original's, without a prefix."""


@runtime_checkable
class LookupTable(Protocol):
    """A table opened for reading. Tables are cheap to keep open and safe to share between readers."""

    type: str
    name: str

    def lookup(self, key: bytes) -> bytes | None:
        """The value of ``key`` exactly as given (folding and partial keys are the caller's); None when absent.

        Raises TemporaryFailure.
        """
        ...

    def close(self) -> None:
        """Give back files and connections; a second call does nothing."""
        ...


@runtime_checkable
class SequenceTable(LookupTable, Protocol):
    """A table whose entries can be listed (``postmap -s``)."""

    def entries(self) -> Iterator[tuple[bytes, bytes]]:
        """All (key, value) pairs in the table's own order. Raises TemporaryFailure when the file is damaged."""
        ...


@runtime_checkable
class BulkTable(LookupTable, Protocol):
    """A table that answers many keys for less than one by one (``postmap -q -``).

    edition  what the answers come from; None as long as an answer also depends on the lookups before it. Two processes
             that have the same edition, and not None, may share the work.
    """

    @property
    def edition(self) -> object: ...

    def lookup_all(self, keys: list[bytes], share: Share = WHOLE) -> list[bytes | None]:
        """What `lookup` answers for each of ``keys``, none with a NUL, in turn. Raises TemporaryFailure.

        share  only one part of the work, once there is an `edition`; a key of another part is as if absent
        """
        ...
