"""Messages whose headers reach the limits of cleanup(8), put to the original and to ours.

A message is given without its Message-Id and Date fields, which stand before it, and without its body. Contents are
text of which each character is a byte.
"""

from __future__ import annotations

import re

BASE = {
    "compatibility_level": "3.6",
    "myhostname": "mail.example.com",
    "mydomain": "example.com",
    "myorigin": "example.com",
    "mydestination": "example.com",
    "local_recipient_maps": "",
    "mynetworks": "127.0.0.0/8",
    "local_header_rewrite_clients": "permit_mynetworks",
    "smtpd_client_restrictions": "check_client_access static:HOLD",  # leaves every message in the queue as it is
}
TOP = "Message-Id: <m@example.com>\nDate: Sat, 28 Nov 2026 12:00:00 +0000 (UTC)\n"
BODY = "\nbody\n"
SENDER, RECIPIENT = "s@example.com", "u@example.com"

_QUOTED = '"' + "q" * 200 + '"'


def _list(pattern: str, count: int) -> str:
    return ", ".join(pattern % n for n in range(count))


_SIZES = [
    "X-A: " + "a" * 1000 + "\nX-B: y\n",
    "X-A: " + "\n ".join(["a" * 50] * 10) + "\nX-B: y\n",
    *("X-A: " + "a" * n + "\n c\n d\nX-B: y\n" for n in range(190, 198)),
    *("X-A: " + "a" * n + "\n" + "b" * 20 + "\n " + "c" * 30 + "\nX-B: y\n" for n in (150, 172, 173, 174, 175, 176)),
    "X-A: " + "a" * 190 + " " * 20 + "b\nX-B: y\n",
    "X-A: " + "a" * 150 + "\n" + " " * 20 + "\n" + "\t" * 60 + "b\nX-B: y\n",
    "X-A: a\n" + " " * 300 + "b\nX-B: y\n",
    "X" * 300 + ": y\nX-B: y\n",
    "To: " + _list("u%d", 100) + "\nX-B: y\n",
    "To: " + _list("u%d", 100).replace(" ", "\n ") + "\nX-B: y\n",
    "To: " + _list("user%d@example.com", 30) + "\nX-B: y\n",
    "To:" + " " * 300 + "u1, u2\nX-B: y\n",
    "To:" + " " * 150 + "\n u1,\n" + " " * 100 + "u2\n u3\nX-B: y\n",
    "To:" + " " * 180 + "u1@a.test, u2@example.com\nX-B: y\n",
    "From: " + "q" * 180 + " <x>\nX-B: y\n",
]
_LINES = [
    "X" * 2047 + ": y\nX-B: y\n",
    "X" * 2048 + ": y\nX-B: y\n",
    "X-A: " + "y" * 2100 + ":z\n u\nX-B: y\n",
    "X-A: " + "y" * 2043 + " z\n u\nX-B: y\n",
    "X-A: " + "y" * 2042 + "\n " + "z" * 5000 + "\n u\nX-B: y\n",
    "X-A: " + "y" * 2043 + "\n " + "z" * 5000 + "\n u\nX-B: y\n",
    "no field" + "y" * 2100 + "\nX-B: y\n",
]
_FORMS = [
    "X-A: a   \nX-B: y  \n   \nX-C: \n",
    "X-A: a\n   \n b\n\t\nX-B: y\n",
    "X-A : a\nX-B\t: b\n",
    "X-A: a\nX B: b\n",
    ": a\n",
]
_FIRST = [
    ">>From b\nFrom c\nX-A: y\nFrom d\n",
    "From c\n x\nX-A: y\n",
    "   \n b\nX-B: y\n",
    "From c" + "y" * 300 + "\n>From d\nX-A: y\n",
]
_TOKENS = [
    "To: " + _list("u%d", 20),
    "To: " + _list("N <u%d>", 20),
    "To: " + _list("u%d@example.com", 20),
    "From: A B C D E F G H I J K <a>",
    "From: A B C D E F G <a@example.com>",
    *("From: " + "(a) " * n + "a" for n in (8, 9, 10, 13)),
    "To: " + "," * 15 + "a",
    "To: " + "," * 9 + "a, b",
    "To: a.b.c.d.e.f.g.h.i.j.k",
    "To: a,b,c,d,e,(x)",
    "To: a,b,c,d,e,",
    "To: a,b,c,d,e,f",
    "To: a,b,c,d,f;,g,a,f",
    "To: g:a,b,c,d,f,g,a,f;",
    "To: a%b%c%d, e, f",
    "To: a!b%c!d%e!f%g!h%i, j",
    "To: a, b, c, d%e%f%g%h, i",
    "To: a, b, c, d, [1.2.3.4] x y",
]
_AROUND = [
    *('From: "' + "q" * n + '" <x>' for n in range(244, 249)),
    'From: "' + "q" * 300 + '" <x@example.com>',
    'To: a, "' + "q" * 300 + '" <x@example.com>, (' + "z" * 300 + ") b, c (" + "z" * 300 + "), d",
    "To: " + "g" * 300 + ": a, b;, c",
    "To: " + "word " * 60 + "<x>",
    "To: " + "word " * 60 + "<>, a",
    "To: " + "u" * 300,
    "To: " + "u" * 300 + " (" + "c" * 240 + ")",
    "To: <u (" + "c" * 260 + ")>",
    f"To: {_QUOTED} <a>; {_QUOTED} <b>",
    "To: a, (" + "z" * 300 + ")",
    "To: a, (" + "z" * 300 + "), b",
    "To: a (" + "z" * 300 + "), b",
    "To: a b (" + "z" * 300 + "), b",
    f"To: {_QUOTED} <a> {_QUOTED} <c>, b",
    "To: x" + "z" * 100 + f": {_QUOTED} <a>;, b",
    f'To: {_QUOTED}{_QUOTED} <"a b">, b',
    "To: " + "\u00c3\u00a9" * 124 + " <a>, b",
]


def scenarios() -> list[tuple[dict[str, str], str]]:
    """(parameters, fields), those with the same parameters one after another."""
    tight = {"header_size_limit": "200"}
    few = {"header_address_token_limit": "10"}
    return [
        *((tight, fields) for fields in _SIZES),
        *(({"header_size_limit": "3000"}, fields) for fields in _LINES),
        *(({}, fields) for fields in (*_FORMS, *_LINES)),
        *((few, fields + "\nX-B: y\n") for fields in _TOKENS),
        *(({}, fields + "\nX-B: y\n") for fields in _AROUND),
    ]


def first_lines() -> list[str]:
    """Messages whose first line matters: nothing precedes them."""
    return _FIRST


def plain(queued: bytes) -> str:
    """A queued message without the fields that are different each time: identity and date, where they were missing."""
    return re.sub(rb"(?m)^Message-Id: <[0-9]{14}\..*\nDate: .*\n", b"", queued).decode("latin-1")


def whole(fields: str, *, first: bool = False) -> bytes:
    """The message of a scenario, its lines ended by LF."""
    return ((fields + TOP if first else TOP + fields) + BODY).encode("latin-1")
