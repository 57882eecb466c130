"""Scenarios of SMTP as folders: main.cf, the tables, and transcript.txt, which a person can read.

A case has a name, main.cf, tables by file name, sessions (lists of commands), what a policy service sends by sender
(service.json), and, of each session, the replies and what was logged. A transcript is

    # the scenario's name

    C: a command
    S: its reply; where it has several lines, they follow one another behind "|"
    C: .
    S: the reply to a message
    L: a line of the log, for the whole session

    = 3 commands as above
    C: the first in which this session differs from the one before

A command "." without a reply was not sent: no message was awaited.
"""

from __future__ import annotations

import json
import re
import shutil
from itertools import takewhile
from pathlib import Path
from typing import Any

MAIN, TRANSCRIPT, SERVICE = "main.cf", "transcript.txt", "service.json"

# A command and its reply, if it was sent.
Exchange = tuple[str, str | None]


def folder_name(scenario: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", scenario).strip("-")


def read(folder: Path) -> list[dict[str, Any]]:
    """The cases in the order of their folders' names; those of one folder are sorted where they are asked, too."""
    return [_read_one(path) for path in sorted(folder.iterdir()) if path.is_dir()]


def write(folder: Path, cases: list[dict[str, Any]]) -> None:
    """Replace all scenarios of ``folder``."""
    names = [folder_name(case["name"]) for case in cases]
    assert len(set(names)) == len(names), "two scenarios have the same folder"
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
    for name, case in zip(names, cases, strict=True):
        path = folder / name
        path.mkdir()
        for file, text in {MAIN: case["main.cf"], **case["tables"]}.items():
            (path / file).write_bytes(text.encode("utf-8", "surrogateescape"))
        if case["service"]:
            text = json.dumps(case["service"], indent=1, ensure_ascii=False)
            (path / SERVICE).write_bytes(f"{text}\n".encode())
        (path / TRANSCRIPT).write_bytes(_transcript(case).encode("utf-8", "surrogateescape"))


def _read_one(path: Path) -> dict[str, Any]:
    texts = {file.name: file.read_bytes().decode("utf-8", "surrogateescape") for file in sorted(path.iterdir())}
    title, *blocks = texts.pop(TRANSCRIPT).removesuffix("\n").split("\n\n")
    main, service = texts.pop(MAIN), json.loads(texts.pop(SERVICE, "{}"))
    sessions: list[list[Exchange]] = []
    logs: list[list[str]] = []
    for block in blocks:
        session, log = _session(block.split("\n"), sessions[-1] if sessions else [])
        sessions.append(session)
        logs.append(log)
    answers = [
        {"replies": [reply for _, reply in session if reply is not None], "log": log}
        for session, log in zip(sessions, logs, strict=True)
    ]
    return {
        "name": title.removeprefix("# "),
        "main.cf": main,
        "tables": texts,
        "service": service,
        "sessions": [[command for command, _ in session] for session in sessions],
        "answers": answers,
    }


def _session(lines: list[str], before: list[Exchange]) -> tuple[list[Exchange], list[str]]:
    """A session from its lines and the session before it: the exchanges and the log."""
    found: list[Exchange] = []
    log: list[str] = []
    for line in lines:
        kind, text = line[:2], line[3:]
        match kind:
            case "= ":
                found += before[: int(line.split()[1])]
            case "C:":
                found.append((text, None))
            case "S:":
                found[-1] = found[-1][0], text
            case "L:":
                log.append(text)
            case _:
                raise ValueError(f"no line of a transcript: {line!r}")
    return found, log


def _transcript(case: dict[str, Any]) -> str:
    blocks = [f"# {case['name']}"]
    before: list[Exchange] = []
    for commands, answer in zip(case["sessions"], case["answers"], strict=True):
        session = _exchanges(commands, answer["replies"])
        same = len(list(takewhile(lambda pair: pair[0] == pair[1], zip(before, session, strict=False))))
        lines = [f"= {same} command{'s' if same > 1 else ''} as above"] if same else []
        for command, reply in session[same:]:
            lines.append(f"C: {command}")
            if reply is not None:
                lines.append(f"S: {reply}")
        blocks.append("\n".join([*lines, *(f"L: {line}" for line in answer["log"])]))
        before = session
    return "\n\n".join(blocks) + "\n"


def _exchanges(commands: list[str], replies: list[str]) -> list[Exchange]:
    """Each command with its reply; a "." is sent only when the reply before it awaits a message."""
    found: list[Exchange] = []
    left = iter(replies)
    pending = False
    for command in commands:
        reply = next(left) if command != "." or pending else None
        pending = reply is not None and reply.startswith("354")
        found.append((command, reply))
    assert not list(left), "more replies than commands"
    return found
