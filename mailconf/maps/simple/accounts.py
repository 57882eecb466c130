"""``unix``: the accounts of the machine, ``unix:passwd.byname`` and ``unix:group.byname`` (DATABASE_README).

The answer is the line of the user or group as /etc/passwd and /etc/group have it. Below another root those files are
read; on the machine itself getpwnam(3) and getgrnam(3) answer, which may ask elsewhere. It cannot be listed.
"""

from __future__ import annotations

from mailconf.maps.core.opening import Opening
from mailconf.maps.core.table import UnsupportedMap
from mailconf.source import decode, encode

_FILES = {"passwd.byname": "/etc/passwd", "group.byname": "/etc/group"}


class AccountTable:
    type = "unix"

    def __init__(self, name: str, opening: Opening) -> None:
        if name not in _FILES:
            raise UnsupportedMap(f"unknown table: unix:{name}")
        self.name = name
        self._root = opening.root
        self._folded = opening.folded

    def lookup(self, key: bytes) -> bytes | None:
        name = decode(self._folded(key).partition(b"\0")[0])
        if not self._root.is_real:
            return self._line_of(_FILES[self.name], encode(name))
        line = _passwd_line(name) if self.name == "passwd.byname" else _group_line(name)
        return encode(line) if line else None

    def _line_of(self, path: str, name: bytes) -> bytes | None:
        data = self._root.personal(path, None, follow=True).text or b""
        return next((line for line in data.splitlines() if name and line.partition(b":")[0] == name), None)

    def close(self) -> None:
        pass


def _passwd_line(name: str) -> str:
    import pwd

    try:
        found = pwd.getpwnam(name)
    except (KeyError, ValueError):
        return ""
    return ":".join(str(field) for field in found)


def _group_line(name: str) -> str:
    import grp

    try:
        found = grp.getgrnam(name)
    except (KeyError, ValueError):
        return ""
    return f"{found.gr_name}:{found.gr_passwd}:{found.gr_gid}:{','.join(found.gr_mem)}"
