"""TLS and logins of a sendmail.cf: what its daemon is asked, in steps, as in `sendmail_clients_cases`.

A step may also be ``tls CERTIFICATE...``: the client begins TLS with that certificate ("none" for none), after its
STARTTLS or at once; the answer is version, cipher and bits. A case has besides

    text     lines that are added to `BASE`; LogLevel is 9
    mc       None, or what is added to the .mc `MC`, of which the library's .cf is made
    daemon   further keys of DaemonPortOptions: ", M=s"
    sasl     the SASL library's Sendmail.conf; None where there is none
    users    the logins in sasldb2: "user@realm": password; None where there is no such file

What the daemon says is recorded, and what it logs about TLS and logins.
"""

from __future__ import annotations

import base64
from typing import Any

from tests.vectors.sendmail_clients_cases import BAD, GOOD, HELLO, MAIL, MESSAGE, RCPT, SLOW, Step, dialogue
from tests.vectors.sendmail_clients_cases import BASE as CLIENTS_BASE
from tests.vectors.sendmail_clients_cases import MC as CLIENTS_MC

CERTIFICATES = """\
O CACertPath=FOLDER
O CACertFile=FOLDER/ca.pem
O ServerCertFile=FOLDER/server.pem
O ServerKeyFile=FOLDER/server.key
"""
# Where mailconf's answers are others on purpose (docs/departures.md): not every password is good, a Sendmail.conf of
# bad syntax costs the logins alone, nobody logs in without a name.
DEPARTURES = ("alwaystrue", "mech_list :", "ANONYMOUS")
# The rulesets that refuse by the macros of TLS, without the cf library.
BASE = (
    CLIENTS_BASE
    + "O LogLevel=9\n"
    + r"""HReceived: $?sfrom $s $.$?_($?s$|from $.$_)
	$.$?{auth_type}(authenticated$?{auth_ssf} bits=${auth_ssf}$.)
	$.by $j$?r with $r$. id $i$?{tls_version}
	(version=${tls_version} cipher=${cipher} bits=${cipher_bits} verify=${verify})$.$?u
	for $u; $|;
	$.$b
"""
)
MC = CLIENTS_MC.replace("`confLOG_LEVEL', `0'", "`confLOG_LEVEL', `9'") + "".join(
    f"define(`conf{name}', `FOLDER/{file}')dnl\n"
    for name, file in (
        ("CACERT_PATH", ""),
        ("CACERT", "ca.pem"),
        ("SERVER_CERT", "server.pem"),
        ("SERVER_KEY", "server.key"),
    )
)
CASES: list[dict[str, Any]] = []
TLS = [HELLO, "STARTTLS", "tls none", HELLO]
QUIT = "QUIT"


def _add(
    steps: list[Step],
    text: str | None = "",
    *,
    mc: str | None = None,
    daemon: str = "",
    sasl: str | None = None,
    users: dict[str, str] | None = None,
) -> None:
    case = {"text": text, "mc": mc, "daemon": daemon, "sasl": sasl, "users": users}
    CASES.append({**case, "steps": steps})


_NAMES = ("verify", "cert_subject", "cert_issuer", "cn_subject", "cn_issuer", "cert_altnames")
_AGREED = ("verify", "tls_version", "cipher", "cipher_bits", "alg_bits", "server_name", "server_addr", "cert_altnames")
_LOGIN = ("auth_type", "auth_authen", "auth_author", "auth_ssf", "verify", "daemon_flags")


def _told(ruleset: str, names: tuple[str, ...]) -> str:
    """A ruleset that refuses with the values of macros; a reply has 250 characters."""
    told = " ".join(f'"; {name[-8:]}=" $&{{{name}}}' for name in names)
    return f'S{ruleset}\nR$*\t$#error $@ 5.7.1 $: "550 5.7.1 " $1 {told}\n'


def _tls(name: str, client: str, certificate: str, *lines: Any) -> list[Step]:
    return dialogue(name, client, HELLO, "STARTTLS", f"tls {certificate}", HELLO, *lines)


# A session from its beginning to its end, and STARTTLS where it has no place.
_add(dialogue("a", GOOD, *TLS, MAIL, RCPT, "DATA", MESSAGE, "STARTTLS", "NOOP", QUIT), CERTIFICATES)
_add(
    dialogue("a", GOOD, HELLO, MAIL, "STARTTLS", "RSET", "STARTTLS x", "starttls", "tls none", MAIL, RCPT, QUIT),
    CERTIFICATES,
)
_add(dialogue("a", GOOD, "STARTTLS", "tls none", MAIL, "RSET", "HELO x", MAIL, RCPT, QUIT), CERTIFICATES)
_add(
    [
        ["a", f"connect {GOOD}"],
        ["a", HELLO],
        ["a", "raw STARTTLS\\r\\nNOOP\\r\\n"],
        ["a", "read"],
        ["a", "tls none"],
        ["a", HELLO],
        ["a", MAIL],
        ["a", QUIT],
    ],
    CERTIFICATES,
)
_add(
    [
        ["a", f"connect {GOOD}"],
        ["a", HELLO],
        ["a", "STARTTLS"],
        ["a", "raw NOOP\\r\\nEHLO x\\r\\nQUIT\\r\\nNOOP\\r\\nNOOP\\r\\n"],
        ["a", "read"],
        ["a", "read"],
        ["a", "hang up"],
    ],
    CERTIFICATES,
)
_add(
    [
        ["a", f"connect {GOOD}"],
        ["a", HELLO],
        ["a", "STARTTLS"],
        ["a", "hang up"],
        ["b", f"connect {GOOD}"],
        ["b", QUIT],
    ],
    CERTIFICATES,
)
# What is known of the client's certificate.
for certificate in ("none", "client", "stranger", "expired", "odd", "self", "foreign"):
    for ruleset, names in (("tls_client", _AGREED), ("check_mail", _NAMES)):
        _add(_tls("a", GOOD, certificate, "VRFY ann", MAIL, QUIT), CERTIFICATES + _told(ruleset, names))
_add(_tls("a", GOOD, "client", MAIL, RCPT, "DATA", MESSAGE, QUIT), CERTIFICATES)
_add(_tls("a", GOOD, "client", MAIL, RCPT, "DATA", MESSAGE, QUIT), CERTIFICATES + "O TLSSrvOptions=V\n")
_add(
    _tls("a", GOOD, "client", MAIL, QUIT),
    CERTIFICATES.replace("O CACertFile=FOLDER/ca.pem\n", "") + _told("check_mail", _NAMES),
)
_add(dialogue("a", GOOD, HELLO, "NOOP", MAIL, QUIT), CERTIFICATES + _told("tls_client", _AGREED))
_add(dialogue("a", GOOD, *TLS, MAIL, QUIT), CERTIFICATES + _told("check_relay", _AGREED))
# What tls_client wants.
for wanted in (
    '$#error $@ 4.7.0 $: "403 4.7.0 no"',
    '$#error $@ 4.7.0 $: "454 4.7.0 later"',
    '$#error $: "421 4.7.0 bye"',
    "$#discard $: x",
    "$#error $@ 5.7.0 $: no",
    "$#TEMP $: x",
):
    _add(
        [
            *dialogue(
                "a",
                GOOD,
                *TLS,
                "NOOP",
                "VRFY ann",
                "EXPN team",
                "ETRN x",
                MAIL,
                "RSET",
                "HELP",
                "AUTH",
                "FOO",
                "HELO x",
                MAIL,
                QUIT,
            ),
            *dialogue("b", GOOD, HELLO, MAIL, QUIT),
        ],
        f"{CERTIFICATES}Stls_client\nR$*\t{wanted}\n",
    )
_add(
    [
        *_tls("a", SLOW, "client", MAIL, QUIT),
        *_tls("b", BAD, "none", MAIL, QUIT),
        *_tls("c", BAD, "client", MAIL, QUIT),
        *dialogue("d", SLOW, HELLO, MAIL, QUIT),
        *dialogue("e", BAD, HELLO, MAIL, RCPT, QUIT),
        *_tls("f", GOOD, "client", MAIL, RCPT, QUIT),
        *_tls("g", GOOD, "none", MAIL, "RCPT TO:<x@far.example>", QUIT),
        *_tls("h", GOOD, "client", MAIL, "RCPT TO:<x@far.example>", QUIT),
    ],
    None,
    mc="",
)
_add(
    [*_tls("f", GOOD, "client", MAIL, "RCPT TO:<x@far.example>", QUIT), *_tls("g", BAD, "client", MAIL, RCPT, QUIT)],
    None,
    mc="define(`confTLS_SRV_OPTIONS', `V')dnl\nFEATURE(`delay_checks')dnl\n",
)
# What srv_features and the daemon's flags give and take.
for letters in ("S", "s", "V", "v", "P", "L", "l", "S s", "A", "a"):
    _add(_tls("a", GOOD, "client", MAIL, RCPT, QUIT), f"{CERTIFICATES}Ssrv_features\nR$*\t$# {letters}\n")
for flags in ("s", "S", "a", "A", "as", "Sa", "c", "E", "f", "u"):
    first = ["tls none"] if "s" in flags else []
    steps = (
        [["a", f"connect {GOOD} silently"], ["a", "tls none"], ["a", "read"]] if first else [["a", f"connect {GOOD}"]]
    )
    _add(
        [*steps, *(["a", line] for line in (HELLO, "STARTTLS", MAIL, RCPT, "RCPT TO:<x@far.example>", QUIT))],
        CERTIFICATES,
        daemon=f", M={flags}",
    )
_add([["a", f"connect {GOOD} silently"], ["a", "read"]], daemon=", M=s")
_add([["a", f"connect {GOOD} silently"], ["a", "raw EHLO x\\r\\n"], ["a", "read"]], CERTIFICATES, daemon=", M=s")
_add(
    [["a", f"connect {GOOD} silently"], ["a", "tls client"], ["a", "read"], ["a", HELLO], ["a", MAIL]],
    CERTIFICATES + _told("tls_client", _AGREED),
    daemon=", M=s",
)
_add(
    [["a", f"connect {GOOD} silently"], ["a", "tls client"], ["a", "read"], ["a", HELLO], ["a", MAIL]],
    CERTIFICATES + _told("check_relay", _AGREED),
    daemon=", M=s",
)
# Files that are of no use.
_ASKED = dialogue("a", GOOD, HELLO, "STARTTLS", QUIT)
for text in (
    "",
    "O ServerCertFile=FOLDER/server.pem\n",
    "O ServerKeyFile=FOLDER/server.key\n",
    CERTIFICATES.replace("server.key", "gone.key"),
    CERTIFICATES.replace("server.pem", "gone.pem"),
    CERTIFICATES.replace("ca.pem", "gone.pem"),
    CERTIFICATES.replace("server.key", "client.key"),
    CERTIFICATES.replace("server.pem", "junk"),
    CERTIFICATES.replace("server.key", "junk"),
    CERTIFICATES.replace("ca.pem", "junk"),
    CERTIFICATES.replace("server.key", "locked.key").replace("server.pem", "locked.pem"),
    CERTIFICATES.replace("server.key", "readable.key"),
    CERTIFICATES.replace("server.key", "group.key"),
    CERTIFICATES.replace("server.pem", "writable.pem"),
    "O ServerCertFile=FOLDER/server.pem\nO ServerKeyFile=FOLDER/server.key\n",
    CERTIFICATES.replace("Path=FOLDER", "Path=FOLDER/gone"),
    CERTIFICATES.replace("O CACertPath=FOLDER\n", ""),
    CERTIFICATES.replace("FOLDER/server.key", "server.key"),
    CERTIFICATES.replace("server.pem", "server.pem,FOLDER/rsa.pem").replace("server.key", "server.key,FOLDER/rsa.key"),
    CERTIFICATES.replace("server.pem", "server.pem,FOLDER/gone.pem").replace(
        "server.key", "server.key,FOLDER/gone.key"
    ),
    CERTIFICATES.replace("server.pem", "server.pem,FOLDER/rsa.pem"),
    CERTIFICATES.replace("server.pem", "both.pem").replace("server.key", "both.pem"),
    CERTIFICATES + "O DHParameters=1024\n",
    CERTIFICATES + "O DHParameters=FOLDER/gone\n",
    CERTIFICATES + "O DHParameters=none\n",
    CERTIFICATES + "O CipherList=NOSUCH\n",
    CERTIFICATES + "O CRLFile=FOLDER/gone\n",
    CERTIFICATES + "O CRLFile=FOLDER/junk\n",
    CERTIFICATES + "O DontBlameSendmail=GroupReadableKeyFile\n",
    "O ServerCertFile=\nO ServerKeyFile=\n",
):
    _add([*_ASKED, *dialogue("b", GOOD, HELLO, "STARTTLS", "tls none", HELLO, QUIT)], text)
# Versions and ciphers.
for text, version in (
    ("", "TLSv1_2"),
    ("", "TLSv1_1"),
    ("O ServerSSLOptions=+SSL_OP_NO_TLSv1_3\n", ""),
    ("O ServerSSLOptions=+SSL_OP_NO_TLSv1_3 +SSL_OP_NO_TLSv1_2\n", ""),
    ("O ServerSSLOptions=+SSL_OP_NO_TLSv1_2\n", "TLSv1_2"),
    ("O CipherList=ECDHE-ECDSA-AES128-GCM-SHA256\n", "TLSv1_2"),
    ("O CipherList=ECDHE-RSA-AES128-GCM-SHA256\n", "TLSv1_2"),
    ("O CipherSuites=TLS_AES_128_GCM_SHA256\n", ""),
    ("O ServerSSLOptions=-SSL_OP_ALL\n", ""),
    ("O ServerSSLOptions=0x10000000\n", ""),
):
    _add(dialogue("a", GOOD, HELLO, "STARTTLS", f"tls none {version}".strip(), HELLO, MAIL, QUIT), CERTIFICATES + text)
_add(dialogue("a", GOOD, *TLS, MAIL, QUIT), CERTIFICATES + "Ssrv_features\nR$*\t$: $&{verify}\nRNO\t$# A\n")
_add(
    dialogue("a", GOOD, HELLO, "STARTTLS", "tls none", MAIL, "VRFY ann", HELLO, MAIL, QUIT),
    CERTIFICATES + "O PrivacyOptions=needmailhelo,needvrfyhelo\n",
)
_add(_tls("a", GOOD, "client", MAIL, QUIT), CERTIFICATES + _told("check_mail", ("cert_md5", "cert_fp")))
_add(
    _tls("a", GOOD, "client", MAIL, QUIT),
    CERTIFICATES + "O CertFingerprintAlgorithm=sha1\n" + _told("check_mail", ("cert_md5", "cert_fp")),
)
# The levels of the log.
for level in (0, 5, 7, 8, 9, 12):
    _add(_tls("a", GOOD, "stranger", MAIL, QUIT), f"{CERTIFICATES}O LogLevel={level}\n")
    _add(
        [
            ["a", f"connect {GOOD}"],
            ["a", "STARTTLS"],
            ["a", "raw NOOP\\r\\n"],
            ["a", "hang up"],
            *_tls("b", GOOD, "none", QUIT),
        ],
        f'{CERTIFICATES}O LogLevel={level}\nStls_client\nR$*\t$#error $@ 4.7.0 $: "403 4.7.0 no"\n',
    )

# Logins.
MECHANISMS = "O AuthMechanisms=PLAIN LOGIN CRAM-MD5 DIGEST-MD5\n"
SASL = "pwcheck_method: auxprop\nauxprop_plugin: sasldb\n"
USERS = {"ann@mail.example.org": "secret", "bob@other.example": "pass word", "eve@example.org": "eve"}


def _plain(user: str, password: str, other: str = "") -> str:
    return base64.b64encode(f"{other}\0{user}\0{password}".encode()).decode()


def _word(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


GOOD_PLAIN, BAD_PLAIN = f"AUTH PLAIN {_plain('ann', 'secret')}", f"AUTH PLAIN {_plain('ann', 'wrong')}"


def _login(
    *lines: Any, text: str = "", sasl: str | None = SASL, users: dict[str, str] | None = USERS, **more: Any
) -> None:
    _add(dialogue("a", GOOD, *lines), MECHANISMS + text, sasl=sasl, users=users, **more)


_login(
    HELLO,
    BAD_PLAIN,
    "AUTH",
    "AUTH FOO",
    "AUTH PLAIN ====",
    GOOD_PLAIN,
    GOOD_PLAIN,
    HELLO,
    "AUTH FOO",
    MAIL,
    RCPT,
    "DATA",
    MESSAGE,
    QUIT,
)
_login(GOOD_PLAIN, MAIL, RCPT, "DATA", MESSAGE, HELLO, MAIL, QUIT)
_login("HELO x", MAIL, GOOD_PLAIN, "RSET", GOOD_PLAIN, MAIL, RCPT, "DATA", MESSAGE, QUIT)
_login(HELLO, "auth plain", _plain("ann", "secret"), QUIT)
_login(
    HELLO,
    "AUTH PLAIN",
    "*",
    "AUTH PLAIN",
    "!!!",
    "AUTH PLAIN",
    "",
    "AUTH PLAIN",
    "=",
    "AUTH PLAIN",
    "x",
    "NOOP",
    "AUTH PLAIN =",
    QUIT,
)
for wrong in (
    _plain("bob", "pass word"),
    _plain("bob@other.example", "pass word"),
    _plain("nobody", "x"),
    _plain("ann", "secret", "bob"),
    _plain("ann", "secret", "ann"),
    _plain("ANN", "secret"),
    _plain("ann@mail.example.org", "secret"),
    _plain("ann", ""),
    _plain("", "secret"),
    _word("ann"),
    _word("\0ann"),
    _plain("ann", "secret\0x"),
    _plain("eve@example.org", "eve", "eve@example.org"),
    _plain("ann", "x" * 2000),
    _plain("ann\n", "secret"),
    "=",
    "*",
    "AA",
    _plain("ann", "secret")[:-1],
):
    _login(HELLO, f"AUTH PLAIN {wrong}", MAIL, QUIT, text=_told("check_mail", _LOGIN))
_login(HELLO, "AUTH LOGIN", _word("ann"), _word("secret"), QUIT)
_login(
    HELLO,
    "AUTH LOGIN",
    _word("ann"),
    _word("wrong"),
    "AUTH LOGIN",
    "*",
    "AUTH LOGIN",
    _word("ann"),
    "*",
    "AUTH LOGIN",
    "",
    "",
    "AUTH LOGIN",
    _word("bob@other.example"),
    _word("pass word"),
    QUIT,
)
_login(HELLO, f"AUTH LOGIN {_word('ann')}", _word("secret"), QUIT)
_login(HELLO, "AUTH LOGIN =", _word("ann"), _word("secret"), QUIT)
_login(HELLO, "cram ann secret", MAIL, QUIT, text=_told("check_mail", _LOGIN))
_login(
    HELLO,
    "cram ann wrong",
    "cram nobody x",
    "cram bob@other.example pass",
    "AUTH CRAM-MD5",
    "*",
    "AUTH CRAM-MD5",
    _word("ann"),
    "AUTH CRAM-MD5 =",
    _word("ann 00"),
    "AUTH CRAM-MD5",
    "",
    "cram eve@example.org eve",
    QUIT,
)
_login(HELLO, "digest ann secret", MAIL, QUIT, text=_told("check_mail", _LOGIN))
_login(
    HELLO,
    "digest ann wrong",
    "digest nobody x",
    "digest ann secret other.example",
    "AUTH DIGEST-MD5",
    "*",
    "AUTH DIGEST-MD5",
    _word("ann"),
    "AUTH DIGEST-MD5 =",
    _word("username=ann"),
    "digest eve eve example.org",
    QUIT,
)
_SCRAM = "O AuthMechanisms=SCRAM-SHA-256\n"
_login(HELLO, "scram ann secret", MAIL, QUIT, text=_SCRAM + _told("check_mail", _LOGIN))
_login(
    HELLO,
    "scram ann wrong",
    "scram nobody x",
    "AUTH SCRAM-SHA-256",
    _word("n,,n=ann"),
    "AUTH SCRAM-SHA-256",
    "",
    "scram eve@example.org eve",
    QUIT,
    text=_SCRAM + "O AuthOptions=a,m\n",
)
_login(HELLO, *[BAD_PLAIN] * 12, GOOD_PLAIN, MAIL, QUIT)
_login(HELLO, *["AUTH FOO"] * 8, GOOD_PLAIN, MAIL, QUIT)
for sasl in (
    None,
    "",
    "pwcheck_method: auxprop\n",
    "mech_list: PLAIN CRAM-MD5\n",
    "mech_list: login\n" + SASL,
    "pwcheck_method: FOO\n",
    "auxprop_plugin: FOO\n",
    "sasldb_path: FOLDER/gone\n",
    "pwcheck_method: alwaystrue\n",
    "# none\nmech_list : PLAIN\n",
    "log_level: 7\n",
):
    _login(HELLO, GOOD_PLAIN, "RSET", BAD_PLAIN, "cram ann secret", QUIT, sasl=sasl)
_login(HELLO, GOOD_PLAIN, "cram ann secret", "digest ann secret", QUIT, users=None)
for text in (
    "O AuthOptions=p\n",
    "O AuthOptions=y\n",
    "O AuthOptions=a\n",
    "O AuthOptions=A\n",
    "O AuthOptions=f\n",
    "O AuthOptions=m\n",
    "O AuthOptions=T\n",
    "O AuthOptions=d\n",
    "O AuthOptions=c\n",
    "O AuthOptions=A p y\n",
    "O AuthOptions=p,y\n",
    "O AuthRealm=other.example\n",
    "O AuthMaxBits=0\n",
    "O AuthMaxBits=56\n",
    "O AuthMechanisms=EXTERNAL SCRAM-SHA-256 PLAIN\n",
    "O AuthMechanisms=plain login\n",
    "O AuthMechanisms=ANONYMOUS PLAIN\n",
):
    _login(
        HELLO,
        GOOD_PLAIN,
        "cram ann secret",
        "STARTTLS",
        "tls none",
        HELLO,
        GOOD_PLAIN,
        "digest ann secret",
        f"{MAIL} AUTH=<>",
        QUIT,
        text=CERTIFICATES + text,
    )
for parameter in ("AUTH=<>", "AUTH=ann", "AUTH=b+40far.example", "AUTH=ann+40mail.example.org", "AUTH=", "AUTH=+zz"):
    for ruleset in ("check_mail", "trust_auth"):
        _login(
            HELLO, f"{MAIL} {parameter}", "RSET", GOOD_PLAIN, f"{MAIL} {parameter}", QUIT, text=_told(ruleset, _LOGIN)
        )
_login(
    HELLO,
    GOOD_PLAIN,
    f"{MAIL} AUTH=b+40far.example",
    QUIT,
    text=_told("check_mail", _LOGIN) + "Strust_auth\nR$*\t$# OK\n",
)
for ruleset in ("check_relay", "check_rcpt", "tls_client"):
    _login(
        HELLO, "STARTTLS", "tls none", HELLO, GOOD_PLAIN, MAIL, RCPT, QUIT, text=CERTIFICATES + _told(ruleset, _LOGIN)
    )
_login(*TLS, GOOD_PLAIN, HELLO, MAIL, RCPT, "DATA", MESSAGE, "STARTTLS", QUIT, text=CERTIFICATES)
_login(
    HELLO, GOOD_PLAIN, "STARTTLS", "tls none", HELLO, GOOD_PLAIN, MAIL, RCPT, "DATA", MESSAGE, QUIT, text=CERTIFICATES
)
_login(HELLO, MAIL, GOOD_PLAIN, MAIL, RCPT, QUIT, daemon=", M=a")
_login(HELLO, MAIL, GOOD_PLAIN, MAIL, RCPT, QUIT, text="Ssrv_features\nR$*\t$# l\n")
for letters in ("p", "P", "A", "a", "L"):
    _login(HELLO, GOOD_PLAIN, MAIL, QUIT, text=f"Ssrv_features\nR$*\t$# {letters}\n")
_login(
    HELLO,
    "STARTTLS",
    "tls client",
    HELLO,
    "AUTH EXTERNAL =",
    MAIL,
    QUIT,
    text=CERTIFICATES + "O AuthMechanisms=EXTERNAL PLAIN\n" + _told("check_mail", _LOGIN),
)
_login(
    HELLO,
    "STARTTLS",
    "tls client",
    HELLO,
    "AUTH EXTERNAL",
    "",
    MAIL,
    QUIT,
    text=CERTIFICATES + "O AuthMechanisms=EXTERNAL PLAIN\n" + _told("check_mail", _LOGIN),
)
_login(
    HELLO,
    "STARTTLS",
    "tls client",
    HELLO,
    f"AUTH EXTERNAL {_word('ann')}",
    MAIL,
    QUIT,
    text=CERTIFICATES + "O AuthMechanisms=EXTERNAL PLAIN\n" + _told("check_mail", _LOGIN),
)
_login(
    HELLO,
    "STARTTLS",
    "tls stranger",
    HELLO,
    "AUTH EXTERNAL =",
    MAIL,
    QUIT,
    text=CERTIFICATES + "O AuthMechanisms=EXTERNAL PLAIN\n",
)
SASLAUTHD = "pwcheck_method: saslauthd\nsaslauthd_path: FOLDER/mux\n"
_login(HELLO, GOOD_PLAIN, QUIT, sasl=SASLAUTHD)
_login(
    HELLO,
    BAD_PLAIN,
    f"AUTH PLAIN {_plain('ann@example.org', 'secret')}",
    "AUTH LOGIN",
    _word("ann"),
    _word("secret"),
    QUIT,
    sasl=SASLAUTHD,
)
_login(HELLO, GOOD_PLAIN, QUIT, sasl=SASLAUTHD.replace("mux", "gone"))
_login(HELLO, f"AUTH PLAIN {_plain('mute', 'x')}", GOOD_PLAIN, QUIT, sasl=SASLAUTHD)
_login(
    HELLO,
    GOOD_PLAIN,
    QUIT,
    sasl=SASLAUTHD.replace("saslauthd\n", "saslauthd auxprop\n"),
    text="O AuthRealm=other.example\n",
)
_TRUSTED = "define(`confAUTH_MECHANISMS', `PLAIN LOGIN CRAM-MD5')dnl\nTRUST_AUTH_MECH(`PLAIN CRAM-MD5')dnl\n"
_RELAYED = "RCPT TO:<x@far.example>"
_add(
    dialogue("a", GOOD, HELLO, MAIL, _RELAYED, "RSET", GOOD_PLAIN, MAIL, _RELAYED, QUIT),
    None,
    sasl=SASL,
    users=USERS,
    mc=_TRUSTED,
)
_add(
    [
        *dialogue("a", GOOD, HELLO, "AUTH LOGIN", _word("ann"), _word("secret"), MAIL, _RELAYED, QUIT),
        *dialogue("b", GOOD, HELLO, "cram ann secret", f"{MAIL} AUTH=x+40far.example", _RELAYED, QUIT),
    ],
    None,
    sasl=SASL,
    users=USERS,
    mc=_TRUSTED + "FEATURE(`delay_checks')dnl\n",
)
for level in (0, 8, 9):
    _login(
        HELLO,
        BAD_PLAIN,
        "AUTH PLAIN",
        "*",
        "AUTH FOO",
        "cram nobody x",
        "AUTH PLAIN",
        "!!!",
        GOOD_PLAIN,
        f"{MAIL} AUTH=b+40far.example",
        QUIT,
        text=f"O LogLevel={level}\n",
    )
