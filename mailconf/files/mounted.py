"""A folder as another: a repository that holds what is to lie in /etc/postfix."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from mailconf.files.regular import head_of_regular, load_regular
from mailconf.files.tree import MOST, Tree, TreePlace

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mailconf.files.tree import Name
    from mailconf.personal import PersonalFile


# What is no table: configurations, and what a repository has beside them.
_OTHER = (".", "main.cf", "master.cf", "sendmail.cf", "submit.cf", "Dockerfile", "LICENSE", "Makefile", "README")
_OTHERS = (
    *(".mc", ".md", ".txt", ".rst", ".adoc", ".html", ".sh", ".py", ".pl", ".php", ".js", ".json", ".yml", ".yaml"),
    *(".toml", ".ini", ".service", ".j2", ".orig", ".bak", ".example", "~"),
)


class Mounted(Tree):
    """The folder ``folder`` of the disk, which configurations know as ``known_as``; nothing else is there.

    A name below ``known_as`` is the file below ``folder``, and reports name it as the user did. Every other absolute
    name is the machine's, of which nothing is known: it does not exist here, and `covers` says that this means nothing.
    A symbolic link that leads out of the folder leads to nothing.

    A folder that holds main.cf, master.cf or .mc files and nothing that could be a table is a part of a configuration:
    that another file is not there means nothing, either.
    """

    def __init__(self, folder: Name, known_as: str) -> None:
        super().__init__()
        self._folder = os.fspath(folder).rstrip("/") or "/"
        self._real = os.path.realpath(self._folder)
        self._known_as = os.path.normpath(known_as)
        self._whole: bool | None = None

    def covers(self, name: Name) -> bool:
        place = self._place(name)
        return place is not None and (self._is_whole() or os.path.lexists(place))

    def _is_whole(self) -> bool:
        """Whether the folder has files that may be tables, beside what names them."""
        if self._whole is None:
            try:
                names = os.listdir(self._real)
            except OSError:
                names = []
            self._whole = any(not name.startswith(_OTHER) and not name.lower().endswith(_OTHERS) for name in names)
        return self._whole

    def _place(self, name: Name) -> str | None:
        """Where a file of that name is on the disk, if it is one of the folder's."""
        text = os.path.normpath(os.fspath(name))
        if text == self._known_as or text.startswith(f"{self._known_as}/"):
            text = os.path.join(self._folder, text[len(self._known_as) :].lstrip("/"))
        text = os.path.abspath(text)
        top = os.path.abspath(self._folder)
        if text != top and not text.startswith(f"{top.rstrip('/')}/"):
            return None
        return f"{self._folder}{text[len(top.rstrip('/')) :]}" if text != top else self._folder

    def path(self, name: Name) -> Path:
        from pathlib import Path

        return Path(self._place(name) or os.fspath(name))

    def place(self, name: Name) -> str:
        return self._place(name) or os.fspath(name)

    def shown(self, path: Name) -> Path:
        return self.path(path)

    def inside(self, path: Name) -> str:
        place = self._place(path)
        if place is None:
            return os.path.abspath(os.fspath(path))
        return os.path.normpath(f"{self._known_as}/{place[len(self._folder.rstrip('/')) :].lstrip('/')}")

    def _disk(self, name: Name, *, follow: bool = True) -> str:
        """The place on the disk. Raises FileNotFoundError for what is not the folder's."""
        place = None if isinstance(name, TreePlace) and not name else self._place(name)
        if place is not None:
            above, last = os.path.split(place)
            real = os.path.realpath(place) if follow else os.path.join(os.path.realpath(above), last)
            if real == self._real or real.startswith(f"{self._real.rstrip('/')}/"):
                return place
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), os.fspath(name))

    def load(self, name: Name, most: int = MOST) -> tuple[bytes, os.stat_result]:
        return load_regular(self._disk(name), most)

    def head(self, name: Name, count: int) -> tuple[bytes, os.stat_result]:
        return head_of_regular(self._disk(name), count)

    def stat(self, name: Name, *, follow: bool = True) -> os.stat_result:
        return os.stat(self._disk(name, follow=follow), follow_symlinks=follow)

    def list(self, name: Name) -> Sequence[str]:
        return sorted(os.listdir(self._disk(name)))

    def link(self, name: Name) -> str:
        return os.readlink(self._disk(name, follow=False))

    def resolve(self, name: Name) -> TreePlace:
        return TreePlace(os.path.realpath(self._place(name) or os.fspath(name)))

    def real(self, name: Name) -> Path:
        from pathlib import Path

        return Path(self._place(name) or f"/nonexistent/{os.fspath(name).lstrip('/')}")

    def personal(self, name: Name, user: tuple[int, int] | None, *, follow: bool) -> PersonalFile:
        from mailconf.personal import look

        return look(os.path.abspath(self._disk(name, follow=follow)), user, follow=follow, below=self._real)
