"""Hostile clients of a served sendmail.cf, beside the real daemon: false ends of data, bytes that no command has."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from tests.live.sendmail_side import TOOLS
from tests.vectors.record_sendmail_smtp import answered
from tests.vectors.sendmail_smtp_cases import GOOD

pytestmark = pytest.mark.live

HELLO, MAIL, RCPT = "EHLO client.example", "MAIL FROM:<a@far.example>", "RCPT TO:<ann@example.org>"
# What some server takes for the end of a message, and what must not be one.
FALSE_ENDS = (
    "\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r.\r\n", "\r\n.\r", "\n.\r", "\r.\n", "\r\r\n.\r\r\n", "\r\n\0.\r\n",
    "\r\n.\0\r\n",
)  # fmt: skip
LOADED = "O RefuseLA=10000\nO QueueLA=10000\n"  # the machine may have much to do
HIDDEN = "MAIL FROM:<evil@far.example>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\nSubject: hidden\r\n\r\nx\r\n.\r\n"
AFTER = ["NOOP"] * 5


def smuggling() -> list[dict[str, Any]]:
    cases = []
    for end in FALSE_ENDS:
        for how in ("raw:", "bytes:"):
            content = f"{how}Subject: seen\r\n\r\nbody{end}{HIDDEN}"
            cases.append({"text": LOADED, "client": GOOD, "lines": [HELLO, MAIL, RCPT, "DATA", content, *AFTER]})
    return cases


def hostile() -> list[dict[str, Any]]:
    pipelined = "\r\n".join((MAIL, RCPT, "DATA", "Subject: x", "", "y", ".", MAIL, "RSET", "NOOP", ""))
    lines: list[list[str]] = [
        [HELLO, f"raw:{pipelined}", *AFTER, "NOOP"],
        ["early:EHLO x", "NOOP"],
        ["early:MAIL FROM:<>", "early:RCPT TO:<ann>", "NOOP"],
        [HELLO, "NOOP " + "x" * 2030, "NOOP"],
        [HELLO, "NOOP " + "x" * 2042, "NOOP"],
        [HELLO, "NOOP " + "x" * 2043, "NOOP"],
        [HELLO, "bytes:NOOP " + "x" * 2100 + "\r\n", "NOOP"],
        [HELLO, "raw:MAIL FROM:<a\0b@far.example>\r\n", "NOOP"],
        [HELLO, "MAIL FROM:<\xe4@far.example>", "RSET", "MAIL FROM:<a@\xff.example>", "NOOP"],
        [HELLO, MAIL, "RCPT TO:<\xe4nn@example.org>", "RCPT TO:<ann\x01@example.org>", "NOOP"],
        ["\xff\xf4\xff\xfd\x06", "NOOP"],
        ["GET / HTTP/1.1", "Host: x", "", "NOOP"],
        *([f"{word} x", "NOOP"] for word in ("POST", "connect", "USER", "PUT", "HEAD", "GETX")),
        *([first, "GET /", "NOOP"] for first in ("NOOP", "EHLO x", "FOO", "")),
        ["raw:EHLO x\r\nNOOP\r\n", "NOOP", "NOOP"],
        [f"raw:HELO x\r\n{MAIL}\r\n{RCPT}\r\n", "NOOP", "NOOP"],
        [HELLO, "raw:RSET\r\nEHLO y\r\nNOOP\r\n", "NOOP", "NOOP", "NOOP"],
        [HELLO, MAIL, RCPT, "raw:DATA\r\nx\r\n.\r\n", "NOOP"],
        [HELLO, MAIL, "raw:DATA\r\nNOOP\r\n", "NOOP", "NOOP"],
        *([HELLO, f"MAIL FROM:<{text}>", "NOOP"] for text in ("a@\xff.example", "\xffa@b.example", "a@b\x01.example")),
        [HELLO, MAIL, RCPT, "DATA", "raw:" + "y" * 3000 + "\r\n.\r\n", "NOOP"],
        [HELLO, MAIL, RCPT, "DATA", "raw:" + "a\0b\xff\r\n" * 50 + ".\r\n", "NOOP"],
        [HELLO, MAIL, RCPT, "DATA", "raw:..\r\n...\r\n.\r\n", "NOOP"],
        [HELLO, MAIL, RCPT, "DATA", "raw:.\r\n", "NOOP", MAIL, RCPT, "DATA", "raw:\r\n.\r\n", "NOOP"],
        ["FOO", "BAR", HELLO, "FOO", MAIL, "FOO", RCPT, "FOO", "DATA", "raw:x\r\n.\r\n", "FOO", "QUIT"],
    ]
    return [{"text": LOADED, "client": GOOD, "lines": line} for line in lines]


def ended(exchange: list[list[str]]) -> list[list[str]]:
    """An exchange without its end where the server has closed the connection: the system may report that or not."""
    return exchange[:-1] if exchange[-1][0] == "(closed)" or not exchange[-1][1] else exchange


def beside(cases: list[dict[str, Any]]) -> list[tuple[object, object, object]]:
    """What differs: the lines, the original's answers, ours."""
    ours = answered([Path(sys.executable).parent / "mailconf", "sendmail"], cases)
    theirs = answered([TOOLS / "sendmail"], cases)
    pairs = zip(cases, map(ended, theirs), map(ended, ours), strict=True)
    different = [(case["lines"], wanted, got) for case, wanted, got in pairs if wanted != got]
    print(f"{sum(map(len, theirs))} replies, {len(different)} of {len(cases)} sessions differ")
    return different


def test_false_ends_of_data_end_nothing() -> None:
    different = beside(smuggling())
    assert not different, different[0]


def test_other_hostile_clients() -> None:
    different = beside(hostile())
    assert not different, different[0]
