"""What is said to the example site, by whom: every client, sender and recipient, and dialogues of all extensions.

A dialogue is a list of steps: a command, answered once, or a list of commands that are sent at once, each answered
once. CR LF is added to a command; it may hold content, too.
"""

from __future__ import annotations

Step = str | list[str]

# (name, address) as XCLIENT tells them; [UNAVAILABLE] is a client without a name.
CLIENTS = [
    ("[UNAVAILABLE]", "203.0.113.5"),
    ("[UNAVAILABLE]", "203.0.113.7"),  # DUNNO
    ("[UNAVAILABLE]", "198.51.100.23"),  # REJECT, by its network
    ("[UNAVAILABLE]", "192.0.2.9"),  # the office
    ("localhost", "127.0.0.1"),
    ("mx7.bulk.example", "203.0.113.8"),  # 450, by its domain
    ("notbulk.example", "203.0.113.9"),
    ("mx.example.edu", "IPV6:2001:db8::1"),
]
SENDERS = [
    "carol@example.edu", "", "win@spammer.example", "win@sub.spammer.example", "boss@spammer.example",
    "BOSS@Spammer.Example", "noise@anywhere.example", "noise+x@anywhere.example", "unqualified", "alice@example.com",
    "ghost@example.com", '"two words"@example.edu', "x@[203.0.113.5]", "x@no-dot",
]  # fmt: skip
RECIPIENTS = [
    "info@example.org", "INFO@Example.ORG", "sales@example.org", "whoever@example.org", "info@sub.example.org",
    "alice@example.com", "alice+ext@example.com", "Alice@mail.example.com", "bob@localhost", "team@example.com",
    "archive@example.com", "ghost@example.com", "oldhand@example.com", "oldhand+x@example.com", "oldhand@example.org",
    "webmaster@example.com", "hosted@example.net", "hosted+x@example.net", "maildir@example.net", "ghost@example.net",
    "anyone@partner.example", "anyone@sub.partner.example", "erin@elsewhere.example", "erin@sub.example.com",
    "postmaster", "alice", "ghost", "postmaster@example.com", "alice@[127.0.0.1]", "alice@[192.0.2.250]",
    "erin%elsewhere.example@example.com", "elsewhere.example!erin@example.com", "@example.com:alice@example.com",
    "erin@elsewhere.example@example.com", '"alice"@example.com', '"erin@elsewhere.example"@example.com',
    '"a b"@example.com', "alice@example.com.", "alice@example..com", "erin@elsewhere", "alice@",
]  # fmt: skip
EHLO = "EHLO client.example.edu"
MAIL = "MAIL FROM:<carol@example.edu>"
RCPT = "RCPT TO:<info@example.org>"
TEXT = "Subject: t\r\n\r\nGood day.\r\n."

DIALOGUES: dict[str, list[Step]] = {
    "no helo": [MAIL, RCPT, "VRFY alice", "ETRN x.example", "AUTH PLAIN", "NOOP", "DATA", "BDAT 0", "QUIT"],
    "helo": ["HELO client.example.edu", MAIL, RCPT, "DATA", TEXT, "QUIT"],
    "helo that is no name": ["HELO -x-", MAIL, RCPT, "HELO a_b", MAIL, RCPT, "EHLO x..y", MAIL, RCPT],
    "helo, address literals": [
        "EHLO [192.0.2.1]", MAIL, RCPT, "EHLO 192.0.2.1", MAIL, RCPT, "EHLO [nonsense]", MAIL, RCPT,
    ],
    "helo without a name": ["EHLO", "HELO", "EHLO a b", MAIL],
    "ehlo": [EHLO, EHLO, "ehlo x.example"],
    "vrfy": [
        EHLO, "VRFY alice", "VRFY ghost", "VRFY info@example.org", "VRFY erin@elsewhere.example", "VRFY <alice>",
        "VRFY",
    ],
    "order": [
        EHLO, RCPT, "DATA", MAIL, MAIL, "DATA", RCPT, EHLO, RCPT, MAIL, RCPT, "RSET", RCPT, "DATA", "BDAT 0 LAST",
    ],
    "pipelining": [
        EHLO, [MAIL, RCPT, "RCPT TO:<ghost@example.com>", "RCPT TO:<alice@example.com>", "DATA"], TEXT, "QUIT",
    ],
    "pipelining, all refused": [
        EHLO, [MAIL, "RCPT TO:<ghost@example.com>", "RCPT TO:<e@elsewhere.example>", "DATA"], "QUIT",
    ],
    "pipelining, refused sender": [EHLO, ["MAIL FROM:<unqualified>", RCPT, "DATA", "RSET"], "QUIT"],
    "pipelining, two messages": [EHLO, [MAIL, RCPT, "DATA"], [TEXT, MAIL, RCPT, "DATA"], [TEXT, "QUIT"]],
    "pipelining, errors between": [
        EHLO, ["FOO", "MAIL", "RCPT", MAIL, "FOO", RCPT, "NOOP", "VRFY bob", "RSET", "NOOP"],
    ],
    "pipelining where it may not be": [EHLO, ["NOOP", MAIL], ["RCPT TO:<erin@elsewhere.example>", RCPT], "DATA", TEXT],
    "bdat": [EHLO, MAIL, RCPT, "BDAT 21 LAST\r\nSubject: t\r\n\r\nHello\r", "QUIT"],
    "bdat, chunks": [EHLO, MAIL, RCPT, ["BDAT 12\r\nSubject: t\r"[:-1], "NOOP"], "RSET"],
    "bdat, pipelined": [EHLO, [MAIL, RCPT, "BDAT 2\r\nA:", "NOOP", "BDAT 0 LAST"], "QUIT"],
    "bdat, empty": [EHLO, MAIL, RCPT, "BDAT 0 LAST", MAIL, RCPT, "BDAT 0", "BDAT 0", "BDAT 0 LAST"],
    "bdat, refused recipient": [EHLO, MAIL, "RCPT TO:<ghost@example.com>", ["BDAT 4 LAST\r\nab", "NOOP"], "RSET"],
    "bdat, data after it": [EHLO, MAIL, RCPT, "BDAT 2\r\n", "DATA", RCPT, MAIL, "RSET", MAIL],
    "bdat, syntax": [EHLO, MAIL, RCPT, "BDAT"],
    "bdat, bad number": [EHLO, MAIL, RCPT, "BDAT x LAST"],
    "bdat, too big": [EHLO, MAIL, RCPT, "BDAT 99999999999999999999"],
    "dsn, mail": [
        EHLO, f"{MAIL} RET=FULL ENVID=abc+3D", "RSET", f"{MAIL} RET=HDRS", "RSET", f"{MAIL} RET=ALL",
        f"{MAIL} ENVID=a+",
        f"{MAIL} ENVID=", f"{MAIL} RET=FULL RET=HDRS", "RSET", f"{MAIL} ENVID=a ENVID=b", "RSET", f"{MAIL} ret=full",
        "RSET",
    ],
    "dsn, rcpt": [
        EHLO, MAIL, f"{RCPT} NOTIFY=SUCCESS,FAILURE,DELAY", f"{RCPT} NOTIFY=NEVER", f"{RCPT} NOTIFY=NEVER,SUCCESS",
        f"{RCPT} NOTIFY=", f"{RCPT} NOTIFY=x", f"{RCPT} ORCPT=rfc822;info@example.org", f"{RCPT} ORCPT=rfc822;a+2Bb@c",
        f"{RCPT} ORCPT=x", f"{RCPT} ORCPT=", f"{RCPT} ORCPT=rfc822;", f"{RCPT} NOTIFY=DELAY ORCPT=rfc822;x@y",
        f"{RCPT} FOO=x",
        "DATA", TEXT,
    ],
    "size": [
        EHLO, f"{MAIL} SIZE=1000", "RSET", f"{MAIL} SIZE=20480000", "RSET", f"{MAIL} SIZE=20480001", "RSET",
        f"{MAIL} SIZE=0",
        "RSET", f"{MAIL} SIZE=x", f"{MAIL} SIZE=", f"{MAIL} SIZE=-1", f"{MAIL} SIZE=99999999999999999999",
        f"{MAIL} SIZE",
    ],
    "body": [
        EHLO, f"{MAIL} BODY=8BITMIME", RCPT, "DATA", "Subject: \xfc\r\n\r\n\xe4\xf6\xfc\r\n.", f"{MAIL} BODY=7BIT",
        "RSET",
        f"{MAIL} BODY=BINARYMIME", f"{MAIL} BODY=", f"{MAIL} body=8bitmime SIZE=5 RET=HDRS", RCPT, "QUIT",
    ],
    "smtputf8": [
        EHLO, "MAIL FROM:<j\u00f6rg@example.edu> SMTPUTF8", "RCPT TO:<\u00fc@example.com>", RCPT, "RSET",
        "MAIL FROM:<j\u00f6rg@example.edu>", "RSET", f"{MAIL} SMTPUTF8", "RCPT TO:<x@\u00fc.example>", "DATA", "RSET",
        "VRFY \u00fc", "VRFY \u00fc@example.com SMTPUTF8",
    ],
    "unknown parameters": [
        EHLO, f"{MAIL} FOO", f"{MAIL} AUTH=<>", f"{MAIL} FOO=BAR", "MAIL FROM:<a@b.example>SIZE=1", "HELP", "EXPN x",
    ],
    "dots": [EHLO, MAIL, RCPT, "DATA", "Subject: t\r\n\r\n..\r\n.x\r\n. \r\n.", "NOOP"],
    "no header": [
        EHLO, MAIL, RCPT, "DATA", " leading\r\n.", MAIL, RCPT, "DATA", ".", MAIL, RCPT, "DATA",
        "From x\r\n\r\ny\r\n.",
    ],
    "xclient again": [
        EHLO, "XCLIENT ADDR=192.0.2.7", "XCLIENT", "XFORWARD NAME=x", "STARTTLS", "AUTH PLAIN", "ETRN example.com",
    ],
    "many recipients": [EHLO, [MAIL, *(f"RCPT TO:<{n}@example.org>" for n in range(60)), "DATA"], TEXT],
    "syntax": [
        EHLO, "MAIL FROM:carol@example.edu", "RSET", "MAIL FROM: <carol@example.edu>", "RSET",
        "MAIL FROM:<carol@example.edu",
        "MAIL carol", "MAIL FROM:", "MAIL FROM:< >", "RSET", "MAIL FROM:<<carol@example.edu>>", "RSET", MAIL,
        "RCPT TO:", "RCPT TO:<>", "RCPT info@example.org",
        "RCPT TO:info@example.org", "RCPT TO: <info@example.org>", "RCPT TO:<a@b@c>", "DATA now", "QUIT now", "RSET x",
    ],
    "long line": ["NOOP " + "x" * 3000, "EHLO " + "x" * 300, EHLO, f"RCPT TO:<{'x' * 600}@example.com>", MAIL,
                  f"RCPT TO:<{'x' * 600}@example.com>", f"RCPT TO:<{'x' * 60}.{'y' * 200}@example.org>"],
}  # fmt: skip
