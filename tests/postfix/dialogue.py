"""Speaks SMTP with a Policy through the protocol's state table, without sockets, and collects replies and log lines."""

from __future__ import annotations

import re
from pathlib import Path

from mailconf.diagnostics import Sink
from mailconf.files import Root
from mailconf.model.fileworld import DnsFixtures, FileWorld
from mailconf.model.policy import Privilege
from mailconf.model.session import Session, Verified
from mailconf.model.transaction import Question, Transaction
from mailconf.model.verdict import Verdict
from mailconf.model.world import Ask, LookupFailed, Outcome, Records, run
from mailconf.mta.journal_postfix import OF_NO_MESSAGE
from mailconf.postfix.policy.policy import PostfixPolicy, compile_policy
from mailconf.postfix.settings.configuration import Configuration
from mailconf.smtp.events import (
    ContentEnd,
    Data,
    Event,
    Helo,
    Mail,
    Quit,
    Rcpt,
    Refused,
    Rset,
    Vrfy,
    Wait,
    Xclient,
    Xforward,
)
from mailconf.smtp.options import ServerOptions
from mailconf.smtp.problems import Problem
from mailconf.smtp.reply import Reply
from mailconf.smtp.server import Connection
from mailconf.smtp.wording_postfix import PostfixWording

LOGGED = re.compile(r"(\w+): (reject|reject_warning|hold|discard|filter|redirect|bcc|warn|info): (.*)\Z", re.DOTALL)
QUEUED = re.compile(r"queued as \w+")
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


class Dialogue(Transaction):
    """One session; `command` gives the reply in the recorded form: code, lines joined by ``|``."""

    def __init__(self, policy: PostfixPolicy, world: FileWorld) -> None:
        localhost = Verified.found("localhost")
        super().__init__(policy, Session(client_name=localhost, reverse_name=localhost), world)
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
        self.log: list[str] = []
        run(self.connect())

    async def connect(self) -> Verdict:
        """As the MTA has it: a client that is refused hears so until it ends the session."""
        verdict = await super().connect()
        client = f"{self.session.client_name}[{self.session.client_address}]"
        denied = PostfixWording().refusal(Problem.ACCESS_DENIED, client=client)
        self.connection.denied = None if verdict.accepted else denied
        return verdict

    def authorize(self) -> None:
        """Let the client use XCLIENT and XFORWARD only if it may; without this call, it may use XCLIENT alone."""
        self.connection.xclient = self._may(Privilege.XCLIENT)
        self.connection.xforward = self._may(Privilege.XFORWARD)

    def _may(self, privilege: Privilege) -> bool | None:
        try:
            return run(self.policy.may(self.session, privilege, Ask(self.world)))
        except LookupFailed:
            return None

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
            reply = run(self._answer(event))
            if reply is None:
                continue
            self.connection.send_reply(reply)
            if self.over:
                self.connection.close()
            return normal_reply(f"{reply.code} {'|'.join(reply.lines)}")

    async def put(self, question: Question) -> Verdict:
        verdict = await super().put(question)
        self.log += [note for note in verdict.notes if not note.startswith(OF_NO_MESSAGE)]
        if verdict.log:
            self.log.append(f"reject: {verdict.log}")
        return verdict

    async def _answer(self, event: Event) -> Reply | None:
        match event:
            case Refused():
                return event.reply
            case Xclient():
                self.become(event.attributes, event.temporary)
                return (await self.connect()).reply
            case Helo():
                return (await self.helo(event.verb, event.name)).reply
            case Mail():
                return (await self.mail(event.address, event.parameters, event.refusal)).reply
            case Rcpt():
                return (await self.rcpt(event.address, event.parameters, event.refusal)).reply
            case Vrfy():
                reply = (await self.vrfy(event.address)).reply
                return Reply.of(252, f"2.0.0 {event.typed}") if reply.code == 252 else reply
            case Data():
                return (await self.data()).reply
            case ContentEnd():
                self.session.queue_id = "ID"
                reply = (await self.end_of_data(0)).reply
                self.forget()
                return reply
            case Xforward():
                return Reply.of(250, "2.0.0 Ok")
            case Rset():
                self.forget()
                return Reply.of(250, "2.0.0 Ok")
            case Quit():
                return Reply.of(221, "2.0.0 Bye")
        return None
