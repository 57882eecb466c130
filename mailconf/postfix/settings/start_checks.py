"""What keeps each of Postfix's programs from starting: values in main.cf that cannot be, as postmap(1) 3.7 tells them.

The parameters, their limits and their order are data (mailconf.postfix.parameters.start). Departures: users, groups
and addresses (mail_owner, setgid_group, default_privs, inet_interfaces) are not looked up, for the tools serve where no
Postfix is installed; a value that refers to a parameter which the original has not read
yet has that parameter's default.
"""

from __future__ import annotations

from mailconf.postfix.parameters.start import START

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator

    from mailconf.files import Tree

    Value = Callable[[str], str]

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_LARGEST = {"i": 0x7FFFFFFF, "l": 0x7FFFFFFFFFFFFFFF, "t": 0x7FFFFFFF}
_FACILITIES = frozenset(
    ["auth", "authpriv", "cron", "daemon", "ftp", "kern", "lpr", "mail", "news", "syslog", "user", "uucp"]
    + [f"local{n}" for n in range(8)]
)
_ORIGIN = "myorigin"
_VERP = ("default_verp_delimiters", "verp_delimiter_filter")


def problems(set_names: Container[str], value: Value, path: str, root: Tree) -> Iterator[str]:
    """The fatal errors of the parameters that main.cf at ``path`` sets, in the original's order.

    value  gives a parameter's expanded value
    root   where the files lie that values name
    A name alone ("myhostname") stands where the names of the machine are looked at.
    """
    for name, kind, low, high in START:
        if name == "myhostname":
            yield name
        elif name in set_names or (name == _VERP[1] and _VERP[0] in set_names):
            text = value(name)
            if name == _ORIGIN and kind != "s":
                problem = _origin(text, kind, root)
            else:
                problem = _special(name, text, value, path) if kind == "x" else _problem(name, kind, low, high, text)
            if problem:
                yield problem


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
