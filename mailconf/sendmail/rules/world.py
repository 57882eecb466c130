"""What rulesets ask of their surroundings. The interpreter opens, runs and connects nothing by itself.

A question to a map or to the DNS has three outcomes. What cannot be found out now raises `Unable`, or is a `Records`
with that outcome; it is never "absent".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from mailconf.model.world import Records, User
from mailconf.sendmail.rules.resolv_conf import Patience

SERVFAIL, REFUSES = "SERVFAIL", "connection refused"  # why a question to the DNS has failed


class Unable(Exception):
    """A file or server cannot be used now.

    reason   in the words of the system, or of sendmail
    missing  whether the file is not there
    """

    def __init__(self, reason: str, *, missing: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.missing = missing


class Trusting(NamedTuple):
    """What DontBlameSendmail allows of a file.

    unsafe_folders   folders of its path that others can write (``*InUnsafeDirPath``)
    links            a link to it from such a folder (``Linked*InWritableDir``)
    group            folders that their group can write are safe (GroupWritableDirPathSafe)
    sticky           so are those with the sticky bit (TrustStickyBit)
    """

    unsafe_folders: bool = False
    links: bool = False
    group: bool = False
    sticky: bool = False


class Ran(NamedTuple):
    """What a program has printed, and its exit status; -1 where it could not be started or was killed."""

    output: bytes
    status: int


class RulesWorld(Protocol):
    """See the module. Names of files are those of the configuration."""

    async def open_table(self, kind: str, file: str, trusting: Trusting) -> Sequence[str]:
        """Open the map ``file``, without its suffix, of the type hash, btree or cdb.

        The folders that others can write, and that sendmail therefore warns of. Raises Unable.
        """
        ...

    async def find(self, kind: str, file: str, key: bytes) -> bytes | None:
        """The value of exactly this key in a table that is open. Raises Unable, and then it is not open any more."""
        ...

    async def read(self, file: str, trusting: Trusting) -> tuple[bytes, Sequence[str]]:
        """A text file, and the folders to warn of. Raises Unable."""
        ...

    async def changed(self, file: str) -> float | None:
        """When a file was changed last, in seconds since the epoch; None where there is none."""
        ...

    async def hosts(self) -> bytes:
        """The hosts file (HostsFile); empty where there is none."""
        ...

    async def services(self, service: str) -> Sequence[str]:
        """Where ``service`` ("hosts", "aliases") is looked for, by ServiceSwitchFile: ("dns", "files")."""
        ...

    async def dns(self, name: str, kind: str, patience: Patience | None = None) -> Records:
        """The records of a type, in the server's order; "10 host" for MX. Names are without a dot at their end.

        The reason of a failure is SERVFAIL where the server has told of it, REFUSES where there is no server; patience
        is that of the map that asks.
        """
        ...

    async def search_domains(self) -> Sequence[str]:
        """The domains that are tried behind an unqualified name."""
        ...

    async def address_name(self, address: str) -> str | None:
        """The name of an IP address, by the hosts file and the DNS. Raises Unable."""
        ...

    async def user(self, name: str) -> User | None:
        """A user of the machine."""
        ...

    async def full_names(self) -> Sequence[tuple[str, str]]:
        """The users' names and their full names as passwd(5) has them, for MatchGECOS."""
        ...

    async def run(self, command: Sequence[str]) -> Ran:
        """Run a program of a ``program`` map without a shell. Raises Unable."""
        ...

    async def ask_socket(self, address: str, request: bytes, timeout: float) -> bytes:
        """The answer of the server of a ``socket`` map: netstrings both ways. Raises Unable."""
        ...

    async def log(self, priority: str, text: str) -> None:
        """Write into the system's log, for a ``syslog`` map."""
        ...

    def now(self) -> float:
        """Seconds since the epoch."""
        ...
