"""Sessions of clients whose mail passes a proxy before it is queued, for record_proxy_filters.py."""

# ruff: noqa: E501 - a case is a line

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from tests.vectors import store

BASE = {
    "myhostname": "mail.example.com",
    "mydestination": "example.com",
    "local_recipient_maps": "",
    "smtpd_client_restrictions": "",
    "smtpd_relay_restrictions": "reject_unauth_destination",
    "smtpd_proxy_filter": "@FILTER@",
    "smtpd_peername_lookup": "no",
}
Script = dict[str, Any]
HELLO = ["EHLO client.example"]
FROM, TO = "MAIL FROM:<ann@client.example>", "RCPT TO:<bob@example.com>"
MESSAGE = "Message-Id: <1@client.example>\nSubject: one\n\nline 1\n..line 2\n."
SENT = [*HELLO, FROM, TO, "DATA", MESSAGE, "QUIT"]
AGAIN = [*SENT[:-1], "NOOP", FROM, TO, "DATA", MESSAGE, "QUIT"]
ADJUSTED = {"smtpd_proxy_options": "speed_adjust"}
HASTY = {"smtpd_proxy_timeout": "1s"}


@dataclass(frozen=True)
class Case:
    """``filter`` is the script (tests.proxy_server), None where nothing listens; ``session`` what the client sends."""

    name: str
    filter: Script | None
    session: list[str]
    parameters: dict[str, str] = field(default_factory=dict)

    def inputs(self) -> dict[str, Any]:
        return {**asdict(self), "session": [store.brief(line) for line in self.session]}


def cases() -> list[Case]:
    """Each of them at the client's pace, and once more at the filter's."""
    found = [*_plain(), *_refusals(), *_failures(), *_sessions(), *_parameters()]
    adjusted = [
        Case(f"speed_adjust, {case.name}", case.filter, case.session, {**case.parameters, **ADJUSTED}) for case in found
    ]
    return [*found, *adjusted]


def at(verb: str, *answers: str) -> Script:
    return {"answers": {verb: list(answers)}}


def _plain() -> list[Case]:
    return [
        Case("everything passes", {}, SENT),
        Case("parameters", {}, [
            *HELLO,
            "MAIL FROM:<ann@client.example> SIZE=100 BODY=8BITMIME RET=HDRS ENVID=abc",
            "RCPT TO:<bob@example.com> NOTIFY=NEVER ORCPT=rfc822;bob@example.com",
            "rcpt to: <CARL@example.com>",
            "DATA", MESSAGE, "QUIT",
        ]),
        Case("null sender", {}, [*HELLO, "MAIL FROM:<>", TO, "DATA", MESSAGE, "QUIT"]),
        Case("HELO", {}, ["HELO client.example", FROM, TO, "DATA", MESSAGE, "QUIT"]),
        Case("BDAT", {}, [*HELLO, FROM, TO, "BDAT 12\nSubject: a", "BDAT 8 LAST\n\n.b\n", "QUIT"]),
        Case("no header", {}, [*HELLO, FROM, TO, "DATA", "no header\n\n...\n.", "QUIT"]),
        Case("nothing at all", {}, [*HELLO, FROM, TO, "DATA", ".", "QUIT"]),
        Case("long lines", {}, [*HELLO, FROM, TO, "DATA", "Subject: a\n\n" + "x" * 5000 + "\n.", "QUIT"]),
        Case("SMTPUTF8", {}, [*HELLO, FROM + " SMTPUTF8", TO, "DATA", MESSAGE, "QUIT"]),
        Case("fields that go", {}, [*HELLO, FROM, TO, "DATA", "Bcc: a@b.example\nReturn-Path: <a@b>\n\nb\n.", "QUIT"]),
    ]  # fmt: skip


def _refusals() -> list[Case]:
    replies = (
        "550 5.7.1 no", "450 4.7.1 later", "421 4.7.0 going away", "550-5.7.1 no\n550 5.7.1 never",
        "354 go on", "250 fine", "550 no status", "251 2.1.5 other", "221 bye",
    )  # fmt: skip
    found = [
        Case(f"{verb}: {reply!r}", at(verb, reply), AGAIN)
        for verb in ("MAIL", "RCPT", "DATA", ".")
        for reply in replies
    ]
    return [
        *found,
        *[Case(f"EHLO: {reply!r}", at("EHLO", reply), SENT) for reply in ("550 5.7.1 no", "450 4.7.1 later", "250 x", "250-x\n250 XFORWARD NAME ADDR")],
        *[Case(f"EHLO and HELO: {reply!r}", {"answers": {"EHLO": ["500 5.5.1 what"], "HELO": [reply]}}, SENT) for reply in ("250 x", "550 no")],
        *[Case(f"XFORWARD: {reply!r}", at("XFORWARD", reply), SENT) for reply in ("550 5.7.1 no", "450 4.7.1 later", "421 4.7.0 bye")],
        *[Case(f"greeting: {reply!r}", {"greeting": reply}, AGAIN) for reply in ("554 5.7.1 no", "450 4.7.1 later", "421 4.7.0 bye", "220-a\n220 b", "250 odd")],
        Case("the second recipient", at("RCPT", "250 2.1.5 fine", "550 5.1.1 who"), [*HELLO, FROM, TO, "RCPT TO:<carl@example.com>", "RCPT TO:<dora@example.com>", "DATA", MESSAGE, "QUIT"]),
        Case("the first recipient", at("RCPT", "450 4.1.1 later", "250 2.1.5 fine"), [*HELLO, FROM, TO, "RCPT TO:<carl@example.com>", "DATA", MESSAGE, "QUIT"]),
        Case("no recipient", at("RCPT", "550 5.1.1 who"), [*HELLO, FROM, TO, "DATA", MESSAGE, "QUIT"]),
    ]  # fmt: skip


def _failures() -> list[Case]:
    odd = (
        "!close",
        "!rawgarbage\r\n",
        "!raw250 cut",
        "!raw\r\n",
        "!raw999 what\r\n",
        "!raw250-" + "x" * 300 + "\r\n250 y\r\n",
    )
    found = [
        Case(f"{verb} answers {reply[:20]!r}", {"greeting": reply} if verb == "greeting" else at(verb, reply), AGAIN, HASTY)
        for verb in ("greeting", "EHLO", "XFORWARD", "MAIL", "RCPT", "DATA", ".")
        for reply in odd
    ]  # fmt: skip
    silent = [
        Case(f"{verb} is not answered", {"greeting": "!silent"} if verb == "greeting" else at(verb, "!silent"), AGAIN, HASTY)
        for verb in ("greeting", "EHLO", "XFORWARD", "MAIL", "RCPT", "DATA", ".")
    ]  # fmt: skip
    return [*found, *silent, Case("nothing listens", None, AGAIN, HASTY)]


def _sessions() -> list[Case]:
    return [
        Case("two messages", {}, AGAIN),
        Case("RSET", {}, [*HELLO, FROM, TO, "RSET", FROM, TO, "DATA", MESSAGE, "QUIT"]),
        Case("EHLO again", {}, [*HELLO, FROM, TO, *HELLO, FROM, TO, "QUIT"]),
        Case("QUIT before DATA", {}, [*HELLO, FROM, TO, "QUIT"]),
        Case("lost before DATA", {}, [*HELLO, FROM, TO, "!close"]),
        Case("lost in the content", {}, [*HELLO, FROM, TO, "DATA", "!close"]),
        Case("no recipient that we take", {}, [*HELLO, FROM, "RCPT TO:<x@elsewhere.example>", "DATA", MESSAGE, "QUIT"]),
        Case("one recipient that we do not take", {},
             [*HELLO, FROM, "RCPT TO:<x@elsewhere.example>", TO, "DATA", MESSAGE, "QUIT"]),
        Case("XCLIENT", {}, ["XCLIENT NAME=client.example ADDR=192.0.2.1 PORT=4321 HELO=other.example PROTO=SMTP LOGIN=ann", *SENT]),
        Case("XCLIENT, nothing known", {}, ["XCLIENT NAME=[UNAVAILABLE] ADDR=192.0.2.1", *SENT]),
        Case("XFORWARD", {}, ["XFORWARD NAME=first.example ADDR=192.0.2.9 PORT=99 HELO=first PROTO=ESMTP IDENT=abc SOURCE=REMOTE", *SENT],
             {"smtpd_authorized_xforward_hosts": "127.0.0.1"}),
        Case("XFORWARD of all", {}, [*HELLO, "XFORWARD NAME=first.example ADDR=192.0.2.9 PORT=99", "XFORWARD HELO=first PROTO=SMTP IDENT=abc SOURCE=REMOTE", *SENT[1:]],
             {"smtpd_authorized_xforward_hosts": "127.0.0.1"}),
        Case("XFORWARD of some", {}, [*HELLO, "XFORWARD NAME=first.example ADDR=192.0.2.9", *SENT[1:-1], FROM, TO, "DATA", MESSAGE, "QUIT"],
             {"smtpd_authorized_xforward_hosts": "127.0.0.1"}),
        Case("VRFY and NOOP", {}, [*HELLO, FROM, TO, "NOOP", "VRFY bob@example.com", "DATA", MESSAGE, "QUIT"]),
        Case("the filter has ended between two messages", at(".", "250 2.0.0 fine", "!close"), AGAIN),
    ]  # fmt: skip


def _parameters() -> list[Case]:
    found = [
        Case("smtpd_proxy_ehlo", {}, SENT, {"smtpd_proxy_ehlo": "proxied.example"}),
        Case("too big", {}, [*SENT[:-2], "Subject: a\n\n" + f"{'x' * 70}\n" * 40 + ".", "QUIT"], {"message_size_limit": "1000"}),
        Case("data restrictions", {}, SENT, {"smtpd_data_restrictions": "reject"}),
        Case("end of data restrictions", {}, SENT, {"smtpd_end_of_data_restrictions": "reject"}),
        Case("soft_bounce", at("RCPT", "550 5.1.1 who"), SENT, {"soft_bounce": "yes"}),
        Case("soft_bounce at the end", at(".", "550 5.7.1 no"), SENT, {"soft_bounce": "yes"}),
        Case("a footer", at("RCPT", "550 5.1.1 who"), SENT, {"smtpd_reject_footer": "call us"}),
        Case("a footer at the end", at(".", "550 5.7.1 no"), SENT, {"smtpd_reject_footer": "call us"}),
        Case("header_checks", {}, SENT, {"header_checks": "inline:{{Subject: one = REJECT no}}"}),
        Case("inet:", {}, SENT, {"smtpd_proxy_filter": "inet:@FILTER@"}),
        Case("no_address_mappings", {}, SENT, {"receive_override_options": "no_address_mappings"}),
    ]  # fmt: skip
    for action in (
        "HOLD",
        "DISCARD",
        "FILTER smtp:[x]:1",
        "REDIRECT a@b.example",
        "PREPEND X-New: v",
        "BCC a@b.example",
        "WARN seen",
    ):
        checks = {"smtpd_recipient_restrictions": f"check_recipient_access inline:{{{{bob@example.com={action}}}}}"}
        found.append(Case(f"access {action}", {}, SENT, checks))
    return found
