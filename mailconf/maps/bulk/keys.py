"""Keys as they come in a text, a line for each."""

from __future__ import annotations


def keys_of(text: bytes) -> list[bytes]:
    """The lines of ``text``, each up to a NUL."""
    lines = text.split(b"\n")
    lines.pop()
    return [line.partition(b"\0")[0] for line in lines] if b"\0" in text else lines
