from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from table_server import CLOSE, scripted

from mailconf.files import Root
from mailconf.maps.core.table import LookupTable, TemporaryFailure, UnsupportedMap
from mailconf.maps.registry import open_table
from mailconf.maps.servers import memcache


def value(text: bytes) -> bytes:
    return b"VALUE k 0 %d\r\n%s\r\nEND\r\n" % (len(text), text)


# key: (what the server sends, what comes of it: a value, None, or how the failure ends); tests/live asks postmap.
REPLIES: dict[str, tuple[bytes, bytes | str | None]] = {
    "ok": (value(b"value"), b"value"),
    "spaces": (value(b" a "), b" a "),
    "nul": (value(b"a\0b"), b"a"),
    "empty": (value(b""), b""),
    "largest": (value(b"x" * 10240), b"x" * 10240),
    "cas": (b"VALUE k 0 1 99\r\na\r\nEND\r\n", b"a"),
    "other": (b"VALUE other 0 1\r\nx\r\nEND\r\n", b"x"),
    "no": (b"END\r\n", None),
    "error": (b"ERROR\r\n", "unexpected memcache server reply: ERROR"),
    "server": (b"SERVER_ERROR out of memory\r\n", "unexpected memcache server reply: SERVER_ERROR out of memory"),
    "letters": (b"VALUE k 0 x\r\nx\r\nEND\r\n", "unexpected memcache server reply: VALUE k 0 x"),
    "negative": (b"VALUE k 0 -1\r\n\r\nEND\r\n", "unexpected memcache server reply: VALUE k 0 -1"),
    "larger": (value(b"x" * 10241), "exceeds data_size_limit"),
    "long": (b"VALUE " + b"x" * 1100 + b" 0 1\r\nx\r\nEND\r\n", "I/O error: TooLong"),
    "unended": (b"VALUE k 0 2\r\nabcdef\r\nEND\r\n", "has no end of line"),
    "gone": (CLOSE, "I/O error: Disconnected"),
    "cut": (b"VALUE k" + CLOSE, "I/O error: Disconnected"),
}


def read(stream: BinaryIO) -> bytes:
    """A command, with its data."""
    line = stream.readline()
    return line + stream.read(int(line.split()[4]) + 2) if line.startswith(b"set ") else line


def answer(request: bytes) -> bytes:
    if request.startswith(b"set "):
        return b"STORED\r\n"
    return REPLIES.get(request[4:-2].decode(errors="replace"), (b"END\r\n", None))[0]


def config(port: str, more: str = "") -> str:
    return f"memcache = inet:127.0.0.1:{port}\nmax_try = 1\n{more}"


def table(tmp_path: Path, text: str, told: list[str] | None = None) -> LookupTable:
    (tmp_path / "t.cf").write_text(text)
    warn = [].append if told is None else told.append
    return open_table(f"memcache:{tmp_path / 't.cf'}", fold=bytes.lower, warn=warn)


@pytest.mark.parametrize("key", REPLIES)
def test_replies(tmp_path: Path, key: str) -> None:
    expected = REPLIES[key][1]
    with scripted(read, answer) as server:
        asked = table(tmp_path, config(server.place))
        if isinstance(expected, str):
            with pytest.raises(TemporaryFailure) as caught:
                asked.lookup(key.encode())
            assert str(caught.value).endswith(expected)
        else:
            assert asked.lookup(key.encode()) == expected
        assert asked.lookup(b"ok") == b"value"  # whatever was before
        asked.close()
        asked.close()


def test_which_keys_are_asked_for(tmp_path: Path) -> None:
    with scripted(read, answer) as server:
        asked = table(tmp_path, config(server.place, "key_format = v:%s:%u\ndomain = x.com, y.com\n"))
        for key in (
            b"A@x.com",
            b"a b@x.com",
            b"a\r\nset k 0 0 1@x.com",
            b"",
            b"a",
            b"@x.com",
            b"a@z.com",
            b"b@y.com\0c",
        ):
            assert asked.lookup(key) is None
        assert server.requests == [b"get v:a@x.com:a\r\n", b"get v:b@y.com:b\r\n"]
        assert server.connections == 1
        asked.close()


def test_a_table_behind_it(tmp_path: Path) -> None:
    told: list[str] = []
    with scripted(read, answer) as server:
        more = "backup = inline:{new=v, gone=w}\nttl = 60\nflags = 7\nkey_format = %s\n"
        asked = table(tmp_path, config(server.place, more), told)
        assert asked.lookup(b"ok") == b"value"
        assert asked.lookup(b"New") == b"v"
        assert asked.lookup(b"none") is None
        assert asked.lookup(b"gone") == b"w"  # the server failed
        assert server.requests[1:4] == [b"get new\r\n", b"set new 7 60 1\r\nv\r\n", b"get none\r\n"]
        asked.close()
    assert told == []


def test_what_cannot_be_kept_is_answered_all_the_same(tmp_path: Path) -> None:
    told: list[str] = []
    with scripted(read, lambda request: b"END\r\n" if request.startswith(b"get") else b"ERROR\r\n") as server:
        asked = table(tmp_path, config(server.place, "backup = inline:{new=v}\n"), told)
        assert asked.lookup(b"new") == b"v"
    assert "update failed: ERROR" in told[0]


def test_a_server_that_closed_meanwhile_is_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(memcache.time, "sleep", pauses.append)
    with scripted(read, lambda request: value(b"v") + CLOSE) as server:
        asked = table(tmp_path, config(server.place).replace("max_try = 1", "max_try = 2\nretry_pause = 3"))
        assert [asked.lookup(b"k") for _ in range(3)] == [b"v"] * 3
    assert pauses == [3, 3]


def test_nobody_listens(tmp_path: Path) -> None:
    told: list[str] = []
    (tmp_path / "t.cf").write_text("memcache = unix:/none\n")
    asked = open_table("memcache:/t.cf", Root(tmp_path), warn=told.append)
    with pytest.raises(TemporaryFailure, match=r"^database memcache:/t.cf: No such file or directory$"):
        asked.lookup(b"k")
    assert told == ["connect to /none: No such file or directory"]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("max_try = 0", "invalid max_try parameter value 0 < 1"),
        ("retry_pause = 0", "invalid retry_pause parameter value 0 < 1"),
        ("data_size_limit = 0", "invalid data_size_limit parameter value 0 < 1"),
        ("timeout = 1s", "bad numerical configuration: timeout = 1s"),
        ("ttl = 1h", "bad numerical configuration: ttl = 1h"),
        ("key_format = %z", "Invalid query template: %z"),
    ],
)
def test_mistakes(tmp_path: Path, more: str, words: str) -> None:
    with pytest.raises(TemporaryFailure) as caught:
        table(tmp_path, f"{more}\n")
    assert str(caught.value).endswith(words)


def test_no_server_of_this_kind(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedMap, match=r"^invalid transport name: foo in service: foo:bar$"):
        table(tmp_path, "memcache = foo:bar\n")


@given(st.binary(max_size=40) | st.text("VALUE k0123\r\nEND").map(str.encode))
def test_any_reply_ends(tmp_path_factory: pytest.TempPathFactory, reply: bytes) -> None:
    with scripted(read, lambda request: reply + CLOSE) as server:
        try:
            table(tmp_path_factory.mktemp("memcache"), config(server.place)).lookup(b"k")
        except TemporaryFailure as problem:
            assert str(problem)
