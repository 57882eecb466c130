"""errprint, dumpdef, traceon, traceoff, debugmode, debugfile (info m4, "Debugging", "Errprint")."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailconf.m4.debug import flags
from mailconf.m4.environment import Denied
from mailconf.m4.macros import builtin
from mailconf.source import decode

if TYPE_CHECKING:
    from mailconf.m4.engine import Engine


@builtin("errprint", 2, 0, blind=True)
def errprint(m4: Engine, args: list[bytes]) -> None:
    m4.printed(b" ".join(args[1:]))


@builtin("dumpdef", 1, 0)
def dumpdef(m4: Engine, args: list[bytes]) -> None:
    names: list[bytes] = []
    if len(args) == 1:
        names = list(m4.macros.names())
    for name in args[1:]:
        if name in m4.macros.top:
            names.append(name)
        else:
            m4.complain(f"undefined macro `{decode(name)}'")
    now, debug = m4.syntax, m4.debug
    for name in sorted(names):
        macro = m4.macros.top[name]
        if macro.builtin is not None:
            shown = b"<" + macro.builtin.name + b">"
        else:
            shown = now.quote + macro.text + now.unquote if debug.has("q") else macro.text
        m4.debug_line(name + b":\t" + shown + b"\n")


@builtin("traceon", 1, 0)
def traceon(m4: Engine, args: list[bytes]) -> None:
    m4.debug.traced.update(args[1:] if len(args) > 1 else m4.macros.top)
    m4.debug.look()


@builtin("traceoff", 1, 0)
def traceoff(m4: Engine, args: list[bytes]) -> None:
    m4.debug.traced.difference_update(args[1:] if len(args) > 1 else list(m4.debug.traced))
    m4.debug.look()


@builtin("debugmode", 1, 2, gnu=True)
def debugmode(m4: Engine, args: list[bytes]) -> None:
    debug = m4.debug
    if len(args) == 1:
        debug.flags = frozenset()
        debug.look()
        return
    sign = args[1][:1] if args[1][:1] in (b"+", b"-") else b""
    new = flags(args[1][len(sign) :])
    if new is None:
        m4.complain(f"Debugmode: bad debug flags: `{decode(args[1])}'")
    elif sign == b"+":
        debug.set_flags(debug.flags | new)
    elif sign == b"-":
        debug.set_flags(debug.flags - new)
    else:
        debug.set_flags(new)


@builtin("debugfile", 1, 2, gnu=True)
def debugfile(m4: Engine, args: list[bytes]) -> None:
    if len(args) == 1:
        m4.debug.redirect(None)
    elif not args[1]:
        m4.debug.redirect(None, discard=True)
    else:
        try:
            file = m4.environment.append(args[1].partition(b"\0")[0])
        except Denied as error:
            m4.failed("", error)
        except OSError as error:
            m4.failed(f"cannot set debug file `{decode(args[1])}'", error, keep_status=True)
        else:
            m4.debug.redirect(file)
