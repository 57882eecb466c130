"""What a configuration would do with a message, without sending it: every question of a transaction asked in its order.

explain prints it; test and diff compare it. A refusal ends the questions where it would end the transaction.
"""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

from mailconf.model.address import external
from mailconf.model.policy import Place, Policy, Role, Side
from mailconf.model.session import Session
from mailconf.model.trace import Trace
from mailconf.model.transaction import Transaction
from mailconf.model.transport import AgentKind
from mailconf.model.verdict import Delivery, Reply, Route, Verdict
from mailconf.model.world import Ask, LookupFailed, World, run

TROUBLE = Reply.of(451, "4.3.0 Temporary lookup failure")


@dataclass(frozen=True, slots=True)
class Answered:
    """A command of the client's and the answer to it."""

    command: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a final recipient goes: its route, its deliveries, and how it is written on the way out."""

    recipient: str
    route: Route
    deliveries: tuple[Delivery, ...]
    outgoing: str  # the recipient's address as the next server reads it, "" where the mail does not leave
    outgoing_sender: str
    trace: Trace
    is_copy: bool = False  # a recipient that nobody named: always_bcc and similar parameters


@dataclass(slots=True)
class Inquiry:
    """The whole answer.

    steps         the SMTP commands in order; the last one is refused if the transaction is
    destinations  of the accepted recipients, by recipient as RCPT named it ("" for copies)
    failure       why the message would be refused when it is taken over (a failed expansion)
    """

    steps: list[Answered] = field(default_factory=list)
    destinations: dict[str, list[Destination]] = field(default_factory=dict)
    failure: Reply | None = None

    @property
    def accepted(self) -> bool:
        """Whether at least one recipient's message would be taken over."""
        return bool(self.destinations) and self.failure is None


def inquire(policy: Policy, world: World, session: Session, recipients: Sequence[str], *, helo: str = "") -> Inquiry:
    """Ask ``policy`` about a message of ``session.sender`` to ``recipients``; ``world`` must answer at once.

    ``session`` says who the client is, and holds the sender with the parameters of MAIL, and the message's size; it
    comes back as the transaction left it.
    """
    inquiry = Inquiry()
    sender, parameters, size = session.sender or "", session.sender_parameters, session.size
    session.sender, session.sender_parameters, session.size = None, {}, 0
    transaction = Transaction(policy, session, world)

    def step(command: str, question: Coroutine[Any, Any, Verdict]) -> bool:
        verdict = run(question)
        inquiry.steps.append(Answered(command, verdict))
        return verdict.accepted and not transaction.over

    if not step("connect", transaction.connect()):
        return inquiry
    if helo and not step(f"EHLO {helo}", transaction.helo("EHLO", helo)):
        return inquiry
    if not step(f"MAIL FROM:<{external(sender)}>", transaction.mail(sender, parameters)):
        return inquiry
    for recipient in recipients:
        step(f"RCPT TO:<{external(recipient)}>", transaction.rcpt(recipient, {}))
        if transaction.over:
            return inquiry
    if transaction.recipients and step("DATA", transaction.data()):
        session.queue_id = "QUEUEID"
        if step(".", transaction.end_of_data(size)):
            _destinations(policy, world, session, inquiry)
    return inquiry


def _destinations(policy: Policy, world: World, session: Session, inquiry: Inquiry) -> None:
    """What cleanup(8), qmgr(8) and the delivery agents would do."""
    ask = Ask(world)
    try:
        sender = run(policy.rewrite(session.sender or "", Role(Place.ENVELOPE, Side.SENDER), ask))
        copies = run(policy.bcc(sender, session.recipients, ask))
        for original, addresses in [*((r, [r]) for r in session.recipients), *([("", copies)] if copies else [])]:
            inquiry.destinations[original] = [
                destination
                for address in addresses
                for destination in _of(policy, world, sender, address, inquiry, is_copy=not original)
            ]
    except LookupFailed:
        inquiry.failure = TROUBLE


def _of(
    policy: Policy, world: World, sender: str, address: str, inquiry: Inquiry, *, is_copy: bool
) -> list[Destination]:
    ask = Ask(world)
    address = run(policy.rewrite(address, Role(Place.ENVELOPE, Side.RECIPIENT), ask))
    expansion = run(policy.expand(address, ask))
    if expansion.error is not None:
        inquiry.failure = expansion.error
    found: list[Destination] = []
    for recipient in expansion.recipients:
        # The first destination has the expansion that led to all of them.
        own = ask if not found else Ask(world)
        route = run(policy.resolve(recipient, own, sender=sender))
        agent = policy.agent(route.transport)
        deliveries: tuple[Delivery, ...] = ()
        outgoing = outgoing_sender = ""
        if route.error is None and agent is AgentKind.MAILBOX:
            deliveries = run(policy.deliver(route, own, sender=sender)).items
        elif route.error is None and agent in (AgentKind.SMTP, AgentKind.LMTP):
            outgoing = run(policy.rewrite(route.recipient, Role(Place.ENVELOPE, Side.RECIPIENT, route.transport), own))
            outgoing_sender = run(policy.rewrite(sender, Role(Place.ENVELOPE, Side.SENDER, route.transport), own))
        found.append(Destination(recipient, route, deliveries, outgoing, outgoing_sender, own.trace, is_copy))
    return found
