"""The hosts file, hosts(5): the addresses of names, and the names of addresses, as the system's library reads it.

Observed with the library of Debian 12 (glibc 2.36), whose getaddrinfo(3) Postfix 3.7.11 asks. A line is an address and
names for it, with blanks between them; ``#`` begins a comment, within a word too; a byte of value 0 ends the line.
An address has its usual form: no octal numbers, none left out, no zone. A name is compared without regard to the case
of ASCII letters, and with its last dot: ``host.`` is not ``host``. All lines that have a name count.

The order that nsswitch.conf(5) has nearly everywhere is assumed: the file first, then the DNS.
"""

from __future__ import annotations

import errno
import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from mailconf.files import Memory, Root, Tree

if TYPE_CHECKING:
    from collections.abc import Sequence

NAME = "/etc/hosts"
MOST = 8 << 20  # bytes
# What every system's file has, where a tree has no such file.
_EVERYWHERE = b"127.0.0.1 localhost\n::1 localhost\n"
_MAPPED = "::ffff:"
_LOOPBACK = {"::1": "127.0.0.1"}


class Hosts:
    """The content of a hosts file. Addresses are as inet_ntop(3) writes them, names as they are in the file."""

    def __init__(self, text: bytes = b"") -> None:
        self._addresses: dict[bytes, list[str]] = {}
        self._names: dict[str, tuple[bytes, ...]] = {}
        spelled: dict[str, str] = {}  # one object for each address: some files have one on each line
        for line in text.split(b"\n"):
            word, *names = line.partition(b"\0")[0].partition(b"#")[0].split() or [b""]
            address = _address(word)
            if not address or not names:
                continue
            address = spelled.setdefault(address, address)
            self._names.setdefault(address, tuple(names))
            for name in {name.lower(): None for name in names}:
                self._addresses.setdefault(name, []).append(address)

    def addresses(self, name: str) -> tuple[str, ...]:
        """The addresses of all lines that have ``name``, in the order of the file."""
        return tuple(self._addresses.get(name.encode("utf-8", "surrogateescape").lower(), ()))

    def names(self, address: str) -> tuple[str, ...]:
        """The names on the first line of ``address``."""
        with suppress(UnicodeEncodeError):
            found = self._names.get(_address(address.encode("ascii")), ())
            return tuple(name.decode("utf-8", "surrogateescape") for name in found)
        return ()


def _address(word: bytes) -> str:
    """An address as inet_ntop(3) writes it, "" for other text."""
    family = socket.AF_INET6 if b":" in word else socket.AF_INET
    with suppress(OSError, ValueError):
        return socket.inet_ntop(family, socket.inet_pton(family, word.decode("ascii")))
    return ""


def in_protocols(addresses: Sequence[str], *, ipv4: bool = True, ipv6: bool = True) -> tuple[str, ...]:
    """Those of a name's addresses that getaddrinfo(3) has for one protocol, or for both.

    Where IPv4 alone is wanted, IPv6's loopback is IPv4's, and an IPv4 address in an IPv6 one is that.
    """
    if ipv4 and ipv6:
        return tuple(addresses)
    if ipv6:
        return tuple(address for address in addresses if ":" in address)
    plain = (_LOOPBACK.get(address, address.removeprefix(_MAPPED)) for address in addresses)
    return tuple(address for address in plain if ":" not in address)


class HostsFile:
    """The hosts file of a tree, read anew when it has changed; threads may share it.

    A tree that has none, such as a copy of a configuration, has localhost's two addresses.
    """

    def __init__(self, root: Tree | None = None, name: str = NAME) -> None:
        self._root = Root() if root is None else root
        self._name = name
        self._lock = threading.Lock()
        self._state: tuple[int, ...] | None = None
        self._hosts = Hosts(_EVERYWHERE)

    @classmethod
    def of(cls, text: str) -> HostsFile:
        """One that has this text."""
        return cls(Memory({NAME: text}))

    def read(self) -> Hosts:
        """What is in it now. Raises OSError where it is too large, is no regular file or may not be read."""
        with self._lock:
            try:
                found = self._root.stat(self._name)
                state = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
                if state != self._state:
                    self._hosts = Hosts(self._root.read(self._name, MOST))
                    self._state = state
            except OSError as failure:
                self._state = None
                if failure.errno not in (errno.ENOENT, errno.ENOTDIR):
                    raise
                self._hosts = Hosts(_EVERYWHERE)
            return self._hosts
