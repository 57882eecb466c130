"""Lists of good and bad in the DNS (postconf(5) reject_rbl_client, permit_dnswl_client and their like)."""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

from mailconf.model.distinction import Distinction, Form, Key
from mailconf.model.world import LookupFailed
from mailconf.postfix.policy import checks, rule
from mailconf.postfix.policy.dns_lookup import Lookup, LookupStatus, lookup
from mailconf.postfix.policy.evaluation import (
    CLIENT,
    DUNNO,
    PERMIT,
    UNAVAILABLE,
    Asked,
    Decision,
    Evaluation,
    split_status,
)
from mailconf.postfix.policy.evaluation import Listed as Answered
from mailconf.postfix.policy.reply_templates import rbl_reply, rbl_values, refusal_of
from mailconf.postfix.policy.rule import Reach
from mailconf.postfix.policy.servers import DIMENSIONS, about_whom
from mailconf.postfix.settings.answer_pattern import AnswerPattern
from mailconf.postfix.settings.hostnames import valid_hostname
from mailconf.tables.restriction_words import ARGUMENTS, ArgumentKind

_LONGEST_TEXT = 500
_UNPRINTABLE = dict.fromkeys((*range(32), 127, *range(0xDC80, 0xDD00)), " ")


@dataclass(slots=True, eq=False, repr=False)
class Listed:
    """What ``act`` makes of a client address ("address") or a name (`about_whom`) that a zone of the DNS lists.

    parameter  the zone; it may end in ``=pattern``: only answers that match count (``127.0.0.[2..4;9]``)
    """

    parameter: str
    who: str
    act: Act
    zone: str
    pattern: AnswerPattern

    @classmethod
    def of(cls, parameter: str, word: str) -> Listed:
        """The restriction ``word`` with its zone."""
        zone, equals, pattern = parameter.partition("=")
        return cls(parameter, ARGUMENTS[word].about, ACTS[word], zone, AnswerPattern.parse(pattern if equals else None))

    async def evaluate(self, ev: Evaluation, subject: Asked) -> Decision:
        if self.act is permit_listed and ev.where == "RCPT" and ev.recipient is not None:
            # Nobody relays because he is on a list.
            status = await checks.permit_auth_destination(ev, subject)
            if status is not PERMIT:
                return status
        query, about = self._question(ev)
        if not query:
            return DUNNO
        name = f"{query}.{self.zone}"
        found, reason = await _asked_once(ev, name)
        if self.pattern.problem:
            return ev.server_error(f"RBL reply error: {self.pattern.problem}")
        if found.status is LookupStatus.OK and not any(map(self.pattern.accepts, found.values)):
            return DUNNO
        if found.status is not LookupStatus.OK:
            return self._without(ev, found, about)
        return await self.act(ev, Listing(self.zone, about, reason, self.parameter))

    def _question(self, ev: Evaluation) -> tuple[str, Asked]:
        """What is put before the zone, "" for nothing that it lists; and whom a reply is about."""
        if self.who == "address":
            address = ev.session.client_address
            return reversed_address(address), Asked(address, CLIENT)
        name, about = about_whom(ev, self.who)
        if self.who == "client":
            about = Asked(name, CLIENT)
        domain = name.rpartition("@")[2]
        if domain.startswith("[") or domain.rpartition(".")[2].isdigit():
            return "", about
        return (domain if valid_hostname(domain) or not domain.isascii() else ""), about

    def _without(self, ev: Evaluation, found: Lookup, about: Asked) -> Decision:
        """A list that cannot be asked refuses nobody; it may have permitted somebody."""
        if self.act is permit_listed and found.status is not LookupStatus.NOT_FOUND:
            ev.defer_rejection(450, "4.7.1", f"<{about.name}>: {about.what} rejected: Service unavailable")
        return DUNNO

    def distinguishes(self, reach: Reach) -> Iterator[Distinction]:
        dimension = DIMENSIONS[self.who]
        key = Key.REVERSED if self.who == "address" else Key.DOMAIN
        yield Distinction("", dimension, Form.DNS, self.zone, (key,), exact=False, records=("A", "TXT"))
        yield from rule.dns_filter(reach)
        if self.act is permit_listed:
            yield from rule.recipient_class(reach)
            return
        replies, fixed = reach.settings.rbl_replies, (self.parameter, self.zone)
        yield from replies.distinguishes("rbl_reply_maps", dimension, (Key.FIXED,), fixed=fixed)


class Listing:
    """An entry that was found: the zone, who is listed, and the reason that the zone gives."""

    def __init__(self, zone: str, about: Asked, reason: str, parameter: str) -> None:
        self.zone = zone
        self.about = about
        self.reason = reason
        self.parameter = parameter


Act = Callable[[Evaluation, Listing], Awaitable[Decision]]


async def _asked_once(ev: Evaluation, name: str) -> Answered:
    """What the DNS has under ``name``, asked for once in an evaluation."""
    known = ev.listed.get(name)
    if known is None:
        found = await lookup(ev, name, "A")
        if found.status not in (LookupStatus.OK, LookupStatus.NOT_FOUND):
            ev.warn_of(f"{name}: RBL lookup error: {found.why}")
        reason = await _reason(ev, name) if found.status is LookupStatus.OK else ""
        known = ev.listed[name] = Answered(found, reason)
    return known


async def _reason(ev: Evaluation, name: str) -> str:
    """The texts of an entry, one after the other; a bounded length of them."""
    texts = await lookup(ev, name, "TXT")
    if texts.status is LookupStatus.FILTERED:
        ev.warn_of(f"{name}: TXT lookup error: DNS reply filter drops all results")
    found = ""
    for number, text in enumerate(texts.values):
        found += text.translate(_UNPRINTABLE)[: _LONGEST_TEXT - len(found)]
        left = _LONGEST_TEXT - len(found)
        if left <= 0:
            break
        if number + 1 < len(texts.values) and left > 3:
            found += " / "
    return found


async def refuse_listed(ev: Evaluation, listing: Listing) -> Decision:
    """reject_rbl_client and its like, with rbl_reply_maps' or default_rbl_reply's reply if that is one that refuses."""
    try:
        answer = await ev.settings.rbl_replies.find(ev.ask, listing.parameter)
        if answer is None and ev.settings.rbl_replies_of_zones and listing.zone != listing.parameter:
            answer = await ev.settings.rbl_replies.find(ev.ask, listing.zone)
    except LookupFailed:
        return ev.server_error()
    template = answer.value if answer else ev.settings.default_rbl_reply
    about = listing.about
    values = rbl_values(ev, domain=listing.zone, reason=listing.reason, what=about.name, about=about.what)
    text = rbl_reply(ev, template, values, listing.parameter)
    if text is None:
        return ev.server_error()
    found = refusal_of(text)
    if found is None:
        ev.warn_of(f"rbl response code configuration error: {text}")
        return ev.refuse(*UNAVAILABLE)
    status, rest = split_status(found[1].lstrip(" \t"), "4.7.1")
    return ev.refuse(found[0], ev.fitting(status, about.what), rest or UNAVAILABLE.text)


async def permit_listed(ev: Evaluation, listing: Listing) -> Decision:
    """permit_dnswl_client and similar."""
    return PERMIT


def reversed_address(address: str) -> str:
    """The octets or nibbles of an address in the order of DNS names."""
    try:
        name = ipaddress.ip_address(address).reverse_pointer
    except ValueError:
        return ".".join(reversed([part for part in address.split(".") if part]))
    return name.removesuffix(".in-addr.arpa").removesuffix(".ip6.arpa")


# What a listing does.
ACTS: dict[str, Act] = {
    word: permit_listed if word.startswith("permit_") else refuse_listed
    for word, argument in ARGUMENTS.items()
    if argument.kind is ArgumentKind.ZONE
}
