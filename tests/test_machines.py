"""tests/machines/run and deploy say what they lack before they make anything, and remove what they made in the end."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

RUN = Path(__file__).parent / "machines/run"
ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a machine")


def run(tmp_path: Path, *arguments: str, path: str = "") -> subprocess.CompletedProcess[str]:
    env = {
        **os.environ,
        "TMPDIR": str(tmp_path),
        "PATH": f"{path}:{os.environ['PATH']}" if path else os.environ["PATH"],
    }
    return subprocess.run([RUN, *arguments], capture_output=True, text=True, env=env)


DEPLOY = Path(__file__).parent / "machines/deploy"


def program(folder: Path, name: str, text: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)


def test_misuse(tmp_path: Path) -> None:
    for arguments, words in (((), "which release?"), (("--keep",), "--keep needs a folder")):
        done = run(tmp_path, *arguments)
        assert done.returncode != 0 and words in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_misuse_of_deploy(tmp_path: Path) -> None:
    for arguments, words in (((), "service or container?"), (("--keep",), "--keep needs a folder"), (("x",), "or con")):
        env = {**os.environ, "TMPDIR": str(tmp_path)}
        done = subprocess.run([DEPLOY, *arguments], capture_output=True, text=True, env=env)
        assert done.returncode != 0 and words in done.stderr
    assert list(tmp_path.iterdir()) == []


@ROOT_ONLY
@pytest.mark.parametrize("what", ["service", "container"])
def test_a_deployment_that_cannot_be_made(tmp_path: Path, what: str) -> None:
    tools = tmp_path / "tools"
    program(tools, "debootstrap", "echo no such release; exit 1")
    for name in ("podman", "nsenter", "unshare"):
        program(tools, name, "exit 0")
    env = {**os.environ, "TMPDIR": str(tmp_path), "PATH": f"{tools}:{os.environ['PATH']}"}
    done = subprocess.run([DEPLOY, what, "nosuch"], capture_output=True, text=True, env=env)
    assert done.returncode != 0 and "no such release" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["tools"]


@ROOT_ONLY
def test_a_missing_tool_is_named(tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    for name in ("bash", "dirname", "pwd", "id"):
        program(tools, name, f'exec /bin/{name} "$@"' if name != "id" else "echo 0")
    env = {**os.environ, "TMPDIR": str(tmp_path), "PATH": str(tools)}
    done = subprocess.run(["/bin/bash", RUN, "bookworm"], capture_output=True, text=True, env=env)
    assert done.returncode == 1 and "machines: debootstrap is missing: apt-get install debootstrap" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["tools"]


@ROOT_ONLY
def test_nothing_is_left_when_it_fails(tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    program(tools, "debootstrap", 'mkdir -p "$4/etc"; echo no such release; exit 1')
    program(tools, "unshare", "exit 0")
    done = run(tmp_path, "nosuch", path=str(tools))
    assert done.returncode == 1
    assert "no such release" in done.stderr and "machines: nosuch: debootstrap failed" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["tools"]


@ROOT_ONLY
def test_a_target_that_fails_is_a_failure(tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    program(
        tools,
        "debootstrap",
        'eval machine=\\${$(($# - 1))}; mkdir -p "$machine/etc/apt" "$machine/usr/sbin" "$machine/home"',
    )
    program(tools, "unshare", 'case "$*" in *"make -s"*) exit 3 ;; esac')
    done = run(tmp_path, "bookworm", "demo", path=str(tools))
    assert done.returncode == 1, done.stderr
    assert "machines: bookworm: make demo failed" in done.stderr
