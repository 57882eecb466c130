"""How postconf(1) prints parameters and services: ``name = value`` lines and master.cf entries, folded on request.

Words are separated by one space; with ``fold``, a line that would exceed 80 bytes (79 for services) continues on the
next one, after four spaces. Values lose their own runs of blanks (space, tab, newline, carriage return).
"""

from __future__ import annotations

from itertools import islice

from mailconf.postfix.text import master_cf

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from mailconf.postfix.text.master_cf import ServiceEntry

    Expand = Callable[[str], str]

WIDTH = 80
INDENT = "    "
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_COLUMNS = (11, 17, 25, 33, 41, 49, 57)  # where the fields after the first begin, unless one before is too long


def parameter(name: str, value: str, *, fold: bool, with_name: bool = True, with_value: bool = True) -> str:
    """A line of postconf's, without the newline; ``with_name`` False is -h, ``with_value`` False is -H."""
    if not with_value:
        return name
    words = _words(value)
    if with_name:
        words.insert(0, f"{name} =")
    return folded(words) if fold else " ".join(words)


def json_object(name: str, value: str) -> str:
    """``{"name": "value"}`` as -j prints it: bytes beyond ASCII as they are, control characters escaped."""
    return f'{{"{_escaped(name)}": "{_escaped(value)}"}}'


def _escaped(text: str) -> str:
    return "".join(
        _ESCAPES.get(char) or (f"\\u{ord(char):04X}" if char < " " or char == "\x7f" else char) for char in text
    )


def plain_service(entry: ServiceEntry, *, expand: Expand | None = None) -> str:
    """A master.cf entry on one line with single spaces."""
    fields = [field.text for field in entry.fields[: master_cf.COMMAND]]
    return " ".join([*fields, plain_command(entry, expand=expand)])


def plain_command(entry: ServiceEntry, *, expand: Expand | None = None) -> str:
    """The command of an entry with its arguments, with single spaces."""
    arguments = (text for text, _, _ in _printable(entry, expand))
    return " ".join([entry.fields[master_cf.COMMAND].text, *arguments])


def _words(text: str) -> list[str]:
    for blank in "\t\r\n":
        text = text.replace(blank, " ")
    return [word for word in text.split(" ") if word]


def folded(words: Iterable[str]) -> str:
    """``words`` in lines of at most WIDTH bytes, as far as single words allow."""
    out = ""
    length = 0
    for word in words:
        size = len(word.encode("utf-8", "surrogateescape"))
        if not out:
            out, length = word, size
        elif length + 1 + size > WIDTH:
            out += "\n" + INDENT + word
            length = len(INDENT) + size
        else:
            out += " " + word
            length += 1 + size
    return out


def service(entry: ServiceEntry, *, fold: bool, expand: Expand | None = None) -> str:
    """A master.cf entry in columns; ``expand`` is applied to what ``-o`` sets."""
    line = ""
    for field, column in zip(entry.fields, _COLUMNS, strict=False):
        line += field.text
        if line:
            line += " " + " " * (column - 1 - _size(line))
    line += entry.fields[master_cf.COMMAND].text
    return _with_arguments(line, entry, fold=fold, expand=expand)


def command(entry: ServiceEntry, label: str, *, fold: bool, expand: Expand | None = None) -> str:
    """The command of an entry with its arguments, after ``label``."""
    return _with_arguments(label + entry.fields[master_cf.COMMAND].text, entry, fold=fold, expand=expand)


def _with_arguments(start: str, entry: ServiceEntry, *, fold: bool, expand: Expand | None) -> str:
    out = [start]
    length = _size(start)
    break_before = False
    for text, is_setting, braced in _printable(entry, expand):
        size = _size(text) - 2 * braced  # the original does not count the braces that it adds
        if fold and (is_setting or break_before or length + 1 + size >= WIDTH):
            out.append("\n" + INDENT)
            length = len(INDENT)
        elif is_setting or length > len(INDENT):  # the original takes a short command for an indented line's start
            out.append(" ")
            length += 1
        out.append(text)
        length += _size(text)
        break_before = is_setting
    return "".join(out)


def _printable(entry: ServiceEntry, expand: Expand | None) -> Iterator[tuple[str, bool, bool]]:
    """Each argument as it is printed, whether it is an option with its value, and whether braces were put around it."""
    taken = 0
    for text, value in master_cf.options(entry.arguments):
        taken += 1
        if value is None:
            yield text, False, False
            continue
        taken += 1
        yield f"{text} {_braced(expand(value.text) if expand and text == '-o' else value.text)}", True, False
    for at, word in enumerate(islice(entry.arguments, taken, None)):
        text = _braced(word.text) if at else word.text
        yield text, False, text is not word.text


def _braced(text: str) -> str:
    return f"{{{text}}}" if any(blank in text for blank in " \t\r\n") else text


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogateescape"))


def pattern_parts(pattern: str) -> list[str]:
    """The text between the slashes of a service pattern; nothing where a ``*`` is not a whole part."""
    parts = [part for part in pattern.split("/") if part]
    bad = pattern.startswith("/") or any("*" in part and part != "*" for part in parts)
    return [] if bad else parts
