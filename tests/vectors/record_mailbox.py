"""Record what the real Postfix puts into mailboxes, headers and bounces: ``python -m tests.vectors.record_mailbox``.

Needs root and an installed Postfix; it runs a private instance below a temporary directory. Writes mailbox.jsonl beside
this file: for each case the message as it was sent and what was delivered, times and ids replaced by words.
"""

from __future__ import annotations

import re
import smtplib
import tempfile
import time
from pathlib import Path

from tests.live.private_postfix import PrivatePostfix
from tests.vectors import store

PARAMETERS = {
    "compatibility_level": "3.6",
    "myhostname": "mail.example.com",
    "mydomain": "example.com",
    "myorigin": "example.com",
    "mydestination": "example.com",
    "inet_interfaces": "127.0.0.1",
    "mail_spool_directory": "@TOP@/mail",
    "alias_maps": "hash:@TOP@/etc/aliases",
    "alias_database": "",
    "virtual_mailbox_domains": "example.net",
    "virtual_mailbox_base": "@TOP@/mail",
    "virtual_mailbox_maps": "inline:{{m@example.net=vmaildir/},{x@example.net=vmbox}}",
    "virtual_uid_maps": "static:65534",
    "virtual_gid_maps": "static:65534",
    "append_dot_mydomain": "no",
    "biff": "no",
    "default_transport": "error:5.4.4 this test has no network",
    "smtpd_relay_restrictions": "permit_mynetworks,reject",
}
ALIASES = """\
file: "@TOP@/mail/file"
mdir: "@TOP@/mail/mdir/"
command: "|cat > @TOP@/mail/command"
fails: "|echo some output; exit 67"
dies: "|exit 3"
refuses: "|echo a rather long line of output that has to be wrapped somewhere in the report to the sender; exit 77"
unknown: no-such-user-with-a-long-name
list: games, "|exit 69"
"""
HARD_HEADERS = """\
From: "Al, Ice" <alice> (comment (nested)), bob(x)
To: games, "quoted local"@here, group: a, b@c;, <c@d>,, Full Name <e> junk
Cc: (only comment)
Bcc: secret@example.com
Resent-Bcc: secret2@x
Return-Path: <foo>
Content-Length: 45
Reply-To: unquoted name <a.b@host>
Errors-To: er
Sender: snd
Return-Receipt-To: rr
Disposition-Notification-To: dn
Mail-Followup-To: mf
Mail-Reply-To: mr
Mail-Copies-To: mc
Delivered-To: dt
X-Foo: bar
Apparently-To: at
To: very.long.address.number.one@example.com, very.long.address.number.two@example.com, three
  , four (folded
  comment), user@[1.2.3.4], "a b"@c, a b c, a.b, =?utf-8?q?x?= <g>, "x" "y" <h>
To: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx@b.c, u, v@w.x
To: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx@b.c, u, v@w.x
Cc: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy@b.c, u, uu@b.c, v@w.x
Cc: games (a
  b\tc) , x
Cc: A "b c" d <games>
Cc: A. B. (z) <games>
Cc: =?x?= : games, b@c; , d
Cc: games,
Cc: ,games
Cc: "a" "b", c
Cc: <a>; <b>
Cc: (x) a (y) @ (z) b, c
Cc: Mr. X <y>
Cc: g:;, c
Cc: g: a@b (x);, c
cC:games
Cc:\tgames
\t,b@c
To : games
Sender: <a
Sender: (unterminated
Sender: a@[IPv6:::1]
Sender: "a\\"b"@c, a\\b@c
Sender: a@@b, a..b@c, <>, < >
Sender: a@b;c@d
Sender: <a@b>,<c> <d>
Sender: [foo]
Sender: a . b @ c . d
Sender: john (x) smith <j(y)@b (z)>
Sender: a:b@c
Sender: <"john smith">, "john smith"
Sender: john,,,mary
Sender: (one) <a> (two), <b>(three)(four) (five)
Sender: x <a (in) > y
Sender: g1: a, b; g2: c;
Sender: "q"(c)"r", s
Sender: a, (c), b
Sender: a.(c)b, d
Sender: caf\u00e9 <a>, \u00fcber
Subject: hdr
\tfolded
Bad header line without colon
X-After: x

body
"""

# name: (sender, recipients with their parameters, MAIL parameters, message)
CASES: dict[str, tuple[str, list[str], list[str], str]] = {
    "plain": ("a@example.org", ["games@example.com"], [], "Subject: hello\n\nbody\nFrom here\n>From there\n"),
    "no final newline": ("a@example.org", ["games@example.com"], [], "Subject: hello\n\nlast"),
    "null sender": ("", ["games@example.com"], [], "Subject: x\n\ny\n"),
    "empty": ("a@example.org", ["games@example.com"], [], ""),
    "only an empty line": ("a@example.org", ["games@example.com"], [], "\n"),
    "headers only": ("a@example.org", ["games@example.com"], [], "Subject: only\n"),
    "body only": ("a@example.org", ["games@example.com"], [], "\n\nFrom x\n\n"),
    "folded first line": ("a@example.org", ["games@example.com"], [], " x\nSubject: x\n\nfoo\n"),
    "From lines on top": ("a@example.org", ["games@example.com"], [], "From me\n>From you\nSubject: x\n\nfoo\n"),
    "odd headers": (
        "a@example.org",
        ["games@example.com"],
        [],
        "Subject : x\nX:y\nempty:\nDate: x\nMessage-ID:\n\nz\n",
    ),
    "resent": ("a@example.org", ["games@example.com"], [], "From: x@y.z\nResent-To: b@c.d\nMessage-ID: <1@2>\n\nz\n"),
    "odd sender": ('"od d"@example.org', ["games@example.com"], [], "Subject: x\n\ny\n"),
    "unqualified": ("games", ["games"], [], "Subject: x\n\ny\n"),
    "upper case": ("a@example.org", ["GAMES@Example.COM"], [], "Subject: x\n\ny\n"),
    "hard headers": ("a@example.org", ["games@example.com"], ["SMTPUTF8"], HARD_HEADERS),
    "virtual mbox": ("a@example.org", ["x@example.net"], [], "Subject: x\n\nFrom y\n"),
    "virtual maildir": ("a@example.org", ["m@example.net"], [], "Subject: x\n\nFrom y"),
    "file": ("a@example.org", ["file@example.com"], [], "Subject: x\n\nFrom y\n"),
    "local maildir": ("a@example.org", ["mdir@example.com"], [], "Subject: x\n\nFrom y\n"),
    "command": ("a@example.org", ["command@example.com"], [], "Subject: x\n\nFrom y"),
    "bounce": ("games@example.com", ["fails@example.com"], [], "Subject: x\nMessage-ID: <1@2>\n\ny\n"),
    "bounce headers": ("games@example.com", ["fails@example.com"], ["RET=HDRS"], "Subject: x\n\ny\n"),
    "bounce two": (
        "games@example.com",
        ["dies@example.com ORCPT=rfc822;orig@x"],
        ["RET=FULL", "ENVID=abc"],
        "Subject: x\n\nno newline",
    ),
    "bounce wrapped": ("games@example.com", ["refuses@example.com"], [], "Subject: x\n\ny\n"),
    "bounce of no user": ("games@example.com", ["unknown@example.com"], [], "Subject: x\n\ny\n"),
    "bounce of a part": ("games@example.com", ["list@example.com"], [], "Subject: x\n\ny\n"),
    "bounce large": ("games@example.com", ["fails@example.com"], [], "Subject: x\n\n" + ("x" * 70 + "\n") * 800),
    "success": ("games@example.com", ["x@example.net NOTIFY=SUCCESS"], ["ENVID=e"], "Subject: x\n\ny\n"),
    "never": ("games@example.com", ["fails@example.com NOTIFY=NEVER"], [], "Subject: x\n\ny\n"),
}


def normal(text: str, top: str) -> str:
    """``text`` without what differs from run to run; smtpd's own Received field is removed."""
    text = text.replace(top, "TOP")
    text = re.sub(r"^Received: from client\.example\.org .*\n(?:[ \t].*\n)+", "", text, flags=re.M)
    text = re.sub(r"\b\w{3}, +\d+ \w{3} \d{4} [\d:]{8} [+-]\d{4} \(\w+\)", "DATE", text)
    text = re.sub(r"\b\w{3} \w{3} [ \d]\d [\d:]{8} \d{4}$", "FROMDATE", text, flags=re.M)
    text = re.sub(r"\b[0-9A-F]{6,}\.\d{10}/", "QID.TIME/", text)
    text = re.sub(r"\b\d{14}\.[0-9A-F]{6,}@", "TIME.QID@", text)
    return re.sub(r"(id |Queue-ID: |forwarded as )[0-9A-F]{6,}\b", r"\1QID", text)


def delivered(mail: Path) -> dict[str, str]:
    """Every mailbox below ``mail``, a Maildir's file under its folder's name."""
    found = {}
    for path in sorted(mail.rglob("*")):
        if path.is_file():
            name = str(path.relative_to(mail))
            name = re.sub(r"/new/.*", "/new", name)
            found[name] = normal(path.read_bytes().decode("utf-8", "surrogateescape"), str(mail.parent))
    return found


def log(postfix: PrivatePostfix, since: int) -> list[str]:
    """The delivery agents' lines, without ids and delays."""
    lines = []
    for line in postfix.log_lines(since):
        match = re.match(r"(\S+): [0-9A-F]+: (to=.*)", line)
        if match:
            text = re.sub(r"delay=\S+ delays=\S+ ", "", match[2])
            lines.append(f"{match[1]}: {normal(text, str(postfix.top))}")
    return sorted(lines)


def send(port: int, sender: str, recipients: list[str], options: list[str], text: str) -> None:
    with smtplib.SMTP("127.0.0.1", port, local_hostname="client.example.org") as smtp:
        smtp.ehlo()
        code, said = smtp.docmd("MAIL", " ".join([f"FROM:<{sender}>", *options]))
        assert code == 250, said
        for recipient in recipients:
            address, _, parameters = recipient.partition(" ")
            code, said = smtp.docmd("RCPT", f"TO:<{address}> {parameters}".strip())
            assert code == 250, said
        smtp.docmd("DATA")
        lines = text.encode("utf-8", "surrogateescape").split(b"\n")
        lines = lines[:-1] if lines[-1] == b"" else lines
        smtp.send(b"".join((b"." if line.startswith(b".") else b"") + line + b"\r\n" for line in lines) + b".\r\n")
        code, said = smtp.getreply()
        assert code == 250, said


def await_removed(postfix: PrivatePostfix, since: int) -> None:
    """Wait until each message that entered the queue is logged as removed; a bounce enters before its cause goes.

    The queue's listing would not do: it misses a message that moves from one queue to the other meanwhile.
    """
    deadline = time.monotonic() + 30
    while True:
        lines = "\n".join(postfix.log_lines(since))
        entered = set(re.findall(r"^postfix/smtpd: ([0-9A-F]+): client=|notification: ([0-9A-F]+)$", lines, flags=re.M))
        entered = {one or other for one, other in entered}
        if entered and entered <= set(re.findall(r"^postfix/qmgr: ([0-9A-F]+): removed$", lines, flags=re.M)):
            return
        assert time.monotonic() < deadline, lines
        time.sleep(0.02)


def inputs() -> store.Inputs:
    names = ("sender", "recipients", "options", "text")
    cases = [{"name": name, **dict(zip(names, case, strict=True))} for name, case in CASES.items()]
    return store.Inputs(cases, {"parameters": PARAMETERS, "aliases": ALIASES})


def main() -> None:
    answers = []
    with tempfile.TemporaryDirectory() as top, PrivatePostfix(Path(top)) as postfix:
        postfix.configure(PARAMETERS, {"etc/aliases": ALIASES})
        postfix.postmap("hash:@TOP@/etc/aliases")
        for sender, recipients, options, text in CASES.values():
            mail = Path(top) / "mail"
            mail.mkdir(exist_ok=True)
            mail.chmod(0o1777)
            since = postfix.log.stat().st_size
            send(postfix.port, sender, recipients, options, text)
            await_removed(postfix, since)
            answers.append({"delivered": delivered(mail), "log": log(postfix, since)})
            for path in sorted(mail.rglob("*"), reverse=True):
                path.rmdir() if path.is_dir() else path.unlink()
            mail.rmdir()
    store.write("mailbox", store.postfix(), __file__, answers)


INPUTS = {"mailbox": inputs}

if __name__ == "__main__":
    main()
