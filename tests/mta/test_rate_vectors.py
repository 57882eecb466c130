"""Who comes too often, or through a proxy, is served as by the real smtpd (tests/vectors: rates, proxied; by
record_rates.py)."""

from __future__ import annotations

import re
import socket
import time
from pathlib import Path
from typing import Any

import pytest
from secured_fixture import SecuredListener
from test_auth_vectors import LIMITS, PRIVATE, read

from tests.auth_server import AuthServer
from tests.vectors.auth_dialogues import HANDSHAKES
from tests.vectors.rate_dialogues import BEFORE_GREETING, BYTEWISE, END, HEADERS, PAUSE, PROXIED, RATES, Case
from tests.vectors.record_auth import client_context, filled, write_certificates
from tests.vectors.record_rates import send
from tests.vectors.store import load

VECTORS = {"rates": load("rates"), "proxied": load("proxied")}
CASES = {"rates": RATES, "proxied": PROXIED}
# A header in pieces is read by us alone: byte by byte comes to the same as whole.
SAME = {"byte by byte": "whole"}
# What is waited for to the end of the time that there is, where Postfix has looked once.
SLOW = ("half a line", "second, half", "second, the signature alone", "second, half a signature", "an empty line")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    top = tmp_path_factory.mktemp("rates")
    write_certificates(top)
    (top / "private").mkdir()
    return top


def play(ours: SecuredListener, steps: list[bytes], expected: list[str], folder: Path) -> list[str]:
    left, replies, bytewise = list(expected), [], False
    peer: socket.socket = socket.create_connection(("127.0.0.1", ours.port), timeout=10)
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        if steps[0] not in (BEFORE_GREETING, *HANDSHAKES):
            replies.append(read(peer, left.pop(0)))
        for step in steps:
            if step == BYTEWISE:
                bytewise = True
            if step in (BEFORE_GREETING, BYTEWISE):
                continue
            if not left:
                break
            if step == END:
                peer.shutdown(socket.SHUT_WR)
            elif step in HANDSHAKES:
                peer = client_context(step, folder).wrap_socket(peer)
            else:
                send(peer, step, bytewise=bytewise)
            bytewise = False
            replies.append(read(peer, left.pop(0)))
    except OSError as error:
        replies.append(f"<{type(error).__name__}>")
    finally:
        peer.close()
    return replies


def shown(lines: list[str], folder: Path) -> list[str]:
    """The log without what only one of the two has: times, places in OpenSSL's source, the number of a handshake."""
    kept = [line.replace(str(folder), "@TOP@").replace("for service smtp", "for service @SERVICE@") for line in lines]
    kept = [re.sub(r"\b(?:[0-9A-F]{9,12}|QUEUEID)\b", "QUEUEID", line) for line in kept]
    kept = [line.replace("X25519MLKEM768", "X25519") for line in kept]  # OpenSSL's group from 3.5 on, and before
    return [line for line in kept if line.startswith("smtpd: ") and not re.search(_OF_ONE, line)]


_OF_ONE = r"TLS library problem|SSL_accept error"


def without_quoted(lines: list[str]) -> list[str]:
    """Without what has come of a header: in pieces, less of it shows that it is bad."""
    return [re.sub(r"(haproxy read: [^:]*).*", r"\1", line) for line in lines]


def broken(replies: list[str]) -> list[str]:
    """How a connection ends that nobody talks on is the kernel's."""
    return [re.sub(r"<\w+Error>\Z", "<closed>", reply) for reply in replies]


class Differences:
    """What we say otherwise in the sessions of a case."""

    def __init__(self, folder: Path, case: Case, recorded: list[dict[str, Any]]) -> None:
        common = VECTORS["rates"].head.common["settings"]
        self._folder = folder
        self._settings = {**common, **PRIVATE, **LIMITS, **filled(case.settings, folder)}
        self._case, self._recorded = case, recorded
        self.found: list[Any] = []

    def look(self, numbers: list[int], *, timeout: float, pieces: bool) -> None:
        if not numbers:
            return
        with SecuredListener(self._folder, self._settings) as ours:
            site = ours.service.policy.site
            site.limits = site.limits._replace(proxy_timeout=timeout)
            late = 0.0
            ours.service.doings.clock = lambda: time.monotonic() + late
            for number in numbers:
                steps, recorded, since = self._case.sessions[number], self._recorded[number], len(ours.lines)
                if steps[0] == PAUSE:
                    late, steps = late + 3, steps[1:]
                replies = play(ours, steps, recorded["replies"], self._folder)
                if recorded["log"][-1].startswith("smtpd: disconnect"):
                    ours.await_line("disconnect from", since)
                log, theirs = shown(ours.lines[since:], self._folder), shown(recorded["log"], self._folder)
                if pieces:
                    log, theirs = without_quoted(log), without_quoted(theirs)
                if broken(replies) != broken(recorded["replies"]):
                    self.found.append((number, steps, recorded["replies"], replies))
                if log != theirs:
                    self.found.append((number, steps, theirs, log))


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind in CASES for name in CASES[kind]])
def test_as_recorded(kind: str, name: str, folder: Path) -> None:
    case, recorded = CASES[kind][name], VECTORS[kind].keyed("name")[SAME.get(name, name)]["answers"]
    if name in SAME:
        whole = CASES[kind][SAME[name]].sessions
        pairs = {session[1]: answer for session, answer in zip(whole, recorded, strict=True)}
        recorded = [pairs[session[2]] for session in case.sessions]
    slow = [number for number, session in enumerate(case.sessions) if ends_in_time(session)]
    others = [number for number in range(len(case.sessions)) if number not in slow]
    differences = Differences(folder, case, recorded)
    with AuthServer(folder / "private/auth"):
        differences.look(others, timeout=60, pieces=name in SAME)
        differences.look(slow, timeout=0.3, pieces=name in SAME)
    assert not differences.found, "\n".join(map(str, differences.found)) + f"\n{len(differences.found)} differ"


def ends_in_time(session: list[bytes]) -> bool:
    """Whether the header never ends."""
    return session[0] == BEFORE_GREETING and any(each in session for each in (b"", b"PROXY", *map(HEADERS.get, SLOW)))
