"""The users and groups of the machine, or of another root: by name and by number."""

from __future__ import annotations

import grp
import pwd
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from mailconf.files import Tree
from mailconf.source import decode

Key = TypeVar("Key")
Found = TypeVar("Found")


class User(NamedTuple):
    """A user's number and that of its group."""

    number: int
    group: int


class Accounts:
    """Below the real root the system's databases answer, elsewhere /etc/passwd and /etc/group there.

    Of names with the same number, the first one is the number's (getpwuid(3)).
    """

    def __init__(self, root: Tree) -> None:
        self._real = root.is_real
        self._users: dict[str, User] = {}
        self._groups: dict[str, int] = {}
        if self._real:
            return
        for name, fields in _lines(root, "/etc/passwd", 4):
            self._users.setdefault(name, User(int(fields[1]), int(fields[2])))
        for name, fields in _lines(root, "/etc/group", 3):
            self._groups.setdefault(name, int(fields[1]))

    @property
    def are_known(self) -> bool:
        return self._real or bool(self._users)

    def user(self, name: str) -> User | None:
        if not self._real:
            return self._users.get(name)
        found = _ask(pwd.getpwnam, name)
        return User(found.pw_uid, found.pw_gid) if found else None

    def user_name(self, number: int) -> str:
        """The number of a user's name, "" where it is unknown."""
        if not self._real:
            return next((name for name, user in self._users.items() if user.number == number), "")
        found = _ask(pwd.getpwuid, number)
        return found.pw_name if found else ""

    def group(self, name: str) -> int | None:
        if not self._real:
            return self._groups.get(name)
        found = _ask(grp.getgrnam, name)
        return found.gr_gid if found else None

    def group_name(self, number: int) -> str:
        if not self._real:
            return next((name for name, its in self._groups.items() if its == number), "")
        found = _ask(grp.getgrgid, number)
        return found.gr_name if found else ""


def _ask(function: Callable[[Key], Found], key: Key) -> Found | None:
    try:
        return function(key)
    except (KeyError, ValueError, OSError):
        return None


def _lines(root: Tree, name: str, least: int) -> list[tuple[str, list[str]]]:
    """The lines of a database that have numbers where numbers belong: the name, and the fields after it."""
    try:
        text = decode(root.read(name))
    except OSError:
        return []
    found = []
    for line in text.splitlines():
        first, *fields = line.split(":")
        numbers = fields[1 : least - 1]
        if len(fields) >= least - 1 and all(field.isascii() and field.isdigit() for field in numbers):
            found.append((first, fields))
    return found
