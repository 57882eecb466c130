"""What is expected beside what an engine did, and the outcome of each case."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from mailconf.insight.cases.suite import Case, Goal, Going
from mailconf.insight.cases.values import domains_meant, with_domain
from mailconf.insight.engines.observed import NotExpressible, Reason

if TYPE_CHECKING:
    from mailconf.insight.engines.observed import Engine, Observed
    from mailconf.insight.engines.subject import Subject
    from mailconf.source import Span

MOST_DOMAINS = 10_000  # that one case is repeated for


class Outcome(Enum):
    PASSED = "passed"
    FAILED = "failed"
    NOT_EXPRESSIBLE = "not expressible"


class Difference(NamedTuple):
    """One thing that is not as expected.

    what      "reply", "goes", "copies", "as from", "as to"
    span      where it was expected
    """

    what: str
    recipient: str
    expected: str
    got: str
    span: Span | None
    reasons: tuple[Reason, ...] = ()


@dataclass(slots=True)
class Result:
    """What became of a case; ``seconds`` it took, ``note`` why it was not asked."""

    case: Case
    outcome: Outcome
    differences: list[Difference] = field(default_factory=list)
    note: str = ""
    seconds: float = 0.0


def kind_meant(case: Case) -> str:
    """The class for each of whose domains a case stands, "" for a case that is one."""
    return next(filter(None, map(domains_meant, case.recipients)), "")


def spread(cases: Sequence[Case], subject: Subject) -> Iterator[Case]:
    """The cases, one for each domain in the place of one with ``[each ... domain]``."""
    for case in cases:
        kind = kind_meant(case)
        if not kind:
            yield case
            continue
        for domain in subject.domains(kind)[:MOST_DOMAINS]:
            recipients = tuple(with_domain(recipient, domain) for recipient in case.recipients)
            yield replace(case, recipients=recipients, title=with_domain(case.title, domain))


def run_case(case: Case, engine: Engine) -> Result:
    began = time.perf_counter()
    try:
        observed = engine.observe(case)
    except NotExpressible as reason:
        return Result(case, Outcome.NOT_EXPRESSIBLE, note=str(reason), seconds=time.perf_counter() - began)
    differences = list(_differences(case, observed, engine))
    outcome = Outcome.FAILED if differences else Outcome.PASSED
    return Result(case, outcome, differences, seconds=time.perf_counter() - began)


def run_cases(
    cases: Sequence[Case], engine: Engine, progress: Callable[[int, int], None] = lambda done, total: None
) -> Iterator[Result]:
    for done, case in enumerate(cases, 1):
        yield run_case(case, engine)
        progress(done, len(cases))


def _differences(case: Case, observed: Observed, engine: Engine) -> Iterator[Difference]:
    if case.reply is not None:
        for recipient in case.recipients:
            reply = observed.replies[recipient]
            if not case.reply.matches(reply):
                reasons = tuple(engine.why(case, recipient, going=False))
                written = case.reply.written
                yield Difference("reply", recipient, written.text, str(reply), written.span, reasons)
    first = case.recipients[0]
    if case.goes is not None and observed.goes is not None:
        ways = [way for recipient in case.recipients for way in observed.goes.get(recipient, ())]
        if not same(case.goes, ways):
            reasons = tuple(r for recipient in case.recipients for r in engine.why(case, recipient, going=True))
            got = _ways(ways)
            if not ways:
                reasons = reasons or tuple(engine.why(case, first, going=False))
                got = f"nothing: {observed.replies[first]}" if first in observed.replies else got
            yield Difference("goes", first, _goals(case.goes), got, case.goes_span, reasons)
    if case.copies is not None and not same(case.copies, observed.copies):
        reasons = tuple(engine.why(case, "", going=True))
        yield Difference("copies", first, _goals(case.copies), _ways(observed.copies), case.copies_span, reasons)
    for name, wanted in case.becomes:
        text = observed.fields.get(name.lower(), "")
        if text != wanted.text:
            reasons = tuple(engine.why(case, first, going=False))
            yield Difference("becomes", first, f"{name}: {wanted.text}", f"{name}: {text}", wanted.span, reasons)
    pairs = [pair for recipient in case.recipients for pair in observed.envelopes.get(recipient, ()) if any(pair)]
    for what, expected, at in (("as from", case.as_from, 0), ("as to", case.as_to, 1)):
        if expected is None:
            continue
        found = sorted({pair[at] for pair in pairs})
        if found != [expected.text]:
            shown = ", ".join(f"<{address}>" for address in found) or "mail that does not leave"
            reasons = tuple(engine.why(case, first, going=True))
            yield Difference(what, first, f"<{expected.text}>", shown, expected.span, reasons)


def same(goals: Sequence[Goal], ways: Sequence[Going]) -> bool:
    """Whether each goal is one way and each way one goal."""
    if len(goals) != len(ways):
        return False
    left = list(ways)
    # Goals that say more are placed first: a goal without a nexthop could take the way of one with.
    for goal in sorted(goals, key=lambda goal: (goal.nexthop is None, "@" not in goal.address)):
        found = next((way for way in left if goal.matches(way)), None)
        if found is None:
            return False
        left.remove(found)
    return True


def _goals(goals: Sequence[Goal]) -> str:
    return ", ".join(goal.written.text for goal in goals) or "nothing"


def _ways(ways: Sequence[Going]) -> str:
    return ", ".join(map(str, ways)) or "nothing"
