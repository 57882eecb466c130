from __future__ import annotations

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st
from table_server import CLOSE, lines, scripted

from mailconf.maps.core.table import LookupTable, TemporaryFailure, UnsupportedMap
from mailconf.maps.registry import open_table
from mailconf.maps.servers import tcp

# key: (what the server sends, what comes of it: a value, None, or how the failure ends); tests/live asks postmap.
REPLIES: dict[str, tuple[bytes, bytes | str | None]] = {
    "ok": (b"200 value\n", b"value"),
    "201": (b"201 value\n", b"value"),
    "spaces": (b"200 a b\tc  d \n", b"a b\tc  d "),
    "tab": (b"200\tvalue\n", b"value"),
    "coded": (b"200 a%20b%25c%0ad\n", b"a b%c\nd"),
    "nul": (b"200 a%00b\n", b"a"),
    "cr": (b"200 v\r\n", b"v\r"),
    "empty": (b"200 \n", b""),
    "no": (b"500 nope\n", None),
    "later": (b"400 later\n", ": later"),
    "other": (b"999 x\n", "bad status code: 999 x"),
    "bare": (b"200\n", "malformed reply: 200"),
    "bare5": (b"500\n", "malformed reply: 500"),
    "glued": (b"200x y\n", "malformed reply: 200x y"),
    "lead": (b" 200 y\n", "malformed reply:  200 y"),
    "badcode": (b"200 a%zz\n", "malformed reply: 200 a%zz"),
    "largest": (b"200 " + b"x" * 4091 + b"\n", b"x" * 4091),
    "larger": (b"200 " + b"x" * 4092 + b"\n", "text longer than 4096"),
    "unended": (b"200 part" + CLOSE, "unexpected EOF"),
    "gone": (CLOSE, "unexpected EOF"),
}


def answer(request: bytes) -> bytes:
    assert request.startswith(b"get ")
    return REPLIES.get(request[4:-1].decode(), (b"500 unknown\n", None))[0]


@pytest.mark.parametrize("key", REPLIES)
def test_replies(key: str) -> None:
    expected = REPLIES[key][1]
    with scripted(lines, answer) as server:
        table = open_table(f"tcp:127.0.0.1:{server.place}")
        if isinstance(expected, str):
            with pytest.raises(TemporaryFailure) as caught:
                table.lookup(key.encode())
            assert str(caught.value).endswith(expected)
        else:
            assert table.lookup(key.encode()) == expected
        assert table.lookup(b"ok") == b"value"  # whatever was before
        table.close()
        table.close()


def test_one_connection_serves_many_keys() -> None:
    with scripted(lines, answer) as server:
        table: LookupTable = open_table(f"tcp:[127.0.0.1]:{server.place}")
        for key in (b"ok", b"no", b"A b", b"%\xe9\0rest"):
            table.lookup(key)
        assert server.connections == 1
        assert server.requests == [b"get ok\n", b"get no\n", b"get A%20b\n", b"get %25%E9\n"]
        assert (table.type, table.name) == ("tcp", f"[127.0.0.1]:{server.place}")
        table.close()


def test_a_server_that_closed_meanwhile_is_asked_again() -> None:
    told: list[str] = []
    with scripted(lines, lambda request: b"200 v\n" + CLOSE) as server:
        table = open_table(f"tcp:127.0.0.1:{server.place}", warn=told.append)
        assert [table.lookup(b"k") for _ in range(3)] == [b"v"] * 3
        assert server.connections == 3


def test_more_than_was_asked_for_is_no_answer_to_the_next_question() -> None:
    with scripted(lines, lambda request: b"200 %s\n200 extra\n" % request[4:-1]) as server:
        table = open_table(f"tcp:127.0.0.1:{server.place}")
        assert [table.lookup(key) for key in (b"a", b"b", b"c")] == [b"a", b"b", b"c"]
        table.close()


def test_nobody_listens() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    told: list[str] = []
    table = open_table(f"tcp:127.0.0.1:{port}", warn=told.append)
    with pytest.raises(TemporaryFailure, match="Connection refused"):
        table.lookup(b"k")
    assert told == [f"connect to TCP map 127.0.0.1:{port}: Connection refused"] * 2


def test_a_silent_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tcp, "TIMEOUT", 0.05)
    with scripted(lines, lambda request: b"200 unended") as server:
        with pytest.raises(TemporaryFailure, match="time"):
            open_table(f"tcp:127.0.0.1:{server.place}").lookup(b"k")
        assert server.connections == 2


@pytest.mark.parametrize(
    ("name", "words"),
    [("127.0.0.1", "127.0.0.1: garbage after numerical service"), ("[::1]", r"\[::1\]: missing service name")],
)
def test_names_that_are_none(name: str, words: str) -> None:
    with pytest.raises(UnsupportedMap, match=f"^{words}$"):
        open_table(f"tcp:{name}")


@given(st.binary())
def test_coding(key: bytes) -> None:
    coded = tcp.encoded(key)
    assert tcp.decoded(coded) == key
    assert coded.isascii()
    assert not set(coded) & set(b" \t\n\r\0")


@given(st.binary(max_size=40))
def test_any_reply_ends(reply: bytes) -> None:
    with scripted(lines, lambda request: reply + CLOSE) as server:
        try:
            open_table(f"tcp:127.0.0.1:{server.place}").lookup(b"k")
        except TemporaryFailure as problem:
            assert str(problem)
