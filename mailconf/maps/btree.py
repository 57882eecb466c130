"""``btree``: Berkeley DB btree files (DATABASE_README); ``btree:/etc/postfix/access`` is /etc/postfix/access.db."""

from __future__ import annotations

from mailconf.maps.bdb_btree import BtreeFile
from mailconf.maps.bdb_table import DatabaseTable
from mailconf.maps.opening import Opening


def open_table(name: str, opening: Opening) -> DatabaseTable:
    return DatabaseTable("btree", name, opening, BtreeFile)
