"""What a configuration would do with a message, without sending it: every question of a transaction asked in its order.

explain prints it; test and diff compare it. A refusal ends the questions where it would end the transaction.
"""

from __future__ import annotations

from collections.abc import Coroutine, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from mailconf.model.address import external
from mailconf.model.policy import AddressPlace, Policy, Role, Side
from mailconf.model.recipient import Recipient, RecipientKind
from mailconf.model.screening import Screener, judge
from mailconf.model.session import Session
from mailconf.model.trace import Trace
from mailconf.model.transaction import Transaction
from mailconf.model.transport import AgentKind
from mailconf.model.verdict import (
    Delivery,
    DeliveryKind,
    Effect,
    EffectKind,
    Expansion,
    Inspection,
    Reply,
    Route,
    Verdict,
)
from mailconf.model.world import Ask, LookupFailed, World, run

CONTENT = "content"  # what stands for a command where the content of a message refuses it
MOST_FORWARDS = 100  # addresses to which one recipient's message is sent anew
TROUBLE = Reply.of(451, "4.3.0 Temporary lookup failure")


@dataclass(frozen=True, slots=True)
class Answered:
    """A command of the client's and the answer to it; ``recipient`` is the one that RCPT named."""

    command: str
    verdict: Verdict
    recipient: str | None = None


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a final recipient goes: its route, its deliveries, and how it is written on the way out.

    sent    what becomes of the message as it leaves; None where it does not, or where there is no message
    onward  where it goes to whom a delivery sends it anew (aliases, ~/.forward), by that address
    """

    recipient: str
    route: Route
    deliveries: tuple[Delivery, ...]
    outgoing: str  # the recipient's address as the next server reads it, "" where the mail does not leave
    outgoing_sender: str
    trace: Trace
    is_copy: bool = False  # a recipient that nobody named: always_bcc and similar parameters
    sent: Inspection | None = None
    onward: dict[str, list[Destination]] = field(default_factory=dict)


def with_onward(destinations: Iterable[Destination]) -> Iterator[Destination]:
    """The destinations, and those to which deliveries send the message anew."""
    for destination in destinations:
        yield destination
        for further in destination.onward.values():
            yield from with_onward(further)


@dataclass(slots=True)
class Inquiry:
    """The whole answer.

    steps         the SMTP commands in order; the last one is refused if the transaction is
    destinations  of the accepted recipients, by recipient as RCPT named it ("" for copies); none of a message that is
                  thrown away
    failure       why the message would be refused when it is taken over (a failed expansion)
    failing       what was asked for that expansion
    effects       what the verdicts ask for besides the delivery, in order
    copying       what was asked to find who gets copies
    inspection    what the content of the message led to, where there was one
    sent          what becomes of that message as a transport sends it on, by transport
    """

    steps: list[Answered] = field(default_factory=list)
    destinations: dict[str, list[Destination]] = field(default_factory=dict)
    failure: Reply | None = None
    failing: Trace = field(default_factory=Trace)
    effects: tuple[Effect, ...] = ()
    copying: Trace = field(default_factory=Trace)
    inspection: Inspection | None = None
    sent: dict[str, Inspection] = field(default_factory=dict)

    def asks_for(self, kind: EffectKind) -> list[str]:
        """The arguments of the effects of a kind, in order."""
        return [effect.argument for effect in self.effects if effect.kind is kind]

    @property
    def accepted(self) -> bool:
        """Whether at least one recipient's message would be taken over."""
        return bool(self.destinations) and self.failure is None


class Opened(NamedTuple):
    """A session that a client has begun: its first questions, and whether there is more to ask.

    refused  the answer to each recipient, where the client has failed a test before (`mailconf.model.screening`)
    """

    steps: tuple[Answered, ...]
    transaction: Transaction
    goes_on: bool
    refused: Verdict | None = None


def begin(policy: Policy, world: World, session: Session, helo: str = "") -> Opened:
    """Connect and, where the client says a name, EHLO; `inquire` may be put many messages to what this returns."""
    transaction = Transaction(policy, session, world)
    trace = Trace()
    if policy.screener is not None:
        ends, verdict = run(_screened(policy.screener, session, Ask(world, trace)))
        if verdict is not None:
            return Opened((Answered("connect", verdict),) if ends else (), transaction, False, verdict)
    met = run(transaction.connect())
    trace.steps += met.trace.steps
    steps = [Answered("connect", replace(met, trace=trace))]
    goes_on = steps[0].verdict.accepted and not transaction.over
    if helo and goes_on:
        steps.append(Answered(f"EHLO {helo}", run(transaction.helo("EHLO", helo))))
        goes_on = steps[1].verdict.accepted and not transaction.over
    return Opened(tuple(steps), transaction, goes_on)


async def _screened(screener: Screener, session: Session, ask: Ask) -> tuple[bool, Verdict | None]:
    """The answer to a client that is not handed to the service, and whether it comes when the client connects."""
    found = await judge(screener, session.client_address, ask)
    if found.refusal is None:
        return False, None
    reply = await screener.worded(session, found.refusal, ask)
    return found.ends, Verdict(reply, ask.trace, rule=found.rule, disconnect=found.ends)


def inquire(
    policy: Policy,
    world: World,
    session: Session,
    recipients: Sequence[str],
    *,
    helo: str = "",
    content: bytes | None = None,
    opened: Opened | None = None,
) -> Inquiry:
    """Ask ``policy`` about a message of ``session.sender`` to ``recipients``; ``world`` must answer at once.

    ``session`` says who the client is, and holds the sender with the parameters of MAIL, and the message's size; it
    comes back as the transaction left it. ``content`` is the message, where there is one; its lines are ended by LF.
    Where the client's session is ``opened`` already, the message is asked about in a branch of that, and ``session``
    says nothing but the sender and the size.
    """
    inquiry = Inquiry()
    sender, parameters, size = session.sender or "", session.sender_parameters, session.size
    session.sender, session.sender_parameters, session.size = None, {}, 0
    first = opened or begin(policy, world, session, helo)
    inquiry.steps += first.steps
    if not first.goes_on:
        if first.refused is not None and not first.steps:
            named = ((f"RCPT TO:<{external(recipient)}>", recipient) for recipient in recipients)
            inquiry.steps += [Answered(command, first.refused, recipient) for command, recipient in named]
        return inquiry
    transaction = first.transaction if opened is None else first.transaction.branch()
    session = transaction.session

    def step(command: str, question: Coroutine[Any, Any, Verdict], recipient: str | None = None) -> bool:
        verdict = run(question)
        inquiry.steps.append(Answered(command, verdict, recipient))
        return verdict.accepted and not transaction.over

    if not step(f"MAIL FROM:<{external(sender)}>", transaction.mail(sender, parameters)):
        return inquiry
    for recipient in recipients:
        step(f"RCPT TO:<{external(recipient)}>", transaction.rcpt(recipient, {}), recipient)
        if transaction.over:
            return inquiry
    if transaction.recipients and step("DATA", transaction.data()):
        session.queue_id = "QUEUEID"
        if step(".", transaction.end_of_data(size or len(content or b""), content)):
            inquiry.effects = tuple(transaction.effects)
            if content is None or inspect(policy, world, session, content, inquiry):
                follow(policy, world, session, inquiry)
    return inquiry


def inspect(policy: Policy, world: World, session: Session, content: bytes, inquiry: Inquiry) -> bool:
    """What the content of a message that was taken leads to; whether it is still taken."""
    found = inquiry.inspection = run(policy.inspect(session, content, Ask(world)))
    inquiry.effects += found.effects
    if found.reply is not None:
        reply = run(policy.worded(session, found.reply, Ask(world)))
        inquiry.steps.append(Answered(CONTENT, Verdict(reply, found.trace, found.effects, notes=found.notes)))
    return found.reply is None


def follow(policy: Policy, world: World, session: Session, inquiry: Inquiry) -> None:
    """What cleanup(8), qmgr(8) and the delivery agents would do with the message that ``session`` has at its end.

    ``inquiry`` has its effects, and gets its destinations, or why it would be refused.
    """
    ask = Ask(world, inquiry.copying)
    redirect = inquiry.asks_for(EffectKind.REDIRECT)[-1:]
    try:
        sender = run(policy.rewrite(session.sender or "", Role(AddressPlace.ENVELOPE, Side.SENDER), Ask(world)))
        copies = inquiry.asks_for(EffectKind.BCC)
        if policy.site.maps_addresses:
            copies += run(policy.bcc(sender, redirect or session.recipients, ask))
        if inquiry.asks_for(EffectKind.DISCARD):
            inquiry.destinations = {recipient: [] for recipient in session.recipients}
            return
        wanted = {recipient: redirect or [recipient] for recipient in session.recipients}
        if copies and not redirect:
            wanted[""] = copies
        for original, addresses in wanted.items():
            inquiry.destinations[original] = [
                destination
                for address in addresses
                for destination in _of(policy, world, sender, address, inquiry, is_copy=not original)
            ]
    except LookupFailed:
        inquiry.failure = TROUBLE


def _of(
    policy: Policy,
    world: World,
    sender: str,
    address: str,
    inquiry: Inquiry,
    *,
    is_copy: bool,
    followed: set[str] | None = None,
) -> list[Destination]:
    """The destinations of an address; ``followed`` are those to which the message has been sent anew."""
    ask = Ask(world)
    site, from_client = policy.site, followed is None
    followed = set() if followed is None else followed
    filters = inquiry.asks_for(EffectKind.FILTER)
    if from_client and not filters and site.content_filter.value:
        filters = [site.content_filter.value]
    address = run(policy.rewrite(address, Role(AddressPlace.ENVELOPE, Side.RECIPIENT), ask))
    expansion = Expansion((Recipient(address),), ask.trace)
    if site.maps_addresses or not from_client:
        expansion = run(policy.expand(Recipient(address), ask))
    if expansion.error is not None:
        inquiry.failure, inquiry.failing = expansion.error, ask.trace
    found: list[Destination] = []
    for recipient in expansion.recipients:
        # The first destination has the expansion that led to all of them.
        own = ask if not found else Ask(world)
        plain = recipient.kind is RecipientKind.ADDRESS
        route = run(policy.resolve(recipient.address, own, sender=sender, kind=recipient.kind))
        if recipient.error:
            route = route._replace(error=Reply.of(int(recipient.error[:3]), recipient.error[4:]))
        if filters and not recipient.error:  # a filter takes also what has no route
            transport, nexthop = site.filtered(filters[-1], recipient.address)
            route = route._replace(transport=transport, nexthop=nexthop, error=None)
        returned = recipient.owner or sender
        agent = policy.agent(route.transport)
        deliveries: tuple[Delivery, ...] = ()
        outgoing = outgoing_sender = ""
        sent: Inspection | None = None
        if route.error is None and agent is AgentKind.MAILBOX:
            deliveries = run(policy.deliver(route, own, sender=sender)).items
        elif route.error is None and not plain:
            deliveries = run(policy.deliver(route, own, sender=returned, recipient=recipient)).items
        elif route.error is None and agent in (AgentKind.SMTP, AgentKind.LMTP):
            outgoing = run(
                policy.rewrite(route.recipient, Role(AddressPlace.ENVELOPE, Side.RECIPIENT, route.transport), own)
            )
            outgoing_sender = run(
                policy.rewrite(returned, Role(AddressPlace.ENVELOPE, Side.SENDER, route.transport), own)
            )
            sent = _sent(policy, world, route.transport, inquiry)
        reached = Destination(recipient.address, route, deliveries, outgoing, outgoing_sender, own.trace, is_copy, sent)
        for delivery in deliveries:
            target = delivery.target
            if delivery.kind is DeliveryKind.FORWARD and target not in followed and len(followed) < MOST_FORWARDS:
                followed.add(target)
                reached.onward[target] = _anew(policy, world, delivery.recipient.owner or sender, target, followed)
        found.append(reached)
    return found


def _sent(policy: Policy, world: World, transport: str, inquiry: Inquiry) -> Inspection | None:
    if inquiry.inspection is None:
        return None
    if transport not in inquiry.sent:
        inquiry.sent[transport] = run(policy.inspect_sent(transport, inquiry.inspection.content, Ask(world)))
    return inquiry.sent[transport]


def _anew(policy: Policy, world: World, sender: str, address: str, followed: set[str]) -> list[Destination]:
    """Where a message to an address goes that a delivery sends anew; nowhere where that is not known for now."""
    try:
        return _of(policy, world, sender, address, Inquiry(), is_copy=False, followed=followed)
    except LookupFailed:
        return []
