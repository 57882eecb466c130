"""The files of addresses that local(8) reads, ~/.forward and :include:: why one is not used, and what it names."""

from __future__ import annotations

import stat

from mailconf.model.world import User
from mailconf.personal import PersonalFile
from mailconf.tables.aliases import AliasTarget, parse_alias_value


def fault_of_forward(path: str, found: PersonalFile, user: User | None) -> str:
    """Why a ~/.forward is ignored, in the original's words; "" where it is not. ``user`` None: owners do not count."""
    if not found.regular:
        return f"file {path} is not a regular file"
    if user is not None and found.owner not in (0, user.uid):
        return f"file {path} has bad owner uid {found.owner}"
    if found.mode & stat.S_IWOTH:
        return f"file {path} is world writable"
    return "" if found.text is not None else f"cannot open file {path}: {found.reason}"


def fault_of_include(path: str, found: PersonalFile) -> str:
    if not path.startswith("/"):
        return f":include:{path} uses a relative path"
    if not found.exists:
        return f"unable to lookup :include: file {path}: {found.reason}"
    if not found.regular:
        return f":include: file {path} is not a regular file"
    return f":include: file {path} is world writable" if found.mode & stat.S_IWOTH else ""


def targets_of(text: str) -> list[AliasTarget]:
    """The targets of an :include: or .forward file: those of each line that is no comment."""
    targets: list[AliasTarget] = []
    for line in text.splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            targets += parse_alias_value(line)
    return targets
