"""The mailers that an /etc/mail names: each has to be one that a MAILER() of the .mc, or sendmail itself, defines.

sendmail 8.17 looks for a mailer without regard to case. It has ``prog``, ``*file*`` and ``*include*`` by itself, and
``error`` where a ruleset names a mailer. It has no mailer ``discard``, only an action of that name in access tables.
Mail for a mailer that it does not have stays undelivered ("unknown mailer"), and it starts all the same.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING

from mailconf.build.compile import read_source
from mailconf.build.plan import Target
from mailconf.check.aliases import is_absent
from mailconf.diagnostics import Sink, alike, error
from mailconf.files import Tree
from mailconf.model.site import Site
from mailconf.source import Source, Span, decode
from mailconf.tables.sendmail_maps import MailerRoute, read_route
from mailconf.tables.sendmail_roles import sendmail_format

if TYPE_CHECKING:
    from mailconf.check.sendmail.subject import Written

CK021 = error("CK021", "a mailer that no MAILER of the .mc defines")
"""Why: mail for a mailer that the .cf does not define stays in the queue: "unknown mailer". sendmail does not notice
it when it starts.

Example:
    # sendmail.mc
    FEATURE(`mailertable')dnl
    # /etc/mail/mailertable
    example.net esmpt:[mail.example.net]

Remedy: correct the name, or write the MAILER() that defines it into the .mc.

Source: cf/README, "USING MAILERTABLES" and "MAILERS"; observed with sendmail 8.17.1.9.
"""

SM073 = error("SM073", "a mailer whose program does not exist")
"""Why: sendmail takes the mail and cannot run the mailer: the mail is returned, or stays in the queue.

Example:
    # sendmail.mc
    OSTYPE(`linux')dnl
    define(`LOCAL_MAILER_PATH', `/etc/mail/deliver')dnl
    MAILER(`local')dnl
    MAILER(`smtp')dnl

Remedy: install the program, or correct its name.

Source: cf/README, local_procmail; Sendmail Installation and Operation Guide, "M - Define Mailer".
"""

_BUILT_IN = ("prog", "*file*", "*include*", "error")
_HINTS = {"discard": "sendmail has no mailer of that name; To:domain DISCARD in the access table discards mail"}
# Whose MAILER the mailers are that have another name than the argument.
_MADE_BY = {"dsmtp": "smtp", "esmtp": "smtp", "relay": "smtp", "smtp8": "smtp", "prog": "local"} | {
    "uucp-dom": "uucp", "uucp-new": "uucp", "uucp-old": "uucp", "uucp-uudom": "uucp", "cyrusbb": "cyrus"
}  # fmt: skip
_RELAYS = {
    "B": "BITNET_RELAY", "C": "DECNET_RELAY", "F": "FAX_RELAY", "H": "MAIL_HUB", "L": "LUSER_RELAY",
    "R": "LOCAL_RELAY", "S": "SMART_HOST", "Y": "UUCP_RELAY",
}  # fmt: skip
_MAILER = re.compile(r"\s*([^\s:\[\]@\"<>,]+)\s*:")


def defined(sites: Iterable[Site]) -> dict[str, str]:
    """The mailers of the .mc files, by their names in lower case; empty where no .mc could be expanded."""
    found = {name.lower(): name for site in sites for name in site.transports}
    return {**dict(zip(_BUILT_IN, _BUILT_IN, strict=True)), **found} if found else {}


def relays(site: Site, known: Mapping[str, str], makers: Collection[str], sink: Sink) -> None:
    """The relays of a .mc that name their mailer: ``mailer:host``. ``makers``: what MAILER can name."""
    for letter, name in _RELAYS.items():
        setting = site.macros.get(letter)
        match = _MAILER.match(setting.value) if setting is not None else None
        if match and "." in match[1]:  # host:port, which SM070 reports: a mailer is one word
            continue
        if match and setting is not None and known:
            _report(name, match[1], known, makers, setting.span, sink)


def programs(subject: Written, sink: Sink) -> None:
    """SM073: programs that the .mc names, in folders that are there, and that are not there. Those that the library has
    chosen may be on the machine that the .cf is made for.
    """
    for mailer in subject.cf.mailers.values():
        program = mailer.get("P").strip()
        if program.startswith("/") and is_absent(program, subject.root):
            message = f"the mailer {mailer.name} runs {program}, which does not exist"
            calls = (c for c in subject.named("define", "FEATURE") if program in (c.argument(1), c.argument(2)))
            call = next((call for call in calls if call.span.text == call.name), None)
            if call is not None:
                sink.report(SM073, message, call.span, hint="install the program, or correct its name")


def mailer_tables(
    root: Tree, targets: Iterable[Target], known: Mapping[str, str], makers: Collection[str], sink: Sink
) -> None:
    """The entries of mailertables."""
    for target in targets:
        if "mailertable" not in target.roles or not known:
            continue
        read = read_source(root, target, Sink())  # who builds it has reported what is wrong with its form
        if read is None:
            continue
        for entry in sendmail_format("mailertable").read(Source(str(target.source), decode(read.data)), Sink()):
            if entry.value.partition(":")[0].lower() in known:
                continue
            route = read_route(entry.key, entry.value).meaning
            if isinstance(route, MailerRoute):
                _report("this entry", route.mailer, known, makers, entry.value_span, sink)


def _report(
    what: str, mailer: str, known: Mapping[str, str], makers: Collection[str], span: Span | None, sink: Sink
) -> None:
    name = mailer.lower()
    if name in known:
        return
    maker = _MADE_BY.get(name, name)

    near = alike(name, known, n=1, cutoff=0.7)
    hint = "write the name of a mailer: " + ", ".join(sorted(known.values()))
    if name in _HINTS:
        hint = _HINTS[name]
    elif maker in makers:
        hint = f"write MAILER(`{maker}')dnl into the .mc"
    elif near:
        hint = f"did you mean {known[near[0]]}?"
    sink.report(CK021, f"{what} names the mailer {mailer}, which no MAILER defines", span, hint=hint)
