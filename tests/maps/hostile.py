"""Damaged maps in the hands of everything that reads them: ``python hostile.py KIND COUNT SEED``.

Each of COUNT mutations of a map of the type KIND is asked, listed and changed, through the readers and through the
tools. It must give an answer or a failure of a declared kind, each within a second of processor time and 64 megabytes
beyond what the process had before. The first that does not is printed with what it was, and the exit status is 1; else
the slowest and the most memory are printed.
"""

from __future__ import annotations

import io
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from types import FrameType

from mutations import mutate

from mailconf.cli.names import TOOLS
from mailconf.maps.build.write import EXTENSIONS, write_map, write_values
from mailconf.maps.core.table import BulkTable, SequenceTable, TemporaryFailure
from mailconf.maps.database import bdb
from mailconf.maps.database.bdb_btree import BtreeFile
from mailconf.maps.database.bdb_hash import HashFile
from mailconf.maps.database.bdb_table import DatabaseFile
from mailconf.maps.database.cdb import CdbFile
from mailconf.maps.database.lmdb import LmdbFile
from mailconf.maps.registry import open_table

SECONDS = 1.0
MEMORY = 64 << 20  # bytes
VECTORS = Path(__file__).parents[1] / "vectors"
READERS: dict[str, Callable[[Path], DatabaseFile]] = {
    "hash": HashFile,
    "btree": BtreeFile,
    "cdb": CdbFile,
    "lmdb": LmdbFile,
}
BERKELEY = ("hash", "btree")
POSTMAP = [
    *(["-q", "-"], ["-q", "user1@example.com"], ["-q", ""], ["-s"], ["-d", "user1@example.com"], ["-d", "-"]),
    *(["-i"], ["-ir"], []),
]
SENDMAIL = [
    *(["makemap", "-u"], ["makemap", "-o"], ["makemap", "-o", "-r"], ["makemap", "-o", "-d"], ["makemap", "-d"]),
    *(["editmap", "-q"], ["editmap", "-u"], ["editmap", "-x"], ["praliases"], ["praliases", "user1@example.com"]),
]
ENTRIES = b"user1@example.com\tnew\nanother\tone\n"


class Unfit(Exception):
    """A mutation was too slow."""


def originals(kind: str, folder: Path) -> Iterator[tuple[bytes, int]]:
    """Files of the type: of the real tools and ours; with each the distance at which its structures repeat."""
    for path in sorted((VECTORS / "maps").glob(f"{kind}-*.db")):
        yield path.read_bytes(), 512 if "512" in path.name else 16384 if "16384" in path.name else 4096
    for path in sorted((VECTORS / "maptypes").glob(f"*.{kind}")):
        yield path.read_bytes(), 512 if kind == "cdb" else 4096
    table = {b"user%d@example.com" % n: b"box %d" % n for n in range(1500)}
    target = folder / f"own{EXTENSIONS[kind]}"
    write_map(kind, target, [*table.items(), (b"long", b"v" * 30_000), (b"k" * 400, b"x" * 1500)])
    yield target.read_bytes(), 512 if kind == "cdb" else 4096
    if kind in BERKELEY:
        several = {key: [value, b"more"] for key, value in list(table.items())[:300]}
        write_values(kind, target, several | {b"many": [b"value %d" % n for n in range(2000)]})
        yield target.read_bytes(), 4096
    target.unlink()


class Subject:
    """One damaged map after the other, and what is done to each."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.kind = kind
        self.folder = folder
        self.target = folder / f"t{EXTENSIONS[kind]}"
        self.slowest = 0.0
        self.doing = ""
        (folder / "main.cf").write_text("compatibility_level = 3.6\n")
        (folder / "cf").write_text("V10/Berkeley\n")
        (folder / "t").write_bytes(ENTRIES)
        # As many as the reader looks up together.
        keys = [b"user%d@example.com" % n for n in range(1200 if kind == "cdb" else 200)]
        self.some = [b"user1@example.com", b"long", b"many", b"k" * 400, b"", b"absent", b"x" * 1500, b"\xff" * 300]
        self.many = keys + self.some
        self.lines = b"\n".join(self.many[::3])

    def try_all(self, damaged: bytes, dice: random.Random) -> None:
        """Raises Unfit, MemoryError, or whatever else should not have been raised."""
        self.target.write_bytes(damaged)
        before = set(Path("/proc/self/fd").iterdir())
        self._read()
        self._look_up()
        for words in dice.sample(POSTMAP, 2):
            self._tool(damaged, "postmap", "-c", ".", *words, f"{self.kind}:t")
        if self.kind in BERKELEY:
            for tool, *words in dice.sample(SENDMAIL, 2):
                spec = [f"-f{self.kind}:t", *words] if tool == "praliases" else [*words, self.kind, "t"]
                if tool == "editmap":
                    spec += ["user1@example.com", *(["new"] if words == ["-u"] else [])]
                self._tool(damaged, tool, "-C", "cf", *spec)
        assert set(Path("/proc/self/fd").iterdir()) == before, "files left open"

    def _read(self) -> None:
        """The reader of the format."""
        with self._timed("open"), suppress(TemporaryFailure):
            database = READERS[self.kind](self.target)
            database.close()
        with suppress(TemporaryFailure):
            database = READERS[self.kind](self.target)
            with self._timed("items"), suppress(TemporaryFailure):
                for _ in database.items():
                    pass
            for key in self.some:
                with self._timed(f"get {key[:20]!r}"), suppress(TemporaryFailure):
                    database.get(key)
            for end in (b"", b"\0"):
                with self._timed(f"get_all {end!r}"), suppress(TemporaryFailure):
                    database.get_all(self.many, end)  # type: ignore[attr-defined]
            database.close()

    def _look_up(self) -> None:
        """The table, as a server has it."""
        with suppress(TemporaryFailure):
            table = open_table(f"{self.kind}:{self.folder / 't'}")
            assert isinstance(table, BulkTable)
            assert isinstance(table, SequenceTable)
            with self._timed("lookup"), suppress(TemporaryFailure):
                table.lookup(b"user1@example.com")
            with self._timed("lookup_all"), suppress(TemporaryFailure):
                table.lookup_all(self.many)
            with self._timed("entries"), suppress(TemporaryFailure):
                for _ in table.entries():
                    pass
            table.close()

    def _tool(self, damaged: bytes, name: str, *arguments: str) -> None:
        self.target.write_bytes(damaged)
        stdin = self.lines if "-q" in arguments or "-d" in arguments else ENTRIES
        was = sys.stdin, sys.stdout, sys.stderr
        with open(self.folder / "stdin", "w+b") as file:  # noqa: PTH123
            file.write(stdin)
            file.seek(0)
            sys.stdin = io.TextIOWrapper(file)
            sys.stdout = io.TextIOWrapper(io.BytesIO())
            sys.stderr = io.TextIOWrapper(io.BytesIO())
            try:
                with self._timed(" ".join([name, *arguments])):
                    status = import_module(TOOLS[name]).run(name, list(arguments))
            finally:
                sys.stdin, sys.stdout, sys.stderr = was
        assert isinstance(status, int)

    @contextmanager
    def _timed(self, what: str) -> Iterator[None]:
        self.doing = what
        begun = time.process_time()
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        yield
        signal.setitimer(signal.ITIMER_PROF, 0)
        used = time.process_time() - begun
        self.slowest = max(self.slowest, used)
        if used > SECONDS:
            raise Unfit(f"{used:.2f} s")


def too_slow(number: int, frame: FrameType | None) -> None:
    raise Unfit(f"more than {SECONDS} s")


def look_up_with_numpy(arrays: bool) -> None:
    """Whether keys that are looked up together are looked for as those of large inputs are."""
    bdb.ENOUGH = 1 if arrays else 1 << 30


def limit_memory() -> None:
    """From here on, no more than MEMORY."""
    pages = int(Path("/proc/self/statm").read_text().split()[5])
    limit = pages * os.sysconf("SC_PAGE_SIZE") + MEMORY
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def main(kind: str, count: int, seed: int) -> int:
    dice = random.Random(f"{kind} {seed}")
    signal.signal(signal.SIGPROF, too_slow)
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=memory) as name:
        folder = Path(name)
        os.chdir(folder)
        files = list(originals(kind, folder))
        subject = Subject(kind, folder)
        for data, _ in files:  # what each does with whole files is no concern: it imports what it needs
            for number in range(5):
                look_up_with_numpy(number % 2 == 0)
                subject.try_all(data, dice)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        subject.slowest = 0.0
        limit_memory()
        for number in range(count):
            data, page_size = dice.choice(files)
            damaged = mutate(data, dice, page_size)
            look_up_with_numpy(number % 2 == 0)
            try:
                subject.try_all(damaged, dice)
            except BaseException as failure:
                kept = Path(tempfile.gettempdir()) / f"hostile-{kind}-{number}{EXTENSIONS[kind]}"
                kept.write_bytes(damaged)
                print(f"mutation {number} ({kept}): {subject.doing}: {failure!r}")
                if os.environ.get("HOSTILE_TRACE"):
                    raise
                return 1
    shutil.rmtree(folder, ignore_errors=True)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(f"{kind}: {count} mutations, slowest {subject.slowest:.3f} s, {grown / 1024:.0f} MB more at most")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
