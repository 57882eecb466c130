"""Sessions of clients of sendmail with mail filters, for record_sendmail_milters.py.

A case has scripts of filters (tests.milter_server), what the client sends, and the lines of the configuration; FOLDER
stands for its folder, in which the sockets f0 and f1 lie.
"""

from __future__ import annotations

from typing import Any

FILTERS = 2
HELLO = "EHLO client.example"
MAIL, RCPT = "MAIL FROM:<a@far.example> SIZE=100", "RCPT TO:<ann@example.org>"
MESSAGE = (
    "Message-Id: <1@client.example>\nDate: Mon, 30 Nov 2026 10:00:00 +0000\nFrom: a@far.example\nTo: ann@example.org\n"
    "Subject: one\nX-Twice: first\nX-Folded: a\n\tb\n  c\nX-twice:   second\nX-Empty:\n\nline 1\n\n..line 2\n."
)
SENT = [HELLO, MAIL, RCPT, "DATA", MESSAGE, "QUIT"]
AGAIN = [HELLO, MAIL, RCPT, "RCPT TO:<bob@example.org>", "DATA", MESSAGE, "NOOP", MAIL, RCPT, "QUIT"]
RECEIVED = "HReceived: from $s by $j; $b\nO LogLevel=9\n"
ONE = "Xf0, S=unix:FOLDER/f0, {more}T=C:5s;S:5s;R:5s;E:10s\nO InputMailFilters=f0\n"
TWO = (
    "Xf0, S=unix:FOLDER/f0, T=C:5s;S:5s;R:5s;E:10s\nXf1, S=unix:FOLDER/f1, T=C:5s;S:5s;R:5s;E:10s\n"
    "O InputMailFilters=f0, f1\n"
)
MACROS = (
    "O Milter.macros.connect=j, _, {daemon_name}, {if_name}, {if_addr}\nO Milter.macros.helo={tls_version}, {cipher}\n"
    "O Milter.macros.envfrom=i, {auth_type}, {mail_mailer}, {mail_host}, {mail_addr}\n"
    "O Milter.macros.envrcpt={rcpt_mailer}, {rcpt_host}, {rcpt_addr}\nO Milter.macros.data=i\n"
    "O Milter.macros.eoh=i\nO Milter.macros.eom={msg_id}\n"
)


def _case(name: str, filters: list[dict[str, Any]], session: list[str], text: str = "") -> dict[str, Any]:
    return {"name": name, "filters": filters, "session": session, "text": (text or ONE.format(more="")) + RECEIVED}


def _answering(letter: str, *packets: str, **more: Any) -> dict[str, Any]:
    return {"answers": {letter: [list(packets)]}, **more}


def cases() -> list[dict[str, Any]]:
    found = [
        _case("everything passes", [{}], SENT),
        _case("macros", [{}], SENT, ONE.format(more="") + MACROS),
        _case("two filters", [{}, {}], SENT, TWO),
        _case("RSET and another", [{}], [HELLO, MAIL, RCPT, "RSET", MAIL, RCPT, "DATA", MESSAGE, "FOO bar", "QUIT"]),
        _case("refused recipients", [{}], [HELLO, MAIL, "RCPT TO:<x@refused.example>", RCPT, "DATA", MESSAGE, "QUIT"]),
        _case("refused ones are wanted", [{"protocol": 0x800}], [HELLO, MAIL, "RCPT TO:<x@refused.example>", "QUIT"]),
    ]
    found += [
        _case(f"{letter}: {answer!r}", [_answering(letter, answer)], AGAIN)
        for letter in "CHMRTLNBE"
        for answer in ("r", "t", "y550 5.7.9 no, thanks\0", "y421 4.7.9 go away\0", "d", "a", "4")
    ]
    changes: list[tuple[str, ...]] = [
        ("hX-New\0value\0",),
        ("i\0\0\0\0X-New\0top\0",),
        ("i\0\0\0\1X-New\0one\0",),
        ("i\0\0\0\2X-New\0two\0",),
        ("m\0\0\0\2X-Twice\0changed\0",),
        ("m\0\0\0\1X-Twice\0\0",),
        ("m\0\0\0\3X-Twice\0added\0",),
        ("bnew body\r\nof two lines\r\n",),
        ("+<bob@example.org>\0",),
        ("2<bob@example.org>\0NOTIFY=NEVER\0",),
        ("-<ann@example.org>\0", "+<bob@example.org>\0"),
        ("e<new@sender.example>\0",),
        ("qsuspicious\0",),
        ("p", "hX-New\0value\0"),
    ]
    found += [_case(f"changes: {packets!r}", [_answering("E", *packets, "c")], SENT) for packets in changes]
    for flag in ("", "F=T, ", "F=R, ", "F=4, "):
        text = ONE.format(more=flag)
        found += [
            _case(f"nobody there, {flag}", [], AGAIN, text.replace("/f0", "/nobody")),
            _case(f"M hangs up, {flag}", [_answering("M", "!close")], AGAIN, text),
            _case(f"E hangs up, {flag}", [_answering("E", "!close")], AGAIN, text),
            _case(f"R answers badly, {flag}", [_answering("R", "?x")], AGAIN, text),
        ]
    return found
