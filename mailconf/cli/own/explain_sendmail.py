"""`mailconf explain` on an /etc/mail: its sendmail.cf as it is, or as its sendmail.mc would make it, and its tables.

A map that has not been built is read from its text. The text also gives the place of each entry that was found.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from mailconf.cli.own.explain_tables import UNBUILT
from mailconf.cli.own.site import PLAIN, load_etc_mail
from mailconf.diagnostics import Severity, Sink, declare, error
from mailconf.files import Overlay
from mailconf.insight.text_tables import TextTables
from mailconf.sendmail.policy import SendmailPolicy
from mailconf.sendmail.policy.recipients_disk import DiskRecipientsWorld
from mailconf.sendmail.rules.load import load
from mailconf.sendmail.rules.machine import Interface, Machine, OwnNames
from mailconf.sendmail.rules.problems import CfProblem, Problems, Stopped
from mailconf.sendmail.rules.world import Trusting
from mailconf.source import Source, Span, decode

if TYPE_CHECKING:
    from mailconf.files import Tree

SM060 = declare("SM060", Severity.NOTE, "explain reads a table's text because its map has not been built")
"""Why: explain reads the text of a table whose map is not there, and answers as sendmail would with the map.

Example:
    # sendmail.mc
    FEATURE(`access_db')dnl
    # /etc/mail/access
    From:spam.example REJECT
    $ mailconf build /etc/mail sendmail.cf
    $ mailconf explain --to ann@example.com /etc/mail

Remedy: run `mailconf build` with the folder.

Source: docs/build.md.
"""

SM061 = error("SM061", "sendmail would not start with its sendmail.cf")
"""Why: sendmail reports what it cannot use in its sendmail.cf; some mistakes end it. explain cannot ask it then.

Example:
    # /etc/mail/sendmail.cf
    V10/Berkeley
    O DeliveryMode=z
    $ mailconf explain --to ann@example.com /etc/mail

Remedy: correct the line that the report names.

Source: sendmail 8.17.1.9 -bt.
"""

_HOSTS = 1 << 22  # bytes of a hosts file


class Prepared(NamedTuple):
    """A configuration that can be asked, and the tree that it was read from."""

    policy: SendmailPolicy
    root: Tree


class _OfflineMachine(Machine):
    """This machine, whose names are asked of the hosts file alone."""

    def names(self) -> OwnNames:
        node = os.uname().nodename
        for line in self._hosts():
            if node in line[1:]:
                return OwnNames(next((name for name in line[1:] if "." in name), node), node, tuple(line[1:]))
        return OwnNames(node, node)

    def _hosts(self) -> Iterator[list[str]]:
        try:
            text = decode(self.root.read("/etc/hosts", _HOSTS))
        except OSError:
            return
        yield from (line.partition("#")[0].split() for line in text.splitlines())

    def interfaces(self, *, loopback: bool) -> Iterator[Interface]:
        return iter((Interface("[127.0.0.1]", ()),) if loopback else ())

    def has_host(self, name: str, family: int = socket.AF_INET) -> bool:
        return any(name in line[1:] for line in self._hosts())


def prepare(directory: str, root: Tree, sink: Sink, *, online: bool = False) -> Prepared | None:
    """The Policy of an /etc/mail; None, with a diagnostic, where there is none.

    online  whether the machine's own names are asked of the name service
    """
    etc_mail = load_etc_mail(directory, root, PLAIN).etc_mail
    folder = root.inside(root.path(directory).absolute())
    cf = f"{folder.rstrip('/')}/sendmail.cf"
    if not root.is_file(cf):
        expanded = etc_mail.expand(root.path(f"{folder.rstrip('/')}/sendmail.mc"), sink)
        if expanded is None or expanded.failed:
            return None
        root = Overlay(root, {cf: expanded.cf})
    said: list[CfProblem] = []
    source = Source.read(root, cf)
    try:
        machine = Machine(root) if online else _OfflineMachine(root)
        book = load(root, cf, Problems(said.append), machine=machine)
    except Stopped as stopped:
        text = "; ".join(problem.line() for problem in said) or f"it ends with status {stopped.status}"
        sink.report(SM061, f"sendmail would not start: {text}", file=source.name, tree=root, hint="correct the line")
        return None
    world = _TextWorld(root, sink, machine, folder)
    world.texts.aliases = {map_.file for map_ in book.maps.values() if map_.alias}
    return Prepared(SendmailPolicy(book, world, source), root)


class _TextWorld(DiskRecipientsWorld):
    """The files of a tree, where texts take the place of maps that have not been built."""

    def __init__(self, root: Tree, sink: Sink, machine: Machine, directory: str) -> None:
        super().__init__(root, machine=machine)
        self._directory = directory
        self.texts = TextTables(root)
        self._sink = sink
        self._unbuilt: set[str] = set()

    async def open_table(self, kind: str, file: str, trusting: Trusting) -> Sequence[str]:
        suffix = ".cdb" if kind == "cdb" else ".db"
        if self.root.exists(file + suffix) or not self.root.is_file(file):
            return await super().open_table(kind, file, trusting)
        if file not in self._unbuilt:
            self._unbuilt.add(file)
            place = str(self.root.path(file))
            about = f"{self.root.inside(self.root.path(file))}{suffix}{UNBUILT}: its text was read instead"
            hint = f"run mailconf build {self._directory}"
            self._sink.report(SM060, about, file=place, tree=self.root, hint=hint, cause=UNBUILT)
        return ()

    async def find(self, kind: str, file: str, key: bytes) -> bytes | None:
        return self.texts.value(file, key) if file in self._unbuilt else await super().find(kind, file, key)

    def place_of(self, file: str, key: bytes) -> Span | None:
        return self.texts.place(file, key) if self.root.is_file(file) else None
