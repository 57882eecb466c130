"""A connection to one host for one message: the smtp and lmtp agents' side of a session, TLS and the login with it."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from mailconf.domain_names import comparable
from mailconf.model.security import HopLogin, HopSecurity, Problem, TlsLevel
from mailconf.model.world import Ask, LookupFailed
from mailconf.mta.journal import LogEvent, Remark
from mailconf.mta.message import Context, Job
from mailconf.smtp import client
from mailconf.smtp.client import Broken, Client, ClientEvent, Envelope, Ready, Stage
from mailconf.smtp.reply import Reply

if TYPE_CHECKING:
    from mailconf.mta.secure_hops import Contexts, HostLayer


@dataclass
class Failure(Exception):
    """Why nobody could be delivered to at a host or a domain: a remark, its DSN status, whether it is final."""

    remark: Remark
    facts: dict[str, object]
    dsn: str
    final: bool = False
    relay: str = "none"
    reply: Reply | None = None


class Host(NamedTuple):
    """Where to connect to: ``path`` for a UNIX socket, else ``address``; ``direct``: the nexthop names it itself.

    destination  the nexthop as it is written, and ``domain`` its domain or host
    """

    name: str
    address: str
    port: int = 0
    path: str = ""
    direct: bool = True
    destination: str = ""
    domain: str = ""

    @property
    def peer(self) -> str:
        return f"{self.name}[{self.path or self.address}]"

    @property
    def relay(self) -> str:
        return f"{self.peer}:{self.port}" if not self.path else self.peer


def status_of(reply: Reply, kind: str) -> str:
    """The DSN status of a reply, of the class ``kind``."""
    status = reply.status
    return status if status.startswith(kind) else f"{kind}.0.0"


class Sender(Protocol):
    """The agent that a session belongs to. ``program`` is for the log."""

    context: Context
    lmtp: bool

    @property
    def program(self) -> str: ...

    @property
    def contexts(self) -> Contexts: ...


@dataclass
class NoHandshake(Failure):
    """TLS did not begin."""


class HopSession:
    """A connection to one host for one envelope."""

    def __init__(self, agent: Sender, host: Host, job: Job) -> None:
        self.agent = agent
        self.host = host
        self.job = job
        self.limits = agent.context.policy.site.limits_of(job.transport)
        self.greeted = False
        self.setup = 0.0
        self._gone = False  # the connection is of no use any more
        site = agent.context.policy.site
        self.client = Client(site.client_name(job.transport), lmtp=agent.lmtp)
        self._layer: HostLayer | None = None
        self._security = HopSecurity()
        self._addresses: list[str] = []
        self._unwanted: Mapping[str, Problem] = {}  # recipients that do not get the message under this TLS

    async def run(self, envelope: Envelope, security: HopSecurity) -> list[tuple[Reply, Stage] | Failure]:
        """What became of each recipient: the reply that decided, or how the connection was lost. Raises Failure."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        self._prepare(security)
        self._addresses = [to.address for to in envelope.recipients]
        reader, writer = await self._connect()
        try:
            if security.tls.wrapper:
                await self._secure(reader, writer)
            event = await self._event(reader, writer)
            if isinstance(event, client.BeginTls):
                await self._secure(reader, writer)
                event = await self._event(reader, writer)
            self._check_ready(event, envelope)
            if self._layer is None:
                await self._ask_about(None)
            if security.asked is not None and security.login is not None:
                await self._log_in_late(security.login, reader, writer)
            if self.client.logged_in:
                facts = {"program": self.agent.program, "relay": self.host.relay, "mechanism": self.client.mechanism}
                self.agent.context.note(LogEvent.HOP_LOGGED_IN, **facts)
            self.setup = loop.time() - began
            self.greeted = True
            return await self._sent(envelope, reader, writer)
        finally:
            if not self._gone:
                self.client.quit()
                writer.write(self._wrapped(self.client.data_to_send(), ends=True))
                writer.close()
            else:
                writer.transport.abort()  # a server that does not read would keep the connection for ever

    async def _sent(
        self, envelope: Envelope, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> list[tuple[Reply, Stage] | Failure]:
        """What becomes of each recipient; those that the configuration does not take under this TLS are not named."""
        found: dict[int, tuple[Reply, Stage] | Failure] = {}
        for number, to in enumerate(envelope.recipients):
            if to.address in self._unwanted:
                found[number] = self._refused(self._unwanted[to.address])
        rest = [number for number in range(len(envelope.recipients)) if number not in found]
        if rest:
            part = envelope._replace(recipients=tuple(envelope.recipients[number] for number in rest))
            found |= zip(rest, await self._outcomes(part, reader, writer), strict=True)
        return [found[number] for number in range(len(envelope.recipients))]

    async def _outcomes(
        self, envelope: Envelope, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> list[tuple[Reply, Stage] | Failure]:
        self.client.send(envelope)
        try:
            event = await self._event(reader, writer)
        except Failure as lost:
            return [known or lost for known in self.client.decided]
        if not isinstance(event, client.StageOutcome):
            raise self._broken(event)
        return list(event.replies)

    # TLS and the login

    def _prepare(self, security: HopSecurity) -> None:
        """Tell the protocol's side what is wanted."""
        self._security = security
        level = security.tls.level
        if not security.tls.wrapper and level is not TlsLevel.NONE:
            use = client.TlsUse.WANTED if level is TlsLevel.MAY else client.TlsUse.NEEDED
            site = self.agent.context.policy.site
            self.client = Client(site.client_name(self.job.transport), lmtp=self.agent.lmtp, tls=use)
        if security.login is not None and security.asked is None:
            self._log_in_with(security.login, security.login.options)

    def _log_in_with(self, login: HopLogin, options: frozenset[str]) -> None:
        user, password = login.credentials
        self.client.login = client.Login(user, password, options, login.mechanisms, login.other, login.goes_on)

    async def _log_in_late(self, login: HopLogin, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Log in, now that the configuration has taken what was agreed on. Raises Failure."""
        user, password = login.credentials
        wanted = client.Login(user, password, login.options, login.mechanisms, login.other, login.goes_on)
        event = self.client.log_in(wanted)
        if event is None:
            event = await self._event(reader, writer)
        if not isinstance(event, Ready):
            raise self._broken(event)

    async def _secure(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Begin TLS. Raises Failure."""
        from mailconf.mta.secure_hops import is_meant, shake
        from mailconf.mta.tls import TlsUnavailable
        from mailconf.smtp.tls import TlsFailed

        tls, host, context = self._security.tls, self.host, self.agent.context
        note = {"program": self.agent.program, "relay": host.relay}
        try:
            layer = self.agent.contexts.layer(tls)
            said = await shake(layer, reader, writer, tls.timeout)
        except TlsFailed as failure:
            self._gone = True
            context.note(LogEvent.HOP_TLS_FAILED, **note, reason=failure, untrusted=failure.untrusted)
            if failure.untrusted:
                raise Failure(Remark.NOT_VERIFIED, {}, "4.7.5", False, host.relay) from None
            raise NoHandshake(Remark.NO_HANDSHAKE_TLS, {}, tls.status, False, host.relay) from None
        except (OSError, EOFError):  # a timeout is an OSError
            self._gone = True
            context.note(LogEvent.HOP_TLS_FAILED, **note, reason="lost connection", untrusted=False)
            raise NoHandshake(Remark.NO_HANDSHAKE_TLS, {}, tls.status, False, host.relay) from None
        except TlsUnavailable as failure:
            facts: dict[str, object] = {"reason": f"{failure.file or 'TLS'}: {failure}"}
            raise Failure(Remark.SECURITY_UNKNOWN, facts, "4.7.5", relay=host.relay) from None
        if tls.logged > 0:
            context.note(LogEvent.HOP_TLS_BEGUN, **note, level=tls.level, facts=layer.facts())
        self._layer = layer
        await self._ask_about(layer)
        if not is_meant(tls, layer):
            raise Failure(Remark.NOT_VERIFIED, {}, "4.7.5", False, host.relay)
        self.client.secured()
        self.client.receive_data(said)
        if (login := self._security.login) is not None and self._security.asked is None:
            verified = tls.level >= TlsLevel.FINGERPRINT
            self._log_in_with(login, login.verified_options if verified else login.tls_options)

    async def _ask_about(self, layer: HostLayer | None) -> None:
        """Ask the configuration whether what was agreed on is good enough. Raises Failure."""
        asked = self._security.asked
        if asked is None:
            return
        found = None
        if layer is not None:
            from mailconf.mta.tls import agreed_with

            found = agreed_with(layer.facts())
            note = {"program": self.agent.program, "relay": self.host.relay}
            self.agent.context.note(LogEvent.HOP_AGREED, **note, session=found)
        try:
            agreed = await self.job.policy.agreed(
                asked._replace(refused=self.client.tls_refused), found, self._addresses, Ask(self.job.world)
            )
        except LookupFailed as failure:
            raise Failure(Remark.LOCAL_DATA, {"peer": self.host.peer}, "4.3.0", False, self.host.relay) from failure
        for text in agreed.notes:
            named = f"{self.job.message.queue_id}: {text}" if text.startswith("ruleset=tls_rcpt,") else text
            self.agent.context.note(LogEvent.HOP_NOTED, program=self.agent.program, text=named)
        if agreed.problem is not None:
            raise self._refused(agreed.problem)
        self._unwanted = agreed.refused

    def _refused(self, problem: Problem) -> Failure:
        text, status = problem
        return Failure(Remark.HOP_REFUSED, {"text": text}, status, status.startswith("5"), self.host.relay)

    def _wrapped(self, data: bytes, *, ends: bool = False) -> bytes:
        """``data`` as the connection carries it."""
        layer = self._layer
        if layer is None:
            return data
        layer.send(data)
        if ends:
            layer.close()
        return layer.data_to_send()

    def _unwrapped(self, data: bytes) -> bytes:
        """What ``data`` means; b"" where the host has ended TLS, or does not speak it."""
        from mailconf.smtp.tls import TlsFailed

        try:
            return data if self._layer is None else self._layer.receive_data(data)
        except TlsFailed:
            return b""

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        host = self.host
        try:
            async with asyncio.timeout(self.limits.smtp_connect_timeout or None):
                if host.path:
                    return await asyncio.open_unix_connection(host.path)
                return await asyncio.open_connection(host.address, host.port)
        except TimeoutError:
            reason = os.strerror(errno.ETIMEDOUT)
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else str(error)
        raise Failure(Remark.CONNECT_FAILED, {"relay": host.relay, "reason": reason}, "4.4.1")

    def _check_ready(self, event: ClientEvent, envelope: Envelope) -> None:
        """Raises Failure when the server does not want to talk, is ourselves, or lacks what the message needs."""
        site = self.agent.context.policy.site
        if isinstance(event, Broken):
            raise self._broken(event)
        if not isinstance(event, Ready):
            raise Failure(Remark.NO_HANDSHAKE, {"peer": self.host.peer}, "4.5.0", relay=self.host.relay)
        if not self.host.direct and comparable(event.name) == comparable(site.hostname.value):
            destination = self.job.nexthop
            raise Failure(Remark.LOOPS_BACK, {"destination": destination}, "5.4.6", True, self.host.relay)
        if envelope.smtputf8 and "SMTPUTF8" not in event.extensions:
            raise Failure(Remark.NO_SMTPUTF8, {"peer": self.host.peer}, "5.6.7", True, self.host.relay)

    def _broken(self, event: ClientEvent) -> Failure:
        host = self.host
        if isinstance(event, Broken) and (failure := self._insecure(event)) is not None:
            return failure
        if not isinstance(event, Broken) or event.reply is None:
            self._gone = True
            return self._lost()
        # A greeting of 5xx is temporary (postconf(5) smtp_skip_5xx_greeting), a refused EHLO is what its code means.
        reply = event.reply
        final = reply.permanent and event.stage is Stage.HELO
        dsn = status_of(reply, str(reply.code // 100))
        facts: dict[str, object] = {"peer": host.peer, "reply": reply}
        return Failure(Remark.UNWILLING, facts, dsn if final else f"4{dsn[1:]}", final, host.relay, reply)

    def _insecure(self, event: Broken) -> Failure | None:
        """Where TLS or the login is the reason."""
        peer, relay, reply = self.host.peer, self.host.relay, event.reply
        login = self._security.login
        failing = login.status if login is not None else ""
        if event.lack is client.Lack.STARTTLS:
            return Failure(Remark.NO_TLS, {"peer": peer}, "4.7.4", relay=relay)
        if event.lack in (client.Lack.BASE64, client.Lack.ANSWER):
            remark = Remark.BAD_CHALLENGE if event.lack is client.Lack.BASE64 else Remark.NO_ANSWER
            return Failure(remark, {"peer": peer}, failing or "4.7.0", relay=relay)
        if event.lack is client.Lack.MECHANISM:
            return Failure(Remark.NO_MECHANISM, {"peer": peer}, failing or "4.7.0", relay=relay)
        if event.stage is Stage.STARTTLS and reply is not None:
            facts: dict[str, object] = {"peer": peer, "reply": reply}
            dsn = status_of(reply, str(reply.code // 100))
            return Failure(Remark.TLS_REFUSED, facts, dsn, reply.permanent, relay, reply)
        if event.stage is Stage.AUTH and reply is not None:
            final = reply.permanent and login is not None and login.final
            dsn = status_of(reply, str(reply.code // 100))
            facts = {"peer": peer, "reply": reply}
            return Failure(Remark.LOGIN_REFUSED, facts, dsn if final else failing or f"4{dsn[1:]}", final, relay, reply)
        return None

    def _lost(self, remark: Remark = Remark.CONNECTION_LOST) -> Failure:
        facts: dict[str, object] = {"peer": self.host.peer, "stage": self.client.stage, "verb": self.client.verb}
        return Failure(remark, facts, "4.4.2", relay=self.host.relay)

    async def _event(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> ClientEvent:
        """The client's next event. Raises Failure for a lost or a silent connection."""
        while True:
            event = self.client.next_event()
            try:
                async with asyncio.timeout(self._timeout()):
                    out = self.client.data_to_send()
                    if out:
                        writer.write(self._wrapped(out))
                        await writer.drain()
                    if event is not None:
                        return event
                    data = await reader.read(65536)
                    while data and self._layer is not None and not (said := self._unwrapped(data)):
                        data = b"" if self._layer.closed else await reader.read(65536)
                    data = said if data and self._layer is not None else data
            except TimeoutError:
                self._gone = True
                raise self._lost(Remark.TIMED_OUT) from None
            except OSError:
                data = b""
            if not data:
                self._gone = True
                raise self._lost()
            self.client.receive_data(data)

    def _timeout(self) -> float | None:
        limits, stage = self.limits, self.client.stage
        if stage in (Stage.GREETING, Stage.HELO):
            return limits.smtp_helo_timeout or None
        return (600.0 if stage is Stage.END else limits.smtp_command_timeout) or None
