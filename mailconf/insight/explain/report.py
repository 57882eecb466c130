"""The whole explanation: the answers first, then what decided them, no fact twice."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from mailconf.insight.explain.outcome import Answer, Fate, answers_of, copies_of
from mailconf.insight.explain.outside import Known, Outside, outside_of
from mailconf.insight.explain.reasons import (
    Decider,
    Row,
    decider_of,
    rows_of_commands,
    rows_of_copies,
    rows_of_destinations,
    rows_of_failure,
    rows_of_inspection,
)
from mailconf.model.inquiry import Answered, Inquiry, with_onward
from mailconf.model.policy import Policy
from mailconf.model.trace import Trace
from mailconf.model.verdict import EffectKind
from mailconf.source import decode

EVERYBODY = "all recipients"
SEVERAL = "several recipients"
COPIES = "copies"
TOGETHER = ("alias", "route", "rewrite", "deliver")  # rows of these stages are read one after the other


class Change(NamedTuple):
    """A line that the checks take out of a message, or with ``added`` put into it; ``transport`` sends it on so, "" for
    what holds for all of them."""

    line: str
    added: bool
    transport: str = ""


class Section(NamedTuple):
    """Rows under a heading: a recipient, EVERYBODY, SEVERAL, COPIES. ``traces`` is all that was asked for them."""

    title: str
    rows: Sequence[Row]
    traces: Sequence[Trace]


@dataclass(frozen=True, slots=True)
class Report:
    """See the module. ``deciders`` belong to the answers, one each, None for those that nothing refused."""

    inquiry: Inquiry
    answers: Sequence[Answer]
    deciders: Sequence[Decider | None]
    copies: Sequence[Fate]
    changes: Sequence[Change]
    sections: Sequence[Section]
    outside: Sequence[Outside]

    def unmet(self, expected: str) -> list[Answer]:
        """The answers that are not as ``expected``: an outcome's name or a reply code."""
        return [answer for answer in self.answers if not answer.meets(expected)]


def report_of(
    inquiry: Inquiry, recipients: Sequence[str], policy: Policy, known: Known, content: bytes | None = None
) -> Report:
    """The report on an inquiry about ``recipients``; ``known`` says what answers of the outside are based on, and
    ``content`` is the message that was asked about."""
    answers = answers_of(inquiry, recipients, policy)
    deciders = [None if answer.step.verdict.accepted else decider_of(answer) for answer in answers]
    own = _own_rows(inquiry, answers, deciders)
    before, after = _around(inquiry)
    first = next((decider for answer, decider in zip(answers, deciders, strict=True) if answer.step in before), None)
    common = rows_of_commands(before, refused=first)
    last = next((decider for answer, decider in zip(answers, deciders, strict=True) if answer.step in after), None)
    behind = [*rows_of_commands(after, refused=last), *rows_of_inspection(inquiry)]
    leading: list[list[Row]] = []
    for at, answer in enumerate(answers):
        destinations = inquiry.destinations.get(answer.recipient, ()) if answer.fates else ()
        if inquiry.failure is not None and answer.reply is inquiry.failure:
            behind += rows_of_failure(inquiry, policy.site)
        ways = rows_of_destinations(destinations, answer, inquiry, policy.site)
        own[at] = _untold(own[at], ways, answer.recipient)
        leading.append(ways)
    sections = []
    if len(answers) > 1:
        own = [[*rows, *ways] for rows, ways in zip(own, leading, strict=True)]
        shared = _shared(own)
        everybody = all(row in rows for row in shared for rows in own)
        common = _united(common, shared, behind)
        own = [[row for row in rows if row not in common] for rows in own]
        title = EVERYBODY if everybody else SEVERAL
        sections.append(Section(title, common, [step.verdict.trace for step in (*before, *after)]))
    else:
        own[0] = _united(common, own[0], behind, leading[0])
    for answer, rows in zip(answers, own, strict=True):
        traces = [answer.step.verdict.trace] if answer.step not in (*before, *after) else []
        traces += [inquiry.failing] if inquiry.failure is not None and answer.reply is inquiry.failure else []
        traces += [d.trace for d in with_onward(inquiry.destinations.get(answer.recipient, ())) if answer.fates]
        if len(answers) == 1:
            traces = [*(step.verdict.trace for step in (*before, *after)), *traces]
        sections.append(Section(answer.recipient, rows, traces))
    copies = copies_of(inquiry, policy)
    if copies:
        traces = [inquiry.copying, *(d.trace for d in with_onward(inquiry.destinations[""]))]
        sections.append(Section(COPIES, rows_of_copies(inquiry, policy.site), traces))
    changes = _changes(content or b"", inquiry)
    return Report(inquiry, answers, deciders, copies, changes, sections, outside_of(inquiry, known))


def _changes(content: bytes, inquiry: Inquiry) -> list[Change]:
    """The lines in which the message that goes on differs, and those in which it differs where it leaves."""
    found = inquiry.inspection
    if found is None or found.reply is not None or inquiry.asks_for(EffectKind.DISCARD):
        return []
    changes = [Change(field, added=True) for field in inquiry.asks_for(EffectKind.PREPEND)]
    changes += _between(content, found.content, "")
    for transport, sent in inquiry.sent.items():
        if sent.reply is None:
            changes += _between(found.content, sent.content, transport)
    return changes


def _between(before: bytes, after: bytes, transport: str) -> list[Change]:
    if before == after:
        return []
    lines = difflib.unified_diff(decode(before).split("\n"), decode(after).split("\n"), n=0, lineterm="")
    changed = list(lines)[2:]  # after the names of the two
    return [Change(line[1:], line[0] == "+", transport) for line in changed if not line.startswith("@@ ")]


def _own_rows(inquiry: Inquiry, answers: Sequence[Answer], deciders: Sequence[Decider | None]) -> list[list[Row]]:
    """What decided at RCPT, for each answer."""
    steps = [step for step in inquiry.steps if step.recipient is not None]
    found: list[list[Row]] = []
    for number, (answer, decider) in enumerate(zip(answers, deciders, strict=True)):
        asked = steps[number : number + 1]
        found.append(rows_of_commands(asked, refused=decider if answer.step in asked else None))
    return found


def _untold(rows: Sequence[Row], ways: Sequence[Row], recipient: str) -> list[Row]:
    """The rows of RCPT without the entries that lead on, as these are told where they do."""
    places = {row.span for row in ways if row.span is not None}
    entries = {f"{recipient} {row.result}" if row.result.startswith("-> ") else row.result for row in ways}
    return [row for row in rows if row.span not in places and row.result.replace(": ", " -> ", 1) not in entries]


def _around(inquiry: Inquiry) -> tuple[list[Answered], list[Answered]]:
    """The commands before the recipients, and those after them."""
    numbers = [at for at, step in enumerate(inquiry.steps) if step.recipient is not None]
    if not numbers:
        return inquiry.steps, []
    return inquiry.steps[: numbers[0]], inquiry.steps[numbers[-1] + 1 :]


def _shared(own: Sequence[Sequence[Row]]) -> list[Row]:
    """The rows that several recipients have, in order; an alias stays with the others that lead from it."""
    counted = Counter(row for rows in own for row in dict.fromkeys(rows) if row.stage not in TOGETHER)
    return [row for row, count in counted.items() if count > 1]


def _united(*parts: Sequence[Row]) -> list[Row]:
    return list(dict.fromkeys(row for part in parts for row in part))
