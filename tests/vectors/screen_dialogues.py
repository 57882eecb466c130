"""Clients that postscreen(8) tests; record_screen.py plays them to the real one, with the zone `DNS` in its network.

A case is settings and the sessions that come under them, one after the other, to a server that has been started for it.
A session is the last number of the client's address, and steps: what is sent at once. The greeting is read before the
first step, unless that is `EARLY`: then the next one is sent before anything is read. After `DEAF` nothing is read
until the next step. `END` ends what the client sends; the last step is followed by the end of the connection.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from tests.vectors.rate_dialogues import GOOD, HEADERS
from tests.vectors.smtp_dialogues import lines

EARLY = b"<early>"
END = b"<end>"
SECURE = b"<tls>"  # the client begins TLS
GONE = b"<gone>"  # the client hangs up, without a word

DNS = {
    "2.0.0.127.bl.example": {"A": ["127.0.0.2"]},
    "3.0.0.127.bl.example": {"A": ["127.0.0.4", "127.0.0.9"]},
    "4.0.0.127.bl.example": {"A": ["127.0.0.2"]},
    "2.0.0.127.other.example": {"A": ["127.0.0.3"]},
    "4.0.0.127.white.example": {"A": ["127.0.0.1"]},
    "5.0.0.127.white.example": {"A": ["127.0.0.1"]},
}


class Session(NamedTuple):
    client: int  # 127.0.0.N
    steps: list[bytes]
    held: int = 0  # further connections that the client has meanwhile


class Case(NamedTuple):
    settings: Mapping[str, str]
    sessions: list[Session]


E, MAIL, RCPT = "EHLO c.example", "MAIL FROM:<ann@b.test>", "RCPT TO:<x@localhost>"
WHOLE = lines(E, MAIL, RCPT, "QUIT")
HASTY = [EARLY, b"EHLO c.example\r\n"]


def by(client: int, *texts: str) -> Session:
    return Session(client, lines(*texts))


def plain(client: int) -> Session:
    return Session(client, WHOLE)


def hasty(client: int, *texts: str) -> Session:
    return Session(client, [*HASTY, *lines(*texts)])


TABLE = "cidr:{{127.0.0.2 permit} {127.0.0.3 reject} {127.0.0.4 dunno} {127.0.0.5 REJECT} {127.0.0.6 OK}}"
ACCESS = {"postscreen_access_list": f"permit_mynetworks {TABLE} cidr:{{{{127.0.0.4 reject}}}}"}
GREET = {"postscreen_greet_action": "enforce"}
LISTS = {"postscreen_dnsbl_sites": "bl.example"}
WEIGHED = {
    "postscreen_dnsbl_sites": "bl.example=127.0.0.[2..4]*2 bl.example=127.0.0.9*3 other.example*1, white.example*-4",
}
TLS = {
    "smtpd_tls_security_level": "may",
    "smtpd_tls_cert_file": "@TOP@/server.pem",
    "smtpd_tls_key_file": "@TOP@/server.key",
}
PROXY = {"postscreen_upstream_proxy_protocol": "haproxy", "postscreen_upstream_proxy_timeout": "1s"}
ACTIONS = ("ignore", "enforce", "drop")


def _with(*settings: Mapping[str, str], **more: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in settings:
        found |= each
    return found | {f"postscreen_{name}": value for name, value in more.items()}


def _deep(name: str, action: str) -> dict[str, str]:
    return {f"postscreen_{name}_enable": "yes", f"postscreen_{name}_action": action}


PIPELINED = [b"EHLO c.example\r\nMAIL FROM:<ann@b.test>\r\n", *lines(RCPT, "DATA", "QUIT")]
BARE = [b"EHLO c.example\n", *lines(MAIL), b"RCPT TO:<x@localhost>\n", *lines("QUIT")]
FOREIGN = lines(E, "Subject: spam", MAIL, RCPT, "QUIT")
CONNECT = lines(E, "CONNECT mail:25 HTTP/1.0", "QUIT")
POST = lines("GET / HTTP/1.0", "QUIT")

SCREENED: dict[str, Case] = {
    "passes": Case({}, [plain(2), plain(2), plain(3)]),
    "of my networks": Case({}, [plain(9)]),
    "hangs up": Case(GREET, [Session(2, [EARLY, GONE]), by(2, E)]),
    "speaks too early, to no effect": Case({}, [hasty(2, MAIL, RCPT, "QUIT"), hasty(2, "QUIT")]),
    "speaks too early, refused": Case(GREET, [hasty(2, MAIL, RCPT, RCPT, "DATA", "QUIT"), hasty(2, "QUIT"), plain(2)]),
    "speaks too early, dropped": Case(_with(greet_action="drop"), [hasty(2), plain(2)]),
    "speaks too early, without a banner": Case(_with(GREET, greet_banner=""), [hasty(2, "QUIT"), plain(3)]),
    "speaks too early, a long time": Case(
        _with(GREET), [Session(2, [EARLY, b"\x16\x03\x01\0\0" + b"x" * 300 + b"\r\n", *lines("QUIT")])]
    ),
    "a banner of its own": Case(_with(GREET, greet_banner="$myhostname wait\\here"), [plain(2)]),
    **{
        f"access list, {action}": Case(
            _with(ACCESS, denylist_action=action), [plain(client) for client in (2, 3, 4, 5, 6, 7, 9)]
        )
        for action in ACTIONS
    },
    "access list, static": Case(_with(access_list="static:reject", denylist_action="drop"), [plain(2)]),
    "access list, without a table": Case(
        _with(access_list="cidr:/nowhere/table, reject", denylist_action="drop"), [plain(2)]
    ),
    "access list, reject": Case(_with(access_list="reject", denylist_action="drop"), [plain(2), plain(9)]),
    "access list, permit": Case(_with(GREET, access_list="permit"), [hasty(2, "QUIT")]),
    "access list, odd value": Case(_with(access_list="static:maybe", denylist_action="drop"), [plain(2)]),
    "denied, and early": Case(_with(ACCESS, GREET, denylist_action="enforce"), [hasty(3, MAIL, RCPT, "QUIT")]),
    "denied, early dropped": Case(
        _with(ACCESS, denylist_action="enforce", greet_action="drop"), [hasty(3, MAIL, RCPT, "QUIT")]
    ),
    **{
        f"listed, {action}": Case(_with(LISTS, dnsbl_action=action), [plain(client) for client in (2, 3, 5, 2)])
        for action in ACTIONS
    },
    **{
        f"weights, threshold {threshold}": Case(
            _with(WEIGHED, dnsbl_action="enforce", dnsbl_threshold=str(threshold)),
            [plain(client) for client in (2, 3, 4, 5)],
        )
        for threshold in (1, 3, 5, 6)
    },
    "allowed by lists": Case(
        _with(WEIGHED, GREET, dnsbl_action="enforce", dnsbl_allowlist_threshold="-2", non_smtp_command_enable="yes"),
        [plain(4), plain(5), hasty(5, "QUIT"), plain(2)],
    ),
    "reply map": Case(
        _with(LISTS, dnsbl_action="enforce", dnsbl_reply_map="inline:{bl.example=hidden.example}"), [plain(2)]
    ),
    "reply map, dropped": Case(
        _with(LISTS, dnsbl_action="drop", dnsbl_reply_map="inline:{bl.example=hidden.example}"), [plain(2)]
    ),
    "listed and early": Case(_with(LISTS, GREET, dnsbl_action="enforce"), [hasty(2, MAIL, RCPT, "QUIT")]),
    "listed and early, dropped": Case(
        _with(LISTS, dnsbl_action="enforce", greet_action="drop"), [hasty(2, MAIL, RCPT, "QUIT")]
    ),
    "listed dropped, and early": Case(
        _with(LISTS, GREET, dnsbl_action="drop"), [hasty(2, MAIL, RCPT, "QUIT"), plain(2)]
    ),
    "denied, and listed": Case(_with(LISTS, ACCESS, dnsbl_action="enforce", denylist_action="enforce"), [plain(3)]),
    "lists that cannot be asked": Case(
        {"postscreen_dnsbl_sites": "servfail.example*3, bl.example", "postscreen_dnsbl_action": "enforce"}, [plain(5)]
    ),
    **{
        f"pipelining, {action}": Case(
            _deep("pipelining", action),
            [Session(2, PIPELINED), plain(2), plain(3), plain(3), Session(3, PIPELINED)],
        )
        for action in ACTIONS
    },
    **{
        f"bare newlines, {action}": Case(_deep("bare_newline", action), [Session(2, BARE), plain(2), plain(2)])
        for action in ACTIONS
    },
    **{
        f"other commands, {action}": Case(
            _deep("non_smtp_command", action),
            [Session(2, FOREIGN), Session(2, CONNECT), Session(2, POST), plain(2), plain(2)],
        )
        for action in ACTIONS
    },
    "all deep tests": Case(
        {**_deep("pipelining", "enforce"), **_deep("non_smtp_command", "enforce"), **_deep("bare_newline", "enforce")},
        [
            Session(2, PIPELINED),
            Session(2, BARE),
            Session(2, FOREIGN),
            by(2, E, MAIL, "QUIT"),
            by(2, E, MAIL, RCPT),
            plain(2),
        ],
    ),
    "deep tests that are not done": Case(_deep("pipelining", "enforce"), [by(2, E), by(2, "QUIT"), by(2, E, "QUIT")]),
    "commands": Case(
        _with(GREET, command_count_limit="100"),
        [
            hasty(
                2, "HELO", "EHLO", "HELO x", "NOOP", "NOOP x", "RSET", "RSET x", "VRFY", "VRFY ann", "ETRN", "ETRN x"
            ),
            hasty(2, "HELP", "FOO", "", " ", "EXPN x", "AUTH PLAIN", "STARTTLS", "XCLIENT NAME=x", "XFORWARD NAME=x"),
            hasty(2, "RCPT", RCPT, "MAIL", "MAIL FROM:", "MAIL FROM", "MAIL x", "MAIL FROM:<>", MAIL, "RCPT TO"),
            hasty(2, MAIL, "RCPT TO:", "RCPT TO:<a b>", "rcpt to: x@localhost NOTIFY=NEVER", "RCPT FROM:<x>", "RCPT x"),
            hasty(
                2,
                MAIL,
                "RCPT  TO:  <x@localhost>  FOO",
                "RSET",
                RCPT,
                "MAIL FROM: ann SIZE=1",
                RCPT,
                f"EHLO {'d' * 300}",
                RCPT,
            ),
            hasty(
                2, "mail from:<b@b.test>", "RCPT TO:<y@localhost>", "RCPT TO:<<y>@localhost>", "RCPT TO:<>", "QUIT x"
            ),
            hasty(
                2,
                "  NOOP",
                "NOOP\t",
                "no\0op",
                "MAIL FROM:<\x7f\u00e9@b.test>",
                "RCPT TO:<\x01y>",
                "HELO a b",
                "VRFY a b",
                RCPT,
            ),
            hasty(2, "DATA"),
            hasty(2, "DATA x", "DATA"),
            hasty(2, MAIL, RCPT, "BDAT", "BDAT x", "BDAT 1 x", "BDAT 3 LAST"),
            hasty(2, "BDAT 3 LAST"),
            hasty(2, MAIL, "BDAT 3"),
        ],
    ),
    "the talk without deep tests": Case(
        GREET,
        [
            Session(2, [EARLY, b"EHLO c.example\r\nMAIL FROM:<ann@b.test>\r\n", *lines(RCPT, "QUIT")]),
            Session(2, [*HASTY, b"MAIL FROM:<ann@b.test>\r\nRCPT TO:<x@localhost>\r\nQUIT\r\n"]),
            Session(2, [EARLY, b"EHLO c.example\n", *lines(MAIL, RCPT, "QUIT")]),
            hasty(2, "Subject: x"),
            hasty(2, "GET / HTTP/1.0"),
            Session(2, [EARLY, b"EHLO c.exa", b"mple\r", b"\n", *lines("QUIT")]),
        ],
    ),
    "allowed by lists, and early": Case(
        _with(WEIGHED, GREET, dnsbl_action="enforce", dnsbl_allowlist_threshold="-4"),
        [hasty(5, "QUIT"), hasty(4, MAIL, RCPT, "QUIT")],
    ),
    "access list, dunno": Case(_with(access_list="dunno, reject", denylist_action="drop"), [plain(2)]),
    "access list, nested": Case(
        _with(
            access_list="inline:{127.0.0.2=inline:{127.0.0.2=reject}}, static:{dunno,permit_mynetworks}, "
            "static:{PERMIT}, reject",
            denylist_action="drop",
        ),
        [plain(2), plain(9), plain(3)],
    ),
    "two tests that are ignored": Case(
        {**_deep("pipelining", "ignore"), **_deep("bare_newline", "enforce"), **_deep("non_smtp_command", "ignore")},
        [
            Session(
                2,
                [
                    b"EHLO c.example\r\nMAIL FROM:<ann@b.test>\r\n",
                    *lines("Subject: x", "Date: y"),
                    b"RCPT TO:<x@localhost>\n",
                    *lines("QUIT"),
                ],
            ),
            Session(
                2,
                [
                    b"EHLO c.example\r\nMAIL FROM:<ann@b.test>\r\n",
                    *lines("Subject: x", "Date: y"),
                    *lines(RCPT, "QUIT"),
                ],
            ),
            plain(2),
        ],
    ),
    "one deep test, and other faults": Case(
        _deep("pipelining", "enforce"),
        [
            Session(2, [b"EHLO c.example\n", *lines("Subject: x", "GET / HTTP/1.0", MAIL, "VRFY x", RCPT, "QUIT")]),
            plain(2),
            by(3, "MAIL", "MAIL x", "MAIL FROM", "VRFY", "VRFY x", "ETRN x", "DATA"),
            by(4, MAIL, "BDAT x"),
            by(5, "BDAT 1 2 3"),
        ],
    ),
    "another deep test, and other faults": Case(
        _deep("bare_newline", "enforce"),
        [Session(2, PIPELINED), by(2, E, "Subject: x", "GET / HTTP/1.0", MAIL, RCPT, "QUIT"), plain(2)],
    ),
    "soft bounce, dropped": Case(
        _with(LISTS, ACCESS, {"soft_bounce": "yes"}, dnsbl_action="drop", denylist_action="drop", greet_action="drop"),
        [plain(2), plain(3), hasty(7, "QUIT")],
    ),
    "soft bounce, in the talk": Case(
        _with(GREET, {"soft_bounce": "yes"}),
        [hasty(2, "FOO", "MAIL", "VRFY x", MAIL, RCPT, "DATA"), hasty(2, "GET / x")],
    ),
    "too slow": Case(
        _with(_deep("bare_newline", "enforce"), command_time_limit="2"),
        [Session(2, [*lines(E), b""]), Session(3, [b"EHLO", b""])],
    ),
    "under TLS": Case(
        {**TLS, **_deep("bare_newline", "enforce")},
        [
            Session(2, [*lines(E, "STARTTLS x", "STARTTLS"), SECURE, *lines(E, MAIL, RCPT, "STARTTLS", "QUIT")]),
            Session(2, [*lines(E, "STARTTLS"), SECURE, *lines(E, MAIL, RCPT, "QUIT")]),
            Session(3, [*lines(E, "STARTTLS"), SECURE, b"EHLO c.example\n", *lines(MAIL, RCPT, "QUIT")]),
            Session(3, [*lines(E), b"STARTTLS\r\nMAIL FROM:<>\r\n", SECURE, *lines(RCPT, "QUIT")]),
            Session(4, [*lines(E, "STARTTLS", "NOOP")]),
        ],
    ),
    "behind a proxy": Case(
        {**PROXY, **GREET},
        [
            Session(2, [EARLY, GOOD, *WHOLE]),
            Session(2, [EARLY, GOOD, *WHOLE]),
            Session(2, [EARLY, HEADERS["second, four"] + b"EHLO c.example\r\n", *lines("QUIT")]),
            Session(2, [EARLY, HEADERS["second, local"], *WHOLE]),
            Session(2, [EARLY, HEADERS["unknown"], *WHOLE]),
            Session(2, [EARLY, b"EHLO c.example\r\n", *WHOLE]),
            Session(2, [EARLY, b"", *WHOLE]),
            Session(2, [EARLY, GONE]),
        ],
    ),
    "behind another proxy": Case(
        {**PROXY, "postscreen_upstream_proxy_protocol": "HAProxy"}, [Session(2, [EARLY, GOOD])]
    ),
    "TLS is needed": Case(
        {**TLS, **_deep("bare_newline", "enforce"), "postscreen_tls_security_level": "encrypt"},
        [
            by(2, E, "NOOP", MAIL, "VRFY x", RCPT, "DATA"),
            Session(3, [*lines(E, "STARTTLS"), SECURE, *lines(E, MAIL, RCPT, "QUIT")]),
        ],
    ),
    "denied, deep tests": Case(
        _with(ACCESS, _deep("bare_newline", "enforce"), denylist_action="enforce"), [Session(3, BARE), plain(3)]
    ),
    "of lists, ignored, deep tests": Case(_with(LISTS, _deep("bare_newline", "enforce")), [plain(2), plain(2)]),
    "early, ignored, deep tests": Case(_deep("bare_newline", "enforce"), [hasty(2, MAIL, RCPT, "QUIT"), plain(2)]),
    "commands, without a greeting": Case(
        _with(GREET, helo_required="yes"),
        [Session(2, [EARLY, *lines("MAIL FROM:<>", "RCPT TO:<x@localhost>", "EHLO x", "MAIL FROM:<>", RCPT, "QUIT")])],
    ),
    "commands, and no need of a greeting": Case(
        GREET, [Session(2, [EARLY, *lines("MAIL FROM:<ann@b.test>", RCPT, "HELO x", RCPT, MAIL, RCPT, "QUIT")])]
    ),
    "too many commands": Case(_with(GREET, command_count_limit="3"), [hasty(2, "NOOP", "NOOP", "NOOP", "QUIT")]),
    "a long line": Case(GREET, [Session(2, [*HASTY, b"NOOP " + b"x" * 3000 + b"\r\n", *lines("QUIT")])]),
    "no keywords": Case(
        {**GREET, "postscreen_discard_ehlo_keywords": "size, VRFY, 8bitmime, chunking"}, [hasty(2, "QUIT")]
    ),
    "no keywords for some": Case(
        {**GREET, "postscreen_discard_ehlo_keyword_address_maps": "cidr:{{127.0.0.2 dsn smtputf8}}"},
        [hasty(2, "QUIT"), hasty(3, "QUIT")],
    ),
    "other settings": Case(
        {
            **GREET,
            "message_size_limit": "0",
            "disable_vrfy_command": "yes",
            "smtputf8_enable": "no",
            "postscreen_forbidden_commands": "noop, foo",
            "postscreen_command_filter": "pcre:{{/^RSET x/ NOOP} {/^HELP/ QUIT}}",
        },
        [hasty(2, "NOOP", "VRFY x", "RSET x", "RSET", "HELP"), hasty(2, "FOO")],
    ),
    "a footer": Case(
        _with(GREET, reject_footer="call $client_address:$client_port at $server_name"),
        [hasty(2, MAIL, RCPT, "FOO", "QUIT")],
    ),
    "soft bounce": Case(
        _with(GREET, LISTS, {"soft_bounce": "yes"}, dnsbl_action="enforce"), [plain(2), hasty(3, MAIL, RCPT)]
    ),
    "too many connections": Case(
        _with(_deep("bare_newline", "enforce"), client_connection_count_limit="2"),
        [Session(2, lines(E), 1), Session(2, lines(E), 2)],
    ),
    "too many clients": Case(
        _with(_deep("bare_newline", "enforce"), pre_queue_limit="10"),
        [Session(2, lines(E), 8), Session(2, lines(E), 9)],
    ),
    "headers instead of commands": Case(
        _with(GREET, _deep("non_smtp_command", "drop"), forbidden_commands="foo"),
        [by(2, E, "Subject: x"), by(2, E, "FOO"), by(2, E, "bar: x"), by(2, E, "X-a b: c"), by(2, E, ": c", "QUIT")],
    ),
}
