"""Who gets mail on a machine: the users of its passwd file, and those that the running system knows from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

from mailconf.source import decode

if TYPE_CHECKING:
    from mailconf.files import Tree

_FIRST_UID, _LAST_UID = 1000, 60_000  # of people: login.defs(5)
_MOST = 10_000_000  # bytes of passwd(5)


def passwd(root: Tree) -> Iterator[tuple[str, int]]:
    """The names and ids of passwd(5); nothing where there is none."""
    try:
        lines = decode(root.read("/etc/passwd", _MOST)).splitlines()
    except OSError:
        return
    for line in lines:
        fields = line.split(":")
        if len(fields) > 6 and fields[2].isdigit():
            yield fields[0], int(fields[2][:9])


def people(root: Tree) -> list[str]:
    """The users of the machine that are people, as far as its passwd file shows."""
    return [name for name, uid in passwd(root) if _FIRST_UID <= uid < _LAST_UID]


@lru_cache(maxsize=10_000)
def is_account(name: str) -> bool:
    """Whether the machine that this runs on knows the user from anywhere."""
    import pwd

    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True
