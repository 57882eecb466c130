"""The same files as each kind of tree."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from mailconf.files import File, Link, Memory, Overlay, Revision, Root, Tree

GIT = ("git", "-c", "user.name=Nobody", "-c", "user.email=nobody@example.com", "-c", "commit.gpgsign=false")


def git(folder: Path, *arguments: str) -> str:
    """Run git in a directory without any user's settings; returns what it prints."""
    nobody = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", "PATH": os.environ["PATH"]}
    done = subprocess.run([*GIT, *arguments], cwd=folder, env=nobody, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def commit(folder: Path, message: str = "as it is") -> str:
    """Record all that is in a folder, which becomes a repository; the commit's name."""
    if not (folder / ".git").exists():
        git(folder, "init", "-q")
    git(folder, "add", "--all", "--force")
    git(folder, "commit", "-q", "--allow-empty", "-m", message)
    return git(folder, "rev-parse", "HEAD")


def disk(top: Path) -> Tree:
    return Root(top)


def memory(top: Path) -> Tree:
    files: dict[str, bytes | str | File | Link] = {}
    for path in sorted(top.rglob("*")):
        name = f"/{path.relative_to(top)}"
        if name.startswith("/.git"):
            continue
        status = path.lstat()
        if path.is_symlink():
            files[name] = Link(str(path.readlink()))
        elif path.is_dir():
            files[f"{name}/"] = b""
        elif path.is_file():
            files[name] = File(path.read_bytes(), status.st_mode, status.st_uid, status.st_gid, status.st_mtime_ns)
        else:
            files[name] = File(b"", status.st_mode, status.st_uid, status.st_gid, status.st_mtime_ns)
    return Memory(files, top)


def overlay(top: Path) -> Tree:
    """Every file is on the disk as a text that nobody wants, and in the overlay as it is."""
    texts = {}
    for path in sorted(top.rglob("*")):
        if path.is_file() and not path.is_symlink() and ".git" not in path.parts:
            texts[f"/{path.relative_to(top)}"] = path.read_bytes()
    return Overlay(memory(top), texts)


def revision(top: Path) -> Tree:
    commit(top)
    return Revision("/", "HEAD", top)


KINDS: dict[str, Callable[[Path], Tree]] = {"disk": disk, "memory": memory, "overlay": overlay}
HAS_GIT = shutil.which("git") is not None
if HAS_GIT:
    KINDS["revision"] = revision
