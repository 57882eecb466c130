"""Our dialogues with logins and TLS are those of the real smtpd (tests/vectors/auth.jsonl, by record_auth.py)."""

from __future__ import annotations

import json
import re
import socket
import ssl
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from secured_fixture import SecuredListener

from tests.auth_server import AuthServer
from tests.vectors.auth_dialogues import DIALOGUES, HANDSHAKES, Dialogue
from tests.vectors.record_auth import client_context, filled, neutral, write_certificates
from tests.vectors.store import load

VECTORS = load("auth")
RECORDED = VECTORS.keyed("name")
PRIVATE = {"smtpd_authorized_xclient_hosts": "127.0.0.1", "inet_protocols": "ipv4", "smtpd_error_sleep_time": "0"}
LIMITS = {
    "smtpd_junk_command_limit": "10000",
    "smtpd_soft_error_limit": "10000",
    "smtpd_client_event_limit_exceptions": "127.0.0.0/8",
}
# What we say otherwise, and why.
DEPARTURES = {
    "wrapper mode, a certificate required": "the greeting does not follow the reply that ends the session",
}


@cache
def grouped() -> dict[str, dict[str, Dialogue]]:
    groups: dict[str, dict[str, Dialogue]] = {}
    for name, dialogue in DIALOGUES.items():
        groups.setdefault(json.dumps(dict(dialogue.settings)), {})[name] = dialogue
    return groups


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    top = tmp_path_factory.mktemp("auth")
    write_certificates(top)
    (top / "private").mkdir()
    return top


def test_the_recording_is_of_these_dialogues() -> None:
    assert VECTORS.head.version == "3.7.11"
    assert set(RECORDED) == set(DIALOGUES)


def read(peer: socket.socket, expected: str) -> str:
    """What the server says, up to as much as is expected; more of it is seen by the next read."""
    text = b""
    wanted = expected.removesuffix("<closed>")
    closes = wanted != expected
    try:
        while closes or len(re.sub(rb"queued as \w+", b"queued as QUEUEID", text)) < len(wanted):
            data = peer.recv(65536)
            if not data:
                text += b"<closed>"
                break
            text += data
    except (ConnectionError, ssl.SSLError):
        text += b"<closed>"
    except TimeoutError:
        text += b"<silent>"
    return re.sub(r"queued as \w+", "queued as QUEUEID", text.decode("latin-1"))


def play(port: int, steps: list[bytes], expected: list[str], folder: Path) -> list[str]:
    peer: socket.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
    left = list(expected)
    replies = [read(peer, left.pop(0))] if steps[0] not in HANDSHAKES else []
    try:
        for step in steps:
            if not left:
                break
            if step in HANDSHAKES:
                peer = client_context(step, folder).wrap_socket(peer)
            else:
                peer.sendall(step)
            replies.append(read(peer, left.pop(0)))
    except OSError as error:
        replies.append(f"<{type(error).__name__}>")
    finally:
        peer.close()
    return replies


def comparable(lines: list[str]) -> list[str]:
    """The log without what only one of the two has: places in OpenSSL's source, what is no event of ours."""
    kept = []
    for line in lines:
        line = re.sub(r"(TLS library problem: ).*", r"\1...", neutral(line))
        line = re.sub(r'(cannot get )(?:\w+ )?(private key from file "[^"]*": disabling TLS support)', r"\1\2", line)
        if line.startswith("smtpd: ") and not re.search(_OF_ONE, line):
            kept.append(line)
    return kept


_OF_ONE = (
    r" connect from |discarding EHLO keywords|Can't require client certs|TLS library problem|request longer than 2048"
)


@pytest.mark.parametrize("settings", grouped())
def test_as_recorded(settings: str, folder: Path) -> None:
    parameters = {**VECTORS.head.common["settings"], **PRIVATE, **LIMITS, **filled(json.loads(settings), folder)}
    del parameters["header_checks"]
    differences: list[Any] = []
    with AuthServer(folder / "private/auth") as server, SecuredListener(folder, parameters) as ours:
        broken = [line for line in ours.lines if "TLS" in line]
        for name, dialogue in grouped()[settings].items():
            recorded, since, asked = RECORDED[name], len(ours.lines), len(server.asked)
            replies = play(ours.port, dialogue.steps, recorded["replies"], folder)
            ours.await_line("disconnect from", since)
            if name in DEPARTURES:
                continue
            for step, theirs, mine in zip(["", *dialogue.steps], recorded["replies"], replies, strict=False):
                if theirs != mine:
                    differences.append((name, step[:50], theirs, mine))
            if len(replies) != len(recorded["replies"]):
                differences.append((name, recorded["replies"], replies))
            log = comparable([*broken, *(line.replace(str(folder), "@TOP@") for line in ours.lines[since:])])
            if log != comparable(recorded["log"]):
                differences.append((name, comparable(recorded["log"]), log))
            questions = asked_of(server.asked[asked:])
            if questions != asked_of(recorded["asked"]):
                differences.append((name, recorded["asked"], questions))
            if recorded["received"]:
                content = ours.intake.messages[-1].content.decode()
                found = re.match(r"Received:.*(?:\n[ \t].*)*", content)
                mine = neutral(re.sub(r" id \w+", " id QUEUEID", found[0])) if found else content
                if mine != recorded["received"]:
                    differences.append((name, recorded["received"], mine))
    assert not differences, "\n".join(str(d) for d in differences[:40]) + f"\n{len(differences)} differ"


def asked_of(lines: list[str]) -> list[str]:
    """What the server was asked, without the numbers; that we tell it of a login that was given up is ours."""
    return [re.sub(r"\t\d+", "", line, count=1) for line in lines if line.startswith(("AUTH\t", "CONT\t"))]
