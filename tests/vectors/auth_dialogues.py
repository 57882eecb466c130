"""Dialogues with logins and TLS; record_auth.py plays them to the real smtpd.

A step is what is sent at once; one of `HANDSHAKES` is a handshake in the place of one. Where the settings have the
session begin with a handshake (smtpd_tls_wrappermode), the first step is a handshake.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from tests.auth_server import cram, encoded, plain
from tests.vectors.smtp_dialogues import lines

TLS = b"<TLS>"
TLS_CLIENT = b"<TLS with a certificate>"
TLS_12 = b"<TLS 1.2>"
HANDSHAKES = (TLS, TLS_CLIENT, TLS_12)
E = "EHLO c.example"
MAIL = "MAIL FROM:<ann@b.test>"
RCPT = "RCPT TO:<x@localhost>"
AWAY = "RCPT TO:<x@away.test>"


class Dialogue(NamedTuple):
    settings: Mapping[str, str]
    steps: list[bytes]


LOGIN = {
    "smtpd_sasl_auth_enable": "yes",
    "smtpd_sasl_type": "dovecot",
    "smtpd_sasl_path": "private/auth",
    "smtpd_relay_restrictions": "permit_sasl_authenticated, reject_unauth_destination",
}
MAY = {
    "smtpd_tls_security_level": "may",
    "smtpd_tls_cert_file": "@TOP@/server.pem",
    "smtpd_tls_key_file": "@TOP@/server.key",
    "smtpd_tls_session_cache_database": "",
}
ENCRYPT = {**MAY, "smtpd_tls_security_level": "encrypt"}
ASKED = {**MAY, "smtpd_tls_ask_ccert": "yes", "smtpd_tls_CAfile": "@TOP@/ca.pem"}
OWNERS = {
    **LOGIN,
    "smtpd_sender_login_maps": "inline:{ ann@b.test=ann, {both@b.test=ann, bob} }",
    "smtpd_sender_restrictions": "reject_sender_login_mismatch",
}
MESSAGE = lines("DATA", "Subject: x\r\n\r\nx\r\n.", "QUIT")
ODD = plain("an\tn\x01")
ANN = f"AUTH PLAIN {plain('ann')}"

_BEFORE_TLS = lines(
    *(E, "NOOP", "VRFY x", "RSET", ANN, MAIL, RCPT, "DATA", "BDAT 0 LAST", "ETRN x", "FOO", "HELP", "XCLIENT NAME=x"),
    "STARTTLS",
)
_PLAIN_TEXT = {
    "plain": lines(E, ANN, MAIL, AWAY) + MESSAGE,
    "plain, in two steps": lines(E, "AUTH PLAIN", plain("ann"), MAIL, AWAY, "QUIT"),
    "plain, small letters": lines(E, f"auth plain {plain('ann')}", MAIL, AWAY, "QUIT"),
    "plain, wrong": lines(E, f"AUTH PLAIN {plain('ann', 'x')}", MAIL, AWAY, "QUIT"),
    "plain, wrong twice, then right": lines(
        E, f"AUTH PLAIN {plain('ann', 'x')}", f"AUTH PLAIN {plain('bob', 'x')}", ANN, MAIL, AWAY, "QUIT"
    ),
    "plain, another identity": lines(E, f"AUTH PLAIN {plain('ann', identity='bob')}", MAIL, AWAY, "QUIT"),
    "plain, too few parts": lines(E, f"AUTH PLAIN {encoded('ann')}", "QUIT"),
    "plain, nothing": lines(E, "AUTH PLAIN =", "AUTH PLAIN", "", "QUIT"),
    "login": lines(E, "AUTH LOGIN", encoded("ann"), encoded("secret"), MAIL, AWAY, "QUIT"),
    "login, name given": lines(E, f"AUTH LOGIN {encoded('ann')}", encoded("secret"), MAIL, AWAY, "QUIT"),
    "login, wrong": lines(E, "AUTH LOGIN", encoded("ann"), encoded("x"), "QUIT"),
    "login, given up": lines(E, "AUTH LOGIN", encoded("ann"), "*", "NOOP", "QUIT"),
    "cram-md5": lines(E, "AUTH CRAM-MD5", cram("ann"), MAIL, AWAY, "QUIT"),
    "cram-md5, wrong": lines(E, "AUTH CRAM-MD5", cram("ann", "x"), "QUIT"),
    "cram-md5, response given": lines(E, f"AUTH CRAM-MD5 {cram('ann')}", "QUIT"),
    "temporary": lines(E, f"AUTH PLAIN {plain('temp')}", ANN, "QUIT"),
    "locked, expired": lines(E, f"AUTH PLAIN {plain('locked')}", f"AUTH PLAIN {plain('expired')}", "QUIT"),
    "another account": lines(E, f"AUTH PLAIN {plain('other')}", MAIL, AWAY) + MESSAGE,
    "server hangs up": lines(E, f"AUTH PLAIN {plain('gone')}", ANN, MAIL, AWAY, "QUIT"),
    "server hangs up, later": lines(E, "AUTH LOGIN", encoded("gone"), encoded("x"), ANN, "QUIT"),
    "twice": lines(E, ANN, ANN, "AUTH", "RSET", ANN, E, ANN, "QUIT"),
    "no such mechanism": lines(E, "AUTH FOO", "AUTH EXTERNAL =", "AUTH DIGEST-MD5", "AUTH ANONYMOUS eA==", "QUIT"),
    "no words": lines(E, "AUTH", "AUTH ", "AUTH PLAIN a b", "AUTH PLAIN a b c", "QUIT"),
    "odd mechanisms": lines(E, "AUTH PLAIN\tx", "AUTH PL\x01AIN", "AUTH é", f"AUTH {'X' * 200}", "AUTH ;x", "QUIT"),
    "base64, broken": lines(E, "AUTH PLAIN !!!!", "AUTH PLAIN AGFubg", "AUTH PLAIN AGFubg=", "QUIT"),
    "base64, broken later": lines(E, "AUTH LOGIN", "!!!!", "AUTH LOGIN", encoded("ann"), "x", "QUIT"),
    "base64, spaces": lines(E, "AUTH LOGIN", f" {encoded('ann')} ", encoded("secret"), "QUIT"),
    "given up": lines(E, "AUTH PLAIN", "*", "AUTH CRAM-MD5", "*", "AUTH PLAIN *", "AUTH LOGIN", "**", "QUIT"),
    "a command in the place of a response": lines(E, "AUTH LOGIN", MAIL, "QUIT"),
    "an empty response": lines(E, "AUTH LOGIN", "", "AUTH LOGIN", encoded("ann"), "", "QUIT"),
    "in a transaction": lines(E, MAIL, ANN, "RSET", ANN, "QUIT"),
    "before HELO": lines(ANN, E, ANN, "QUIT"),
    "after HELO": lines("HELO c.example", ANN, MAIL, AWAY) + MESSAGE,
    "pipelined": [f"{E}\r\n{ANN}\r\n{MAIL}\r\n{AWAY}\r\nQUIT\r\n".encode()],
    "pipelined responses": [f"{E}\r\nAUTH LOGIN\r\n{encoded('ann')}\r\n{encoded('secret')}\r\nQUIT\r\n".encode()],
    "half a line": [*lines(E), b"AUTH PLAIN " + plain("ann")[:5].encode(), plain("ann")[5:].encode() + b"\r\n"],
    "long responses": lines(E, f"AUTH PLAIN {'A' * 2000}", "AUTH PLAIN", "A" * 4000, "AUTH PLAIN", "A" * 12284, "QUIT"),
    "responses beyond the limit": lines(E, "AUTH PLAIN", "A" * 12288, "AUTH PLAIN", "A" * 12292, "NOOP", "QUIT"),
    "a line of 500 kB": [*lines(E, "AUTH PLAIN"), b"A" * 500_000 + b"\r\n", b"NOOP\r\n"],
    "a line of 500 kB, at once": [*lines(E), b"AUTH PLAIN " + b"A" * 500_000 + b"\r\n", b"NOOP\r\n"],
    "bare LF": [
        b"EHLO c.example\n",
        b"AUTH LOGIN\n",
        encoded("ann").encode() + b"\n",
        encoded("secret").encode() + b"\n",
    ],
    "MAIL AUTH=": lines(
        *(E, ANN, f"{MAIL} AUTH=<>", "RSET", f"{MAIL} AUTH=ann@b.test", "RSET", f"{MAIL} AUTH=a+3Db", "RSET"),
        *(f"{MAIL} AUTH=a+zz", f"{MAIL} AUTH=x AUTH=y", f"{MAIL} AUTH=", f"{MAIL} AUTH", "QUIT"),
    ),
    "MAIL AUTH=, without a login": lines(E, f"{MAIL} AUTH=<>", "RSET", f"{MAIL} AUTH=a+zz", "QUIT"),
    "control characters in a name": lines(E, f"AUTH PLAIN {ODD}", f"AUTH PLAIN {plain('anné')}", MAIL, AWAY) + MESSAGE,
    "too many errors": lines(E, *[f"AUTH PLAIN {plain('ann', 'x')}"] * 22),
    "again in a transaction": lines(E, ANN, MAIL, ANN, "AUTH", "QUIT"),
    "MAIL AUTH=, broken": lines(E, ANN, f"{MAIL} AUTH=x AUTH=y", f"{MAIL} AUTH=", f"{MAIL} AUTH", "QUIT"),
    "base64, too long by one": lines(
        E, f"AUTH PLAIN {plain('ann')}x", "AUTH PLAIN AGFu\x00bgBz", "AUTH PLAIN \xff", "QUIT"
    ),
    "base64, only signs": lines(E, "AUTH PLAIN ====", "AUTH PLAIN A===", "QUIT"),
    "without TLS": lines(E, "STARTTLS", "QUIT"),
}
_OPTIONS: dict[str, Dialogue] = {
    "no plaintext": Dialogue(
        {**LOGIN, "smtpd_sasl_security_options": "noanonymous, noplaintext"},
        lines(E, ANN, "AUTH LOGIN", "AUTH CRAM-MD5", cram("ann"), "QUIT"),
    ),
    "anonymous": Dialogue({**LOGIN, "smtpd_sasl_security_options": ""}, lines(E, "QUIT")),
    "mutual, active, forward secrecy": Dialogue(
        {**LOGIN, "smtpd_sasl_security_options": "noactive"}, lines(E, "AUTH CRAM-MD5", "QUIT")
    ),
    "mechanisms filtered": Dialogue(
        {**LOGIN, "smtpd_sasl_mechanism_filter": "plain, cram-md5"}, lines(E, "AUTH LOGIN", ANN, "QUIT")
    ),
    "mechanisms filtered, with a negation": Dialogue(
        {**LOGIN, "smtpd_sasl_mechanism_filter": "!cram-md5, static:rest"}, lines(E, "AUTH CRAM-MD5", ANN, "QUIT")
    ),
    "broken clients": Dialogue({**LOGIN, "broken_sasl_auth_clients": "yes"}, lines(E, ANN, E, "QUIT")),
    "exceptions": Dialogue({**LOGIN, "smtpd_sasl_exceptions_networks": "127.0.0.0/8"}, lines(E, ANN, "QUIT")),
    "exceptions, others": Dialogue(
        {**LOGIN, "smtpd_sasl_exceptions_networks": "!127.0.0.1, 0.0.0.0/0"}, lines(E, ANN, "QUIT")
    ),
    "keyword discarded": Dialogue({**LOGIN, "smtpd_discard_ehlo_keywords": "auth"}, lines(E, ANN, "QUIT")),
    "named in Received": Dialogue(
        {**LOGIN, "smtpd_sasl_authenticated_header": "yes"}, lines(E, ANN, MAIL, AWAY) + MESSAGE
    ),
    "named in Received, odd": Dialogue(
        {**LOGIN, "smtpd_sasl_authenticated_header": "yes"},
        lines(E, f"AUTH PLAIN {plain('other')}", MAIL, AWAY) + MESSAGE,
    ),
    "HELO required": Dialogue({**LOGIN, "smtpd_helo_required": "yes"}, lines(ANN, E, ANN, "QUIT")),
    "no logins": Dialogue({}, lines(E, ANN, "QUIT")),
    "local domain": Dialogue({**LOGIN, "smtpd_sasl_local_domain": "b.test"}, lines(E, ANN, MAIL, AWAY, "QUIT")),
    "client refused": Dialogue(
        {**LOGIN, "smtpd_client_restrictions": "permit_sasl_authenticated, reject"},
        lines(E, MAIL, AWAY, ANN, "RSET", ANN, MAIL, AWAY, "QUIT"),
    ),
    "login as XCLIENT has it": Dialogue(
        LOGIN, lines(E, "XCLIENT LOGIN=bob", E, ANN, MAIL, AWAY, "XCLIENT LOGIN=[UNAVAILABLE]", "RSET", "QUIT")
    ),
    "login, then XCLIENT": Dialogue(LOGIN, lines(E, ANN, "XCLIENT ADDR=192.0.2.9", E, ANN, MAIL, AWAY, "QUIT")),
    "access by login": Dialogue(
        {**LOGIN, "smtpd_recipient_restrictions": "check_sasl_access inline:{{ann=REJECT not today}}"},
        lines(E, ANN, MAIL, AWAY, "QUIT"),
    ),
    "access by login, permitted": Dialogue(
        {**LOGIN, "smtpd_relay_restrictions": "check_sasl_access inline:{{ann=OK}}, reject"},
        lines(E, MAIL, AWAY, "RSET", ANN, MAIL, AWAY, "QUIT"),
    ),
    "owner": Dialogue(OWNERS, lines(E, ANN, MAIL, AWAY, "QUIT")),
    "not the owner": Dialogue(OWNERS, lines(E, f"AUTH PLAIN {plain('bob')}", MAIL, AWAY, "QUIT")),
    "one of the owners": Dialogue(
        OWNERS, lines(E, f"AUTH PLAIN {plain('bob')}", "MAIL FROM:<both@b.test>", AWAY, "QUIT")
    ),
    "owned by nobody": Dialogue(OWNERS, lines(E, ANN, "MAIL FROM:<free@b.test>", AWAY, "QUIT")),
    "owner, not logged in": Dialogue(OWNERS, lines(E, MAIL, RCPT, "QUIT")),
}
_TLS: dict[str, Dialogue] = {
    "starttls": Dialogue({**LOGIN, **MAY}, [*lines(E, "STARTTLS"), TLS, *lines(E, ANN, MAIL, AWAY), *MESSAGE]),
    "starttls, no words": Dialogue(MAY, lines(E, "STARTTLS x", "starttls ", "QUIT")[:2] + lines("QUIT")),
    "starttls, then HELO": Dialogue(
        MAY, [*lines("STARTTLS"), TLS, *lines(MAIL, "HELO c.example", MAIL, RCPT), *MESSAGE]
    ),
    "starttls, twice": Dialogue(MAY, [*lines(E, "STARTTLS"), TLS, *lines(E, "STARTTLS", "QUIT")]),
    "starttls, in a transaction": Dialogue(MAY, [*lines(E, MAIL, RCPT, "STARTTLS"), TLS, *lines("DATA", RCPT, "QUIT")]),
    "starttls, injection": Dialogue(
        MAY,
        [*lines(E), f"STARTTLS\r\nMAIL FROM:<evil@b.test>\r\n{RCPT}\r\n".encode(), TLS, *lines(RCPT, "NOOP", "QUIT")],
    ),
    "starttls, injection of half a line": Dialogue(
        MAY, [*lines(E), b"STARTTLS\r\nMAIL FROM:<evil@b.t", TLS, *lines("NOOP", "QUIT")]
    ),
    "starttls, sender before it": Dialogue(MAY, [*lines(E, MAIL, "RSET", "STARTTLS"), TLS, *lines(RCPT, "QUIT")]),
    "starttls, login before it": Dialogue(
        {**LOGIN, **MAY}, [*lines(E, ANN, "STARTTLS"), TLS, *lines(E, ANN, MAIL, AWAY, "QUIT")]
    ),
    "starttls, discarded": Dialogue({**MAY, "smtpd_discard_ehlo_keywords": "starttls"}, lines(E, "STARTTLS", "QUIT")),
    "encrypt": Dialogue({**LOGIN, **ENCRYPT}, [*_BEFORE_TLS, TLS, *lines(MAIL, "RSET", E, ANN, MAIL, AWAY, "QUIT")]),
    "encrypt, never": Dialogue(ENCRYPT, lines("MAIL FROM:<>", E, MAIL, "QUIT")),
    "encrypt, login offered": Dialogue({**LOGIN, **ENCRYPT}, lines(E, "QUIT")),
    "login only with TLS": Dialogue(
        {**LOGIN, **MAY, "smtpd_tls_auth_only": "yes"},
        [*lines(E, ANN, "STARTTLS"), TLS, *lines(E, ANN, MAIL, AWAY, "QUIT")],
    ),
    "plain only with TLS": Dialogue(
        {
            **LOGIN,
            **MAY,
            "smtpd_sasl_security_options": "noplaintext, noanonymous",
            "smtpd_sasl_tls_security_options": "noanonymous",
        },
        [*lines(E, ANN, "STARTTLS"), TLS, *lines(E, ANN, "QUIT")],
    ),
    "named in Received, with TLS": Dialogue(
        {**LOGIN, **MAY, "smtpd_tls_received_header": "yes", "smtpd_sasl_authenticated_header": "yes"},
        [*lines(E, "STARTTLS"), TLS, *lines(E, ANN, MAIL, AWAY), *MESSAGE],
    ),
    "certificates asked for": Dialogue(
        {**MAY, "smtpd_tls_received_header": "yes", "smtpd_tls_ask_ccert": "yes", "smtpd_tls_CAfile": "@TOP@/ca.pem"},
        [*lines(E, "STARTTLS"), TLS, *lines(E, MAIL, RCPT), *MESSAGE],
    ),
    "certificates required": Dialogue(
        {**ENCRYPT, "smtpd_tls_req_ccert": "yes", "smtpd_tls_CAfile": "@TOP@/ca.pem"},
        [*lines(E, "STARTTLS"), TLS, *lines(E, MAIL, "QUIT")],
    ),
    "certificate asked for and given": Dialogue(
        {**ASKED, "smtpd_tls_received_header": "yes"},
        [*lines(E, "STARTTLS"), TLS_CLIENT, *lines(E, MAIL, RCPT), *MESSAGE],
    ),
    "certificate required and given": Dialogue(
        {**ENCRYPT, "smtpd_tls_req_ccert": "yes", "smtpd_tls_CAfile": "@TOP@/ca.pem"},
        [*lines(E, "STARTTLS"), TLS_CLIENT, *lines(E, MAIL, "QUIT")],
    ),
    "certificate required, but only may": Dialogue(
        {**MAY, "smtpd_tls_req_ccert": "yes", "smtpd_tls_CAfile": "@TOP@/ca.pem"},
        [*lines(E, "STARTTLS"), TLS, *lines(E, MAIL, "QUIT")],
    ),
    "relaying by certificate": Dialogue(
        {
            **ASKED,
            "relay_clientcerts": "inline:{ @CLIENT@=x }",
            "smtpd_relay_restrictions": "permit_tls_clientcerts, reject",
        },
        [*lines(E, MAIL, AWAY, "RSET", "STARTTLS"), TLS_CLIENT, *lines(E, MAIL, AWAY, "QUIT")],
    ),
    "relaying by certificate, another": Dialogue(
        {
            **ASKED,
            "relay_clientcerts": "inline:{ AA:BB=x }",
            "smtpd_relay_restrictions": "permit_tls_clientcerts, reject",
        },
        [*lines(E, "STARTTLS"), TLS_CLIENT, *lines(E, MAIL, AWAY, "QUIT")],
    ),
    "relaying by any certificate": Dialogue(
        {**ASKED, "smtpd_relay_restrictions": "permit_tls_all_clientcerts, reject"},
        [*lines(E, MAIL, AWAY, "RSET", "STARTTLS"), TLS_CLIENT, *lines(E, MAIL, AWAY, "QUIT")],
    ),
    "relaying by any certificate, without one": Dialogue(
        {**ASKED, "smtpd_relay_restrictions": "permit_tls_all_clientcerts, reject"},
        [*lines(E, "STARTTLS"), TLS, *lines(E, MAIL, AWAY, "QUIT")],
    ),
    "access by certificate": Dialogue(
        {**ASKED, "smtpd_recipient_restrictions": "check_ccert_access inline:{{@CLIENT@=REJECT not you}}"},
        [*lines(E, "STARTTLS"), TLS_CLIENT, *lines(E, MAIL, RCPT, "QUIT")],
    ),
    "access by the certificate's key": Dialogue(
        {**ASKED, "smtpd_recipient_restrictions": "check_ccert_access inline:{{@CLIENT_KEY@=REJECT not you}}"},
        [*lines(E, "STARTTLS"), TLS_CLIENT, *lines(E, MAIL, RCPT, "QUIT")],
    ),
    "TLS 1.2": Dialogue(
        {**MAY, "smtpd_tls_received_header": "yes"}, [*lines(E, "STARTTLS"), TLS_12, *lines(E, MAIL, RCPT), *MESSAGE]
    ),
    "TLS 1.2 switched off": Dialogue({**MAY, "smtpd_tls_protocols": ">=TLSv1.3"}, [*lines(E, "STARTTLS"), TLS_12]),
    "TLS 1.3 switched off": Dialogue(
        {**MAY, "smtpd_tls_protocols": "!TLSv1.3"}, [*lines(E, "STARTTLS"), TLS, *lines(E, "QUIT")]
    ),
    "mandatory protocols are not asked": Dialogue(
        {**MAY, "smtpd_tls_mandatory_protocols": ">=TLSv1.3"}, [*lines(E, "STARTTLS"), TLS_12, *lines(E, "QUIT")]
    ),
    "mandatory protocols": Dialogue(
        {**ENCRYPT, "smtpd_tls_mandatory_protocols": ">=TLSv1.3"}, [*lines(E, "STARTTLS"), TLS_12]
    ),
    "ciphers excluded": Dialogue(
        {**MAY, "smtpd_tls_exclude_ciphers": "AES256, CHACHA20"}, [*lines(E, "STARTTLS"), TLS_12, *lines(E, "QUIT")]
    ),
    "wrapper mode": Dialogue(
        {**LOGIN, **MAY, "smtpd_tls_wrappermode": "yes", "smtpd_tls_received_header": "yes"},
        [TLS, *lines(E, "STARTTLS", ANN, MAIL, AWAY), *MESSAGE],
    ),
    "wrapper mode, level encrypt": Dialogue(
        {**ENCRYPT, "smtpd_tls_wrappermode": "yes"}, [TLS, *lines(E, MAIL, "QUIT")]
    ),
    "wrapper mode, level none": Dialogue(
        {**MAY, "smtpd_tls_security_level": "none", "smtpd_tls_wrappermode": "yes"}, [TLS, *lines(E, MAIL, "QUIT")]
    ),
    "wrapper mode, a certificate required": Dialogue(
        {**ENCRYPT, "smtpd_tls_wrappermode": "yes", "smtpd_tls_req_ccert": "yes", "smtpd_tls_CAfile": "@TOP@/ca.pem"},
        [TLS, *lines(E, MAIL, "QUIT")],
    ),
    "wrapper mode, plain": Dialogue({**MAY, "smtpd_tls_wrappermode": "yes"}, [*lines(E)]),
    "encrypt, HELO required": Dialogue(
        {**ENCRYPT, "smtpd_helo_required": "yes"}, lines(MAIL, "RSET x", "FOO", "", "DATA x", "QUIT")
    ),
    "encrypt, client refused": Dialogue(
        {**ENCRYPT, "smtpd_delay_reject": "no", "smtpd_client_restrictions": "reject"},
        lines(E, MAIL, "STARTTLS", "QUIT"),
    ),
    "encrypt, a chunk": Dialogue(ENCRYPT, [*lines(E), b"BDAT 10 LAST\r\n", b"0123456789", *lines("NOOP", "QUIT")]),
    "no key": Dialogue({**MAY, "smtpd_tls_key_file": "@TOP@/missing.key"}, lines(E, "STARTTLS", MAIL, RCPT, "QUIT")),
    "no key, encrypt": Dialogue(
        {**ENCRYPT, "smtpd_tls_key_file": "@TOP@/missing.key"}, lines(E, "STARTTLS", MAIL, RCPT, "QUIT")
    ),
    "the key of another certificate": Dialogue(
        {**MAY, "smtpd_tls_key_file": "@TOP@/client.key"}, lines(E, "STARTTLS", MAIL, "QUIT")
    ),
    "no certificate": Dialogue({"smtpd_tls_security_level": "may"}, lines(E, "STARTTLS", MAIL, "QUIT")),
    "a chain file": Dialogue(
        {"smtpd_tls_security_level": "may", "smtpd_tls_chain_files": "@TOP@/chain.pem"},
        [*lines(E, "STARTTLS"), TLS, *lines(E, "QUIT")],
    ),
    "a handshake that is none": Dialogue(MAY, [*lines(E, "STARTTLS"), b"GET / HTTP/1.0\r\n\r\n"]),
    "use_tls of old": Dialogue(
        {**{k: v for k, v in MAY.items() if "level" not in k}, "smtpd_use_tls": "yes"},
        [*lines(E, "STARTTLS"), TLS, *lines(E, "QUIT")],
    ),
    "plaintext sessions refused": Dialogue(
        {**MAY, "smtpd_recipient_restrictions": "reject_plaintext_session"},
        [*lines(E, MAIL, RCPT, "RSET", "STARTTLS"), TLS, *lines(E, MAIL, RCPT, "QUIT")],
    ),
}
DIALOGUES: dict[str, Dialogue] = {
    **{name: Dialogue(LOGIN, steps) for name, steps in _PLAIN_TEXT.items()},
    **_OPTIONS,
    **_TLS,
}
