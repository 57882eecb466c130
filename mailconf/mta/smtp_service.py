"""A service that takes mail: what its sessions share, and how they end with it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from mailconf.files import Root
from mailconf.model.policy import Policy
from mailconf.model.security import Logins, SaslLogins
from mailconf.model.site import Site
from mailconf.mta.answers import VerdictHook
from mailconf.mta.journal import LogEvent
from mailconf.mta.listener import SmtpSession
from mailconf.mta.logins import LoginServer
from mailconf.mta.message import Context
from mailconf.mta.rates import Doings, Rates, Throttle
from mailconf.mta.resolver import Resolver
from mailconf.mta.sasl_accounts import SaslAccounts
from mailconf.smtp.options import ServerOptions

if TYPE_CHECKING:
    from mailconf.mta.screen import Screens, ScreenSession
    from mailconf.mta.tls import Offered


def accounts(logins: Logins | SaslLogins, root: Root) -> LoginServer | SaslAccounts:
    """Who knows the clients' logins."""
    return SaslAccounts(logins, root) if isinstance(logins, SaslLogins) else LoginServer(logins, root)


class SmtpService:
    """What the sessions of one service share; `protocol` is what asyncio's create_server wants.

    A session keeps the Policy that was in force when its client connected, as a process of smtpd(8) keeps its
    configuration; `policy` may be replaced at any time.

    service     its name in master.cf
    policy      the service's Policy, None for the context's
    options     the protocol's options, None for the Site's; name, sizes and error limits are always the Site's
    resolver    for client names, which stay unknown without one
    on_verdict  gets every answer of the Policy: (session, question, verdict)
    root        where the files of keys and certificates lie
    on_full     told that there are as many sessions as may be, where no more are to come then; called for each
                further one, too
    """

    def __init__(
        self,
        context: Context,
        *,
        service: str = "smtp",
        policy: Policy | None = None,
        options: ServerOptions | None = None,
        resolver: Resolver | None = None,
        on_verdict: VerdictHook | None = None,
        root: Root | None = None,
        on_full: Callable[[], None] = lambda: None,
    ) -> None:
        self.context = context
        self.service = service
        self._on_full = on_full
        self.policy = policy or context.policy
        self.base = options
        self.resolver = resolver
        self.on_verdict = on_verdict
        self.sessions: set[SmtpSession] = set()
        self.clients: Counter[str] = Counter()
        self.doings = Doings()
        self.rates = Rates(self.policy.site.limits.rate_window)
        self.root = root or Root()
        self._prepared: Site | None = None  # whose TLS and logins these are
        self.tls: Offered | None = None
        self.logins: LoginServer | SaslAccounts | None = None
        limits = self.policy.site.limits
        self.throttle = Throttle(limits.connection_rate)
        self.stopping = False
        self._slots = asyncio.Semaphore(limits.connections or 1_000_000)

    def protocol(self) -> SmtpSession | ScreenSession:
        """What takes the next connection."""
        screener = self.policy.screener
        if screener is None:
            return SmtpSession(self)
        from mailconf.mta.screen import ScreenSession

        self.prepare()
        return ScreenSession(self, screener)

    @cached_property
    def screens(self) -> Screens:
        from mailconf.mta.screen import Screens

        return Screens()

    def prepare(self) -> None:
        """Have TLS and the way to the authentication server ready, as the Policy's configuration asks for them. Keys
        that are of no use are logged."""
        site = self.policy.site
        if site is self._prepared:
            return
        self._prepared, self.tls = site, None
        if self.logins is not None and self.logins.settings != site.logins:
            self.logins.close()  # logins under way have failed for the time being
            self.logins = None
        if self.logins is None and site.logins is not None:
            self.logins = accounts(site.logins, self.root)
        if site.tls is not None and (site.tls.keys or not site.tls.any):
            from mailconf.mta.tls import TlsUnavailable, offered  # a second's hundredth, for who has TLS

            try:
                self.tls = offered(site.tls, self.root)
            except TlsUnavailable as failure:
                self.context.note(LogEvent.TLS_BROKEN, reason=str(failure), file=failure.file)

    @property
    def is_full(self) -> bool:
        """Whether there are as many sessions as may be, and further ones are not to wait."""
        limits = self.policy.site.limits
        return limits.full_pause > 0 and 0 < limits.connections <= len(self.sessions)

    def begun(self, session: SmtpSession) -> bool:
        """A client has connected; False where it may not."""
        admitted = not self.is_full
        if admitted:
            self.sessions.add(session)
        if self.is_full:
            self._on_full()
        return admitted

    def options(self) -> ServerOptions:
        return self.policy.site.options_of(self.base)

    async def close(self, grace: float = 5.0) -> None:
        """Idle sessions end now; those in a transaction have ``grace`` seconds to end it."""
        self.stopping = True
        if self.policy.screener is not None:
            await self.screens.close()
        for session in list(self.sessions):
            session.wind_up()
        tasks = [session.task for session in self.sessions if session.task is not None]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=grace)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        if self.logins is not None:
            self.logins.close()

    @property
    def slots(self) -> asyncio.Semaphore:
        return self._slots
