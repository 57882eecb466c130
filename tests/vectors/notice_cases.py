"""Sessions about which the postmaster is told (notify_classes), for record_notices.py."""

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
    "smtpd_peername_lookup": "no",
    "notify_classes": "data, policy, protocol, resource, software",
}
HELLO = ["EHLO client.example"]
FROM, TO = "MAIL FROM:<ann@client.example>", "RCPT TO:<bob@example.com>"
ELSEWHERE = "RCPT TO:<x@elsewhere.example>"
MESSAGE = "Subject: one\n\nline 1\n."
GOOD = [*HELLO, FROM, TO, "DATA", MESSAGE]
CLASSES = ("data", "policy", "protocol", "resource", "software")


@dataclass(frozen=True)
class Case:
    """``session`` is what the client sends; ``!close`` hangs up, ``!silent`` waits until the server does."""

    name: str
    session: list[str]
    parameters: dict[str, str] = field(default_factory=dict)

    def inputs(self) -> dict[str, Any]:
        return {**asdict(self), "session": [store.brief(line) for line in self.session]}


def only(name: str) -> dict[str, str]:
    return {"notify_classes": name}


def cases() -> list[Case]:
    return [*_sessions(), *_by_class(), *_texts()]


MIXED = [*HELLO, "FOO", "MAIL FROM:<", FROM, ELSEWHERE, "RCPT TO:<soft@example.com>", "QUIT"]


def _sessions() -> list[Case]:
    busy = {"smtpd_recipient_restrictions": "check_recipient_access inline:{{soft@example.com=450 4.7.1 later}}"}
    return [
        Case("nothing wrong", [*GOOD, "QUIT"]),
        Case("relay denied", [*HELLO, FROM, ELSEWHERE, "QUIT"]),
        Case("relay denied, lost", [*HELLO, FROM, ELSEWHERE, "!close"]),
        Case("relay denied, then a message", [*HELLO, FROM, ELSEWHERE, TO, "DATA", MESSAGE, "QUIT"]),
        Case("deferred by access", [*HELLO, FROM, "RCPT TO:<soft@example.com>", "QUIT"], busy),
        Case("two transactions", [*HELLO, FROM, ELSEWHERE, "RSET", FROM, TO, "DATA", MESSAGE, "QUIT"]),
        Case("EHLO again", [*HELLO, FROM, ELSEWHERE, *HELLO, FROM, TO, "QUIT"]),
        Case("sender refused", [*HELLO, FROM, "QUIT"], {"smtpd_sender_restrictions": "reject", "smtpd_delay_reject": "no"}),
        Case("client refused", [*HELLO, FROM, "QUIT"], {"smtpd_client_restrictions": "reject", "smtpd_delay_reject": "no"}),
        Case("HELO refused", [*HELLO, FROM, "QUIT"], {"smtpd_helo_restrictions": "reject", "smtpd_delay_reject": "no"}),
        Case("DATA refused", [*GOOD, "QUIT"], {"smtpd_data_restrictions": "reject"}),
        Case("end refused", [*GOOD, "QUIT"], {"smtpd_end_of_data_restrictions": "reject"}),
        Case("header refused", [*GOOD, "QUIT"], {"header_checks": "inline:{{Subject: one=REJECT no}}"}),
        Case("user unknown", [*HELLO, FROM, "RCPT TO:<nobody@example.com>", "QUIT"], {"local_recipient_maps": "inline:{{a=b}}"}),
        Case("unknown command", [*HELLO, "FOO bar", "QUIT"]),
        Case("syntax of MAIL", [*HELLO, "MAIL FROM:<", "QUIT"]),
        Case("syntax of RCPT", [*HELLO, FROM, "RCPT TO:<a b c>", "QUIT"]),
        Case("no argument", ["HELO", "EHLO", "QUIT"]),
        Case("bad parameter", [*HELLO, FROM + " FOO=BAR", "QUIT"]),
        Case("nested MAIL", [*HELLO, FROM, FROM, "QUIT"]),
        Case("RCPT before MAIL", [*HELLO, TO, "QUIT"]),
        Case("DATA before RCPT", [*HELLO, FROM, "DATA", "QUIT"]),
        Case("no recipients left", [*HELLO, FROM, ELSEWHERE, "DATA", "QUIT"]),
        Case("an empty line", [*HELLO, "", "QUIT"]),
        Case("BDAT without RCPT", [*HELLO, FROM, "BDAT 4 LAST\nab", "QUIT"]),
        Case("VRFY without argument", [*HELLO, "VRFY", "QUIT"]),
        Case("HELO needed", [FROM, "QUIT"], {"smtpd_helo_required": "yes"}),
        Case("too many errors", [*HELLO, "FOO", "BAR", "BAZ"], {"smtpd_hard_error_limit": "2"}),
        Case("too many recipients", [*HELLO, FROM, TO, "RCPT TO:<carl@example.com>", "QUIT"], {"smtpd_recipient_limit": "1"}),
        Case("a forbidden command", ["GET / HTTP/1.0"]),
        Case("a header line", [*HELLO, "Subject: x"]),
        Case("lost at once", ["!close"]),
        Case("lost after EHLO", [*HELLO, "!close"]),
        Case("lost after MAIL", [*HELLO, FROM, "!close"]),
        Case("lost after RCPT", [*HELLO, FROM, TO, "!close"]),
        Case("lost in the content", [*HELLO, FROM, TO, "DATA", "!close"]),
        Case("silent", [*HELLO, "!silent"], {"smtpd_timeout": "1s"}),
        Case("silent in the content", [*HELLO, FROM, TO, "DATA", "!silent"], {"smtpd_timeout": "1s"}),
        Case("too big, announced", [*HELLO, FROM + " SIZE=100000", "QUIT"], {"message_size_limit": "1000"}),
        Case("too big", [*HELLO, FROM, TO, "DATA", "Subject: a\n\n" + f"{'x' * 70}\n" * 40 + ".", "QUIT"], {"message_size_limit": "1000"}),
        Case("no space", [*HELLO, FROM, TO, "QUIT"], {"queue_minfree": "9000000000000000000", "message_size_limit": "1"}),
        Case("an unknown restriction", [*HELLO, FROM, TO, "QUIT"], {"smtpd_recipient_restrictions": "no_such_thing, permit"}),
        Case("a table that fails", [*HELLO, FROM, TO, "QUIT"], {"smtpd_recipient_restrictions": "check_recipient_access fail:broken"}),
        Case("too many hops", [*HELLO, FROM, TO, "DATA", "Received: a\n" * 3 + "Subject: a\n\nb\n.", "QUIT"], {"hopcount_limit": "2"}),
        Case("no STARTTLS", [*HELLO, "STARTTLS", "QUIT"]),
        Case("no AUTH", [*HELLO, "AUTH PLAIN AGEAYg==", "QUIT"]),
        Case("ETRN", [*HELLO, "ETRN elsewhere.example", "QUIT"]),
        Case("mixed", MIXED),
    ]  # fmt: skip


def _by_class() -> list[Case]:
    fails = {"smtpd_recipient_restrictions": "check_recipient_access fail:broken"}
    found = [Case(f"{name} alone, mixed", MIXED, only(name)) for name in CLASSES]
    found += [
        Case(f"{name} alone, a table that fails", [*HELLO, FROM, TO, "QUIT"], {**only(name), **fails})
        for name in CLASSES
    ]
    found += [
        Case(
            f"{name} alone, no space",
            [*HELLO, FROM, "QUIT"],
            {**only(name), "queue_minfree": "9000000000000000000", "message_size_limit": "1"},
        )
        for name in CLASSES
    ]
    found += [
        Case(f"{name} alone, lost in the content", [*HELLO, FROM, TO, "DATA", "!close"], only(name)) for name in CLASSES
    ]
    found += [
        Case(
            f"{name} alone, an unknown restriction",
            [*HELLO, FROM, TO, "QUIT"],
            {**only(name), "smtpd_recipient_restrictions": "no_such_thing, permit"},
        )
        for name in CLASSES
    ]
    found += [
        Case(
            f"{name} alone, too many errors",
            [*HELLO, "FOO", "BAR", "BAZ"],
            {**only(name), "smtpd_hard_error_limit": "2"},
        )
        for name in CLASSES
    ]
    found += [
        Case(
            f"{name} alone, too many recipients",
            [*HELLO, FROM, TO, "RCPT TO:<carl@example.com>", "QUIT"],
            {**only(name), "smtpd_recipient_limit": "1"},
        )
        for name in CLASSES
    ]
    found += [
        Case(
            f"{name} alone, header refused",
            [*GOOD, "QUIT"],
            {**only(name), "header_checks": "inline:{{Subject: one=REJECT no}}"},
        )
        for name in CLASSES
    ]
    return found


def _texts() -> list[Case]:
    return [
        Case("another recipient", [*HELLO, FROM, ELSEWHERE, "QUIT"], {"error_notice_recipient": "root@elsewhere.example"}),
        Case("a recipient without domain", [*HELLO, FROM, ELSEWHERE, "QUIT"], {"error_notice_recipient": "watch"}),
        Case("another mail_name", [*HELLO, FROM, ELSEWHERE, "QUIT"], {"mail_name": "Mailer", "empty_address_recipient": "NOBODY", "double_bounce_sender": "twice"}),
        Case("many commands", [*HELLO, *["NOOP"] * 130, FROM, ELSEWHERE, "QUIT"]),
        Case("many commands after", [*HELLO, FROM, ELSEWHERE, *["NOOP"] * 130, "QUIT"]),
        Case("a long line", [*HELLO, FROM, "RCPT TO:<" + "x" * 300 + "@elsewhere.example>", "FOO " + "word " * 300, "QUIT"]),
        Case("other letters", [*HELLO, FROM, "RCPT TO:<x@elsewhere.example> \xe9", "FOO \xe9\x01\x7f", "QUIT"]),
        Case("XCLIENT", ["XCLIENT NAME=other.example ADDR=192.0.2.1", *HELLO, FROM, ELSEWHERE, "QUIT"]),
        Case("a message in between", [*GOOD, FROM, ELSEWHERE, "QUIT"]),
        Case("no classes", [*HELLO, FROM, ELSEWHERE, "QUIT"], only("")),
        Case("a footer", [*HELLO, FROM, ELSEWHERE, "QUIT"], {"smtpd_reject_footer": "call us"}),
        Case("soft_bounce", [*HELLO, FROM, ELSEWHERE, "QUIT"], {"soft_bounce": "yes"}),
        Case("without SMTPUTF8", [*HELLO, FROM, ELSEWHERE, "QUIT"], {"smtputf8_enable": "no"}),
        Case("with warnings alone", [*HELLO, FROM, TO, "QUIT"], {"smtpd_recipient_restrictions": "warn_if_reject, reject"}),
    ]  # fmt: skip
