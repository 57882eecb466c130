"""Command lines of services, given to the real daemons: they stop where tests/vectors/service_arguments.py has it."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import private_postfix
import pytest
from private_postfix import PrivatePostfix

from tests.vectors.service_arguments import CASES, UNSTARTED

pytestmark = pytest.mark.live

DELIVERS = ("lmtp", "pipe", "smtp")  # their arguments are read when there is mail; the others' when somebody connects
NAMES = {line: f"t{number}" for number, line in enumerate(CASES)}
MAIN = {
    "relay_domains": "static:all",
    "mynetworks": "127.0.0.0/8",
    "smtpd_relay_restrictions": "permit_mynetworks, reject",
    "virtual_mailbox_base": "/nowhere",
    "transport_maps": "inline:{" + " ".join(f"{{{t}.test={t}:[127.0.0.1]:9}}" for t in NAMES.values()) + "}",
}


def with_services(lines: dict[str, str], patch: pytest.MonkeyPatch) -> None:
    """Let the private Postfix's master.cf have a service for each line."""
    services = "".join(f"{name} unix - n n - 1 {line}\n" for line, name in lines.items())
    escaped = services.replace("{", "{{").replace("}", "}}")
    patch.setattr(private_postfix, "MASTER", private_postfix.MASTER + escaped)
    for name, value in MAIN.items():
        patch.setitem(private_postfix.BASE, name, value)


@pytest.fixture(scope="module")
def postfix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivatePostfix]:
    with pytest.MonkeyPatch.context() as patch:
        with_services(NAMES, patch)
        with PrivatePostfix(tmp_path_factory.mktemp("arguments")) as postfix:
            yield postfix


def work(postfix: PrivatePostfix, line: str, said: int) -> list[str]:
    """Give the service something to do, and return what its program logs of it: a fatal error, or that it works."""
    name, program = NAMES[line], line.split()[0]
    if program in DELIVERS:
        client = postfix.client()
        for command in ("EHLO x", "MAIL FROM:<>", f"RCPT TO:<u@{name}.test>", "DATA", "Subject: x\r\n\r\n."):
            client.command(command)
        client.close()
    else:
        with socket.socket(socket.AF_UNIX) as service:
            service.settimeout(2)
            service.connect(str(postfix.top / "queue/private" / name))
            try:
                service.sendall(b"request\0x\0\0")
                service.recv(100)
            except OSError:
                pass
    deadline = time.monotonic() + (10 if CASES[line] or program in DELIVERS else 2)
    found: list[str] = []
    while not found and time.monotonic() < deadline:
        lines = postfix.log_lines(said)
        found = [text for text in lines if text.startswith(f"postfix/{program}: fatal:") or f"relay={name}" in text]
        time.sleep(0.05)  # the log has no event to wait for
    return found


@pytest.mark.parametrize("line", CASES)
def test_what_the_daemon_says(line: str, postfix: PrivatePostfix) -> None:
    said = work(postfix, line, postfix.log.stat().st_size)
    fatal = [text for text in said if "fatal: " in text]
    if CASES[line]:
        assert fatal
        assert f"fatal: {CASES[line]}" in fatal[0]
    else:
        assert fatal == []


@pytest.mark.parametrize("line", UNSTARTED)
def test_the_master_does_not_start(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_services({line: "broken"}, monkeypatch)
    monkeypatch.setattr(PrivatePostfix, "_start", lambda self: None)
    monkeypatch.setattr(PrivatePostfix, "__exit__", lambda *_: None)
    with PrivatePostfix(tmp_path) as postfix, pytest.raises(subprocess.CalledProcessError):
        postfix._postfix("start")
