"""``cidr`` tables: networks and addresses (cidr_table(5)).

    pattern result      !pattern result      IF pattern      IF !pattern      ENDIF

A pattern is a network (`mailconf.maps.patterns.networks`). A key that is no address is absent. A pattern does not apply
to addresses of the other family, negated or not. The words of the warnings are those of Postfix 3.7.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from mailconf.maps.core.contents import NoContent
from mailconf.maps.patterns.networks import BadNetwork, IpAddress, Network, read_address, read_network
from mailconf.maps.patterns.rules import RuleTable
from mailconf.source import decode
from mailconf.tables.lines import SPACE

_WORD = re.compile(rb"[^ \t\n\v\f\r]*")


class _BadRule(Exception):
    """The rule is skipped; the message has the reason."""


class Cidr(RuleTable[IpAddress]):
    """A table of networks."""

    type = "cidr"

    def _subject(self, key: bytes) -> IpAddress | None:
        return read_address(decode(key.partition(b"\0")[0]))

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


def _network(pattern: bytes) -> Network:
    try:
        return read_network(decode(pattern))
    except BadNetwork as problem:
        raise _BadRule(str(problem)) from problem


def _test(network: Network, negated: bool, result: bytes) -> Callable[[IpAddress], bytes | None]:
    family, value, shift = network
    if negated:
        return lambda at: result if at[0] == family and at[1] >> shift != value else None
    return lambda at: result if at[0] == family and at[1] >> shift == value else None
