"""How an attempt to deliver went, for reports that have a transcript of it (`mailconf.mta.reports_sendmail`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import NamedTuple, TypeVar

from mailconf.model.recipient import Recipient
from mailconf.mta.journal import Remark
from mailconf.smtp.client import Stage
from mailconf.smtp.reply import Reply

_numbers = count()


class Talk(NamedTuple):
    """What was said: by the host ``peer`` to ``command`` ("" for its greeting), or by a program, which is no host."""

    peer: str
    command: str
    lines: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Course:
    """Recipients that met with the same thing together have the same Course.

    transport, nexthop  of the delivery
    host    the host that decided, "" for none
    talk    what was refused, and by whom; ``after``: what was refused when the outcome was known
    stage   what the reply that decided answered
    exit    the status that a program ended with, or that stands for a refusal (sysexits.h)
    signal  the signal that ended the program
    remark  why nothing was delivered, where no host and no program decided
    taken   what the host said to a recipient that it took
    aware   the host gives notice of the success itself (RFC 3461)
    number  those that came first have lower ones
    """

    transport: str
    nexthop: str
    host: str = ""
    talk: tuple[Talk, ...] = ()
    after: tuple[Talk, ...] = ()
    stage: Stage | None = None
    exit: int | None = None
    signal: int = 0
    remark: Remark | None = None
    taken: str = ""
    aware: bool = False
    number: int = field(default_factory=lambda: next(_numbers))


class Said(NamedTuple):
    """A transaction, for `courses`: its host, MAIL and the recipients as they were sent, and whether they went out
    together. ``replies`` are those of the host, by the stage and the recipient's place."""

    peer: str
    mail: str
    recipients: Sequence[str]
    pipelined: bool
    aware: bool
    replies: Sequence[tuple[Stage, int, Reply]]


def courses(said: Said, transport: str, nexthop: str, decided: Sequence[tuple[Reply, Stage] | None]) -> list[Course]:
    """The course of each recipient of a transaction, by the reply that decided, and its stage."""

    def course(stage: Stage, place: int, reply: Reply, after: tuple[Talk, ...] = ()) -> Course:
        commands = {Stage.MAIL: said.mail, Stage.RCPT: said.recipients[place]}
        command = "DATA" if stage is not Stage.MAIL and said.pipelined else commands.get(stage, "DATA")
        talk = (Talk(said.peer, command, lines_of(reply)),) if reply.code >= 400 else ()
        return Course(transport, nexthop, said.peer, talk, after, stage, aware=said.aware)

    stages = {stage for _, stage in filter(None, decided)}
    bad = [each for each in said.replies if each[2].code >= 400]
    late = [reply for stage, _, reply in bad if stage is Stage.DATA and Stage.DATA not in stages]
    refused = [place for stage, place, _ in bad if stage is Stage.RCPT]
    taken = {place: lines_of(reply)[0] for stage, place, reply in said.replies if stage is Stage.RCPT}
    after = tuple(Talk(said.peer, "DATA", lines_of(reply)) for reply in late)
    together: dict[tuple[Stage, Reply], Course] = {}
    found: dict[int, Course] = {}
    order = sorted(enumerate(decided), key=lambda one: one[1] is None or one[1][1] is not Stage.RCPT)
    for place, outcome in order:  # what is said of recipients comes first
        if outcome is None:
            found[place] = Course(transport, nexthop, said.peer)
            continue
        reply, stage = outcome
        if stage is Stage.END and reply.code < 400:
            words = taken.get(place, "")
            found[place] = Course(transport, nexthop, said.peer, stage=stage, taken=words, aware=said.aware)
        elif stage is Stage.RCPT:
            found[place] = course(stage, place, reply, after if place == (refused or [-1])[-1] else ())
        else:
            if (stage, reply) not in together:
                together[stage, reply] = course(stage, place, reply)
            found[place] = together[stage, reply]
    return [found[place] for place in range(len(decided))]


def lines_of(reply: Reply) -> tuple[str, ...]:
    """A reply's lines as they came."""
    marks = ["-"] * (len(reply.lines) - 1) + [" "]
    return tuple(f"{reply.code:03d}{mark}{line}" for mark, line in zip(marks, reply.lines or ("",), strict=False))


T = TypeVar("T")


def in_later_order(items: Sequence[T], recipient_of: Callable[[T], Recipient]) -> list[T]:
    """Recipients in the order that they have at a further attempt: those that no alias led to are turned round."""
    direct = [item for item in items if recipient_of(item).origin == recipient_of(item).address]
    return [direct.pop() if recipient_of(item).origin == recipient_of(item).address else item for item in items]
