"""Where sendmail's library of m4 macros is (the package sendmail-cf), and what a .mc calls it.

The library is a folder with ``m4/cf.m4`` in it; the .mc asks it for FEATUREs, MAILERs and the rest. A .mc reaches it in
one of two ways (cf/README, "GETTING STARTED"): it includes the library's m4/cf.m4 itself under the name that its
distribution gives it, or m4 is given that file before the .mc. The library's own name for its folder is the macro
``_CF_DIR_``, with a slash at the end, which m4/cf.m4 works out from the name that it was read under.

A .mc written for another distribution still finds the library: each of the names of `PLACES` means the library that is
used, unless there is another one at that place.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from mailconf.files import Root

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


@dataclass(frozen=True, slots=True)
class Library:
    """folder  where the library is
    names   the folders that configurations call the library, and where each of them is
    """

    folder: str
    names: dict[str, str]

    @property
    def start(self) -> str:
        """The file that m4 reads before a .mc that does not include it."""
        return f"{self.folder}/{START}"

    @property
    def folders(self) -> list[str]:
        """Every folder that belongs to a library."""
        return list(dict.fromkeys((self.folder, *self.names.values())))

    @property
    def name(self) -> str:
        """What a .mc best calls the folder: the name that it has on the machine that the .mc is for."""
        return next(
            (n for n, folder in self.names.items() if folder == self.folder and folder.endswith(n)), self.folder
        )

    def find(self, path: str) -> str | None:
        """The place of a library's file that a configuration calls ``path``; None for other files."""
        for name, folder in self.names.items():
            if path.startswith(name + "/"):
                return folder + path[len(name) :]
        return path if path.startswith(self.folder + "/") else None

    def locate(self, path: str, root: Root) -> str:
        """Where the file is that a configuration below ``root`` calls ``path``, in the library or not."""
        return self.find(path) or str(root.path(path))

    def holds(self, path: str) -> bool:
        """Whether ``path``, as a configuration calls it, is a file of the library."""
        return self.find(path) is not None

    def available(self, kind: str) -> list[str]:
        """What can be asked for: the names in ``feature``, ``mailer``, ``ostype``, ``domain`` or ``hack``."""
        try:
            files = os.listdir(f"{self.folder}/{kind}")  # noqa: PTH208 - names are all that is wanted
        except OSError:
            return []
        return sorted(file[: -len(".m4")] for file in files if file.endswith(".m4"))


def is_library(folder: str) -> bool:
    return os.path.isfile(f"{folder}/{START}")  # noqa: PTH113


def find_library(root: Root | None = None, given: str = "") -> Library | None:
    """The library to use; None when there is none.

    given   the folder that the user names; it is a path of this machine, not one below ``root``
    Otherwise what the environment's MAILCONF_CF_LIBRARY names, or the first of `PLACES` below ``root``, or else on this
    machine: a tree that is built elsewhere need not hold a copy.
    """
    root = root or Root()
    given = given or os.environ.get(SETTING, "")
    if given:
        folder = os.path.abspath(given)  # noqa: PTH100
        return Library(folder, dict.fromkeys(PLACES, folder)) if is_library(folder) else None
    for top in dict.fromkeys((root, Root())):
        present = {place: str(top.path(place)) for place in PLACES if is_library(str(top.path(place)))}
        if present:
            folder = next(iter(present.values()))
            return Library(folder, {place: present.get(place, folder) for place in PLACES})
    return None
