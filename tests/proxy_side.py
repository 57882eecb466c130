"""What our MTA does with the sessions of tests/vectors/proxy_filter_cases.py, in the form of the recorder."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from mailconf.diagnostics import Sink
from mailconf.model.fileworld import FileWorld
from mailconf.mta.intake import QueueIntake
from mailconf.mta.message import Context
from mailconf.mta.resolver import Resolver
from mailconf.mta.smtp_service import SmtpService
from mailconf.mta.world import MtaWorld
from mailconf.postfix.policy.policy import compile_policy
from mailconf.postfix.settings.configuration import Configuration
from tests.milter_side import PARAMETERS, Kept
from tests.personality import PERSONALITY
from tests.proxy_server import ProxyServer
from tests.vectors import store
from tests.vectors.proxy_filter_cases import Case
from tests.vectors.record_milters import converse, told
from tests.vectors.record_proxy_filters import Normal, configured


def answers(top: Path, nowhere: int, cases: Sequence[Case], version: str = "3.7.11") -> list[dict[str, Any]]:
    """What is answered to cases, below ``top``; nothing listens at the port ``nowhere``.

    Many of them wait for a filter that says nothing, so they are worked on side by side.
    """

    async def main() -> list[dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        left = iter(cases)
        with ThreadPoolExecutor(_SIDES) as pool:
            asyncio.get_running_loop().set_default_executor(pool)
            await asyncio.gather(*(_Side(top / str(n), nowhere, version).work(left, found) for n in range(_SIDES)))
        return [found[case.name] for case in cases]

    return asyncio.run(main())


_SIDES = 12


class _Side:
    """Answers one case after another."""

    def __init__(self, etc: Path, nowhere: int, mail_version: str) -> None:
        self._etc = etc
        self._etc.mkdir()
        self._nowhere = nowhere
        self._version = mail_version
        self._policies: dict[str, Any] = {}

    async def work(self, cases: Iterator[Case], found: dict[str, dict[str, Any]]) -> None:
        with ProxyServer() as server:
            for case in cases:
                found[case.name] = await self._answer(case, server)

    def _policy(self, case: Case, server: ProxyServer) -> Any:
        parameters = {**PARAMETERS, "mail_version": self._version, **configured(case, server, self._nowhere)}
        known = self._policies.get(str(parameters))
        if known is None:
            known = self._policies[str(parameters)] = self._compiled(parameters)
        return known

    def _compiled(self, parameters: dict[str, str]) -> Any:
        text = "".join(f"{name} = {value}\n" for name, value in parameters.items())
        (self._etc / "main.cf").write_text(text)
        (self._etc / "master.cf").write_text("smtp inet n - n - - smtpd\n")
        sink = Sink()
        return compile_policy(Configuration.load(str(self._etc), sink), sink)

    async def _answer(self, case: Case, server: ProxyServer) -> dict[str, Any]:
        normal = Normal({server.address: "@FILTER@", f"127.0.0.1:{self._nowhere}": "@FILTER@"})
        server.begin(case.filter or {})
        log: list[str] = []
        queue = Kept()
        world = MtaWorld(FileWorld(), Resolver(hosts=None))
        policy = self._policy(case, server)
        context = Context(policy, world, lambda program, text: log.append(f"{program}: {text}"), PERSONALITY)
        context.intake = QueueIntake(context, queue)  # type: ignore[arg-type]  # what is asked of it
        service = SmtpService(context)
        loop = asyncio.get_running_loop()
        listener = await loop.create_server(service.protocol, "127.0.0.1", 0)
        port = listener.sockets[0].getsockname()[1]
        replies = await asyncio.to_thread(converse, port, case.session)
        async with asyncio.timeout(120):
            while service.sessions:
                await asyncio.sleep(0.001)
        listener.close()
        await service.close()
        seen = await asyncio.to_thread(server.await_end)
        return {
            "seen": [[store.brief(normal.line(line)) for line in one] for one in seen],
            "replies": [normal.text(reply) for reply in replies],
            "log": told(log, normal),  # type: ignore[arg-type]  # what is asked of it
            "queued": bool(queue.kept),
        }


_NOW = re.compile(r"\w{3}, +\d+ \w{3} \d{4} [\d:]+ \+0000 \(UTC\)")
_PORT = re.compile(r"PORT=\d+")


def comparable(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer without what is another at each time."""
    seen = [[_NOW.sub("NOW", line) if isinstance(line, str) else line for line in one] for one in answer["seen"]]
    return {**answer, "seen": seen, "log": [_PORT.sub("PORT=N", line) for line in answer["log"]]}


def departs(case: Case) -> set[str]:
    """The fields in which the answer to a case is meant to be another than Postfix's (docs/departures.md)."""
    name = case.name.removeprefix("speed_adjust, ")
    if "999 what" in name:  # no code of SMTP's
        early = name.startswith(("greeting", "EHLO", "XFORWARD"))
        return {"seen", "log"} if early else {"seen", "replies", "log"}
    if name == ".: '354 go on'":
        return {"replies", "log"}
    if name == "too big":  # the reply to DATA is said to be that to the message
        return {"log"} if case.name != name else {"log", "seen"}
    return _DEPARTURES.get(case.name, _DEPARTURES.get(name, set()))


_DEPARTURES: dict[str, set[str]] = {
    "end of data restrictions": {"seen"},
    "speed_adjust, end of data restrictions": set(),
    "lost in the content": {"seen"},
    "speed_adjust, lost in the content": set(),
    "parameters": {"seen"},  # commands are written in one way
    ".: '221 bye'": {"log"},  # the client has hung up at that
    # Whether a client is ours is asked anew after XCLIENT.
    "XCLIENT": {"seen"},
    "XCLIENT, nothing known": {"seen"},
}
