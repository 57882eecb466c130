"""What sendmail itself says when it reads a configuration: the .cf is loaded as sendmail loads it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mailconf.diagnostics import error
from mailconf.sendmail.cf.items import CfOption, CfRule, Macro
from mailconf.source import Source

if TYPE_CHECKING:
    from mailconf.check.sendmail.subject import Written
    from mailconf.diagnostics import Sink
    from mailconf.sendmail.cf.configuration import Cf
    from mailconf.sendmail.rules.problems import CfProblem
    from mailconf.source import Span

SM036 = error("SM036", "a value that sendmail does not understand")
"""Why: sendmail reports the line when it starts. At some it stops; of a time it drops what is no number with a unit, so
that the timeout is another one, and "5 days" is not five days.

Example:
    # sendmail.mc
    OSTYPE(`linux')dnl
    define(`confTO_QUEUERETURN', `5 days')dnl

Remedy: write a time as 5d, 4h or 1h30m; for other options, one of the words of the Guide.

Source: Sendmail Installation and Operation Guide, 5.6; the words of sendmail 8.17.1.9.
"""

SM037 = error("SM037", "a name of the machine without a domain")
"""Why: the macro j is what the server calls itself: in HELO, in Received and after the @ of senders. Others refuse
mail from a name without a domain. sendmail warns when it starts: "local host name (mail) is not qualified".

Example:
    # sendmail.mc
    define(`confDOMAIN_NAME', `mail')dnl

Remedy: write the whole name: define(`confDOMAIN_NAME', `mail.example.com')dnl

Source: cf/README, "WHO AM I?"; observed with sendmail 8.17.1.9 -bt.
"""

SM038 = error("SM038", "no mailer that sends to other hosts")
"""Why: without MAILER(`smtp') the .cf has no mailer that connects to another host. Mail for another domain is returned:
"553 Unrecognized host name".

Example:
    # /etc/mail/sendmail.cf
    V10/Berkeley
    Mlocal, P=/bin/mail, F=lsDFM, A=mail -d $u
    Mprog, P=/bin/sh, F=lsD, A=sh -c $u

Remedy: write MAILER(`smtp')dnl at the end of the .mc.

Source: cf/README, "MAILERS"; observed with sendmail 8.17.1.9 -bt, /parse.
"""

# What depends on the machine, or is reported with a better place.
_ELSEWHERE = re.compile(
    r"fileclass:|.*unknown user|.*unknown group|host \".*[A-Za-z].*\" unknown|service \"|.*not available"
    r"|.*unknown option name|.*[Mm]ailer"
)
_LOCAL = frozenset({"local", "prog", "procmail", "cyrus", "cyrusv2", "cyrusbb", "*file*", "*include*"})
_PORTS, _OF_PORTS = ("DaemonPortOptions", "ClientPortOptions"), ("Unknown address family", "host ")
_LINE = re.compile(r".*: line (\d+)", re.DOTALL)
_UNIT = re.compile(r"Invalid time unit `(.*)'", re.DOTALL)
_HOST = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.?")


def understood(subject: Written, sink: Sink) -> None:
    """SM036: what sendmail reports of lines that come from the configuration itself."""
    from mailconf.sendmail.rules.load import load_source
    from mailconf.sendmail.rules.machine import NamedMachine
    from mailconf.sendmail.rules.problems import Problems, Stopped

    if not subject.cf.items or not all(item.is_file for item in subject.cf.class_files):
        return  # no command is run, and no server asked, to fill a class
    problems: list[CfProblem] = []
    try:
        load_source(
            _without_rules(subject.cf),
            NamedMachine(subject.root, "host.name.invalid"),
            Problems(problems.append),
            cdb=True,
        )
    except Stopped:
        pass
    seen: set[int] = set()
    for problem in problems:
        found = _LINE.fullmatch(problem.place)
        if found is None or _ELSEWHERE.match(problem.text) or int(found[1]) in seen:
            continue
        seen.add(int(found[1]))
        _report(subject, int(found[1]), problem, sink)


def _without_rules(cf: Cf) -> Source:
    """The text with empty lines in the place of rules, of which nothing is reported here, and which take long."""
    text = cf.source.text
    parts: list[str] = []
    done = 0
    for rule in cf.all(CfRule):
        start, end = rule.line.start, rule.line.end
        parts += text[done:start], "\n" * text.count("\n", start, end)
        done = end
    parts.append(text[done:])
    return Source(cf.source.name, "".join(parts))


def _report(subject: Written, number: int, problem: CfProblem, sink: Sink) -> None:
    option = next(
        (
            each
            for each in subject.cf.all(CfOption)
            if each.line.span().first.line <= number <= each.line.span().last.line
        ),
        None,
    )
    if option is not None and option.name in _PORTS and not problem.text.startswith(_OF_PORTS):
        return  # SM014 is about it
    if option is None:  # SM023 to SM025 are about other lines
        return
    span = _place(subject, option)
    if span is None:
        return
    name = next(
        (
            call.argument(1)
            for call in subject.named("define")
            if call.span.start == span.start and call.span.source.name == span.source.name
        ),
        option.full_name,
    )
    if _UNIT.fullmatch(problem.text):
        message = (
            f"{option.full_name} is `{option.value}', which is no time: {problem.text[0].lower()}{problem.text[1:]}"
        )
        hint = "write numbers with a unit, and no blanks: s, m, h, d or w, as in 5d or 1h30m"
    else:
        message = f"{name} is `{option.value}': sendmail says {problem.text}"
        hint = "correct the value; sendmail does not start with it" if problem.grave else "correct the value"
    sink.report(SM036, message, span, hint=hint)


def _place(subject: Written, option: CfOption) -> Span | None:
    if subject.mc is None:
        return option.line.span()
    found = None if subject.own else subject.mc.places.of_line(option.line.start, option.line.end)
    setting = subject.site.options.get(option.full_name)
    return found or (setting.span if setting is not None and setting.value == option.value else None)


def names(subject: Written, sink: Sink) -> None:
    """SM037: the macro j, as far as the configuration sets it."""
    macro = subject.cf.macros.get("j")
    setting = subject.site.macros.get("j")
    if not isinstance(macro, Macro) or setting is None or setting.span is None or "$" in setting.value:
        return
    name = setting.value
    if _HOST.fullmatch(name) and "." in name.strip("."):
        return
    option = subject.write("confDOMAIN_NAME", "the macro j")
    message = (
        f"{option} is `{name}', which has no domain" if _HOST.fullmatch(name) else f"{option} is `{name}': no name"
    )
    example = name if _HOST.fullmatch(name) and name else "mail"
    hint = subject.write(
        f"write define(`confDOMAIN_NAME', `{example.strip('.')}.example.com')dnl", f"write Dj{example}.example.com"
    )
    sink.report(SM037, message, setting.span, hint=hint)


def sending(subject: Written, sink: Sink) -> None:
    """SM038: is there a mailer for other hosts?"""
    mailers = subject.cf.mailers
    if "local" not in mailers or not {"nullclient", "msp"}.isdisjoint(subject.features):
        return
    if any(mailer.get("P").strip() in ("[IPC]", "[TCP]") for mailer in mailers.values()) or mailers.keys() - _LOCAL:
        return
    hosts = [
        subject.site.macros[letter].span
        for letter in "SHR"
        if subject.site.macros.get(letter) and subject.site.macros[letter].value
    ]
    span = next(filter(None, hosts), None)
    if span is None:
        nodes = () if subject.mc is None else subject.mc.document.nodes
        if subject.mc is not None and not nodes:
            return
        span = (nodes[0].span.source if nodes else subject.cf.source).line_span(1)
    message = "there is no mailer for other hosts: mail for another domain is returned"
    sink.report(SM038, message, span, hint="write MAILER(`smtp')dnl at the end of the .mc")
