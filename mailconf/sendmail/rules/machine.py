"""The machine that a configuration is read on: its names, users, groups and services.

Below another root than / users and groups are those of the files there, and the machine's own names stay.
"""

from __future__ import annotations

import os
import socket
import struct
from typing import TYPE_CHECKING, NamedTuple

from mailconf.model.world import User
from mailconf.ports import Ports

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mailconf.files import Tree

_LIST, _FLAGS = 0x8912, 0x8913  # netdevice(7): SIOCGIFCONF, SIOCGIFFLAGS
_ENTRY = 40  # bytes of a struct ifreq
_MOST_ADDRESSES = 1000
_UP, _LOOPBACK = 0x1, 0x8


class OwnNames(NamedTuple):
    """What the machine is called.

    host     the full name
    node     the name that uname(2) has
    others   further names, and addresses in brackets
    """

    host: str
    node: str
    others: tuple[str, ...] = ()


class Interface(NamedTuple):
    """An address of the machine, in brackets, and the names that it has."""

    address: str
    names: tuple[str, ...]


class Machine:
    def __init__(self, root: Tree) -> None:
        self.root = root
        self._ports = Ports(root=root)

    def names(self) -> OwnNames:
        """The machine's names, by gethostname(2) and the name service."""
        node = os.uname().nodename
        name, host = socket.gethostname() or "localhost", ""
        try:
            host, aliases, addresses = socket.gethostbyname_ex(name)
        except (OSError, UnicodeError):
            return OwnNames(name, node)
        full = host if "." in host or "." not in name else name
        if "." not in full:
            full = next((alias for alias in aliases if "." in alias), full)
        return OwnNames(full, node, (*aliases, *(f"[{address}]" for address in addresses)))

    def interfaces(self, *, loopback: bool) -> Iterator[Interface]:
        """The IPv4 addresses of interfaces that are up, each of them all; names of loopback ones where it is set."""
        import array
        import fcntl

        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            room = array.array("B", bytes(_ENTRY * _MOST_ADDRESSES))
            place, count = room.buffer_info()
            filled = fcntl.ioctl(asking, _LIST, struct.pack("iP", count, place))
            entries = room.tobytes()[: struct.unpack("iP", filled)[0]]
            for at in range(0, len(entries), _ENTRY):
                name, family, number = struct.unpack_from("16sH2x4s", entries, at)
                address = socket.inet_ntoa(number)
                try:
                    flags = struct.unpack_from("16xH", fcntl.ioctl(asking, _FLAGS, name.ljust(_ENTRY, b"\0")))[0]
                except OSError:
                    continue
                if family != socket.AF_INET or not flags & _UP or address == "0.0.0.0":
                    continue
                named = loopback or not flags & _LOOPBACK
                yield Interface(f"[{address}]", _address_names(address) if named else ())

    def user(self, name: str) -> User | None:
        """The user of this name."""
        if self.root.is_real:
            import pwd

            try:
                found = pwd.getpwnam(name)
            except (KeyError, ValueError):
                return None
            return User(found.pw_name, found.pw_uid, found.pw_gid, found.pw_dir, found.pw_shell)
        return next((user for user, _ in self.users() if user.name == name), None)

    def users(self) -> Iterator[tuple[User, str]]:
        """All users with their full names."""
        if self.root.is_real:
            import pwd

            for found in pwd.getpwall():
                user = User(found.pw_name, found.pw_uid, found.pw_gid, found.pw_dir, found.pw_shell)
                yield user, full_name(found.pw_gecos, found.pw_name)
            return
        for fields in self._accounts("/etc/passwd", 7):
            if fields[2].isdigit() and fields[3].isdigit():
                user = User(fields[0], int(fields[2]), int(fields[3]), fields[5], fields[6])
                yield user, full_name(fields[4], fields[0])

    def group(self, name: str) -> int | None:
        """The number of the group of this name."""
        if self.root.is_real:
            import grp

            try:
                return grp.getgrnam(name).gr_gid
            except (KeyError, ValueError):
                return None
        groups = self._accounts("/etc/group", 4)
        return next((int(fields[2]) for fields in groups if fields[0] == name and fields[2].isdigit()), None)

    def groups(self, login: str) -> tuple[int, ...]:
        """The numbers of the groups that have a user as a member in group(5)."""
        if self.root.is_real:
            import grp

            return tuple(found.gr_gid for found in grp.getgrall() if login in found.gr_mem)
        groups = self._accounts("/etc/group", 4)
        return tuple(int(fields[2]) for fields in groups if login in fields[3].split(",") and fields[2].isdigit())

    def _accounts(self, file: str, count: int) -> Iterator[list[str]]:
        try:
            data = self.root.personal(file, None, follow=True).text or b""
        except OSError:
            data = b""  # a copy of a configuration has no users
        for line in data.decode("latin-1").splitlines():
            fields = line.split(":")
            if len(fields) >= count:
                yield fields

    def port(self, name: str) -> int | None:
        """The TCP port of a service."""
        return self._ports.number(name)

    def has_host(self, name: str, family: int = socket.AF_INET) -> bool:
        """Whether a host of this name has an address."""
        try:
            return bool(socket.getaddrinfo(name, None, family))
        except (OSError, UnicodeError):
            return False


class NamedMachine(Machine):
    """A machine that is called ``host``, whose other names are not asked for."""

    def __init__(self, root: Tree, host: str) -> None:
        super().__init__(root)
        self._host = host

    def names(self) -> OwnNames:
        return OwnNames(self._host, self._host.partition(".")[0], ("localhost", "[127.0.0.1]"))

    def interfaces(self, *, loopback: bool) -> Iterator[Interface]:
        return iter(())

    def has_host(self, name: str, family: int = socket.AF_INET) -> bool:
        return False


def full_name(gecos: str, login: str) -> str:
    """The name of a field gecos: up to a comma, with the login for ``&``, without what a ``(`` begins."""
    text = gecos.removeprefix("*")
    for end in ",;%":
        text = text.partition(end)[0]
    return text.replace("&", login.capitalize())


def _address_names(address: str) -> tuple[str, ...]:
    try:
        name, aliases, _ = socket.gethostbyaddr(address)
    except (OSError, UnicodeError):
        return ()
    return (name, *aliases)
