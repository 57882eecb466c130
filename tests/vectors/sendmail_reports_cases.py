"""Messages that sendmail reports about: what hosts and mailers answer, and what the configuration says of reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tests.vectors.sendmail_mailers_cases import FILES as _FILES
from tests.vectors.sendmail_mailers_cases import FOLDERS as FOLDERS
from tests.vectors.sendmail_mailers_cases import HOST

PROBES = ["/srv/probe"]
# The hosts of domains; nothing listens at 127.0.0.3.
ADDRESSES = {"far.example": "127.0.0.2", "closed.example": "127.0.0.3", "sender.example": "127.0.0.9"}
DNS: dict[tuple[str, str], list[str]] = {
    (HOST, "A"): ["127.0.0.1"],
    **{(name, "A"): [address] for name, address in ADDRESSES.items()},
    ("two.example", "MX"): ["10 closed.example", "20 far.example"],
    ("null.example", "MX"): ["0 "],
    ("me.example", "MX"): [f"10 {HOST}"],
    ("text.example", "TXT"): ["x"],
}
ALIASES = (
    "postmaster: root\nteam: x@far.example, y@far.example\nlist: x@far.example\nowner-list: bob\n"
    'mixed: ann, x@far.example\ngone: nosuch\nmailer-daemon: postmaster\npipe: "|/srv/probe exits67"\n'
    "loop1: loop2\nloop2: loop1\nnobody: /dev/null\ncopies: bob\n"
)
FILES: dict[str, list[Any]] = {
    **_FILES,
    "/etc/mail/aliases": [ALIASES, 0, 0, 0o644],
    "/etc/mail/error-header": ["Help is at hand.\n\nCall $j, or ask <postmaster>.\n", 0, 0, 0o644],
}
BASE = r"""V10/Berkeley
O OperatorChars=.:%@!^/[]+
O DontProbeInterfaces=True
O QueueDirectory=/var/spool/mqueue
O AliasFile=/etc/mail/aliases
O DeliveryMode=b
O Timeout.ident=0
O ForwardPath=$z/.forward
O SmtpGreetingMessage=$j Sendmail $b
O LogLevel=9
O DefaultUser=daemon:daemon
O UnixFromLine=From $g $d
O QueueLA=10000
O RefuseLA=10000
O PidFile=/run/pid
O EightBitMode=pass8
O SendMimeErrors=True
O Timeout.queuereturn=5d
O Timeout.queuewarn=4h
H?P?Return-Path: <$g>
HReceived: $?sfrom $s $.$?_($?s$|from $.$_)
	$.by $j ($v/$Z)$?r with $r$. id $i$?u
	for $u; $|;
	$.$b
H?D?Date: $a
H?F?From: $?x$x <$g>$|$g$.
H?x?Full-Name: $x
H?M?Message-Id: <$t.$i@$j>
Djmail.corp.test
DnMAILER-DAEMON
DZtest
Cwlocalhost corp.test mail.corp.test
Troot daemon
Mprog, P=/bin/sh, F=lsDFMoqeu9, S=0, R=0, T=X-Unix/X-Unix/X-Unix, A=sh -c $u
M*file*, P=[FILE], F=lsDFMPEouq9, T=DNS/RFC822/X-Unix, A=FILE $u
Mesmtp, P=[IPC], F=mDFMuXa, S=0, R=0, E=\r\n, L=990, T=DNS/RFC822/SMTP, A=TCP $h
Mlocal, P=/srv/probe, F=lsDFMAw5:/|@qPn9, S=0, R=0, T=DNS/RFC822/X-Unix, A=probe $u
Mbox, P=/srv/probe, F=lsDFMPn, S=0, R=0, T=DNS/RFC822/X-Unix, A=probe $u
Mtyped, P=/srv/probe, F=lsDFMPn, S=0, R=0, T=A/B/C, A=probe $u
Muntyped, P=/srv/probe, F=lsDFMPn, S=0, R=0, A=probe $u
Msmall, P=/srv/probe, F=lsDFMPn, S=0, R=0, M=10, T=DNS/RFC822/X-Unix, A=probe $u
Mnoprogram, P=/no/such, F=lsDFMPn, S=0, R=0, T=DNS/RFC822/X-Unix, A=probe $u
S3
R$* < $* > $*		$: $2
R$+ @ $+		$: $1 < @ $2 >
R$@			$: @
Sparse=0
R@			$#local $: <>
R$+ < @ $=w >		$#local $: $1
R$- + $* < @ error.mailer >	$#error $@ $2 $: $1 was refused
R$+ < @ $- . mailer >	$#$2 $@ $2.mailer $: $1
R$+ < @ [ $+ ] >	$#esmtp $@ [$2] $: $1 < @ [$2] >
R$+ < @ $+ >		$#esmtp $@ $2 $: $1 < @ $2 >
R$+			$#local $: $1
S4
R$* < $+ > $*		$: $1 $2 $3
R@			$@
"""
SITES: dict[str, str] = {
    "": "",
    "text": "O SendMimeErrors=False\n",
    "copy": "O PostmasterCopy=copies\n",
    "header": "O ErrorHeader=Ask $j for help.\n",
    "headerfile": "O ErrorHeader=/etc/mail/error-header\n",
    "headerlost": "O ErrorHeader=/etc/mail/nosuch\n",
    "nobody": "O PrivacyOptions=nobodyreturn\n",
    "noreceipts": "O PrivacyOptions=noreceipts\n",
    "double": "O DoubleBounceAddress=bob\n",
    "nodouble": "O DoubleBounceAddress=\n",
    "remotedouble": "O DoubleBounceAddress=pm@sender.example\n",
    "warned": "O Timeout.queuewarn=30m\nO Timeout.queuereturn=90m\n",
    "daemon": "DnDaemon-Name\n",
    "noreturn": "O NoRecipientAction=add-to\n",
    "writ": "O ErrorMode=w\n",
    "quiet": "O ErrorMode=q\n",
    "mimed": "O EightBitMode=mime\n",
}
CONTENT = "Subject: hi\nTo: somebody\n\nbody\n"
_EIGHT = "Subject: 8\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\nGr\xc3\xbc\xc3\x9fe\n"
_DOTS = "Subject: dots\nReturn-Receipt-To: s@sender.example\n\n.\n..\n--x\nFrom here\n"
_PRECEDENCE = "Subject: x\nPrecedence: bulk\n\nbody\n"


def site(name: str) -> str:
    """The whole .cf of a site."""
    return BASE + SITES[name]


def case(
    *recipients: str,
    mail: str = "<s@sender.example>",
    says: Mapping[str, str] | None = None,
    content: str = CONTENT,
    site: str = "",
    ages: Sequence[int] = (),
    keywords: str = "ENHANCEDSTATUSCODES PIPELINING 8BITMIME SIZE DSN",
) -> dict[str, Any]:
    """A message.

    mail, recipients  what follows MAIL FROM: and RCPT TO:
    says              what the host of far.example and sender.example replies: by command, by the beginning of a line
    ages              how old the message is, in seconds, at each run of the queue that follows the first attempt
    keywords          that the host offers in EHLO
    """
    named = [word if word.startswith("<") else f"<{word}>" for word in recipients]
    keys = {"site": site, "mail": mail, "recipients": named, "content": content, "ages": list(ages)}
    return {**keys, "says": dict(says or {}), "keywords": keywords}


X, Y, Z = "x@far.example", "y@far.example", "z@far.example"


def _rcpt(*replies: str) -> dict[str, str]:
    return {f"RCPT TO:<{to}>": reply for to, reply in zip((X, Y, Z), replies, strict=False) if reply}


_NO = "550 5.1.1 No such user"
_LATER = "450 4.7.1 Come again"


_PLAIN = (
    "text", "copy", "header", "headerfile", "headerlost", "nobody", "noreceipts", "daemon", "noreturn", "writ", "quiet",
    "mimed",
)  # fmt: skip


def cases() -> list[dict[str, Any]]:
    """All messages; those of a site are together."""
    found = [*_refusals(), *_mailers(), *_lost(), *_asked(), *_late(), *_double()]
    found += [case(X, says=_rcpt(_NO), site=name) for name in _PLAIN]
    found += [
        case(X, mail="<s@sender.example> RET=HDRS", says=_rcpt(_NO), site="text"),
        case(X, Y, says=_rcpt(_NO, _LATER), site="text", ages=[5 * 3600, 5 * 86400 + 60]),
        case(f"<{X}> NOTIFY=SUCCESS", site="text"),
        case(f"<{X}> NOTIFY=SUCCESS", site="noreceipts"),
        case("<ann@corp.test> NOTIFY=SUCCESS", site="noreceipts"),
        case(X, mail="<ann@corp.test>", says=_rcpt(_NO), site="copy"),
        case(X, says=_rcpt(_LATER), site="copy", ages=[5 * 3600]),
        case(X, content=_EIGHT, says=_rcpt(_NO), site="mimed"),
    ]
    return sorted(found, key=lambda each: list(SITES).index(each["site"]))


def _refusals() -> list[dict[str, Any]]:
    replies = (
        "550 5.1.1 No such user", "551 5.1.6 Moved", "552 5.2.2 Full", "553 5.1.3 Odd", "554 5.7.1 Not you",
        "550 No such user", "554 no", "550-5.1.1 one\n550-5.1.1 two\n550 5.1.1 three", "550 5.1.1",
        "550 5.1.1 <x@far.example>... User unknown", "521 5.3.2 never", "501 5.1.3 bad", "550 2.0.0 odd",
        "550 5.1.1 " + "long " * 60, "550 5.1.1 gr\xfc\xdfe",
    )  # fmt: skip
    found = [case(X, says=_rcpt(reply)) for reply in replies]
    found += [
        case(X, Y, says=_rcpt(_NO)),
        case(X, Y, says=_rcpt(_NO, "552 5.2.2 Full")),
        case(X, Y, Z, says=_rcpt(_NO, _LATER)),
        case(X, Y, Z, says=_rcpt(_NO, "554 5.7.1 Not you", "550 5.1.1 Neither")),
        case(X, says={"MAIL": "550 5.7.1 Not from you"}),
        case(X, Y, says={"MAIL": "550 5.7.1 Not from you"}),
        case(X, says={"MAIL": "552 5.3.4 too big"}),
        case(X, says={"DATA": "554 5.7.1 no data"}),
        case(X, says={".": "554 5.7.1 no spam"}),
        case(X, Y, says={".": "554 5.7.1 no spam"}),
        case(X, Y, says={".": "552 5.3.4 too big", **_rcpt(_NO)}),
        case(X, says={"banner": "554 5.3.2 no mail here"}),
        case(X, says={"EHLO": "550 no", "HELO": "550 5.7.1 not you"}),
        case(X, says={"EHLO": f"250 {HOST}"}),
        case(X, says=_rcpt(_NO), keywords=""),
        case(X, Y, says=_rcpt(_NO), keywords="SIZE"),
        case("x@two.example", says={"RCPT": _NO}),
        case("x@[127.0.0.2]", says={"RCPT": _NO}),
        case(X, "ann@corp.test", says=_rcpt(_NO)),
        case("team@corp.test", says=_rcpt(_NO)),
        case("team@corp.test", says=_rcpt(_NO, _NO)),
        case("list@corp.test", says=_rcpt(_NO)),
        case("mixed@corp.test", says=_rcpt(_NO)),
        case(X, "team@corp.test", says=_rcpt(_NO, _NO)),
        case(X, mail="<ann@corp.test>", says=_rcpt(_NO)),
        case(X, content=_EIGHT, says=_rcpt(_NO)),
        case(X, mail="<s@sender.example> BODY=8BITMIME", content=_EIGHT, says=_rcpt(_NO)),
        case(X, content=_PRECEDENCE, says=_rcpt(_NO)),
        case(X, content="no header\n", says=_rcpt(_NO)),
        case(X, content=_DOTS, says=_rcpt(_NO)),
        case(X, content="Subject: x\nErrors-To: err@sender.example\n\nbody\n", says=_rcpt(_NO)),
    ]  # fmt: skip
    return found


def _mailers() -> list[dict[str, Any]]:
    found = [case(f"exits{status}@box.mailer") for status in (*range(64, 79), 1, 99)]
    found += [case(f"prints-exits{status}@box.mailer") for status in (67, 69, 75, 99)]
    found += [case("speaks550-exits69@box.mailer"), case("speaks5.1.6-exits67@box.mailer")]
    found += [case("killed@box.mailer", ages=[5 * 86400 + 60]), case("exits67@typed.mailer")]
    found += [case("exits67@untyped.mailer"), case("x@small.mailer"), case("x@noprogram.mailer", ages=[5 * 86400 + 60])]
    found += [case("exits67@box.mailer", "exits69@box.mailer"), case("pipe@corp.test")]
    found += [case("gone@corp.test"), case("prints-exits67@box.mailer", "prints-exits69@box.mailer")]
    return found


def _lost() -> list[dict[str, Any]]:
    return [
        case("x@nowhere.example"), case("x@text.example"), case("x@null.example"), case("x@me.example"),
        case("x@nowhere.example", "y@nowhere.example"), case("x@nowhere.example", X, says=_rcpt(_NO)),
        case("x@nowhere.example", "exits67@box.mailer", "y@null.example"),
    ]  # fmt: skip


def _asked() -> list[dict[str, Any]]:
    """What MAIL and RCPT ask of reports."""
    found = [
        case(X, mail=f"<s@sender.example> {words}", says=_rcpt(_NO))
        for words in ("RET=HDRS", "RET=FULL", "ENVID=e+3D+20x", "RET=HDRS ENVID=QQ314159")
    ]
    for notify in ("NEVER", "SUCCESS", "DELAY", "FAILURE", "SUCCESS,FAILURE,DELAY"):
        found.append(case(f"<{X}> NOTIFY={notify}", says=_rcpt(_NO)))
        found.append(case(f"<{X}> NOTIFY={notify}"))
        found.append(case(f"<ann@corp.test> NOTIFY={notify}"))
    found += [
        case(f"<{X}> NOTIFY=SUCCESS", keywords="PIPELINING"),
        case(f"<{X}> NOTIFY=SUCCESS", f"<{Y}> NOTIFY=SUCCESS", says=_rcpt(_NO), keywords=""),
        case(f"<{X}> NOTIFY=SUCCESS,FAILURE", f"<{Y}> NOTIFY=SUCCESS,FAILURE", says=_rcpt(_NO), keywords=""),
        case("<ann@corp.test> NOTIFY=SUCCESS", "<bob@corp.test> NOTIFY=SUCCESS"),
        case("<ann@corp.test> NOTIFY=SUCCESS ORCPT=rfc822;a+2Bb@x.example", mail="<s@sender.example> RET=FULL ENVID=i"),
        case(f"<{X}> ORCPT=rfc822;o+2Bx@y.example", says=_rcpt(_NO)),
        case(f"<{X}> ORCPT=x400;O+3Dx", says=_rcpt(_NO)),
        case("<team@corp.test> NOTIFY=SUCCESS"),
        case("<list@corp.test> NOTIFY=SUCCESS"),
        case("<mixed@corp.test> NOTIFY=SUCCESS", keywords=""),
        case("<mixed@corp.test> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;mixed@corp.test", says=_rcpt(_NO)),
        case("<x@box.mailer> NOTIFY=SUCCESS"),
        case(f"<{X}> NOTIFY=NEVER", f"<{Y}> NOTIFY=FAILURE", Z, says=_rcpt(_NO, _NO, _NO)),
        case("<ann@corp.test> NOTIFY=SUCCESS", mail="<bob@corp.test>"),
        case("<ann@corp.test> NOTIFY=SUCCESS", mail="<>"),
        case("<ann@corp.test> NOTIFY=SUCCESS", content=_EIGHT),
    ]
    return found


def _late() -> list[dict[str, Any]]:
    warned, over = 5 * 3600, 5 * 86400 + 60
    return [
        case(X, says=_rcpt(_LATER), ages=[3600, warned, warned + 60]),
        case(X, says=_rcpt(_LATER), ages=[over]),
        case(X, says=_rcpt(_LATER), ages=[warned, over]),
        case(X, Y, says=_rcpt(_LATER, _LATER), ages=[warned]),
        case(X, Y, says=_rcpt(_LATER), ages=[warned]),
        case(X, Y, says=_rcpt(_LATER, _NO), ages=[warned, over]),
        case("x@closed.example", ages=[warned, over]),
        case("x@closed.example", X, says=_rcpt(_LATER), ages=[warned, over]),
        case(X, says={"banner": "421 4.3.2 closing"}, ages=[warned, over]),
        case(X, says={"MAIL": "451 4.3.0 not now"}, ages=[warned, over]),
        case(X, says={"DATA": "451 4.3.0 not now"}, ages=[warned, over]),
        case(X, says={".": "451 4.3.0 not now"}, ages=[warned, over]),
        case(X, says={".": "<close>"}, ages=[warned, over]),
        case(X, says={"RCPT": "<close>"}, ages=[warned, over]),
        case("exits75@box.mailer", ages=[warned, over]),
        case("prints-exits75@box.mailer", ages=[warned, over]),
        case(f"<{X}> NOTIFY=NEVER", says=_rcpt(_LATER), ages=[warned, over]),
        case(f"<{X}> NOTIFY=FAILURE", says=_rcpt(_LATER), ages=[warned, over]),
        case(f"<{X}> NOTIFY=DELAY", says=_rcpt(_LATER), ages=[warned, over]),
        case(X, mail="<>", says=_rcpt(_LATER), ages=[warned, over]),
        case(X, mail="<s@sender.example> RET=HDRS ENVID=i", says=_rcpt(_LATER), ages=[warned, over]),
        case(X, mail="<ann@corp.test>", says=_rcpt(_LATER), ages=[warned, over]),
        case("x@two.example", says={"RCPT": _LATER}, ages=[warned]),
        case("team@corp.test", says=_rcpt(_LATER, _LATER), ages=[warned, over]),
        case(X, content=_PRECEDENCE, says=_rcpt(_LATER), ages=[warned, over]),
        case(X, says=_rcpt(_LATER), ages=[45 * 60], site="warned"),
        case(X, says=_rcpt(_LATER), ages=[95 * 60], site="warned"),
    ]


def _double() -> list[dict[str, Any]]:
    """Messages whose report cannot be delivered."""
    s, none = "RCPT TO:<s@sender.example>", "<s@sender.example>"
    found = [
        case(X, mail=none, says={**_rcpt(_NO), s: "550 5.1.1 no such sender"}, site=name)
        for name in ("", "double", "nodouble", "remotedouble", "copy", "text")
    ]
    found += [case(X, mail="<>", says=_rcpt(_NO), site=name) for name in ("", "double", "nodouble", "copy")]
    lost = {s: "550 5.1.1 no such sender", "RCPT TO:<pm@sender.example>": "550 5.1.1 no postmaster"}
    found += [
        case(X, mail=none, says={**_rcpt(_NO), **lost}, site="remotedouble"),
        case(X, mail="<nosuch@corp.test>", says=_rcpt(_NO)),
        case("exits67@box.mailer", mail="<>"),
        case(X, mail="<s@nowhere.example>", says=_rcpt(_NO)),
        case(X, mail="<s@sender.example> RET=HDRS", says={**_rcpt(_NO), s: "550 5.1.1 no such sender"}),
    ]
    return found
