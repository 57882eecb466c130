"""How a table is opened: what `mailconf.maps.registry` hands to the module of a type.

A type's module has ``open_table(name, opening)``, which returns a LookupTable or raises TemporaryFailure (the table
cannot be read now) or UnsupportedMap (``name`` names no table of the type), in the original's words.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

from mailconf.files import Root, Tree
from mailconf.maps.core.table import LookupTable, TemporaryFailure
from mailconf.maps.core.trust import ORDINARY, Trust
from mailconf.ports import Ports

Fold = Callable[[bytes], bytes]
Warn = Callable[[str], None]
Progress = Callable[[int, int], None]
Parameter = Callable[[str], str | None]

_TOGETHER = 1 << 12  # keys that are folded at a time


def silent(_: str) -> None:
    """The `Warn` of callers that are only interested in answers."""


def no_parameters(_: str) -> None:
    """The `Parameter` of callers without a main.cf."""


class Opening(NamedTuple):
    """The circumstances of an open.

    open       opens another table in the same circumstances (for the types that combine tables)
    fold       what tables of fixed strings do to keys, theirs and those asked for (postconf(5): "case folded"); tables
               of patterns do not fold. None: nothing
    warn       takes what the original would log as a warning
    parameter  the expanded value of a main.cf parameter, for the types whose name may be a prefix of
               parameters (sqlite_table(5) "OBSOLETE MAIN.CF PARAMETERS")
    utf8       text tables must be UTF-8 (smtputf8_enable)
    repeated   what counts of a key that a text table has several times: the first value, with a warning or without one,
               or the last
    nul        keys of database files end with a NUL, or do not; None: whichever is found first
    instead    may open a table in the place of ``type:name``; None where it does not
    files      the values written in a configuration or a text name files, and stand for their content
    trust      what the table may do in the role in which it is opened
    ports      resolves names of ports
    nulls      gets the messages about lines of a text with bytes of value 0 (Postfix 3.9); empty: nothing
    uri_names_database  a pgsql table needs no dbname where its hosts are URIs (Postfix 3.10)
    """

    open: Callable[[str], LookupTable]
    root: Tree = Root()
    fold: Fold | None = None
    warn: Warn = silent
    parameter: Parameter = no_parameters
    utf8: bool = True
    repeated: Literal["warned", "first", "last"] = "warned"
    files: bool = False
    nul: bool | None = None
    instead: Callable[[str], LookupTable | None] | None = None
    trust: Trust = ORDINARY
    ports: Ports = Ports()
    nulls: str = ""
    uri_names_database: bool = True

    def value(self, written: bytes) -> bytes:
        """What ``written`` stands for. Raises `mailconf.maps.core.contents.NoContent`."""
        if not self.files:
            return written
        from mailconf.maps.core.contents import content

        return content(written, self.root)

    def folded(self, key: bytes) -> bytes:
        return self.fold(key) if self.fold else key

    def folded_all(self, keys: list[bytes]) -> list[bytes]:
        """What `folded` makes of each of ``keys``."""
        if self.fold is None:
            return keys
        folded: list[bytes] = []
        for at in range(0, len(keys), _TOGETHER):
            some = keys[at : at + _TOGETHER]
            text = b"\n".join(some)
            lower = self.folded_text(text)
            lines = some if lower == text else lower.split(b"\n")
            folded += lines if len(lines) == len(some) else map(self.folded, some)
        return folded

    def folded_text(self, text: bytes) -> bytes:
        """What `folded` makes of each line of ``text``."""
        if self.fold is None:
            return text
        if text.isascii():  # no letter depends on its neighbours: they can be folded together
            return self.fold(text)
        return b"\n".join(map(self.fold, text.split(b"\n")))


def cannot_open(name: str, problem: OSError) -> TemporaryFailure:
    """The failure to open the database file ``name``."""
    return TemporaryFailure(f"open database {name}: {problem.strerror}")


class Repeated(Exception):
    """Raised by the writer of a map that is given a key twice: the caller must choose which value counts."""


class NotStored(OSError):
    """Raised by the writer of a map whose type does not store such a key or value."""
