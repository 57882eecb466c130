"""Which messages ``sendmail -q...`` means, and how often it runs the queue."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from mailconf.mta.control import Listing


class Selection(NamedTuple):
    """Which messages are meant: those for which all tests hold.

    tests  letter (I, R, S), whether it is turned round, the text
    held   those that are on hold, in the place of those that are not
    """

    tests: tuple[tuple[str, bool, str], ...] = ()
    held: bool = False
    lost: bool = False

    def means(self, message: Listing) -> bool:
        from mailconf.mta.control import QueueName

        if self.lost:
            return False
        if (message.queue is QueueName.HOLD) is not self.held:
            return False
        return all(self._holds(letter, turned, text.lower(), message) for letter, turned, text in self.tests)

    @staticmethod
    def _holds(letter: str, turned: bool, wanted: str, message: Listing) -> bool:
        """With R: whether it holds for one of the recipients, also where it is turned round."""
        if letter == "I":
            texts = [message.id]
        elif letter == "S":
            texts = [message.sender or "<>"]
        else:
            texts = [recipient.address for recipient in message.recipients]
        return any((wanted in text.lower()) is not turned for text in texts)


def selected(values: Iterable[str]) -> tuple[Selection, float | None, str | None]:
    """What the values of -q mean: the messages, seconds between runs where they say so, a queue group where named."""
    tests: list[tuple[str, bool, str]] = []
    held = lost = False
    interval: float | None = None
    group: str | None = None
    for value in values:
        turned = value.startswith("!")
        text = value.removeprefix("!")
        letter, rest = text[:1], text[1:]
        if letter in ("I", "R", "S"):
            tests.append((letter, turned, rest))
        elif letter == "Q":
            held = True
            if rest:
                tests.append(("Q", turned, rest))
        elif letter == "L":
            lost = True
        elif letter == "G":
            group = rest
        elif text.removeprefix("p") and letter != "f":
            interval = _seconds(text.removeprefix("p"))
    # A reason of quarantine is not kept: nothing has one.
    tests = [(letter, turned, rest) for letter, turned, rest in tests if letter != "Q"]
    return Selection(tuple(tests), held, lost), interval, group


_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def _seconds(text: str) -> float:
    """An interval, minutes where it has no unit; mistakes in it have been said."""
    total, number = 0, ""
    for letter in text:
        if letter.isdigit():
            number += letter
        else:
            total += int(number or "0") * _UNITS.get(letter.lower(), 60)
            number = ""
    return float(total + int(number or "0") * 60)
