"""Real clients against our listener, and our listener beside the real smtpd: replies, content, log lines."""

from __future__ import annotations

import random
import re
import smtplib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from private_postfix import QUEUE_ID, PrivatePostfix, mail_version

TESTS = Path(__file__).parent.parent
sys.path[:0] = [str(TESTS / "mta"), str(TESTS / "smtp"), str(TESTS / "vectors")]

from conversation import Conversation, policy_of  # noqa: E402
from permissive import Permissive  # noqa: E402
from record_smtp import SETTINGS, log_of, play, told  # noqa: E402
from smtp_dialogues import DIALOGUES  # noqa: E402
from smtpd_dialogues import DIALOGUES as CONFIGURED  # noqa: E402
from smtpd_fixture import Listener  # noqa: E402
from test_smtp_vectors import neutral  # noqa: E402

from mailconf.model.site import Limits  # noqa: E402
from mailconf.postfix.parameters.releases import (  # noqa: E402
    BLANK_COUNTED,
    ENDINGS_NAMED,
    EXCESS_ENDS,
    HELP_ANSWERED,
    version_numbers,
)
from mailconf.smtp.options import ServerOptions  # noqa: E402

pytestmark = pytest.mark.live

NO_LIMITS = Limits(error_sleep=0, connections=0, connections_per_client=0)


def of_release() -> dict[str, bool]:
    """The options by which this machine's smtpd differs from that of other releases."""
    release = version_numbers(mail_version())
    return {
        "help": release >= HELP_ANSWERED,
        "blank_counted": release >= BLANK_COUNTED,
        "excess_ends": release >= EXCESS_ENDS,
        "endings_named": release >= ENDINGS_NAMED,
    }


@pytest.fixture(scope="module")
def postfix() -> Iterator[PrivatePostfix]:
    # Not below pytest's folder: every pytest that starts closes that one to other users, Postfix's among them.
    with tempfile.TemporaryDirectory() as top, PrivatePostfix(Path(top)) as private:
        private.configure({**SETTINGS, "smtpd_data_restrictions": "check_client_access static:hold"})
        yield private


@pytest.mark.parametrize(
    "options", [["-m", "50", "-s", "5"], ["-m", "20", "-s", "4", "-r", "3", "-l", "50000"], ["-d", "-m", "30"]]
)
def test_smtp_source(options: list[str]) -> None:
    with Listener(limits=NO_LIMITS) as listener:
        command = ["smtp-source", *options, "-f", "a@b.example", "-t", "x@y.example", f"127.0.0.1:{listener.port}"]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
        count = int(options[options.index("-m") + 1])
        assert len(listener.intake.messages) == count
    size = int(options[options.index("-l") + 1]) if "-l" in options else 0
    for message in listener.intake.messages:
        assert message.sender == "a@b.example" and message.size >= size * 0.9


def test_swaks() -> None:
    with Listener() as listener:
        command = [
            "swaks", "--server", f"127.0.0.1:{listener.port}", "--ehlo", "c.example", "--from", "a@b.example",
            "--to", "x@y.example,z@y.example", "--body", ".leading dot", "--pipeline",
            "--xclient", "ADDR=192.0.2.1 NAME=mx.c.example", "--xclient-optional",
        ]  # fmt: skip
        run = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert run.returncode == 0, run.stdout + run.stderr
    (message,) = listener.intake.messages
    assert b"\n.leading dot\n" in message.content
    assert [r.address for r in message.recipients] == ["x@y.example", "z@y.example"]


HARD = "x: \xe9\r\n y\r\n\r\n..dots\r\n.\x00.\r\n" + "l" * 5000 + "\r\n\r\nF\rrom\r\nFrom x\r\n"


@pytest.mark.parametrize(
    "commands",
    [
        ["EHLO c.example", "MAIL FROM:<a@b.example>", "RCPT TO:<x@y.example>"],
        ["HELO c(x)<y>;@z", "MAIL FROM:<>", "RCPT TO:<x@y.example>", "RCPT TO:<z@y.example>"],
        ["MAIL FROM:<a@b.example>", 'RCPT TO:<"x y"@y.example>'],
        ["EHLO x", "MAIL FROM:<a@b.example> SMTPUTF8", "RCPT TO:<\xc3\xa9@y.example>"],
        ["HELO x", "MAIL FROM:<a@b.example> SMTPUTF8", "RCPT TO:<x@y.example>"],
        ["XCLIENT NAME=n.example ADDR=127.0.0.9 HELO=h PROTO=ESMTP LOGIN=me", "MAIL FROM:<>", "RCPT TO:<x@y.example>"],
    ],
)
def test_received_and_content(postfix: PrivatePostfix, commands: list[str]) -> None:
    found = []
    with Listener(lookup=False) as listener:
        for port in (postfix.port, listener.port):
            with smtplib.SMTP("127.0.0.1", port) as client:
                for command in commands:
                    client.send(command.encode("latin-1") + b"\r\n")
                    assert client.getreply()[0] < 400
                client.putcmd("DATA")
                client.getreply()
                client.send(HARD.encode("latin-1").replace(b"\r\n.", b"\r\n..") + b".\r\n")
                code, text = client.getreply()
                assert code == 250
                found.append(text.decode().rpartition(" ")[2])
        queued = subprocess.run(
            ["postcat", "-c", str(postfix.etc), "-bh", "-q", found[0]], check=True, capture_output=True
        )
        ours = listener.intake.messages[-1].content

    def comparable(content: bytes, queue_id: str) -> bytes:
        content = content.replace(queue_id.encode(), b"ID")
        content = re.sub(rb"\w{3}, [ \d]\d \w{3} \d{4} [\d:]{8} [+-]\d{4} \(\w+\)", b"DATE", content)
        return re.sub(rb"^(?:Message-Id|Date|From): .*\n", b"", content, flags=re.M)  # cleanup(8) adds these

    assert comparable(ours, found[1]) == comparable(queued.stdout, found[0])


LOGGED = [
    "mail syntax",
    "rcpt parameters",
    "not in order",
    "too many errors",
    "bdat",
    "bdat without mail",
    "bdat syntax",
    "data",
    "xforward",
    "forbidden get",
    "empty",
    "rset noop vrfy",
    "starttls auth",
    "etrn",
    "bdat too big",
    "data, too big",
]


@pytest.mark.parametrize("name", LOGGED)
def test_log(postfix: PrivatePostfix, name: str) -> None:
    since = postfix.log.stat().st_size
    limits = Limits(error_sleep=0, message_size=100_000, junk_commands=10, recipients=5)
    with Listener(limits=limits, lookup=False, options=ServerOptions(**of_release())) as listener:
        for port in (postfix.port, listener.port):
            play(port, DIALOGUES[name])
        listener.await_line("disconnect")
        deadline = time.monotonic() + 10
        # The last session is this one: that by which the port was found open may end late.
        while "disconnect from" not in (text := postfix.log.read_text()[since:].rpartition(": connect from")[2]):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        text = "/smtpd[]: connect from" + text
        lines = [line.partition("]: ")[2] for line in text.splitlines() if "/smtpd[" in line]
        ours = [line.partition(": ")[2] for line in listener.lines]

    def comparable(found: list[str]) -> list[str]:
        kept = [re.sub(QUEUE_ID, "ID", line) for line in found]
        # What is the Policy's to log, and two remarks of smtpd's that ours does not make.
        left_out = r"warning: reject: ETRN|ID: hold: |warning: unknown DSN NOTIFY"
        return [line for line in kept if not re.match(left_out, line)]

    assert comparable(ours) == comparable(lines)


def test_hostile_addresses(postfix: PrivatePostfix) -> None:
    """Random addresses: at most one in thirty is read in another way, none of those that RFC 5321 allows."""
    rng = random.Random(5321)
    parts = [
        "a",
        "b",
        "c.d",
        "@",
        "@",
        ".",
        "<",
        ">",
        '"',
        "\\",
        "(",
        ")",
        "[",
        "]",
        " ",
        ":",
        ",",
        ";",
        "-",
        "1",
        "[192.0.2.4]",
        "%",
        "_",
    ]
    postfix.configure({**SETTINGS, "smtpd_hard_error_limit": "10000", "smtpd_recipient_limit": "10000"})
    other = []
    ours = Permissive(hard_errors=10_000, recipients=10_000)
    with smtplib.SMTP("127.0.0.1", postfix.port) as client:
        for command in ("EHLO x", "MAIL FROM:<>"):
            client.docmd(command)
            ours.feed(command.encode() + b"\r\n")
        for number in range(900):
            text = "".join(rng.choice(parts) for _ in range(rng.randint(1, 7)))
            text = f"a{text}@b" if number % 3 == 0 else f"{text}@b" if number % 5 == 0 else text
            command = f"RCPT TO:<{text}>" if number % 2 else f"RCPT TO:{text}"
            code, said = client.docmd(command)
            reply = ours.feed(command.encode() + b"\r\n").decode().rstrip("\r\n")
            if reply != f"{code} {said.decode()}":
                other.append((command, reply, said))
    assert len(other) <= 30, other


@pytest.mark.parametrize("name", random.Random(1).sample(sorted(DIALOGUES), 12))
def test_dialogues(postfix: PrivatePostfix, name: str) -> None:
    """The recorded ones are still what this machine's smtpd says."""
    postfix.configure(SETTINGS)
    ours = Permissive(**of_release())
    replies = [ours.start().decode("latin-1")]
    for step in DIALOGUES[name]:
        replies.append(ours.feed(step).decode("latin-1"))
        if replies[-1].endswith("<closed>"):
            break
    assert [neutral(r) for r in replies] == [neutral(r) for r in play(postfix.port, DIALOGUES[name])]


@pytest.mark.parametrize("seed", range(3))
def test_configured_dialogues(seed: int, tmp_path: Path) -> None:
    """A few configurations of tests/vectors/smtpd_dialogues.py, with some of their dialogues."""
    pick = random.Random(seed)
    groups: dict[str, list[str]] = {}
    for name, dialogue in CONFIGURED.items():
        groups.setdefault(repr(dialogue.settings), []).append(name)
    with tempfile.TemporaryDirectory() as top, PrivatePostfix(Path(top)) as private:
        for names in pick.sample(sorted(groups.values()), 6):
            settings = CONFIGURED[names[0]].settings
            private.configure({**SETTINGS, **settings})
            policy = policy_of(
                tmp_path,
                {**SETTINGS, "smtpd_authorized_xclient_hosts": "127.0.0.1", "inet_protocols": "ipv4", **settings},
            )
            for name in pick.sample(names, min(len(names), 12)):
                before = private.log.stat().st_size
                theirs = play(private.port, CONFIGURED[name].steps)
                if not theirs[0]:  # taken by a process that was going, with the configuration of before
                    before = private.log.stat().st_size
                    theirs = play(private.port, CONFIGURED[name].steps)
                logged = log_of(private, before)
                ours = Conversation(policy)
                replies = [ours.start()]
                replies += [ours.feed(step) for step in CONFIGURED[name].steps[: len(theirs) - 1]]
                shown = [neutral(reply).encode("utf-8", "surrogateescape").decode("latin-1") for reply in replies]
                assert shown == [neutral(reply) for reply in theirs], name
                assert [text for line in ours.end() if (text := told(line)) is not None] == logged, name
