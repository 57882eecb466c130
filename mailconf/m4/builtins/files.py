"""include, sinclude, divert, undivert, divnum (info m4, "File Inclusion", "Diversions")."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mailconf.m4.environment import Denied
from mailconf.m4.macros import builtin
from mailconf.m4.numbers import integer, long, to_int32
from mailconf.source import decode

if TYPE_CHECKING:
    from mailconf.m4.engine import Engine

_DIVERSION = re.compile(rb"[+-]?[0-9]+")


@builtin("include", 2, 2, blind=True)
def include(m4: Engine, args: list[bytes]) -> None:
    _include(m4, args[1], silent=False)


@builtin("sinclude", 2, 2, blind=True)
def sinclude(m4: Engine, args: list[bytes]) -> None:
    _include(m4, args[1], silent=True)


def _include(m4: Engine, name: bytes, silent: bool) -> None:
    name = name.partition(b"\0")[0]
    try:
        path, data = m4.find(name)
    except OSError as error:
        if not silent or isinstance(error, Denied):
            m4.failed(f"cannot open `{decode(name)}'", error)
    else:
        m4.include(path, data)


@builtin("divert", 1, 2)
def divert(m4: Engine, args: list[bytes]) -> None:
    number: int | None = 0
    if len(args) > 1:
        number = integer(m4, args[0], args[1])
    if number is not None:
        m4.output.divert(number)


@builtin("divnum", 1, 1)
def divnum(m4: Engine, args: list[bytes]) -> bytes:
    return b"%d" % m4.output.current


@builtin("undivert", 1, 0)
def undivert(m4: Engine, args: list[bytes]) -> None:
    if len(args) == 1:
        for number in m4.output.numbers():
            m4.output.undivert(number)
        return
    for name in args[1:]:
        if not name:
            continue
        if _DIVERSION.fullmatch(name):
            value = long(name)
            m4.output.undivert(to_int32(value) if value is not None else 0)
        elif m4.options.traditional:
            m4.complain(f"non-numeric argument to builtin `{decode(args[0])}'")
        else:
            _copy(m4, name)


def _copy(m4: Engine, name: bytes) -> None:
    name = name.partition(b"\0")[0]
    try:
        _, data = m4.find(name)
    except Denied as error:
        m4.failed("", error)
    except OSError as error:
        m4.failed(f"cannot undivert `{decode(name)}'", error, keep_status=True)
    else:
        m4.spend(len(data))
        m4.output.insert(data, m4.here)
