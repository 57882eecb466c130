"""Which host names and address literals Postfix takes for valid.

A host name has 1 to 255 characters in labels of 1 to 63 letters, digits, ``_`` and ``-`` (not at either end of a
label), and is not all numbers and dots. Names that are not ASCII count in their IDNA form where Postfix converts them.
An address literal is ``[192.0.2.1]`` or ``[IPv6:2001:db8::1]``.
"""

from __future__ import annotations

from mailconf.domain_names import DomainNameError, to_ascii
from mailconf.smtp.host_addresses import valid_ipv4 as valid_ipv4
from mailconf.smtp.host_addresses import valid_ipv6 as valid_ipv6
from mailconf.source import encode

_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")

_LONGEST = 64  # of literals; IPv6 with an IPv4 tail has 45 characters, and the brackets and IPv6: seven


def valid_hostname(name: str) -> bool:
    """True for an ASCII name that Postfix would look up; a trailing dot is not allowed."""
    if not 0 < len(name) <= 255 or numeric(name):
        return False
    return all(map(_valid_label, name.split(".")))


def hostname_problem(name: str) -> str:
    """Why ``name`` is not a host name, in the words of Postfix's log; "" for one that is."""
    if not name:
        return "empty hostname"
    length, numbers = 0, True
    for at, letter in enumerate(name):
        after = name[at + 1 : at + 2]
        if letter in _LETTERS and letter != "-":
            length += 1
            if length > 63:
                return f"hostname label too long: {name[:100]}"
            numbers = numbers and letter.isdigit()
        elif letter == ".":
            if length == 0 or not after:
                return f"misplaced delimiter: {name[:100]}"
            length = 0
        elif letter == "-":
            numbers = False
            length += 1
            if length == 1 or after in ("", "."):
                return f"misplaced hyphen: {name[:100]}"
        else:
            return f"invalid character {encode(letter)[0]}(decimal): {name[:100]}"
    if numbers:
        return f"numeric hostname: {name[:100]}"
    return f"bad length {len(name)} for {name[:100]}..." if len(name) > 255 else ""


def _valid_label(label: str) -> bool:
    if not 0 < len(label) <= 63 or "-" in (label[0], label[-1]):
        return False
    return all(letter in _LETTERS or letter >= "\x80" for letter in label)


def valid_domain(name: str) -> bool:
    """As `valid_hostname`, for the domain of an address: it may be written in other letters (smtputf8_enable)."""
    if not name.isascii():
        try:
            name = to_ascii(name)
        except DomainNameError:
            return False
    return valid_hostname(name)


def numeric(name: str) -> bool:
    """True for what looks like an IPv4 address: digits and dots only."""
    return bool(name) and all(c in "0123456789." for c in name)


def address_literal(text: str) -> str | None:
    """The IP address inside ``[...]`` as mail addresses write it, or None when it is not a valid one."""
    if not 3 <= len(text) <= _LONGEST or text[0] != "[" or text[-1] != "]":
        return None
    inner = text[1:-1]
    if inner[:5].lower() == "ipv6:":
        return inner[5:] if valid_ipv6(inner[5:]) else None
    return inner if valid_ipv4(inner) else None


def valid_host_address(text: str) -> bool:
    """An IPv4 address, or an IPv6 address without brackets."""
    return valid_ipv6(text) if ":" in text else valid_ipv4(text)
