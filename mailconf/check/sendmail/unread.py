"""Files of /etc/mail that no .cf names, and statements for a table that there is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailconf.diagnostics import warning
from mailconf.source import Source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mailconf.build.etc_mail import EtcMail
    from mailconf.check.sendmail.subject import Written
    from mailconf.diagnostics import Sink
    from mailconf.source import Span

SM063 = warning("SM063", "a file of /etc/mail that nothing reads")
"""Why: sendmail reads the tables and class files that the .cf names, and no others. A file under its usual name,
without the FEATURE that reads it, has no effect: its domains are refused ("550 5.7.1 Relaying denied"), its users are
unknown, what it refuses is taken.

Example:
    # sendmail.mc
    OSTYPE(`linux')dnl
    MAILER(`local')dnl
    MAILER(`smtp')dnl
    # /etc/mail/local-host-names
    example.com

Remedy: write the FEATURE before every MAILER, or remove the file.

Source: cf/README, "FEATURES"; observed with sendmail 8.17.1.9.
"""

SM064 = warning("SM064", "a statement for which nothing asks")
"""Why: VIRTUSER_DOMAIN and GENERICS_DOMAIN fill a class for a table. Without the FEATURE of the table nobody looks at
the class. A filter of MAIL_FILTER is only defined: INPUT_MAIL_FILTER, or confINPUT_MAIL_FILTERS, has it see the mail.
ESMTP_MAILER_ARGS is for the mailer esmtp; mail for SMART_HOST goes by the mailer relay.

Example:
    # sendmail.mc
    OSTYPE(`linux')dnl
    VIRTUSER_DOMAIN(`example.com')dnl
    MAILER(`local')dnl
    MAILER(`smtp')dnl

Remedy: write what the hint has, or remove the statement.

Source: cf/README, "VIRTUAL HOSTING", MAIL_FILTER, SMART_HOST; observed with sendmail 8.17.1.9 and its library.
"""

_READ_BY = {
    "access": "FEATURE(`access_db')dnl",
    "virtusertable": "FEATURE(`virtusertable')dnl",
    "genericstable": "FEATURE(`genericstable')dnl and GENERICS_DOMAIN",
    "mailertable": "FEATURE(`mailertable')dnl",
    "domaintable": "FEATURE(`domaintable')dnl",
    "authinfo": "FEATURE(`authinfo')dnl",
    "local-host-names": "FEATURE(`use_cw_file')dnl",
    "trusted-users": "FEATURE(`use_ct_file')dnl",
    "relay-domains": "a .mc in which confCR_FILE has its usual value",
}
_CLASSES = {
    "VirtHost": ("virtuser", "VIRTUSER_DOMAIN", "virtusertable"),
    "G": ("generics", "GENERICS_DOMAIN", "genericstable"),
}


def files(etc_mail: EtcMail, sink: Sink) -> None:
    """Report files with entries, under usual names, that no .cf of the folder names (SM063)."""
    texts = [cf.source.text for cf in etc_mail.texts]
    if not texts or not any("Mlocal" in text for text in texts):
        return  # who knows what another .cf reads
    for name, feature in _READ_BY.items():
        path = f"{etc_mail.directory.rstrip('/')}/{name}"
        if any(path in text for text in texts):
            continue
        span = _first_entry(etc_mail, path)
        if span is not None:
            message = f"{name} is not read: the .cf does not name it"
            sink.report(SM063, message, span, hint=f"write {feature}, or remove the file")


def _first_entry(etc_mail: EtcMail, path: str) -> Span | None:
    """The first line of a file that is no comment; None where it has none, or cannot be read."""
    root = etc_mail.root
    try:
        if not root.is_file(path):
            return None
        source = Source.read(root, path)
    except OSError:
        return None
    at = 0
    for line in source.text.splitlines(keepends=True):
        if line.strip() and not line.startswith("#"):
            return source.span(at, at + len(line.rstrip()))
        at += len(line)
    return None


def statements(subject: Written, sink: Sink) -> None:
    """Report classes, filters and arguments that nothing looks at (SM064)."""
    for what, span, because, hint in (*_classes(subject), *_filters(subject), *_arguments(subject)):
        if span is not None:
            sink.report(SM064, f"{what} has no effect: {because}", span, hint=hint)


Dead = tuple[str, "Span | None", str, str]


def _classes(subject: Written) -> Iterator[Dead]:
    for name, (map_, statement, table) in _CLASSES.items():
        if map_ in subject.cf.maps or subject.mc is None:
            continue
        word = next(iter(subject.words(name)), None)
        if word is not None and table not in subject.features:
            yield f"{statement}({word.value})", word.span, f"there is no {table}", f"write FEATURE(`{table}')dnl"


def _filters(subject: Written) -> Iterator[Dead]:
    used = {name.strip() for name in subject.option("InputMailFilters").value.split(",")}
    daemons = "".join(call.argument(1) for call in subject.named("DAEMON_OPTIONS"))
    for milter in subject.site.milters:
        if milter.name not in used and milter.name not in daemons and subject.mc is not None:
            hint = f"write INPUT_MAIL_FILTER in place of MAIL_FILTER, or {milter.name} into confINPUT_MAIL_FILTERS"
            yield f"the mail filter {milter.name}", milter.span, "no mail passes it", hint


def _arguments(subject: Written) -> Iterator[Dead]:
    smart = subject.site.macros.get("S")
    if smart is None or not smart.value or ":" in smart.value:
        return
    named = {call.argument(1): call for call in subject.named("define") if call.span.text == call.name}
    call = named.get("ESMTP_MAILER_ARGS")
    if call is not None and "RELAY_MAILER_ARGS" not in named:
        hint = f"write define(`RELAY_MAILER_ARGS', `{call.argument(2)}')dnl before MAILER(`smtp')"
        yield "ESMTP_MAILER_ARGS", call.span, f"mail for SMART_HOST ({smart.value}) goes by the mailer relay", hint
