"""One evaluation of restrictions: what is asked about, what came of it, and how Postfix answers and logs it.

Refusals read ``CODE STATUS <who>: WHAT rejected: text`` and are logged as ``RCPT from name[address]: ...; from=<> to=<>
proto=ESMTP helo=<>`` (postconf(5) smtpd_*_restrictions, access(5)).
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from mailconf.model.address import external
from mailconf.model.session import Session
from mailconf.model.verdict import Effect, EffectKind, Reply
from mailconf.model.world import Ask, EmptyResult, LookupFailed

if TYPE_CHECKING:
    from mailconf.postfix.policy.dns_lookup import Lookup
    from mailconf.postfix.policy.resolve import Resolution
    from mailconf.postfix.policy.smtpd_settings import Settings

CLIENT, HELO, SENDER, RECIPIENT = "Client host", "Helo command", "Sender address", "Recipient address"
DATA, END_OF_DATA, ETRN = "Data command", "End-of-data", "Etrn command"
REVERSE_CLIENT, CERTIFICATE, LOGIN = "Unverified Client host", "Client certificate", "SASL login name"

_STATUS = re.compile(r"([245])\.(\d{1,3}\.\d{1,3})(?:[ \t]+|\Z)")
# Enhanced status codes of the subject "addressing" (RFC 3463 X.1.X) are about a sender or about a recipient; used for
# something else they are brought in line.
_ABOUT_SENDER = {"1.1": "1.7", "1.2": "1.8", "1.3": "1.7", "1.4": "1.7", "1.5": "1.0", "1.6": "1.7"}
_SENDER_OR_RECIPIENT = frozenset(f"1.{n}" for n in range(9))
_ABOUT_RECIPIENT = {"1.7": "1.3", "1.8": "1.2"}


_UNPRINTABLE = re.compile("[\x00-\x1f\x7f\udc80-\udcff]")


class Decision(Enum):
    """What a restriction or a list of them came to."""

    DUNNO = "dunno"
    PERMIT = "permit"
    REJECT = "reject"


DUNNO, PERMIT, REJECT = Decision.DUNNO, Decision.PERMIT, Decision.REJECT


class Asked(NamedTuple):
    """Whom a refusal is about: the text between ``<`` and ``>``, and what it is."""

    name: str
    what: str


class Listed(NamedTuple):
    """What a list in the DNS has for a name: addresses, and the reason in text."""

    found: Lookup
    reason: str


class Refusal(NamedTuple):
    code: int
    status: str  # "5.7.1"
    text: str

    def reply(self) -> Reply:
        return Reply.of(self.code, f"{self.status} {self.text}")


def printable(text: str) -> str:
    """``text`` with a blank for each control character, and for each byte that is not UTF-8."""
    return _UNPRINTABLE.sub(" ", text)


# The reply to the client where the configuration asks for one that refuses nothing.
UNAVAILABLE = Refusal(450, "4.7.1", "Service unavailable")


def split_status(text: str, status: str) -> tuple[str, str]:
    """The enhanced status code that ``text`` begins with and the rest; ``status`` where it has no code."""
    found = _STATUS.match(text)
    return (f"{found[1]}.{found[2]}", text[found.end() :]) if found else (status, text)


def fitting_status(status: str, what: str) -> str:
    """``status`` as it may be used about ``what``; its class, where it changes, is that of the code's (`_in_line`)."""
    rest = status.partition(".")[2]
    if not rest.startswith("1."):
        return status
    if what in (SENDER, RECIPIENT) and rest not in _SENDER_OR_RECIPIENT:
        return "4.1.0"
    if what == SENDER:
        return f"4.{_ABOUT_SENDER.get(rest, rest)}"
    if what == RECIPIENT:
        return f"4.{_ABOUT_RECIPIENT.get(rest, rest)}"
    return "4.0.0"


@dataclass(slots=True, eq=False, repr=False)
class Memory:
    """What one answer has to know of earlier ones of its session.

    denied    the client was refused at once (smtpd_delay_reject=no); so is every command
    protocol  SMTP or ESMTP, as the last HELO or EHLO that was accepted has it
    discard   access(5) DISCARD: nothing is checked any more, as the message will be thrown away
    hold      access(5) HOLD has been logged

    The rest is the DEFER_IF_PERMIT that holds when a stage is over: that of ``helo`` is the client's if there was one.
    RCPT comes back to the sender's, which outlasts RSET and HELO until the next MAIL, as in the original.
    """

    denied: bool = False
    protocol: str = "SMTP"
    discard: bool = False
    hold: bool = False
    client: Refusal | None = None
    helo: Refusal | None = None
    sender: Refusal | None = None

    def forget(self) -> None:
        """The transaction is over."""
        self.discard = self.hold = False


@dataclass(slots=True, eq=False, repr=False)
class Evaluation:
    """The state of one question to the Policy.

    memory           what the session's earlier answers left
    where            the command, for the log: CONNECT, HELO, EHLO, MAIL, RCPT, DATA, END-OF-MESSAGE, VRFY
    recipient        the one in question; at DATA the only one, if there is only one
    who              what a bare table in the list is asked about: "client", "helo", "sender", "recipient"
    warn             warn_if_reject is in force: refusals are logged and go on
    defer_if_permit  the reply in place of a permission (access(5) DEFER_IF_PERMIT); the first one counts
    defer_if_reject  the reply in place of a 5xx, within one stage
    listed           what lists in the DNS have answered, by the name that they were asked for
    """

    settings: Settings
    session: Session
    memory: Memory
    ask: Ask
    where: str
    recipient: str | None = None
    who: str = ""
    warn: bool = False
    defer_if_permit: Refusal | None = None
    defer_if_reject: Refusal | None = None
    refusal: Refusal | None = None
    rule: str = ""
    unlisted_checked: set[str] = field(default_factory=set)
    effects: list[Effect] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    _resolved: dict[tuple[str, str], Resolution] = field(default_factory=dict)
    listed: dict[str, Listed] = field(default_factory=dict)
    sender_known: bool = True  # MAIL may be refused before its address counts
    depth: int = 0  # of restriction classes
    etrn: str = ""  # the domain of ETRN

    @property
    def client(self) -> str:
        return f"{self.session.client_name}[{self.session.client_address}]"

    @property
    def discarding(self) -> bool:
        """Whether the message is to be thrown away: nothing is checked any more."""
        return self.memory.discard

    async def resolved(self, address: str, sender: str) -> Resolution:
        """The class and the final form of an address, as smtpd(8) asks trivial-rewrite(8) for it."""
        key = (address, sender)
        found = self._resolved.get(key)
        if found is None:
            standard = self.settings.rewriter.standard(address)
            found = self._resolved[key] = await self.settings.resolver.resolve(standard, self.ask, sender)
        return found

    async def resolved_sender(self) -> Resolution:
        return await self.resolved(self.session.sender or "", self.recipient or "")

    async def resolved_recipient(self) -> Resolution:
        return await self.resolved(self.recipient or "", self.session.sender or "")

    def begin_stage(self) -> None:
        """DEFER_IF_REJECT holds for one stage: client, HELO, sender, or the recipient with all its lists."""
        self.defer_if_reject = None

    def refuse(self, code: int, status: str, text: str, *, certainly: bool = False) -> Decision:
        """A refusal, unless warn_if_reject or DEFER_IF_REJECT make something else of it.

        Every refusal of the configuration's passes here: the client always reads a 4xx or a 5xx, with any
        configuration. ``certainly``: the fault is the server's, which warn_if_reject does not forgive.
        """
        refusal = self._refusing(Refusal(code, status, text))
        if self.warn and not certainly:
            refusal = self._in_line(refusal)
            self.note("reject_warning", f"{refusal.code} {refusal.status} {refusal.text}")
            return DUNNO
        if self.defer_if_reject is not None and refusal.code >= 500:  # soft_bounce comes later
            refusal, self.defer_if_reject = self._refusing(self.defer_if_reject), None
        self.refusal = self._in_line(refusal)
        return REJECT

    def _refusing(self, refusal: Refusal) -> Refusal:
        """``refusal`` if its code refuses, UNAVAILABLE and a line of the log in its place if not."""
        if 400 <= refusal.code <= 599:
            return refusal
        text = f"{refusal.code} {refusal.status} {refusal.text}"
        self.notes.append(f"warning: SMTP reply code configuration error: {text}")
        self.ask.trace.add("warning", f"{text} refuses nothing", str(UNAVAILABLE.reply()))
        return UNAVAILABLE

    def _in_line(self, refusal: Refusal) -> Refusal:
        """With soft_bounce applied, the class of the enhanced status that of the code, and the text printable."""
        code = refusal.code - 100 if self.settings.soft_bounce and refusal.code >= 500 else refusal.code
        return Refusal(code, f"{code // 100}{refusal.status[1:]}", printable(refusal.text))

    def refuse_subject(self, code: int, status: str, subject: Asked, text: str) -> Decision:
        return self.refuse(code, status, f"<{subject.name}>: {subject.what} rejected: {text}")

    def defer_permission(self, code: int, status: str, text: str) -> Decision:
        """DEFER_IF_PERMIT; under warn_if_reject only a line in the log."""
        if self.warn:
            return self.refuse(code, status, text)
        if self.defer_if_permit is None:
            self.defer_if_permit = Refusal(code, status, text)
        return DUNNO

    def defer_rejection(self, code: int, status: str, text: str) -> Decision:
        """DEFER_IF_REJECT, for the rest of the list; warn_if_reject does not change it."""
        if self.defer_if_reject is None:
            self.defer_if_reject = Refusal(code, status, text)
        return DUNNO

    def fitting(self, status: str, what: str) -> str:
        """`fitting_status`, of which the log has a line where it changes something."""
        found = fitting_status(status, what)
        if found[2:] != status[2:]:
            self.notes.append(f"mapping DSN status {status} into {what} status {status[0]}{found[1:]}")
        return found

    def warn_of(self, text: str, *, once: str = "") -> None:
        """A warning for the log; with ``once`` only the first one of that name."""
        if once:
            if once in self.settings.warned:
                return
            self.settings.warned.add(once)
        self.notes.append(f"warning: {text}")

    def server_error(self, *warnings: str) -> Decision:
        """What the client hears when the configuration is broken; ``warnings`` are what the log has of it."""
        for text in warnings:
            self.warn_of(text)
        return self.refuse(451, "4.3.5", "Server configuration error", certainly=True)

    def lookup_failure(self, name: str, failure: LookupFailed | None = None) -> Decision:
        """What the client hears when a table cannot answer; one with an empty value is a mistake."""
        if isinstance(failure, EmptyResult):
            return self.server_error()
        return self.refuse(451, "4.3.0", f"<{name}>: Temporary lookup failure", certainly=True)

    def effect(self, kind: EffectKind, argument: str) -> None:
        self.effects.append(Effect(kind, argument))

    def note(self, kind: str, text: str) -> None:
        """A line of the log after the queue id."""
        self.notes.append(f"{kind}: {self.log_text(text)}")

    async def permitted(self, action: str, about: Asked, table: str = "") -> None:
        """A restriction has permitted something, or what a table has; the log has it if main.cf names the action."""
        logged = self.settings.logged_permissions
        with suppress(LookupFailed):
            if logged and await logged.match(self.ask, action):
                source = f"from {table}" if table else ""
                self.note("permit", f"action={action} for {about.what}={about.name} {source}")

    def log_text(self, text: str) -> str:
        session = self.session
        parts = []
        if session.sender is not None and self.sender_known:
            parts.append(f"from=<{external(session.sender)}>")
        if self.recipient is not None:
            parts.append(f"to=<{external(self.recipient)}>")
        before = self.memory.protocol  # HELO or EHLO changes it when it is accepted
        parts.append(f"proto={before if self.where in ('CONNECT', 'HELO', 'EHLO') else session.protocol}")
        if session.helo is not None:
            parts.append(f"helo=<{session.helo}>")
        return f"{self.where} from {self.client}: {text}; {' '.join(parts)}"
