from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from table_server import CLOSE, netstring, netstrings, scripted

from mailconf.files import Root
from mailconf.maps.core.table import TemporaryFailure, UnsupportedMap
from mailconf.maps.registry import open_table
from mailconf.maps.servers import socketmap

# key: (what the server sends, what comes of it: a value, None, or how the failure ends); tests/live asks postmap.
REPLIES: dict[str, tuple[bytes, bytes | str | None]] = {
    "ok": (netstring(b"OK value"), b"value"),
    "spaces": (netstring(b"OK  a b "), b" a b "),
    "lines": (netstring(b"OK a\nb"), b"a\nb"),
    "nul": (netstring(b"OK a\0b"), b"a"),
    "empty": (netstring(b"OK "), b""),
    "bare": (netstring(b"OK"), None),
    "no": (netstring(b"NOTFOUND "), None),
    "no2": (netstring(b"NOTFOUND"), None),
    "no3": (netstring(b"NOTFOUND why"), None),
    "zeros": (b"04:OK a,", b"a"),
    "largest": (netstring(b"OK " + b"x" * 99_997), b"x" * 99_997),
    "temp": (netstring(b"TEMP reason"), "socketmap server temporary error: reason"),
    "temp0": (netstring(b"TEMP"), "socketmap server temporary error"),
    "timeout": (netstring(b"TIMEOUT reason"), "socketmap server timeout error: reason"),
    "perm": (netstring(b"PERM reason"), "socketmap server permanent error: reason"),
    "odd": (netstring(b"FOO bar"), "socketmap server unknown error: bar"),
    "small": (netstring(b"ok value"), "socketmap server unknown error: value"),
    "nothing": (netstring(b""), "socketmap server unknown error"),
    "larger": (netstring(b"OK " + b"x" * 99_998), "lookup error: input exceeds size limit"),
    "letters": (b"x:OK a,", "lookup error: input format error"),
    "unended": (b"4:OK a;", "lookup error: input format error"),
    "gone": (CLOSE, "lookup error: unexpected disconnect"),
    "cut": (b"8:OK " + CLOSE, "lookup error: unexpected disconnect"),
}


def answer(request: bytes) -> bytes:
    assert request.startswith(b"map ")
    return REPLIES.get(request[4:].decode(errors="replace"), (netstring(b"NOTFOUND "), None))[0]


@pytest.mark.parametrize("key", REPLIES)
def test_replies(key: str) -> None:
    expected = REPLIES[key][1]
    with scripted(netstrings, answer) as server:
        table = open_table(f"socketmap:inet:127.0.0.1:{server.place}:map")
        if isinstance(expected, str):
            with pytest.raises(TemporaryFailure) as caught:
                table.lookup(key.encode())
            assert str(caught.value).endswith(expected)
        else:
            assert table.lookup(key.encode()) == expected
        assert table.lookup(b"ok") == b"value"  # whatever was before
        table.close()
        table.close()


def test_a_unix_socket_below_a_root(tmp_path: Path) -> None:
    with scripted(netstrings, answer, tmp_path / "s") as server:
        table = open_table("socketmap:unix:/s:map", Root(tmp_path))
        for key in (b"ok", b"no", b"A b\xe9\0rest"):
            table.lookup(key)
        assert server.connections == 1
        assert server.requests == [b"map ok", b"map no", b"map A b\xe9"]
        assert (table.type, table.name) == ("socketmap", "unix:/s:map")
        table.close()


def test_nobody_listens(tmp_path: Path) -> None:
    told: list[str] = []
    table = open_table(f"socketmap:unix:{tmp_path}/none:map", warn=told.append)
    with pytest.raises(TemporaryFailure, match=r"map lookup error: No such file or directory$"):
        table.lookup(b"k")
    assert set(told) == {f"connect to {tmp_path}/none: No such file or directory"}


def test_a_silent_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socketmap, "TIMEOUT", 0.05)
    with scripted(netstrings, lambda request: b"99:OK unended") as server:
        table = open_table(f"socketmap:inet:127.0.0.1:{server.place}:map")
        with pytest.raises(TemporaryFailure, match="time"):
            table.lookup(b"k")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("map", "socketmap requires server:socketmap argument"),
        ("foo:bar:map", "invalid transport name: foo in service: foo:bar"),
        ("inet:127.0.0.1:map", "127.0.0.1: garbage after numerical service"),
    ],
)
def test_names_that_are_none(name: str, words: str) -> None:
    with pytest.raises(UnsupportedMap, match=f"^{words}$"):
        open_table(f"socketmap:{name}")


@given(st.binary(max_size=40) | st.text("0123456789:,OK ").map(str.encode))
def test_any_reply_ends(reply: bytes) -> None:
    with scripted(netstrings, lambda request: reply + CLOSE) as server:
        try:
            open_table(f"socketmap:inet:127.0.0.1:{server.place}:map").lookup(b"k")
        except TemporaryFailure as problem:
            assert str(problem)
