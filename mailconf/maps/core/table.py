"""What every lookup table offers: `LookupTable`, and the three outcomes of a lookup.

A lookup returns the value (bytes) when the key is found and None when it is absent, and raises `TemporaryFailure`
otherwise, so that a failure cannot be mistaken for an absence (DESIGN.md, "three outcomes").
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from array import array
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

Share = tuple[float, float]  # a part of work: from where to where, between 0 and 1
WHOLE: Share = (0, 1)


class TemporaryFailure(Exception):
    """The table could not answer: unreachable, damaged, over its limit. The message has the reason, for the log."""


class DamagedMap(TemporaryFailure):
    """The file is no map or a damaged one; nothing in it may be trusted."""


class UnsupportedMap(Exception):
    """The map type is unknown or cannot do what is asked; the message is the original's, without a prefix."""


class UnknownType(UnsupportedMap):
    """There is no map type ``type``; the message is that of a table that is looked up."""

    def __init__(self, type: str) -> None:
        super().__init__(f"unsupported dictionary type: {type}")
        self.type = type


class NotBuilt(UnsupportedMap):
    """Maps of the type ``type`` are not built from a text; ``known`` is whether there is such a type at all."""

    def __init__(self, type: str, known: bool) -> None:
        cannot = " does not support bulk-mode creation." if known else f". Is the postfix-{type} package installed?"
        super().__init__(f"unsupported dictionary type: {type}{cannot}")
        self.type = type
        self.known = known


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

    def processes(self, count: int) -> int:
        """How many should share the work for so many keys, one or two. What both need is loaded then."""
        ...

    def places(self, keys: list[bytes]) -> array[int] | None:
        """Where in the file each of ``keys`` would lie, once there is an `edition`; None where it is found in passing.

        For some types this is half of the work. It can be shared by the keys, where the rest is shared by the places.
        """
        ...

    def lookup_all(
        self, keys: list[bytes], share: Share = WHOLE, places: array[int] | None = None
    ) -> list[bytes | None]:
        """What `lookup` answers for each of ``keys``, none with a NUL, in turn. Raises TemporaryFailure.

        share   only one part of the work, once there is an `edition`; a key of another part is as if absent
        places  those of the keys, of the same edition, if they are known
        """
        ...


class AskedLibrary(Protocol):
    """What asks a library for the keys on the lines of a text, each with its newline: the lines and their values.

    A value with a NUL is longer than what `lookup` answers.

    To be called in a process that may die of it, be sent in circles, or read what is no entry; it raises any exception.

    at_once  bytes of keys that it is best called with
    """

    at_once: int

    def __call__(self, text: bytes) -> tuple[list[bytes], list[bytes | None]]: ...


@runtime_checkable
class LibraryTable(BulkTable, Protocol):
    """A table whose file a compiled library reads as well, more quickly than we do, and trusting its content."""

    def by_library(self) -> AbstractContextManager[AskedLibrary | None]:
        """What asks the library; while it lasts, the file does not change.

        None where there is no such library, before there is an `edition`, and where anyone else can write to the file.
        """
        ...
