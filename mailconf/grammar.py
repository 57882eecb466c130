"""Loads the Lark grammars of ``grammars/`` and turns a parse failure into a Diagnostic.

Beside ``grammars/NAME.lark`` stands ``grammars/NAME.bad.yaml``: broken input that names the mistake, a list of
``{code, message, hint, start, examples: [...]}``. Lark's ``match_examples`` finds the entry whose examples fail in
the same parser state as the user's text.

Lark and its parse tables are loaded at the first parse, not at import; the tables are cached below the user's cache
folder, under a name that changes with the grammar. Where that folder cannot be written, they are made anew.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mailconf import __version__
from mailconf.diagnostics import CODES, Code, Sink, error
from mailconf.resources import resource
from mailconf.source import Source

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lark import Lark, ParseTree, Token
    from lark.exceptions import UnexpectedInput

GR001 = error("GR001", "text that no rule of the file's grammar accepts")


class Mistake(NamedTuple):
    """What a kind of broken input means to a person."""

    code: str
    message: str
    hint: str
    start: str = ""  # the start rule whose mistake it is, "" for all of them


class Grammar:
    """One grammar file. ``parse`` takes a stretch of a source; positions in the tree count from the stretch's start.

    ``callbacks`` see the tokens of a terminal before the parser does, and may give them another type.
    """

    def __init__(
        self,
        name: str,
        start: str | list[str] = "start",
        callbacks: Mapping[str, Callable[[Token], Token]] | None = None,
    ) -> None:
        self.name = name
        self._start = [start] if isinstance(start, str) else start
        self._callbacks = dict(callbacks or {})

    @cached_property
    def lark(self) -> Lark:
        """The parser; RuntimeError when the grammar itself is broken, so that it is not taken for broken input."""
        from lark import Lark
        from lark.exceptions import LarkError

        path = resource("grammars", f"{self.name}.lark")
        text = path.read_text(encoding="utf-8")
        options: dict[str, Any] = {
            "parser": "lalr",
            "start": self._start,
            "propagate_positions": True,
            "maybe_placeholders": False,
            "import_paths": [str(path.parent)],
            "lexer_callbacks": self._callbacks,
        }
        cache = _cache_file(self.name, text)
        try:
            if cache is not None:
                with suppress(OSError, EOFError):
                    return Lark(text, cache=str(cache), **options)
            return Lark(text, **options)
        except LarkError as defect:
            raise RuntimeError(f"grammars/{self.name}.lark: {defect}") from defect

    @cached_property
    def _mistakes(self) -> list[tuple[Mistake, list[str]]]:
        try:
            path = resource("grammars", f"{self.name}.bad.yaml")
        except FileNotFoundError:
            return []
        import yaml

        entries = yaml.safe_load(path.read_text(encoding="utf-8"))
        return [
            (Mistake(e["code"], e["message"], e.get("hint", ""), e.get("start", "")), e["examples"]) for e in entries
        ]

    def parse(self, text: str, start: str | None = None) -> ParseTree:
        """The tree of ``text``; raises lark's UnexpectedInput, which `explain` turns into a Diagnostic."""
        return self.lark.parse(text, start=start or self._start[0])

    def mistake(self, failure: UnexpectedInput, start: str | None = None) -> Mistake | None:
        """The known mistake that fails as ``failure`` does (same state, same kind of token), if there is one."""
        rule = start or self._start[0]
        return failure.match_examples(
            lambda text: self.lark.parse(text, start=rule),
            [(mistake, examples) for mistake, examples in self._mistakes if mistake.start in ("", rule)],
            token_type_match_fallback=True,
            use_accepts=True,
        )

    def named(self, code: str) -> Mistake:
        """The words of the first mistake with this code, for a reader that finds it without the grammar."""
        return next(mistake for mistake, _ in self._mistakes if mistake.code == code)

    def explain(
        self,
        failure: UnexpectedInput,
        source: Source,
        sink: Sink,
        *,
        offset: int = 0,
        start: str | None = None,
    ) -> None:
        """Report ``failure``, found in the stretch of ``source`` that begins at ``offset``."""
        at = failure.pos_in_stream
        place = offset + at if at is not None and at >= 0 else len(source.text)
        span = source.span(place, min(place + 1, len(source.text)))
        found = self.mistake(failure, start)
        if found is None:
            sink.report(GR001, "this text is not understood", span, hint="compare it with the lines around it")
        else:
            code = CODES.get(found.code) or Code(found.code, GR001.severity, found.message)
            sink.report(code, found.message, span, hint=found.hint)


def _cache_file(name: str, text: str) -> Path | None:
    """Where the parse tables of this grammar text lie, or None where nothing can be written."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111
    folder = Path(base) / "mailconf"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        return None
    if not os.access(folder, os.W_OK):
        return None
    digest = hashlib.sha256(f"{__version__}\0{text}".encode()).hexdigest()[:16]
    return folder / f"{name}.{digest}.lark"
