"""The grammars of ``grammars/``: parses by their tables, and turns a parse failure into a Diagnostic.

``grammars/NAME.lark`` is written in Lark's notation. Beside it is ``grammars/NAME.bad.yaml``: broken input that
names the mistake, a list of ``{code, message, hint, start, examples: [...]}``. A text that fails as one of the examples
does, in the same state of the parser, has the same mistake.

``grammars/generate.py`` makes one file of tables of both, ``grammars/tables/NAME.json``, which is all that is read
here, at the first parse. The tables ship with mailconf; nothing is kept in a cache.
"""

from __future__ import annotations

import json
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from mailconf.diagnostics import CODES, Code, Sink, error
from mailconf.lalr import ParseFailure, Parser, Token, Tree, nearest
from mailconf.resources import resource
from mailconf.source import Source

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["GR001", "Grammar", "Mistake", "ParseFailure", "Token", "Tree"]

GR001 = error("GR001", "text that no rule of the file's grammar accepts")
"""Why: the text has no form that the grammar knows, and is no mistake that has a code of its own.
The engine may leave it out, or take it for something else.

Example:
    an entry of a table that is wrong in a way for which grammars/ has no example beside the grammar.

Remedy: compare the text with the lines around it and with the manual page of the format.

Source: the grammars in grammars/, which follow the manual pages of the formats.
"""


class Mistake(NamedTuple):
    """What a kind of broken input means to a person."""

    code: str
    message: str
    hint: str


class Grammar:
    """One grammar file. ``parse`` takes a stretch of a source; positions in the tree count from the stretch's start.

    ``callbacks`` see the tokens of a terminal before the parser does, and may give them another type. The mistakes of
    a grammar that relies on them have words, but are not found by `mistake`.
    """

    def __init__(self, name: str, callbacks: Mapping[str, Callable[[Token], Token]] | None = None) -> None:
        self.name = name
        self._callbacks = dict(callbacks or {})

    @cached_property
    def _tables(self) -> dict[str, Any]:
        data: dict[str, Any] = json.loads(resource("grammars/tables", f"{self.name}.json"))
        return data

    @cached_property
    def _parser(self) -> Parser:
        return Parser(self._tables, self._callbacks)

    @cached_property
    def _mistakes(self) -> list[Mistake]:
        return [Mistake(entry["code"], entry["message"], entry["hint"]) for entry in self._tables["mistakes"]]

    @property
    def starts(self) -> list[str]:
        """The rules by which a text may be read; the first one is used where the caller names no rule."""
        return list(self._parser.starts)

    def parse(self, text: str, start: str | None = None) -> Tree:
        """The tree of ``text``; raises ParseFailure, which `mistake` gives a name and `explain` reports."""
        return self._parser.parse(text, start or self.starts[0])

    def mistake(self, failure: ParseFailure, start: str | None = None) -> Mistake | None:
        """The known mistake that fails as ``failure`` does (same state, same kind of token), if there is one."""
        rule = start or self.starts[0]
        examples = [entry["examples"].get(rule, []) for entry in self._tables["mistakes"]]
        found = nearest(failure.signature(), examples)
        return None if found is None else self._mistakes[found]

    def named(self, code: str) -> Mistake:
        """The words of the first mistake with this code, for a reader that finds it without the grammar."""
        return next(mistake for mistake in self._mistakes if mistake.code == code)

    def explain(
        self,
        failure: ParseFailure,
        source: Source,
        sink: Sink,
        *,
        offset: int = 0,
        start: str | None = None,
    ) -> None:
        """Report ``failure``, found in the stretch of ``source`` that begins at ``offset``."""
        place = offset + failure.start
        span = source.span(place, min(place + 1, len(source.text)))
        found = self.mistake(failure, start)
        if found is None:
            sink.report(GR001, "this text is not understood", span, hint="compare it with the lines around it")
        else:
            code = CODES.get(found.code) or Code(found.code, GR001.severity, found.message)
            sink.report(code, found.message, span, hint=found.hint)
