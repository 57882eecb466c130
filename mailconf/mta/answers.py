"""What is answered to the events of one session (smtpd(8)): the Policy's verdicts, the log about them, the message.

Each command goes to `mailconf.model.transaction`, which puts it to the Policy over the MTA's World; a message goes to
the Intake, and its 250 is said when the Intake has returned.

Departure: ETRN sends nothing: a domain that the Policy lets a client ask for is answered 459, as Postfix answers those
that it does not relay for.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mailconf.files import Root
from mailconf.model.policy import Policy, Privilege
from mailconf.model.session import Session
from mailconf.model.trace import Trace
from mailconf.model.transaction import HELO_NEUTRAL, Question, Transaction
from mailconf.model.verdict import Effect, EffectKind, Verdict
from mailconf.model.world import Ask, LookupFailed
from mailconf.mta.authentication import Authentication
from mailconf.mta.authentication_sasl import SaslAuthentication
from mailconf.mta.client_limits import ClientLimits
from mailconf.mta.headers import guard
from mailconf.mta.hop import Hop
from mailconf.mta.journal import LogEvent
from mailconf.mta.logins import LoginServer
from mailconf.mta.message import Context, IntakeRefused, Message, Recipient
from mailconf.mta.sasl_accounts import SaslAccounts
from mailconf.mta.session_filters import SessionFilters
from mailconf.mta.transcript import PROTOCOL, Transcript
from mailconf.smtp.events import (
    Auth,
    AuthResponse,
    Bdat,
    ChunkEnd,
    Command,
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
    Verb,
    Vrfy,
    Xclient,
    Xforward,
)
from mailconf.smtp.options import BareNewline
from mailconf.smtp.problems import Acknowledgement, Problem
from mailconf.smtp.reply import Reply
from mailconf.smtp.server import Connection
from mailconf.source import encode

if TYPE_CHECKING:
    from mailconf.mta.before_queue import BeforeQueue

_IDENTITY = re.compile(rb"\nmessage-id[ \t]*:([^\n]*)", re.IGNORECASE)
_HEADER = 65_536  # bytes of content in which its identity is looked for

VerdictHook = Callable[[Session, str, Verdict], None]


class Answers(Transaction):
    """One session's. ``session`` is what the Policy sees of it, ``received`` the content's bytes so far.

    policy      asked throughout the session
    remarks     what is sent before the reply to the command at hand; who sends it clears it
    pause       for how many seconds the replies to the command at hand wait; who waits clears it
    connection  the protocol's side; told who may use XCLIENT and XFORWARD
    note        an event with its facts, for the log
    on_verdict  told of every answer of the Policy: (session, question, verdict)
    logins      who knows the clients' logins; None where nobody can log in
    has_tls     whether TLS can begin when the client asks for it
    root        below which the queue and sockets of mail filters lie
    """

    def __init__(
        self,
        context: Context,
        policy: Policy,
        connection: Connection,
        note: Callable[..., None],
        on_verdict: VerdictHook | None = None,
        *,
        logins: LoginServer | SaslAccounts | None = None,
        has_tls: bool = False,
        root: Root | None = None,
    ) -> None:
        super().__init__(policy, Session(), context.world)
        self.context = context
        self.site = policy.site
        self.connection = connection
        self._note = note
        self._wording = connection.wording
        self._on_verdict = on_verdict
        self._local_headers = False  # whether header addresses without a domain are local ones
        self._arrival = 0.0
        self._line = ""  # the command at hand, for the filter before the queue
        self._begun = False  # a sender was accepted
        self._chunk_verdict: Reply | None = None
        self.remarks: list[Reply] = []
        self.limits: ClientLimits | None = None  # of what the client may do, where it is a client of a service
        self._has_tls = self.session.tls_ready = has_tls
        self.session.logins_ready = logins is not None
        shared = (lambda: self.client, self.worded, note)
        self.login: Authentication | SaslAuthentication
        if isinstance(logins, SaslAccounts):
            self.login = SaslAuthentication(self.session, connection, logins, *shared)
        else:
            self.login = Authentication(self.session, connection, logins, *shared)
        self._root = root or Root()
        self.filters = SessionFilters(
            policy,
            self.session,
            self._root,
            self._wording,
            world=lambda: context.world,
            note=note,
            client=lambda: self.client,
            limit=self.site.limits.message_size,
        )
        self.proxy = self._proxy(self._root)
        self._notices = context.personality.notices
        self.transcript = Transcript() if self.site.transcribed and self._notices is not None else None
        self.pause = 0.0
        self._drop_content()

    def _proxy(self, root: Root) -> BeforeQueue | None:
        """What mail passes before it is queued."""
        if self.site.proxy is None:
            return None
        from mailconf.mta.before_queue import BeforeQueue

        return BeforeQueue(self.site.proxy, root, self.session, self._wording, self._note, self._note_begun)

    def _note_begun(self) -> None:
        session = self.session
        about = {"client": self.client, "login": session.sasl_username, "method": session.sasl_method}
        number, told = session.queue_id or "NOQUEUE", session.forwarded
        self._note(LogEvent.MESSAGE_BEGUN, queue_id=number, forwarded=told, **about)

    def _note_fault(self, problem: Problem | None) -> None:
        if self.transcript is not None and problem in PROTOCOL:
            self.transcript.classes.add("protocol")

    def _classify(self, verdict: Verdict) -> None:
        """Note what goes wrong, for a notice to the postmaster."""
        if self.transcript is None or self._notices is None:
            return
        if not verdict.accepted and self.session.objection is None:
            self.transcript.classes.add(self._notices.class_of(verdict.reply))
        elif any(note.partition(": ")[0] == "reject_warning" for note in verdict.notes):
            self.transcript.classes.add("policy")

    def _drop_content(self) -> None:
        self._content: list[bytes] = []
        self._size = 0  # of the content so far
        self._complete = 0  # the size of the whole content
        self._identity = ""  # the message's own
        self._refusal: Reply | None = None  # of the content
        self._whole = False  # the message was accepted
        self.received = 0  # bytes, for the log of a lost connection

    def forget(self) -> None:
        kept = "" if self._begun or not self.context.personality.early_ids else self.session.queue_id
        self._note_end()
        self.filters.forget()
        if self.proxy is not None:
            self.proxy.forget()
        super().forget()
        self.session.queue_id = kept  # of a transaction that has not begun
        self.session.forwarded = {}
        self._drop_content()

    def end(self) -> None:
        """The session is over, and what it has begun."""
        self._note_end()
        self.filters.close()
        if self.proxy is not None:
            self.proxy.forget()

    def _note_end(self) -> None:
        """A transaction is over, if there was one."""
        if not self._begun:
            return
        self._begun = False
        elapsed = max(self.context.world.now() - self._arrival, 0.0)
        discarded = self._whole and any(effect.kind is EffectKind.DISCARD for effect in self.effects)
        facts = {"identity": self._identity, "refusal": self._refusal, "elapsed": elapsed, "discarded": discarded}
        recipients = [recipient.address for recipient in self.recipients]
        self._note(LogEvent.TRANSACTION_OVER, session=self.session, size=self._complete, recipients=recipients, **facts)

    def need_id(self) -> None:
        """Give the message to come its id, where the dialect has it so early."""
        intake = self.context.intake
        if self.context.personality.early_ids and intake is not None and not self.session.queue_id:
            self.session.queue_id = intake.new_queue_id()

    @property
    def client(self) -> str:
        return self.context.personality.journal.client(self.session)

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
            self._note(LogEvent.PRIVILEGE_UNKNOWN, privilege=privilege, table=failure.table)
            return None

    async def connect(self) -> Verdict:
        """The greeting, or what refuses the client: then its commands are refused, too, until it ends the session."""
        self.need_id()
        if not await self.login.prepare():
            host = self.connection.options.hostname
            return Verdict(self._wording.refusal(Problem.NO_LOGINS, host=host), Trace(), disconnect=True)
        verdict = await super().connect()
        self.connection.withheld = self.session.withheld
        self.connection.client = f"{self.session.client_name} [{self.session.client_address}]"
        denied = self._wording.refusal(Problem.ACCESS_DENIED, client=self.client)
        self.connection.denied = verdict.denied if verdict.accepted or self.filters.are_asked else denied
        return verdict

    async def worded(self, reply: Reply) -> Reply:
        """A reply that is not the Policy's as the configuration wants it (smtpd_reject_footer, soft_bounce)."""
        try:
            worded = await super().worded(reply)
        except Exception as error:  # as in `put`
            self._note(LogEvent.DEFECT, question="worded", error=error, place="")
            return reply
        return reply if worded.positive else worded

    async def put(self, question: Question) -> Verdict:
        """Ask the Policy, and log what comes of it."""
        try:
            verdict = await self.filters.after(question, await self.asked(question))
        except Exception as error:
            # A defect must not cost the client its session, nor pass for an answer that permits or refuses for good.
            at = error.__traceback__
            while at is not None and at.tb_next is not None:
                at = at.tb_next
            place = f"{at.tb_frame.f_code.co_filename}:{at.tb_lineno}" if at else "?"
            self._note(LogEvent.DEFECT, question=question.value, error=error, place=place)
            verdict = Verdict(self._wording.refusal(Problem.INTERNAL), Trace())
        self.remarks += verdict.remarks
        if question is not Question.CONNECT:
            self.pause += verdict.pause
        if verdict.throttles:
            self._note(LogEvent.THROTTLED, client=self.client, queue_id=self.session.queue_id)
        if self._on_verdict is not None:
            self._on_verdict(self.session, question.value, verdict)
        self._classify(verdict)
        if verdict.notes or verdict.log:
            self._note(LogEvent.VERDICT, queue_id=self.session.queue_id, verdict=verdict)
        if self.proxy is not None and verdict.accepted and question in (Question.RCPT, Question.DATA):
            return await self._proxied(self.proxy, question, verdict)
        return verdict

    async def _proxied(self, proxy: BeforeQueue, question: Question, verdict: Verdict) -> Verdict:
        """What the filter before the queue makes of a verdict that accepts."""
        refusal = await (proxy.rcpt(self._line) if question is Question.RCPT else proxy.data())
        if refusal is None:
            return verdict
        reply = await self.worded(refusal)
        return Verdict(reply, verdict.trace, disconnect=reply.code == 421)

    async def answer(self, event: Event) -> list[Reply]:
        if self.limits is not None and (refusal := self.limits.refusal(event)) is not None:
            return [await self.worded(refusal)]
        match event:
            case Refused():
                return [await self.worded(await self._refused(event))]
            case Helo():
                return [await self._helo(event)]
            case Mail():
                return [await self._mail(event)]
            case Rcpt():
                return [await self._rcpt(event)]
            case Data():
                return [(await self.data()).reply]
            case ContentEnd():
                count = max(len(self.recipients), 1) if self.connection.options.lmtp else 1
                if event.refusal is not None:
                    self._reject("END-OF-MESSAGE", event.problem)
                    self.forget()
                    return [event.refusal] * count
                return [await self._end(self.connection.recipients, chunked=False)] * count
            case Bdat():
                if event.first:
                    verdict = await self.data(chunked=True)
                    self._chunk_verdict = None if verdict.accepted else verdict.reply
                return []
            case ChunkEnd():
                return [await self._chunk(event)]
            case Vrfy():
                return [await self._vrfy(event)]
            case Command(line):
                verdict = await self.command(line)
                return [verdict.reply if verdict.login is None else await self.login.begin(verdict.login)]
            case Verb():
                self.session.verbose = True
                return [self._wording.acknowledgement(Acknowledgement.VERBOSE)]
            case Etrn(domain):
                refused = (await self.command(f"ETRN {domain}")).reply
                if not refused.positive:
                    return [refused]
                self._note(LogEvent.NOT_QUEUED, client=self.client, domain=domain)
                return [await self.worded(self._wording.refusal(Problem.ETRN_UNAVAILABLE, domain=domain))]
            case Xclient():
                return [await self._xclient(event)]
            case Rset():
                self.filters.forget(reset=True)
                self.forget()
                return [self._wording.acknowledgement(Acknowledgement.RESET)]
            case Quit():
                return [self._wording.acknowledgement(Acknowledgement.BYE)]
            case Help():
                return [self._wording.acknowledgement(Acknowledgement.HELP)]
            case Starttls():
                if not self._has_tls:
                    return [await self.worded(self._wording.refusal(Problem.TLS_UNAVAILABLE))]
                if (refusal := self.filters.standing()) is not None:
                    return [await self.worded(refusal)]
                if self.limits is not None and (refusal := self.limits.refuses_tls()) is not None:
                    return [await self.worded(refusal)]
                return [self._wording.acknowledgement(Acknowledgement.START_TLS)]
            case Auth():
                return [await self.login.begin(event)]
            case AuthResponse():
                return [await self.login.respond(event)]
            case Xforward(attributes):
                heard = {name: value and value.translate(HELO_NEUTRAL) for name, value in attributes.items()}
                self.session.forwarded = {**self.session.forwarded, **heard}  # replaced: the queue may have it
                return [self._wording.acknowledgement(Acknowledgement.OK)]
            case Noop():
                return [self._wording.acknowledgement(Acknowledgement.OK)]
            case Content():
                return []

    async def _helo(self, event: Helo) -> Reply:
        self.filters.typed(event.name)
        verdict = await self.helo(event.verb, event.name)
        if verdict.accepted:
            self.filters.named()
            if verdict.denied is not None:
                self.connection.denied = verdict.denied
        return verdict.reply

    async def secured(self) -> Verdict:
        verdict = await super().secured()
        self.filters.unnamed()
        return verdict

    async def _refused(self, event: Refused) -> Reply:
        self._note_fault(event.problem)
        if event.verb == "AUTH":
            self.login.refused(event.problem, event.detail)
        if event.problem is Problem.OUT_OF_STEP:
            self.session.hasty = True
        if event.problem is Problem.BARE_NEWLINE:
            self._reject(event.verb, event.problem)
        elif event.problem is Problem.NO_CERTIFICATE:
            self._note(LogEvent.NO_CERTIFICATE, client=self.client)
        else:
            self._note(LogEvent.COMMAND_REFUSED, client=self.client, refused=event, **self.message())
        if event.problem is Problem.UNKNOWN_COMMAND:
            return await self.filters.unknown(event.detail, event.reply)
        return event.reply

    def message(self) -> dict[str, Any]:
        """The message at hand, for the log, and whether a line about the session's end is to name it."""
        return {"queue_id": self.session.queue_id, "named": self.connection.options.endings_named}

    def _reject(self, where: str, problem: Problem | None) -> None:
        """Note what the protocol side rejects for the end of a line."""
        recipient = self.recipients[0].address if self.recipients else ""
        facts = {"where": where, "problem": problem, "session": self.session, "recipient": recipient}
        self._note(LogEvent.LINE_REJECTED, client=self.client, **facts)

    async def _mail(self, event: Mail) -> Reply:
        self._arrival = self.context.world.now()
        self.need_id()
        self.filters.typed(event.typed, event.words)
        told = self.session.forwarded  # before a transaction, of its message
        self._note_fault(event.problem)
        free = self._free()
        full = free is not None and free < self.site.limits.room
        refusal = self._wording.refusal(Problem.NO_ROOM) if full and event.refusal is None else event.refusal
        verdict = await self.mail(event.address, event.parameters, refusal, event.typed)
        if full and refusal is not None and verdict.reply.code == refusal.code:
            self._note(LogEvent.NO_ROOM, client=self.client, session=self.session, reply=refusal, free=free)
            if self.transcript is not None:
                self.transcript.classes.add("resource")
        self.session.forwarded = told
        self._begun = self._begun or verdict.accepted
        if verdict.accepted:
            self._local_headers = bool(await self.may(Privilege.LOCAL_HEADERS))
            if self.proxy is not None:
                self.proxy.mail(" ".join((f"MAIL FROM:{event.typed}", *event.words)))
                self.proxy.local = self._local_headers
        return verdict.reply

    def _free(self) -> int | None:
        """Bytes that are free where the queue lies; None where that does not count or cannot be found out."""
        if not self.site.limits.room or self.context.intake is None:
            return None
        try:
            found = os.statvfs(self._root.path(self.site.queue_directory.value))
        except OSError:
            return None
        return found.f_bavail * found.f_frsize

    async def _rcpt(self, event: Rcpt) -> Reply:
        session = self.session
        self.filters.typed(event.typed, event.words)
        self._line = " ".join((f"RCPT TO:{event.typed}", *event.words))
        self._note_fault(event.problem)
        verdict = await self.rcpt(event.address, event.parameters, event.refusal, event.typed)
        if verdict.accepted and not session.queue_id and self.context.intake is not None and self.proxy is None:
            session.queue_id = self.context.intake.new_queue_id()
            self._note_begun()
        return verdict.reply

    async def _vrfy(self, event: Vrfy) -> Reply:
        verdict = await self.vrfy(event.address, event.typed)
        if event.address and verdict.reply.code == 252:
            return self._wording.acknowledgement(Acknowledgement.VERIFIED, typed=event.typed)
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
            if event.problem is Problem.BARE_NEWLINE:
                self._reject("END-OF-MESSAGE" if event.last else "BDAT content", event.problem)
            elif event.problem is not None:
                facts = {"queue_id": self.session.queue_id, "problem": event.problem}
                self._note(LogEvent.CHUNK_REFUSED, client=self.client, **facts)
            self._content.clear()
            if event.last:
                self.forget()
            return await self.worded(refusal) if event.refusal is not None else refusal
        if event.last:
            return await self._end(self.connection.recipients, chunked=True)
        self.received = 0
        return self._wording.acknowledgement(Acknowledgement.CHUNK, size=event.size)

    async def _end(self, recipients: int, *, chunked: bool) -> Reply:
        """The message is complete: ask, hand it over, forget the transaction."""
        session = self.session
        content = b"".join(self._content).replace(b"\r", b" ")
        self._content.clear()
        if content and not content.endswith(b"\n"):
            content += b"\n"
        limit = self.connection.options.message_size
        reply = self._wording.refusal(Problem.QUEUE_UNAVAILABLE)
        if limit and self._size > limit:
            self._note(LogEvent.MESSAGE_TOO_BIG, queue_id=session.queue_id, size=self._size, limit=limit)
            reply = await self.worded(self._wording.refusal(Problem.MESSAGE_TOO_BIG))
        else:
            verdict = await self.end_of_data(len(content), content)
            reply = verdict.reply
            if verdict.accepted and self.proxy is not None:
                reply = await self._pass_on(self.proxy, content)
            elif verdict.accepted:
                reply = await self._hand_over(content, reply)
                if reply.positive and chunked and self.proxy is None:
                    size = len(content) + content.count(b"\n")
                    reply = self._wording.queued_by_chunks(reply, size)
        if self.transcript is not None and reply.positive:
            self.transcript.classes.clear()
        elif self.transcript is not None and self._notices is not None:
            self.transcript.classes.add(self._notices.class_of(reply))
        self._complete, self._identity = self._size, _identity(content)
        self._refusal, self._whole = None if reply.positive else reply, reply.positive
        self.forget()
        return reply

    async def _hand_over(self, content: bytes, reply: Reply) -> Reply:
        session, intake = self.session, self.context.intake
        if intake is None:
            return await self.worded(self._wording.refusal(Problem.QUEUE_UNAVAILABLE))
        parameters = session.sender_parameters
        message = Message(
            queue_id=session.queue_id,
            sender=session.sender or "",
            recipients=[_recipient(*accepted) for accepted in self.recipients],
            content=self._received() + guard(content, self.connection.options.from_lines),
            arrival=self._arrival,
            body=parameters.get("BODY", ""),
            ret=parameters.get("RET", ""),
            envid=parameters.get("ENVID", ""),
            session=replace(session, recipients=list(session.recipients), content=None),
            effects=(*self._filter(), *self.effects),
            mapped=self.site.maps_addresses,
            checks=self.policy,
            local=self._local_headers,
            filters=self.filters if self.filters.are_asked else None,
        )
        try:
            await intake.accept(message)
        except IntakeRefused as refused:
            return await self.worded(refused.reply)
        return reply

    async def _pass_on(self, proxy: BeforeQueue, content: bytes) -> Reply:
        """Hand a message to the filter before the queue, whose reply is the client's."""
        lines = [effect.argument for effect in self.effects if effect.kind is EffectKind.PREPEND]
        hop = b"" if self.session.forwarded else self._received()  # the filter's own client is not the first
        top = encode("".join(f"{line}\n" for line in lines)) + hop
        reply = await proxy.end(top + guard(content, self.connection.options.from_lines))
        recipient = self.recipients[0].address if self.recipients else ""
        self._note(LogEvent.PROXIED, session=self.session, recipient=recipient, reply=reply)
        return reply if reply.positive else await self.worded(reply)

    def _filter(self) -> list[Effect]:
        """What the service asks for (postconf(5) content_filter); an effect that follows counts in its place."""
        named = self.site.content_filter.value
        return [Effect(EffectKind.FILTER, named)] if named else []

    def _received(self) -> bytes:
        addresses = tuple(recipient.address for recipient in self.recipients)
        hop = Hop(self.session.queue_id, self._arrival or time.time(), self.session, addresses)
        hides = self.connection.options.hide_client_session
        field = self.context.personality.hop.received(hop, self.site, hides_client=hides)
        return encode(f"{field}\n") if field else b""

    def heard(self, event: Event, line: str) -> None:
        """Keep what the client has sent, where a transcript is made."""
        if self.transcript is not None:
            self.transcript.command(event, line)

    def said(self, reply: Reply) -> None:
        """Keep what is answered, where a transcript is made."""
        if self.transcript is not None:
            self.transcript.said(reply)

    async def _xclient(self, event: Xclient) -> Reply:
        """Become another client (XCLIENT_README): what is not given stays, the session begins anew."""
        self.filters.close()
        if self.transcript is not None:
            self.transcript.forget()
        self.become(event.attributes, event.temporary)
        self.connection.logged_in = bool(self.session.sasl_username)
        await self.authorize()
        if self.limits is not None:
            self.limits.arrive()
            await self.limits.meet()
            if (refusal := self.limits.begin()) is not None:
                return await self.worded(refusal)
        return (await self.connect()).reply


def _identity(content: bytes) -> str:
    """The value of a message's field Message-ID; "" where there is none."""
    found = _IDENTITY.search(b"\n" + content[:_HEADER].partition(b"\n\n")[0])
    return found[1].decode("ascii", "replace").strip() if found else ""


def _recipient(address: str, parameters: Mapping[str, str]) -> Recipient:
    return Recipient(address, address, parameters.get("ORCPT", ""), parameters.get("NOTIFY", ""))
