"""Taking messages over, as cleanup(8) does: the `Intake` of the MTA.

On its way into the queue a message has its envelope and header addresses rewritten, headers that are missing added and
those that must not travel removed (postconf(5) message_drop_headers), its recipients expanded by virtual aliases,
blind copies added and duplicates removed. It is accepted when its entry in the queue is durable.

What restrictions asked for besides (access(5)) is done here too: HOLD, DISCARD, REDIRECT, BCC, PREPEND, FILTER.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from itertools import chain
from typing import TYPE_CHECKING, Any, cast

from mailconf.files import Root
from mailconf.model.address import external
from mailconf.model.filtering import GO_ON, Do, OddChange, Outcome
from mailconf.model.policy import AddressPlace, Role, Side
from mailconf.model.recipient import RecipientKind
from mailconf.model.session import Session
from mailconf.model.site import Site
from mailconf.model.verdict import Effect, EffectKind, Reply
from mailconf.model.world import ORDINARY, Answer, Ask, LookupFailed, Trust, World
from mailconf.mta.envelope_changes import change_envelope
from mailconf.mta.filtered import FilteredMessage
from mailconf.mta.header_addresses import rewrite as rewrite_addresses
from mailconf.mta.headers import RECIPIENTS, SENDERS, Fields, Header, HeaderLimits, set_off, shortened, split_message
from mailconf.mta.hop import Hop, date
from mailconf.mta.journal import LogEvent
from mailconf.mta.measures import Origin
from mailconf.mta.message import Context, IntakeRefused, Message, Recipient
from mailconf.mta.pace import Pace
from mailconf.mta.queue import Entrance, QueueError
from mailconf.smtp.milter import Change
from mailconf.smtp.problems import Problem
from mailconf.source import encode

if TYPE_CHECKING:
    from mailconf.mta.local_filters import LocalFilters


class _Paced:
    """A World that gives the loop back between lookups: a message may have a million lines."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._pace = Pace()

    async def lookup(self, table: str, key: str, trust: Trust = ORDINARY) -> Answer:
        await self._pace.step()
        return await self._world.lookup(table, key, trust)

    async def rest(self) -> None:
        await self._pace.step()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._world, name)


class QueueIntake:
    """The Intake over the `Entrance` of a queue.

    queued  is told the serial of every message that entered the active queue
    root    below which sockets of mail filters lie
    """

    def __init__(
        self,
        context: Context,
        queue: Entrance,
        queued: Callable[[int], None] = lambda serial: None,
        root: Root | None = None,
    ) -> None:
        self.context = context
        self._root = root or Root()
        self.queue = queue
        self.queued = queued

    def new_queue_id(self) -> str:
        return self.queue.new_id(self.context.world.now())

    async def accept(self, message: Message) -> None:
        """Returns once ``message`` is durable in the queue (or discarded, as it was asked); raises IntakeRefused.

        ``message`` is changed to what was queued; that of a command, which nobody waits for, also where it is refused.
        """
        self._check_size(message)
        if message.user is not None:
            message.mapped = self.context.policy.site.maps_commands
        filters = self._filters_of(message)
        try:
            await self._accept(message, filters)
        finally:
            if filters is not None:
                filters.close()

    async def leave(self, message: Message) -> None:
        """Take a message of a command over, as `accept` does; where it is to be looked at first, that is for the
        scheduler to do, as nobody may wait for it: it lies in the queue as it came until then."""
        site = self.context.policy.site
        if not site.checks_commands and not (site.local_filtering.filters and site.filters_commands):
            await self.accept(message)
            return
        self._check_size(message)
        message.unseen = True
        self.queued(await self._stored(message))

    async def _accept(self, message: Message, filters: LocalFilters | None) -> None:
        asked = GO_ON if filters is None else await self._ask_of_envelope(message, filters)
        refusal = asked.reply or await self._inspect(message)
        effects = {kind: [e.argument for e in message.effects if e.kind is kind] for kind in EffectKind}
        try:
            await self._headers(message, effects[EffectKind.PREPEND])
            await self._envelope(message, effects[EffectKind.REDIRECT], effects[EffectKind.BCC])
        except LookupFailed as failure:
            self.context.note(LogEvent.LOOKUP_FAILED, queue_id=message.queue_id, table=failure.table)
            raise self._refusal(Problem.QUEUE_UNAVAILABLE) from failure
        if refusal is not None:
            raise IntakeRefused(refusal)
        if effects[EffectKind.DISCARD] or asked.do is Do.DISCARD:
            return
        filtered = await self._filter(message, filters)
        discarded = any(effect.kind is EffectKind.DISCARD for effect in message.effects)
        if discarded or filtered.do is Do.DISCARD or not message.recipients:
            return
        by_command = self.context.policy.site.local_filter if message.user is not None else ""
        named = [effect.argument for effect in message.effects if effect.kind is EffectKind.FILTER]
        asked_for = [*([by_command] if by_command else []), *named]
        hold = any(effect.kind is EffectKind.HOLD for effect in message.effects) or Do.HOLD in (filtered.do, asked.do)
        message.waits = message.waits or bool(effects[EffectKind.WAIT])
        serial = await self._stored(message, hold=hold, filter=asked_for[-1] if asked_for else "")
        self.context.measures.arrived(_origin(message))
        if not hold and not message.waits:
            self.queued(serial)

    async def _stored(self, message: Message, *, hold: bool = False, filter: str = "") -> int:
        try:
            return await self.queue.add(message, hold=hold, filter=filter)
        except QueueError as error:
            self.context.note(LogEvent.NOT_STORED, queue_id=message.queue_id, error=error)
            raise self._refusal(Problem.QUEUE_UNAVAILABLE) from error

    def _filters_of(self, message: Message) -> LocalFilters | None:
        """The mail filters of a message that no client brings, where it passes some."""
        site = self.context.policy.site
        of_command = message.user is not None and site.filters_commands
        if not site.local_filtering.filters or not (of_command or message.notice in site.filtered_notices):
            return None
        from mailconf.mta.local_filters import LocalFilters

        return LocalFilters(self.context, self._root, message.queue_id)

    async def _ask_of_envelope(self, message: Message, filters: LocalFilters) -> Outcome:
        policy, world = self.context.policy, self.context.world
        places = (Side.SENDER, [message.sender]), (Side.RECIPIENT, [each.address for each in message.recipients])
        try:
            (sender, *_), recipients = [
                [
                    address
                    and await policy.rewrite(
                        address, Role(AddressPlace.ENVELOPE, side, mapped=message.mapped), Ask(world)
                    )
                    for address in addresses
                ]
                for side, addresses in places
            ]
        except LookupFailed as failure:
            self.context.note(LogEvent.LOOKUP_FAILED, queue_id=message.queue_id, table=failure.table)
            raise self._refusal(Problem.QUEUE_UNAVAILABLE) from failure
        return await filters.envelope(sender, recipients)

    async def _filter(self, message: Message, local: LocalFilters | None) -> Outcome:
        """What mail filters make of the message (smtpd_milters); ``message`` is what they leave of it."""
        filters, session, context = message.filters, message.session, self.context
        if local is not None:
            filters, session = local, local.session
        if filters is None or session is None:
            return GO_ON
        effects: list[Effect] = []

        async def check(field: bytes) -> bytes | None:
            found = await context.policy.inspect_field(session, field, Ask(context.world))
            for text in found.notes:
                context.note(LogEvent.CONTENT, queue_id=message.queue_id, text=text)
            if found.reply is not None:
                raise IntakeRefused(found.reply)
            effects.extend(found.effects)
            return found.content or None

        mail = FilteredMessage(message.content, limits_of(context.policy.site), check)
        outcome = await filters.content(mail)
        if outcome.reply is not None:
            raise IntakeRefused(outcome.reply)
        if mail.changed:
            message.content = mail.content
        message.effects = (*message.effects, *effects)
        try:
            await self._change_envelope(message, mail.envelope, effects)
        except LookupFailed as failure:
            context.note(LogEvent.LOOKUP_FAILED, queue_id=message.queue_id, table=failure.table)
            raise self._refusal(Problem.QUEUE_UNAVAILABLE) from failure
        return outcome

    async def _change_envelope(self, message: Message, changes: list[Change], effects: list[Effect]) -> None:
        """Carry out what filters, and the checks of their fields, want of the envelope. Raises LookupFailed."""
        context = self.context
        sender = Role(AddressPlace.ENVELOPE, Side.SENDER)
        receiver = Role(AddressPlace.ENVELOPE, Side.RECIPIENT)

        async def rewrite(address: str) -> str:
            return await context.policy.rewrite(address, sender, Ask(context.world))

        def warn(odd: OddChange, text: str) -> None:
            context.note(LogEvent.FILTER_CHANGE, queue_id=message.queue_id, odd=odd, text=text)

        async def expand(recipient: Recipient) -> Iterable[Recipient]:
            address = await context.policy.rewrite(recipient.address, receiver, Ask(context.world))
            named = Recipient(address, address, recipient.orcpt, recipient.notify)
            return await self._expanded(message, named, Ask(context.world))

        await change_envelope(message, changes, expand, rewrite, warn)
        for effect in effects:
            if effect.kind is EffectKind.REDIRECT:
                message.recipients = list(await expand(Recipient(effect.argument)))
            elif effect.kind is EffectKind.BCC:
                message.recipients += await expand(Recipient(effect.argument))

    def _refusal(self, problem: Problem) -> IntakeRefused:
        return IntakeRefused(self.context.personality.wording.refusal(problem))

    def _check_size(self, message: Message) -> None:
        limits = self.context.policy.site.limits
        limit = limits.message_size if limits.trace_counts or message.session is None else 0
        if limit and message.size > limit:
            self.context.note(LogEvent.STORED_TOO_BIG, queue_id=message.queue_id)
            raise self._refusal(Problem.MESSAGE_TOO_BIG)

    async def _inspect(self, message: Message) -> Reply | None:
        """What the content of a message leads to (header_checks(5)): what refuses one of a command. Another one is
        refused at once, by IntakeRefused."""
        context, session = self.context, message.session
        of_command = message.user is not None or message.notice in context.policy.site.filtered_notices
        if session is None and of_command and context.policy.site.checks_commands:
            recipients = [each.address for each in message.recipients]
            session = Session("", protocol="", sender=message.sender, recipients=recipients)
        if session is None:
            return None
        policy = message.checks or context.policy
        found = await policy.inspect(session, message.content, Ask(cast(World, _Paced(context.world))))
        for text in found.notes:
            context.note(LogEvent.CONTENT, queue_id=message.queue_id, text=text)
        if found.reply is not None and message.session is not None:
            raise IntakeRefused(found.reply)
        message.content = found.content
        message.effects += found.effects
        return found.reply

    # Headers

    async def _headers(self, message: Message, prepend: list[str]) -> None:
        site = self.context.policy.site
        local = message.local
        limits = limits_of(site)
        fields = Fields(message.content, limits)
        own = []
        if message.session is None:
            hop = Hop(message.queue_id, message.arrival, user=message.user)
            field = self.context.personality.hop.received(hop, site)
            own = [Header("Received", encode(field))] if field else []
        prepended = [header for text in prepend for header in split_message(encode(text), limits)[0]]
        out = bytearray()
        present: set[str] = set()
        identities: dict[str, str] = {}
        hops, pace = 0, Pace()

        def put(header: Header) -> None:
            nonlocal out
            if header.key in _IDENTITIES:
                identities.setdefault(header.key, header.value)
            out += shortened(header, limits.size).raw + b"\n"

        for header in chain(prepended, own, fields):
            await pace.step()
            hops += header.key == "received"
            if header.key in _LOOKED_FOR or header.key.startswith("resent-"):
                present.add(header.key if header.key in _LOOKED_FOR else "resent-")
            if header.key in site.drop_headers:
                continue
            put(await self._rewritten(header, message, pace) if local or site.remote_header_domain else header)
        if hops >= site.limits.hop_count:
            self.context.note(LogEvent.TOO_MANY_HOPS, queue_id=message.queue_id)
            raise self._refusal(Problem.TOO_MANY_HOPS)
        if (local or site.add_missing_headers) and not site.fields_at_delivery:
            for header in await self._missing(message, present):
                put(header)
        self.context.note(LogEvent.MESSAGE_IDS, queue_id=message.queue_id, fields=identities)
        message.content = bytes(out) + set_off(fields.rest)

    async def _rewritten(self, header: Header, message: Message, pace: Pace) -> Header:
        if header.key not in SENDERS and header.key not in RECIPIENTS:
            return header
        side = Side.SENDER if header.key in SENDERS else Side.RECIPIENT
        role = Role(AddressPlace.HEADER, side, local=bool(message.local), mapped=message.mapped)
        policy, world = self.context.policy, self.context.world

        async def change(address: str) -> str:
            await pace.step()
            return await policy.rewrite(address, role, Ask(world))

        def warn(text: str) -> None:
            self.context.note(LogEvent.COMMENTS_LOST, queue_id=message.queue_id, text=text)

        return await rewrite_addresses(header, change, limits_of(policy.site), warn)

    async def _missing(self, message: Message, present: set[str]) -> list[Header]:
        """(Resent-) Message-Id, Date, From and To where missing (postconf(5) always_add_missing_headers)."""
        site = self.context.policy.site
        prefix = "Resent-" if any(key.startswith("resent-") for key in present) else ""
        now = self.context.world.now()
        added: list[Header] = []

        def add(name: str, value: str) -> None:
            if (prefix + name).lower() not in present:
                added.append(Header(prefix + name, encode(f"{prefix}{name}: {value}")))

        stamp = time.strftime("%Y%m%d%H%M%S", time.gmtime(now))
        add("Message-Id", f"<{stamp}.{message.queue_id}@{site.hostname.value}>")
        add("Date", date(now))
        author = message.sender
        if author:
            author = await self.context.policy.rewrite(
                author, Role(AddressPlace.HEADER, Side.SENDER, mapped=message.mapped), Ask(self.context.world)
            )
        add("From", _author(author, message.full_name))
        if site.undisclosed_recipients_header and not present & {f"{prefix}{n}".lower() for n in ("to", "cc", "bcc")}:
            headers_to, _ = split_message(encode(site.undisclosed_recipients_header))
            added += headers_to
        return added

    # Envelope

    async def _envelope(self, message: Message, redirect: list[str], bcc: list[str]) -> None:
        policy, ask = self.context.policy, Ask(self.context.world)
        if message.sender:
            role = Role(AddressPlace.ENVELOPE, Side.SENDER, mapped=message.mapped)
            message.sender = await policy.rewrite(message.sender, role, ask)
        wanted = [recipient.at(recipient.address) for recipient in message.recipients]
        if redirect:
            wanted = [Recipient(redirect[-1], redirect[-1])]
        if message.session is not None or message.user is not None:
            addresses = [recipient.address for recipient in wanted]
            copies = [*bcc, *(await policy.bcc(message.sender, addresses, ask) if message.mapped else [])]
            wanted += [Recipient(address, address, "", "NEVER") for address in copies if not redirect]
        originals = policy.site.names_originals
        seen: dict[tuple[object, ...], Recipient] = {}
        pace = Pace()
        for recipient in wanted:
            await pace.step()
            for found in await self._expanded(message, recipient, Ask(self.context.world)):
                address = found.address.lower() if found.kind is RecipientKind.ADDRESS else found.address
                envelope = (found.original.lower(), found.orcpt, found.notify.upper()) if originals else ()
                key = (address, found.kind, found.identity, *envelope)
                if not originals and key in seen and seen[key].origin == seen[key].address:
                    del seen[key]  # it stands where an alias leads to it
                seen.setdefault(key, found)
        message.recipients = list(seen.values())

    async def _expanded(self, message: Message, recipient: Recipient, ask: Ask) -> tuple[Recipient, ...]:
        policy = self.context.policy
        role = Role(AddressPlace.ENVELOPE, Side.RECIPIENT, mapped=message.mapped)
        address = await policy.rewrite(recipient.address, role, ask)
        if not message.mapped:
            return (recipient.at(address),)
        expansion = await policy.expand(recipient.at(address), ask)
        if expansion.error is not None:
            self.context.note(LogEvent.ALIAS_FAILED, queue_id=message.queue_id, reply=expansion.error)
            raise IntakeRefused(expansion.error)
        return expansion.recipients


def _origin(message: Message) -> Origin:
    if message.session is not None:
        return Origin.SMTP
    return Origin.COMMAND if message.user is not None else Origin.INTERNAL


def _author(address: str, name: str) -> str:
    """The value of From, with the sender's full name where that is known."""
    shown = external(address or "MAILER-DAEMON")
    if not name or not address:
        return shown
    if not _ATOMS.fullmatch(name):
        name = '"' + re.sub(r'(["\\\\])', r"\\\1", name) + '"'
    return f"{name} <{shown}>"


_ATOMS = re.compile(r"[\w!#$%&'*+/=?^`{|}~ -]+")  # a phrase that needs no quotes
_IDENTITIES = ("resent-message-id", "message-id")
# What is added where it is missing; of other fields it does not matter whether they are there.
_LOOKED_FOR = frozenset(
    prefix + name for prefix in ("", "resent-") for name in ("message-id", "date", "from", "to", "cc", "bcc")
)


def limits_of(site: Site) -> HeaderLimits:
    limits = site.limits
    return HeaderLimits(limits.header_size, limits.line_length, limits.header_tokens)
