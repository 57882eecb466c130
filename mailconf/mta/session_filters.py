"""What mail filters (milters) make of a session's verdicts: `mailconf.mta.answers` asks after each that accepts.

A client that a filter refuses when it connects, or because of its name, is refused at each MAIL (smtpd(8)).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from mailconf.files import Root
from mailconf.model.filtering import GO_ON, Do, Outcome
from mailconf.model.policy import Policy, Privilege
from mailconf.model.session import Session
from mailconf.model.transaction import Question
from mailconf.model.verdict import Effect, EffectKind, Reply, Route, Verdict
from mailconf.model.world import Ask, World
from mailconf.mta.filtered import FilteredMessage
from mailconf.mta.filters import Filters
from mailconf.mta.journal import LogEvent
from mailconf.smtp.path import split_arguments
from mailconf.smtp.problems import Problem, Wording

_EFFECTS = {Do.DISCARD: EffectKind.DISCARD, Do.HOLD: EffectKind.HOLD}
_ENDS = 421
_DENIED = Reply.of(550, "5.0.0 Command rejected")  # by a filter, without a reply of its own
_NULL_SENDER = "MAILER-DAEMON"  # whose route is that of the null sender


class SessionFilters:
    """Those of one session.

    world   gives the World of the moment
    note    takes an event for the log, ``client`` is how that names the client
    worded  makes a refusal read as the Policy wants it
    """

    def __init__(
        self,
        policy: Policy,
        session: Session,
        root: Root,
        wording: Wording,
        *,
        world: Callable[[], World],
        note: Callable[..., None],
        client: Callable[[], str],
        limit: int = 0,
    ) -> None:
        self._policy = policy
        self._session = session
        self._root = root
        self._wording = wording
        self._world = world
        self._note = note
        self._client = client
        self._limit = limit
        self._filters: Filters | None = None
        self._spoken = "SMTP"  # the protocol before the command at hand
        self._typed = ""
        self._parameters: tuple[str, ...] = ()
        self._unwelcome = False  # the client was refused when it connected
        self._denies = False  # who is refused for the session is refused at every command
        self._holds = False  # that the message is held has been said
        self._last = ""  # the recipient that was accepted last
        self._first: tuple[str, Route] | None = None  # the one that was accepted first, with its route

    @property
    def are_asked(self) -> bool:
        return self._filters is not None

    def typed(self, text: str, parameters: tuple[str, ...] = ()) -> None:
        """The argument of the command at hand, an address or a name, and what follows it, as the client wrote it."""
        if self._denies and not parameters:  # the dialect reads the argument by itself
            words = split_arguments(text)
            text, parameters = words[0] if words else "", tuple(words[1:])
        self._typed, self._parameters = text, parameters

    async def after(self, question: Question, verdict: Verdict) -> Verdict:
        """What becomes of a verdict of the Policy's. May raise what the Policy raises."""
        if question is Question.CONNECT and verdict.accepted:
            return await self._connect(verdict)
        if self._filters is None:
            return verdict
        if not verdict.accepted:
            if question is Question.RCPT and verdict.log:
                await self._filters.refused_rcpt(self._typed, self._parameters, verdict.reply)
            return verdict
        match question:
            case Question.HELO:
                return await self._helo(self._filters, verdict)
            case Question.MAIL:
                return await self._mail(self._filters, verdict)
            case Question.RCPT:
                return await self._rcpt(self._filters, verdict)
            case Question.DATA:
                address, route = self._first or ("", None)
                outcome = await self._filters.data(route, address)
                where = "BDAT" if self._session.chunked else "DATA"
                return await self._concluded(where, outcome, verdict, address)
        return verdict

    async def _connect(self, verdict: Verdict) -> Verdict:
        session = self._session
        filtering = await self._policy.filters(session, Ask(self._world()))
        if not filtering.filters:
            return verdict
        self._denies, self._unwelcome = filtering.habits.names_addresses, False
        self._filters = Filters(filtering, session, self._root, self._wording, self._note, self._limit)
        self._filters.counted = not await self._policy.may(session, Privilege.UNLIMITED, Ask(self._world()))
        outcome = await self._filters.connect()
        self._log("CONNECT", outcome)
        if outcome.reply is None or (outcome.reply.code < 500 and outcome.reply.code != _ENDS):
            return verdict
        problem = Problem.UNWELCOME_NOW if outcome.reply.code == _ENDS else Problem.UNWELCOME
        host = self._policy.site.hostname.value
        refused = self._wording.refusal(problem, host=host)
        self._unwelcome = True
        denied = _DENIED if self._denies else None
        return Verdict(refused, verdict.trace, disconnect=outcome.reply.code == _ENDS, denied=denied)

    async def _helo(self, filters: Filters, verdict: Verdict) -> Verdict:
        outcome = await filters.helo(self._typed)
        where = "EHLO" if self._session.protocol == "ESMTP" else "HELO"
        self._log(where, outcome)
        self._spoken = self._session.protocol
        if outcome.reply is None or (outcome.reply.code < 500 and outcome.reply.code != _ENDS):
            return verdict
        if outcome.reply.code == _ENDS:
            return replace(verdict, reply=await self._worded(outcome.reply), disconnect=True)
        keywords = [line for line in verdict.reply.lines[1:] if line == "ENHANCEDSTATUSCODES"]
        short = Reply.of(verdict.reply.code, verdict.reply.lines[0], *keywords)
        denied = None
        if self._denies:
            by_itself = outcome.reply == self._wording.refusal(Problem.FILTER_REJECTS) or self._unwelcome
            denied = _DENIED if by_itself else outcome.reply
        return replace(verdict, reply=short, denied=denied)

    async def _mail(self, filters: Filters, verdict: Verdict) -> Verdict:
        session = self._session
        self._last, self._first = "", None
        address = session.sender or _NULL_SENDER
        route = await self._policy.resolve(address, Ask(self._world()))
        outcome = await filters.mail(self._typed, self._parameters, route)
        return await self._concluded("MAIL", outcome, verdict)

    async def _rcpt(self, filters: Filters, verdict: Verdict) -> Verdict:
        session = self._session
        address = session.recipient or ""
        route = await self._policy.resolve(address, Ask(self._world()), sender=session.sender or "")
        outcome = await filters.rcpt(self._typed, self._parameters, route)
        found = await self._concluded("RCPT", outcome, verdict, address)
        if found.accepted:
            self._last = address
            self._first = self._first or (address, route)
        return found

    async def unknown(self, word: str, reply: Reply) -> Reply:
        """The reply to a command that does not exist; ``reply`` is the one without filters."""
        if self._filters is None:
            return reply
        outcome = await self._filters.unknown(word)
        first = self._first[0] if self._first is not None else ""
        self._log("UNKNOWN", outcome, first)
        return reply if outcome.reply is None else outcome.reply

    async def content(self, message: FilteredMessage) -> Outcome:
        """Show them a message that is complete; ``message`` has what they change."""
        if self._filters is None:
            return GO_ON
        outcome = await self._filters.message(message)
        if outcome.do is Do.HOLD and self._holds:
            return outcome
        self._log("END-OF-MESSAGE", outcome, self._last, in_content=True)
        return outcome

    async def _concluded(self, where: str, outcome: Outcome, verdict: Verdict, recipient: str = "") -> Verdict:
        """What a filter's answer to a command leads to."""
        self._log(where, outcome, recipient)
        if outcome.do in _EFFECTS:
            self._holds = self._holds or outcome.do is Do.HOLD
            return replace(verdict, effects=(*verdict.effects, Effect(_EFFECTS[outcome.do])))
        if outcome.reply is None:
            return verdict
        reply = await self._worded(self._addressed(where, outcome.reply))
        return Verdict(reply, verdict.trace, verdict.effects, notes=verdict.notes, disconnect=reply.code == _ENDS)

    def _addressed(self, where: str, reply: Reply) -> Reply:
        """A reply to MAIL or RCPT with the address in it, where the dialect has it there."""
        deferred = reply == self._wording.refusal(Problem.FILTER_DEFERS)
        if not self._denies or where not in ("MAIL", "RCPT") or deferred or reply.code == _ENDS:
            return reply
        status, blank, said = reply.lines[0].partition(" ")
        return Reply.of(reply.code, f"{status} {self._typed}... {said}" if blank else status, *reply.lines[1:])

    async def _worded(self, reply: Reply) -> Reply:
        return await self._policy.worded(self._session, reply, Ask(self._world()))

    def _log(self, where: str, outcome: Outcome, recipient: str = "", *, in_content: bool = False) -> None:
        if outcome.do in (Do.CONTINUE, Do.SKIP) or (outcome.again and self._denies):
            return
        early = where in ("CONNECT", "EHLO", "HELO")
        session = replace(self._session, protocol=self._spoken) if early else self._session
        facts = {"session": session, "recipient": recipient, "reply": outcome.reply, "in_content": in_content}
        self._note(LogEvent.FILTERED, do=outcome.do, where=where, client=self._client(), **facts)

    def standing(self) -> Reply | None:
        """What a filter has refused the client or its name with, where the command at hand is one of the session's."""
        return None if self._filters is None or self._denies else self._filters.standing()

    # What the session comes to.

    def named(self) -> None:
        if self._filters is not None:
            self._filters.named()

    def unnamed(self) -> None:
        if self._filters is not None:
            self._filters.unnamed()

    def forget(self, *, reset: bool = False) -> None:
        """The message is over; ``reset`` is whether the client has given it up."""
        self._last, self._first, self._holds = "", None, False
        if self._filters is not None:
            self._filters.forget(reset=reset)

    def close(self) -> None:
        """The session is over, or begins anew as another client's."""
        self._spoken = "SMTP"
        if self._filters is not None:
            self._filters.close()
            self._filters = None
