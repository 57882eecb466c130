"""The README is true; tests/live has the parts that need the network, or sendmail's macros."""

from __future__ import annotations

from pathlib import Path

from readme_tour import Reader, offline, steps


def test_the_tour_is_true(tmp_path: Path) -> None:
    reader = Reader(tmp_path, offline(tmp_path / "bin"))
    reader.follow("Install it", 3)
    reader.follow("In three commands")
    reader.follow("A tour")


def test_what_is_run_is_all_that_the_readme_says() -> None:
    commands = [command for command, _ in steps("A tour")]
    assert commands[0] == "cp -r examples/postfix site"
    assert len(commands) > 15
    assert [command for command, expected in steps("Try it") if expected is None] == ["make demo"]
