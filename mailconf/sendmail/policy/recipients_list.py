"""The recipients of a message as sendmail keeps them: each with where it came from and what has become of it.

A recipient stays in the list when an alias replaces it, since others are compared with it. The list is in the order of
hosts, and within a host in the order in which recipients were added.

Source: sendmail 8.17.1.9 -bv -v.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from mailconf.model.recipient import Identity
from mailconf.sendmail.rules.book import DefinedMailer
from mailconf.sendmail.rules.classes import folded


class Fate(Enum):
    """What has become of an addressee."""

    OPEN = "to be delivered"
    VERIFIED = "exists; it was only asked about"
    QUEUED = "has to be tried again"
    BAD = "cannot be delivered to"
    EXPANDED = "replaced by what an alias has"
    FORWARDED = "replaced by what its .forward file has"
    INCLUDED = "replaced by the lines of a file"
    REPLACED = "replaced by what ruleset 5 made of it"
    DUPLICATE = "the same as another one"
    WITHHELD = "not to be sent to"

    @property
    def sendable(self) -> bool:
        """Whether the message goes there, now or later."""
        return self in (Fate.OPEN, Fate.QUEUED, Fate.VERIFIED)

    @property
    def over(self) -> bool:
        """Whether something else stands in its place."""
        return self not in (Fate.OPEN, Fate.VERIFIED, Fate.QUEUED, Fate.BAD)


@dataclass(eq=False, slots=True)
class Addressee:
    """An address that a message goes to, or went on from.

    text      as it was written: what messages call it
    mailer, host, user   as ruleset 0 resolved it
    source    the addressee whose alias or file named it; None for one that a client or user named
    primary   whether the sender's own address is what is delivered to
    known     whether all that it comes to is in the list
    refers_to_itself   whether an alias or file that it leads to names it again
    identity  with whose rights its files are opened and its commands run, and what it leads to; None: unknown
    login     the user whose shell counts; "" where there is none
    home      of a user; None where it has none
    shellless whether that user has no shell that may be used
    unsafe    whether somebody else can have written the file that names commands or files
    file_owner   who owns the file that it was last expanded to
    aliased   whether an alias is meant, so that commands have the default user's rights
    settled   whether it stays local: ruleset 5 is not asked
    owner     who gets what comes back, "" for the sender
    enhanced, reply   why it is bad or has to wait: the enhanced status, and the whole reply
    """

    text: str
    mailer: DefinedMailer
    host: str = ""
    user: str = ""
    source: Addressee | None = None
    fate: Fate = Fate.OPEN
    primary: bool = False
    known: bool = False
    fresh: bool = False
    refers_to_itself: bool = False
    identity: Identity | None = None
    login: str = ""
    home: str | None = None
    shellless: bool = False
    unsafe: bool = False
    file_owner: int = 0
    aliased: bool = False
    settled: bool = False
    owner: str = ""
    enhanced: str = ""
    reply: str = ""

    def controller(self) -> Addressee | None:
        """The nearest addressee on the way here that has an identity, this one included."""
        at: Addressee | None = self
        while at is not None and at.identity is None:
            at = at.source
        return at

    def sources(self) -> Iterator[Addressee]:
        """What led here, the nearest first."""
        at = self.source
        while at is not None:
            yield at
            at = at.source

    def same(self, other: Addressee) -> bool:
        """Whether mail to both is the same; a command is another one with other rights, and no two errors are."""
        if (
            self.mailer.name == "*error*"
            or self.mailer is not other.mailer
            or self.user != other.user
            or self.host != other.host
        ):
            return False
        if self.mailer.name != "prog":
            return True
        mine, theirs = self.controller(), other.controller()
        if mine is None or theirs is None or mine.identity is None or theirs.identity is None:
            return True
        return mine.identity.uid == theirs.identity.uid


_Key = tuple[int, str, str]


class RecipientList:
    """Addressees in their order; see the module."""

    def __init__(self) -> None:
        self._all: list[Addressee] = []
        self._hosts: list[str] = []
        self._like: dict[_Key, list[Addressee]] = {}
        self._order: list[tuple[_Key, Addressee]] = []  # as they were added

    def __iter__(self) -> Iterator[Addressee]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)

    def add(self, addressee: Addressee) -> None:
        host = folded(addressee.host)
        at = bisect.bisect_right(self._hosts, host)
        self._hosts.insert(at, host)
        self._all.insert(at, addressee)
        key = _key(addressee)
        self._like.setdefault(key, []).append(addressee)
        self._order.append((key, addressee))

    @property
    def mark(self) -> int:
        """Where the list stands, for `back_to`."""
        return len(self._order)

    def back_to(self, mark: int) -> None:
        """Take out what was added since ``mark``: a recipient that was refused leaves nothing behind."""
        for key, addressee in self._order[mark:]:
            at = next(at for at, other in enumerate(self._all) if other is addressee)
            del self._all[at], self._hosts[at]
            self._like[key] = [other for other in self._like[key] if other is not addressee]
        del self._order[mark:]

    def twin(self, addressee: Addressee) -> Addressee | None:
        """One that is the same, unless it is a primary one that is still being worked on."""
        for other in self._like.get(_key(addressee), ()):
            if addressee.same(other) and (other.known or not other.primary):
                return other
        return None


def _key(addressee: Addressee) -> _Key:
    return id(addressee.mailer), addressee.host, addressee.user
