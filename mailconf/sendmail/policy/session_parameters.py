"""What follows the address in MAIL and RCPT, as sendmail reads it (RFC 1870, 3461, 4954, 6152, 2852).

`mail` and `rcpt` give the parameters by upper-case name, or the reply that refuses them. An address comes first: what
is behind it, up to the next white space, is part of it.

Source: sendmail 8.17.1.9 -bD.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from mailconf.smtp.reply import Reply

_PARAMETER = re.compile(r"[ \t\n\v\f\r]*([A-Za-z0-9-]*)(?:(=)([^ \t\n\v\f\r]*))?([^ \t\n\v\f\r]*)")
_XTEXT = re.compile(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})*")
_NUMBER = re.compile(r"[ \t\n\v\f\r]*([+-]?[0-9]+)")
_NOTIFY = ("SUCCESS", "FAILURE", "DELAY")
_MOST = 50  # parameters of a command
_DIGITS = 30
_LARGEST = 2**63 - 1
_LONGEST = 999_999_999  # seconds of BY


class Offered(NamedTuple):
    """What a session offers.

    size, dsn, auth  these extensions
    deliver_by       the least time of BY in seconds; None where it is not offered
    eight_bit        8BITMIME
    """

    size: bool = True
    dsn: bool = True
    auth: bool = True
    deliver_by: int | None = 0
    eight_bit: bool = True


def _refused(code: int, text: str) -> Reply:
    return Reply.of(code, text)


def _each(text: str) -> list[tuple[str, str | None]]:
    """The parameters with their values; None where there is none."""
    found: list[tuple[str, str | None]] = []
    at = 0
    text = text.rstrip(" \t\n\v\f\r")
    while at < len(text):
        match = _PARAMETER.match(text, at)
        if match is None or match.end() == at:
            break
        at = match.end()
        found.append((match[1], match[3] if match[2] else None))
    return found


def mail(text: str, offered: Offered) -> dict[str, str] | Reply:
    """The parameters of MAIL."""
    found: dict[str, str] = {}
    for count, (name, value) in enumerate(_each(text)):
        if count >= _MOST:
            return _refused(501, "5.5.4 Too many parameters")
        problem = _mail(name, value, found, offered)
        if problem is not None:
            return problem
    return found


def _mail(name: str, value: str | None, found: dict[str, str], offered: Offered) -> Reply | None:
    key = name.upper()
    reader = {"SIZE": _size, "BODY": _body, "ENVID": _envid, "RET": _ret, "AUTH": _auth, "BY": _by}.get(key)
    taken = {"ENVID": offered.dsn, "RET": offered.dsn, "AUTH": offered.auth, "BY": offered.deliver_by is not None}
    if reader is None:
        return _refused(555, f"5.5.4 {name} parameter unrecognized")
    if key in ("ENVID", "RET") and not offered.dsn:
        return _refused(504, f"5.7.0 Sorry, {key} not supported, we do not allow DSN")
    if not taken.get(key, True):
        return _refused(555, f"5.5.4 {name} parameter unrecognized")
    if value is None:
        return _refused(501, f"5.5.2 {key}{'=' if key in ('AUTH', 'BY') else ''} requires a value")
    return reader(value, found, offered)


def _size(value: str, found: dict[str, str], offered: Offered) -> Reply | None:
    number = _NUMBER.match(value)
    size = int(number[1][:_DIGITS]) if number else 0
    if size < 0:
        return _refused(552, "5.2.3 Message size invalid")
    if size > _LARGEST:
        return _refused(552, "5.2.3 Message size exceeds maximum value")
    found["SIZE"] = str(size)
    return None


def _body(value: str, found: dict[str, str], offered: Offered) -> Reply | None:
    if value.upper() not in ("7BIT", "8BITMIME"):
        return _refused(501, f"5.5.4 Unknown BODY type {value}")
    found["BODY"] = value.upper()
    return None


def _envid(value: str, found: dict[str, str], offered: Offered) -> Reply | None:
    if not _XTEXT.fullmatch(value):
        return _refused(501, "5.5.4 Syntax error in ENVID parameter value")
    if "ENVID" in found:
        return _refused(501, "5.5.0 Duplicate ENVID parameter")
    found["ENVID"] = value
    return None


def _ret(value: str, found: dict[str, str], offered: Offered) -> Reply | None:
    if "RET" in found:
        return _refused(501, "5.5.0 Duplicate RET parameter")
    if value.upper() not in ("FULL", "HDRS"):
        return _refused(501, f'5.5.2 Bad argument "{value}" to RET')
    found["RET"] = value.upper()
    return None


def _auth(value: str, found: dict[str, str], offered: Offered) -> Reply | None:
    if "AUTH" in found:
        return _refused(501, "5.5.0 Duplicate AUTH parameter")
    if not _XTEXT.fullmatch(value) and value != "<>":
        return _refused(501, "5.5.4 Syntax error in AUTH parameter value")
    found["AUTH"] = value
    return None


def _by(value: str, found: dict[str, str], offered: Offered) -> Reply | None:
    number = _NUMBER.match(value)
    seconds = int(number[1][:_DIGITS]) if number else 0
    if abs(seconds) > _LONGEST:
        return _refused(501, f"5.5.2 BY={value} out of range")
    rest = value[number.end() :] if number else value
    if rest[:1] != ";":
        return _refused(501, "5.5.2 BY= missing ';'")
    mode = rest[1:]
    letter, traced = mode[:1].upper(), mode[1:2].upper() == "T"
    if letter not in ("N", "R") or not letter:
        return _refused(501, f"5.5.2 illegal by-mode '{mode[:1] or '?'}'")
    if mode[1:] and not traced:
        return _refused(501, f"5.5.2 illegal by-trace '{mode[1:2]}'")
    if letter == "R" and seconds <= 0:
        return _refused(501, "5.5.4 mode R requires BY time > 0")
    least = offered.deliver_by or 0
    if letter == "R" and 0 < seconds < least:
        return _refused(555, f"5.5.2 time {seconds} less than {least}")
    found["BY"] = f"{seconds};{letter}{'T' if traced else ''}"
    return None


def rcpt(text: str, offered: Offered) -> dict[str, str] | Reply:
    """The parameters of RCPT."""
    found: dict[str, str] = {}
    for count, (name, value) in enumerate(_each(text)):
        key = name.upper()
        if count >= _MOST:
            return _refused(501, "5.5.4 Too many parameters")
        if key not in ("NOTIFY", "ORCPT"):
            return _refused(555, f"5.5.4 {name} parameter unrecognized")
        if not offered.dsn:
            return _refused(504, f"5.7.0 Sorry, {key} not supported, we do not allow DSN")
        if value is None:
            return _refused(501, f"5.5.2 {key} requires a value")
        problem = _notify(value, found) if key == "NOTIFY" else _orcpt(value, found)
        if problem is not None:
            return problem
    return found


def _notify(value: str, found: dict[str, str]) -> Reply | None:
    if value.upper() == "NEVER":
        found["NOTIFY"] = "NEVER"
        return None
    for word in value.split(","):
        if word.upper() not in _NOTIFY:
            return _refused(501, f'5.5.4 Bad argument "{word}"  to NOTIFY')
    found["NOTIFY"] = value.upper()
    return None


def _orcpt(value: str, found: dict[str, str]) -> Reply | None:
    kind, semicolon, address = value.partition(";")
    if not semicolon or not kind or not _XTEXT.fullmatch(address):
        return _refused(501, "5.5.4 Syntax error in ORCPT parameter value")
    if "ORCPT" in found:
        return _refused(501, "5.5.0 Duplicate ORCPT parameter")
    found["ORCPT"] = value
    return None
