"""What smtpd(8) answers to the events of one session: the Policy's verdicts, the log's lines about them, the message.

Each command is put to the Policy over the MTA's World; a message goes to the Intake, and its 250 is sent when the
Intake has returned.

Departures: XFORWARD is accepted and has no effect on the log. ETRN is syntax only: every domain is answered 459, as
Postfix answers domains that it does not relay for.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from mailconf.model.address import external
from mailconf.model.policy import Policy, Privilege
from mailconf.model.session import Session
from mailconf.model.verdict import Effect, Verdict
from mailconf.model.world import Ask, LookupFailed
from mailconf.mta.cleanup import date
from mailconf.mta.headers import guard
from mailconf.mta.message import Context, IntakeRefused, Message, Recipient
from mailconf.smtp.events import (
    Bdat,
    ChunkEnd,
    Content,
    ContentEnd,
    Data,
    Etrn,
    Event,
    Helo,
    Help,
    Mail,
    Noop,
    Quit,
    Rcpt,
    Refused,
    Rset,
    Starttls,
    Vrfy,
    Xclient,
    Xforward,
)
from mailconf.smtp.options import BareNewline
from mailconf.smtp.reply import Reply
from mailconf.smtp.server import Connection
from mailconf.source import encode

_OK = Reply.of(250, "2.0.0 Ok")
HELP = Reply.of(
    214,
    "2.0.0 Commands: AUTH BDAT DATA EHLO ETRN HELO HELP MAIL NOOP QUIT RCPT RSET STARTTLS VRFY XCLIENT XFORWARD",
)
_BYE = Reply.of(221, "2.0.0 Bye")
_TOO_BIG = Reply.of(552, "5.3.4 Error: message file too big")
_NO_INTAKE = Reply.of(451, "4.3.0 Error: queue file write error")
_INTERNAL = Reply.of(451, "4.3.0 Error: internal error")
_HELO_NEUTRAL = str.maketrans(dict.fromkeys('<>()\\";@ ', "?"))

VerdictHook = Callable[[Session, str, Verdict], None]


class Answers:
    """One session's. ``session`` is what the Policy sees of it, ``received`` the content's bytes so far.

    policy      asked throughout the session
    connection  the protocol's side; it gets who may use XCLIENT and XFORWARD
    log         a line
    on_verdict  gets every answer of the Policy: (session, question, verdict)
    """

    def __init__(
        self,
        context: Context,
        policy: Policy,
        connection: Connection,
        log: Callable[[str], None],
        on_verdict: VerdictHook | None = None,
    ) -> None:
        self.context = context
        self.policy = policy
        self.site = policy.site
        self.connection = connection
        self.session = Session()
        self._log = log
        self._on_verdict = on_verdict
        self._forget()

    def _forget(self) -> None:
        """A new transaction begins."""
        session = self.session
        session.sender, session.sender_parameters = None, {}
        session.recipient, session.recipient_parameters = None, {}
        session.recipients = []
        session.queue_id, session.size, session.chunked = "", 0, False
        self._recipients: list[Recipient] = []
        self._effects: list[Effect] = []
        self._content: list[bytes] = []
        self._size = 0  # of the content so far
        self.received = 0  # bytes, for the log of a lost connection
        self._arrival = 0.0
        self._local_headers = False  # whether header addresses without a domain are local ones
        self._chunk_verdict: Reply | None = None

    @property
    def client(self) -> str:
        return f"{self.session.client_name}[{self.session.client_address}]"

    async def authorize(self) -> None:
        """What the client may do: use XCLIENT and XFORWARD (postconf(5) smtpd_authorized_xclient_hosts,
        *_xforward_hosts), end lines by LF alone (smtpd_forbid_bare_newline_exclusions)."""
        connection = self.connection
        connection.xclient = await self.may(Privilege.XCLIENT)
        connection.xforward = await self.may(Privilege.XFORWARD)
        limited = connection.options.bare_newline is not BareNewline.ALLOW
        connection.bare_newlines = limited and bool(await self.may(Privilege.BARE_NEWLINES))

    async def may(self, privilege: Privilege) -> bool | None:
        """Whether the client has a privilege; None, and a line in the log, where a list cannot be asked."""
        try:
            return await self.policy.may(self.session, privilege, Ask(self.context.world))
        except LookupFailed as failure:
            self._log(f"warning: {_LISTS[privilege]}: {failure.table}: table lookup problem")
            return None

    async def connect(self) -> Verdict:
        """The greeting, or what refuses the client: then its commands are refused, too, until it ends the session."""
        verdict = await self.ask("connect")
        self.connection.withheld = self.session.withheld
        denied = Reply.of(503, f"5.7.0 Error: access denied for {self.client}")
        self.connection.denied = None if verdict.accepted else denied
        return verdict

    async def worded(self, reply: Reply) -> Reply:
        """A reply that is not the Policy's as the configuration wants it (smtpd_reject_footer, soft_bounce)."""
        try:
            worded = await self.policy.worded(self.session, reply, Ask(self.context.world))
        except Exception as error:  # as in `ask`
            self._log(f"panic: worded: {type(error).__name__}: {error}")
            return reply
        return reply if worded.positive else worded

    async def ask(self, question: str) -> Verdict:
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
        if self._on_verdict is not None:
            self._on_verdict(self.session, question, verdict)
        self._log_verdict(verdict)
        return verdict

    def _log_verdict(self, verdict: Verdict) -> None:
        queue_id = self.session.queue_id or "NOQUEUE"
        for note in verdict.notes:
            self._log(note if note.startswith("warning: ") else f"{queue_id}: {note}")
        if verdict.log:
            self._log(f"{queue_id}: reject: {verdict.log}")

    async def answer(self, event: Event) -> list[Reply]:
        match event:
            case Refused():
                return [await self.worded(self._refused(event))]
            case Helo():
                return [await self._helo(event)]
            case Mail():
                return [await self._mail(event)]
            case Rcpt():
                return [await self._rcpt(event)]
            case Data():
                verdict = await self.ask("data")
                self._effects += verdict.effects
                return [verdict.reply]
            case ContentEnd():
                count = max(len(self._recipients), 1) if self.connection.options.lmtp else 1
                if event.refusal is not None:
                    self._reject("END-OF-MESSAGE", event.rejected)
                    self._forget()
                    return [event.refusal] * count
                return [await self._end(self.connection.recipients, chunked=False)] * count
            case Bdat():
                if event.first:
                    self.session.chunked = True
                    verdict = await self.ask("data")
                    self._effects += verdict.effects
                    self._chunk_verdict = None if verdict.accepted else verdict.reply
                return []
            case ChunkEnd():
                return [await self._chunk(event)]
            case Vrfy():
                return [await self._vrfy(event)]
            case Etrn(domain):
                return [await self.worded(Reply.of(459, f"<{domain}>: service unavailable"))]
            case Xclient():
                return [await self._xclient(event)]
            case Rset():
                self._forget()
                return [_OK]
            case Quit():
                return [_BYE]
            case Help():
                return [HELP]
            case Noop() | Xforward() | Starttls():
                return [_OK]
            case Content():
                return []

    def _refused(self, event: Refused) -> Reply:
        if event.reply.code == 421 and not event.warning:
            self._log(self.ending(f"too many errors after {event.verb or 'UNKNOWN'}"))
        if event.rejected:
            self._reject(event.verb, event.rejected)
        if event.warning:
            queue_id = self.session.queue_id or "NOQUEUE"
            self._log("warning: " + event.warning.replace("%q", queue_id, 1).replace("%s", self.client, 1))
            if event.reply.code == 421:
                self._log(f"{queue_id}: reject: {event.verb} from {self.client}: {event.reply}")
        return event.reply

    def ending(self, what: str) -> str:
        """The log's line for the end of a session, with the message's queue id where the options want it."""
        message = f"{self.session.queue_id or 'NOQUEUE'}: " if self.connection.options.endings_named else ""
        return f"{message}{what} from {self.client}"

    def _reject(self, where: str, reason: str) -> None:
        """The log's line of what the protocol side rejects."""
        session = self.session
        about = [] if session.sender is None else [f"from=<{external(session.sender)}>"]
        about += [f"to=<{external(recipient.address)}>" for recipient in self._recipients[:1]]
        about.append(f"proto={session.protocol}")
        about += [] if session.helo is None else [f"helo=<{session.helo}>"]
        queue_id = session.queue_id or "NOQUEUE"
        self._log(f"{queue_id}: reject: {where} from {self.client}: {reason}; {' '.join(about)}")

    async def _helo(self, event: Helo) -> Reply:
        session = self.session
        before = session.helo, session.protocol
        session.helo = event.name.translate(_HELO_NEUTRAL)
        session.protocol = "SMTP" if event.verb == "HELO" else "ESMTP"
        verdict = await self.ask("helo")
        if verdict.accepted:
            self._forget()
        else:
            session.helo, session.protocol = before
        return verdict.reply

    async def _mail(self, event: Mail) -> Reply:
        session = self.session
        self._forget()
        session.sender, session.sender_parameters = event.address, event.parameters
        self._arrival = self.context.world.now()
        verdict = await self._unless(event.refusal, "mail")
        if verdict.accepted:
            self._effects += verdict.effects
            self._local_headers = bool(await self.may(Privilege.LOCAL_HEADERS))
        else:
            self._forget()
        return verdict.reply

    async def _unless(self, objection: Reply | None, question: str) -> Verdict:
        """The Policy's verdict; ``objection``, which the Policy may only precede, is never accepted."""
        self.session.objection = objection
        verdict = await self.ask(question)
        self.session.objection = None
        if objection is not None and verdict.accepted:
            verdict = Verdict(await self.worded(objection), verdict.trace)
        return verdict

    async def _rcpt(self, event: Rcpt) -> Reply:
        session = self.session
        session.recipient, session.recipient_parameters = event.address, event.parameters
        verdict = await self._unless(event.refusal, "rcpt")
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
        verdict = await self.ask("vrfy")
        self.session.recipient = None
        if verdict.reply.code == 252:
            return Reply.of(252, f"2.0.0 {event.typed}")
        return verdict.reply

    def take(self, data: bytes) -> None:
        """A piece of content. What exceeds the limit is counted and dropped."""
        self.received += len(data) + data.count(b"\n")
        self._size += len(data)
        limit = self.connection.options.message_size
        if not limit or self._size <= limit:
            self._content.append(data)

    async def _chunk(self, event: ChunkEnd) -> Reply:
        refusal = event.refusal or self._chunk_verdict
        if refusal is not None:
            if event.refusal is not None:
                queue_id = self.session.queue_id or "NOQUEUE"
                if event.rejected:
                    self._reject("END-OF-MESSAGE" if event.last else "BDAT content", event.rejected)
                elif "exceeds message size" in refusal.text:
                    self._log(f"warning: {queue_id}: BDAT request from {self.client} exceeds message size limit")
                elif "Null BDAT" in refusal.text:
                    self._log(f"warning: {queue_id}: null BDAT request from {self.client}")
            self._content.clear()
            if event.last:
                self._forget()
            return await self.worded(refusal) if event.refusal is not None else refusal
        if event.last:
            return await self._end(self.connection.recipients, chunked=True)
        self.received = 0
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
            reply = await self.worded(_TOO_BIG)
        else:
            session.size = len(content)
            verdict = await self.ask("end_of_data")
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
            return await self.worded(_NO_INTAKE)
        parameters = session.sender_parameters
        message = Message(
            queue_id=session.queue_id,
            sender=session.sender or "",
            recipients=self._recipients,
            content=self._trace_header() + guard(content, self.connection.options.from_lines),
            arrival=self._arrival,
            body=parameters.get("BODY", ""),
            ret=parameters.get("RET", ""),
            envid=parameters.get("ENVID", ""),
            session=replace(session, recipients=list(session.recipients)),
            effects=tuple(self._effects),
            local=self._local_headers,
        )
        try:
            await intake.accept(message)
        except IntakeRefused as refused:
            return await self.worded(refused.reply)
        return reply

    def _trace_header(self) -> bytes:
        """The Received field (RFC 5321 4.4) in Postfix's form; with several recipients no recipient is named."""
        session, site = self.session, self.site
        receiver = f"by {site.hostname.value} ({site.mail_name})"
        if self.connection.options.hide_client_session:
            lines = [f"Received: {receiver} id {session.queue_id}"]
        else:
            lines = [self._client_line(), f"\t{receiver} with {self._protocol()} id {session.queue_id}"]
        when = date(self._arrival or time.time())
        if len(self._recipients) == 1:
            lines.append(f"\tfor <{external(self._recipients[0].original)}>; {when}")
        else:
            lines[-1] += ";"
            lines.append(f"\t{when}")
        return encode("\n".join(lines) + "\n")

    def _client_line(self) -> str:
        """Its name as the client gave it, then as it was found."""
        session = self.session
        helo = (session.helo or session.client_name.text).translate(_HELO_NEUTRAL)
        address = f"IPv6:{session.client_address}" if ":" in session.client_address else session.client_address
        return f"Received: from {helo} ({session.client_name} [{address}])"

    def _protocol(self) -> str:
        """RFC 3848's name of the protocol, and RFC 6531's."""
        name = "UTF8SMTP" if "SMTPUTF8" in self.session.sender_parameters else self.session.protocol
        return f"{name}A" if self.session.sasl_username else name

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
        session.take_names(given, event.temporary)
        if session.client_address[:5].upper() == "IPV6:":
            session.client_address = session.client_address[5:]
        if given.get("PROTO"):
            session.protocol = (given["PROTO"] or "").upper()
        if "LOGIN" in given:
            session.sasl_method = "XCLIENT" if session.sasl_username else ""
        await self.authorize()
        return (await self.connect()).reply


# What the log calls the lists of clients.
_LISTS = {
    Privilege.XCLIENT: "smtpd_authorized_xclient_hosts",
    Privilege.XFORWARD: "smtpd_authorized_xforward_hosts",
    Privilege.BARE_NEWLINES: "smtpd_forbid_bare_newline_exclusions",
    Privilege.UNLIMITED: "smtpd_client_event_limit_exceptions",
    Privilege.LOCAL_HEADERS: "local_header_rewrite_clients",
}
_XCLIENT_FIELDS = (
    ("ADDR", "client_address", "unknown"),
    ("PORT", "client_port", "unknown"),
    ("DESTADDR", "server_address", "unknown"),
    ("DESTPORT", "server_port", "unknown"),
    ("HELO", "helo", ""),
    ("LOGIN", "sasl_username", ""),
)
