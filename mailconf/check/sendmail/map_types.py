"""Maps that sendmail cannot open, by what their definitions say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailconf.diagnostics import error
from mailconf.sendmail.cf.maps import COMPUTED_TYPES

if TYPE_CHECKING:
    from mailconf.check.sendmail.subject import Written
    from mailconf.diagnostics import Sink

SM018 = error("SM018", "a map of a type that sendmail does not have, or without a file")
"""Why: the second argument of a FEATURE is the map's type and its file. sendmail does not start with a map of a type
that it does not have, and cannot open a map without a file.

Example:
    # sendmail.mc
    FEATURE(`virtusertable', `/etc/mail/virtual')dnl

Remedy: write the type before the file: FEATURE(`virtusertable', `hash /etc/mail/virtual')dnl

Source: cf/README, virtusertable; Sendmail Installation and Operation Guide, "K - Key File Declaration".
"""

# Some of them depend on how sendmail was built.
MAP_TYPES = COMPUTED_TYPES | frozenset(
    ["arpa", "btree", "cdb", "dbm", "hash", "hesiod", "implicit", "ldap", "netinfo", "nis", "nisplus", "ph", "program",
     "sequence", "socket", "switch", "text", "userdb"]
)  # fmt: skip


def maps(subject: Written, sink: Sink) -> None:
    """SM018: maps that sendmail cannot open because their specification is invalid."""
    for table in subject.site.tables:
        kind, rest = table.table
        if kind not in MAP_TYPES:
            message = f"sendmail has no maps of type {kind}"
            hint = f"write the type first: hash {kind}" if "/" in kind else "write hash, btree or cdb, and the file"
            sink.report(SM018, message, table.span, hint=hint)
        elif not rest:
            sink.report(
                SM018, f"the map {table.name} has no file", table.span, hint=f"write {kind} /etc/mail/{table.name}"
            )
