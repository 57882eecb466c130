"""The order of an SMTP session's questions, and what each answer changes: who speaks SMTP drives it, without a socket.

A session is connect, HELO, and any number of transactions: MAIL, RCPT for each recipient, DATA, the end of the message.
`Transaction` puts each to the session that the Policy has begun (`mailconf.model.policy.PolicySession`), with the
`Session` filled in as the command has it, and notes what the verdict leads to:

    question      before it                       accepted                          refused
    connect       -                               -                                 -
    helo          name and protocol are set       the transaction is forgotten      name and protocol are as before
    mail          the transaction is forgotten    effects are kept                  the transaction is forgotten
    rcpt          the recipient is set            it counts; effects are kept       -
    vrfy          the recipient is set            -                                 -
    command       the line is set                 -                                 -
    data          -                               effects are kept                  -
    end_of_data   the size is set                 effects are kept                  -
    secured       the transaction is forgotten    -                                 -

RSET, the end of the message whatever became of it, STARTTLS and XCLIENT forget the transaction as well
(RFC 5321 4.1.1.5). A verdict that disconnects ends the session: no further question is put.

The order of the commands (RCPT needs MAIL) is the protocol's: `mailconf.smtp.states`.
"""

from __future__ import annotations

from collections.abc import Collection, Coroutine, Mapping
from copy import copy
from dataclasses import replace
from enum import Enum
from typing import Any, NamedTuple

from mailconf.model.policy import Policy, PolicySession
from mailconf.model.session import Session
from mailconf.model.verdict import Effect, Reply, Verdict
from mailconf.model.world import Ask, World

# Characters that a name in HELO does not keep, as it stands in header fields and logs.
HELO_NEUTRAL = str.maketrans(dict.fromkeys('<>()\\";@ ', "?"))


class Question(Enum):
    """The questions; a value is the method of `PolicySession`."""

    CONNECT = "connect"
    HELO = "helo"
    MAIL = "mail"
    RCPT = "rcpt"
    VRFY = "vrfy"
    COMMAND = "command"
    DATA = "data"
    END_OF_DATA = "end_of_data"
    SECURED = "secured"


# What a refusal of these costs: the name, the sender with all that came after it.
_WITH_EFFECTS = frozenset({Question.MAIL, Question.RCPT, Question.DATA, Question.END_OF_DATA})


class Accepted(NamedTuple):
    """A recipient that was accepted: its address in internal form, and the parameters of its RCPT."""

    address: str
    parameters: Mapping[str, str]


class Transaction:
    """One session's transactions, one after the other.

    session     what is known of the session; the Policy reads it
    recipients  those accepted in the transaction
    effects     what its verdicts ask for besides the delivery, in order
    over        a verdict has ended the session

    Each command is a coroutine that suspends only where the World does: asyncio drives it, or
    `mailconf.model.world.run`. Subclasses log or guard what is asked by overriding `put`, and drop what they hold of a
    transaction in `forget`.
    """

    def __init__(self, policy: Policy, session: Session, world: World) -> None:
        self.policy = policy
        self.session = session
        self.world = world
        self.answering: PolicySession = policy.begin(session)
        self.recipients: list[Accepted] = []
        self.effects: list[Effect] = []
        self.over = False

    def branch(self) -> Transaction:
        """A session that has come as far as this one, which is between two transactions, and goes on by itself."""
        found = copy(self)
        found.session = replace(self.session)
        found.answering = self.answering.branch(found.session)
        found.forget()
        return found

    def asked(self, question: Question) -> Coroutine[Any, Any, Verdict]:
        """The question to the Policy, to be awaited."""
        found: Coroutine[Any, Any, Verdict] = getattr(self.answering, question.value)(Ask(self.world))
        return found

    async def put(self, question: Question) -> Verdict:
        """Ask the Policy; every question passes here."""
        return await self.asked(question)

    async def worded(self, reply: Reply) -> Reply:
        """A refusal that is not the Policy's, as the Policy wants its refusals to read."""
        return await self.policy.worded(self.session, reply, Ask(self.world))

    def forget(self) -> None:
        """RSET, and whatever else ends a transaction: client, HELO and login are all that stays."""
        session = self.session
        session.sender, session.sender_parameters = None, {}
        session.recipient, session.recipient_parameters = None, {}
        session.recipients = []
        session.queue_id, session.size, session.chunked = "", 0, False
        session.typed, session.content = "", None
        self.recipients = []
        self.effects = []
        self.answering.forget()

    async def _ask(self, question: Question, objection: Reply | None = None) -> Verdict:
        """The Policy's verdict; ``objection``, which the Policy may only precede, is never accepted."""
        self.session.objection = objection
        verdict = await self.put(question)
        if objection is not None and verdict.accepted:
            verdict = Verdict(await self.worded(objection), verdict.trace)
        if verdict.effects and verdict.accepted and question in _WITH_EFFECTS:
            self.effects += verdict.effects
        self.over = self.over or verdict.disconnect
        return verdict

    async def connect(self) -> Verdict:
        """The greeting, or what refuses the client."""
        return await self._ask(Question.CONNECT)

    async def helo(self, verb: str, name: str) -> Verdict:
        """HELO, EHLO or LHLO."""
        session = self.session
        before = session.helo, session.protocol
        session.typed = name
        session.helo, session.protocol = name.translate(HELO_NEUTRAL), "SMTP" if verb == "HELO" else "ESMTP"
        verdict = await self._ask(Question.HELO)
        if verdict.accepted:
            self.forget()
        else:
            session.helo, session.protocol = before
        return verdict

    async def mail(
        self, address: str, parameters: dict[str, str], objection: Reply | None = None, typed: str = ""
    ) -> Verdict:
        """MAIL FROM; ``objection`` refuses it once the address is found good. ``typed`` is for a Policy that reads the
        argument by itself: it sets sender and parameters then."""
        self.forget()
        self.session.sender, self.session.sender_parameters = address, parameters
        self.session.typed = typed
        verdict = await self._ask(Question.MAIL, objection)
        if not verdict.accepted:
            self.forget()
        return verdict

    async def rcpt(
        self, address: str, parameters: dict[str, str], objection: Reply | None = None, typed: str = ""
    ) -> Verdict:
        """RCPT TO; ``objection`` and ``typed`` as for MAIL."""
        session = self.session
        session.recipient, session.recipient_parameters, session.typed = address, parameters, typed
        verdict = await self._ask(Question.RCPT, objection)
        if verdict.accepted:
            accepted = session.recipient or ""
            session.recipients.append(accepted)
            self.recipients.append(Accepted(accepted, session.recipient_parameters))
        session.recipient, session.recipient_parameters = None, {}
        return verdict

    async def vrfy(self, address: str, typed: str = "") -> Verdict:
        """VRFY, which changes nothing."""
        self.session.recipient, self.session.typed = address, typed
        verdict = await self._ask(Question.VRFY)
        self.session.recipient = None
        return verdict

    async def command(self, line: str) -> Verdict:
        """A command of the dialect's own."""
        self.session.typed = line
        return await self._ask(Question.COMMAND)

    async def data(self, *, chunked: bool = False) -> Verdict:
        """DATA, or with ``chunked`` the first BDAT."""
        self.session.chunked = chunked
        return await self._ask(Question.DATA)

    async def end_of_data(self, size: int, content: bytes | None = None) -> Verdict:
        """The message has come, ``size`` bytes of it. The caller takes it over, and then calls `forget`."""
        self.session.size, self.session.content = size, content
        return await self._ask(Question.END_OF_DATA)

    async def secured(self) -> Verdict:
        """TLS is in force: the transaction is forgotten, and what else the dialect forgets (RFC 3207 4.2)."""
        self.forget()
        return await self._ask(Question.SECURED)

    def become(self, given: Mapping[str, str | None], temporary: Collection[str] = ()) -> None:
        """XCLIENT: the session begins anew as another client's; `connect` is the next question."""
        self.forget()
        self.session.become(given, temporary)
        self.answering = self.policy.begin(self.session)
