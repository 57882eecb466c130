"""How clients are tested before a service talks to them: what a configuration asks for, and whom it asks about.

Most programs that send unwanted mail do not wait for a greeting, are known to lists in the DNS, or do not keep to the
protocol. A client that passes all tests is handed to the service; others are answered by a talk that takes no mail
(`mailconf.smtp.screening`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from typing import NamedTuple, Protocol

from mailconf.model.distinction import Distinction
from mailconf.model.session import Session
from mailconf.model.verdict import Reply
from mailconf.model.world import Ask
from mailconf.smtp.screening import Action, Answer, TalkOptions, Test, Words


class Access(Enum):
    """What a list of clients has for one."""

    ALLOWED = "is handed on without a test"
    DENIED = "is denied"
    UNDECIDED = "is tested"


class Standing(NamedTuple):
    """notes  lines for the log; ``rule``: the parameter that has the list"""

    access: Access
    notes: tuple[str, ...] = ()
    rule: str = ""


class Listing(NamedTuple):
    """What one list in the DNS has for a client.

    ttl   for how many seconds the answers hold, None where that is not known
    name  that was asked for; ``failed``: the list could not be asked
    """

    zone: str
    name: str
    answers: tuple[str, ...] = ()
    ttl: int | None = None
    failed: bool = False


class Rank(NamedTuple):
    """What the lists come to.

    score    the weights of the lists that have the client, added up
    zone     the list that clients are told of, "" for none
    seconds  how long a good rank holds
    rule     the parameter that has the lists
    """

    score: int
    zone: str
    seconds: float
    rule: str = ""


class Screening(NamedTuple):
    """What a configuration asks for; times in seconds.

    teaser        the line that a client reads before its greeting; "" for none
    actions       what a test leads to that a client fails; the tests that are done
    denied        what a list of clients leads to that has this one
    threshold     the rank from which on a client has failed; ``allowing``: the one, below 0, down from which a client
                  is spared the other tests; 0: none is
    lasting       how long a client need not pass a test again; of lists, a `Rank` says so
    connections   of one client at a time (0: any number); ``most``: of all clients that are tested
    command_time  that a client has for a command
    manners       what the tests of its manners lead to in the talk with a client that has failed already
    remembers     whether a client that has passed is known the next time
    replaces      whether other commands may be put in the place of what a client sends
    """

    talk: TalkOptions
    actions: Mapping[Test, Action]
    denied: Action = Action.IGNORE
    wait: float = 6.0
    teaser: str = ""
    threshold: int = 1
    allowing: int = 0
    list_time: float = 10.0
    lasting: Mapping[Test, float] = {}
    connections: int = 0
    most: int = 100
    command_time: float = 300.0
    proxy_protocol: str = ""
    proxy_time: float = 5.0
    manners: Mapping[Test, Action] = {}
    remembers: bool = True
    replaces: bool = False


class Screener(Protocol):
    """One service's tests; ``words`` are what clients hear in a talk."""

    screening: Screening
    words: Words

    @property
    def zones(self) -> Sequence[str]:
        """The lists in the DNS, each once."""
        ...

    async def standing(self, address: str, ask: Ask) -> Standing:
        """What the list of clients has for an IP address."""
        ...

    async def listing(self, zone: str, address: str, ask: Ask) -> Listing:
        """What a list in the DNS has for an IP address."""
        ...

    async def rank(self, listings: Sequence[Listing], ask: Ask) -> Rank:
        """What all lists come to."""
        ...

    async def withheld(self, address: str, ask: Ask) -> frozenset[str] | None:
        """The keywords of EHLO, in lower case, that this client is not offered; None where that is as for all. Raises
        LookupFailed."""
        ...

    async def replaced(self, line: str, ask: Ask) -> str | None:
        """The command that is carried out in the place of a client's line; None for the line itself."""
        ...

    def softened(self, reply: Reply) -> Reply:
        """A refusal for the time being where the configuration wants none for good."""
        ...

    async def worded(self, session: Session, reply: Reply, ask: Ask) -> Reply:
        """A refusal as the configuration wants it to be."""
        ...

    def distinguishes(self) -> Iterator[Distinction]: ...


class Judged(NamedTuple):
    """What becomes of a client that keeps to the protocol, and has passed the tests of its manners before.

    refusal  what it reads; None for one that is handed on. ``ends``: at once, and not only with each recipient
    rule     the parameter that decided
    """

    refusal: Reply | None = None
    ends: bool = False
    rule: str = ""


async def judge(screener: Screener, address: str, ask: Ask) -> Judged:
    """Ask the list of clients and the lists in the DNS, as the tests do."""
    screening, judged = screener.screening, Judged()
    standing = await screener.standing(address, ask)
    if standing.access is Access.ALLOWED:
        return judged
    if standing.access is Access.DENIED and screening.denied is not Action.IGNORE:
        ends = screening.denied is Action.DROP
        reply = screener.words(Answer.DENIED_ENDS if ends else Answer.DENIED)
        judged = Judged(reply, ends, standing.rule)
    action = screening.actions.get(Test.LISTS)
    if judged.ends or action is None:
        return judged
    rank = await screener.rank([await screener.listing(zone, address, ask) for zone in screener.zones], ask)
    if rank.score < screening.threshold or action is Action.IGNORE:
        return judged
    ends = action is Action.DROP
    reply = screener.words(Answer.LISTED_ENDS if ends else Answer.LISTED, client=address, zone=rank.zone)
    return Judged(reply, ends, rank.rule)
