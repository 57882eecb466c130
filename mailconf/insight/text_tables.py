"""The texts of sendmail's tables, asked in the place of the maps that would be built of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from mailconf.diagnostics import Sink
from mailconf.sendmail.rules.world import Unable
from mailconf.source import Source, Span, decode, encode
from mailconf.tables.makemap_reader import read_makemap
from mailconf.tables.sendmail_aliases_reader import read_sendmail_aliases

if TYPE_CHECKING:
    from mailconf.files import Tree
    from mailconf.tables.entry import Entry


class TextTables:
    """Each text is read once, as makemap or newaliases reads it.

    aliases  the files that are read as aliases
    """

    def __init__(self, root: Tree) -> None:
        self.aliases: set[str] = set()
        self._root = root
        self._texts: dict[str, dict[bytes, Entry]] = {}

    def entries(self, file: str) -> Mapping[bytes, Entry]:
        """The entries by their keys in small letters, in the text's order; Unable where it cannot be read."""
        if file not in self._texts:
            try:
                data = self._root.read(file)
            except OSError as failure:
                raise Unable(failure.strerror or str(failure)) from failure
            source = Source(str(self._root.path(file)), decode(data))
            found: dict[bytes, Entry] = {}
            if file in self.aliases:
                for entry in read_sendmail_aliases(source, Sink()):
                    found[encode(entry.key).lower()] = entry
            else:
                for entry in read_makemap(source, Sink()):
                    found.setdefault(encode(entry.key).lower(), entry)
            self._texts[file] = found
        return self._texts[file]

    def value(self, file: str, key: bytes) -> bytes | None:
        """What the map would have for ``key``, None where it is absent; Unable where the text cannot be read."""
        entry = self.entries(file).get(key)
        return None if entry is None else encode(entry.value)

    def place(self, file: str, key: bytes) -> Span | None:
        """Where the key stands, None where that is not known."""
        try:
            entry = self.entries(file).get(key.rstrip(b"\0"))
        except Unable:
            return None
        return None if entry is None else entry.key_span
