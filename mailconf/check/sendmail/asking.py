"""What the rulesets of a configuration answer: a .cf is run on an input, with tables that the caller supposes.

A rule that asks the rulesets holds for the library's .cf, our own and any other one alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from mailconf.model.world import run
from mailconf.sendmail.rules.classes import folded
from mailconf.sendmail.rules.load import load_source
from mailconf.sendmail.rules.machine import NamedMachine
from mailconf.sendmail.rules.matching import Effort, Endless
from mailconf.sendmail.rules.problems import Problems, Stopped
from mailconf.sendmail.rules.questions import STEPS, TRIES, Supposed, everywhere
from mailconf.sendmail.rules.run import Engine
from mailconf.sendmail.rules.symbols import MAILER

if TYPE_CHECKING:
    from mailconf.files import Tree
    from mailconf.sendmail.cf.configuration import Cf
    from mailconf.sendmail.rules.book import Rulebook

SUFFIXES = ("", ".db", ".cdb")
CLIENT = {"client_addr": "192.0.2.9", "client_name": "host.invalid", "client_resolve": "OK", "daemon_flags": ""}
_UNKNOWN = "host.name.invalid"


class Asking:
    """The rulesets of a .cf; ``of`` gives None where it cannot be loaded."""

    def __init__(self, book: Rulebook, root: Tree) -> None:
        self.book = book
        self._root = root

    @classmethod
    def of(cls, cf: Cf, root: Tree) -> Asking | None:
        """Load a configuration; commands and servers that fill classes are not asked."""
        if not all(item.is_file for item in cf.class_files):
            return None
        try:
            book = load_source(cf.source, NamedMachine(root, _UNKNOWN), Problems(lambda problem: None), cdb=True)
        except Stopped:
            return None
        return cls(book, root)

    def has(self, ruleset: str) -> bool:
        """Whether there is such a ruleset, with rules."""
        number = self.book.number(ruleset, Problems(lambda problem: None))
        return number is not None and bool(self.book.rulesets[number])

    def is_refused(
        self, ruleset: str, text: str, macros: Mapping[str, str], tables: Mapping[str, Mapping[bytes, bytes]]
    ) -> bool | None:
        """Whether a ruleset answers ``$#error`` to a text; None where that cannot be known.

        macros   of the session and the message: client_addr, f, ...
        tables   what is in each table, by the name of its file; all names of the DNS exist
        """
        given = {name + suffix: content for name, content in tables.items() for suffix in SUFFIXES}
        engine = Engine(
            self.book, Supposed(self._root, tables=given, dns=everywhere()), problems=Problems(lambda problem: None)
        )
        engine.steps, engine.effort = STEPS, Effort(TRIES)
        for name, value in macros.items():
            engine.macros.define(name, value)
        for map_ in self.book.maps.values():
            map_.open = map_.broken = False
        tokens = engine.scan(text)
        if tokens is None:
            return None
        try:
            called = run(engine.call(ruleset, tokens))
        except Endless:
            return None
        if called is None or called.status or engine.ended_early:
            return None
        words = called.workspace
        return bool(words) and words[0][:1] == MAILER and folded(words[1] if len(words) > 1 else "") == "error"
