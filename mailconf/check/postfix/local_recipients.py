"""Whom the SMTP server takes mail for: users or aliases that it refuses, tables that it may not ask."""

from __future__ import annotations

from mailconf.check import users
from mailconf.check.postfix.texts import entries_in
from mailconf.check.subject import Subject
from mailconf.diagnostics import Sink, error, warning

PF249 = error("PF249", "a table that proxymap does not open")
"""Why: proxymap(8) opens the tables that proxy_read_maps has, and no others. smtpd ends at the first lookup of another
one ("fatal: proxymap service is not configured for table"), and clients see the connection closed; other programs defer
the mail.

Example:
    # main.cf
    proxy_read_maps = $virtual_alias_maps
    smtpd_sender_restrictions = check_sender_access proxy:hash:/etc/postfix/senders

Remedy: add the parameter to proxy_read_maps, or remove proxy_read_maps: the default has most of them.

Source: proxymap(8); postconf(5) proxy_read_maps; observed with Postfix 3.7.11.
"""

PF252 = warning("PF252", "users or aliases that the SMTP server refuses")
"""Why: local_recipient_maps has all names that smtpd takes mail for. Without the tables of alias_maps it refuses mail
for aliases, and without the users of the machine that for users: "550 5.1.1 User unknown in local recipient table".
Mail from the host itself arrives, and nobody notices.

Example:
    # main.cf
    alias_maps = hash:/etc/aliases
    local_recipient_maps = proxy:unix:passwd.byname
    # /etc/aliases
    postmaster: root
    sales: root

Remedy: set local_recipient_maps = proxy:unix:passwd.byname $alias_maps, which is the default.

Source: postconf(5) local_recipient_maps; LOCAL_RECIPIENT_README; observed with Postfix 3.7.11.
"""

_USERS = ("unix:passwd.byname", "proxy:unix:passwd.byname")
_ELSEWHERE = ("mailbox_transport", "mailbox_transport_maps", "fallback_transport", "fallback_transport_maps")
_ALWAYS = ("postmaster", "mailer-daemon")
_MOST = 100_000  # aliases that are looked at


def known(subject: Subject, sink: Sink) -> None:
    """Report aliases or users that local_recipient_maps does not have (PF252)."""
    view, name = subject.configuration, "local_recipient_maps"
    listed, aliases = view.words(name), view.words("alias_maps")
    if not view.is_set(name) or not listed or not aliases or any(view.value(other) for other in _ELSEWHERE):
        return
    plain = {word.removeprefix("proxy:") for word in aliases}
    having = [word.removeprefix("proxy:") for word in listed]
    names: dict[str, None] = {}
    for _, entries in entries_in(subject, "alias_maps"):
        names.update((entry.key.lower(), None) for entry in entries[:_MOST])
    default = "set local_recipient_maps = proxy:unix:passwd.byname $alias_maps"
    if all(word in _USERS for word in listed):
        accounts = {user.lower() for user, _ in users.passwd(subject.root)}
        refused = [alias for alias in names if alias not in accounts and alias not in _ALWAYS]
        what = "the alias"
    elif plain.issuperset(having) and names:
        refused, what = [user for user in users.people(subject.root) if user.lower() not in names], "the user"
    else:
        return
    if refused:
        message = f"{name} has not {what} {refused[0]}: mail for it is refused, as if there were none"
        sink.report(PF252, message, view.place(name), hint=default)


def proxied(subject: Subject, sink: Sink) -> None:
    """Report tables that proxymap(8) is not allowed to open (PF249)."""
    view = subject.configuration
    allowed = {*view.words("proxy_read_maps"), *view.words("proxy_write_maps")}
    told: set[str] = set()
    for use in subject.site.tables:
        table = f"proxy:{use.table}"
        if not use.proxied or table in allowed or table in told:
            continue
        told.add(table)
        message = f"{use.role}: proxymap does not open {table}: proxy_read_maps has not {use.role}"
        hint = f"add ${use.role} to proxy_read_maps" if view.is_known(use.role) else f"add {table} to proxy_read_maps"
        span = subject.place(use) if use.span else view.place("proxy_read_maps")
        sink.report(PF249, message, span, hint=hint)
