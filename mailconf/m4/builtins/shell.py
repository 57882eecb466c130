"""syscmd, esyscmd, sysval, mkstemp, maketemp (info m4, "Shell commands")."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mailconf.m4.macros import builtin
from mailconf.source import decode

if TYPE_CHECKING:
    from mailconf.m4.engine import Engine


def _run(m4: Engine, args: list[bytes], capture: bool) -> bytes:
    """Run the command; sysval is its exit status, or its signal shifted left by eight bits."""
    command = args[1]
    if not command:
        m4.sysval = 0
        return b""
    m4.output.flush()
    m4.leave_input()
    try:
        status, output = m4.environment.run(command.partition(b"\0")[0], capture)
    except OSError as error:
        m4.sysval = 127
        m4.failed(f"cannot run command `{decode(command)}'", error)
        return b""
    m4.sysval = status if status >= 0 else -status << 8
    if status == 127 and not capture:
        m4.message(f"{decode(args[0])} subprocess failed", None)
    return output


@builtin("syscmd", 2, 2, blind=True)
def syscmd(m4: Engine, args: list[bytes]) -> None:
    _run(m4, args, capture=False)


@builtin("esyscmd", 2, 2, blind=True, gnu=True)
def esyscmd(m4: Engine, args: list[bytes]) -> bytes:
    return _run(m4, args, capture=True)


@builtin("sysval", 1, 0)
def sysval(m4: Engine, args: list[bytes]) -> bytes:
    return b"%d" % m4.sysval


@builtin("mkstemp", 2, 2, blind=True)
def mkstemp(m4: Engine, args: list[bytes]) -> bytes | None:
    template = args[1].partition(b"\0")[0]
    prefix = template.rstrip(b"X") if not template.endswith(b"X" * 7) else template[:-6]
    try:
        name = m4.environment.temporary(prefix)
    except OSError as error:
        m4.failed(f"{decode(args[0])}: cannot create tempfile `{decode(args[1])}'", error)
        return None
    return m4.syntax.quote + name + m4.syntax.unquote


@builtin("maketemp", 2, 2, blind=True)
def maketemp(m4: Engine, args: list[bytes]) -> bytes | None:
    if not m4.options.traditional:
        return mkstemp(m4, args)
    # POSIX: the process's number takes the place of the trailing X's, and no file is made.
    m4.complain("recommend using mkstemp instead")
    prefix = args[1].rstrip(b"X")
    count = len(args[1]) - len(prefix)
    number = b"%0*d" % (count, os.getpid())
    return prefix + number[len(number) - count :]
