"""The SMTP listener's sessions: asyncio around `mailconf.smtp.server` and the answers of `mailconf.mta.answers`.

One client costs no other its turn: after some events of a session the others go on; nothing is read of a client whose
session waits, and no more than a buffer of one whose commands are being answered; a client that does not read what is
sent to it is cut off after smtpd_timeout, as one that sends nothing; when a client is gone, its commands are dropped.

Departures: a session over the limit of all sessions waits for its greeting (Postfix leaves it in the listen queue),
unless the configuration wants it refused (sendmail's MaxDaemonChildren): then who listens is told to stop. A session
that is idle when the server stops gets a 421.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

from mailconf.model.security import ServerTls
from mailconf.model.session import NO_NAME
from mailconf.mta.answers import Answers
from mailconf.mta.client_limits import ClientLimits
from mailconf.mta.journal import LogEvent
from mailconf.mta.measures import Refusal
from mailconf.mta.resolver import peer, reset
from mailconf.mta.transcript import report
from mailconf.smtp.events import COUNTED, LAST, ChunkEnd, Content, ContentEnd, SessionState, Wait
from mailconf.smtp.problems import Problem
from mailconf.smtp.reply import Reply

if TYPE_CHECKING:
    from mailconf.mta.smtp_service import SmtpService
    from mailconf.mta.tls import Offered, ServerLayer
    from mailconf.smtp.proxy_header import Endpoints

_BUFFER = 262_144  # bytes read ahead of the work
_REPLIES = 16_384  # bytes of replies that are gathered
_TURNS = 32  # events after which other sessions have their turn
_SHOWN = 100  # bytes of improper pipelining, in the log


class _Lost(Exception):
    """The client hung up."""


class _Idle(Exception):
    """The client was silent for too long."""


class SmtpSession(asyncio.Protocol):
    """One client."""

    transport: asyncio.Transport

    def __init__(self, server: SmtpService, screened: Endpoints | None = None) -> None:
        """``screened``: whose connection it is, where the client has been tested and is handed on."""
        self.server = server
        self.context = server.context
        self.measures = server.context.measures
        self.policy = server.policy
        self.site = server.policy.site
        same_name = self.site.syslog_name == self.context.policy.site.syslog_name
        self._prefix = "" if same_name else f"{self.site.syslog_name}/"
        self.task: asyncio.Task[None] | None = None
        self.wording = self.context.personality.wording
        self.connection = self.context.personality.connection(server.options(), self.wording)
        server.prepare()  # the head: what has come before it is known whose connection this is, if a proxy says that
        proxied = bool(self.connection.options.proxy_protocol) and screened is None
        self._head: bytearray | None = bytearray() if proxied else None
        self._ends = screened
        self._offer = server.tls
        self._layer: ServerLayer | None = None
        self.answers = Answers(
            self.context,
            self.policy,
            self.connection,
            self._note,
            server.on_verdict,
            logins=server.logins,
            has_tls=server.tls is not None,
            root=server.root,
        )
        self.session = self.answers.session
        self.limits = ClientLimits(self.answers, server.service, server.clients, server.doings, self._note)
        self.answers.limits = self.limits
        self._out = bytearray()
        self._early = b""  # came with what the proxy has said
        self._waiter: asyncio.Future[None] | None = None
        self._writable: asyncio.Future[None] | None = None
        self._reading = False
        self._lost = False  # nothing more will come
        self._gone = False  # nothing can be sent any more, either
        self._stuck = False  # the client did not read in time
        self._failed = False  # TLS is broken

    # asyncio's side.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # other loops' are no subclasses of it
        self.transport.pause_reading()  # until the session has its turn
        admitted = self.server.begun(self)
        self.measures.connected(self.server.service)
        if not admitted:
            self.measures.refused(self.server.service, Refusal.FULL)
            reset(self.transport)
            return
        loop = asyncio.get_running_loop()
        loop.call_soon(self._stay_paused)
        session = self.session
        ends = (*peer(transport.get_extra_info("peername")), *peer(transport.get_extra_info("sockname")))
        session.client_address, session.client_port, session.server_address, session.server_port = self._ends or ends
        self.task = loop.create_task(self._run())

    def _stay_paused(self) -> None:
        """Up to Python 3.11.4 the loop begins to read after `connection_made`, even if that has paused it."""
        if not self._reading and not self._gone:
            self.transport.resume_reading()
            self.transport.pause_reading()

    def data_received(self, data: bytes) -> None:
        if self._head is not None:
            self._head += data
        else:
            self.connection.receive_data(data if self._layer is None else self._unwrapped(self._layer, data))
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
        elif self._reading and self.connection.unread + len(self._head or b"") > _BUFFER:
            self._reading = False
            self.transport.pause_reading()

    def eof_received(self) -> bool:
        self._lost = True
        self._wake()
        return True  # what was pipelined before is still answered

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = self._gone = True
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

    def _note(self, event: LogEvent, /, **facts: Any) -> None:
        self.context.note_as(self._prefix, event, facts)

    async def _run(self) -> None:
        server = self.server
        try:
            if self._head is None:
                self.limits.arrive()
            async with server.slots:
                await self._wait_for_turn()
                introduced = self._head is None or await self._introduce(self._head)
                if introduced is None:
                    return
                await self._name_client()
                self._note(LogEvent.CONNECTED, client=self.answers.client)
                greeted, reason = True, ""
                try:
                    if not introduced:
                        await self._refuse(Problem.LOCAL_ERROR)
                    greeted = introduced and await self._wrap() and await self._greet()
                    if greeted:
                        await self._talk()
                except _Lost:
                    reason = "lost connection"
                    self._note(LogEvent.CONNECTION_LOST, **self._ending())
                    self.connection.abandon()
                except _Idle:
                    reason = "timeout"
                    self._note(LogEvent.TIMED_OUT, **self._ending())
                    self.connection.abandon()
                    await self._refuse(Problem.TIMEOUT)
                connection = self.connection
                facts = {"counts": connection.counts, "bare_lf": connection.bare_lf, "queue_id": self.session.queue_id}
                self._note(LogEvent.DISCONNECTED, client=self.answers.client, greeted=greeted, **facts)
                self.answers.end()
                await self._finish()
                if self.answers.transcript is not None and self.answers.transcript.classes:
                    await report(self.context, self.site, self.session, self.answers.transcript, reason)
        finally:
            self.limits.leave()
            server.sessions.discard(self)
            self._hang_up()

    async def _wait_for_turn(self) -> None:
        """Where more connections come in a second than are taken."""
        seconds = self.server.throttle.note()
        if seconds:
            rate = self.site.limits.connection_rate
            self._note(LogEvent.DEFERRED, service=self.server.service, rate=rate)
            await self._linger(seconds)

    async def _introduce(self, head: bytearray) -> bool | None:
        """Read whose connection the proxy hands on; False where it does not say so, None where nobody is served."""
        from mailconf.mta.introduction import PROTOCOL, introduction
        from mailconf.smtp.proxy_header import LIMIT, Fault

        options, session = self.connection.options, self.session
        if options.proxy_protocol != PROTOCOL:
            self._note(LogEvent.NO_PROXY_PROTOCOL, value=options.proxy_protocol)
            return None
        found = await introduction(head, self._more, options, self.site.limits.proxy_timeout, _Lost)
        self._head = None
        if isinstance(found, Fault):
            self._note(LogEvent.NOT_INTRODUCED, fault=found, data=bytes(head[:LIMIT]))
            return False
        if found.endpoints is not None:
            session.client_address, session.client_port, session.server_address, session.server_port = found.endpoints
        self.limits.arrive()
        self._early = bytes(head[found.size :])
        if self.site.tls is None or not self.site.tls.wrapper:
            self.connection.receive_data(self._early)
        return True

    # TLS

    def _unwrapped(self, layer: ServerLayer, data: bytes) -> bytes:
        """What ``data`` means; what is no TLS ends the session."""
        from mailconf.mta.tls import meant

        said, failure = meant(layer, data)
        self._lost = self._lost or layer.closed
        if failure is not None:
            self._note(LogEvent.TLS_FAILED, client=self.answers.client, reason=failure)
            self._lost = self._failed = True
        if not self.transport.is_closing():
            self.transport.write(layer.data_to_send())
        return said

    async def _wrap(self) -> bool:
        """Begin with TLS where the service does so; False where it should and cannot."""
        tls = self.site.tls
        if tls is None or not tls.wrapper:
            return True
        if self._offer is None:
            self.measures.refused(self.server.service, Refusal.TLS)
            self.answers.need_id()
            self._note(LogEvent.NO_WRAPPER, queue_id=self.session.queue_id)
            return False
        if self.limits.refuses_tls(wrapper=True) is not None:
            return False
        await self._begin_tls(self._offer, tls)
        if self.connection.state is SessionState.CLOSED:
            return False
        if self.connection.unproven:
            self._note(LogEvent.NO_CERTIFICATE, client=self.answers.client)
            await self._refuse(Problem.NO_CERTIFICATE)
            return False
        return True

    async def _begin_tls(self, offer: Offered, tls: ServerTls) -> None:
        """Raises _Lost, _Idle. Nothing that has come so far is read under TLS."""
        connection, answers = self.connection, self.answers
        self._write()
        connection.begin_tls()
        layer = self._layer = offer.layer(asks=self.session.certificate_wanted)
        if tls.wrapper and self._early:
            self.data_received(self._early)
        try:
            async with asyncio.timeout(tls.timeout or None):
                while not layer.established:
                    await self._more()
        except TimeoutError:
            self.measures.secured(client=False, good=False)
            self.limits.shake_hands()
            raise _Idle from None
        except _Lost:
            self.measures.secured(client=False, good=False)
            if not self._failed:
                self._note(LogEvent.HANDSHAKE_LOST, client=answers.client)
            if self.limits.shake_hands() is None:
                raise
            self._end_handshake()
            return
        from mailconf.mta.tls import describe

        describe(self.session, layer, layer.facts(), tls, offer)
        if tls.logged > 0:
            self._note(LogEvent.TLS_BEGUN, client=answers.client, session=self.session)
        refusal = None if layer.resumed else self.limits.shake_hands()
        if refusal is not None:
            self._say(await answers.worded(refusal))
            self._end_handshake()
            return
        connection.secured()
        self.measures.secured(client=False, good=True)
        verdict = await answers.secured()
        connection.denied = verdict.denied or connection.denied
        connection.unproven = tls.require and self.session.certificate is None
        if not tls.wrapper and not await answers.login.prepare():
            await self._refuse(Problem.NO_LOGINS)
            connection.close()

    def _end_handshake(self) -> None:
        """End the session, and the command that has begun TLS without success."""
        self.connection.abandon()
        self.connection.close()

    async def _more(self) -> None:
        """Until something has come. Raises _Lost."""
        if self._lost:
            raise _Lost
        if not self._reading:
            self._reading = True
            self.transport.resume_reading()
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _hang_up(self) -> None:
        """End the connection. Its end is sent before anything else: to a client that had sent more, which nobody reads
        any more, closing alone would reset the connection. What a client did not read in time is dropped."""
        self.answers.login.give_up()
        self.answers.filters.close()
        if self._layer is not None and not self.transport.is_closing():
            self._layer.close()
            self.transport.write(self._layer.data_to_send())
        if self.transport.can_write_eof() and not self.transport.is_closing():
            with suppress(OSError):  # the client is gone
                self.transport.write_eof()
        self.transport.abort()

    def _ending(self) -> dict[str, Any]:
        """Where the session ended, for the log."""
        in_content = self.connection.state in (SessionState.BODY, SessionState.OCTETS)
        octets = self.answers.received if in_content else None
        return {
            "client": self.answers.client,
            "where": self.connection.verb,
            "octets": octets,
            **self.answers.message(),
        }

    async def _name_client(self) -> None:
        session = self.session
        refresh = getattr(self.context.world, "refresh", None)
        if refresh is not None:
            refresh()
        if self.server.resolver is None or not self.site.peername_lookup:
            session.client_name = session.reverse_name = NO_NAME
        else:
            names = await self.server.resolver.client_names(session.client_address)
            session.client_name, session.reverse_name = names
        await self.answers.authorize()
        await self.limits.meet()

    async def _greet(self) -> bool:
        refusal = self.limits.begin()
        if refusal is not None:
            self._unserved(refusal)
            self._say(await self.answers.worded(refusal))
            return False
        if self._early and self._layer is None:
            ahead = self._early[:_SHOWN]
            self._note(LogEvent.IMPROPER_PIPELINING, client=self.answers.client, verb="CONNECT", ahead=ahead)
            self.session.early_input = True
        self.session.connections = self.limits.connections
        self.session.rate, self.session.total_rate = self.server.rates.note(self.session.client_address)
        verdict = await self.answers.connect()
        if verdict.hasty is not None and await self._talks_within(verdict.pause):
            self.session.hasty = True
            self.connection.denied = verdict.hasty.denied
            self._say(verdict.hasty.greeting)
            return True
        self._say(verdict.reply)
        if verdict.accepted:
            return True
        self._unserved(verdict.reply)
        self.connection.errors += 1
        return verdict.reply.code not in (421, 521)

    def _unserved(self, greeting: Reply) -> None:
        self.measures.refused(self.server.service, Refusal.GREETING)
        self.measures.answered(None, greeting)

    async def _talks_within(self, seconds: float) -> bool:
        """Whether the client sends something before ``seconds`` are over. Raises _Lost."""
        loop = asyncio.get_running_loop()
        if not self._reading:
            self._reading = True
            self.transport.resume_reading()
        waiter = self._waiter = loop.create_future()
        timer = loop.call_later(seconds, self._wake)
        try:
            if not self.connection.unread and not self._lost:
                await waiter
        finally:
            timer.cancel()
            self._waiter = None
        if self._lost and not self.connection.unread:
            raise _Lost
        return self.connection.unread > 0

    async def _talk(self) -> None:
        connection = self.connection
        turns = 0
        while True:
            if self._gone:
                raise _Lost
            turns += 1
            if turns % _TURNS == 0:
                await asyncio.sleep(0)
            event = connection.next_event()
            if event is Wait.CLOSED:
                return
            if event is Wait.HANDSHAKE:
                if self._offer is None or self.site.tls is None:
                    raise RuntimeError("STARTTLS was accepted without TLS")
                await self._begin_tls(self._offer, self.site.tls)
                continue
            if isinstance(event, Wait):
                self._write()
                await self._drain()
                if event is Wait.DEAF:
                    raise _Lost
                await self._wait()
                continue
            if isinstance(event, Content):
                self.answers.take(event.data)
                continue
            if not isinstance(event, ContentEnd | ChunkEnd) and self._is_out_of_step():
                if connection.options.forbid_pipelining:
                    self.measures.answered(event, self.wording.refusal(Problem.OUT_OF_STEP))
                    self._out += connection.refuse(Problem.OUT_OF_STEP)
                    continue
                self.session.early_input = True
            if connection.slowed is not None:
                await self._slow()
            self.answers.heard(event, connection.line)
            replies = await self.answers.answer(event)
            if self.answers.pause:
                await self._linger(self.answers.pause)
                self.answers.pause = 0.0
            if self.answers.remarks:
                self._remark()
            for reply in replies:
                self.measures.answered(event, reply)
                await self._punish(reply)
                self._out += connection.send_reply(reply)
                self.answers.said(reply)
                self.session.errors = connection.errors
                if reply.code in (421, 521):
                    connection.close()
            if len(self._out) > _REPLIES:
                self._write()
            if self._writable is not None:
                await self._drain()

    async def _slow(self) -> None:
        """Let a client wait that repeats a command."""
        slowed, self.connection.slowed = self.connection.slowed, None
        if slowed is None:
            return
        if slowed.first:
            facts = {"verb": slowed.verb, "count": slowed.number, "queue_id": self.session.queue_id}
            self._note(LogEvent.SLOWED, client=self.answers.client, **facts)
        await self._linger(slowed.seconds)

    async def _linger(self, seconds: float) -> None:
        """Let the client wait, with the replies before this one. The end of its connection or of the server is not
        waited for."""
        self._write()
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while not self._gone and not self.server.stopping and loop.time() < end:
            waiter = self._waiter = loop.create_future()
            timer = loop.call_at(end, self._wake)
            try:
                await waiter
            finally:
                timer.cancel()
                self._waiter = None

    def _is_out_of_step(self) -> bool:
        """Whether the client did not wait for a reply where it must (RFC 2920 3.1); looked at until it is seen once."""
        session, verb = self.session, self.connection.verb
        if session.early_input or verb.lower() not in COUNTED:
            return False
        ahead = self.connection.ahead(_SHOWN)
        if not ahead or (verb not in LAST and session.protocol == "ESMTP"):
            return False
        self._note(LogEvent.IMPROPER_PIPELINING, client=self.answers.client, verb=verb, ahead=ahead)
        return True

    async def _wait(self) -> None:
        """Until there is more to read. Raises _Lost, _Idle."""
        connection = self.connection
        if self.server.stopping and connection.state in (SessionState.IDLE, SessionState.MAIL):
            self._say(self.wording.refusal(Problem.SHUTTING_DOWN, host=connection.options.hostname))
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
        timer = loop.call_later(self.site.limits.session_timeout, self._wake)
        deadline = loop.time() + self.site.limits.session_timeout
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

    async def _drain(self) -> None:
        """Until the client has read enough of what was sent. Raises _Idle when it does not in smtpd_timeout."""
        if self._writable is not None:
            await asyncio.wait((self._writable,), timeout=self.site.limits.session_timeout)
            if self._writable is not None and not self._gone:
                self._out.clear()
                self._stuck = True
                raise _Idle

    async def _finish(self) -> None:
        """Send what is left, within smtpd_timeout; a client that does not read it is not waited for twice."""
        self._write()
        if self._gone or self._stuck:
            return
        self.transport.set_write_buffer_limits(0)
        with suppress(_Idle):
            await self._drain()

    async def _refuse(self, problem: Problem, **facts: str) -> None:
        reply = self.wording.refusal(problem, host=self.connection.options.hostname, **facts)
        self._say(await self.answers.worded(reply))

    def _remark(self) -> None:
        for remark in self.answers.remarks:
            self._out += remark.wire()
        self.answers.remarks.clear()

    def _say(self, reply: Reply) -> None:
        self.answers.said(reply)
        self._out += reply.wire()

    def _write(self) -> None:
        if self._out and not self.transport.is_closing():
            self.transport.write(self._wrapped(bytes(self._out)))
        self._out.clear()

    def _wrapped(self, data: bytes) -> bytes:
        """``data`` as the connection carries it."""
        layer = self._layer
        if layer is None:
            return data
        if not layer.established:
            return b""  # there is nobody to whom it could be said
        layer.send(data)
        return layer.data_to_send()

    async def _punish(self, reply: Reply) -> None:
        """Slow down who made many errors (postconf(5) smtpd_soft_error_limit, smtpd_error_sleep_time)."""
        limits = self.site.limits
        if reply.code >= 400 and limits.error_sleep and self.connection.errors >= limits.soft_errors:
            self._write()
            await asyncio.sleep(limits.error_sleep)
