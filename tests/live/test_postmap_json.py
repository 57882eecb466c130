"""``-j`` of our postmap and postalias beside those of Postfix 3.11."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.vectors.record_json_output import CASES, Engine, lay_out
from tests.vectors.record_postmap import PIECES

pytestmark = pytest.mark.live

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def engine() -> Engine:
    if os.geteuid() != 0:
        pytest.fail("the engine runs in a root of its own: run the live tests as root")
    return Engine()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    lay_out(tmp_path)
    for tool, name in (("postmap", "t"), ("postmap", "u"), ("postalias", "al")):
        assert ours(tmp_path, tool, [f"lmdb:{name}"], "")[0] == 0
    return tmp_path


def ours(folder: Path, tool: str, words: list[str], stdin: str) -> list[object]:
    done = subprocess.run(
        [sys.executable, "-m", "mailconf", tool, "-c", ".", *words],
        input=stdin.encode("latin-1"),
        capture_output=True,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    return [done.returncode, done.stdout.decode("latin-1"), done.stderr.decode("latin-1")]


@pytest.mark.parametrize(("tool", "words", "stdin"), CASES)
def test_options(engine: Engine, folder: Path, tool: str, words: list[str], stdin: str) -> None:
    assert ours(folder, tool, words, stdin) == engine.run(tool, words, stdin)


@pytest.mark.parametrize("seed", range(6))
def test_hard_tables(engine: Engine, folder: Path, seed: int) -> None:
    chance = random.Random(seed)
    lines = ["".join(chance.choices(PIECES, k=chance.randint(1, 12))) for _ in range(200)]
    lines = [line.replace("\n", "").replace("\0", "") for line in lines]
    text = "".join(f"k{n}\tv{line}\n" for n, line in enumerate(lines))
    (engine.folder / "h").write_text(text, encoding="latin-1")
    (folder / "h").write_text(text, encoding="latin-1")
    option = ["-u"] if seed % 2 else []
    # What is said of a text, 3.11 says in other words than 3.7.
    assert ours(folder, "postmap", [*option, "lmdb:h"], "")[0] == engine.run("postmap", [*option, "lmdb:h"], "")[0]
    for words in (["-js", "lmdb:h"], ["-jq", "-", "lmdb:h"]):
        stdin = "".join(f"K{n}\n" for n in range(0, 210, 3))
        said = ours(folder, "postmap", [*option, *words], stdin)
        assert said == engine.run("postmap", [*option, *words], stdin)
        assert said[1]
