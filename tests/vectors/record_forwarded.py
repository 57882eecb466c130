"""Has the real smtpd hear the dialogues of forwarded_dialogues.py, and the real smtp pass it on: forwarded.jsonl.

Run as root from the project's top: ``python -m tests.vectors.record_forwarded``. Of each dialogue there are the
replies, the log's lines "client=" and, of each message, what the next host was told.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Any

from tests.live.private_postfix import PrivatePostfix
from tests.mta.scripted_server import ScriptedServer
from tests.vectors import store
from tests.vectors.forwarded_dialogues import DIALOGUES, MESSAGE, SETTINGS
from tests.vectors.record_ways_out import SETTINGS as COMMON
from tests.vectors.record_ways_out import log_of
from tests.vectors.ways_out import OFFERS


def neutral(line: str) -> str:
    line = re.sub(r"PORT=\d{4,5}\b", "PORT=ITS", re.sub(r"\b[0-9A-F]{9,12}\b", "QUEUEID", line))
    return re.sub(r"^.*: (QUEUEID: client=)", r"\1", line)


def play(postfix: PrivatePostfix, server: ScriptedServer, commands: tuple[str, ...]) -> dict[str, Any]:
    before, sessions = postfix.log.stat().st_size if postfix.log.exists() else 0, len(server.sessions)
    client = postfix.client()
    replies = [neutral(client.command(command)) for command in (*commands, *MESSAGE)]
    client.close()
    count = (*commands, *MESSAGE).count("DATA")
    while sum("status=sent" in line for line in log_of(postfix, before)) < count:
        pass  # log_of waits
    told = [
        [neutral(command) for command in session if command.startswith("XFORWARD")]
        for session in server.sessions[sessions:]
    ]
    return {
        "replies": replies,
        "log": [neutral(line) for line in postfix.log_lines(before) if "client=" in line],
        "told": told,
    }


def record() -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as top, ScriptedServer({"EHLO": OFFERS}) as server:
        Path(top).chmod(0o755)
        with PrivatePostfix(Path(top)) as postfix:
            settings = {**COMMON, **SETTINGS, "default_transport": f"smtp:[127.0.0.1]:{server.port}"}
            postfix.configure(settings)
            return [play(postfix, server, commands) for commands in DIALOGUES.values()]


def inputs() -> store.Inputs:
    cases = [{"name": name, "commands": list(commands)} for name, commands in DIALOGUES.items()]
    return store.Inputs(cases, {"settings": SETTINGS})


INPUTS = {"forwarded": inputs}


if __name__ == "__main__":
    store.write("forwarded", store.postfix(), __file__, record())
