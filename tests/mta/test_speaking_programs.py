"""Programs and sockets of this machine that SMTP and LMTP is spoken with: what they hear, what becomes of recipients.

What sendmail says to them is compared in tests/live/test_sendmail_speakers_live.py.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

import pytest
from client_fixture import FakeResolver
from mta_fixture import FakePolicy, FakeWorld, make_site

from mailconf.files import Root
from mailconf.model.letter import Peer, Program
from mailconf.model.limits import HopTimes
from mailconf.model.recipient import Identity
from mailconf.model.trace import Trace
from mailconf.model.transport import AgentKind, ClientWays, Transport
from mailconf.model.verdict import Route
from mailconf.mta.message import Context, Job, Message, Recipient, Result
from mailconf.mta.smtp_client import SmtpAgent
from tests.personality import PERSONALITY
from tests.vectors import sendmail_speaker

SPEAKER = Path(sendmail_speaker.__file__)
ME = Identity(os.geteuid(), os.getegid())
CONTENT = b"Subject: hi\n\nbody\n.dot\n"


def speaker(folder: Path, mode: str) -> Program:
    """The vectors' speaker, which leaves word of itself in a folder."""
    text = SPEAKER.read_text().replace('OUT = "/run/out"', f'OUT = "{folder}"')
    path = folder / "speaker.py"
    path.write_text(text)
    words = ("speaker", "-I", "-S", str(path), mode)
    return Program(sys.executable, words, {"AGENT": "sendmail"}, ME, (ME.gid,))


async def delivered(peer: Peer, folder: Path, users: tuple[str, ...], *, lmtp: bool, patience: float) -> list[Result]:
    site = make_site(folder)
    kind = AgentKind.LMTP if lmtp else AgentKind.SMTP
    times = HopTimes(*[patience] * len(HopTimes._fields))
    site.transports["mailer"] = Transport("mailer", kind, ways=ClientWays(times=times))
    world = FakeWorld()
    context = Context(FakePolicy(site), world, lambda program, text: None, PERSONALITY)
    to = [Recipient(user, user) for user in users]
    routes = [(each, Route("mailer", "mailer", each.address, "local", Trace())) for each in to]
    message = Message("QID", "a@b.example", to, CONTENT, world.now())
    job = Job(message, routes, "mailer", "mailer", context.policy, world)
    agent = SmtpAgent(context, FakeResolver(), lmtp=lmtp, root=Root())

    async def found(job: Job) -> Peer:
        return peer

    agent.peer = found
    return await asyncio.wait_for(agent.deliver(job), 120)


def deliver(
    folder: Path, mode: str, *users: str, lmtp: bool = True, patience: float = 60.0, program: Program | None = None
) -> tuple[list[str], list[str]]:
    """The fate of each user, and what the program was told."""
    peer = Peer("mailer", program=program or speaker(folder, mode))
    results = asyncio.run(delivered(peer, folder, users or ("ann",), lmtp=lmtp, patience=patience))
    said = [path.read_bytes().decode() for path in folder.glob("*.stdin")]
    return [f"{one.status.value} {one.dsn}" for one in results], said


def test_a_program_gets_the_message_and_answers_for_each_recipient(tmp_path: Path) -> None:
    fates, (said,) = deliver(tmp_path, "ok", "ann", "no1", "full1", "late1", "wait1")
    assert fates == ["sent 2.1.5", "bounced 5.1.1", "bounced 5.2.2", "deferred 4.2.2", "deferred 4.2.1"]
    assert said.startswith("LHLO mail.example.com\nMAIL FROM:<a@b.example> SIZE=")
    assert "Subject: hi\r\n\r\nbody\r\n..dot\r\n" in said


def test_without_lmtp_one_answer_holds_for_all(tmp_path: Path) -> None:
    fates, (said,) = deliver(tmp_path, "ok", "ann", "bob", lmtp=False)
    assert fates == ["sent 2.1.5", "sent 2.1.5"]
    assert said.startswith("EHLO ")


@pytest.mark.parametrize("mode", ["dielhlo", "diemail", "diercpt", "diedata", "dieend", "exits0", "exits75"])
def test_a_program_that_fails_defers(tmp_path: Path, mode: str) -> None:
    fates, _ = deliver(tmp_path, mode, "ann", "bob")
    assert [fate[:10] for fate in fates] == ["deferred 4", "deferred 4"]


def test_a_program_that_says_far_too_much_is_heard_as_far_as_there_is_room(tmp_path: Path) -> None:
    fates, _ = deliver(tmp_path, "flood")
    assert fates == ["sent 2.1.5"]


@pytest.mark.parametrize("mode", ["refusemail", "refusedata"])
def test_what_a_program_refuses_comes_back(tmp_path: Path, mode: str) -> None:
    fates, _ = deliver(tmp_path, mode, "ann", "bob")
    assert fates == ["bounced 5.7.1", "bounced 5.7.1"]


@pytest.mark.parametrize("mode", ["silent", "hanglhlo"])
def test_a_program_that_does_not_answer_is_given_up_and_killed(
    tmp_path: Path, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailconf.mta.hop_connection._GRACE", 0.1)
    fates, _ = deliver(tmp_path, mode, patience=0.5)
    assert fates == ["deferred 4.4.2"]
    (begun,) = tmp_path.glob("*.begun")
    with pytest.raises(ProcessLookupError):
        os.kill(int(begun.stem), 0)


def test_a_program_that_cannot_be_run_defers(tmp_path: Path) -> None:
    lacking = replace_path(speaker(tmp_path, "ok"))
    fates, said = deliver(tmp_path, "ok", program=lacking)
    assert fates == ["deferred 4.4.2"] and not said


def replace_path(program: Program) -> Program:
    return program._replace(path="/no/such")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may become everybody")
def test_nothing_runs_as_somebody_else(tmp_path: Path) -> None:
    other = speaker(tmp_path, "ok")._replace(identity=Identity(ME.uid + 1, ME.gid))
    fates, said = deliver(tmp_path, "ok", program=other)
    assert fates == ["deferred 4.3.0"] and not said


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_a_program_runs_as_its_user_alone(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    for parent in tmp_path.parents:
        if not parent.stat().st_mode & 0o001:
            pytest.skip("nobody else reaches the folder")
    called = speaker(tmp_path, "ok")._replace(identity=Identity(1, 1), groups=(1,), path="/usr/bin/python3")
    if not Path(called.path).exists():
        pytest.skip("there is no such program")
    fates, _ = deliver(tmp_path, "ok", program=called)
    assert fates == ["sent 2.1.5"]
    (status,) = tmp_path.glob("*.status")
    lines = dict(line.split(":\t", 1) for line in status.read_text().splitlines() if ":\t" in line)
    assert lines["Uid"].split() == ["1"] * 4 and lines["Gid"].split() == ["1"] * 4
    assert lines["Groups"].split() == ["1"]


def test_no_socket_defers(tmp_path: Path) -> None:
    peer = Peer("localhost", path=str(tmp_path / "nosuch"), problem="No such file or directory")
    (result,) = asyncio.run(delivered(peer, tmp_path, ("ann",), lmtp=True, patience=5.0))
    assert (result.status.value, result.dsn) == ("deferred", "4.3.5")


def test_what_is_left_of_a_program_takes_no_time(tmp_path: Path) -> None:
    """QUIT goes out with the content: the program ends by itself, and is not waited for until it is killed."""
    begun = time.monotonic()
    deliver(tmp_path, "ok")
    assert time.monotonic() - begun < 9
