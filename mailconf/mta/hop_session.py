"""A message's way over a connection to one host: the smtp and lmtp agents' side of a session, with TLS and the login.

The connection is new, or one that another message has left (`mailconf.mta.hop_pool`). Such a one may have been lost
meanwhile: as long as the content was not sent, that is `Stale` and says nothing about the message, which goes over
another connection. Once the content was sent, nothing is sent twice.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from mailconf.domain_names import comparable
from mailconf.model.security import HopLogin, HopSecurity, Problem, TlsLevel
from mailconf.model.transport import ConnectionReuse
from mailconf.model.world import Ask, LookupFailed
from mailconf.mta.course import Course, Said
from mailconf.mta.hop_connection import HopConnection, NotConnected
from mailconf.mta.journal import LogEvent, Remark
from mailconf.mta.message import Context, Job
from mailconf.mta.seven_bit import names_eight_bits, seven_bit
from mailconf.smtp import client
from mailconf.smtp.client import Broken, Client, ClientEvent, Envelope, Ready, Stage
from mailconf.smtp.reply import Reply

if TYPE_CHECKING:
    from mailconf.model.letter import Program
    from mailconf.mta.secure_hops import Contexts, HostLayer


class Stale(Exception):
    """A connection that was kept is of no use; the message was not sent."""


@dataclass
class Failure(Exception):
    """Why nobody could be delivered to at a host or a domain: a remark, its DSN status, whether it is final."""

    remark: Remark
    facts: dict[str, object]
    dsn: str
    final: bool = False
    relay: str = "none"
    reply: Reply | None = None
    stage: Stage | None = None  # of the session in which it was met with
    course: Course | None = None


class Host(NamedTuple):
    """Where to connect to: ``path`` for a UNIX socket, else ``address``; ``direct``: the nexthop names it itself.

    destination  the nexthop as it is written, and ``domain`` its domain or host
    program      is run in ``folder`` and spoken with, in the place of a connection
    """

    name: str
    address: str
    port: int = 0
    path: str = ""
    direct: bool = True
    destination: str = ""
    domain: str = ""
    program: Program | None = None
    folder: str = ""

    @property
    def at(self) -> tuple[str, int]:
        return self.path or self.address, self.port

    @property
    def peer(self) -> str:
        return self.name if self.program is not None else f"{self.name}[{self.path or self.address}]"

    @property
    def relay(self) -> str:
        return self.peer if self.path or self.program is not None else f"{self.peer}:{self.port}"


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


# Which of the times a host has, by what is waited for; "hello" for the rest of what is before a transaction.
_TIMES = {
    Stage.GREETING: "greeting",
    Stage.RESET: "reset",
    Stage.TOLD_NAME: "told",
    Stage.TOLD_HELO: "told",
    Stage.MAIL: "mail",
    Stage.RCPT: "rcpt",
    Stage.DATA: "data",
    Stage.END: "end",
}


class HopSession:
    """One envelope's way over a connection to one host; ``kept`` is a connection that was left, with its host.

    ``greeted`` is whether the host was willing to talk, ``setup`` the seconds until then. After `run`, ``left`` is the
    connection if it may carry another message.
    """

    def __init__(self, agent: Sender, host: Host, job: Job, kept: HopConnection | None = None) -> None:
        self.agent = agent
        self.host = host
        self.job = job
        site = agent.context.policy.site
        self.times = site.hop_times(job.transport)
        transport = site.transports.get(job.transport)
        self.reuse = transport.reuse if transport is not None else ConnectionReuse()
        self.ways = site.ways_of(job.transport)
        self.greeted = kept is not None
        self.setup = 0.0
        self.left: HopConnection | None = None
        self._kept = kept is not None
        self._gone = False  # the connection is of no use any more
        self._connection = kept
        self._addresses: list[str] = []
        self._unwanted: Mapping[str, Problem] = {}  # recipients that do not get the message under this TLS
        self._security = HopSecurity()

    @property
    def connection(self) -> HopConnection:
        assert self._connection is not None
        return self._connection

    @property
    def client(self) -> Client:
        return self.connection.client

    @property
    def uses(self) -> int:
        """Messages that the connection has carried, this one included."""
        return max(self.client.transactions, 1) if self._connection is not None else 1

    async def run(
        self, envelope: Envelope, security: HopSecurity, *, keep: bool = False
    ) -> list[tuple[Reply, Stage] | Failure]:
        """What became of each recipient: the reply that decided, or how the connection was lost. Raises Failure, Stale.

        keep  the connection is left if it can carry another message
        """
        self._security = security
        self._addresses = [to.address for to in envelope.recipients]
        if self._connection is None:
            await self._connect(security)
        try:
            if not self._kept:
                await self._begin(security)
                self._note_dropped(security)
            self._check_ready(self.connection.ready, envelope)
            keep = keep and self._may_stay()
            if not self._unwanted:
                self.client.send(await self._fitting(envelope, self.connection.ready), last=not keep)
                replies = await self._transaction()
            else:
                replies = await self._to_some(await self._fitting(envelope, self.connection.ready))
            self._note_lines()
            self._note_untold()
            if keep and await self._is_kept():
                self.left = self.connection
            return replies
        finally:
            if self.left is None:
                if self._gone or not self.client.is_answered:
                    self.connection.abort()  # a server that does not read would keep the connection for ever
                else:
                    self.connection.quit()

    @property
    def said(self) -> Said:
        """The last transaction, for the course of its recipients."""
        mail, recipients = self.client.commands
        offered = self.client.extensions
        aware = "DSN" in offered
        return Said(self.host.name, mail, recipients, "PIPELINING" in offered, aware, self.client.replies)

    async def ended_program(self) -> str:
        """Have the program end that was spoken with: why it could not be run, or ""."""
        return await self._connection.ended_program() if self._connection is not None else ""

    async def _begin(self, security: HopSecurity) -> None:
        """Greet, begin TLS, log in. Raises Failure."""
        connection = self.connection
        if security.tls.wrapper:
            await self._secure()
        event = await self._event()
        if isinstance(event, client.BeginTls):
            await self._secure()
            event = await self._event()
        if isinstance(event, Broken):
            raise self._broken(event)
        if not isinstance(event, Ready):
            raise Failure(Remark.NO_HANDSHAKE, {"peer": self.host.peer}, "4.5.0", relay=self.host.relay)
        if connection.layer is None:
            await self._ask_about(None)
        if security.asked is not None and security.login is not None:
            event = await self._log_in_late(security.login)
        connection.ready = event
        self.setup = asyncio.get_running_loop().time() - connection.made

    async def _transaction(self) -> list[tuple[Reply, Stage] | Failure]:
        """Raises Failure, Stale."""
        try:
            event = await self._event()
        except Failure as lost:
            if self._kept and self.client.stage is not Stage.END:
                raise Stale from None
            return [known or lost for known in self.client.decided]
        astray = self.client.is_astray and not self.client.content_sent
        if self._kept and (astray or not isinstance(event, client.StageOutcome)):
            self._gone = True
            raise Stale
        if not isinstance(event, client.StageOutcome):
            raise self._broken(event)
        return list(event.replies)

    async def _to_some(self, envelope: Envelope) -> list[tuple[Reply, Stage] | Failure]:
        """What becomes of each recipient; those that the configuration does not take under this TLS are not named."""
        found: dict[int, tuple[Reply, Stage] | Failure] = {}
        for number, to in enumerate(envelope.recipients):
            if to.address in self._unwanted:
                found[number] = self._refused(self._unwanted[to.address])
        rest = [number for number in range(len(envelope.recipients)) if number not in found]
        if rest:
            some = tuple(envelope.recipients[number] for number in rest)
            self.client.send(envelope._replace(recipients=some), last=True)
            found |= zip(rest, await self._transaction(), strict=True)
        return [found[number] for number in range(len(envelope.recipients))]

    def _may_stay(self) -> bool:
        """Whether the connection may carry another message after this one (postconf(5) smtp_connection_reuse_...)."""
        connection, reuse = self.connection, self.reuse
        if self._security.asked is not None:  # what was agreed on counts for this message
            return False
        if connection.layer is not None and not self._security.tls.reuse:
            return False
        if reuse.further and connection.client.transactions >= reuse.further:
            return False
        return asyncio.get_running_loop().time() - connection.made < reuse.age

    async def _is_kept(self) -> bool:
        """Whether the connection is fit for another message; what was broken off is reset first."""
        if not self.connection.usable:
            return False
        if self.client.is_reset:
            return True
        self.client.reset()
        try:
            event = await self._event()
        except Failure:
            return False
        return isinstance(event, client.StageOutcome) and self.connection.usable

    # TLS and the login

    def _client(self, security: HopSecurity) -> Client:
        """The protocol's side, with what is wanted."""
        site, level = self.agent.context.policy.site, security.tls.level
        use = client.TlsUse.NONE
        if not security.tls.wrapper and level is not TlsLevel.NONE:
            use = client.TlsUse.WANTED if level is TlsLevel.MAY else client.TlsUse.NEEDED
        name, ways = site.client_name(self.job.transport), self.ways
        made = Client(
            name,
            lmtp=self.agent.lmtp,
            tls=use,
            ehlo=ways.ehlo,
            line_length=ways.line_length,
            withheld=ways.withheld if security.withheld is None else security.withheld,
        )
        if security.login is not None and security.asked is None:
            made.login = _login(security.login, security.login.options)
        return made

    async def _secure(self) -> None:
        """Begin TLS. Raises Failure."""
        from mailconf.mta.secure_hops import is_meant, shake
        from mailconf.mta.tls import TlsUnavailable
        from mailconf.smtp.tls import TlsFailed

        tls, host, context = self._security.tls, self.host, self.agent.context
        note = {"program": self.agent.program, "relay": host.relay}
        try:
            layer = self.agent.contexts.layer(tls)
            said = await shake(layer, self.connection, tls.timeout)
        except TlsFailed as failure:
            self._gone = True
            context.measures.secured(client=True, good=False)
            context.note(LogEvent.HOP_TLS_FAILED, **note, reason=failure, untrusted=failure.untrusted)
            if failure.untrusted:
                raise Failure(Remark.NOT_VERIFIED, {}, "4.7.5", False, host.relay) from None
            raise NoHandshake(Remark.NO_HANDSHAKE_TLS, {}, tls.status, False, host.relay) from None
        except (OSError, EOFError):  # a timeout is an OSError
            self._gone = True
            context.measures.secured(client=True, good=False)
            context.note(LogEvent.HOP_TLS_FAILED, **note, reason="lost connection", untrusted=False)
            raise NoHandshake(Remark.NO_HANDSHAKE_TLS, {}, tls.status, False, host.relay) from None
        except TlsUnavailable as failure:
            facts: dict[str, object] = {"reason": f"{failure.file or 'TLS'}: {failure}"}
            raise Failure(Remark.SECURITY_UNKNOWN, facts, "4.7.5", relay=host.relay) from None
        context.measures.secured(client=True, good=True)
        if tls.logged > 0:
            context.note(LogEvent.HOP_TLS_BEGUN, **note, level=tls.level, facts=layer.facts())
        self.connection.layer = layer
        await self._ask_about(layer)
        if not is_meant(tls, layer):
            raise Failure(Remark.NOT_VERIFIED, {}, "4.7.5", False, host.relay)
        self.client.secured()
        self.client.receive_data(said)
        if (login := self._security.login) is not None and self._security.asked is None:
            verified = tls.level >= TlsLevel.FINGERPRINT
            self.client.login = _login(login, login.verified_options if verified else login.tls_options)

    async def _log_in_late(self, login: HopLogin) -> Ready:
        """Log in, now that the configuration has taken what was agreed on. Raises Failure."""
        event = self.client.log_in(_login(login, login.options))
        if event is None:
            event = await self._event()
        if not isinstance(event, Ready):
            raise self._broken(event)
        if self.client.logged_in:
            facts = {"program": self.agent.program, "relay": self.host.relay, "mechanism": self.client.mechanism}
            self.agent.context.note(LogEvent.HOP_LOGGED_IN, **facts)
        return event

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

    async def _connect(self, security: HopSecurity) -> None:
        connection = HopConnection(self._client(security), self.job.policy)
        try:
            own = self.ways.bind6 if ":" in self.host.address else self.ways.bind4
            own = own if own and self._is_usable(own) else ""
            await connection.open(self.host, self.times.connect, own)
        except NotConnected as reason:
            facts: dict[str, object] = {"relay": self.host.relay, "reason": str(reason)}
            raise Failure(Remark.CONNECT_FAILED, facts, "4.4.1") from None
        self._connection = connection

    async def _fitting(self, envelope: Envelope, ready: Ready | None) -> Envelope:
        """What is sent to a host that has said what it can."""
        takes = ready is not None and "8BITMIME" in ready.extensions
        if takes or not self.ways.converts or not (envelope.body == "8BITMIME" or names_eight_bits(envelope.content)):
            return envelope
        content = await asyncio.to_thread(seven_bit, envelope.content)
        return envelope._replace(content=content, body="", converted=True)

    def _note_lines(self) -> None:
        if self.client.broken_lines:
            facts = {"program": self.agent.program, "limit": self.ways.line_length}
            self.agent.context.note(LogEvent.LINES_BROKEN, queue_id=self.job.message.queue_id, **facts)

    def _note_dropped(self, security: HopSecurity) -> None:
        """Which extensions of this host do not count, where it was asked for them."""
        ways = self.ways
        withheld, silently = ways.withheld, ways.silently
        if security.withheld is not None:
            withheld, silently = security.withheld, security.silently
        if withheld and not silently and self.client.verb != "HELO":
            self.agent.context.note(LogEvent.KEYWORDS_DROPPED, program=self.agent.program, words=withheld)

    def _note_untold(self) -> None:
        about = {"program": self.agent.program, "relay": self.host.relay}
        for stage, reply in self.client.untold:
            self.agent.context.note(LogEvent.CLIENT_UNTOLD, **about, stage=stage, reply=reply)

    def _is_usable(self, address: str) -> bool:
        """Whether connections can come from a local address; if not, the log says why."""
        try:
            with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
                probe.bind((address, 0))
        except OSError as error:
            facts = {"program": self.agent.program, "address": address, "reason": os.strerror(error.errno or 0)}
            self.agent.context.note(LogEvent.NOT_BOUND, **facts)
            return False
        return True

    def _check_ready(self, ready: Ready | None, envelope: Envelope) -> None:
        """Raises Failure when the server is ourselves, or lacks what the message needs."""
        site = self.agent.context.policy.site
        assert ready is not None
        if not self.host.direct and comparable(ready.name) == comparable(site.hostname.value):
            destination = self.job.nexthop
            facts: dict[str, object] = {"destination": destination}
            raise Failure(Remark.LOOPS_BACK, facts, "5.4.6", True, self.host.relay, stage=Stage.HELO)
        if envelope.smtputf8 and "SMTPUTF8" not in ready.extensions:
            raise Failure(Remark.NO_SMTPUTF8, {"peer": self.host.peer}, "5.6.7", True, self.host.relay)
        self.greeted = True

    def _broken(self, event: ClientEvent) -> Failure:
        host = self.host
        if isinstance(event, Broken) and (failure := self._insecure(event)) is not None:
            return failure
        if not isinstance(event, Broken) or event.reply is None:
            self._gone = True
            return self._lost()
        # A greeting of 5xx is temporary (postconf(5) smtp_skip_5xx_greeting), a refused EHLO is what its code means.
        reply = event.reply
        final = reply.permanent and (event.stage is Stage.HELO or not self.ways.skips)
        dsn = status_of(reply, str(reply.code // 100))
        facts: dict[str, object] = {"peer": host.peer, "reply": reply}
        status = dsn if final else f"4{dsn[1:]}"
        return Failure(Remark.UNWILLING, facts, status, final, host.relay, reply, event.stage)

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
        return Failure(remark, facts, "4.4.2", relay=self.host.relay, stage=self.client.stage)

    async def _event(self) -> ClientEvent:
        """The client's next event. Raises Failure for a lost or a silent connection."""
        connection, spoken = self.connection, self.client
        while True:
            event = spoken.next_event()
            patience = self._timeout(spoken.stage)
            try:
                if out := spoken.data_to_send():
                    await connection.say(out, self.times.block if spoken.stage is Stage.END else patience)
                if event is not None:
                    return event
                data = connection.meant(await connection.read(patience))
                while data is None:
                    data = connection.meant(await connection.read(patience))
            except TimeoutError:
                self._gone = True
                raise self._lost(Remark.TIMED_OUT) from None
            if not data:
                self._gone = True
                raise self._lost()
            spoken.receive_data(data)

    def _timeout(self, stage: Stage) -> float | None:
        """Seconds that the host has for its answer in a stage; None: as many as it likes."""
        seconds: float = getattr(self.times, _TIMES.get(stage, "hello"))
        return seconds or None


def _login(login: HopLogin, options: frozenset[str]) -> client.Login:
    user, password = login.credentials
    return client.Login(user, password, options, login.mechanisms, login.other, login.goes_on)
