"""Plays the cases of screen_dialogues.py to the real postscreen and stores replies and log lines: screen.jsonl.

Run as root from the project's top, for a network of its own: ``python -m tests.vectors.record_screen``.
"""

from __future__ import annotations

import re
import socket
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.live.fixture_dns import isolate, serve
from tests.live.private_postfix import PrivatePostfix, free_port
from tests.vectors import store
from tests.vectors.pauses import said
from tests.vectors.record_auth import client_context, write_certificates
from tests.vectors.screen_dialogues import DNS, EARLY, END, GONE, SCREENED, SECURE, Case, Session

SETTINGS = {
    "myhostname": "mail.example.com",
    "mydestination": "localhost",
    "inet_interfaces": "127.0.0.1",
    "mynetworks": "127.0.0.9/32",
    "compatibility_level": "3.6",
    "local_transport": "discard",
    "local_recipient_maps": "",
    "alias_maps": "",
    "smtpd_peername_lookup": "no",
    "smtpd_relay_restrictions": "permit_mynetworks, reject_unauth_destination",
    "postscreen_greet_wait": "1s",
}
SERVICES = """\
127.0.0.1:{port} inet n - n - 1 postscreen
smtpd pass - - n - - smtpd
dnsblog unix - - n - 0 dnsblog
tlsproxy unix - - n - 0 tlsproxy
"""
QUIET, IDLE = 3.0, 0.15
_KEPT = ("postscreen: ", "dnsblog: ")


def play(port: int, session: Session) -> list[str]:
    """What the server says: first to the connection, then to each step."""
    held = [connected(port, session) for _ in range(session.held)]
    for each in held:
        said(each, QUIET, IDLE)
    peer = connected(port, session)
    replies: list[str] = []
    steps = list(session.steps)

    def hear() -> bool:
        replies.append(neutral(said(peer, QUIET, IDLE)))
        return not replies[-1].endswith("<closed>")

    try:
        if steps[0] == EARLY:
            steps = steps[1:]
        elif not hear():
            return replies
        for step in steps:
            if step == GONE:
                break
            if step == SECURE:
                peer.settimeout(5)
                peer = client_context(step, Path()).wrap_socket(peer)
                continue
            if step == END:
                peer.shutdown(socket.SHUT_WR)
            else:
                peer.sendall(step)
            if not hear():
                break
    except OSError as error:
        replies.append(f"<{type(error).__name__}>")
    finally:
        for each in (peer, *held):
            each.close()
    return replies


def connected(port: int, session: Session) -> socket.socket:
    peer = socket.create_connection(("127.0.0.1", port), source_address=(f"127.0.0.{session.client}", 0))
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return peer


def neutral(text: str) -> str:
    """Without what differs each time: ports, times and queue ids."""
    text = re.sub(r"(\[127\.0\.0\.\d+\]|127\.0\.0\.\d+):\d{4,5}\b", r"\1:PORT", text)
    text = re.sub(r"(\[127\.0\.0\.\d+\])\d{4,5}: discarding", r"\1PORT: discarding", text)
    text = re.sub(r" after [\d.]+ (from|in)", r" after TIME \1", text)
    return re.sub(r"queued as \w+", "queued as QUEUEID", text)


def kept(lines: list[str]) -> list[str]:
    """The lines about the screening; those of the lists, which come in any order, before all others."""
    found = [neutral(re.sub(r"^\w+/(\w+)(\[\d+\])?: ", r"\1: ", line)) for line in lines]
    found = [line for line in found if not re.match(r"\w+: (cache \S+ full cleanup|error: open )", line)]
    return sorted(f for f in found if f.startswith(_KEPT[1])) + [f for f in found if f.startswith(_KEPT[0])]


def log_of(postfix: PrivatePostfix, before: int) -> list[str]:
    deadline = time.monotonic() + 2
    while time.monotonic() < deadline:
        lines = postfix.log_lines(before)
        if any(re.search(r"postscreen: (DISCONNECT|HANGUP)|smtpd: disconnect|fatal", line) for line in lines):
            break
        time.sleep(0.02)
    time.sleep(0.1)
    return kept(postfix.log_lines(before))


def record(postfix: PrivatePostfix, cases: dict[str, Case]) -> list[dict[str, Any]]:
    found = []
    for name, case in cases.items():
        print(name, file=sys.stderr, flush=True)
        port = free_port()
        for file in (postfix.top / "data").glob("postscreen_cache*"):
            file.unlink()
        postfix.configure({**SETTINGS, **case.settings}, services=SERVICES.format(port=port))
        sessions = []
        for session in case.sessions:
            before = postfix.log.stat().st_size if postfix.log.exists() else 0
            replies = play(port, session)
            log = log_of(postfix, before)
            if session.held:  # the lines of several sessions, in any order
                log = [line for line in log if "reject: " in line]
            sessions.append({"replies": replies, "log": log})
        postfix.drop_queue()
        found.append({"answers": sessions})
    return found


def _inputs() -> store.Inputs:
    brief = [
        {
            "name": name,
            "settings": dict(case.settings),
            "sessions": [[session.client, session.held, *map(store.brief, session.steps)] for session in case.sessions],
        }
        for name, case in SCREENED.items()
    ]
    return store.Inputs(brief, {"settings": SETTINGS, "dns": DNS})


INPUTS = {"screen": _inputs}


def known() -> dict[str, dict[str, Any]]:
    """What is recorded of today's cases already, by their names; nothing where the engine or the settings differ."""
    stored, today = store.read_anyway("screen"), store.inputs_of("screen", __spec__.name if __spec__ else __name__)
    if stored.head.common != today.common or stored.head.packages != store.postfix().packages:
        return {}
    asked = {case["name"]: case for case in today.cases}
    return {
        case["name"]: {"answers": case["answers"]}
        for case in stored.cases
        if {name: case[name] for name in stored.head.asked} == asked.get(case["name"])
    }


def main() -> None:
    """Without arguments all is recorded; after ``--new`` what is not there yet, and the cases that are named. Names
    alone: those, which are only shown."""
    anew = sys.argv[1:2] == ["--new"]
    old = {name: case for name, case in known().items() if name not in sys.argv[2:]} if anew else {}
    isolate()
    names = [] if anew else sys.argv[1:]
    chosen = {n: case for n, case in SCREENED.items() if n not in old and (not names or n in names)}
    with tempfile.TemporaryDirectory() as top, serve(DNS):
        Path(top).chmod(0o755)
        with PrivatePostfix(Path(top)) as postfix:
            write_certificates(postfix.top)
            answers = record(postfix, chosen)
    if not names:
        old |= dict(zip(chosen, answers, strict=True))
        store.write("screen", store.postfix(), __file__, [old[name] for name in SCREENED])
    else:
        for answer in answers:
            for session in answer["answers"]:
                print("---", *map(repr, session["replies"]), *session["log"], sep="\n")


if __name__ == "__main__":
    main()
