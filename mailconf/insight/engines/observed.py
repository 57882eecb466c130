"""What an engine did with a case."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol

from mailconf.smtp.reply import Reply
from mailconf.source import Span

if TYPE_CHECKING:
    from mailconf.insight.cases.suite import Case, Going


class NotExpressible(Exception):
    """The engine cannot be asked this; the message says what of it."""


class Reason(NamedTuple):
    """A rule, table or lookup that led to an answer, and its place where that is known."""

    text: str
    span: Span | None = None


@dataclass(slots=True)
class Observed:
    """What happened to the recipients of a case.

    replies   by recipient: the first refusal on its way, else the answer to RCPT
    goes      by recipient, where it goes; None where that is unknown
    copies    where messages go that nobody has asked for
    fields    of the header of the message as it goes on, by lower-case name; of fields with one name, the first
    envelopes the sender and the recipient as the next server reads them, by recipient; "" where mail does not leave
    """

    replies: dict[str, Reply] = field(default_factory=dict)
    goes: dict[str, list[Going]] | None = field(default_factory=dict)
    copies: list[Going] = field(default_factory=list)
    envelopes: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    fields: dict[str, str] = field(default_factory=dict)


class Engine(Protocol):
    """What answers cases. ``why`` gives the reasons of the last answer, where the engine has them."""

    name: str

    def observe(self, case: Case) -> Observed:
        """Ask. Raises NotExpressible."""
        ...

    def why(self, case: Case, recipient: str, *, going: bool) -> list[Reason]:
        """What led to the reply to a recipient, or with ``going`` to where it goes."""
        ...

    def close(self) -> None:
        """End what has been started."""
        ...
