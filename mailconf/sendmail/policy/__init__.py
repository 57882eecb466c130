"""`SendmailPolicy`: a sendmail.cf as the Policy of the model.

session.py answers the SMTP commands, with session_*.py: macros, parameters, what EHLO offers, the content;
session_recipients.py is what a session asks of the recipients' side. settings.py reads the options.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from copy import copy

from mailconf.model.distinction import Distinction, Values
from mailconf.model.filtering import Filtering
from mailconf.model.policy import Kept, Privilege, Role
from mailconf.model.recipient import Recipient, RecipientKind
from mailconf.model.security import HopAgreed, HopAsked, HopSecurity, ServerTls
from mailconf.model.session import Session
from mailconf.model.site import Site
from mailconf.model.transport import AgentKind
from mailconf.model.verdict import Deliveries, Expansion, Inspection, Reply, Route
from mailconf.model.world import Ask, Records, run
from mailconf.sendmail.policy import deliveries, hops
from mailconf.sendmail.policy.filters import filtering_of
from mailconf.sendmail.policy.recipients_world import RecipientsWorld
from mailconf.sendmail.policy.session import SendmailSession
from mailconf.sendmail.policy.settings import Compiled
from mailconf.sendmail.rules.book import Rulebook
from mailconf.sendmail.rules.problems import CfProblem, Problems
from mailconf.sendmail.rules.run import Engine
from mailconf.source import Source


class SendmailPolicy:
    """See `mailconf.model.policy.Policy`.

    book   the configuration
    files  answers what is in files, and who the users are
    source the text of the .cf, where traces are to have the rules that decide
    hear   takes what is wrong with maps when they are opened
    """

    site: Site
    screener = None

    def __init__(
        self,
        book: Rulebook,
        files: RecipientsWorld,
        source: Source | None = None,
        hear: Callable[[CfProblem], object] = lambda problem: None,
    ) -> None:
        self.compiled = Compiled(book, files, source)
        self.site = self.compiled.site
        self._filtering = filtering_of(self.compiled.settings)
        self._valid = [map_ for map_ in book.maps.values() if map_.valid]
        self._open_maps(Problems(hear))

    @property
    def hostname(self) -> str:
        return self.compiled.hostname

    def begin(self, session: Session) -> SendmailSession:
        """As a process of its own would: maps that could not be opened are tried again."""
        self._open_maps(Problems(lambda problem: None))
        return SendmailSession(self.compiled, session)

    def wrapped(self) -> SendmailPolicy:
        """The same for clients whose connections begin with TLS."""
        found = copy(self)
        found.compiled = copy(self.compiled)
        found.site = found.compiled.site = copy(self.site)
        found.site.tls = (found.site.tls or ServerTls(any=True))._replace(wrapper=True)
        return found

    def _open_maps(self, problems: Problems) -> None:
        """Open what is not open; aliases are read when they are needed."""
        engine = None
        for map_ in self._valid:
            if map_.alias or (map_.open and not map_.broken and map_.valid):
                continue
            map_.valid, map_.open, map_.broken = True, False, False
            engine = engine or Engine(self.compiled.book, self.compiled.files, problems=problems)
            run(engine.open_map(map_))

    def distinguishes(self, values: Values = lambda table: ()) -> Iterator[Distinction]:
        from mailconf.sendmail.policy.distinctions import distinctions

        yield from distinctions(self.compiled)

    def agent(self, transport: str) -> AgentKind | None:
        known = self.site.transports.get(transport)
        return None if known is None else known.agent

    async def may(self, session: Session, privilege: Privilege, ask: Ask) -> bool:
        """None of these exists here; header addresses without a domain are always local ones."""
        return privilege is Privilege.LOCAL_HEADERS

    async def worded(self, session: Session, reply: Reply, ask: Ask) -> Reply:
        return reply

    async def filters(self, session: Session, ask: Ask) -> Filtering:
        return self._filtering

    async def inspect(self, session: Session, content: bytes, ask: Ask) -> Inspection:
        """Its rulesets for fields were asked at the end of data."""
        return Inspection(None, (), content, (), ask.trace)

    async def inspect_field(self, session: Session, field: bytes, ask: Ask) -> Inspection:
        return Inspection(None, (), field, (), ask.trace)

    async def inspect_sent(self, transport: str, content: bytes, ask: Ask) -> Inspection:
        """There is nothing of the kind."""
        return Inspection(None, (), content, (), ask.trace)

    async def rewrite(self, address: str, role: Role, ask: Ask) -> str:
        return await deliveries.rewrite(self.compiled, address, role, ask)

    async def expand(self, recipient: Recipient, ask: Ask) -> Expansion:
        return await deliveries.expand(self.compiled, recipient, ask)

    async def bcc(self, sender: str, recipients: list[str], ask: Ask) -> list[str]:
        return []

    async def resolve(
        self, recipient: str, ask: Ask, *, sender: str = "", kind: RecipientKind = RecipientKind.ADDRESS
    ) -> Route:
        return await deliveries.resolve(self.compiled, recipient, ask, kind)

    async def probe(self, recipient: str, ask: Ask, *, sender: str = "") -> Route:
        return await self.resolve(recipient, ask, sender=sender)

    async def security(self, asked: HopAsked, ask: Ask) -> HopSecurity:
        return await hops.security(self.compiled, asked, ask)

    async def agreed(self, asked: HopAsked, found: Session | None, recipients: Sequence[str], ask: Ask) -> HopAgreed:
        return await hops.agreed(self.compiled, asked, found, recipients, ask)

    async def keep(self, transport: str, name: str, kind: str, records: Records, ask: Ask) -> Kept:
        return Kept(records)

    async def deliver(
        self, route: Route, ask: Ask, *, sender: str = "", recipient: Recipient | None = None
    ) -> Deliveries:
        return await deliveries.deliver(self.compiled, route, ask, sender=sender, recipient=recipient)
