"""AUTH and STARTTLS in the server's state machine: whole, byte by byte, with what follows; sizes to the byte."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailconf.smtp.events import Auth, AuthResponse, Event, Helo, Mail, Noop, Quit, Refused, Starttls, Wait
from mailconf.smtp.options import ServerOptions
from mailconf.smtp.problems import Problem
from mailconf.smtp.reply import Reply
from mailconf.smtp.server import Connection
from mailconf.smtp.wording_postfix import PostfixWording

OPTIONS = ServerOptions(auth=True, starttls=True)
LIMIT = OPTIONS.response_length


def made(options: ServerOptions = OPTIONS) -> Connection:
    return Connection(options, PostfixWording())


def answered(event: Event, challenges: int) -> Reply:
    """A server that puts so many challenges to each login."""
    if isinstance(event, Refused):
        return event.reply
    if isinstance(event, Auth | AuthResponse):
        return Reply.of(334, "") if challenges else Reply.of(235, "2.7.0 ok")
    return Reply.of(220 if isinstance(event, Starttls) else 250, "ok")


def played(connection: Connection, data: bytes, step: int, challenges: int = 2) -> list[Event]:
    events: list[Event] = []
    left = challenges
    for at in range(0, len(data), step):
        connection.receive_data(data[at : at + step])
        while not isinstance(event := connection.next_event(), Wait):
            events.append(event)
            connection.send_reply(answered(event, left))
            left = left - 1 if isinstance(event, Auth | AuthResponse) and left else challenges
    return events


@pytest.mark.parametrize("step", [1, 3, 1000])
def test_a_login_with_two_challenges(step: int) -> None:
    connection = made()
    data = b"EHLO x\r\nAUTH LOGIN\r\nYW5u\r\n\r\nNOOP\r\nMAIL FROM:<a@b>\r\nAUTH PLAIN eA==\r\nQUIT\r\n"
    events = played(connection, data, step)
    assert [type(event) for event in events] == [Helo, Auth, AuthResponse, AuthResponse, Noop, Mail, Refused, Quit]
    assert events[1:4] == [Auth("LOGIN"), AuthResponse("YW5u"), AuthResponse("")]
    assert connection.logged_in and connection.counts["auth"] == [1, 2]


@pytest.mark.parametrize("step", [1, 4096, 1 << 20])
@pytest.mark.parametrize(("size", "fits"), [(LIMIT - 2, True), (LIMIT - 1, True), (LIMIT, False), (500_000, False)])
def test_the_longest_response(step: int, size: int, fits: bool) -> None:
    """As smtpd(8): its limit counts the CR."""
    if step == 1 and size > LIMIT:
        step = 777
    connection = made()
    events = played(connection, b"AUTH LOGIN\r\n" + b"A" * size + b"\r\nNOOP\r\n", step, challenges=1)
    if fits:
        assert events[1] == AuthResponse("A" * size)
    else:
        assert isinstance(events[1], Refused) and events[1].problem is Problem.AUTH_TOO_LONG
        assert len(events[1].detail) <= 100
    assert isinstance(events[2], Noop) and len(events) == 3


def test_a_response_without_an_end_is_not_kept() -> None:
    connection = made()
    played(connection, b"AUTH LOGIN\r\n", 100, challenges=1)
    for _ in range(100):
        connection.receive_data(b"A" * 65536)
        assert connection.next_event() is Wait.NEED_DATA
        assert connection.unread <= LIMIT + 1


def test_nothing_pipelined_behind_starttls_is_read() -> None:
    for behind in (b"MAIL FROM:<a@b>\r\n", b"NOOP\r\n" * 1000, b"MAIL FROM:<a", b"\r\n", b"AUTH PLAIN eA==\r\n"):
        connection = made()
        assert played(connection, b"EHLO x\r\nSTARTTLS\r\n" + behind, 1 << 20)[-1].__class__ is Starttls
        assert connection.next_event() is Wait.HANDSHAKE
        connection.receive_data(b"MAIL FROM:<late@b>\r\n")
        assert connection.unread == 0
        connection.begin_tls()
        connection.receive_data(b"NOOP\r\n")  # under TLS, with the last of the handshake
        connection.secured()
        assert played(connection, b"", 1) == [] and isinstance(connection.next_event(), Noop)
        assert connection.tls and not connection.greeted and connection.counts["starttls"] == [1, 1]


def test_a_login_does_not_outlive_starttls() -> None:
    connection = made()
    played(connection, b"EHLO x\r\nAUTH PLAIN eA==\r\nSTARTTLS\r\n", 1000, challenges=0)
    assert connection.logged_in
    connection.begin_tls()
    connection.secured()
    assert not connection.logged_in


@pytest.mark.parametrize(
    "verb", ["MAIL FROM:<a@b>", "RCPT TO:<x>", "DATA", "RSET", "VRFY x", "ETRN x", "AUTH X", "XFORWARD NAME=x"]
)
def test_what_waits_for_tls(verb: str) -> None:
    connection = made(OPTIONS._replace(tls_required=True))
    connection.xforward = True
    (event,) = played(connection, f"{verb}\r\n".encode(), 100)
    assert isinstance(event, Refused) and event.problem is Problem.TLS_FIRST
    connection.begin_tls()
    connection.secured()
    (event,) = played(connection, f"{verb}\r\n".encode(), 100)
    assert not isinstance(event, Refused) or event.problem is not Problem.TLS_FIRST


def test_no_login_where_it_needs_tls() -> None:
    connection = made(OPTIONS._replace(auth_needs_tls=True))
    (event,) = played(connection, b"AUTH PLAIN eA==\r\n", 100)
    assert isinstance(event, Refused) and event.problem is Problem.NO_AUTH
    connection.begin_tls()
    connection.secured()
    assert played(connection, b"AUTH PLAIN eA==\r\n", 100) == [Auth("PLAIN", "eA==")]


LINES = st.sampled_from(
    [
        *(b"AUTH PLAIN\r\n", b"AUTH LOGIN YQ==\r\n", b"AUTH\r\n", b"*\r\n", b"YQ==\r\n", b"\r\n", b"STARTTLS\r\n"),
        *(b"EHLO x\r\n", b"MAIL FROM:<a@b>\r\n", b"RCPT TO:<a@b>\r\n", b"RSET\r\n", b"NOOP\r\n", b"\x00\xff\r\n", b"x"),
        b"A" * 13_000 + b"\r\n",
    ]
)


@settings(max_examples=200, deadline=None)
@given(st.lists(LINES, max_size=15), st.integers(1, 60), st.integers(0, 3))
def test_pieces_make_no_difference(lines: list[bytes], step: int, challenges: int) -> None:
    data = b"".join(lines)
    whole, pieces = made(), made()
    assert shown(played(whole, data, len(data) or 1, challenges)) == shown(played(pieces, data, step, challenges))
    assert whole.counts == pieces.counts and whole.logged_in == pieces.logged_in


def shown(events: list[Event]) -> list[object]:
    """Events without fields have no equality."""
    return [event if isinstance(event, tuple) else type(event) for event in events]
