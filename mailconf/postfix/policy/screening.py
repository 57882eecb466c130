"""Which clients postscreen(8) tests, and what lists in the DNS make of them (postscreen(8), POSTSCREEN_README).

postscreen_access_list is a list of its own kind: ``permit_mynetworks``, ``permit``, ``reject``, ``dunno``, and tables
whose values are such words. What is none of them, or a table that cannot be asked, ends the list. Recorded from
Postfix 3.7.11 (tests/vectors/screen.jsonl).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mailconf.model.distinction import Dimension, Distinction, Form, Key
from mailconf.model.screening import Access, Listing, Rank, Standing
from mailconf.model.session import Session
from mailconf.model.verdict import Reply
from mailconf.model.world import Ask, LookupFailed, Outcome
from mailconf.postfix.policy.listings import reversed_address
from mailconf.postfix.policy.reply_templates import allowed_characters, filled, softened, with_footer
from mailconf.postfix.settings.configuration import Configuration
from mailconf.postfix.settings.lists import ListKind, PatternList
from mailconf.postfix.settings.lookup import Tables
from mailconf.postfix.settings.screening import screening, sites
from mailconf.postfix.text.expand import MacroError
from mailconf.postfix.text.words import split_words
from mailconf.smtp.screening_postfix import words

_LIST = "postscreen_access_list"
_SITES = "postscreen_dnsbl_sites"
_RESULTS = {Access.ALLOWED: "permit", Access.DENIED: "reject", Access.UNDECIDED: "dunno"}
_MY_NETWORKS, _DUNNO = "permit_mynetworks", "dunno"
_WORDS = {"permit": Access.ALLOWED, "reject": Access.DENIED}
_IGNORED = "ignoring the remainder of this access list"
_LEFT_OUT = "ignoring remainder of access list"


class PostfixScreener:
    """See `mailconf.model.screening.Screener`. ``seen`` is the configuration as the service sees it."""

    def __init__(self, seen: Configuration) -> None:
        self._seen = c = seen
        default_type = c.value("default_database_type")
        self._sites = [site for site in sites(c) if not site.problem]
        self.words = words
        self.screening = screening(c, bool(self._sites))
        self._words = [word.text for word in split_words(c.value(_LIST))]
        self._networks = PatternList.compile(
            "mynetworks",
            c.value("mynetworks"),
            ListKind.HOST,
            parents="mynetworks" in c.list_words("parent_domain_matches_subdomains"),
            read=c.read_list,
        )
        self._shown = Tables.of(c.value("postscreen_dnsbl_reply_map"), default_type)
        self._withheld_maps = Tables.of(c.value("postscreen_discard_ehlo_keyword_address_maps"), default_type)
        self._footer = _raw(c, "postscreen_reject_footer", "smtpd_reject_footer")
        self._footers = Tables.of(c.value("postscreen_reject_footer_maps"), default_type)
        self._plain = allowed_characters(_raw(c, "postscreen_expansion_filter", "smtpd_expansion_filter"))
        self._replacing = Tables.of(c.value("postscreen_command_filter"), default_type)
        self._soft = c.boolean("soft_bounce")
        self._longest = c.seconds("postscreen_dnsbl_max_ttl")
        self._shortest = c.seconds("postscreen_dnsbl_min_ttl")

    @property
    def zones(self) -> Sequence[str]:
        return tuple(dict.fromkeys(site.zone for site in self._sites))

    async def standing(self, address: str, ask: Ask) -> Standing:
        notes: list[str] = []
        with ask.trace.step(_LIST, address, self._seen.span(_LIST)) as step:
            found = await self._evaluate(self._words, _LIST, address, ask, notes)
            step.result = _RESULTS[found]
        return Standing(found, tuple(notes), _LIST)

    async def _evaluate(
        self, words: Sequence[str], origin: str, address: str, ask: Ask, notes: list[str], *, inner: bool = False
    ) -> Access:
        """``inner``: the words are a table's value, in which no table may be."""
        for word in words:
            plain = word.lower()
            if ":" in word and inner:
                notes.append(f'warning: table {origin}: lookup result "{word}" is not allowed -- {_LEFT_OUT}')
                return Access.UNDECIDED
            if ":" in word:
                try:
                    value = await self._value(word, address, ask)
                except LookupFailed:
                    notes.append(f"warning: {origin}: {word}: table lookup error -- {_IGNORED}")
                    return Access.UNDECIDED
                if value is None:
                    continue
                values = [each.text for each in split_words(value)]
                found = await self._evaluate(values, word, address, ask, notes, inner=True)
                if found is not Access.UNDECIDED:
                    return found
            elif plain == _MY_NETWORKS:
                try:
                    if await self._networks.match_host(ask, "", address):
                        return Access.ALLOWED
                except LookupFailed:
                    notes.append(f"warning: {origin}: {word}: mynetworks lookup error -- {_IGNORED}")
                    return Access.UNDECIDED
            elif plain in _WORDS:
                return _WORDS[plain]
            elif plain != _DUNNO:
                notes.append(f"warning: {origin}: unknown command: {word} -- {_IGNORED}")
                return Access.UNDECIDED
            else:
                return Access.UNDECIDED
        return Access.UNDECIDED

    async def _value(self, table: str, address: str, ask: Ask) -> str | None:
        """Raises LookupFailed."""
        answer = await ask.lookup(table, address)
        if answer.failed:
            raise LookupFailed(table, answer.reason)
        return answer.value if answer.found else None

    async def listing(self, zone: str, address: str, ask: Ask) -> Listing:
        name = f"{reversed_address(address)}.{zone}"
        records = await ask.dns(name, "A")
        if records.outcome is not Outcome.FOUND:
            return Listing(zone, name, failed=records.outcome is Outcome.FAILED)
        return Listing(zone, name, records.values, records.ttl)

    async def rank(self, listings: Sequence[Listing], ask: Ask) -> Rank:
        """Each pattern of a site counts once, however many answers it has."""
        by_zone = {listing.zone: listing for listing in listings}
        score, worst, zone = 0, 0, ""
        for site in self._sites:
            listing = by_zone.get(site.zone)
            if listing is None or not any(map(site.pattern.accepts, listing.answers)):
                continue
            score += site.weight
            if site.weight > worst:
                worst, zone = site.weight, site.zone
        ask.trace.add(_SITES, "", f"rank {score}" if score else "not found", self._seen.span(_SITES))
        return Rank(score, await self._named(zone, ask), self._seconds(listings), _SITES)

    async def _named(self, zone: str, ask: Ask) -> str:
        """What clients are told that the list is called."""
        try:
            found = await self._shown.find(ask, zone)
        except LookupFailed:
            return zone
        return zone if found is None else found.value

    def _seconds(self, listings: Sequence[Listing]) -> float:
        """The shortest time for which an answer holds; that of an absence is not known, and the least."""
        times = [0.0 if each.ttl is None else float(each.ttl) for each in listings]
        return max(self._shortest, min([self._longest, *times]))

    async def withheld(self, address: str, ask: Ask) -> frozenset[str] | None:
        found = await self._withheld_maps.find(ask, address)
        return None if found is None else frozenset(found.value.lower().replace(",", " ").split())

    async def replaced(self, line: str, ask: Ask) -> str | None:
        try:
            found = await self._replacing.find(ask, line)
        except LookupFailed:
            return None
        return None if found is None else found.value

    async def worded(self, session: Session, reply: Reply, ask: Ask) -> Reply:
        if reply.code < 400:
            return reply
        return self.softened(Reply.of(reply.code, *await self._with_footer(session, reply, ask)))

    def softened(self, reply: Reply) -> Reply:
        return softened(reply) if self._soft else reply

    async def _with_footer(self, session: Session, reply: Reply, ask: Ask) -> tuple[str, ...]:
        footer = self._footer
        try:
            found = await self._footers.find(ask, f"{reply.code} {reply.text}")
            footer = found.value if found else footer
            text = filled(footer, self._values(session), self._plain) if footer else ""
        except (LookupFailed, MacroError):
            return reply.lines
        return with_footer(reply.text, text) if text else reply.lines

    def _values(self, session: Session) -> dict[str, str]:
        return {
            "client": f"unknown[{session.client_address}]",
            "client_address": session.client_address,
            "client_name": "unknown",
            "client_port": session.client_port,
            "helo_name": session.helo or "",
            "server_name": self._seen.value("myhostname"),
            "sender": session.sender or "",
            "recipient": session.recipient or "",
        }

    def distinguishes(self) -> Iterator[Distinction]:
        """What the answers look at."""
        span = self._seen.span(_LIST)
        for word in self._words:
            if ":" in word:
                table = Tables.of(word, "")
                yield from table.distinguishes(_LIST, Dimension.CLIENT, (Key.WHOLE,), exact=False, span=span)
            elif word.lower() == _MY_NETWORKS:
                yield from self._networks.distinguishes(Dimension.NAME, Dimension.CLIENT)
        for zone in self.zones:
            place = self._seen.span(_SITES)
            yield Distinction(
                _SITES, Dimension.CLIENT, Form.DNS, zone, (Key.REVERSED,), exact=False, records=("A",), span=place
            )
        fixed = tuple(self.zones)
        yield from self._shown.distinguishes(
            "postscreen_dnsbl_reply_map", Dimension.CLIENT, (Key.FIXED,), exact=False, fixed=fixed
        )
        withheld = "postscreen_discard_ehlo_keyword_address_maps"
        yield from self._withheld_maps.distinguishes(withheld, Dimension.CLIENT, (Key.WHOLE,))
        yield from self._footers.distinguishes("postscreen_reject_footer_maps", Dimension.REPLY, (Key.WHOLE,))


def _raw(c: Configuration, name: str, instead: str) -> str:
    """A parameter as it is written, or the one that is its default."""
    text = c.raw(name)
    return c.raw(instead) if text == f"${instead}" else text
