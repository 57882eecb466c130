"""Where sendmail's library of m4 macros is (the package sendmail-cf), and what a .mc calls it.

The library is a folder with ``m4/cf.m4`` in it; the .mc asks it for FEATUREs, MAILERs and the rest. A .mc reaches it in
one of two ways (cf/README, "GETTING STARTED"): it includes the library's m4/cf.m4 itself under the name that its
distribution gives it, or m4 is given that file before the .mc. The library's own name for its folder is the macro
``_CF_DIR_``, with a slash at the end, which m4/cf.m4 works out from the name that it was read under.

A .mc written for another distribution still finds the library: each of the names of `PLACES` means the library that is
used, unless there is another one at that place. Under any other name by which a .mc includes m4/cf.m4, a library that
the user has named stands for that one; where the user has named none, the library of that name is used if only root, or
the user who runs this, can have written it (`library_for`): sendmail's sources, unpacked somewhere.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace

from mailconf.files import Root, Tree, TreePlace, distrust

# Debian and FreeBSD; Red Hat and its relatives, now and until 7.0; FreeBSD's and OpenBSD's ports; Solaris.
PLACES = (
    "/usr/share/sendmail/cf",
    "/usr/share/sendmail-cf",
    "/usr/lib/sendmail-cf",
    "/usr/local/share/sendmail/cf",
    "/etc/mail/cf",
)
SETTING = "MAILCONF_CF_LIBRARY"  # the environment's word where there is no --cf-library
START = "m4/cf.m4"
# The folders in a library, except for "cf" with its examples.
_PARTS = ("domain", "feature", "hack", "m4", "mailer", "ostype", "sh", "siteconfig")
_WITHIN = tuple(f"{part}/" for part in _PARTS)


@dataclass(frozen=True, slots=True)
class Library:
    """folder  where the library is; "" without a library
    names   the folders that configurations call the library, and where each of them is
    given   the user has named it: it stands for any other
    called  the name that a .mc has for its folder, if that is not one of ``names``; it may be that of a folder with
            much else in it, so that only the known parts of a library are meant
    tree    what the folders lie in, by their places: the configuration's own tree, or the disk of this machine
    """

    folder: str
    names: dict[str, str]
    given: bool = False
    called: str = ""
    tree: Tree = field(default_factory=Root, compare=False, repr=False)

    @property
    def start(self) -> str:
        """The file that m4 reads before a .mc that does not include it."""
        return f"{self.folder}/{START}"

    @property
    def folders(self) -> list[str]:
        """Every folder that belongs to a library; of one that only a .mc names, no more than the parts."""
        own = [self.folder] if self.given or not self.called else [f"{self.folder}/{part}" for part in _PARTS]
        return list(filter(None, dict.fromkeys((*own, *self.names.values()))))

    @property
    def name(self) -> str:
        """What a .mc best calls the folder: the name that it has on the machine that the .mc is for."""
        return next(
            (n for n, folder in self.names.items() if folder == self.folder and folder.endswith(n)), self.folder
        )

    def find(self, path: str) -> str | None:
        """The place of a library's file that a configuration calls ``path``; None for other files."""
        if is_part(path, self.called):
            return self.folder + path[len(self.called) :]
        for name, folder in self.names.items():
            if path.startswith(name + "/"):
                return folder + path[len(name) :]
        return path if self.folder and path.startswith(self.folder + "/") else None

    def locate(self, path: str, root: Tree) -> str:
        """Where the file is that a configuration below ``root`` calls ``path``, in the library or not."""
        return self.find(path) or str(root.path(path))

    def holds(self, path: str) -> bool:
        """Whether ``path``, as a configuration calls it, is a file of the library."""
        return self.find(path) is not None

    def available(self, kind: str) -> list[str]:
        """What can be asked for: the names in ``feature``, ``mailer``, ``ostype``, ``domain`` or ``hack``."""
        try:
            files = self.tree.list(TreePlace(f"{self.folder}/{kind}"))
        except OSError:
            return []
        return sorted(file[: -len(".m4")] for file in files if file.endswith(".m4"))

    def read(self, name: str) -> bytes:
        """The content of a file of the library, by its path within. Raises OSError."""
        return self.tree.read(TreePlace(f"{self.folder}/{name}"))


def is_library(folder: str, tree: Tree) -> bool:
    """Whether there is a library at the place ``folder`` of ``tree``."""
    try:
        return tree.is_file(TreePlace(f"{folder}/{START}"))
    except OSError:
        return False


def is_part(path: str, folder: str) -> bool:
    """Whether ``path`` is in one of the folders that the library ``folder`` consists of."""
    return bool(folder) and path.startswith(folder + "/") and path[len(folder) + 1 :].startswith(_WITHIN)


def library_for(start: str, library: Library | None, root: Tree) -> Library | None:
    """The library for a .mc that includes ``start``, the whole path of an m4/cf.m4; ``library`` is what is used else.

    None, or ``library`` unchanged, where no library has that name, or another user can have written it.
    """
    called = start.removesuffix("/" + START)
    if library is not None and library.holds(start):
        return library
    if library is not None and library.given:
        return replace(library, called=called)
    for top in dict.fromkeys((root, Root())):
        folder = str(top.path(called).absolute())
        if is_library(folder, top) and _is_trusted(folder, top):
            return Library(folder, {} if library is None else library.names, called=called, tree=top)
    return library


def is_present(start: str, root: Tree) -> bool:
    """Whether there is a library whose m4/cf.m4 a .mc calls ``start``, whoever can write to it."""
    called = start.removesuffix("/" + START)
    return any(is_library(str(top.path(called).absolute()), top) for top in dict.fromkeys((root, Root())))


def _is_trusted(folder: str, tree: Tree) -> bool:
    """Whether only root and the effective user can have written what a library consists of."""
    try:
        for place in (folder, f"{folder}/{START}", *(f"{folder}/{part}" for part in _PARTS)):
            if tree.exists(TreePlace(place)):
                distrust(tree.stat(TreePlace(place)), place)
    except OSError:
        return False
    return True


def find_library(root: Tree | None = None, given: str = "") -> Library | None:
    """The library to use; None when no library is found.

    given   the folder that the user names; it is a path of this machine, not one below ``root``
    Otherwise what the environment's MAILCONF_CF_LIBRARY names, or the first of `PLACES` below ``root``, or else on this
    machine: a tree that is built elsewhere need not hold a copy.
    """
    root = root or Root()
    given = given or os.environ.get(SETTING, "")
    if given:
        folder = os.path.abspath(given)  # noqa: PTH100
        return Library(folder, dict.fromkeys(PLACES, folder), given=True) if is_library(folder, Root()) else None
    for top in dict.fromkeys((root, Root())):
        places = {place: str(top.path(place).absolute()) for place in PLACES}  # m4 works in the folder of the .mc
        present = {place: folder for place, folder in places.items() if is_library(folder, top)}
        if present:
            folder = next(iter(present.values()))
            return Library(folder, {place: present.get(place, folder) for place in PLACES}, tree=top)
    return None
