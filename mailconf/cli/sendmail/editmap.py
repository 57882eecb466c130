"""``editmap``: queries and edits single entries of sendmail's maps, as editmap(8) of sendmail 8.17 does.

Options, messages and exit status are the original's; ``--root DIR`` (ours) reads and writes every
absolute path below DIR. Departures: those of ``makemap`` (`mailconf.cli.sendmail.makemap`).
"""

from __future__ import annotations

import os
import sys
from contextlib import closing, contextmanager

from mailconf.cli.sendmail.sendmail_tool import (
    DEFAULT_CF,
    EX_IOERR,
    EX_OK,
    EX_UNAVAILABLE,
    EX_USAGE,
    Stop,
    getopt,
    read_tool_cf,
    say,
    trusted_user,
    valued,
)
from mailconf.cli.shared.own_options import take_root
from mailconf.source import decode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from mailconf.cli.sendmail.sendmail_map import Map
    from mailconf.files import Tree

LETTERS = "C:fquxN"
USAGE = 'Usage: editmap [-C cffile] [-N] [-f] [-q|-u|-x] maptype mapname key [ "value ..." ]'
_PREFIX = "editmap"  # of messages, except for getopt's, which name the program as it was called


def run(name: str, arguments: list[str]) -> int:
    """Run ``editmap arguments``; ``name`` is what the program was called as. The exit status."""
    arguments = list(arguments)
    root = take_root(arguments, valued(LETTERS))
    action, cf_name = "", DEFAULT_CF
    flags: set[str] = set()
    try:
        for letter, value in getopt(name, arguments, LETTERS):
            if letter == "?" or (letter in "qux" and action):
                raise Stop(EX_USAGE, USAGE)
            if letter in "qux":
                action = letter
            elif letter == "C":
                cf_name = value
            else:
                flags.add(letter)
        if not action or len(arguments) < 3 or (action == "u") != (len(arguments) > 3):
            raise Stop(EX_USAGE, USAGE)
        trusted = trusted_user(read_tool_cf(_PREFIX, cf_name, root).option(b"trusteduser"))
        return _run(action, arguments, flags, trusted, root)
    except Stop as stop:
        if str(stop):
            say(str(stop))
        return stop.status


def _run(action: str, arguments: list[str], flags: set[str], trusted: int | None, root: Tree) -> int:
    from mailconf.cli.sendmail.sendmail_map import find
    from mailconf.sendmail.safefile import Safety

    kind, name = arguments[:2]
    key, *rest = [os.fsencode(word) for word in arguments[2:4]]
    if "f" not in flags:
        key = key.lower()
    end = b"\0" if "N" in flags else b""
    changes = action != "q"
    safety = Safety(root, trusted, warn=say)
    found = find(_PREFIX, kind, name, safety, root, write=changes, create=changes, new=False)
    edit = Edit(found, kind, name, trusted, end)
    if action == "q":
        return edit.query(key)
    return edit.update(key, rest[0]) if action == "u" else edit.remove(key)


class Edit:
    """One map, one entry."""

    def __init__(self, target: Map, kind: str, name: str, trusted: int | None, end: bytes) -> None:
        self.target = target
        self.kind = kind
        self.name = name
        self.trusted = trusted
        self.end = end

    def query(self, key: bytes) -> int:
        from mailconf.cli.sendmail.sendmail_map import open_old
        from mailconf.maps.core.table import TemporaryFailure

        with closing(open_old(_PREFIX, self.target, self.kind, self.name)) as database:
            try:
                value = database.get(key + self.end)
            except TemporaryFailure:
                value = None
        if value is None:
            raise Stop(EX_UNAVAILABLE, f"{_PREFIX}: couldn't find key {decode(key)} in map {self.name}")
        sys.stdout.buffer.write(value.partition(b"\0")[0] + b"\n")
        return EX_OK

    def update(self, key: bytes, value: bytes) -> int:
        """Give the key this value, or in a map whose keys may repeat one value more."""
        with self._failing(f"error updating ({decode(key)}, {decode(value)}) in map {self.name}"):
            self._change(key + self.end, value + self.end)
        return EX_OK

    def remove(self, key: bytes) -> int:
        """Take the key with all its values out of the map. A map that was not there is there then, and empty."""
        with self._failing(f"couldn't remove key {decode(key)} in map {self.name} (error)"):
            found = self._change(key + self.end, None)
        if not found:
            say(f"{_PREFIX}: key {decode(key)} doesn't exist in map {self.name}")
        return EX_OK

    def _change(self, key: bytes, value: bytes | None) -> bool:
        """Give the key this value, or take it out; whether it was there."""
        with self.target.locked():
            if not self.target.repeats:
                return self.target.change(key, None if value is None else (key, value), self.trusted)
            table = self.target.contents()
            found = key in table
            if value is not None:
                table.setdefault(key, []).append(value)
            elif found:
                del table[key]
            if found or value is not None:
                self.target.save(table, self.trusted)
            return found

    @contextmanager
    def _failing(self, failed: str) -> Iterator[None]:
        """The errors of a change end the program with a message that begins with ``failed``."""
        from mailconf.cli.sendmail.sendmail_map import DAMAGED
        from mailconf.maps.core.table import TemporaryFailure

        try:
            yield
        except OSError as failure:
            raise Stop(EX_IOERR, f"{_PREFIX}: {failed}: {failure.strerror}") from failure
        except TemporaryFailure as failure:
            raise Stop(EX_IOERR, f"{_PREFIX}: {failed}: {DAMAGED}") from failure
