"""SMTP dialogues with a sendmail of our own configuration: what is asked, for the recorder and the tests.

A case has lines that are added to `BASE`, the client's address, and what the client sends: a line, the lines of a
message after 354 (a list), or bytes as they are (``raw:`` before them). In texts FOLDER is the configuration's folder.
"""

from __future__ import annotations

from typing import Any

HOST = "mail.example.org"
HOSTS = (
    "127.0.0.1 mail.example.org localhost\n127.0.0.2 good.example.net\n127.0.0.3 bad.example.net\n"
    "127.0.0.4 slow.example.net\n127.0.0.5 list.example.net\n127.0.0.6 gone.example.net\n"
)
PASSWD = (
    "root:x:0:0:root:/root:/bin/sh\nann:x:1001:1001:Ann,,,:/home/ann:/bin/sh\nbob:x:1002:1002:Bob:/home/bob:/bin/sh\n"
)
FILES = {"aliases": "postmaster: ann\nteam: ann, bob, far@far.example\nloop: loop\nprog: |/bin/cat\nfile: /tmp/none\n"}
TABLES = {"table": "one\t1\ntwo\t2\n"}
BASE = r"""V10/Berkeley
O OperatorChars=.:%@!^/[]+
O DontProbeInterfaces=True
O QueueDirectory=FOLDER/q
O AliasFile=FOLDER/aliases
O DeliveryMode=q
O Timeout.ident=0
O DontBlameSendmail=GroupWritableDirPathSafe,MapInUnsafeDirPath
O SmtpGreetingMessage=$j Sendmail $b
O LogLevel=0
Djmail.example.org
Cwlocalhost example.org
Tdaemon
Kfailing hash FOLDER/gone
Kplain hash -o FOLDER/table
Kcalc arith
Mlocal, P=/bin/true, F=lsDFMAw5:/|@qPn9, S=0, R=0, T=DNS/RFC822/X-Unix, A=true $u
Mprog, P=/bin/true, F=lsDFMoq, D=/, A=true -c $u
Mesmtp, P=[IPC], F=mDFMuXa, S=0, R=0, E=\r\n, L=990, A=TCP $h
S3
R$* < $* > $*		$: $2
R$+ @ $+		$: $1 < @ $2 >
R$@			$: @
Sparse=0
R@			$#local $: <>
R$+ < @ $=w >		$#local $: $1
R$+ < @ later.example >	$#error $@ 4.3.0 $: 451 later
R$+ < @ refused.example >	$#error $@ 5.7.1 $: "550 5.7.1 refused: " $1
R$+ < @ $+ >		$#esmtp $@ $2 $: $1 < @ $2 >
R$+			$#local $: $1
S4
R$* < $+ > $*		$: $1 $2 $3
R@			$@
"""
_HELLO = "EHLO client.example"
_MAIL = "MAIL FROM:<a@far.example>"
_RCPT = "RCPT TO:<ann@example.org>"
_MESSAGE = ["Subject: hi", "", "body", "."]
_ALL = [_HELLO, _MAIL, _RCPT, "DATA", _MESSAGE]
GOOD, BAD, SLOW, LIST, GONE, SELF = (f"127.0.0.{n}" for n in (2, 3, 4, 5, 6, 1))
# Every client is answered otherwise by these.
_RELAY = r"""Scheck_relay
Rbad.example.net $| $*	$#error $@ 5.7.1 $: "550 5.7.1 not you " $1
Rslow.example.net $| $*	$#error $@ 4.7.1 $: "450 4.7.1 later"
Rlist.example.net $| $*	$#discard $: discard
Rgone.example.net $| $*	$#error $@ 4.7.0 $: "421 4.7.0 go away"
"""
_MACROS = (
    "client_addr", "client_name", "client_resolve", "client_ptr", "client_connections", "client_rate", "total_rate",
    "daemon_name", "daemon_flags", "daemon_addr", "daemon_family", "if_addr", "if_name", "if_family", "r", "s", "_",
    "f", "mail_addr", "mail_host", "mail_mailer", "mail_from", "rcpt_addr", "rcpt_host", "rcpt_mailer", "nrcpts",
    "nbadrcpts", "msg_size", "addr_type", "auth_type", "verify", "dsn_ret", "dsn_envid", "dsn_notify", "opMode",
    "deliveryMode", "bodytype", "quarantine", "hdr_name", "hdrlen", "currHeader", "ntries", "g", "client_flags",
)  # fmt: skip


def _told(ruleset: str, macros: tuple[str, ...]) -> str:
    """A ruleset that refuses with the values of macros."""
    parts = " ".join(f'"{name}=" $&{{{name}}} ";"' for name in macros)
    return f'S{ruleset}\nR$*\t$#error $@ 5.7.1 $: "550 5.7.1 " {parts}\n'


Case = dict[str, Any]
CASES: list[Case] = []


def _add(text: str, client: str, *dialogues: list[Any]) -> None:
    CASES.extend({"text": text, "client": client, "lines": lines} for lines in dialogues)


_add(
    "", GOOD,
    [*_ALL, "QUIT"],
    ["FOO"] * 27, ["NOOP"] * 22, [_HELLO] * 5, ["RSET"] * 22, ["FOO", "NOOP"] * 14,
    [_HELLO, "VRFY ann", "VRFY team", "VRFY nowhere", "VRFY <ann@example.org>", "VRFY x@far.example", "VRFY prog",
     "VRFY ",
     "EXPN team", "EXPN ann", "EXPN nowhere", "EXPN loop", "EXPN x@refused.example", "VRFY a,b", "VRFY root ann"],
    [_HELLO, "VERB", "VRFY ann", "NOOP", "NOOP", "NOOP"],
    [_HELLO, _MAIL, _HELLO, _RCPT, _MAIL, "HELO x.example", "RCPT TO:<ann>", "DATA"],
    [_HELLO, _MAIL, "DATA", "RCPT TO:<nowhere@example.org>", "DATA", _RCPT, "MAIL FROM:<b@far.example>", "RSET",
     "DATA"],
    [_HELLO, "MAIL FROM:<x@refused.example>", "MAIL FROM:<x@later.example>", _MAIL, "RCPT TO:<x@refused.example>",
     "RCPT TO:<x@later.example>", "RCPT TO:<x@far.example>", _RCPT, "DATA", _MESSAGE],
    [_HELLO, *[f"MAIL FROM:<a@far.example>{p}" for p in (" SIZE=-1", " SIZE", " BODY=", " RET=", " RET", " ENVID=",
     " AUTH", " AUTH=", " AUTH=a+zz", " BY", " BY=", " BY=1", " BY=1;X", " BY=1;NX", " BY=1;RT",
     " RET=FULL RET=HDRS", " AUTH=<> AUTH=<>",
     " BODY=8bitmime", " ret=full", " SIZE=1=2", " X=Y Z", "  SIZE=1", "\tSIZE=1", " SIZE=1 ", " BY=99999999999;R",
     " SIZE=999999999999999999999")]],
    [_HELLO, _MAIL, *[f"RCPT TO:<ann@example.org>{p}" for p in (" NOTIFY", " NOTIFY=SUCCESS,DELAY", " NOTIFY=,",
     " NOTIFY=never",
     " ORCPT", " ORCPT=", " ORCPT=;x", " ORCPT=rfc822;", " ORCPT=rfc822;a+zz", " ORCPT=rfc822;a ORCPT=rfc822;b",
     " ORCPT=x;a+2B",
     " SIZE=1", " notify=failure")]],
    ["MAIL FROM:<a@far.example>", "EHLO", "HELO a b", "EHLO [1.2.3.4]"], ["EHLO a/b", "EHLO a_b", "EHLO *"],
    ["EHLO <x>", "HELO a@b", "EHLO x;y"], ["EHLO " + "a" * 255, "EHLO " + "a" * 256], ["EHLO -", "EHLO ."],
    [_HELLO, "HELP", "HELP HELO", "HELP nothing", "ETRN example.org", "ETRN @example.org", "ETRN #x", "ETRN",
     "AUTH", "AUTH FOO",
     "STARTTLS", "STARTTLS x", "BDAT 5", "TURN", "SAML FROM:<a@b>", "SOML x", "XFORWARD a", "HELO"],
    [_HELLO, "FOO " + "x" * 190, "FOO " + "x" * 200, "NOOP " + "x" * 3000, "FOO " + "x" * 3000, "NOOP"],
    [" NOOP", "\tNOOP x", "noop", "NoOp\tx", "NOOP\x01", "NOOPx", "raw:NO\0OP\r\n", "raw:NOOP\0\r\n", "", " ",
     "raw:NOOP \r\r\n"],
    ["raw:NOOP\n", "NOOP"], ["raw:NOOP\rX\r\n", "NOOP"], ["raw:\n"],
    [_HELLO, _MAIL, _RCPT, "DATA", "raw:Subject: x\r\n\r\na\nb\r\n.\r\n", "NOOP"],
    [_HELLO, _MAIL, _RCPT, "DATA", "raw:Subject: x\r\n\r\na\rb\r\n.\r\n", "NOOP"],
    [_HELLO, _MAIL, _RCPT, "DATA", "raw:Subject: x\r\n\r\na\0b\r\n.\r\n", "NOOP"],
    [_HELLO, _MAIL, _RCPT, "DATA", "raw:Subject: x\r\n\r\na\r\n.\n", "NOOP"],
    [_HELLO, _MAIL, _RCPT, "DATA", "raw:Subject: x\r\n\r\na\n.\r\n", "NOOP"],
    [_HELLO, "MAIL FROM:a@far.example", "RSET", "MAIL FROM:", "MAIL FROM: ", "MAIL FROM:<>x", "RSET",
     "MAIL FROM:<<a@b>>", "RSET",
     "MAIL FROM:a@far.example SIZE=1", "RSET", "MAIL FROM:<a@b", "MAIL FROM:\"a b\"@c", "RSET", "MAIL FROM:<\x80@x>",
     "MAIL FROM:<" + "x" * 300 + "@y>", "MAIL FROMX:<a@b>", "MAIL FROM :<a@b>"],
    [_HELLO, _MAIL, "RCPT TO:", "RCPT TO: ", "RCPT TO:<>", "RCPT TO:()", "RCPT TO:<ann@example.org",
     "RCPT TO:<\x80@x>",
     "RCPT TO:<" + "x" * 300 + "@y>", "RCPT TO:<ann@example.org>", "RCPT TO:<Ann@Example.ORG>", "RCPT TO:<ann>",
     "RCPT TO:<team>", "RCPT TO:<loop>"],
)  # fmt: skip
_LIMITS = (
    "O MaxRecipientsPerMessage=2\nO MaxMessageSize=1000\nO MaxHeadersLength=500\nO MaxHopCount=3\nO MaxNOOPCommands=3\n"
)
_add(
    _LIMITS, GOOD,
    [_HELLO, _MAIL, _RCPT, "RCPT TO:<bob>", "RCPT TO:<team>", "RCPT", "DATA", _MESSAGE, _MAIL, _RCPT],
    [_HELLO, _MAIL + " SIZE=999", "RSET", _MAIL + " SIZE=1000", "RSET", _MAIL + " SIZE=1001", _MAIL],
    [_HELLO, _MAIL, _RCPT, "DATA", ["Subject: x", "", *["y" * 70] * 12, "."], "NOOP"],
    [_HELLO, _MAIL, _RCPT, "DATA", ["Subject: x", "", *["y" * 70] * 20, "."], "NOOP"],
    [_HELLO, _MAIL, _RCPT, "DATA", ["Subject: " + "x" * 600, "", "y", "."], "NOOP"],
    [_HELLO, _MAIL, _RCPT, "DATA", [*["Received: x"] * 5, "", "y", "."], "NOOP"],
    ["NOOP"] * 5, ["VRFY ann"] * 7, ["ETRN x"] * 9, [_HELLO] * 5,
)  # fmt: skip
_add("O BadRcptShutdown=2\n", GOOD, [_HELLO, _MAIL, "RCPT TO:<x1>", "RCPT TO:<x2>", "RCPT TO:<x3>", "RCPT TO:<x4>",
"NOOP"],
     [_HELLO, _MAIL, _RCPT, "RCPT TO:<x1>", "RCPT TO:<x2>", "RCPT TO:<x3>", "RCPT TO:<x4>",
      "RCPT TO:<x5>"])  # fmt: skip
_add("O BadRcptThrottle=2\n", GOOD, [_HELLO, _MAIL, "RCPT TO:<x1>", "RCPT TO:<x2>", "RCPT TO:<x3>", _RCPT])
for client in (GOOD, BAD, SLOW, LIST, GONE):
    _add(
        _RELAY,
        client,
        [*_ALL, "VRFY ann", "EXPN team", "ETRN x", "HELP", "NOOP", "RSET", "FOO", "VERB", "AUTH", "QUIT"],
    )
_add(_RELAY, BAD, [_MAIL] * 27, ["FOO", _MAIL] * 14)
for verb in ("check_mail", "check_rcpt", "check_data", "check_eom", "check_vrfy", "check_expn", "check_etrn",
"check_relay",
             "check_eoh"):  # fmt: skip
    for first in range(0, 0 if verb in ("check_expn", "check_etrn") else len(_MACROS), 8):
        macros = _MACROS[first : first + 8]
        _add(_told(verb, macros), GOOD, [_HELLO, *_ALL[1:], "VRFY ann", "EXPN team", "ETRN x"])
    for action in ("$#error $@ 4.7.1 $: \"421 4.7.1 over\"", "$#error $: plain words",
    "$#error $@ quarantine $: odd", "$#discard $: d",
                   "$#error $@ 5.1.1 $: \"\"", "$#error $@ nouser $: \"no one\"",
                   "$#error $@ tempfail $: \"450 wait\"", "$#OK",
                   "$: $(failing $1 $)", "$#error $: 600 odd", "$#local $: x"):  # fmt: skip
        _add(f"S{verb}\nR$*\t{action}\n", GOOD, [*_ALL, "VRFY ann", "EXPN team", "ETRN x", "NOOP"])
_HEADERS = r"""HSubject: $>Subject
HX-Long: $>+Long
H*: $>Any
SSubject
RILOVEYOU	$#error $@ 5.7.0 $: "553 virus"
Rquiet		$#discard $: discard
Rodd		$#error $@ quarantine $: odd
Rlater		$#error $@ 4.7.0 $: "451 later"
Rclose		$#error $@ 4.7.0 $: "421 closing"
Rshow		$#error $: "550 " $&{hdr_name} " " $&{hdrlen} " " $&{currHeader}
SLong
R$* ( $* ) $*	$#error $: "550 comment " $2
R$+		$#error $: "550 long " $&{hdrlen} " " $1
SAny
Rany		$#error $: "550 any " $&{hdr_name}
Scheck_eoh
R$- $| $-	$: $(calc l $@ $1 $@ 2 $) $1 $2
RTRUE $- $-	$#error $@ 5.7.0 $: "550 few " $1 " " $2
"""
for fields in (["Subject: ILOVEYOU"], ["Subject: quiet"], ["Subject: odd"], ["Subject: later"], ["Subject: close"],
               ["Subject: show"],
               ["X-Long: a (b) c"], ["X-Long: abc", " def"], ["X-Other: any"], ["To: any",
                "From: x"], ["To: x"], ["To: x", "From: y"], [],
               ["no header"], ["subject:ILOVEYOU", "To: x"], ["Subject:  ILOVEYOU  ",
                "To: x"], ["Subject: (c) ILOVEYOU", "To: x"],
               ["Subject: later", "Subject: ILOVEYOU"], ["Bcc: any", "Received: any"], ["Subject: x <y",
                "To: x"]):  # fmt: skip
    _add(_HEADERS, GOOD, [_HELLO, _MAIL, _RCPT, "DATA", [*fields, "", "body", "."], "NOOP", _MAIL])
_FEATURES = """Ssrv_features
R$*	$: $&{client_name}
Rgood.example.net	$# A
Rbad.example.net	$# B D E P X
Rslow.example.net	$# L
Rlist.example.net	$# l
Rgone.example.net	$# a b c d e p s v x z
R$*	$# TEMP
"""
for client in (GOOD, BAD, SLOW, LIST, GONE, SELF):
    _add(_FEATURES, client, [*_ALL, "VERB", "EXPN team", "VRFY ann", "ETRN x", "AUTH", "STARTTLS", _MAIL + " RET=HDRS"])
_add("O PrivacyOptions=noreceipts,noetrn\nO DeliverByMin=100\n", GOOD, [_HELLO, "ETRN x", _MAIL + " RET=HDRS",
_MAIL + " ENVID=x",
     _MAIL + " BY=50;R", _MAIL + " BY=50;N", _RCPT + " NOTIFY=NEVER"])  # fmt: skip
_add(
    "O DeliverByMin=-1\nO AuthMechanisms=\nO AllowBogusHELO=true\n",
    GOOD,
    [_HELLO, "AUTH X", _MAIL + " BY=1;R", _MAIL + " AUTH=<>", "EHLO a b", "HELO *", "EHLO"],
)
for privacy in (
    "needmailhelo",
    "needvrfyhelo,needexpnhelo",
    "novrfy",
    "noexpn",
    "noverb",
    "restrictexpand",
    "goaway",
    "authwarnings",
):
    _add(
        f"O PrivacyOptions={privacy}\n",
        GOOD,
        [_MAIL, "VRFY ann", "EXPN team", "VERB", _HELLO, "RSET", _MAIL, "VRFY team", "EXPN team", "VERB"],
    )
for action in ("$# 100", "$: 100", "$# x", "$#error $: no", "$# 0"):
    _add(f"Sgreet_pause\nR$*\t{action}\n", GOOD, [*_ALL], ["early:EHLO x", "NOOP"])
_add("", GOOD, ["early:EHLO x", "NOOP"], ["early:NOOP", "EHLO x"])
_add("Slast\nR$*\t$@ $>last $1\nScheck_mail\nR$*\t$: $>last $1\n", GOOD, [_HELLO, _MAIL, _RCPT])
_add("O SmtpGreetingMessage=$j hello $v\\n$r\nO EightBitMode=s\n", GOOD, [_HELLO, _MAIL + " BODY=8BITMIME"])
_add('Scheck_compat\nR$* $| $*\t$#error $@ 5.7.1 $: "550 no compat " $1 " " $2\n', GOOD, _ALL)
_SENDERS = ("</x>", "<|x>", "<:include:/x>", '<"|x">', "</x@example.org>", "</x@far.example>")
_add("", GOOD, [_HELLO, *(f"MAIL FROM:{path}" for path in _SENDERS)])
# Modifiers of the daemon's port: the driver takes them over.
_BY_FLAGS = 'Scheck_mail\nR<tell@$*>\t$#error $@ 5.7.1 $: "550 5.7.1 " $&{daemon_flags} " in " $&{deliveryMode}\n'
for settings in ("M=E", "M=a", "M=A", "M=CE", "M=fub", "M=xyZ", "M=eE,D=d", "D=i", "M=S", "M=r9b"):
    _add(
        f"O DaemonPortOptions=Port=smtp,Addr=127.0.0.1,Name=MTA,{settings}\n{_BY_FLAGS}",
        GOOD,
        [_HELLO, "MAIL FROM:<tell@far.example>", "RSET", "ETRN x", "AUTH PLAIN", _MAIL, _RCPT, "QUIT"],
    )
_add(
    _BY_FLAGS + "Ssrv_features\nR$*\t$# e l\nO DaemonPortOptions=Port=smtp,Addr=127.0.0.1,Name=MTA,M=EA\n",
    GOOD,
    [_HELLO, "ETRN x", _MAIL],
)
# Lists of VRFY and EXPN, numbers that are too large, commands that do not wait, a client without a name.
_add(
    "O OldStyleHeaders=True\n",
    SELF,
    [_HELLO, "VRFY ann none", "VRFY none ann", "VRFY ann,none", "VRFY ann none", "RSET", "VRFY ann none", "EXPN x y",
     "EXPN team team", "VRFY |cat x", "VRFY <ann none>"],
    [_HELLO, *(f"{_MAIL} SIZE={size}" for size in ("9223372036854775808", "99999999999999999999", "-1")),
     *(f"{_MAIL} BY={time}" for time in ("999999999;N", "1000000000;R", "-1000000000;N", "99999999999", "x;R", "1;",
                                         "99999999999;x", " 1;R", "1 ;R")), "NOOP"],
)  # fmt: skip
_add("", GOOD, [_HELLO, "VRFY ann none", "raw:HELO x;y\r\nNOOP\r\n", "QUIT"], ["raw:EHLO\r\nNOOP\r\n", "QUIT"])
_add("", "127.0.0.9", [_HELLO, "x" * 3000], ["GET / HTTP/1.0"])
_add("O SmtpGreetingMessage=\n", GOOD, ["QUIT"])
_add("O SmtpGreetingMessage=$$j $j\n", GOOD, ["QUIT"])
# What no other ruleset is asked about, of a client that is welcome and of one that is not.
for action in ('450 4.7.0 no " $1 " " $2', '421 4.7.0 bye"'):
    _add(
        f'Scheck_other\nR$* $| $*\t$#error $@ 4.7.0 $: "{action}\n',
        GOOD,
        *([line] for line in ("WIZ", "VERB", "SEND FROM:<a@b>", "  FOO  x", "NOOP x", "\xe9 y", "")),
        [_HELLO, _MAIL, "RSET", "HELP"],
    )
_add("Scheck_other\nR$* $| 2\t$@ ok\nR$* $| $*\t$#error $: 450 no\n", GOOD, ["NOOP", "VERB", "FOO", "TURN", "NOOP"])
_add('Scheck_relay\nR$*\t$#error $@ 5.7.1 $: "550 5.7.1 no"\n', GOOD, ["WIZ", "DEBUG", "SHOWQ", "FOO", "TURN"])
# A full disk; the eighth bit; the dates of a session; what is wrong with an address and what follows it; odd names.
_add(
    "O MinFreeBlocks=999999999999\n",
    GOOD,
    ["NOOP", "HELP", _HELLO, "RSET", "VRFY ann", "EXPN team", "STARTTLS", "AUTH PLAIN", "TURN", "FOO", _MAIL, _RCPT,
     "DATA"],
    ["WIZ", "HELO x", "ETRN x", "ETRN", _MAIL + " SIZE=1", "QUIT"],
)  # fmt: skip
_FULL = f"{_MAIL} SIZE=999999999999999"
_add("O MinFreeBlocks=0\n", GOOD, [_HELLO, _FULL, "RSET", _MAIL])
_add("O MinFreeBlocks=x\n", GOOD, [_HELLO, _FULL, "RSET", _MAIL + " SIZE=1"])
_add(
    "O SevenBitInput=True\n",
    GOOD,
    ["HELO \xe9t", "MAIL FROM:<\xe9@far.example>", "RCPT TO:<a\xeen@example.org>", "\xce"],
)
_add(
    "Scheck_vrfy\nR$*\t$: $&t $| $&d $| $&a\nR$- $| $+ $| $- , $+\t$#error $: 550 dated\n",
    GOOD,
    ["VRFY ann", _HELLO, "VRFY ann", _MAIL, "VRFY ann"],
)
_ENVELOPE = 'Scheck_vrfy\nR$*\t$#error $: "550 s=" $&s " f=" $&f " r=" $&r " h=" $&{mail_host} " a=" $&{rcpt_addr}\n'
_add(_ENVELOPE, GOOD, ["VRFY x", _HELLO, "VRFY x", _MAIL, "VRFY x", _RCPT, "VRFY x", "RSET", "VRFY x"])
_WRONG = ("ann> X=1", "ann)x X", "<ann>> X", "<ann X", '"ann X', "ann (X", "ann X>", "x <ann> X", "<ann> > X")
for wrong in _WRONG:
    _add("", GOOD, [_HELLO, f"MAIL FROM:{wrong}", _MAIL, f"RCPT TO:{wrong}"])
_ODD = ("(c) x", "x y", "a\x01b", "<x>", "x;y", "x@y", 'x"y', "x?y", "?", "\xe9", "x_y", "h" * 256, "h" * 257)
for odd in _ODD:
    _add("O AllowBogusHELO=true\n", GOOD, [f"HELO {odd}"])
# What is thrown away is looked at all the same; an address that stays local is not named where it is unknown.
_GONE = "Scheck_rcpt\nR$*\t$#discard $: discard\n"
_add(_GONE, GOOD, [_HELLO, _MAIL, _RCPT, "RCPT TO:<|x>", "RCPT TO:</x>", "RCPT TO:<:include:/x>", "RCPT TO:<none>"])
_add(_GONE, GOOD, [_HELLO, _MAIL, "RCPT TO:<|x>", "RCPT TO:<none>"])
