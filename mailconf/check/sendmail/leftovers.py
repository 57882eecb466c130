"""What cannot be meant: the domain of a mailbox provider, settings for tests, statements that nullclient makes dead."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailconf.check.providers import is_provider
from mailconf.diagnostics import Severity, error, warning

if TYPE_CHECKING:
    from mailconf.check.sendmail.subject import Written
    from mailconf.diagnostics import Sink
    from mailconf.source import Span

SM057 = warning("SM057", "a statement that nullclient leaves without effect")
"""Why: FEATURE(`nullclient') sends all mail to its hub, that for users of this host as well: no mail reaches a mailbox,
an alias or a program here. What says how mail is delivered here has no effect.

Example:
    # sendmail.mc
    OSTYPE(`linux')dnl
    FEATURE(`local_procmail')dnl
    FEATURE(`nullclient', `hub.example.com')dnl

Remedy: remove the statement; where mail is to be delivered on this host, write SMART_HOST in place of nullclient.

Source: cf/README, FEATURE(nullclient); the triples observed with sendmail 8.17.1.9 -bt, ruleset 5.
"""

SM058 = error("SM058", "the domain of a mailbox provider as one of this host's own")
"""Why: mail for a domain of class w stays on this host. What its users send to anybody at that provider comes back,
"User unknown", or lies in a mailbox of the same name here; the provider never gets it. In the class of RELAY_DOMAIN
anybody may send mail to the provider through this host.

Example:
    # sendmail.mc
    OSTYPE(`linux')dnl
    LOCAL_DOMAIN(`gmail.com')dnl
    MAILER(`local')dnl
    MAILER(`smtp')dnl

Remedy: take the domain out; senders with such an address are masqueraded by MASQUERADE_AS or a genericstable.

Source: cf/README, LOCAL_DOMAIN, RELAY_DOMAIN; the triples observed with sendmail 8.17.1.9 -bt.
"""

SM059 = warning("SM059", "a setting for tests that is on")
"""Why: with SoftBounce every refusal is temporary: senders try unknown users again for days, and nobody is told. From
the LogLevel of 15 on, sendmail logs each command and answer, and fills the disk.

Example:
    # sendmail.mc
    OSTYPE(`linux')dnl
    define(`confSOFT_BOUNCE', `True')dnl
    MAILER(`local')dnl
    MAILER(`smtp')dnl

Remedy: remove the setting when the test is over.

Source: Sendmail Installation and Operation Guide, SoftBounce, LogLevel; observed with sendmail 8.17.1.9.
"""

_CLASSES = {
    "w": ("is a name of this host", "mail for it stays on this host, and the provider never gets it"),
    "VirtHost": ("is a virtual domain of this host", "mail for it is looked for in the virtusertable"),
    "R": ("may be relayed to", "anybody may send mail there through this host"),
}
_DEAD = ("local_procmail", "local_lmtp", "smrsh", "preserve_luser_host", "preserve_local_plus_detail")
_MUCH = 15  # of LogLevel, from which on commands and answers are logged


def leftovers(subject: Written, sink: Sink) -> None:
    """SM057, SM058, SM059."""
    _nullclient(subject, sink)
    _providers(subject, sink)
    _tests(subject, sink)


def _nullclient(subject: Written, sink: Sink) -> None:
    if "nullclient" not in subject.features:
        return
    own = (call for call in subject.named("FEATURE") if call.span.text == call.name)  # not what OSTYPE asks for
    dead: list[tuple[str, Span | None]] = [
        (f"FEATURE({call.argument(1)})", call.span) for call in own if call.argument(1) in _DEAD
    ]
    luser = subject.site.macros.get("L")
    if luser is not None and luser.value:
        dead.append(("LUSER_RELAY", luser.span))
    for what, span in dead:
        if span is not None:
            message = f"{what} has no effect: FEATURE(nullclient) sends the mail for users of this host to the hub"
            sink.report(SM057, message, span, hint="remove it, or write SMART_HOST in place of nullclient")


def _providers(subject: Written, sink: Sink) -> None:
    told: set[str] = set()
    for name, (what, effect) in _CLASSES.items():
        for word, span in subject.members(name):
            domain = word.lower()
            if is_provider(domain) and domain not in told and span is not None:
                told.add(domain)
                message = f"{word} {what}, and is the domain of a mailbox provider: {effect}"
                sink.report(SM058, message, span, hint=f"take {word} out of class {name}")


def _tests(subject: Written, sink: Sink) -> None:
    soft = subject.option("SoftBounce")
    if soft.value[:1].lower() in ("t", "y") and soft.span is not None:
        message = "SoftBounce is on: every refusal is temporary, and senders try unknown users again for days"
        sink.report(SM059, message, soft.span, hint="remove it when the test is over")
    level = subject.option("LogLevel")
    if level.value.isascii() and level.value.isdecimal() and int(level.value[:9]) >= _MUCH and level.span is not None:
        message = f"LogLevel is {level.value}: each command and answer is logged"
        sink.report(SM059, message, level.span, hint="write 9, the usual level", severity=Severity.NOTE)
