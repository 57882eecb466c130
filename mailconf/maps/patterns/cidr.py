"""``cidr`` tables: networks and addresses (cidr_table(5)).

    pattern result      !pattern result      IF pattern      IF !pattern      ENDIF

A pattern is an address, or a network address with the length of its prefix, in brackets or not. Addresses are those
that inet_pton() reads. A key that is no address is absent. A pattern does not apply to addresses of the other
family, negated or not. The words of the warnings are those of Postfix 3.7.

Departure: a length of prefix above 2^31 is bad; the original takes some of them, modulo 2^32.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from typing import NamedTuple

from mailconf.maps.core.contents import NoContent
from mailconf.maps.patterns.rules import RuleTable, quoted
from mailconf.source import decode
from mailconf.tables.lines import SPACE

_WORD = re.compile(rb"[^ \t\n\v\f\r]*")
_BITS = {socket.AF_INET: 32, socket.AF_INET6: 128}


class _Address(NamedTuple):
    family: int
    value: int


class _Network(NamedTuple):
    family: int
    value: int  # of the prefix, shifted down
    shift: int  # how many bits of an address are not compared


class _BadRule(Exception):
    """The rule is skipped; the message has the reason."""


class Cidr(RuleTable[_Address]):
    """A table of networks."""

    type = "cidr"

    def _subject(self, key: bytes) -> _Address | None:
        return _address(key.partition(b"\0")[0])

    def _parse(self, line: int, text: bytes) -> None:
        try:
            if _is_word(text, b"if"):
                self._parse_if(line, text[2:])
            elif _is_word(text, b"endif"):
                self._parse_endif(text[5:])
            else:
                self._parse_rule(line, text)
        except _BadRule as problem:
            self._warn(line, f"{problem}: skipping this rule")

    def _parse_rule(self, line: int, text: bytes) -> None:
        negated, text = _negation(text)
        word = _WORD.match(text)
        assert word is not None  # it matches the empty word
        if not word[0]:
            raise _BadRule("no address pattern")
        network, rest = _network(word[0]), text[word.end() :]
        result = rest.strip(SPACE)
        if not result:
            raise _BadRule("no lookup result")
        try:
            result = self._value(result)
        except NoContent as missing:
            raise _BadRule(str(missing)) from missing
        self._add(line, _test(network, negated, result))

    def _parse_if(self, line: int, text: bytes) -> None:
        negated, pattern = _negation(text.lstrip(SPACE))
        if not pattern:
            raise _BadRule("no address pattern")
        self._add(line, _test(_network(pattern), negated, b""), opens=True)

    def _parse_endif(self, text: bytes) -> None:
        if text.strip(SPACE):
            raise _BadRule("garbage after ENDIF")
        if not self._close_if():
            raise _BadRule("ENDIF without IF")


def _is_word(text: bytes, word: bytes) -> bool:
    return text[: len(word)].lower() == word and not text[len(word) : len(word) + 1].isalnum()


def _negation(text: bytes) -> tuple[bool, bytes]:
    body = text.lstrip(b"!" + SPACE)
    return text[: len(text) - len(body)].count(b"!") % 2 == 1, body


def _unbracketed(pattern: bytes) -> bytes:
    """The patterns ``[address]``, ``[address/length]`` and ``[address]/length`` without brackets."""
    if not pattern.startswith(b"["):
        return pattern
    inside, bracket, tail = pattern[1:].partition(b"]")
    if not bracket:
        raise _BadRule(f"missing ']' character after {quoted(pattern)}")
    if tail and not tail.startswith(b"/"):
        raise _BadRule(f"garbage after {quoted(b'[' + inside + b']')}")
    return inside + tail


def _network(pattern: bytes) -> _Network:
    pattern = _unbracketed(pattern)
    if b"/" not in pattern:
        address = _address(pattern)
        if address is None:
            raise _BadRule(f"bad address pattern: {quoted(pattern)}")
        return _Network(*address, 0)
    name, _, length = pattern.partition(b"/")
    if not length.isdigit():
        raise _BadRule(f"bad mask value in {quoted(pattern)}")
    family = _family(name)
    bits = _BITS[family]
    shift = bits - int(length[:20])
    if shift < 0:
        raise _BadRule(f"bad mask length in {quoted(pattern)}")
    address = _address(name)
    if address is None:
        raise _BadRule(f"bad network value in {quoted(pattern)}")
    prefix = address.value >> shift
    if prefix << shift != address.value:
        better = socket.inet_ntop(family, (prefix << shift).to_bytes(bits // 8, "big"))
        advice = f'perhaps you should use "{better}/{bits - shift}" instead'
        raise _BadRule(f"non-null host address bits in {quoted(pattern)}, {advice}")
    return _Network(family, prefix, shift)


def _family(text: bytes) -> socket.AddressFamily:
    return socket.AF_INET6 if b":" in text else socket.AF_INET


def _address(text: bytes) -> _Address | None:
    family = _family(text)
    try:
        return _Address(family, int.from_bytes(socket.inet_pton(family, decode(text)), "big"))
    except (OSError, ValueError):
        return None


def _test(network: _Network, negated: bool, result: bytes) -> Callable[[_Address], bytes | None]:
    family, value, shift = network
    if negated:
        return lambda at: result if at[0] == family and at[1] >> shift != value else None
    return lambda at: result if at[0] == family and at[1] >> shift == value else None
