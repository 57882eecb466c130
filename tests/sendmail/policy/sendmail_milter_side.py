"""What our MTA does with the sessions of tests/vectors/sendmail_milter_cases.py, as the recorder has it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from mailconf.hosts_file import HostsFile
from mailconf.model.address import external
from mailconf.model.fileworld import FileWorld
from mailconf.mta.headers import split_message
from mailconf.mta.intake import QueueIntake
from mailconf.mta.journal_sendmail import SendmailJournal
from mailconf.mta.message import Context, Message
from mailconf.mta.personality import Personality
from mailconf.mta.queue_ids import DateIds
from mailconf.mta.reports_postfix import PostfixReports
from mailconf.mta.resolver import Resolver
from mailconf.mta.smtp_service import SmtpService
from mailconf.mta.world import MtaWorld
from mailconf.sendmail.policy.received import ReceivedField
from mailconf.smtp.server_sendmail import SendmailConnection
from mailconf.smtp.wording_sendmail import SendmailWording
from tests.milter_server import MilterServer
from tests.sendmail.policy.smtp_dialogue import bench, policy_of
from tests.sendmail.rules.rule_bench import FOLDER
from tests.vectors.record_milters import converse
from tests.vectors.record_sendmail_milters import plain
from tests.vectors.sendmail_milter_cases import FILTERS

# What sendmail says of changes that filters make, and of those that it cannot reach.
_NOT_SAID = re.compile(
    r"\) (?:add|insert|change|delete|message|chgfrom)|quarantine|socket name|connecting|initializ|connect: "
)


def comparable(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer without lines of the log that we have not, or in other words (docs/serve.md)."""
    log = [line for line in answer["log"] if not _NOT_SAID.search(line)]
    return {"packets": answer["packets"], "replies": answer["replies"], "log": log, "queue": answer["queue"]}


class _Kept:
    """A queue that keeps what it is given."""

    def __init__(self) -> None:
        self.kept: list[dict[str, Any]] = []
        self._ids = DateIds()
        self._last = 0

    def new_id(self, now: float) -> str:
        self._last += 1
        return self._ids.make(now, self._last)

    async def add(self, message: Message, *, hold: bool = False, filter: str = "") -> int:
        headers, rest = split_message(message.content)
        header = "".join(f"{one.raw.decode('latin-1')}\n" for one in headers)
        self.kept.append(
            {
                "held": hold,
                "sender": [f"<{external(message.sender)}>"],
                "recipients": [f"<{external(each.origin)}>" for each in message.recipients],
                "header": plain(header),
                "body": rest.removeprefix(b"\n").decode("latin-1"),
            }
        )
        return self._last


def answers(place: Path, cases: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    site = bench(place)
    with ExitStack() as stack:
        folder = site.root.path(FOLDER)
        filters = [stack.enter_context(MilterServer(folder / f"f{number}")) for number in range(FILTERS)]
        runner = stack.enter_context(asyncio.Runner(loop_factory=asyncio.new_event_loop))
        for case in cases:
            yield runner.run(_answer(site, filters, case))


async def _answer(site: Any, filters: list[MilterServer], case: dict[str, Any]) -> dict[str, Any]:
    policy = policy_of(site, case["text"])
    for server, script in zip(filters, case["filters"], strict=False):
        server.begin(script)
    queue = _Kept()
    words = SendmailWording(policy.hostname, policy.site.limits.message_size)
    personality = Personality(
        words,
        SendmailJournal(),
        PostfixReports(NotImplemented),
        ReceivedField(policy.compiled),
        SendmailConnection,
        DateIds(),
        early_ids=True,
    )
    resolver = Resolver(hosts=HostsFile(site.root))
    world = MtaWorld(FileWorld(site.root, trace=False), resolver, root=site.root)
    log: list[str] = []
    context = Context(policy, world, lambda program, text: log.append(text), personality)
    context.intake = QueueIntake(context, queue)  # type: ignore[arg-type]  # what is asked of it
    service = SmtpService(context, resolver=resolver, root=site.root)
    server = await asyncio.get_running_loop().create_server(service.protocol, "127.0.0.1", 0)
    replies = await asyncio.to_thread(converse, server.sockets[0].getsockname()[1], case["session"])
    async with asyncio.timeout(120):
        while service.sessions:
            await asyncio.sleep(0.001)
    server.close()
    await service.close()
    packets = [await asyncio.to_thread(one.await_end) for one, _ in zip(filters, case["filters"], strict=False)]
    return {
        "packets": [[[plain(packet) for packet in one] for one in connections] for connections in packets],
        "replies": [plain(reply) for reply in replies],
        "log": [plain(line) for line in log if "ilter" in line],
        "queue": queue.kept,
    }
