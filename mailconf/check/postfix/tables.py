"""The text of every table, in its role: form, then meaning (`mailconf.tables.roles`), then what the configuration says.

Tables that are built from a text are read as the build reads them; those that Postfix reads as text (regexp, pcre,
cidr, texthash) from their files. What only the configuration can tell: whether a transport exists in master.cf, and
whether keys like ``.example.com`` are looked up (postconf(5) parent_domain_matches_subdomains).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence

from mailconf.build.compile import entries_of, read_source
from mailconf.check.postfix import trust
from mailconf.check.subject import Subject
from mailconf.diagnostics import Sink, error, warning
from mailconf.maps.core.table import TemporaryFailure, UnsupportedMap
from mailconf.maps.reference import TableRef
from mailconf.maps.registry import open_table
from mailconf.model.site import TableUse
from mailconf.source import Source, decode, encode
from mailconf.tables import roles
from mailconf.tables.entry import Entry
from mailconf.tables.lines import LineNumbers, Text, logical_lines
from mailconf.tables.postmap import fold
from mailconf.tables.reader import read_postmap, report_duplicates
from mailconf.tables.references import settled, settled_action
from mailconf.tables.rows import offsets

CK030 = error("CK030", "a table that Postfix reads as text cannot be read")
CK031 = error("CK031", "a rule that the table's engine skips")
CK032 = error("CK032", "a table names a transport that master.cf does not have")
TB103 = warning("TB103", "header or body checks in a table that has no patterns")
CK033 = warning("CK033", "a key for subdomains that parent_domain_matches_subdomains keeps from being looked up")

_CONTENT = frozenset(
    {roles.HEADER_CHECKS, roles.BODY_CHECKS, roles.MILTER_HEADER_CHECKS}
    | {roles.CLIENT_HEADER_CHECKS, roles.CLIENT_BODY_CHECKS}
)
_WARNED_LINE = re.compile(r".*?, line ([0-9]+): (.*)", re.DOTALL)
# Format: the parameter's name in parent_domain_matches_subdomains; the lists have their own names there.
_PARENTS = {roles.ACCESS: "smtpd_access_maps", roles.TRANSPORT: "transport_maps"}


def contents(subject: Subject, sink: Sink) -> None:
    """Read every table whose text there is: the mistakes are what counts."""
    for target in subject.targets:
        read = read_source(subject.root, target, sink)
        if read is not None:
            entries = entries_of(target, read.data, sink, subject.is_restriction)
            _check_against_configuration(subject, target.uses, entries, sink)
    by_table: dict[str, list[TableUse]] = {}
    for use in subject.site.tables:
        by_table.setdefault(use.table, []).append(use)
    for table, uses in by_table.items():
        ref = TableRef.parse(table)
        if ref.kind.text and not ref.name.startswith("{"):
            _read_text(subject, ref.type, ref.name, uses, sink)
        if ref.kind.stored:
            _warn_of_content_checks(subject, table, uses, sink)


def _warn_of_content_checks(subject: Subject, table: str, uses: Iterable[TableUse], sink: Sink) -> None:
    for use in uses:
        if roles.table_role(use.role) in _CONTENT:
            hint = "it is asked for whole headers and lines only; put patterns into a regexp: or pcre: table"
            sink.report(TB103, f"{use.role} names {table}, which has no patterns", subject.place(use), hint=hint)


def _read_text(subject: Subject, kind: str, name: str, uses: list[TableUse], sink: Sink) -> None:
    try:
        source = Source.read(subject.root, name)
    except OSError as failure:
        span = subject.place(uses[0])
        hint = f"create {name}, or take {uses[0].table} out of {uses[0].role}"
        message = f"{name} cannot be read: {failure.strerror}"
        sink.report(CK030, message, span, hint=hint)
        return
    role = roles.table_role(*(use.role for use in uses))
    entries: Sequence[Entry]
    if kind == "texthash":
        entries = read_postmap(source, sink)  # whatever the role: no colons as in alias files
        roles.check_table(role, entries, sink, subject.is_restriction)
        report_duplicates(entries, sink, lambda key: decode(fold(encode(key))))
    else:
        entries = _read_rules(subject, kind, name, source, sink)
        judged = entries if kind == "cidr" else [_judged(role, entry) for entry in entries]
        roles.check_values(role, judged, sink, subject.is_restriction)
        if kind in trust.PATTERNS:
            trust.substitutions(uses, entries, sink)
    _check_against_configuration(subject, uses, entries, sink)


def _judged(role: str, entry: Entry) -> Entry:
    """The entry with as much of its value as is certain where parts of a match go into it."""
    actions = role == roles.ACCESS or role in _CONTENT
    value = settled_action(entry.value) if actions else settled(entry.value)
    if value == entry.value:
        return entry
    return Entry(entry.key, value, entry.source, entry.start, entry.value_at, entry.end)


def _read_rules(subject: Subject, kind: str, name: str, source: Source, sink: Sink) -> list[Entry]:
    """The rules with a result. What only the engine finds wrong is told in its words, once a line."""
    from mailconf.tables.rule_lines import RuleKind, read_rules

    found = Sink()
    rules = read_rules(kind, source, found)
    data = Text(source).data
    number_of = LineNumbers(data)
    starts = offsets(len(data))
    starts.extend(number_of(line.start) for line in logical_lines(data))
    known = set()
    for diagnostic in found:
        sink.add(diagnostic)
        if diagnostic.span is not None:
            known.add(starts[bisect_right(starts, diagnostic.span.line) - 1])

    def tell(words: str) -> None:
        if (line := _WARNED_LINE.fullmatch(words)) and int(line[1]) not in known:
            hint = "correct the rule: Postfix logs this, and goes on without it"
            sink.report(CK031, line[2], source.line_span(int(line[1])), hint=hint)

    try:
        open_table(f"{kind}:{name}", subject.root, warn=tell).close()
    except (TemporaryFailure, UnsupportedMap) as failure:
        tell(f"{kind}:{name}, line 1: {failure}")
    return [rule.entry for rule in rules if rule.kind is RuleKind.RULE and rule.entry.value]


def _check_against_configuration(
    subject: Subject, uses: Iterable[TableUse], entries: Iterable[Entry], sink: Sink
) -> None:
    uses = list(uses)
    role = roles.table_role(*(use.role for use in uses))
    if any(TableRef.parse(use.table).kind.stored for use in uses):
        _report_subdomain_keys(subject, role, uses, entries, sink)
    _report_transports(subject, role, entries, sink)
    trust.mailboxes(uses, entries, sink)


def _report_subdomain_keys(
    subject: Subject, role: str, uses: list[TableUse], entries: Iterable[Entry], sink: Sink
) -> None:
    """Keys like ``.example.com`` where the parent domain itself is asked for instead."""
    listed = set(subject.configuration.list_words("parent_domain_matches_subdomains"))
    # fast_flush_domains is $relay_domains, and only says whose mail is remembered.
    names = {_PARENTS.get(roles.table_role(use.role), use.role) for use in uses if use.role != "fast_flush_domains"}
    lists = {name for name in names if name in _PARENTS.values() or role in (roles.DOMAINS, roles.HOSTS)}
    if not lists or not lists <= listed:
        return
    name = min(lists)
    for entry in entries:
        if entry.key.startswith(".") and len(entry.key) > 1:
            hint = f"write {entry.key[1:]}, which stands for its subdomains too as {name} is listed there"
            message = f"{entry.key} matches nothing: parent_domain_matches_subdomains has {name}"
            sink.report(CK033, message, entry.key_span, hint=hint)


def _report_transports(subject: Subject, role: str, entries: Iterable[Entry], sink: Sink) -> None:
    """Names of transports: in transport tables and behind FILTER."""
    services = subject.site.transports
    if not services or not (role in (roles.TRANSPORT, roles.SENDER_TRANSPORT, roles.ACCESS) or role in _CONTENT):
        return
    for entry in entries:
        name = _transport_of(role, entry)
        if name and name not in services and "$" not in name:
            hint = "mail that goes there is deferred; write the name of a service of master.cf"
            sink.report(CK032, f"master.cf has no transport {name}", entry.value_span, hint=hint)


def _transport_of(role: str, entry: Entry) -> str:
    value = entry.value
    if role == roles.ACCESS or role in _CONTENT:
        words = value.split(None, 1)
        if len(words) < 2 or words[0].upper() != "FILTER" or ":" not in words[1]:
            return ""
        return words[1].partition(":")[0]
    sides = roles.sides_of(role)
    if sides is None or sides.value is None:
        return ""
    from mailconf.tables.transport import Transport

    found = sides.value(value).meaning
    return found.transport if isinstance(found, Transport) else ""
