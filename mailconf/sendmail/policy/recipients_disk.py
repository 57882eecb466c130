"""A `RecipientsWorld` over a tree of files and this machine, for -bv, explain and tests."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mailconf.model.recipient import Identity
from mailconf.model.world import User
from mailconf.sendmail.policy.recipients_world import CannotRead, FileRules, FreeSpace, UserFile
from mailconf.sendmail.rules.disk_world import DiskWorld
from mailconf.sendmail.rules.safe_path import Reader, check_file
from mailconf.sendmail.rules.world import Trusting, Unable
from mailconf.source import Span

if TYPE_CHECKING:
    from mailconf.files import Tree

_PASSING = ("Connection timed out", "Input/output error", "Stale file handle", "Too many open files in system")


class DiskRecipientsWorld(DiskWorld):
    """See the module."""

    async def account(self, uid: int) -> User | None:
        return next((user for user, _ in self.machine.users() if user.uid == uid), None)

    async def free_space(self, folder: str) -> FreeSpace | None:
        name = folder.rpartition("/")[0] if folder.endswith("*") else folder
        try:
            found = os.statvfs(self.root.path(name))
        except OSError:
            return None
        return FreeSpace(found.f_bavail, found.f_bsize)

    def place_of(self, file: str, key: bytes) -> Span | None:
        return None

    async def user_file(self, file: str, reader: Identity, login: str, rules: FileRules) -> UserFile:
        groups = self.machine.groups(login) if login else ()
        return read_user_file(self.root, file, reader, groups, rules)


def read_user_file(root: Tree, file: str, reader: Identity, groups: tuple[int, ...], rules: FileRules) -> UserFile:
    """A file of a tree, as `RecipientsWorld.user_file` has it; ``groups`` are those of the reader beside their own."""
    trusting = Trusting(rules.unsafe_folders, rules.links, rules.group, rules.sticky)
    who = Reader(reader.uid, frozenset((reader.gid, *groups)), rules.must_own, rules.group_file, rules.world_file)
    try:
        check_file(root, file, trusting, who)
    except Unable as unable:
        passing = unable.reason in _PASSING
        raise CannotRead(unable.reason, missing=unable.missing, passing=passing) from unable
    try:
        status = root.stat(file)
        found = root.personal(file, (reader.uid, reader.gid), follow=True)
    except OSError as failure:
        raise CannotRead(failure.strerror or str(failure), passing=True) from failure
    if found.text is None:
        raise CannotRead(found.reason or "Permission denied", passing=found.reason in _PASSING)
    if found.owner != status.st_uid:
        raise CannotRead("File changed after open", passing=True)
    return UserFile(found.text, Identity(status.st_uid, status.st_gid), found.mode)
