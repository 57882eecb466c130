"""Tables that rewrite every recipient there is, and not only those that are meant."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing

from mailconf.check.postfix.texts import entries_of
from mailconf.check.subject import Subject
from mailconf.diagnostics import Sink, warning
from mailconf.maps.core.table import TemporaryFailure, UnsupportedMap
from mailconf.maps.registry import open_table
from mailconf.model.site import TableUse
from mailconf.source import Span, decode, encode

PF244 = warning("PF244", "a table that rewrites every recipient")
r"""Why: canonical_maps, recipient_canonical_maps and virtual_alias_maps are asked for the recipients of all mail, that
for other hosts as well; smtp_generic_maps is asked for senders and recipients. A pattern that every address matches
sends the mail for everybody to one address, or to one domain: nobody else gets any, and nobody is told.

Example:
    # main.cf
    canonical_maps = regexp:/etc/postfix/canonical
    # /etc/postfix/canonical
    /.+/ noreply@example.com

Remedy: where the senders are meant, name the table in sender_canonical_maps; else write patterns that match the
addresses of this host alone, such as /@host\.example\.com$/.

Source: canonical(5), virtual(5), generic(5); postconf(5) canonical_classes, sender_canonical_maps; observed with
Postfix 3.7.11.
"""

_CLASSES = {
    "canonical_maps": "canonical_classes",
    "recipient_canonical_maps": "recipient_canonical_classes",
    "virtual_alias_maps": "",
    "smtp_generic_maps": "",
}
_TYPES = frozenset({"regexp", "pcre", "static"})
_RECIPIENTS = "envelope_recipient"
# Addresses that have no character in common but @ and the period: their local parts and domains.
_ANYBODY = (("zz", "yz.zy"), ("Q7", "w1.wq4"), ("0+b", "b-0.kkk.uu"))


def everything(subject: Subject, sink: Sink) -> None:
    """Report tables that have one answer for addresses that have nothing in common (PF244)."""
    view = subject.configuration
    for use in subject.site.tables:
        classes = _CLASSES.get(use.role)
        if classes is None or use.table.direct.type not in _TYPES or use.span is None:
            continue
        if classes and _RECIPIENTS not in view.value(classes).lower():
            continue
        answer = _answer(subject, use)
        if answer:
            sends = f"to {answer}" if not answer.startswith("@") else f"to the domain {answer[1:]}"
            message = f"{use.table} in {use.role} rewrites every recipient {sends}, those of other hosts included"
            hint = "write a pattern that matches the addresses of this host alone"
            if use.role != "virtual_alias_maps":
                hint = "name it in sender_canonical_maps if the senders are meant; else " + hint
            sink.report(PF244, message, _place(subject, use, answer), hint=hint)


def _answer(subject: Subject, use: TableUse) -> str:
    """What the table makes of everybody's address, ``@domain`` where that is the domain alone; "" where it does not."""
    try:
        with closing(open_table(str(use.table.direct), subject.root, warn=lambda _: None)) as table:
            found = [table.lookup(encode(f"{local}@{domain}")) for local, domain in _ANYBODY]
    except (TemporaryFailure, UnsupportedMap, OSError):
        return ""
    answers = [decode(each).strip() for each in found if each is not None]
    if len(answers) < len(_ANYBODY) or not all(answers):
        return ""
    if len(set(answers)) == 1:
        return answers[0]
    parts = [answer.rpartition("@") for answer in answers]
    kept = all(part[0].lower() == local.lower() for part, (local, _) in zip(parts, _ANYBODY, strict=True))
    return f"@{parts[0][2]}" if kept and len({part[2] for part in parts}) == 1 and parts[0][2] else ""


def _place(subject: Subject, use: TableUse, answer: str) -> Span | None:
    """The rule that has the answer; where the table is named, if that is not certain."""
    if use.table.direct.type == "static":
        return subject.place(use)
    for matches in _matching(answer):
        for entry in entries_of(subject, use):
            if matches(entry.value):
                return entry.span
    return subject.place(use)


def _matching(answer: str) -> Iterator[Callable[[str], bool]]:
    yield lambda value: value.strip() == answer
    yield lambda value: "$" in value and value.strip().endswith(answer)
