"""What becomes of each recipient: one word, the reply that the client reads, and where the mail ends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from mailconf.model.address import external
from mailconf.model.inquiry import Answered, Destination, Inquiry
from mailconf.model.policy import Policy
from mailconf.model.transport import AgentKind
from mailconf.model.verdict import Delivery, DeliveryKind, EffectKind, Reply

RETRY = "retry"  # the service of master.cf that puts off what is routed to it: error(8)
POSTFIX = "postfix"


class Outcome(Enum):
    """What becomes of a recipient; the first that holds counts."""

    REFUSED = "REFUSED"  # the client reads a 5xx
    DEFER = "DEFER"  # it reads a 4xx, or the mail stays in the queue
    DISCARD = "DISCARD"  # accepted and thrown away
    HOLD = "HOLD"  # accepted, and waits in the queue until somebody releases it
    BOUNCE = "BOUNCE"  # accepted, and at least one delivery fails for good
    OK = "OK"


class Fate(NamedTuple):
    """What becomes of a message at one of the places to which a recipient leads.

    address    the final recipient there
    where      a mailbox, command, file, or transport with its nexthop
    reply      why it fails, None where it does not
    transport  the transport that delivers
    uid        whose rights are used on the machine, None where that does not arise
    sender     the envelope sender with which it leaves, None where it stays; ``recipient`` likewise
    """

    address: str
    where: str
    outcome: Outcome
    reply: Reply | None = None
    transport: str = ""
    uid: int | None = None
    sender: str | None = None
    recipient: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """One recipient's.

    reply  what the client reads about it in the end
    step   the command with that reply
    fates  where it leads, if it is accepted
    """

    recipient: str
    outcome: Outcome
    reply: Reply
    step: Answered
    fates: tuple[Fate, ...] = ()

    def meets(self, expected: str) -> bool:
        """Whether it is the outcome or the code that ``expected`` is."""
        return expected == (str(self.reply.code) if expected.isdigit() else self.outcome.value)


def answers_of(inquiry: Inquiry, recipients: Sequence[str], policy: Policy) -> list[Answer]:
    """The answer about each of ``recipients``, in their order."""
    last = inquiry.steps[-1]
    own = [step for step in inquiry.steps if step.recipient is not None]
    found = []
    for number, recipient in enumerate(recipients):
        step = own[number] if number < len(own) else last
        if not step.verdict.accepted:
            found.append(_refused(recipient, step, step.verdict.reply))
        elif not last.verdict.accepted and last.recipient is None:
            found.append(_refused(recipient, last, last.verdict.reply))
        elif inquiry.failure is not None:
            found.append(_refused(recipient, last, inquiry.failure))
        elif last.verdict.disconnect:
            found.append(_refused(recipient, last, last.verdict.reply))
        else:
            found.append(accepted_by(recipient, step, inquiry, policy))
    return found


def copies_of(inquiry: Inquiry, policy: Policy) -> tuple[Fate, ...]:
    """Where the copies go that nobody asked for."""
    return tuple(fate for destination in inquiry.destinations.get("", ()) for fate in _fates(destination, policy))


def _refused(recipient: str, step: Answered, reply: Reply) -> Answer:
    return Answer(recipient, Outcome.REFUSED if reply.permanent else Outcome.DEFER, reply, step)


def accepted_by(recipient: str, step: Answered, inquiry: Inquiry, policy: Policy) -> Answer:
    """The answer about a recipient that ``step`` has accepted, of a message that is taken over."""
    fates = tuple(
        fate for destination in inquiry.destinations.get(recipient, ()) for fate in _fates(destination, policy)
    )
    outcomes = {fate.outcome for fate in fates}
    outcome = Outcome.OK
    if inquiry.asks_for(EffectKind.DISCARD) or outcomes == {Outcome.DISCARD}:
        outcome = Outcome.DISCARD
    elif inquiry.asks_for(EffectKind.HOLD):
        outcome = Outcome.HOLD
    elif Outcome.BOUNCE in outcomes:
        outcome = Outcome.BOUNCE
    elif Outcome.DEFER in outcomes:
        outcome = Outcome.DEFER
    return Answer(recipient, outcome, step.verdict.reply, step, fates)


def _fates(destination: Destination, policy: Policy) -> Iterator[Fate]:
    route = destination.route
    address = destination.recipient
    if route.error is not None:
        yield Fate(address, "", _failure(route.error), route.error, route.transport)
        return
    if destination.deliveries:
        for delivery in destination.deliveries:
            further = destination.onward.get(delivery.target) if delivery.kind is DeliveryKind.FORWARD else None
            if further:
                for other in further:
                    yield from _fates(other, policy)
            else:
                yield _delivered(delivery, route.transport)
        return
    if destination.sent is not None and destination.sent.reply is not None:
        reply = destination.sent.reply
        yield Fate(address, "", _failure(reply), reply, route.transport)
        return
    agent = policy.agent(route.transport)
    where = f"{route.transport}:{route.nexthop}" if route.nexthop else f"{route.transport} {route.recipient}"
    if agent is AgentKind.ERROR:
        later = route.transport == RETRY
        reply = Reply.of(450 if later else 550, route.nexthop)
        yield Fate(address, where, Outcome.DEFER if later else Outcome.BOUNCE, reply, route.transport)
    elif agent is AgentKind.DISCARD:
        yield Fate(address, where, Outcome.DISCARD, None, route.transport)
    elif agent is None and policy.site.dialect == POSTFIX:
        reply = Reply.of(451, f"4.3.0 master.cf has no transport {route.transport}")
        yield Fate(address, where, Outcome.DEFER, reply, route.transport)
    else:
        leaves = bool(destination.outgoing)
        sender = external(destination.outgoing_sender) if leaves else None
        recipient = external(destination.outgoing) if leaves else None
        yield Fate(address, where, Outcome.OK, None, route.transport, None, sender, recipient)


def _delivered(delivery: Delivery, transport: str) -> Fate:
    address = delivery.recipient.address
    if delivery.reply is not None:
        return Fate(address, "", _failure(delivery.reply), delivery.reply, transport)
    if delivery.kind is DeliveryKind.DISCARD:
        return Fate(address, "discard", Outcome.DISCARD, None, transport)
    where = delivery.target if delivery.kind is DeliveryKind.TRANSPORT else f"{delivery.kind.value} {delivery.target}"
    identity = delivery.recipient.identity
    used = delivery.kind not in (DeliveryKind.FORWARD, DeliveryKind.TRANSPORT)
    return Fate(address, where, Outcome.OK, None, transport, identity.uid if identity and used else None)


def _failure(reply: Reply) -> Outcome:
    return Outcome.BOUNCE if reply.permanent else Outcome.DEFER
