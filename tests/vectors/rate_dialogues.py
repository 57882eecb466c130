"""Clients that come too often, or do too much, and clients behind a proxy; record_rates.py plays them to smtpd(8).

A case is settings and the sessions that come under them, one after the other, to a server that has been started for it.
A session is steps as in auth_dialogues.py; the greeting is read before the first, unless that is `BEFORE_GREETING`.
`BYTEWISE` has the bytes of the next step sent one by one; `END` ends what the client sends.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Mapping
from typing import NamedTuple

from tests.auth_server import encoded, plain
from tests.vectors.auth_dialogues import ANN, LOGIN, MAY, TLS, TLS_12
from tests.vectors.smtp_dialogues import lines

BEFORE_GREETING = b"<before the greeting>"
BYTEWISE = b"<byte by byte>"
END = b"<end>"
PAUSE = b"<pause>"  # before the connection: more than two seconds pass
E = "EHLO c.example"
MAIL, RCPT = "MAIL FROM:<ann@b.test>", "RCPT TO:<x@localhost>"
MESSAGE = (MAIL, RCPT, "DATA", "Subject: x\r\n\r\nx\r\n.")


class Case(NamedTuple):
    settings: Mapping[str, str]
    sessions: list[list[bytes]]


COUNTED = {"smtpd_client_event_limit_exceptions": "", "smtpd_authorized_xclient_hosts": ""}
AUTHORIZED = {"smtpd_authorized_xclient_hosts": "127.0.0.1"}  # clients that may use XCLIENT are not limited
OTHER = "XCLIENT NAME=o.test ADDR=192.0.2.7"
PLAIN_SESSION = lines(E, "QUIT")


def _limited(sessions: list[list[bytes]], **settings: str) -> Case:
    return Case({**COUNTED, **{f"smtpd_client_{name}_limit": value for name, value in settings.items()}}, sessions)


def _named(settings: Mapping[str, str], case: Case) -> Case:
    return Case({**case.settings, **settings}, case.sessions)


RATES: dict[str, Case] = {
    "connections": _limited([PLAIN_SESSION] * 4, connection_rate="2"),
    "connections, of exempt clients": _named(
        {"smtpd_client_event_limit_exceptions": "127.0.0.0/8"}, _limited([PLAIN_SESSION] * 3, connection_rate="1")
    ),
    "connections, XCLIENT": _named(
        AUTHORIZED,
        _limited(
            [
                lines(E, OTHER, E, "QUIT"),
                lines(E, OTHER, E, "QUIT"),
                lines(E, "QUIT"),
                lines(E, OTHER, E, OTHER, "QUIT"),
            ],
            connection_rate="2",
        ),
    ),
    "clients that may use XCLIENT": _named(
        AUTHORIZED,
        _limited(
            [lines(E, MAIL, RCPT, RCPT, "RSET", MAIL, "QUIT")] * 2,
            connection_rate="1",
            message_rate="1",
            recipient_rate="1",
        ),
    ),
    "connections and their number": _limited([PLAIN_SESSION] * 3, connection_rate="1", connection_count="1"),
    "messages": _limited(
        [lines(E, *MESSAGE, *MESSAGE, MAIL, "RSET", MAIL, "QUIT"), lines(E, MAIL, "QUIT")], message_rate="2"
    ),
    "messages, refused for other reasons": _limited(
        [
            lines(
                *(
                    "MAIL",
                    E,
                    "MAIL FROM:",
                    "MAIL FROM:<a b>",
                    f"{MAIL} FOO=x",
                    "MAIL FROM:<a@b..c>",
                    MAIL,
                    MAIL,
                    "RSET",
                ),
                *(
                    "MAIL FROM:<x@refused.test>",
                    MAIL,
                    "RSET",
                    f"{MAIL} SIZE=99999999999",
                    f"{MAIL} FOO=x",
                    MAIL,
                    "QUIT",
                ),
            )
        ],
        message_rate="4",
    ),
    "messages, the sender refused at once": _named(
        {"smtpd_delay_reject": "no"},
        _limited(
            [lines(E, "MAIL FROM:<x@refused.test>", "MAIL FROM:<x@refused.test>", MAIL, "QUIT")], message_rate="2"
        ),
    ),
    "messages, XCLIENT": _named(
        AUTHORIZED,
        _limited(
            [lines(E, MAIL, "RSET", OTHER, E, MAIL, "RSET", MAIL, "QUIT"), lines(E, MAIL, "QUIT")], message_rate="1"
        ),
    ),
    "messages, with a footer": _named(
        {"smtpd_reject_footer": "call us"}, _limited([lines(E, MAIL, "RSET", MAIL, "QUIT")], message_rate="1")
    ),
    "messages, soft bounce": _named(
        {"soft_bounce": "yes"}, _limited([lines(E, MAIL, "RSET", MAIL, "QUIT")], message_rate="1")
    ),
    "recipients": _limited(
        [lines(E, MAIL, RCPT, RCPT, RCPT, "DATA", "x\r\n.", "RSET", MAIL, RCPT, "QUIT"), lines(E, MAIL, RCPT, "QUIT")],
        recipient_rate="2",
    ),
    "recipients, refused for other reasons": _limited(
        [
            lines(
                *(E, RCPT, MAIL, "RCPT", "RCPT TO:", "RCPT TO:<a b>", f"{RCPT} FOO=x", "RCPT TO:<x@away.test>"),
                *("RCPT TO:<a@b..c>", RCPT, RCPT, "RCPT TO:<x@away.test>", f"{RCPT} FOO=x", "VRFY x", "QUIT"),
            )
        ],
        recipient_rate="4",
    ),
    "recipients, more than a message has": _named(
        {"smtpd_recipient_limit": "1"}, _limited([lines(E, MAIL, RCPT, RCPT, RCPT, RCPT, "QUIT")], recipient_rate="2")
    ),
    "recipients, pipelined": _limited(
        [[*lines(E), f"{MAIL}\r\n{RCPT}\r\n{RCPT}\r\n{RCPT}\r\nRSET\r\nQUIT\r\n".encode()]], recipient_rate="1"
    ),
    "logins": _named(
        LOGIN,
        _limited(
            [
                lines(E, f"AUTH PLAIN {plain('ann', 'x')}", "AUTH FOO", "AUTH", ANN, "QUIT"),
                lines(E, "AUTH LOGIN", encoded("ann"), encoded("secret"), "QUIT"),
            ],
            auth_rate="2",
        ),
    ),
    "logins, after a login and within a transaction": _named(
        LOGIN, _limited([lines(E, ANN, ANN, ANN, MAIL, ANN, "RSET", ANN, "QUIT"), lines(E, ANN, "QUIT")], auth_rate="1")
    ),
    "TLS sessions": _named(
        MAY,
        _limited(
            [[*lines(E, "STARTTLS"), TLS_12, *lines(E, "QUIT")]] * 2
            + [[*lines(E, "STARTTLS", E, "STARTTLS", MAIL, "QUIT")], lines(E, "QUIT")],
            new_tls_session_rate="1",
        ),
    ),
    "TLS sessions, refused for other reasons": _named(
        MAY,
        _limited(
            [
                lines(E, "STARTTLS x", MAIL, "STARTTLS", "RSET", "QUIT"),
                [*lines(E, "STARTTLS"), TLS, *lines(E, "STARTTLS", "QUIT")],
            ],
            new_tls_session_rate="1",
        ),
    ),
    "TLS sessions, broken handshakes": _named(
        MAY,
        _limited([[*lines(E, "STARTTLS", "no handshake")]] * 3, new_tls_session_rate="1"),
    ),
    "TLS sessions, wrapper mode": _named(
        {**MAY, "smtpd_tls_wrappermode": "yes"},
        _limited([[TLS, *lines(E, "QUIT")]] * 3, new_tls_session_rate="1"),
    ),
    "all of them": _limited(
        [lines(E, *MESSAGE, "QUIT")] * 2, connection_rate="9", message_rate="1", recipient_rate="1", auth_rate="1"
    ),
    "another unit of time": _named(
        {"anvil_rate_time_unit": "3600s"}, _limited([PLAIN_SESSION] * 2, connection_rate="1")
    ),
    "a unit of time is over": _named(
        {"anvil_rate_time_unit": "2s"},
        _limited(
            [
                lines(E, MAIL, "RSET", MAIL, "QUIT"),
                [PAUSE, *lines(E, MAIL, "QUIT")],
                PLAIN_SESSION,
                [PAUSE, *PLAIN_SESSION],
            ],
            connection_rate="1",
            message_rate="1",
        ),
    ),
}

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
FOUR = socket.inet_aton("192.0.2.7") + socket.inet_aton("192.0.2.1") + struct.pack("!HH", 5000, 25)
SIX = (
    socket.inet_pton(socket.AF_INET6, "2001:db8::7")
    + socket.inet_pton(socket.AF_INET6, "2001:db8::1")
    + struct.pack("!HH", 5000, 25)
)
GOOD = b"PROXY TCP4 192.0.2.7 192.0.2.1 5000 25\r\n"
TALK = lines(E, "MAIL FROM:<ann@b.test>", RCPT, "QUIT")


def second(command: int, family: int, data: bytes, length: int | None = None) -> bytes:
    """A header of the protocol's second version."""
    return SIGNATURE + struct.pack("!BBH", command, family, len(data) if length is None else length) + data


HEADERS: dict[str, bytes] = {
    "four": GOOD,
    "six": b"PROXY TCP6 2001:db8::7 2001:db8::1 5000 25\r\n",
    "six, longer": b"PROXY TCP6 2001:0db8:0000:0000:0000:0000:0000:0007 2001:db8::1 5000 25\r\n",
    "six, four inside": b"PROXY TCP6 ::ffff:192.0.2.7 ::ffff:192.0.2.1 5000 25\r\n",
    "unknown": b"PROXY UNKNOWN\r\n",
    "unknown, addresses": b"PROXY UNKNOWN 192.0.2.7 192.0.2.1 5000 25\r\n",
    "unknown, more": b"PROXY UNKNOWN x\r\n",
    "small letters": b"proxy TCP4 192.0.2.7 192.0.2.1 5000 25\r\n",
    "small family": b"PROXY tcp4 192.0.2.7 192.0.2.1 5000 25\r\n",
    "udp": b"PROXY UDP4 192.0.2.7 192.0.2.1 5000 25\r\n",
    "LF alone": b"PROXY TCP4 192.0.2.7 192.0.2.1 5000 25\n",
    "CR alone": b"PROXY TCP4 192.0.2.7 192.0.2.1 5000 25\rEHLO x\r\n",
    "one more": b"PROXY TCP4 192.0.2.7 192.0.2.1 5000 25 x\r\n",
    "one less": b"PROXY TCP4 192.0.2.7 192.0.2.1 5000\r\n",
    "two less": b"PROXY TCP4 192.0.2.7 192.0.2.1\r\n",
    "blanks": b"PROXY  TCP4  192.0.2.7  192.0.2.1  5000  25\r\n",
    "tabs": b"PROXY\tTCP4\t192.0.2.7\t192.0.2.1\t5000\t25\r\n",
    "a blank first": b" PROXY TCP4 192.0.2.7 192.0.2.1 5000 25\r\n",
    "a blank last": b"PROXY TCP4 192.0.2.7 192.0.2.1 5000 25 \r\n",
    "a port too high": b"PROXY TCP4 192.0.2.7 192.0.2.1 65536 25\r\n",
    "the highest port": b"PROXY TCP4 192.0.2.7 192.0.2.1 65535 25\r\n",
    "port 0": b"PROXY TCP4 192.0.2.7 192.0.2.1 0 0\r\n",
    "a port with a sign": b"PROXY TCP4 192.0.2.7 192.0.2.1 +5 25\r\n",
    "a port with zeros": b"PROXY TCP4 192.0.2.7 192.0.2.1 05000 25\r\n",
    "a port with a letter": b"PROXY TCP4 192.0.2.7 192.0.2.1 5000 25x\r\n",
    "no address": b"PROXY TCP4 192.0.2 192.0.2.1 5000 25\r\n",
    "a number too high": b"PROXY TCP4 192.0.2.256 192.0.2.1 5000 25\r\n",
    "a number with zeros": b"PROXY TCP4 192.0.2.007 192.0.2.1 5000 25\r\n",
    "nothing of an address": b"PROXY TCP4 0.0.0.0 192.0.2.1 5000 25\r\n",
    "a server that is none": b"PROXY TCP4 192.0.2.7 x 5000 25\r\n",
    "six as four": b"PROXY TCP4 2001:db8::7 2001:db8::1 5000 25\r\n",
    "four as six": b"PROXY TCP6 192.0.2.7 192.0.2.1 5000 25\r\n",
    "six in brackets": b"PROXY TCP6 [2001:db8::7] 2001:db8::1 5000 25\r\n",
    "six with IPv6:": b"PROXY TCP6 IPv6:2001:db8::7 2001:db8::1 5000 25\r\n",
    "a NUL": b"PROXY TCP4 192.0.2.7\0 192.0.2.1 5000 25\r\n",
    "8 bits": b"PROXY TCP4 192.0.2.7\xff 192.0.2.1 5000 25\r\n",
    "an empty line": b"\r\n",
    "a command": b"EHLO c.example\r\n",
    "as long as may be": b"PROXY UNKNOWN " + b"x" * 91 + b"\r\n",
    "longer": b"PROXY UNKNOWN " + b"x" * 92 + b"\r\n",
    "much longer": b"PROXY UNKNOWN " + b"x" * 700 + b"\r\n",
    "without an end": b"PROXY UNKNOWN " + b"x" * 70_000,
    "half a line": b"PROXY TCP4 192.0.2.7",
    "second, four": second(0x21, 0x11, FOUR),
    "second, six": second(0x21, 0x21, SIX),
    "second, local": second(0x20, 0x00, b""),
    "second, local with addresses": second(0x20, 0x11, FOUR),
    "second, local, more": second(0x20, 0x11, FOUR + b"\x04\0\x03abc"),
    "second, more": second(0x21, 0x11, FOUR + b"\x04\0\x03abc"),
    "second, udp": second(0x21, 0x12, FOUR),
    "second, no family": second(0x21, 0x00, b""),
    "second, unix": second(0x21, 0x31, b"x" * 216),
    "second, another family": second(0x21, 0x41, FOUR),
    "second, another command": second(0x22, 0x11, FOUR),
    "second, another version": second(0x11, 0x11, FOUR),
    "second, too short": second(0x21, 0x11, FOUR[:11]),
    "second, six too short": second(0x21, 0x21, FOUR),
    "second, of no length": second(0x21, 0x11, b""),
    "second, the most": second(0x21, 0x11, FOUR + b"x" * 508),
    "second, a byte more": second(0x21, 0x11, FOUR + b"x" * 509),
    "second, much more": second(0x21, 0x11, FOUR + b"x" * 4000),
    "second, the longest": second(0x21, 0x11, FOUR, 65_535),
    "second, half": second(0x21, 0x11, FOUR)[:20],
    "second, the signature alone": SIGNATURE,
    "second, half a signature": SIGNATURE[:6],
    "second, a wrong signature": SIGNATURE[:-1] + b"\r" + second(0x21, 0x11, FOUR)[12:],
    "second, port 0": second(0x21, 0x11, FOUR[:8] + b"\0\0\0\0"),
    "second, nothing of an address": second(0x21, 0x11, bytes(12)),
}
PROXY = {
    "smtpd_upstream_proxy_protocol": "haproxy",
    "smtpd_upstream_proxy_timeout": "1s",
    "inet_protocols": "all",
    "smtpd_client_restrictions": "check_client_access inline:{{192.0.2.7=REJECT seven} {2001:db8::7=REJECT seven}}",
    "smtpd_peername_lookup": "no",
}
PROXIED: dict[str, Case] = {
    "whole": Case(PROXY, [[BEFORE_GREETING, header, *TALK] for header in HEADERS.values()]),
    "byte by byte": Case(
        PROXY, [[BEFORE_GREETING, BYTEWISE, header, *TALK] for header in HEADERS.values() if len(header) < 300]
    ),
    "with what follows": Case(
        PROXY, [[BEFORE_GREETING, header + b"".join(TALK)] for header in HEADERS.values() if len(header) < 5000]
    ),
    "the client hangs up": Case(
        PROXY, [[BEFORE_GREETING, END], [BEFORE_GREETING, b"PROXY", END], [BEFORE_GREETING, SIGNATURE, END]]
    ),
    "silent": Case(PROXY, [[BEFORE_GREETING, b""]]),
    "only IPv4": Case(
        {**PROXY, "inet_protocols": "ipv4"},
        [[BEFORE_GREETING, HEADERS[name], *TALK] for name in ("four", "six", "second, four", "second, six", "unknown")],
    ),
    "XCLIENT": Case(
        PROXY, [[BEFORE_GREETING, header, *lines(E, OTHER, E, "QUIT")] for header in (GOOD, HEADERS["unknown"])]
    ),
    "rates": Case(
        {**PROXY, **COUNTED, "smtpd_client_connection_rate_limit": "1"},
        [[BEFORE_GREETING, GOOD, *lines(E, "QUIT")]] * 2 + [[BEFORE_GREETING, HEADERS["unknown"], *lines(E, "QUIT")]],
    ),
    "wrapper mode": Case(
        {**PROXY, **MAY, "smtpd_tls_wrappermode": "yes"},
        [[BEFORE_GREETING, GOOD, TLS, *TALK]],
    ),
    "another protocol": Case({**PROXY, "smtpd_upstream_proxy_protocol": "HAProxy"}, [[BEFORE_GREETING, GOOD, *TALK]]),
}
