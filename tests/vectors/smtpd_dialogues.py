"""Dialogues of which the configuration decides a part; record_smtp.py plays them to the real smtpd, with its log.

A step is what is sent at once. The original dumps core in some of them (BDAT LAST behind an earlier error).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from tests.vectors.smtp_dialogues import lines


class Dialogue(NamedTuple):
    settings: Mapping[str, str]
    steps: list[bytes]


E = "EHLO c.example"
MAIL = "MAIL FROM:<a@b.test>"
RCPT = "RCPT TO:<a@localhost>"
BIG = (b"x" * 998 + b"\r\n") * 120 + b".\r\n"
NO_DELAY = {"smtpd_delay_reject": "no"}
DENIED = {**NO_DELAY, "smtpd_client_restrictions": "reject"}
BAD = lines(
    *("FOO", "", "RCPT TO:<x>", "DATA", "MAIL", "HELO", "VRFY", "STARTTLS", "AUTH", "ETRN a", "XCLIENT X"),
    *("XFORWARD X", "MAIL FROM:<a@b> FOO", "MAIL FROM:<-a>", "MAIL FROM:<a@b> SIZE=999999", "BDAT x"),
)
HOSTILE = lines(
    *("EHLO ${bad", "FOO", "EHLO $client_address", "FOO", "EHLO a<b>", "FOO", "EHLO a$$b${c}é", "FOO"),
    *("MAIL FROM:<$client_name@x>", "FOO"),
)

_AFTER_REFUSED_MAIL = {
    "size": lines(E, f"{MAIL} SIZE=99999999", f"{MAIL} RET=HDRS ENVID=x", RCPT, f"{MAIL} SIZE=5", RCPT, "QUIT"),
    "size, RSET": lines(E, f"{MAIL} SIZE=99999999", "RSET", MAIL, "QUIT"),
    "size, EHLO": lines(E, f"{MAIL} SIZE=99999999", E, MAIL, "QUIT"),
    "size, XCLIENT": lines(E, f"{MAIL} SIZE=99999999", "XCLIENT PORT=5", MAIL, "QUIT"),
    "size, others": lines(E, f"{MAIL} SIZE=99999999", "HELO", "VRFY x", "NOOP", "RSET x", MAIL, "QUIT"),
    "size, refused otherwise": lines(
        *(E, f"{MAIL} SIZE=99999999999999999999", MAIL, "RSET", f"{MAIL} SIZE=99999999 FOO", MAIL),
        *(f"{MAIL} SIZE=x", MAIL, f"{MAIL} FOO SIZE=1", MAIL, "MAIL FROM:<-a@b.test> SIZE=1", MAIL, "QUIT"),
    ),
    "size, twice": lines(E, f"{MAIL} SIZE=1 SIZE=999999", "RSET", f"{MAIL} SIZE=999999 SIZE=1", "QUIT"),
    "size, numbers": lines(E, *(f"{MAIL} SIZE={n}" for n in (2**63 - 1, 2**63, "0" * 30 + "3")), "QUIT"),
    "smtputf8": lines(
        *(E, f"{MAIL} SMTPUTF8 FOO", "MAIL FROM:<a@é.test>", "RCPT TO:<x@é.test>", "MAIL FROM:<-a@b> SMTPUTF8"),
        *("MAIL FROM:<a@é.test>", f"{MAIL} SIZE=999999 SMTPUTF8", MAIL, f"{MAIL} SIZE=1", "RCPT TO:<x@é.test>", "QUIT"),
    ),
    "smtputf8, VRFY": lines(E, "VRFY a@é.test SMTPUTF8", "VRFY a@é.test", MAIL, "RCPT TO:<x@é.test>", "QUIT"),
    "auth": lines(
        *(E, f"{MAIL} AUTH=x FOO", f"{MAIL} AUTH=y", "RSET", f"{MAIL} AUTH=<> FOO", f"{MAIL} AUTH=x", "RSET"),
        *(f"{MAIL} AUTH=a+zz FOO", f"{MAIL} AUTH=x", "RSET", "MAIL FROM:<-a@b> AUTH=y", f"{MAIL} AUTH=x", "QUIT"),
    ),
    "ret, envid": lines(E, f"{MAIL} RET=HDRS ENVID=x FOO", f"{MAIL} RET=FULL ENVID=y", "QUIT"),
    "notify, orcpt": lines(E, MAIL, f"{RCPT} NOTIFY=NEVER FOO", f"{RCPT} NOTIFY=NEVER ORCPT=rfc822;x", "QUIT"),
}
_ORDER = {
    "recipient limit": lines(
        *(E, MAIL, *[RCPT] * 6, "RCPT TO:<joe@@corp.test>", "RCPT TO:<joe@-x>", "RCPT TO:<joe@x> FOO"),
        *("RCPT TO:<-joe@x> FOO", "RCPT TO:<joe@@x> FOO", "RCPT", f"{RCPT} NOTIFY=x", "RCPT TO:<a@@b@localhost>"),
        *("RCPT TO:<u@@>", "RSET", MAIL, RCPT, "QUIT"),
    ),
    "recipients beyond the limit": lines(E, MAIL, *[RCPT] * 30, "NOOP", "QUIT"),
    "address, then parameters": lines(
        *(E, "MAIL FROM:<joe@@corp.test> FOO", "MAIL FROM:<u@@> FOO", "MAIL FROM:<u@@> SIZE=999999"),
        *("MAIL FROM:<joe@@corp.test> SIZE=x", f"{MAIL} SIZE=999999 FOO", MAIL, "RSET", MAIL),
        *("RCPT TO:<joe@@corp.test> FOO", "RCPT TO:<u@@> FOO", "RCPT TO:<u1@@>", "RCPT TO:<@>", "QUIT"),
    ),
    "at the end": lines(
        *(E, MAIL, "RCPT TO:<u1@corp.test@>", "RCPT TO:<u1@corp.test@@>", "RCPT TO:<u1@corp.test.@>"),
        *("RCPT TO:<u1@localhost@>", "RSET", "MAIL FROM:<u1@corp.test@>", "RSET", "MAIL FROM:<u1@@>", "MAIL FROM:<@>"),
        *("VRFY a@b@", "VRFY joe@@x", "VRFY @", "QUIT"),
    ),
}
_HEADERS = {
    f"header {number}": lines(*steps)
    for number, steps in enumerate(
        (
            *(("Subject: x",), ("Subject:x",), ("MAIL:",), ("NOOP: x",), ("Subject : x", "a<:"), (":x",), ('"a":',)),
            *(("é:",), ("a\x07:", "x<a b>:", "x y:", "x\\ y:", "QUIT"), (E, MAIL, RCPT, "X-A: b")),
            *((E, MAIL, RCPT, "CONNECT x"), (*["FOO"] * 19, "Subject: x"), (*["FOO"] * 20, "Subject: x")),
            (E, MAIL, "RCPT TO:<-x@y>", "DATA", "Subject: x"),
        )
    )
}
_BDAT = {
    "largest": [*lines(E, MAIL, RCPT), b"BDAT 9223372036854775807\r\nabc"],
    "larger": [*lines(E, MAIL, RCPT), b"BDAT 9223372036854775808\r\nabc"],
    "18 digits": [*lines(E, MAIL, RCPT), b"BDAT 999999999999999999 LAST\r\nabc"],
    "leading zeros": [*lines(E, MAIL, RCPT), b"BDAT 0000000000000000000000000003 LAST\r\nabc", *lines("NOOP", "QUIT")],
    "sign": [*lines(E, MAIL, RCPT), b"BDAT +3 LAST\r\nabc"],
    "no number": lines(E, MAIL, RCPT, "BDAT LAST"),
    "three words": [*lines(E, MAIL, RCPT), b"bdat 3 lASt\r\nabc", b"BDAT 3 LAST x\r\nabc"],
    "forbidden command": [*lines(E, MAIL, RCPT), b"BDAT 3\r\na:b", b"GET /\r\n"],
    "header after an error": [*lines(E), b"BDAT 3\r\na:b", b"a: b\r\n"],
    "EHLO between": [
        *lines(E, MAIL, RCPT),
        b"BDAT 3\r\na:b",
        *lines("HELO", "EHLO x"),
        b"BDAT 1 LAST\r\nx",
        *lines(MAIL, "BDAT 0 LAST", "QUIT"),
    ],
}

DIALOGUES: dict[str, Dialogue] = {
    **{f"refused MAIL: {name}": Dialogue({}, steps) for name, steps in _AFTER_REFUSED_MAIL.items()},
    **{f"order: {name}": Dialogue({}, steps) for name, steps in _ORDER.items()},
    **{name: Dialogue({}, steps) for name, steps in _HEADERS.items()},
    **{f"bdat: {name}": Dialogue({}, steps) for name, steps in _BDAT.items()},
    "overshoot limit": Dialogue({"smtpd_recipient_overshoot_limit": "3"}, lines(E, MAIL, *[RCPT] * 28, "NOOP", "QUIT")),
    "bdat: unlimited": Dialogue(
        {"message_size_limit": "0"}, [*lines(E, MAIL, RCPT), b"BDAT 9223372036854775807\r\n" + b"x" * 3000]
    ),
    "bdat: refused as DATA is": Dialogue(
        {"smtpd_data_restrictions": "reject"},
        [
            *lines(E, MAIL, RCPT),
            b"BDAT 3\r\nabc",
            b"BDAT 3 LAST\r\nabc",
            *lines(MAIL, "QUIT"),
        ],
    ),
    "bdat: refused at its end": Dialogue(
        {"smtpd_end_of_data_restrictions": "reject"},
        [*lines(E, MAIL, RCPT), b"BDAT 3\r\nabc", b"BDAT 3 LAST\r\nabc"],
    ),
    "withheld: chunking": Dialogue({"smtpd_discard_ehlo_keywords": "chunking"}, lines(E, "BDAT")),
    "withheld: chunking, in MAIL": Dialogue(
        {"smtpd_discard_ehlo_keywords": "chunking"}, lines(E, MAIL, RCPT, "BDAT 5 LAST")
    ),
    "withheld: chunking, without EHLO": Dialogue({"smtpd_discard_ehlo_keywords": "chunking"}, lines("BDAT 5 x")),
    "withheld: everything": Dialogue(
        {"smtpd_discard_ehlo_keywords": "dsn smtputf8 size 8bitmime vrfy etrn pipelining xclient xforward chunking"},
        lines(
            *("MAIL FROM:<a@b> RET=HDRS", E, "MAIL FROM:<a@b> RET=x", "MAIL FROM:<a@b> ENVID=x"),
            *("MAIL FROM:<a@b> SIZE=999999", "RSET", "MAIL FROM:<a@b> BODY=8BITMIME SIZE=5", "RSET"),
            *("MAIL FROM:<a@b> SMTPUTF8", "MAIL FROM:<a@é> SMTPUTF8", "MAIL FROM:<é@b>", f"{RCPT} NOTIFY=NEVER"),
            *(f"{RCPT} ORCPT=rfc822;x", f"{RCPT} NOTIFY=", "RCPT TO:<é@localhost>", "VRFY a@b SMTPUTF8", "VRFY é@b"),
            *("RSET", "ETRN localhost", "HELO x", "MAIL FROM:<a@b> RET=HDRS", "XCLIENT PORT=5", "QUIT"),
        ),
    ),
    "withheld: by address": Dialogue(
        {
            "smtpd_discard_ehlo_keyword_address_maps": "inline:{{127.0.0.1=chunking dsn}}",
            "smtpd_discard_ehlo_keywords": "smtputf8",
        },
        lines(
            *(f"{MAIL} RET=HDRS", f"{MAIL} SMTPUTF8", "EHLO x", f"{MAIL} SMTPUTF8", "RSET", "XCLIENT ADDR=192.0.2.1"),
            *(f"{MAIL} SMTPUTF8", f"{MAIL} RET=HDRS", "QUIT"),
        ),
    ),
    "withheld: cannot be told": Dialogue(
        {"smtpd_discard_ehlo_keyword_address_maps": "fail:x", "smtpd_discard_ehlo_keywords": "smtputf8"},
        lines(f"{MAIL} SMTPUTF8", MAIL, "RSET", "EHLO x"),
    ),
    "denied": Dialogue(
        DENIED,
        lines(
            *(
                "RCPT TO:<a@b>",
                "DATA",
                "FOO",
                "NOOP",
                "RSET",
                "VRFY x",
                "ETRN x",
                "HELO x",
                E,
                "MAIL FROM:<a@b>",
                "BDAT",
            ),
            *("XCLIENT", "XFORWARD x", "STARTTLS", "AUTH", "", "HELP", "QUIT x"),
        ),
    ),
    "denied, errors": Dialogue(DENIED, lines(*["NOOP"] * 25)),
    "denied, header": Dialogue(DENIED, lines("Subject: x")),
    "denied, bdat": Dialogue(DENIED, [b"BDAT 4\r\nabcd\r\n", *lines("NOOP")]),
    "denied, not utf-8": Dialogue(DENIED, [b"\xff\r\n", b"QUIT\r\n"]),
    "denied, 421": Dialogue(
        {**DENIED, "smtpd_client_restrictions": "check_client_access static:{421 bye}"}, lines("NOOP")
    ),
    "denied, 521": Dialogue(
        {**DENIED, "smtpd_client_restrictions": "check_client_access static:{521 bye}"}, lines("NOOP")
    ),
    "denied, noop commands": Dialogue(
        {**DENIED, "smtpd_noop_commands": "XNOP RCPT QUIT"}, lines("XNOP", "RCPT TO:<x>", "QUIT")
    ),
    "denied, by XCLIENT": Dialogue(
        {**NO_DELAY, "smtpd_client_restrictions": "check_client_access inline:{{192.0.2.1=REJECT}}"},
        lines("XCLIENT ADDR=192.0.2.1", "NOOP", "RCPT TO:<x>", "XCLIENT ADDR=127.0.0.1", "EHLO x", "QUIT"),
    ),
    "denied, footer, soft_bounce": Dialogue(
        {**DENIED, "smtpd_reject_footer": "foot", "soft_bounce": "yes"}, lines("NOOP", "QUIT")
    ),
    "HELO refused": Dialogue(
        {
            **NO_DELAY,
            "smtpd_helo_restrictions": "check_helo_access inline:{{bad=REJECT}}",
            "smtpd_helo_required": "yes",
        },
        lines(
            *(
                "EHLO bad",
                "MAIL FROM:<a@b>",
                "ETRN x",
                "AUTH",
                "VRFY a",
                "RCPT TO:<a@b>",
                "DATA",
                "EHLO ok",
                "EHLO bad",
            ),
            *("MAIL FROM:<a@b>", RCPT, "HELO bad", RCPT, "DATA", ".", "QUIT"),
        ),
    ),
    "size before the sender": Dialogue(
        {**NO_DELAY, "smtpd_sender_restrictions": "check_sender_access inline:{{r@b.test=REJECT},{d@b.test=DISCARD}}"},
        lines(
            *(E, "MAIL FROM:<r@b.test> SIZE=999999", "MAIL FROM:<r@b.test> FOO", "MAIL FROM:<d@b.test> SIZE=999999"),
            *(f"{MAIL} SIZE=1", RCPT, "DATA", ".", "MAIL FROM:<r@b.test>", MAIL, RCPT, "QUIT"),
        ),
    ),
    "forbidden, own": Dialogue(
        {"smtpd_noop_commands": "XNOP RCPT GET", "smtpd_forbidden_commands": "XNOP RCPT CONNECT GET"},
        lines("XNOP", "RCPT TO:<x>", "GET /", "<x>", "NOOP", "CONNECT"),
    ),
    "forbidden, known commands": Dialogue(
        {"smtpd_forbidden_commands": "RCPT NOOP"}, lines("NOOP", "RCPT TO:<x>", "QUIT")
    ),
    "forbidden, none": Dialogue(
        {"smtpd_forbidden_commands": ""}, lines("GET /", "<x>", "CONNECT", ":x", "é:", "Subject: x")
    ),
    "soft_bounce": Dialogue({"soft_bounce": "yes"}, BAD),
    "soft_bounce, message": Dialogue(
        {"soft_bounce": "yes"}, [*lines(MAIL, RCPT, "DATA"), BIG, b"BDAT 0\r\n", *lines("GET /")]
    ),
    "soft_bounce, no chunking": Dialogue(
        {"soft_bounce": "yes", "smtpd_discard_ehlo_keywords": "chunking"}, lines("BDAT 5")
    ),
    "footer": Dialogue({"smtpd_reject_footer": "call $client_address about $recipient"}, BAD),
    "footer, joined": Dialogue(
        {"smtpd_reject_footer": "\\c; call $client_address about $sender $recipient"},
        [*lines(MAIL, RCPT, "DATA"), BIG, b"BDAT 0\r\n", *lines(*["FOO"] * 18)],
    ),
    "footer, by table": Dialogue(
        {"smtpd_reject_footer_maps": "pcre:{{/^500/ one}, {/^503/ two\\ntwo}, {/^4/ four}}"}, BAD
    ),
    "footer, table fails": Dialogue({"smtpd_reject_footer_maps": "fail:x", "smtpd_reject_footer": "x"}, BAD[:4]),
    "footer, broken": Dialogue({"smtpd_reject_footer": "${bad"}, BAD[:4]),
    "footer, hostile": Dialogue(
        {"smtpd_reject_footer": "h=$helo_name b=$bogus c=${bogus?x} d=${bogus:y} s=$sender"}, HOSTILE
    ),
    "footer, filter": Dialogue({"smtpd_reject_footer": "h=$helo_name", "smtpd_expansion_filter": "abc"}, HOSTILE),
    "no SMTPUTF8": Dialogue(
        {"smtputf8_enable": "no"},
        lines(E, f"{MAIL} SMTPUTF8", "MAIL FROM:<é@b>", "VRFY a@b SMTPUTF8", "RCPT TO:<é@localhost>", "é: x"),
    ),
    "VRFY disabled": Dialogue({"disable_vrfy_command": "yes"}, lines("VRFY", "VRFY a", "VRFY <", "QUIT")),
    "server's faults under warn_if_reject": Dialogue(
        {
            "smtpd_client_restrictions": "warn_if_reject check_client_access fail:x",
            "smtpd_helo_restrictions": "warn_if_reject check_helo_access inline:{{bad=nonsense}}",
            "smtpd_sender_restrictions": "warn_if_reject reject_unlisted_sender",
            "transport_maps": "inline:{{bad.test=tm:}}, fail:x",
        },
        lines("EHLO bad", MAIL, RCPT, E, "MAIL FROM:<x@bad.test>", "RCPT TO:<y@bad.test>", RCPT, "QUIT"),
    ),
}

# Every command in every state, and what RCPT and DATA say behind it.
_MATRIX = {
    "smtpd_recipient_restrictions": "check_recipient_access inline:{{r@localhost=REJECT}}",
    "smtpd_data_restrictions": "check_sender_access inline:{{d@b.test=REJECT}}",
}
STATES: dict[str, bytes] = {
    "fresh": b"",
    "helo": b"".join(lines(E)),
    "mail refused": b"".join(lines(E, f"{MAIL} SIZE=999999")),
    "mail": b"".join(lines(E, MAIL)),
    "rcpt refused": b"".join(lines(E, MAIL, "RCPT TO:<r@localhost>")),
    "rcpt": b"".join(lines(E, MAIL, RCPT)),
    "data refused": b"".join(lines(E, "MAIL FROM:<d@b.test>", RCPT, "DATA")),
    "chunk": b"".join(lines(E, MAIL, RCPT, "BDAT 5\r\na: b")),
    "broken": b"".join(lines(E, "BDAT 5\r\na: b")),
    "broken mail": b"".join(lines(E, MAIL, "BDAT 5\r\na: b")),
    "broken rcpt": b"".join(lines(E, MAIL, RCPT, "BDAT 0")),
    "ended": b"".join(lines(E, MAIL, RCPT, "DATA", ".")),
    "ended by chunk": b"".join(lines(E, MAIL, RCPT, "BDAT 5 LAST\r\na: b")),
}
COMMANDS = (
    *("", "HELO", "HELO x", "EHLO y", "MAIL", "MAIL FROM:<n@b.test>", "MAIL FROM:<-x>", "MAIL FROM:<n@b.test> FOO"),
    *("RCPT", RCPT, "RCPT TO:<-x>", f"{RCPT} FOO", "RCPT TO:<r@localhost>", "DATA", "DATA x", "BDAT 0"),
    *("BDAT 4 LAST\r\nxy", "BDAT x", "RSET", "RSET x", "NOOP", "VRFY", "VRFY a", "ETRN", "ETRN localhost", "ETRN -"),
    *("XCLIENT", "XCLIENT X", "XCLIENT PORT=1", "XFORWARD", "XFORWARD X", "XFORWARD NAME=x", "STARTTLS", "STARTTLS x"),
    *("AUTH", "AUTH PLAIN", "FOO", "CONNECT", "Subject: x", "QUIT x"),
)
DIALOGUES |= {
    f"{state} | {command}": Dialogue(
        _MATRIX,
        [
            *([prelude] if prelude else []),
            *lines(command),
            *lines(RCPT),
            *([] if state.startswith("broken") else lines("DATA")),
        ],
    )
    for state, prelude in STATES.items()
    for command in COMMANDS
}
