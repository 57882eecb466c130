"""explain --message: what the checks of fields and lines do with a message, and the message that goes on."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from site_fixture import TOP, lay_out, mailconf

from mailconf.cli.own.explain import command

MESSAGE = "From: a@far.test\nSubject: free money\nX-Mailer: x\n\nhello\nspam line\n"
RULES = """header_checks = regexp:/etc/postfix/fields
body_checks = regexp:/etc/postfix/lines
"""
FIELDS = "# fields\n/^Subject: (free)/ %s\n/^X-Mailer:/ IGNORE\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    lay_out(tmp_path)
    with (tmp_path / "etc/postfix/main.cf").open("a") as file:
        file.write(RULES)
    return tmp_path


def ask(root: Path, action: str, *options: str, message: str = MESSAGE, lines: str = "/^none/ IGNORE\n") -> Result:
    (root / "etc/postfix/fields").write_text(FIELDS % action)
    (root / "etc/postfix/lines").write_text(lines)
    (root / "message").write_bytes(message.encode())
    base = ["--root", str(root), "/etc/postfix", "--client", "203.0.113.9", "--from", "a@far.test"]
    done = CliRunner().invoke(
        command, [*base, "--to", "info@example.org", "--message", str(root / "message"), *options]
    )
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


RULE = "fields:2 header_checks: Subject: free money"
OUTCOMES = {
    "REJECT no": f"REFUSED info@example.org for its content: 550 5.7.1 no {RULE}",
    "REJECT 4.7.1 no": f"DEFER info@example.org for its content: 451 4.7.1 no {RULE}",
    "DISCARD": "DISCARD info@example.org accepted, and thrown away",
    "HOLD": "HOLD info@example.org waits in the queue: -> alice@example.com mbox /var/mail/alice",
    "REDIRECT bob@example.com": "OK info@example.org -> bob@example.com mbox /var/mail/bob",
    "FILTER smtp:[192.0.2.9]:10025": "OK info@example.org -> alice@example.com smtp:[192.0.2.9]:10025",
    "PREPEND X-Spam: yes": "OK info@example.org -> alice@example.com mbox /var/mail/alice",
}


@pytest.mark.parametrize("action", OUTCOMES)
def test_an_action_decides_about_the_recipients(root: Path, action: str) -> None:
    done = ask(root, action, "--expect", OUTCOMES[action].partition(" ")[0])
    line = next(line for line in done.stdout.splitlines() if re.match(r"  [A-Z]+ ", line))
    assert " ".join(line.split()) == OUTCOMES[action]
    assert done.exit_code == 0


def test_the_message_that_goes_on_and_the_rules_that_changed_it(root: Path) -> None:
    done = ask(root, "REPLACE Subject: $1 of charge", lines="/^spam/ STRIP\n")
    assert (
        "the message as it goes on\n  - Subject: free money\n  - X-Mailer: x\n  + Subject: free of charge\n"
        in done.stdout
    )
    assert "  - spam line\n" in done.stdout
    assert re.search(r"content +header_checks +X-Mailer: x: IGNORE +fields:3$", done.stdout, re.MULTILINE)
    assert re.search(r"content +body_checks +spam line: STRIP +lines:1$", done.stdout, re.MULTILINE)
    document = json.loads(ask(root, "PREPEND X-A: b", "--format", "json").stdout)
    assert {"line": "X-A: b", "added": True, "transport": None} in document["message"]["changes"]
    assert any(
        line.startswith("prepend: header Subject: free money from unknown[203.0.113.9]")
        for line in document["message"]["log"]
    )


def test_what_leaves_is_checked_again(root: Path) -> None:
    with (root / "etc/postfix/main.cf").open("a") as file:
        file.write("smtp_header_checks = regexp:/etc/postfix/out\n")
    (root / "etc/postfix/out").write_text("/^X-In:/ REPLACE X-Out: yes\n/^X-Mailer:/ REJECT\n")
    outside = ("--to", "joe@else.test", "--sasl", "", "--client", "192.0.2.7")
    done = ask(root, "PREPEND X-In: yes", *outside)
    assert "the message as it goes on\n  + X-In: yes\n  - X-Mailer: x\n" in done.stdout
    assert "the message as smtp sends it\n  - X-In: yes\n  + X-Out: yes\n" in done.stdout
    assert re.search(r"sending +smtp_header_checks +X-In: yes: REPLACE X-Out: yes +out:1$", done.stdout, re.MULTILINE)
    message = json.loads(ask(root, "PREPEND X-In: yes", *outside, "--format", "json").stdout)["message"]
    assert {"line": "X-Out: yes", "added": True, "transport": "smtp"} in message["changes"]
    assert message["sent"] == [{"transport": "smtp", "log": ["replace: header X-In: yes: X-Out: yes"]}]
    (root / "etc/postfix/out").unlink()
    assert re.search(r"DEFER +joe@else.test .*451 4.3.0 local data error", ask(root, "DUNNO", *outside).stdout)


def test_a_field_that_an_access_table_prepends_is_shown(root: Path) -> None:
    (root / "etc/postfix/recipient_access").write_text("info@example.org PREPEND X-Seen: yes\n")
    given = ("--dns", "far.test:A=192.0.2.1", "--dns", "far.test:MX")
    assert "the message as it goes on\n  + X-Seen: yes\n  - X-Mailer: x\n" in ask(root, "DUNNO", *given).stdout


def test_a_refused_or_discarded_message_does_not_go_on(root: Path) -> None:
    for action in ("REJECT", "DISCARD"):
        assert "as it goes on" not in ask(root, action).stdout
    assert "passed (2 rules)" in ask(root, "REJECT").stdout


def test_without_a_message_nothing_is_said_of_it(root: Path) -> None:
    (root / "etc/postfix/fields").write_text(FIELDS % "REJECT")
    (root / "etc/postfix/lines").write_text("")
    base = ["--root", str(root), "/etc/postfix", "--to", "info@example.org"]
    done = CliRunner().invoke(command, [*base, "--format", "json"])
    assert json.loads(done.stdout)["message"] is None
    assert json.loads(done.stdout)["answers"][0]["outcome"] == "OK"


def test_lines_may_end_as_in_a_mail_and_a_file_may_be_missing(root: Path) -> None:
    done = ask(root, "REJECT no", message=MESSAGE.replace("\n", "\r\n"))
    assert "550 5.7.1 no" in done.stdout
    wrong = ["--root", str(root), "/etc/postfix", "--to", "ann", "--message", "/nowhere/x"]
    done = CliRunner().invoke(command, wrong)
    assert done.exit_code == 2
    assert "No such file" in done.stderr


def test_a_dialogue_has_its_message_checked(root: Path) -> None:
    (root / "etc/postfix/fields").write_text(FIELDS % "REJECT no")
    (root / "etc/postfix/lines").write_text("")
    dialogue = f"EHLO a\nMAIL FROM:<>\nRCPT TO:<info@example.org>\nDATA\n{MESSAGE}.\nQUIT\n"
    arguments = ["--root", str(root), "/etc/postfix", "--session", "-"]
    done = CliRunner().invoke(command, arguments, input=dialogue)
    assert "\n< 550 5.7.1 no\n" in done.stdout


def test_rulesets_of_sendmail_see_the_fields(tmp_path: Path) -> None:
    shutil.copytree(TOP / "examples/sendmail", tmp_path, dirs_exist_ok=True)
    mailconf("build", "--root", str(tmp_path), "--own-cf", "/etc/mail")
    with (tmp_path / "etc/mail/sendmail.cf").open("a") as file:
        file.write(
            'HSubject: $>CheckSubject\nSCheckSubject\nR$* free $*\t\t$#error $@ 5.7.1 $: "550 nothing is free"\n'
        )
    (tmp_path / "message").write_text("Subject: a free thing\n\nx\n")
    base = ("explain", "--root", str(tmp_path), "/etc/mail", "--client", "192.0.2.7", "--to", "root@example.com")
    done = mailconf(*base, "--message", str(tmp_path / "message"), "--expect", "REFUSED")
    assert re.search(
        r"REFUSED +root@example.com +after the message: 5\d\d .*nothing is free +sendmail.cf:\d+", done.stdout
    )
    (tmp_path / "message").write_text("Subject: a thing\n\nx\n")
    mailconf(*base, "--message", str(tmp_path / "message"), "--expect", "OK")
