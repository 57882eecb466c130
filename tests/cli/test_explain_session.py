"""explain --session: an SMTP dialogue is answered as the server would, and nothing is sent."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from site_fixture import TOP, lay_out

from mailconf.cli.own.explain import command

MESSAGE = "DATA\nSubject: x\n\n..hi\n.\n"


@pytest.fixture(scope="module")
def postfix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("postfix")
    lay_out(root)
    return root


@pytest.fixture(scope="module")
def sendmail(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("sendmail")
    shutil.copytree(TOP / "examples/sendmail", root, dirs_exist_ok=True)
    return root


def play(root: Path, dialogue: str, *options: str, folder: str = "/etc/postfix") -> Result:
    arguments = ["--root", str(root), folder, "--client", "203.0.113.9", "--session", "-", *options]
    done = CliRunner().invoke(command, arguments, input=dialogue)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


def replies(done: Result) -> list[str]:
    return [line[2:] for line in done.stdout.splitlines() if line.startswith("< ")]


def test_a_dialogue_is_answered_line_by_line(postfix: Path) -> None:
    dialogue = (
        f"HELO a.test\nMAIL FROM:<c@far.test>\nRCPT TO:<x@else.test>\nRCPT TO:<info@example.org>\n{MESSAGE}QUIT\n"
    )
    done = play(postfix, dialogue)
    assert replies(done) == [
        "220 mail.example.com ESMTP Postfix",
        "250 mail.example.com",
        "250 2.1.0 Ok",
        "554 5.7.1 <x@else.test>: Relay access denied",
        "250 2.1.5 Ok",
        "354 End data with <CR><LF>.<CR><LF>",
        "250 2.0.0 Ok: queued as QUEUEID",
        "221 2.0.0 Bye",
    ]
    assert "    OK       info@example.org  -> alice@example.com  mbox /var/mail/alice\n" in done.stdout
    assert done.exit_code == 0


def test_the_protocol_has_its_own_refusals_and_transactions_follow_each_other(postfix: Path) -> None:
    dialogue = (
        "RCPT TO:<a@b.test>\nEHLO a.test\nMAIL FROM:<\nMAIL FROM:<>\nRSET\nDATA\nVRFY info@example.org\nNONSENSE\n"
    )
    told = [reply for reply in replies(play(postfix, dialogue)) if not reply.startswith("250")]
    assert told == [
        "220 mail.example.com ESMTP Postfix",
        "503 5.5.1 Error: need MAIL command",
        "501 5.1.7 Bad sender address syntax",
        "503 5.5.1 Error: need RCPT command",
        "252 2.0.0 info@example.org",
        "500 5.5.2 Error: command not recognized",
    ]


def test_what_comes_when_the_session_is_over_is_not_read(postfix: Path) -> None:
    done = play(postfix, "QUIT\nNOOP\nNOOP\n")
    assert len(replies(done)) == 2
    assert "the session is over: 2 lines not read" in done.stderr


def test_full_says_why(postfix: Path) -> None:
    dialogue = "EHLO a.test\nMAIL FROM:<c@far.test>\nRCPT TO:<x@else.test>\n"
    assert "reject_unauth_destination x@else.test -> 554" not in play(postfix, dialogue).stdout
    assert "reject_unauth_destination x@else.test -> 554" in play(postfix, dialogue, "--full").stdout


def test_a_file_is_played_with_either_end_of_line(postfix: Path, tmp_path: Path) -> None:
    for name, end in (("lf", b"\n"), ("crlf", b"\r\n")):
        (tmp_path / name).write_bytes(end.join((b"EHLO a.test", b"MAIL FROM:<>", b"QUIT", b"")))
        arguments = ["--root", str(postfix), "/etc/postfix", "--session", str(tmp_path / name), "--format", "json"]
        document = json.loads(CliRunner().invoke(command, arguments).stdout)
        assert [one["sent"] for one in document["dialogue"]] == [None, "EHLO a.test", "MAIL FROM:<>", "QUIT"]
        assert [one["replies"][-1]["code"] for one in document["dialogue"]] == [220, 250, 250, 221]


def test_sendmail_reads_commands_in_its_own_way(sendmail: Path) -> None:
    dns = ("--dns", "far.test:A=192.0.2.3")
    dialogue = "MAIL FROM:<c@far.test>\nMAIL FROM:<>\nEHLO a.test\nMAIL FROM: c@far.test\nRCPT TO: root@example.com\n"
    done = play(sendmail, f"{dialogue}{MESSAGE}QUIT\n", *dns, folder="/etc/mail")
    told = replies(done)
    assert told[1] == "250 2.1.0 <c@far.test>... Sender ok"
    assert "503 5.5.0 Sender already specified" in told
    assert "250 2.1.5 root@example.com... Recipient ok" in told
    assert "250 2.0.0 QUEUEID Message accepted for delivery" in told
    assert "    OK       root@example.com  " in done.stdout


@pytest.mark.parametrize(
    "options", [("--to", "a@b.test"), ("--helo", "x"), ("--from", "a@b.test"), ("--expect", "OK"), ("--size", "1")]
)
def test_what_a_dialogue_has_is_not_given_twice(postfix: Path, options: tuple[str, ...]) -> None:
    done = play(postfix, "QUIT\n", *options)
    assert done.exit_code == 2
    assert "--session has the dialogue" in " ".join(done.stderr.split())


def test_a_file_that_is_not_there(postfix: Path) -> None:
    done = CliRunner().invoke(command, ["--root", str(postfix), "/etc/postfix", "--session", "/nowhere/x"])
    assert done.exit_code == 2
    assert "No such file" in done.stderr
