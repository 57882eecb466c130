"""smtpd_forbid_bare_newline, its exclusions and code, smtpd_forbid_unauth_pipelining: what Postfix 3.7.11 said, queued
and logged (tests/vectors/line_ends.jsonl), and what the listener does."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from smtpd_fixture import Listener, OpenPolicy, Peer

from mailconf.model.limits import Limits
from mailconf.model.policy import Privilege
from mailconf.model.session import Session
from mailconf.model.world import Ask, LookupFailed
from mailconf.smtp.options import BareNewline, ServerOptions

VECTORS = Path(__file__).parent.parent / "vectors"
sys.path.insert(0, str(VECTORS))

from line_end_dialogues import ENDS, HEAD, LINES, RUNS, SMUGGLED  # noqa: E402
from record_line_ends import body, log_of, neutral  # noqa: E402

from tests.vectors.store import load  # noqa: E402

VECTORS_OF_SMTPD = load("line_ends")
RECORDED = VECTORS_OF_SMTPD.keyed("run", "dialogue")
CASES = [(run, name) for run, (_, dialogues) in RUNS.items() if "exclusions" not in run for name in dialogues]


def options_of(settings: dict[str, str]) -> ServerOptions:
    value = settings.get("smtpd_forbid_bare_newline", "no").lower()
    return ServerOptions(
        bare_newline=BareNewline("normalize" if value == "yes" else value),
        bare_newline_code=int(settings.get("smtpd_forbid_bare_newline_reject_code", "550")),
        forbid_pipelining=settings.get("smtpd_forbid_unauth_pipelining") == "yes",
    )


def answers(peer: Peer, count: int) -> str:
    """So many replies as they came, up to "<closed>"."""
    text = ""
    while count:
        line = peer.file.readline().decode("latin-1")
        if not line:
            return text + "<closed>"
        text += line
        count -= line[3:4] == " "
    return text


def play(peer: Peer, dialogue: list[str], recorded: list[str]) -> list[str]:
    """The replies, as many to each step as the recording has; with what comes besides where it ends."""
    found = [peer.greeting + "\r\n"]
    for number, step in enumerate(dialogue[: len(recorded) - 1], 1):
        peer.send(step.encode("latin-1"))
        wanted = recorded[number]
        last = number == len(recorded) - 1
        found.append(answers(peer, 1000 if last else len(re.findall(r"(?m)^\d{3} ", wanted))))
    return [neutral(reply) for reply in found]


def test_the_recording_is_of_these_dialogues() -> None:
    assert VECTORS_OF_SMTPD.head.version == "3.7.11"
    assert set(RECORDED) == {(run, name) for run, (_, dialogues) in RUNS.items() for name in dialogues}


@pytest.mark.parametrize(("run", "name"), CASES)
def test_as_recorded(run: str, name: str) -> None:
    settings, dialogues = RUNS[run]
    recorded = RECORDED[run, name]
    with Listener(options=options_of(settings), limits=Limits(error_sleep=0), lookup=False) as listener:
        with listener.connect() as peer:
            replies = play(peer, dialogues[name], recorded["replies"])
        listener.await_line("disconnect")
    assert replies == recorded["replies"]
    assert sorted(body(message.content) for message in listener.intake.messages) == recorded["messages"]
    assert log_of(listener.lines) == recorded["log"]


@pytest.mark.parametrize("value", ["normalize", "reject"])
@pytest.mark.parametrize("name", [name for name in ENDS if name != "CRCRLF.CRLF"])
def test_no_second_message_in_single_bytes(value: str, name: str) -> None:
    data = f"{HEAD}first{ENDS[name]}{SMUGGLED}QUIT\r\n".encode("latin-1")
    with Listener(options=ServerOptions(bare_newline=BareNewline(value))) as listener, listener.connect() as peer:
        for line in LINES["nothing"][:4]:
            peer.send(line.encode())
            peer.reply()
        for at in range(len(data)):
            peer.send(data[at : at + 1])
        peer.reply()
        assert peer.reply() == "221 2.0.0 Bye"
    assert len(listener.intake.messages) <= 1
    for message in listener.intake.messages:
        assert b"\nMAIL FROM:<evil@b.example>\n" in message.content.replace(b"\rMAIL", b"\nMAIL").replace(
            b" MAIL", b"\nMAIL"
        )


def test_bare_newlines_are_noted() -> None:
    """postconf(5) smtpd_forbid_bare_newline of 3.9 and later; 3.10's smtpd has the words."""
    with Listener(options=ServerOptions(bare_newline=BareNewline.NOTE)) as listener:
        for line in (b"NOOP\nQUIT\r\n", b"NOOP\r\nQUIT\r\n"):
            with listener.connect() as peer:
                peer.send(line)
                assert [peer.reply() for _ in range(3)] == ["250 2.0.0 Ok", "221 2.0.0 Bye", "<closed>"]
            listener.await_line("disconnect")
    ends = [line.partition("] ")[2] for line in listener.lines if "disconnect" in line]
    assert ends == ["noop=1 quit=1 commands=2 notes=bare_lf", "noop=1 quit=1 commands=2"]


class Failing(OpenPolicy):
    async def may(self, session: Session, privilege: Privilege, ask: Ask) -> bool:
        raise LookupFailed("hash:/x", "no such file")


class Excluding(OpenPolicy):
    async def may(self, session: Session, privilege: Privilege, ask: Ask) -> bool:
        excluded = privilege is Privilege.BARE_NEWLINES and session.client_address == "192.0.2.7"
        return excluded or await super().may(session, privilege, ask)


def test_exclusions_that_cannot_be_asked_exclude_none() -> None:
    with Listener(options=ServerOptions(bare_newline=BareNewline.REJECT), policy=Failing) as listener:
        with listener.connect() as peer:
            peer.send(b"NOOP\n")
            assert peer.reply() == "550 5.5.2 mail.example.com Error: bare <LF> received"
        listener.await_line("warning: smtpd_forbid_bare_newline_exclusions: hash:/x: table lookup problem")


def test_xclient_makes_an_excluded_client() -> None:
    options = ServerOptions(bare_newline=BareNewline.REJECT)
    with Listener(options=options, policy=Excluding) as listener, listener.connect() as peer:
        assert peer.say("XCLIENT ADDR=192.0.2.7")[:3] == "220"
        peer.send(b"NOOP\n")
        assert peer.reply() == "250 2.0.0 Ok"
