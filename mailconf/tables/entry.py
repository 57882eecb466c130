"""`Entry`: a key, its value, and where they stand. A million of them must be cheap: places are offsets until asked."""

from __future__ import annotations

from mailconf.source import Source, Span


class Entry:
    """One entry of a table, as text (bytes that are no UTF-8 as surrogates, see `mailconf.source`).

    key       as written (quotes and capitals included) for the postmap format; unquoted for aliases, as they are stored
    value     continuation lines joined, white space around it gone
    start, end, value_at   character offsets into ``source``: the entry from its key to the end of its value, and the
              beginning of its value
    """

    __slots__ = ("end", "key", "source", "start", "value", "value_at")

    def __init__(self, key: str, value: str, source: Source, start: int, value_at: int, end: int) -> None:
        self.key = key
        self.value = value
        self.source = source
        self.start = start
        self.value_at = value_at
        self.end = end

    @property
    def span(self) -> Span:
        """The entry, from the key to the end of the value."""
        return self.source.span(self.start, self.end)

    @property
    def key_span(self) -> Span:
        """The key as written."""
        written = self.source.text[self.start : self.value_at].rstrip(" \t\n\v\f\r")
        length = len(self.key) if written.startswith(self.key) else len(written)
        return self.source.span(self.start, self.start + length)

    @property
    def value_span(self) -> Span:
        """The value as written, comments between its lines included."""
        return self.source.span(self.value_at, self.end)

    def place(self, at: int, length: int = 1) -> Span:
        """The span of ``value[at:at + length]``, cut at the end of the physical line it starts on."""
        from mailconf.tables.lines import place_in

        return place_in(self.value_span, at, length)

    def _as_tuple(self) -> tuple[str, str, str, int, int, int]:
        return (self.key, self.value, self.source.name, self.start, self.value_at, self.end)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Entry) and self._as_tuple() == other._as_tuple()

    def __hash__(self) -> int:
        return hash(self._as_tuple())

    def __repr__(self) -> str:
        return f"Entry({self.key!r}, {self.value!r}, {self.span})"
