"""Which parts of a configuration no case has touched: restrictions, lines of tables, rulesets.

A restriction is touched where it was evaluated, a line of a table where it was the answer to a lookup, and a ruleset
where it was called. What a case touches is known from the traces of the model, so that coverage is the model's alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from mailconf.diagnostics import Sink
from mailconf.source import Source, Span, decode

if TYPE_CHECKING:
    from mailconf.insight.engines.postfix_subject import PostfixSubject
    from mailconf.insight.engines.sendmail_subject import SendmailSubject
    from mailconf.insight.engines.subject import Subject
    from mailconf.model.trace import Trace


class Part(NamedTuple):
    """A part that can be touched. ``kind`` is "restriction", "table" or "ruleset"."""

    kind: str
    text: str
    file: str
    line: int


@dataclass(slots=True)
class Touched:
    """The places that the traces of the cases name, what was evaluated there, and the rulesets."""

    places: set[tuple[str, int]] = field(default_factory=set)
    subjects: set[tuple[str, int, str]] = field(default_factory=set)
    rulesets: set[str] = field(default_factory=set)

    def take(self, trace: Trace) -> None:
        for _, step in trace.walk():
            if step.span is not None:
                place = step.span.source.name, step.span.line
                self.places.add(place)
                self.subjects.add((*place, step.subject))
            if step.subject.startswith("ruleset "):
                self.rulesets.add(step.subject.removeprefix("ruleset "))

    def has(self, part: Part) -> bool:
        if part.kind == "ruleset":
            return part.text in self.rulesets
        if part.kind == "restriction":
            return (part.file, part.line, part.text) in self.subjects
        return (part.file, part.line) in self.places


@dataclass(slots=True)
class Coverage:
    """Of one configuration: how many parts there are of each kind, and those that no case has touched."""

    totals: dict[str, int] = field(default_factory=dict)
    untouched: list[Part] = field(default_factory=list)

    def count(self, kind: str) -> int:
        return self.totals.get(kind, 0) - sum(part.kind == kind for part in self.untouched)


def coverage(subject: Subject, touched: Touched) -> Coverage:
    found = Coverage()
    for part in dict.fromkeys(_parts(subject)):
        found.totals[part.kind] = found.totals.get(part.kind, 0) + 1
        if not touched.has(part):
            found.untouched.append(part)
    return found


def _parts(subject: Subject) -> Iterator[Part]:
    if subject.dialect == "postfix":
        yield from _of_postfix(subject)  # type: ignore[arg-type]
    else:
        yield from _of_sendmail(subject)  # type: ignore[arg-type]


def _of_postfix(subject: PostfixSubject) -> Iterator[Part]:
    configuration = subject.configuration
    from mailconf.tables.reader import read_postmap

    for policy in subject.policies():
        smtpd = policy.smtpd
        lists = (smtpd.client, smtpd.helo_rules, smtpd.sender, smtpd.relay, smtpd.recipient)
        for rules in (*lists, smtpd.data_rules, smtpd.end_of_data_rules):
            for rule in rules.rules:
                if rule.span is not None:
                    yield Part("restriction", rule.name, rule.span.source.name, rule.span.line)
    done: set[str] = set()
    for use in subject.site.tables:
        name = use.source
        if name is None or name in done or not configuration.root.is_file(name):
            continue
        done.add(name)
        for entry in read_postmap(Source.read(configuration.root, name), Sink()):
            yield _of_entry(entry.key, entry.span)


def _of_entry(key: str, span: Span) -> Part:
    return Part("table", key, span.source.name, span.line)


def _of_sendmail(subject: SendmailSubject) -> Iterator[Part]:
    for file, entries in subject.entries():
        for key, entry in entries.items():
            place = entry.key_span
            if place is not None:
                yield Part("table", decode(key), str(subject.root.path(file)), place.line)
    for name in subject.rulesets():
        yield Part("ruleset", name, subject.cf, 0)
