"""postconf(1)'s edits of main.cf and master.cf: -e, -X and -#, for parameters, -M services, -F fields and -P settings.

The functions take the text of a file and give the new one; every line that an edit does not concern stays as it is,
comments and blank lines inside an edited entry included. What the original does and we do too:

- an edited parameter is written ``name = value`` on one line, where its first line stood; its continuation lines go.
  When it is set twice, both are edited, with a warning. New parameters follow at the end, in the order of
  a hash table (from 3.10 on sorted).
- an edited service is written in columns; with -F and -P the comments between its lines are moved before it.

Departures: a last line without a newline gets one before something is appended to it (the original joins the two); a
name that is asked for twice, an empty command or an option ``-`` does no harm; messages count master.cf's lines right.
"""

from __future__ import annotations

import re
from array import array
from io import StringIO
from itertools import islice

from mailconf.postfix.postconf.hashorder import FNV_SINCE, hash_order
from mailconf.postfix.postconf.show import pattern_parts, service
from mailconf.postfix.postconf.values import PostconfFatal
from mailconf.postfix.text import master_cf
from mailconf.postfix.text.lines import BLANKS, LogicalLine, split_name_value
from mailconf.postfix.text.master_cf import COMMAND, FIELDS, ServiceEntry, ServiceWord
from mailconf.source import encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    Warn = Callable[[str], None]

SORTED_SINCE = (3, 10)
EDIT, EXCLUDE, COMMENT = "e", "X", "#"
_OTHER, _FIRST, _CONTINUATION = range(3)  # what a physical line is: comment or blank, an entry's first or a later one
_EDITS = "-Me, -Fe, -Pe, -X, or -#"
_SHAPES = {
    "M": "-Me, -MX or -M# requires service_name/type",
    "F": "-Fe or -FX requires service_name/type/field_name",
    "P": "-Pe or -PX requires service_name/type/parameter",
}


def check_requests(mode: str, action: str, requests: list[str]) -> None:
    """Raise Fatal for requests that are wrong in themselves; ``mode`` is "p" for main.cf."""
    if mode == "p":
        _parameters(action, requests, lambda _: None)
    else:
        for request in requests:
            _Request(mode, action, request)


def edit_main(
    text: str, action: str, requests: list[str], file: str, warn: Warn, version: tuple[int, int] = FNV_SINCE
) -> str:
    """main.cf's ``text`` after ``action`` on ``requests`` (``name=value``, or names). Raises Fatal.

    ``version`` of Postfix decides upon the order of new parameters.
    """
    wanted = _parameters(action, requests, warn)
    out = _Output()
    seen: set[str] = set()
    name = ""
    for line, kind in _physical_lines(text):
        if kind == _FIRST:
            name = _key(line)
            if name in seen and name in wanted:
                warn(f'{file}: multiple entries for "{name}"')
            seen.add(name)
            if action == EDIT and name in wanted:
                out.add((f"{name} = {wanted[name]}\n",))
        if kind == _OTHER or name not in wanted:
            out.add((line,))
        elif action == COMMENT:
            out.add(("#" + line,))
    if action == EDIT and (new := [name for name in _in_order(wanted, version) if name not in seen]):
        out.end_line()
        out.add(f"{name} = {wanted[name]}\n" for name in new)
    return out.text()


def _in_order(names: Iterable[str], version: tuple[int, int]) -> list[str]:
    """New parameters in the order in which they are written: from 3.10 on sorted, before that a hash table's."""
    return sorted(names, key=encode) if version >= SORTED_SINCE else hash_order(names, version)


def _parameters(action: str, requests: list[str], warn: Warn) -> dict[str, str]:
    """The values by name; without EDIT the values mean nothing."""
    wanted: dict[str, str] = {}
    for request in requests:
        if "\n" in request:
            raise PostconfFatal("-e, -X, or -# accepts no multi-line input")
        if request.lstrip(BLANKS).startswith("#"):
            raise PostconfFatal("-e, -X, or -# accepts no comment input")
        if action != EDIT:
            if not request.strip(BLANKS):
                raise PostconfFatal("-X or -# requires non-blank parameter names")
            if "=" in request:
                raise PostconfFatal("-X or -# requires parameter names without value")
            wanted[request] = ""
            continue
        pair = split_name_value(request)
        if isinstance(pair, str):
            raise PostconfFatal(f'{pair}: "{request.lstrip(BLANKS)}"')
        if pair[0] in wanted:
            warn(f"ignoring earlier request: '{pair[0]} = {wanted[pair[0]]}'")
        wanted[pair[0]] = pair[1]
    return wanted


def _physical_lines(text: str) -> Iterator[tuple[str, int]]:
    """The lines of a file with their newlines, and what each is."""
    started = False
    end = -1
    while end + 1 < len(text):
        start, end = end + 1, text.find("\n", end + 1)
        if end < 0:
            end = len(text) - 1
        line = text[start : end + 1]
        content = line.strip(BLANKS)
        if not content or content[0] == "#":
            kind = _OTHER
        elif line[0] not in BLANKS:
            kind, started = _FIRST, True
        else:
            kind = _CONTINUATION if started else _OTHER
        yield line, kind


def _key(line: str) -> str:
    """The name at the start of a line, as the edits see it: vertical tabs and form feeds are part of it."""
    end = 0
    while end < len(line) and line[end] not in "= \t\r\n":
        end += 1
    return line[:end]


class _Output:
    """The new text of a file."""

    def __init__(self) -> None:
        self._text = StringIO()
        self._last = ""

    def add(self, lines: Iterable[str]) -> None:
        for line in lines:
            self._text.write(line)
            self._last = line

    def end_line(self) -> None:
        """What follows begins a line."""
        if self._last and not self._last.endswith("\n"):
            self.add(("\n",))

    def text(self) -> str:
        return self._text.getvalue()


class _Request:
    """One argument of an edit of master.cf: which services, which of their fields or settings, and the new value."""

    def __init__(self, mode: str, action: str, text: str) -> None:
        self.text = text
        self.value = ""
        self.replaces = mode == "M" and action == EDIT
        self.matches = 0
        if "\n" in text:
            raise PostconfFatal(f"{_EDITS} accept no multi-line input")
        if text.lstrip(BLANKS).startswith("#"):
            raise PostconfFatal(f"{_EDITS} accept no comment input")
        pattern = text
        if action == EDIT:
            pair = split_name_value(text)
            if isinstance(pair, str):
                raise PostconfFatal(f'{pair}: "{text.lstrip(BLANKS)}"')
            pattern, self.value = pair
        elif "=" in text:
            raise PostconfFatal("-X or -# requires names without value")
        parts = pattern_parts(pattern)
        if len(parts) != (2 if mode == "M" else 3):
            raise PostconfFatal(_SHAPES[mode])
        self.service = parts[:2]
        self.name = parts[-1]
        if mode == "F":
            self._check_field()
        elif mode == "P":
            self._check_setting()

    def _check_field(self) -> None:
        if self.name == "*":
            raise PostconfFatal("-Fe does not accept wild-card field name")
        if self.name not in FIELDS:
            raise PostconfFatal(f'invalid service attribute name: "{self.name}"')
        if self.name != FIELDS[COMMAND] and _has_blank(self.value):
            raise PostconfFatal("-Fe does not accept whitespace in non-command field")

    def _check_setting(self) -> None:
        if self.name == "*":
            raise PostconfFatal("-Pe does not accept wild-card parameter name")
        if _has_blank(self.value):
            raise PostconfFatal("-Pe does not accept whitespace in parameter value")

    def selects(self, service: list[str], warn: Warn) -> bool:
        """Whether this is about the service (name, type): by the pattern, or as -Me would else make a second."""
        found = all(wanted in ("*", part) for wanted, part in zip(self.service, service, strict=True))
        if self.replaces:
            entry = self.entry(warn)
            found |= [entry.name, entry.type] == service
        self.matches += found
        return found

    def entry(self, warn: Warn) -> ServiceEntry:
        """What -Me is to put there. The original reads it anew, and warns anew, for every service in the file."""
        return _parsed(self.value, f'bad field count: "{self.text}"', warn)


def edit_master(text: str, mode: str, action: str, requests: list[str], file: str, warn: Warn) -> str:
    """master.cf's ``text`` after ``action`` in ``mode`` ("M", "F" or "P") on ``requests``. Raises Fatal."""
    parsed = [_Request(mode, action, request) for request in requests]
    out = _Output()
    for number, lines in _blocks(text):
        selected: list[_Request] = []
        line, kind = next(_physical_lines(lines))
        if kind == _FIRST:
            words = re.split("[ \t\r\n]+", line.rstrip(" \t\r\n"), maxsplit=2)  # braces do not hold words together
            if len(words) < 2:
                message = f"file {file}: line {number}: specify service name and type on the same line"
                raise PostconfFatal(message)
            for what, word, separators in (("name", words[0], "="), ("type", words[1], "=/")):
                if any(separator in word for separator in separators):
                    place = f"file {file}: line {number}"
                    raise PostconfFatal(f'{place}: service {what} syntax "{word}" is unsupported with {_EDITS}')
            selected = [request for request in parsed if request.selects(words[:2], warn)]
        if not selected:
            out.add((lines,))
        elif mode == "M":
            out.add(_edited_service(lines, action, [request for request in selected if request.matches == 1]))
        else:
            bad_count = f"file {file}: line {number}: bad field count"
            out.add(_edited_fields(lines, mode, action, selected, bad_count, warn))
    _finish(out, mode, action, parsed, warn)
    return out.text()


def _finish(out: _Output, mode: str, action: str, requests: list[_Request], warn: Warn) -> None:
    """What becomes of requests that no service matched."""
    for request in requests:
        if request.matches:
            continue
        if mode != "M":
            warn(f'unmatched service_name/type: "{request.text}"')
        elif request.replaces:
            out.end_line()
            out.add((service(request.entry(warn), fold=True) + "\n",))


def _blocks(text: str) -> Iterator[tuple[int, str]]:
    """The file in blocks: an entry's first line with all that follows up to the next one; the first block may be only
    comments. With the number of the block's first line."""
    start, first, at = 0, 1, 0
    for number, (line, kind) in enumerate(_physical_lines(text), 1):
        if kind == _FIRST and at:
            yield first, text[start:at]
            start, first = at, number
        at += len(line)
    if at:
        yield first, text[start:]


def _edited_service(lines: str, action: str, new: list[_Request]) -> Iterator[str]:
    """The block of a service that is replaced, removed or commented out.

    ``new`` are the requests that match for the first time; the last one takes the service's place.
    """
    if new and new[-1].replaces:
        yield service(new[-1].entry(lambda _: None), fold=True) + "\n"
    for line, kind in _physical_lines(lines):
        if kind == _OTHER:
            yield line
        elif action == COMMENT:
            yield "#" + line


def _edited_fields(
    lines: str, mode: str, action: str, requests: list[_Request], field_count: str, warn: Warn
) -> Iterator[str]:
    yield from (line for line, kind in _physical_lines(lines) if kind == _OTHER)
    # The original parses the lines with their newlines; in a brace that is never closed they stay.
    entry = _parsed("".join(line for line, kind in _physical_lines(lines) if kind != _OTHER), field_count, warn)
    for request in requests:
        if mode == "F":
            _set_field(entry, request, warn)
        else:
            _set_parameter(entry, request.name, request.value if action == EDIT else None)
    yield service(entry, fold=True) + "\n"


def _parsed(text: str, field_count: str, warn: Warn) -> ServiceEntry:
    """The entry that ``text`` is; ``field_count`` is the message for too few fields. Raises Fatal."""
    entry = master_cf.parse(LogicalLine(text, 1, (array("I", [0]), array("I", [0])), len(text)))
    _complain(entry, field_count, warn)
    return entry


def _complain(entry: ServiceEntry, field_count: str, warn: Warn) -> None:
    for problem in entry.problems:
        if problem.fatal:
            raise PostconfFatal(field_count if len(entry.fields) < len(FIELDS) else problem.engine.replace("\n", " "))
        warn(problem.engine)


def _set_field(entry: ServiceEntry, request: _Request, warn: Warn) -> None:
    at = FIELDS.index(request.name)
    if at != COMMAND:
        problem = master_cf.field_problem(at, request.value)
        if problem:
            raise PostconfFatal(f'{problem} in "{request.value}"')
        entry.fields[at] = ServiceWord(request.value, 0, 0)
        return
    changed = _parsed("x unix - - - - - " + request.value, "the command must not be empty", warn)
    entry.fields[COMMAND] = changed.fields[COMMAND]
    entry.arguments = changed.arguments


def _set_parameter(entry: ServiceEntry, name: str, value: str | None) -> None:
    """Set ``-o name=value``, at each of its places or after the options; None removes it."""
    kept: list[ServiceWord] = []
    found = False
    taken = 0
    for text, word in master_cf.options(entry.arguments):
        taken += 1 if word is None else 2
        if word is None:
            kept.append(ServiceWord(text, 0, 0))
            continue
        pair = split_name_value(word.text)
        if text == "-o" and not isinstance(pair, str) and pair[0] == name:
            found = True
            if value is None:
                continue
            word = ServiceWord(f"{name}={value}", 0, 0)
        kept += [ServiceWord(text, 0, 0), word]
    if value is not None and not found:
        kept += [ServiceWord("-o", 0, 0), ServiceWord(f"{name}={value}", 0, 0)]
    entry.arguments = [*kept, *islice(entry.arguments, taken, None)]


def _has_blank(text: str) -> bool:
    return any(blank in text for blank in BLANKS)
