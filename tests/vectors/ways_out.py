"""Ways on which mail leaves: fallback relays, greetings, local addresses, lines, 8-bit text for hosts that take none.

record_ways_out.py has the real smtp(8) go them. A case is settings, what each of two servers says
(`tests.mta.scripted_server`), and what is sent. @A@ and @B@ are the servers' ports; mail goes to the first.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

Script = Mapping[str, str]
NOTHING: Script = MappingProxyType({})
SEVEN = "250-sink.example\n250 SIZE 1000000"
PLAIN = b"From: a@b.example\nSubject: x\nMessage-ID: <1@b.example>\nDate: Mon, 30 Nov 2026 19:00:00 +0000\n"


class Case(NamedTuple):
    settings: Mapping[str, str] = NOTHING
    first: Script = NOTHING
    second: Script = NOTHING
    content: bytes = PLAIN + b"\nx\n"
    recipients: tuple[str, ...] = ("x@y.example",)


FALLBACK = {"smtp_fallback_relay": "[127.0.0.1]:@B@"}
REFUSED = {"banner": "554 5.3.2 go away"}
LATER = {"banner": "421 4.3.2 later"}
TWO = ("x@y.example", "later@y.example")

WAYS: dict[str, Case] = {
    "fallback, not needed": Case(FALLBACK),
    "fallback, nobody there": Case({**FALLBACK, "default_transport": "smtp:[127.0.0.1]:1"}),
    "fallback, greeting 421": Case(FALLBACK, LATER),
    "fallback, greeting 554": Case(FALLBACK, REFUSED),
    "fallback, no greeting": Case(FALLBACK, {"banner": "<close>"}),
    "fallback, EHLO and HELO 550": Case(FALLBACK, {"EHLO": "550 5.7.1 no", "HELO": "550 5.7.1 no"}),
    "fallback, MAIL 450": Case(FALLBACK, {"MAIL": "450 4.7.1 later"}),
    "fallback, MAIL 550": Case(FALLBACK, {"MAIL": "550 5.7.1 no"}),
    "fallback, RCPT 450": Case(FALLBACK, {"RCPT": "450 4.7.1 later"}),
    "fallback, RCPT 550": Case(FALLBACK, {"RCPT": "550 5.7.1 no"}),
    "fallback, DATA 450": Case(FALLBACK, {"DATA": "450 4.7.1 later"}),
    "fallback, the end 450": Case(FALLBACK, {".": "450 4.7.1 later"}),
    "fallback, the end 550": Case(FALLBACK, {".": "550 5.7.1 no"}),
    "fallback, lost at the end": Case(FALLBACK, {".": "<close>"}),
    "fallback, both refuse": Case(FALLBACK, REFUSED, REFUSED),
    "fallback, the second refuses the recipient": Case(FALLBACK, LATER, {"RCPT": "550 5.7.1 no"}),
    "fallback, several": Case({"smtp_fallback_relay": "[127.0.0.1]:1, [127.0.0.1]:@B@"}, LATER),
    "fallback, a bad name": Case({"smtp_fallback_relay": "[127.0.0.1]:nowhere"}, LATER),
    "fallback, a host without an address": Case({"smtp_fallback_relay": "[none.invalid]"}, LATER),
    "fallback, the first without an address": Case({**FALLBACK, "default_transport": "smtp:[none.invalid]"}),
    "fallback, an old name": Case({"fallback_relay": "[127.0.0.1]:@B@"}, LATER),
    "no session more than one": Case({**FALLBACK, "smtp_mx_session_limit": "1"}, {"RCPT": "450 4.7.1 later"}),
    "greeting 554, skipped": Case({"smtp_skip_5xx_greeting": "yes"}, REFUSED),
    "greeting 554, final": Case({"smtp_skip_5xx_greeting": "no"}, REFUSED),
    "greeting 554, final, fallback": Case({**FALLBACK, "smtp_skip_5xx_greeting": "no"}, REFUSED),
    "greeting 421, not skipped": Case({"smtp_skip_5xx_greeting": "no"}, LATER),
    "never EHLO": Case({"smtp_never_send_ehlo": "yes"}),
    "never EHLO, offered": Case({"smtp_never_send_ehlo": "yes"}, {"banner": "220 sink.example ESMTP"}),
    "EHLO where it is offered": Case({"smtp_always_send_ehlo": "no"}, {"banner": "220 sink.example ESMTP"}),
    "EHLO where it is offered, small letters": Case(
        {"smtp_always_send_ehlo": "no"}, {"banner": "220 sink.example esmtp"}
    ),
    "EHLO where it is offered, as part of a word": Case(
        {"smtp_always_send_ehlo": "no"}, {"banner": "220 sink.example xESMTPx"}
    ),
    "EHLO where it is offered, in a further line": Case(
        {"smtp_always_send_ehlo": "no"}, {"banner": "220-sink.example hello\n220 ESMTP"}
    ),
    "HELO where EHLO is not offered": Case({"smtp_always_send_ehlo": "no"}, {"banner": "220 sink.example hello"}),
    "a local address": Case({"smtp_bind_address": "127.0.0.9"}),
    "a local address that is none of ours": Case({"smtp_bind_address": "192.0.2.9"}),
    "a local address for IPv6": Case({"smtp_bind_address6": "::1"}),
    "a long line": Case(content=PLAIN + b"\n" + b"x" * 2500 + b"\n" + b"." * 1200 + b"\n"),
    "lines of 100": Case({"smtp_line_length_limit": "100"}, content=PLAIN + b"\n" + b"y" * 350 + b"\n"),
    "lines as long as they are": Case({"smtp_line_length_limit": "0"}, content=PLAIN + b"\n" + b"z" * 2500 + b"\n"),
    "lines of 12": Case(
        {"smtp_line_length_limit": "12"}, content=b"Subject: a long subject\n\n12 bytes now\n13 bytes here\n"
    ),
}

_TEXT = b"MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n"
_EIGHT = _TEXT + b"Content-Transfer-Encoding: 8bit\n"
_PARTS = (
    b'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="=b"\n%b\n\npreamble\n--=b\n'
    b"Content-Type: text/plain\n\nseven\n--=b\nContent-Type: text/plain; charset=utf-8\n"
    b"Content-Transfer-Encoding: 8bit\n\ncaf\xc3\xa9 = two\n--=b--\nend\n"
)
_BODIES: dict[str, bytes] = {
    "text": PLAIN + _EIGHT + b"\ncaf\xc3\xa9\n",
    "text, no encoding named": PLAIN + _TEXT + b"\ncaf\xc3\xa9\n",
    "text, 7bit named": PLAIN + _TEXT + b"Content-Transfer-Encoding: 7bit\n\ncaf\xc3\xa9\n",
    "text, binary named": PLAIN + _TEXT + b"Content-Transfer-Encoding: binary\n\ncaf\xc3\xa9\n",
    "text, quoted-printable named": PLAIN + _TEXT + b"Content-Transfer-Encoding: quoted-printable\n\ncaf\xc3\xa9 =3D\n",
    "text, an unknown encoding": PLAIN + _TEXT + b"Content-Transfer-Encoding: x-foo\n\ncaf\xc3\xa9\n",
    "no MIME": PLAIN + b"\ncaf\xc3\xa9\n",
    "only a header": PLAIN + "X-Caf\u00e9: caf\u00e9\n".encode() + b"\nx\n",
    "7-bit text, 8bit named": PLAIN + _EIGHT + b"\ncafe = x\n",
    "characters": PLAIN
    + _EIGHT
    + b"\n=\xc3\xa9\t \n \n.\n..\n\x7f\x01 \nFrom x\nend \n"
    + bytes(range(128, 256))
    + b"\n",
    "long lines": PLAIN
    + _EIGHT
    + b"\n"
    + b"\xc3\xa9" * 60
    + b"\n"
    + b"x" * 200
    + b"\n"
    + b"y" * 75
    + b"\n"
    + b"z" * 76
    + b"\n",
    "a line of 3000": PLAIN + _EIGHT + b"\n" + b"\xc3\xa9" * 1500 + b"\n",
    "parts": PLAIN + _PARTS % b"Content-Transfer-Encoding: 8bit",
    "parts, no encoding named": PLAIN + _PARTS % b"X-A: b",
    "a message within": PLAIN
    + b"MIME-Version: 1.0\nContent-Type: message/rfc822\nContent-Transfer-Encoding: 8bit\n\nSubject: y\n"
    + _EIGHT
    + b"\ncaf\xc3\xa9\n",
    "a partial message": PLAIN
    + b"MIME-Version: 1.0\nContent-Type: message/partial; id=x; number=1\nContent-Transfer-Encoding: 8bit\n"
    + b"\ncaf\xc3\xa9\n",
    "an encoding in capitals, folded": PLAIN + _TEXT + b"Content-Transfer-Encoding:\n 8BIT (so)\n\ncaf\xc3\xa9\n",
    "no end of a line": PLAIN + _EIGHT + b"\ncaf\xc3\xa9",
    "an application": PLAIN
    + b"MIME-Version: 1.0\nContent-Type: application/octet-stream\nContent-Transfer-Encoding: 8bit\n\n\xff\xfe\n",
    "two encodings": PLAIN + _EIGHT + b"Content-Transfer-Encoding: 8bit\n\ncaf\xc3\xa9\n",
}
WAYS |= {f"8-bit, {name}": Case({}, {"EHLO": SEVEN}, content=body) for name, body in _BODIES.items()}
WAYS |= {
    "8-bit, taken": Case(content=_BODIES["text"]),
    "8-bit, by HELO": Case({"smtp_never_send_ehlo": "yes"}, content=_BODIES["text"]),
    "8-bit, as it is": Case({"disable_mime_output_conversion": "yes"}, {"EHLO": SEVEN}, content=_BODIES["text"]),
    "8-bit, not looked at": Case({"disable_mime_input_processing": "yes"}, {"EHLO": SEVEN}, content=_BODIES["text"]),
}

# What Postfix sends to hosts that offer all of this, and to others.
OFFERS = (
    "250-sink.example\n250-PIPELINING\n250-SIZE 1000000\n250-8BITMIME\n250-DSN\n250-AUTH PLAIN\n"
    "250 XFORWARD NAME ADDR PORT PROTO HELO IDENT SOURCE"
)
STEPWISE = "250-sink.example\n250 8BITMIME"
FORWARDS = {"smtp_send_xforward_command": "yes"}
WAYS |= {
    "keywords, all": Case({}, {"EHLO": OFFERS}, content=_BODIES["text"]),
    "keywords, some left out": Case(
        {"smtp_discard_ehlo_keywords": "SIZE, 8bitmime"}, {"EHLO": OFFERS}, content=_BODIES["text"]
    ),
    "keywords, pipelining left out": Case(
        {"smtp_discard_ehlo_keywords": "pipelining"}, {"EHLO": OFFERS}, recipients=TWO
    ),
    "keywords, silently": Case({"smtp_discard_ehlo_keywords": "silent-discard, dsn, size"}, {"EHLO": OFFERS}),
    "keywords, one that there is not": Case({"smtp_discard_ehlo_keywords": "nonsense, size"}, {"EHLO": OFFERS}),
    "keywords, by address": Case(
        {
            "smtp_discard_ehlo_keyword_address_maps": "inline:{127.0.0.1=pipelining}",
            "smtp_discard_ehlo_keywords": "size",
        },
        {"EHLO": OFFERS},
        recipients=TWO,
    ),
    "keywords, by another address": Case(
        {
            "smtp_discard_ehlo_keyword_address_maps": "inline:{127.0.0.2=pipelining}",
            "smtp_discard_ehlo_keywords": "size",
        },
        {"EHLO": OFFERS},
        recipients=TWO,
    ),
    "keywords, a table that fails": Case(
        {"smtp_discard_ehlo_keyword_address_maps": "fail:1111_no_such_map", "smtp_discard_ehlo_keywords": "size"},
        {"EHLO": OFFERS},
    ),
    "the client is told of": Case(FORWARDS, {"EHLO": OFFERS}),
    "the client is told of, step by step": Case(
        FORWARDS, {"EHLO": "250-sink.example\n250-8BITMIME\n250 XFORWARD NAME ADDR PROTO HELO"}
    ),
    "the client is told of, a name and an address": Case(
        FORWARDS, {"EHLO": "250-sink.example\n250-PIPELINING\n250 XFORWARD NAME ADDR"}
    ),
    "the client is told of, of port, ident and source": Case(
        FORWARDS, {"EHLO": "250-sink.example\n250-PIPELINING\n250 XFORWARD PORT IDENT SOURCE"}
    ),
    "the client is told of, small letters": Case(FORWARDS, {"EHLO": "250-sink.example\n250 xforward addr helo what"}),
    "the client is told of, nothing": Case(FORWARDS, {"EHLO": "250-sink.example\n250 XFORWARD"}),
    "the client is told of, not offered": Case(FORWARDS),
    "the client is told of, refused": Case(FORWARDS, {"EHLO": OFFERS, "XFORWARD": "501 5.5.4 no"}),
    "the client is told of, put off": Case(FORWARDS, {"EHLO": OFFERS, "XFORWARD": "421 4.3.2 later"}),
    "the client is told of, left out": Case({**FORWARDS, "smtp_discard_ehlo_keywords": "xforward"}, {"EHLO": OFFERS}),
    "keywords, many": Case(
        {"smtp_discard_ehlo_keywords": "xforward, dsn, size, auth, pipelining, 8bitmime"}, {"EHLO": OFFERS}
    ),
}
_SECOND = "1s"
_ONE_BY_ONE = {"EHLO": STEPWISE}
WAYS |= {
    f"too late, {name}": Case({parameter: _SECOND}, {**script, verb: "<hang>"})
    for name, parameter, script, verb in (
        ("the greeting", "smtp_helo_timeout", NOTHING, "banner"),
        ("EHLO", "smtp_helo_timeout", NOTHING, "EHLO"),
        ("MAIL", "smtp_mail_timeout", NOTHING, "MAIL"),
        ("MAIL, one by one", "smtp_mail_timeout", _ONE_BY_ONE, "MAIL"),
        ("RCPT", "smtp_rcpt_timeout", NOTHING, "RCPT"),
        ("RCPT, one by one", "smtp_rcpt_timeout", _ONE_BY_ONE, "RCPT"),
        ("DATA", "smtp_data_init_timeout", NOTHING, "DATA"),
        ("DATA, one by one", "smtp_data_init_timeout", _ONE_BY_ONE, "DATA"),
        ("the end", "smtp_data_done_timeout", NOTHING, "."),
        ("QUIT", "smtp_quit_timeout", _ONE_BY_ONE, "QUIT"),
    )
}
WAYS["too late, XFORWARD"] = Case(
    {**FORWARDS, "smtp_xforward_timeout": _SECOND}, {"EHLO": OFFERS, "XFORWARD": "<hang>"}
)
