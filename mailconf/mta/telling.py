"""What is told of a message in a report of sendmail's, before there are words for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from mailconf.mta.message import Message, Result
from mailconf.mta.reports import Notice

SENDER, POSTMASTER, COPY = "sender", "postmaster", "copy"  # to whom a report is
HEADERS = "+headers"  # behind that: a report of it has its header alone
LIST = "list"  # the action of a message that a mailing list has got


class Settings(NamedTuple):
    """What the configuration says of reports.

    host     this host's name
    peer     how the client that a message came from is named
    types    T= of a mailer by its name: of the MTA, of addresses, of diagnostics
    local    whether a mailer delivers here
    double   who is told of what cannot be told its sender (DoubleBounceAddress), "" for nobody
    copies   who gets a copy of each report of a failure (PostmasterCopy), "" for nobody
    mime     SendMimeErrors
    header   lines before the others (ErrorHeader)
    bodies   messages are returned whole (PrivacyOptions without nobodyreturn)
    """

    host: str
    peer: Callable[[Message], str]
    types: Callable[[str], tuple[str, str, str]]
    local: Callable[[str], bool]
    double: str = "postmaster"
    copies: str = ""
    mime: bool = True
    header: tuple[str, ...] = ()
    bodies: bool = True


class Told(NamedTuple):
    """One report.

    about    the results that it is about, failures and successes
    others   all results of the attempt, for the transcript
    to       its addressees; ``kind`` to whom it is
    content  the message, with all its fields
    first    lines of the transcript before the others, ``last`` behind them
    """

    notice: Notice
    kind: str
    message: Message
    sender: str
    about: Sequence[Result]
    others: Sequence[Result]
    to: Sequence[str]
    content: bytes
    now: float
    lifetime: float
    warned: float
    first: tuple[str, ...] = ()
    last: tuple[str, ...] = ()
