"""Digests of large files, which one run computes once."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from mailconf.build import state
from mailconf.build.state import Record, stat_of
from mailconf.files import Root

YESTERDAY = 86_400_000_000_000  # ns


class Counting(Root):
    """The disk, with the digests that were asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def digest(self, name: str | os.PathLike[str]) -> str:
        self.asked.append(self.place(name))
        return super().digest(name)


@pytest.fixture
def large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(state, "_digests", {})
    monkeypatch.setattr(state, "_TICK", 0)  # what was just written counts as old
    path = tmp_path / "large"
    path.write_bytes(bytes(1 << 20))
    return path


def record(path: Path) -> Record:
    """A record of what the file holds, with another status than it has."""
    size = path.stat().st_size
    return Record("hash", "/t", "", (), hashlib.sha256(path.read_bytes()).hexdigest(), (1, size, 1, 1))


def test_a_large_file_is_read_once(large: Path) -> None:
    tree, was = Counting(), record(large)
    assert was.is_at(large, tree)
    assert was.is_at(large, tree)
    assert tree.asked == [str(large)]


def test_a_file_that_has_changed_is_read_again(large: Path) -> None:
    tree, was = Counting(), record(large)
    assert was.is_at(large, tree)
    before = stat_of(large.stat())
    while stat_of(large.stat()) == before:  # the clock of files' times has ticks
        with large.open("r+b") as file:
            file.write(b"x")
    os.utime(large, ns=(before[2], before[2]))  # a time that was set back does not hide it
    assert not was.is_at(large, tree)
    assert len(tree.asked) == 2


def test_a_file_that_has_just_changed_is_read_each_time(large: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "_TICK", YESTERDAY)
    tree, was = Counting(), record(large)
    assert was.is_at(large, tree)
    assert was.is_at(large, tree)
    assert len(tree.asked) == 2
