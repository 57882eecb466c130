"""The text of every table, in its role: form, then meaning (`mailconf.tables.roles`), then the configuration.

Tables that are built from a text are read as the build reads them; those that Postfix reads as text (regexp, pcre,
cidr, texthash) from their files. Only the configuration shows whether a transport exists in master.cf, and
whether keys like ``.example.com`` are looked up (postconf(5) parent_domain_matches_subdomains).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence

from mailconf.build.compile import entries_of, read_source
from mailconf.check.postfix import meanings, trust
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
"""Why: Postfix opens tables of the types regexp, pcre, cidr and texthash when a program starts. Where the file is
missing or cannot be read, each lookup fails: a restriction answers "451 4.3.5 Server configuration error", other
programs defer the mail.

Example:
    # main.cf
    smtpd_sender_restrictions = check_sender_access cidr:/etc/postfix/senders

Remedy: create the file, or take the table out of the parameter.

Source: regexp_table(5), pcre_table(5), cidr_table(5); observed with Postfix 3.7.11.
"""

CK031 = error("CK031", "a rule that the table's engine skips")
"""Why: the engine of the table logs a warning for a pattern or result that it cannot compile, skips the rule and goes
on. What the rule was to refuse gets through.

Example:
    # main.cf
    header_checks = regexp:/etc/postfix/header_checks
    # /etc/postfix/header_checks
    /^Subject: (free money/ REJECT

Remedy: correct the pattern or the result; `postmap -q` with a text that should match shows whether it does.

Source: regexp_table(5), pcre_table(5), cidr_table(5); the message is the one of the library or of Postfix 3.7.11.
"""

CK032 = error("CK032", "a table names a transport that master.cf does not have")
"""Why: mail that a transport table, or the action FILTER, gives to a transport that master.cf does not define is
deferred with "mail transport unavailable".

Example:
    # main.cf
    transport_maps = hash:/etc/postfix/transport
    # /etc/postfix/transport
    example.net smtpx:[mail.example.net]

Remedy: write the name of a service of master.cf, or define the service there.

Source: transport(5), "RESULT FORMAT"; access(5) FILTER; master(5).
"""

TB103 = warning("TB103", "header or body checks in a table that has no patterns")
"""Why: header_checks and body_checks are asked for a whole header or line. An indexed table matches only where that
whole text is its key, which does not happen.

Example:
    # main.cf
    header_checks = hash:/etc/postfix/header_checks
    # /etc/postfix/header_checks
    Subject: REJECT

Remedy: put patterns into a table of type regexp or pcre.

Source: header_checks(5), "TABLE FORMAT".
"""

CK033 = warning("CK033", "a key for subdomains that parent_domain_matches_subdomains keeps from being looked up")
"""Why: where parent_domain_matches_subdomains names the parameter, Postfix looks a subdomain up as its parent domain,
example.com, and never as .example.com. The entry has no effect.

Example:
    # main.cf
    relay_domains = hash:/etc/postfix/relay_domains
    # /etc/postfix/relay_domains
    .example.com OK

Remedy: write the key without its first dot, or take the name out of parent_domain_matches_subdomains.

Source: postconf(5) parent_domain_matches_subdomains; access(5), "HOST NAME/ADDRESS PATTERNS".
"""

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
    by_table: dict[TableRef, list[TableUse]] = {}
    for use in subject.site.tables:
        by_table.setdefault(use.table, []).append(use)
    for ref, uses in by_table.items():
        if ref.kind.text and not ref.name.startswith("{"):
            _read_text(subject, ref.type, ref.name, uses, sink)
        if ref.kind.stored:
            _warn_of_content_checks(subject, str(ref), uses, sink)


def _warn_of_content_checks(subject: Subject, table: str, uses: Iterable[TableUse], sink: Sink) -> None:
    for use in uses:
        if roles.table_role(use.role) in _CONTENT:
            hint = "it is asked for whole headers and lines only; put patterns into a regexp: or pcre: table"
            sink.report(TB103, f"{use.role} names {table}, which has no patterns", subject.place(use), hint=hint)


def _read_text(subject: Subject, kind: str, name: str, uses: list[TableUse], sink: Sink) -> None:
    try:
        source = Source.read(subject.root, name)
    except OSError as failure:
        if not subject.root.covers(name):
            return
        span = subject.place(uses[0])
        hint = f"create {name}, or take {uses[0].table} out of {uses[0].role}"
        message = f"{name} cannot be read: {failure.strerror}"
        sink.report(CK030, message, span, hint=hint)
        return
    role = roles.table_role(*(use.role for use in uses))
    entries: Sequence[Entry]
    if kind == "texthash":
        entries = read_postmap(source, sink)  # in any role: no colons as in alias files
        roles.check_table(role, entries, sink, subject.is_restriction)
        report_duplicates(entries, sink, lambda key: decode(fold(encode(key))))
    else:
        entries = _read_rules(subject, kind, name, source, sink)
        judged = entries if kind == "cidr" else (_judged(role, entry) for entry in entries)
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


def _read_rules(subject: Subject, kind: str, name: str, source: Source, sink: Sink) -> Sequence[Entry]:
    """The rules with a result. What only the engine finds wrong is reported in its words, once for each line."""
    from mailconf.tables.rule_lines import read_results

    found = Sink()
    entries = read_results(kind, source, found)
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
            hint = "correct the rule, its pattern or its result: Postfix logs this, and goes on without it"
            sink.report(CK031, line[2], source.line_span(int(line[1])), hint=hint)

    try:
        open_table(f"{kind}:{name}", subject.root, warn=tell).close()
    except (TemporaryFailure, UnsupportedMap) as failure:
        tell(f"{kind}:{name}, line 1: {failure}")
    return entries


def _check_against_configuration(
    subject: Subject, uses: Iterable[TableUse], entries: Sequence[Entry], sink: Sink
) -> None:
    uses = list(uses)
    role = roles.table_role(*(use.role for use in uses))
    if any(use.table.kind.stored for use in uses):
        _report_subdomain_keys(subject, role, uses, entries, sink)
    _report_transports(subject, role, entries, sink)
    trust.mailboxes(uses, entries, sink)
    meanings.entries(subject, uses, entries, sink)


def _report_subdomain_keys(
    subject: Subject, role: str, uses: list[TableUse], entries: Iterable[Entry], sink: Sink
) -> None:
    """Keys like ``.example.com`` where the parent domain itself is asked for instead."""
    listed = set(subject.configuration.list_words("parent_domain_matches_subdomains"))
    # fast_flush_domains is $relay_domains, and only decides whose mail is remembered.
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
    """Names of transports: in transport tables and after FILTER."""
    services = subject.site.transports
    if not services or not (role in (roles.TRANSPORT, roles.SENDER_TRANSPORT, roles.ACCESS) or role in _CONTENT):
        return
    for entry in entries:
        name = _transport_of(role, entry)
        if name and name not in services and "$" not in name:
            hint = "mail that goes there is deferred; write the name of a service of master.cf"
            sink.report(CK032, f"master.cf has no transport {name}", entry.value_span, hint=hint, cause=name)


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
