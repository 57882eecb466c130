"""A letter for one mailer as the calls of its program: who is named in each, its arguments, and what it reads.

Recipients go together where the mailer has F=m and the same owner gets what comes back; each goes by itself otherwise.
The first word of A= with ``$u`` stands for as many words as there are recipients, in the others it is the last
recipient. No word is given to a shell.

Source: Sendmail Installation and Operation Guide 5.4; sendmail 8.17.1.9, tests/vectors/sendmail_mailers.jsonl.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator, Sequence

from mailconf.model.address import external
from mailconf.model.letter import Handing, Letter, Peer, Program
from mailconf.model.recipient import Recipient, RecipientKind
from mailconf.model.verdict import Route
from mailconf.model.world import Ask, LookupFailed
from mailconf.sendmail.mailing.content import split, with_added, written
from mailconf.sendmail.mailing.identity import Rights, rights_of
from mailconf.sendmail.policy import SendmailPolicy
from mailconf.sendmail.policy.deliveries import Question
from mailconf.sendmail.policy.received import hop_macros
from mailconf.sendmail.policy.rewriting import Waits, mailer_called, rewritten
from mailconf.sendmail.policy.session_state import latin, modern
from mailconf.sendmail.rules.book import DefinedMailer, Rulebook
from mailconf.sendmail.rules.dates import define_dates
from mailconf.sendmail.rules.macros import Macros
from mailconf.sendmail.rules.symbols import MACRO
from mailconf.source import encode

_TOO_BIG, _UNAVAILABLE = "5.2.3", 69
_USER = f"{MACRO}u"
_HOST = f"{MACRO}h"
_WORDS = 2  # of A=TCP $h, A=FILE path
_RETURNED = DefinedMailer("returned", flags=set("DFMP"))
_REPORTER = "Mail Delivery Subsystem"
_AGENT = {"AGENT": "sendmail"}


class _Came:
    """How a letter came, for `hop_macros`."""

    def __init__(self, letter: Letter, recipients: tuple[str, ...]) -> None:
        self.queue_id, self.arrival, self.session = letter.queue_id, letter.arrival, letter.session
        self.recipients = recipients


async def handings(policy: SendmailPolicy, letter: Letter, transport: str, ask: Ask) -> list[Handing]:
    """What is done for the recipients of a letter, who are of one mailer; nothing where there is no such mailer.

    Raises LookupFailed where a map cannot answer.
    """
    question = Question(policy.compiled, ask)
    mailer = mailer_called(question.engine, latin(transport))
    if mailer is None:
        return []
    found = []
    for places in _together(letter.recipients, mailer):
        if 0 < mailer.largest < len(letter.content):
            reason = f"552 {_TOO_BIG} Message is too large; {mailer.largest} bytes max"
            found.append(Handing(places, refusal=(_TOO_BIG, _UNAVAILABLE), reason=reason))
        else:
            found.append(await _handing(question, mailer, letter, places))
    return found


def _together(recipients: Sequence[tuple[Recipient, Route]], mailer: DefinedMailer) -> Iterator[tuple[int, ...]]:
    """The places of recipients for which the program is called once."""
    if not mailer.has("m"):
        yield from ((place,) for place in range(len(recipients)))
        return
    groups: dict[tuple[str, str], list[int]] = {}
    for place, (recipient, route) in enumerate(recipients):
        groups.setdefault((recipient.owner, route.nexthop), []).append(place)
    for places in groups.values():
        for at in range(0, len(places), max(mailer.recipients, 1)):
            yield tuple(places[at : at + max(mailer.recipients, 1)])


async def _handing(question: Question, mailer: DefinedMailer, letter: Letter, places: tuple[int, ...]) -> Handing:
    book = question.engine.book
    recipients = [letter.recipients[place] for place in places]
    rights = await rights_of(question.engine, question.world, mailer, recipients[-1][0])
    macros = await _envelope(question, mailer, letter, recipients)
    macros.define("z", latin(rights.home) or None)
    data = written(book, mailer, macros, letter.content)
    macros.define("u", None)
    users = [_user(recipient, each) for recipient, each in recipients]
    program = _program(book, mailer, macros, rights, users)
    return Handing(places, program, data, rights=rights.shown)


async def completed(policy: SendmailPolicy, letter: Letter, transport: str, ask: Ask) -> bytes:
    """The message of a letter with the fields that the mailer adds where they are missing. Raises LookupFailed."""
    question = Question(policy.compiled, ask)
    mailer = mailer_called(question.engine, latin(transport))
    if mailer is None:
        return letter.content
    macros = await _envelope(question, mailer, letter, letter.recipients)
    fields, body = split(letter.content)
    added = b"".join(with_added(question.engine.book, mailer, macros, fields))
    return added + (body if body.startswith(b"\n") or not body else b"\n" + body)


async def _envelope(
    question: Question, mailer: DefinedMailer, letter: Letter, recipients: Sequence[tuple[Recipient, Route]]
) -> Macros:
    """The macros of a letter for some of its recipients."""
    macros = _macros(question.engine.book, letter, tuple(recipient.address for recipient, _ in recipients))
    last, route = recipients[-1]
    sender = _author(macros) if letter.is_report else latin(external(last.owner or letter.sender))
    macros.define("f", sender)
    try:
        macros.define("g", await rewritten(question.engine, sender, mailer, sender=True, header=False))
    except Waits:
        raise LookupFailed(mailer.name, "a map of its rulesets could not answer") from None
    macros.define("h", latin(route.nexthop))
    macros.define("x", _REPORTER if letter.is_report else await _full_name(question, letter) or None)
    return macros


async def _full_name(question: Question, letter: Letter) -> str:
    """The name of the sender: what a command knew, or that of a user of this machine, where it may be asked for."""
    user, at, domain = letter.sender.rpartition("@")
    head = b"\n" + letter.content.lower().partition(b"\n\n")[0]
    if letter.full_name or not letter.sender or b"\nfrom:" in head:
        return latin(letter.full_name)
    book = question.engine.book
    if at and not book.classes.has("w", latin(domain)):
        return ""
    login = latin(user if at else domain)
    for found, name in await question.world.full_names():
        if found == login:
            return name
    return ""


def _author(macros: Macros) -> str:
    """Whose name reports have."""
    return macros.get("n") or "MAILER-DAEMON"


async def returned(policy: SendmailPolicy, letter: Letter, back: str, ask: Ask, *, tried: bool = False) -> bytes:
    """The message of a letter as it is put into a report: with all fields that it lacked when it came.

    back   who gets the report: the sender, or the owner of a list
    tried  the letter has waited: then the null sender is no author
    """
    question = Question(policy.compiled, ask)
    book = question.engine.book
    macros = _macros(book, letter, tuple(recipient.address for recipient, _ in letter.recipients))
    sender = _author(macros) if letter.is_report else latin(external(letter.sender))
    for name in ("f", "g"):
        macros.define(name, sender)
    macros.define("x", _REPORTER if letter.is_report else await _full_name(question, letter) or None)
    fields, body = split(letter.content)
    added = b"".join(with_added(book, _RETURNED, macros, fields))
    if back != letter.sender:
        path = b"Return-Path: <%s>"
        added = added.replace(path % encode(letter.sender), path % encode(external(back)), 1)
    if tried and not sender:
        added = added.replace(b"\nFrom: \n", b"\n", 1)
    return added + (body if body.startswith(b"\n") or not body else b"\n" + body)


async def spoken_to(policy: SendmailPolicy, letter: Letter, transport: str, ask: Ask) -> Peer | None:
    """Whom a mailer speaks with, by P= and A=; None where that is the host that the recipients' routes name.

    Raises LookupFailed.
    """
    question = Question(policy.compiled, ask)
    mailer = mailer_called(question.engine, latin(transport))
    if mailer is None:
        return None
    if not mailer.path.startswith("/") and (len(mailer.arguments) < _WORDS or mailer.arguments[1:2] == [_HOST]):
        return None
    macros = await _envelope(question, mailer, letter, letter.recipients)
    if not mailer.path.startswith("/"):
        words = [modern(macros.expand(word, lambda message: None)) for word in mailer.arguments]
        if words[0].upper() != "FILE":
            return Peer(transport, host=words[1], port=words[2] if len(words) > _WORDS else "")
        return Peer("localhost", path=words[1], problem=unsafe_socket(words[1]))
    rights = await rights_of(question.engine, question.world, mailer, letter.recipients[-1][0])
    macros.define("z", latin(rights.home) or None)
    return Peer(transport, program=_program(question.engine.book, mailer, macros, rights, [""]))


def unsafe_socket(path: str) -> str:
    """Why a socket of this machine is not to be used, in the system's words; "" for one that may."""
    try:
        status = os.lstat(path)
    except OSError as error:
        return error.strerror or str(error)
    return "" if stat.S_ISSOCK(status.st_mode) else "Socket operation on non-socket"


def _macros(book: Rulebook, letter: Letter, recipients: tuple[str, ...]) -> Macros:
    macros = book.macros.above()
    define_dates(macros, letter.arrival)
    macros.set("d", time.ctime(letter.now))
    for name, value in hop_macros(_Came(letter, recipients)).items():
        macros.define(name, value)
    session = letter.session
    if session is not None:
        macros.define("client_addr", session.client_address)
        macros.define("client_name", latin(session.client_name.text))
        macros.define("mail_addr", latin(external(letter.sender)) or None)
    macros.define("msg_size", str(_received_size(letter.content)))
    macros.define("nrcpts", str(len(letter.recipients)))
    macros.define("p", str(os.getpid()))
    macros.define("c", str(letter.content.lower().partition(b"\n\n")[0].count(b"\nreceived:") + 1))
    return macros


def _received_size(content: bytes) -> int:
    """The size of a message as it came: without the field Received of this host."""
    fields, _ = split(content)
    return len(content) - (len(fields[0]) if fields and fields[0][:9].lower() == b"received:" else 0)


def _user(recipient: Recipient, route: Route) -> str:
    """What ``$u`` is: the user that the route has; of a command the command."""
    if recipient.kind is RecipientKind.COMMAND:
        return latin(route.recipient).removeprefix("|").lstrip()
    return latin(route.recipient)


def _program(book: Rulebook, mailer: DefinedMailer, macros: Macros, rights: Rights, users: list[str]) -> Program:
    def expanded(text: str) -> str:
        return modern(macros.expand(text, lambda message: None).replace("\0", ""))

    words: list[str] = []
    named = False
    for word in mailer.arguments:
        for user in users if _USER in word and not named else users[-1:]:
            macros.define("u", user)
            words.append(expanded(word))
        named = named or _USER in word
    flag = next((f"-{letter}" for letter in "fr" if mailer.has(letter)), "")
    if flag:
        words[1:1] = [flag, expanded(f"{MACRO}g")]
    return Program(
        modern(mailer.path),
        tuple(words),
        {**_AGENT, **{modern(n): modern(v) for n, v in book.environment.items() if v is not None}},
        rights.identity,
        rights.groups,
        rights.login,
        tuple(expanded(folder) for folder in mailer.folder.split(":") if folder),
        expanded(mailer.root),
        mailer.nice,
        float(mailer.wait),
    )
