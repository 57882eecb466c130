"""Standard streams that are closed or full: no command fails in another way than the disk does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CALLS = [
    ("postmap", "-c", ".", "-s", "texthash:t"),
    ("postalias", "-c", ".", "-s", "texthash:t"),
    ("postconf", "-c", ".", "-n"),
    ("makemap", "-C", "cf", "-v", "hash", "new"),
    ("makemap", "-C", "cf", "-u", "hash", "m"),
    ("praliases", "-C", "cf", "-f", "m"),
    ("m4", "t"),
    ("check", "."),
    ("build", "."),
    ("--help",),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "main.cf").write_text(
        "compatibility_level = 3.6\nalias_maps =\nalias_database =\nmyhostname = a.example\nmyhostname = mail.example\n"
    )
    (tmp_path / "master.cf").write_text("")
    (tmp_path / "cf").write_text("V10/Berkeley\n")
    (tmp_path / "t").write_text("a b\na c\n")
    run(tmp_path, "makemap", "-C", "cf", "hash", "m", standard_input=b"a b\n")
    return tmp_path


def run(
    folder: Path, *call: str, closed: int | None = None, full: int | None = None, standard_input: bytes = b"k v\n"
) -> tuple[int, bytes, bytes]:
    def change() -> None:
        if closed is not None:
            os.close(closed)
        if full is not None:
            os.dup2(os.open("/dev/full", os.O_WRONLY), full)

    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-m", "mailconf", *call],
        cwd=folder,
        input=standard_input,
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(root)},
        preexec_fn=change,
    )
    assert b"Traceback" not in done.stderr, done.stderr.decode()
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("call", CALLS, ids=" ".join)
def test_messages_that_nobody_reads_change_nothing(folder: Path, call: tuple[str, ...]) -> None:
    status, out, _ = run(folder, *call)
    assert run(folder, *call, full=2)[:2] == (status, out)
    assert run(folder, *call, closed=2)[:2] == (status, out)


@pytest.mark.parametrize("call", CALLS, ids=" ".join)
def test_output_that_cannot_be_written_is_an_error(folder: Path, call: tuple[str, ...]) -> None:
    status, out, _ = run(folder, *call)
    if call[0] == "m4":
        assert run(folder, *call, closed=1) == (1, b"", b"m4: write error: Bad file descriptor\n")
    else:
        assert run(folder, *call, closed=1)[0] == status
    status, _, errors = run(folder, *call, full=1)
    assert not out or (status and b"No space left on device\n" in errors)


@pytest.mark.parametrize("call", CALLS, ids=" ".join)
def test_a_closed_input_is_an_empty_one(folder: Path, call: tuple[str, ...]) -> None:
    assert run(folder, *call, closed=0) == run(folder, *call, standard_input=b"")


def test_a_map_is_built_though_its_warnings_are_lost(folder: Path) -> None:
    assert run(folder, "postmap", "-c", ".", "hash:t", full=2) == (0, b"", b"")
    assert (folder / "t.db").exists()
