"""m4's command line on one text, in this process."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from mailconf.cli.sendmail import m4 as tool
from mailconf.m4 import Budget, Engine, Stop, System

BUDGET = Budget(steps=200_000, depth=2_000, size=4 << 20)


def run(arguments: str, text: bytes, folder: Path) -> tuple[int, bytes, bytes]:
    """Exit status, output and messages of ``m4 ARGUMENTS`` in ``folder`` with ``text`` as its standard input."""
    output: list[bytes] = []
    messages: list[bytes] = []
    parsed = tool.parse("m4", shlex.split(arguments))
    engine = Engine(System(), output.append, messages.append, budget=BUDGET, options=parsed.options)
    if parsed.debug is not None:
        engine.debug.set_flags(parsed.debug)
    engine.debug.length = parsed.length
    before = Path.cwd()
    os.chdir(folder)
    try:
        for kind, value in parsed.actions:
            tool._act(engine, kind, value)
        engine.process(b"stdin", text)
        engine.finish()
        status = engine.status
    except Stop as stop:
        status = stop.status
        engine.output.finish()
    finally:
        os.chdir(before)
    return status, b"".join(output), b"".join(messages)
