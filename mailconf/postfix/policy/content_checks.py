"""header_checks, mime_header_checks, nested_header_checks and body_checks: what cleanup(8) does with a message because
of a line in it; and smtp_header_checks and its like, which smtp(8) and lmtp(8) have for what leaves.

Every field and every line that is not empty is looked up; the result is an action of header_checks(5). REJECT, DISCARD,
REDIRECT and PASS end the inspection, the others go on with the next line. What leaves can be changed line by line, and
no more: other actions are logged there, and have no effect.

Where there are checks, a message is refused in which more multiparts lie within each other than mime_nesting_limit and
two; what follows in it is text.

Source: header_checks(5), body_checks(5), postconf(5) smtp_header_checks, mime_nesting_limit;
tests/vectors/content_checks.jsonl, tests/vectors/sent_checks.jsonl, recorded from Postfix 3.7.11.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mailconf.model.address import external
from mailconf.model.distinction import Dimension, Distinction, Key
from mailconf.model.session import Session
from mailconf.model.verdict import Effect, EffectKind, Inspection, Reply
from mailconf.model.world import Ask, LookupFailed
from mailconf.postfix.policy.evaluation import split_status
from mailconf.postfix.policy.mime_pieces import Kind, Piece, Pieces
from mailconf.postfix.settings.lookup import Tables
from mailconf.source import decode, encode

if TYPE_CHECKING:
    from mailconf.postfix.settings.configuration import Configuration

UNWRITTEN = Reply.of(451, "4.3.0 Error: queue file write error")
UNSENT = Reply.of(451, "4.3.0 local data error: a table of smtp_header_checks or its like cannot answer")
REJECTED = "message content rejected"
TOO_DEEP = "MIME nesting exceeds safety limit"
LOGGED = 200  # characters of a line that the log has
LOGGED_SENT = 60  # and of one that is sent
SHOWN = 60  # and the trace
_TURN = 100  # pieces after which others have theirs
_HEADER = re.compile(r"[!-9;-~]+[ \t]*:")
UNPRINTABLE = re.compile("[\x00-\x1f\x7f\udc80-\udcff]")


def of_session(session: Session) -> str:
    """What stands in the log behind a line: who has sent it, to whom."""
    told = [f"from=<{external(session.sender or '')}>"]
    told += [f"to=<{external(recipient)}>" for recipient in session.recipients[-1:]]
    if session.protocol:
        told.append(f"proto={session.protocol}")
    if session.helo is not None:
        told.append(f"helo=<{session.helo}>")
    client = f"{session.client_name}[{session.client_address}]" if session.client_address else "local"
    return f" from {client}; {' '.join(told)}"


class ContentChecks:
    """The checks of one configuration; ``active`` is whether mail passes them."""

    @classmethod
    def of_service(cls, view: Configuration) -> ContentChecks:
        """Those of the cleanup service to which a smtpd that sees ``view`` hands its mail."""
        name = view.value("cleanup_service_name")
        cleanup = next((s for s in view.services if s.name == name and s.program == "cleanup"), None)
        options = view.value("receive_override_options").replace(",", " ").split()
        own = view if cleanup is None or not cleanup.overrides else view.for_service(cleanup)
        return cls(own, active="no_header_body_checks" not in options)

    def __init__(self, configuration: Configuration, *, active: bool = True, prefix: str = "") -> None:
        """``prefix`` is what the parameters' names begin with: "" for what comes in, smtp_ or lmtp_ for what leaves."""
        c = configuration
        self._sends = bool(prefix)
        self._names = {kind: prefix + kind.value for kind in Kind}
        self._actions = _CLIENT_ACTIONS if prefix else ACTIONS
        self._unknown: Act = unsupported if prefix else _unknown
        self._tables = {kind: Tables.of(c.value(self._names[kind]) if active else "", "regexp") for kind in Kind}
        self._nesting = c.integer("mime_nesting_limit")
        self._soft_bounce = c.boolean("soft_bounce")
        self._mime = self._sends or not c.boolean("disable_mime_input_processing")
        self._boundary_length = c.integer("mime_boundary_length_limit")
        self._header_size = c.integer("header_size_limit")
        self._body_size = 0 if self._sends else c.integer("body_checks_size_limit")

    def __bool__(self) -> bool:
        return any(self._tables.values())

    def distinguishes(self) -> Iterator[Distinction]:
        """What `inspect` looks at."""
        for kind, tables in self._tables.items():
            yield from tables.distinguishes(self._names[kind], Dimension.CONTENT, (Key.WHOLE,))

    async def inspect(self, content: bytes, ask: Ask, whose: str = "") -> Inspection:
        """Look at a message, whose lines are ended by LF; ``whose`` stands in the log behind each line."""
        asked = self._asked(content, ask)
        judged = self._mime and not self._sends  # too many multiparts within each other are refused
        if not asked and not judged:
            return Inspection(None, (), content, (), ask.trace)
        work = Work(ask, whose, LOGGED_SENT if self._sends else LOGGED)
        pieces = Pieces(
            mime=self._mime,
            boundary_length=self._boundary_length,
            header_size=self._header_size,
            nesting=self._nesting,
        )
        longest = 0 if Kind.BODY not in asked else self._body_size or len(content)
        for number, piece in enumerate(pieces.of(content, longest)):
            if number % _TURN == 0:
                await ask.rest()
            tables = self._tables[piece.kind]
            if piece.too_deep and not self._sends and not work.discards:
                work.refuse_nesting(piece)
            if work.over or piece.kind not in asked or not piece.text:
                work.out.append(piece.raw)
                continue
            if piece.kind is Kind.BODY and piece.offset >= longest:
                work.out.append(piece.raw)
                continue
            if (sieves := asked[piece.kind]) is not None and not _may_be_found(sieves, piece.text):
                work.out.append(piece.raw)
                continue
            try:
                await self._look(tables, piece, work)
            except LookupFailed:
                self._fail(work, piece)
        reply = work.reply or work.objection
        if reply is not None and self._soft_bounce and reply.permanent:
            reply = Reply.of(reply.code - 100, f"4{reply.lines[0][1:]}")
        return Inspection(reply, tuple(work.effects), b"".join(work.out), tuple(work.notes), ask.trace)

    def _fail(self, work: Work, piece: Piece) -> None:
        """A table cannot answer for now."""
        work.over = True
        if self._sends:
            work.reply = UNSENT
            work.notes.append(f"warning: smtp {'body' if piece.kind is Kind.BODY else 'header'} checks lookup error")
            return
        work.reply = UNWRITTEN
        parameter = self._names[piece.kind]
        work.notes.append(f"warning: {parameter} map lookup problem -- message not accepted, try again later")

    def _asked(self, content: bytes, ask: Ask) -> dict[Kind, list[re.Pattern[bytes]] | None]:
        """The kinds of pieces that have to be looked up in this content, with what is found in those that have an
        answer, where that is known."""
        lowered = content.lower()
        found = {kind: tables.sieves(ask) for kind, tables in self._tables.items() if tables}
        return {
            kind: sieves
            for kind, sieves in found.items()
            if sieves is None or any(sieve.search(lowered) for sieve in sieves)
        }

    async def _look(self, tables: Tables, piece: Piece, work: Work) -> None:
        quiet = Ask(work.ask.world)  # a body has many lines: those that are found stand in the trace
        text = decode(piece.text)
        try:
            answer = await tables.find(quiet, text)
        finally:
            if any(step.counts for step in quiet.trace.steps):
                told = work.ask.trace.add(self._names[piece.kind], text[:SHOWN], "temporary failure")
                told.steps += [step for step in quiet.trace.steps if step.counts]
        if answer is None:
            work.out.append(piece.raw)
            return
        told.result = answer.value
        word, _, argument = answer.value.strip().partition(" ")
        action = self._actions.get(word.upper(), self._unknown)
        action(work, Line(piece, self._names[piece.kind], text, argument.strip(), answer.value.strip()))
        if work.reply is not None:
            told.result = str(work.reply)


def _may_be_found(sieves: list[re.Pattern[bytes]], text: bytes) -> bool:
    lowered = text.lower()
    return any(sieve.search(lowered) for sieve in sieves)


class Line:
    """A field or a line that an action is about."""

    def __init__(self, piece: Piece, parameter: str, text: str, argument: str, value: str) -> None:
        self.raw = piece.raw
        self.parameter = parameter
        self.is_header = piece.kind is not Kind.BODY
        self.text = text
        self.argument = argument
        self.value = value


@dataclass(slots=True, eq=False)
class Work:
    """What has become of a message so far; ``over`` ends the inspection.

    objection  refuses it for its form, where no action refuses it or throws it away
    """

    ask: Ask
    whose: str
    logged: int
    reply: Reply | None = None
    objection: Reply | None = None
    over: bool = False
    held: bool = False
    out: list[bytes] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def log(self, action: str, line: Line, text: str) -> None:
        what = "header" if line.is_header else "body"
        shown = UNPRINTABLE.sub("?", line.text[: self.logged])
        self.notes.append(f"{action}: {what} {shown}{self.whose}" + (f": {text}" if text else ""))

    @property
    def discards(self) -> bool:
        return any(effect.kind is EffectKind.DISCARD for effect in self.effects)

    def refuse_nesting(self, piece: Piece) -> None:
        """A multipart too deep within others."""
        if self.reply is None:
            shown = UNPRINTABLE.sub("?", decode(piece.text)[: self.logged])
            self.notes.append(f"reject: mime-error {TOO_DEEP}: {shown}{self.whose.partition(' proto=')[0]}")
            self.objection = Reply.of(550, f"5.6.0 {TOO_DEEP}")
            self.ask.trace.add("mime_nesting_limit", decode(piece.text)[:SHOWN], str(self.objection))

    def warn(self, text: str, line: Line) -> None:
        """An action that is wrong: the line stays as it is."""
        self.notes.append(f"warning: {text}")
        self.ask.trace.add("warning", text, "the line is left as it is")
        self.out.append(line.raw)


Act = Callable[[Work, Line], None]


def _unknown(work: Work, line: Line) -> None:
    work.warn(f"unknown command in {line.parameter} map: {line.value}", line)


def unsupported(work: Work, line: Line) -> None:
    work.warn(f"unsupported command in {line.parameter} map: {line.value}", line)


def _reject(work: Work, line: Line) -> None:
    status, text = split_status(line.argument, "5.7.1")
    if status[0] not in "45":
        work.notes.append(f"warning: bad DSN action in {line.argument} -- need 4.x.x or 5.x.x")
        status = f"4{status[1:]}"
    text = text or REJECTED
    work.log("reject", line, f"{status} {text}")
    work.reply = Reply.of(550 if status[0] == "5" else 451, f"{status} {text}")
    work.over = True


def _discard(work: Work, line: Line) -> None:
    work.log("discard", line, line.argument)
    work.effects.append(Effect(EffectKind.DISCARD, line.argument))
    work.over = True


def _hold(work: Work, line: Line) -> None:
    if not work.held:
        work.log("hold", line, line.argument)
        work.effects.append(Effect(EffectKind.HOLD, line.argument))
        work.held = True
    work.out.append(line.raw)


def _filter(work: Work, line: Line) -> None:
    if not line.argument:
        work.warn(f"missing FILTER command argument in {line.parameter} map", line)
    elif ":" not in line.argument:
        work.warn(f"bad FILTER command {line.argument} in {line.parameter} -- need transport:destination", line)
    else:
        work.log("filter", line, line.argument)
        work.effects.append(Effect(EffectKind.FILTER, line.argument))
        work.out.append(line.raw)


def _to_address(kind: EffectKind, word: str, what: str, *, ends: bool) -> Act:
    def act(work: Work, line: Line) -> None:
        if not line.argument:
            work.warn(f"missing {word} command argument in {line.parameter} map", line)
        elif "@" not in line.argument:
            work.warn(f'bad {word} {what} "{line.argument}" in {line.parameter} map -- need user@domain', line)
        else:
            work.log(kind.value, line, line.argument)
            work.effects.append(Effect(kind, line.argument))
            work.out.append(line.raw)
            work.over = ends

    return act


def _drop(work: Work, line: Line) -> None:
    """IGNORE: the line goes, and the log has nothing of it."""


def _strip(work: Work, line: Line) -> None:
    work.log("strip", line, line.argument)


def _keep(work: Work, line: Line) -> None:
    work.out.append(line.raw)


def _only_log(action: str, *, ends: bool = False) -> Act:
    def act(work: Work, line: Line) -> None:
        work.log(action, line, line.argument)
        work.out.append(line.raw)
        work.over = ends

    return act


def _put(word: str, *, keeps: bool) -> Act:
    """PREPEND and REPLACE."""

    def act(work: Work, line: Line) -> None:
        if not line.argument:
            work.warn(f"{word} action without text in {line.parameter} map", line)
        elif line.is_header and not _HEADER.match(line.argument):
            wrong = f'bad {word} header text "{line.argument}" in {line.parameter} map'
            work.warn(f'{wrong} -- need "headername: headervalue"', line)
        else:
            work.log(word.lower(), line, line.argument)
            work.out.append(encode(line.argument) + b"\n")
            if keeps:
                work.out.append(line.raw)

    return act


ACTIONS: dict[str, Act] = {
    "REJECT": _reject,
    "DISCARD": _discard,
    "HOLD": _hold,
    "FILTER": _filter,
    "REDIRECT": _to_address(EffectKind.REDIRECT, "REDIRECT", "target", ends=True),
    "BCC": _to_address(EffectKind.BCC, "BCC", "address", ends=False),
    "DUNNO": _keep,
    "OK": _keep,
    "IGNORE": _drop,
    "STRIP": _strip,
    "WARN": _only_log("warning"),
    "INFO": _only_log("info"),
    "PASS": _only_log("pass", ends=True),
    "PREPEND": _put("PREPEND", keeps=True),
    "REPLACE": _put("REPLACE", keeps=False),
}
_CLIENT_ACTIONS = {
    word: ACTIONS[word] for word in ("DUNNO", "OK", "IGNORE", "STRIP", "WARN", "INFO", "PREPEND", "REPLACE")
}
