"""The configuration of a table that asks a server or a database: a file, or parameters of main.cf.

A name that begins with a slash or a dot is a file in the format of main.cf: logical lines ``name = value``
(`mailconf.tables.lines`), without expansion; of several lines with the same name the last one counts. Any other name is
the prefix of parameters in main.cf: of the table ``sqlite:users`` the parameter dbpath is ``users_dbpath``.
sqlite_table(5), pgsql_table(5), mysql_table(5), ldap_table(5), memcache_table(5).

Mistakes raise TemporaryFailure in the original's words; a server's configuration may be corrected while it runs.
"""

from __future__ import annotations

import re

from mailconf.maps.core.opening import Opening
from mailconf.maps.core.table import TemporaryFailure
from mailconf.source import decode
from mailconf.tables.lines import SPACE, LineNumbers, NullLines, logical_lines

_ENTRY = re.compile(rb"([^\s=]+)\s*=\s*(.*)", re.DOTALL)


class ClientConfig:
    """The parameters of the table ``name``."""

    def __init__(self, name: str, opening: Opening) -> None:
        self.name = name
        self._parameter = opening.parameter
        self._is_file = name.startswith(("/", "."))
        self._entries = self._read(opening) if self._is_file else {}

    def get(self, name: str) -> str | None:
        """The value of a parameter; None when it is not set."""
        return self._entries.get(name) if self._is_file else self._parameter(f"{self.name}_{name}")

    def text(self, name: str, default: str = "", *, least: int = 0) -> str:
        """A string of at least ``least`` characters."""
        found = self.get(name)
        value = default if found is None else found
        if len(value) < least:
            raise self._bad(f"bad string length {len(value)} < {least}", name, value)
        return value

    def number(self, name: str, default: int, *, least: int | None = None) -> int:
        """An integer."""
        text = self.get(name)
        if text is None:
            return default
        if not re.fullmatch(r"[-+]?[0-9]+", text) or not -(2**31) <= int(text) < 2**31:
            raise self._bad("bad numerical configuration", name, text)
        if least is not None and int(text) < least:
            place = f"{self.name}: " if self._is_file else ""
            raise TemporaryFailure(f"{place}invalid {name} parameter value {int(text)} < {least}")
        return int(text)

    def boolean(self, name: str, default: bool) -> bool:
        """``yes`` or ``no``."""
        text = self.get(name)
        if text is None:
            return default
        if text.lower() not in ("yes", "no"):
            raise self._bad("bad boolean configuration", name, text)
        return text.lower() == "yes"

    def _bad(self, what: str, name: str, value: str) -> TemporaryFailure:
        if self._is_file:
            return TemporaryFailure(f"{self.name}: {what}: {name} = {value}")
        return TemporaryFailure(f"{what}: {self.name}_{name} = {value}")

    def _read(self, opening: Opening) -> dict[str, str]:
        try:
            data = opening.root.read(self.name)
        except IsADirectoryError as problem:
            raise TemporaryFailure(f"read {self.name}: {problem.strerror}") from problem
        except OSError as problem:
            raise TemporaryFailure(f"open {self.name}: {problem.strerror}") from problem
        entries: dict[str, str] = {}
        told = NullLines(data if opening.nulls else b"")
        number_of = LineNumbers(data)
        for line in logical_lines(data):
            if lines := told.take(line.start):
                opening.warn(f"{self.name}, line {lines}: {opening.nulls}")
            text = line.text.rstrip(SPACE).partition(b"\0")[0]
            if line.text[0] in SPACE:
                shown = decode(line.text[:30]) + ("..." if len(line.text) > 30 else "")
                opening.warn(f'{self.name}: logical line must not start with whitespace: "{shown}"')
                continue
            number = number_of(line.start)
            entry = _ENTRY.fullmatch(text)
            if entry is None:
                missing = "missing attribute name" if text.startswith(b"=") else "missing '=' after attribute name"
                raise TemporaryFailure(f'{self.name}, line {number}: {missing}: "{decode(text)}"')
            name, value = decode(entry[1]), decode(entry[2])
            if name in entries and entries[name] != value:
                earlier = f"{name}={entries[name]}"
                opening.warn(f"{self.name}, line {number}: overriding earlier entry: {earlier}")
            entries[name] = value
        return entries
