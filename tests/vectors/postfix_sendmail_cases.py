"""Calls of Postfix's sendmail command: its words, and what is on its standard input."""

from __future__ import annotations

from typing import Any

_ADDRESSES = 'To: a@one.example, b@two.example (comment)\nCc: "q r"@three.example\nBcc: hidden@four.example\n'
_MESSAGE = f"Subject: x\n{_ADDRESSES}\nhello\n.\nmore\n"
_GROUP = 'To: friends: a@x.example, "B. C" <b@x.example>;, d@x.example\n (folded)\nCc: <>, e@x.example\n\nx\n'

_WITH_MESSAGE = (
    (), ("-t",), ("-i", "x@far.example"), ("-oi", "-f", "me@else.example", "-F", "My Name", "x@far.example", "y"),
    ("-f", "", "x"), ("-f", "<>", "x"), ("-t", "add@x.example"), ("-bz", "x"), ("-ba", "x"), ("-x",),
    ("-N", "never", "x"), ("-N", "bad", "x"), ("-N", "success,delay", "x"), ("-N", "never,success", "x"),
    ("-R", "full", "-V", "envid", "x"), ("-R", "HDRS", "x"), ("-R", "bad", "x"), ("-B", "8BITMIME", "x"),
    ("-B", "7bit", "x"), ("-B", "bad", "x"), ("-G", "x"), ("-om", "-O", "x=y", "x"), ("a b c",),
    ("<x@y.example>", '"q r"@x.example'), ("-r", "s@x.example", "x"), ("-f", "a", "-f", "b", "x"),
    ("-f", "bad addr@x", "x"), ("-U", "x"), ("-X", "log", "x"), ("-L", "tag", "x"), ("-b",), ("-F", "Q. Uoted", "x"),
    ("-F", 'Q"u"', "x"), ("-F", "", "x"), ("x@A.Example",), ("x", "x", "X"), ("-bm", "x"), ("-bt",),
    ("-f", "@x.example", "x"), ("a@b@c.example",), ("-c", "-e", "p", "-m", "x"), ("-n", "x"), ("-h", "5", "x"),
    ("-p", "x", "x"),
)  # fmt: skip
_WITH_WORDS = (
    ("", "x"), ("no header\n", "x"), ("Subject: none\n\nx\n", "-t"),
    ("Resent-To: r@x.example\nTo: a@x.example\n\nx\n", "-t"), ("From someone Mon Jan 1\nSubject: y\n\nb\n", "x"),
    (">From someone\nSubject: y\n\nb\n", "x"), ("Subject: no newline at end", "x"),
    ("Subject: crlf\r\n\r\nbody\r\n", "x"), (_GROUP, "-t"), (".\n", "x"), ("Subject: dots\n\n..\n.x\n.\nlost\n", "x"),
    ("\n\nbody\n", "x"), ("Subject: \xe4\n\n\xe4\n", "x"), ("To: undisclosed:;\n\nx\n", "-t"),
    ("From: f@x.example\nDate: today\nMessage-ID: <a@b>\n\nx\n", "x"), ("Resent-From: f@x.example\nTo: y\n\nx\n", "x"),
    ("To: a@x.example\nto: b@x.example\nTO : c@x.example\n\nx\n", "-t"), ("Subject: a\nno colon\nTo: x\n\nb\n", "x"),
)  # fmt: skip
CASES: list[dict[str, Any]] = [
    *({"words": words, "stdin": _MESSAGE} for words in _WITH_MESSAGE),
    *({"words": (words,), "stdin": text} for text, words in _WITH_WORDS),
]
