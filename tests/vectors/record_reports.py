"""Record the reports of the real bounce(8) under many configurations: ``python -m tests.vectors.record_reports``.

Needs root and an installed Postfix; it runs a private instance below a temporary directory. Run it on machines with
different versions (tests/machines); each version's answers are reports@VERSION.jsonl and report_headers@VERSION.jsonl,
one of which may be named as an argument. They have for each case its parameters, the file of templates and the
message, and what the engine delivered and logged of it; times and ids are replaced by words. A case that ends bounce(8)
has only its log.
"""

from __future__ import annotations

import re
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.live.private_postfix import PrivatePostfix
from tests.vectors import store
from tests.vectors.record_mailbox import delivered, send

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
    "append_dot_mydomain": "no",
    "biff": "no",
    "default_transport": "error:5.4.4 this test has no network",
    "smtpd_relay_restrictions": "permit_mynetworks,reject",
}
ALIASES = """\
fails: "|echo some output; exit 67"
slow: "|exit 75"
boss: "@TOP@/mail/boss"
second: "@TOP@/mail/second"
late: "@TOP@/mail/late"
postmaster: "@TOP@/mail/postmaster"
"""
FILE = {"bounce_template_file": "@TOP@/etc/templates"}
TO = {"bounce_notice_recipient": "boss", "2bounce_notice_recipient": "second", "delay_notice_recipient": "late"}
SOON = {
    "delay_warning_time": "1s",
    "minimal_backoff_time": "1s",
    "maximal_backoff_time": "1s",
    "queue_run_delay": "1s",
    "maximal_queue_lifetime": "5s",
    "bounce_queue_lifetime": "5s",
}


def template(text: str, kind: str = "failure", *, subject: str = "Returned: $mydomain", sender: str = "Fancy") -> str:
    head = f"From: {sender}\nSubject: {subject}\n" + ("" if kind == "success" else "Postmaster-Subject: For you\n")
    return f"{kind}_template = <<EOF\n{head}\n{text}\nEOF\n"


TEXT = template("Host $myhostname, ${mydomain}, $maximal_queue_lifetime_hours hours.\n  indented\n\n")
FAILS = ("games@example.com", ["fails@example.com"], [], "Subject: x\n\nbody\n")
NULL = ("", ["fails@example.com"], [], "Subject: x\n\nbody\n")
SLOW = ("games@example.com", ["slow@example.com"], [], "Subject: x\n\nbody\n")
LARGE = "Subject: x\n\n" + ("x" * 70 + "\n") * 800
Sent = tuple[str, list[str], list[str], str]
Case = tuple[dict[str, str], str, Sent]
CASES: dict[str, Case] = {
    "built-in": ({}, "", FAILS),
    "of a file": (FILE, TEXT, FAILS),
    "author with a name": (FILE, template("x", sender="Daemon of Mail <daemon@example.net>"), FAILS),
    "author with a comment": (FILE, template("x", sender="daemon (the one)"), FAILS),
    "author that is masqueraded": (
        {**FILE, "masquerade_domains": "example.com"},
        template("x", sender="d@a.example.com"),
        FAILS,
    ),
    "Latin-1": (FILE, TEXT.replace("From:", "Charset: iso-8859-1\nFrom:"), FAILS),
    "UTF-8": (FILE, TEXT.replace("From:", "Charset: UTF-8\nFrom:").replace("Host", "\u00c4"), FAILS),
    "without SMTPUTF8": ({**FILE, "smtputf8_enable": "no"}, TEXT, FAILS),
    "without SMTPUTF8, US-ASCII": (
        {**FILE, "smtputf8_enable": "no"},
        TEXT.replace("From:", "Charset: US-Ascii\nFrom:"),
        FAILS,
    ),
    "without SMTPUTF8, 8 bits": (
        {"smtputf8_enable": "no"},
        "",
        (*FAILS[:2], ["BODY=8BITMIME"], "Subject: x\n\n\u00e4\n"),
    ),
    "without SMTPUTF8, 7 bits": ({"smtputf8_enable": "no"}, "", (*FAILS[:2], ["BODY=7BIT"], "Subject: x\n\na\n")),
    "7 bits": ({}, "", (*FAILS[:2], ["BODY=7BIT"], "Subject: x\n\na\n")),
    "without SMTPUTF8, Latin-1": (
        {**FILE, "smtputf8_enable": "no"},
        TEXT.replace("From:", "Charset: iso-8859-1\nFrom:"),
        FAILS,
    ),
    "success": (
        FILE,
        template("Host $myhostname", "success"),
        (*FAILS[:1], ["games@example.com NOTIFY=SUCCESS"], *FAILS[2:]),
    ),
    "other templates": (FILE, template("x", "success") + template("y", "delay"), FAILS),
    "unknown label": (FILE, TEXT.replace("Subject", "X-Subject", 1), FAILS),
    "inapplicable label": (FILE, template("x", "success").replace("Subject", "Postmaster-Subject"), FAILS),
    "unknown template": (FILE, TEXT.replace("failure_", "failing_"), FAILS),
    "no text": (FILE, template(""), FAILS),
    "8 bits in ASCII": (FILE, template("\u00e4"), FAILS),
    "no end": (FILE, "failure_template = <<EOF\nSubject: S\n\nx\n", FAILS),
    "units that do not fit": (FILE, template("$delay_warning_time_days $maximal_queue_lifetime_seconds"), FAILS),
    "unknown name": (FILE, template("Host $nosuch"), FAILS),
    "bad name": (FILE, template("Host $(x"), FAILS),
    "unknown unit": (FILE, template("$delay_warning_time_years"), FAILS),
    "no mark": (FILE, TEXT.replace("<<EOF", "<<"), FAILS),
    "no equals": (FILE, "failure_template\n", FAILS),
    "no file": ({"bounce_template_file": "@TOP@/etc/nothing"}, "", FAILS),
    "copies": ({**TO, "notify_classes": "bounce"}, "", FAILS),
    "copies of a file": ({**FILE, **TO, "notify_classes": "bounce,2bounce"}, TEXT, FAILS),
    "copies of what nobody wants to know": (
        {**TO, "notify_classes": "bounce"},
        "",
        (*FAILS[:1], ["fails@example.com NOTIFY=NEVER"], *FAILS[2:]),
    ),
    "units that do not fit, unwanted": (
        FILE,
        template("$maximal_queue_lifetime_seconds"),
        (*FAILS[:1], ["fails@example.com NOTIFY=NEVER"], *FAILS[2:]),
    ),
    "copies to the postmaster": ({"notify_classes": "bounce"}, "", FAILS),
    "no copies": ({**TO, "notify_classes": "2bounce,delay"}, "", FAILS),
    "double": ({**TO, "notify_classes": "2bounce"}, "", NULL),
    "double, of a file": ({**TO, **FILE, "notify_classes": "2bounce"}, TEXT, NULL),
    "double, by the class of copies": ({**TO, "notify_classes": "bounce"}, "", NULL),
    "double, headers": ({**TO, "notify_classes": "2bounce"}, "", (*NULL[:2], ["RET=HDRS"], NULL[3])),
    "double, never": ({**TO, "notify_classes": "2bounce"}, "", ("", ["fails@example.com NOTIFY=NEVER"], [], NULL[3])),
    "double, large": ({**TO, "notify_classes": "2bounce"}, "", (*NULL[:3], LARGE)),
    "double, to the postmaster": ({"notify_classes": "2bounce"}, "", NULL),
    "not doubled": ({**TO, "notify_classes": "delay"}, "", NULL),
    "of the postmaster's": (
        {**TO, "notify_classes": "bounce,2bounce"},
        "",
        ("double-bounce@mail.example.com", *FAILS[1:]),
    ),
    "delay": (SOON, "", SLOW),
    "delay, of a file": ({**SOON, **FILE}, template("$delay_warning_time_seconds", "delay"), SLOW),
    "delay, copies": ({**SOON, **TO, **FILE, "notify_classes": "delay"}, template("x $myhostname", "delay"), SLOW),
    "delay, copies, unwanted": (
        {**SOON, **TO, **FILE, "notify_classes": "delay"},
        template("x", "delay"),
        ("games@example.com", ["slow@example.com NOTIFY=FAILURE"], [], "Subject: x\n\nbody\n"),
    ),
    "delay, null sender": ({**SOON, **TO, "notify_classes": "delay"}, "", ("", *SLOW[1:])),
}


THREADS = {
    "none": "",
    "one": "Message-Id: <a@b>\nReferences: <c@d>\n",
    "a later one": "Message-Id: x\nMESSAGE-ID:<a@b>  \n",
    "two in one": "Message-Id: <a@b> <c d@e>\n",
    "folded": "Message-Id:\n <a@b>\n",
    "with a comment": "Message-Id: <a@b> (x)\nSubject: Message-Id: <c@d>\n Message-Id: <e@f>\n",
    "of a message sent on": "Resent-Message-Id: <r@b>\n",
    "folded twice inside": "Message-Id:\n\t\n <a\n  b\n\t@c>\n (x)\n",
    "nothing, then one": "Message-Id:  \nMessage-Id: (x) <a@b>\nMessage-Id : \t<c@d>\nMessage-Id: <e@f>\n",
    "empty": "Message-Id: <>\n",
    "brackets in it": "Message-Id: <<a@b>c<d>> <e@f>\n",
    "brackets that nothing closes": "Message-Id: <<a@b>\nMessage-Id: <c@d>>\n",
    "brackets in quotes": 'Message-Id: <"a>b"@c>\n',
    "glued": "Message-Id: <a@b><c@d>\n",
    "text before": "Message-Id: x <a@b>\n",
    "text after": "Message-Id: <a@b>x\n",
    "opened": "Message-Id: <a@b\n",
    "closed": "Message-Id: a@b>\n",
    "control characters": "Message-Id:\v <a\x01b\t\x7f@c>\f \v\n",
    "a control character before it": "Message-Id: \x01<a@b>\n",
    "UTF-8": "Message-Id: <\u00e4\u0085\U0001f600\uffff@b>\n",
    "not UTF-8": "Message-Id: <\udce4\udcc0\udc80<\udce2\udc82>\udcf4\udc90\udc80\udc80@b>\n",
    "not UTF-8 around it": "Message-Id: <a@b>\udce4\nMessage-Id: \udce4<c@d>\n",
    "beyond the end of the field": "Message-Id: <a@b" + f"\n {'x' * 900}" * 120 + ">\n",
}
CASES |= {
    f"thread, identity: {name}": (
        {**TO, "enable_threaded_bounces": "yes", "notify_classes": "bounce"},
        "",
        (*FAILS[:3], f"{fields}X: y\n\nMessage-Id: <not@this>\n"),
    )
    for name, fields in THREADS.items()
}
CASES |= {
    f"thread, without SMTPUTF8: {name}": (
        {"enable_threaded_bounces": "yes", "smtputf8_enable": "no"},
        "",
        (*FAILS[:3], f"{THREADS[name]}X: y\n\nbody\n"),
    )
    for name in ("UTF-8", "not UTF-8")
}
CASES["thread, short records"] = (
    {"enable_threaded_bounces": "yes", "line_length_limit": "512"},
    "",
    (*FAILS[:3], f"Message-Id: <{'x' * 498}>y\nX: y\n\nbody\n"),
)
CASES["thread, delay"] = ({**SOON, "enable_threaded_bounces": "yes"}, "", SLOW)


HEADERS = (*FAILS[:2], ["RET=HDRS"])
LONG = {
    "as long as a record": f"Subject: {'x' * 2039}\n",
    "longer than a record": f"Subject: {'x' * 2040}\n",
    "the rest has no name": f"Subject: {'x' * 2039}:y\n",
    "the rest is like a field": f"Subject: {'x' * 2039}Y: z\n",
    "the rest begins with a space": f"Subject: {'x' * 2039} z\n",
    "a long continuation": f"Subject: a\n {'x' * 5000}\n b\n",
    "addresses": f"To: <a@b.example>, {', '.join(f'u{n}@example.com' for n in range(300))}\n",
}
NULLS = {
    "in a value": "Subject: a\0b\n",
    "first in a value": "Subject:\0b\n",
    "in a name": "A: b\nSub\0ject: b\n",
    "before the colon": "A: b\nSubject\0: b\n",
    "in lines that continue": "A: b\n c\0d\n \0d\n e\n",
    "at the end": "A: b\0\n",
    "in the first record": f"A: {'x' * 1000}\0{'x' * 3000}\n",
    "in the second record": f"A: {'x' * 3000}\0{'x' * 100}\n",
    "in an address": "To: <a@b.example>, c\0d@example.com\n",
    "alone": "A: b\n\0\n",
}
HEADER_CASES: dict[str, Case] = {
    f"headers, {name}": ({}, "", (*HEADERS, f"{fields}X: y\n\nbody\n")) for name, fields in LONG.items()
}
HEADER_CASES |= {
    f"headers, a NUL {name}": ({}, "", (*HEADERS, f"{fields}X: y\n\nbody\n")) for name, fields in NULLS.items()
}
HEADER_CASES |= {f"a NUL {name}": ({}, "", (*FAILS[:3], f"{fields}X: y\n\nbody\n")) for name, fields in NULLS.items()}
HEADER_CASES["headers, short records"] = (
    {"line_length_limit": "512"},
    "",
    (*HEADERS, f"Subject: {'x' * 1000}: y\nX: y\n\nbody\n"),
)
HEADER_CASES["headers, of a success"] = (
    {},
    "",
    ("games@example.com", ["games@example.com NOTIFY=SUCCESS"], [], f"{LONG['longer than a record']}X: y\n\nbody\n"),
)
HEADER_CASES["headers, copies"] = (
    {**TO, "notify_classes": "bounce"},
    "",
    (*FAILS[:3], f"{LONG['a long continuation']}X: y\n\nbody\n"),
)
SETS = {"reports": CASES, "report_headers": HEADER_CASES}


def logged(lines: list[str]) -> list[str]:
    """What bounce(8) says, each text once, without ids."""
    found = set()
    for line in lines:
        program, _, text = line.partition(": ")
        if program == "postfix/bounce":
            found.add(re.sub(r"\b[0-9A-F]{6,}\b", "QID", text))
    return sorted(found)


def await_end(postfix: PrivatePostfix, since: int) -> list[str]:
    """Wait until each message that entered is gone, or until bounce(8) has ended for good: the log."""
    deadline = time.monotonic() + 40
    while time.monotonic() < deadline:
        lines = postfix.log_lines(since)
        text = "\n".join(lines)
        if "postfix/bounce: fatal: " in text:
            return lines
        entered = re.findall(r"^postfix/smtpd: ([0-9A-F]+): client=|notification: ([0-9A-F]+)$", text, flags=re.M)
        gone = set(re.findall(r"^postfix/qmgr: ([0-9A-F]+): removed$", text, flags=re.M))
        if entered and {one or other for one, other in entered} <= gone:
            return lines
        time.sleep(0.05)
    raise TimeoutError("\n".join(lines))


def ask(postfix: PrivatePostfix, settings: dict[str, str], templates: str, sent: Sent) -> dict[str, Any]:
    """What the engine delivers and logs of one case."""
    mail = postfix.top / "mail"
    emptied(mail)
    since = postfix.log.stat().st_size
    postfix.configure({**PARAMETERS, **settings}, {"etc/aliases": ALIASES, "etc/templates": templates})
    send(postfix.port, *sent)
    lines = await_end(postfix, since)
    said = [text.replace(str(postfix.top), "TOP") for text in logged(lines)]
    if any(text.startswith("fatal: ") for text in said):
        postfix.drop_queue()
        return {"log": said, "delivered": {}}
    return {"log": said, "delivered": delivered(mail)}


def emptied(mail: Path) -> None:
    """An empty folder for mailboxes."""
    for path in sorted(mail.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    mail.mkdir(exist_ok=True)
    mail.chmod(0o1777)


def inputs() -> store.Inputs:
    return _inputs(CASES)


def header_inputs() -> store.Inputs:
    return _inputs(HEADER_CASES)


def _inputs(asked: dict[str, Case]) -> store.Inputs:
    cases = [
        {"name": name, "settings": settings, "templates": templates, "message": list(sent)}
        for name, (settings, templates, sent) in asked.items()
    ]
    return store.Inputs(cases, {"parameters": PARAMETERS, "aliases": ALIASES})


def main() -> None:
    with tempfile.TemporaryDirectory() as top, PrivatePostfix(Path(top)) as postfix:
        postfix.configure(PARAMETERS, {"etc/aliases": ALIASES})
        postfix.postmap("hash:@TOP@/etc/aliases")
        answers = {name: [ask(postfix, *case) for case in SETS[name].values()] for name in sys.argv[1:] or SETS}
    engine = store.postfix()
    for name, some in answers.items():
        store.write(f"{name}@{engine.version}", engine, __file__, some)


INPUTS = {"reports": inputs, "report_headers": header_inputs}

if __name__ == "__main__":
    main()
