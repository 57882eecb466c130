"""What systemd is told, over the socket of NOTIFY_SOCKET."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from mailconf.mta.readiness import report_ready


@pytest.mark.parametrize("abstract", [False, True])
def test_ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, abstract: bool) -> None:
    monkeypatch.chdir(tmp_path)  # the length of a socket's path is limited
    name = f"@mailconf-{os.getpid()}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind("\0" + name[1:] if abstract else "notify")
        systemd.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", name)
        report_ready()
        assert systemd.recv(100) == b"READY=1\n"
        assert "NOTIFY_SOCKET" not in os.environ
        systemd.setblocking(False)
        report_ready()
        with pytest.raises(BlockingIOError):
            systemd.recv(100)


@pytest.mark.parametrize("name", ["", "relative", "/nonexistent/notify", "@" + "x" * 200])
def test_nobody_reads(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", name)
    report_ready()
    assert "NOTIFY_SOCKET" not in os.environ
