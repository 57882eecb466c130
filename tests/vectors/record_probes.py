"""Records how the real Postfix verifies addresses: probes.jsonl, from the cases of probe_cases.py.

Run as root from the project's top: ``python -m tests.vectors.record_probes``. Of each session there are the replies,
the log, and what the server that is probed has read.
"""

from __future__ import annotations

import re
import socket
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.live.private_postfix import Client, PrivatePostfix
from tests.one_by_one import OneByOne
from tests.vectors import store
from tests.vectors.probe_cases import CASES, NEXT, Case

SETTINGS = {
    "myhostname": "mail.here.example",
    "mydestination": "here.example",
    "myorigin": "here.example",
    "inet_interfaces": "127.0.0.1",
    "mynetworks": "127.0.0.0/8",
    "compatibility_level": "3.6",
    "default_transport": NEXT,
    "local_recipient_maps": "",
    "alias_maps": "",
    "smtpd_peername_lookup": "no",
    "smtpd_relay_restrictions": "permit_mynetworks, reject",
    "smtpd_recipient_restrictions": "reject_unverified_recipient, permit",
    "address_verify_map": "",
    "address_verify_poll_count": "6",
    "address_verify_poll_delay": "1s",
    "smtp_tls_security_level": "none",
}


class Probed(OneByOne):
    """A server that answers RCPT as the recipient's local part says; ``heard`` are the lines that it has read."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        super().__init__()

    def attend(self, peer: socket.socket) -> None:
        threading.Thread(target=self._talk, args=(peer,), daemon=True).start()

    def _talk(self, peer: socket.socket) -> None:
        try:
            peer.sendall(b"220 probed.test ESMTP\r\n")
            with peer.makefile("rb") as lines:
                for raw in lines:
                    line = raw.decode("latin-1").rstrip("\r\n")
                    self.heard.append(line)
                    reply = self._reply(line)
                    if not reply:
                        peer.shutdown(socket.SHUT_RDWR)
                        break
                    peer.sendall(f"{reply}\r\n".encode())
                    if line == "QUIT":
                        break
        except OSError:
            pass
        finally:
            peer.close()

    def _reply(self, line: str) -> str:
        """The reply; "" ends the connection. What is said of the sender is said to the recipient after it."""
        found = re.match(r"RCPT TO:<(reply|mail|drop)(\d*)@", line)
        if found and found[1] == "drop":
            return ""
        if found and found[1] == "reply":
            return f"{found[2]} {found[2][0]}.1.1 about {found[2]}"
        if found:
            return f"{found[2]} {found[2][0]}.7.1 not from there"
        return {"EHLO": "250 probed.test", "QUIT": "221 2.0.0 Bye", "DATA": "354 go on"}.get(line[:4], "250 2.0.0 Ok")


def filled(settings: Mapping[str, str], port: int) -> dict[str, str]:
    return {name: value.replace("@PORT@", str(port)) for name, value in settings.items()}


def neutral(text: str, top: str, port: int) -> str:
    text = text.replace(top, "@TOP@").replace(f":{port}", ":@PORT@")
    text = re.sub(r"\b[0-9A-F]{9,12}\b(?=[:.])", "QUEUEID", text)
    text = re.sub(r"delays?=[\d./]+", "delay=TIME", text)
    text = re.sub(r"message-id=<\d+\.", "message-id=<DATE.", text)
    return re.sub(r"size=\d+", "size=SIZE", text)


def log_of(postfix: PrivatePostfix, before: int) -> list[str]:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if any(": disconnect from" in line for line in postfix.log_lines(before)):
            break
        time.sleep(0.01)
    time.sleep(0.1)
    return [re.sub(r"^\w+/(?:\w+/)?(\w+)(\[\d+\])?: ", r"\1: ", line) for line in postfix.log_lines(before)]


def record(postfix: PrivatePostfix, server: Probed, cases: Mapping[str, Case]) -> list[dict[str, Any]]:
    found = []
    for case in cases.values():
        postfix.configure(filled({**SETTINGS, **case.settings}, server.port))
        answers = []
        for session in case.sessions:
            before = postfix.log.stat().st_size if postfix.log.exists() else 0
            asked = len(server.heard)
            client = Client(postfix.port)
            replies = [client.command(line) for line in session]
            client.close()
            log = [neutral(line, str(postfix.top), server.port) for line in log_of(postfix, before)]
            kept = [line for line in log if not line.startswith(("anvil", "master", "postfix", "postlog"))]
            answers.append({"replies": replies, "log": kept, "heard": server.heard[asked:]})
        found.append({"answers": answers})
    return found


def inputs() -> store.Inputs:
    cases = [
        {"name": name, "settings": dict(case.settings), "sessions": [list(session) for session in case.sessions]}
        for name, case in CASES.items()
    ]
    return store.Inputs(cases, {"settings": SETTINGS})


INPUTS = {"probes": inputs}


def main() -> None:
    with tempfile.TemporaryDirectory() as top:
        Path(top).chmod(0o755)
        with PrivatePostfix(Path(top)) as postfix, Probed() as server:
            store.write("probes", store.postfix(), __file__, record(postfix, server, CASES))


if __name__ == "__main__":
    main()
