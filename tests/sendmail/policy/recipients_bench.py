"""The site of tests/vectors/recipients_cases.py below a folder, with the owners that its files have."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mailconf.cli.sendmail.sendmail import LETTERS
from mailconf.cli.sendmail.sendmail_tool import getopt
from mailconf.cli.sendmail.verify_mode import verify
from mailconf.files import Root
from mailconf.maps.database.bdb_btree_writer import write_btree
from mailconf.maps.database.bdb_hash_writer import write_hash
from mailconf.model.fileworld import FileWorld
from mailconf.model.world import Outcome, Records, User, run
from mailconf.personal import PersonalFile
from mailconf.sendmail.policy import SendmailPolicy
from mailconf.sendmail.policy.recipients import Recipients
from mailconf.sendmail.policy.recipients_disk import DiskRecipientsWorld
from mailconf.sendmail.rules.aliases import read_aliases
from mailconf.sendmail.rules.book import Rulebook
from mailconf.sendmail.rules.load import load
from mailconf.sendmail.rules.problems import Problems
from mailconf.sendmail.rules.run import Engine
from tests.sendmail.rules.rule_bench import FixedMachine

Name = str | os.PathLike[str]
CF = "/etc/mail/sendmail.cf"
ROOT = User("root", 0, 0, "/root", "/bin/bash")


class OwnedRoot(Root):
    """A folder whose files have given owners, groups and modes; what is not given is root's."""

    def __init__(self, top: Path, owners: Mapping[str, tuple[int, int, int]]) -> None:
        super().__init__(top)
        self.owners = dict(owners)

    def _as_given(self, name: Name, status: os.stat_result) -> os.stat_result:
        inside = self.inside(self.path(name))
        folder = 0o755 if stat.S_ISDIR(status.st_mode) else stat.S_IMODE(status.st_mode)
        owner, group, mode = self.owners.get(inside, (0, 0, folder))
        values = list(status)
        values[0] = stat.S_IFMT(status.st_mode) | mode
        values[4], values[5] = owner, group
        times = {"st_mtime": status.st_mtime, "st_atime": status.st_atime, "st_ctime": status.st_ctime}
        return os.stat_result(values, times)

    def stat(self, name: Name, *, follow: bool = True) -> os.stat_result:
        place = self.resolved(name) if follow else name
        return self._as_given(place, super().stat(place, follow=follow))

    def resolved(self, name: Name) -> str:
        """Where a name leads, links of the site followed below its top."""
        here = os.fspath(name)
        for _ in range(40):
            if not self.path(here).is_symlink():
                break
            here = self.link(here)
        return here

    def personal(self, name: Name, user: tuple[int, int] | None, *, follow: bool) -> PersonalFile:
        status = self.stat(name)
        data = self.path(self.resolved(name)).read_bytes()
        return PersonalFile(status.st_uid, status.st_mode, data)


class Site:
    """The site, laid out below ``place``.

    common  what the vectors have in common
    built   whether the alias database is there
    """

    def __init__(self, place: Path, common: Mapping[str, Any], *, built: bool = False) -> None:
        owners: dict[str, tuple[int, int, int]] = {}
        texts = {CF: common["cf"], "/etc/passwd": common["passwd"], "/etc/group": common["group"]}
        texts |= {"/etc/shells": common["shells"], "/etc/hosts": f"127.0.0.1 {common['host']} localhost\n"}
        for name, text in texts.items():
            self._write(place, name, text)
        for name, (text, owner, group, mode) in common["files"].items():
            self._write(place, name, text)
            if not text.startswith("->"):
                owners[name] = owner, group, mode
                if name.startswith("/home/"):
                    owners[str(Path(name).parent)] = owner, group, 0o755
        for name, (owner, group, mode) in common["folders"].items():
            (place / name[1:]).mkdir(parents=True, exist_ok=True)
            owners[name] = owner, group, mode
        self.root = OwnedRoot(place, owners)
        self.machine = FixedMachine(self.root, common["host"])
        for name, kind in common["tables"].items():
            lines = (line.split("\t", 1) for line in common["files"][name][0].splitlines())
            self._write_map(place, name, dict(lines), kind)
        if built:
            self._write_map(place, "/etc/mail/aliases", self._aliases())

    def _write(self, place: Path, name: str, text: str) -> None:
        path = place / name[1:]
        path.parent.mkdir(parents=True, exist_ok=True)
        if text.startswith("->"):
            path.symlink_to(text[2:])
        else:
            path.write_bytes(text.encode("latin-1"))

    def _write_map(self, place: Path, name: str, entries: Mapping[str, str], kind: str = "hash") -> None:
        keys, values = ([text.encode("latin-1") for text in texts] for texts in (entries, entries.values()))
        with (place / f"{name[1:]}.db").open("w+b") as output:
            (write_btree if kind == "btree" else write_hash)(output, keys, values)

    def _aliases(self) -> dict[str, str]:
        book = self.book()
        data = self.root.read("/etc/mail/aliases")
        return run(read_aliases(Engine(book, self.world(book)), "/etc/mail/aliases", data))

    def book(self, problems: Problems | None = None) -> Rulebook:
        return load(self.root, CF, problems or Problems(lambda problem: None), machine=self.machine)

    def world(self, book: Rulebook) -> DiskRecipientsWorld:
        mx = Records(Outcome.FOUND, ("10 gw.far.test",))
        records = {("far.test", "MX"): mx, ("gw.far.test", "A"): Records(Outcome.FOUND, ("127.0.0.2",))}
        return DiskRecipientsWorld(self.root, records=records, machine=self.machine)

    def policy(self) -> SendmailPolicy:
        book = self.book()
        return SendmailPolicy(book, self.world(book))

    def model_world(self) -> FileWorld:
        """The World of a question to the policy."""
        records = {("far.test", "MX"): Records(Outcome.FOUND, ("10 gw.far.test",))}
        return FileWorld(self.root, dns=records)

    def recipients(self, *, only_verify: bool = False) -> Recipients:
        """Those of a message, none yet."""
        book = self.book()
        world = self.world(book)
        return Recipients(Engine(book, world), world, only_verify=only_verify)

    def verify(self, arguments: list[str]) -> tuple[str, int]:
        """What ``sendmail -bv arguments`` prints, and its status."""
        printed: list[str] = []
        rest = [word.encode("latin-1").decode("utf-8", "surrogateescape") for word in arguments]
        options, sender, verbose = [], "", False
        for letter, value in getopt("sendmail", rest, LETTERS):
            verbose = verbose or letter == "v"
            sender = value if letter == "f" else sender
            options += [value] if letter == "O" else []
        status = verify(
            self.root, CF, rest, printed.append, sender=sender, verbose=verbose, given=options, caller=ROOT,
            machine=self.machine, world=self.world,
        )  # fmt: skip
        return "".join(printed), status
