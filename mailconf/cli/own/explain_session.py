"""`mailconf explain --session`: an SMTP dialogue, read from a file or typed at a prompt, answered as a client would
read it. Nothing is sent or stored: a message that is taken over is followed to where it would go.

The dialogue drives what the MTA drives, the state tables of `mailconf.smtp` and the transaction of `mailconf.model`;
here lines go in and replies come out.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mailconf.insight.explain.outcome import Answer, accepted_by
from mailconf.model.inquiry import Answered, Inquiry, follow, inspect
from mailconf.model.session import Session
from mailconf.model.verdict import Reply, Verdict
from mailconf.model.world import run
from mailconf.mta.answers import Answers
from mailconf.mta.message import Context, IntakeRefused, Message
from mailconf.smtp.events import Content, SessionState, Wait
from mailconf.source import decode

if TYPE_CHECKING:
    from mailconf.cli.own.explain_sites import Prepared

QUEUE_ID = "QUEUEID"
_IN_CONTENT = (SessionState.BODY, SessionState.OCTETS)
_ENDING = (421, 521)


@dataclass(slots=True)
class Exchange:
    """A line of the client's with what it led to; ``sent`` is None for the greeting.

    verdicts  the answers of the Policy, by question
    answers   what becomes of the message that was taken over
    content   the line is one of a message, and has no reply of its own
    """

    sent: str | None
    replies: list[Reply] = field(default_factory=list)
    verdicts: list[Answered] = field(default_factory=list)
    inquiry: Inquiry | None = None
    answers: list[Answer] = field(default_factory=list)
    content: bool = False

    def as_json(self) -> dict[str, Any]:
        from mailconf.insight.explain.document import answer_json, step_json

        return {
            "sent": self.sent,
            "replies": [{"code": reply.code, "reply": list(reply.lines)} for reply in self.replies],
            "verdicts": [step_json(step) for step in self.verdicts],
            "answers": [answer_json(answer) for answer in self.answers],
        }


class _Following:
    """An Intake that keeps nothing, and finds out where a message would go."""

    def __init__(self, dialogue: Dialogue) -> None:
        self._dialogue = dialogue

    def new_queue_id(self) -> str:
        return QUEUE_ID

    async def accept(self, message: Message) -> None:
        self._dialogue.take_over(message)

    async def leave(self, message: Message) -> None:
        await self.accept(message)


class Dialogue:
    """One session with a client."""

    def __init__(self, prepared: Prepared, client: Session) -> None:
        self.policy, self.world = prepared.policy, prepared.world
        words = prepared.words()
        context = Context(self.policy, self.world, lambda program, text: None, words, _Following(self))
        self.connection = words.connection(self.policy.site.options_of(), words.wording)
        self._answers = Answers(context, self.policy, self.connection, _unlogged, self._hear)
        session = self._answers.session
        session.client_address = client.client_address
        session.client_name, session.reverse_name = client.client_name, client.reverse_name
        session.sasl_method, session.sasl_username = client.sasl_method, client.sasl_username
        self._now = Exchange(None)
        self._accepted: dict[str, Answered] = {}

    @property
    def over(self) -> bool:
        return self.connection.state is SessionState.CLOSED

    def greet(self) -> Exchange:
        """What the client reads when it has connected."""
        run(self._answers.authorize())
        verdict = run(self._answers.connect())
        self._now.replies.append(verdict.reply)
        if not verdict.accepted:
            self.connection.errors += 1
        if verdict.reply.code in _ENDING:
            self.connection.close()
        return self._now

    def line(self, line: bytes) -> Exchange:
        """A line of the client's, without its end."""
        now = self._now = Exchange(decode(line), content=self.connection.state in _IN_CONTENT)
        self.connection.receive_data(line + b"\r\n")
        while not isinstance(event := self.connection.next_event(), Wait):
            if isinstance(event, Content):
                self._answers.take(event.data)
                continue
            now.content = False
            replies = run(self._answers.answer(event))
            now.replies += self._answers.remarks
            self._answers.remarks.clear()
            for reply in replies:
                now.replies.append(reply)
                self.connection.send_reply(reply)
                self._answers.session.errors = self.connection.errors
                if reply.code in _ENDING:
                    self.connection.close()
        return now

    def _hear(self, session: Session, question: str, verdict: Verdict) -> None:
        step = Answered(question, verdict, session.recipient)
        self._now.verdicts.append(step)
        if question == "rcpt" and verdict.accepted:
            self._accepted[session.recipient or ""] = step

    def take_over(self, message: Message) -> None:
        """Follow a message. Raises IntakeRefused where it would be refused after all."""
        inquiry = self._now.inquiry = Inquiry(effects=message.effects)
        recipients = [recipient.address for recipient in message.recipients]
        client = self._answers.session
        if not inspect(self.policy, self.world, client, message.content, inquiry):
            raise IntakeRefused(inquiry.steps[-1].verdict.reply)
        follow(self.policy, self.world, Session(sender=message.sender, recipients=recipients), inquiry)
        if inquiry.failure is not None:
            raise IntakeRefused(inquiry.failure)
        for recipient in recipients:
            if recipient in self._accepted:
                self._now.answers.append(accepted_by(recipient, self._accepted[recipient], inquiry, self.policy))


def _unlogged(*_: object, **__: object) -> None:
    """Nothing is logged: verdicts are heard."""


def lines_of(name: str) -> Iterator[bytes]:
    """The lines of a dialogue: of the file ``name``, which is read at once, or for "-" those of standard input, as they
    come."""
    from mailconf.cli.own.explain_asked import given_file

    if name == "-":
        return _typed()
    data = given_file("--session", name)
    return (line.removesuffix(b"\r") for line in data.removesuffix(b"\n").split(b"\n") if data)


def _typed() -> Iterator[bytes]:
    from mailconf.cli.own.explain_asked import MOST, wrong

    left = MOST
    while line := sys.stdin.buffer.readline(left + 1):
        left -= len(line)
        if left < 0:
            wrong("--session", f"more than {MOST} bytes came from standard input")
        yield line.removesuffix(b"\n").removesuffix(b"\r")
