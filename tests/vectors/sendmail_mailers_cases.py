"""Messages for the mailers of a sendmail.cf: lines that are added to `BASE`, messages, and files to look at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PASSWD = (
    "root:x:0:0:root:/home/root:/bin/sh\ndaemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n"
    "mailnull:x:99:99::/var/empty:/sbin/nologin\n"
    "ann:x:1001:1001:Ann Other,,,:/home/ann:/bin/sh\nbob:x:1002:1002:Bob:/home/bob:/bin/sh\n"
)
GROUP = "root:x:0:\ndaemon:x:1:\nmail:x:8:bob\nmailnull:x:99:\nann:x:1001:\nbob:x:1002:\nstaff:x:50:ann\n"
HOST = "mail.corp.test"
DNS: dict[tuple[str, str], list[str]] = {
    (HOST, "A"): ["127.0.0.1"], ("far.example", "A"): ["127.0.0.1"], ("list.example", "A"): ["127.0.0.1"],
}  # fmt: skip
ALIASES = (
    "postmaster: /dev/null\nteam: ann, bob\npipe: |/srv/probe from alias\nquoted: \"|/srv/probe 'two words' $HOME\"\n"
    'mailer: "|/srv/probe exits75"\nnobody: /dev/null\n'
    "file: /var/box/file\nlist: ann, bob\nowner-list: bob\n"
)
FILES: dict[str, list[Any]] = {
    "/etc/resolv.conf": ["nameserver 127.0.0.1\n", 0, 0, 0o644],
    "/etc/hosts": [f"127.0.0.1 {HOST} localhost\n", 0, 0, 0o644],
    "/etc/passwd": [PASSWD, 0, 0, 0o644],
    "/etc/group": [GROUP, 0, 0, 0o644],
    "/etc/shells": ["/bin/sh\n", 0, 0, 0o644],
    "/etc/mail/aliases": [ALIASES, 0, 0, 0o644],
}
FOLDERS: dict[str, tuple[int, int, int]] = {
    "/home/ann": (1001, 1001, 0o755), "/home/bob": (1002, 1002, 0o755), "/home/root": (0, 0, 0o755),
    "/var/spool/mqueue": (0, 0, 0o700),
    "/srv": (0, 0, 0o755),
}  # fmt: skip
PROBES = ["/srv/probe"]
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
H?P?Return-Path: <$g>
HReceived: from $s ($_) by $j with $r id $i$?u
	for $u$.; $b
H?D?Date: $a
H?F?From: $?x$x <$g>$|$g$.
H?x?Full-Name: $x
H?M?Message-Id: <$t.$i@$j>
Djmail.corp.test
Cwlocalhost corp.test mail.corp.test
Troot daemon
Mprog, P=/bin/sh, F=lsDFMoqeu9, S=0, R=0, T=X-Unix/X-Unix/X-Unix, A=sh -c $u
M*file*, P=[FILE], F=lsDFMPEouq9, T=DNS/RFC822/X-Unix, A=FILE $u
Mesmtp, P=[IPC], F=mDFMuXa, S=0, R=0, E=\r\n, L=990, A=TCP $h
S3
R$* < $* > $*		$: $2
R$+ @ $+		$: $1 < @ $2 >
R$@			$: @
Sparse=0
R@			$#local $: <>
R$+ < @ $=w >		$#local $: $1
R$+ < @ $- . mailer >	$#$2 $@ $2.mailer $: $1
R$+ < @ $+ >		$#esmtp $@ $2 $: $1 < @ $2 >
R$+			$#local $: $1
S4
R$* < $+ > $*		$: $1 $2 $3
R@			$@
"""
CONTENT = "Subject: hi\n\nbody\n"
LONG = "Subject: x" + " y" * 20 + "\n\n" + "x" * 30 + "\n" + "." * 50 + "\n.\n..dots\n" + "z" * 1900 + "\n"
MARKED = "From: b@far.example\nDate: Mon, 1 Jan 2001 00:00:00 +0000\n\nFrom here\n>From\n.dot\n..\n\n"
OWN = (
    "Return-Path: <x@y.example>\nReceived: from a by b; Mon, 1 Jan 2001 00:00:00 +0000\nTo: ann\nBcc: bob@corp.test\n"
    "From: Ann <ann>\nFull-Name: X\nMessage-ID: <1@a>\nContent-Length: 5\n\nFrom here\n"
)
# Mailers by their names: equates, the words of A=.
MAILERS: dict[str, tuple[str, str]] = {
    "plain": ("P=/srv/probe, F=lsn", "probe $u"),
    "named": ("P=/bin/sh, F=lsn", "called /srv/probe $u"),
    "dfm": ("P=/srv/probe, F=lsDFMPn", "probe $u"),
    "full": ("P=/srv/probe, F=lsDFMPnx", "probe $u"),
    "unix": ("P=/srv/probe, F=ls", "probe $u"),
    "escape": ("P=/srv/probe, F=lsE", "probe $u"),
    "dots": ("P=/srv/probe, F=lsnX", "probe $u"),
    "blank": ("P=/srv/probe, F=lsnb", "probe $u"),
    "lines": ("P=/srv/probe, F=lsn, L=20", "probe $u"),
    "limit": ("P=/srv/probe, F=lsnL", "probe $u"),
    "crlf": (r"P=/srv/probe, F=lsX, E=\r\n", "probe $u"),
    "two": (r"P=/srv/probe, F=lsn, E=\n\n", "probe $u"),
    "small": ("P=/srv/probe, F=lsn, M=10", "probe $u"),
    "many": ("P=/srv/probe, F=lsnm", "probe -x $u -y"),
    "twice": ("P=/srv/probe, F=lsnm", "probe $u -z <$u>"),
    "few": ("P=/srv/probe, F=lsnm, r=2", "probe $u"),
    "each": ("P=/srv/probe, F=lsn", "probe $u $u"),
    "from": ("P=/srv/probe, F=lsnf", "probe -x $u"),
    "return": ("P=/srv/probe, F=lsnr", "probe -x $u"),
    "manyfrom": ("P=/srv/probe, F=lsnfm", "probe -x $u"),
    "null": ("P=/srv/probe, F=lsfg", "probe -x $u"),
    "upper": ("P=/srv/probe, F=nu", "probe $u $h"),
    "Host": ("P=/srv/probe, F=nh", "probe $u $h"),
    "quotes": ("P=/srv/probe, F=n", "probe $u"),
    "strip": ("P=/srv/probe, F=ns", "probe $u"),
    "recipient": ("P=/srv/probe, F=lsnwo", "probe $u"),
    "known": ("P=/srv/probe, F=lsnw", "probe $u"),
    "owned": ("P=/srv/probe, F=lsnwoSm", "probe $u"),
    "root": ("P=/srv/probe, F=lsnS", "probe $u"),
    "rootuser": ("P=/srv/probe, F=lsnwS", "probe $u"),
    "user": ("P=/srv/probe, F=lsnw, U=bob", "probe $u"),
    "group": ("P=/srv/probe, F=lsnw, U=bob:mail", "probe $u"),
    "numbers": ("P=/srv/probe, F=lsn, U=1002:8", "probe $u"),
    "userowner": ("P=/srv/probe, F=lsnwo, U=1002:8", "probe $u"),
    "userroot": ("P=/srv/probe, F=lsnwS, U=bob", "probe $u"),
    "folder": ("P=/srv/probe, F=lsn, D=/home", "probe $u"),
    "nofolder": ("P=/srv/probe, F=lsn, D=/nosuch:$z:/", "probe $u"),
    "home": ("P=/srv/probe, F=lsnwo, D=$z:/", "probe $u"),
    "closed": ("P=/srv/probe, F=lsn, D=/closed:/srv", "probe $u"),
    "nice": ("P=/srv/probe, F=lsn, N=5", "probe $u"),
    "wait": ("P=/srv/probe, F=lsn, W=30", "probe $u"),
    "nofile": ("P=/no/such, F=lsn", "probe $u"),
    "noprogram": ("P=/etc/passwd, F=lsn", "probe $u"),
    "nochroot": ("P=/srv/probe, F=lsn, /=/srv", "probe $u"),
    "macros": (
        "P=/srv/probe, F=lsnw",
        "probe f=$f g=$g h=$h i=$i j=$j n=$n r=$r s=$s t=$t v=$v x=$x z=$z _=$_ c=$c a=$a b=$b d=$d $u",
    ),
    "more": (
        "P=/srv/probe, F=lsn",
        "probe c=${client_addr} n=${client_name} ms=${msg_size} nr=${nrcpts} ma=${mail_addr} $u",
    ),
    "words": ("P=/srv/probe, F=lsn", "probe 'two words' \"$h x\" '' $u.x=$u ;|&>/tmp/x"),
}
MAIN = "Mlocal, P=/srv/probe, F=lsDFMAw5:/|@qPn9, S=0, R=0, T=DNS/RFC822/X-Unix, A=probe $u\n"
_AT_MOST = 16  # mailers of a site: sendmail has room for 25
_NAMES = list(MAILERS)
SITES = {
    str(at // _AT_MOST): MAIN
    + "".join(
        f"M{name}, {MAILERS[name][0]}, S=0, R=0, T=DNS/RFC822/X-Unix, A={MAILERS[name][1]}\n"
        for name in _NAMES[at : at + _AT_MOST]
    )
    for at in range(0, len(_NAMES), _AT_MOST)
}
_SITE_OF = {name.lower(): str(at // _AT_MOST) for at, name in enumerate(_NAMES)}


SITES |= {
    "files": MAIN,
    "safe": f"{MAIN}O SafeFileEnvironment=/home\n",
    "links": f"{MAIN}O DontBlameSendmail=FileDeliveryToSymLink,FileDeliveryToHardLink\n",
}


def site(name: str) -> str:
    """The whole .cf of a site."""
    return BASE + SITES[name]


def case(
    *recipients: str,
    sender: str = "a@far.example",
    content: str = CONTENT,
    files: Mapping[str, list[Any]] | None = None,
    look: tuple[str, ...] = (),
    fates: int = 0,
    site: str = "",
) -> dict[str, Any]:
    """A message. ``fates``: how many recipients the log tells of."""
    return {
        "site": site or _SITE_OF.get(recipients[0].rpartition("@")[2].lower().removesuffix(".mailer"), "0"),
        "sender": sender,
        "recipients": list(recipients),
        "content": content,
        "files": dict(files or {}),
        "look": list(look),
        "fates": fates or len(recipients),
    }


# Files that are there: owner, group and mode.
_THERE: tuple[tuple[str, int, int, int], ...] = (
    ("old\n", 0, 0, 0o644), ("old\n", 0, 0, 0o666), ("old\n", 1, 1, 0o600), ("old\n", 1, 1, 0o644),
    ("old\n", 1001, 1001, 0o666), ("old\n", 1001, 1001, 0o660), ("old\n", 1, 1, 0o4644),
    ("old\n", 1001, 1001, 0o4666),
    ("old\n", 1001, 1001, 0o4600), ("old\n", 1001, 1001, 0o6660), ("old\n", 1002, 1001, 0o2660),
    ("old\n", 0, 0, 0o4666),
    ("old\n", 0, 0, 0o4600), ("old\n", 1, 1, 0o755), ("old\n", 1, 1, 0o4755), ("old\n", 1, 1, 0o400),
    ("cut", 1, 1, 0o600),
)  # fmt: skip
_BOX = "/var/box/file"
_NAMED = (
    "/home/ann/box", "/home/ann/sub/box", "/home/bob/box", "/dev/null", "/etc/passwd", '"/home/ann/a b"',
    "/home/ann/../ann/box", "/home/ann/box/../box", "/home/ann", "/home/ann/link",
)  # fmt: skip
_SEEN = ("/home/ann/box", "/home/ann/a b", "/home/bob/box")


def _forward(text: str, owner: int = 1001, home: str = "/home/ann") -> dict[str, list[Any]]:
    return {f"{home}/.forward": [f"{text}\n", owner, owner, 0o644]}


def file_cases() -> list[dict[str, Any]]:
    """Messages for files."""
    box: dict[str, list[Any]] = {"/var/box/.keep": ["", 0, 0, 0o644]}
    old: dict[str, list[Any]] = {"/home/ann/box": ["old\n", 1001, 1001, 0o600]}
    found = [case("file", site="files", files=box, look=("/var/box/",))]
    found += [case("file", site="files", files={**box, _BOX: [*there]}, look=("/var/box/",)) for there in _THERE]
    found += [case("file", site="files", files={**box, _BOX: ["->/var/box/other", 0, 0, 0]}, look=("/var/box/",))]
    found += [case("ann", site="files", files=_forward(name), look=_SEEN) for name in _NAMED[:-1]]
    found += [
        case("ann", site="files", files={**_forward("/home/ann/box"), **old}, look=_SEEN, sender=sender, content=text)
        for sender, text in (("a@far.example", CONTENT), ("a@far.example", MARKED), ("", MARKED))
    ]
    found += [
        case("ann", site="files", files={**_forward("/home/ann/box"), "/home/ann/box": ["x", *who]}, look=_SEEN)
        for who in ((1002, 1002, 0o666), (1001, 1001, 0o4600), (0, 50, 0o660), (0, 1001, 0o640))
    ]
    found += [
        case("root", site="files", files={**box, **more, **_forward(_BOX, 0, "/home/root")}, look=("/var/box/",))
        for more in ({}, {_BOX: ["old\n", 0, 0, 0o600]}, {_BOX: ["old\n", 1, 1, 0o600]})
    ]
    for name in ("safe", "links"):
        found += [case("file", site=name, files={**box, _BOX: ["old\n", 1, 1, 0o600]}, look=("/var/box/",))]
        for more in ({}, {"/home/ann/box": ["x", 1001, 1001, 0o600]}):
            link: dict[str, list[Any]] = {**more, "/home/ann/link": ["->/home/ann/box", 1001, 1001, 0]}
            named = ("/home/ann/box", "/ann/box", "/home/ann/link")
            found += [case("ann", site=name, files={**link, **_forward(text)}, look=_SEEN) for text in named]
    return found


STATUSES = (1, 2, 10, *range(64, 80), 99, 126, 127, 200, 255)


def cases() -> list[dict[str, Any]]:
    """All cases."""
    found = [case(f"ann@{name}.mailer") for name in MAILERS]
    found += [case(f"ann@{name}.mailer", f"bob@{name}.mailer") for name in
              ("plain", "many", "twice", "each", "manyfrom", "known", "recipient")]  # fmt: skip
    found += [case(*(f"{user}@few.mailer" for user in ("ann", "bob", "carl", "dan", "eve")))]
    found += [case(f"ann@{name}.mailer", sender="") for name in ("from", "null", "unix", "dfm", "macros")]
    found += [case(f"ann@{name}.mailer", content=LONG) for name in ("plain", "lines", "limit", "dots", "crlf", "two")]
    found += [case(f"ann@{name}.mailer", content=MARKED) for name in
              ("plain", "dfm", "unix", "escape", "blank", "crlf", "dots")]  # fmt: skip
    found += [case(f"ann@{name}.mailer", content=OWN) for name in ("plain", "full", "escape")]
    found += [case(f"ann@{name}.mailer", content=text) for name in ("plain", "dfm") for text in
              ("\nno header\n", "Subject: x\n", "Subject: x\n\n", "no header\nat all\n")]  # fmt: skip
    found += [case("AnN@UPPER.mailer"), case("AnN@HOST.Mailer"), case("AnN@PLAIN.mailer")]
    found += [case(f'"a n"@{name}.mailer') for name in ("quotes", "strip")]
    found += [case(f"{user}@plain.mailer") for user in ("-x", "a+b", "a&b", "a;b", "$x", "`x`", "a|b")]
    found += [case(f"exits{status}@plain.mailer", sender="") for status in STATUSES]
    found += [case(f"{user}@plain.mailer", sender="") for user in
              ("killed", "terminated", "prints-exits67", "prints", "noread", "noread-exits67")]  # fmt: skip
    found += [case("ann@many.mailer", "exits75@many.mailer"), case("noread@plain.mailer", content=LONG * 40)]
    found += [case(name, fates=fates) for name, fates in
              (("pipe", 1), ("quoted", 1), ("mailer", 1), ("team", 2), ("ann", 1), ("ann@corp.test", 1))]  # fmt: skip
    found += [
        case("ann", files={"/home/ann/.forward": [text, 1001, 1001, 0o644]})
        for text in ("|/srv/probe fwd\n", '"|/srv/probe fwd"\n', '"|exec /srv/probe $USER; exit 1"\n', "|/no/such\n")
    ]
    found += file_cases()
    return sorted(found, key=lambda each: each["site"])
