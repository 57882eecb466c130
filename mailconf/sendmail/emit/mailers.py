"""The M lines of our sendmail.cf, by MAILER: programs, flags and arguments as ``=M`` of sendmail -bt shows them."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from mailconf.sendmail.emit.facts import Facts

_DELIVERS = "DNS/RFC822"


class MailerLine(NamedTuple):
    """A mailer: its name, and its fields in their order (Sendmail Installation and Operation Guide, 5.4)."""

    name: str
    fields: list[tuple[str, str]]

    @property
    def text(self) -> str:
        """The line of the .cf; the third and following fields are on lines that continue it."""
        return f"M{self.name}, " + ",\n\t".join(f"{letter}={value}" for letter, value in self.fields)


def mailer_lines(facts: Facts, has: Callable[..., bool], argument: Callable[[str, int], str]) -> list[MailerLine]:
    """The lines of the mailers that the .mc asks for; local is always there."""
    asked = [fact.argument(1) for fact in facts.named("MAILER")]
    names = dict.fromkeys(["local", *(["smtp"] if has("nullclient", "msp") else []), *asked])
    lines = _Lines(facts, has, argument)
    makers = {"local": lines.local, "smtp": lines.smtp, "procmail": lines.procmail, "cyrusv2": lines.cyrusv2}
    makers["uucp"] = lambda: lines.uucp("smtp" in names)
    return [line for name in names if name in makers for line in makers[name]()]


class _Lines:
    """Makes the lines; ``changes`` are those of MODIFY_MAILER_FLAGS, by the word that it has for the mailer."""

    def __init__(self, facts: Facts, has: Callable[..., bool], argument: Callable[[str, int], str]) -> None:
        self._value = facts.values.get
        self._has = has
        self._argument = argument
        self._changes: dict[str, list[str]] = {}
        programs = [f.argument(1) for f in facts.named("FEATURE") if f.argument(1) in ("local_lmtp", "local_procmail")]
        self._speaks_lmtp = programs[-1:] == ["local_lmtp"]  # the last one counts
        for fact in facts.named("MODIFY_MAILER_FLAGS"):
            self._changes.setdefault(fact.argument(1), []).append(fact.argument(2))

    def _flags(self, given: str, word: str) -> str:
        """The flags after the changes of MODIFY_MAILER_FLAGS: +x adds, -x removes, others replace."""
        for change in self._changes.get(word, ()):
            if change.startswith("+"):
                given += "".join(flag for flag in change[1:] if flag not in given)
            elif change.startswith("-"):
                given = "".join(flag for flag in given if flag not in change[1:])
            else:
                given = change
        return given

    def _limits(self, prefix: str) -> list[tuple[str, str]]:
        known = (("M", "_MAX"), ("m", "_MAXMSGS"), ("r", "_MAXRCPTS"), ("C", "_CHARSET"))
        return [
            (field, value) for field, name in known if (value := self._value(f"{prefix}{name}")) is not None and value
        ]

    def _queue(self, name: str) -> list[tuple[str, str]]:
        """The queue group of a mailer, from NAME_QGRP."""
        group = self._value(f"{name}_QGRP")
        return [("Q", group)] if group else []

    def _local_program(self) -> tuple[str, str, str, str]:
        """Path, flags, arguments and type of diagnostics of the mailer local."""
        flags = self._value("LOCAL_MAILER_FLAGS")
        return (
            self._value("LOCAL_MAILER_PATH") or "/bin/mail",
            "Prmn9" if flags is None else flags,
            self._value("LOCAL_MAILER_ARGS") or "mail -d $u",
            self._value("LOCAL_MAILER_DSN_DIAGNOSTIC_CODE") or "X-Unix",
        )

    def local(self) -> list[MailerLine]:
        if self._has("msp"):
            return self._submission()
        path, flags, words, kind = self._local_program()
        base = "lsDFM5q" if self._has("nullclient") else "lsDFMAw5:/|@q"
        sender = "EnvFromSMTP/HdrFromL" if self._speaks_lmtp else "EnvFromL/HdrFromL"
        return [
            MailerLine(
                "local",
                [
                    ("P", path),
                    ("F", self._flags(base + flags, "LOCAL")),
                    ("S", sender),
                    ("R", "EnvToL/HdrToL"),
                    *self._limits("LOCAL_MAILER"),
                    *self._queue("LOCAL_MAILER"),
                    ("T", f"{_DELIVERS}/{kind}"),
                    ("A", words),
                ],
            ),
            MailerLine(
                "prog",
                [
                    ("P", self._value("LOCAL_SHELL_PATH") or "/bin/sh"),
                    ("F", self._flags(f"lsDFMoq{self._value('LOCAL_SHELL_FLAGS') or 'eu9'}", "SHELL")),
                    ("S", "EnvFromL/HdrFromL"),
                    ("R", "EnvToL/HdrToL"),
                    ("D", self._value("LOCAL_SHELL_DIR") or "$z:/"),
                    *[(name, value) for name, value in self._limits("LOCAL_MAILER") if name == "M"],
                    *self._queue("LOCAL_PROG"),
                    ("T", "X-Unix/X-Unix/X-Unix"),
                    ("A", self._value("LOCAL_SHELL_ARGS") or "sh -c $u"),
                ],
            ),
        ]

    def _submission(self) -> list[MailerLine]:
        """A submission program hands everything to a daemon, what is local as well."""
        both = [("S", "EnvFromL/HdrFromL"), ("R", "EnvToL/HdrToL")]
        end = ("A", "TCP $h")
        local, shell = ("T", f"{_DELIVERS}/SMTP"), ("T", "X-Unix/X-Unix/X-Unix")
        directory = ("D", self._value("LOCAL_SHELL_DIR") or "$z:/")
        return [
            MailerLine("local", [("P", "[IPC]"), ("F", self._flags("lmDFMuXkw5", "LOCAL")), *both, local, end]),
            MailerLine(
                "prog", [("P", "[IPC]"), ("F", self._flags("lmDFMuXk5", "SHELL")), *both, directory, shell, end]
            ),
        ]

    def _daemon(self) -> str:
        port = self._argument("msp", 2)
        return f"TCP $h{' 587' if port == 'MSA' else f' {port}' if port else ''}"

    def smtp(self) -> list[MailerLine]:
        full = self._has("nullclient", "allmasquerade")
        to = "EnvToSMTP/HdrFromSMTP" if full else "EnvToSMTP"
        relay_to = "MasqSMTP/MasqRelay" if full else "MasqSMTP"
        extra = self._value("SMTP_MAILER_FLAGS") or ""
        relay_extra = self._value("RELAY_MAILER_FLAGS")
        msp = self._has("msp")
        limits = self._limits("SMTP_MAILER")
        found = []
        for name, flags in (("smtp", ""), ("esmtp", "a"), ("smtp8", "8"), ("dsmtp", "a%")):
            words = self._value(f"{name.upper()}_MAILER_ARGS") or "TCP $h"
            found.append(self._outgoing(name, f"mDFMuX{flags}{'k5' if msp else ''}{extra}", to, "990", words, limits))
        flags = f"mDFMuXa8{'k' if msp else ''}{extra if relay_extra is None else relay_extra}"
        limits = [*self._limits("RELAY_MAILER"), *(limit for limit in limits if limit[0] == "r")]
        words = self._value("RELAY_MAILER_ARGS") or (self._daemon() if msp else "TCP $h")
        found.append(self._outgoing("relay", flags, relay_to, "2040", words, limits))
        return found

    def _outgoing(
        self, name: str, flags: str, to: str, line: str, words: str, limits: list[tuple[str, str]]
    ) -> MailerLine:
        return MailerLine(
            name,
            [
                ("P", "[IPC]"),
                ("F", self._flags(flags, name.upper())),
                ("S", "EnvFromSMTP/HdrFromSMTP"),
                ("R", to),
                ("E", "\\r\\n"),
                ("L", line),
                *limits,
                *self._queue(f"{name.upper()}_MAILER"),
                ("T", f"{_DELIVERS}/SMTP"),
                ("A", words),
            ],
        )

    def procmail(self) -> list[MailerLine]:
        flags = self._value("PROCMAIL_MAILER_FLAGS")
        return [
            MailerLine(
                "procmail",
                [
                    ("P", self._value("PROCMAIL_MAILER_PATH") or "/usr/local/bin/procmail"),
                    ("F", self._flags(f"DFM{'SPhnu9' if flags is None else flags}", "PROCMAIL")),
                    ("S", "EnvFromSMTP/HdrFromSMTP"),
                    ("R", "EnvToSMTP/HdrFromSMTP"),
                    *self._limits("PROCMAIL_MAILER"),
                    *self._queue("PROCMAIL_MAILER"),
                    ("T", f"{_DELIVERS}/X-Unix"),
                    ("A", self._value("PROCMAIL_MAILER_ARGS") or "procmail -Y -m $h $f $u"),
                ],
            )
        ]

    def cyrusv2(self) -> list[MailerLine]:
        flags = self._value("CYRUSV2_MAILER_FLAGS")
        return [
            MailerLine(
                "cyrusv2",
                [
                    ("P", "[IPC]"),
                    ("F", self._flags(f"lsDFMnqXz{'A@/:|m' if flags is None else flags}", "CYRUSV2")),
                    ("S", "EnvFromSMTP/HdrFromL"),
                    ("R", "EnvToL/HdrToL"),
                    ("E", "\\r\\n"),
                    *self._limits("CYRUSV2_MAILER"),
                    *self._queue("CYRUSV2_MAILER"),
                    ("T", f"{_DELIVERS}/SMTP"),
                    ("A", self._value("CYRUSV2_MAILER_ARGS") or "FILE /var/run/cyrus/socket/lmtp"),
                ],
            )
        ]

    def uucp(self, domains: bool) -> list[MailerLine]:
        """The mailers that hand over to uux; ``domains``: with those that write addresses with domains."""
        flags = self._value("UUCP_MAILER_FLAGS") or ""
        path = "FromU/FromU", "EnvToU/HdrToU"
        found = [("uucp", "DFMhuUd", *path), ("uucp-old", "DFMhuUd", *path)]
        found += [("suucp", "mDFMhuUd", *path), ("uucp-new", "mDFMhuUd", *path)]
        if domains:
            to = "EnvToSMTP/HdrFromSMTP" if self._has("nullclient", "allmasquerade") else "EnvToSMTP"
            found += [("uucp-dom", "mDFMhud", "EnvFromUD/HdrFromSMTP", to)]
            found += [("uucp-uudom", "mDFMhud", "EnvFromUUD/HdrFromSMTP", to)]
        words = self._value("UUCP_MAILER_ARGS") or "uux - -r -a$g -gC $h!rmail ($u)"
        charset = self._value("UUCP_MAILER_CHARSET")
        return [
            MailerLine(
                name,
                [
                    ("P", self._value("UUCP_MAILER_PATH") or "/usr/bin/uux"),
                    ("F", self._flags(own + flags, "UUCP")),
                    ("S", sender),
                    ("R", recipient),
                    ("M", self._value("UUCP_MAILER_MAX") or "100000"),
                    *([("C", charset)] if charset else []),
                    *self._queue("UUCP_MAILER"),
                    ("T", "X-UUCP/X-UUCP/X-Unix"),
                    ("A", words),
                ],
            )
            for name, own, sender, recipient in found
        ]
