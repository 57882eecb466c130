"""What smtpd(8) answers to each SMTP command: which restriction lists are run when, and the replies.

With smtpd_delay_reject=yes the lists for client, HELO and sender wait for RCPT; there the order is client, HELO,
sender, relay, recipient, and last whether the recipient is listed at all (postconf(5)
smtpd_relay_before_recipient_restrictions, smtpd_reject_unlisted_recipient). A permission ends its list, not the
question.

Departures: reject_unlisted_sender and reject_unlisted_recipient among the client's or HELO's restrictions are evaluated
for every recipient. The original remembers that it has looked, from recipient to recipient and even from session to
session of one process, until it comes to the sender's restrictions, and skips them meanwhile. It also keeps a sender's
DEFER_IF_PERMIT beyond XCLIENT, for a VRFY before the next MAIL; here XCLIENT begins anew.

What one answer must know of earlier ones (a delayed DEFER_IF_PERMIT, DISCARD, HOLD) is the `Memory` of the session.
"""

from __future__ import annotations

from collections.abc import Coroutine, Iterable, Iterator
from copy import copy
from typing import Any

from mailconf.diagnostics import Sink
from mailconf.model.distinction import Dimension, Distinction, Form, Key, Values
from mailconf.model.policy import Privilege
from mailconf.model.session import Session
from mailconf.model.verdict import Reply, Verdict
from mailconf.model.world import Ask, EmptyResult, LookupFailed
from mailconf.postfix.policy import checks
from mailconf.postfix.policy.evaluation import (
    CLIENT,
    DATA,
    DUNNO,
    END_OF_DATA,
    ETRN,
    HELO,
    RECIPIENT,
    REJECT,
    SENDER,
    Asked,
    Decision,
    Evaluation,
    Memory,
    Refusal,
)
from mailconf.postfix.policy.privileges import Privileges
from mailconf.postfix.policy.reply_templates import filled, softened, with_footer
from mailconf.postfix.policy.restriction_list import RuleList
from mailconf.postfix.policy.restrictions import Compiler
from mailconf.postfix.policy.rule import Check, Reach, recipient_class, sender_class
from mailconf.postfix.policy.smtpd_settings import Settings
from mailconf.postfix.settings.configuration import Configuration
from mailconf.postfix.text.expand import MacroError

# The restriction lists in their order, with what a bare table in them is asked about.
LISTS = {
    "smtpd_client_restrictions": "client",
    "smtpd_helo_restrictions": "helo",
    "smtpd_sender_restrictions": "sender",
    "smtpd_relay_restrictions": "recipient",
    "smtpd_recipient_restrictions": "recipient",
    "smtpd_data_restrictions": "",  # a table alone has nobody to be asked about
    "smtpd_end_of_data_restrictions": "",
    "smtpd_etrn_restrictions": "etrn",
}
GUARDED = ("smtpd_relay_restrictions", "smtpd_recipient_restrictions")
CLASSES = "smtpd_restriction_classes"
_XCLIENT = "XCLIENT NAME ADDR PROTO HELO REVERSE_NAME PORT LOGIN DESTADDR DESTPORT"
_XFORWARD = "XFORWARD NAME ADDR PROTO HELO SOURCE PORT IDENT"
_BAD_SENDER = Reply.of(501, "5.1.7 Bad sender address syntax")
_BAD_RECIPIENT = Reply.of(501, "5.1.3 Bad recipient address syntax")
# A question that is being answered.
Answering = Coroutine[Any, Any, Verdict]
_POSTMASTER = "postmaster"  # without a domain
_TOO_BIG = Refusal(552, "5.3.4", "Message size exceeds fixed limit")


class Smtpd:
    """One service's answers."""

    def __init__(self, configuration: Configuration, settings: Settings, sink: Sink) -> None:
        self._compiler = compiler = Compiler(configuration, settings, sink)
        self.knows_restriction = compiler.knows
        self._values = {name: configuration.value(name) for name in (*LISTS, CLASSES)}
        self.settings = settings
        self.privileges = Privileges(settings)
        rules = [compiler.compile(name, who) for name, who in LISTS.items()]
        self.client, self.helo_rules, self.sender, self.relay, self.recipient = rules[:5]
        self.data_rules, self.end_of_data_rules, self.etrn_rules = rules[5:]
        compiler.compile_classes()
        self.guarded = compiler.check_guard(*GUARDED)

    def check_changed(self, configuration: Configuration, overrides: Iterable[str], sink: Sink) -> None:
        """Report what is wrong with the lists that another view of the same configuration, which has ``overrides``,
        changes."""
        changed = {name: value for name in self._values if (value := configuration.value(name)) != self._values[name]}
        names = self._compiler.class_names
        own_classes = [name for name in overrides if name in names]
        if not changed and not own_classes:
            return
        compiler = Compiler(configuration, self.settings, sink, None if CLASSES in changed else names)
        for name in (name for name in LISTS if name in changed):
            compiler.compile(name, LISTS[name])
        if CLASSES in changed:
            compiler.compile_classes()
        for name in own_classes:
            compiler.compile(name)
        if changed.keys() & set(GUARDED):
            compiler.check_guard(*GUARDED)

    def distinguishes(self, values: Values) -> Iterator[Distinction]:
        """What the answers to the commands look at."""
        settings, reach = self.settings, Reach(self.settings, values)
        place = settings.domains.configuration.span
        for rule, tables, dimension in (
            ("smtpd_discard_ehlo_keyword_address_maps", settings.discard_keyword_maps, Dimension.CLIENT),
            ("smtpd_reject_footer_maps", settings.reject_footers, Dimension.REPLY),
        ):
            yield from tables.distinguishes(rule, dimension, (Key.WHOLE,), span=place(rule))
        yield from self.privileges.distinguishes()
        if settings.sasl:
            for found in settings.domains.looks_at(settings.sasl_exceptions, Dimension.NAME, Dimension.CLIENT):
                yield found._replace(rule="smtpd_sasl_exceptions_networks")
        if settings.logged_permissions:
            yield from settings.domains.looks_at(
                settings.logged_permissions, Dimension.REPLY, part=Key.WHOLE, exact=False
            )
        # MAIL and RCPT resolve the address to see whether it can be anybody's.
        for address, look in ((Dimension.SENDER, sender_class), (Dimension.RECIPIENT, recipient_class)):
            yield Distinction(address.value, address, Form.SYNTAX, exact=False)
            yield from look(reach)
        yield Distinction("recipient", Dimension.RECIPIENT, Form.LITERAL, _POSTMASTER, (Key.WHOLE,))
        lists = (self.client, self.helo_rules, self.sender, self.relay, self.recipient)
        for rules in (*lists, self.data_rules, self.end_of_data_rules, self.etrn_rules):
            yield from rules.distinguishes(reach)
        if settings.reject_unlisted_sender:
            yield from checks.REJECT_UNLISTED_SENDER.distinguishes(reach)
        if settings.reject_unlisted_recipient and not settings.takes_unlisted:
            yield from checks.REJECT_UNLISTED_RECIPIENT.distinguishes(reach)

    # Commands

    async def connect(self, own: PostfixSession, ask: Ask) -> Verdict:
        session = own.session
        ev = own.evaluation(ask, "CONNECT")
        discarded = await self._discarded(ev)
        words = self.settings.discard_keywords if discarded is None else discarded
        session.withheld = frozenset(word.upper() for word in words)
        if not self.guarded:
            ev.refuse(451, "4.3.5", "Server configuration error")
            return await self._refused(ev)
        if not self.settings.delay_reject:
            status = await self._client(ev)
            own.memory.client = ev.defer_if_permit
            if status is REJECT:
                own.memory.denied = True
                return await self._refused(ev)
        return await self._said(ev, Reply.of(220, self.settings.banner))

    async def helo(self, own: PostfixSession, ask: Ask) -> Verdict:
        session, memory = own.session, own.memory
        ev = own.evaluation(ask, "EHLO" if session.protocol == "ESMTP" else "HELO")
        if own.memory.denied:
            return await self._denied(ev)
        if session.recipients:  # a transaction goes on if the name is refused
            ev.recipient = session.recipients[-1]
        keywords = await self._keywords(ev) if session.protocol == "ESMTP" else []
        if keywords is None:
            refusal = Refusal(421, "4.3.0", f"{self.settings.hostname} Server local data error")
            log = f"EHLO from {ev.client}: {refusal.reply()}"
            return Verdict(await self._dressed(ev, refusal.reply()), ask.trace, log=log, disconnect=True)
        if not self.settings.delay_reject:
            ev.defer_if_permit = memory.client
            status = await self._helo(ev)
            memory.helo = ev.defer_if_permit
            if status is REJECT:
                return await self._refused(ev)
        memory.protocol = session.protocol
        return await self._said(ev, Reply.of(250, self.settings.hostname, *keywords))

    async def mail(self, own: PostfixSession, ask: Ask) -> Verdict:
        session, memory = own.session, own.memory
        ev = own.evaluation(ask, "MAIL")
        if own.memory.denied:
            return await self._denied(ev)
        if session.helo is None and self.settings.helo_required:
            return await self._said(ev, Reply.of(503, "5.5.1 Error: send HELO/EHLO first"))
        ev.sender_known = False
        if unknown := await self.header_context(ev):
            return unknown
        ev.sender_known = True
        sender = session.sender or ""
        if sender:
            found = await ev.resolved_sender()
            if found.bad:
                ev.notes.append(f"warning: Illegal address syntax from {ev.client} in MAIL command: <{sender}>")
                return await self._said(ev, _BAD_SENDER)
        if session.objection is not None:
            return await self._said(ev, session.objection)
        limit, size = self.settings.message_size_limit, session.sender_parameters.get("SIZE", "")
        if limit and size.isdigit() and int(size) > limit:
            ev.refuse(*_TOO_BIG)
            return await self._refused(ev)
        if not self.settings.delay_reject:
            ev.defer_if_permit = memory.client if session.helo is None else memory.helo
            if await self._sender(ev) is REJECT:
                return await self._refused(ev)
        return await self._said(ev, Reply.of(250, "2.1.0 Ok"))

    async def header_context(self, ev: Evaluation) -> Verdict | None:
        """The refusal where it cannot be known whether headers are rewritten as local ones; None where it is known."""
        try:
            await self.privileges.may(ev.session, Privilege.LOCAL_HEADERS, ev.ask)
            return None
        except EmptyResult:
            ev.refusal = Refusal(451, "4.3.5", "Server configuration error")
        except LookupFailed:
            ev.refusal = Refusal(451, "4.3.0", "Temporary lookup error")
        return await self._refused(ev)

    async def rcpt(self, own: PostfixSession, ask: Ask) -> Verdict:
        return await self._recipient(own, ask, "RCPT", Reply.of(250, "2.1.5 Ok"))

    async def vrfy(self, own: PostfixSession, ask: Ask) -> Verdict:
        if self.settings.disable_vrfy:
            ev = own.evaluation(ask, "VRFY")
            return await self._said(ev, Reply.of(502, "5.5.1 VRFY command is disabled"))
        return await self._recipient(own, ask, "VRFY", Reply.of(252, f"2.0.0 {own.session.recipient or ''}"))

    async def etrn(self, own: PostfixSession, ask: Ask, domain: str) -> Verdict:
        """Whether a client may have mail for a domain sent now."""
        session, memory = own.session, own.memory
        ev = own.evaluation(ask, "ETRN")
        ev.etrn = domain
        if memory.denied:
            return await self._denied(ev)
        if self.settings.delay_reject:
            for stage in (self._client, self._helo):
                if await stage(ev) is REJECT:
                    return await self._refused(ev)
        else:
            ev.defer_if_permit = memory.client if session.helo is None else memory.helo
        ev.begin_stage()
        if await self._run(ev, self.etrn_rules, Asked(domain, ETRN)) is REJECT or self._deferred(ev) is REJECT:
            return await self._refused(ev)
        return await self._said(ev, Reply.of(250, f"Queuing started for {domain}"))

    async def _recipient(self, own: PostfixSession, ask: Ask, where: str, welcome: Reply) -> Verdict:
        session = own.session
        ev = own.evaluation(ask, where, session.recipient or "")
        if own.memory.denied:
            return await self._denied(ev)
        if not ev.recipient:
            ev.notes.append(f"warning: Illegal address syntax from {ev.client} in {where} command: <>")
            return await self._said(ev, _BAD_RECIPIENT)
        found = await ev.resolved_recipient()
        if found.bad:
            ev.notes.append(f"warning: Illegal address syntax from {ev.client} in {where} command: <{ev.recipient}>")
            return await self._said(ev, _BAD_RECIPIENT)
        if session.objection is not None:
            return await self._said(ev, session.objection)
        if ev.recipient.lower() == _POSTMASTER:
            ev.ask.trace.add("recipient", ev.recipient, "taken without question (RFC 5321 4.5.1)")
            return await self._said(ev, welcome)
        if await self._whole_recipient(ev) is REJECT:
            return await self._refused(ev)
        return await self._said(ev, welcome)

    async def data(self, own: PostfixSession, ask: Ask) -> Verdict:
        reply = Reply.of(354, "End data with <CR><LF>.<CR><LF>")
        where = "BDAT" if own.session.chunked else "DATA"
        return await self._message(own, ask, where, self.data_rules, Asked("DATA", DATA), reply)

    async def end_of_data(self, own: PostfixSession, ask: Ask) -> Verdict:
        reply = Reply.of(250, f"2.0.0 Ok: queued as {own.session.queue_id}")
        subject = Asked("END-OF-MESSAGE", END_OF_DATA)
        return await self._message(own, ask, "END-OF-MESSAGE", self.end_of_data_rules, subject, reply)

    async def _message(
        self, own: PostfixSession, ask: Ask, where: str, rules: RuleList, subject: Asked, welcome: Reply
    ) -> Verdict:
        """DATA and the end of the message; recipient checks apply when there is exactly one."""
        recipients = own.session.recipients
        ev = own.evaluation(ask, where, recipients[0] if len(recipients) == 1 else None)
        if await self._run(ev, rules, subject) is REJECT or self._deferred(ev) is REJECT:
            return await self._refused(ev)
        return await self._said(ev, welcome)

    # Lists

    async def _client(self, ev: Evaluation) -> Decision:
        ev.begin_stage()
        return await self._run(ev, self.client, Asked(ev.client, CLIENT))

    async def _helo(self, ev: Evaluation) -> Decision:
        if ev.session.helo is None:
            return DUNNO
        ev.begin_stage()
        return await self._run(ev, self.helo_rules, Asked(ev.session.helo, HELO))

    async def _sender(self, ev: Evaluation) -> Decision:
        if ev.session.sender is None:
            return DUNNO
        ev.begin_stage()
        subject = Asked(ev.session.sender, SENDER)
        status = await self._run(ev, self.sender, subject)
        if status is not REJECT and self.settings.reject_unlisted_sender and not ev.discarding:
            status = await self._implied(ev, "smtpd_reject_unlisted_sender", checks.REJECT_UNLISTED_SENDER, subject)
        ev.memory.sender = ev.defer_if_permit
        return status

    async def _whole_recipient(self, ev: Evaluation) -> Decision:
        """Everything that RCPT is measured by."""
        if ev.discarding:
            return DUNNO
        if self.settings.delay_reject:
            for stage in (self._client, self._helo, self._sender):
                if await stage(ev) is REJECT:
                    return REJECT
        ev.defer_if_permit = ev.memory.sender
        ev.begin_stage()
        subject = Asked(ev.recipient or "", RECIPIENT)
        lists = (self.relay, self.recipient) if self.settings.relay_first else (self.recipient, self.relay)
        for rules in lists:
            if await self._run(ev, rules, subject) is REJECT:
                return REJECT
        if self._deferred(ev) is REJECT:
            return REJECT
        if self.settings.reject_unlisted_recipient and not ev.discarding:
            check = checks.REJECT_UNLISTED_RECIPIENT
            return await self._implied(ev, "smtpd_reject_unlisted_recipient", check, subject)
        return DUNNO

    async def _run(self, ev: Evaluation, rules: RuleList, subject: Asked) -> Decision:
        if not rules.rules or ev.discarding:
            return DUNNO
        ev.who = rules.who
        with ev.ask.trace.step(rules.parameter) as step:
            status = await rules.run(ev, subject)
            step.result = status.value
        return status

    async def _implied(self, ev: Evaluation, parameter: str, check: Check, subject: Asked) -> Decision:
        """A check that a parameter of its own switches on, at the end of its list."""
        span = self.settings.domains.configuration.span(parameter)
        with ev.ask.trace.step(parameter, subject.name, span) as step:
            status = await check.evaluate(ev, subject)
            step.result = status.value
        if status is REJECT:
            ev.rule = parameter
        return status

    @staticmethod
    def _deferred(ev: Evaluation) -> Decision:
        """A permission that was made conditional."""
        if ev.defer_if_permit is None:
            return DUNNO
        ev.rule = ev.rule or "defer_if_permit"
        return ev.refuse(*ev.defer_if_permit)

    # Answers

    async def _said(self, ev: Evaluation, reply: Reply) -> Verdict:
        reply = await self._dressed(ev, reply)
        return Verdict(reply, ev.ask.trace, tuple(ev.effects), ev.rule, notes=tuple(ev.notes))

    async def _refused(self, ev: Evaluation) -> Verdict:
        refusal = ev.refusal or Refusal(451, "4.3.5", "Server configuration error")
        log = ev.log_text(f"{refusal.code} {refusal.status} {refusal.text}")
        reply = await self._dressed(ev, refusal.reply())
        ends = refusal.code in (421, 521)
        return Verdict(reply, ev.ask.trace, tuple(ev.effects), ev.rule, log, ends, tuple(ev.notes))

    async def _denied(self, ev: Evaluation) -> Verdict:
        return await self._said(ev, Reply.of(503, f"5.7.0 Error: access denied for {ev.client}"))

    async def worded(self, session: Session, reply: Reply, ask: Ask) -> Reply:
        """What smtpd(8) makes of every reply: a footer behind a refusal, 4xx of 5xx with soft_bounce."""
        return await self._dressed(Evaluation(self.settings, session, Memory(), ask, ""), reply)

    async def _dressed(self, ev: Evaluation, reply: Reply) -> Reply:
        if reply.code < 400:
            return reply
        made = Reply.of(reply.code, *await self._with_footer(ev, reply))
        return softened(made) if self.settings.soft_bounce else made

    async def _with_footer(self, ev: Evaluation, reply: Reply) -> tuple[str, ...]:
        """postconf(5) smtpd_reject_footer: lines of its own, or with ``\\c`` the end of the reply's line."""
        line = reply.text
        footer = self.settings.reject_footer
        try:
            found = await self.settings.reject_footers.find(ev.ask, f"{reply.code} {line}")
            footer = found.value if found else footer
        except LookupFailed:
            pass
        if not footer:
            return reply.lines
        try:
            text = filled(footer, self._footer_values(ev), self.settings.expansion_filter)
        except MacroError:
            return reply.lines
        return with_footer(line, text)

    def _footer_values(self, ev: Evaluation) -> dict[str, str]:
        session = ev.session
        return {
            "client": ev.client,
            "client_address": session.client_address,
            "client_name": session.client_name.text,
            "client_port": session.client_port,
            "helo_name": session.helo or "",
            "server_name": self.settings.hostname,
            "sender": session.sender or "",
            "recipient": session.recipients[-1] if session.recipients else "",  # the last one that was accepted
        }

    async def _discarded(self, ev: Evaluation) -> frozenset[str] | None:
        """The keywords, in lower case, that EHLO does not offer to this client; None when a table cannot answer."""
        settings = self.settings
        try:
            found = await settings.discard_keyword_maps.find(ev.ask, ev.session.client_address)
        except LookupFailed:
            return None
        return settings.discard_keywords if found is None else frozenset(found.value.lower().replace(",", " ").split())

    async def _keywords(self, ev: Evaluation) -> list[str] | None:
        """The lines of EHLO's reply after the first; None when a table cannot answer."""
        settings = self.settings
        session = ev.session
        dropped = await self._discarded(ev)
        if dropped is None:
            return None
        try:
            xclient = await self.privileges.may(session, Privilege.XCLIENT, ev.ask)
            xforward = await self.privileges.may(session, Privilege.XFORWARD, ev.ask)
            logins = await self._logins(ev)
        except LookupFailed:
            return None
        limit = settings.message_size_limit
        offered = [
            ("pipelining", "PIPELINING", True),
            ("size", f"SIZE {limit}" if limit else "SIZE", True),
            ("vrfy", "VRFY", not settings.disable_vrfy),
            ("etrn", "ETRN", True),
            ("starttls", "STARTTLS", settings.starttls and not session.tls_protocol),
            *(("auth", line, True) for line in logins),
            ("xclient", _XCLIENT, xclient),
            ("xforward", _XFORWARD, xforward),
            ("enhancedstatuscodes", "ENHANCEDSTATUSCODES", True),
            ("8bitmime", "8BITMIME", True),
            ("dsn", "DSN", True),
            ("smtputf8", "SMTPUTF8", settings.smtputf8),
            ("chunking", "CHUNKING", True),
        ]
        return [text for name, text, on in offered if on and name not in dropped]

    async def _logins(self, ev: Evaluation) -> list[str]:
        """The lines that name the mechanisms of AUTH. Raises LookupFailed."""
        settings, session = self.settings, ev.session
        names, address = session.mechanisms, session.client_address
        if not names or await settings.sasl_exceptions.match_host(ev.ask, session.client_name.text, address):
            return []
        if settings.sasl_filter is not None:
            names = tuple([name for name in names if await settings.sasl_filter.match(ev.ask, name)])
        text = " ".join(names)
        return [f"AUTH {text}", *([f"AUTH={text}"] if settings.sasl_broken_clients else [])] if names else []


class PostfixSession:
    """One session with one service; see `mailconf.model.policy.PolicySession`."""

    __slots__ = ("_smtpd", "memory", "session")

    def __init__(self, smtpd: Smtpd, session: Session) -> None:
        self._smtpd = smtpd
        self.session = session
        self.memory = Memory()

    def evaluation(self, ask: Ask, where: str, recipient: str | None = None) -> Evaluation:
        """The state of a question that the command ``where`` puts."""
        ev = Evaluation(self._smtpd.settings, self.session, self.memory, ask, where, recipient)
        ask.warn = ev.warn_of
        return ev

    def connect(self, ask: Ask) -> Answering:
        return self._smtpd.connect(self, ask)

    def helo(self, ask: Ask) -> Answering:
        return self._smtpd.helo(self, ask)

    def mail(self, ask: Ask) -> Answering:
        return self._smtpd.mail(self, ask)

    def rcpt(self, ask: Ask) -> Answering:
        return self._smtpd.rcpt(self, ask)

    def vrfy(self, ask: Ask) -> Answering:
        return self._smtpd.vrfy(self, ask)

    async def command(self, ask: Ask) -> Verdict:
        verb, _, argument = self.session.typed.partition(" ")
        if verb == "ETRN":
            return await self._smtpd.etrn(self, ask, argument)
        return Verdict(Reply.of(500, "5.5.2 Error: command not recognized"), ask.trace)

    def data(self, ask: Ask) -> Answering:
        return self._smtpd.data(self, ask)

    def end_of_data(self, ask: Ask) -> Answering:
        return self._smtpd.end_of_data(self, ask)

    async def secured(self, ask: Ask) -> Verdict:
        self.session.end_security()
        return Verdict(Reply.of(220, "2.0.0 Ready"), ask.trace)

    def forget(self) -> None:
        self.memory.forget()

    def branch(self, session: Session) -> PostfixSession:
        found = PostfixSession(self._smtpd, session)
        found.memory = copy(self.memory)
        return found
