"""A small site for the modes of the sendmail command: a sendmail.cf that asks no DNS, alias files, users.

FOLDER in texts is the site's folder. `build` writes the site; `snapshot` is what a call has left there.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

HOST = "mail.corp.test"
CF = r"""V10/Berkeley
O OperatorChars=.:%@!^/[]+
O DontProbeInterfaces=True
O QueueDirectory=FOLDER/queue
O AliasFile=FOLDER/aliases
O PidFile=FOLDER/pid
O StatusFile=FOLDER/statistics
O HelpFile=FOLDER/helpfile
O DeliveryMode=queue
O PrivacyOptions=authwarnings
O OldStyleHeaders=True
O TempFileMode=0600
O SuperSafe=True
O Timeout.ident=0
O UnixFromLine=From $g $d
O SmtpGreetingMessage=$j Sendmail $v; $b
O MaxHeadersLength=32768
O DefaultUser=1:1
O LogLevel=0
Djmail.corp.test
Cwlocalhost corp.test
Troot
Tdaemon
C{Far}far.test other.test
DnMAILER-DAEMON
H?P?Return-Path: <$g>
HReceived: $?sfrom $s $.$?_($?s$|from $.$_) $.by $j$?r with $r$. id $i$?u for $u$.; $b
H?D?Resent-Date: $a
H?D?Date: $a
H?F?Resent-From: $?x$x <$g>$|$g$.
H?F?From: $?x$x <$g>$|$g$.
H?x?Full-Name: $x
H?M?Resent-Message-Id: <$t.$i@$j>
H?M?Message-Id: <$t.$i@$j>
Mlocal, P=/bin/true, F=lsDFMAw5:/|@qPn9, S=10, R=11, T=DNS/RFC822/X-Unix, A=true $u
Mprog, P=/bin/sh, F=lsDFMoqeu9, S=10, R=11, D=/, A=sh -c $u
Msmtp, P=[IPC], F=mDFMuX, S=12, R=12, E=\r\n, L=990, A=TCP $h
S3
R$* < $* > $*	$2
R$@	$@ <@>
R$+ @ $+	$: $1 < @ $2 >
R$+ < @ $=w >	$: $1 < @ $2 . >
S0
R<@>	$#local $: <@>
R$+ < @ $=w . >	$: $1
R$+ < @ $={Far} >	$#smtp $@ $2 $: $1 < @ $2 >
R$+ < @ refused.test >	$#error $@ 5.7.1 $: "550 no mail for " $1
R$+ < @ later.test >	$#error $@ 4.3.0 $: "451 come back later"
R$+ < @ $+ >	$#error $@ 5.1.2 $: "550 unknown domain " $2
R$+	$#local $: $1
S1
S2
S4
R<@>	$@
R$* < @ $* . >	$1 @ $2
R$* < @ $+ > $*	$1 @ $2 $3
S10
S11
S12
R$+ < @ $+ >	$@ $1 < @ $2 >
R$+	$@ $1 < @ $j . >
"""
ALIASES = """\
postmaster: root
MAILER-DAEMON: postmaster
team: ann, x@far.test
owner-team: joe
nobody: /dev/null
loop1: loop2
loop2: loop1
list: :include:FOLDER/list
"""
PASSWD = """\
root:x:0:0:The Root:FOLDER/home/root:/bin/sh
daemon:x:1:1:daemon:/:/bin/sh
nobody:x:65534:65534::/:/bin/sh
joe:x:1001:1001:Joe User,Room 1:FOLDER/home/joe:/bin/sh
ann:x:1002:1002:Ann & Co:FOLDER/home/ann:/bin/sh
"""
GROUP = "root:x:0:\ndaemon:x:1:\nnogroup:x:65534:\njoe:x:1001:\nann:x:1002:\n"
FILES = {
    "sendmail.cf": CF,
    "aliases": ALIASES,
    "list": "ann\njoe@far.test\n",
    "helpfile": "#vers\t2\nsmtp\tThis is the help.\nhelo\tHELO <hostname>\n-bt\tHelp for test mode.\n",
    "passwd": PASSWD,
    "group": GROUP,
}
USERS = {"root": 0, "joe": 1001}

Case = Mapping[str, Any]

_ID = re.compile(r"\b[0-9A-Za-x]{8}\d{6,}\b")
_TIME = re.compile(r"\b20\d{10}\.(?=[0-9A-Za-x]{8}\d{6,}@)")
_MASKS = (
    (re.compile(r"[A-Z][a-z]{2}, +\d+ [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d [+-]\d{4}(?: \([A-Z]+\))?"), "DATE"),
    (re.compile(r"[A-Z][a-z]{2}, +\d+ [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT"), "DATE"),
    (re.compile(r"8\.1[78]\.[0-9.]+(?:/8\.1[78]\.[0-9.]+)?"), "VERSION"),
)


def masked(text: str, folder: Path | str) -> str:
    """A text without ids, dates, the version, and the folder's name."""
    text = _ID.sub("ID", _TIME.sub("TIME.", text.replace(str(folder), "FOLDER")))
    for pattern, word in _MASKS:
        text = pattern.sub(word, text)
    return text


def build(folder: Path, case: Case, shown: str = "") -> None:
    """Write the site of a case into an empty folder, which its texts call ``shown``."""
    shown = shown or str(folder)
    folder.chmod(0o755)
    for name in ("queue", "home", "home/root", "home/joe", "home/ann"):
        (folder / name).mkdir(mode=0o700 if name == "queue" else 0o755)
    files = {**FILES, **case.get("files", {})}
    files["sendmail.cf"] += case.get("cf", "")
    for old, new in case.get("instead", ()):
        files["sendmail.cf"] = files["sendmail.cf"].replace(old, new)
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(text.replace("FOLDER", shown).encode("latin-1"))
    for name, target in case.get("links", {}).items():
        (folder / name).symlink_to(target.replace("FOLDER", str(folder)))
    for name in case.get("folders", ()):
        (folder / name).mkdir()
    if os.geteuid() == 0:
        os.chown(folder / "home/joe", 1001, 1001)
        for name in case.get("joes", ()):
            os.chown(folder / name, 1001, 1001)
    for name, mode in case.get("modes", {}).items():
        (folder / name).chmod(int(mode, 8))


def empty(folder: Path) -> None:
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def queued(folder: Path) -> list[dict[str, Any]]:
    """The messages in sendmail's queue: envelope, headers with their conditions, body."""
    found = []
    for path in sorted((folder / "queue").glob("*f*")):
        if path.name[:2] not in ("qf", "Qf"):
            continue
        entry: dict[str, Any] = {"recipients": [], "headers": [], "macros": []}
        if path.name[0] == "Q":
            entry["lost"] = True
        orcpt = ""
        last = None
        for line in path.read_bytes().decode("latin-1").splitlines():
            letter, rest = line[:1], masked(line[1:], folder)
            if letter in "\t " and last is not None:
                last[-1] += "\n" + letter + rest
            elif letter == "S":
                entry["sender"] = rest
            elif letter in "ZBFM":
                entry[{"Z": "envid", "B": "body", "F": "flags", "M": "message"}[letter]] = rest
            elif letter == "Q":
                orcpt = rest
            elif letter == "R":
                flags, _, address = rest.partition(":")
                entry["recipients"].append([flags, address, orcpt])
                orcpt = ""
            elif letter == "$":
                entry["macros"].append(rest)
            elif letter == "H":
                entry["headers"].append(rest)
                last = entry["headers"]
        body = path.with_name("d" + path.name[1:])
        entry["content"] = body.read_bytes().decode("latin-1") if body.exists() else None
        found.append(entry)
    return found


def settled(text: str) -> str:
    """A text without what depends on the length of the folder's name, the bytes of the site's own alias file, and on
    the machine: the OpenSSL that Python is linked with.
    """
    text = re.sub(r"(OpenSSL: linked +)0x\w+", r"\1N", text)
    return re.sub(r"(: 8 aliases, longest) \d+ bytes, \d+ bytes total", r"\1 N bytes, N bytes total", text)


def left(folder: Path, shown: str = "") -> dict[str, str]:
    """Files that a call may have made: their texts."""
    found = {}
    for name in ("home/root/dead.letter", "home/joe/dead.letter"):
        path = folder / name
        if path.exists():
            found[name] = re.sub(
                r"(?m)^(From \S+) .*", r"\1 DATE", masked(path.read_bytes().decode("latin-1"), shown or folder)
            )
    return found


def our_queue(folder: Path) -> list[dict[str, Any]]:
    """The messages in mailconf's queue, in the form of `comparable`; read as the user whose queue it is."""
    user = os.geteuid()
    os.seteuid((folder / "queue").stat().st_uid)
    try:
        return _messages(folder)
    finally:
        os.seteuid(user)


def _messages(folder: Path) -> list[dict[str, Any]]:
    from tests.queue_reader import queue_of

    found = []
    for entry in queue_of(folder / "queue"):
        message = entry.message
        head, _, body = message.content.decode("latin-1").partition("\n\n")
        found.append(
            {
                "sender": message.sender or "<>",
                "recipients": sorted(
                    [one.recipient.address, ",".join(sorted(one.recipient.notify.split(",")))]
                    for one in entry.recipients
                ),
                "headers": [line for line in _fields(masked(head, folder)) if not line.lower().startswith("bcc:")],
                "envid": message.envid,
                "ret": message.ret,
                "content": body,
            }
        )
    return found


_NOTIFY = {"S": "SUCCESS", "F": "FAILURE", "D": "DELAY"}


def comparable(queue: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What sendmail has queued, as our queue has it: fields that only some mailers get are left out, and blind ones."""
    found = []
    for entry in queue:
        headers = []
        for line in entry["headers"]:
            flags, _, field = line[1:].partition("?")
            key = field.partition(":")[0].lower()
            if (not flags or set(flags) & set("DFM")) and key not in ("bcc", "resent-bcc"):
                headers.append(field)
        flags = entry.get("flags", "")
        recipients = []
        for letters, address, _ in entry["recipients"]:
            words = sorted(_NOTIFY[letter] for letter in letters if letter in "SFD") or ["NEVER"]
            recipients.append([address, ",".join(words) if "N" in letters else ""])
        found.append(
            {
                "sender": entry["sender"],
                "recipients": sorted(recipients),
                "headers": _fields("\n".join(headers)),
                "envid": entry.get("envid", ""),
                "ret": ("HDRS" if "n" in flags else "FULL") if "d" in flags else "",
                "content": entry["content"] or "",
            }
        )
    return found


def _fields(text: str) -> list[str]:
    """Fields, each in one line."""
    unfolded = re.sub(r"\n[ \t]+", " ", text)
    return [re.sub(r"[ \t]+", " ", line).rstrip() for line in unfolded.split("\n")]
