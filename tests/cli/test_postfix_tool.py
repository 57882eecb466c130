"""``mailconf postfix``: its words and exit statuses beside postfix(1)'s, and what it does to a server of ours."""

from __future__ import annotations

import fcntl
import os
import re
import smtplib
import socket
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from mailconf.cli import main
from mailconf.cli.postfix import control
from mailconf.mta.control.client import server_of
from tests.vectors.store import load

from site_fixture import TOP  # isort: skip


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


class Machine:
    """A configuration, and the server that runs with it."""

    def __init__(self, top: Path) -> None:
        self.etc, self.queue, self.log = top / "etc", top / "queue", top / "log"
        self.port = free_port()
        self.etc.mkdir()
        self.queue.mkdir()
        self.main_cf = (
            f"compatibility_level = 3.6\nmyhostname = mx.example.com\nqueue_directory = {self.queue}\nalias_maps =\n"
            f"alias_database =\nlocal_recipient_maps =\nmaillog_file = {self.log}\nmaillog_file_prefixes = {top}\n"
            "mydestination = example.com\nlocal_transport = discard\nsmtpd_peername_lookup = no\n"
        )
        self.write("")
        services = f"127.0.0.1:{self.port} inet n - n - - smtpd\ndiscard unix - - n - - discard\n"
        services += "postlog unix-dgram n - n - 1 postlogd\n"
        (self.etc / "master.cf").write_text(services)

    def write(self, more: str) -> None:
        (self.etc / "main.cf").write_text(self.main_cf + more)

    def call(self, *words: str) -> int:
        return main(["postfix", "-c", str(self.etc), *words])

    @property
    def pid(self) -> int | None:
        return server_of(self.queue)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    monkeypatch.setattr(control, "on_terminal", lambda: True)
    monkeypatch.setenv("PYTHONPATH", str(TOP))
    started: list[int] = []
    popen = subprocess.Popen

    class Remembered(popen):  # type: ignore[misc,valid-type]
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            started.append(self.pid)

    monkeypatch.setattr(subprocess, "Popen", Remembered)
    yield Machine(tmp_path)
    for pid in started:
        with suppress(ProcessLookupError):
            os.kill(pid, 9)
        with suppress(ChildProcessError):
            os.waitpid(pid, 0)


def judge(case: dict[str, Any], machine: Machine, said: str, status: int) -> None:
    said = re.sub(r"(?<=PID: )\d+", "NUMBER", said).replace(str(machine.etc), "ETC")
    assert (said, status) == (case["said"], case["status"]), case


def test_its_words_and_what_it_does(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The calls that were recorded, in their order, on a server that the tool itself starts and ends."""
    cases = load("postfix_tool").cases
    assert machine.call("start") == 0
    assert capfd.readouterr().err == "postfix/postfix-script: starting the Postfix mail system\n"
    user = os.geteuid()
    for case in cases:
        assert (machine.pid is not None) == case["running"], case
        words = [str(machine.etc) if word == "ETC" else word for word in case["words"]]
        monkeypatch.setattr(os, "geteuid", lambda as_user=case["as"]: user if as_user == "root" else user + 1)
        status = main(["postfix", *words])
        judge(case, machine, capfd.readouterr().err, status)
    log = machine.log.read_text()
    for text in (
        "postfix-script[",
        "starting the Postfix mail system",
        "aborting the Postfix",
        "daemon started",
        "reload",
    ):
        assert text in log


def test_a_server_that_it_has_started(machine: Machine, capfd: pytest.CaptureFixture[str]) -> None:
    assert machine.call("start") == 0
    pid_file = machine.queue / "pid/master.pid"
    assert pid_file.read_text() == f"{machine.pid:>32}\n"  # as the original's
    with pid_file.open() as file, pytest.raises(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with smtplib.SMTP("127.0.0.1", machine.port, timeout=30) as smtp:
        smtp.sendmail("a@example.net", ["b@example.com"], "Subject: x\n\nx\n")
    assert machine.call("stop") == 0
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", machine.port), timeout=30)
    with pid_file.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        capfd.readouterr()
        # Another MTA, the original's, say, has the lock.
        assert machine.call("start") == 1
        assert capfd.readouterr().err == "postfix/postfix-script: fatal: the Postfix mail system is already running\n"
    assert machine.pid is None


@pytest.mark.parametrize("kind", ["link", "fifo"])
def test_a_pid_file_that_somebody_has_put_there(machine: Machine, tmp_path: Path, kind: str) -> None:
    (machine.queue / "pid").mkdir()
    other = tmp_path / "other"
    other.write_text("kept")
    pid_file = machine.queue / "pid/master.pid"
    if kind == "link":
        pid_file.symlink_to(other)
    else:
        os.mkfifo(pid_file)
    assert machine.call("start") == 1
    assert machine.pid is None and other.read_text() == "kept"


def test_what_does_not_start(machine: Machine, capfd: pytest.CaptureFixture[str]) -> None:
    machine.write("smtpd_client_restrictions = permit_mynetwork\n")
    assert machine.call("start") == 1
    said = capfd.readouterr().err
    assert said.startswith("postfix/postfix-script: fatal: ") and "[PF201]" in said
    machine.write("maillog_file_prefixes = /var\n")
    assert machine.call("status") == 1
    assert "does not match any prefix in maillog_file_prefixes" in capfd.readouterr().err
    machine.write("")
    with socket.create_server(("127.0.0.1", machine.port)):
        assert machine.call("check") == 0 and capfd.readouterr().err == ""
        assert machine.call("start") == 1
        assert "fatal: mail system startup failed" in capfd.readouterr().err
    assert "ddress already in use" in machine.log.read_text()


def test_where_nobody_looks_it_is_silent(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The original's words are in its log then."""
    monkeypatch.setattr(control, "on_terminal", lambda: False)
    assert machine.call("status") == 1
    assert capfd.readouterr() == ("", "")
    assert machine.log.read_text().endswith(": the Postfix mail system is not running\n")
