"""Several clients of one sendmail, one after the other and at once: what they do, in steps.

A case has lines that are added to `BASE`, or what is added to the .mc `MC`, of which the library's .cf is made. A step
is the name of a connection, and what its client does there: ``connect ADDRESS``, ``hurry ADDRESS LINE`` (the line is
sent before the greeting), ``hang up``, a command, or the lines of a message (a list). In texts FOLDER is the
configuration's folder.
"""

from __future__ import annotations

from typing import Any

from tests.live.fixture_dns import SERVFAIL
from tests.vectors.sendmail_smtp_cases import BASE as SMTP_BASE
from tests.vectors.sendmail_smtp_cases import FILES as FILES
from tests.vectors.sendmail_smtp_cases import HOST as HOST
from tests.vectors.sendmail_smtp_cases import PASSWD as PASSWD

# Clients, by what is known of them: each name leads back to the address but those of the last four.
GOOD, BAD, SLOW, OWN, NAMELESS, LIAR, LATER, LOST, GONE = (f"10.1.1.{n}" for n in (2, 3, 4, 5, 6, 7, 8, 9, 10))
NETWORK = "10.1.1.0/24"
_NAMES = {GOOD: "good.example.net", BAD: "bad.example.net", SLOW: "slow.example.net", OWN: "own.example.org"}
HOSTS = f"127.0.0.1 {HOST} localhost\n" + "".join(f"{address} {name}\n" for address, name in _NAMES.items())


def _reversed(address: str) -> str:
    return ".".join(reversed(address.split(".")))


DNS: dict[str, dict[str, list[str]]] = {
    "servfail.example": {},
    f"{_reversed(LIAR)}.in-addr.arpa": {"PTR": ["liar.example.net."]},
    "liar.example.net": {"A": ["10.9.9.9"]},
    f"{_reversed(LATER)}.in-addr.arpa": {"PTR": [SERVFAIL]},
    f"{_reversed(LOST)}.in-addr.arpa": {"PTR": ["lost.servfail.example."]},
    f"{_reversed(GONE)}.in-addr.arpa": {"PTR": ["nowhere.example.net."]},
    "example.net": {"A": ["10.1.1.20"]},
    "far.example": {"A": ["10.1.1.21"]},
    f"{_reversed(BAD)}.list.example": {"A": ["127.0.0.2"], "TXT": ["listed"]},
    f"{_reversed(SLOW)}.list.example": {"A": [SERVFAIL]},
    f"{_reversed(OWN)}.list.example": {"A": ["127.0.0.2"]},
    f"{_reversed(BAD)}.other.example": {"A": ["127.0.0.4", "127.0.0.10"]},
    f"{_reversed(NAMELESS)}.other.example": {"A": ["127.0.0.3"]},
    f"{_reversed(SLOW)}.other.example": {"A": [SERVFAIL]},
}
TABLES = {
    "access": f"ClientRate:{GOOD}\t2\nClientRate:{OWN}\t0\nClientRate:\t3\nClientConn:{GOOD}\t1\nClientConn:{OWN}\t0\n"
    f"ClientConn:\t2\nGreetPause:{BAD}\t0\nGreetPause:{SLOW}\t500\nConnect:{OWN}\tOK\nFrom:bad@far.example\tREJECT\n"
    "To:bob@example.org\tERROR:550 5.7.1 not to bob\nTLS_Clt:slow.example.net\tENCR:112\nTLS_Clt:bad\tVERIFY\n"
    f"Srv_Features:{BAD}\tA B D E P X\nSrv_Features:slow.example.net\tL\nSrv_Features:{OWN}\tl\n",
}
BASE = SMTP_BASE + "O RefuseLA=10000\nO QueueLA=10000\n"  # the machine may have much to do
MC = """\
include(`/usr/share/sendmail/cf/m4/cf.m4')dnl
VERSIONID(`clients')dnl
OSTYPE(`linux')dnl
define(`confDOMAIN_NAME', `mail.example.org')dnl
define(`ALIAS_FILE', `FOLDER/aliases')dnl
define(`QUEUE_DIR', `FOLDER/q')dnl
define(`STATUS_FILE', `FOLDER/st')dnl
define(`confTO_IDENT', `0')dnl
define(`confDELIVERY_MODE', `queueonly')dnl
define(`confLOG_LEVEL', `0')dnl
define(`confREFUSE_LA', `10000')dnl
define(`confQUEUE_LA', `10000')dnl
define(`confDONT_PROBE_INTERFACES', `True')dnl
define(`confDONT_BLAME_SENDMAIL', `MapInUnsafeDirPath,GroupWritableDirPathSafe')dnl
define(`confSMTP_LOGIN_MSG', `$j')dnl
LOCAL_DOMAIN(`example.org')dnl
FEATURE(`access_db', `hash -o FOLDER/access')dnl
"""
MC_END = "MAILER(`local')dnl\nMAILER(`smtp')dnl\n"
COMMON = {
    "base": BASE,
    "mc": MC + MC_END,
    "files": FILES,
    "tables": TABLES,
    "passwd": PASSWD,
    "hosts": HOSTS,
    "dns": DNS,
}

HELLO, MAIL, RCPT = "EHLO client.example", "MAIL FROM:<a@far.example>", "RCPT TO:<ann@example.org>"
MESSAGE = ["Subject: hi", "", "body", "."]
CASES: list[dict[str, Any]] = []
Step = list[Any]


def _add(steps: list[Step], *, text: str | None = None, mc: str | None = None) -> None:
    CASES.append({"text": text, "mc": mc, "steps": steps})


def dialogue(name: str, client: str, *lines: Any) -> list[Step]:
    """The steps of one connection."""
    return [[name, f"connect {client}"], *([name, line] for line in lines)]


def calls(client: str, count: int, *, stay: bool = False) -> list[Step]:
    """So many connections of a client, one after the other or beside each other."""
    steps: list[Step] = []
    for number in range(count):
        name = f"{client}/{number}"
        steps += [[name, f"connect {client}"], *([] if stay else [[name, "QUIT"]])]
    return steps


_FULL = [HELLO, MAIL, RCPT, "DATA", MESSAGE, "QUIT"]
# What is counted.
_COUNTS = r"""Scheck_mail
R$*	$#error $: "550 " $&{client_connections} " " $&{client_rate} " " $&{total_rate} " " $&{nbadrcpts}
"""
_ASKED = [HELLO, MAIL]
_add(
    [*dialogue("a", GOOD, *_ASKED), *dialogue("b", BAD, *_ASKED), *dialogue("c", GOOD, *_ASKED, "QUIT"),
     *dialogue("d", GOOD, *_ASKED), ["a", MAIL], ["b", "hang up"], *dialogue("e", BAD, *_ASKED), ["d", "QUIT"],
     ["a", "hang up"], *dialogue("f", GOOD, *_ASKED)],
    text=_COUNTS,
)  # fmt: skip
# Rates and numbers of connections, by the features.
for feature in ("", "`nodelay'", "`', `terminate'", "`nodelay', `terminate'"):
    for name in ("ratecontrol", "conncontrol"):
        before = "FEATURE(`delay_checks')dnl\n" if "nodelay" in feature else ""
        stay = name == "conncontrol"
        steps = [
            *calls(GOOD, 3, stay=stay), *calls(OWN, 4, stay=stay), *calls(SLOW, 4, stay=stay),
            *dialogue("last", GOOD, *_FULL), *dialogue("other", BAD, *_FULL),
        ]  # fmt: skip
        if stay:
            steps += [[f"{GOOD}/0", "QUIT"], *dialogue("again", GOOD, HELLO, MAIL, RCPT)]
        arguments = f", {feature}" if feature else ""
        _add(steps, mc=f"{before}FEATURE(`{name}'{arguments})dnl\n")
# Who may not connect, or not yet.
_EACH = [step for n, client in enumerate((GOOD, BAD, SLOW, OWN, NAMELESS)) for step in
         dialogue(f"c{n}", client, HELLO, MAIL, RCPT, "RCPT TO:<ann>", "RCPT TO:<postmaster>", "QUIT")]  # fmt: skip
for lists in (
    "FEATURE(`dnsbl', `list.example')dnl\n",
    "FEATURE(`dnsbl', `list.example', `\"550 no \" $&{client_addr}', `t')dnl\n",
    "FEATURE(`dnsbl', `list.example', `quarantine')dnl\n",
    "FEATURE(`enhdnsbl', `other.example', `\"554 \" $&{client_addr} \" listed\"', `t', `127.0.0.3.',"
    " `127.0.0.4.')dnl\n",
    "FEATURE(`enhdnsbl', `other.example', `', `')dnl\nFEATURE(`delay_checks')dnl\n",
    "FEATURE(`dnsbl', `list.example')dnl\nFEATURE(`enhdnsbl', `other.example', `', `t', `127.0.0.10.')dnl\n"
    "FEATURE(`delay_checks', `friend')dnl\n",
):
    _add(_EACH, mc=lists)
_NAMED = [step for n, client in enumerate((GOOD, NAMELESS, LIAR, LATER, LOST, GONE)) for step in
          dialogue(f"c{n}", client, HELLO, MAIL, RCPT, "QUIT")]  # fmt: skip
_add(_NAMED, mc="FEATURE(`require_rdns')dnl\n")
_add(_NAMED, mc="FEATURE(`require_rdns')dnl\nFEATURE(`delay_checks')dnl\n")
_add(_NAMED, mc="FEATURE(`use_client_ptr')dnl\nFEATURE(`badmx')dnl\n")
_RESOLVED = r"""Scheck_rcpt
R$*	$#error $: "550 " $&{client_resolve} " " $&{client_name} " " $&{client_ptr} " " $&_
"""
_add(_NAMED, text=_RESOLVED)
_HELLOS = (
    "HELO client.example", "HELO mail.example.org", "HELO example.org", "EHLO [10.1.1.2]", "EHLO [127.0.0.1]",
    "HELO localhost", "HELO client", "HELO 10.1.1.2", "EHLO good.example.net", "HELO x.example.org", "EHLO [1.2.3]",
)  # fmt: skip
for before in ("", "FEATURE(`delay_checks')dnl\n"):
    steps = []
    for number, hello in enumerate(_HELLOS):
        for client in (GOOD, OWN):
            steps += dialogue(f"{client}/{number}", client, hello, MAIL, RCPT, "QUIT")
    steps += dialogue("none", GOOD, MAIL, RCPT)
    _add(steps, mc=f"{before}FEATURE(`block_bad_helo')dnl\n")
# Who talks before it is greeted, and who waits.
_add(
    [["a", f"hurry {GOOD} EHLO x"], ["a", "NOOP"], ["a", MAIL], ["a", "QUIT"], *dialogue("b", GOOD, *_FULL),
     ["c", f"hurry {BAD} NOOP"], ["c", "read"], ["c", MAIL], ["d", f"hurry {SLOW} QUIT"], ["d", "read"],
     *dialogue("e", SLOW, HELLO, MAIL)],
    mc="FEATURE(`greet_pause', `1000')dnl\n",
)  # fmt: skip
# What stands for the name in HELO where there is none.
for ruleset in ("check_relay", "check_mail", "check_rcpt", "check_vrfy", "check_etrn", "check_data"):
    _add(
        [step for n, client in enumerate((GOOD, NAMELESS, LIAR)) for step in
         dialogue(f"c{n}", client, "VRFY ann", "ETRN x", MAIL, RCPT, *(["DATA"] if ruleset == "check_data" else []))],
        text=f'S{ruleset}\nR$*\t$#error $: "550 <" $&s "> <" $&r "> " $&{{client_name}}\n',
    )  # fmt: skip
# Limits of a session.
_BAD_ONES = [f"RCPT TO:<x{n}>" for n in range(4)]
_add(dialogue("a", GOOD, HELLO, MAIL, *_BAD_ONES, RCPT, "RCPT TO:<x9>", "DATA", MESSAGE), text="O BadRcptThrottle=2\n")
_add(
    dialogue("a", GOOD, HELLO, MAIL, *_BAD_ONES[:2], RCPT, "RSET", MAIL, RCPT, *_BAD_ONES[:2], "RSET", MAIL, "VRFY x"),
    text="O BadRcptThrottle=1\n",
)
_add(
    [*dialogue("a", GOOD, HELLO, MAIL, *_BAD_ONES[:2], "RSET", MAIL, *_BAD_ONES, "NOOP"),
     *dialogue("b", GOOD, HELLO, MAIL, _BAD_ONES[0], "RSET", MAIL, _BAD_ONES[0], "NOOP")],
    text="O BadRcptShutdown=3\nO BadRcptThrottle=3\n",
)  # fmt: skip
_add(dialogue("a", GOOD, HELLO, MAIL, RCPT, RCPT, "RCPT TO:<bob>", "RCPT TO:<team>", "RCPT TO:<x1>", "RCPT TO:",
              "DATA", MESSAGE, MAIL, "RCPT TO:<bob>"), text="O MaxRecipientsPerMessage=2\n")  # fmt: skip
_add(dialogue("a", GOOD, *["NOOP"] * 6), text="O MaxNOOPCommands=3\n")
_add(dialogue("a", GOOD, HELLO, "NOOP", "NOOP", MAIL, RCPT, "NOOP", "DATA", MESSAGE, "NOOP", "RSET", "RSET"),
     text="O MaxNOOPCommands=2\n")  # fmt: skip
_add(dialogue("a", GOOD, *["NOOP"] * 22), text="O MaxNOOPCommands=0\n")
_add(dialogue("a", GOOD, *["NOOP"] * 21))
_add(dialogue("a", GOOD, "HELO", "EHLO x", "HELO x;", "EHLO y", "HELO z"))
_add(dialogue("a", GOOD, "VRFY ann", "EXPN team", "VRFY", "EXPN nowhere", "EXPN", "VRFY bob", "EXPN ann", "VERB"))
_add(dialogue("a", GOOD, *["VRFY ann"] * 7, *["EXPN ann"] * 6), text="O PrivacyOptions=novrfy,noexpn\n")
_add(dialogue("a", GOOD, *["VRFY ann"] * 7, *["EXPN ann"] * 2), text="O PrivacyOptions=goaway\n")
_add(dialogue("a", GOOD, *["VRFY ann"] * 7, HELLO, *["VRFY ann"] * 2), text="O PrivacyOptions=needvrfyhelo\n")
_add(dialogue("a", GOOD, *["EXPN ann"] * 4, *["VRFY ann"] * 4), text="O PrivacyOptions=noexpn\n")
_add(dialogue("a", GOOD, *["ETRN x"] * 10), text="O PrivacyOptions=noetrn\n")
_add(dialogue("a", GOOD, *["EXPN ann"] * 8, HELLO), text="Ssrv_features\nR$*\t$# X\n")
_add(dialogue("a", BAD, *["VRFY ann"] * 8, *["NOOP"] * 2, HELLO), text='Scheck_relay\nR$*\t$#error $: "550 no"\n')
# MaxDaemonChildren: connections beyond it are refused.
_add([*calls(GOOD, 2, stay=True), *calls(BAD, 1), [f"{GOOD}/0", "NOOP"], [f"{GOOD}/1", HELLO]],
     text="O MaxDaemonChildren=2\n")  # fmt: skip
# What rulesets know of TLS and AUTH where there is neither.
_SECURITY = (
    "verify", "tls_version", "cipher", "cipher_bits", "cert_subject", "cert_issuer", "cn_subject", "cn_issuer",
    "cert_md5", "alg_bits", "auth_type", "auth_authen", "auth_author", "auth_ssf", "server_name", "server_addr",
    "client_flags", "daemon_flags",
)  # fmt: skip
for ruleset in ("check_relay", "check_mail", "check_rcpt", "check_data", "check_eom", "check_vrfy", "check_etrn",
                "tls_client", "tls_server", "try_tls", "tls_rcpt", "trust_auth", "srv_features"):  # fmt: skip
    told = " ".join(f'"{name}=" $&{{{name}}} ";"' for name in _SECURITY)
    _add(
        dialogue("a", GOOD, HELLO, "VRFY ann", "ETRN x", f"{MAIL} AUTH=<>", "RSET", f"{MAIL} AUTH=b@far.example",
                 "RSET", MAIL, RCPT, "DATA", MESSAGE, MAIL, "QUIT"),
        text=f'S{ruleset}\nR$*\t$#error $@ 5.7.1 $: "550 5.7.1 {ruleset} " $1 ";" {told}\n',
    )  # fmt: skip
_add([*dialogue("a", GOOD, HELLO, MAIL), *dialogue("b", SLOW, HELLO, MAIL, RCPT, "DATA"),
      *dialogue("c", BAD, HELLO, MAIL, RCPT, "DATA"), *dialogue("d", OWN, HELLO, MAIL)], mc="")  # fmt: skip
_AUTH = ("AUTH", "AUTH PLAIN", "AUTH FOO", "AUTH PLAIN =", "AUTH LOGIN", "AUTH EXTERNAL", "STARTTLS", "STARTTLS x",
         f"{MAIL} AUTH=b+40far.example", "AUTH PLAIN")  # fmt: skip
_add([*dialogue("a", GOOD, *_AUTH[:8]), *dialogue("b", GOOD, HELLO, *_AUTH, "RSET", "AUTH PLAIN")])
for text in (
    "O AuthMechanisms=FOO PLAIN LOGIN EXTERNAL GSSAPI\n", "O AuthMechanisms=plain Login\n", "O AuthOptions=p\n",
    "O AuthOptions=A\n", "O AuthMechanisms=\n", "O AuthMechanisms=EXTERNAL\n", "O AuthRealm=example.org\n",
    "O TLSSrvOptions=V\n",
    *(f"Ssrv_features\nR$*\t$# {found}\n" for found in (
        "a v", "A V S", "AB", "XB l", '"l"', "a.l", "P,L", "s S", "lA", "TEMPO", "A TEMP", "temp", "E D",
        "error $: l")),
):  # fmt: skip
    _add(
        dialogue("a", GOOD, HELLO, "AUTH", "AUTH FOO", "VERB", "STARTTLS", "ETRN x", "EXPN ann", MAIL, "QUIT"),
        text=text,
    )

# What is logged, and the field Received of what is delivered: by a mailer that appends to FOLDER/mail.
LOG_CASES: list[dict[str, Any]] = []
SCRIPT = {"box.sh": "#!/bin/sh\ncat >>FOLDER/mail\n"}
_LOGGED = r"""O LogLevel=9
HReceived: $?sfrom $s $.$?_($?s$|from $.$_)
	$.by $j ($v/$Z)$?r with $r$. id $i$?u
	for $u; $|;
	$.$b
"""
_RULES = r"""Scheck_relay
Rbad.example.net $| $*	$#error $@ 5.7.1 $: "550 5.7.1 relay"
Rslow.example.net $| $*	$#error $@ 4.7.1 $: "421 4.7.1 later"
Scheck_mail
R<bad@$*>	$#error $@ 5.7.1 $: "550 5.7.1 bad"
R<gone@$*>	$#discard $: d
Scheck_rcpt
R<team>	$#error $@ 4.7.1 $: "451 4.7.1 later"
Scheck_vrfy
Rbob	$#error $: "550 v"
Scheck_data
R3	$#error $@ 5.7.1 $: "550 5.7.1 three"
Scheck_eom
R14	$#error $@ 5.7.1 $: "550 5.7.1 eom"
HSubject: $>Subject
SSubject
Rbad	$#error $: "550 subj"
Rodd	$#error $@ quarantine $: odd
Rgone	$#discard $: x
"""


def _log(text: str, *steps: list[Step]) -> None:
    LOG_CASES.append({"text": _LOGGED + text, "mc": None, "steps": [step for each in steps for step in each]})


def _messages(*subjects: str) -> list[Any]:
    return [line for each in subjects for line in (MAIL, RCPT, "DATA", [f"Subject: {each}", "", "body", "."])]


_DELIVERED = """O DeliveryMode=i
O DefaultUser=0:0
Mlocal, P=FOLDER/box.sh, F=lsDFM, S=0, R=0, D=/, T=DNS/RFC822/X-Unix, A=box $u
"""
_QUEUED = "O DeliveryMode=q\n"
_log(_DELIVERED, dialogue("a", GOOD, HELLO, MAIL, RCPT, "DATA", MESSAGE, MAIL, RCPT, "RCPT TO:<bob>", "DATA",
     MESSAGE, "QUIT"))  # fmt: skip
_log(_DELIVERED, dialogue("a", NAMELESS, "HELO x", f"{MAIL} BODY=8BITMIME", "RCPT TO:<ann>", "DATA",
     ["Subject: x", "Message-Id: <1@far.example>", "", "body", "."], "QUIT"))  # fmt: skip
_log(_DELIVERED, dialogue("a", LIAR, MAIL, RCPT, "DATA", MESSAGE, "QUIT"))
_log(_QUEUED + _RULES, dialogue("a", GOOD, HELLO, "MAIL FROM:<bad@x.example>", MAIL, "RCPT TO:<team>", "RCPT TO:<x1>",
     RCPT, "VRFY bob", "ETRN x", "RSET", "MAIL FROM:<gone@x.example>", RCPT, "QUIT"))  # fmt: skip
_log(_QUEUED + _RULES, dialogue("a", BAD, HELLO, MAIL, "QUIT"), dialogue("b", SLOW, "QUIT"),
     dialogue("c", GOOD, "hang up"), dialogue("d", GOOD, MAIL, "hang up"),
     dialogue("e", GOOD, MAIL, RCPT, "hang up"), dialogue("f", GOOD, "NOOP", "QUIT"))  # fmt: skip
_log(_QUEUED + _RULES, dialogue("a", GOOD, HELLO, *_messages("hi", "bad", "odd", "gone"), "QUIT"))
_log(_QUEUED + _RULES, dialogue("a", GOOD, HELLO, MAIL, RCPT, "RCPT TO:<bob>", "RCPT TO:<postmaster>", "DATA", "QUIT"))
_log(_QUEUED + "O MaxMessageSize=10\n", dialogue("a", GOOD, HELLO, f"{MAIL} SIZE=100", *_messages("hi"), "QUIT"))
_log(_QUEUED + "O MaxRecipientsPerMessage=1\nO BadRcptThrottle=1\nO MaxNOOPCommands=2\n",
     dialogue("a", GOOD, HELLO, "NOOP", "NOOP", MAIL, "RCPT TO:<x1>", RCPT, "RCPT TO:<bob>", "QUIT"))  # fmt: skip
_log(_QUEUED + "O PrivacyOptions=novrfy,noexpn,noetrn\n", dialogue("a", GOOD, "VRFY ann", "EXPN ann", "ETRN x", "QUIT"))
for level in (0, 2, 4, 5, 6):
    _log(
        f"{_QUEUED}O LogLevel={level}\n{_RULES}",
        dialogue("c", GOOD, "VRFY ann", "QUIT"),
        dialogue("a", GOOD, HELLO, "MAIL FROM:<bad@x.example>", MAIL, RCPT, "RCPT TO:<x1>", "hang up"),
        dialogue("b", GOOD, "QUIT"),
    )
