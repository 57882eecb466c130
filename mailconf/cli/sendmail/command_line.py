"""The command line of sendmail, as its own getopt reads it.

sendmail reads it twice: first for the mode, the configuration and the debugging levels, without a word about other
mistakes; then for every option in its order. A value that is missing is, the first time, the last value that there
was. Options end at the first word that is
none, or with one that begins with ``--``, which is dropped, whatever follows the dashes.

Source: sendmail 8.17.1.9, every letter alone, with a value in the same word and in the next.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

LETTERS = "A:B:b:C:cD:d:e:F:f:Gh:IiL:M:mN:nO:o:p:Q:q:R:r:sTtUvV:X:"
MODES = "aCdDhHimpPstv"  # letters after -b that are a mode; z is refused in words of its own
VALUED = frozenset(part[-1] for part in LETTERS.split(":")[:-1])
_DEFAULTS = {"-C": "-Csendmail.cf", "-d": "-d0-99.1", "-q": "-q0", "-Q": "-Q "}  # what they are without a value


class Option(NamedTuple):
    """One option.

    letter   its letter; "?" for one that is unknown, whose letter is the value then
    value    "" for one that takes none; None for one whose value is missing
    """

    letter: str
    value: str | None


def completed(words: Sequence[str]) -> list[str]:
    """The words with what -C, -q and -Q mean where no value follows, and -d in a word of its own."""
    found = list(words)
    at = 0
    while at < len(found):
        word = found[at]
        if not word.startswith("-") or word.startswith("--") or word == "-":
            break
        following = found[at + 1] if at + 1 < len(found) else None
        if word in _DEFAULTS and (word == "-d" or following is None or following.startswith("-")):
            found[at] = _DEFAULTS[word]
        elif len(word) == 2 and _takes_value(word[1]):
            at += 1
        at += 1
    return found


def options(words: list[str]) -> Iterator[Option]:
    """The options at the beginning of ``words``, which are taken off it as the iteration goes on."""
    while words:
        word = words[0]
        if not word.startswith("-") or word == "-":
            return
        words.pop(0)
        if word.startswith("--"):
            return
        rest = word[1:]
        while rest:
            letter, rest = rest[0], rest[1:]
            if letter == ":" or letter not in LETTERS:
                yield Option("?", letter)
            elif not _takes_value(letter):
                yield Option(letter, "")
            elif rest:
                yield Option(letter, rest)
                rest = ""
            elif words:
                yield Option(letter, words.pop(0))
            else:
                yield Option(letter, None)


def _takes_value(letter: str) -> bool:
    return letter in VALUED
