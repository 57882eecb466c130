"""How answers of a filter before the queue are read, whole and byte by byte, and what it is sent."""

from __future__ import annotations

import pytest

from mailconf.smtp.proxy_filter import Garbage, ProxyReader, attributes_of, command, forwarding
from mailconf.smtp.reply import MAX_LINES, Reply

SAID = b"220-a\r\n220 b\r\nnonsense\r\n550 5.7.1 no\r\n999 what\n250\r\n250 trailing"
READ = [
    Reply(220, ("a", "b")),
    Garbage("nonsense"),
    Reply(550, ("5.7.1 no",)),
    Garbage("999 what"),
    Reply(250, ("",)),
]


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_answers(size: int) -> None:
    reader = ProxyReader()
    found: list[Reply | Garbage] = []
    for at in range(0, len(SAID), size):
        reader.receive_data(SAID[at : at + size])
        while (one := reader.next()) is not None:
            found.append(one)
    assert found == READ
    reader.receive_data(b"\r\n")
    assert reader.next() == Reply(250, ("trailing",))


def test_what_is_endless_takes_little_memory() -> None:
    reader = ProxyReader()
    for _ in range(1000):
        reader.receive_data(b"x" * 65536)
        assert reader.next() is None
        assert len(reader._buffer) <= 4 * 2048 + 65536
    reader = ProxyReader()
    for _ in range(3):
        reader.receive_data(b"250-more\r\n" * MAX_LINES)
        assert reader.next() is None
        assert len(reader._lines) == MAX_LINES and not reader._buffer
    reader = ProxyReader()
    reader.receive_data(b"?\r\n" * 1000)
    assert sum(isinstance(reader.next(), Garbage) for _ in range(1000)) == 100


def test_commands_are_one_line() -> None:
    assert command("RCPT TO:<a@b>\rDATA\n\x00") == b"RCPT TO:<a@b>?DATA??\r\n"


def test_xforward() -> None:
    hello = Reply.of(250, "filter.example", "8BITMIME", "XForward name ADDR", "SIZE 1")
    assert attributes_of(hello) == ("NAME", "ADDR")
    assert attributes_of(Reply.of(250, "filter.example")) == ()
    known = {"NAME": "", "ADDR": "192.0.2.1", "PORT": "25"}
    assert list(forwarding(known, ("NAME", "ADDR"))) == ["XFORWARD NAME=[UNAVAILABLE] ADDR=192.0.2.1"]
    assert list(forwarding(known, ())) == []
    assert list(forwarding({"HELO": "a b\r\n=c"}, ("HELO",))) == ["XFORWARD HELO=a+20b+0D+0A+3Dc"]
    long = list(forwarding({"NAME": "n" * 400, "HELO": "h" * 400}, ("NAME", "HELO")))
    assert [line[:14] for line in long] == ["XFORWARD NAME=", "XFORWARD HELO="]
