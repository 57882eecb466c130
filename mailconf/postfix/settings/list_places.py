"""Where a pattern of a list stands: in main.cf, in master.cf, or in a file that the list names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mailconf.postfix.settings.lists import MOST_NESTED
from mailconf.postfix.text.words import scan
from mailconf.source import Source, Span

if TYPE_CHECKING:
    from mailconf.postfix.settings.configuration import Configuration


class ListPlaces:
    """The places of one configuration's patterns; each file is read once, when a pattern is looked for in it."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self._known: dict[tuple[str, str], Span | None] = {}
        self._texts: dict[str, Source | None] = {}

    def find(self, name: str, pattern: str) -> Span | None:
        """The place of a pattern of the list that the parameter ``name`` holds; where it cannot be found, the value's.

        pattern  without ``!``, whatever the case of its letters
        """
        key = name, pattern.lower()
        if key not in self._known:
            self._known[key] = next(self._of_value(name, key[1]), self._configuration.span(name))
        return self._known[key]

    def _of_value(self, name: str, pattern: str) -> Iterator[Span]:
        for word, offset in scan(self._configuration.value(name)):
            text = word.lstrip("!")
            if text.startswith("#"):
                return
            if text.lower() == pattern:
                if span := self._configuration.word_span(name, word, offset):
                    yield span
            elif text.startswith("/"):
                yield from self._of_file(text, pattern, 0)

    def _of_file(self, file: str, pattern: str, depth: int) -> Iterator[Span]:
        source = self._source(file)
        if source is None or depth > MOST_NESTED:
            return
        at = 0
        for line in source.text.split("\n"):
            for word, offset in scan("" if line.startswith("#") else line):
                text = word.lstrip("!")
                if text.startswith("#"):
                    break
                if text.lower() == pattern:
                    yield source.span(at + offset, at + offset + len(word))
                elif text.startswith("/"):
                    yield from self._of_file(text, pattern, depth + 1)
            at += len(line) + 1

    def _source(self, file: str) -> Source | None:
        if file not in self._texts:
            configuration = self._configuration
            try:
                text = configuration.read_list(file)
                self._texts[file] = Source(configuration.root.place(file), text)
            except OSError:
                self._texts[file] = None
        return self._texts[file]
