"""len, index, substr, translit, regexp, patsubst, format (info m4, "Text handling")."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from mailconf.m4.macros import builtin
from mailconf.m4.numbers import integer
from mailconf.source import decode

if TYPE_CHECKING:
    from mailconf.m4.engine import Engine
    from mailconf.m4.regex import Groups, RegexProgram


@builtin("len", 2, 2, blind=True)
def len_(m4: Engine, args: list[bytes]) -> bytes:
    return b"%d" % len(args[1])


@builtin("index", 3, 3, blind=True, lenient=True)
def index(m4: Engine, args: list[bytes]) -> bytes:
    if len(args) < 3:
        return b"0"
    return b"%d" % args[1].find(args[2])


@builtin("substr", 3, 4, blind=True, lenient=True)
def substr(m4: Engine, args: list[bytes]) -> bytes | None:
    text = args[1]
    if len(args) < 3:
        return text
    start = integer(m4, args[0], args[2])
    if start is None:
        return None
    length: int | None = len(text)
    if len(args) > 3:
        length = integer(m4, args[0], args[3])
    if length is None or start < 0 or length <= 0:
        return None
    return text[start : start + length]


@lru_cache(maxsize=64)
def _ranges(text: bytes) -> bytes:
    """``a-d`` written out, forwards or backwards; a dash that ends the text or begins it is itself."""
    if b"-" not in text:
        return text
    out = bytearray()
    at, size = 0, len(text)
    while at < size:
        code = text[at]
        if code == 0x2D and out and at + 1 < size:
            first, last = out[-1], text[at + 1]
            out.extend(range(first + 1, last + 1) if first <= last else range(first - 1, last - 1, -1))
            at += 2
            # A range's end may begin the next range; a dash after it is then a range again.
            continue
        out.append(code)
        at += 1
    return bytes(out)


@builtin("translit", 3, 4, blind=True, lenient=True)
def translit(m4: Engine, args: list[bytes]) -> bytes:
    text = args[1]
    if len(args) < 3:
        return text
    m4.work(len(args[2]) >> 6)
    from_ = _ranges(args[2])
    to = _ranges(args[3]) if len(args) > 3 else b""
    table = bytearray(range(256))
    delete = bytearray()
    seen = set()
    for at, code in enumerate(from_):
        if code not in seen:
            seen.add(code)
            if at < len(to):
                table[code] = to[at]
            else:
                delete.append(code)
    return text.translate(bytes(table), bytes(delete))


# -- regular expressions


def _compile(m4: Engine, text: bytes, words: str) -> RegexProgram | None:
    from mailconf.m4.regex import BadRegex, compile_pattern

    try:
        return compile_pattern(text)
    except BadRegex as error:
        m4.complain(f"bad regular expression{words} `{decode(text)}': {error}")
        return None


def _replacement(m4: Engine, replacement: bytes, text: bytes, groups: Groups) -> bytes:
    """The replacement with its escapes filled in; warnings as they are met."""
    if b"\\" not in replacement:
        return replacement
    parts: list[bytes] = []
    size = 0
    at, end = 0, len(replacement)
    while True:
        found = replacement.find(b"\\", at)
        if found < 0:
            parts.append(replacement[at:])
            break
        parts.append(replacement[at:found])
        if found + 1 >= end:
            m4.warn("trailing \\ ignored in replacement")
            break
        code = replacement[found + 1]
        at = found + 2
        if code == 0x30:
            m4.warn("\\0 will disappear, use \\& instead in replacements")
        if code in b"&0":
            start, stop = groups[0]
            parts.append(text[start:stop])
        elif 0x31 <= code <= 0x39:
            number = code - 0x30
            if number >= len(groups):
                m4.warn(f"sub-expression {number} not present")
            else:
                start, stop = groups[number]
                if start >= 0:
                    parts.append(text[start:stop])
        else:
            parts.append(replacement[found + 1 : at])
        size += len(parts[-1])
        if size > m4.size_left:
            m4.spend(size)
    return b"".join(parts)


@builtin("regexp", 3, 4, blind=True, gnu=True, lenient=True)
def regexp(m4: Engine, args: list[bytes]) -> bytes | None:
    if len(args) < 3:
        return b"0"
    text, source = args[1], args[2]
    if not source:  # matches at once, with no sub-expressions
        return b"0" if len(args) == 3 else _replacement(m4, args[3], text, [(0, 0)])
    pattern = _compile(m4, source, ":")
    if pattern is None:
        return None
    groups = pattern.search(text, 0, m4.work, m4.bounded)
    if len(args) == 3:
        return b"-1" if groups is None else b"%d" % groups[0][0]
    return None if groups is None else _replacement(m4, args[3], text, groups)


@builtin("patsubst", 3, 4, blind=True, gnu=True, lenient=True)
def patsubst(m4: Engine, args: list[bytes]) -> bytes | None:
    text = args[1]
    if len(args) < 3:
        return text or None
    replacement = args[3] if len(args) > 3 else b""
    if not args[2] and not replacement:
        return text
    pattern = _compile(m4, args[2], "")
    if pattern is None:
        return None
    plain = b"\\" not in replacement
    parts: list[bytes] = []
    made = 0
    at, size = 0, len(text)
    while at <= size:
        groups = pattern.search(text, at, m4.work, m4.bounded)
        if groups is None:
            parts.append(text[at:])
            break
        start, end = groups[0]
        parts.append(text[at:start])
        part = replacement if plain else _replacement(m4, replacement, text, groups)
        parts.append(part)
        made += len(part)
        if made > m4.size_left:
            m4.spend(made)
        if start == end:
            if start < size:
                parts.append(text[start : start + 1])
            end += 1
        at = end
    return b"".join(parts)


@builtin("format", 2, 0, blind=True, gnu=True)
def format_(m4: Engine, args: list[bytes]) -> bytes:
    from mailconf.m4.formatting import formatted

    return formatted(m4, args)
