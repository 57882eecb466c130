"""The questions that a configuration answers.

Postfix's Policy (mailconf.postfix) follows its documented order of restrictions, rewriting and resolving; sendmail's
interprets the rulesets of a sendmail.cf. The MTA, explain, test, diff, check and convert ask; nobody else interprets
configuration.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum
from typing import NamedTuple, Protocol

from mailconf.model.distinction import Distinction, Values
from mailconf.model.filtering import Filtering
from mailconf.model.recipient import Recipient, RecipientKind
from mailconf.model.screening import Screener
from mailconf.model.security import HopAgreed, HopAsked, HopSecurity
from mailconf.model.session import Session
from mailconf.model.site import Site
from mailconf.model.transport import AgentKind
from mailconf.model.verdict import Deliveries, Expansion, Inspection, Reply, Route, Verdict
from mailconf.model.world import Ask, Records


class AddressPlace(Enum):
    """What an address is used for."""

    ENVELOPE = "envelope"
    HEADER = "header"


class Side(Enum):
    SENDER = "sender"
    RECIPIENT = "recipient"


class Role(NamedTuple):
    """In which role an address is rewritten.

    ``transport`` is "" on the way in, and on the way out the name of the transport that delivers: Postfix's
    generic mapping may be another for each service of master.cf, and sendmail's mailers have rulesets of their own.
    ``local`` is whether header addresses are completed with the local domain (local_header_rewrite_clients).
    ``mapped`` is whether tables are asked, and not only the form is mended (no_address_mappings).
    ``sender`` is that of the message, with whose domain sendmail completes header addresses for some mailers (F=C).
    """

    place: AddressPlace
    side: Side
    transport: str = ""
    local: bool = True
    sender: str = ""
    mapped: bool = True


class Privilege(Enum):
    """What only some clients may do."""

    XCLIENT = "XCLIENT"
    XFORWARD = "XFORWARD"
    BARE_NEWLINES = "end lines by LF alone"
    UNLIMITED = "have any number of connections"
    SUBMIT = "hand in mail by a command"  # of a user of the machine, who counts as logged in
    LOCAL_HEADERS = "header addresses without a domain are local"


class Kept(NamedTuple):
    """What a configuration lets pass of an answer of the DNS.

    records  those that are left; ABSENT where there were some and none is left, FAILED where that cannot be told
    notes    lines for the log
    """

    records: Records
    notes: tuple[str, ...] = ()


class PolicySession(Protocol):
    """One SMTP session, as a configuration answers it; `Policy.begin` makes it.

    The questions are asked in the order of the commands, which `mailconf.model.transaction` knows. Each reads
    ``session``, and may remember for a later one what it likes, in whatever form its dialect has. A refusal is a
    Verdict, never an exception; a lookup that fails for the time being becomes the engine's 4xx reply.
    """

    session: Session

    async def connect(self, ask: Ask) -> Verdict:
        """The greeting (220), or a refusal (521, 554, 421)."""
        ...

    async def helo(self, ask: Ask) -> Verdict:
        """HELO and EHLO (``session.protocol`` tells which); EHLO's reply lists every keyword the engine would offer."""
        ...

    async def mail(self, ask: Ask) -> Verdict:
        """MAIL FROM; ``session.sender`` and ``sender_parameters`` are set. ``session.objection`` is the answer, unless
        the address itself is refused."""
        ...

    async def rcpt(self, ask: Ask) -> Verdict:
        """RCPT TO; ``session.recipient`` is set, ``objection`` as for MAIL.

        What the configuration delays until there is a recipient is evaluated here (postconf(5) smtpd_delay_reject)."""
        ...

    async def vrfy(self, ask: Ask) -> Verdict:
        """VRFY; ``session.recipient`` is what was asked about."""
        ...

    async def command(self, ask: Ask) -> Verdict:
        """A command of the dialect's own (sendmail's EXPN, ETRN, HELP, ...): ``session.typed`` is its line."""
        ...

    async def data(self, ask: Ask) -> Verdict:
        """DATA (and the first BDAT); the reply is 354 when accepted."""
        ...

    async def end_of_data(self, ask: Ask) -> Verdict:
        """After the final dot; ``session.size``, ``content`` and ``queue_id`` are set."""
        ...

    async def secured(self, ask: Ask) -> Verdict:
        """TLS is in force, and ``session`` has what was agreed on: forget of the client what does not count any more. A
        refusal is not sent; ``Verdict.denied`` is the answer to what the client asks for next."""
        ...

    def forget(self) -> None:
        """The transaction is over: RSET, a message that has come, a MAIL or a HELO that begins anew."""
        ...

    def branch(self, session: Session) -> PolicySession:
        """A session that has come as far as this one, and goes on as ``session``; the next question to either is MAIL.

        What the new one is asked does not change this one. They are asked one after the other, not both at once."""
        ...


class Policy(Protocol):
    """A compiled configuration. Each question is a coroutine that awaits nothing but ``ask``."""

    site: Site

    @property
    def screener(self) -> Screener | None:
        """What tests clients before the service talks to them; None where nothing does."""
        ...

    def begin(self, session: Session) -> PolicySession:
        """A client has connected, or has become another one (XCLIENT); ``session`` is filled in as it goes on."""
        ...

    def distinguishes(self, values: Values = lambda table: ()) -> Iterator[Distinction]:
        """Everything that the answers may depend on, rule by rule; the same thing may come more than once.

        values  gives the values of a table ("type:name") and the actions of a policy service, as far as they can be
                listed: a value may be a rule itself
        """
        ...

    def agent(self, transport: str) -> AgentKind | None:
        """What delivers for a transport; for one that is not defined, what the engine calls by that name."""
        ...

    async def may(self, session: Session, privilege: Privilege, ask: Ask) -> bool:
        """Whether the client has a privilege. Raises LookupFailed."""
        ...

    async def worded(self, session: Session, reply: Reply, ask: Ask) -> Reply:
        """A reply that the protocol alone decided on, as this configuration wants replies to be; it stays a refusal."""
        ...

    async def filters(self, session: Session, ask: Ask) -> Filtering:
        """The mail filters (milters) that a client's mail passes."""
        ...

    async def inspect(self, session: Session, content: bytes, ask: Ask) -> Inspection:
        """What the content of a message leads to when it is taken over, beyond what its end of data did
        (header_checks(5)); its lines are ended by LF."""
        ...

    async def inspect_field(self, session: Session, field: bytes, ask: Ask) -> Inspection:
        """What becomes of a field that a mail filter adds or changes, its last newline left out; without content it is
        dropped."""
        ...

    async def inspect_sent(self, transport: str, content: bytes, ask: Ask) -> Inspection:
        """What becomes of a message because of its content where ``transport`` sends it on: its lines may change, and
        a reply says why it cannot be sent. Lines are ended by LF."""
        ...

    async def rewrite(self, address: str, role: Role, ask: Ask) -> str:
        """``address`` (internal form) as it is to be in ``role``. Raises LookupFailed."""
        ...

    async def expand(self, recipient: Recipient, ask: Ask) -> Expansion:
        """The recipients in the place of ``recipient`` before the message is queued (virtual aliases), each with its
        origin and DSN parameters."""
        ...

    async def bcc(self, sender: str, recipients: list[str], ask: Ask) -> list[str]:
        """Who gets copies (always_bcc, *_bcc_maps); the addresses are not rewritten yet. Raises LookupFailed."""
        ...

    async def resolve(
        self, recipient: str, ask: Ask, *, sender: str = "", kind: RecipientKind = RecipientKind.ADDRESS
    ) -> Route:
        """Where ``recipient`` goes; ``kind`` is what `expand` has called it."""
        ...

    async def probe(self, recipient: str, ask: Ask, *, sender: str = "") -> Route:
        """Where a probe of ``recipient`` goes, which may be elsewhere than its mail."""
        ...

    async def keep(self, transport: str, name: str, kind: str, records: Records, ask: Ask) -> Kept:
        """What a transport's agent is to know of the records of type ``kind`` that the DNS has for ``name``."""
        ...

    async def security(self, asked: HopAsked, ask: Ask) -> HopSecurity:
        """What a transport's agent asks of TLS and logins at a host. Raises LookupFailed."""
        ...

    async def agreed(self, asked: HopAsked, found: Session | None, recipients: Sequence[str], ask: Ask) -> HopAgreed:
        """Whether TLS with a host, None for none, is good enough for it and for recipients (`HopSecurity.asked`). Of
        ``found`` what TLS and certificates are is filled in."""
        ...

    async def deliver(
        self, route: Route, ask: Ask, *, sender: str = "", recipient: Recipient | None = None
    ) -> Deliveries:
        """What is done for a recipient of a transport whose agent is a MAILBOX: aliases, ~/.forward, mailbox.

        recipient  as it came by the queue, where it is not ``route.recipient`` alone: header fields name it
        """
        ...
