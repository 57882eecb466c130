"""A configuration as it is run: what the lines of a .cf come to."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from mailconf.sendmail.rules.classes import Classes
from mailconf.sendmail.rules.codes import MOST_CODES, Codes
from mailconf.sendmail.rules.compile import CompiledRule, compile_rule
from mailconf.sendmail.rules.macros import Macros
from mailconf.sendmail.rules.maps import DefinedMap
from mailconf.sendmail.rules.memory import Memory
from mailconf.sendmail.rules.problems import Problems
from mailconf.sendmail.rules.ruleset import Ruleset
from mailconf.sendmail.rules.symbols import MacroNames
from mailconf.sendmail.rules.tokens import DEFAULT_OPERATORS, Tokeniser
from mailconf.sendmail.rules.version import DEFAULT, SendmailVersion

RULESETS = 200
NUMBERED = RULESETS // 2  # numbers below this are a configuration's, those above are given to names
_BLANKS = " \t\n\v\f\r"
_DIGITS = "0123456789"
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_NAME = frozenset(_LETTERS + _DIGITS + "_")


@dataclass(slots=True)
class DefinedMailer:
    """A mailer, as a line M defines it.

    arguments  A=, its words, with macros that are not expanded
    sender, recipient   S= and R=: the numbers of the rulesets for the envelope, and for headers; 0 for none
    types      T=: of the MTA, of addresses, of diagnostics; None where they are not given
    """

    name: str
    number: int = 0
    path: str = ""
    flags: set[str] = field(default_factory=set)
    arguments: list[str] = field(default_factory=list)
    sender: tuple[int, int] = (0, 0)
    recipient: tuple[int, int] = (0, 0)
    types: tuple[str | None, str | None, str | None] = (None, None, None)
    end_of_line: str = ""
    charset: str = ""
    folder: str = ""
    root: str = ""
    queue: str = ""
    largest: int = 0  # M=
    line: int = 0  # L=
    messages: int = 0  # m=
    recipients: int = 100  # r=
    nice: int = 0
    wait: int = 0
    user: int = -1
    group: int = -1

    def has(self, flag: str) -> bool:
        return flag in self.flags


class AddedHeader(NamedTuple):
    """A line H that adds a field.

    condition   flags of mailers of which one has to be there, or a macro that has to have a value; "" for always
    value       with its macros as they were written
    """

    condition: str
    name: str
    value: str


class Rulebook:
    """Everything of a configuration that rules, maps, mailers and options say.

    name      the file
    version   the version of sendmail that reads it
    level     of the configuration, as its V line has it
    rulesets  the rules of each ruleset, by its number
    names     the characters of macros and classes
    maps      by name in lower case
    untyped_aliases   names of maps for which AliasFile has no type: what is built for them has NULs
    mailers   by name in lower case, in the order of their numbers
    options   the last value of each option, by its full name; those that add are lists in `added`
    added_headers   the fields that a message gets, in their order
    headers   the rulesets that check headers, by name in lower case: the ruleset, and whether comments are dropped
    machine_names   what sendmail found out about its own name: $w
    """

    def __init__(self, name: str, problems: Problems, version: SendmailVersion = DEFAULT) -> None:
        self.name = name
        self.version = version
        self.level = 0
        self.names = MacroNames(problems.system)
        self.macros = Macros(self.names)
        self.classes = Classes()
        self.rulesets = [Ruleset(self._compiled) for _ in range(RULESETS)]
        self.maps: dict[str, DefinedMap] = {}
        self.untyped_aliases: set[str] = set()
        self.mailers: dict[str, DefinedMailer] = {}
        self.options: dict[str, str] = {}
        self.added: dict[str, list[str]] = {}
        self.privacy: set[str] = set()
        self.blame: set[str] = set()  # DontBlameSendmail, in lower case
        self.headers: dict[str, tuple[str, bool]] = {}
        self.added_headers: list[AddedHeader] = []
        self.queues: dict[str, dict[str, str]] = {}
        self.filters: dict[str, dict[str, str]] = {}
        self.priorities: dict[str, int] = {}
        self.environment: dict[str, str | None] = {}
        self.blank = " "
        self._numbers: dict[str, int] = {}
        self._unnumbered: set[str] = set()  # names that a line has given, with a mistake
        self._shown: dict[int, str] = {}
        self._next = RULESETS
        self._memory = Memory(0)
        self._codes: Codes | None = None

    @property
    def memory(self) -> Memory:
        """What the rulesets were seen to make of workspaces, as long as classes stay as they are."""
        if self._memory.changes != self.classes.changes:
            self._memory = Memory(self.classes.changes)
        return self._memory

    @property
    def codes(self) -> Codes:
        """The characters of tokens, with which workspaces become strings."""
        codes = self._codes
        if codes is None or codes.changes != self.classes.changes or len(codes) > MOST_CODES:
            codes = self._codes = Codes(self.tokeniser, self.classes.changes)
        return codes

    @cached_property
    def tokeniser(self) -> Tokeniser:
        """What takes texts apart, with the OperatorChars of the moment when it is first asked for."""
        operators = self.options.get("OperatorChars")
        if operators is None and self.level < 7:
            operators = self.macros.get("o")
        if operators is None:
            operators = self.options["OperatorChars"] = DEFAULT_OPERATORS
        return Tokeniser(self.macros.expand(operators, lambda message: None), self.blank)

    # -- rulesets

    def add_rule(self, ruleset: int, left: str, right: str, line: int) -> None:
        """Add a rule, whose sides have no mistakes that were not reported; it is compiled when it is needed."""
        self.rulesets[ruleset].add(f"{line}\0{int(self.level >= 9)}\0{left}\0{right}")

    def _compiled(self, text: str) -> CompiledRule:
        line, keeping, left, right = text.split("\0", 3)
        tokeniser, kept = self.tokeniser, keeping == "1"
        sides = tokeniser.side(left, kept), tokeniser.side(right, kept)
        return compile_rule(sides[0], sides[1], int(line), self.classes, tokeniser.joined)

    def shown_name(self, number: int) -> str:
        """What a ruleset is called in messages: the name that it got last, or its number."""
        return self._shown.get(number) or str(number)

    def number(self, name: str, problems: Problems) -> int | None:
        """The number of the ruleset that ``name`` begins with; None, with or without a message, where there is none."""
        return self.read_number(name, problems)[0]

    def filled(self, name: str) -> int | None:
        """The number of a ruleset that was asked for before and has rules; None for others."""
        number = int(name) if name.isdigit() and len(name) < 3 else self._numbers.get(name)
        return number if number is not None and self.rulesets[number] else None

    def called(self, name: str) -> int | None:
        """The same, and -1 for one that is known and has no rules."""
        number = int(name) if name.isdigit() and len(name) < 3 else self._numbers.get(name)
        return number if number is None or self.rulesets[number] else -1

    def read_number(self, text: str, problems: Problems, *, enter: bool = False) -> tuple[int | None, int]:
        """The same, and where in the text the name ends; with ``enter`` a name that is not known gets a number."""
        start = len(text) - len(text.lstrip(_BLANKS))
        first = text[start : start + 1]
        if first in _DIGITS and first:
            end = start
            while text[end : end + 1] in _DIGITS and end < len(text):
                end += 1
            number = int(text[start:end][:10])
            if number >= NUMBERED:
                problems.system(f"bad ruleset {number} ({NUMBERED} max)")
                return None, end
            return number, end
        end = start
        while end < len(text) and text[end] in _NAME:
            end += 1
        if end == start or first not in _LETTERS:
            problems.system(f'invalid ruleset name: "{text[start : start + 20]}"')
            return None, end
        name = text[start:end]
        while text[end : end + 1] in _BLANKS and end < len(text):
            end += 1
        if not enter:
            known = self._numbers.get(name)
            if known is None and name in self._unnumbered:
                known = self._numbers[name] = self._next = self._next - 1
            return known, end
        return self._enter(name, text, start, end, problems), end

    def _enter(self, name: str, text: str, start: int, end: int, problems: Problems) -> int | None:
        old = self._numbers.get(name)
        self._unnumbered.add(name)
        number: int | None
        if text[end : end + 1] == "=":
            number = self._given(text, start, end, problems)
        elif old is not None:
            number = old
        else:
            self._next -= 1
            number = self._next
            if number < NUMBERED:
                problems.system(f"{text[start:]}: too many named rulesets ({NUMBERED} max)")
                number = None
        if number is not None and old is not None and number != old:
            problems.system(f"{text[start:]}: ruleset changed value (old {old}, new {number})")
            number = old
        elif number is not None:
            self._numbers[name] = number
        if number is not None:
            self._shown[number] = name
        return number

    def _given(self, text: str, start: int, end: int, problems: Problems) -> int | None:
        """The number after ``name=``."""
        rest = text[end + 1 :].lstrip(_BLANKS)
        digits = len(rest) - len(rest.lstrip(_DIGITS))
        if not digits:
            problems.system(f'bad ruleset definition "{text[start:]}" (number required after `=\')')
            return None
        number = int(rest[:digits][:10])
        if number >= NUMBERED:
            problems.system(f'bad ruleset number {number} in "{text[start:]}" ({NUMBERED} max)')
            return None
        return number

    # -- options

    def use_blank(self, blank: str) -> None:
        """BlankSub: what is put between two words of an address, from now on."""
        self.blank = blank
        if "tokeniser" in self.__dict__:
            self.tokeniser.blank = blank

    def flag(self, name: str) -> bool:
        """Whether a boolean option is set: to nothing, or to what begins with t or y."""
        value = self.options.get(name)
        return value is not None and truth(value)

    def blames(self, name: str) -> bool:
        """Whether DontBlameSendmail has ``name``, in lower case."""
        return name in self.blame


def truth(value: str) -> bool:
    """What sendmail takes a boolean value for."""
    return not value or value[0] in "tTyY"
