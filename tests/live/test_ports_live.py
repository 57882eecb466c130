"""known_tcp_ports: the warnings of postmap and the ports that it connects to, ours beside theirs; smtpd's below -o."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import private_postfix
import pytest

from mailconf.diagnostics import Sink
from mailconf.postfix.settings.configuration import Configuration
from mailconf.postfix.settings.listen import report_known_ports

pytestmark = pytest.mark.live
MAIN = "compatibility_level = 3.6\nmyhostname = a.test\n"
VALUES = [
    "foo={}", "Foo={}", "foo=bar={}", "bar=foo={}", "foo = {}", "foo={} bar=1", "foo=1 bar={}", "foo", "foo=bar",
    "foo=00{}", "foo={}, foo=1", "1=foo={}", "=foo={}", "foo=={}", "foo={}=", "foo={}=bar", "a b=foo={}",
    "x, y=, ,foo={}", ", =, foo={}", "foo=+{}", "foo={} {}", "a=1, foo=a={}",
]  # fmt: skip


def said(command: list[str], folder: Path) -> tuple[int, str, list[str]]:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    words = [*command, "-c", str(folder), "-q", "x", "tcp:127.0.0.1:foo"]
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=environment, timeout=60)
    return done.returncode, done.stdout, [line for line in done.stderr.splitlines() if "known_tcp_ports" in line]


def test_known_tcp_ports(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def answer() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(100)
                    connection.sendall(b"200 here\n")

        threading.Thread(target=answer, daemon=True).start()
        for value in VALUES:
            text = value.replace("{}", str(port))
            (tmp_path / "main.cf").write_text(f"{MAIN}known_tcp_ports = {text}\n")
            os.utime(tmp_path / "main.cf", (1_000_000_000, 1_000_000_000))
            theirs = said(["postmap"], tmp_path)
            ours = said([sys.executable, "-m", "mailconf", "postmap"], tmp_path)
            assert ours == theirs, text
        server.shutdown(socket.SHUT_RDWR)


def test_known_tcp_ports_of_a_service(monkeypatch: pytest.MonkeyPatch) -> None:
    """smtpd's own list: what it warns of when it starts."""
    own = " smtpd\n -o {{ known_tcp_ports = smtp=25, foo, a=b, smtp=26 }}\n"
    monkeypatch.setattr(private_postfix, "MASTER", private_postfix.MASTER.replace(" smtpd\n", own, 1))
    # Not below pytest's folder, which is closed to Postfix's daemons.
    with tempfile.TemporaryDirectory() as folder, private_postfix.PrivatePostfix(Path(folder)) as postfix:
        postfix.client().close()
        words = "postfix/smtpd: warning: "
        theirs = {line.removeprefix(words) for line in postfix.log_lines() if line.startswith(words)}
        sink = Sink()
        report_known_ports(Configuration.load(str(postfix.etc), sink), sink)
    assert {diagnostic.message for diagnostic in sink} == theirs
    assert len(theirs) == 3
