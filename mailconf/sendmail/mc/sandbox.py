"""What a .mc may touch while it is expanded: its own folder, the library, and a header that no shell writes.

Unless ``allow_shell`` is given, no command is run, nothing is written, and nothing is read but the configuration's own
folder and the library. The library has a shell write the lines of the .cf's header that hold user, host and date
(sh/makeinfo.sh, through syscmd and a temporary file); the shell's words are answered here, without a shell.
"""

from __future__ import annotations

import errno
import os
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

from mailconf.files import Tree, TreePlace
from mailconf.m4 import Denied, Environment, System
from mailconf.sendmail.mc.library import START, Library
from mailconf.sendmail.mc.links import has_name_outside

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MAKEINFO = re.compile(rb"sh (\S*)sh/makeinfo\.sh (\S*) > (\S+)")
_REMOVE = re.compile(rb"rm -f (\S+)")
_HEADER_FILE = b"/tmp/cf"


@dataclass(frozen=True, slots=True)
class Header:
    """What the header of a .cf reports of its making; ``when`` in seconds since 1970."""

    user: str
    host: str
    when: float
    utc: bool = False

    @classmethod
    def of_this_run(cls, environ: Mapping[str, str] = os.environ) -> Header:
        """Who runs this, where and now; SOURCE_DATE_EPOCH sets the date, in UTC."""
        import pwd

        try:
            user = pwd.getpwuid(os.geteuid()).pw_name
        except KeyError:
            user = environ.get("LOGNAME", "")
        epoch = environ.get("SOURCE_DATE_EPOCH", "")
        fixed = epoch.isascii() and epoch.isdigit() and len(epoch) < 12
        return cls(user, os.uname().nodename, float(epoch) if fixed else time.time(), fixed)

    def date(self) -> str:
        """The date as date(1) prints it in the C locale."""
        at = time.gmtime(self.when) if self.utc else time.localtime(self.when)
        zone = "UTC" if self.utc else at.tm_zone
        day, month = _DAYS[at.tm_wday], _MONTHS[at.tm_mon - 1]
        return f"{day} {month} {at.tm_mday:2} {at.tm_hour:02}:{at.tm_min:02}:{at.tm_sec:02} {zone} {at.tm_year}"


class Read(NamedTuple):
    """A file that the expansion read, or looked for and did not find (then ``status`` is None).

    name  what the configuration calls it, a whole path; ``path`` is where it is in ``tree``
    read_at  when, in ns
    """

    name: str
    path: TreePlace
    tree: Tree
    status: os.stat_result | None
    digest: str
    read_at: int

    def is_current(self) -> bool:
        """Whether the file is the one that was read, as far as its status shows."""
        try:
            now = self.tree.stat(self.path)
        except OSError:
            return self.status is None
        was = self.status
        return was is not None and (now.st_ino, now.st_size, now.st_mtime_ns, now.st_ctime_ns) == (
            was.st_ino,
            was.st_size,
            was.st_mtime_ns,
            was.st_ctime_ns,
        )


class Sandbox(Environment):
    """What a .mc may touch: its folder, the library, and the header that the library believes a shell writes.

    folder     where relative names begin, as the configuration calls it; ``tree``, the real folder that may be read
    """

    def __init__(self, folder: str, root: Tree, library: Library, header: Header, *, allow_shell: bool) -> None:
        self.folder = folder
        self.root = root
        self.reads: dict[str, Read] = {}
        self.library_reads = 0  # how often a file of the library was asked for
        self._header = header
        self._scratch: dict[bytes, bytes] = {}  # what the library believes to be a temporary file
        self._texts: dict[bytes, bytes] = {}  # what was read, for who reads it again
        self._system = System() if allow_shell else None
        self._tree = root.resolve(folder)
        self._admitted: set[str] = set()
        self.use(library)

    def use(self, library: Library) -> None:
        """From now on this is the library."""
        self.library = library
        self._readable = [f"{self._tree}/", *(f"{library.tree.resolve(TreePlace(f))}/" for f in library.folders)]

    def admit(self, path: str) -> None:
        """Allow one more file: what the user names is the user's to link wherever it is.

        A link of another user is followed only to a file of that user, whose rights may not suffice for more.
        """
        with suppress(OSError):
            owner = self.root.stat(TreePlace(path), follow=False).st_uid
            if owner in (0, os.geteuid(), self.root.stat(TreePlace(path)).st_uid):
                self._admitted.add(self.root.resolve(TreePlace(path)))

    def _whole(self, name: str) -> str:
        """What m4 calls ``name`` as a whole path of the configuration."""
        return os.path.normpath(os.path.join(self.folder, name))  # noqa: PTH118 - paths are text to m4

    def path(self, name: str) -> str:
        """Where the file is that m4 calls ``name``."""
        return self.library.locate(self._whole(name), self.root)

    @property
    def library_name(self) -> str:
        """The library's folder as the configuration calls it, if it lies below the root."""
        return self.library.folder and self.root.inside(self.library.folder)

    def is_library(self, name: str) -> bool:
        """Whether what m4 calls ``name`` belongs to the library; a .mc that lies in it is the user's all the same."""
        whole = self._whole(name)
        return self.library.holds(whole) and os.path.dirname(whole) != self.folder  # noqa: PTH120

    def read(self, path: bytes) -> bytes:
        if path in self._scratch:
            return self._scratch[path]
        self.library_reads += self.is_library(os.fsdecode(path))
        if path in self._texts:
            return self._texts[path]
        if not path:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        name = self._whole(os.fsdecode(path))
        where = TreePlace(self.library.locate(name, self.root))
        tree = self.library.tree if self.library.holds(name) else self.root
        real = tree.resolve(where)
        allowed = real.startswith(tuple(self._readable)) or real in self._admitted
        if self._system is None and not allowed:
            return super().read(path)
        read_at = time.time_ns()
        try:
            data, status = tree.load(real)
        except FileNotFoundError:
            self.reads.setdefault(name, Read(name, where, tree, None, "", read_at))
            raise
        except OSError as failure:
            if failure.errno != errno.EINVAL:
                raise
            # A device or a pipe, of which m4 would say something else, when it has come to its end.
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR)) from failure
        if self._system is None and self._is_linked(real, status):
            raise Denied(f"reading {os.fsdecode(path)} is not allowed: it is a hard link to a file elsewhere")
        import hashlib

        self.reads.setdefault(name, Read(name, where, tree, status, hashlib.sha256(data).hexdigest(), read_at))
        if self._system is None:  # or a command may write the file anew
            self._texts[path] = data
        return data

    def _is_linked(self, real: str, status: os.stat_result) -> bool:
        """Whether a file of the configuration's folder is another one's by a second name; the library is trusted."""
        tree, *libraries = self._readable
        return (
            real.startswith(tree)
            and not real.startswith(tuple(libraries))
            and has_name_outside(status, self._tree, self.root)
        )

    def append(self, path: bytes) -> BinaryIO:
        return super().append(path) if self._system is None else self._system.append(self._outside(path))

    def temporary(self, prefix: bytes) -> bytes:
        if prefix == _HEADER_FILE:
            name = prefix + b"%06d" % len(self._scratch)
            self._scratch[name] = b""
            return name
        return super().temporary(prefix) if self._system is None else self._system.temporary(self._outside(prefix))

    def run(self, command: bytes, capture: bool) -> tuple[int, bytes]:
        made, removed = _MAKEINFO.fullmatch(command), _REMOVE.fullmatch(command)
        if made and made[3] in self._scratch:
            self._scratch[made[3]] = self._makeinfo(made[2])
            return 0, b""
        if removed and removed[1] in self._scratch:
            del self._scratch[removed[1]]
            return 0, b""
        if self._system is None:
            return super().run(command, capture)
        import subprocess

        to = subprocess.PIPE if capture else None
        done = subprocess.run([b"/bin/sh", b"-c", command], stdout=to, cwd=self.root.real(self._tree), check=False)
        return done.returncode, done.stdout or b""

    def _outside(self, path: bytes) -> bytes:
        """A name as a shell in the configuration's folder takes it."""
        return os.path.join(os.fsencode(self._tree), path)  # noqa: PTH118

    def _makeinfo(self, library: bytes) -> bytes:
        """The words of the library's sh/makeinfo.sh."""
        header = self._header
        lines = (
            f"##### built by {header.user}@{header.host} on {header.date()}",
            f"##### in {self.folder}",
            f"##### using {os.fsdecode(library)} as configuration include directory",
            f"define(`__HOST__', {header.host})dnl",
        )
        return "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape")


class LibraryFound(Exception):
    """The .mc has come to the library; the text is the whole path of the file that it includes."""


class Probe(Sandbox):
    """A sandbox that only finds out which library the .mc includes itself."""

    def read(self, path: bytes) -> bytes:
        if (name := self._whole(os.fsdecode(path))).endswith(f"/{START}"):
            raise LibraryFound(name)
        return super().read(path)
