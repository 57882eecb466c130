"""makemap killed at a random moment: the old map or the new one is there, whole."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mailconf.maps.database.bdb_btree import BtreeFile
from mailconf.maps.database.bdb_hash import HashFile
from tests.live.map_tools import verify

pytestmark = pytest.mark.live

PROGRAM = [sys.executable, "-c", "import sys; from mailconf.cli import main; sys.exit(main(sys.argv[1:]))", "makemap"]
READERS: dict[str, type[HashFile] | type[BtreeFile]] = {"hash": HashFile, "btree": BtreeFile}
KILLS = 20


@pytest.mark.parametrize("kind", list(READERS))
@pytest.mark.parametrize("options", [[], ["-d"], ["-o", "-r"]], ids=["new", "several values", "added"])
def test_killed(tmp_path: Path, kind: str, options: list[str]) -> None:
    (tmp_path / "cf").write_text("")
    command = [*PROGRAM, "-C", str(tmp_path / "cf"), *options, kind, str(tmp_path / "t")]
    made = [arg for arg in command if arg not in ("-o", "-r")]
    texts = [b"".join(b"user%d@example.com %s\n" % (n, mark * 20) for n in range(60_000)) for mark in (b"a", b"b")]
    subprocess.run(made, input=texts[0], check=True, capture_output=True)
    begun = time.monotonic()
    subprocess.run(command, input=texts[1], check=True, capture_output=True)
    whole = time.monotonic() - begun
    dice = random.Random(kind)
    seen = set()
    for number in range(KILLS):
        child = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert child.stdin is not None
        child.stdin.write(texts[number % 2])
        child.stdin.close()
        try:
            child.wait(timeout=dice.uniform(0, 1.1 * whole))
        except subprocess.TimeoutExpired:
            child.kill()
        child.wait()
        verify(tmp_path / "t.db")
        file = READERS[kind](tmp_path / "t.db")
        found = dict(file.items())
        file.close()
        assert len(found) == 60_000
        assert len(set(found.values())) == 1, "the map mixes old and new"
        seen.add(child.returncode)
    assert seen & {-9}
