"""Messages that are appended to files: which files are written, and as whom."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from mailconf.files import Root
from mailconf.model.letter import Handing, Letter, Program
from mailconf.model.policy import Policy
from mailconf.model.recipient import Identity, Recipient, RecipientKind
from mailconf.model.site import Setting
from mailconf.model.trace import Trace
from mailconf.model.verdict import Route
from mailconf.model.world import Ask
from mailconf.mta.file_writer import append_to_file
from mailconf.mta.identity import WAITS, Workers
from mailconf.mta.mailbox import Entry, Failure
from mailconf.mta.message import Job, Message, Result, Status
from mailconf.mta.sendmail_files import FileMailers
from tests.mta.mta_fixture import Mta

ME = Identity(os.geteuid(), os.getegid())


def append(path: Path, *texts: bytes, **ways: Any) -> None:
    assert append_to_file(str(path), [Entry(text) for text in texts], **ways) == [None] * len(texts)


def test_a_file_that_is_missing_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    os.umask(0o022)
    append(tmp_path / "box", b"one\n", b"two\n")
    append(tmp_path / "box", b"three\n")
    assert (tmp_path / "box").read_bytes() == b"one\ntwo\nthree\n"
    assert stat.S_IMODE((tmp_path / "box").stat().st_mode) == 0o600


def executable(path: Path) -> None:
    path.write_text("x")
    path.chmod(0o700)


def linked(path: Path) -> None:
    path.with_name("other").write_text("x")
    path.symlink_to("other")


def named_twice(path: Path) -> None:
    path.with_name("other").write_text("x")
    os.link(path.with_name("other"), path)


def dangling(path: Path) -> None:
    path.symlink_to("nowhere")


@pytest.mark.parametrize("make", [executable, linked, named_twice, dangling, os.mkfifo, os.mkdir])
def test_other_files_are_not_written(tmp_path: Path, make: Callable[[Path], object]) -> None:
    make(tmp_path / "box")
    with pytest.raises(Failure) as failure:
        append(tmp_path / "box", b"x")
    assert failure.value.dsn == "5.2.0"
    assert not (tmp_path / "nowhere").exists()
    assert [path.read_text() for path in (tmp_path / "other",) if path.exists()] in ([], ["x"])


def test_links_are_followed_where_the_configuration_lets_them(tmp_path: Path) -> None:
    linked(tmp_path / "box")
    append(tmp_path / "box", b"y", links=True)
    assert (tmp_path / "other").read_text() == "xy"
    (tmp_path / "box").unlink()
    os.link(tmp_path / "other", tmp_path / "box")
    append(tmp_path / "box", b"z", names=True)
    assert (tmp_path / "other").read_text() == "xyz"
    (tmp_path / "box").unlink()
    dangling(tmp_path / "box")
    with pytest.raises(Failure):
        append(tmp_path / "box", b"z", links=True)


def test_the_bits_of_a_file_stay(tmp_path: Path) -> None:
    (tmp_path / "box").touch()
    (tmp_path / "box").chmod(0o4600)
    append(tmp_path / "box", b"y")
    assert stat.S_IMODE((tmp_path / "box").stat().st_mode) == 0o4600


def test_a_file_that_is_another_one_now_waits(tmp_path: Path) -> None:
    (tmp_path / "box").touch()
    found = (tmp_path / "box").stat()
    append(tmp_path / "box", b"y", same=[found.st_dev, found.st_ino])
    with pytest.raises(Failure) as failure:
        append(tmp_path / "box", b"y", same=[found.st_dev, found.st_ino + 1])
    assert failure.value.dsn == "4.2.0"
    assert (tmp_path / "box").read_text() == "y"


class Recording:
    """Stands in for the processes that write."""

    def __init__(self, answer: dict[str, Any]) -> None:
        self.answer = answer
        self.asked: list[tuple[object, ...]] = []

    async def write_as(
        self, request: dict[str, Any], data: bytes, identity: Identity, groups: tuple[int, ...], root: str
    ) -> dict[str, Any]:
        self.asked.append((request["path"], request["links"], request["names"], request["same"], identity, root))
        return self.answer


def deliver(
    top: Path, name: str, *, answer: dict[str, Any] | None = None, **options: str
) -> tuple[Result, list[tuple[object, ...]]]:
    """What becomes of a message for a file, and what the writing process is asked."""
    recording = Recording(answer or {"warnings": []})
    called = Program("[FILE]", ("FILE", name), {}, Identity(4001, 4002), (4002,))

    async def plan(policy: Policy, letter: Letter, transport: str, ask: Ask) -> list[Handing]:
        return [Handing((0,), called, b"x\n")]

    async def main() -> Result:
        mta = Mta(top)
        mta.policy.site.options = {key: Setting(value) for key, value in options.items()}
        agent = FileMailers(mta.context, Root(top), plan, cast(Workers, recording))
        recipient = Recipient(name, kind=RecipientKind.FILE)
        message = Message("Q", "a@far.example", [recipient], b"\nbody\n", 0.0)
        route = Route("*file*", "", name, "local", Trace())
        (result,) = await agent.deliver(Job(message, [(recipient, route)], "*file*", "", mta.policy, mta.world))
        return result

    return asyncio.run(main()), recording.asked


def test_a_file_is_written_with_the_rights_that_are_told(tmp_path: Path) -> None:
    result, asked = deliver(tmp_path, "/home/box")
    assert asked == [(f"{tmp_path}/home/box", False, False, None, Identity(4001, 4002), "")]
    assert (result.status, result.dsn) == (Status.SENT, "2.0.0")


def test_what_the_configuration_allows_is_told(tmp_path: Path) -> None:
    _, ((_, *links),) = deliver(tmp_path, "/box", DontBlameSendmail="Safe,FileDeliveryToSymLink")
    assert links[:2] == [True, False]
    _, ((_, *links),) = deliver(tmp_path, "/box", DontBlameSendmail="filedeliverytohardlink")
    assert links[:2] == [False, True]


@pytest.mark.parametrize("name", ["/safe/dir/box", "/dir/box"])
def test_a_safe_environment_is_the_top(tmp_path: Path, name: str) -> None:
    _, ((path, *_, root),) = deliver(tmp_path, name, SafeFileEnvironment="/safe")
    assert (path, root) == ("/dir/box", f"{tmp_path}/safe")


@pytest.mark.parametrize(
    ("mode", "uid", "gid"), [(0o600, 4001, 4002), (0o4600, ME.uid, 4002), (0o2660, 4001, ME.gid), (0o4700, 4001, 4002)]
)
def test_the_bits_of_a_file_say_as_whom_it_is_written(tmp_path: Path, mode: int, uid: int, gid: int) -> None:
    """But those of root's files do not, nor those of a program."""
    box = tmp_path / "box"
    box.touch()
    box.chmod(mode)
    _, ((_, _, _, same, identity, _),) = deliver(tmp_path, "/box")
    wanted = Identity(uid or 4001, gid or 4002)
    assert identity == wanted
    assert same == (None if wanted == Identity(4001, 4002) else [box.stat().st_dev, box.stat().st_ino])


def test_failures(tmp_path: Path) -> None:
    result, _ = deliver(tmp_path, "/box", answer={"dsn": "5.2.0", "text": "no"})
    assert (result.status, result.dsn) == (Status.BOUNCED, "5.0.0")
    result, _ = deliver(tmp_path, "/box", answer={"dsn": WAITS, "text": "no"})
    assert (result.status, result.dsn) == (Status.DEFERRED, "4.0.0")
    assert deliver(tmp_path, "/dev/null")[1] == []
    assert deliver(tmp_path, "relative")[0].status is Status.BOUNCED


def test_who_is_not_root_writes_as_itself_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    request = {"kind": "file", "path": str(tmp_path / "box"), "limit": 0, "links": False, "names": False, "same": None}
    monkeypatch.setattr(os, "geteuid", lambda: 4001)

    async def main() -> list[dict[str, Any]]:
        workers = Workers(Root())
        cases = ((Identity(4001, 1), ""), (Identity(4002, 1), ""), (Identity(4001, 1), "/"))
        try:
            return [await workers.write_as(request, b"x\n", identity, (), root) for identity, root in cases]
        finally:
            await workers.close()

    own, *others = asyncio.run(main())
    assert "dsn" not in own and [each["dsn"] for each in others] == [WAITS, WAITS]
    assert (tmp_path / "box").read_text() == "x\n"
