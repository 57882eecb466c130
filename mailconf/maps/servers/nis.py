"""``nis``: the tables of a NIS domain (DATABASE_README), which many defaults name: alias_maps ends in nis:mail.aliases.

A machine that belongs to no NIS domain finds nothing in such a table, and Postfix warns of it once a process. Below
another root no domain is known, so that no domain counts.

Departure: mailconf asks no NIS server. On a machine that has a NIS domain a lookup is a temporary failure, which is
what Postfix makes of a server that does not answer.
"""

from __future__ import annotations

from pathlib import Path

from mailconf.files import Root
from mailconf.maps.core.opening import Opening
from mailconf.maps.core.table import TemporaryFailure

NOT_SET = "dict_nis_init: NIS domain name not set - NIS lookups disabled"
DOMAIN = Path("/proc/sys/kernel/domainname")  # what getdomainname(2) returns

_warned = False


class NisTable:
    type = "nis"

    def __init__(self, name: str, domain: str) -> None:
        self.name = name
        self._domain = domain

    def lookup(self, key: bytes) -> bytes | None:
        if self._domain:
            raise TemporaryFailure(f"map {self.name} of NIS domain {self._domain}: mailconf asks no NIS server")
        return None

    def close(self) -> None:
        pass


def open_table(name: str, opening: Opening) -> NisTable:
    global _warned
    domain = nis_domain() if opening.root.is_real else ""
    if not domain and not _warned:
        _warned = True
        opening.warn(NOT_SET)
    return NisTable(name, domain)


def nis_domain() -> str:
    """The NIS domain of this machine, "" where it has no domain."""
    try:
        name = Root().read(DOMAIN).decode(errors="replace").strip()
    except OSError:
        return ""
    return "" if name.lower() == "(none)" else name
