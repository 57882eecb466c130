"""Classes: sets of words, compared without regard to the case of ASCII letters.

sendmail lists a class in the order of its symbol table, which is a hash over the letters of the word; a word that is in
several classes is one symbol, and has the spelling with which it came first.
"""

from __future__ import annotations

_BUCKETS = 2003
_MOST_FOLDED = 50_000
_CLASS = 1  # the number of this kind of symbol, with which its hash begins


def folded(text: str) -> str:
    """ASCII letters in lower case, all others as they are."""
    return (
        text.lower()
        if text.isascii()
        else text.encode("utf-8", "surrogatepass").lower().decode("utf-8", "surrogatepass")
    )


class Folding(dict[str, str]):
    """Texts with what `folded` makes of them, as they are asked for; it forgets them all when they are many."""

    def __missing__(self, text: str) -> str:
        if len(self) >= _MOST_FOLDED:
            self.clear()
        low = self[text] = folded(text)
        return low


def bucket(word: str, kind: int) -> int:
    """Where sendmail's symbol table has a word."""
    place = kind
    for character in folded(word):
        place = ((place << 1) ^ (ord(character) & 0xFF)) % _BUCKETS
    return place


class Classes:
    """All classes of a configuration, each known by a macro's character."""

    def __init__(self) -> None:
        self._spelling: dict[str, str] = {}  # as it came first, by the folded word, in their order
        self._members: dict[str, set[str]] = {}
        self.changes = 0  # how often a class has changed

    def add(self, character: str, word: str) -> None:
        key = folded(word)
        if key == word:
            key = word  # one text in memory instead of two
        self._spelling.setdefault(key, word)
        self._members.setdefault(character, set()).add(key)
        self.changes += 1

    def remove(self, character: str, word: str) -> None:
        """Take a word out of a class, if it is there."""
        self.set_of(character).discard(folded(word))
        self.changes += 1

    def take_in(self, character: str, other: str) -> None:
        """Add what the class ``other`` has now."""
        self._members.setdefault(character, set()).update(self._members.get(other, ()))
        self.changes += 1

    def has(self, character: str, word: str) -> bool:
        members = self._members.get(character)
        return members is not None and folded(word) in members

    def set_of(self, character: str) -> set[str]:
        """The folded words of a class: the set itself, to which later words are added."""
        return self._members.setdefault(character, set())

    def words(self, character: str) -> list[str]:
        """The words of a class in the order in which sendmail lists them."""
        members = self._members.get(character, set())
        words = [spelling for key, spelling in self._spelling.items() if key in members]
        return sorted(words, key=lambda word: bucket(word, _CLASS))
