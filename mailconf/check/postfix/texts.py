"""The texts of tables, read once more by rules that look at several tables or at entries beside the configuration."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mailconf.check.subject import Subject
from mailconf.diagnostics import Sink
from mailconf.model.site import TableUse
from mailconf.source import Source, decode
from mailconf.tables.entry import Entry

MOST = 30_000_000  # bytes of a text that is read


def entries_in(subject: Subject, *names: str) -> Iterator[tuple[TableUse, Sequence[Entry]]]:
    """The entries of the tables that the parameters or restrictions ``names`` use, whose text there is.

    A text that cannot be read has none: another rule reports it.
    """
    uses = [use for use in subject.site.tables if use.role in names]
    for use in uses:
        yield use, entries_of(subject, use)


def entries_of(subject: Subject, use: TableUse) -> Sequence[Entry]:
    """The entries of one table, nothing where its text is not there or has another form."""
    from mailconf.tables import roles
    from mailconf.tables.reader import read_postmap

    ref, text = use.table.direct, text_of(subject, use)
    if text is None:
        return ()
    source = Source(subject.root.place(use.source or ref.name), text)
    sink = Sink()
    if use.source:
        return roles.read_table(roles.table_role(use.role), source, sink)
    if ref.type == "texthash":
        return read_postmap(source, sink)
    from mailconf.tables.rule_lines import read_results

    return read_results(ref.type, source, sink)


def text_of(subject: Subject, use: TableUse) -> str | None:
    """The text of a table; None where it has none, or it cannot be read."""
    ref = use.table.direct
    name = use.source or (ref.name if ref.kind.text and not ref.name.startswith("{") else "")
    try:
        return decode(subject.root.read(name, MOST)) if name else None
    except OSError:
        return None
