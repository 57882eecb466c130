"""Mail that commands of other users hand in: what is taken, and what is not."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest
from mta_fixture import Mta

from mailconf.model.policy import Privilege
from mailconf.mta import drop
from mailconf.mta.control.drop_client import hand_in
from mailconf.mta.control.place import DROP, reachable
from mailconf.mta.message import Message, Recipient
from mailconf.mta.queue import QueueError

GOOD: dict[str, Any] = {
    "from": "a@x.test", "to": [["b@far.test", ""]], "size": 2, "body": "", "ret": "", "envid": "", "name": "",
    "local": True,
}  # fmt: skip


def served(tmp_path: Path, work: Any, *, may: bool = True, size: int = 10_000) -> None:
    async def main() -> None:
        async with Mta(tmp_path) as mta:
            site = mta.policy.site
            site.is_dropped_at = True
            site.limits = site.limits._replace(message_size=size)
            mta.policy.privileges = {Privilege.SUBMIT} if may else set()
            await mta.manager.listen()
            await work(mta)

    asyncio.run(asyncio.wait_for(main(), 60))


def message(content: bytes = b"Subject: x\n\nbody\n") -> Message:
    recipients = [Recipient("b@far.test", "b@far.test", "", "NEVER"), Recipient("c@far.test", "c@far.test")]
    return Message("", "a@near.test", recipients, content, 0.0, full_name="Al Ice", body="8BITMIME")


async def sent(mta: Mta, data: bytes) -> bytes:
    """What is answered; nothing is sent after ``data``."""
    with reachable(_top(mta), DROP) as path:
        reader, writer = await asyncio.open_unix_connection(str(path))
    writer.write(data)
    writer.write_eof()
    answer = await reader.read()
    writer.close()
    return answer


def _top(mta: Mta) -> Path:
    return Path(mta.manager.drop.folder)


def test_a_message_is_taken_and_delivered(tmp_path: Path) -> None:
    async def work(mta: Mta) -> None:
        queue_id = await asyncio.to_thread(hand_in, _top(mta), message())
        await mta.settle()
        assert f"{queue_id}: removed" in mta.log("qmgr")
        assert mta.smtp.attempts[0][1] == ["b@far.test", "c@far.test"]

    served(tmp_path, work)


def test_the_user_is_the_one_that_the_kernel_names(tmp_path: Path) -> None:
    async def work(mta: Mta) -> None:
        mta.smtp.gate = asyncio.Event()
        queue_id = await asyncio.to_thread(hand_in, _top(mta), message())
        found = await mta.manager.queue.find(queue_id)
        assert found is not None
        head = found.message.content.partition(b"\n\n")[0].decode()
        assert f"from userid {os.getuid()})" in head
        assert "From: Al Ice <a@near.test>" in head
        assert [each.notify for each in found.message.recipients] == ["NEVER", ""]
        mta.smtp.gate.set()
        await mta.settle()

    served(tmp_path, work)


def test_who_may_not_is_refused(tmp_path: Path) -> None:
    async def work(mta: Mta) -> None:
        with pytest.raises(QueueError, match=r"^User unknown\(\d+\) is not allowed to submit mail$"):
            await asyncio.to_thread(hand_in, _top(mta), message())
        assert [entry async for entry in mta.manager.queue.entries()] == []

    served(tmp_path, work, may=False)


@pytest.mark.parametrize(("size", "taken"), [(17, True), (16, False)])
def test_a_message_has_its_limit(tmp_path: Path, size: int, taken: bool) -> None:
    async def work(mta: Mta) -> None:
        answer = await sent(mta, json.dumps({**GOOD, "size": 17}).encode() + b"\n" + message().content)
        assert (b"Message file too big" in answer) is not taken
        await mta.settle()

    served(tmp_path, work, size=size if not taken else 10_000)


BAD = [
    b"", b"\n", b"{\n", b"[]\n", b"[" * 100_000 + b"\n", b"\xff\n", b"x" * (drop.LONGEST + 10),
    *(
        json.dumps({**GOOD, **change}).encode() + b"\nxx"
        for change in (
            {"from": 1}, {"from": "a\nb"}, {"from": None}, {"to": []}, {"to": "b@far.test"}, {"to": [["b@far.test"]]},
            {"to": [["b@far.test\r\nX: y", ""]]}, {"to": [["", ""]]}, {"to": [["b@far.test", "SOMETIMES"]]},
            {"to": [["b@far.test", 1]]}, {"size": -1}, {"size": True}, {"size": "2"}, {"size": 1.5}, {"size": 1e30},
            {"body": "BINARYMIME"}, {"ret": "x"}, {"ret": []}, {"envid": "a\0b"}, {"name": "x\n"}, {"local": 1},
            {"local": None}, {"size": 3},
        )
    ),
]  # fmt: skip


@pytest.mark.parametrize("data", BAD, ids=range(len(BAD)))
def test_what_cannot_be_read_leaves_nothing(tmp_path: Path, data: bytes) -> None:
    async def work(mta: Mta) -> None:
        answer = await sent(mta, data)
        assert not answer or list(json.loads(answer)) == ["error"]
        assert [entry async for entry in mta.manager.queue.entries()] == []
        assert b'"id"' in await sent(mta, json.dumps(GOOD).encode() + b"\nxx")
        await mta.settle()

    served(tmp_path, work)


def test_a_user_has_so_many_connections(tmp_path: Path) -> None:
    async def work(mta: Mta) -> None:
        with reachable(_top(mta), DROP) as path:
            kept = [await asyncio.open_unix_connection(str(path)) for _ in range(drop.MOST_OF_USER)]
            while mta.manager.drop._users[os.getuid()] < drop.MOST_OF_USER:
                await asyncio.sleep(0)
            reader, writer = await asyncio.open_unix_connection(str(path))
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await reader.readexactly(1)
        writer.close()
        for _, each in kept:
            each.close()

    served(tmp_path, work)


def test_nobody_listens_without_the_permission_of_the_site(tmp_path: Path) -> None:
    async def main() -> None:
        async with Mta(tmp_path) as mta:
            await mta.manager.listen()
            with pytest.raises(FileNotFoundError):
                await asyncio.to_thread(hand_in, _top(mta), message())

    asyncio.run(main())
