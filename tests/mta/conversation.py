"""A session of the MTA's without a socket: the protocol, the answers, and the Policy of a real configuration."""

from __future__ import annotations

import re
from pathlib import Path

from smtpd_fixture import MemoryIntake

from mailconf.diagnostics import Sink
from mailconf.model.fileworld import FileWorld
from mailconf.model.world import run
from mailconf.mta.answers import Answers
from mailconf.mta.journal import LogEvent
from mailconf.mta.message import Context
from mailconf.mta.smtp_service import SmtpService
from mailconf.postfix.policy.policy import PostfixPolicy, compile_policy
from mailconf.postfix.settings.configuration import Configuration
from mailconf.smtp.events import Content, Wait
from mailconf.smtp.reply import Reply
from mailconf.smtp.server import Connection
from mailconf.source import decode
from tests.personality import PERSONALITY

SERVICES = "smtp inet n - n - - smtpd\n"


def policy_of(folder: Path, parameters: dict[str, str], services: str = SERVICES) -> PostfixPolicy:
    """The Policy of a main.cf with these parameters, and of a master.cf, written into ``folder``."""
    (folder / "main.cf").write_text("".join(f"{name} = {value}\n" for name, value in parameters.items()))
    (folder / "master.cf").write_text(services)
    sink = Sink()
    return compile_policy(Configuration.load(str(folder), sink), sink)


class Conversation:
    """`feed` gives what is sent back, with "<closed>" when the session is over; ``log`` is smtpd's."""

    def __init__(self, policy: PostfixPolicy) -> None:
        self.log: list[str] = []
        self.intake = MemoryIntake()
        self.context = context = Context(
            policy, FileWorld(), lambda program, text: self.log.append(text), PERSONALITY, self.intake
        )
        self.connection = Connection(SmtpService(context).options(), PERSONALITY.wording)
        self.answers = Answers(context, policy, self.connection, context.note)
        run(self.answers.authorize())
        verdict = run(self.answers.connect())
        self.out = verdict.reply.wire()
        if not verdict.accepted:
            self.connection.errors += 1
            if verdict.reply.code in (421, 521):
                self.connection.close()

    def start(self) -> str:
        return self._sent()

    def feed(self, data: bytes) -> str:
        self.connection.receive_data(data)
        while not isinstance(event := self.connection.next_event(), Wait):
            if isinstance(event, Content):
                self.answers.take(event.data)
                continue
            for reply in run(self.answers.answer(event)):
                self._send(reply)
        return self._sent()

    def _send(self, reply: Reply) -> None:
        self.out += self.connection.send_reply(reply)
        if reply.code in (421, 521):
            self.connection.close()

    def _sent(self) -> str:
        out, self.out = decode(self.out), b""
        closed = self.connection.next_event() in (Wait.CLOSED, Wait.DEAF)
        return re.sub(r"queued as \w+", "queued as QUEUEID", out) + ("<closed>" if closed else "")

    def end(self) -> list[str]:
        """The client hangs up: the log, to its last line."""
        self.connection.abandon()
        connection = self.connection
        facts = {"counts": connection.counts, "bare_lf": connection.bare_lf}
        self.context.note(LogEvent.DISCONNECTED, client=self.answers.client, queue_id="", greeted=True, **facts)
        return self.log
