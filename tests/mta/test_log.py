"""Log lines have syslog's form and cannot carry control characters."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from mailconf.mta.journal_postfix import seconds
from mailconf.mta.log import Log, neutral


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Log:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    return Log(tmp_path / "log", hostname="mail.example.com", clock=lambda: 1_795_355_705.0, pid=123)


def test_the_line(log: Log) -> None:
    log("smtpd", "connect from localhost[127.0.0.1]")
    log.close()
    assert log._path is not None
    assert log._path.read_text() == "Nov 22 13:55:05 mail postfix/smtpd[123]: connect from localhost[127.0.0.1]\n"


def test_syslog_name_and_a_day_of_one_digit() -> None:
    log = Log(hostname="mx", name="postfix/submission", clock=lambda: 0.0, pid=1)
    assert log.line("smtpd", "x").endswith(" mx postfix/submission/smtpd[1]: x")
    assert log.line("smtpd", "x")[4:6] in (" 1", "31")


def test_control_characters_are_neutralised() -> None:
    assert neutral("a\nNov 1 forged\x1b[31m\x7f\té") == "a?Nov 1 forged?[31m??é"


def test_reopening_starts_a_new_file(log: Log) -> None:
    assert log._path is not None
    log("smtpd", "one")
    log._path.rename(log._path.with_suffix(".1"))
    log.reopen()
    log("smtpd", "two")
    assert log._path.read_text().count("\n") == 1


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"), (0.004, "0"), (0.017, "0.02"), (0.1, "0.1"), (0.51, "0.51"), (0.6, "0.6"),
        (1.14, "1.1"), (3.0, "3"), (40.2, "40"), (243.7, "244"), (-1, "0"),
    ],
)  # fmt: skip
def test_delays_have_two_significant_digits(value: float, text: str) -> None:
    assert seconds(value) == text
