"""Where configuration is read from, and how files are replaced.

Everything that reads configuration takes a `Tree` (`mailconf.files.tree`), of which there are five kinds: `Root`, the
disk below a folder; `Mounted`, a folder as another; `Overlay`, texts that are not saved yet over another tree;
`Revision`, what a git repository has recorded; `Memory`, files that a test has made up. `replace` writes a file,
`read_own` reads what mailconf has written.

What is named here is imported when it is asked for, and `read_here` does without: the start-up time of tools is a
feature.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from mailconf.files.disk import Root as Root
    from mailconf.files.memory import File as File
    from mailconf.files.memory import Link as Link
    from mailconf.files.memory import Memory as Memory
    from mailconf.files.mounted import Mounted as Mounted
    from mailconf.files.overlay import Overlay as Overlay
    from mailconf.files.own import Untrusted as Untrusted
    from mailconf.files.own import distrust as distrust
    from mailconf.files.own import read_own as read_own
    from mailconf.files.regular import read_regular as read_regular
    from mailconf.files.replacing import exchange as exchange
    from mailconf.files.replacing import lock_folder as lock_folder
    from mailconf.files.replacing import remove_leftovers as remove_leftovers
    from mailconf.files.replacing import replace as replace
    from mailconf.files.replacing import sync_folder as sync_folder
    from mailconf.files.revision import NoRevision as NoRevision
    from mailconf.files.revision import Revision as Revision
    from mailconf.files.tree import MOST as MOST
    from mailconf.files.tree import NoDisk as NoDisk
    from mailconf.files.tree import Tree as Tree
    from mailconf.files.tree import TreePlace as TreePlace

_MODULES = {
    "disk": ("Root",),
    "memory": ("File", "Link", "Memory"),
    "mounted": ("Mounted",),
    "overlay": ("Overlay",),
    "own": ("Untrusted", "distrust", "read_own"),
    "regular": ("read_regular",),
    "replacing": ("exchange", "lock_folder", "remove_leftovers", "replace", "sync_folder"),
    "revision": ("NoRevision", "Revision"),
    "tree": ("MOST", "NoDisk", "TreePlace", "Tree"),
}


def read_here(name: str, most: int) -> bytes:
    """A file of this machine, of at most ``most`` bytes: what ``Root(waits=True).read`` returns. Raises OSError.

    For what a tool reads at each start: to import the trees takes it two milliseconds.
    """
    with open(name, "rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        import errno
        import os

        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), name)
    return data


def __getattr__(name: str) -> object:
    from importlib import import_module

    for module, names in _MODULES.items():
        if name in names:
            found = globals()[name] = getattr(import_module(f"mailconf.files.{module}"), name)
            return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
