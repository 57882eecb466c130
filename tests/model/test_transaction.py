"""What each answer of a Policy changes in a session (`mailconf.model.transaction`), with a Policy that says what a test
wants."""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

import pytest

from mailconf.files import Root
from mailconf.model.fileworld import FileWorld
from mailconf.model.inquiry import inquire
from mailconf.model.session import Session, Verified
from mailconf.model.trace import Trace
from mailconf.model.transaction import Accepted, Question, Transaction
from mailconf.model.verdict import Effect, EffectKind, Reply, Verdict
from mailconf.model.world import Ask, run

TOO_MANY = Reply.of(452, "4.5.3 Error: too many recipients")


@dataclass
class Scripted:
    """Policy and PolicySession in one: refuses the questions in ``refused``, and notes what it was asked of what."""

    refused: set[str] = field(default_factory=set)
    ends: set[str] = field(default_factory=set)
    asked: list[tuple[str, Any]] = field(default_factory=list)
    objections: list[Reply | None] = field(default_factory=list)
    senders: list[str | None] = field(default_factory=list)
    screener: None = None
    begun: int = 0
    forgotten: int = 0

    def begin(self, session: Session) -> Scripted:
        self.begun += 1
        self.session = session
        return self

    def forget(self) -> None:
        self.forgotten += 1

    async def worded(self, session: Session, reply: Reply, ask: Ask) -> Reply:
        return Reply.of(reply.code, f"{reply.text}; see our pages")

    def __getattr__(self, question: str) -> Any:
        Question(question)
        session = self.session

        async def answer(ask: Ask) -> Verdict:
            seen = {
                "helo": (session.helo, session.protocol),
                "mail": (session.sender, session.sender_parameters),
                "rcpt": (session.recipient, session.recipient_parameters),
                "vrfy": session.recipient,
                "data": session.chunked,
                "end_of_data": session.size,
            }
            self.asked.append((question, seen.get(question)))
            self.objections.append(session.objection)
            self.senders.append(session.sender)
            code = 554 if question in self.refused else 250
            effects = (Effect(EffectKind.HOLD, question),)
            return Verdict(Reply.of(code, "said"), Trace(), effects, disconnect=question in self.ends)

        return answer


def driven(policy: Scripted) -> Transaction:
    made: Any = policy
    return Transaction(made, Session(), FileWorld(Root()))


def play(transaction: Transaction, *without: str) -> list[Verdict]:
    """A whole message, but for the commands ``without``."""
    commands: dict[str, Coroutine[Any, Any, Verdict]] = {
        "connect": transaction.connect(),
        "helo": transaction.helo("EHLO", "a"),
        "mail": transaction.mail("s@x", {"SIZE": "5"}),
        "rcpt": transaction.rcpt("r@x", {"NOTIFY": "NEVER"}),
        "data": transaction.data(),
        "end_of_data": transaction.end_of_data(7),
    }
    verdicts = []
    for name, command in commands.items():
        if name in without:
            command.close()
        else:
            verdicts.append(run(command))
    return verdicts


def state(transaction: Transaction) -> tuple[Any, ...]:
    session = transaction.session
    return session.sender, session.sender_parameters, session.recipients, session.size, len(transaction.effects)


def test_a_message() -> None:
    policy = Scripted()
    transaction = driven(policy)
    play(transaction)
    assert policy.asked == [
        ("connect", None),
        ("helo", ("a", "ESMTP")),
        ("mail", ("s@x", {"SIZE": "5"})),
        ("rcpt", ("r@x", {"NOTIFY": "NEVER"})),
        ("data", False),
        ("end_of_data", 7),
    ]
    assert transaction.recipients == [Accepted("r@x", {"NOTIFY": "NEVER"})]
    # Those of MAIL, RCPT, DATA and the end of the message; before MAIL they would belong to nothing.
    assert [effect.argument for effect in transaction.effects] == ["mail", "rcpt", "data", "end_of_data"]
    assert transaction.session.recipient is None and not transaction.session.recipient_parameters


@pytest.mark.parametrize(
    ("refused", "left"),
    [
        ("mail", (None, {}, [], 7, 2)),
        ("rcpt", ("s@x", {"SIZE": "5"}, [], 7, 3)),
        ("data", ("s@x", {"SIZE": "5"}, ["r@x"], 7, 3)),
        ("end_of_data", ("s@x", {"SIZE": "5"}, ["r@x"], 7, 3)),
    ],
)
def test_a_refusal(refused: str, left: tuple[Any, ...]) -> None:
    transaction = driven(Scripted({refused}))
    play(transaction, *(["rcpt"] if refused == "mail" else []))
    assert state(transaction) == left


def test_forget() -> None:
    policy = Scripted()
    transaction = driven(policy)
    play(transaction)
    transaction.session.queue_id, transaction.session.sasl_username = "ID", "joe"
    before = policy.forgotten
    transaction.forget()
    assert state(transaction) == (None, {}, [], 0, 0) and not transaction.recipients
    session = transaction.session
    assert (session.helo, session.queue_id, session.sasl_username) == ("a", "", "joe")
    assert policy.forgotten == before + 1 and policy.begun == 1


def test_helo() -> None:
    policy = Scripted()
    transaction = driven(policy)
    play(transaction)
    run(transaction.helo("HELO", 'b <c>@"d"'))
    assert state(transaction) == (None, {}, [], 0, 0)
    assert (transaction.session.helo, transaction.session.protocol) == ("b??c???d?", "SMTP")


def test_helo_refused() -> None:
    policy = Scripted()
    transaction = driven(policy)
    play(transaction)
    policy.refused.add("helo")
    run(transaction.helo("HELO", "b"))
    assert policy.asked[-1] == ("helo", ("b", "SMTP"))
    assert (transaction.session.helo, transaction.session.protocol) == ("a", "ESMTP")
    assert state(transaction) == ("s@x", {"SIZE": "5"}, ["r@x"], 7, 4)


def test_another_mail() -> None:
    transaction = driven(Scripted())
    play(transaction)
    run(transaction.mail("t@x", {}))
    assert state(transaction) == ("t@x", {}, [], 0, 1)


def test_vrfy() -> None:
    policy = Scripted()
    transaction = driven(policy)
    play(transaction, "end_of_data")
    before = state(transaction)
    run(transaction.vrfy("v@x"))
    assert policy.asked[-1] == ("vrfy", "v@x")
    assert state(transaction) == before and transaction.session.recipient is None


def test_chunks() -> None:
    policy = Scripted()
    run(driven(policy).data(chunked=True))
    assert policy.asked == [("data", True)]


@pytest.mark.parametrize("command", ["mail", "rcpt"])
def test_an_objection(command: str) -> None:
    """It refuses what the Policy does not, in the Policy's form; and it is gone for the next question."""
    policy = Scripted()
    transaction = driven(policy)
    verdict = run(getattr(transaction, command)("a@x", {}, TOO_MANY))
    assert str(verdict.reply) == f"{TOO_MANY}; see our pages"
    assert not transaction.recipients and not transaction.effects
    assert run(getattr(transaction, command)("a@x", {})).accepted
    run(transaction.vrfy("a@x"))
    assert policy.objections == [TOO_MANY, None, None]


def test_an_objection_behind_a_refusal() -> None:
    verdict = run(driven(Scripted({"rcpt"})).rcpt("a@x", {}, TOO_MANY))
    assert verdict.reply.code == 554


def test_the_end() -> None:
    policy = Scripted(ends={"rcpt"})
    transaction = driven(policy)
    play(transaction, "rcpt", "data", "end_of_data")
    assert not transaction.over
    run(transaction.rcpt("a@x", {}))
    assert transaction.over


def test_xclient() -> None:
    policy = Scripted()
    transaction = driven(policy)
    play(transaction)
    transaction.become({"ADDR": "IPV6:2001:db8::7", "NAME": "foo.example", "LOGIN": "joe", "PROTO": "esmtp"})
    session = transaction.session
    assert state(transaction) == (None, {}, [], 0, 0) and policy.begun == 2
    assert (session.client_address, session.client_name) == ("2001:db8::7", Verified.found("foo.example"))
    assert (session.helo, session.protocol, session.sasl_method, session.sasl_username) == (
        None,
        "ESMTP",
        "XCLIENT",
        "joe",
    )
    transaction.become({"PORT": None, "HELO": "b", "LOGIN": None})
    assert (session.client_address, session.client_port, session.helo) == ("2001:db8::7", "unknown", "b")
    assert (session.protocol, session.sasl_method, session.sasl_username) == ("SMTP", "", "")


def test_an_inquiry() -> None:
    """What explain asks: the sender is not known before MAIL, and a session that ends has no further questions."""
    policy = Scripted(ends={"rcpt"})
    made: Any = policy
    session = Session(sender="s@x", sender_parameters={"SIZE": "7"}, size=7)
    inquiry = inquire(made, FileWorld(Root()), session, ["a@x", "b@x"], helo="a")
    assert [step.command for step in inquiry.steps] == ["connect", "EHLO a", "MAIL FROM:<s@x>", "RCPT TO:<a@x>"]
    assert not inquiry.accepted and policy.senders == [None, None, "s@x", "s@x"]
