"""A message as it is handed to a mailer that is a program, and what is done with it: what is run, as whom, on what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from mailconf.model.recipient import Identity, Recipient
from mailconf.model.session import Session
from mailconf.model.verdict import Route


class Letter(NamedTuple):
    """A message for recipients of one transport.

    sender      the envelope's, in internal form
    recipients  with their routes
    content     headers and body, lines ended by LF
    arrival, now  seconds since the epoch
    full_name   of the sender, where a command knew it
    is_report   it is the mail system's own, about another message
    """

    queue_id: str
    sender: str
    recipients: tuple[tuple[Recipient, Route], ...]
    content: bytes
    arrival: float
    now: float
    session: Session | None = None
    full_name: str = ""
    is_report: bool = False


class Program(NamedTuple):
    """A program that takes a message on its standard input.

    path         of its file
    argv         its arguments, the name that it is called by first
    environment  all of it
    identity     as whom it runs
    groups       the further ones that it has
    login        a user whose groups, the first of ``groups`` among them, it has instead; "" for none
    folders      the first of these that it can enter is where it runs; "" stands for where it is started
    root         the folder that is "/" to it; "" for none
    nice         what is added to its priority, as nice(1)
    limit        seconds after the message is written within which it has to end; 0: for as long as it takes
    """

    path: str
    argv: tuple[str, ...]
    environment: Mapping[str, str]
    identity: Identity
    groups: tuple[int, ...] = ()
    login: str = ""
    folders: tuple[str, ...] = ()
    root: str = ""
    nice: int = 0
    limit: float = 0.0


class Peer(NamedTuple):
    """Whom a transport speaks SMTP or LMTP with, where that is not a host of the nexthop.

    name     how the log calls it
    program  speaks on its standard input and output
    path     of a socket of this machine
    host     a host in the place of the nexthop, and ``port``
    problem  why nobody can be spoken to
    """

    name: str
    program: Program | None = None
    path: str = ""
    host: str = ""
    port: str = ""
    problem: str = ""


class Handing(NamedTuple):
    """What is done for some recipients of a letter, by their places there.

    program  None where ``refusal`` says why nothing is done: an enhanced status and an exit status of sysexits.h;
             ``reason``: in words
    data     what the program reads
    rights   those of the user for whom it is run; None for the mail system's own
    """

    places: tuple[int, ...]
    program: Program | None = None
    data: bytes = b""
    refusal: tuple[str, int] = ("", 0)
    reason: str = ""
    rights: Identity | None = None
