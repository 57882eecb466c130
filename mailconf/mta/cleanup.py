"""Taking messages over, as cleanup(8) does: the `Intake` of the MTA.

On its way into the queue a message has its envelope and header addresses rewritten, headers that are missing added and
those that must not travel removed (postconf(5) message_drop_headers), its recipients expanded by virtual aliases,
blind copies added and duplicates removed. It is accepted when its entry in the queue is durable.

What restrictions asked for besides (access(5)) is done here too: HOLD, DISCARD, REDIRECT, BCC, PREPEND, FILTER.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import chain

from mailconf.model.address import external
from mailconf.model.policy import Place, Role, Side
from mailconf.model.site import Site
from mailconf.model.verdict import EffectKind, Reply
from mailconf.model.world import Ask, LookupFailed
from mailconf.mta.header_addresses import rewrite
from mailconf.mta.headers import RECIPIENTS, SENDERS, Fields, Header, HeaderLimits, set_off, shortened, split_message
from mailconf.mta.message import Context, IntakeRefused, Message, Recipient
from mailconf.mta.pace import Pace
from mailconf.mta.queue import Queue, QueueError
from mailconf.source import encode

TOO_MANY_HOPS = Reply.of(554, "5.4.0 Error: too many hops")
TOO_BIG = Reply.of(552, "5.3.4 Error: message file too big")
WRITE_ERROR = Reply.of(451, "4.3.0 Error: queue file write error")


class Cleanup:
    """The Intake over a `Queue`. ``queued`` gets the serial of every message that entered the active queue."""

    def __init__(self, context: Context, queue: Queue, queued: Callable[[int], None] = lambda serial: None) -> None:
        self.context = context
        self.queue = queue
        self.queued = queued

    def new_queue_id(self) -> str:
        return self.queue.new_id(self.context.world.now())

    async def accept(self, message: Message) -> None:
        """Returns once ``message`` is durable in the queue (or discarded, as it was asked); raises IntakeRefused.

        ``message`` is changed to what was queued.
        """
        effects = {kind: [e.argument for e in message.effects if e.kind is kind] for kind in EffectKind}
        self._check_size(message)
        try:
            await self._headers(message, effects[EffectKind.PREPEND])
            await self._envelope(message, effects[EffectKind.REDIRECT], effects[EffectKind.BCC])
        except LookupFailed as failure:
            self._warn(f"{message.queue_id}: {failure.table} lookup error -- message not accepted, try again later")
            raise IntakeRefused(WRITE_ERROR) from failure
        if effects[EffectKind.DISCARD]:
            return
        filters = effects[EffectKind.FILTER]
        hold = bool(effects[EffectKind.HOLD])
        try:
            serial = await self.queue.add(message, hold=hold, filter=filters[-1] if filters else "")
        except QueueError as error:
            self._warn(f"{message.queue_id}: {error}")
            raise IntakeRefused(WRITE_ERROR) from error
        if not hold:
            self.queued(serial)

    def _warn(self, text: str) -> None:
        self.context.log("cleanup", f"warning: {text}")

    def _check_size(self, message: Message) -> None:
        limit = self.context.policy.site.limits.message_size
        if limit and message.size > limit:
            self._warn(f"{message.queue_id}: queue file size limit exceeded")
            raise IntakeRefused(TOO_BIG)

    # Headers

    async def _headers(self, message: Message, prepend: list[str]) -> None:
        site = self.context.policy.site
        local = message.local
        limits = limits_of(site)
        fields = Fields(message.content, limits)
        own = [_received(message, site)] if message.session is None else []
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
            self._warn(f"{message.queue_id}: message rejected: hopcount exceeded")
            raise IntakeRefused(TOO_MANY_HOPS)
        if local or site.add_missing_headers:
            for header in await self._missing(message, present):
                put(header)
        for text in _message_ids(identities):
            self.context.log("cleanup", f"{message.queue_id}: {text}")
        message.content = bytes(out) + set_off(fields.rest)

    async def _rewritten(self, header: Header, message: Message, pace: Pace) -> Header:
        if header.key not in SENDERS and header.key not in RECIPIENTS:
            return header
        side = Side.SENDER if header.key in SENDERS else Side.RECIPIENT
        role = Role(Place.HEADER, side, local=bool(message.local))
        policy, world = self.context.policy, self.context.world

        async def change(address: str) -> str:
            await pace.step()
            return await policy.rewrite(address, role, Ask(world))

        def warn(text: str) -> None:
            self._warn(f"{message.queue_id}: {text}")

        return await rewrite(header, change, limits_of(policy.site), warn)

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
            author = await self.context.policy.rewrite(author, Role(Place.HEADER, Side.SENDER), Ask(self.context.world))
        add("From", external(author or "MAILER-DAEMON"))
        if site.undisclosed_recipients_header and not present & {f"{prefix}{n}".lower() for n in ("to", "cc", "bcc")}:
            headers_to, _ = split_message(encode(site.undisclosed_recipients_header))
            added += headers_to
        return added

    # Envelope

    async def _envelope(self, message: Message, redirect: list[str], bcc: list[str]) -> None:
        policy, ask = self.context.policy, Ask(self.context.world)
        if message.sender:
            message.sender = await policy.rewrite(message.sender, Role(Place.ENVELOPE, Side.SENDER), ask)
        wanted = [Recipient(r.address, r.original or r.address, r.orcpt, r.notify) for r in message.recipients]
        if redirect:
            wanted = [Recipient(redirect[-1], redirect[-1])]
        if message.session is not None:
            addresses = [recipient.address for recipient in wanted]
            copies = [*bcc, *await policy.bcc(message.sender, addresses, ask)]
            wanted += [Recipient(address, address, "", "NEVER") for address in copies if not redirect]
        message.recipients = []
        seen: set[tuple[str, str, str, str]] = set()
        pace = Pace()
        for recipient in wanted:
            await pace.step()
            for address in await self._expanded(message, recipient.address, Ask(self.context.world)):
                key = (address.lower(), recipient.original.lower(), recipient.orcpt, recipient.notify.upper())
                if key not in seen:
                    seen.add(key)
                    message.recipients.append(Recipient(address, recipient.original, recipient.orcpt, recipient.notify))

    async def _expanded(self, message: Message, address: str, ask: Ask) -> tuple[str, ...]:
        policy = self.context.policy
        address = await policy.rewrite(address, Role(Place.ENVELOPE, Side.RECIPIENT), ask)
        expansion = await policy.expand(address, ask)
        if expansion.error is not None:
            self._warn(f"{message.queue_id}: {expansion.error.text}; message not accepted")
            raise IntakeRefused(expansion.error)
        return expansion.recipients


def date(seconds: float) -> str:
    """RFC 5322 3.3, with the zone's name as Postfix adds it: ``Sun, 22 Nov 2026 13:55:05 +0000 (UTC)``."""
    t = time.localtime(seconds)
    offset = t.tm_gmtoff // 60
    sign = "-" if offset < 0 else "+"
    day = _DAYS[t.tm_wday]
    month = _MONTHS[t.tm_mon - 1]
    zone = f"{sign}{abs(offset) // 60:02d}{abs(offset) % 60:02d} ({t.tm_zone})"
    return f"{day}, {t.tm_mday} {month} {t.tm_year} {t.tm_hour:02d}:{t.tm_min:02d}:{t.tm_sec:02d} {zone}"


_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def _received(message: Message, site: Site) -> Header:
    """The trace field of mail that the MTA made itself."""
    text = f"Received: by {site.hostname.value} ({site.mail_name})\n\tid {message.queue_id}; {date(message.arrival)}"
    return Header("Received", encode(text))


_IDENTITIES = ("resent-message-id", "message-id")
# What is added where it is missing; of other fields it does not matter whether they are there.
_LOOKED_FOR = frozenset(
    prefix + name for prefix in ("", "resent-") for name in ("message-id", "date", "from", "to", "cc", "bcc")
)


def _message_ids(found: dict[str, str]) -> list[str]:
    """As the log shows them: a resent one first, ``<>`` without any."""
    resent = [f"resent-message-id={found['resent-message-id']}"] if "resent-message-id" in found else []
    return [*resent, f"message-id={found.get('message-id', '<>')}"]


def limits_of(site: Site) -> HeaderLimits:
    limits = site.limits
    return HeaderLimits(limits.header_size, limits.line_length, limits.header_tokens)
