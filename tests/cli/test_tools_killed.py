"""Table tools killed at random moments, over an old map, with a reader at work: the old map or the new one, whole.

MAILCONF_KILLS says how often each is killed.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mailconf.maps.build.write import map_path, write_map
from mailconf.maps.core.table import LookupTable, SequenceTable
from mailconf.maps.registry import open_table

ROOT = Path(__file__).parents[2]
KILLS = int(os.environ.get("MAILCONF_KILLS", "3"))
ROWS = 4000
OWN = {b"@", b"YP_LAST_MODIFIED", b"YP_MASTER_NAME"}  # entries that tools add
MAIN_CF = "compatibility_level = 3.6\nmyhostname = mail.example.com\nalias_database = {kind}:{folder}/t\n"
CF = "V10/Berkeley\nO DontBlameSendmail=MapInUnsafeDirPath\nO AliasFile={kind}:{folder}/t\n"

Table = dict[bytes, bytes]


def table(mark: bytes) -> Table:
    return {b"user%d" % n: b"%b%d@example.com" % (mark, n) for n in range(ROWS)}


OLD, NEW = table(b"old"), table(b"new")
WITHOUT = {key: value for key, value in OLD.items() if not key.endswith(b"7")}
EDITED = OLD | {b"user7": b"new"}


def text(entries: Table, between: bytes = b"\t") -> bytes:
    return b"".join(key + between + value + b"\n" for key, value in entries.items())


GONE = b"".join(key + b"\n" for key in OLD.keys() - WITHOUT.keys())
ALL = ("hash", "btree", "cdb", "lmdb")
CHANGED = ("hash", "btree", "lmdb")
BERKELEY = ("hash", "btree")
# The tool; its arguments; the text or what it reads; what the map holds in the end; for which types.
CASES: list[tuple[str, list[str], bytes, Table, tuple[str, ...]]] = [
    ("postmap", ["-c", ".", "{kind}:t"], text(NEW), NEW, ALL),
    ("postmap", ["-c", ".", "-ir", "{kind}:t"], text(NEW), NEW, CHANGED),
    ("postmap", ["-c", ".", "-d", "-", "{kind}:t"], GONE, WITHOUT, CHANGED),
    ("postalias", ["-c", ".", "{kind}:t"], text(NEW, b": "), NEW, ALL),
    ("postalias", ["-c", ".", "-ir", "{kind}:t"], text(NEW, b": "), NEW, CHANGED),
    ("newaliases", ["-C", "{folder}/main.cf"], text(NEW, b": "), NEW, ALL),
    ("newaliases", ["-C", "{folder}/cf"], text(NEW, b": "), NEW, BERKELEY),
    ("makemap", ["-C", "cf", "{kind}", "t"], text(NEW), NEW, BERKELEY),
    ("makemap", ["-C", "cf", "-d", "{kind}", "t"], text(NEW), NEW, BERKELEY),
    ("makemap", ["-C", "cf", "-o", "-r", "{kind}", "t"], text(NEW), NEW, BERKELEY),
    ("editmap", ["-C", "cf", "-u", "{kind}", "t", "user7", "new"], b"", EDITED, BERKELEY),
]


def start(folder: Path, tool: str, arguments: list[str], kind: str, source: bytes) -> subprocess.Popen[bytes]:
    words = [word.format(kind=kind, folder=folder) for word in arguments]
    with (folder / "stdin").open("wb") as file:
        file.write(source)
    with (folder / "stdin").open("rb") as stdin:
        return subprocess.Popen(
            [sys.executable, "-m", "mailconf", tool, *words],
            cwd=folder,
            stdin=stdin,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )


def finished(folder: Path, tool: str, arguments: list[str], kind: str, source: bytes) -> None:
    with start(folder, tool, arguments, kind, source) as child:
        _, said = child.communicate()
    assert child.returncode == 0, said


def content(kind: str, folder: Path) -> Table:
    opened = open_table(f"{kind}:{folder / 't'}")
    assert isinstance(opened, SequenceTable)
    try:
        return {key: value for key, value in opened.entries() if key not in OWN}
    finally:
        opened.close()


class Reader:
    """Asks for one key after the other, in no order; each must be there."""

    def __init__(self, opened: LookupTable, new: Table, dice: random.Random) -> None:
        self.opened = opened
        self.new = new
        self.keys = dice.sample(sorted(OLD.keys() & new.keys()), 500)
        self.seen = 0

    def ask(self) -> None:
        key = self.keys[self.seen % len(self.keys)]
        self.seen += 1
        assert self.opened.lookup(key) in (OLD[key], self.new[key])


@pytest.mark.parametrize(
    ("tool", "arguments", "source", "new", "kind"),
    [pytest.param(*case[:4], kind, id=f"{case[0]} {' '.join(case[1])} {kind}") for case in CASES for kind in case[4]],
)
def test_killed(tmp_path: Path, tool: str, arguments: list[str], source: bytes, new: Table, kind: str) -> None:
    dice = random.Random(f"{tool} {arguments} {kind}")
    (tmp_path / "main.cf").write_text(MAIN_CF.format(kind=kind, folder=tmp_path))
    os.utime(tmp_path / "main.cf", (10**9, 10**9))
    (tmp_path / "cf").write_text(CF.format(kind=kind, folder=tmp_path))
    (tmp_path / "t").write_bytes(source)

    def restore() -> None:
        nul = False if tool in ("makemap", "editmap") else None
        write_map(kind, map_path(kind, tmp_path / "t"), OLD.items(), nul=nul)

    restore()
    begun = time.monotonic()
    finished(tmp_path, tool, arguments, kind, source)
    whole = time.monotonic() - begun
    assert content(kind, tmp_path) == new
    restore()
    opened = open_table(f"{kind}:{tmp_path / 't'}")
    reader = Reader(opened, new, dice)
    killed = 0
    for _ in range(KILLS):
        until = time.monotonic() + dice.uniform(0.3, 1.1) * whole
        with start(tmp_path, tool, arguments, kind, source) as child:
            while child.poll() is None and time.monotonic() < until:
                reader.ask()
            child.kill()
        killed += child.returncode == -9
        found = content(kind, tmp_path)
        assert found in (OLD, new), f"{len(found)} entries"
        if found == new:
            restore()
    finished(tmp_path, tool, arguments, kind, source)
    reader.ask()
    assert content(kind, tmp_path) == new
    opened.close()
    assert killed or KILLS < 4
