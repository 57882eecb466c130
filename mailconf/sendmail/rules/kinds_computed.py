"""Maps that compute, or that ask the machine: macro, regex, dequote, arith, syslog, user, program, socket."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mailconf.sendmail.rules.classes import folded
from mailconf.sendmail.rules.kinds_stored import KEY
from mailconf.sendmail.rules.maps import DefinedMap, MapFound, answered, rewritten
from mailconf.sendmail.rules.posix import LONGEST, BadFields, Regex, read_fields
from mailconf.sendmail.rules.problems import (
    EX_CONFIG,
    EX_NOTFOUND,
    EX_NOUSER,
    EX_OSFILE,
    EX_PROTOCOL,
    EX_TEMPFAIL,
    EX_UNAVAILABLE,
)
from mailconf.sendmail.rules.world import Unable

if TYPE_CHECKING:
    from mailconf.sendmail.rules.asking import Asking

_FIELDS = {"name": 1, "passwd": 2, "uid": 3, "gid": 4, "gecos": 5, "dir": 6, "shell": 7}
_NUMBER = re.compile(r"[ \t\n\v\f\r]*([+-]?)(0[xX][0-9A-Fa-f]+|0[0-7]*|[1-9][0-9]*)")
_LONGEST_NUMBER = 15
_LARGEST = 1 << 63
_ANSWER = 2047
_SOCKET_TIMEOUT = 30.0
_SOCKET_MOST = 1_000_000
_SOCKET_STATUS = {"NOTFOUND": EX_NOTFOUND, "TEMP": EX_TEMPFAIL, "TIMEOUT": EX_TEMPFAIL, "PERM": EX_UNAVAILABLE}


async def find_macro(engine: Asking, map_: DefinedMap, key: str, arguments: Sequence[str]) -> MapFound:
    """Define the macro that is the key, by the first argument; without one its definition is removed."""
    if not key:
        return MapFound(None, EX_CONFIG)
    character, _ = engine.book.names.parse(key)
    if not character:
        return MapFound(None, EX_CONFIG)
    engine.macros.set(character, arguments[1] if len(arguments) > 1 else None)
    return MapFound("")


# -- dequote


async def find_dequote(engine: Asking, map_: DefinedMap, key: str, arguments: Sequence[str]) -> MapFound:
    text = dequoted(key, map_.flags.blank or "")
    return MapFound(None) if text is None else MapFound(rewritten(map_.flags, text, None))


def dequoted(text: str, blank: str) -> str | None:
    """The text without quotes; None where there are none, or where it would be no address without them."""
    angles = comments = quotes = spaces = 0
    quoted = escaped = False
    out: list[str] = []
    for character in text:
        if escaped:
            escaped = False
            out.append(character)
            continue
        if character == " " and blank:
            character = blank
        if character == "\\":
            escaped = True
        elif character == "(":
            comments += 1
        elif character == ")":
            comments -= 1
            if comments < 0:
                return None
        elif character in " \t":
            spaces += 1
        if comments <= 0:
            if character == '"':
                quoted = not quoted
                quotes += 1
                continue
            if character == "<":
                angles += 1
            elif character == ">":
                angles -= 1
                if angles < 0:
                    return None
        out.append(character)
    if angles or comments or escaped or quoted or not quotes or spaces:
        return None
    return "".join(out)


# -- arith


async def find_arith(engine: Asking, map_: DefinedMap, key: str, arguments: Sequence[str]) -> MapFound:
    if len(arguments) < 3:
        return MapFound(None, EX_CONFIG)
    left, right = _long(arguments[1]), _long(arguments[2])
    operator = key[:1]
    if operator == "l":
        return MapFound("TRUE" if left < right else "FALSE")
    if operator == "=":
        return MapFound("TRUE" if left == right else "FALSE")
    if operator == "r":
        return _random(left, right)
    if operator in ("%", "/") and not right:
        return MapFound(None)
    if operator == "%":
        number = abs(left) % abs(right) * (-1 if left < 0 else 1)
    elif operator == "/":
        number = abs(left) // abs(right) * (-1 if (left < 0) != (right < 0) else 1)
    elif operator == "+":
        number = left + right
    elif operator == "-":
        number = left - right
    elif operator == "*":
        number = left * right
    elif operator == "|":
        number = left | right
    elif operator == "&":
        number = left & right
    else:
        return MapFound(None, EX_CONFIG)
    return MapFound(str(_wrapped(number))[:_LONGEST_NUMBER])


def _random(left: int, right: int) -> MapFound:
    import random

    span = right - left + 1
    return MapFound(None) if span <= 0 else MapFound(str(left + random.randrange(span))[:_LONGEST_NUMBER])


def _long(text: str) -> int:
    """strtol(3) with base 0."""
    found = _NUMBER.match(text)
    if found is None:
        return 0
    digits = found[2]
    base = 16 if digits[:2].lower() == "0x" else 8 if digits[0] == "0" else 10
    number = int(digits, base) if len(digits) < 40 else _LARGEST
    return max(-_LARGEST, min(_LARGEST - 1, -number if found[1] == "-" else number))


def _wrapped(number: int) -> int:
    return (number + _LARGEST) % (2 * _LARGEST) - _LARGEST


# -- regex


async def find_regex(engine: Asking, map_: DefinedMap, key: str, arguments: Sequence[str]) -> MapFound:
    from mailconf.maps.core.table import TemporaryFailure

    regex = map_.regex
    if regex is None:
        return MapFound(None, EX_TEMPFAIL)
    try:
        spans = regex.expression.match(key.encode("latin-1", "replace"))
    except TemporaryFailure:
        return MapFound(None, EX_TEMPFAIL)
    if regex.negated:
        return answered(map_, key, "", arguments) if spans is None else MapFound(None)
    if spans is None:
        return MapFound(None)
    if regex.fields is None:
        return answered(map_, key, "", arguments)
    fields = regex.fields
    if len(arguments) > 1:
        try:
            fields = read_fields(arguments[1], regex.expression.groups)
        except BadFields as bad:
            engine.problems.system(str(bad))
            return MapFound(None, EX_CONFIG)
    text = _groups(regex, key, spans, fields)
    return MapFound(None) if text is None else answered(map_, key, text, arguments)


def _groups(regex: Regex, key: str, spans: Sequence[tuple[int, int]], fields: Sequence[int]) -> str | None:
    """The groups, with the delimiter between them; None where that could not be read as tokens."""
    out: list[str] = []
    counts = dict.fromkeys("()<> ", 0)
    quoted = escaped = False
    for number, field in enumerate(fields):
        if number:
            out.extend(regex.delimiter)
        first, end = spans[field]
        if first < 0 or end < 0:
            continue
        for character in key[first:end]:
            if len(out) >= LONGEST:
                break
            out.append(character)
            if escaped:
                escaped = False
            elif quoted and character not in '"\\':
                continue
            elif character == "\\":
                escaped = True
            elif character == '"':
                quoted = not quoted
            elif character in counts:
                counts[character] += 1
    if counts["<"] != counts[">"] or counts["("] != counts[")"] or counts[" "] or quoted or escaped:
        return None
    return "".join(out)[:LONGEST]


# -- syslog, user


async def find_syslog(engine: Asking, map_: DefinedMap, key: str, arguments: Sequence[str]) -> MapFound:
    await engine.world.log(map_.priority, rewritten(map_.flags, key, arguments))
    return MapFound("")


async def open_user(engine: Asking, map_: DefinedMap) -> bool:
    column = map_.flags.value_column
    if column is None:
        return True
    number = _FIELDS.get(column.lower())
    if number is None:
        engine.problems.system(f"User map {map_.name}: unknown column name {column}")
        return False
    map_.columns = 0, number
    return True


async def find_user(engine: Asking, map_: DefinedMap, key: str, arguments: Sequence[str]) -> MapFound:
    name = key
    user = await engine.world.user(key)
    if user is None and folded(key) != key:
        name = folded(key)
        user = await engine.world.user(name)
    if user is None and engine.book.flag("MatchGECOS"):
        login = await login_by_full_name(engine, name)
        user = await engine.world.user(login) if login else None
    if user is None:
        return MapFound(None, EX_NOUSER)
    fields = (user.name, user.name, "x", str(user.uid), str(user.gid), "", user.home, user.shell)
    value = fields[map_.columns[1]]
    if map_.columns[1] == 5:
        value = await _full_name(engine, user.name)
    return answered(map_, name, value, arguments)


async def login_by_full_name(engine: Asking, name: str) -> str:
    """The user whose full name is ``name``, with whatever stands for blanks (MatchGECOS); "" without one."""
    blank = chr(ord(engine.book.blank) & 0x7F)
    wanted = folded(name.replace(blank, " ").replace("_", " "))
    for login, full in await engine.world.full_names():
        if " " in full and folded(full) == wanted:
            engine.problems.remark(f"sending to login name {login}")
            return login
    return ""


async def _full_name(engine: Asking, name: str) -> str:
    return next((full for login, full in await engine.world.full_names() if login == name), "")


# -- program, socket


async def find_program(engine: Asking, map_: DefinedMap, key: str, arguments: Sequence[str]) -> MapFound:
    try:
        ran = await engine.world.run([map_.file, *map_.rest.split(), key])
    except Unable as unable:
        if not map_.flags.optional:
            engine.problems.system(f"prog_map_lookup({map_.name}) failed ({unable.reason}) -- closing")
        map_.valid = map_.open = False
        return MapFound(None, EX_OSFILE if map_.flags.optional else EX_TEMPFAIL)
    if ran.status < 0:
        engine.problems.system(f"prog_map_lookup({map_.name}): child died on signal {-ran.status}")
        return MapFound(None, EX_UNAVAILABLE)
    if ran.status or not ran.output:
        return MapFound(None, ran.status)
    text = ran.output[:_ANSWER].decode("latin-1").partition("\0")[0].partition("\n")[0]
    return answered(map_, key, text, arguments)


async def find_socket(engine: Asking, map_: DefinedMap, key: str, arguments: Sequence[str]) -> MapFound:
    """Sendmail's socketmap protocol: netstrings ``map key`` there, ``OK value`` or another word back."""
    asked = folded(key[:KEY]) if map_.flags.folds else key
    request = f"{map_.name} {asked}".encode("latin-1", "replace")
    try:
        reply = await engine.world.ask_socket(map_.file, b"%d:%s," % (len(request), request), _SOCKET_TIMEOUT)
    except Unable:
        return MapFound(None, EX_TEMPFAIL)
    word, space, value = reply[:_SOCKET_MOST].decode("latin-1").partition(" ")
    if word == "OK" and space:
        return answered(map_, asked, value, arguments)
    return MapFound(None, _SOCKET_STATUS.get(word, EX_PROTOCOL))
