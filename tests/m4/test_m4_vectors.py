"""What the real m4 answered (tests/vectors/record_m4.py), asked of ours."""

from __future__ import annotations

from pathlib import Path

import pytest
from m4_runner import run
from m4_texts import INCLUDED

from tests.vectors.store import load

VECTORS = load("m4")


def test_the_vectors_are_many_and_of_the_right_version() -> None:
    assert (VECTORS.head.engine, VECTORS.head.version) == ("GNU m4", "1.4.19")
    assert len(VECTORS.cases) > 1000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("m4")
    (folder / "included").write_bytes(INCLUDED)
    return folder


def test_every_recorded_answer(folder: Path) -> None:
    wrong = []
    for case in VECTORS.cases:
        expected = (case["status"], case["output"].encode("latin-1"), case["messages"].encode("latin-1"))
        given = run(case["arguments"], case["text"].encode("latin-1"), folder)
        if given != expected:
            wrong.append((case["arguments"], case["text"], expected, given))
    assert not wrong, f"{len(wrong)} differ, the first: {wrong[0]}"
