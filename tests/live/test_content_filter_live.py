"""Mail that is filtered after it was queued (FILTER_README), beside the real Postfix: by a command that hands it back,
by a server that does, and by FILTER in a table."""

from __future__ import annotations

import json
import os
import re
import smtplib
import socketserver
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from private_postfix import PrivatePostfix, free_port

sys.path.insert(0, str(Path(__file__).parent.parent / "cli"))

from site_fixture import ENVIRONMENT

from tests.vectors.pipe_scenarios import WITNESS

pytestmark = pytest.mark.live

SCAN = """\
import smtplib, sys
port, sender, *recipients = sys.argv[1:]
data = b"X-Scanned: by a command\\n" + sys.stdin.buffer.read()
with smtplib.SMTP("127.0.0.1", int(port)) as client:
    client.sendmail(sender, recipients, data.replace(b"\\n", b"\\r\\n"))
"""
MAIN = {
    "myhostname": "mail.example.com",
    "mydestination": "",
    "inet_protocols": "ipv4",
    "mynetworks": "127.0.0.0/8",
    "relay_domains": "final.test",
    "relay_recipient_maps": "inline:{one@final.test=x, two@final.test=x, filtered@final.test=x, both@final.test=x}",
    "transport_maps": "inline:{final.test=final:}",
    "virtual_alias_maps": "inline:{both@final.test=one@final.test}",
    "always_bcc": "two@final.test",
    "smtpd_relay_restrictions": "permit_mynetworks, reject",
    "smtpd_recipient_restrictions": "check_recipient_access inline:{{filtered@final.test=FILTER scan:dummy}}",
}
RESEND = """\
import subprocess, sys
data = b"X-Scanned: by a command\\n" + sys.stdin.buffer.read()
sys.exit(subprocess.run(sys.argv[1:], input=data).returncode)
"""
SIMPLE = """\
simple unix - n n - 10 pipe flags=Rq user=nobody null_sender=
  argv=/usr/bin/python3 -IS {top}/resend /usr/bin/env PYTHONPATH={path} PYTHONDONTWRITEBYTECODE=1
  /usr/bin/python3 -m mailconf sendmail -C {top}/etc -G -i -f ${{sender}} -- ${{recipient}}
127.0.0.1:{simple} inet n - n - - smtpd -o content_filter=simple:dummy
"""
SERVICES = """\
127.0.0.1:{by_command} inet n - n - - smtpd -o content_filter=scan:dummy
  -o receive_override_options=no_address_mappings
127.0.0.1:{by_server} inet n - n - - smtpd -o content_filter=scansmtp:[127.0.0.1]:{server}
127.0.0.1:{back} inet n - n - - smtpd -o content_filter= -o smtpd_recipient_restrictions=
  -o receive_override_options=no_unknown_recipient_checks,no_header_body_checks
  -o smtpd_authorized_xforward_hosts=127.0.0.0/8
127.0.0.1:{unmapped} inet n - n - - smtpd -o content_filter= -o smtpd_recipient_restrictions=
  -o receive_override_options=no_address_mappings
final unix - n n - - pipe user=nobody argv=/usr/bin/python3 -IS @TOP@/witness @TOP@/out ${{sender}} -- ${{recipient}}
scan unix - n n - 10 pipe flags=Rq user=nobody null_sender=
  argv=/usr/bin/python3 -IS @TOP@/scan {back} ${{sender}} ${{recipient}}
scansmtp unix - - n - 10 smtp -o smtp_send_xforward_command=yes -o disable_mime_output_conversion=yes
"""
OURS = "{listen} inet n - n - - smtpd\nlocal unix - n n - - local\nsmtp unix - - n - - smtp\n"
# The port's name, the recipients, and what has filtered the message that arrives.
CASES: list[tuple[str, list[str], str]] = [
    ("by_command", ["one@final.test"], "a command"),
    ("by_command", ["both@final.test", "one@final.test"], "a command"),
    ("by_server", ["one@final.test", "both@final.test"], "a server"),
    ("listen", ["one@final.test"], ""),
    ("listen", ["filtered@final.test", "one@final.test"], "a command"),
    ("back", ["unknown@final.test"], ""),
    ("unmapped", ["both@final.test"], ""),
]
Arrived = list[tuple[list[str], list[str], int]]  # arguments, lines without Received, how many of those


class _Scanner(socketserver.StreamRequestHandler):
    """A filter that speaks SMTP, and hands mail back at the port of its server."""

    server: Any

    def handle(self) -> None:
        self._say("220 scan ESMTP")
        sender, recipients, data = "", [], b""
        while line := self.rfile.readline():
            verb = line[:4].upper()
            if verb == b"MAIL":
                sender, recipients = _path(line), []
            elif verb == b"RCPT":
                recipients.append(_path(line))
            elif verb == b"DATA":
                self._say("354 go")
                data = b"".join(iter(self.rfile.readline, b".\r\n")).replace(b"\r\n.", b"\r\n")
                with smtplib.SMTP("127.0.0.1", self.server.back) as client:
                    client.sendmail(sender, recipients, b"X-Scanned: by a server\r\n" + data)
            self._say("221 bye" if verb == b"QUIT" else "250 ok")

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


def _path(line: bytes) -> str:
    return line.partition(b"<")[2].partition(b">")[0].decode()


@contextmanager
def scanner(back: int) -> Iterator[int]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Scanner) as server:
        server.daemon_threads = True
        server.back = back  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def lay_out(top: Path) -> None:
    top.chmod(0o755)
    (top / "witness").write_text(WITNESS)
    (top / "scan").write_text(SCAN)
    (top / "resend").write_text(RESEND)
    (top / "out").mkdir()
    (top / "out").chmod(0o777)


def sent(port: int, recipients: list[str], messages: int, top: Path, log: Path) -> Arrived:
    """Send a message, and wait until it and what the filter made of it have left the queue: what the final transport
    was given."""
    lines = ["From: a@x.test", "Message-Id: <1@x.test>", "Date: x", "Subject: s", "", "body", ".dot"]
    begun = _count(log, ": removed")
    with smtplib.SMTP("127.0.0.1", port) as client:
        client.sendmail("from@x.test", recipients, "\r\n".join(lines))
    deadline = time.monotonic() + 60
    while _count(log, ": removed") < begun + messages:
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)
    found = []
    for path in (top / "out").glob("*.json"):
        run = json.loads(path.read_text())
        fields = re.split(r"\n(?![ \t])", run["input"])
        kept = [field for field in fields if not field.startswith("Received:")]
        found.append((run["argv"], kept, len(fields) - len(kept)))
        path.unlink()
    return sorted(found)


def _count(log: Path, text: str) -> int:
    return log.read_text().count(text)


def ports() -> dict[str, int]:
    return {name: free_port() for name in ("by_command", "by_server", "back", "unmapped")}


@contextmanager
def ours(top: Path, services: str, listen: int) -> Iterator[Path]:
    """Our server; its log."""
    etc, log = top / "etc", top / "log"
    etc.mkdir()
    (top / "queue").mkdir()
    main = {**MAIN, "queue_directory": str(top / "queue")}
    (etc / "main.cf").write_text("".join(f"{name} = {value}\n" for name, value in main.items()))
    (etc / "master.cf").write_text(OURS.format(listen=f"127.0.0.1:{listen}") + services.replace("@TOP@", str(top)))
    with log.open("wb") as file:
        command = [sys.executable, "-m", "mailconf", "serve", str(etc)]
        process = subprocess.Popen(command, stderr=file, env=ENVIRONMENT)
        try:
            while log.read_text().count("listening on") < services.count(" smtpd ") + 1:
                assert process.poll() is None, log.read_text()
                time.sleep(0.05)
            yield log
        finally:
            process.terminate()
            process.wait()


@pytest.fixture(scope="module")
def arrived() -> tuple[list[Arrived], list[Arrived]]:
    """What came of each case with the real Postfix, and with ours."""
    real, own = [], []
    with tempfile.TemporaryDirectory() as name, PrivatePostfix(Path(name)) as postfix:
        lay_out(Path(name))
        used = {**ports(), "listen": postfix.port}
        with scanner(used["back"]) as server:
            postfix.configure({**MAIN, "compatibility_level": "3.6"}, services=SERVICES.format(**used, server=server))
            real = [sent(used[port], to, 1 + bool(by), Path(name), Path(name) / "log") for port, to, by in CASES]
    with tempfile.TemporaryDirectory() as name:
        lay_out(Path(name))
        used = {**ports(), "listen": free_port()}
        with scanner(used["back"]) as server:
            services = SERVICES.format(**used, server=server)
            with ours(Path(name), services, used["listen"]) as log:
                own = [sent(used[port], to, 1 + bool(by), Path(name), log) for port, to, by in CASES]
    return real, own


@pytest.mark.parametrize("number", range(len(CASES)))
def test_the_same_arrives(arrived: tuple[list[Arrived], list[Arrived]], number: int) -> None:
    real, own = (side[number] for side in arrived)
    assert own == real
    by = CASES[number][2]
    assert real and all((f"X-Scanned: by {by}" in fields) is bool(by) for _, fields, _ in real)


@pytest.mark.skipif(os.geteuid() != 0, reason="a command of another user needs root")
def test_the_simple_filter_hands_mail_back_by_sendmail() -> None:
    """As in FILTER_README: the user of the filter owns nothing of the mail system's."""
    with tempfile.TemporaryDirectory() as name:
        top = Path(name)
        lay_out(top)
        used = {**ports(), "listen": free_port(), "simple": free_port()}
        path = f"{Path(__file__).parents[2]}:{sysconfig.get_path('purelib')}"
        services = SERVICES.format(**used, server=1) + SIMPLE.format(top=top, path=path, simple=used["simple"])
        with ours(top, services, used["listen"]) as log:
            found = sent(used["simple"], ["one@final.test"], 2, top, log)
            own = sent(used["by_command"], ["one@final.test"], 2, top, log)
    # always_bcc counts for what the filter hands in as well: its recipient is there twice
    assert [(list(dict.fromkeys(arguments)), sorted(fields)) for arguments, fields, _ in found] == [
        (arguments, sorted(fields)) for arguments, fields, _ in own
    ]
    assert "X-Scanned: by a command" in found[0][1]
