"""dnl, changequote, changecom, m4wrap, and the place macros (info m4, "Input Control", "Location")."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailconf.m4.errors import Stop
from mailconf.m4.macros import builtin
from mailconf.m4.numbers import integer
from mailconf.m4.syntax import syntax
from mailconf.source import decode

if TYPE_CHECKING:
    from mailconf.m4.engine import Engine


@builtin("dnl", 1, 1)
def dnl(m4: Engine, args: list[bytes]) -> None:
    if not m4.skip_line():
        m4.warn("end of file treated as newline")
        m4.clear_place()


@builtin("changequote", 1, 3)
def changequote(m4: Engine, args: list[bytes]) -> None:
    now = m4.syntax
    quote = args[1] if len(args) > 1 else b"`"
    unquote = args[2] if len(args) > 2 and (args[2] or not quote) else b"'"
    m4.syntax = syntax(quote, unquote, now.comment, now.uncomment)


@builtin("changecom", 1, 3)
def changecom(m4: Engine, args: list[bytes]) -> None:
    now = m4.syntax
    comment = args[1] if len(args) > 1 else b""
    uncomment = args[2] if len(args) > 2 and args[2] else b"\n"
    m4.syntax = syntax(now.quote, now.unquote, comment, uncomment)


@builtin("m4wrap", 2, 0, blind=True)
def m4wrap(m4: Engine, args: list[bytes]) -> None:
    text = args[1] if m4.options.traditional else b" ".join(args[1:])
    m4.spend(len(text))
    if text:
        m4.wrapped.append(m4.expansion(text, args[0]))


@builtin("m4exit", 1, 2)
def m4exit(m4: Engine, args: list[bytes]) -> None:
    status: int | None = 0
    if len(args) > 1:
        status = integer(m4, args[0], args[1])
        if status is None:
            status = 1
        elif not 0 <= status <= 255:
            m4.complain(f"exit status out of range: `{decode(args[1])}'")
            status = 1
    raise Stop(status or m4.status)


@builtin("__file__", 1, 1, gnu=True)
def file_(m4: Engine, args: list[bytes]) -> bytes:
    here = m4.here
    assert here is not None
    return m4.syntax.quote + here.file[0].name + m4.syntax.unquote


@builtin("__line__", 1, 1, gnu=True)
def line_(m4: Engine, args: list[bytes]) -> bytes:
    here = m4.here
    assert here is not None
    return b"%d" % here.line


@builtin("__program__", 1, 1, gnu=True)
def program_(m4: Engine, args: list[bytes]) -> bytes:
    return m4.syntax.quote + m4.program + m4.syntax.unquote
