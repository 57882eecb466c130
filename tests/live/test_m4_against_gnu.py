"""Random m4 texts and patterns through the real m4 and ours: the same output, messages and exit status."""

from __future__ import annotations

import os
import random
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.m4.m4_runner import run
from tests.m4.m4_texts import INCLUDED, random_pattern, random_subject, random_text
from tests.vectors.record_m4 import FLAGS, matching

pytestmark = pytest.mark.live
SEEDS = range(10_000, 10_600)
C_LOCALE = {**os.environ, "LC_ALL": "C"}
TOOL = [sys.executable, "-m", "mailconf", "m4"]
OURS = {**C_LOCALE, "PYTHONPATH": str(Path(__file__).parents[2])}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("m4")
    (folder / "included").write_bytes(INCLUDED)
    return folder


def real(arguments: str, text: bytes, folder: Path) -> tuple[int, bytes, bytes] | None:
    """What m4 makes of a text; None if it does not end."""
    command = ["m4", *shlex.split(arguments)]
    try:
        done = subprocess.run(
            command, input=text, capture_output=True, cwd=folder, env=C_LOCALE, timeout=3, check=False
        )
    except subprocess.TimeoutExpired:
        return None
    if b"stack overflow" in done.stderr:
        return None
    return done.returncode, done.stdout, done.stderr


def test_random_texts(folder: Path) -> None:
    compared = 0
    for seed in SEEDS:
        r = random.Random(seed)
        flags, text = r.choice(FLAGS), random_text(r)
        expected = real(flags, text, folder)
        if expected is None:
            continue
        assert run(flags, text, folder) == expected, (seed, flags, text)
        compared += 1
    assert compared > len(SEEDS) * 0.9


def test_random_patterns(folder: Path) -> None:
    """In batches: one process for many patterns."""
    for seed in range(0, 3000, 100):
        cases = []
        for offset in range(100):
            r = random.Random(seed + offset)
            cases.append(matching(random_pattern(r), random_subject(r)) + b"changequote`'changecom(`#')\n@@\n")
        text = b"".join(cases)
        expected, given = real("", text, folder), run("", text, folder)
        assert expected is not None
        answers = zip(cases, expected[1].split(b"\n@@\n"), given[1].split(b"\n@@\n"), strict=False)
        assert [case for case, one, other in answers if one != other] == []
        assert given == expected


@pytest.mark.parametrize(
    "arguments", ["-Dx=1 one -Dx=2 two", "-s one two", "-di one two", "-P one", "one none two", "-Ulen -tx -d one"]
)
def test_files_and_options_in_order(arguments: str, tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(b"len(`abc') x __file__ __line__\nm4_len(`a')define(`x', `X')m4wrap(`x\n')")
    (tmp_path / "two").write_bytes(b"x\nlen(`x')divert(1)late\ndivert(0)include(`one')")
    given = subprocess.run([*TOOL, *shlex.split(arguments)], capture_output=True, cwd=tmp_path, env=OURS, check=False)
    assert (given.returncode, given.stdout, given.stderr) == real(arguments, b"", tmp_path)
