"""What explain answers first: one word for each recipient, what decided it, and what --expect makes of it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mailconf.cli.own.explain import command

MASTER = "smtp inet n - n - - smtpd\nlocal unix - n n - - local\nsmtp unix - - n - - smtp\nerror unix - - n - - error\n"
MASTER += "retry unix - - n - - error\ndiscard unix - - n - - discard\n"
MAIN = """compatibility_level = 3.6
myhostname = mx.example.com
myorigin = example.com
mydestination = example.com
mynetworks = 192.0.2.0/24
alias_maps = inline:{{both=ann, lost}, {lost=nobody-here}, {list=ann, bob, carl, dora}}
local_recipient_maps =
virtual_alias_maps =
recipient_delimiter =
"""
FROM = ("--client", "203.0.113.5", "--from", "x@far.test")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    etc = tmp_path / "etc/postfix"
    etc.mkdir(parents=True)
    (etc / "master.cf").write_text(MASTER)
    users = ("ann", "bob", "carl", "dora")
    (tmp_path / "etc/passwd").write_text("".join(f"{name}:x:{1000 + n}:100::/h:/x\n" for n, name in enumerate(users)))
    return tmp_path


def ask(root: Path, more: str, *options: str) -> Result:
    (root / "etc/postfix/main.cf").write_text(MAIN + more)
    done = CliRunner().invoke(command, ["--root", str(root), "/etc/postfix", *FROM, *options])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


def outcome(done: Result) -> str:
    """The line of the first recipient, blanks as one."""
    line = next(line for line in done.stdout.splitlines() if re.match(r"  [A-Z]+ ", line))
    return " ".join(line.split())


ACCESS = "smtpd_recipient_restrictions = check_sender_access inline:{{x@far.test=%s}}\n"
ROUTE = "transport_maps = inline:{{example.com=%s}}\n"
CASES = {
    "OK ann@example.com mbox /var/mail/ann": "",
    "HOLD ann@example.com waits in the queue: mbox /var/mail/ann": ACCESS % "HOLD",
    "DISCARD ann@example.com accepted, and thrown away": ACCESS % "DISCARD",
    "OK ann@example.com -> bob@example.com mbox /var/mail/bob": ACCESS % "REDIRECT bob@example.com",
    "OK ann@example.com smtp:[192.0.2.9]:10024": ACCESS % "FILTER smtp:[192.0.2.9]:10024",
    "DEFER ann@example.com 451 4.7.1 Sender address rejected: later main.cf:10 check_sender_access: x@far.test": (
        ACCESS % "451 4.7.1 later"
    ),
    "REFUSED ann@example.com 554 5.7.1 Sender address rejected: no main.cf:10 check_sender_access: x@far.test": (
        ACCESS % "REJECT no"
    ),
    "REFUSED ann@example.com 554 5.7.1 Client host rejected: Access denied main.cf:10 reject": (
        "smtpd_client_restrictions = reject\n"
    ),
    "REFUSED ann@example.com when it connects: 554 5.7.1 Client host rejected: Access denied main.cf:10 reject": (
        "smtpd_client_restrictions = reject\nsmtpd_delay_reject = no\n"
    ),
    "REFUSED ann@example.com at DATA: 554 5.7.1 Data command rejected: Access denied main.cf:10 reject": (
        "smtpd_data_restrictions = reject\n"
    ),
    "BOUNCE ann@example.com accepted, then lost: 550 5.7.0 go": (
        ROUTE % "error:5.7.0 go" + "smtpd_reject_unlisted_recipient = no\n"
    ),
    "REFUSED ann@example.com 550 5.7.0 Recipient address rejected: go smtpd_reject_unlisted_recipient": (
        ROUTE % "error:5.7.0 go"
    ),
    "DEFER ann@example.com accepted, then waits: 450 4.7.0 later": ROUTE % "retry:4.7.0 later",
    "DEFER ann@example.com accepted, then waits: 451 4.3.0 master.cf has no transport nix": ROUTE % "nix:",
    "DISCARD ann@example.com discard:example.com": ROUTE % "discard:",
}


@pytest.mark.parametrize("line", CASES)
def test_an_outcome_for_each_way_that_a_message_takes(root: Path, line: str) -> None:
    word = line.partition(" ")[0]
    done = ask(root, CASES[line], "--to", "ann@example.com", "--expect", word.lower())
    assert outcome(done) == line
    assert (done.exit_code, f"expected {word}: met" in done.stdout) == (0, True)
    others = {"OK", "REFUSED", "BOUNCE", "DEFER", "DISCARD", "HOLD"} - {word}
    assert {ask(root, CASES[line], "--to", "ann@example.com", "--expect", other).exit_code for other in others} == {1}


def test_one_recipient_that_is_lost_is_named_before_those_that_are_not(root: Path) -> None:
    done = ask(root, "", "--to", "both@example.com")
    lost = 'nobody-here@example.com 550 5.1.1 unknown user: "nobody-here"'
    assert outcome(done) == f"BOUNCE both@example.com accepted, then lost: {lost}; ann@example.com mbox /var/mail/ann"


def test_of_a_long_list_three_stand_in_the_line_and_all_below(root: Path) -> None:
    done = ask(root, "", "--to", "list@example.com")
    assert outcome(done).endswith("carl@example.com mbox /var/mail/carl; and 1 more")
    assert re.search(r"deliver +dora@example.com +as dora \(uid 1003\)", done.stdout)


def test_every_recipient_has_to_be_as_expected(root: Path) -> None:
    to = ("--to", "ann@example.com", "--to", "y@else.test")
    done = ask(root, "", *to, "--expect", "ok")
    assert done.exit_code == 1
    assert "expected OK: not met by y@else.test REFUSED (454)" in done.stdout.replace("DEFER", "REFUSED")
    assert ask(root, "", *to, "--expect", "250").exit_code == 1
    assert ask(root, "", "--to", "ann@example.com", "--expect", "250").exit_code == 0
    asked = json.loads(ask(root, "", *to, "--expect", "250", "--format", "json").stdout)
    assert asked["expected"] == {"outcome": "250", "met": False}


def test_a_place_is_told_once_and_in_one_column(root: Path) -> None:
    more = "smtpd_recipient_restrictions = check_recipient_access inline:{{example.com=DUNNO}}, permit\n"
    done = ask(root, more, "--to", "ann@example.com", "--to", "bob@example.com")
    lines = done.stdout.splitlines()
    placed = [line for line in lines if re.search(r"main\.cf:\d+$", line)]
    assert len(placed) == len(set(placed)) > 2
    assert len({re.search(r"main\.cf:\d+$", line).start() for line in placed}) == 1  # type: ignore[union-attr]
    assert sum("example.com: DUNNO" in line for line in lines) == 1
    assert "all recipients" in done.stdout


def test_what_failed_is_named_with_its_reason(root: Path) -> None:
    done = ask(
        root, "smtpd_client_restrictions = check_client_access texthash:/etc/postfix/no\n", "--to", "ann@example.com"
    )
    assert outcome(done).startswith("DEFER ann@example.com 451 4.3.5 ")
    assert re.search(r"check_client_access +unknown: temporary failure: .*No such file", done.stdout)


def test_the_transcript_has_the_replies_in_full(root: Path) -> None:
    done = ask(root, "", "--to", "y@else.test", "--transcript")
    assert "> RCPT TO:<y@else.test>\n< 454 4.7.1 <y@else.test>: Relay access denied\n" in done.stdout
    assert "decided by" not in done.stdout
    full = ask(root, "", "--to", "y@else.test", "--transcript", "--full")
    assert re.search(r"^ +reject_unauth_destination|^ +defer_unauth_destination", full.stdout, re.MULTILINE)


def test_what_the_outside_was_asked_and_what_was_assumed(root: Path) -> None:
    more = "smtpd_helo_restrictions = reject_unknown_helo_hostname\nsmtpd_recipient_restrictions = "
    more += "reject_rbl_client zen.test, check_policy_service unix:private/p\n"
    done = ask(root, more, "--to", "ann@example.com", "--dns", "5.113.0.203.zen.test:A")
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert "DNS mail.sender.example A 203.0.113.5 (assumed)" in lines
    assert "DNS 5.113.0.203.zen.test no A (given)" in lines
    how = "--policy unix:private/p=... or --online"
    assert f"policy service unix:private/p not asked, taken for a temporary failure ({how})" in lines
    assert lines[0].endswith("DNS as given")
    document = json.loads(ask(root, more, "--to", "ann@example.com", "--format", "json").stdout)
    assert {one["basis"] for one in document["outside"]} == {"assumed", "not asked"}


def test_nothing_of_a_file_drives_the_terminal(root: Path) -> None:
    done = ask(root, ACCESS % "REJECT \x1b[31mred", "--to", "ann@example.com")
    assert "\x1b" not in done.stdout
    assert "red" in done.stdout


def test_no_configuration_is_no_answer(tmp_path: Path) -> None:
    done = CliRunner().invoke(command, ["--root", str(tmp_path), "/etc/postfix", "--to", "ann"])
    assert done.exit_code == 2
    assert "FS001" in done.output
