"""Where a message's recipients go, in the terms of the model: expansion, routes, deliveries, addresses on the way out.

sendmail expands aliases, lists and .forward files before it queues a message: `expand` gives the final recipients, each
with its origin, its owner and the rights that it has. An address among them is final; `resolve` asks rulesets 3, 0 and
5 about it and no alias any more. A command or a file is a recipient of its own kind, since nobody can write one into an
address: `resolve` refuses an address that means a command or a file.

A recipient of the envelope is written as its route has it: R= of its mailer has been applied when it was resolved.

Source: sendmail 8.17.1.9 -bv -v, -bt ``/parse`` and ``/try``, and what it sends.
"""

from __future__ import annotations

from dataclasses import replace

from mailconf.model.policy import AddressPlace, Role, Side
from mailconf.model.recipient import Recipient, RecipientKind
from mailconf.model.trace import Trace
from mailconf.model.verdict import Deliveries, Delivery, DeliveryKind, Expansion, Route
from mailconf.model.world import Ask, LookupFailed, Outcome
from mailconf.sendmail.policy.asked_world import AskedWorld
from mailconf.sendmail.policy.recipients import Recipients, owner_of
from mailconf.sendmail.policy.recipients_list import Addressee, Fate
from mailconf.sendmail.policy.rewriting import Waits, mailer_called, rewritten, role_of, sender_domain
from mailconf.sendmail.policy.session_heard import Heard
from mailconf.sendmail.policy.session_state import latin, modern
from mailconf.sendmail.policy.settings import Compiled
from mailconf.sendmail.rules.maps import unquoted_key
from mailconf.sendmail.rules.tokens import Reading
from mailconf.smtp.reply import Reply

LATER = Reply.of(451, "4.3.0 Temporary failure, please try again later")
_UNKNOWN = Reply.of(550, "5.1.1 User unknown")
_KINDS = {"prog": RecipientKind.COMMAND, "*file*": RecipientKind.FILE}
_MAILERS = {kind: name for name, kind in _KINDS.items()}
_TARGETS = {RecipientKind.COMMAND: DeliveryKind.COMMAND, RecipientKind.FILE: DeliveryKind.FILE}


class Question:
    """What one question needs: an engine of its own, whose lookups go into the trace, and what is said.

    final  the addresses that are asked about are final ones
    """

    def __init__(self, compiled: Compiled, ask: Ask, *, final: bool = False) -> None:
        self.world = AskedWorld(compiled.files)
        self.world.ask = ask
        self.heard = Heard()
        self.engine = compiled.engine(self.world, self.heard.problems)
        self.recipients = Recipients(self.engine, self.world, final=final)

    def reply_of(self, addressee: Addressee | None) -> Reply:
        """Why nothing can be delivered."""
        if addressee is not None and addressee.fate is Fate.QUEUED:
            refusal = self.heard.refusal()
            return refusal if refusal is not None and not refusal.permanent else LATER
        if addressee is not None and addressee.reply[:3].isdigit():
            return Reply.of(int(addressee.reply[:3]), modern(addressee.reply[4:]))
        return self.heard.refusal() or _UNKNOWN

    async def plain(self, addressee: Addressee) -> str:
        """The address of an addressee without names and comments, as ruleset 4 leaves it; "" where there is none."""
        tokens = self.engine.scan(addressee.text, Reading.EXTERNAL)
        if tokens is None:
            return ""
        for ruleset in (3, 4):
            await self.engine.rewrite(tokens, ruleset)
        return self.engine.joined(tokens)


async def expand(compiled: Compiled, recipient: Recipient, ask: Ask) -> Expansion:
    """The final recipients of one that has been accepted. What has to wait makes the whole expansion fail for now."""
    if recipient.kind is not RecipientKind.ADDRESS:
        return Expansion((recipient,), ask.trace)
    question = Question(compiled, ask)
    answer = await question.recipients.add(latin(recipient.address))
    first = answer.addressee
    if first is None:
        return Expansion((_error(recipient, recipient.address, question.reply_of(None)),), ask.trace)
    found: list[Recipient] = []
    for addressee in question.recipients.list:
        if addressee.fate.over:
            continue
        if addressee.fate is Fate.QUEUED and addressee.mailer.name not in ("*error*",):
            return Expansion((), ask.trace, question.reply_of(addressee))
        found.append(await _final(question, recipient, addressee))
    return Expansion(tuple(found), ask.trace)


def _error(recipient: Recipient, text: str, reply: Reply) -> Recipient:
    return replace(recipient.at(text), kind=RecipientKind.ERROR, error=str(reply))


async def _final(question: Question, recipient: Recipient, addressee: Addressee) -> Recipient:
    text = modern(addressee.text)
    if addressee.fate is Fate.BAD:
        return _error(recipient, text, question.reply_of(addressee))
    owner, controller = modern(owner_of(addressee)), addressee.controller()
    kind = _KINDS.get(addressee.mailer.name, RecipientKind.ADDRESS)
    if kind is RecipientKind.ADDRESS:
        text = modern(await question.plain(addressee)) or text
    identity, named = addressee.identity, ""
    if kind is not RecipientKind.ADDRESS and controller is not None:
        identity, named = controller.identity, modern(controller.text)
    return replace(recipient.at(text), kind=kind, owner=owner, identity=identity, controller=named)


async def resolve(compiled: Compiled, recipient: str, ask: Ask, kind: RecipientKind = RecipientKind.ADDRESS) -> Route:
    """Where a final recipient goes."""
    if kind is not RecipientKind.ADDRESS:
        mailer = _MAILERS.get(kind, "*error*")
        error = _UNKNOWN if kind is RecipientKind.ERROR else None
        return Route(mailer, "", modern(unquoted_key(latin(recipient))), "local", ask.trace, error)
    question = Question(compiled, ask, final=True)
    answer = await question.recipients.add(latin(recipient))
    ends = question.recipients.sendable()
    addressee = ends[-1] if ends else answer.addressee
    if answer.outcome is not Outcome.FOUND or addressee is None or not ends:
        waiting = answer.outcome is Outcome.FAILED or (addressee is not None and addressee.fate is Fate.QUEUED)
        reply = question.reply_of(addressee if not waiting else answer.addressee)
        return Route("*error*", "", recipient, "default", ask.trace, LATER if waiting and reply.permanent else reply)
    if addressee.fate is Fate.QUEUED:
        return Route("*error*", "", recipient, "default", ask.trace, question.reply_of(addressee))
    user = addressee.user
    if addressee.mailer.has("s"):
        user = unquoted_key(user)
    where = "local" if addressee.mailer.has("l") else "default"
    host = modern(addressee.host).removesuffix(".")
    return Route(addressee.mailer.name, host, modern(user), where, ask.trace)


async def deliver(
    compiled: Compiled, route: Route, ask: Ask, *, sender: str = "", recipient: Recipient | None = None
) -> Deliveries:
    """What is done for a recipient whose route is known: a command, a file, an error, or the mailer's own program."""
    whose = recipient or Recipient(route.recipient)
    if whose.kind is RecipientKind.ERROR or route.error is not None:
        reply = route.error or _UNKNOWN
        if whose.error[:3].isdigit():
            reply = Reply.of(int(whose.error[:3]), whose.error[4:])
        return _only(Delivery(DeliveryKind.ERROR, whose.address, whose, reply), ask.trace)
    kind = _TARGETS.get(whose.kind)
    if kind is DeliveryKind.COMMAND:
        return _only(Delivery(kind, route.recipient.removeprefix("|").lstrip(), whose), ask.trace)
    if kind is not None:
        return _only(Delivery(kind, route.recipient, whose), ask.trace)
    return _only(Delivery(DeliveryKind.TRANSPORT, f"{route.transport}:{route.nexthop}", whose), ask.trace)


def _only(delivery: Delivery, trace: Trace) -> Deliveries:
    return Deliveries((delivery,), trace)


async def rewrite(compiled: Compiled, address: str, role: Role, ask: Ask) -> str:
    """An address in a role. On the way in nothing is changed; see the module for recipients of the envelope."""
    if not role.transport or not address:
        return address
    if role.place is AddressPlace.ENVELOPE and role.side is Side.RECIPIENT:
        return address
    question = Question(compiled, ask)
    mailer = mailer_called(question.engine, latin(role.transport))
    if mailer is None:
        return address
    sender, header = role_of(role)
    try:
        domain = await sender_domain(question.engine, latin(role.sender)) if header and role.sender else ()
        result = await rewritten(question.engine, latin(address), mailer, sender=sender, header=header, domain=domain)
    except Waits:
        raise LookupFailed(role.transport, "a map of its rulesets could not answer") from None
    return modern(result)
