"""Mail filters that sendmail cannot use, or that let mail pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailconf.diagnostics import Severity, error, warning

if TYPE_CHECKING:
    from mailconf.check.sendmail.subject import Written
    from mailconf.diagnostics import Sink

SM015 = error("SM015", "a mail filter that sendmail does not understand")
"""Why: sendmail stops when it starts, or does without the filter, where a mail filter has no socket that it can use or
is not defined: the mail is then not scanned.

Example:
    # sendmail.mc
    INPUT_MAIL_FILTER(`scan', `S=inet:8891')dnl

Remedy: write S=local:/run/scan.sock or S=inet:port@host; F=T makes sendmail answer 4xx while the filter does not.

Source: cf/README, "ADDING NEW MAIL FILTERS"; Sendmail Installation and Operation Guide, "X - Mail Filter (Milter)
Definitions".
"""

SM032 = warning("SM032", "a mail filter that lets mail pass when it does not answer")
"""Why: without F=R or F=T sendmail goes on as if the filter were not there when it cannot be reached or does not answer
in time: the mail is taken in unscanned.

Example:
    # sendmail.mc
    INPUT_MAIL_FILTER(`scan', `S=local:/run/scan.sock')dnl

Remedy: write F=T, by which clients are told to try again later (4xx), or F=R, by which mail is refused (5xx).

Source: cf/README, "ADDING NEW MAIL FILTERS"; Sendmail Installation and Operation Guide, "X - Mail Filter (Milter)
Definitions".
"""

FILTER_KEYS = frozenset("FST")
_REFUSING = frozenset("RT4")
_SOCKETS = ("inet:", "inet6:", "local:", "unix:")


def filters(subject: Written, sink: Sink) -> None:
    """SM015: mail filters without a socket that sendmail can use."""
    hint = "write for example INPUT_MAIL_FILTER(`name', `S=local:/run/name.sock, F=T')dnl"
    for milter in subject.site.milters:
        wrong = sorted(key for key in milter.settings if key[:1] not in FILTER_KEYS)
        if wrong:
            sink.report(SM015, f"a mail filter has no key {wrong[0]}: it has S, F and T", milter.span, hint=hint)
        if not milter.socket:
            sink.report(SM015, f"the mail filter {milter.name} has no socket (S=)", milter.span, hint=hint)
        elif not milter.socket.startswith(_SOCKETS):
            message = f"the mail filter {milter.name} has a socket that is neither inet:, inet6: nor local:"
            sink.report(SM015, message, milter.span, hint=hint)
        elif milter.socket.startswith("inet") and "@" not in milter.socket:
            message = f"the mail filter {milter.name} has no host in its socket"
            sink.report(SM015, message, milter.span, hint="write inet:port@host")
    known = {milter.name for milter in subject.site.milters}
    used = subject.site.options.get("InputMailFilters")
    for name in filter(None, (name.strip() for name in (used.value if used else "").split(","))):
        if used is not None and name not in known:
            sink.report(SM015, f"there is no mail filter {name}", used.span, hint="name it with MAIL_FILTER first")


def passing(subject: Written, sink: Sink) -> None:
    """SM032: mail filters without a flag for the time in which they do not answer."""
    for milter in subject.site.milters:
        flags = next((value for key, value in milter.settings.items() if key[:1] == "F"), None)
        if milter.span is None or (flags is not None and set(flags) & _REFUSING):
            continue
        if not milter.socket.startswith(_SOCKETS) or (milter.socket.startswith("inet") and "@" not in milter.socket):
            continue  # it is reported as it is
        if any(key[:1] not in FILTER_KEYS for key in milter.settings):
            continue
        given = "F= is not set" if flags is None else f"F={flags} is none of its flags" if flags else "F= is empty"
        message = f"mail passes unscanned while the mail filter {milter.name} does not answer: {given}"
        hint = f"write S={milter.socket}, F=T for 4xx replies in that time; F=R is for 5xx"
        severity = Severity.NOTE if flags == "" else None  # which is how to say that it is meant
        sink.report(SM032, message, milter.span, hint=hint, severity=severity)
