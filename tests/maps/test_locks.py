"""Berkeley DB maps are read under a shared lock: real postmap 3.7.11 rewrites one in place, under an exclusive one."""

from __future__ import annotations

import fcntl
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from system_calls import mark, recorded

from mailconf.maps.build.write import map_path, write_map
from mailconf.maps.database.bdb_table import DatabaseTable
from mailconf.maps.registry import open_table

KEYS = [b"key%d" % n for n in range(200)]
ASKED: dict[str, Callable[[DatabaseTable], object]] = {
    "lookup": lambda table: table.lookup(b"key7"),
    "lookup_all": lambda table: table.lookup_all(KEYS),
    "lookup_all after one": lambda table: (table.lookup(b"key7"), table.lookup_all(KEYS)),
    "entries": lambda table: list(table.entries()),
    "places": lambda table: (table.lookup(b"key7"), table.places(KEYS)),
}
HOLDER = """
import fcntl, sys
with open(sys.argv[1], "r+b") as file:
    fcntl.lockf(file, fcntl.LOCK_EX)
    file.truncate(0)
    print("locked", flush=True)
    sys.stdin.read()
    file.write(open(sys.argv[2], "rb").read())
"""


def made(kind: str, folder: Path) -> Path:
    path = map_path(kind, folder / "t")
    write_map(kind, path, [(key, b"value") for key in KEYS])
    return path


@pytest.mark.parametrize("kind", ["hash", "btree"])
@pytest.mark.parametrize("how", ASKED)
def test_nothing_is_read_without_the_shared_lock(tmp_path: Path, kind: str, how: str) -> None:
    path = made(kind, tmp_path)
    table = open_table(f"{kind}:{tmp_path / 't'}")
    assert isinstance(table, DatabaseTable)

    def action() -> None:
        mark("begin")
        ASKED[how](table)
        mark("end")
        ASKED[how](table)

    calls = [call.name for call in recorded(action) if call.path in (str(path), "begin", "end")]
    table.close()
    held = False
    reads = 0
    for name in calls:
        if name in ("shared", "unlock"):
            held = name == "shared"
        elif name == "read":
            assert held, calls
            reads += 1
        elif name == "mark":
            assert not held, calls
    assert reads and not held, calls


@pytest.mark.parametrize("kind", ["hash", "btree"])
def test_a_map_that_is_being_written_is_waited_for(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lookup waits; opening does not: Postfix 3.7.11, too, reports a map that is incomplete when it opens it."""
    path = made(kind, tmp_path)
    (tmp_path / "whole").write_bytes(path.read_bytes())
    table = open_table(f"{kind}:{tmp_path / 't'}")
    command = [sys.executable, "-c", HOLDER, str(path), str(tmp_path / "whole")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdin is not None and holder.stdout is not None
        assert holder.stdout.readline() == b"locked\n"
        real = fcntl.lockf

        def lock(*arguments: object) -> None:
            assert holder.stdin is not None
            holder.stdin.close()  # it goes on when we ask for the lock
            real(*arguments)  # type: ignore[arg-type]

        monkeypatch.setattr(fcntl, "lockf", lock)
        assert table.lookup(b"key7") == b"value"
        table.close()
