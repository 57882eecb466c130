"""The line of a .cf that means an item: reading it gives the same item."""

from __future__ import annotations

import re

from mailconf.sendmail.cf.items import (
    CfHeader,
    CfMap,
    CfMistake,
    CfOption,
    CfRule,
    EnvironmentVariable,
    Equate,
    Filter,
    Item,
    Macro,
    Mailer,
    Members,
    MembersFile,
    Precedence,
    QueueGroup,
    RulesetStart,
    Version,
)
from mailconf.sendmail.cf.lines import COMMENTS_FROM

TYPE_CHECKING = False
if TYPE_CHECKING:
    from mailconf.sendmail.cf.configuration import Cf

_EQUATED = {Mailer: "M", QueueGroup: "Q", Filter: "X"}
_LOOSE = re.compile(r"\n(?![ \t])")  # within a line: a comment stood there
_SHARP = re.compile(r"(\$*)#")


def text_of(cf: Cf) -> str:
    """A .cf with the same items in the same order, without comments and empty lines."""
    lines, level = [], 0
    for item in cf.items:
        if isinstance(item, Version):
            level = item.level
        lines.append(line_of(item, level=level))
    return "".join(f"{line}\n" for line in lines)


def line_of(item: Item, *, level: int = COMMENTS_FROM) -> str:
    """The line of an item, without its newline; of a mistake, its text. ``level``: that of the V line before it."""
    line = _line(item)
    return _protected(line) if level >= COMMENTS_FROM else line


def _protected(line: str) -> str:
    """The line with a backslash before each "#" that would begin a comment, and with comments that hold it together."""
    line = line[:1] + _SHARP.sub(lambda found: found[0] if len(found[1]) % 2 else f"{found[1]}\\#", line[1:])
    return _LOOSE.sub("\n #", line)


def _line(item: Item) -> str:
    match item:
        case Macro():
            return f"D{_name(item.name)}{item.written}"
        case Members():
            return _members(item)
        case MembersFile():
            return _members_file(item)
        case CfMap():
            return f"K{item.name} {item.type} {item.arguments}".rstrip(" ")
        case CfOption():
            return _option(item)
        case Mailer() | QueueGroup() | Filter():
            return "".join([_EQUATED[type(item)], item.name or ",", *map(_equate, item.equates)])
        case CfHeader():
            condition = f"?{item.condition}?" if item.condition else ""
            return f"H{condition}{item.name}:{item.value}"
        case RulesetStart():
            return f"S{item.name}={item.number}" if _is_numbered(item) else f"S{item.name}"
        case CfRule():
            return (
                f"R{item.lhs}\t{item.rhs}\t{item.comment}".rstrip("\t")
                if item.rhs
                else f"R{item.lhs}\t\t{item.comment}"
            )
        case Version():
            return f"V{item.level}/{item.vendor}" if item.vendor else f"V{item.level}"
        case Precedence():
            return f"P{item.name}={item.number}"
        case EnvironmentVariable():
            return f"E{item.name}" if item.value is None else f"E{item.name}={item.value}"
        case CfMistake():
            return (
                f"{item.line.text} " if item.line.text in ("\n", "\r") else item.line.text
            )  # else it would be an empty line


def _name(name: str) -> str:
    return name if len(name) == 1 else f"{{{name}}}"


def _spaced(name: str) -> str:
    """The name where blanks may follow it; a newline is a name too, if a continuation line is after it."""
    return "\n " if name == "\n" else _name(name)


def _members(item: Members) -> str:
    words = " ".join(word.text for word in item.words)
    return f"T{words}" if item.line.letter == "T" else f"C{_spaced(item.name)}{words}"


def _members_file(item: MembersFile) -> str:
    optional = "-o " if item.optional else ""
    source = item.source
    if not item.is_map and (" " in source or source.startswith("-o")):
        source = f'"{source}"'
    return f"F{_spaced(item.name)}{optional}{source}" + ("" if item.format == "%s" else f" {item.format}")


def _option(item: CfOption) -> str:
    if item.line.text[1:2] != " ":
        return f"O{item.written}{item.value}"
    sub = f".{item.sub}" if item.sub else ""
    return f"O {item.written}{sub}={item.value}"


def _equate(equate: Equate) -> str:
    return f", {equate.key}={equate.written}"


def _is_numbered(item: RulesetStart) -> bool:
    return item.number is not None and not item.name[:1].isdigit()
