"""Files that users write and programs of the system read: ~/.forward, :include: files. Read with their users' rights.

`look` opens nothing but regular files, never waits, and reads no more than `LIMIT` bytes. Run by root, it opens a
file as the user for whom it is read, in a process that has become that user permanently (this file, started as a
program); with root's own rights only where nobody but root decides which file the path leads to. Run by anyone else, it
reads what that caller may read, as long as the mode lets the user read it as well. Below another root than ``/``, where
user ids mean nothing, no path leads out of that root.

The standard library alone is imported, as the program starts often.
"""

from __future__ import annotations

import json
import os
import stat
import sys
from collections.abc import Iterator
from typing import NamedTuple

LIMIT = 4_000_000  # bytes of a file
_PATIENCE = 60  # seconds; a file system may be slow
_LINKS = 40


class PersonalFile(NamedTuple):
    """A file, or why it could not be read.

    owner, mode  as stat(2) has them; mode is 0 where the file could not even be looked up
    text         what is in it; None where it is not a regular file, or could not be read
    reason       why it could not be looked up or read
    unknown      only because we are neither root nor that user: they may well be able to read it
    """

    owner: int = 0
    mode: int = 0
    text: bytes | None = None
    reason: str = ""
    unknown: bool = False

    @property
    def exists(self) -> bool:
        return self.mode != 0

    @property
    def regular(self) -> bool:
        return stat.S_ISREG(self.mode)


def look(path: str, user: tuple[int, int] | None = None, *, follow: bool = True, below: str = "/") -> PersonalFile:
    """The file at ``path``, an absolute one.

    user    (uid, gid) in whose name it is read; None is root
    follow  whether the path may be a symbolic link
    below   the root that ``path`` lies in; below another one than "/" user ids mean nothing, and ``user``
            does not count

    Raises TimeoutError when the file system does not answer.
    """
    if "\0" in path:
        return PersonalFile(reason=os.strerror(2))
    if below != "/":
        return _within(path, follow, os.path.realpath(below))
    me = os.geteuid()
    if me != 0:
        found = _read(path, follow)
        if user is not None and user[0] == me:
            return found
        if found.text is None and found.reason == os.strerror(13):
            return found._replace(unknown=True)
        return found if user is None else _allowed(found, path, *user)
    if user is None or user[0] == 0:
        user = _influence(path)
    if user is None:
        return _read(path, follow)
    try:
        os.lstat(path)  # saves the process where there is nothing; that root finds nothing betrays nothing
    except OSError as error:
        return PersonalFile(reason=_words(error))
    return _as_user(path, user, follow)


def _words(error: OSError) -> str:
    return os.strerror(error.errno or 0)


def _read(path: str, follow: bool) -> PersonalFile:
    """The file as this process may read it."""
    try:
        before = os.stat(path, follow_symlinks=follow)  # noqa: PTH116
    except OSError as error:
        return PersonalFile(reason=_words(error))
    found = PersonalFile(before.st_uid, before.st_mode)
    if not found.regular:
        return found  # opening a device or a pipe may do something or wait
    try:
        flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
        file = os.open(path, flags)
    except OSError as error:
        return found._replace(reason=_words(error))
    with os.fdopen(file, "rb") as opened:
        status = os.fstat(file)
        found = PersonalFile(status.st_uid, status.st_mode)
        if not found.regular:
            return found
        try:
            text = opened.read(LIMIT + 1)
        except OSError as error:
            return found._replace(reason=_words(error))
    return found._replace(text=text) if len(text) <= LIMIT else found._replace(reason="File too large")


def _within(path: str, follow: bool, top: str) -> PersonalFile:
    """The same where no part of the path may lead out of ``top``."""
    folder, name = os.path.split(path)
    real = os.path.realpath(path) if follow else os.path.join(os.path.realpath(folder), name)  # noqa: PTH118
    if not real.startswith(top.rstrip("/") + "/"):
        return PersonalFile(reason="it leads out of the root")
    return _read(real, follow)


def _passed(path: str) -> Iterator[os.stat_result]:
    """What lies on the way to the file, links followed: folders, links, and the file itself. Raises OSError."""
    words, at, links = path.split("/")[::-1], "", 0
    while words:
        word = words.pop()
        if word in ("", "."):
            continue
        if word == "..":
            at = at.rpartition("/")[0]
            continue
        here = f"{at}/{word}"
        status = os.lstat(here)
        yield status
        if not stat.S_ISLNK(status.st_mode):
            at = here
            continue
        links += 1
        if links > _LINKS:
            raise OSError(40, os.strerror(40))
        target = os.readlink(here)  # noqa: PTH115
        at = "" if target.startswith("/") else at
        words += target.split("/")[::-1]


def _influence(path: str) -> tuple[int, int] | None:
    """The first user but root who owns a folder or link on the way to ``path``; None where all of it is root's."""
    try:
        owner = next((status.st_uid for status in _passed(path) if status.st_uid != 0), None)
    except OSError:
        return None  # reading it will report it
    if owner is None:
        return None
    import pwd

    try:
        return owner, pwd.getpwuid(owner).pw_gid
    except KeyError:
        return owner, 65534


def _allowed(found: PersonalFile, path: str, uid: int, gid: int) -> PersonalFile:
    """``found`` without its text where the modes do not let the user read it."""
    try:
        way = list(_passed(path))
    except OSError as error:
        return found._replace(text=None, reason=_words(error))
    for status in way:
        wanted = 1 if stat.S_ISDIR(status.st_mode) else 4
        shift = 6 if status.st_uid == uid else 3 if status.st_gid == gid else 0
        if not stat.S_ISLNK(status.st_mode) and not status.st_mode >> shift & wanted:
            return found._replace(text=None, reason=os.strerror(13))
    return found


def _as_user(path: str, user: tuple[int, int], follow: bool) -> PersonalFile:
    import subprocess

    program = [sys.executable, "-I", "-S", os.path.abspath(__file__), str(user[0]), str(user[1]), str(int(follow))]  # noqa: PTH100
    try:
        done = subprocess.run(
            program, input=os.fsencode(path), stdout=subprocess.PIPE, cwd="/", timeout=_PATIENCE, check=False
        )
    except subprocess.TimeoutExpired:
        raise TimeoutError(110, os.strerror(110)) from None
    head, newline, text = done.stdout.partition(b"\n")
    if not newline:
        return PersonalFile(reason="the process that reads it died")
    owner, mode, reason, has_text = json.loads(head)
    return PersonalFile(owner, mode, text if has_text else None, reason)


def _main(uid: int, gid: int, follow: bool) -> None:
    path = os.fsdecode(sys.stdin.buffer.read())
    os.setgroups([gid])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    found = _read(path, follow)
    head = json.dumps([found.owner, found.mode, found.reason, found.text is not None])
    sys.stdout.buffer.write(head.encode() + b"\n" + (found.text or b""))


if __name__ == "__main__":
    _main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "1")
