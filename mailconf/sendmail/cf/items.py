"""What a line of a .cf is: one class for each kind of line, as written, in the line's own terms.

Each has its `Line` (``line.span()`` is its place), and the places of its parts where a report may point at one.
Texts are as written: macros and conditionals in them are not expanded. `mailconf.sendmail.cf` describes what each
means.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from mailconf.sendmail.cf.lines import BLANKS, CfLine
from mailconf.sendmail.cf.quotes import unquoted
from mailconf.source import Span


class Member(NamedTuple):
    """A word of a C or T line, and its place."""

    line: CfLine
    text: str
    span: Span


class Version(NamedTuple):
    """``V10/Berkeley``: the level of the configuration, and whose it is."""

    line: CfLine
    level: int
    vendor: str


class Macro(NamedTuple):
    """``Dxtext``, ``D{name}text``: ``written`` begins directly after the name, blanks included."""

    line: CfLine
    name: str
    written: str

    @property
    def value(self) -> str:
        """The text that the macro stands for: quotes and backslashes are gone."""
        return unquoted(self.written)


class Members(NamedTuple):
    """``C{name}words``, or ``Twords`` for class t: words that are added to a class."""

    line: CfLine
    name: str
    words: tuple[Member, ...]


class MembersFile(NamedTuple):
    """``F{name}-o /file format``: a class whose members are elsewhere.

    source    a file, a command ("|/path words") or a map ("key@type:spec"), without quotes
    format    how scanf(3) takes a member out of a line of a file; "%s" when none is given
    optional  whether the file may be missing
    """

    line: CfLine
    name: str
    source: str
    format: str
    optional: bool
    source_span: Span

    @property
    def is_command(self) -> bool:
        return self.source.startswith("|")

    @property
    def is_map(self) -> bool:
        """Whether the members are asked of a map or a directory server, which is no file."""
        return is_map_spec(self.source)

    @property
    def is_file(self) -> bool:
        return not self.is_command and not self.is_map


def is_map_spec(source: str) -> bool:
    """Whether an F line that names ``source`` means a map: "key@type:name" or "key@LDAP"."""
    name, at, map_ = source.partition("@")
    if not at or name.startswith(("/", "|")):
        return False
    return map_ == "LDAP" or (":" in map_ and not map_.startswith(":"))


class Flag(NamedTuple):
    """A flag of a map: ``-T<TMPF>`` is the letter T with the value ``<TMPF>``."""

    letter: str
    value: str
    span: Span

    @property
    def text(self) -> str:
        return f"-{self.letter}{self.value}"


class CfMap(NamedTuple):
    """``Kname type arguments``; for most types the arguments are flags, a file, and words of the type's own.

    arguments  everything after the type; ``flags``, ``file`` and ``rest`` are its parts (``file_span``: where the
               file is; None without one)
    """

    line: CfLine
    name: str
    type: str
    arguments: str
    flags: tuple[Flag, ...]
    file: str
    rest: str
    file_span: Span | None

    def has(self, letter: str) -> bool:
        return any(flag.letter == letter for flag in self.flags)

    @property
    def is_optional(self) -> bool:
        return self.has("o")

    @property
    def has_nul(self) -> bool:
        """Whether keys and values end with a NUL."""
        return self.has("N") and not self.has("O")


class CfOption(NamedTuple):
    """``O name=value``, ``O name.sub=value`` or ``Olettervalue``.

    written  the name, or the letter, as it is written there
    name     what sendmail takes it for: an abbreviation is written out; "" for a name that it does not have
    sub      what follows a period in the name: for the sub-options of Timeout and Milter
    """

    line: CfLine
    written: str
    name: str
    sub: str
    value: str

    @property
    def value_span(self) -> Span:
        """The place of the value, which ends the line."""
        return self.line.span(len(self.line.text) - len(self.value))

    @property
    def full_name(self) -> str:
        return f"{self.name or self.written}.{self.sub}" if self.sub else self.name or self.written


class Equate(NamedTuple):
    """``key=value`` of a mailer, a queue group or a mail filter; only the first letter of a key counts."""

    key: str
    written: str
    span: Span

    @property
    def letter(self) -> str:
        return self.key[:1]

    @property
    def value(self) -> str:
        return unquoted(self.written)


class _Equated(NamedTuple):
    """A line with a name and equates."""

    line: CfLine
    name: str
    equates: tuple[Equate, ...]

    def get(self, letter: str) -> str:
        """The value of the last equate of this letter; "" without such an equate."""
        return next((equate.value for equate in reversed(self.equates) if equate.letter == letter), "")


class Mailer(_Equated):
    """``Mname, P=/path, F=flags, S=sender/header, R=recipient/header, A=argv, ...``."""

    __slots__ = ()

    @property
    def flags(self) -> str:
        """The flags of all F= together, each once."""
        given = "".join(equate.value for equate in self.equates if equate.letter == "F")
        return "".join(dict.fromkeys(flag for flag in given if flag not in BLANKS))

    def ruleset(self, letter: str) -> tuple[str, str]:
        """The rulesets of S= or R=: for the envelope, and for headers."""
        envelope, slash, header = self.get(letter).partition("/")
        return envelope.strip(BLANKS), (header if slash else envelope).strip(BLANKS)


class QueueGroup(_Equated):
    """``Qname, P=/path, F=flags, R=runners, ...``."""

    __slots__ = ()


class Filter(_Equated):
    """``Xname, S=socket, F=flags, T=timeouts``: a mail filter."""

    __slots__ = ()


class CfHeader(NamedTuple):
    """``H?flags?Name: value``: a header that is added, or, with ``$>ruleset`` as its value, one that is checked.

    condition  what is between the question marks; "" without them (or with nothing between them)
    value      everything after the colon, its blanks included
    """

    line: CfLine
    condition: str
    name: str
    value: str

    @property
    def macro(self) -> str:
        """The macro that must have a value for the header to be added (``?${name}?``); "" when flags decide."""
        if not self.condition.startswith("$"):
            return ""
        name = self.condition[1:]
        return name[1:-1] if name.startswith("{") and name.endswith("}") else name[:1]

    @property
    def ruleset(self) -> str:
        """The ruleset that checks the header's value; "" for a header that is added."""
        found = self.value.strip()
        return found[2:].removeprefix("+").strip() if found.startswith("$>") else ""

    @property
    def keeps_comments(self) -> bool:
        """Whether the ruleset gets the value with its comments (``$>+``)."""
        return self.value.strip().startswith("$>+")


class RulesetStart(NamedTuple):
    """``Sname``, ``S3``, ``Sname=3``: what follows belongs to this ruleset.

    number  the ruleset's number, where the line gives one
    """

    line: CfLine
    name: str
    number: int | None


class CfRule(NamedTuple):
    """``Rlhs<tab>rhs<tab>comment``: both sides as written, blanks and all."""

    line: CfLine
    lhs: str
    rhs: str
    comment: str
    lhs_span: Span
    rhs_span: Span


class Precedence(NamedTuple):
    """``Pname=number``: what ``Precedence: name`` in a message means."""

    line: CfLine
    name: str
    number: int


class EnvironmentVariable(NamedTuple):
    """``Ename=value`` for programs that sendmail starts; without a value it is taken from sendmail's own."""

    line: CfLine
    name: str
    value: str | None


class CfMistake(NamedTuple):
    """A line at which sendmail stops, and which means nothing.

    kind  "unknown", "rule" (an R line), "value" (a line of a known kind that cannot be made out), or "follows" (a rule
          after an S line that is a mistake itself: to report that one is enough)
    text  sendmail's message about it, without the line's text
    """

    line: CfLine
    kind: str
    text: str


Item: TypeAlias = (
    Version
    | Macro
    | Members
    | MembersFile
    | CfMap
    | CfOption
    | Mailer
    | QueueGroup
    | Filter
    | CfHeader
    | RulesetStart
    | CfRule
    | Precedence
    | EnvironmentVariable
    | CfMistake
)
