"""Bounce templates (bounce(5)): reading a template file, the built-in templates, and what is sent of them.

A file has ``NAME = <<MARK``, the template's lines, and a line that is MARK. A template is a few headers (Charset, From,
Subject, Postmaster-Subject), each on one line, an empty line, and the text. A template with a mistake in it is left
alone, with a warning, and the built-in one stands in; some mistakes stop the engine (`TemplateError`).

In the text, ``$name`` is a parameter of main.cf. ``delay_warning_time_UNIT`` and ``maximal_queue_lifetime_UNIT`` are
the two times in seconds, minutes, hours, days or weeks, rounded down.
"""

from __future__ import annotations

from mailconf.postfix.parameters.bounce_templates_data import TEMPLATES
from mailconf.postfix.text.expand import MacroError, expand
from mailconf.postfix.text.lines import BLANKS, split_name_value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Warn = Callable[[str], None]

KINDS = ("failure", "delay", "success", "verify")
HEADERS = ("Charset", "From", "Subject", "Postmaster-Subject")
TIMES = ("delay_warning_time", "maximal_queue_lifetime")
UNITS = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86400, "weeks": 604800}
EXCESSIVE = 1000
OBSOLETE_FROM = "MAILER-DAEMON (Mail Delivery System)"  # the built-in one with header_from_format = obsolete
_IGNORED = "-- ignoring this template"


class TemplateError(Exception):
    """bounce(8) stops with these words."""


class Template:
    """One template: ``kind`` ("failure", "delay", "success", "verify"), headers by their names, lines of text."""

    def __init__(self, kind: str, headers: dict[str, str], lines: list[str]) -> None:
        self.kind = kind
        self.headers = headers
        self.lines = lines

    def __str__(self) -> str:
        """The template as it is in a file."""
        headers = [f"{name}: {self.headers[name]}" for name in HEADERS if name in self.headers]
        return "\n".join([f"{self.kind}_template = <<EOF", *headers, "", *self.lines, "EOF", ""])


def is_obsolete(value: str) -> bool:
    """What a value of header_from_format asks for (postconf(5)). Raises TemplateError where it asks for nothing."""
    if not value:
        raise TemplateError("bad string length 0 < 1: header_from_format = ")
    if value.lower() not in ("standard", "obsolete"):
        raise TemplateError(f'invalid setting: "header_from_format = {value}"')
    return value.lower() == "obsolete"


def built_in(*, obsolete: bool = False) -> dict[str, Template]:
    """The templates that apply without a file, by kind; ``obsolete`` writes From as before Postfix 3.3."""
    return {kind: Template(kind, _headers(kind, obsolete), list(lines)) for kind, (_, lines) in TEMPLATES.items()}


def _headers(kind: str, obsolete: bool) -> dict[str, str]:
    headers = TEMPLATES[kind][0]
    return {**headers, "From": OBSOLETE_FROM} if obsolete else dict(headers)


def read(text: str, file: str, warn: Warn, *, author: str = "standard") -> dict[str, Template]:
    """The good templates of a file, by kind; ``author`` is header_from_format. Raises TemplateError."""
    given = texts(text, file, warn)
    obsolete = is_obsolete(author)
    found = {kind: parse(kind, given[kind], file, warn, obsolete=obsolete) for kind in KINDS if kind in given}
    return {kind: template for kind, template in found.items() if template is not None}


def texts(text: str, file: str, warn: Warn) -> dict[str, list[str]]:
    """The lines of each template of a file, by kind, good or not. Raises TemplateError."""
    given: dict[str, list[str]] = {}
    for number, name, lines in _definitions(text, file, warn):
        kind = name.removesuffix("_template")
        if kind not in KINDS or kind == name:
            warn(f"{file}, line {number}: unknown template name: {name} {_IGNORED}")
        else:
            given[kind] = lines
    return given


def _definitions(text: str, file: str, warn: Warn) -> Iterator[tuple[int, str, list[str]]]:
    """(number of the last line, name, lines) of each definition."""
    lines = text.split("\n")
    if lines[-1] == "":
        del lines[-1]
    at = 0
    while at < len(lines):
        line = lines[at]
        at += 1
        if not line.strip(BLANKS) or line.lstrip(BLANKS).startswith("#"):
            continue
        pair = split_name_value(line)
        if isinstance(pair, str):
            raise TemplateError(f'{file}, line {at + 1}: {pair}: "{line}"')
        name, value = pair
        if not value.startswith("<<"):
            yield at + 1, name, [value]
            continue
        mark = value[2:].strip(BLANKS)
        if not mark:
            raise TemplateError(f"{file}, line {at + 1}: missing end marker after <<")
        end = next((n for n in range(at, len(lines)) if lines[n] == mark), None)
        if end is None:
            warn(f'{file}, line {len(lines) + 1}: missing "{mark}" end marker')
        body = lines[at:end]
        at = len(lines) if end is None else end + 1
        yield at + 1, name, body


def parse(kind: str, lines: list[str], file: str, warn: Warn, *, obsolete: bool = False) -> Template | None:
    """The template on ``lines``, or None, with a warning, when it is no good."""
    headers = _headers(kind, obsolete)
    body = [line.partition("\0")[0] for line in lines]
    body = body[_first_full(body, 0) :]
    where = f"header value in {kind} template {_IGNORED}"
    at = 0
    while at < len(body) and (header := _header(body[at])) is not None:
        label, value = header
        name = next((name for name in HEADERS if name.lower() == label.lower()), None)
        if name is None:
            warn(f'{file}: unknown "{label}" header label in {kind} template {_IGNORED}')
            return None
        if name not in headers:
            warn(f'{file}: inapplicable "{name}" header label in {kind} template {_IGNORED}')
            return None
        if not value:
            warn(f'{file}: empty "{name}" {where}')
            return None
        if not value.isascii():
            warn(f'{file}: non-ASCII "{name}" {where}')
            return None
        headers[name] = value
        at += 1
    body = body[_first_full(body, at) :]
    if not body:
        warn(f"{file}: missing message text in {kind} template {_IGNORED}")
        return None
    if headers["Charset"].lower() == "us-ascii" and not all(line.isascii() for line in body):
        warn(f"{file}: 8-bit message text in {kind} template")
        warn("please specify a charset value other than us-ascii")
        warn("-- ignoring this template for now")
        return None
    return Template(kind, headers, body)


def _first_full(lines: list[str], at: int) -> int:
    """The number of the first line from ``at`` on that holds more than blanks."""
    return next((n for n in range(at, len(lines)) if lines[n].strip(BLANKS)), len(lines))


def _header(line: str) -> tuple[str, str] | None:
    """The label and the value of a header line, or None when it is no header."""
    label, colon, value = line.partition(":")
    name = label.rstrip(" \t")
    if not colon or not name or any(not "!" <= char <= "~" for char in name):
        return None
    return name, value.lstrip(" \t")


class Names:
    """What ``$name`` means in a template.

    value    the expanded value of a parameter, None when bounce(8) does not know it
    seconds  the value of a time parameter
    file     the template file, for messages
    """

    def __init__(
        self, value: Callable[[str], str | None], seconds: Callable[[str], int], file: str, warn: Warn
    ) -> None:
        self._value = value
        self._seconds = seconds
        self._file = file
        self._warn = warn
        self._missing = False
        self._kind = ""

    def expand(self, template: Template, *, from_file: bool) -> str:
        """The text of ``template``, as postconf's -b prints it. Raises TemplateError."""
        lines = self.lines(template, from_file=from_file)
        return "\n".join([f"expanded_{template.kind}_text = <<EOF", *lines, "EOF", ""])

    def lines(self, template: Template, *, from_file: bool) -> list[str]:
        """The lines of ``template``'s text. Raises TemplateError."""
        self._kind = template.kind
        place = self._file if from_file else "[built-in]"
        out = []
        for line in template.lines:
            try:
                out.append(expand(line, lambda name: self._lookup(name, place)))
            except MacroError as failure:
                for message in failure.messages:
                    self._warn(message)
                raise TemplateError(f"{place}: bad $name syntax in {template.kind} template: {line}") from None
            if self._missing:
                raise TemplateError(f"{place}: undefined $name in {template.kind} template: {line}")
        return out

    def _lookup(self, name: str, place: str) -> str | None:
        for time in TIMES:
            if name.startswith(time + "_"):
                unit = name[len(time) + 1 :]
                if unit not in UNITS:
                    raise TemplateError(f'{place}: unrecognized suffix "{unit}" in parameter "{name}"')
                return self._in_units(name, self._seconds(time), unit, place)
        found = self._value(name)
        self._missing |= found is None
        return found

    def _in_units(self, name: str, seconds: int, unit: str, place: str) -> str:
        result = seconds // UNITS[unit]
        advice = ""
        if result >= EXCESSIVE:
            what, advice = f'excessive result "{result}"', "increase"
        elif result == 0 and seconds > 0:
            what, advice = "zero result", "reduce"
        if advice:
            self._warn(f'{place}: {what} in {self._kind} template conversion of parameter "{name}"')
            self._warn(f'please {advice} time unit "{unit}" of "{name}" in {self._kind} template')
            self._warn("for instructions see the bounce(5) manual")
        return str(result)
