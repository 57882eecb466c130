"""A session's login: AUTH and what follows it, answered by the server itself (`mailconf.smtp.sasl_server`)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable

from mailconf.model.session import Session
from mailconf.mta.journal import LogEvent
from mailconf.mta.sasl_accounts import SaslAccounts
from mailconf.smtp.events import Auth, AuthResponse
from mailconf.smtp.problems import Acknowledgement, Problem
from mailconf.smtp.reply import Reply
from mailconf.smtp.sasl_server import MECHANISMS, Challenge, LoggedIn, Place, SaslFailed, SaslServer
from mailconf.smtp.server import Connection
from mailconf.source import decode, encode


class SaslAuthentication:
    """One session's; it is used as `mailconf.mta.authentication.Authentication` is. Which mechanisms count is the
    Policy's to say: who comes here may log in."""

    def __init__(
        self,
        session: Session,
        connection: Connection,
        accounts: SaslAccounts,
        client: Callable[[], str],
        refuse: Callable[..., Awaitable[Reply]],
        note: Callable[..., None],
    ) -> None:
        self._session = session
        self._connection = connection
        self._accounts = accounts
        self._client = client
        self._refuse = refuse
        self._note = note
        self._login: SaslServer | None = None
        self._method = ""

    async def prepare(self) -> bool:
        return True

    async def begin(self, event: Auth) -> Reply:
        """The reply to AUTH."""
        self._method = event.mechanism
        settings, session = self._accounts.settings, self._session
        refusal = self._connection.wording.refusal
        mechanism = event.mechanism.upper()
        if mechanism not in MECHANISMS:
            return await self._refuse(refusal(Problem.BAD_MECHANISM))
        initial = None
        if event.initial is not None:
            initial = b"" if event.initial == "=" else _decoded(event.initial)
            if initial is None:
                self._note(LogEvent.LOGIN_UNREADABLE, client=self._client(), queue_id=session.queue_id)
                return await self._refuse(refusal(Problem.UNREADABLE_INITIAL, text=event.initial))
        realm = settings.realm.encode()
        place = Place(realm, realm, encode(session.certificate_account))
        self._login = SaslServer(mechanism, place, self._accounts)
        return await self._stepped(self._login.begin(initial))

    async def respond(self, event: AuthResponse) -> Reply:
        """The reply to the client's answer to a challenge."""
        data = _decoded(event.text)
        refusal = self._connection.wording.refusal
        if self._login is None or data is None:
            self.give_up()
            return await self._refuse(refusal(Problem.UNREADABLE_RESPONSE, text=event.text))
        return await self._stepped(self._login.respond(data))

    async def _stepped(self, step: Awaitable[Challenge | LoggedIn]) -> Reply:
        wording, session = self._connection.wording, self._session
        facts = {"client": self._client(), "method": self._method}
        try:
            found = await step
        except SaslFailed as failed:
            self.give_up()
            user = decode(failed.user)
            self._note(LogEvent.LOGIN_REFUSED, queue_id=session.queue_id, reason=str(failed), account=user, **facts)
            return await self._refuse(wording.refusal(Problem.AUTH_FAILED, reason=""))
        if isinstance(found, Challenge):
            return wording.acknowledgement(Acknowledgement.CHALLENGE, text=base64.b64encode(found.data).decode())
        self.give_up()
        session.sasl_method, session.sasl_username = self._method, decode(found.user)
        self._note(LogEvent.LOGGED_IN, account=session.sasl_username, **facts)
        return wording.acknowledgement(Acknowledgement.LOGGED_IN)

    def refused(self, problem: Problem, detail: str) -> None:
        """The protocol's side has ended the login."""
        self.give_up()

    def give_up(self) -> None:
        self._login = None


def _decoded(text: str) -> bytes | None:
    """The bytes that Base64 stands for; None where the text is not Base64, or its padding is missing."""
    try:
        return base64.b64decode(encode(text), validate=True)
    except (binascii.Error, ValueError):
        return None
