"""Log lines have syslog's form and cannot carry control characters."""

from __future__ import annotations

import asyncio
import io
import os
import re
import time
from pathlib import Path

import pytest

from mailconf.mta.journal_figures import seconds
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
        (1.25, "1.3"), (10.5, "11"), (11.5, "12"), (0.125, "0.13"), (0.994, "0.99"), (2.5, "2.5"), (99.5, "100"),
    ],
)  # fmt: skip
def test_delays_have_two_significant_digits(value: float, text: str) -> None:
    assert seconds(value) == text


def test_a_reader_that_does_not_read_stops_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stalled reader of standard error stopped the server: each line waited for it."""
    reading, writing = os.pipe()
    with open(writing, "wb", buffering=0) as pipe:  # noqa: PTH123
        monkeypatch.setattr("sys.stderr", io.TextIOWrapper(pipe))
        log = Log(hostname="mail", clock=lambda: 0.0, pid=1)
        count = 30_000  # more than a pipe and what is kept hold
        for number in range(count):
            log("smtpd", f"line {number} {'x' * 50}")
        with open(reading, "rb") as file:  # noqa: PTH123
            lines = []
            while not lines or b"lines of the log are lost" not in lines[-1]:
                lines.append(file.readline())
            lost = re.search(rb"warning: (\d+) lines of the log are lost", lines[-1])
            assert lost is not None and int(lost[1]) == count - len(lines) + 1
            # The thread that writes may have made room once some were lost already.
            numbers = [int(line.split()[6]) for line in lines[:-1]]
            assert numbers == sorted(set(numbers)) and numbers[:1000] == list(range(1000))
            log("smtpd", "after")
            assert file.readline().endswith(b"]: after\n")
        monkeypatch.undo()


def test_a_reader_that_is_gone_stops_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "wb", buffering=0) as pipe:  # noqa: PTH123
        monkeypatch.setattr("sys.stderr", io.TextIOWrapper(pipe))
        log = Log(hostname="mail", clock=lambda: 0.0, pid=1)
        for _ in range(3):
            log("smtpd", "x")
        monkeypatch.undo()


def test_lines_of_one_turn_go_out_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """In their order, the last ones before the loop ends; many at once do not wait for its end; a loop that is gone is
    not waited for."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    with open(writing, "wb", buffering=0) as pipe, open(reading, "rb", buffering=0) as file:  # noqa: PTH123
        monkeypatch.setattr("sys.stderr", io.TextIOWrapper(pipe))
        log = Log(hostname="mail", clock=lambda: 0.0, pid=1)

        def written() -> list[int]:
            return [int(line.split()[-1]) for line in (file.read(1 << 16) or b"").splitlines()]

        async def main() -> None:
            log("smtpd", "0")
            log("smtpd", "1")
            assert written() == []
            await asyncio.sleep(0)
            assert written() == [0, 1]
            for number in range(250):
                log("smtpd", str(number))
            assert written() == list(range(200))
            log("smtpd", "250")

        asyncio.run(main())
        assert written() == [*range(200, 251)]
        log("smtpd", "7")
        assert written() == [7]
        loop = asyncio.new_event_loop()
        loop.call_soon(log, "smtpd", "8")
        loop.call_soon(loop.stop)
        loop.run_forever()
        loop.close()
        asyncio.run(asyncio.sleep(0))
        log("smtpd", "9")
        assert written() == [8, 9]
        monkeypatch.undo()
