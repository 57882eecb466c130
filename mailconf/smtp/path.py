"""The addresses of MAIL, RCPT and VRFY: RFC 5321 4.1.2 as Postfix reads it.

postconf(5) strict_rfc821_envelopes=no is the rule: besides ``<local@domain>`` an address may be without brackets,
with comments, with white space around its specials, after a source route that is dropped (RFC 5321 4.1.1.3) and
after a display name that is dropped too. What is taken is one address; two of them, or words side by side, are a
syntax error. A domain is a host name or an address literal; non-ASCII ones need SMTPUTF8 (RFC 6531 3.3). The local
part may be anything, but an address never begins with a hyphen (postconf(5) allow_min_user).
"""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from itertools import pairwise

from mailconf.domain_names import DomainNameError, to_ascii

_LABEL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\Z")
_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\n\f\v]+)
      | (?P<quoted>"(?:[^"\\]|\\.)*(?:"|\\?\Z))
      | (?P<literal>\[(?:[^\]\\]|\\.)*(?:\]|\\?\Z))
      | (?P<special>[]<>@,;:.%!)])
      | (?P<word>(?:[^] \t\r\n\f\v()<>@,;:".%!\[\\]|\\.|\\\Z)+)""",
    re.VERBOSE | re.DOTALL,
)
_BLANKS = " \t\r\v\f"
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_ROUTING = frozenset("@%!")
_WORDS = frozenset(("quoted", "literal", "word"))


def split_arguments(text: str) -> list[str]:
    """The words of a command line, cut at white space outside of quotes and angle brackets.

    ``FROM:`` and ``TO:`` belong to the word after them.
    """
    text = text.rstrip(_BLANKS)
    words: list[str] = []
    at, size = 0, len(text)
    while True:
        while at < size and text[at] in _BLANKS:
            at += 1
        if at >= size:
            return words
        start = at
        at, _ = _word_end(text, at)
        word = text[start:at]
        if words and words[-1].upper() in ("FROM:", "TO:") and len(words) == 2:
            words[-1] += word
        else:
            words.append(word)


def _word_end(text: str, at: int) -> tuple[int, bool]:
    """Where the word that begins at ``at`` ends, and whether its quotes and brackets are closed."""
    depth, quoted, size = 0, False, len(text)
    while at < size:
        c = text[at]
        if c == "\\":
            at += 1
        elif c == '"':
            quoted = not quoted
        elif not quoted:
            if c == "<":
                depth += 1
            elif c == ">" and depth:
                depth -= 1
            elif c in _BLANKS and not depth:
                break
        at += 1
    return min(at, size), not quoted and not depth


def is_closed(text: str) -> bool:
    """Whether every quote and every angle bracket in ``text`` is closed."""
    at, closed = 0, True
    while at < len(text) and closed:
        end, closed = _word_end(text, at)
        at = max(end, at + 1)
    return closed


def parse(text: str, *, empty: bool, smtputf8: bool = False) -> str | None:
    """The internal form of the address that ``text`` holds, None when it holds no address.

    empty     whether ``<>`` is an address (in MAIL it is)
    smtputf8  whether domains may be written in UTF-8
    """
    if not is_closed(text):
        return None
    if text.startswith("<") and text.endswith(">"):
        text = text[1:-1]
    text = _without_route(text.strip(" \t"))
    if not text:
        return "" if empty else None
    address = _single(text)
    if address is None:
        return None
    return address if _valid(address, smtputf8) else None


def _without_route(text: str) -> str:
    if text.startswith("@"):
        _, colon, rest = text.partition(":")
        if colon:
            return rest
    return text


def _tokens(text: str) -> list[tuple[str, str]] | None:
    """(kind, text) of each token; comments are empty, white space is left out."""
    found: list[tuple[str, str]] = []
    at = 0
    while at < len(text):
        if text[at] == "(":
            at = _comment_end(text, at)
            found.append(("comment", ""))
            continue
        match = _TOKEN.match(text, at)
        if match is None:
            return None
        at = match.end()
        kind = match.lastgroup or ""
        if kind != "space":
            found.append((kind, match.group()))
    return found


def _comment_end(text: str, at: int) -> int:
    depth = 0
    while at < len(text):
        c = text[at]
        if c == "\\":
            at += 1
        elif c == "(":
            depth += 1
        elif c == ")":
            depth -= 1
            if not depth:
                return at + 1
        at += 1
    return len(text)


def _single(text: str) -> str | None:
    """The one address among the tokens of ``text``, in internal form; None without one, and with more."""
    tokens = _tokens(text)
    if tokens is None:
        return None
    addresses: list[list[tuple[str, str]]] = []
    run: list[tuple[str, str]] = []
    closers = sum(1 for _, t in tokens if t == ">")
    for token in tokens:
        if token[1] == "<" and token[0] == "special" and closers:
            run = []  # what stood before was a display name
        elif token[1] in "<>,;" and token[0] == "special":
            closers -= token[1] == ">"
            if run:
                addresses.append(run)
            run = []
        else:
            run.append(token)
    if run:
        addresses.append(run)
    addresses = [a for a in addresses if any(kind != "comment" for kind, _ in a)]
    if len(addresses) != 1:
        return None
    address = addresses[0]
    if any(a[0] in _WORDS and b[0] in _WORDS for a, b in pairwise(address)):
        return None
    return "".join(_plain(kind, text) for kind, text in address)


def _plain(kind: str, text: str) -> str:
    if kind == "quoted":
        text = text[1:-1] if len(text) > 1 and text.endswith('"') and not _escaped_end(text) else text[1:]
    elif kind == "literal" and (not text.endswith("]") or _escaped_end(text)):
        text += "]"
    if kind == "special":
        return text
    return re.sub(r"\\(.?)", r"\1", text, flags=re.DOTALL)


def _escaped_end(text: str) -> bool:
    """Whether the last character follows an odd number of backslashes."""
    head = text[:-1]
    return (len(head) - len(head.rstrip("\\"))) % 2 == 1


def _valid(address: str, smtputf8: bool) -> bool:
    if address.startswith("-"):
        return False
    local, at, domain = address.rpartition("@")
    if not at:
        local, at, domain = address.rpartition("%")  # postconf(5) allow_percent_hack
    if not at:
        return bool(address)
    if not domain and not _ROUTING.isdisjoint(local):
        return _valid(local, smtputf8)  # a route through nowhere: what precedes the last @ is the address
    return valid_literal(domain) if domain.startswith("[") else valid_hostname(domain, smtputf8=smtputf8)


def valid_hostname(name: str, *, smtputf8: bool = False) -> bool:
    """Whether ``name`` can be a host: labels of letters, digits, ``_`` and inner hyphens, not all of them numbers."""
    if name.endswith("."):
        name = name[:-1]
    if smtputf8 and not name.isascii():
        try:
            name = to_ascii(name)
        except DomainNameError:
            return False
    if not name or len(name) > 255:
        return False
    if all(c in "0123456789." for c in name):
        return False
    return all(_LABEL.match(label) for label in name.split("."))


def valid_literal(text: str) -> bool:
    """Whether ``text`` is an address literal (RFC 5321 4.1.3): ``[192.0.2.1]`` or ``[IPv6:2001:db8::1]``."""
    if not (text.startswith("[") and text.endswith("]")):
        return False
    inside = text[1:-1]
    try:
        if inside[:5].upper() == "IPV6:":
            IPv6Address(inside[5:])
        else:
            IPv4Address(inside)
    except (AddressValueError, ValueError):
        return False
    return True


def xtext(value: str) -> str | None:
    """``value`` with its ``+HH`` undone (RFC 3461 4), None when it is not xtext."""
    if "+" not in value:
        return value
    out = bytearray()
    data = value.encode("utf-8", "surrogateescape")
    at = 0
    while at < len(data):
        if data[at : at + 1] == b"+":
            pair = data[at + 1 : at + 3]
            if len(pair) != 2 or not all(c in b"0123456789ABCDEFabcdef" for c in pair):
                return None
            out.append(int(pair, 16))
            at += 3
        else:
            out.append(data[at])
            at += 1
    return bytes(out).decode("utf-8", "surrogateescape")


def printable(value: str) -> str:
    """``value`` with ``?`` for control characters, as Postfix keeps what it will log or write into a header."""
    return _CONTROL.sub("?", value)


def to_xtext(value: str) -> str:
    """The inverse of `xtext`: everything but printable ASCII without ``+`` and ``=`` becomes ``+HH``."""
    data = value.encode("utf-8", "surrogateescape")
    return "".join(chr(c) if 33 <= c <= 126 and c not in b"+=" else f"+{c:02X}" for c in data)
