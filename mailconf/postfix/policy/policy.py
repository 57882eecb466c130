"""`PostfixPolicy`: a Postfix configuration as the Policy of the model. It puts the parts together, no more.

smtpd.py answers the SMTP commands, rewrite.py and aliasing.py do cleanup(8)'s work, resolve.py trivial-rewrite(8)'s,
local.py local(8)'s and virtual(8)'s.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from mailconf.diagnostics import Code, Sink
from mailconf.edits import Fix, comment_moved
from mailconf.model.distinction import Dimension, Distinction, Key, Values
from mailconf.model.filtering import NO_FILTERS, Filtering
from mailconf.model.policy import Kept, Privilege, Role
from mailconf.model.recipient import Recipient, RecipientKind
from mailconf.model.security import HopAgreed, HopAsked, HopSecurity
from mailconf.model.session import Session
from mailconf.model.site import Service, Site
from mailconf.model.transport import AgentKind
from mailconf.model.verdict import Deliveries, Expansion, Inspection, Reply, Route
from mailconf.model.world import Ask, Records
from mailconf.postfix.policy.aliasing import Aliasing
from mailconf.postfix.policy.codes import PF206, PF229, PF250
from mailconf.postfix.policy.content_checks import ContentChecks, of_session
from mailconf.postfix.policy.dns_filter import DnsFilter
from mailconf.postfix.policy.field_checks import FieldChecks
from mailconf.postfix.policy.filter_lists import FilterLists
from mailconf.postfix.policy.hop_security import HopSecurities
from mailconf.postfix.policy.local import Local, with_headers
from mailconf.postfix.policy.resolve import Resolver
from mailconf.postfix.policy.rewrite import Rewriter
from mailconf.postfix.policy.screening import PostfixScreener
from mailconf.postfix.policy.smtpd import PostfixSession, Smtpd
from mailconf.postfix.policy.smtpd_settings import Settings
from mailconf.postfix.settings.classes import IGNORED, Domains
from mailconf.postfix.settings.configuration import Configuration
from mailconf.postfix.settings.filters import has_filters
from mailconf.postfix.settings.site import site_of
from mailconf.postfix.settings.transports import AGENTS, MAILBOX_HEADERS
from mailconf.postfix.text.words import split_words
from mailconf.smtp.host_addresses import valid_ipv6
from mailconf.source import Span


class _Agent(NamedTuple):
    """What decides for a delivery agent: smtp(8) and lmtp(8) rewrite and filter, local(8) and virtual(8) find
    deliveries.
    """

    rewriter: Rewriter
    local: Local
    filters: Mapping[AgentKind | None, DnsFilter]
    securities: Mapping[AgentKind | None, HopSecurities]


def _agent_of(domains: Domains, rewriter: Rewriter, resolver: Resolver) -> _Agent:
    filters: dict[AgentKind | None, DnsFilter] = {
        AgentKind.SMTP: DnsFilter("smtp_dns_reply_filter", domains.tables("smtp_dns_reply_filter")),
        AgentKind.LMTP: DnsFilter("lmtp_dns_reply_filter", domains.tables("lmtp_dns_reply_filter")),
    }
    securities: dict[AgentKind | None, HopSecurities] = {
        AgentKind.SMTP: HopSecurities(domains, "smtp"),
        AgentKind.LMTP: HopSecurities(domains, "lmtp"),
    }
    return _Agent(rewriter, Local(domains, rewriter, resolver), filters, securities)


class PostfixPolicy:
    """See `mailconf.model.policy.Policy`. ``service`` is the smtpd of master.cf whose ``-o`` overrides hold."""

    site: Site

    def __init__(
        self,
        configuration: Configuration,
        service: Service | None = None,
        sink: Sink | None = None,
        site: Site | None = None,
    ) -> None:
        sink = Sink() if sink is None else sink
        seen = configuration if service is None else configuration.for_service(service)
        self.site = site_of(seen) if site is None else site
        self._domains = domains = Domains(seen, telling(seen, sink))
        self.rewriter = Rewriter(domains)
        self.resolver = Resolver(domains, self.rewriter)
        self.aliasing = Aliasing(domains, self.rewriter)
        self._checks = ContentChecks.of_service(seen)
        self._fields = FieldChecks(seen)
        self._filters = FilterLists(domains, service) if has_filters(seen) else None
        self._seen = seen
        self._common = _agent_of(domains, self.rewriter, self.resolver)
        self._agents: dict[str, _Agent] = {}
        self._prober: Resolver | None = None
        self._sent: dict[str, ContentChecks | None] = {}
        front = service.front if service is not None else None
        self.screener = None if front is None else PostfixScreener(configuration.for_service(front))
        self.smtpd = Smtpd(seen, Settings(domains, self.rewriter, self.resolver), sink)

    def check_service(self, view: Configuration, service: Service, sink: Sink) -> None:
        """Report what is wrong with the lists that ``service``, which sees ``view``, has of its own.

        Much sooner done than compiling its Policy.
        """
        self._domains.check_changed(view, telling(view, sink))
        self.smtpd.check_changed(view, service.overrides, sink)

    def begin(self, session: Session) -> PostfixSession:
        return PostfixSession(self.smtpd, session)

    def distinguishes(self, values: Values = lambda table: ()) -> Iterator[Distinction]:
        if self.screener is not None:
            yield from self.screener.distinguishes()
        yield from self.smtpd.distinguishes(values)
        yield from self.rewriter.distinguishes()
        yield from self.aliasing.distinguishes()
        yield from self._checks.distinguishes()
        if self._filters is not None:
            yield from self._filters.distinguishes()
        yield from self.resolver.distinguishes(Dimension.RECIPIENT, Dimension.SENDER, exact=False)
        for name, transport in self.site.transports.items():
            agent = self._agent(name)
            yield from agent.rewriter.distinguishes_outgoing(transport.agent)
            if transport.agent in agent.filters:
                parameter, tables = agent.filters[transport.agent]
                yield from tables.distinguishes(parameter, Dimension.ANSWER, (Key.WHOLE,), exact=False)
            if transport.agent is AgentKind.MAILBOX:
                yield from agent.local.distinguishes()

    def agent(self, transport: str) -> AgentKind | None:
        known = self.site.transports.get(transport)
        return AGENTS.get(transport) if known is None else known.agent

    async def may(self, session: Session, privilege: Privilege, ask: Ask) -> bool:
        return await self.smtpd.privileges.may(session, privilege, ask)

    async def worded(self, session: Session, reply: Reply, ask: Ask) -> Reply:
        return await self.smtpd.worded(session, reply, ask)

    async def inspect(self, session: Session, content: bytes, ask: Ask) -> Inspection:
        if not self._checks:
            return Inspection(None, (), content, (), ask.trace)
        return await self._checks.inspect(content, ask, of_session(session))

    async def filters(self, session: Session, ask: Ask) -> Filtering:
        return NO_FILTERS if self._filters is None else await self._filters.of(session, ask)

    async def inspect_field(self, session: Session, field: bytes, ask: Ask) -> Inspection:
        return await self._fields.inspect(field, ask, of_session(session))

    async def inspect_sent(self, transport: str, content: bytes, ask: Ask) -> Inspection:
        if transport not in self._sent:
            prefix = _CLIENTS.get(self.agent(transport))
            view = self._view(transport) or self._seen
            self._sent[transport] = ContentChecks(view, prefix=prefix) if prefix else None
        checks = self._sent[transport]
        return await checks.inspect(content, ask) if checks else Inspection(None, (), content, (), ask.trace)

    async def rewrite(self, address: str, role: Role, ask: Ask) -> str:
        if not role.transport:
            return await self.rewriter.rewrite(address, role, ask)
        return await self._agent(role.transport).rewriter.outgoing(address, self.agent(role.transport), ask)

    async def expand(self, recipient: Recipient, ask: Ask) -> Expansion:
        return await self.aliasing.expand(recipient, ask)

    async def bcc(self, sender: str, recipients: list[str], ask: Ask) -> list[str]:
        return await self.aliasing.bcc(sender, recipients, ask)

    async def resolve(
        self, recipient: str, ask: Ask, *, sender: str = "", kind: RecipientKind = RecipientKind.ADDRESS
    ) -> Route:
        return await self.resolver.route(recipient, ask, sender)

    async def probe(self, recipient: str, ask: Ask, *, sender: str = "") -> Route:
        if self._prober is None:
            self._prober = self._resolver_of_probes()
        return await self._prober.route(recipient, ask, sender)

    def _resolver_of_probes(self) -> Resolver:
        """With the transports and hosts for probes in the place of those for mail (postconf(5) address_verify_*)."""
        seen = self._seen
        own = {name.removeprefix(_OF_PROBES): seen.value(name) for name in _PROBE_PARAMETERS if seen.is_known(name)}
        if all(value == seen.value(name) for name, value in own.items()):
            return self.resolver
        service = Service("verify", "unix", "verify", overrides={k: v.replace("$", "$$") for k, v in own.items()})
        domains = Domains(seen.for_service(service), lambda name, text: None)
        return Resolver(domains, Rewriter(domains))

    async def keep(self, transport: str, name: str, kind: str, records: Records, ask: Ask) -> Kept:
        agent = self.agent(transport)
        filters = self._agent(transport).filters
        return await filters[agent].keep(ask, name, kind, records) if agent in filters else Kept(records)

    async def security(self, asked: HopAsked, ask: Ask) -> HopSecurity:
        agent = self.agent(asked.transport)
        securities = self._agent(asked.transport).securities
        return await securities[agent].of(asked, ask) if agent in securities else HopSecurity()

    async def agreed(self, asked: HopAsked, found: Session | None, recipients: Sequence[str], ask: Ask) -> HopAgreed:
        """Its levels say all beforehand."""
        return HopAgreed()

    async def deliver(
        self, route: Route, ask: Ask, *, sender: str = "", recipient: Recipient | None = None
    ) -> Deliveries:
        found = await self._agent(route.transport).local.deliver(route, ask)
        transport = self.site.transports.get(route.transport)
        names = MAILBOX_HEADERS if transport is None else transport.headers
        named = Recipient(route.recipient) if recipient is None else recipient
        return found._replace(items=tuple(with_headers(item, names, sender, named) for item in found.items))

    def _agent(self, transport: str) -> _Agent:
        """The agent of a transport as its service sees the configuration: with what ``-o`` sets in master.cf."""
        if transport not in self._agents:
            view = self._view(transport)
            if view is None:
                return self._common
            domains = Domains(view, lambda name, text: None)
            self._agents[transport] = _agent_of(domains, Rewriter(domains), self.resolver)
        return self._agents[transport]

    def _view(self, transport: str) -> Configuration | None:
        """What the service of a transport sees, where ``-o`` sets something for it."""
        known = self.site.transports.get(transport)
        if known is None or not known.overrides:
            return None
        service = next(s for s in self._seen.services if s.name == transport and s.kind == "unix")
        return self._seen.for_service(service)


# How the parameters begin that have what leaves by an agent looked at: smtp_header_checks, lmtp_body_checks, ...
_CLIENTS: Mapping[AgentKind | None, str] = {AgentKind.SMTP: "smtp_", AgentKind.LMTP: "lmtp_"}
_OF_PROBES = "address_verify_"
_PROBE_PARAMETERS = (
    "address_verify_default_transport",
    "address_verify_local_transport",
    "address_verify_relay_transport",
    "address_verify_relayhost",
    "address_verify_sender_dependent_default_transport_maps",
    "address_verify_sender_dependent_relayhost_maps",
    "address_verify_transport_maps",
    "address_verify_virtual_transport",
)
_OPENED = re.compile(r"open file (.*): [^:]*\Z", re.DOTALL)
_IN_LIST = re.compile(r"(?<=[\s,])#")
_QUOTED = re.compile(r'"([^"]+)"')
_LONGEST = 20_000  # characters of a list in which a fix is looked for
_FATAL = ("open dictionary: expecting", "no pattern after", "read file ")


def telling(configuration: Configuration, sink: Sink) -> Callable[[str, str], None]:
    """What reports a mistake in a pattern list: it takes the parameter and what its `PatternList` says."""

    def tell(name: str, text: str) -> None:
        opened = _OPENED.match(text)
        if opened and not configuration.root.covers(opened[1]):
            return
        hint, code = _hint(name, text), PF206
        if text.startswith(IGNORED.format("")):
            hint, code = "what follows # is ignored; put the comment on a line of its own", PF229
        elif text.startswith(_FATAL):
            code = PF250
        fix = _list_fix(configuration, name, code)
        sink.report(code, f"{name}: {text}", _list_place(configuration, name, text, code), hint=hint, fix=fix)

    return tell


def _list_place(configuration: Configuration, name: str, text: str, code: Code) -> Span | None:
    """The word of the list that ``text`` quotes, or the comment in it, if it is written there; else the list."""
    raw = configuration.raw(name)
    if configuration.is_set(name) and len(raw) <= _LONGEST:
        quoted = _QUOTED.search(text)
        found = _IN_LIST.search(raw) if code is PF229 else re.search(re.escape(quoted[1]), raw) if quoted else None
        if found is not None:
            return configuration.place(name, found.start(), len(raw.rstrip()) if code is PF229 else found.end())
    return configuration.place(name)


def _list_fix(configuration: Configuration, name: str, code: Code) -> Fix:
    """The edits for a comment in a list, and for the only IPv6 address in it whose brackets are not whole."""
    raw = configuration.raw(name)
    if not configuration.is_set(name) or len(raw) > _LONGEST:
        return ()
    found = _IN_LIST.search(raw)
    if code is PF229:
        return comment_moved(configuration.value_span(name, found.start(), found.end())) if found else ()
    words = [word.text for word in split_words(raw) if word.text[:1] not in ("/", "!") and word.text.count(":") > 1]
    broken = [(word, better) for word in words if (better := _in_brackets(word)) != word]
    return configuration.swapped(name, *broken[0]) if len(broken) == 1 else ()


def _in_brackets(word: str) -> str:
    """An IPv6 address, or network, as a list takes it; another word as it is."""
    address, slash, bits = word.replace("[", "").replace("]", "").partition("/")
    return f"[{address}]{slash}{bits}" if valid_ipv6(address) else word


def _hint(name: str, text: str) -> str:
    """What to do about a pattern that ``text`` complains of."""
    opened = _OPENED.match(text)
    if opened:
        return f"create {opened[1]}, or take it out of {name}; until then Postfix answers 451"
    if text.startswith(_FATAL):
        return "write an IPv6 address in brackets, a table as type:name, and a pattern after each !"
    if "perhaps you should use" in text:
        return "write the network that the message names"
    if "missing ']'" in text:
        return "write the address in brackets, as in [2001:db8::1] or [2001:db8::]/32"
    if "without end" in text:
        return "take the file out of the files that it names"
    return "write an address or a network: 192.0.2.1, 192.0.2.0/24, [2001:db8::1], [2001:db8::]/32"


def compile_policy(
    configuration: Configuration, sink: Sink, service: Service | None = None, *, site: Site | None = None
) -> PostfixPolicy:
    """The Policy of ``configuration``; what is wrong in it goes to ``sink``, and the Policy answers all the same.

    site  what `site_of` made of the configuration, where the caller has it
    """
    return PostfixPolicy(configuration, service, sink, site)
