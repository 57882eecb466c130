"""An explanation as JSON: docs/explain.schema.json describes it.

``VERSION`` grows when a field changes its meaning or goes; fields may join without that.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mailconf.insight.explain.outcome import Answer, Fate
from mailconf.insight.explain.reasons import Decider, Row
from mailconf.insight.explain.report import COPIES, Report
from mailconf.model.inquiry import Answered, Destination, Inquiry
from mailconf.source import Span

VERSION = 1


def document_of(asked: dict[str, Any], report: Report, expected: str = "") -> dict[str, Any]:
    """All that explain knows: the answers and their reasons, and the questions with their traces."""
    rows = {section.title: section.rows for section in report.sections}
    answers = [
        answer_json(answer, decider, rows.get(answer.recipient, ()))
        for answer, decider in zip(report.answers, report.deciders, strict=True)
    ]
    common = [_row(row) for section in report.sections[: len(report.answers) > 1] for row in section.rows]
    copies = {"destinations": [_fate(fate) for fate in report.copies], "reasons": list(map(_row, rows.get(COPIES, ())))}
    met = {"outcome": expected, "met": not report.unmet(expected)} if expected else None
    return {
        "version": VERSION,
        "asked": asked,
        "expected": met,
        "answers": answers,
        "reasons": common,
        "copies": copies,
        "message": _message(report),
        "outside": [{**one._asdict(), "basis": one.basis.value} for one in report.outside],
        **inquiry_json(report.inquiry),
    }


def _message(report: Report) -> dict[str, Any] | None:
    found = report.inquiry.inspection
    if found is None:
        return None
    changes = [{**change._asdict(), "transport": change.transport or None} for change in report.changes]
    sent = [{"transport": name, "log": list(one.notes)} for name, one in report.inquiry.sent.items()]
    return {"changes": changes, "log": list(found.notes), "sent": sent}


def place_json(span: Span | None) -> dict[str, Any] | None:
    if span is None:
        return None
    return {"file": span.source.name, "line": span.line, "column": span.first.column}


def answer_json(answer: Answer, decider: Decider | None = None, rows: Iterable[Row] = ()) -> dict[str, Any]:
    """One recipient's answer; ``decider`` is what refused it."""
    return {
        "recipient": answer.recipient,
        "outcome": answer.outcome.value,
        "command": answer.step.command,
        "code": answer.reply.code,
        "reply": list(answer.reply.lines),
        "decided": decider and {"rule": decider.rule, "key": decider.key or None, "place": place_json(decider.span)},
        "destinations": [_fate(fate) for fate in answer.fates],
        "reasons": list(map(_row, rows)),
    }


def _fate(fate: Fate) -> dict[str, Any]:
    return {
        "address": fate.address,
        "outcome": fate.outcome.value,
        "where": fate.where or None,
        "transport": fate.transport,
        "reply": str(fate.reply) if fate.reply else None,
        "uid": fate.uid,
    }


def _row(row: Row) -> dict[str, Any]:
    return {"stage": row.stage, "what": row.what, "result": row.result, "place": place_json(row.span)}


def step_json(step: Answered) -> dict[str, Any]:
    """A command and its answer, with the trace."""
    return {
        "command": step.command,
        "code": step.verdict.reply.code,
        "reply": list(step.verdict.reply.lines),
        "rule": step.verdict.rule or None,
        "log": step.verdict.log or None,
        "effects": [{"kind": e.kind.value, "argument": e.argument} for e in step.verdict.effects],
        "trace": step.verdict.trace.as_json(),
    }


def inquiry_json(inquiry: Inquiry) -> dict[str, Any]:
    """The questions in their order, with everything that was asked for them."""
    return {
        "accepted": inquiry.accepted,
        "failure": str(inquiry.failure) if inquiry.failure else None,
        "steps": [step_json(step) for step in inquiry.steps],
        "recipients": [
            {"recipient": original or None, "destinations": [_destination(d) for d in destinations]}
            for original, destinations in inquiry.destinations.items()
        ],
    }


def _destination(d: Destination) -> dict[str, Any]:
    return {
        "recipient": d.recipient,
        "transport": d.route.transport,
        "nexthop": d.route.nexthop,
        "class": d.route.address_class,
        "error": str(d.route.error) if d.route.error else None,
        "outgoing": {"recipient": d.outgoing, "sender": d.outgoing_sender} if d.outgoing else None,
        "deliveries": [
            {
                "kind": delivery.kind.value,
                "target": delivery.target,
                "recipient": delivery.recipient.address,
                "reply": str(delivery.reply) if delivery.reply else None,
            }
            for delivery in d.deliveries
        ],
        "onward": [
            {"recipient": address, "destinations": [_destination(further) for further in found]}
            for address, found in d.onward.items()
        ],
        "trace": d.trace.as_json(),
    }
