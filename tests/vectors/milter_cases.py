"""Sessions of clients with mail filters, for record_milters.py."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from tests.vectors import store

FILTERS = 2
BASE = {
    "myhostname": "mail.example.com",
    "mydestination": "example.com",
    "local_recipient_maps": "",
    "smtpd_client_restrictions": "",
    "smtpd_relay_restrictions": "reject_unauth_destination",
    "smtpd_milters": "@FILTER0@",
    "smtpd_peername_lookup": "no",
    "virtual_alias_maps": "inline:{alias@example.com=one@example.com}",
}
Script = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """``filters`` are scripts (tests.milter_server), ``session`` what the client sends."""

    name: str
    filters: list[Script]
    session: list[str]
    parameters: dict[str, str] = field(default_factory=dict)
    tables: dict[str, str] = field(default_factory=dict)
    submitted: bool = False  # by sendmail(1), whose arguments the session is

    def inputs(self) -> dict[str, Any]:
        return {**asdict(self), "session": [store.brief(line) for line in self.session]}


HEADER = """\
Message-Id: <1@client.example>
Date: Mon, 30 Nov 2026 10:00:00 +0000
From: ann@client.example
To: bob@example.com
Subject: one
X-Twice: first
X-Folded: a
\tb
  c
X-twice:   second
X-Empty:
"""
MESSAGE = f"{HEADER}\nline 1\n\n..line 2\n."
HELLO = ["EHLO client.example"]
ENVELOPE = ["MAIL FROM:<ann@client.example> SIZE=100", "RCPT TO:<bob@example.com>"]
LONG = f"{HEADER}\n" + "".join(f"{number:07d} {'x' * 991}\n" for number in range(70)) + "."
NOWHERE = "unix:@TOP@/nobody"
REFUSED = {
    "smtpd_sender_restrictions": "check_sender_access inline:{bad@refused.example=REJECT}",
    "smtpd_recipient_restrictions": "check_recipient_access inline:{x@refused.example=REJECT}",
}
SENT = [*HELLO, *ENVELOPE, "DATA", MESSAGE, "QUIT"]


def answering(letter: str, *packets: str, **more: Any) -> Script:
    return {"answers": {letter: [list(packets)]}, **more}


def cases() -> list[Case]:
    return [
        *_plain(),
        *_at_each_step(),
        *_modifications(),
        *_negotiations(),
        *_failures(),
        *_several(),
        *_sessions(),
        *_parameters(),
    ]


def _plain() -> list[Case]:
    return [Case("everything passes", [{}], SENT)]


def _at_each_step() -> list[Case]:
    long = [*HELLO, *ENVELOPE, "RCPT TO:<carl@example.com>", "DATA", MESSAGE, "NOOP", *ENVELOPE, "QUIT"]
    return [
        Case(f"{letter}: {answer!r}", [answering(letter, answer)], long)
        for letter in "CHMRTLNBE"
        for answer in ("r", "t", "y550 5.7.9 no, thanks\0", "y421 4.7.9 go away\0", "d", "a", "4")
    ]


def _modifications() -> list[Case]:
    both = [*HELLO, *ENVELOPE, "RCPT TO:<alias@example.com>", "DATA", MESSAGE, "QUIT"]
    changes: list[tuple[str, ...]] = [
        ("hX-New\0value\0",),
        ("hX-New\0 spaced\0",),
        ("hX-New\0\0",),
        ("hX-New\0a\n\tb\0", "hX-Second\0c\r\nd\0"),
        ("i\0\0\0\0X-New\0top\0",),
        ("i\0\0\0\1X-New\0one\0",),
        ("i\0\0\0\2X-New\0two\0", "i\0\0\0\2X-Other\0two again\0"),
        ("i\0\0\0cX-New\0far\0",),
        ("m\0\0\0\1X-Twice\0changed\0",),
        ("m\0\0\0\2X-Twice\0changed\0",),
        ("m\0\0\0\3X-Twice\0added\0",),
        ("m\0\0\0\0X-Twice\0zero\0",),
        ("m\0\0\0\1X-Twice\0\0",),
        ("m\0\0\0\2x-twice\0\0", "m\0\0\0\1X-TWICE\0both\0"),
        ("m\0\0\0\1X-Absent\0\0",),
        ("m\0\0\0\1X-Absent\0new\0",),
        ("m\0\0\0\1X-Folded\0x\n y\0",),
        ("m\0\0\0\1Received\0mine\0", "i\0\0\0\0Received\0other\0"),
        ("hX-New\0one\0", "m\0\0\0\1X-New\0two\0", "hX-New\0three\0", "m\0\0\0\2X-New\0\0"),
        ("bnew body\r\nof two lines\r\n",),
        (
            "bin ",
            "bpieces\r",
            "\n".join(("b", "last")),
        ),
        ("b",),
        ("bnot\nreally\r.\r\n..\r\n",),
        ("+<carl@example.com>\0",),
        ("+carl@example.com\0", "+dora@elsewhere.example\0"),
        ("+<carl@example.com> NOTIFY=NEVER\0",),
        ("2<carl@example.com>\0NOTIFY=NEVER ORCPT=rfc822;x@y.example\0",),
        ("2<carl@example.com>\0",),
        ("2<carl@example.com>\0FOO=BAR\0",),
        ("+<>\0",),
        ("+no such (address\0",),
        ("-<bob@example.com>\0",),
        ("-bob@example.com\0", "-<alias@example.com>\0"),
        ("-<BOB@EXAMPLE.COM>\0",),
        ("-<one@example.com>\0",),
        ("-<nobody@example.com>\0",),
        ("-<bob@example.com>\0", "+<bob@example.com>\0"),
        ("e<new@sender.example>\0",),
        ("e<>\0",),
        ("enew@sender.example\0RET=HDRS ENVID=abc\0",),
        ("e<new@sender.example>\0SIZE=10\0",),
        ("qsuspicious\0",),
        ("q\0",),
        ("qone\0", "qtwo\0", "hX-New\0value\0"),
        ("p", "p", "hX-New\0value\0", "p"),
    ]
    found = [Case(f"changes: {packets!r}", [answering("E", *packets, "c")], both) for packets in changes]
    found += [
        Case("changes and a", [answering("E", "hX-New\0value\0", "a")], both),
        Case("changes and r", [answering("E", "hX-New\0value\0", "+<carl@example.com>\0", "r")], both),
        Case("changes and d", [answering("E", "hX-New\0value\0", "d")], both),
        Case("q and r", [answering("E", "qwhy\0", "r")], both),
        Case("q and d", [answering("E", "qwhy\0", "d")], both),
    ]
    return found


def _negotiations() -> list[Case]:
    more = [*HELLO, *ENVELOPE, "RCPT TO:<bob@elsewhere.example>", "DATA", MESSAGE, "FOO bar", "QUIT"]
    found = [
        Case(f"protocol {bit:#x}", [{"protocol": bit}], more, REFUSED) for bit in [1 << number for number in range(21)]
    ]
    found += [
        Case("no step is asked for", [{"protocol": 0x37F}], more),
        Case("no reply is given", [{"protocol": 0x1FF880 & ~0x100000}], more),
        Case("skips", [{"protocol": 0x400, "answers": {"B": [["s"]]}}], [*HELLO, *ENVELOPE, "DATA", LONG, "QUIT"]),
        Case("a long body", [{}], [*HELLO, *ENVELOPE, "DATA", LONG, "QUIT"]),
        Case("skips, unasked", [answering("B", "s")], [*HELLO, *ENVELOPE, "DATA", LONG, "QUIT"]),
        Case("version 2", [{"version": 2}], more),
        Case("version 3", [{"version": 3}], more),
        Case("version 4", [{"version": 4}], more),
        Case("version 7", [{"version": 7}], more),
        Case("version 1", [{"version": 1}], more),
        Case("no actions, but changes", [answering("E", "hX-New\0value\0", "c", actions=0)], SENT),
        Case("actions that are not offered", [{"actions": 0x3FF}], SENT),
        Case("steps that are not offered", [{"protocol": 0x200000}], SENT),
        Case(
            "lists of macros",
            [
                {
                    "symbols": {
                        "0": "j {client_addr}",
                        "1": "{helo} i",
                        "2": "{client_port}",
                        "3": "{nrcpts}",
                        "4": "x",
                        "5": "j",
                    }
                }
            ],
            SENT,
        ),
        Case("an empty list of macros", [{"symbols": {"0": "", "2": ""}}], SENT),
        Case("a list for no stage", [{"symbols": {"9": "j"}}], SENT),
        Case("a short greeting", [{"greeting": "O\0\0\0\6"}], SENT),
        Case("a greeting that is none", [{"greeting": "c"}], SENT),
    ]
    found += [
        Case(f"milter_protocol {version}", [{}], more, {"milter_protocol": version})
        for version in ("2", "3", "4", "6", "6 no_header_reply")
    ]
    return found


_LATE = ("qwhy\0", "p")  # which an answer has to follow


def _failures() -> list[Case]:
    long = [*HELLO, *ENVELOPE, "DATA", MESSAGE, "NOOP", *ENVELOPE, "QUIT"]
    broken = [
        "!close",
        "?unknown",
        "",
        "+<carl@example.com>\0",
        "h",
        "y",
        "y250 fine\0",
        "y55\0",
        "y550\0",
        "y550 5.7.1 two\r\nlines\0",
        "y550-a\r\n550 b\0",
        "y550 4.7.1 mixed\0",
        "y450 4.7.1 50%% of it\0",
        "y550 5.7.1 nul\0more\0",
        "!raw\xff\xff\xff\xff",
        "!raw\0\0\0\0",
        "!raw\0\0\0\3cab",
        "qwhy\0",
        "f",
        "p",
        "s",
        "l\0\0\0\0j\0",
    ]
    hasty = {"smtpd_milters": "{ @FILTER0@, command_timeout=1s }"}
    found = [
        Case(f"R answers {text!r}", [answering("R", text)], long, hasty if text in _LATE else {}) for text in broken
    ]
    found += [Case(f"{letter} hangs up", [answering(letter, "!close")], long) for letter in "CHMTLNBE"]
    found += [
        Case(f"E answers {text!r}", [answering("E", text, "c")], long)
        for text in (
            "h",
            "hX-New",
            "hX-New\0",
            "hX-New\0value",
            "hX: New\0value\0",
            "h\0value\0",
            "hX-Ctl\0a\1b\0",
            "i\0\0X",
            "m\0\0\0\1",
            "+",
            "-",
            "e",
            "q",
            "hX-New\0a\r\n\r\nbody\0",
            "hX-New\0a\nX-Injected: b\0",
            "hX-\xe9\0\xe9\0",
        )
    ]
    for action in ("tempfail", "accept", "reject", "quarantine"):
        parameters = {"milter_default_action": action}
        for letter in "CRBE":
            found.append(Case(f"{letter} hangs up, {action}", [answering(letter, "!close")], long, parameters))
        found.append(Case(f"a filter that is not there, {action}", [], long, {**parameters, "smtpd_milters": NOWHERE}))
        found.append(Case(f"O hangs up, {action}", [{"greeting": "!close"}], long, parameters))
    found += [
        Case("overrides", [], long, {"smtpd_milters": f"{{ {NOWHERE}, default_action=accept }}"}),
        Case(
            "overrides 2", [], long, {"smtpd_milters": f"{{ {NOWHERE}, default_action = reject, connect_timeout=10s }}"}
        ),
        Case("silent", [answering("M", "!silent")], long, {"smtpd_milters": "{ @FILTER0@, command_timeout=1s }"}),
        Case(
            "silent at the end",
            [answering("E", "!silent")],
            long,
            {"smtpd_milters": "{ @FILTER0@, content_timeout=1s, default_action=accept }"},
        ),
        Case(
            "silent when greeted",
            [{"greeting": "!silent"}],
            long,
            {"smtpd_milters": "{ @FILTER0@, connect_timeout=1s }"},
        ),
        Case("a bad address", [], long, {"smtpd_milters": "nonsense"}),
    ]
    return found


def _several() -> list[Case]:
    long = [*HELLO, *ENVELOPE, "RCPT TO:<carl@example.com>", "DATA", MESSAGE, "QUIT"]
    two = {"smtpd_milters": "@FILTER0@, @FILTER1@"}
    found = [Case("two filters", [{}, {}], long, two)]
    for letter in "CHMRTLBE":
        found += [
            Case(f"two filters, {letter}: {answer}", [answering(letter, answer), {}], long, two)
            for answer in ("a", "r", "d")
        ]
    found += [
        Case(
            "two filters, both change",
            [
                answering(
                    "E",
                    "hX-New\0one\0",
                    "m\0\0\0\1Subject\0two\0",
                    "bchanged\r\n",
                    "+<dora@example.com>\0",
                    "e<x@y.example>\0",
                    "c",
                ),
                answering("E", "m\0\0\0\1X-New\0three\0", "i\0\0\0\1X-Top\0four\0", "c"),
            ],
            long,
            two,
        ),
        Case("two filters, the second refuses", [{}, answering("R", "r")], long, two),
        Case("two filters, quarantine and discard", [answering("E", "qwhy\0", "c"), answering("E", "d")], long, two),
        Case(
            "two filters, the first is gone",
            [answering("M", "!close"), {}],
            long,
            {**two, "milter_default_action": "accept"},
        ),
        Case("two filters, one has no steps", [{"protocol": 0x37F}, {}], long, two),
    ]
    return found


def _sessions() -> list[Case]:
    return [
        Case("two messages", [{}], [*HELLO, *ENVELOPE, "DATA", MESSAGE, *ENVELOPE, "DATA", MESSAGE, "QUIT"]),
        Case("RSET", [{}], [*HELLO, *ENVELOPE, "RSET", *ENVELOPE, "RSET", "NOOP", "QUIT"]),
        Case("no HELO", [{}], [*ENVELOPE, "DATA", MESSAGE, "QUIT"]),
        Case("HELO twice", [{}], ["HELO client.example", *ENVELOPE, *HELLO, *ENVELOPE, "QUIT"]),
        Case("EHLO and RSET", [{}], [*HELLO, "RSET", *HELLO, "QUIT"]),
        Case(
            "unknown commands",
            [{}],
            ["FOO bar", *HELLO, "FOO", "VRFY bob@example.com", "NOOP", "XFOO a b", "ETRN example.com", "QUIT"],
        ),
        Case(
            "unknown commands, refused",
            [answering("U", "y550 5.0.0 what\0")],
            ["FOO bar", *HELLO, "FOO", *ENVELOPE, "BAR", "QUIT"],
        ),
        Case("unknown commands, t", [answering("U", "t")], ["FOO bar", *HELLO, "FOO", "QUIT"]),
        Case("unknown commands, r", [answering("U", "r")], ["FOO bar", *HELLO, "QUIT"]),
        Case("lost", [{}], [*HELLO, *ENVELOPE, "!close"]),
        Case("lost at once", [{}], ["!close"]),
        Case("QUIT at once", [{}], ["QUIT"]),
        Case(
            "refused sender",
            [{}],
            [
                *HELLO,
                "MAIL FROM:<bad@refused.example>",
                "MAIL FROM:<",
                "MAIL FROM:<a@b.example> FOO",
                *ENVELOPE,
                "QUIT",
            ],
            REFUSED,
        ),
        Case(
            "refused recipients",
            [{"protocol": 0x800}],
            [
                *HELLO,
                "MAIL FROM:<>",
                "RCPT TO:<x@refused.example>",
                "RCPT TO:<",
                "RCPT TO:<x@example.com> FOO",
                "RCPT TO:<bob@example.com> NOTIFY=NEVER ORCPT=rfc822;a@b.example",
                "DATA",
                MESSAGE,
                "QUIT",
            ],
            REFUSED,
        ),
        Case(
            "refused recipients, and the filter refuses",
            [{"protocol": 0x800, "answers": {"R": [["r"]]}}],
            [*HELLO, "MAIL FROM:<>", "RCPT TO:<x@refused.example>", "RCPT TO:<bob@example.com>", "DATA", "QUIT"],
            REFUSED,
        ),
        Case(
            "refused recipients alone",
            [{"protocol": 0x800}],
            [*HELLO, "MAIL FROM:<>", "RCPT TO:<x@refused.example>", "DATA", "QUIT"],
            REFUSED,
        ),
        Case("refused DATA", [{}], [*HELLO, *ENVELOPE, "DATA", "QUIT"], {"smtpd_data_restrictions": "reject"}),
        Case(
            "refused end",
            [{}],
            [*HELLO, *ENVELOPE, "DATA", MESSAGE, "QUIT"],
            {"smtpd_end_of_data_restrictions": "reject"},
        ),
        Case(
            "refused client",
            [{}],
            [*HELLO, *ENVELOPE, "QUIT"],
            {"smtpd_client_restrictions": "reject", "smtpd_delay_reject": "no"},
        ),
        Case(
            "refused HELO",
            [{}],
            [*HELLO, *ENVELOPE, "QUIT"],
            {"smtpd_helo_restrictions": "reject", "smtpd_delay_reject": "no"},
        ),
        Case("refused content", [{}], SENT, {"header_checks": "inline:{{X-Empty: = REJECT no}}"}),
        Case(
            "header checks change",
            [{}],
            SENT,
            {"header_checks": "regexp:@TOP@/checks"},
            {
                "checks": "/^X-Twice: first/ REPLACE X-Other: first\n"
                "/^X-Empty/ PREPEND X-Before: it\n/^Subject/ IGNORE\n"
            },
        ),
        Case("BDAT", [{}], [*HELLO, *ENVELOPE, "BDAT 12\nSubject: a\n", "BDAT 6 LAST\n\nabc", "QUIT"]),
        Case(
            "XCLIENT",
            [{}],
            [
                "XCLIENT NAME=client.example ADDR=192.0.2.1 PORT=4321 LOGIN=ann REVERSE_NAME=rev.example",
                *HELLO,
                *ENVELOPE,
                "QUIT",
            ],
        ),
        Case(
            "refused sender at once",
            [{}],
            [*HELLO, "MAIL FROM:<bad@refused.example>", *ENVELOPE, "QUIT"],
            {**REFUSED, "smtpd_delay_reject": "no"},
        ),
        Case("parameters", [{}], [*HELLO, "MAIL From:<ann@client.example> body=8bitmime size=7", "QUIT"]),
        Case("bad HELO", [{}], ["HELO", "EHLO a<b>(c)", "MAIL FROM: ann@client.example", "QUIT"]),
        Case(
            "XCLIENT with IPv6",
            [{}],
            ["XCLIENT NAME=[UNAVAILABLE] ADDR=IPV6:2001:db8::1 PORT=[UNAVAILABLE]", *HELLO, *ENVELOPE, "QUIT"],
            {"inet_protocols": "all"},
        ),
        Case(
            "XCLIENT as a refused one",
            [answering("C", "c", "r")],
            ["XCLIENT NAME=client.example ADDR=192.0.2.1", *HELLO, *ENVELOPE, "QUIT"],
        ),
        Case("no header", [{}], [*HELLO, *ENVELOPE, "DATA", "no header\nline 2\n.", "QUIT"]),
        Case("nothing at all", [{}], [*HELLO, *ENVELOPE, "DATA", "\n.", "QUIT"]),
        Case(
            "missing fields",
            [answering("E", "m\0\0\0\1Message-Id\0<x@y>\0", "m\0\0\0\1Date\0never\0", "m\0\0\0\1From\0x\0", "c")],
            [*HELLO, *ENVELOPE, "DATA", "Subject: a\n\nb\n.", "QUIT"],
            {"local_header_rewrite_clients": "static:all"},
        ),
        Case("a header alone", [{}], [*HELLO, *ENVELOPE, "DATA", "Subject: a\n.", "QUIT"]),
        Case(
            "Bcc and Return-Path",
            [{}],
            [*HELLO, *ENVELOPE, "DATA", "Bcc: x@y.example\nReturn-Path: <a@b>\nSubject: a\n\nb\n.", "QUIT"],
        ),
        Case(
            "the sender with domain to be completed",
            [{}],
            [
                *HELLO,
                "MAIL FROM:<ann>",
                "RCPT TO:<alias>",
                "RCPT TO:<BOB@Example.com>",
                'RCPT TO:<"x y"@example.com>',
                "DATA",
                MESSAGE,
                "QUIT",
            ],
        ),
        Case(
            "many lines",
            [answering("E", "i\0\0\0\1X-New\0one\0", "m\0\0\0\1X-Long\0short\0", "c")],
            [
                *HELLO,
                *ENVELOPE,
                "DATA",
                "X-Long: " + "word " * 50 + "\n\t" + "x" * 100 + "\nSubject: a\n\nb\n.",
                "QUIT",
            ],
        ),
    ]


_MACROS = (
    "daemon_name daemon_addr daemon_port client_addr client_port client_name client_ptr client_connections"
    " client_resolve if_addr if_name mail_addr mail_host mail_mailer rcpt_addr rcpt_host rcpt_mailer auth_authen"
    " auth_type auth_author tls_version cipher cipher_bits cert_subject cert_issuer helo own"
)


def _parameters() -> list[Case]:
    checks = {"milter_header_checks": "regexp:@TOP@/checks"}
    names = (
        "IGNORE",
        "REJECT no",
        "DISCARD",
        "HOLD",
        "WARN seen",
        "REPLACE X-Other: value",
        "REDIRECT carl@example.com",
        "FILTER smtp:[x]:1",
        "INFO seen",
        "PREPEND X-Before: it",
        "STRIP",
        "BCC carl@example.com",
        "DUNNO",
        "PASS",
    )
    found = [
        Case(
            f"milter_header_checks {action}",
            [answering("E", "hX-New\0value\0", "i\0\0\0\0X-Top\0v\0", "m\0\0\0\1Subject\0v\0", "c")],
            SENT,
            checks,
            {"checks": f"/^X-New/ {action}\n"},
        )
        for action in names
    ]
    macros = "j i v _ x " + " ".join(f"{{{name}}}" for name in _MACROS.split())
    everywhere = {
        f"milter_{stage}_macros": macros
        for stage in ("connect", "helo", "mail", "rcpt", "data", "end_of_header", "end_of_data", "unknown_command")
    }
    found += [
        Case(
            "macros everywhere",
            [{}],
            [*HELLO, "FOO", *ENVELOPE, "RCPT TO:<alias@example.com>", "DATA", MESSAGE, "FOO", "QUIT"],
            {
                **everywhere,
                "milter_macro_daemon_name": "ORIGINATING",
                "milter_macro_v": "version 1",
                "milter_macro_defaults": "own=self, {auth_type}=none",
            },
        ),
        Case("receive_override_options", [{}], SENT, {"receive_override_options": "no_milters"}),
        Case("smtpd_milter_maps, DISABLE", [{}], SENT, {"smtpd_milter_maps": "inline:{127.0.0.1=DISABLE}"}),
        Case(
            "smtpd_milter_maps, another",
            [{}, {}],
            SENT,
            {"smtpd_milter_maps": "inline:{127.0.0.0/8=@FILTER0@, 127.0.0.1=@FILTER1@}"},
        ),
        Case(
            "smtpd_milter_maps, cidr",
            [{}, {}],
            SENT,
            {"smtpd_milter_maps": "cidr:@TOP@/clients"},
            {"clients": "127.0.0.0/8 { @FILTER1@, default_action=accept }\n"},
        ),
        Case("smtpd_milter_maps, failing", [{}], SENT, {"smtpd_milter_maps": "fail:broken"}),
        Case(
            "XCLIENT and smtpd_milter_maps",
            [{}],
            ["XCLIENT ADDR=192.0.2.1", *SENT],
            {"smtpd_milter_maps": "inline:{192.0.2.1=DISABLE}"},
        ),
        Case("soft_bounce", [answering("R", "r")], SENT, {"soft_bounce": "yes"}),
        Case("a footer", [answering("R", "r")], SENT, {"smtpd_reject_footer": "call us"}),
        Case(
            "by sendmail(1)",
            [{}],
            ["-f", "ann@local.example", "bob@example.com", "carl@example.com", f"{HEADER}\nbody\n"],
            {"non_smtpd_milters": "@FILTER0@", "smtpd_milters": ""},
            submitted=True,
        ),
        Case(
            "by sendmail(1), without fields",
            [answering("E", "hX-New\0v\0", "c")],
            ["-f", "ann@local.example", "bob@example.com", "body\n"],
            {"non_smtpd_milters": "@FILTER0@", "smtpd_milters": ""},
            submitted=True,
        ),
    ]
    for letter in "CHMRTLNBE":
        for answer in ("r", "t", "d", "4"):
            found.append(
                Case(
                    f"by sendmail(1), {letter}: {answer}",
                    [answering(letter, answer)],
                    ["-f", "ann@local.example", "bob@example.com", f"{HEADER}\nbody\n"],
                    {"non_smtpd_milters": "@FILTER0@", "smtpd_milters": ""},
                    submitted=True,
                )
            )
    for action in ("tempfail", "accept", "reject", "quarantine"):
        found.append(
            Case(
                f"by sendmail(1), nobody there, {action}",
                [],
                ["-f", "ann@local.example", "bob@example.com", f"{HEADER}\nbody\n"],
                {"non_smtpd_milters": NOWHERE, "smtpd_milters": "", "milter_default_action": action},
                submitted=True,
            )
        )
    return found
