"""Packages with compiled parts are required where they have wheels, and only there (docs/dependencies.md)."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

TOP = Path(__file__).parent.parent
COMPILED = ("cdbx", "lmdb", "numpy")
LINUX = {"sys_platform": "linux", "platform_python_implementation": "CPython"}
MACOS = {"sys_platform": "darwin", "platform_python_implementation": "CPython"}


def required() -> list[Requirement]:
    project = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]
    return [Requirement(text) for text in project["dependencies"]]


def demanded(python: str, machine: str, system: dict[str, str]) -> set[str]:
    """Which of the compiled ones pip installs there."""
    where = {**system, "python_version": python, "python_full_version": f"{python}.0", "platform_machine": machine}
    wanted = {each.name for each in required() if each.marker is None or each.marker.evaluate(where)}
    return wanted & set(COMPILED)


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13", "3.14"])
def test_where_there_are_wheels(python: str, machine: str) -> None:
    assert demanded(python, machine, LINUX) == set(COMPILED)


@pytest.mark.parametrize(
    ("python", "machine", "system", "expected"),
    [
        ("3.15", "x86_64", LINUX, set()),
        ("3.15", "arm64", MACOS, set()),
        ("3.13", "riscv64", LINUX, set()),
        ("3.13", "armv7l", LINUX, set()),
        ("3.13", "arm", LINUX, set()),
        ("3.13", "i686", LINUX, set()),
        ("3.13", "", LINUX, set()),
        ("3.13", "arm64", MACOS, {"lmdb"}),
    ],
)
def test_where_there_are_none(python: str, machine: str, system: dict[str, str], expected: set[str]) -> None:
    assert demanded(python, machine, system) == expected


def test_nothing_else_has_to_be_compiled() -> None:
    """What is required everywhere has wheels for every Python and machine, or needs no compiler."""
    everywhere = {each.name for each in required() if each.marker is None}
    assert everywhere == {"click", "dnspython", "idna", "jinja2", "pyyaml", "rich"}
