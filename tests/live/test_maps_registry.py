"""Tables that need no file: the real postmap gives the answers and the words that the hermetic tests expect."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.live.map_tools import postfix_folder, run
from tests.maps.table_cases import ANSWERS, MISTAKES

pytestmark = pytest.mark.live


@pytest.mark.parametrize(("spec", "key", "value"), ANSWERS)
def test_answers(tmp_path: Path, spec: str, key: bytes, value: bytes | None) -> None:
    said = run("postmap", "-c", postfix_folder(tmp_path), "-q", key.decode(), spec, fails=value is None)
    assert said == (b"" if value is None else value + b"\n")


def test_words(tmp_path: Path) -> None:
    # Together: the original waits a second before it ends with a fatal error.
    command = ["postmap", "-c", str(postfix_folder(tmp_path)), "-q", "x"]
    running = [
        (words, subprocess.Popen([*command, spec], stderr=subprocess.PIPE, text=True)) for spec, words in MISTAKES
    ]
    for words, process in running:
        said = process.communicate()[1]
        assert process.returncode == 1
        # Postfix 3.10 first warns of a type that it does not know.
        assert said.splitlines()[-1].startswith(f"postmap: fatal: {words}")
