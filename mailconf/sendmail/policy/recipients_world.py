"""What recipients ask of the surroundings beyond what rulesets ask: users by number, and files that users write."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from mailconf.model.recipient import Identity
from mailconf.model.world import User
from mailconf.sendmail.rules.world import RulesWorld
from mailconf.source import Span


class FileRules(NamedTuple):
    """What is asked of a user's file; each is what DontBlameSendmail allows (``GroupWritableForwardFile``, ...).

    must_own   the file has to belong to who reads it, or to root
    group_file, world_file   its group, or everybody, may be able to write it
    unsafe_folders   so may others the folders of its path (``*InUnsafeDirPath``)
    links      a link to it from such a folder (``Linked*InWritableDir``)
    group, sticky    folders that their group can write, or that have the sticky bit, are safe
    """

    must_own: bool = False
    group_file: bool = False
    world_file: bool = False
    unsafe_folders: bool = False
    links: bool = False
    group: bool = False
    sticky: bool = False


class UserFile(NamedTuple):
    """A file that was read with a user's rights: what is in it, whose it is, and its mode."""

    text: bytes
    owner: Identity
    mode: int


class CannotRead(Exception):
    """A user's file is not read.

    reason   in sendmail's words
    missing  whether it is not there
    passing  whether that may be over soon: mail has to wait
    """

    def __init__(self, reason: str, *, missing: bool = False, passing: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.missing = missing
        self.passing = passing


class FreeSpace(NamedTuple):
    """What is free on a disk for those who are not root: ``blocks`` of ``block_size`` bytes."""

    blocks: int
    block_size: int


class RecipientsWorld(RulesWorld, Protocol):
    """See the module."""

    async def free_space(self, folder: str) -> FreeSpace | None:
        """What is free where ``folder`` lies, which may end with ``*``; None where that is not known."""
        ...

    async def account(self, uid: int) -> User | None:
        """The user of this number. Raises Unable where that is unknown now."""
        ...

    async def user_file(self, file: str, reader: Identity, login: str, rules: FileRules) -> UserFile:
        """A file, read with no more than the reader's rights, if it keeps to the rules. Raises CannotRead.

        login  the reader's name, for the groups that it is in; "" without one
        """
        ...

    def place_of(self, file: str, key: bytes) -> Span | None:
        """Where the text that a table is made of has a key, for traces; None where that is not known."""
        ...
