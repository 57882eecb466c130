"""``btree``: Berkeley DB btree files (DATABASE_README); ``btree:/etc/postfix/access`` is /etc/postfix/access.db."""

from __future__ import annotations

from mailconf.maps.core.opening import Opening
from mailconf.maps.database.bdb_btree import BtreeFile
from mailconf.maps.database.bdb_table import DatabaseTable


def open_table(name: str, opening: Opening) -> DatabaseTable:
    return DatabaseTable("btree", name, opening, BtreeFile)
