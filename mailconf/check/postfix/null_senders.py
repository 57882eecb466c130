"""Tables of senders that refuse the null sender, from which bounces come."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from mailconf.check.postfix.written import each_word, place_of
from mailconf.check.subject import Subject
from mailconf.diagnostics import Sink, warning
from mailconf.postfix.policy.smtpd import LISTS
from mailconf.postfix.settings.configuration import Configuration

PF227 = warning("PF227", "a table of senders refuses the null sender")
"""Why: reports that a message could not be delivered have the sender <>, and so do receipts and replies of vacation
programs. With this entry nobody learns that a message of his was lost, and servers that verify senders by asking
back refuse the mail of this host.

Example:
    # main.cf
    smtpd_sender_restrictions = check_sender_access hash:/etc/postfix/sender_access
    # /etc/postfix/sender_access
    <> REJECT

Remedy: remove the entry.

Source: RFC 5321 4.5.5, 6.1; postconf(5) smtpd_null_access_lookup_key; observed with Postfix 3.7.11.
"""

# Senders of whom a table that refuses all but some refuses one as well.
_ORDINARY = ("someone@elsewhere.example", "a@b.test", "info@corp.zz", "q-42@jj.org")
_REFUSING = ("reject", "defer", "discard", "4", "5")


def refused(subject: Subject, sink: Sink) -> None:
    """Report tables of check_sender_access that refuse <>, but not every sender."""
    tables = {table: (view, name, word, offset) for view, name, table, word, offset in reversed(list(_asked(subject)))}
    if not tables:
        return
    from mailconf.check.postfix.relay_proof import TextWorld

    world = TextWorld(subject)
    for table, (view, name, word, offset) in tables.items():
        key = view.value("smtpd_null_access_lookup_key")
        action = world.answer(table, key)
        others = (world.answer(table, sender).lower() for sender in _ORDINARY)
        if action.lower().startswith(_REFUSING) and not any(other.startswith(_REFUSING) for other in others):
            span = world.place(table, key) or place_of(view, name, word, offset)
            message = f"{table} answers {action.split()[0]} to {key}: reports about lost mail are refused"
            sink.report(PF227, message, span, hint="remove the entry")
    world.close()


def _asked(subject: Subject) -> Iterator[tuple[Configuration, str, str, str, int]]:
    """Each table of check_sender_access: the view and parameter that name it, the table, the word and its offset."""
    for view, names in subject.configuration.views():
        classes = set(view.words("smtpd_restriction_classes"))
        for name in names:
            if (name in LISTS or name in classes) and "check_sender_access" in view.value(name):
                for (word, _), (table, offset) in pairwise(each_word(view, name)):
                    if word.lower() == "check_sender_access":
                        yield view, name, table, table, offset
