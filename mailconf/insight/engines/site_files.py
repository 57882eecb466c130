"""The files of a configuration that an engine of its own is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailconf.insight.engines.namespace import CannotStart
from mailconf.source import decode

if TYPE_CHECKING:
    from mailconf.files import Tree

MOST_BYTES = 64 << 20  # of a site's files, all together


def files_of(root: Tree, directory: str) -> dict[str, str]:
    """The files of the configuration below /etc, by their names: those of another root, or of a folder."""
    found: dict[str, str] = {}
    total = 0
    if root.is_real:
        return {}
    # Of a folder that stands for another, /etc has what the world adds, and not that folder.
    waiting = [folder for folder in dict.fromkeys(("/etc", directory)) if root.is_folder(folder)]
    seen: set[str] = set()
    while waiting:
        folder = waiting.pop().rstrip("/")
        if folder in seen:
            continue
        seen.add(folder)
        for name in root.list(folder):
            place = f"{folder.rstrip('/')}/{name}"
            if root.is_folder(place):
                waiting.append(place)
            elif root.is_file(place) and place not in ("/etc/passwd", "/etc/group", "/etc/shadow"):
                data = root.read(place, MOST_BYTES)
                total += len(data)
                if total > MOST_BYTES:
                    raise CannotStart(f"the files of the configuration have more than {MOST_BYTES:,} bytes")
                found[place] = decode(data)
    return found


def users_of(root: Tree) -> dict[str, str]:
    """The users of another root."""
    if root.is_real or not root.is_file("/etc/passwd"):
        return {}
    lines = [line.split(":") for line in decode(root.read("/etc/passwd", 1 << 20)).splitlines()]
    return {fields[0]: fields[5] for fields in lines if len(fields) > 6}
