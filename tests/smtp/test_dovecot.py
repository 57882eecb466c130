"""Dovecot's authentication protocol without a socket: whole, byte by byte, with what follows; hostile servers."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailconf.smtp.dovecot import (
    LONGEST,
    AuthClient,
    AuthEvent,
    BadServer,
    Challenge,
    Failure,
    Mechanism,
    Ready,
    Request,
    Success,
    usable,
)

HELLO = (
    b"VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nMECH\tCRAM-MD5\tdictionary\tactive\nSPID\t1\nCUID\t7\n"
    b"COOKIE\tab\nWHATEVER\tx\nDONE\n"
)
SAID = (
    HELLO + b"CONT\t1\tYWJj\nOK\t1\tuser=ann\tx\nFAIL\t2\tuser=b\x01tb\treason=no\ttemp\nFAIL\t3\nOK\tx\nCONT\n\nOK\t4"
)
EVENTS: list[AuthEvent] = [
    Ready((Mechanism("PLAIN", frozenset({"plaintext"})), Mechanism("CRAM-MD5", frozenset({"dictionary", "active"})))),
    Challenge(1, "YWJj"),
    Success(1, "ann"),
    Failure(2, "no", "b?b", True),
    Failure(3),
]


def heard(data: bytes, step: int) -> list[AuthEvent]:
    client = AuthClient(1)
    events = []
    for at in range(0, len(data), step):
        client.receive_data(data[at : at + step])
        while (event := client.next_event()) is not None:
            events.append(event)
    return events


@pytest.mark.parametrize("step", [1, 2, 13, 1 << 16])
def test_whole_and_in_pieces(step: int) -> None:
    assert heard(SAID, step) == EVENTS


def test_what_is_said() -> None:
    client = AuthClient(42)
    assert client.begin(Request("PLAIN", "smtp", "192.0.2.1", "192.0.2.2", True, "AAA=")) == 1
    assert client.begin(Request("LOGIN", "smtp", "192.0.2.1", "192.0.2.2")) == 2
    client.respond(2, "")
    client.cancel(2)
    assert client.data_to_send().decode().splitlines() == [
        "VERSION\t1\t0",
        "CPID\t42",
        "AUTH\t1\tPLAIN\tservice=smtp\tnologin\tlip=192.0.2.1\trip=192.0.2.2\tsecured\tresp=AAA=",
        "AUTH\t2\tLOGIN\tservice=smtp\tnologin\tlip=192.0.2.1\trip=192.0.2.2",
        "CONT\t2\t",
        "CANCEL\t2",
    ]
    assert client.data_to_send() == b""


def test_no_field_becomes_a_line() -> None:
    client = AuthClient(1)
    with pytest.raises(ValueError, match="line's end"):
        client.respond(1, "x\nAUTH\t9")


@pytest.mark.parametrize("data", [b"VERSION\t2\t0\n", b"VERSION\n", b"x" * (LONGEST + 1)])
def test_bad_servers(data: bytes) -> None:
    client = AuthClient(1)
    client.receive_data(data)
    with pytest.raises(BadServer):
        client.next_event()


def test_a_server_cannot_fill_the_memory_with_mechanisms() -> None:
    client = AuthClient(1)
    client.receive_data(b"".join(b"MECH\tX%d\n" % n for n in range(100_000)) + b"DONE\n")
    ready = client.next_event()
    assert isinstance(ready, Ready) and len(ready.mechanisms) == 100


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.sampled_from(
                [b"OK\t1\tuser=", b"FAIL\t1\t", b"CONT\t", b"MECH\t", b"DONE\n", b"VERSION\t1\t", b"\n", b"\x01"]
            ),
            st.binary(max_size=30),
        ),
        max_size=20,
    )
)
def test_any_bytes_are_events_or_a_bad_server(pieces: list[bytes]) -> None:
    client = AuthClient(1)
    try:
        for piece in pieces:
            client.receive_data(piece)
            while (event := client.next_event()) is not None:
                text = repr(event)
                assert "\n" not in text and "\r" not in text
    except BadServer:
        pass


def test_which_mechanisms_options_leave() -> None:
    all_of = tuple(
        Mechanism(name, frozenset(properties))
        for name, properties in (
            ("PLAIN", ["plaintext"]),
            ("CRAM-MD5", ["dictionary", "active"]),
            ("ANONYMOUS", ["anonymous"]),
            ("SCRAM-SHA-256", ["mutual-auth"]),
            ("X", ["forward-secrecy"]),
        )
    )

    def left(*options: str) -> list[str]:
        return [mechanism.name for mechanism in usable(all_of, options)]

    assert left() == ["PLAIN", "CRAM-MD5", "ANONYMOUS", "SCRAM-SHA-256", "X"]
    assert left("noanonymous", "noplaintext") == ["CRAM-MD5", "SCRAM-SHA-256", "X"]
    assert left("nodictionary") == left("noactive") == ["PLAIN", "ANONYMOUS", "SCRAM-SHA-256", "X"]
    assert left("mutual_auth") == ["SCRAM-SHA-256"] and left("forward_secrecy") == ["X"]
