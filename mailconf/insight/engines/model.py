"""The engine that is the model: the Policy of the configuration, asked in the world of the test file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from mailconf.insight.cases.suite import Case, Client, Going
from mailconf.insight.engines.observed import NotExpressible, Observed, Reason
from mailconf.insight.engines.remembering import RememberingPolicy
from mailconf.insight.engines.subject import NoService, Subject
from mailconf.model.inquiry import Destination, Inquiry, Opened, begin, inquire, with_onward
from mailconf.model.trace import Trace
from mailconf.model.transport import AgentKind
from mailconf.model.verdict import Delivery, DeliveryKind
from mailconf.smtp.reply import Reply
from mailconf.source import decode, encode

if TYPE_CHECKING:
    from mailconf.model.policy import Policy

Refusing = Callable[[Subject, Case], Reply | None]
MOST_REASONS = 6
MOST_OPENED = 10_000  # clients whose sessions are kept, between messages
_SENT_ON = (AgentKind.SMTP, AgentKind.LMTP)
BOUNCE, DEFERRED = "bounce", "deferred"


class ModelEngine:
    """See `mailconf.insight.engines.observed.Engine`.

    protocol  what the protocol refuses of a case before the configuration is asked, None for nothing
    """

    name = "model"

    def __init__(self, subject: Subject, protocol: Refusing = lambda subject, case: None) -> None:
        self._subject = subject
        self._protocol = protocol
        self._policies: dict[str, RememberingPolicy] = {}
        self._opened: dict[Client, Opened] = {}
        self._last: tuple[Case, Inquiry] | None = None

    def _quickly(self, case: Case) -> Inquiry:
        """What the Policy answers, without the reasons."""
        client, world = case.client, self._subject.world
        policy = self._policies.get(client.service)
        if policy is None:
            policy = self._policies[client.service] = RememberingPolicy(self._subject.policy(client.service))
        content = self._content(case)
        session = client.session(case.sender, case.size)
        with self._subject.without_reasons():
            opened = self._opened.get(client)
            if opened is None:
                if len(self._opened) >= MOST_OPENED:
                    self._opened.clear()
                opened = self._opened[client] = begin(policy, world, client.session("", 0), client.helo)
            return inquire(policy, world, session, case.recipients, content=content, opened=opened)

    def _ask(self, case: Case) -> Inquiry:
        """The same with them."""
        if self._last is not None and self._last[0] is case:
            return self._last[1]
        try:
            policy = self._subject.policy(case.client.service)
        except NoService as missing:
            raise NotExpressible(str(missing)) from None
        content = self._content(case)
        session = case.client.session(case.sender, case.size)
        world, helo = self._subject.world, case.client.helo
        inquiry = inquire(policy, world, session, case.recipients, helo=helo, content=content)
        self._last = case, inquiry
        return inquiry

    def _content(self, case: Case) -> bytes | None:
        """The message of a case. Raises NotExpressible where it is not known what a mail filter does with it."""
        if case.message is None:
            return None
        unknown = [milter for milter in self._subject.milters() if milter not in self._subject.world.accepting]
        if unknown:
            given = ", ".join(f"{milter}: accept" for milter in unknown)
            raise NotExpressible(f"a milter may change the message; for one that does not write services: {{{given}}}")
        return encode(case.message)

    def observe(self, case: Case) -> Observed:
        refused = self._protocol(self._subject, case)
        if refused is not None:
            return Observed(dict.fromkeys(case.recipients, refused))
        inquiry = self._quickly(case)
        observed = Observed()
        for recipient in case.recipients:
            observed.replies[recipient] = _reply(inquiry, case, recipient)[0]
        if case.becomes and inquiry.inspection is not None:
            sent = next(iter(inquiry.sent.values()), inquiry.inspection)
            observed.fields = _fields(sent.content)
        if case.asks_where:
            self._destinations(case, inquiry, observed)
        return observed

    def _destinations(self, case: Case, inquiry: Inquiry, observed: Observed) -> None:
        goes: dict[str, list[Going]] = {recipient: [] for recipient in case.recipients}
        observed.goes = goes
        policy = self._subject.policy(case.client.service)
        seen: set[str] = set()
        for original, destinations in inquiry.destinations.items():
            for destination in destinations:
                same = self._subject.sameness(original, destination.recipient)
                if same and same in seen:
                    continue
                seen.add(same)
                found = list(self._ways(policy, destination))
                if original:
                    goes.setdefault(original, []).extend(found)
                    pair = destination.outgoing_sender, destination.outgoing
                    observed.envelopes.setdefault(original, []).append(pair if destination.outgoing else ("", ""))
                else:
                    observed.copies += found

    def _ways(self, policy: Policy, destination: Destination) -> list[Going]:
        route = destination.route
        if route.error is not None:
            return [Going(_back(route.error), "", destination.recipient, local=True)]
        if destination.deliveries:
            found: list[Going] = []
            for delivery in destination.deliveries:
                found += self._of(policy, route.transport, delivery, destination.onward)
            return found
        if destination.sent is not None and destination.sent.reply is not None:
            return [Going(_back(destination.sent.reply), "", route.recipient, local=True)]
        agent = policy.agent(route.transport)
        if agent is AgentKind.ERROR:
            return [Going(BOUNCE, "", route.recipient, local=True)]
        return [Going(route.transport, route.nexthop, route.recipient, local=agent not in _SENT_ON)]

    def _of(
        self, policy: Policy, transport: str, delivery: Delivery, onward: Mapping[str, Sequence[Destination]]
    ) -> list[Going]:
        """What one delivery on this machine comes to."""
        address = delivery.recipient.address
        if delivery.kind is DeliveryKind.ERROR:
            return [Going(_back(delivery.reply), "", address, local=True)]
        if delivery.kind is DeliveryKind.TRANSPORT:
            name, _, nexthop = delivery.target.partition(":")
            return [Going(name, nexthop, address, local=policy.agent(name) not in _SENT_ON)]
        if delivery.kind is DeliveryKind.FILE:
            return [Going(transport, "", delivery.target, local=True)]
        if delivery.kind is DeliveryKind.COMMAND:
            return [Going(transport, "", f"|{delivery.target}", local=True)]
        if delivery.kind is DeliveryKind.DISCARD:
            return [Going("discard", "", address, local=True)]
        if delivery.kind is DeliveryKind.FORWARD and delivery.target in onward:
            return [way for other in onward[delivery.target] for way in self._ways(policy, other)]
        return [Going(transport, "", address, local=True)]

    def traces(self, case: Case) -> Iterator[Trace]:
        """The traces of all answers to a case."""
        if self._protocol(self._subject, case) is not None:
            return
        inquiry = self._ask(case)
        yield from (step.verdict.trace for step in inquiry.steps)
        for some in inquiry.destinations.values():
            yield from (destination.trace for destination in with_onward(some))

    def why(self, case: Case, recipient: str, *, going: bool) -> list[Reason]:
        if self._protocol(self._subject, case) is not None:
            return [Reason("the protocol refuses it")]
        inquiry = self._ask(case)
        if not going:
            return _reasons(_reply(inquiry, case, recipient)[1])
        found: list[Reason] = []
        for destination in with_onward(inquiry.destinations.get(recipient, ())):
            found += _reasons(destination.trace)
        return found[:MOST_REASONS]

    def close(self) -> None:
        self._subject.world.close()


def _reply(inquiry: Inquiry, case: Case, recipient: str) -> tuple[Reply, Trace]:
    """What a recipient's sender hears in the end, and why: the first refusal, else the answer to RCPT."""
    answers = iter(inquiry.steps)
    own: tuple[Reply, Trace] | None = None
    waiting = list(case.recipients)
    last = Reply.of(421, "the session is over"), Trace()
    for step in answers:
        verdict = step.verdict
        last = verdict.reply, verdict.trace
        if step.command.startswith("RCPT TO:"):
            if waiting and waiting.pop(0) == recipient and own is None:
                own = last
                if not verdict.accepted:
                    return own
        elif not verdict.accepted:
            return last
    if own is None:
        return last
    return own if inquiry.failure is None else (inquiry.failure, own[1])


def _back(reply: Reply | None) -> str:
    """Whether mail comes back, or has to wait."""
    return BOUNCE if reply is None or reply.permanent else DEFERRED


def _fields(content: bytes) -> dict[str, str]:
    """The fields of a header, with their lines as one."""
    head = decode(content).partition("\n\n")[0]
    found: dict[str, str] = {}
    for line in re.sub(r"\n[ \t]+", " ", head).split("\n"):
        name, colon, text = line.partition(":")
        if colon:
            found.setdefault(name.strip().lower(), " ".join(text.split()))
    return found


def _reasons(trace: Trace) -> list[Reason]:
    """The steps that came to something, those that led to nothing above them left out; the last ones decided."""
    found: list[Reason] = []
    for _, step in trace.walk(full=False):
        words = " ".join(part for part in (step.subject, step.detail) if part)
        if step.result and step.result not in ("dunno", "not found") and step.subject not in ("user", "file"):
            found.append(Reason(f"{words} -> {step.result}", step.span))
    return found[-MOST_REASONS:] or [Reason("no rule decided")]
