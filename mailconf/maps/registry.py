"""The lookup types by name: ``open_table("hash:/etc/postfix/access")``.

The module of a type is imported when its first table is opened.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Literal

from mailconf.files import Root
from mailconf.maps.core.opening import Fold, Opening, Parameter, Warn, no_parameters, silent
from mailconf.maps.core.table import LookupTable, UnknownType, UnsupportedMap
from mailconf.ports import Ports
from mailconf.tables.trust import ORDINARY, Trust, behind_proxy, refusal

if TYPE_CHECKING:
    from collections.abc import Callable

# type -> module, and what in it opens a table
_TYPES = {
    "btree": "database.btree:open_table",
    "cdb": "database.cdb:open_table",
    "cidr": "patterns.cidr:Cidr",
    "environ": "simple.environ:open_table",
    "fail": "simple.fail:open_table",
    "hash": "database.hash:open_table",
    "inline": "simple.inline:open_table",
    "ldap": "servers.ldap:LdapTable",
    "lmdb": "database.lmdb:open_table",
    "memcache": "servers.memcache:MemcacheTable",
    "mysql": "servers.mysql:MysqlTable",
    "nis": "servers.nis:open_table",
    "pcre": "patterns.pcre:Pcre",
    "pgsql": "servers.pgsql:PgsqlTable",
    "pipemap": "simple.combined:PipeTable",
    "randmap": "simple.randmap:open_table",
    "regexp": "patterns.regexp:Regexp",
    "socketmap": "servers.socketmap:SocketmapTable",
    "sqlite": "servers.sqlite:SqliteTable",
    "static": "simple.static:open_table",
    "tcp": "servers.tcp:TcpTable",
    "texthash": "simple.texthash:open_table",
    "unionmap": "simple.combined:UnionTable",
    "unix": "simple.accounts:AccountTable",
}

_NESTING = 100  # tables within tables


def known_types() -> list[str]:
    """The types that `open_table` opens, sorted."""
    return sorted([*_TYPES, "proxy"])


def open_table(
    spec: str,
    root: Root | None = None,
    *,
    fold: Fold | None = None,
    warn: Warn = silent,
    parameter: Parameter = no_parameters,
    utf8: bool = True,
    repeated: Literal["warned", "first", "last"] = "warned",
    files: bool = False,
    nul: bool | None = None,
    instead: Callable[[str], LookupTable | None] | None = None,
    trust: Trust = ORDINARY,
    ports: Ports | None = None,
    nulls: str = "",
    uri_names_database: bool = True,
) -> LookupTable:
    """Open the table ``type:name`` for reading. ``proxy:type:name`` is the same, but for ``trust``.

    root       where the files of the configuration lie
    fold       what tables of fixed strings do to their keys and to those they are asked for; Postfix's programs fold
               case, and fold nothing for tables of patterns. None leaves keys as they are
    warn       takes what the original would log
    parameter  gives main.cf's parameters to the types that can be configured there
    utf8, repeated, files, nul, instead, trust, ports, nulls, uri_names_database  as in `Opening`

    Raises UnsupportedMap when there is no such type, ``name`` cannot name one of its tables, or ``trust`` forbids
    it; TemporaryFailure when the table cannot be read; both in the words of the original.
    """

    def never(_: str) -> LookupTable:
        raise AssertionError

    opening = Opening(never, root or Root(), fold, warn, parameter, utf8, repeated, files, nul, instead, trust)
    opening = opening._replace(
        ports=ports or Ports(root=opening.root), nulls=nulls, uri_names_database=uri_names_database
    )
    return _open(spec, opening, 0)


def _open(spec: str, opening: Opening, depth: int) -> LookupTable:
    kind, _, name = spec.partition(":")
    if not kind or not name:
        raise UnsupportedMap(f'open dictionary: expecting "type:name" form instead of "{spec}"')
    if depth > _NESTING:
        raise UnsupportedMap(f"more than {_NESTING} tables within each other")

    def inner(other: str) -> LookupTable:
        return _open(other, opening, depth + 1)

    if kind == "proxy":
        return _open(name, opening._replace(trust=behind_proxy(opening.trust)), depth + 1)
    if refused := refusal(spec, opening.trust):
        raise UnsupportedMap(refused)
    if opening.instead is not None and (found := opening.instead(spec)) is not None:
        return found
    return opener_of(kind)(name, opening._replace(open=inner))


def opener_of(kind: str) -> Callable[[str, Opening], LookupTable]:
    """What opens tables of a type: a function, or the table's class. Raises UnsupportedMap."""
    if kind not in _TYPES:
        raise UnknownType(kind)
    module, _, opener = _TYPES[kind].partition(":")
    found: Callable[[str, Opening], LookupTable] = getattr(import_module(f"mailconf.maps.{module}"), opener)
    return found
