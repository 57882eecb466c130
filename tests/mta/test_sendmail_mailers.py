"""The agent of mailers that are programs: what is run, for how long, with which rights, and what is never run."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from mailconf.files import Root
from mailconf.model.letter import Handing, Letter, Program
from mailconf.model.policy import Policy
from mailconf.model.recipient import Identity, Recipient
from mailconf.model.trace import Trace
from mailconf.model.verdict import Route
from mailconf.model.world import Ask
from mailconf.mta import program
from mailconf.mta.message import Job, Message, Result, Status
from mailconf.mta.sendmail_mailers import ProgramMailers
from tests.mta.mta_fixture import Mta

ME = Identity(os.geteuid(), os.getegid())


def called(path: Path, *words: str, **other: object) -> Program:
    return Program(str(path), (path.name, *words), {"AGENT": "sendmail"}, ME, (ME.gid,))._replace(**other)  # type: ignore[arg-type]


def script(folder: Path, text: str) -> Path:
    path = folder / "script"
    path.write_text(f"#!/bin/sh\n{text}")
    path.chmod(0o755)
    return path


def run(one: Program, data: bytes = b"x\n", longest: float = 600.0) -> program.Ended:
    return asyncio.run(program.run(one, data, "/", longest))


def test_a_program_reads_the_message_and_sees_what_it_is_told(tmp_path: Path) -> None:
    found = script(tmp_path, f'cat >{tmp_path}/in; echo "$0" "$@" "$AGENT$HOME" $(pwd); exit 67\n')
    folder = tmp_path / "folder"
    folder.mkdir()
    data = b"a\xff\0b\n" * 100_000
    ended = run(called(found, "two words", "; touch x", folders=("/no/such", str(folder), "/")), data)
    assert ended == program.Ended(67, f"{found} two words ; touch x sendmail {folder}\n".encode())
    assert (tmp_path / "in").read_bytes() == data
    assert not (folder / "x").exists()


def test_what_cannot_be_run_is_named(tmp_path: Path) -> None:
    assert run(called(tmp_path / "none")).not_run == "No such file or directory"
    assert run(called(tmp_path)).not_run == "Permission denied"


def test_a_program_need_not_read_and_its_output_is_bounded(tmp_path: Path) -> None:
    found = script(tmp_path, "head -c 3000000 /dev/zero | tr '\\0' y\n")
    ended = run(called(found), b"line\n" * 1_000_000)
    assert ended == program.Ended(0, b"y" * program.OUTPUT)


@pytest.mark.parametrize("limits", [{"longest": 0.5}, {"limit": 0.5}])
def test_a_program_that_takes_too_long_is_killed_with_all_that_it_began(
    tmp_path: Path, limits: dict[str, float]
) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    found = script(tmp_path, f"sh -c 'exec sleep 1000 <>{fifo}' & wait\n")
    longest = limits.get("longest", 600.0)
    ended = run(called(found, limit=limits.get("limit", 0.0)), longest=longest)
    assert ended.late and ended.status == -signal.SIGKILL


def test_what_stays_behind_does_not_hold_the_message_up(tmp_path: Path) -> None:
    """A child that keeps the output open is not waited for."""
    found = script(tmp_path, "sleep 1000 & echo begun\n")
    assert run(called(found)) == program.Ended(0, b"begun\n")


def deliver(tmp_path: Path, plan: Callable[[Letter], list[Handing]], *names: str) -> tuple[list[Result], list[str]]:
    """What becomes of recipients whose mailer's plan is given, and the log."""

    async def planned(policy: Policy, letter: Letter, transport: str, ask: Ask) -> list[Handing]:
        return plan(letter)

    async def main() -> tuple[list[Result], list[str]]:
        mta = Mta(tmp_path)
        agent = ProgramMailers(mta.context, Root(tmp_path), planned)
        recipients = [(Recipient(name, name), Route("local", "", name, "local", Trace())) for name in names]
        message = Message("Q", "a@far.example", [each for each, _ in recipients], b"Subject: x\n\nbody\n", 0.0)
        job = Job(message, recipients, "local", "", mta.policy, mta.world)
        return await agent.deliver(job), mta.lines

    return asyncio.run(main())


def test_recipients_get_what_their_program_came_to(tmp_path: Path) -> None:
    found = script(tmp_path, 'exit "$1"\n')

    def plan(letter: Letter) -> list[Handing]:
        return [Handing((0, 2), called(found, "0")), Handing((1,), called(found, "75"), rights=ME)]

    results, _ = deliver(tmp_path, plan, "ann", "bob", "carl")
    assert [(each.recipient.address, each.status, each.dsn) for each in results] == [
        ("ann", Status.SENT, "2.0.0"),
        ("bob", Status.DEFERRED, "4.0.0"),
        ("carl", Status.SENT, "2.0.0"),
    ]
    assert [each.rights for each in results] == [None, ME, None]


def test_nothing_is_run_as_somebody_whom_we_may_not_become(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = script(tmp_path, f"touch {tmp_path}/ran\n")
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    for other in (
        called(found, identity=Identity(12346, ME.gid)),
        called(found, identity=Identity(12345, 1), root="/"),
    ):
        results, _ = deliver(tmp_path, lambda letter, other=other: [Handing((0,), other)], "ann")  # type: ignore[misc]
        assert (results[0].status, results[0].dsn) == (Status.DEFERRED, "4.3.0")
    assert not (tmp_path / "ran").exists()


def test_what_the_program_says_goes_into_the_report(tmp_path: Path) -> None:
    found = script(tmp_path, "echo no such user; echo here >&2; exit 67\n")
    (result,), _ = deliver(tmp_path, lambda letter: [Handing((0,), called(found))], "ann")
    assert result.reply is not None and result.reply.text == "5.1.1 x-unix; no such user here"
    assert (result.status, result.dsn) == (Status.BOUNCED, "5.1.1")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes somebody else")
def test_rights_are_given_up_for_good() -> None:
    """The program has the identity and the groups that it is told, saved ones included."""
    one = called(
        Path("/bin/grep"), "-E", "^(Uid|Gid|Groups):", "/proc/self/status",
        identity=Identity(12345, 12346), groups=(12346, 12347), folders=("/root", "/"),
    )  # fmt: skip
    assert [line.split() for line in run(one).output.decode().splitlines()] == [
        ["Uid:", *["12345"] * 4], ["Gid:", *["12346"] * 4], ["Groups:", "12346", "12347"],
    ]  # fmt: skip
