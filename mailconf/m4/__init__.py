r"""GNU m4 1.4.19: bytes in, bytes out.

The language is that of `info m4`: all builtins but changeword (an experiment that distributions leave out), the
warnings and errors in m4's words, traces and debugging output, diversions, `#line` directives, frozen state files.

The rooms, in the order text passes them:

    reader      the input as one stream across files and expansions; tokens, byte by byte (the slow, exact path)
    syntax      quotes and comments compiled to patterns (the fast path: whole tokens inside one block)
    engine      the loop: arguments, calls, messages, budget
    macros      definitions; the table of builtins
    builtins/   one module a subject; numbers, expression (eval), formatting (format), regex/ serve them
    output      diversions, #line
    frozen      a run's state saved and loaded
    places      where every byte came from
    environment what a run may touch, and how much it may use

Differences from GNU m4, each on purpose:

- Nesting of calls, of quotes and of parentheses in eval is bounded by memory, not by a stack.
- Regular expressions are matched here (why: mailconf.m4.regex). Repeated groups that can match nothing, doubled
  repetitions such as ``b**`` inside a group and references to empty groups may report another of the several ways in
  which the same text is divided among the groups than the C library does; anchors inside repeated groups, which the
  C library sometimes matches where they do not hold, match where they hold.
- Text is bytes in every locale, as in the C locale: what a build gives must not depend on who runs it. (In a UTF-8
  locale GNU's `.` matches a whole character.)
- ``--help`` prints words of our own.
- Every run has a `Budget`; the m4 tool sets no bounds. An `Environment` decides what may be touched; the tool allows
  all.

    >>> from mailconf.m4 import expand
    >>> expand("x.m4", b"define(`greet', `hello $1')greet(`world')").output
    b'hello world'
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mailconf.m4.engine import Engine, EngineOptions
from mailconf.m4.environment import UNBOUNDED, Budget, Confined, Denied, Environment, System
from mailconf.m4.errors import Exhausted, Fatal, Stop
from mailconf.m4.places import MacroPlace, Text

if TYPE_CHECKING:
    from mailconf.diagnostics import Sink
    from mailconf.m4.engine import Callback

__all__ = [
    "UNBOUNDED",
    "Budget",
    "Confined",
    "Denied",
    "Engine",
    "EngineOptions",
    "Environment",
    "Exhausted",
    "Expansion",
    "Fatal",
    "MacroPlace",
    "Stop",
    "System",
    "Text",
    "expand",
]


class Expansion(NamedTuple):
    """What came of a text: the output, what was printed on standard error, m4's exit status; with tracking, the
    pieces of the output with the place that each came from (None for text that m4 itself put in)."""

    output: bytes
    messages: bytes
    status: int
    pieces: list[tuple[bytes, MacroPlace | None]]


def expand(
    name: str,
    data: bytes,
    *,
    environment: Environment | None = None,
    budget: Budget | None = None,
    options: EngineOptions | None = None,
    definitions: dict[bytes, bytes] | None = None,
    track: bool = False,
    on_call: Callback | None = None,
    sink: Sink | None = None,
) -> Expansion:
    """Expand one text, called ``name`` in messages. Nothing outside may be touched unless ``environment`` allows it."""
    from mailconf.m4.macros import Macro
    from mailconf.source import encode

    output: list[bytes] = []
    messages: list[bytes] = []
    engine = Engine(
        environment or Environment(),
        output.append,
        messages.append,
        budget=budget,
        options=options,
        track=track,
        on_call=on_call,
        sink=sink,
    )
    for macro, text in (definitions or {}).items():
        engine.macros.define(Macro(macro, text))
    try:
        engine.process(encode(name), data)
        engine.finish()
        status = engine.status
    except Stop as stop:
        status = stop.status
        engine.output.finish()
    pieces = list(zip(*engine.output.explained(), strict=True)) if track else []
    return Expansion(b"".join(output), b"".join(messages), status, pieces)
