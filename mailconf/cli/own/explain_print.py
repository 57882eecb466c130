"""How `mailconf explain` prints: the answers first, the reasons below them, all places in one column.

On a terminal a place is a link to the file (OSC 8). What comes out of files and options is printed with its control
characters as escapes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from rich.console import Console
from rich.style import Style
from rich.text import Text

from mailconf.cli.shared.report import printable
from mailconf.insight.explain.outcome import Fate, Outcome
from mailconf.insight.explain.outside import Basis, Outside
from mailconf.model.inquiry import CONTENT

if TYPE_CHECKING:
    from mailconf.cli.own.explain_asked import Asked
    from mailconf.cli.own.explain_session import Exchange
    from mailconf.insight.explain.outcome import Answer
    from mailconf.insight.explain.reasons import Decider
    from mailconf.insight.explain.report import Change, Report, Section
    from mailconf.model.inquiry import Answered
    from mailconf.model.verdict import Reply
    from mailconf.source import Span

COLOURS = {
    Outcome.OK: "bold green",
    Outcome.BOUNCE: "bold red",
    Outcome.REFUSED: "bold red",
    Outcome.DEFER: "bold yellow",
    Outcome.DISCARD: "bold magenta",
    Outcome.HOLD: "bold yellow",
}
MOST_FATES = 3  # of one recipient that stand in its line
MOST_CHANGES = 20  # lines of a message that are shown
_SUBJECT = re.compile(r"(\d{3} (?:\d\.\d+\.\d+ )?)<[^ ]*>(?:: |\.\.\. )")  # the one whom a reply is about
WIDEST = 110  # the column of the places is not beyond


class Line(NamedTuple):
    """A line of the output; ``left`` precedes the place, ``right`` follows it."""

    left: Text
    span: Span | None = None
    right: str = ""


class Shown(NamedTuple):
    """What is printed: ``full`` what was asked in vain, ``transcript`` the SMTP dialogue.

    folder  the folder of the configuration as reports call it, relative to which places are printed
    """

    folder: str
    full: bool = False
    transcript: bool = False


class Output(Console):
    """A console that leaves a broken pipe to its caller: rich would exit with 1."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def console() -> Console:
    return Output(highlight=False, soft_wrap=True)


def print_report(out: Console, asked: Asked, report: Report, shown: Shown, expected: str = "") -> None:
    """The whole answer to ``asked``; ``expected`` is what --expect says."""
    lines = [Line(Text(printable(str(asked)), "dim")), Line(Text()), *_answers(report), Line(Text())]
    if shown.transcript:
        lines += _transcript(report.inquiry.steps, shown)
    else:
        at = len(lines)
        for section in report.sections:
            lines += _section(section, report, shown)
        lines[at:] = [line._replace(right="decided by") if not n else line for n, line in enumerate(lines[at:])]
    lines += _changed(report.changes)
    lines += _outside(report.outside)
    lines += _last(report, shown, expected)
    print_lines(out, lines, shown.folder)


def print_lines(out: Console, lines: Sequence[Line], folder: str) -> None:
    """Print with all places in one column."""
    widths = [line.left.cell_len for line in lines if line.span is not None]
    column = min(max(widths, default=0) + 2, WIDEST)
    for line in lines:
        text = line.left.copy()
        if line.span is not None:
            text.append(" " * max(2, column - text.cell_len))
            text.append(place(line.span, folder), _link(line.span))
        elif line.right:
            text.append(" " * (column - 2 - text.cell_len))
        if line.right:
            text.append(f"  {printable(line.right)}")
        text.rstrip()
        out.print(text)


def place(span: Span, folder: str) -> str:
    """``main.cf:18``: relative to the folder of the configuration where it lies in it."""
    return printable(f"{span.source.name.removeprefix(folder.rstrip('/') + '/')}:{span.line}")


def _link(span: Span) -> Style:
    path = Path(span.source.name)
    return Style(dim=True, link=f"{path.absolute().as_uri()}#{span.line}")


def _answers(report: Report) -> Iterator[Line]:
    named = [*(answer.recipient for answer in report.answers), *(fate.address for fate in report.copies)]
    width = max(map(len, map(printable, named)))
    for answer, decider in zip(report.answers, report.deciders, strict=True):
        left = Text.assemble("  ", (f"{answer.outcome.value:<8}", COLOURS[answer.outcome]), " ")
        left.append(f"{printable(answer.recipient):<{width}}  {printable(_told(answer))}")
        yield Line(left, decider.span if decider else None, _named(decider))
    for fate in report.copies:
        yield Line(Text.assemble("  ", f"{'copy':<8} {printable(fate.address):<{width}}  {printable(_fate(fate))}"))


def _told(answer: Answer) -> str:
    if answer.outcome is Outcome.REFUSED or (not answer.fates and answer.outcome is Outcome.DEFER):
        reply = _SUBJECT.sub(r"\1", f"{answer.reply.code} {answer.reply.text}", count=1)
        verb = answer.step.command.partition(" ")[0]
        where = {"RCPT": "", ".": "after the message: ", CONTENT: "for its content: ", "connect": "when it connects: "}
        return where.get(verb, f"at {verb}: ") + reply
    if not answer.fates:
        return "accepted, and thrown away" if answer.outcome is Outcome.DISCARD else "accepted"
    lost = [fate for fate in answer.fates if fate.reply is not None]
    shown = [*lost, *(fate for fate in answer.fates if fate.reply is None)][:MOST_FATES]
    told = "; ".join(f"{_arrow(fate, answer)}{_fate(fate)}" for fate in shown)
    if more := len(answer.fates) - len(shown):
        told += f"; and {more} more"
    if lost:
        kept = "waits" if answer.outcome is Outcome.DEFER else "lost"
        return f"accepted, then {kept}: {told}"
    return f"waits in the queue: {told}" if answer.outcome is Outcome.HOLD else told


def _arrow(fate: Fate, answer: Answer) -> str:
    if fate.address.lower() == answer.recipient.lower() and len(answer.fates) == 1:
        return ""
    return f"{'' if fate.reply is not None or len(answer.fates) > 1 else '-> '}{fate.address}  "


def _fate(fate: Fate) -> str:
    return fate.where if fate.reply is None else f"{fate.reply.code} {fate.reply.text}"


def _named(decider: Decider | None) -> str:
    if decider is None:
        return ""
    return f"{decider.rule}: {decider.key}" if decider.key else decider.rule


def _section(section: Section, report: Report, shown: Shown) -> Iterator[Line]:
    if shown.full:
        yield Line(Text(printable(section.title), "bold"))
        for trace in section.traces:
            yield from _steps(trace.walk(), 1)
        return
    if not section.rows:
        return
    yield Line(Text(printable(section.title), "bold"))
    width = max(len(printable(row.what)) for s in report.sections for row in s.rows)
    for row in section.rows:
        left = f"  {row.stage:<10} {printable(row.what):<{min(width, 34)}}  {printable(row.result)}"
        yield Line(Text(left), row.span)


def _steps(steps: Iterator[tuple[int, Any]], indent: int) -> Iterator[Line]:
    for depth, step in steps:
        words = " ".join(part for part in (step.subject, step.detail) if part)
        text = f"{'  ' * (depth + indent)}{words}" + (f" -> {step.result}" if step.result else "")
        yield Line(Text(printable(text), "" if step.counts else "dim"), step.span)


def _transcript(steps: Sequence[Answered], shown: Shown) -> Iterator[Line]:
    for step in steps:
        yield Line(Text.assemble(("> ", "dim"), printable(step.command)))
        yield from _replied(step.verdict.reply)
        if shown.full:
            yield from _steps(step.verdict.trace.walk(), 2)


def _replied(reply: Reply) -> Iterator[Line]:
    for number, line in enumerate(reply.lines):
        dash = "-" if number < len(reply.lines) - 1 else " "
        yield Line(Text(printable(f"< {reply.code}{dash}{line}"), "green" if reply.positive else "bold red"))


def print_exchange(out: Console, exchange: Exchange, shown: Shown, *, echo: bool) -> None:
    """A line of a dialogue and its replies; ``echo``: the client's line as well."""
    lines: list[Line] = []
    if echo and exchange.sent is not None:
        lines.append(Line(Text.assemble(("> ", "dim"), (printable(exchange.sent), "dim" if exchange.content else ""))))
    for reply in exchange.replies:
        lines += _replied(reply)
    if shown.full:
        for step in exchange.verdicts:
            lines += _steps(step.verdict.trace.walk(), 2)
    for answer in exchange.answers:
        left = Text.assemble("    ", (f"{answer.outcome.value:<8}", COLOURS[answer.outcome]))
        lines.append(Line(left.append(printable(f" {answer.recipient}  {_told(answer)}"))))
    if shown.full and exchange.inquiry is not None:
        for destinations in exchange.inquiry.destinations.values():
            for destination in destinations:
                lines += _steps(destination.trace.walk(), 3)
    print_lines(out, lines, shown.folder)


def _changed(changes: Sequence[Change]) -> Iterator[Line]:
    for transport in dict.fromkeys(change.transport for change in changes):
        own = [change for change in changes if change.transport == transport]
        title = f"the message as {transport} sends it" if transport else "the message as it goes on"
        yield Line(Text(printable(title), "bold"))
        for change in own[:MOST_CHANGES]:
            sign, colour = ("+", "green") if change.added else ("-", "red")
            yield Line(Text(printable(f"  {sign} {change.line}"), colour))
        if more := len(own[MOST_CHANGES:]):
            yield Line(Text(f"  and {more} more"))


def _outside(questions: Sequence[Outside]) -> Iterator[Line]:
    if not questions:
        return
    yield Line(Text("asked of the outside", "bold"))
    grouped: dict[tuple[str, str, Basis], list[Outside]] = {}
    for one in questions:
        grouped.setdefault((one.subject, one.question.partition(" ")[0], one.basis), []).append(one)
    width = max(len(printable(name)) for _, name, _ in grouped)
    kinds = max(len(subject) for subject, _, _ in grouped)
    for (subject, name, basis), of_name in grouped.items():
        if basis is Basis.NOT_ASKED:
            said = f"{', '.join(_kinds(of_name))} not asked, taken for a temporary failure ({_how(of_name[0])})"
        else:
            told = [f"{one.question.partition(' ')[2]} {one.answer}".strip() for one in of_name if not _vain(one)]
            vain = [one for one in of_name if _vain(one)]
            told += [f"no {', '.join(_kinds(vain))}"] if vain else []
            said = f"{'; '.join(told)}  ({basis.value})"
        yield Line(Text(f"  {subject:<{kinds}} {printable(name):<{width}}  {printable(said.strip())}"))


def _kinds(questions: Sequence[Outside]) -> list[str]:
    """The types of the records that were asked for."""
    return [kind for one in questions if (kind := one.question.partition(" ")[2])]


def _vain(one: Outside) -> bool:
    return one.answer == "not found"


def _how(one: Outside) -> str:
    """The option by which an answer is given."""
    if one.subject == "DNS":
        return f"--dns {one.question.replace(' ', ':')}=... or --online"
    return f"--policy {one.question}=... or --online"


def _last(report: Report, shown: Shown, expected: str) -> Iterator[Line]:
    if expected:
        unmet = report.unmet(expected)
        told = ", ".join(f"{answer.recipient} {answer.outcome.value} ({answer.reply.code})" for answer in unmet)
        text = f"expected {expected}: not met by {told}" if unmet else f"expected {expected}: met"
        yield Line(Text(printable(text), "bold red" if unmet else "bold green"))
    more = ["" if shown.full else "--full (asked in vain)", "" if shown.transcript else "--transcript (SMTP)"]
    yield Line(Text("  ".join(["more:", *filter(None, more), "--format json"]), "dim"))
