"""Clients are tested as by the real postscreen (tests/vectors/screen.jsonl, by record_screen.py)."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from conversation import SERVICES
from secured_fixture import SecuredListener
from test_auth_vectors import PRIVATE, read

from mailconf.diagnostics import Sink
from mailconf.model.world import Outcome, Records
from mailconf.mta import screen_memory
from mailconf.mta.world import MtaWorld
from mailconf.postfix.policy.policy import compile_policy
from mailconf.postfix.settings.configuration import Configuration
from mailconf.postfix.settings.listeners import listeners
from mailconf.smtp.screening import Test
from tests.vectors.record_auth import client_context, write_certificates
from tests.vectors.record_screen import connected, kept, neutral
from tests.vectors.screen_dialogues import DNS, EARLY, END, GONE, SCREENED, SECURE, Case, Session
from tests.vectors.store import load

VECTORS = load("screen")
# The client is gone before the lists have answered, and we have no process that goes on asking.
NOT_LISTED = ("listed and early, dropped",)
FRONT = "127.0.0.1:25252 inet n - n - 1 postscreen\nsmtpd pass - - n - - smtpd\n"


class Zone:
    """The DNS of the recording. With ``holds`` it answers when the client has talked: Postfix hears of that first."""

    def __init__(self) -> None:
        self.holds = False
        self.released = asyncio.Event()

    async def query(self, name: str, kind: str) -> Records:
        if self.holds:
            await self.released.wait()
        if name.endswith("servfail.example"):
            return Records(Outcome.FAILED, reason="SERVFAIL")
        values = DNS.get(name, {}).get(kind)
        return Records(Outcome.FOUND, tuple(values), ttl=300) if values else Records(Outcome.ABSENT)


class ScreenedListener(SecuredListener):
    """A listener behind the tests that main.cf asks for."""

    def __init__(self, folder: Path, parameters: dict[str, str]) -> None:
        super().__init__(folder, parameters, FRONT + SERVICES)
        sink = Sink()
        configuration = Configuration.load(str(folder), sink)
        self._policy = compile_policy(configuration, sink, listeners(configuration)[0])
        self.zone = Zone()
        assert self._policy.screener is not None
        self.screener = self._policy.screener

    def furnish(self, world: MtaWorld) -> None:
        world.resolver = self.zone  # type: ignore[assignment]

    def _log(self, program: str, text: str) -> None:
        if text.startswith("PREGREET"):
            self.zone.released.set()
        super()._log(program, text)


def play(ours: ScreenedListener, session: Session, expected: list[str], folder: Path, *, early: bool) -> list[str]:
    since = len(ours.lines)
    held = []
    for _ in range(session.held):
        held.append(each := connected(ours.port, session))
        each.settimeout(20)
        while b"220 " not in each.recv(4096):
            pass
    peer: socket.socket = connected(ours.port, session)
    peer.settimeout(20)
    left, steps = list(expected), list(session.steps)
    replies: list[str] = []
    try:
        if steps[0] == EARLY:
            steps = steps[1:]
        else:
            replies.append(read(peer, left.pop(0)))
        for step in steps:
            if not left or step == GONE:
                break
            if step == SECURE:
                peer = client_context(step, folder).wrap_socket(peer)
                continue
            if step == END:
                peer.shutdown(socket.SHUT_WR)
            else:
                peer.sendall(step)
                if early and step is session.steps[1] and session.steps[0] == EARLY:
                    ours.await_line("PREGREET", since)
            replies.append(read(peer, left.pop(0)))
    except OSError as error:
        replies.append(f"<{type(error).__name__}>")
    finally:
        for each in (peer, *held):
            each.close()
    return [neutral(reply) for reply in replies]


def _is_of_one(line: str, *, unlisted: bool) -> bool:
    """A line that Postfix alone has: of the library that opens tables, and of a list whose answer comes too late."""
    return "is unavailable. open" in line or (unlisted and line.startswith("dnsblog: "))


def of_session(ours: ScreenedListener, since: int, session: Session, recorded: list[str]) -> list[str]:
    """The lines that we have for it; the last of them is waited for."""
    if session.held:
        return [line for line in kept(ours.lines[since:]) if "reject: " in line]
    ours.await_line(recorded[-1].partition(": ")[2].split()[0], since)
    return kept(ours.lines[since:])


class Differences:
    """What we say otherwise in the sessions of a case."""

    def __init__(
        self, folder: Path, name: str, case: Case, recorded: list[dict[str, Any]], common: Mapping[str, str]
    ) -> None:
        self._name = name
        settings = {**common, **PRIVATE, **case.settings}
        self._settings = {name: value.replace("@TOP@", str(folder)) for name, value in settings.items()}
        self._folder, self._case, self._recorded = folder, case, recorded

    def find(self) -> Iterator[object]:
        with ScreenedListener(self._folder, self._settings) as ours:
            whole = ours.screener.screening
            slow = whole.command_time if whole.command_time > 100 else 0.5
            for number, (session, recorded) in enumerate(zip(self._case.sessions, self._recorded, strict=True)):
                since = len(ours.lines)
                early = any(word in line for line in recorded["log"] for word in ("PREGREET", "before SMTP"))
                ours.screener.screening = whole._replace(wait=60.0 if early else 0.05, command_time=slow)
                ours.zone.holds = early and session.steps[-1] != GONE
                replies = play(ours, session, recorded["replies"], self._folder, early=ours.zone.holds)
                log = of_session(ours, since, session, recorded["log"])
                if replies != recorded["replies"]:
                    yield number, session.steps, recorded["replies"], replies
                unlisted = self._name in NOT_LISTED
                theirs = [line for line in recorded["log"] if not _is_of_one(line, unlisted=unlisted)]
                if log != theirs:
                    yield number, session.steps, theirs, log


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("screen")


@pytest.mark.parametrize("name", SCREENED)
def test_as_recorded(name: str, folder: Path) -> None:
    if "smtpd_tls_cert_file" in SCREENED[name].settings and not (folder / "server.pem").exists():
        write_certificates(folder)
    recorded = VECTORS.keyed("name")[name]["answers"]
    found = list(Differences(folder, name, SCREENED[name], recorded, VECTORS.head.common["settings"]).find())
    assert not found, "\n".join(map(str, found)) + f"\n{len(found)} differ"


def test_a_client_that_does_not_stop_costs_a_buffer(folder: Path) -> None:
    """What is sent before the greeting is not read beyond a bound, and a line without an end ends the talk."""
    settings = {**VECTORS.head.common["settings"], **PRIVATE, "postscreen_greet_action": "enforce"}
    with ScreenedListener(folder, settings) as ours:
        ours.screener.screening = ours.screener.screening._replace(wait=60.0)
        peer = connected(ours.port, Session(2, []))
        peer.settimeout(20)
        said = b""
        try:
            for _ in range(200):
                peer.sendall(b"x" * 65_536)
        except OSError:
            pass  # we have hung up
        try:
            while data := peer.recv(4096):
                said += data
        except OSError:
            pass
        peer.close()
        ours.await_line("DISCONNECT")
        early = next(line for line in ours.lines if "PREGREET" in line)
        assert int(early.split()[2]) < 500_000
        assert any("COMMAND LENGTH LIMIT" in line for line in ours.lines)
    assert not ours.intake.messages
    assert not ours.service.screens.sessions and not ours.service.screens.clients


def test_a_defect_ends_the_connection_and_no_more(folder: Path) -> None:
    async def broken(address: str, ask: object) -> None:
        raise RuntimeError("a defect")

    with ScreenedListener(folder, {**VECTORS.head.common["settings"], **PRIVATE}) as ours:
        ours.screener.standing = broken  # type: ignore[method-assign, assignment]
        peer = connected(ours.port, Session(2, []))
        peer.settimeout(20)
        assert peer.recv(100) == b""
        peer.close()
        ours.await_line("a defect")


def test_what_is_remembered_is_bounded_and_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    memory = screen_memory.Memory(lambda: now)
    monkeypatch.setattr(screen_memory, "MOST", 3)
    for client in "abcd":
        memory.put(client, {Test.GREETING: 10.0, Test.LISTS: 5.0})
    assert [bool(memory.passed(client)) for client in "abcd"] == [False, True, True, True]
    now = 5.0
    assert (memory.passed("d"), memory.ever("d")) == ({Test.GREETING}, {Test.GREETING, Test.LISTS})
    now = 10.0
    assert memory.passed("d") == frozenset()
