"""`SendmailSession`: one SMTP session as a sendmail.cf answers it.

Each question sets the macros that the original has at that point and calls the ruleset check_* of the command; what the
rulesets and the parser have to say of it becomes the reply. Texts of the session are latin-1 inside (`rules.symbols`).

Source: Sendmail Installation and Operation Guide 5.1.4, 5.2; sendmail 8.17.1.9 -bD.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from mailconf.model.peer import peer_of
from mailconf.model.session import NameOutcome
from mailconf.model.verdict import Effect, EffectKind, Hasty, Verdict
from mailconf.model.world import Ask
from mailconf.sendmail.policy import hosts_access, session_content, session_ehlo, session_parameters
from mailconf.sendmail.policy.disk_space import FULL, has_room
from mailconf.sendmail.policy.session_check import Check, check
from mailconf.sendmail.policy.session_parameters import Offered
from mailconf.sendmail.policy.session_recipients import SessionRecipients, listed
from mailconf.sendmail.policy.session_state import REJECTED, SessionState, latin, modern
from mailconf.sendmail.policy.session_tls import protocol, tls_macros
from mailconf.sendmail.rules.addresses import Parser, Resolved
from mailconf.sendmail.rules.dates import define_dates
from mailconf.sendmail.rules.problems import EX_OK, shortened
from mailconf.sendmail.rules.symbols import plain
from mailconf.sendmail.rules.tokens import Reading
from mailconf.smtp.reply import Reply
from mailconf.smtp.server_sendmail import NOT_IMPLEMENTED

_NAME = re.compile(r"[A-Za-z0-9\[\].:_#-]*")
_THROTTLED = 1.0  # seconds that RCPT waits by BadRcptThrottle
_ENHANCED = re.compile(r"[245]\.[0-9]{1,3}\.[0-9]{1,3} ")
_SPACES = " \t\n\v\f\r"
_NO_ACCESS = Reply.of(550, "5.0.0 Access denied")
_NO_SENDERS = ("prog", "*file*", "*include*")  # mailers of addresses that cannot be a sender's
_LATER = Reply.of(451, "4.3.0 Please try again later")


class SendmailSession(SessionState):
    """See the module.

    of_daemon  whether the client has connected to a daemon, which asks libwrap
    """

    of_daemon = True

    def _begin_transaction(self) -> None:
        super()._begin_transaction()
        self._accepted = 0
        self._throttled = False
        self._recipients = SessionRecipients(self)

    # -- answers

    def _verdict(self, ask: Ask, reply: Reply, *, rule: str = "", effects: tuple[Effect, ...] = ()) -> Verdict:
        """The verdict that ``reply`` is, unless something was said that refuses."""
        remarks = self.heard.remarks(verbose=self.session.verbose)
        refusal = self.heard.refusal()
        said = refusal or reply
        log, notes = self._logged(said, rule)
        return Verdict(
            said,
            ask.trace,
            effects=effects if said.positive else (),
            rule=rule,
            log=log,
            notes=notes,
            disconnect=said.code == 421,
            remarks=remarks,
        )

    def _logged(self, said: Reply, rule: str) -> tuple[str, tuple[str, ...]]:
        """What the log has about an answer: of a ruleset what it was asked and what it wants, else who is refused."""
        noted, self.noted = tuple(self.noted), []
        if said.positive or said.code < 400:
            return "", noted
        if self.asking.startswith(f"ruleset={rule},"):
            return f"{self.asking}, reject={said.code} {modern(said.text)}", noted
        return modern(_unnumbered(said.text)) if self.session.recipient is not None and not rule else "", noted

    async def _check(self, ruleset: str, *texts: str, keeping: bool = False) -> bool:
        """Call a ruleset check_*; whether what is asked about may go on."""
        self.asking = self.asked_about(ruleset, *texts)
        checked = await check(self.engine, Check(ruleset, texts, Reading.KEEPING if keeping else Reading.INTERNAL))
        self.take(checked)
        return not self.heard.refused

    @property
    def _effects(self) -> tuple[Effect, ...]:
        if self.discard:
            return (Effect(EffectKind.DISCARD),)
        if self.hold:
            return (Effect(EffectKind.HOLD, modern(self.hold)),)
        return (Effect(EffectKind.WAIT),) if self.daemon.mode in ("q", "d") else ()

    # -- connect, HELO

    async def connect(self, ask: Ask) -> Verdict:
        self._begin(ask)
        define_dates(self.macros, ask.now())
        self._client_macros()
        await self._check("check_relay", self.client_name, self._shown_address)
        refusal = self.heard.refusal()
        self._discards = self.discard
        self.heard.clear()
        log = "" if refusal is None else f"{self.asking}, reject={refusal.code} {modern(refusal.text)}"
        if refusal is not None and refusal.code == 421:
            return Verdict(refusal, ask.trace, rule="check_relay", disconnect=True, log=log)
        self.denied = refusal
        if self.denied is None and self.of_daemon and not await self._let_in(ask):
            self.denied = _NO_ACCESS
        await self._features()
        session = self.session
        session.certificate_wanted = "V" not in self.features
        if session.tls_protocol and self.denied is None:  # the connection began with TLS
            await self._ask_about_tls()
        session.withheld = frozenset(_withheld(self.features))
        greeting = session_ehlo.greeting(self.policy, self.engine)
        pause, hasty = 0.0, None
        if self.denied is None:
            pause = await session_ehlo.greet_pause(self.engine, self.client_name, self._shown_address)
            self.heard.clear()
            told = Reply.of(554, f"{self.policy.hostname} ESMTP not accepting messages")
            hasty = Hasty(told, REJECTED) if pause else None
        denied = self.denied
        if denied is None and not await has_room(self.policy.settings, self.world):
            denied = FULL
        noted, self.noted = self.noted, []
        notes = (*noted, *([log] if log else []))  # the client is greeted all the same
        return Verdict(greeting, ask.trace, rule="check_relay", denied=denied, pause=pause, hasty=hasty, notes=notes)

    async def _let_in(self, ask: Ask) -> bool:
        """Whether libwrap lets the client in, by hosts.allow and hosts.deny."""
        session = self.session
        name = latin(session.client_name.text) if session.client_name.is_found else hosts_access.UNKNOWN
        client = hosts_access.HostsClient(name, session.client_address)
        found = await hosts_access.access(self.world, hosts_access.DAEMON, client)
        if found.file:
            ask.trace.add(found.file, f"{name} {session.client_address}", str(found), found.span)
        return found.granted

    async def secured(self, ask: Ask) -> Verdict:
        ready = Verdict(Reply.of(220, "2.0.0 Ready to start TLS"), ask.trace)
        if not self.peer:  # the client is not known yet: `connect` asks
            return ready
        self._begin(ask)
        await self._ask_about_tls()
        noted, self.noted = tuple(self.noted), []
        return replace(ready, denied=self.denied, notes=noted)

    async def _ask_about_tls(self) -> None:
        """Ask tls_client whether the TLS that is in force is good enough; else the client is denied."""
        for name, value in tls_macros(self.policy, self.session).items():
            self.macros.define(name, value)
        if self.macros.named("verify") == "OK":
            self.session.certificate_account = self.macros.named("cert_subject") or ""
        await self._check("tls_client", self.macros.named("verify") or "", "STARTTLS")
        refusal = self.heard.refusal()
        if refusal is not None:
            self.noted.append(f"{self.asking}, reject={refusal.code} {modern(refusal.text)}")
            self.denied = refusal
        self.heard.clear()

    async def _features(self) -> None:
        found = await session_ehlo.features(self.engine, self.peer)
        if found is None and self.denied is None:
            self.denied = Reply.of(450, "4.3.0 Please try again later.")
        self.features = session_ehlo.joined(self.daemon.features, found or ())
        self.heard.clear()

    def _client_macros(self) -> None:
        session = self.session
        found = peer_of(session)
        self._shown_address, self._pointer = found.address, latin(found.pointer)
        self.client_name, self.peer = latin(found.name), latin(found.text)
        if self.of_daemon:
            self.daemon = self.policy.settings.daemon(session.server_address, session.server_port)
        self.engine.deferring = self.daemon.mode == "d"
        resolve = {NameOutcome.FOUND: "OK", NameOutcome.FAILED: "TEMP", NameOutcome.FORGED: "FORGED"}
        values = {
            "client_addr": self._shown_address,
            "client_name": self.client_name,
            "client_port": session.client_port or "0",
            "client_resolve": resolve.get(found.outcome, "FAIL"),
            "client_ptr": self._pointer,
            "client_connections": str(session.connections),
            "client_rate": str(session.rate),
            "total_rate": str(session.total_rate),
            "load_avg": "0",
            "_": self.peer,
            "if_addr": None if _is_loopback(session.server_address) else session.server_address,
            "if_name": self.policy.hostname,
            "daemon_addr": session.server_address,
            "daemon_port": session.server_port,
            "daemon_family": "inet6" if ":" in session.client_address else "inet",
            "daemon_name": self.daemon.name,
            "daemon_flags": self.daemon.flags,
            "deliveryMode": self.daemon.mode,
        }
        for name_, value in values.items():
            self.macros.define(name_, value)

    async def helo(self, ask: Ask) -> Verdict:
        self._begin(ask)
        session = self.session
        esmtp = session.protocol == "ESMTP"
        session.spoken = protocol(session)
        name = next(iter((session.typed or session.helo or "").split()), "")
        odd = self.policy.book.flag("AllowBogusHELO") and not _NAME.fullmatch(name)
        said = "accepting invalid domain name" if odd else "pleased to meet you"
        hello = f"{self.policy.hostname} Hello {self.peer}, {said}"
        lines = (hello, *session_ehlo.keywords(self.policy, self)) if esmtp else (hello,)
        return Verdict(Reply.of(250, *(modern(line) for line in lines)), ask.trace)

    def _hello_macros(self) -> None:
        """What is known from HELO on; without it the client's own name stands for what it would say."""
        said = self.session.helo
        self.define("s", self._pointer if said is None else latin(said))
        self.define("r", "SMTP" if said is None else self.session.spoken or self.session.protocol)
        self.define("ntries", "0")

    # -- MAIL

    def _typed(self, address: str | None, parameters: dict[str, str]) -> str:
        """The argument of MAIL or RCPT, as it was typed or would be."""
        if self.session.typed:
            return latin(self.session.typed)
        words = [f"{name}={value}" if value else name for name, value in parameters.items()]
        return latin(" ".join((f"<{address or ''}>", *words)))

    @property
    def offered(self) -> Offered:
        return session_ehlo.offered(self.policy, self)

    async def mail(self, ask: Ask) -> Verdict:
        session = self.session
        self._begin(ask)
        self._begin_transaction()
        define_dates(self.macros, ask.now())
        self._hello_macros()
        if self.denied is not None:
            return Verdict(self.denied, ask.trace)
        if "l" in self.features and not session.sasl_username:
            return Verdict(Reply.of(530, "5.7.0 Authentication required"), ask.trace)
        if session.objection is not None:
            return Verdict(session.objection, ask.trace)
        typed = self._typed(session.sender, session.sender_parameters)
        self.define("addr_type", "e s")
        found, end = await Parser(self.engine, sender=True).parse(typed, " ")
        address, rest = typed[:end], typed[end:].strip(_SPACES)
        if self.heard.refused:
            return self._verdict(ask, _LATER)
        if found is None or found.bad:
            return self._verdict(ask, Reply.of(553, "5.1.7 Invalid sender address"))
        if found.mailer is not None and found.mailer.name in _NO_SENDERS:
            return self._verdict(ask, Reply.of(553, f"5.1.7 {plain(address)}... Invalid sender address"))
        parameters = session_parameters.mail(rest, self.offered)
        if isinstance(parameters, Reply):
            return Verdict(parameters, ask.trace)
        await self._sender_macros(address, found, parameters)
        self.heard.problems.subject = address
        await self._check("check_mail", address)
        if self.heard.refused:
            return self._verdict(ask, _LATER, rule="check_mail")
        limit = self.policy.site.limits.message_size
        if limit and int(parameters.get("SIZE", "0")) > limit:
            text = f"5.2.3 Message size exceeds fixed maximum message size ({limit})"
            return Verdict(Reply.of(552, text), ask.trace)
        if not await has_room(self.policy.settings, self.world, int(parameters.get("SIZE", "0"))):
            return Verdict(FULL, ask.trace)
        session.sender, session.sender_parameters = _bare(address), parameters
        reply = Reply.of(250, f"2.1.0 {plain(address)}... Sender ok")
        return self._verdict(ask, reply, rule="check_mail", effects=self._effects)

    async def _sender_macros(self, address: str, found: Resolved, parameters: dict[str, str]) -> None:
        define = self.define
        define("f", await self._sender(address))
        define("mail_mailer", found.mailer.name if found.mailer else None)
        define("mail_host", found.host)
        define("mail_addr", found.user)
        define("mail_from", address)
        define("msg_size", parameters.get("SIZE"))
        define("auth_author", parameters.get("AUTH"))
        define("dsn_ret", parameters.get("RET", "").lower() or None)
        define("dsn_envid", parameters.get("ENVID"))
        define("nrcpts", "0")
        define("nbadrcpts", "0")

    async def _sender(self, address: str) -> str:
        """The sender as rulesets 3, 1 and 4 leave it."""
        tokens = self.engine.scan(address, Reading.EXTERNAL)
        if tokens is None:
            return ""
        for ruleset in (3, 1, 4):
            await self.engine.rewrite(tokens, ruleset)
        sender = self.engine.joined(tokens)
        return f"<{sender}>" if sender.startswith("@") else sender

    # -- RCPT

    async def rcpt(self, ask: Ask) -> Verdict:
        most = self.policy.settings.number("BadRcptThrottle", 0)
        throttled = 0 < most <= self.bad_recipients and not self._too_many_bad()
        verdict = await self._rcpt(ask)
        if not throttled:
            return verdict
        known, self._throttled = self._throttled, True
        return replace(verdict, pause=_THROTTLED, throttles=not known)

    async def _rcpt(self, ask: Ask) -> Verdict:
        session = self.session
        self._begin(ask)
        if self.denied is not None:
            return Verdict(self.denied, ask.trace)
        if self._too_many_bad():
            return Verdict(self._closing("Too many bad recipients"), ask.trace, disconnect=True)
        typed = self._typed(session.recipient, session.recipient_parameters)
        self.define("addr_type", "e r")
        found, end = await Parser(self.engine).parse(typed, " ")
        address, rest = typed[:end], typed[end:].strip(_SPACES)
        if not self.heard.refused and (found is None or found.bad):
            return self._refuse(ask, Reply.of(501, "5.0.0 Missing recipient"))
        if self.heard.refused or found is None:
            return self._refuse(ask)
        parameters = session_parameters.rcpt(rest, self.offered)
        if isinstance(parameters, Reply):
            return self._refuse(ask, parameters)
        self.define("rcpt_mailer", found.mailer.name if found.mailer else None)
        self.define("rcpt_host", found.host)
        self.define("rcpt_addr", found.user)
        self.heard.problems.subject = address
        if not await self._check("check_rcpt", address):
            return self._refuse(ask, rule="check_rcpt")
        waits, called = found.waits, address
        if self.discard and found.mailer is not None and found.mailer.name == "prog":
            return self._refuse(ask, Reply.of(550, f"5.7.1 {plain(address)}... Cannot mail directly to programs"))
        if not self.discard:
            self.heard.problems.subject = address
            called, queued = await self._recipients.accept(found, address)
            waits = waits or queued
            if self.heard.refused:
                return self._refuse(ask)
        self._accepted += 1
        self.define("nrcpts", str(self._accepted))
        session.recipient, session.recipient_parameters = _bare(address), parameters
        later = " (will queue)" if waits else ""
        reply = Reply.of(250, f"2.1.5 {plain(called)}... Recipient ok{later}")
        return self._verdict(ask, reply, rule="check_rcpt", effects=self._effects)

    def _too_many_bad(self) -> bool:
        """BadRcptShutdown, and the share of bad recipients that it takes (BadRcptShutdownGood)."""
        most = self.policy.settings.number("BadRcptShutdown", 0)
        share = self.policy.settings.number("BadRcptShutdownGood", 0)
        bad = self.bad_recipients
        return 0 < most <= bad and bad * 100 >= share * (bad + self._accepted)

    def _closing(self, reason: str) -> Reply:
        return Reply.of(421, f"4.7.0 {self.policy.hostname} {reason}; closing connection")

    def _refuse(self, ask: Ask, reply: Reply = _LATER, rule: str = "") -> Verdict:
        self.bad_recipients += 1
        self.define("nbadrcpts", str(self.bad_recipients))
        return self._verdict(ask, reply, rule=rule)

    # -- VRFY and what is sendmail's own

    async def vrfy(self, ask: Ask) -> Verdict:
        typed = latin(self.session.typed or self.session.recipient or "")
        return await self._look_up("VRFY", typed, ask)

    async def _look_up(self, verb: str, typed: str, ask: Ask) -> Verdict:
        """VRFY and EXPN, which leave nothing behind in the transaction."""
        self._forget_recipient()
        kept, self.engine.macros = self.engine.macros, self.engine.macros.above()
        try:
            return await self._listed(verb, typed, ask)
        finally:
            self.engine.macros = kept

    async def _listed(self, verb: str, typed: str, ask: Ask) -> Verdict:
        self._begin(ask)
        private = self.policy.settings.private
        if self.denied is not None:
            return Verdict(self.denied, ask.trace)
        forbidden = private(f"no{verb.lower()}") or (verb == "EXPN" and "X" in self.features)
        shown = modern(f"{self.peer}: {verb} {typed}")
        self.noted.append(f"{shown} [rejected]" if forbidden else shown)
        if forbidden:
            cannot = Reply.of(252, "2.5.2 Cannot VRFY user; try RCPT to attempt delivery (or try finger)")
            sorry = Reply.of(502, "5.7.0 Sorry, we do not allow this operation")
            return Verdict(cannot if verb == "VRFY" else sorry, ask.trace, notes=tuple(self.noted))
        if private(f"need{verb.lower()}helo") and self.session.helo is None:
            return Verdict(Reply.of(503, "5.0.0 I demand that you introduce yourself first"), ask.trace)
        if not typed:
            return Verdict(Reply.of(501, "5.5.2 Argument required"), ask.trace)
        if not await self._check(f"check_{verb.lower()}", typed):
            return self._verdict(ask, _LATER, rule=f"check_{verb.lower()}")
        found = await listed(self, typed, verify=verb == "VRFY")
        if found and self.heard.waits_alone:  # aliases that cannot be asked now: they would wait in the queue
            self.heard.forgive()
        if self.heard.refused:
            return self._verdict(ask, _LATER)
        if not found:
            return self._verdict(ask, Reply.of(554, f"5.5.2 Nothing to {verb}"))
        codes = {each.code(verify=verb == "VRFY") for each in found}
        reply = Reply.of(max(codes), *(f"2.1.5 {plain(each.shown(self.policy.hostname))}" for each in found))
        return self._verdict(ask, reply)

    async def command(self, ask: Ask) -> Verdict:
        words = latin(self.session.typed).strip(_SPACES).split(None, 1)
        verb, argument = words[0].upper() if words else "", words[1] if len(words) > 1 else ""
        if verb == "EXPN":
            return await self._look_up(verb, argument, ask)
        self._begin(ask)
        if self.denied is not None:
            return Verdict(self.denied, ask.trace)
        if verb == "ETRN":
            return await self._etrn(argument, ask)
        if verb == "HELP":
            return self._verdict(ask, await session_ehlo.help_about(self, argument))
        if verb in ("AUTH", "STARTTLS"):
            answer = session_ehlo.security(self, verb, argument)
            return Verdict(answer.reply, ask.trace, login=answer.login)
        return await self._other(verb, ask)

    async def _other(self, verb: str, ask: Ask) -> Verdict:
        """A command that no other ruleset is asked about; 2 and 5 are what its reply will begin with."""
        line = latin(self.session.typed)
        known = verb in ("NOOP", "VERB")
        if not await self._check("check_other", line, "2" if known else "5"):
            return self._verdict(ask, _LATER, rule="check_other")
        if verb == "VERB":
            self.session.verbose = True
            return Verdict(Reply.of(250, "2.0.0 Verbose mode"), ask.trace)
        if known:
            return Verdict(Reply.of(250, "2.0.0 OK"), ask.trace)
        code, what = (502, "not implemented") if verb in NOT_IMPLEMENTED else (500, "unrecognized")
        return Verdict(Reply.of(code, f'5.5.1 Command {what}: "{plain(shortened(line))}"'), ask.trace)

    async def _etrn(self, argument: str, ask: Ask) -> Verdict:
        shown = modern(f"{self.peer}: ETRN {argument}")
        if self.policy.settings.private("noetrn") or "E" in self.features:
            sorry = Reply.of(502, "5.7.0 Sorry, we do not allow this operation")
            return Verdict(sorry, ask.trace, notes=(f"{shown} [rejected]",))
        if not argument:
            return Verdict(Reply.of(500, "5.5.2 Parameter required"), ask.trace)
        if not await self._check("check_etrn", argument):
            return self._verdict(ask, _LATER, rule="check_etrn")
        if argument.startswith("#"):
            return Verdict(Reply.of(459, f"4.5.4 Queue {plain(argument[1:])} unknown"), ask.trace)
        reply = Reply.of(250, f"2.0.0 Queuing for node {plain(argument)} started")
        return Verdict(reply, ask.trace, notes=(*self.noted, shown))

    # -- the message

    async def data(self, ask: Ask) -> Verdict:
        self._begin(ask)
        self._forget_recipient()
        if self.denied is not None:
            return Verdict(self.denied, ask.trace)
        if not await self._check("check_data", str(self._accepted)):
            return self._verdict(ask, _LATER, rule="check_data")
        reply = Reply.of(354, "End data with <CR><LF>.<CR><LF>")
        return self._verdict(ask, reply, rule="check_data", effects=self._effects)

    def _forget_recipient(self) -> None:
        """Only RCPT knows the macros of one recipient."""
        for name in ("rcpt_mailer", "rcpt_host", "rcpt_addr", "addr_type"):
            self.define(name, None)

    async def end_of_data(self, ask: Ask) -> Verdict:
        self._begin(ask)
        rule = await session_content.check_message(self)
        refusal = self.heard.last_refusal()
        if refusal is not None:
            return Verdict(refusal, ask.trace, rule=rule, disconnect=refusal.code == 421, notes=tuple(self.noted))
        reply = Reply.of(250, f"2.0.0 {self.session.queue_id} Message accepted for delivery")
        return self._verdict(ask, reply, rule=rule, effects=self._effects)

    @property
    def settled(self) -> bool:
        """Whether nothing has gone wrong with the question at hand."""
        return self.heard.problems.status == EX_OK


def _withheld(features: frozenset[str]) -> Iterator[str]:
    """What the letters of srv_features take away; who has no EXPN has no VERB either."""
    for letter, name in zip("ABDEPXX", ("AUTH", "VERB", "DSN", "ETRN", "PIPELINING", "EXPN", "VERB"), strict=True):
        if letter in features:
            yield name


def _unnumbered(text: str) -> str:
    """A reply's text without the enhanced status code."""
    return _ENHANCED.sub("", text)


def _is_loopback(address: str) -> bool:
    return address.startswith("127.") or address == "::1"


def _bare(address: str) -> str:
    """An address for the queue: without the angle brackets around it."""
    inner = address.strip(_SPACES)
    if inner.startswith("<") and inner.endswith(">"):
        inner = inner[1:-1].strip(_SPACES)
    return modern(inner)
