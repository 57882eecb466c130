"""What is said to smtpd under the values of smtpd_forbid_bare_newline and smtpd_forbid_unauth_pipelining.

A dialogue is a list of byte strings as text (latin-1), each sent at once when the last one has been answered.
"""

from __future__ import annotations

EHLO, HELO, MAIL = "EHLO c.example\r\n", "HELO c.example\r\n", "MAIL FROM:<a@b.example>\r\n"
RCPT, DATA, NOOP, QUIT = "RCPT TO:<x@y.example>\r\n", "DATA\r\n", "NOOP\r\n", "QUIT\r\n"
HEAD = "Subject: t\r\n\r\n"
SMUGGLED = f"MAIL FROM:<evil@b.example>\r\n{RCPT}DATA\r\n{HEAD}second\r\n.\r\n"

# What a server before this one may take for text, and this one for the end of it.
ENDS = {
    "LF.LF": "\n.\n",
    "LF.CRLF": "\n.\r\n",
    "CRLF.LF": "\r\n.\n",
    "CR.CR": "\r.\r",
    "CRLF.CR": "\r\n.\r",
    "CR.CRLF": "\r.\r\n",
    "LF.CR": "\n.\r",
    "CR.LF": "\r.\n",
    "CRCRLF.CRLF": "\r\r\n.\r\n",
    "CRLF.CRCRLF": "\r\n.\r\r\n",
    "LF.CRCRLF": "\n.\r\r\n",
    "NUL": "\r\n\0.\r\n",
    "CRLF.NULCRLF": "\r\n.\0\r\n",
}
BODIES = {
    "bare": "a\nb\r\n",
    "dots": ".\n.\n..\n.x\n..x\r\n",
    "a dot that is no end": "a\n.\r\n..\r\nb\r\n",
    "CRs": "a\r\r\r\r\nb\rc\r\r\n",
    "CRs before a dot": "a\r\r\n..\r\r\n",
    "dot and CRs": ".\r\r\n.\rx\r\n",
    "long": "a" * 2048 + "\n.b\r\n",
    "very long": "." + "a" * 70000 + "\r\n..\r\n",
}
_BEGIN = [EHLO, MAIL, RCPT]


def bdat(*chunks: str) -> list[str]:
    last = len(chunks) - 1
    return [f"BDAT {len(chunk)}{' LAST' * (at == last)}\r\n{chunk}" for at, chunk in enumerate(chunks)]


LINES: dict[str, list[str]] = {
    **{f"end {name}": [*_BEGIN, DATA, f"{HEAD}first{end}{SMUGGLED}", QUIT] for name, end in ENDS.items()},
    **{f"body, {name}": [*_BEGIN, DATA, f"{HEAD}{body}.\r\n", QUIT] for name, body in BODIES.items()},
    **{f"chunk, {name}": [*_BEGIN, *bdat(f"{HEAD}first{end}{SMUGGLED}"), QUIT] for name, end in ENDS.items()},
    "nothing": [*_BEGIN, DATA, ".\r\n", QUIT],
    "a dot and LF first": [*_BEGIN, DATA, ".\n\r\nx\r\n.\r\n", QUIT],
    "LF in the middle of two chunks": [*_BEGIN, *bdat(f"{HEAD}a\r", "\nb\r\n"), QUIT],
    "LF at the beginning of a chunk": [*_BEGIN, *bdat(f"{HEAD}a", "\nb\r\n"), QUIT],
    "LF in the first chunk": [*_BEGIN, *bdat(f"{HEAD}a\n", "b\r\n", "c\r\n"), MAIL, "RSET\r\n", MAIL, QUIT],
    "chunks that end in CRs": [*_BEGIN, *bdat(f"{HEAD}a\r\r", "\r\nb\r\r\r"), QUIT],
    "EHLO": ["EHLO c.example\n", NOOP, QUIT],
    "NOOP": [EHLO, "NOOP\n", NOOP, QUIT],
    "in a transaction": [*_BEGIN, "NOOP\n", NOOP, QUIT],
    "after a message": [*_BEGIN, DATA, f"{HEAD}x\r\n.\r\n", "NOOP\n", NOOP, QUIT],
    "DATA": [*_BEGIN, "DATA\n", f"{HEAD}x\r\n.\r\n", QUIT],
    "BDAT": [*_BEGIN, f"BDAT 16 LAST\n{HEAD}x\n", QUIT],
    "unknown": [EHLO, "FOO\n", QUIT],
    "nothing but LF": [EHLO, "\n", QUIT],
    "a line that is cut": ["NOOP " + "x" * 2043 + "\n", "NOOP " + "x" * 2042 + "\n", NOOP, QUIT],
    "CRs behind commands": ["EHLO c.example\r\r\n", "NOOP\r\r\r\n", "\r\r\n", QUIT],
    "pipelined": [EHLO, f"{MAIL}RCPT TO:<x@y.example>\n{NOOP}", QUIT],
    "two recipients": [*_BEGIN, "RCPT TO:<z@y.example>\r\n", DATA, f"{HEAD}a\nb\r\n.\r\n", QUIT],
}
XCLIENT = "XCLIENT ADDR=192.0.2.7 NAME=mx.foo.example\r\n"
EXCLUDED = [EHLO, MAIL, RCPT, DATA, f"{HEAD}a\n.\n", "QUIT\n"]
# (smtpd_forbid_bare_newline_exclusions, dialogue), with "reject".
EXCLUSIONS: dict[str, tuple[str, list[str]]] = {
    "a network": ("127.0.0.0/8", EXCLUDED),
    "a name": ("foo.example", [XCLIENT, *EXCLUDED]),
    "a domain": (".foo.example", [XCLIENT, *EXCLUDED]),
    "the whole name": ("mx.foo.example", [XCLIENT, *EXCLUDED]),
    "a table": ("cidr:{{192.0.2.0/24 x}}", [XCLIENT, *EXCLUDED]),
    "by XCLIENT": ("192.0.2.7", [XCLIENT, *EXCLUDED]),
    "before XCLIENT": ("192.0.2.7", [XCLIENT[:-2] + "\n", QUIT]),
    "no more, by XCLIENT": ("127.0.0.1", [XCLIENT[:-2] + "\n", *EXCLUDED]),
    "an exception": ("!192.0.2.7, 192.0.2.0/24", [XCLIENT, *EXCLUDED]),
}
PIPELINED: dict[str, list[str]] = {
    "as it should be": [EHLO, MAIL + RCPT + DATA, f"{HEAD}x\r\n.\r\n{MAIL}{RCPT}", QUIT],
    "EHLO": [EHLO + MAIL, QUIT],
    "EHLO without a name": ["EHLO\r\n" + NOOP, QUIT],
    "HELO": [HELO + MAIL, QUIT],
    "MAIL in SMTP": [HELO, MAIL + RCPT, QUIT],
    "a bad MAIL in SMTP": [HELO, "MAIL FROM:<\r\n" + NOOP, QUIT],
    "RSET in SMTP": [HELO, "RSET\r\n" + NOOP, QUIT],
    "RSET": [EHLO, "RSET\r\n" + NOOP, QUIT],
    "DATA": [*_BEGIN, f"{DATA}{HEAD}x\r\n.\r\n", QUIT],
    "DATA too early": [EHLO, DATA + NOOP, QUIT],
    "NOOP": [EHLO, NOOP + NOOP, QUIT],
    "VRFY": [EHLO, "VRFY x\r\n" + NOOP, QUIT],
    "QUIT": [EHLO, QUIT + NOOP],
    "unknown": [EHLO, "FOO\r\n" + NOOP, QUIT],
    "XCLIENT": [XCLIENT + EHLO, QUIT],
    "a chunk": [EHLO, f"{MAIL}{RCPT}BDAT 2 LAST\r\n\r\n{NOOP}", QUIT],
    "a chunk in SMTP": [HELO, MAIL, RCPT, f"BDAT 2 LAST\r\n\r\n{NOOP}", QUIT],
    "behind a message": [*_BEGIN, DATA, f"{HEAD}x\r\n.\r\n{NOOP}{NOOP}", QUIT],
}
CODES: dict[str, list[str]] = {
    "in a message": [*_BEGIN, DATA, f"{HEAD}a\nb\r\n.\r\n", NOOP, QUIT],
    "in a chunk": [*_BEGIN, *bdat(f"{HEAD}a\n", "b\r\n"), NOOP, QUIT],
}

# What is set beside -> the dialogues that are recorded with it.
RUNS: dict[str, tuple[dict[str, str], dict[str, list[str]]]] = {
    **{
        f"bare newlines, {value}": ({"smtpd_forbid_bare_newline": value}, LINES)
        for value in ("no", "normalize", "reject")
    },
    "bare newlines, yes": ({"smtpd_forbid_bare_newline": "yes"}, {name: LINES[name] for name in ("end LF.LF", "NOOP")}),
    "bare newlines, Normalize": ({"smtpd_forbid_bare_newline": "Normalize"}, {"end LF.LF": LINES["end LF.LF"]}),
    **{
        f"exclusions, {name}": (
            {"smtpd_forbid_bare_newline": "reject", "smtpd_forbid_bare_newline_exclusions": value},
            {name: dialogue},
        )
        for name, (value, dialogue) in EXCLUSIONS.items()
    },
    "code 521": (
        {"smtpd_forbid_bare_newline": "reject", "smtpd_forbid_bare_newline_reject_code": "521"},
        {**CODES, "NOOP": LINES["NOOP"]},
    ),
    "code 599": ({"smtpd_forbid_bare_newline": "reject", "smtpd_forbid_bare_newline_reject_code": "599"}, CODES),
    "pipelining, no": ({"smtpd_forbid_unauth_pipelining": "no"}, PIPELINED),
    "pipelining, yes": ({"smtpd_forbid_unauth_pipelining": "yes"}, PIPELINED),
}  # fmt: skip
# Values with which smtpd does not start.
FATAL: list[dict[str, str]] = [
    {"smtpd_forbid_bare_newline": "note"},  # since 3.9
    {"smtpd_forbid_bare_newline": "maybe"},
    {"smtpd_forbid_bare_newline_reject_code": "499"},
    {"smtpd_forbid_bare_newline_reject_code": "600"},
]
