"""The metasymbols of rewriting rules, the names of macros and classes, and how both are printed.

Text of rules, workspaces, macros and maps is ``str`` with one character a byte (latin-1), so that each byte survives.
A metasymbol is one character of Unicode's private area, which no byte becomes: a ``$#`` that a client or a map sends
cannot turn into one. sendmail has them among the bytes 128 to 159; their codes here are its own plus `BASE`, because
some of its messages print them, without the eighth bit.

A macro or class is known by one character: its own, or for a name in braces one that `MacroNames` gives it, after the
metasymbols. There are as many as sendmail has.

Source: Sendmail Installation and Operation Guide 5.1, 5.6.1; sendmail 8.17.1.9, -d21.12, ``=S``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from io import StringIO

BASE = 0xF700


def _meta(code: int) -> str:
    return chr(BASE + code)


MACRO = _meta(0x81)  # $x: a macro, expanded when the line is read
LATE_MACRO = _meta(0x82)  # $&x: expanded when the rule runs
MAP_BEGIN, MAP_END = _meta(0x85), _meta(0x86)  # $( $)
ZERO_OR_MORE = _meta(0x90)  # $*
ONE_OR_MORE = _meta(0x91)  # $+
EXACTLY_ONE = _meta(0x92)  # $-
IN_CLASS = _meta(0x93)  # $=x
NOT_IN_CLASS = _meta(0x94)  # $~x
REPLACED = _meta(0x95)  # $1
MAILER = _meta(0x96)  # $#
HOST = _meta(0x97)  # $@; on a left side: nothing at all
USER = _meta(0x98)  # $:
CALL = _meta(0x99)  # $>
IF, ELSE, END_IF = _meta(0x9A), _meta(0x9B), _meta(0x9C)  # $? $| $.
NAME_BEGIN, NAME_END = _meta(0x9D), _meta(0x9E)  # $[ $]
NOTHING = HOST

FIRST_NAME, LAST_NAME = 0xF7A0, 0xF7FF  # the characters of names in braces
NAME_LENGTH = 25  # characters of a name in braces
_OWN_NAME = {"opMode": "\uf702"}  # which has a character before all others
_FIRST_NAMES = ("deliveryMode", "load_avg")  # those that always have one

META_NAMES = {
    "*": ZERO_OR_MORE,
    "+": ONE_OR_MORE,
    "-": EXACTLY_ONE,
    "=": IN_CLASS,
    "~": NOT_IN_CLASS,
    "#": MAILER,
    "@": HOST,
    ":": USER,
    ">": CALL,
    "?": IF,
    "|": ELSE,
    ".": END_IF,
    "[": NAME_BEGIN,
    "]": NAME_END,
    "(": MAP_BEGIN,
    ")": MAP_END,
    "&": LATE_MACRO,
}
_SHOWN = {meta: name for name, meta in META_NAMES.items()}
META = re.compile("[\uf780-\uf79f]")
_ODD = re.compile("[^ -~]")
_DOLLAR = re.compile(r"\$(?:\$|([=~&?]|(?![=~&?]))(?:\{([A-Za-z0-9_]{2,24})\}|([^\0{])))")
_NAME_CHARACTER = re.compile(r"[A-Za-z0-9_]")
_PIECE = 4096
_BLANKS = " \t\v\f\r\n"
_ESCAPES = {"\n": "n", "\r": "r", "\t": "t"}


class MacroNames:
    """The characters that stand for names in braces.

    complain  takes the message about a name that cannot be one, in sendmail's words
    """

    def __init__(self, complain: Callable[[str], object]) -> None:
        self._characters = dict(_OWN_NAME)
        self._names = {character: name for name, character in _OWN_NAME.items()}
        self.complain = complain
        for name in _FIRST_NAMES:
            self.character(name)

    def character(self, name: str) -> str:
        """The character of ``name``, without braces; "" where there are too many names."""
        if len(name) == 1:
            return name
        known = self._characters.get(name)
        if known is None:
            code = FIRST_NAME + len(self._characters) - len(_OWN_NAME)
            if code > LAST_NAME:
                self.complain(f"Macro/class {{{name}}}: too many long names")
                return ""
            known = self._characters[name] = chr(code)
            self._names[known] = name
        return known

    def name(self, character: str) -> str:
        """What a character stands for."""
        if ord(character) < 128:
            return character
        return self._names.get(character, "***UNDEFINED MACRO***")

    def parse(self, text: str, at: int = 0) -> tuple[str, int]:
        """The character of the name at ``text[at:]`` (``x`` or ``{name}``), and where the name ends.

        The character is "" where there is a mistake, which has been reported then.
        """
        first = text[at : at + 1]
        if not first or first == "\0" or text.startswith("{}", at):
            self.complain("Name required for macro/class")
            return "", at
        if first != "{":
            return first, at + 1
        name, at = "", at + 1
        while at < len(text) and text[at] != "}" and text[at] != "\0" and len(name) < NAME_LENGTH:
            if _NAME_CHARACTER.match(text[at]):
                name += text[at]
            else:
                self.complain(f"Invalid macro/class character {text[at]}")
            at += 1
        if at >= len(text) or text[at] == "\0":
            self.complain(f"Unbalanced {{ on {name}")
            found = ""
        elif text[at] != "}":
            self.complain(f"Macro/class name ({{{name}}}) too long ({NAME_LENGTH} chars max)")
            found = ""
        else:
            found, at = self.character(name), at + 1
        if not found:
            self.complain("Unable to assign macro/class ID (mid = 0xffffffff)")
        return found, at

    def marked(self, text: str) -> str:
        """The text with metasymbols and macros in the place of dollars, as each line of a .cf is read.

        A name that is a mistake ends the text; what follows is still looked through for mistakes.
        """
        if "$" not in text:
            return text
        parts = StringIO()  # which takes less than a list of as many parts
        at = 0
        while True:
            dollar = text.find("$", at)
            if dollar < 0 or dollar + 1 >= len(text):
                parts.write(text[at:])
                break
            parts.write(text[at:dollar])
            found = _DOLLAR.match(text, dollar)
            if found is None:
                at = self._odd_dollar(text, dollar, parts)
                continue
            at = found.end()
            if found[3] is not None:
                parts.write(f"{MACRO}{found[1]}{found[3]}")
            elif found[2] is not None:
                parts.write(f"{MACRO}{found[1]}{self.character(found[2]) or chr(0)}")
            else:
                parts.write("$")
        return parts.getvalue().partition("\0")[0].rstrip(_BLANKS) or text[:1]

    def _odd_dollar(self, text: str, dollar: int, parts: StringIO) -> int:
        """A dollar whose name is a mistake or an unusual one; where to go on."""
        mark, at = MACRO, dollar + 1
        if text[at] in "=~&?":
            mark, at = mark + text[at], at + 1
        character, end = self.parse(text, at)
        parts.write(mark + (character or "\0"))
        return max(end, at)


def without_comment(text: str) -> str:
    """A line without what follows an unprotected ``#``, other than one that begins it; ``\\#`` is a plain one."""
    parts: list[str] = []
    at = 0
    while (mark := text.find("#", at + 1 if at == 0 else at)) >= 0:
        before = text[at:mark]
        dollars = len(before) - len(before.rstrip("$"))
        if dollars % 2:
            parts.append(before + "#")
        elif before.endswith("\\"):
            parts.append(before[:-1] + "#")
        else:
            return "".join(parts) + before.rstrip(" \t\v\f\r")
        at = mark + 1
    return ("".join(parts) + text[at:]).rstrip(_BLANKS) if text else text


def plain(text: str) -> str:
    """The text with metasymbols as sendmail's messages print them: as bytes without the eighth bit."""
    if text.isascii():
        return text
    pieces = (text[at : at + _PIECE] for at in range(0, len(text), _PIECE))
    return "".join("".join(chr(ord(character) & 0x7F) for character in piece) for piece in pieces)


def shown(text: str | None, names: MacroNames) -> str:
    """The text as rules and workspaces are printed: ``$*`` and ``$={name}``, ``M-d`` for bytes."""
    if text is None:
        return "<null>"
    if not _ODD.search(text):
        return text
    parts: list[str] = []
    at = 0
    while at < len(text):
        character = text[at]
        at += 1
        if " " <= character <= "~":
            parts.append(character)
        elif character > "\x7f":
            at = _shown_symbol(text, at, parts, names)
        else:
            parts.append(_control(character))
    return "".join(parts)


def _shown_symbol(text: str, at: int, parts: list[str], names: MacroNames) -> int:
    """A metasymbol or a byte, the character before ``at``; where what was printed ends."""
    symbol = text[at - 1]
    if symbol < "\u0100" and "\x80" <= symbol <= "\x9f":  # such a byte is printed as the metasymbol of its code
        symbol = _meta(ord(symbol))
    if symbol == REPLACED:
        parts.append("$")
        return at
    if symbol in (MACRO, LATE_MACRO):
        parts.append("$" if symbol == MACRO else "$&")
        if at < len(text) and text[at] in "=~&?":
            parts.append(text[at])
            at += 1
        if at < len(text):
            parts.append(_shown_name(text[at], names))
            at += 1
        return at
    if symbol in _SHOWN:
        parts.append(f"${_SHOWN[symbol]}")
        if symbol in (IN_CLASS, NOT_IN_CLASS) and at < len(text):
            parts.append(_shown_name(text[at], names))
            at += 1
        return at
    low = chr(ord(symbol) & 0x7F)
    parts.append(f"M-{low}" if " " <= low <= "~" else f"M-{_control(low)}")
    return at


def _shown_name(character: str, names: MacroNames) -> str:
    return f"{{{names.name(character)}}}" if character > "\x7f" else character


def _control(character: str) -> str:
    """A control character; only three of them are shown at all."""
    escape = _ESCAPES.get(character)
    return f"\\{escape}" if escape else ""
