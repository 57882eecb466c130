"""The lookup types by name: ``open_table("hash:/etc/postfix/access")``.

The module of a type is imported when its first table is opened.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Literal

from mailconf.files import Root, Tree
from mailconf.maps.core.opening import Fold, Opening, Parameter, Warn, no_parameters, silent
from mailconf.maps.core.table import LookupTable, UnknownType, UnsupportedMap
from mailconf.maps.core.trust import ORDINARY, Trust, behind_proxy, refusal
from mailconf.maps.reference import PROXY, TableRef
from mailconf.maps.types import type_of, types_with
from mailconf.ports import Ports

if TYPE_CHECKING:
    from collections.abc import Callable

_NESTING = 100  # tables within tables


def known_types() -> list[str]:
    """The types that `open_table` opens, sorted."""
    return sorted([*types_with(lambda kind: kind.opener), PROXY])


def open_table(
    spec: str,
    root: Tree | None = None,
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
    """Open the table ``type:name`` for reading. ``proxy:type:name`` is the same, except for ``trust``.

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
    kind, name = TableRef.parse(spec)
    if not kind or not name:
        raise UnsupportedMap(f'open dictionary: expecting "type:name" form instead of "{spec}"')
    if depth > _NESTING:
        raise UnsupportedMap(f"more than {_NESTING} tables within each other")

    def inner(other: str) -> LookupTable:
        return _open(other, opening, depth + 1)

    if kind == PROXY:
        return _open(name, opening._replace(trust=behind_proxy(opening.trust)), depth + 1)
    if refused := refusal(spec, opening.trust):
        raise UnsupportedMap(refused)
    if opening.instead is not None and (found := opening.instead(spec)) is not None:
        return found
    return opener_of(kind)(name, opening._replace(open=inner))


def opener_of(kind: str) -> Callable[[str, Opening], LookupTable]:
    """What opens tables of a type: a function, or the table's class. Raises UnsupportedMap."""
    place = type_of(kind).opener
    if not place:
        raise UnknownType(kind)
    module, _, opener = place.partition(":")
    found: Callable[[str, Opening], LookupTable] = getattr(import_module(f"mailconf.maps.{module}"), opener)
    return found
