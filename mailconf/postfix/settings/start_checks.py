"""What keeps each of Postfix's programs from starting: impossible values in main.cf, as postmap(1) 3.7 reports them.

The parameters, their limits and their order are data (mailconf.postfix.parameters.start). Departure: users, groups
and addresses (mail_owner, setgid_group, default_privs, inet_interfaces) are not looked up, for the tools serve where no
Postfix is installed.
"""

from __future__ import annotations

from mailconf.postfix.parameters.start import START

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mailconf.files import Tree
    from mailconf.postfix.settings.values import IsKnown, Values

    Value = Callable[[str], str]

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_LARGEST = {"i": 0x7FFFFFFF, "l": 0x7FFFFFFFFFFFFFFF, "t": 0x7FFFFFFF}
_FACILITIES = frozenset(
    ["auth", "authpriv", "cron", "daemon", "ftp", "kern", "lpr", "mail", "news", "syslog", "user", "uucp"]
    + [f"local{n}" for n in range(8)]
)
_ORIGIN = "myorigin"
_VERP = ("default_verp_delimiters", "verp_delimiter_filter")


_PLACES = {name: place for place, (name, *_) in reversed(list(enumerate(START)))}


def known_to(name: str) -> IsKnown:
    """Which parameters a program has read before ``name``, whose defaults have a value then: all, before a late one."""
    place = _PLACES.get(name, len(START))
    return lambda other: _PLACES.get(other, place) < place


def settling(name: str) -> IsKnown:
    """The same for the names of the machine; its networks come last, when each parameter is known."""
    return known_to(name) if name in _PLACES else lambda other: True


def problems(values: Values, path: str, root: Tree) -> Iterator[tuple[str, str]]:
    """The parameters of main.cf at ``path`` for which programs do not start, each with its fatal error, in their order.

    root  where the files lie that values name
    A name without an error ("myhostname") stands where the names of the machine are looked at. Raises as `Values` does.
    """

    def value(name: str) -> str:
        return values.at(name, known_to(name))

    for name, kind, low, high in START:
        if name == "myhostname":
            yield name, ""
        elif kind != "n" and (values.is_given(name) or (name == _VERP[1] and values.is_given(_VERP[0]))):
            text = value(name)
            if name == _ORIGIN and kind != "s":
                problem = _origin(text, kind, root)
            else:
                problem = _special(name, text, value, path) if kind == "x" else _problem(name, kind, low, high, text)
            if problem:
                yield name if values.is_given(name) else _VERP[0], problem


def _problem(name: str, kind: str, low: int | None, high: int | None, text: str) -> str:
    if kind == "b":
        return "" if text.lower() in ("yes", "no") else f"bad boolean configuration: {name} = {text}"
    if kind == "s":
        sign, limit = ("<", low) if low is not None and len(text) < low else (">", high)
        bad = limit is not None and (len(text) < limit if sign == "<" else len(text) > limit)
        return f"bad string length {len(text)} {sign} {limit}: {name} = {text}" if bad else ""
    number = _number(kind, text)
    if number is None:
        if kind == "t":
            return f"parameter {name}: bad time value or unit: {text}"
        return f"bad numerical configuration: {name} = {text}"
    if low is not None and number < low:
        return f"invalid {name}: {number} (min {low})" if kind == "t" else _beyond(name, number, "<", low)
    if high is not None and number > high:
        return f"invalid {name}: {number} (max {high})" if kind == "t" else _beyond(name, number, ">", high)
    return ""


def _origin(text: str, kind: str, root: Tree) -> str:
    """What is wrong with myorigin: with the file that it names ("f"), or with what it comes to ("w")."""
    from mailconf.postfix.settings.origin import BadOrigin, check_origin, read_origin

    try:
        origin = read_origin(text, root)
        if kind == "w":
            check_origin(origin)
    except BadOrigin as problem:
        return str(problem)
    return ""


def _beyond(name: str, number: int, sign: str, limit: int) -> str:
    return f"invalid {name} parameter value {number} {sign} {limit}"


def _number(kind: str, text: str) -> int | None:
    """A number, or a time in seconds."""
    factor = 1
    if kind == "t" and text[-1:] in _SECONDS:
        factor, text = _SECONDS[text[-1]], text[:-1]
    signs = ("+",) if kind == "t" else ("+", "-")
    digits = text[1:] if text[:1] in signs else text
    if not (digits.isascii() and digits.isdigit() and len(digits) < 20):
        return None
    number = int(text) * factor
    return number if abs(number) <= _LARGEST[kind] else None


def _special(name: str, text: str, value: Value, path: str) -> str:
    words = text.replace(",", " ").split()
    if name == "syslog_facility" and text and text not in _FACILITIES:
        return f"file {path}: parameter {name}: unrecognized value: {text}"
    if name == "inet_protocols":
        unknown = [word for word in words if word not in ("ipv4", "ipv6", "all")]
        return f'unknown {name} value "{unknown[0]}" in "{text}"' if unknown else ""
    if name == "mynetworks_style" and text:
        unknown = [word for word in words if word not in ("class", "subnet", "host")]
        if unknown:
            return f'unknown mynetworks mask style value "{unknown[0]}" in "{text}"'
        return "" if len(set(words)) == 1 else f"bad {name} value: {text}; specify exactly one value"
    if name == "maillog_file" and text:
        prefixes = value("maillog_file_prefixes").replace(",", " ").split()
        known = any(text.startswith(prefix) for prefix in prefixes)
        return "" if known else f"{name} value '{text}' does not match any prefix in maillog_file_prefixes"
    if name == _VERP[1] and text:
        for which, character in zip(("first", "second"), value(_VERP[0]), strict=False):
            if character not in text:
                return f"file {path}: parameters {_VERP[0]} and {_VERP[1]}: bad {which} VERP delimiter character"
    return ""
