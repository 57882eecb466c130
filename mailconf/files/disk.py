"""The disk as a tree: below ``/``, or with ``--root DIR`` below DIR."""

from __future__ import annotations

import os
import stat

from mailconf.files.regular import head_of_regular, load_regular, open_regular, read_to_end, too_large
from mailconf.files.tree import MOST, Tree, TreePlace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mailconf.files.tree import Name
    from mailconf.personal import PersonalFile


class Root(Tree):
    """The disk below ``top``. Symbolic links lead where the system follows them, out of ``top`` as well.

    waits  pipes and devices are read, too, and waited for. Tools of others do that for the user who has named them; a
           configuration that is looked into cannot make mailconf wait.
    """

    def __init__(self, top: Name = "/", *, waits: bool = False) -> None:
        super().__init__(top)
        self.is_real = not self._moved
        self.waits = waits

    def load(self, name: Name, most: int = MOST) -> tuple[bytes, os.stat_result]:
        return load_waiting(self.place(name), most) if self.waits else load_regular(self.place(name), most)

    def head(self, name: Name, count: int) -> tuple[bytes, os.stat_result]:
        return head_of_regular(self.place(name), count)

    def stat(self, name: Name, *, follow: bool = True) -> os.stat_result:
        return os.stat(self.place(name), follow_symlinks=follow)

    def list(self, name: Name) -> Sequence[str]:
        return sorted(os.listdir(self.place(name)))

    def link(self, name: Name) -> str:
        return os.readlink(self.place(name))

    def resolve(self, name: Name) -> TreePlace:
        return TreePlace(os.path.realpath(self.place(name)))

    def real(self, name: Name) -> Path:
        return self.path(name)

    def socket(self, name: Name) -> Path:
        return self.path(name)

    def personal(self, name: Name, user: tuple[int, int] | None, *, follow: bool) -> PersonalFile:
        from mailconf.personal import look

        below = str(self.top) if self._moved else "/"
        return look(str(self.path(name).absolute()), user, follow=follow, below=below)

    def own(self, name: Name, most: int) -> bytes:
        from mailconf.files.own import read_own

        return read_own(self.path(name), most)

    def digest(self, name: Name) -> str:
        """As in `Tree`; of a file of any size."""
        import hashlib

        descriptor = open_regular(self.place(name))
        with os.fdopen(descriptor, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


def load_waiting(place: str, most: int) -> tuple[bytes, os.stat_result]:
    """What `load_regular` returns, for pipes and devices as well."""
    descriptor = os.open(place, os.O_RDONLY | os.O_CLOEXEC)
    try:
        status = os.fstat(descriptor)
        size = status.st_size if stat.S_ISREG(status.st_mode) else 0
        if size > most:
            raise too_large(place)
        return read_to_end(descriptor, size, most, place), status
    finally:
        os.close(descriptor)
