"""What Postfix does not take from a table in its role, though the table has it (`mailconf.maps.core.trust`).

Rules of regexp and pcre tables that put text of the address into the result are skipped where that decides what is run
or written, tables that anyone can answer are not opened there; and names of mailboxes must not lead out of
virtual_mailbox_base.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from mailconf.check.subject import Subject
from mailconf.diagnostics import Sink, error
from mailconf.maps.core.table import TemporaryFailure, UnsupportedMap
from mailconf.maps.core.trust import Trust, behind_proxy, refusal, trust_of
from mailconf.maps.registry import open_table
from mailconf.model.site import TableUse
from mailconf.tables.entry import Entry
from mailconf.tables.mailbox_name import below

CK083 = error("CK083", "a table of a type that Postfix does not open in this role")
"""Why: some lookups decide what is run or written, and with which rights. For these Postfix opens no table whose
answers come from the network without proof, such as tcp and nis: it logs "map is not allowed for security sensitive
data" and defers the mail (4.3.5).

Example:
    # main.cf
    virtual_mailbox_maps = tcp:127.0.0.1:10025

Remedy: use an indexed file, or a table of type sqlite, ldap, mysql or pgsql.

Source: virtual(8), "SECURITY"; local(8), "SECURITY"; tcp_table(5); observed with Postfix 3.7.11.
"""

TB170 = error("TB170", "a result with text of the address where Postfix does not allow it")
r"""Why: where a result decides which file is written or which user owns it, Postfix does not let a part of the address
into it: the sender chooses the address. It logs a warning and skips the rule.

Example:
    # main.cf
    virtual_mailbox_maps = regexp:/etc/postfix/mailboxes
    # /etc/postfix/mailboxes
    /^(.+)@example\.com$/ example.com/$1

Remedy: write the result without $1, or put a line for each address into an indexed table.

Source: virtual(8), "SECURITY", on substitution of $1; observed with Postfix 3.7.11.
"""

TB171 = error("TB171", "the name of a mailbox leads out of virtual_mailbox_base")
"""Why: the result is the name of a mailbox below virtual_mailbox_base. One that leads out of it with .. would be
written elsewhere on the machine. Postfix uses it as it is; mailconf defers the mail.

Example:
    # main.cf
    virtual_mailbox_maps = hash:/etc/postfix/mailboxes
    # /etc/postfix/mailboxes
    ann@example.com ../../etc/ann

Remedy: write the path below virtual_mailbox_base, without ..

Source: postconf(5) virtual_mailbox_base, virtual_mailbox_maps; docs/departures.md.
"""

PATTERNS = ("regexp", "pcre")
_REFERENCE = re.compile(r"\$(?:\$|(?:\{|\()?[0-9]+[})]?)")
_HINT = "write the result without $1, or put a line for each address into an indexed table"


def trust_in(use: TableUse) -> Trust:
    """How the table of ``use`` is opened."""
    trust = trust_of(use.role)
    return behind_proxy(trust) if use.proxied else trust


def opened(subject: Subject, sink: Sink) -> None:
    """Report tables that are not opened, and rules that are skipped in tables that are written in main.cf itself."""
    for use in subject.site.tables:
        if use.span is None:
            continue
        trust = trust_in(use)
        kind, name = use.table
        if refusal(str(use.table), trust):
            hint = "Postfix defers the mail: nothing proves who answers; use an indexed file, or sqlite, ldap, mysql"
            sink.report(CK083, f"{use.role} is asked of no {kind}: table", use.span, hint=hint)
        if (
            kind in PATTERNS
            and name.startswith("{")
            and not trust.substitution
            and _skips(subject, str(use.table), trust)
        ):
            sink.report(TB170, f"Postfix skips a rule of this table in {use.role}", use.span, hint=_HINT)


def _skips(subject: Subject, table: str, trust: Trust) -> bool:
    told: list[str] = []
    try:
        open_table(table, subject.root, warn=told.append, trust=trust).close()
    except (TemporaryFailure, UnsupportedMap):
        return False
    return any("substitution is not allowed" in words for words in told)


def substitutions(uses: Iterable[TableUse], entries: Iterable[Entry], sink: Sink) -> None:
    """Report those of the rules ``entries`` that are skipped in one of their roles."""
    forbidding = next((use for use in uses if not trust_in(use).substitution), None)
    if forbidding is None:
        return
    for entry in entries:
        found = next((found for found in _REFERENCE.finditer(entry.value) if found[0] != "$$"), None)
        if found is not None:
            message = f"Postfix skips this rule in {forbidding.role}: {found[0]} stands for text of the address"
            sink.report(TB170, message, entry.place(found.start(), len(found[0])), hint=_HINT)


def mailboxes(uses: Iterable[TableUse], entries: Iterable[Entry], sink: Sink) -> None:
    """Report names of mailboxes with ``..`` that lead out of virtual_mailbox_base."""
    if not any(use.role == "virtual_mailbox_maps" for use in uses):
        return
    for entry in entries:
        if ".." in entry.value and below(entry.value) is None:
            hint = "mailconf defers mail for it; write the path below virtual_mailbox_base"
            sink.report(TB171, f"{entry.value} leads out of virtual_mailbox_base", entry.value_span, hint=hint)
