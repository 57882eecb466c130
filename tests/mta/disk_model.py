"""A disk that remembers what it was asked, and what it can hold after a power failure at any moment.

`Disk` records the calls by which a program changes files below a folder. `Disk.after` lays out what may be left when
power fails after some of them: what was synced is there; of what was written and not synced nothing, everything, or
any of the sectors; of names that were made, changed or removed since their folder was synced nothing, everything, or
any. Each call is atomic but for a write, whose sectors are.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

SECTOR = 512


@dataclass
class Op:
    """A call that succeeded, or a mark of the test's.

    name  create, write, sync (of a file), folder (a sync of it), rename, unlink, mkdir, mark
    path  the file or folder, or a mark's text; ``new`` the new name of a rename
    """

    name: str
    path: str
    new: str = ""
    offset: int = 0
    data: bytes = b""


@dataclass
class _File:
    now: bytearray = field(default_factory=bytearray)
    synced: bytes = b""


class Disk:
    """Calls below ``top``; ``failing`` may raise OSError in the place of a call, which then did nothing."""

    def __init__(self, top: Path, failing: Callable[[Op], None] = lambda op: None) -> None:
        self.top = top
        self.ops: list[Op] = []
        self._failing = failing
        self._paths: dict[int, str] = {}

    def mark(self, text: str) -> None:
        self.ops.append(Op("mark", text))

    def _did(self, op: Op) -> None:
        if Path(op.path).is_relative_to(self.top):
            self.ops.append(op)

    def _before(self, op: Op) -> None:
        if Path(op.path).is_relative_to(self.top):
            self._failing(op)

    @contextmanager
    def recording(self) -> Iterator[Disk]:
        real = {name: getattr(os, name) for name in ("open", "pwrite", "rename", "unlink", "mkdir")}

        def opened(path: Any, flags: int, *more: Any, **named: Any) -> int:
            op = Op("create", str(path))
            making = bool(flags & os.O_CREAT) and not Path(path).exists()
            if making:
                self._before(op)
            descriptor: int = real["open"](path, flags, *more, **named)
            self._paths[descriptor] = str(path)
            if making:
                self._did(op)
            return descriptor

        def written(descriptor: int, data: Any, offset: int) -> int:
            op = Op("write", self._paths[descriptor], offset=offset, data=bytes(data))
            self._before(op)
            count: int = real["pwrite"](descriptor, data, offset)
            assert count == len(op.data)
            self._did(op)
            return count

        def synced(descriptor: int) -> None:
            """Only the model waits for the disk."""
            path = self._paths[descriptor]
            op = Op("folder" if Path(path).is_dir() else "sync", path)
            self._before(op)
            self._did(op)

        def renamed(old: Any, new: Any, **named: Any) -> None:
            op = Op("rename", str(old), str(new))
            self._before(op)
            real["rename"](old, new, **named)
            self._did(op)

        def one(call: str) -> Callable[..., None]:
            def change(path: Any, *more: Any, **named: Any) -> None:
                op = Op(call, str(path))
                self._before(op)
                real[call](path, *more, **named)
                self._did(op)

            return change

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr("os.open", opened)
            patched.setattr("os.pwrite", written)
            patched.setattr("os.fsync", synced)
            patched.setattr("os.fdatasync", synced)
            patched.setattr("os.rename", renamed)
            patched.setattr("os.unlink", one("unlink"))
            patched.setattr("os.mkdir", one("mkdir"))
            yield self

    def after(self, count: int, chance: float, seed: int, top: Path) -> None:
        """Lay out below ``top`` what may be left after the first ``count`` calls.

        chance  of each thing that was not synced to be there all the same: 0, 1, or between
        """
        dice = random.Random(seed)
        files: list[_File] = []
        names: dict[str, int] = {}  # by path; -1 a folder
        kept: dict[str, int] = {}
        pending: dict[str, list[Op]] = {}  # changes of names by folder
        numbers: dict[int, int] = {}  # of the creating call
        for op in self.ops[:count]:
            if op.name in ("create", "mkdir"):
                numbers[id(op)] = len(files) if op.name == "create" else -1
                if op.name == "create":
                    files.append(_File())
                names[op.path] = numbers[id(op)]
            elif op.name == "write":
                now = files[names[op.path]].now
                now.extend(bytes(max(0, op.offset + len(op.data) - len(now))))
                now[op.offset : op.offset + len(op.data)] = op.data
            elif op.name == "sync":
                file = files[names[op.path]]
                file.synced = bytes(file.now)
            elif op.name == "rename":
                numbers[id(op)] = names.pop(op.path)
                names[op.new] = numbers[id(op)]
            elif op.name == "unlink":
                names.pop(op.path)
            elif op.name == "folder":
                for change in pending.pop(op.path, []):
                    _name(change, kept, numbers)
            if op.name in ("create", "mkdir", "rename", "unlink"):
                pending.setdefault(str(Path(op.path).parent), []).append(op)
        for changes in pending.values():
            for change in changes:
                if dice.random() < chance:
                    _name(change, kept, numbers)
        for path in sorted(kept):
            place = top / Path(path).relative_to(self.top)
            if not place.parent.is_dir():
                continue  # its folder has no name
            if kept[path] < 0:
                place.mkdir(mode=0o700)
            else:
                place.write_bytes(_left(files[kept[path]], chance, dice))
                place.chmod(0o600)


def _name(change: Op, kept: dict[str, int], numbers: dict[int, int]) -> None:
    if change.name in ("rename", "unlink"):
        kept.pop(change.path, None)
    if change.name != "unlink":
        kept[change.new or change.path] = numbers[id(change)]


def _left(file: _File, chance: float, dice: random.Random) -> bytes:
    now = bytes(file.now)
    if chance == 1:
        return now
    left = bytearray(file.synced)
    if len(now) > len(left) and dice.random() < chance:
        left.extend(bytes(len(now) - len(left)))
    for start in range(0, len(left), SECTOR):
        if left[start : start + SECTOR] != now[start : start + SECTOR] and dice.random() < chance:
            left[start : start + SECTOR] = now[start : start + SECTOR][: len(left) - start]
    return bytes(left)
