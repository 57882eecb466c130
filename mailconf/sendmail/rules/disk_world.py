"""A `RulesWorld` over a tree of files and this machine: for address test mode, explain and tests.

Tables stay open, and are opened anew when their file has changed. The DNS is asked only where ``online`` is set;
without it, names that are not among the given records fail for the time being. Programs are run only where ``runs`` is
set, without a shell, with no more than PATH in their environment, and within bounds of time and output.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol, Self

from mailconf.maps.core.table import TemporaryFailure
from mailconf.model.world import Outcome, Records, User
from mailconf.sendmail.rules.machine import Machine
from mailconf.sendmail.rules.resolv_conf import Patience, ResolvConf, patience
from mailconf.sendmail.rules.safe_path import check_file
from mailconf.sendmail.rules.world import Ran, Trusting, Unable

if TYPE_CHECKING:
    from mailconf.files import Tree

_SUFFIX = {"hash": ".db", "btree": ".db", "cdb": ".cdb"}
_MOST = 1 << 26  # bytes of a text
_MOST_ANSWERS, _LONGEST_ANSWER = 2000, 1000  # of a table that are kept, and the bytes of one
_SETTLED = 2.0  # seconds after which a file that is changed again has another time
_PROGRAM_TIME = 60.0  # seconds
_PROGRAM_OUTPUT = 1 << 20
_AS_TOLD = Patience()  # by resolv.conf(5)
_SERVICES = {"hosts": ("dns", "files"), "aliases": ("files",)}


class _File(Protocol):
    def get(self, key: bytes) -> bytes | None: ...

    def close(self) -> None: ...


class _Open(NamedTuple):
    """A table that is open, and what it has answered since, for keys that are asked for again and again."""

    file: _File
    trusting: Trusting
    changed: float
    answers: dict[bytes, bytes | None]


class DiskWorld:
    """See the module.

    root      where the files of the configuration are
    records   answers of the DNS by lower-case name and type; a name that has any entry is not asked for
    online    whether the DNS and socket maps are asked
    runs      whether programs are run
    switch, hosts_file   the options ServiceSwitchFile and HostsFile
    patience  how long servers of the DNS are waited for (Timeout.resolver.retrans and .retry)
    machine   the machine that has the users; else this one
    """

    @classmethod
    def of_machine(cls, root: Tree, options: Mapping[str, str]) -> Self:
        """The world of a program that runs here: it asks the DNS, as long as the options of the .cf say."""
        return cls(
            root,
            online=True,
            runs=root.is_real,
            switch=options.get("ServiceSwitchFile", "/etc/mail/service.switch"),
            hosts_file=options.get("HostsFile", "/etc/hosts"),
            patience=patience(options.get("Timeout.resolver.retrans", ""), options.get("Timeout.resolver.retry", "")),
        )

    def __init__(
        self,
        root: Tree,
        *,
        records: Mapping[tuple[str, str], Records] | None = None,
        online: bool = False,
        runs: bool = False,
        switch: str = "/etc/mail/service.switch",
        hosts_file: str = "/etc/hosts",
        patience: Patience = _AS_TOLD,
        machine: Machine | None = None,
    ) -> None:
        self.root = root
        self.machine = machine or Machine(root)
        self._records = dict(records or {})
        self._names = {name for name, _ in self._records}
        self._online = online
        self._runs = runs
        self._switch, self._hosts_file = switch, hosts_file
        self._tables: dict[tuple[str, str], _Open] = {}
        self._services: dict[str, Sequence[str]] | None = None
        self._patience = patience
        self._resolv_conf: ResolvConf | None = None

    def now(self) -> float:
        return time.time()

    # -- files

    async def open_table(self, kind: str, file: str, trusting: Trusting) -> Sequence[str]:
        name = file + _SUFFIX[kind]
        warnings = check_file(self.root, name, trusting)
        self._close(kind, file)
        self._open(kind, file, trusting)
        return warnings

    def _open(self, kind: str, file: str, trusting: Trusting) -> _Open:
        name = file + _SUFFIX[kind]
        try:
            changed = self.root.stat(name).st_mtime
            opened = _Open(_opened(kind, self.root.real(name), name), trusting, changed, {})
        except TemporaryFailure as failure:
            raise Unable("Invalid argument") from failure
        except OSError as failure:
            raise Unable(failure.strerror or str(failure)) from failure
        self._tables[kind, file] = opened
        return opened

    def _close(self, kind: str, file: str) -> None:
        known = self._tables.pop((kind, file), None)
        if known is not None:
            known.file.close()

    async def find(self, kind: str, file: str, key: bytes) -> bytes | None:
        opened = self._tables[kind, file]
        name = file + _SUFFIX[kind]
        try:
            changed = self.root.stat(name).st_mtime
        except OSError as failure:
            self._close(kind, file)
            raise Unable(failure.strerror or str(failure)) from failure
        if changed > opened.changed:
            check_file(self.root, name, opened.trusting)
            self._close(kind, file)
            opened = self._open(kind, file, opened.trusting)
        answers = opened.answers
        if key in answers:
            return answers[key]
        try:
            value = opened.file.get(key)
        except (TemporaryFailure, OSError) as failure:
            raise Unable(str(failure)) from failure
        if len(answers) >= _MOST_ANSWERS:
            answers.clear()
        if (value is None or len(value) <= _LONGEST_ANSWER) and time.time() - opened.changed > _SETTLED:
            answers[key] = value
        return value

    async def read(self, file: str, trusting: Trusting) -> tuple[bytes, Sequence[str]]:
        warnings = check_file(self.root, file, trusting)
        try:
            return self.root.read(file, _MOST), warnings
        except OSError as failure:
            raise Unable(failure.strerror or str(failure)) from failure

    async def changed(self, file: str) -> float | None:
        try:
            return float(int(self.root.stat(file).st_mtime))
        except OSError:
            return None

    async def hosts(self) -> bytes:
        try:
            return self.root.read(self._hosts_file, _MOST)
        except OSError:
            return b""

    async def services(self, service: str) -> Sequence[str]:
        if self._services is None:
            self._services = dict(_SERVICES)
            try:
                data = self.root.read(self._switch, _MOST).decode("latin-1")
            except OSError:
                data = ""
            for line in data.split("\n"):
                words = line.partition("#")[0].split()
                if len(words) > 1:
                    self._services[words[0].lower()] = tuple(words[1:])
        return self._services.get(service.lower(), ())

    # -- the DNS

    async def dns(self, name: str, kind: str, patience: Patience | None = None) -> Records:
        folded = name.lower().rstrip(".")
        if folded in self._names:
            return self._records.get((folded, kind), Records(Outcome.ABSENT))
        if not folded.isascii() or not folded:
            return Records(Outcome.ABSENT, nxdomain=True)
        if not self._online:
            return Records(Outcome.FAILED, (), "not asked in this run")
        from mailconf.sendmail.rules.stub_resolver import ask

        # As it is spelled: a server may spell the names of its answer as the question does, where they share an end.
        wait = patience.over(self._patience) if patience else self._patience
        return ask(name.rstrip("."), kind, self._settings(), wait)

    async def search_domains(self) -> Sequence[str]:
        domains = self._settings().domains
        if domains is not None:
            return domains
        _, dot, domain = os.uname().nodename.partition(".")
        return (domain,) if dot and domain else ()

    def _settings(self) -> ResolvConf:
        if self._resolv_conf is None:
            from mailconf.sendmail.rules.resolv_conf import read

            try:
                text = self.root.read("/etc/resolv.conf", _MOST).decode("latin-1")
            except OSError:
                text = ""
            self._resolv_conf = read(text)
        return self._resolv_conf

    async def address_name(self, address: str) -> str | None:
        for line in (await self.hosts()).decode("latin-1").split("\n"):
            words = line.partition("#")[0].split()
            if len(words) > 1 and words[0] == address:
                return words[1]
        records = await self.dns(_reverse(address), "PTR")
        if records.outcome is Outcome.FAILED:
            raise Unable(records.reason)
        return records.values[0] if records.values else None

    # -- users, programs, servers

    async def user(self, name: str) -> User | None:
        return self.machine.user(name)

    async def full_names(self) -> Sequence[tuple[str, str]]:
        return [(user.name, full) for user, full in self.machine.users()]

    async def run(self, command: Sequence[str]) -> Ran:
        if not self._runs:
            raise Unable("programs are not run here")
        import subprocess

        argv = [word.encode("latin-1", "replace") for word in command]
        environment = {"PATH": "/usr/bin:/bin", "AGENT": "sendmail"}
        try:
            done = subprocess.run(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                env=environment,
                timeout=_PROGRAM_TIME,
                check=False,
            )
        except OSError:
            return Ran(b"", 71)  # the child of the original ends so
        except (subprocess.TimeoutExpired, ValueError) as failure:
            raise Unable(str(failure)) from failure
        return Ran(done.stdout[:_PROGRAM_OUTPUT], done.returncode)

    async def ask_socket(self, address: str, request: bytes, timeout: float) -> bytes:
        if not self._online:
            raise Unable("not asked in this run")
        from mailconf.sendmail.rules.socket_map import ask

        return ask(self.root, self.machine, address, request, timeout)

    async def log(self, priority: str, text: str) -> None:
        import syslog

        shown = "".join(c if c.isprintable() else "?" for c in text)
        syslog.syslog(syslog.LOG_MAIL | getattr(syslog, f"LOG_{priority.upper()}"), shown)


def _opened(kind: str, path: object, name: str) -> _File:
    from pathlib import Path

    place = Path(str(path))
    if kind == "hash":
        from mailconf.maps.database.bdb_hash import HashFile

        return HashFile(place, name)
    if kind == "btree":
        from mailconf.maps.database.bdb_btree import BtreeFile

        return BtreeFile(place, name)
    from mailconf.maps.database.cdb import CdbFile

    return CdbFile(place, name)


def _reverse(address: str) -> str:
    import ipaddress

    try:
        return ipaddress.ip_address(address).reverse_pointer
    except ValueError:
        import socket

        return ipaddress.ip_address(socket.inet_aton(address)).reverse_pointer
