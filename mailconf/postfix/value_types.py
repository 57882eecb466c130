"""What values a parameter takes: yes or no, numbers and times within limits, certain words, tables, text.

What the daemons said of it is data (mailconf.postfix.parameters_types); of parameters that no daemon said anything of,
the type follows from the default (mailconf.postfix.parameters). Of an ``lmtp_`` parameter that is not known, what the
``smtp_`` one takes holds: one program reads both.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from mailconf.postfix import parameters
from mailconf.postfix.parameters import BOOLEAN, INTEGER, STRING, TIME
from mailconf.postfix.parameters_types import BOOLEANS, CHOICES, FILLED, INTEGERS, TABLES, TIMES

CHOICE, TABLE = "c", "m"
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
# What every program or postfix(1) itself must have, and what is computed where it is not set.
_FILLED_TOO = frozenset(
    {
        *("default_privs", "html_directory", "mail_owner", "mydomain", "myhostname", "queue_directory"),
        *("readme_directory", "setgid_group"),
    }
)
_LARGEST = 0x7FFFFFFF


class Type(NamedTuple):
    """A type: its kind, the limits of a number or of a time in seconds (None: none), the words to choose from.

    several  whether more than one word may be given
    filled   whether a value must be given
    unit     of a time that has none, a letter
    """

    kind: str = STRING
    low: int | None = None
    high: int | None = None
    words: tuple[str, ...] = ()
    several: bool = False
    filled: bool = False
    unit: str = "s"

    def __str__(self) -> str:
        """The type in words."""
        if self.kind == CHOICE:
            return ("some of " if self.several else "one of ") + ", ".join(self.words)
        limits = [f"at least {self.low}" * (self.low is not None), f"at most {self.high}" * (self.high is not None)]
        limit = "".join(f", {text}" for text in limits if text)
        if self.kind == TIME:
            return f"a time, in {UNITS[self.unit]} without a unit" + (limit and f"{limit} s")
        if self.kind == INTEGER:
            return f"a number{limit}"
        return {BOOLEAN: "yes or no", TABLE: "tables, type:name"}.get(self.kind, "text")

    def problem(self, text: str) -> str:
        """What is wrong with the expanded value ``text``, as the end of "the value ... of NAME", or ""."""
        if not text:
            return "is empty, but must not be" if self.filled or self.kind in (BOOLEAN, INTEGER, TIME) else ""
        if self.is_malformed(text):
            return {BOOLEAN: "is neither yes nor no", INTEGER: "is not a number"}.get(self.kind, "is not a time")
        if self.kind == CHOICE:
            return self._unknown_word(text)
        if self.kind == INTEGER:
            return self._beyond(parameters.integer_value(text) or 0, "")
        return self._beyond(parameters.time_value(text, self.unit) or 0, " s") if self.kind == TIME else ""

    def is_malformed(self, text: str) -> bool:
        """Whether ``text`` is not even written as this kind of value is."""
        if self.kind == BOOLEAN:
            return text.lower() not in ("yes", "no")
        if self.kind == INTEGER:
            return parameters.integer_value(text) is None
        return self.kind == TIME and parameters.time_value(text, self.unit) is None

    def _beyond(self, number: int, unit: str) -> str:
        if self.low is not None and number < self.low:
            return f"is less than {self.low}{unit}"
        high = _LARGEST if self.high is None else self.high
        return f"is more than {high}{unit}" if number > high else ""

    def _unknown_word(self, text: str) -> str:
        known = {word.lower() for word in self.words}
        words = text.replace(",", " ").split() if self.several else [text]
        wrong = [word for word in words if word.lower() not in known]
        if not wrong:
            return ""
        return f'has "{wrong[0]}", which means nothing' if len(words) > 1 else "means nothing"


def type_of(name: str, kind: str, known: Mapping[str, tuple[str, str]] = parameters.PARAMETERS) -> Type:
    """The type of a parameter that the version of Postfix with the parameters ``known`` calls ``kind``."""
    if name.startswith("lmtp_") and not _is_recorded(name):
        name = "smtp_" + name.removeprefix("lmtp_")
    if name in CHOICES:
        words, several = CHOICES[name]
        return Type(CHOICE, words=words, several=several)
    if name in TABLES or name.endswith(("_checks", "_maps")):
        return Type(TABLE)
    filled = name in FILLED or name in _FILLED_TOO
    if name in BOOLEANS or kind == BOOLEAN:
        return Type(BOOLEAN)
    if name in INTEGERS or kind == INTEGER:
        return Type(INTEGER, *INTEGERS.get(name, (None, None)))
    if name in TIMES or kind == TIME:
        return Type(TIME, *TIMES.get(name, (None, None)), unit=parameters.default_unit(name, known))
    return Type(filled=filled)


def _is_recorded(name: str) -> bool:
    return any(name in facts for facts in (BOOLEANS, CHOICES, FILLED, INTEGERS, TABLES, TIMES))
