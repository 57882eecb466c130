"""What values a parameter takes: yes or no, numbers and times within limits, certain words, tables, text.

The messages of the daemons are data (mailconf.postfix.parameters.types); of parameters that no daemon reports about,
the type follows from the default (mailconf.postfix.parameters.catalogue). Of an ``lmtp_`` parameter that is not known,
what the ``smtp_`` one takes holds: one program reads both.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from mailconf.postfix.parameters import catalogue as parameters
from mailconf.postfix.parameters.catalogue import BOOLEAN, INTEGER, STRING, TIME
from mailconf.postfix.parameters.types import BOOLEANS, CHOICES, FILLED, INTEGERS, TABLES, TIMES

CHOICE, TABLE = "c", "m"
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
# What every program or postfix(1) itself must have, and what is computed where it is not set.
_FILLED_TOO = frozenset(
    {
        *("default_privs", "html_directory", "mail_owner", "mydomain", "myhostname", "queue_directory"),
        *("readme_directory", "setgid_group"),
    }
)
_INT, _LONG = 0x7FFFFFFF, 0x7FFFFFFFFFFFFFFF
# Numbers that are longs. Of 109 that 3.7.11's daemons know, these take 2147483648 and 9223372036854775807; for the
# others as for 9223372036854775808 here, "fatal: bad numerical configuration".
LONGS = frozenset(
    {"lmdb_map_size", "mailbox_size_limit", "message_size_limit", "queue_minfree", "virtual_mailbox_limit"}
)
# Texts whose defaults look like numbers: 1/concurrency, the name of a port, words for log levels (routine, debug, ...).
_TEXTS = ("_concurrency_negative_feedback", "_concurrency_positive_feedback", "_loglevel", "_tcp_port")
_TEXTS_TOO = frozenset({"mail_release_date", "milter_protocol", "process_id"})
# Of all names that end in _maps or _checks, the only ones of which each daemon (3.7.11) takes words that are no tables:
# proxymap(8) picks the words that begin with proxy: and skips the networks and domains between them.
_LISTS = frozenset({"proxy_read_maps", "proxy_write_maps"})


class Type(NamedTuple):
    """A type: its kind, the limits of a number or of a time in seconds (None: none), the words to choose from.

    several  whether more than one word may be given
    filled   whether a value must be given
    unit     of a time that has none, a letter
    long     whether a number has 64 bits
    """

    kind: str = STRING
    low: int | None = None
    high: int | None = None
    words: tuple[str, ...] = ()
    several: bool = False
    filled: bool = False
    unit: str = "s"
    long: bool = False

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
        most = _LONG if self.long else _INT
        low = -most - 1 if self.low is None else self.low
        if number < low:
            return f"is less than {low}{unit}"
        high = most if self.high is None else self.high
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
    if name in TABLES or (name.endswith(("_checks", "_maps")) and name not in _LISTS):
        return Type(TABLE)
    filled = name in FILLED or name in _FILLED_TOO
    if name in BOOLEANS or kind == BOOLEAN:
        return Type(BOOLEAN)
    if name in INTEGERS or (kind == INTEGER and name not in _TEXTS_TOO and not name.endswith(_TEXTS)):
        return Type(INTEGER, *INTEGERS.get(name, (None, None)), long=name in LONGS)
    if name in TIMES or kind == TIME:
        return Type(TIME, *TIMES.get(name, (None, None)), unit=parameters.default_unit(name, known))
    return Type(filled=filled)


def _is_recorded(name: str) -> bool:
    return any(name in facts for facts in (BOOLEANS, CHOICES, FILLED, INTEGERS, TABLES, TIMES))
