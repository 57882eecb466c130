"""Which sessions the postmaster is told of, and in which words, is as with Postfix (notices.jsonl)."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS.parent)]

from mailconf.diagnostics import Sink  # noqa: E402
from mailconf.model.fileworld import FileWorld  # noqa: E402
from mailconf.mta.intake import QueueIntake  # noqa: E402
from mailconf.mta.message import Context, Message  # noqa: E402
from mailconf.mta.resolver import Resolver  # noqa: E402
from mailconf.mta.smtp_service import SmtpService  # noqa: E402
from mailconf.mta.transcript import Transcript  # noqa: E402
from mailconf.mta.world import MtaWorld  # noqa: E402
from mailconf.postfix.policy.policy import compile_policy  # noqa: E402
from mailconf.postfix.settings.configuration import Configuration  # noqa: E402
from mailconf.smtp.events import Auth, Noop  # noqa: E402
from mailconf.smtp.reply import Reply  # noqa: E402
from tests.milter_side import PARAMETERS  # noqa: E402
from tests.personality import PERSONALITY  # noqa: E402
from tests.vectors.notice_cases import BASE, Case, cases  # noqa: E402
from tests.vectors.record_notices import converse, normal  # noqa: E402
from tests.vectors.store import load  # noqa: E402

VECTORS = load("notices")
RECORDED = VECTORS.keyed("name")
DEPARTURES = {"no AUTH"}  # what a client has sent of a login is in no transcript


class Kept:
    def __init__(self) -> None:
        self.messages: list[Message] = []

    def new_id(self, now: float) -> str:
        return f"{0xABC000 + len(self.messages):X}"

    async def add(self, message: Message, *, hold: bool = False, filter: str = "") -> int:
        self.messages.append(message)
        return len(self.messages)


async def answered(etc: Path, case: Case) -> list[dict[str, Any]]:
    parameters = {
        **PARAMETERS,
        "smtpd_junk_command_limit": "10000",
        "mail_version": "3.7.11",
        **BASE,
        **case.parameters,
    }
    (etc / "main.cf").write_text("".join(f"{name} = {value}\n" for name, value in parameters.items()))
    (etc / "master.cf").write_text("smtp inet n - n - - smtpd\n")
    sink, queue = Sink(), Kept()
    policy = compile_policy(Configuration.load(str(etc), sink), sink)
    world = MtaWorld(FileWorld(), Resolver(hosts=None))
    context = Context(policy, world, lambda program, text: None, PERSONALITY)
    context.intake = QueueIntake(context, queue)  # type: ignore[arg-type]  # what is asked of it
    service = SmtpService(context)
    server = await asyncio.get_running_loop().create_server(service.protocol, "127.0.0.1", 0)
    await asyncio.to_thread(converse, server.sockets[0].getsockname()[1], case.session)
    async with asyncio.timeout(120):
        while service.sessions:
            await asyncio.sleep(0.001)
    server.close()
    await service.close()
    return [
        {"sender": one.sender, "to": [each.address for each in one.recipients], "content": told(one)}
        for one in queue.messages
        if one.sender.startswith(("double-bounce@", "twice@"))
    ]


def told(message: Message) -> str:
    return normal(message.content.decode("utf-8", "replace"))


def test_as_recorded(tmp_path: Path) -> None:
    assert VECTORS.head.version == "3.7.11"
    differences = []
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        for case in cases():
            ours, theirs = runner.run(answered(tmp_path, case)), RECORDED[case.name]["notices"]
            if (ours != theirs) != (case.name in DEPARTURES):
                differences.append(f"{case.name}\n   theirs {theirs}\n   ours   {ours}")
    assert not differences, "\n".join(differences[:12]) + f"\n{len(differences)} differ"


def test_no_login_is_in_a_transcript() -> None:
    transcript = Transcript()
    transcript.command(Auth("PLAIN", "AGEAYg=="), "AUTH PLAIN AGEAYg==")
    transcript.said(Reply.of(535, "5.7.8 no"))
    assert transcript.lines == [(True, "AUTH PLAIN ..."), (False, "535 5.7.8 no")]


def test_a_transcript_is_bounded() -> None:
    transcript = Transcript()
    for number in range(100_000):
        transcript.command(Noop(), f"NOOP {number}")
    lines = transcript.lines
    assert sum(len(line) + 1 for _, line in lines) < 2 * 32_768 + 100
    assert lines[0] == (True, "NOOP 0") and lines[-1] == (True, "NOOP 99999")
    assert sum("lines are left out" in line for _, line in lines) == 1
