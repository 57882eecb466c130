"""Objects of a git repository, read by the program ``git`` (git-cat-file(1), git-rev-parse(1)).

The repository may be anybody's, so nothing in it decides what is run or read:

- git is started without a shell, with an environment of its own, and never asks at a terminal. Neither the system's nor
  the user's configuration counts.
- What a revision is called is resolved in the repository. Its configuration is read there, but hooks, the monitor of
  the file system and pagers are switched off, and no protocol is allowed, so that no object is fetched from elsewhere.
- Objects are read from a repository of our own, an empty folder that borrows the other one's objects: its
  configuration, its attributes and filters, its replacements and hooks are then not even looked at.
- A repository that belongs to another user is refused, as git itself refuses it. Root's may be read by everybody.
- Sizes are bounded before an object is read, and git that does not answer is given up.
"""

from __future__ import annotations

import errno
import os
import select
import shutil
import subprocess
import tempfile
import weakref
from contextlib import suppress
from typing import NamedTuple

PATIENCE = 60  # seconds
_PIECE = 1 << 20
_LONGEST_LINE = 256  # bytes of what git reports of an object
_OFF = ("core.fsmonitor=false", "core.hooksPath=/dev/null", "core.attributesFile=/dev/null", "core.pager=cat")
_COMMON = {
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_SYSTEM": "/dev/null",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "HOME": "/nonexistent",
    "LC_ALL": "C",
}


class NoRevision(ValueError):
    """There is no such revision, no repository, or no git; the message says which."""


class Repository(NamedTuple):
    """Where a revision was found.

    prefix   the path of the folder that was asked about, within the work tree: "" or "etc/postfix/"
    top      the work tree's folder, all links followed
    objects  the folder of the repository's objects
    format   of the objects' names: sha1, sha256
    commit   the name of the commit
    owner    user and group of the folder of objects
    """

    prefix: str
    top: str
    objects: str
    format: str
    commit: bytes
    owner: tuple[int, int]


def find(folder: str, revision: str) -> Repository:
    """The repository in whose work tree ``folder`` lies, and the commit that it calls ``revision``.

    Raises NoRevision.
    """
    if not revision or revision.startswith("-") or not revision.isprintable():
        raise NoRevision(f"{revision!r} is no name of a revision")
    places = _rev_parse(folder, "--show-prefix", "--show-toplevel", "--git-path", "objects", "--show-object-format")
    lines = places.split(b"\n")
    if len(lines) != 5:
        raise NoRevision(f"{folder} is not in the work tree of a git repository")
    prefix, top, objects, form = (os.fsdecode(line) for line in lines[:4])
    objects = os.path.join(folder, objects)
    status = os.stat(objects)
    if status.st_uid not in (0, os.geteuid()):
        raise NoRevision(f"the git repository of {folder} belongs to another user (uid {status.st_uid})")
    try:
        commit = _rev_parse(folder, "--verify", "--quiet", f"{revision}^{{commit}}").strip()
    except NoRevision:
        raise NoRevision(f"the git repository of {folder} has no commit {revision}") from None
    return Repository(prefix, top, objects, form, commit, (status.st_uid, status.st_gid))


def _rev_parse(folder: str, *arguments: str) -> bytes:
    settings = [word for setting in _OFF for word in ("-c", setting)]
    command = [_git(), "--no-pager", *settings, "rev-parse", *arguments]
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as failure:
        raise NoRevision(f"git cannot be run: {failure}") from failure
    if done.returncode:
        words = done.stderr.decode(errors="replace").strip().partition("\n")[0].removeprefix("fatal: ")
        raise NoRevision(f"git reports of {folder}: {words or done.returncode}")
    return done.stdout


def _git() -> str:
    found = shutil.which("git")
    if found is None:
        raise NoRevision("there is no git: the program is not found along PATH")
    return os.path.abspath(found)


def _environment(**more: str) -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), **_COMMON, **more}


class Objects:
    """The objects of a repository, by their names, as long as it is open."""

    def __init__(self, repository: Repository) -> None:
        self._folder = tempfile.mkdtemp(prefix="mailconf-git-")
        self._processes: dict[str, _Process] = {}
        self._finalizer = weakref.finalize(self, _close, self._folder, self._processes)
        version = "1\n[extensions]\n\tobjectFormat = " + repository.format if repository.format != "sha1" else "0"
        for name, text in {
            "HEAD": "ref: refs/heads/none\n",
            "config": f"[core]\n\tbare = true\n\trepositoryformatversion = {version}\n",
        }.items():
            with open(os.path.join(self._folder, name), "w", encoding="utf-8") as file:
                file.write(text)
        for name in ("refs", "objects"):
            os.mkdir(os.path.join(self._folder, name))
        self._environment = _environment(GIT_DIR=self._folder, GIT_OBJECT_DIRECTORY=repository.objects)

    def close(self) -> None:
        """End git; a second call does nothing."""
        self._finalizer()

    def size(self, name: bytes) -> int:
        """How many bytes an object has. Raises OSError where there is no such object."""
        return self._ask("--batch-check", name)[1]

    def read(self, name: bytes, kind: bytes, most: int) -> bytes:
        """The content of the object ``name``, which is a ``kind`` (blob, tree, commit) of at most ``most`` bytes.

        Raises OSError.
        """
        if self._ask("--batch-check", name)[1] > most:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
        found, size = self._ask("--batch", name)
        data = self._process("--batch").take(size + 1)[:-1]
        if found != kind:
            raise OSError(errno.EIO, f"object {name.decode()} of the git repository is no {kind.decode()}")
        return data

    def _ask(self, mode: str, name: bytes) -> tuple[bytes, int]:
        """Kind and size of an object."""
        try:
            words = self._process(mode).ask(name)
        except (OSError, TimeoutError) as failure:  # the next question gets another process
            if mode in self._processes:
                self._processes.pop(mode).end()
            raise OSError(errno.EIO, f"git does not answer: {failure.strerror or failure}") from failure
        if len(words) != 3 or words[0] != name or not words[2].isdigit():
            raise OSError(errno.EIO, f"object {name.decode()} of the git repository is missing or damaged")
        return words[1], int(words[2])

    def _process(self, mode: str) -> _Process:
        if not self._finalizer.alive:
            raise ValueError("the revision is closed")
        if mode not in self._processes:
            self._processes[mode] = _Process(mode, self._folder, self._environment)
        return self._processes[mode]


class _Process:
    """``git cat-file`` that answers one question after the other. Every method raises OSError when it does not."""

    def __init__(self, mode: str, folder: str, environment: dict[str, str]) -> None:
        try:
            git = _git()
        except NoRevision as failure:
            raise OSError(errno.ENOENT, str(failure)) from failure
        self._git = subprocess.Popen(
            [git, "--no-pager", "cat-file", mode],
            bufsize=0,
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is ours
        )
        assert self._git.stdin is not None
        assert self._git.stdout is not None
        self._to, self._from = self._git.stdin, self._git.stdout
        self._poll = select.poll()
        self._poll.register(self._from, select.POLLIN)
        self._left = b""  # was read, and not asked for yet

    def ask(self, name: bytes) -> list[bytes]:
        """The words that git prints about an object; its content may follow them."""
        self._to.write(name + b"\n")
        line, end = self._left, b""
        while not end:
            line, end, self._left = line.partition(b"\n")
            if len(line) > _LONGEST_LINE:
                raise OSError(errno.EPROTO, os.strerror(errno.EPROTO))
            if not end:
                line += self._more(_LONGEST_LINE)
        return line.split()

    def take(self, count: int) -> bytes:
        """The next ``count`` bytes."""
        parts = [self._left[:count]]
        self._left = self._left[count:]
        count -= len(parts[0])
        while count:
            parts.append(self._more(min(count, _PIECE)))
            count -= len(parts[-1])
        return b"".join(parts)

    def _more(self, most: int) -> bytes:
        if not self._poll.poll(PATIENCE * 1000):
            raise TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))
        data = os.read(self._from.fileno(), most)
        if not data:
            raise OSError(errno.EPIPE, os.strerror(errno.EPIPE))
        return data

    def end(self) -> None:
        self._git.kill()
        for stream in (self._to, self._from):
            with suppress(OSError):
                stream.close()
        self._git.wait()


def _close(folder: str, processes: dict[str, _Process]) -> None:
    for process in processes.values():
        process.end()
    processes.clear()
    shutil.rmtree(folder, ignore_errors=True)
