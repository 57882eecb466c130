"""The notation of tables that are written in main.cf itself: words, held together by braces (DATABASE_README)."""

from __future__ import annotations

from collections.abc import Iterator

SEPARATORS = ", \t\r\n"


def balanced(text: str) -> int:
    """The length of the part in braces that ``text`` begins with; 0 when it does not, or they are not balanced."""
    depth = 0
    for at, character in enumerate(text):
        if character == "{":
            depth += 1
        elif character == "}":
            depth -= 1
        if depth <= 0:
            return at + 1 if character == "}" else 0
    return 0


def inside(text: str) -> str | None:
    """What is between the braces that enclose all of ``text``; None when there is nothing or no such braces."""
    length = balanced(text)
    return text[1:-1] or None if 0 < length == len(text) else None


def split_braced(text: str) -> Iterator[str]:
    """Words between commas and whitespace; a brace holds everything up to its partner together."""
    word, depth = "", 0
    for character in text:
        if depth <= 0 and character in SEPARATORS:
            if word:
                yield word
            word = ""
            continue
        word += character
        depth += (character == "{") - (character == "}")
    if word:
        yield word
