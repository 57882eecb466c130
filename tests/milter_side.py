"""What our MTA does with the sessions of tests/vectors/milter_cases.py, in the form in which the recorder has it."""

from __future__ import annotations

import asyncio
import getopt
import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from mailconf.cli.postfix.sendmail_command import Call, _named, _of_header
from mailconf.diagnostics import Sink
from mailconf.files import Root
from mailconf.model.address import external
from mailconf.model.fileworld import FileWorld
from mailconf.mta.admission import Admission
from mailconf.mta.bounce import Bounce
from mailconf.mta.intake import QueueIntake
from mailconf.mta.message import Context, IntakeRefused, Message
from mailconf.mta.queue import Queued, QueueEntry
from mailconf.mta.resolver import Resolver
from mailconf.mta.smtp_service import SmtpService
from mailconf.mta.world import MtaWorld
from mailconf.postfix.policy.policy import compile_policy
from mailconf.postfix.settings.configuration import Configuration
from tests.milter_server import MilterServer
from tests.personality import PERSONALITY
from tests.vectors import store
from tests.vectors.milter_cases import BASE, FILTERS, Case
from tests.vectors.record_milters import Normal, Talk, converse, filled, told

_RECEIVED = re.compile(r"\AReceived: .*\n(?:\t.*\n)*|(?<=\n)Received: from client.example \(.*\n(?:\t.*\n)*")
_FLAGS = {"NEVER": 1, "SUCCESS": 2, "FAILURE": 4, "DELAY": 8}
PARAMETERS = {
    "compatibility_level": "3.6",
    "inet_protocols": "ipv4",
    "smtpd_authorized_xclient_hosts": "127.0.0.1",
    "smtpd_error_sleep_time": "0",
    "smtpd_hard_error_limit": "10000",
    "smtpd_client_event_limit_exceptions": "127.0.0.0/8",
    "alias_maps": "",
}


class Kept:
    """A queue that keeps what it is given."""

    def __init__(self) -> None:
        self.kept: list[dict[str, Any]] = []
        self.unseen: list[Message] = []
        self.delays: list[float] = []
        self._last = 0xABC000

    def new_id(self, now: float) -> str:
        self._last += 1
        return f"{self._last:X}0E0"

    async def add(self, message: Message, *, hold: bool = False, filter: str = "") -> int:
        if message.unseen:
            self.unseen.append(message)
            return self._last
        envelope = [f"sender: {external(message.sender)}"]
        for recipient in message.recipients:
            if recipient.notify:
                flags = sum(_FLAGS[word] for word in recipient.notify.split(","))
                envelope.append(f"named_attribute: notify_flags={flags}")
            envelope.append(f"original_recipient: {recipient.origin}")
            envelope.append(f"recipient: {recipient.address}")
        self.kept.append({"held": hold, "envelope": envelope, "content": message.content.decode("latin-1")})
        return self._last

    async def content(self, serial: int) -> bytes | None:
        return self.unseen[0].content

    async def put_off(self, serial: int, delay: float) -> None:
        self.delays.append(delay)

    async def remove(self, serial: int) -> None:
        self.unseen.clear()


class Ours:
    """Answers cases below ``top``."""

    def __init__(self, top: Path, mail_version: str = "3.7.11", talk: Talk = converse) -> None:
        self._top = top
        self._talk = talk
        self._version = mail_version

    def answers(self, cases: Sequence[Case]) -> Iterator[dict[str, Any]]:
        with ExitStack() as stack:
            filters = [stack.enter_context(MilterServer()) for _ in range(FILTERS)]
            runner = stack.enter_context(asyncio.Runner(loop_factory=asyncio.new_event_loop))
            for case in cases:
                yield runner.run(self._answer(case, filters))

    def _policy(self, case: Case, filters: list[MilterServer]) -> Any:
        etc = self._top / "etc"
        etc.mkdir(exist_ok=True)
        for name, content in case.tables.items():
            (self._top / name).write_text(filled(content, filters))
        parameters = {**PARAMETERS, "mail_version": self._version, **BASE, **case.parameters}
        text = "".join(f"{name} = {filled(value, filters)}\n" for name, value in parameters.items())
        (etc / "main.cf").write_text(text.replace("@TOP@", str(self._top)))
        (etc / "master.cf").write_text("smtp inet n - n - - smtpd\n")
        sink = Sink()
        return compile_policy(Configuration.load(str(etc), sink), sink)

    async def _answer(self, case: Case, filters: list[MilterServer]) -> dict[str, Any]:
        policy = self._policy(case, filters)
        normal = Normal([server.address for server in filters], str(self._top))
        for server, script in zip(filters, case.filters, strict=False):
            server.begin(script)
        log: list[str] = []
        queue = Kept()
        world = MtaWorld(FileWorld(), Resolver(hosts=None))
        context = Context(policy, world, lambda program, text: log.append(f"{program}: {text}"), PERSONALITY)
        context.intake = QueueIntake(context, queue)  # type: ignore[arg-type]  # what is asked of it
        service = SmtpService(context)
        loop = asyncio.get_running_loop()
        server = await loop.create_server(service.protocol, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        if case.submitted:
            replies = [await submitted(context, queue, case.session)]
        else:
            replies = await asyncio.to_thread(self._talk, port, case.session)
        async with asyncio.timeout(120):
            while service.sessions:
                await asyncio.sleep(0.001)
        server.close()
        await service.close()
        self.left = bool(queue.unseen)
        packets = [await asyncio.to_thread(one.await_end) for one, script in zip(filters, case.filters, strict=False)]
        for kept in queue.kept:
            kept["content"] = store.brief(normal.text(_RECEIVED.sub("Received: ours\n", kept["content"], count=1)))
        return {
            "packets": [
                [[store.brief(normal.packet(p)) for p in one] for one in connections] for connections in packets
            ],
            "replies": [normal.text(reply) for reply in replies],
            "log": told(log, normal),
            "queue": queue.kept,
        }


async def submitted(context: Context, queue: Kept, arguments: Sequence[str]) -> str:
    """The status of the sendmail command, and after it what the scheduler does with the message."""
    options, words = getopt.getopt(list(arguments[:-1]), "f:N:R:V:t")
    call = Call("sendmail", None, Root(), None)
    for option, value in options:
        call._take(option[1:], value)
    content = arguments[-1].encode("latin-1")
    recipients = [
        *(found for word in words for found in _named(word)),
        *(_of_header(content) if call.from_headers else ()),
    ]
    message = call._message("root", recipients, content, "root")
    assert isinstance(context.intake, QueueIntake)
    message.queue_id = context.intake.new_queue_id()
    await context.intake.leave(message)
    for left in list(queue.unseen):
        entry = QueueEntry(1, left, [Queued(n, each) for n, each in enumerate(left.recipients)], 0.0)
        try:
            await Admission(context, queue, Bounce(context)).let_in(entry)  # type: ignore[arg-type]  # what is asked of it
        except IntakeRefused:
            assert queue.unseen  # a report cannot be queued: the message stays
    return "0"


# Where ours is another answer on purpose (docs/departures.md): what a case differs in.
_DEPARTURES: dict[str, set[str]] = {
    **{
        f"{letter}: '4'": {"packets", "replies", "log"} for letter in "LNBE"
    },  # Postfix drops the message, and answers 250
    "changes: ('-bob@example.com\\x00', '-<alias@example.com>\\x00')": {"queue"},  # nobody is left to get it
    "R answers 'y550 5.7.1 two\\r\\nlines\\x00'": {"replies", "log"},  # each line has its code
    "overrides 2": {"replies", "log"},  # Postfix ends there
    # Postfix drops the message, which is not sent back either; ours stays.
    **{f"by sendmail(1), {letter}: 4": {"log"} for letter in "CHMRTLNBE"},
    "E: y of two lines": {"log"},  # the text for the report is one line
}


def departs(case: Case) -> set[str]:
    """The fields in which the answer to a case is meant to be another than Postfix's."""
    return _DEPARTURES.get(case.name, set())


_VARYING = (
    (re.compile(r"Connection reset by peer"), "Broken pipe"),
    (re.compile(r"followed by \d+ data bytes"), "followed by N data bytes"),
    (re.compile(r"(?<=<)\d{14}\.\w+(?=@)"), "TIME.ID"),
    (re.compile(r"cleanup: ID: warning: "), "cleanup: warning: "),
    (re.compile(r"Received: (?:by|from) .*\n(?:\t.*\n)*"), "Received: ours\n"),
    (re.compile(r"(?:(?<=\nDate: )|(?<=LDate\0))\w{3}, \d+ \w{3} \d{4} [\d:]+ \+0000 \(UTC\)"), "NOW"),
)


_OTHERS = re.compile("ETRN|non-SMTP|Illegal address syntax|lookup error for")  # what is not about filters


def comparable(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer without what is another at each time, or not ours to compare."""
    return {
        "packets": [[[_plain(packet) for packet in one] for one in filter] for filter in answer["packets"]],
        "replies": answer["replies"],
        "log": [_plain(line) for line in answer["log"] if not _OTHERS.search(line)],
        "queue": [_message(one) for one in answer["queue"]],
    }


def _plain(text: Any) -> Any:
    if isinstance(text, str):
        for pattern, replacement in _VARYING:
            text = pattern.sub(replacement, text)
    return text


def _message(kept: dict[str, Any]) -> dict[str, Any]:
    """Recipients that are deleted leave the address that they came by; what they said of reports stays as well."""
    envelope: list[str] = []
    pending: list[str] = []
    for line in kept["envelope"]:
        if line.startswith("sender: "):
            envelope.append(line)
        elif line.startswith("named_attribute: dsn_orig_rcpt"):
            continue
        elif line.startswith("named_attribute: "):
            pending = [line]
        elif line.startswith("redirect_to: "):
            address = line.partition(" ")[2]
            envelope[1:] = [f"original_recipient: {address}", f"recipient: {address}"]
        elif line.startswith("original_recipient: "):
            pending = [*(one for one in pending if not one.startswith("original")), line]
        else:
            envelope += [*pending, line]
            pending = []
    return {"held": kept["held"], "envelope": envelope, "content": _plain(kept["content"])}
