"""What the real m4 answered (tests/vectors/record_m4.py), asked of ours."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from m4_runner import run
from m4_texts import INCLUDED

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "m4.json").read_text(encoding="utf-8"))


def test_the_vectors_are_many_and_of_the_right_version() -> None:
    assert VECTORS["version"] == "m4 (GNU M4) 1.4.19"
    assert len(VECTORS["cases"]) > 1000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("m4")
    (folder / "included").write_bytes(INCLUDED)
    return folder


def test_every_recorded_answer(folder: Path) -> None:
    wrong = []
    for arguments, text, output, messages, status in VECTORS["cases"]:
        expected = (status, output.encode("latin-1"), messages.encode("latin-1"))
        given = run(arguments, text.encode("latin-1"), folder)
        if given != expected:
            wrong.append((arguments, text, expected, given))
    assert not wrong, f"{len(wrong)} differ, the first: {wrong[0]}"
