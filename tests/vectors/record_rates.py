"""Plays the cases of rate_dialogues.py to the real smtpd and stores replies and log lines: rates.jsonl, proxied.jsonl.

Run as root from the project's top: ``python -m tests.vectors.record_rates``, with the names of the files
for some of them. See record_auth.py, whose server of logins
and certificates these use. A process that does not know the proxy's protocol ends, and its client is closed.
"""

from __future__ import annotations

import re
import socket
import ssl
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.auth_server import AuthServer
from tests.live.private_postfix import PrivatePostfix
from tests.vectors import store
from tests.vectors.auth_dialogues import HANDSHAKES
from tests.vectors.pauses import said
from tests.vectors.rate_dialogues import BEFORE_GREETING, BYTEWISE, END, PAUSE, PROXIED, RATES, Case
from tests.vectors.record_auth import SETTINGS as LOGIN_SETTINGS
from tests.vectors.record_auth import client_context, filled, neutral, write_certificates

SETTINGS = {
    **{name: value for name, value in LOGIN_SETTINGS.items() if name != "header_checks"},
    "smtpd_sender_restrictions": "check_sender_access inline:{{refused.test=REJECT no}}",
}
QUIET, IDLE = 2.0, 0.1


def play(port: int, steps: list[bytes]) -> list[str]:
    """What the server says: first to the connection, then to each step."""
    if steps[0] == PAUSE:
        time.sleep(3.5)
        steps = steps[1:]
    peer: socket.socket = socket.create_connection(("127.0.0.1", port))
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    replies: list[str] = []
    bytewise = False

    def hear() -> bool:
        replies.append(re.sub(r"queued as \w+", "queued as QUEUEID", said(peer, QUIET, IDLE)))
        return not replies[-1].endswith("<closed>")

    waits = steps[0] != BEFORE_GREETING and steps[0] not in HANDSHAKES
    try:
        if waits and not hear():
            return replies
        for step in steps:
            if step == BEFORE_GREETING:
                continue
            if step == BYTEWISE:
                bytewise = True
                continue
            if step == END:
                peer.shutdown(socket.SHUT_WR)
            elif step in HANDSHAKES:
                peer.settimeout(5)
                peer = client_context(step, Path()).wrap_socket(peer)
            else:
                send(peer, step, bytewise=bytewise)
            bytewise = False
            if not hear():
                break
    except (OSError, ssl.SSLError) as error:
        replies.append(f"<{type(error).__name__}>")
    finally:
        peer.close()
    return replies


def send(peer: socket.socket, data: bytes, *, bytewise: bool) -> None:
    pieces = [data[at : at + 1] for at in range(len(data))] if bytewise else [data]
    try:
        for piece in pieces:
            peer.sendall(piece)
            if bytewise:
                time.sleep(0.001)
    except OSError:
        pass  # the server has hung up, which the reply shows


def log_of(postfix: PrivatePostfix, before: int) -> list[str]:
    deadline = time.monotonic() + 3
    while time.monotonic() < deadline:
        if any(re.search(r": (disconnect|fatal)", line) for line in postfix.log_lines(before)):
            break
        time.sleep(0.01)
    time.sleep(0.05)
    kept = [neutral(re.sub(r"^\w+/(\w+)(\[\d+\])?: ", r"\1: ", line)) for line in postfix.log_lines(before)]
    kept = [line.replace(str(postfix.top), "@TOP@").replace(f"127.0.0.1:{postfix.port}", "@SERVICE@") for line in kept]
    return [line for line in kept if line.startswith("smtpd: ")]


def record(postfix: PrivatePostfix, cases: dict[str, Case]) -> list[dict[str, Any]]:
    found = []
    for case in cases.values():
        postfix.configure({**SETTINGS, **filled(case.settings, postfix.top)})
        sessions = []
        for steps in case.sessions:
            before = postfix.log.stat().st_size if postfix.log.exists() else 0
            replies = play(postfix.port, steps)
            sessions.append({"replies": replies, "log": log_of(postfix, before)})
        postfix.drop_queue()
        found.append({"answers": sessions})
    return found


def _inputs(cases: dict[str, Case]) -> store.Inputs:
    brief = [
        {
            "name": name,
            "settings": dict(case.settings),
            "sessions": [[store.brief(step) for step in steps] for steps in case.sessions],
        }
        for name, case in cases.items()
    ]
    return store.Inputs(brief, {"settings": SETTINGS})


INPUTS = {"rates": lambda: _inputs(RATES), "proxied": lambda: _inputs(PROXIED)}


def main() -> None:
    wanted = sys.argv[1:] or ["rates", "proxied"]
    with tempfile.TemporaryDirectory() as top:
        Path(top).chmod(0o755)
        with PrivatePostfix(Path(top)) as postfix:
            write_certificates(Path(top))
            with AuthServer(Path(top) / "queue/private/auth"):
                for name, cases in (("rates", RATES), ("proxied", PROXIED)):
                    if name in wanted:
                        store.write(name, store.postfix(), __file__, record(postfix, cases))


if __name__ == "__main__":
    main()
