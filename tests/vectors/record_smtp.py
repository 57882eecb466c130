"""Plays the dialogues of smtp_dialogues.py to the real smtpd and stores what it says to each step in smtp.json.

Run as root from the project's top: ``python tests/vectors/record_smtp.py``. What depends on the machine or the moment
is neutral: queue ids become QUEUEID. The configuration permits everything, so that only the protocol speaks.
"""

from __future__ import annotations

import json
import re
import socket
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "live")]

from private_postfix import PrivatePostfix, mail_version  # noqa: E402
from smtp_dialogues import DIALOGUES  # noqa: E402

SETTINGS = {
    "myhostname": "mail.example.com",
    "mydestination": "localhost",
    "inet_interfaces": "127.0.0.1",
    "mynetworks": "0.0.0.0/0",
    "compatibility_level": "3.6",
    "default_transport": "discard",
    "local_transport": "discard",
    "local_recipient_maps": "",
    "alias_maps": "",
    "smtpd_authorized_xforward_hosts": "127.0.0.1",
    "smtpd_hard_error_limit": "20",
    "smtpd_junk_command_limit": "10",
    "smtpd_peername_lookup": "no",
    "smtpd_recipient_limit": "5",
    "message_size_limit": "100000",
    "smtp_dns_support_level": "disabled",
}
QUIET = 0.5
IDLE = 0.12


def read(peer: socket.socket) -> str:
    """What the server says until it pauses, with "<closed>" when it hangs up."""
    text = b""
    peer.settimeout(QUIET)
    while True:
        try:
            data = peer.recv(65536)
        except TimeoutError:
            break
        except ConnectionError:
            data = b""
        if not data:
            text += b"<closed>"
            break
        text += data
        if re.search(rb"(?:\A|\n)\d{3} [^\n]*\n\Z", text):
            peer.settimeout(IDLE)
    return re.sub(r"queued as \w+", "queued as QUEUEID", text.decode("latin-1"))


def play(port: int, steps: list[bytes]) -> list[str]:
    with socket.create_connection(("127.0.0.1", port)) as peer:
        replies = [read(peer)]
        for step in steps:
            peer.sendall(step)
            replies.append(read(peer))
            if replies[-1].endswith("<closed>"):
                break
    return replies


def main() -> None:
    with tempfile.TemporaryDirectory() as top:
        Path(top).chmod(0o755)
        with PrivatePostfix(Path(top)) as postfix:
            postfix.configure(SETTINGS)
            found = {name: play(postfix.port, steps) for name, steps in DIALOGUES.items()}
    stored = {"mail_version": mail_version(), "settings": SETTINGS, "dialogues": found}
    (HERE / "smtp.json").write_text(json.dumps(stored, indent=1) + "\n")


if __name__ == "__main__":
    main()
