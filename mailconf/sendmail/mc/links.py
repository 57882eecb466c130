"""Hard links: whether a file in a configuration's folder is one that lies elsewhere, too.

A symbolic link names its destination, and is not followed out of the folder. A hard link is the file itself, of any
user: the owner of the folder can have made it of a file that they cannot read (link(2); Linux forbids it only
where fs.protected_hardlinks is set, proc_sys_fs(5)).
"""

from __future__ import annotations

import os
import stat

from mailconf.files import Tree, TreePlace

_LOOKED_AT = 10_000  # files and folders; in a folder that holds more, a file with several names is taken for a link


def has_name_outside(status: os.stat_result, folder: str, tree: Tree) -> bool:
    """Whether the regular file of ``status`` has a name that is not below the place ``folder``."""
    if status.st_nlink < 2:
        return False
    missing, left, folders = status.st_nlink, _LOOKED_AT, [folder]
    while folders:
        try:
            here = folders.pop()
            for name in tree.list(TreePlace(here)):
                left -= 1
                if left < 0:
                    return True
                found = tree.stat(TreePlace(f"{here}/{name}"), follow=False)
                if stat.S_ISDIR(found.st_mode):
                    folders.append(f"{here}/{name}")
                else:
                    missing -= (found.st_dev, found.st_ino) == (status.st_dev, status.st_ino)
                    if not missing:
                        return False
        except OSError:
            continue  # what cannot be looked at is outside
    return True
