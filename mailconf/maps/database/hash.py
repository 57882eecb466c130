"""``hash``: Berkeley DB hash files (DATABASE_README); ``hash:/etc/postfix/access`` is /etc/postfix/access.db."""

from __future__ import annotations

from mailconf.maps.core.opening import Opening
from mailconf.maps.database.bdb_hash import HashFile
from mailconf.maps.database.bdb_table import DatabaseTable


def open_table(name: str, opening: Opening) -> DatabaseTable:
    return DatabaseTable("hash", name, opening, HashFile)
