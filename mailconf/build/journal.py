"""The journal of a generation: what is being done to which file, so that it can be completed or undone after a crash.

It is ``.mailconf/journal.json`` in the configuration's folder, there as long as a generation is unfinished:

    {"phase": "renaming", "keep": true, "state": {...},
     "moves": [{"target": "/etc/postfix/virtual.db", "staged": ".virtual.db.mailconf-0",
                "digest": "...", "backup": "0"}]}

`state` is the state.json of the new generation; `keep`: whether the old maps become the previous generation. A
journal is written whole and made durable before the step that it announces.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any

from mailconf.build.state import LARGEST, BuildState
from mailconf.files import read_own, sync_folder
from mailconf.files import replace as replace_file

NAME = "journal.json"


class Phase(Enum):
    """How far the generation has come, and with it what is to be done when the journal is found after a crash."""

    STAGING = "staging"  # old maps are in their places, new ones may lie beside them: those go away
    RENAMING = "renaming"  # new maps and backups are complete, renames have begun: complete them if possible
    UNDOING = "undoing"  # the backups are being put back: put all of them back
    DONE = "done"  # every map is in its place: the records are brought up to date


class Damaged(Exception):
    """The journal, or the list of a previous generation, is not what mailconf writes; the text names the file."""


@dataclass(frozen=True, slots=True)
class Move:
    """One file to change.

    target  its name, as the configuration calls it
    staged  the name of the new file beside the target; "" when the target is to go away
    digest  of the new file, as soon as it is complete
    backup  the name of the old file among the backups; "" when there was no old file
    """

    target: str
    staged: str = ""
    digest: str = ""
    backup: str = ""

    @classmethod
    def from_json(cls, data: Any) -> Move:
        """ValueError for what is no move, or for one that leads out of its folders."""
        try:
            move = cls(**{name: str(data[name]) for name in ("target", "staged", "digest", "backup")})
        except (KeyError, TypeError) as problem:
            raise ValueError(f"no move: {problem!r}") from problem
        for name in (move.staged, move.backup):
            if "/" in name or "\0" in name or name in (".", ".."):
                raise ValueError(f"{name!r} is no file's name")
        if not move.target or "\0" in move.target:
            raise ValueError("a move without a target")
        return move


@dataclass(frozen=True, slots=True)
class Journal:
    phase: Phase
    moves: tuple[Move, ...]
    state: BuildState
    keep: bool = True

    @classmethod
    def load(cls, folder: Path) -> Journal | None:
        """The journal in ``folder``; None when no generation is unfinished. Raises Damaged and OSError."""
        data = read_json(folder / NAME)
        if data is None:
            return None
        try:
            moves = tuple(Move.from_json(move) for move in data["moves"])
            return cls(Phase(data["phase"]), moves, BuildState.from_json(data["state"]), bool(data["keep"]))
        except (ValueError, KeyError, TypeError) as problem:
            raise Damaged(str(folder / NAME)) from problem

    def save(self, folder: Path) -> None:
        write_json(folder / NAME, self.as_json())

    def as_json(self) -> dict[str, Any]:
        return {
            "phase": self.phase.value,
            "keep": self.keep,
            "moves": [asdict(move) for move in self.moves],
            "state": self.state.as_json(),
        }

    def at(self, phase: Phase) -> Journal:
        return replace(self, phase=phase)


def remove_journal(folder: Path) -> None:
    (folder / NAME).unlink(missing_ok=True)
    sync_folder(folder)


def read_json(path: Path) -> dict[str, Any] | None:
    """The object that the file holds; None when there is no file. Raises Damaged and OSError."""
    try:
        data = json.loads(read_own(path, LARGEST))
        if isinstance(data, dict):
            return data
        raise ValueError("no object")
    except FileNotFoundError:
        return None
    except (ValueError, RecursionError) as problem:
        raise Damaged(str(path)) from problem


def write_json(path: Path, data: Any) -> None:
    """Replace the file whole, durably; nobody else may read it."""
    with replace_file(path, owner=(os.geteuid(), os.getegid()), mode=0o600) as file:
        file.write(json.dumps(data, indent=1).encode("ascii") + b"\n")
