"""The types of the tables that the configuration names: does Postfix know them (DATABASE_README, postconf(1) -m)?"""

from __future__ import annotations

from mailconf.check.subject import Subject
from mailconf.diagnostics import Sink, error
from mailconf.maps.registry import known_types
from mailconf.postfix.lookup import MAX_NESTED

CK077 = error("CK077", "there is no map type of that name")
CK078 = error("CK078", "a table has no name")
CK079 = error("CK079", "tables of tables nest too deep")

MOST_HINTS = 20  # types for which similar ones are looked for
# Types of Postfix's that mailconf does not read itself.
OTHER_TYPES = frozenset({"dbm", "environ", "fail", "internal", "netinfo", "nis", "nisplus", "proxy", "sdbm", "unix"})


def known(subject: Subject, sink: Sink) -> None:
    """Report tables of unknown types, and those without a name."""
    types = {*known_types(), *OTHER_TYPES}
    hints = iter(range(MOST_HINTS))
    for use in subject.site.tables:
        if use.span is None:
            continue  # a default, which names what another parameter does
        kind, _, name = use.table.removeprefix("proxy:").partition(":")
        if use.table.startswith(f"{kind}:{{{kind}:{{" * (MAX_NESTED // 2)):
            message = f"{use.role}: more than {MAX_NESTED} tables of tables inside one another"
            sink.report(CK079, message, use.span, hint="Postfix opens them all; name the tables themselves")
        if kind not in types:
            from difflib import get_close_matches

            few = next(hints, None) is not None
            near = get_close_matches(kind, sorted(types), n=1, cutoff=0.6) if few else []
            hint = f"did you mean {near[0]}?" if near else "postconf -m lists the types"
            sink.report(CK077, f'{use.role}: there is no map type "{kind}"', use.span, hint=hint)
        elif not name and kind not in ("internal", "fail", "environ", "static"):
            sink.report(CK078, f"{use.role}: {use.table} has no name", use.span, hint="write type:name")
