"""A machine with fixed names, and a tree with the configuration of tests/vectors/rules_cases.py, for tests of rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

from mailconf.files import Root
from mailconf.maps.database.bdb_hash_writer import write_hash
from mailconf.sendmail.rules.book import Rulebook
from mailconf.sendmail.rules.disk_world import DiskWorld
from mailconf.sendmail.rules.load import load
from mailconf.sendmail.rules.machine import Interface, Machine, OwnNames
from mailconf.sendmail.rules.problems import Problems, Stopped
from mailconf.sendmail.rules.run import Engine
from mailconf.sendmail.rules.version import DEFAULT, SendmailVersion
from mailconf.sendmail.testmode.session import GREETING, LINE, PROMPT, TestModeSession

FOLDER = "/conf"
CF = f"{FOLDER}/x.cf"


class FixedMachine(Machine):
    """A machine without a network."""

    def __init__(self, root: Root, host: str) -> None:
        super().__init__(root)
        self._host = host

    def names(self) -> OwnNames:
        return OwnNames(self._host, self._host, ("localhost", "[127.0.0.1]"))

    def interfaces(self, *, loopback: bool) -> Iterator[Interface]:
        return iter(())

    def has_host(self, name: str, family: int = 0) -> bool:
        return False


class Bench:
    """A tree in which rules are tried.

    files    texts of files in the folder
    tables   the lines that makemap makes hash files of
    """

    def __init__(
        self, place: Path, *, files: Mapping[str, str] = {}, tables: Mapping[str, str] = {}, passwd: str = "",
        host: str = "mail.example.org",
    ) -> None:  # fmt: skip
        self.root = Root(place)
        self.machine = FixedMachine(self.root, host)
        self._folder = place / FOLDER[1:]
        self._folder.mkdir(mode=0o755)
        (self._folder / "q").mkdir(mode=0o700)
        (place / "etc").mkdir(mode=0o755)
        (place / "etc/passwd").write_text(passwd)
        (place / "etc/hosts").write_text(f"127.0.0.1 {host} localhost\n")
        (place / "etc/resolv.conf").write_text("nameserver 127.0.0.1\n")
        for name, text in files.items():
            self.write(name, text)
        for name, text in tables.items():
            self.write(name, text)
            pairs = [line.split("\t", 1) for line in text.splitlines()]
            with (self._folder / f"{name}.db").open("xb") as file:
                keys = [key.lower().encode() for key, _ in pairs]
                write_hash(file, keys, [value.encode() for _, value in pairs])
            (self._folder / f"{name}.db").chmod(0o644)

    def write(self, name: str, text: str) -> None:
        file = self._folder / name
        file.write_bytes(text.replace("FOLDER", FOLDER).encode("latin-1"))
        file.chmod(0o644)

    def book(self, text: str, problems: Problems, mode: str = "d", version: SendmailVersion = DEFAULT) -> Rulebook:
        self.write("x.cf", text)
        return load(self.root, CF, problems, mode=mode, machine=self.machine, version=version)

    def world(self, **settings: Any) -> DiskWorld:
        return DiskWorld(self.root, machine=self.machine, **settings)

    def engine(self, text: str) -> tuple[Engine, list[str]]:
        """An interpreter of a configuration, and what it says."""
        said: list[str] = []
        problems = Problems(lambda problem: said.append(problem.text))
        return Engine(self.book(text, problems), self.world(), problems=problems), said

    def talk(self, text: str, prompts: list[str], version: SendmailVersion = DEFAULT) -> tuple[str, int]:
        """What a session of address test mode prints, with its prompts, and its exit status."""
        printed: list[str] = []
        problems = Problems(lambda problem: printed.append(f"{problem.line()}\n"))
        try:
            book = self.book(text, problems, "t", version)
        except Stopped as stopped:
            return "".join(printed), stopped.status
        session = TestModeSession(book, self.world(), problems, printed.append)
        lines = BytesIO("".join(f"{prompt}\n" for prompt in [*prompts, "/quit"]).encode("latin-1"))
        printed.append(GREETING)
        while True:
            printed.append(PROMPT)
            line = lines.readline(LINE)
            if not line or not session.answer(line.decode("latin-1")):
                return as_bytes("".join(printed)), problems.status


def as_bytes(text: str) -> str:
    """A metasymbol is written as sendmail's byte for it."""
    return "".join(chr(ord(character) & 0xFF) for character in text)
