"""Messages that Postfix's queue tools list, and calls of these tools."""

from __future__ import annotations

from typing import Any

# Destinations by the way that an attempt ends: nobody listens, nobody listens elsewhere, nobody answers.
DEAD, GONE, SILENT = "dead.example", "gone.example", "silent.example"
HELD = "held.example"  # put on hold (access(5) HOLD)

_LOCAL = (
    "a", "A.b", "a+b", '"q r"', '"q\\"r"', '"b\\\\s"', '""', '"@"', "x" * 64, "\xe4",
    '"tab\\\tin"', "!#$%&'*-/=?^`{|}~",
)  # fmt: skip

Message = dict[str, Any]


def _message(sender: str, *recipients: str, size: int = 10) -> Message:
    return {"sender": sender, "recipients": recipients, "size": size}


MESSAGES: list[Message] = [
    _message("a@x.example", f"b@{DEAD}"),
    _message("", f"b@{DEAD}", f"c@{GONE}", f"d@{DEAD}", f"e@{GONE}"),
    _message("a@x.example", f"h@{HELD}", f"b@{DEAD}", size=2_000_000),
    _message("a@x.example", f"l@{SILENT}", f"m@{DEAD}"),
    _message("", f"l@{SILENT}"),
    *(_message(f"{local}@x.example", f"{local}@{DEAD}") for local in _LOCAL),
    *(_message("a@x.example", f"b@{DEAD}", size=size) for size in (700, 800, 9_500_000)),
]
CASES = [
    {"long": long, "messages": MESSAGES[:count], "expire": expire}
    for long in (False, True)
    for count, expire in ((0, False), (1, False), (5, True), (len(MESSAGES), False))
]

_IDS = ("X1", "NOPE", "X1,X2", "X 1", "", "all", "a_b", "a-b", "a.b", "../x", "A" * 40)


def _call(tool: str, *words: str, stdin: str = "") -> dict[str, Any]:
    return {"tool": tool, "words": words, "stdin": stdin}


# On an empty queue, where no mail system runs.
CALLS = [
    *(_call("postqueue", *words) for words in (
        (), ("-p",), ("-j",), ("-f",), ("-x",), ("-p", "-f"), ("-p", "x"), ("-f", "x"), ("-s",), ("-i",), ("-pj",),
        ("-s", "far.example"), ("-s", ""), ("-s", "a b"), ("-s", "[127.0.0.1]"), ("-s", "other.example"), ("-pp",),
        ("-s", "[::1]"), ("-s", "-x.example"), ("-s", "[IPv6:::1]"), ("-s", "x."), ("-c", "/nonexist", "-p"),
        ("--", "-p"), ("-p", "--"), ("-i", "x", "-f"),
    )),
    *(_call("postqueue", "-i", text) for text in _IDS),
    *(_call("postsuper", f"-{letter}", text) for letter in "dhr" for text in _IDS),
    *(_call("postsuper", *words) for words in (
        (), ("-p",), ("-s",), ("-S",), ("-ps",), ("-x",), ("-d",), ("-h",), ("-d", "X", "-x"), ("-c", "/nonexist"),
        *((f"-{letter}", "ALL") for letter in "defhHr"), ("-d", "ALL", "nosuch"), ("-d", "X1", "hold", "nosuch"),
        ("-H", "X1", "-h", "X1", "-d", "X1", "-r", "X1", "-e", "X1", "-f", "X1"),
        ("-f", "ALL", "-d", "ALL", "-H", "ALL"),
        ("-dX1", "-dX2", "-hX3"), ("-h", "ALL", "-r", "ALL"), ("-d", "ALL", "-h", "X"),
        *(("-d", "ALL", queue) for queue in (
            "maildrop", "incoming", "active", "deferred", "hold", "bounce", "defer", "trace", "flush", "corrupt",
            "saved", "private", "public", "pid", "", "Hold", "../hold",
        )),
    )),
    *(_call("postsuper", "-d", "-", stdin=text) for text in (
        "", "X1\n", "X1\nX2\n\nbad/x\n 3F foo\n", "X1", "X1\r\n", "ALL\n", "-\n",
    )),
    _call("postsuper", "-r", "-", "-d", "-", stdin="X1\n"),
    *(_call("postcat", *words) for words in (
        (), ("-x",), ("-q",), ("-q", "NOPE"), ("-q", "A", "B"), ("-q", ""), ("-q", "../x"), ("-q", "a-b"),
        ("/nonexist",),
        ("-",), ("-b", "-e", "-h", "-q", "X"), ("-c", "/nonexist", "-q", "X"), ("-c",),
    )),
    _call("postcat", stdin="x"),
]  # fmt: skip
