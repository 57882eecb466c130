"""Quotes and comments, compiled: the patterns that let the scanner take whole tokens from one block.

m4 looks for a comment, then a word, then a quote; anything else is a character by itself. The patterns below express
the same for the bytes of one block. What they cannot decide there, because the block ends first, is read byte by byte
across blocks (`mailconf.m4.reader`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import cast

WORD_START = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_")
WORD_BYTES = WORD_START | frozenset(b"0123456789")
WORD_REST = re.compile(rb"[A-Za-z0-9_]*")
_LEAD = re.compile(rb"[ \t\n\v\f\r]*")
Matcher = Callable[[bytes, int], "re.Match[bytes]"]  # these patterns match everywhere, be it nothing
SPACES = frozenset(b" \t\n\v\f\r")

# What follows the plain text that Syntax.top or Syntax.argument (inside a call) matched: the match's lastindex.
AT_COMMENT, AT_WORD, AT_STRING, AT_QUOTE, AT_PUNCTUATION = 1, 2, 3, 4, 5


class Syntax:
    """One setting of quotes and comments. An empty delimiter switches its mechanism off."""

    def __init__(self, quote: bytes, unquote: bytes, comment: bytes, uncomment: bytes) -> None:
        self.quote, self.unquote = quote, unquote
        self.comment, self.uncomment = comment, uncomment
        starts = [d for d in (comment, quote) if d]
        self.parentheses = not any(d.startswith(b"(") for d in starts)  # `(' is always a parenthesis
        self.spaces = not any(d[0] in SPACES for d in starts)  # white space is never a delimiter
        self.lead = cast(Matcher, _LEAD.match)
        self.partial = [d for d in starts if len(d) > 1]
        self.quotes = re.compile(re.escape(unquote) + b"|" + re.escape(quote)) if quote else None
        self.top = cast(Matcher, self._pattern(b"").match)
        self.argument = cast(Matcher, self._pattern(b"(),").match)

    def _pattern(self, punctuation: bytes) -> re.Pattern[bytes]:
        delimiters = [re.escape(d) for d in (self.comment, self.quote) if d]
        firsts = b"".join(re.escape(d[:1]) for d in (self.comment, self.quote) if d)
        stops = b"A-Za-z_" + re.escape(punctuation)
        plain = [b"[^" + stops + firsts + b"]++"]
        if self.partial:  # the first byte of a longer delimiter may be there without the rest
            plain.append(b"(?!" + b"|".join(delimiters) + b")(?![" + stops + b"])[" + firsts + b"]")
        if self.comment and self.uncomment == b"\n":
            plain.append(re.escape(self.comment) + rb"[^\n]*+\n")
        never = b"((?!))"
        string = never
        if len(self.quote) == len(self.unquote) == 1:
            inside = b"[^" + re.escape(self.quote) + re.escape(self.unquote) + b"]*+"
            string = re.escape(self.quote) + b"(" + inside + b")" + re.escape(self.unquote)
        behind = [
            b"((?=" + re.escape(self.comment) + b"))" if self.comment else never,
            b"([A-Za-z_][A-Za-z0-9_]*+)",
            string,
            b"((?=" + re.escape(self.quote) + b"))" if self.quote else never,
            b"([" + re.escape(punctuation) + b"])" if punctuation else never,
        ]
        # The group is not possessive, though it could be: Python before 3.11.5 gets possessive groups wrong.
        return re.compile(b"(?:" + b"|".join(plain) + b")*(?:" + b"|".join(behind) + b")?")

    def cut_short(self, data: bytes, start: int) -> int:
        """Where a delimiter may begin that the end of ``data`` cuts, not before ``start``; -1 if nowhere."""
        best = -1
        for delimiter in self.partial:
            for length in range(min(len(delimiter) - 1, len(data) - start), 0, -1):
                if data.endswith(delimiter[:length]):
                    at = len(data) - length
                    best = at if best < 0 else min(best, at)
                    break
        return best

    def may_begin(self, data: bytes, at: int) -> bool:
        """Whether a delimiter may begin at ``at`` that the end of ``data`` cuts."""
        return any(len(data) - at < len(d) and d.startswith(data[at:]) for d in self.partial)

    def end_of_string(self, data: bytes, start: int) -> int:
        """The offset after the quoted string that begins at ``start``; -1 if ``data`` does not hold all of it."""
        assert self.quotes is not None
        level, unquote = 1, self.unquote
        for match in self.quotes.finditer(data, start + len(self.quote)):
            if match[0] == unquote:
                level -= 1
                if not level:
                    return match.end()
            else:
                level += 1
        return -1

    def end_of_comment(self, data: bytes, start: int) -> int:
        """The offset after the comment that begins at ``start``; -1 if ``data`` does not hold all of it."""
        found = data.find(self.uncomment, start + len(self.comment))
        return -1 if found < 0 else found + len(self.uncomment)


@lru_cache(maxsize=64)
def syntax(quote: bytes, unquote: bytes, comment: bytes, uncomment: bytes) -> Syntax:
    return Syntax(quote, unquote, comment, uncomment)
