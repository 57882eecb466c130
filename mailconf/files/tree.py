"""Where configuration is read from: a `Tree`, whatever it is made of.

A tree is asked by configuration path: by the name that a file has in the configuration, such as ``/etc/mail/access``.
The place of the file, by which reports call it, is that name below `Tree.top`; a place may be asked for like a name.

| kind | what it is |
|---|---|
| `mailconf.files.disk.Root` | the disk, below a folder |
| `mailconf.files.mounted.Mounted` | a folder of the disk as another, and nothing else |
| `mailconf.files.overlay.Overlay` | texts that are not saved yet over another tree |
| `mailconf.files.revision.Revision` | what a git repository has recorded in a revision |
| `mailconf.files.memory.Memory` | files that exist nowhere else |

Only regular files are read, within a bound. What goes wrong is an OSError, as the system has it for files of the disk.
"""

from __future__ import annotations

import errno
import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path  # 4 ms that most tools' start-up can do without

    from mailconf.personal import PersonalFile

    Name = str | os.PathLike[str]

MOST = 1 << 30  # bytes of a file whose reader names no other bound


class NoDisk(OSError):
    """There is such a file, but not on the disk, where a library or another process could open it."""

    def __init__(self, path: Name) -> None:
        super().__init__(errno.ENXIO, "it is not on the disk, where it could be locked and read", os.fspath(path))


class TreePlace(str):
    """A place by itself, not a name below the top: what `Tree.resolve` returns, and places in another tree's folders.

    A tree takes it as it is.
    """

    __slots__ = ()


class Tree:
    """Files by the names that a configuration has for them; see the module. This class knows names alone.

    top      the folder that absolute names lie below, as it was given
    is_real  the names mean what they say: it is this machine's own configuration, so that its users, its host name
             and its addresses count
    """

    is_real = False

    def __init__(self, top: Name = "/") -> None:
        self._name = os.fspath(top)
        self._moved = self._name != "/"
        if not self._moved:
            return
        from pathlib import Path

        if self._name.startswith("//"):  # which pathlib keeps, and which is no other folder
            self._name = f"/{self._name.lstrip('/')}"
        self._top = Path(self._name)  # as it was given: reports name files the way the user does
        if ".." in self._top.parts:  # one name for one folder: what it leads to
            self._top = Path(os.path.realpath(self._top))
        self._absolute = self._top.absolute()
        self._moved = self._absolute != Path("/")
        self._prefix = f"{self._absolute}/"

    @property
    def top(self) -> Path:
        from pathlib import Path

        return self._top if self._name != "/" else Path("/")

    # -- names

    def path(self, name: Name) -> Path:
        """The place of ``name``: an absolute one below the top, a relative one as it is.

        A path that already lies below the top is not moved a second time; one with ``..`` does not lead out of it.
        """
        from pathlib import Path

        path = Path(name)
        if not self._moved or not path.is_absolute() or isinstance(name, TreePlace):
            return path
        if ".." in path.parts:
            path = Path(os.path.normpath(path))
        if f"{path}/".startswith(self._prefix):
            return path
        return self.top / str(path).lstrip("/")  # a path may begin with two slashes

    def place(self, name: Name) -> str:
        """What `path` returns, as text; quickly where names are not moved."""
        return str(self.path(name)) if self._moved else os.fspath(name)

    def shown(self, path: Name) -> Path:
        """The file at ``path`` as reports name it: below the top as that was given, if it lies there."""
        from pathlib import Path

        path = Path(path)
        inside = self.inside(path)
        return path if not self._moved or inside == str(path.absolute()) else self.top / inside.lstrip("/")

    def inside(self, path: Name) -> str:
        """The inverse of `path`: what the configuration calls the file at ``path``."""
        from pathlib import Path

        absolute = str(Path(path).absolute())
        if "/../" in f"{absolute}/":
            absolute = os.path.realpath(absolute)
        if not self._moved or not f"{absolute}/".startswith(self._prefix):
            return absolute
        return absolute.removeprefix(str(self._absolute)) or "/"

    def covers(self, name: Name) -> bool:
        """Whether the tree can know of a file of that name. If not, that nothing is there means nothing."""
        return True

    # -- what each kind of tree has its own way for

    def load(self, name: Name, most: int = MOST) -> tuple[bytes, os.stat_result]:
        """The content of a regular file of at most ``most`` bytes, and its status when it was read. Raises OSError."""
        raise NotImplementedError

    def head(self, name: Name, count: int) -> tuple[bytes, os.stat_result]:
        """The first ``count`` bytes, or fewer, of a regular file, and its status. Raises OSError."""
        raise NotImplementedError

    def stat(self, name: Name, *, follow: bool = True) -> os.stat_result:
        """Owner, mode, size and times, as stat(2) has them, or with ``follow`` unset lstat(2). Raises OSError."""
        raise NotImplementedError

    def list(self, name: Name) -> Sequence[str]:
        """The names in a folder, sorted. Raises OSError."""
        raise NotImplementedError

    def link(self, name: Name) -> str:
        """Where a symbolic link leads, as it is written. Raises OSError, also where there is no link."""
        raise NotImplementedError

    def resolve(self, name: Name) -> TreePlace:
        """The absolute place that ``name`` leads to when all links are followed, whether anything is there or not."""
        raise NotImplementedError

    def real(self, name: Name) -> Path:
        """The file of the disk that ``name`` means, for who has to lock it or to map it into memory.

        Where nothing has that name it is the place where it would be. Raises NoDisk where a file has it that is not
        on the disk, and other OSErrors where there is no disk at all.
        """
        raise NotImplementedError

    def socket(self, name: Name) -> Path:
        """Where a socket of that name is; where there is no disk, a place without a socket."""
        from pathlib import Path

        return Path("/nonexistent") / self.place(name).lstrip("/")

    def personal(self, name: Name, user: tuple[int, int] | None, *, follow: bool) -> PersonalFile:
        """A file that a user has written (`mailconf.personal.look`): read with no more than that user's rights."""
        raise NotImplementedError

    def own(self, name: Name, most: int) -> bytes:
        """A file that mailconf has written (`mailconf.files.own.read_own`). Raises OSError.

        Only on a disk there are such files.
        """
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), self.place(name))

    # -- what follows from that

    def read(self, name: Name, most: int = MOST) -> bytes:
        """The content of a regular file of at most ``most`` bytes. Raises OSError."""
        return self.load(name, most)[0]

    def digest(self, name: Name) -> str:
        """The SHA-256 of a file's content, in hexadecimal. Raises OSError."""
        import hashlib

        return hashlib.sha256(self.read(name)).hexdigest()

    def exists(self, name: Name) -> bool:
        """Whether there is something of that name. Raises OSError where that cannot be known."""
        return self._mode(name) != 0

    def is_file(self, name: Name) -> bool:
        """Whether it is a regular file, or a link to one. Raises OSError where that cannot be known."""
        return stat.S_ISREG(self._mode(name))

    def is_folder(self, name: Name) -> bool:
        """Whether it is a folder, or a link to one. Raises OSError where that cannot be known."""
        return stat.S_ISDIR(self._mode(name))

    def is_link(self, name: Name) -> bool:
        """Whether it is a symbolic link. Raises OSError where that cannot be known."""
        return stat.S_ISLNK(self._mode(name, follow=False))

    def _mode(self, name: Name, *, follow: bool = True) -> int:
        """The mode; 0 where nothing has the name, or nothing can have it."""
        try:
            return self.stat(name, follow=follow).st_mode
        except ValueError:  # a NUL in the name
            return 0
        except OSError as failure:
            if failure.errno in (errno.ENOENT, errno.ENOTDIR, errno.EBADF, errno.ELOOP):
                return 0
            raise
