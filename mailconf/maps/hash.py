"""``hash``: Berkeley DB hash files (DATABASE_README); ``hash:/etc/postfix/access`` is /etc/postfix/access.db."""

from __future__ import annotations

from mailconf.maps.bdb_hash import HashFile
from mailconf.maps.bdb_table import DatabaseTable
from mailconf.maps.opening import Opening


def open_table(name: str, opening: Opening) -> DatabaseTable:
    return DatabaseTable("hash", name, opening, HashFile)
