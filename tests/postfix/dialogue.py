"""Speaks SMTP with a Policy through the protocol's state table, without sockets, and collects replies and log lines."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

from mailconf.diagnostics import Sink
from mailconf.files import Root
from mailconf.model.fileworld import DnsFixtures, FileWorld
from mailconf.model.policy import Policy
from mailconf.model.session import Session, Verified
from mailconf.model.verdict import Verdict
from mailconf.model.world import Ask, Outcome, Records, run
from mailconf.postfix.policy.policy import PostfixPolicy, compile_policy
from mailconf.postfix.settings.configuration import Configuration
from mailconf.smtp.events import ContentEnd, Data, Event, Helo, Mail, Quit, Rcpt, Refused, Rset, Vrfy, Wait, Xclient
from mailconf.smtp.options import ServerOptions
from mailconf.smtp.reply import Reply
from mailconf.smtp.server import Connection
from mailconf.smtp.wording_postfix import PostfixWording

LOGGED = re.compile(r"(\w+): (reject|reject_warning|hold|discard|filter|redirect|bcc|warn|info): (.*)\Z", re.DOTALL)
QUEUED = re.compile(r"queued as \w+")
_HELO_NEUTRAL = str.maketrans(dict.fromkeys('<>()\\";@ ', "?"))
FAILING = "servfail.example"


def normal_reply(text: str) -> str:
    return QUEUED.sub("queued as ID", text)


def normal_log(line: str) -> str | None:
    """A log line that tells of a decision, without its queue id; None for others."""
    found = LOGGED.match(line.removeprefix("postfix/smtpd: "))
    if found is None:
        return None
    # Our MTA asks the same question for a connection and for XCLIENT.
    return f"{found[2]}: {found[3].replace('XCLIENT from ', 'CONNECT from ', 1)}"


def dns_fixtures(zone: dict[str, dict[str, list[str]]]) -> DnsFixtures:
    """The World's form of zone-file values; names that have records below them exist, too."""
    found = {}
    for name, kinds in zone.items():
        for kind, values in kinds.items():
            plain = tuple(value.strip('"').removesuffix(".") if value != "0 ." else value for value in values)
            found[name, kind] = Records(Outcome.FOUND, plain)
    return found


class ClosedWorld(FileWorld):
    """A FileWorld in which the DNS holds the fixtures and nothing else."""

    async def dns(self, name: str, kind: str) -> Records:
        folded = name.lower().rstrip(".")
        if folded.endswith(FAILING):
            return Records(Outcome.FAILED, (), "server failure")
        if not any(known == folded for known, _ in self._dns):
            return Records(Outcome.ABSENT, nxdomain=not any(known.endswith("." + folded) for known, _ in self._dns))
        return await super().dns(name, kind)


def policy_of(
    directory: Path, root: Root | None = None, overrides: dict[str, str] | None = None
) -> tuple[PostfixPolicy, Sink]:
    sink = Sink()
    configuration = Configuration.load(str(directory), sink, root, overrides=overrides)
    return compile_policy(configuration, sink), sink


class Dialogue:
    """One session; `command` gives the reply in the recorded form: code, lines joined by ``|``."""

    def __init__(self, policy: PostfixPolicy, world: FileWorld) -> None:
        self.policy: Policy = policy
        self.world = world
        settings = policy.smtpd.settings
        self.connection = Connection(
            ServerOptions(
                hostname=settings.hostname,
                smtputf8=settings.smtputf8,
                message_size=0,  # the Policy is to refuse
                hard_errors=10_000,
                junk_commands=10_000,
            ),
            PostfixWording(),
        )
        self.connection.xclient = True
        self.session = Session(client_name=Verified.found("localhost"), reverse_name=Verified.found("localhost"))
        self.log: list[str] = []
        self.last: Verdict | None = None
        self._ask("connect")

    def command(self, line: str) -> str:
        if self.connection.next_event() is Wait.CLOSED:
            return "connection closed"
        self.connection.receive_data(b"foo\r\n.\r\n" if line == "." else line.encode() + b"\r\n")
        while True:
            event = self.connection.next_event()
            if event is Wait.CLOSED:
                return "connection closed"
            if isinstance(event, Wait):
                raise AssertionError(f"no event for {line!r}")
            reply = self._answer(event)
            if reply is None:
                continue
            self.connection.send_reply(reply)
            if self.last is not None and self.last.disconnect:
                self.connection.close()
            return normal_reply(f"{reply.code} {'|'.join(reply.lines)}")

    def _ask(self, question: str) -> Reply:
        verdict: Verdict = run(getattr(self.policy, question)(self.session, Ask(self.world)))
        self.last = verdict
        self.log += [note for note in verdict.notes if not note.startswith("warning:")]
        if verdict.log:
            self.log.append(f"reject: {verdict.log}")
        return verdict.reply

    def _answer(self, event: Event) -> Reply | None:
        session = self.session
        self.last = None
        match event:
            case Refused():
                return event.reply
            case Xclient():
                return self._xclient(event.attributes, event.temporary)
            case Helo():
                before = session.helo, session.protocol
                session.helo, session.protocol = (
                    event.name.translate(_HELO_NEUTRAL),
                    "ESMTP" if event.verb == "EHLO" else "SMTP",
                )
                reply = self._ask("helo")
                if reply.positive:
                    self._forget()
                else:
                    session.helo, session.protocol = before
                return reply
            case Mail():
                self._forget()
                session.sender, session.sender_parameters = event.address, event.parameters
                session.objection = event.refusal
                reply = self._ask("mail")
                if not reply.positive:
                    self._forget()
                return reply
            case Rcpt():
                session.recipient, session.objection = event.address, event.refusal
                reply = self._ask("rcpt")
                if reply.positive:
                    session.recipients.append(event.address)
                session.recipient = None
                return reply
            case Vrfy():
                session.recipient = event.address
                reply = self._ask("vrfy")
                session.recipient = None
                return Reply.of(252, f"2.0.0 {event.typed}") if reply.code == 252 else reply
            case Data():
                return self._ask("data")
            case ContentEnd():
                session.queue_id = "ID"
                reply = self._ask("end_of_data")
                self._forget()
                return reply
            case Rset():
                self._forget()
                return Reply.of(250, "2.0.0 Ok")
            case Quit():
                return Reply.of(221, "2.0.0 Bye")
        return None

    def _forget(self) -> None:
        session = self.session
        session.sender, session.sender_parameters, session.recipients, session.queue_id = None, {}, [], ""

    def _xclient(self, given: dict[str, str | None], temporary: Collection[str]) -> Reply:
        self._forget()
        session = self.session
        session.helo, session.protocol = None, "SMTP"
        address = given.get("ADDR") or session.client_address
        session.client_address = address[5:] if address[:5].upper() == "IPV6:" else address
        session.take_names(given, temporary)
        return self._ask("connect")
