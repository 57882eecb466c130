"""What follows the address in MAIL and RCPT, and the attributes of XCLIENT and XFORWARD.

RFC 1870 (SIZE), RFC 6152 (BODY), RFC 3461 (RET, ENVID, NOTIFY, ORCPT), RFC 6531 (SMTPUTF8); Postfix's XCLIENT_README
and XFORWARD_README. Each function gives the parameters by upper-case name, or what is wrong with them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address

from mailconf.smtp.path import printable, to_xtext, valid_hostname, xtext
from mailconf.smtp.problems import Fault, Problem

_FILE_SIZE = 2**63 - 1  # bytes
_DIGITS = len(str(_FILE_SIZE))
_SIZE = re.compile(r"[0-9]+\Z")
_NOTIFY = frozenset(("SUCCESS", "FAILURE", "DELAY"))
_PRINTABLE = re.compile(r"[ -~]+\Z")

_XCLIENT = ("NAME", "ADDR", "PROTO", "HELO", "REVERSE_NAME", "PORT", "LOGIN", "DESTADDR", "DESTPORT")
_XFORWARD = ("NAME", "ADDR", "PROTO", "HELO", "SOURCE", "PORT", "IDENT")
_NAMES = {"XCLIENT": _XCLIENT, "XFORWARD": _XFORWARD}


def mail(words: Sequence[str], kept: dict[str, str], *, smtputf8: bool, dsn: bool = True) -> dict[str, str] | Fault:
    """The parameters of MAIL.

    kept           SIZE and AUTH of a MAIL of this session that was refused; they hold until the session's transaction
                   is reset, as in Postfix. The parameters in ``words`` are added, also if they are refused.
    smtputf8, dsn  whether these extensions may be used
    """
    found: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        name = name.upper()
        if name == "BODY" and value.upper() in ("7BIT", "8BITMIME"):
            found[name] = value.upper()
        elif name == "SIZE" and equals:
            if not _SIZE.match(value):
                return Fault.of(Problem.BAD_SIZE)
            kept.pop(name, None)
            if exceeds_file_size(value):
                return Fault.of(Problem.FILE_SIZE)
            kept[name] = value
        elif name == "SMTPUTF8" and not equals and smtputf8:
            found[name] = ""
        elif name in ("RET", "ENVID") and equals and not dsn:
            return Fault.of(Problem.NO_DSN)
        elif name == "RET" and equals:
            if name in found or value.upper() not in ("FULL", "HDRS"):
                return Fault.of(Problem.BAD_RET)
            found[name] = value.upper()
        elif name == "ENVID" and equals:
            plain = xtext(value)
            if name in found or plain is None or not _PRINTABLE.match(plain):
                return Fault.of(Problem.BAD_ENVID)
            found[name] = value
        elif name == "AUTH" and equals:  # RFC 4954 5; without authentication its value is not looked at
            if name in kept:
                return Fault.of(Problem.SECOND_AUTH)
            if value != "<>":
                kept[name] = value
        else:
            return Fault.of(Problem.UNSUPPORTED, word=word)
    return {**found, **kept}


def exceeds_file_size(number: str) -> bool:
    """Whether a decimal number of any length is more than a file's size can be (2**63 - 1)."""
    digits = number.lstrip("0")
    return len(digits) > _DIGITS or int(digits or "0") > _FILE_SIZE


def rcpt(words: Sequence[str], *, dsn: bool = True) -> dict[str, str] | Fault:
    """The parameters of RCPT; ``dsn`` is whether RFC 3461's may be used."""
    found: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        name = name.upper()
        if name in ("NOTIFY", "ORCPT") and equals and not dsn:
            return Fault.of(Problem.NO_DSN)
        if name == "NOTIFY" and equals:
            kinds = {kind for kind in value.upper().split(",") if kind}
            if name in found or not kinds or not (kinds == {"NEVER"} or kinds <= _NOTIFY):
                return Fault.of(Problem.BAD_NOTIFY)
            found[name] = value.upper()
        elif name == "ORCPT" and equals:
            kind, semicolon, address = value.partition(";")
            if name in found or not kind or not semicolon or xtext(address) is None:
                return Fault.of(Problem.BAD_ORCPT)
            found[name] = _one_line(kind, address)
        else:
            return Fault.of(Problem.UNSUPPORTED, word=word)
    return found


def _one_line(kind: str, address: str) -> str:
    """ORCPT's value, all of it encoded that is not printable; a byte of value 0 ends the address, as in smtpd(8)."""
    return f"{to_xtext(kind)};{to_xtext((xtext(address) or '').partition(chr(0))[0])}"


def attributes(
    verb: str, words: Sequence[str], *, ipv4: bool = True, ipv6: bool = True
) -> tuple[dict[str, str | None], frozenset[str]] | Fault:
    """The attributes of XCLIENT or XFORWARD, xtext decoded (None for [UNAVAILABLE]), and which are [TEMPUNAVAIL].

    ipv4, ipv6  the families of addresses that are in use (postconf(5) inet_protocols)
    """
    found: dict[str, str | None] = {}
    temporary: set[str] = set()
    for word in words:
        name, _, raw = word.partition("=")
        name = name.upper()
        if not raw:
            return Fault.of(Problem.NO_VALUE)
        if name not in _NAMES[verb]:
            return Fault.of(Problem.BAD_ATTRIBUTE, verb=verb, name=name)
        value = xtext(raw)
        value = printable(raw if value is None else value)
        if value.upper() == "[UNAVAILABLE]":
            found[name] = None
        elif value.upper() == "[TEMPUNAVAIL]" and verb == "XCLIENT":
            found[name] = None
            temporary.add(name)
        elif _good(verb, name, value) and (name != "ADDR" or (ipv6 if ":" in value else ipv4)):
            found[name] = value
        else:
            return Fault.of(Problem.BAD_VALUE, name=name, value=value)
    return found, frozenset(temporary)


def _good(verb: str, name: str, value: str) -> bool:
    if name in ("NAME", "REVERSE_NAME"):
        return valid_hostname(value)
    if name in ("ADDR", "DESTADDR"):
        return _is_address(value)
    if name in ("PORT", "DESTPORT"):
        return value.isascii() and value.isdigit()
    if name == "PROTO" and verb == "XCLIENT":
        return value.upper() in ("SMTP", "ESMTP")
    if name == "SOURCE":
        return value.upper() in ("LOCAL", "REMOTE")
    return True


def _is_address(value: str) -> bool:
    try:
        if value[:5].upper() == "IPV6:":
            IPv6Address(value[5:])
        else:
            IPv4Address(value)
    except ValueError:
        return False
    return True
