"""Texts that are not saved yet, over another tree: what an editor shows."""

from __future__ import annotations

import os
import stat
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from mailconf.files.nodes import status_of
from mailconf.files.regular import too_large
from mailconf.files.tree import MOST, NoDisk, Tree, TreePlace

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from mailconf.files.tree import Name
    from mailconf.personal import PersonalFile


class Overlay(Tree):
    """``texts``, by configuration path, in the place of the files that ``beneath`` has there, or has not.

    A text stands for the file, by whatever links it is reached. It has the owner and mode of the file; that of a new
    file is the user's who runs this. A text that differs from its file was modified when the overlay was made.
    """

    def __init__(self, beneath: Tree, texts: Mapping[str, bytes]) -> None:
        super().__init__(beneath.top)
        self.is_real = beneath.is_real
        self._beneath = beneath
        self._modified = time.time_ns()
        self._texts: dict[str, bytes] = {beneath.resolve(name): text for name, text in texts.items()}
        self._folders: dict[str, set[str]] = {}
        for text in self._texts:
            above = text
            while above != "/":
                above, name = os.path.split(above)
                self._folders.setdefault(above, set()).add(name)

    def path(self, name: Name) -> Path:
        return self._beneath.path(name)

    def place(self, name: Name) -> str:
        return self._beneath.place(name)

    def shown(self, path: Name) -> Path:
        return self._beneath.shown(path)

    def inside(self, path: Name) -> str:
        return self._beneath.inside(path)

    def covers(self, name: Name) -> bool:
        return self._beneath.covers(name)

    def _text(self, name: Name) -> tuple[TreePlace, bytes | None]:
        """The place that a name leads to, and its text; None if it has no text of its own."""
        if not os.fspath(name) or "\0" in os.fspath(name):
            return TreePlace(), None  # what is beneath reports it
        try:
            place = self._beneath.resolve(name)
        except OSError:
            return TreePlace(), None
        return place, self._texts.get(place)

    def load(self, name: Name, most: int = MOST) -> tuple[bytes, os.stat_result]:
        place, text = self._text(name)
        if text is None:
            return self._beneath.load(name, most)
        if len(text) > most:
            raise too_large(place)
        return text, self._status(place, text)

    def head(self, name: Name, count: int) -> tuple[bytes, os.stat_result]:
        place, text = self._text(name)
        return self._beneath.head(name, count) if text is None else (text[:count], self._status(place, text))

    def stat(self, name: Name, *, follow: bool = True) -> os.stat_result:
        if not follow and self._beneath.is_link(name):
            return self._beneath.stat(name, follow=False)
        place, text = self._text(name)
        if text is not None:
            return self._status(place, text)
        if place in self._folders:
            try:
                return self._beneath.stat(name, follow=follow)
            except FileNotFoundError:
                user, group = os.geteuid(), os.getegid()
                return status_of(stat.S_IFDIR | 0o755, 0, user, group, 0, self._modified)
        return self._beneath.stat(name, follow=follow)

    def _status(self, place: TreePlace, text: bytes) -> os.stat_result:
        try:
            was = self._beneath.stat(place)
        except FileNotFoundError:
            user, group = os.geteuid(), os.getegid()
            return status_of(stat.S_IFREG | 0o644, 0, user, group, len(text), self._modified)
        if was.st_size == len(text):
            with suppress(OSError):  # it is no file
                if self._beneath.read(place) == text:
                    return was
        mode = stat.S_IFREG | stat.S_IMODE(was.st_mode)
        return status_of(mode, was.st_ino, was.st_uid, was.st_gid, len(text), self._modified)

    def list(self, name: Name) -> Sequence[str]:
        added = self._folders.get(self._text(name)[0], set())
        try:
            return sorted(added.union(self._beneath.list(name)))
        except FileNotFoundError:
            if not added:
                raise
            return sorted(added)

    def link(self, name: Name) -> str:
        return self._beneath.link(name)

    def resolve(self, name: Name) -> TreePlace:
        return self._beneath.resolve(name)

    def real(self, name: Name) -> Path:
        if self._text(name)[1] is not None:
            raise NoDisk(self.place(name))
        return self._beneath.real(name)

    def socket(self, name: Name) -> Path:
        return self._beneath.socket(name)

    def personal(self, name: Name, user: tuple[int, int] | None, *, follow: bool) -> PersonalFile:
        text = self._text(name)[1]
        try:
            found = self._beneath.personal(name, user, follow=follow)
        except FileNotFoundError:  # as a folder that stands for another has it
            if text is None:
                raise
            from mailconf.personal import PersonalFile

            found = PersonalFile()
        if text is None or (found.exists and not found.regular):
            return found
        status = self.stat(name)
        return found._replace(owner=status.st_uid, mode=status.st_mode, text=text, reason="", unknown=False)

    def own(self, name: Name, most: int) -> bytes:
        return self._beneath.own(name, most)
