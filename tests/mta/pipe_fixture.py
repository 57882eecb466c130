"""A site of pipe(8) services, served in this process: the cases of tests/vectors/pipe_scenarios.py."""

from __future__ import annotations

import asyncio
import grp
import os
import pwd
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mailconf.cli.shared.postfix_personality import postfix_personality
from mailconf.diagnostics import Sink
from mailconf.files import Root
from mailconf.model.address import internal
from mailconf.model.fileworld import FileWorld
from mailconf.model.session import Session, Verified
from mailconf.mta.manager import Manager
from mailconf.mta.message import Context, Message, Recipient
from mailconf.postfix.policy.policy import compile_policy
from mailconf.postfix.settings.configuration import Configuration
from mailconf.postfix.settings.site import site_of
from tests.vectors.pipe_scenarios import LARGE, Scenario
from tests.vectors.record_pipe import (
    NOTIFY,
    answers,
    attempted,
    filled,
    lay_out,
    parameters,
    report_lines,
    sender_of,
    services,
)

MASTER = """\
discard unix - - n - - discard
error unix - - n - - error
retry unix - - n - - error
smtp unix - - n - - smtp
"""


# A user's commands may not reach the interpreter of this process.
PYTHON = shutil.which("python3", path="/usr/bin:/bin") or sys.executable


def account() -> tuple[str, str] | None:
    """The user and another group of his under whom commands can be run here; None where there is none."""
    me = os.geteuid()
    try:
        user = pwd.getpwnam("nobody") if me == 0 else pwd.getpwuid(me)
        group = grp.getgrnam("games") if me == 0 else grp.getgrgid(user.pw_gid)
    except KeyError:
        return None
    return user.pw_name, group.gr_name


class Site:
    """Delivers each case once; `log` gets the lines."""

    def __init__(self, top: Path, cases: Sequence[Scenario]) -> None:
        found = account()
        assert found is not None
        user, group = found
        self.top, self.cases = top, cases
        self.names = {"@TOP@": str(top), "@PYTHON@": PYTHON, "@USER@": user, "@GROUP@": group}
        self.log: list[str] = []
        self._left = asyncio.Event()

    def lay_out(self) -> None:
        lay_out(self.top, len(self.cases))
        etc = self.top / "etc"
        etc.mkdir()
        (self.top / "queue").mkdir(0o755)
        settings = {"queue_directory": "@TOP@/queue", **parameters(self.cases, self.names)}
        main = "".join(f"{name} = {value}\n" for name, value in settings.items()).replace("@TOP@", str(self.top))
        (etc / "main.cf").write_text(main)
        (etc / "master.cf").write_text(MASTER + services(self.cases, self.names))

    def _context(self) -> Context:
        sink, root = Sink(), Root("/")
        configuration = Configuration.load(str(self.top / "etc"), sink, root)
        assert not sink.failed, sink.sorted()
        site = site_of(configuration)
        world = FileWorld(root, trace=False, ports=site.ports, utf8=site.utf8_tables)
        policy = compile_policy(configuration, sink)
        return Context(policy, world, self._log, postfix_personality(configuration, sink))

    def _log(self, program: str, text: str) -> None:
        self.log.append(f"postfix/{program}: {text}")
        self._left.set()

    async def report(self) -> list[list[str]]:
        """Give all cases but the last to the intake, and wait for the reports about them; what they say."""
        context, cases = self._context(), self.cases
        manager = Manager(context, Root("/"))
        manager.open()
        try:
            assert context.intake is not None
            for number, case in enumerate(cases[:-1]):
                message = self.message(context, number, case)
                message.sender = sender_of(number, cases)
                for recipient in message.recipients:
                    recipient.notify = NOTIFY.partition("=")[2]
                await context.intake.accept(message)
            relay = f"relay=t{len(cases) - 1},"
            while sum(relay in line for line in self.log) < len(cases) - 1:
                self._left.clear()
                await self._left.wait()
        finally:
            await manager.close()
        folder = self.top / "out" / f"t{len(cases) - 1}"
        return [report_lines(folder, number, cases) for number in range(len(cases) - 1)]

    async def deliver(self) -> list[str]:
        """Give every case's message to the intake, and return when all recipients have a result; the queue ids."""
        context = self._context()
        manager = Manager(context, Root("/"))
        manager.open()
        try:
            assert context.intake is not None
            ids = []
            for number, case in enumerate(self.cases):
                message = self.message(context, number, case)
                await context.intake.accept(message)
                ids.append(message.queue_id)
            wanted = [(queue_id, len(case.recipients)) for queue_id, case in zip(ids, self.cases, strict=True)]
            while not attempted(self.log, wanted):
                self._left.clear()
                await self._left.wait()
            return ids
        finally:
            await manager.close()

    def message(self, context: Context, number: int, case: Scenario) -> Message:
        assert context.intake is not None
        session = Session(client_name=Verified.found("localhost"), helo="client.test", protocol="ESMTP")
        session.become({name: None if value == "[UNAVAILABLE]" else value for name, value in case.client.items()})
        session.helo, session.protocol = case.client.get("HELO", "client.test"), "ESMTP"
        recipients = [internal(filled(address, number, self.names)).replace("\t", " ") for address in case.recipients]
        text = filled(case.text, number, {"@LARGE@": LARGE, **self.names})
        content = ("Received: from x\n\tby y; now\n" + text).encode()
        return Message(
            context.intake.new_queue_id(),
            internal(case.sender),
            [Recipient(address, address) for address in recipients],
            content,
            context.world.now(),
            session=session,
            local=False,
        )

    def answers(self, ids: Sequence[str]) -> list[dict[str, Any]]:
        """As the recorder keeps them."""
        folders = [self.top / "out" / f"t{number}" for number in range(len(self.cases))]
        # What a service says besides results is found by its name with the real one, and is not looked at here.
        return answers(self.log, ids, folders, {str(self.top): "@TOP@", PYTHON: "@PYTHON@"})
