"""``mailconf serve`` from outside: real clients deliver through it, and it answers as the real Postfix does.

Both run the example site. The real Postfix reads the maps that mailconf built, and once those of its own postmap.
"""

from __future__ import annotations

import mailbox
import os
import pty
import re
import smtplib
import subprocess
import sys
import tempfile
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest
from private_postfix import Client
from serve_dialogues import CLIENTS, DIALOGUES, EHLO, RECIPIENTS, SENDERS, Step
from site_postfix import SitePostfix, set_up

sys.path.insert(0, str(Path(__file__).parent.parent / "cli"))

from served_fixture import TWO, Served, serving

pytestmark = pytest.mark.live


class Pair:
    """The two servers of one site; ``ports`` are (real, ours) by service."""

    def __init__(self, postfix: SitePostfix, served: Served) -> None:
        self.postfix = postfix
        self.ports = {
            "smtp": (postfix.port, served.ports["smtp"]),
            "submission": (postfix.submission, served.ports["submission"]),
        }


@pytest.fixture(scope="module", params=["mailconf's maps", "postmap's maps"])
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    # Not below pytest's folder: every pytest that starts closes that one to other users, Postfix's among them.
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        root.chmod(0o755)
        set_up(root)
        with (
            SitePostfix(root, build=request.param == "postmap's maps") as postfix,
            serving(root, TWO, limit=600) as served,
        ):
            yield Pair(postfix, served)


def neutral(reply: str) -> str:
    return re.sub(r"queued as \w+", "queued as QUEUEID", reply)


def say(client: Client, step: Step) -> list[str]:
    if isinstance(step, str):
        return [neutral(client.command(step))]
    first = client.command("\r\n".join(step))
    return [neutral(first), *(neutral(client.reply()) for _ in step[1:])]


def played(port: int, steps: list[Step], name: str = "mx.example.edu", address: str = "203.0.113.5") -> list[list[str]]:
    """What is answered to each step, XCLIENT before them; the end of the connection ends the dialogue."""
    client = Client(port)
    replies = []
    for step in ("EHLO test.example.com", f"XCLIENT NAME={name} ADDR={address}", *steps):
        replies.append(say(client, step))
        if "connection closed" in replies[-1][-1]:
            break
    client.close()
    return replies[1:]


@pytest.mark.parametrize("service", ["smtp", "submission"])
@pytest.mark.parametrize(("name", "address"), CLIENTS)
def test_every_sender_and_recipient(pair: Pair, service: str, name: str, address: str) -> None:
    recipients = [f"RCPT TO:<{recipient}>" for recipient in RECIPIENTS]
    steps: list[Step] = [[EHLO], *([f"MAIL FROM:<{sender}>", *recipients, "RSET"] for sender in SENDERS)]
    real, ours = (played(port, steps, name, address) for port in pair.ports[service])
    assert [len(replies) for replies in real] == [1, 1, *[len(RECIPIENTS) + 2] * len(SENDERS)]
    different = [
        (step[0], *three)
        for step, r, o in zip([["XCLIENT"], *steps], real, ours, strict=True)
        for three in zip(step, r, o, strict=True)
        if three[1] != three[2]
    ]
    assert different == []
    # That the same is not the same nonsense: the first sender and recipient by client and service.
    is_ours = address in ("192.0.2.9", "127.0.0.1")
    welcome = is_ours or (service == "smtp" and address not in ("198.51.100.23", "203.0.113.8"))
    assert (real[2][1] == "250 2.1.5 Ok") is welcome


@pytest.mark.parametrize("name", DIALOGUES)
def test_dialogues(pair: Pair, name: str) -> None:
    steps = DIALOGUES[name]
    real, ours = (played(port, steps) for port in pair.ports["smtp"])
    assert list(zip(["XCLIENT", *steps], ours, strict=False)) == list(zip(["XCLIENT", *steps], real, strict=False))


def test_greeting_and_keywords(pair: Pair) -> None:
    for ports in pair.ports.values():
        found = []
        for port in ports:
            with smtplib.SMTP("127.0.0.1", port) as client:
                found.append((client.ehlo("test.example.com"), client.helo("test.example.com")))
        assert found[0] == found[1]


# Delivery


@pytest.fixture
def root() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        set_up(Path(name))
        yield Path(name)


MAILDIR, MBOX = "maildir@example.net", "alice@example.com"
REMOVED = r"qmgr\[\d+\]: [0-9A-F]+: removed"


def boxes(root: Path) -> tuple[mailbox.Maildir, mailbox.mbox]:
    folder = root / "var/mail/vhosts/example.net/maildir"
    return mailbox.Maildir(folder), mailbox.mbox(root / "var/mail/alice")


@pytest.mark.parametrize(
    "options",
    ["-m 200 -s 10", "-m 60 -s 6 -l 200000", "-m 100 -s 5 -d", "-m 40 -s 4 -r 3"],
)
def test_smtp_source(root: Path, options: str) -> None:
    count = int(options.split()[1])
    with serving(root) as served:
        # With -r the recipients' names are numbered: the catch-all of example.org takes them.
        recipient = "x@example.org" if "-r" in options else MAILDIR
        command = [
            "smtp-source",
            *options.split(),
            "-M",
            "source.example.edu",
            "-f",
            "carol@example.edu",
            "-t",
            recipient,
        ]
        subprocess.run([*command, f"127.0.0.1:{served.port}"], check=True, capture_output=True, timeout=60)
        served.wait_for_all(REMOVED, count)
        assert served.end() == 0
    assert len(mailbox.mbox(root / "var/mail/archive", create=False)) == count  # always_bcc
    if "-r" in options:
        assert len(mailbox.mbox(root / "var/mail/alice")) == count * 3
    else:
        assert len(boxes(root)[0]) == count


def test_swaks(root: Path) -> None:
    with serving(root) as served:
        for n in range(3):
            command = [
                "swaks", "--server", f"127.0.0.1:{served.port}", "--ehlo", "c.example.edu",
                "--from", "carol@example.edu", "--to", f"{MAILDIR},info@example.org",
                "--header", f"Subject: n{n}", "--body", ".leading dot\\nFrom here",
                "--xclient", "ADDR=203.0.113.5", *(["--pipeline"] if n else []),
            ]  # fmt: skip
            run = subprocess.run(command, capture_output=True, text=True, timeout=60)
            assert run.returncode == 0, run.stdout + run.stderr
        served.wait_for_all(REMOVED, 3)
        assert served.end() == 0
    folder, mbox = boxes(root)
    assert sorted(str(m["Subject"]) for m in folder) == sorted(str(m["Subject"]) for m in mbox) == ["n0", "n1", "n2"]
    for message in folder:
        assert str(message.get_payload()).rstrip("\n") == ".leading dot\nFrom here"
        assert message["Received"].startswith(
            "from c.example.edu (unknown [203.0.113.5])\n\tby mail.example.com (Postfix)"
        )
    for message in mbox:
        assert message["X-Original-To"] == "info@example.org" and message["Delivered-To"] == MBOX
        assert str(message.get_payload()).rstrip("\n") == ".leading dot\n>From here"


@pytest.fixture
def delivered(root: Path) -> Path:
    """Mailboxes with messages that are hard to keep apart: lines that look like an mbox's, dots, long lines, 8 bits."""
    with serving(root) as served, smtplib.SMTP("127.0.0.1", served.port, local_hostname="c.example.edu") as client:
        for n, body in enumerate(BODIES):
            text = b"From: carol@example.edu\nTo: x@example.org\nSubject: m%d\nMessage-Id: <m%d@x>\n\n%s" % (n, n, body)
            options = ["BODY=8BITMIME"] if n % 2 else []
            assert client.sendmail("carol@example.edu", [MAILDIR, MBOX], text, mail_options=options) == {}
        served.wait_for_all(REMOVED, len(BODIES))
        client.quit()
        assert served.end() == 0
    return root


BODIES = [
    b"plain\n", b"From the start\nFrom x Sun Nov 22 13:55:05 2026\n\nFrom y\n", b"", b".\n..\n.x\n", b"\n\n\nFrom z\n",
    b"l" * 990 + b"\n", b"\xe4\xf6\xfc\n", b"no end of line", b">From quoted\n>>From twice\n", b"text\n" * 5000,
]  # fmt: skip


def same(found: str, sent: bytes) -> bool:
    """Whether a body is the one sent, ``>`` before "From " apart and with or without the last empty lines."""
    text = sent.decode("latin-1")
    return re.sub(r"(?m)^>(?=From )", "", found).rstrip("\n") == re.sub(r"(?m)^>(?=From )", "", text).rstrip("\n")


def contents(box: mailbox.Mailbox[mailbox.Message]) -> dict[str, str]:
    return {
        str(m["Subject"]): m.get_payload(decode=True).decode("latin-1")  # type: ignore[union-attr]
        for m in box
    }


def test_python_reads_the_mailboxes(delivered: Path) -> None:
    for box in boxes(delivered):
        found = contents(box)  # type: ignore[arg-type]
        assert len(box) == len(BODIES) == len(found)
        for n, body in enumerate(BODIES):
            assert same(found[f"m{n}"], body), n


def mutt_copies(source: Path, target: Path) -> None:
    """mutt opens ``source`` and copies every message to ``target``, a mailbox of the same kind.

    It wants a terminal and gets one, with a size, without which its curses may take none. It gets a folder of its own,
    too: it would ask whether to make ~/Mail. What has changed in the current second it would look at again between
    keys, and on a busy machine for new mail in between.
    """
    for path in (source, source / "new", source / "cur"):
        if path.exists():
            os.utime(path, (0, 0))
    keys = f"<tag-pattern>~A<enter><tag-prefix><copy-message>{target}<enter><exit>"
    kind = "Maildir" if source.is_dir() else "mbox"
    settings = (
        "set confirmcreate=no confirmappend=no delete=no copy=no wait_key=no quit=yes mail_check=3600 timeout=600"
    )
    settings += f" mbox_type={kind} folder={source.parent}"
    command = ["mutt", "-n", "-F", "/dev/null", "-R", "-f", str(source), "-e", settings, "-e", f'push "{keys}"']
    child, terminal = pty.fork()
    if child == 0:
        termios.tcsetwinsize(0, (24, 80))
        os.environ.update(TERM="xterm", LC_ALL="C")
        os.execvp("timeout", ["timeout", "30", *command])
    shown = b""
    try:
        while data := os.read(terminal, 65536):
            shown += data
    except OSError:
        pass  # the terminal is gone with its last user
    os.close(terminal)
    assert os.waitpid(child, 0)[1] == 0, shown
    assert target.exists(), shown


@pytest.mark.parametrize("which", ["vhosts/example.net/maildir", "alice"])
def test_mutt_reads_the_mailboxes(delivered: Path, which: str) -> None:
    copy = delivered / "copy"
    mutt_copies(delivered / "var/mail" / which, copy)
    box = mailbox.Maildir(copy, create=False) if copy.is_dir() else mailbox.mbox(copy, create=False)
    found = contents(box)  # type: ignore[arg-type]
    assert len(found) == len(BODIES)
    for n, body in enumerate(BODIES):
        assert same(found[f"m{n}"], body), n
