"""Who calls a command: their number, and what the user database has of them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from mailconf.sendmail.rules.machine import Machine

if TYPE_CHECKING:
    from mailconf.files import Tree


class Caller(NamedTuple):
    """A user.

    login   "" where the number is unknown
    name    the full name
    """

    uid: int
    login: str
    gid: int = 65534
    home: str = ""
    name: str = ""


def caller_of(root: Tree, uid: int | None = None) -> Caller:
    """Who has started this process, or has the number ``uid``, by the user database below ``root``."""
    uid = os.getuid() if uid is None else uid
    for user, name in Machine(root).users():
        if user.uid == uid:
            return Caller(uid, user.name, user.gid, user.home, name)
    return Caller(uid, "")
