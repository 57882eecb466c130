"""Addresses are verified as by the real Postfix (tests/vectors/probes.jsonl, by record_probes.py)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from secured_fixture import SecuredListener
from smtpd_fixture import Peer
from test_auth_vectors import PRIVATE

from mailconf.model.transport import AgentKind
from mailconf.mta.agents import Discard, Error
from mailconf.mta.probes import Probes
from mailconf.mta.resolver import Resolver
from mailconf.mta.smtp_client import SmtpAgent
from mailconf.mta.world import MtaWorld
from tests.live.private_postfix import MASTER
from tests.vectors.probe_cases import CASES
from tests.vectors.record_probes import Probed, filled, neutral
from tests.vectors.store import load

VECTORS = load("probes")
RECORDED = VECTORS.keyed("name")
LIMITS = {"smtpd_client_event_limit_exceptions": "127.0.0.0/8", "smtpd_hard_error_limit": "10000"}


class ProbingListener(SecuredListener):
    """One that sends probes."""

    path: Path | None = None

    def furnish(self, world: MtaWorld) -> None:
        agents = self.context.agents
        agents[AgentKind.SMTP] = SmtpAgent(self.context, Resolver(hosts=None))
        agents[AgentKind.ERROR], agents[AgentKind.DISCARD] = Error(), Discard(self.context)
        self.probes = world.probes = Probes(self.context, self.path)


def shown(lines: list[str], folder: Path, port: int) -> list[str]:
    """The log's lines of probes and of what is refused, as they were recorded.

    Departures: what an alias stands for is shown as it ends, not as it is written; nothing is said of probes that
    Postfix's cleanup and qmgr answer by themselves.
    """
    found = [neutral(line, str(folder), port) for line in lines]
    found = [re.sub(r"\((?:aliased to|delivers to file|delivers to command).*", "(aliased)", line) for line in found]
    return [line for line in found if re.match(r"(?!qmgr|cleanup).*(?:deliverable|reject)", line)]


def asking(commands: list[str]) -> list[str]:
    """The commands without the end of sessions, which nobody waits for."""
    return [command for command in commands if command not in ("RSET", "QUIT")]


def session(port: int, commands: list[str]) -> list[str]:
    with Peer(port) as peer:
        return [reply_of(peer, command) for command in commands]


def reply_of(peer: Peer, command: str) -> str:
    lines = peer.say(command).split("\n")
    return f"{lines[0][:3]} " + "|".join(line[4:] for line in lines)


@pytest.mark.parametrize("name", CASES)
def test_as_recorded(name: str, tmp_path: Path) -> None:
    differences = differing(name, RECORDED[name]["answers"], tmp_path)
    assert not differences, "\n".join(map(str, differences[:4]))


def differing(name: str, recorded: list[dict[str, Any]], tmp_path: Path) -> list[object]:
    """What we say otherwise in the sessions of a case."""
    case = CASES[name]
    differences: list[object] = []
    with Probed() as server:
        parameters = filled({**VECTORS.head.common["settings"], **PRIVATE, **LIMITS, **case.settings}, server.port)
        parameters["address_verify_poll_delay"] = "20s" if parameters["address_verify_poll_count"] != "1" else "1s"
        parameters = {key: value.replace("@TOP@", str(tmp_path)) for key, value in parameters.items()}
        with ProbingListener(tmp_path, parameters, MASTER.format(listen="smtp")) as ours:
            for commands, theirs in zip(case.sessions, recorded, strict=True):
                since, asked = len(ours.lines), len(server.heard)
                replies = session(ours.port, list(commands))
                ours.await_line("disconnect from", since)
                if name == "no time":
                    ours.await_line("status=deliverable")
                if replies[1:] != theirs["replies"][1:]:
                    differences.append((commands, theirs["replies"], replies))
                log, heard = shown(ours.lines[since:], tmp_path, server.port), server.heard[asked:]
                expected = list(dict.fromkeys(shown(theirs["log"], Path("@TOP@"), 0)))
                if log != expected:
                    differences.append((commands, expected, log))
                once = list(dict.fromkeys(theirs["heard"])) if name.startswith("failures") else theirs["heard"]
                if asking(heard) != asking(once):
                    differences.append((commands, theirs["heard"], heard))
    return differences
