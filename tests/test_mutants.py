"""The list of changes that tests must notice fits the code; `python -m tests.mutants` makes them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.mutants import MUTANTS, TOP, Mutant


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_each_changes_a_line_that_is_there_once(mutant: Mutant) -> None:
    assert mutant.line > 0
    text = (TOP / "mailconf" / mutant.file).read_text(encoding="utf-8")
    compile(text.replace(mutant.old, mutant.new), mutant.file, "exec")
    assert all(Path(TOP, name).is_file() for name in mutant.tests.split())


def test_one_is_made_and_noticed() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.mutants", "minimum-uid"], cwd=TOP, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "1 of 1 are noticed"
