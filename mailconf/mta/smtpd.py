"""The SMTP listener's sessions: asyncio around `mailconf.smtp.server`, the Policy's answers, Postfix's log lines.

Each command is put to the Policy over the MTA's World; a message goes to the Intake, and its 250 is sent when the
Intake has returned. The words for timeouts and limits are smtpd(8)'s; log lines are those of Postfix's smtpd.

Departures: a session over the limit of all sessions waits for its greeting (Postfix leaves it in the listen queue).
XFORWARD is accepted and has no effect on the log. ETRN is syntax only: every domain is answered 459, as Postfix answers
domains that it does not relay for. A session that is idle when the server stops is told 421. "improper command
pipelining" is not logged.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from mailconf.model.address import external
from mailconf.model.policy import Policy
from mailconf.model.verdict import Effect, Session, Verdict
from mailconf.model.world import Ask
from mailconf.mta.cleanup import date, is_local
from mailconf.mta.headers import guard
from mailconf.mta.hosts import matches
from mailconf.mta.message import Context, IntakeRefused, Message, Recipient
from mailconf.mta.resolver import ClientName, Resolver, peer
from mailconf.smtp.events import (
    Bdat,
    ChunkEnd,
    Content,
    ContentEnd,
    Data,
    Etrn,
    Event,
    Helo,
    Mail,
    Noop,
    Quit,
    Rcpt,
    Refused,
    Rset,
    Starttls,
    Vrfy,
    Wait,
    Xclient,
    Xforward,
)
from mailconf.smtp.reply import Reply
from mailconf.smtp.server import Connection, Options, State
from mailconf.source import encode

_OK = Reply.of(250, "2.0.0 Ok")
_BYE = Reply.of(221, "2.0.0 Bye")
_TOO_BIG = Reply.of(552, "5.3.4 Error: message file too big")
_NO_INTAKE = Reply.of(451, "4.3.0 Error: queue file write error")
_INTERNAL = Reply.of(451, "4.3.0 Error: internal error")
_BUFFER = 262_144  # bytes read ahead of the work
_HELO_NEUTRAL = str.maketrans(dict.fromkeys('<>()\\";@ ', "?"))

VerdictHook = Callable[[Session, str, Verdict], None]


class _Lost(Exception):
    """The client hung up."""


class _Idle(Exception):
    """The client was silent for too long."""


class Smtpd:
    """What the sessions of one service share; `protocol` is what asyncio's create_server wants.

    A session keeps the Policy that was in force when its client connected, as a process of smtpd(8) keeps its
    configuration; `policy` may be replaced at any time.

    service     its name in master.cf
    policy      the service's Policy, None for the context's
    options     the protocol's options, None for the Site's; name, sizes and error limits are always the Site's
    resolver    for client names, which stay unknown without one
    on_verdict  told of every answer of the Policy: (session, question, verdict)
    """

    def __init__(
        self,
        context: Context,
        *,
        service: str = "smtp",
        policy: Policy | None = None,
        options: Options | None = None,
        resolver: Resolver | None = None,
        on_verdict: VerdictHook | None = None,
    ) -> None:
        self.context = context
        self.service = service
        self.policy = policy or context.policy
        self.base = options
        self.resolver = resolver
        self.on_verdict = on_verdict
        self.sessions: set[SmtpdSession] = set()
        self.clients: Counter[str] = Counter()
        self.stopping = False
        self._slots = asyncio.Semaphore(self.policy.site.limits.connections or 1_000_000)

    def protocol(self) -> SmtpdSession:
        return SmtpdSession(self)

    def options(self) -> Options:
        site = self.policy.site
        return replace(
            self.base or site.smtpd,
            hostname=site.hostname.value,
            line_length=site.limits.line_length,
            message_size=site.limits.message_size,
            recipients=site.limits.recipients,
            hard_errors=site.limits.hard_errors,
            junk_commands=site.limits.junk_commands,
        )

    async def close(self, grace: float = 5.0) -> None:
        """Idle sessions end now; those in a transaction have ``grace`` seconds to end it."""
        self.stopping = True
        for session in list(self.sessions):
            session.wind_up()
        tasks = [session.task for session in self.sessions if session.task is not None]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=grace)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    @property
    def slots(self) -> asyncio.Semaphore:
        return self._slots


class SmtpdSession(asyncio.Protocol):
    """One client."""

    transport: asyncio.Transport

    def __init__(self, server: Smtpd) -> None:
        self.server = server
        self.context = server.context
        self.policy = server.policy
        self.site = server.policy.site
        same_name = self.site.syslog_name == self.context.policy.site.syslog_name
        self._program = "smtpd" if same_name else f"{self.site.syslog_name}/smtpd"
        self.task: asyncio.Task[None] | None = None
        self.session = Session()
        self.connection = Connection(server.options())
        self._out = bytearray()
        self._waiter: asyncio.Future[None] | None = None
        self._writable: asyncio.Future[None] | None = None
        self._reading = True
        self._lost = False
        self._forget()

    def _forget(self) -> None:
        """A new transaction begins."""
        session = self.session
        session.sender, session.sender_parameters = None, {}
        session.recipient, session.recipient_parameters = None, {}
        session.recipients = []
        session.queue_id, session.size = "", 0
        self._recipients: list[Recipient] = []
        self._effects: list[Effect] = []
        self._content: list[bytes] = []
        self._size = 0  # of the content so far
        self._received = 0  # bytes, for the log of a lost connection
        self._arrival = 0.0
        self._chunk_verdict: Reply | None = None

    # asyncio's side.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        session = self.session
        session.client_address, session.client_port = peer(transport.get_extra_info("peername"))
        session.server_address, session.server_port = peer(transport.get_extra_info("sockname"))
        self.task = asyncio.get_running_loop().create_task(self._run())
        self.server.sessions.add(self)

    def data_received(self, data: bytes) -> None:
        self.connection.receive_data(data)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
        elif self._reading and self.connection.unread > _BUFFER:
            self._reading = False
            self.transport.pause_reading()

    def eof_received(self) -> bool:
        self._lost = True
        self._wake()
        return True  # what was pipelined before is still answered

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = True
        self._wake()
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def pause_writing(self) -> None:
        self._writable = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None

    def wind_up(self) -> None:
        """End the session when it is idle; otherwise it ends itself after its transaction."""
        self._wake()

    # The session.

    @property
    def client(self) -> str:
        return f"{self.session.client_name}[{self.session.client_address}]"

    def _log(self, text: str) -> None:
        self.context.log(self._program, text)

    async def _run(self) -> None:
        server, address = self.server, self.session.client_address
        server.clients[address] += 1
        try:
            async with server.slots:
                await self._name_client()
                self._log(f"connect from {self.client}")
                try:
                    if await self._greet(address):
                        await self._talk()
                except _Lost:
                    self._log(f"lost connection after {self._where()} from {self.client}")
                    self.connection.abandon()
                except _Idle:
                    self._log(f"timeout after {self._where()} from {self.client}")
                    self.connection.abandon()
                    self._say(Reply.of(421, f"4.4.2 {self.connection.options.hostname} Error: timeout exceeded"))
                summary = self.connection.summary()
                self._log(f"disconnect from {self.client} {summary}")
                self._write()
        finally:
            server.clients[address] -= 1
            if not server.clients[address]:
                del server.clients[address]
            server.sessions.discard(self)
            self.transport.close()

    def _where(self) -> str:
        state = self.connection.state
        verb = self.connection.verb or "UNKNOWN"
        return f"{verb} ({self._received} bytes)" if state in (State.BODY, State.OCTETS) else verb

    async def _name_client(self) -> None:
        session = self.session
        refresh = getattr(self.context.world, "refresh", None)
        if refresh is not None:
            refresh()
        if self.server.resolver is None or not self.site.peername_lookup:
            name = ClientName("unknown", "unknown")
        else:
            name = await self.server.resolver.client_name(session.client_address)
        session.client_name, session.reverse_name = name.verified, name.reverse
        self._authorize()

    def _authorize(self) -> None:
        """Who may use XCLIENT and XFORWARD (postconf(5) smtpd_authorized_xclient_hosts, *_xforward_hosts)."""
        site, name, address = self.site, self.session.client_name, self.session.client_address
        self.connection.xclient = matches(site.xclient_hosts.value, name, address)
        self.connection.xforward = matches(site.xforward_hosts.value, name, address)

    async def _greet(self, address: str) -> bool:
        limit = self.site.limits.connections_per_client
        host = self.site.hostname.value
        count = self.server.clients[address]
        exceptions = self.site.limit_exceptions.value
        if limit and count > limit and not matches(exceptions, self.session.client_name, address):
            service = self.server.service
            self._log(
                f"warning: Connection concurrency limit exceeded: {count} from {self.client} for service {service}"
            )
            self._say(Reply.of(421, f"4.7.0 {host} Error: too many connections from {address}"))
            return False
        verdict = await self._ask("connect")
        self._say(verdict.reply)
        return verdict.accepted

    async def _talk(self) -> None:
        connection = self.connection
        while True:
            event = connection.next_event()
            if event is Wait.CLOSED:
                return
            if isinstance(event, Wait):
                self._write()
                await self._wait()
                continue
            if isinstance(event, Content):
                self._take(event.data)
                continue
            replies = await self._answer(event)
            for reply in replies:
                await self._punish(reply)
                self._out += connection.send_reply(reply)
                self.session.errors = connection.errors
                if reply.code in (421, 521):
                    connection.close()
            if len(self._out) > _BUFFER:
                self._write()
            if self._writable is not None:
                await self._writable

    async def _wait(self) -> None:
        """Until there is more to read. Raises _Lost, _Idle."""
        connection = self.connection
        if self.server.stopping and connection.state in (State.IDLE, State.MAIL):
            self._say(Reply.of(421, f"4.3.2 {connection.options.hostname} Service shutting down"))
            connection.close()
            return
        if self._lost:
            raise _Lost
        if not self._reading:
            self._reading = True
            self.transport.resume_reading()
        loop = asyncio.get_running_loop()
        waiter = self._waiter = loop.create_future()
        before = connection.unread
        timer = loop.call_later(self.site.limits.smtpd_timeout, self._wake)
        deadline = loop.time() + self.site.limits.smtpd_timeout
        try:
            await waiter
        finally:
            timer.cancel()
            self._waiter = None
        if (
            connection.unread == before
            and not self._lost
            and not self.server.stopping
            and loop.time() >= deadline - 0.01
        ):
            raise _Idle

    def _say(self, reply: Reply) -> None:
        self._out += reply.wire()

    def _write(self) -> None:
        if self._out and not self.transport.is_closing():
            self.transport.write(bytes(self._out))
        self._out.clear()

    async def _punish(self, reply: Reply) -> None:
        """Slow down who made many errors (postconf(5) smtpd_soft_error_limit, smtpd_error_sleep_time)."""
        limits = self.site.limits
        if reply.code >= 400 and limits.error_sleep and self.connection.errors >= limits.soft_errors:
            self._write()
            await asyncio.sleep(limits.error_sleep)

    # Answers.

    async def _ask(self, question: str) -> Verdict:
        """Put one of the SMTP questions to the Policy."""
        ask = Ask(self.context.world)
        method: Any = getattr(self.policy, question)
        try:
            verdict: Verdict = await method(self.session, ask)
        except Exception as error:
            # A defect must not cost the client its session, nor pass for an answer that permits or refuses for good.
            at = error.__traceback__.tb_next if error.__traceback__ else None
            place = f"{at.tb_frame.f_code.co_filename}:{at.tb_lineno}" if at else "?"
            self._log(f"panic: {question}: {type(error).__name__}: {error} ({place})")
            verdict = Verdict(_INTERNAL, ask.trace)
        if self.server.on_verdict is not None:
            self.server.on_verdict(self.session, question, verdict)
        self._log_verdict(verdict)
        return verdict

    def _log_verdict(self, verdict: Verdict) -> None:
        queue_id = self.session.queue_id or "NOQUEUE"
        for note in verdict.notes:
            self._log(note if note.startswith("warning: ") else f"{queue_id}: {note}")
        if verdict.log:
            self._log(f"{queue_id}: reject: {verdict.log}")

    async def _answer(self, event: Event) -> list[Reply]:
        match event:
            case Refused():
                return [self._refused(event)]
            case Helo():
                return [await self._helo(event)]
            case Mail():
                return [await self._mail(event)]
            case Rcpt():
                return [await self._rcpt(event)]
            case Data():
                verdict = await self._ask("data")
                self._effects += verdict.effects
                return [verdict.reply]
            case ContentEnd():
                count = max(len(self._recipients), 1) if self.connection.options.lmtp else 1
                return [await self._end(self.connection.recipients, chunked=False)] * count
            case Bdat():
                if event.first:
                    verdict = await self._ask("data")
                    self._effects += verdict.effects
                    self._chunk_verdict = None if verdict.accepted else verdict.reply
                return []
            case ChunkEnd():
                return [await self._chunk(event)]
            case Vrfy():
                return [await self._vrfy(event)]
            case Etrn(domain):
                return [Reply.of(459, f"<{domain}>: service unavailable")]
            case Xclient():
                return [await self._xclient(event)]
            case Rset():
                self._forget()
                return [_OK]
            case Quit():
                return [_BYE]
            case Noop() | Xforward() | Starttls():
                return [_OK]
            case Content():
                return []

    def _refused(self, event: Refused) -> Reply:
        if event.reply.code == 421:
            self._log(f"too many errors after {event.verb or 'UNKNOWN'} from {self.client}")
        if event.warning:
            queue_id = self.session.queue_id or "NOQUEUE"
            self._log("warning: " + event.warning.replace("%q", queue_id, 1).replace("%s", self.client, 1))
        return event.reply

    async def _helo(self, event: Helo) -> Reply:
        session = self.session
        before = session.helo, session.protocol
        self._forget()
        session.helo = event.name
        session.protocol = "SMTP" if event.verb == "HELO" else "ESMTP"
        verdict = await self._ask("helo")
        if not verdict.accepted:
            session.helo, session.protocol = before
        return verdict.reply

    async def _mail(self, event: Mail) -> Reply:
        session = self.session
        self._forget()
        session.sender, session.sender_parameters = event.address, event.parameters
        self._arrival = self.context.world.now()
        verdict = await self._ask("mail")
        if verdict.accepted:
            self._effects += verdict.effects
        else:
            self._forget()
        return verdict.reply

    async def _rcpt(self, event: Rcpt) -> Reply:
        session = self.session
        session.recipient, session.recipient_parameters = event.address, event.parameters
        verdict = await self._ask("rcpt")
        if verdict.accepted:
            session.recipients.append(event.address)
            self._effects += verdict.effects
            parameters = event.parameters
            self._recipients.append(
                Recipient(event.address, event.address, parameters.get("ORCPT", ""), parameters.get("NOTIFY", ""))
            )
            if not session.queue_id and self.context.intake is not None:
                session.queue_id = self.context.intake.new_queue_id()
                login = f", sasl_username={session.sasl_username}" if session.sasl_username else ""
                self._log(f"{session.queue_id}: client={self.client}{login}")
        session.recipient, session.recipient_parameters = None, {}
        return verdict.reply

    async def _vrfy(self, event: Vrfy) -> Reply:
        self.session.recipient = event.address
        verdict = await self._ask("vrfy")
        self.session.recipient = None
        if verdict.reply.code == 252:
            return Reply.of(252, f"2.0.0 {event.typed}")
        return verdict.reply

    def _take(self, data: bytes) -> None:
        """A piece of content. What exceeds the limit is counted and dropped."""
        self._received += len(data) + data.count(b"\n")
        self._size += len(data)
        limit = self.connection.options.message_size
        if not limit or self._size <= limit:
            self._content.append(data)

    async def _chunk(self, event: ChunkEnd) -> Reply:
        refusal = event.refusal or self._chunk_verdict
        if refusal is not None:
            if event.refusal is not None and "exceeds message size" in refusal.text:
                queue_id = self.session.queue_id or "NOQUEUE"
                self._log(f"warning: {queue_id}: BDAT request from {self.client} exceeds message size limit")
            self._content.clear()
            if event.last:
                self._forget()
            return refusal
        if event.last:
            return await self._end(self.connection.recipients, chunked=True)
        self._received = 0
        return Reply.of(250, f"2.0.0 Ok: {event.size} bytes")

    async def _end(self, recipients: int, *, chunked: bool) -> Reply:
        """The message is complete: ask, hand it over, forget the transaction."""
        session = self.session
        content = b"".join(self._content).replace(b"\r", b" ")
        self._content.clear()
        if content and not content.endswith(b"\n"):
            content += b"\n"
        limit = self.connection.options.message_size
        reply = _NO_INTAKE
        if limit and self._size > limit:
            self._log(f"warning: {session.queue_id or 'NOQUEUE'}: queue file size limit exceeded")
            reply = _TOO_BIG
        else:
            session.size = len(content)
            verdict = await self._ask("end_of_data")
            reply = verdict.reply
            if verdict.accepted:
                self._effects += verdict.effects
                reply = await self._hand_over(content, reply)
                if reply.positive and chunked:
                    size = len(content) + content.count(b"\n")
                    reply = Reply.of(reply.code, reply.text.replace("Ok: queued", f"Ok: {size} bytes queued", 1))
        self._forget()
        return reply

    async def _hand_over(self, content: bytes, reply: Reply) -> Reply:
        session, intake = self.session, self.context.intake
        if intake is None:
            return _NO_INTAKE
        parameters = session.sender_parameters
        message = Message(
            queue_id=session.queue_id,
            sender=session.sender or "",
            recipients=self._recipients,
            content=self._trace_header() + guard(content),
            arrival=self._arrival,
            body=parameters.get("BODY", ""),
            ret=parameters.get("RET", ""),
            envid=parameters.get("ENVID", ""),
            session=replace(session, recipients=list(session.recipients)),
            effects=tuple(self._effects),
            local=is_local(session, self.site),
        )
        try:
            await intake.accept(message)
        except IntakeRefused as refused:
            return refused.reply
        return reply

    def _trace_header(self) -> bytes:
        """The Received field (RFC 5321 4.4) in Postfix's form; with several recipients none is named."""
        session, site = self.session, self.site
        helo = (session.helo or session.client_name).translate(_HELO_NEUTRAL)
        address = f"IPv6:{session.client_address}" if ":" in session.client_address else session.client_address
        with_ = session.protocol
        if "SMTPUTF8" in session.sender_parameters:
            with_ = "UTF8SMTP"
        if session.sasl_username:
            with_ += "A"
        lines = [
            f"Received: from {helo} ({session.client_name} [{address}])",
            f"\tby {site.hostname.value} ({site.mail_name}) with {with_} id {session.queue_id}",
        ]
        when = date(self._arrival or time.time())
        if len(self._recipients) == 1:
            lines.append(f"\tfor <{external(self._recipients[0].original)}>; {when}")
        else:
            lines[-1] += ";"
            lines.append(f"\t{when}")
        return encode("\n".join(lines) + "\n")

    async def _xclient(self, event: Xclient) -> Reply:
        """Become another client (XCLIENT_README): what is not given stays, the session begins anew."""
        session, given = self.session, event.attributes
        self._forget()
        session.helo, session.protocol = None, "SMTP"

        def apply(name: str, field: str, missing: str) -> None:
            if name in given:
                value = given[name]
                setattr(session, field, missing if value is None else value)

        for name, field, missing in _XCLIENT_FIELDS:
            apply(name, field, missing)
        if "NAME" in given and "REVERSE_NAME" not in given:
            session.reverse_name = session.client_name
        if session.client_address[:5].upper() == "IPV6:":
            session.client_address = session.client_address[5:]
        if given.get("PROTO"):
            session.protocol = (given["PROTO"] or "").upper()
        if "LOGIN" in given:
            session.sasl_method = "XCLIENT" if session.sasl_username else ""
        self._authorize()
        return (await self._ask("connect")).reply


_XCLIENT_FIELDS = (
    ("NAME", "client_name", "unknown"),
    ("REVERSE_NAME", "reverse_name", "unknown"),
    ("ADDR", "client_address", "unknown"),
    ("PORT", "client_port", "unknown"),
    ("DESTADDR", "server_address", "unknown"),
    ("DESTPORT", "server_port", "unknown"),
    ("HELO", "helo", ""),
    ("LOGIN", "sasl_username", ""),
)
