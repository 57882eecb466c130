"""Files that name recipients: ``:include:`` lists and users' .forward files, each read with its reader's rights.

Who reads a list is who named it: the user whose file it was, else the default user. What a list or a .forward file may
itself name depends on who could have written it: no commands and no files where its owner has no shell that may be
used (shells(5)), or where its group or everybody can write it.

Source: sendmail 8.17.1.9 -bv -v; Sendmail Installation and Operation Guide 2.6, 4.11, 5.6 DontBlameSendmail.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator

from mailconf.model.recipient import Identity
from mailconf.model.world import User
from mailconf.sendmail.policy.recipients_list import Addressee
from mailconf.sendmail.policy.recipients_world import CannotRead, FileRules, RecipientsWorld
from mailconf.sendmail.rules.run import Engine
from mailconf.sendmail.rules.symbols import MACRO
from mailconf.sendmail.rules.world import Trusting, Unable

_ANY_SHELL = "/SENDMAIL/ANY/SHELL/"
_SHELLS = ("/bin/bsh", "/bin/csh", "/bin/ksh", "/bin/rsh", "/bin/sh", "/usr/bin/ksh", "/usr/bin/sh")
_LINE = 2047
_COMMENT = re.compile(r"[ \t\v\f\r]#@#(?=[ \t\v\f\r]|$)")
DEFAULT_USERS = ("mailnull", "sendmail", "daemon")
_NAME_MAX = 4096


async def default_identity(engine: Engine) -> Identity:
    """DefaultUser: a name, or ``user:group``."""
    text = engine.book.options.get("DefaultUser", "")
    name, _, group = text.replace(".", ":", 1).partition(":")
    names = (name,) if name.strip() else DEFAULT_USERS
    uid, gid = 1, 1
    for login in names:
        if login.strip().isdigit():
            uid = int(login)
            break
        user = await engine.world.user(login.strip())
        if user is not None:
            uid, gid = user.uid, user.gid
            break
    return Identity(uid, int(group) if group.strip().isdigit() else gid)


class UserFiles:
    """Reads the files of one message's recipients."""

    def __init__(self, engine: Engine, world: RecipientsWorld) -> None:
        self._engine = engine
        self._world = world
        self._shells: frozenset[str] | None = None

    def own_host(self) -> str:
        """The machine's name, as messages have it."""
        return self._engine.macros.expand(f"{MACRO}j", lambda message: None)

    def rules(self, *, forwarding: bool) -> FileRules:
        """What DontBlameSendmail allows of such files."""
        blames = self._engine.book.blames
        what = "forward" if forwarding else "include"
        return FileRules(
            must_own=forwarding,
            group_file=blames(f"groupwritable{what}file"),
            world_file=blames(f"worldwritable{what}file"),
            unsafe_folders=blames(f"{what}fileinunsafedirpath"),
            links=blames(f"linked{what}fileinwritabledir"),
            group=blames("groupwritabledirpathsafe"),
            sticky=blames("truststickybit"),
        )

    async def _account(self, uid: int) -> User | None:
        try:
            return await self._world.account(uid)
        except Unable as unable:
            raise CannotRead(unable.reason, passing=True) from unable

    async def read(self, addressee: Addressee, file: str, *, forwarding: bool) -> bytes | CannotRead:
        """What is in the file of an addressee, who gets the rights and the limits of what it names; or why not."""
        try:
            return await self._read(addressee, file, forwarding)
        except CannotRead as failure:
            return failure

    async def _read(self, addressee: Addressee, file: str, forwarding: bool) -> bytes:
        controller = addressee.controller()
        if controller is None or controller.identity is None or controller.identity.uid == 0:
            reader, login = await default_identity(self._engine), ""
        else:
            reader, login = controller.identity, controller.login
        if not login:
            user = await self._account(reader.uid)
            login = user.name if user else ""
        if "\0" in file or len(file) >= _NAME_MAX:
            raise CannotRead("File name too long")
        if not file.startswith("/"):  # below the queue's folder, where nobody but root may look
            raise CannotRead("Permission denied")
        found = await self._world.user_file(file, reader, login, self.rules(forwarding=forwarding))
        addressee.file_owner = found.owner.uid
        if controller is None:
            addressee.identity = found.owner
        if controller is not None and controller.identity and controller.identity.uid == found.owner.uid:
            addressee.shellless = addressee.shellless or controller.shellless
            addressee.login = controller.login
        elif not forwarding:
            owner = await self._account(found.owner.uid)
            addressee.login = owner.name if owner else ""
            addressee.shellless = addressee.shellless or owner is None or not await self.has_shell(owner)
        what = "forward" if forwarding else "include"
        for bit, who in ((stat.S_IWGRP, "group"), (stat.S_IWOTH, "world")):
            if found.mode & bit and not self._engine.book.blames(f"{who}writable{what}filesafe"):
                addressee.unsafe = True
        return found.text

    def lines(self, text: bytes) -> Iterator[tuple[int, str]]:
        """The lines that name addresses, with their numbers: no comments, no empty ones, long ones in pieces."""
        lines = text.decode("latin-1").split("\n")
        if lines and not lines[-1]:
            lines.pop()
        number = 0
        for whole in lines:
            for at in range(0, len(whole) or 1, _LINE):
                number += 1
                line = whole[at : at + _LINE].partition("\0")[0].removesuffix("\r")
                if not line or line[0] == "#":
                    continue
                comment = _COMMENT.search(line, 1)
                line = line[: comment.start()] if comment else line
                if line:
                    yield number, line

    async def has_shell(self, user: User) -> bool:
        """Whether a user's shell is one that may be used: it is in shells(5), or everything is."""
        if not user.shell:
            return True
        if self._shells is None:
            self._shells = await self._read_shells()
        return user.shell in self._shells or _ANY_SHELL in self._shells

    async def _read_shells(self) -> frozenset[str]:
        try:
            data, _ = await self._world.read("/etc/shells", Trusting(unsafe_folders=True, links=True))
        except Unable:
            return frozenset(_SHELLS)
        words = (line.partition("#")[0].split() for line in data.decode("latin-1").split("\n"))
        return frozenset(found[0] for found in words if found and found[0].startswith("/"))
