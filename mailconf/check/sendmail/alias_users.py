"""Aliases, and entries of a virtusertable, that lead to users who do not exist."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from mailconf.check import users
from mailconf.diagnostics import warning
from mailconf.tables.aliases import AliasKind
from mailconf.tables.sendmail_aliases_reader import read_targets

if TYPE_CHECKING:
    from mailconf.check.sendmail.subject import Written
    from mailconf.diagnostics import Sink
    from mailconf.tables.entry import Entry

SM035 = warning("SM035", "mail that goes to a user who does not exist")
"""Why: the name is neither a user of the machine nor an alias. sendmail takes mail for the alias, and returns it to its
sender: "User unknown".

Example:
    # sendmail.mc
    define(`ALIAS_FILE', `/etc/mail/aliases')dnl
    MAILER(`local')dnl
    # /etc/mail/aliases
    info: jooe
    # /etc/passwd
    root:x:0:0::/root:/bin/sh
    joe:x:1000:1000::/home/joe:/bin/sh

Remedy: correct the name, or add the user or an alias.

Source: sendmail's aliases(5); cf/README, virtusertable; observed with sendmail 8.17.1.9 -bv.
"""

_ELSEWHERE = "HLR"  # MAIL_HUB, LUSER_RELAY, LOCAL_RELAY: somebody else knows the users
_NO_NAME = frozenset("$\"'|/:\\<>;!%&()[]{}*?=~, ")
_RULES = ("LOCAL_RULE_0", "LOCAL_RULE_3", "LOCAL_NET_CONFIG")
Known = Callable[..., bool]  # of a name, and of an alias that is left out


def known_users(subject: Written, aliases: Iterable[Sequence[Entry]], *, complete: bool) -> Known | None:
    """Whether a local part is a user of the machine or an alias; None where that cannot be known.

    aliases   the entries of each alias file that was read; ``complete``: those are all that there are
    """
    mailer = subject.cf.mailers.get("local")
    if mailer is None or "w" not in mailer.flags or not complete or not users.people(subject.root):
        return None
    macros = subject.site.macros
    if any(letter in macros and macros[letter].value for letter in _ELSEWHERE) or subject.cf.user_databases:
        return None
    if any(text.kind in _RULES or "localaddr" in text.text for text in subject.site.local_texts):
        return None
    people = {name.lower() for name, _ in users.passwd(subject.root)} | {"mailer-daemon", "postmaster"}
    names: set[str] = set()
    for entries in aliases:
        names.update(entry.key.lower() for entry in entries)
    real = subject.root.is_real

    def known(local: str, besides: str = "") -> bool:
        parts = (local, local.partition("+")[0])
        if any(part in people or (part in names and part != besides) for part in parts):
            return True
        return real and any(map(users.is_account, parts))

    return known


def lost_aliases(entries: Iterable[Entry], known: Known, is_own: Callable[[str], bool], sink: Sink) -> None:
    """SM035 of an alias file; ``is_own``: whether a domain, in lower case, is this machine's."""
    for entry in entries:
        targets = [entry.value] if entry.value.isalnum() else _addresses(entry)
        for text in targets:
            local, at, domain = text.rpartition("@")
            local = local if at else text
            if not at or is_own(domain.lower()):
                _report(entry, text, local, known, sink)


def lost_virtual_users(entries: Iterable[Entry], known: Known, sink: Sink) -> None:
    """SM035 of a virtusertable: values that are names alone."""
    for entry in entries:
        value = entry.value.rstrip("\r")  # which makemap leaves out
        if "@" not in value and "@" in entry.key:
            _report(entry, value, value, known, sink)


def _addresses(entry: Entry) -> list[str]:
    meaning = read_targets(entry.value).meaning
    return [target.text for target in meaning or () if target.kind is AliasKind.ADDRESS]


def _report(entry: Entry, text: str, local: str, known: Known, sink: Sink) -> None:
    if not local or _NO_NAME.intersection(local) or known(local.lower(), entry.key.lower()):
        return  # me: me is for a user who is called so
    at = entry.value.find(text)
    span = entry.place(at, len(text)) if at >= 0 else entry.value_span
    message = f'{entry.key} leads to {text}: there is no user and no alias "{local}"'
    sink.report(SM035, message, span, hint="correct the name, or add an alias of that name")
