"""define, undefine, defn, pushdef, popdef, indir, builtin (info m4, "Definitions")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mailconf.m4.macros import BUILTINS, Builtin, Macro, builtin
from mailconf.m4.places import Block
from mailconf.source import decode

if TYPE_CHECKING:
    from mailconf.m4.engine import Engine


def _name(m4: Engine, args: list[Any]) -> bytes | None:
    """The first argument as a macro's name; None with a warning if it is a builtin's definition."""
    name = args[1]
    if isinstance(name, Builtin):
        m4.warn(f"{decode(args[0])}: invalid macro name ignored")
        return None
    return name  # type: ignore[no-any-return]


def _macro(m4: Engine, args: list[Any]) -> Macro | None:
    name = _name(m4, args)
    if name is None:
        return None
    value = args[2] if len(args) > 2 else b""
    if isinstance(value, Builtin):
        return Macro(name, b"", value, m4.here)
    macro = Macro(name, value, None, m4.here if m4.track else None)
    if m4.options.warn_sequence and value:
        _warn_sequences(m4, name, value)
    return macro


def _warn_sequences(m4: Engine, name: bytes, text: bytes) -> None:
    from mailconf.m4.regex import compile_pattern

    pattern = compile_pattern(m4.options.warn_sequence)
    at = 0
    while at < len(text):
        match = pattern.search(text, at, m4.work, m4.bounded)
        if match is None:
            return
        start, end = match[0]
        if start < end:
            m4.warn(f"definition of `{decode(name)}' contains sequence `{decode(text[start:end])}'")
        at = max(end, start + 1)


@builtin("define", 2, 3, blind=True, tokens=True)
def define(m4: Engine, args: list[Any]) -> None:
    macro = _macro(m4, args)
    if macro is not None:
        m4.macros.define(macro)


@builtin("pushdef", 2, 3, blind=True, tokens=True)
def pushdef(m4: Engine, args: list[Any]) -> None:
    macro = _macro(m4, args)
    if macro is not None:
        m4.macros.push(macro)


@builtin("undefine", 2, 0, blind=True)
def undefine(m4: Engine, args: list[bytes]) -> None:
    for name in args[1:]:
        m4.macros.undefine(name)


@builtin("popdef", 2, 0, blind=True)
def popdef(m4: Engine, args: list[bytes]) -> None:
    for name in args[1:]:
        m4.macros.pop(name)


@builtin("defn", 2, 0, blind=True)
def defn(m4: Engine, args: list[bytes]) -> bytes | None:
    """The quoted definitions; a single builtin's is a block of its own, read as one token."""
    now = m4.syntax
    texts: list[bytes] = []
    for name in args[1:]:
        macro = m4.macros.top.get(name)
        if macro is None:
            continue
        if macro.builtin is None:
            texts.append(now.quote + macro.text + now.unquote)
        elif len(args) > 2:
            m4.warn(f"cannot concatenate builtin `{decode(name)}'")
        else:
            block: Block = m4.expansion(b"", args[0])
            block.token = macro.builtin
            m4.push(block)
    return b"".join(texts)


@builtin("indir", 2, 0, blind=True, gnu=True, tokens=True)
def indir(m4: Engine, args: list[Any]) -> bytes | None:
    return _redirect(m4, args, b"indir")


@builtin("builtin", 2, 0, blind=True, gnu=True, tokens=True)
def builtin_(m4: Engine, args: list[Any]) -> bytes | None:
    return _redirect(m4, args, b"builtin")


def _redirect(m4: Engine, args: list[Any], through: bytes) -> bytes | None:
    """Call what the first argument names with the rest; a chain of indir and builtin is followed in a loop."""
    while True:
        name = _name(m4, args)
        if name is None:
            return None
        if through == b"indir":
            macro = m4.macros.top.get(name)
            if macro is None:
                m4.complain(f"undefined macro `{decode(name)}'")
                return None
        else:
            found = BUILTINS.get(name)
            if found is None or (found.gnu and m4.options.traditional):
                m4.complain(f"undefined builtin `{decode(name)}'")
                return None
            macro = Macro(name, b"", found)
        m4.work(1)
        args = args[1:]
        if macro.builtin is None or macro.builtin.function not in (indir, builtin_) or len(args) < 2:
            return m4.invoke(macro, args)
        through = macro.builtin.name
