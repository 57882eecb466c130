"""The whole MTA as a process: mail in, mailbox out, signals."""

from __future__ import annotations

import os
import signal
import smtplib
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from smtpd_fixture import Peer

MAIN = Path(__file__).with_name("server_main.py")
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}


class Running:
    """The process, its port and its log."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, str(MAIN), str(top)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=ENVIRONMENT,
        )
        self.watchdog = threading.Timer(60, self.process.kill)
        self.watchdog.start()
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline() or self._died())

    def _died(self) -> str:
        raise AssertionError(self.process.communicate()[1])

    def await_line(self, part: str) -> str:
        assert self.process.stderr is not None
        while line := self.process.stderr.readline():
            self.lines.append(line.rstrip("\n"))
            if part in line:
                return line
        raise AssertionError(f"{part!r} not in {self.lines}")

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.process.pid, number)


@contextmanager
def running(top: Path) -> Iterator[Running]:
    (top / "mail").mkdir(exist_ok=True)
    (top / "name").write_text("mail.example.com")
    server = Running(top)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.signal(signal.SIGTERM)
        server.process.communicate(timeout=30)
        server.watchdog.cancel()


def test_mail_is_delivered_and_the_log_tells(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        with smtplib.SMTP("127.0.0.1", server.port, local_hostname="c.example") as client:
            client.sendmail("a@b.example", ["alice@example.com"], "Subject: hello\n\ntext\n")
        line = server.await_line("status=sent")
        assert (
            "to=<alice@example.com>, relay=local," in line and "dsn=2.0.0, status=sent (delivered to mailbox)" in line
        )
        server.await_line(": removed")
        server.signal(signal.SIGTERM)
        assert server.process.wait(20) == 0
    assert "Subject: hello\n" in (tmp_path / "mail/alice").read_text()
    assert any("postfix/smtpd[" in line and "connect from localhost[127.0.0.1]" in line for line in server.lines)


def test_a_bad_reload_changes_nothing_a_good_one_does(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        (tmp_path / "broken").touch()
        (tmp_path / "name").write_text("new.example.com")
        server.signal(signal.SIGHUP)
        server.await_line("configuration not reloaded: main.cf:1:1: error: something is wrong [PF001]")
        with Peer(server.port) as peer:
            peer.say("EHLO x")
            peer.send(b"FOO\r\n" * 20)
            assert [peer.reply() for _ in range(21)][-1].startswith("421 4.7.0 mail.example.com")
        (tmp_path / "broken").unlink()
        server.signal(signal.SIGHUP)
        server.await_line("reload -- ")
        with Peer(server.port) as peer:
            peer.send(b"FOO\r\n" * 20)
            assert [peer.reply() for _ in range(21)][-1].startswith("421 4.7.0 new.example.com")


def test_a_broken_configuration_does_not_start(tmp_path: Path) -> None:
    (tmp_path / "broken").touch()
    (tmp_path / "name").write_text("mail.example.com")
    command = [sys.executable, str(MAIN), str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=30, env=ENVIRONMENT)
    assert ended.returncode != 0 and "BrokenConfiguration" in ended.stderr


def test_stopping_in_the_middle_of_a_transaction(tmp_path: Path) -> None:
    with running(tmp_path) as server, Peer(server.port) as peer:
        for line in ("EHLO x", "MAIL FROM:<>", "RCPT TO:<alice@example.com>", "DATA"):
            peer.say(line)
        server.signal(signal.SIGTERM)
        with pytest.raises(OSError):
            for _ in range(1000):
                Peer(server.port).close()
        assert peer.say("Subject: late\r\n\r\nx\r\n.").startswith("250 2.0.0 Ok: queued as ")
        assert server.process.wait(20) == 0
    with running(tmp_path) as server:
        if not (tmp_path / "mail/alice").exists():  # the first process may have found the time
            assert "status=sent" in server.await_line("status=")
    assert "Subject: late\n" in (tmp_path / "mail/alice").read_text()
