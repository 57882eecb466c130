"""A session's login: AUTH and what follows it, put to the authentication server (`mailconf.mta.logins`)."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from mailconf.model.session import Session
from mailconf.mta.journal import LogEvent
from mailconf.mta.logins import Answer, Login, LoginServer, LoginsUnavailable
from mailconf.smtp.dovecot import Challenge, Mechanism, Request, Success, printable, usable
from mailconf.smtp.events import Auth, AuthResponse
from mailconf.smtp.problems import Acknowledgement, Problem
from mailconf.smtp.reply import Reply
from mailconf.smtp.server import Connection

_BASE64 = re.compile(r"[A-Za-z0-9+/=]*\Z")


class Authentication:
    """One session's.

    client   "name[address]", for the log
    refuse   a reply for a problem, as the configuration wants it worded
    """

    def __init__(
        self,
        session: Session,
        connection: Connection,
        server: LoginServer | None,
        client: Callable[[], str],
        refuse: Callable[..., Awaitable[Reply]],
        note: Callable[..., None],
    ) -> None:
        self._session = session
        self._connection = connection
        self._server = server
        self._client = client
        self._refuse = refuse
        self._note = note
        self._usable: tuple[Mechanism, ...] = ()
        self._login: Login | None = None
        self._method = ""
        self._account: str | None = None  # of the login before, of which the log speaks until the server is asked again

    async def prepare(self) -> bool:
        """Find out by which mechanisms the client may log in now; False where it should and cannot by any."""
        options, session = self._connection.options, self._session
        self._usable, session.mechanisms = (), ()
        if self._server is None or not options.auth or (options.auth_needs_tls and not self._connection.tls):
            return True
        settings = self._server.settings
        try:
            offered = await self._server.mechanisms()
        except LoginsUnavailable as failure:
            self._note(LogEvent.LOGINS_UNAVAILABLE, server=settings.server, reason=failure)
            return False
        self._usable = usable(offered, settings.tls_options if self._connection.tls else settings.options)
        session.mechanisms = tuple(mechanism.name for mechanism in self._usable)
        if not self._usable:
            self._note(LogEvent.NO_MECHANISMS)
        return bool(self._usable)

    async def begin(self, event: Auth) -> Reply:
        """The reply to AUTH."""
        session = self._session
        self._method = printable(event.mechanism)
        known = {mechanism.name.upper() for mechanism in self._usable}
        if self._server is None or event.mechanism.upper() not in known:
            return await self._failed(Problem.BAD_MECHANISM)
        if event.initial is not None and not _BASE64.match(event.initial):
            return await self._failed(Problem.BAD_INITIAL)
        self._account = None
        request = Request(
            mechanism=event.mechanism,
            service=self._server.settings.service,
            server_address=session.server_address,
            client_address=session.client_address,
            secured=self._connection.tls,
            initial=event.initial,
        )
        try:
            self._login, answer = await self._server.begin(request)
        except LoginsUnavailable:
            return await self._failed(Problem.AUTH_UNAVAILABLE)
        return await self._answered(answer)

    async def respond(self, event: AuthResponse) -> Reply:
        """The reply to the client's answer to a challenge."""
        if self._login is None:
            return await self._failed(Problem.AUTH_UNAVAILABLE)
        if not _BASE64.match(event.text):
            self.give_up()
            return await self._failed(Problem.BAD_RESPONSE)
        try:
            answer = await self._login.respond(event.text)
        except LoginsUnavailable:
            return await self._failed(Problem.AUTH_UNAVAILABLE)
        return await self._answered(answer)

    async def _answered(self, answer: Answer) -> Reply:
        wording = self._connection.wording
        if isinstance(answer, Challenge):
            return wording.acknowledgement(Acknowledgement.CHALLENGE, text=answer.text)
        self._login = None
        if isinstance(answer, Success) and answer.account:
            self._session.sasl_method, self._session.sasl_username = self._method, answer.account
            return wording.acknowledgement(Acknowledgement.LOGGED_IN)
        reason = "" if isinstance(answer, Success) else answer.reason
        return await self._refused(wording.refusal(Problem.AUTH_FAILED, reason=reason), answer.account)

    async def _failed(self, problem: Problem) -> Reply:
        return await self._refused(self._connection.wording.refusal(problem))

    async def _refused(self, reply: Reply, account: str | None = None) -> Reply:
        self._login = None
        self._account = account if account is not None else self._account
        facts = {"method": self._method, "reply": reply, "account": self._account}
        self._note(LogEvent.LOGIN_FAILED, client=self._client(), **facts)
        return await self._refuse(reply)

    def refused(self, problem: Problem, detail: str) -> None:
        """The protocol's side has ended the login."""
        self.give_up()
        if problem is Problem.AUTH_ABORTED:
            self._note(LogEvent.LOGIN_ABORTED, client=self._client(), method=self._method)
        elif problem is Problem.AUTH_TOO_LONG:
            limit = self._connection.options.response_length
            self._note(LogEvent.RESPONSE_TOO_LONG, client=self._client(), limit=limit, text=detail)

    def give_up(self) -> None:
        """A login under way is over: the server need not keep it."""
        if self._login is not None:
            self._login.give_up()
            self._login = None
