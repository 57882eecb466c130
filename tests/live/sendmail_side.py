"""A folder in which the real tool works and another in which ours does, step by step, and what differs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.live.map_tools import SENDMAIL_ROOT

TOOLS = SENDMAIL_ROOT / "usr/libexec/sendmail"
LIBRARIES = ":".join(map(str, SENDMAIL_ROOT.glob("usr/lib/*-linux-gnu*")))
# Ours becomes another user after its modules are in memory: that user may not be allowed to read them.
OURS = """
import os, sys
from mailconf.cli.sendmail import editmap, makemap, praliases, sendmail_map
from mailconf.sendmail import safefile
from mailconf.cli import main
from mailconf.maps.database import bdb_btree, bdb_btree_writer, bdb_hash, bdb_hash_writer, bdb_values
from mailconf.maps import registry
from mailconf.maps.core import table
from mailconf.maps.build import write
user = int(sys.argv.pop(1))
if user:
    os.setgroups([]), os.setgid(user), os.setuid(user)
sys.exit(main(sys.argv[1:]))
"""
SORTED = {"praliases"}  # what they print comes in the file's order, which is not the same in two hash files


class Side:
    """Both folders; `both` runs a tool in each and compares status, messages, output and files."""

    def __init__(self, folder: Path) -> None:
        self.real = folder / "real"
        self.ours = folder / "ours"
        for each in (self.real, self.ours):
            each.mkdir()
            (each / "cf").write_text("V10/Berkeley\n")

    def each(self, change: Callable[[Path], object]) -> None:
        """Do the same in both folders."""
        for folder in (self.real, self.ours):
            change(folder)

    def write(self, name: str, text: str | bytes) -> None:
        data = text.encode() if isinstance(text, str) else text
        self.each(lambda folder: (folder / name).write_bytes(data))

    def both(
        self, tool: str, *arguments: str, stdin: bytes = b"", cf: str | None = "cf", umask: int = 0o022, user: int = 0
    ) -> int:
        """Run ``tool -C cf arguments`` in both; the exit status."""
        options = () if cf is None else ("-C", cf)
        place = "/usr/sbin" if tool == "postmap" else TOOLS
        real = self._run(self.real, [f"{place}/{tool}"], tool, (*options, *arguments), stdin, umask, user)
        program = [sys.executable, "-c", OURS, str(user), tool]
        ours = self._run(self.ours, program, tool, (*options, *arguments), stdin, umask, 0)
        assert ours == real, f"{tool} {arguments} <<< {stdin[:200]!r}"
        return int(real[0])  # type: ignore[call-overload,no-any-return]

    def _run(
        self,
        folder: Path,
        program: list[str],
        tool: str,
        arguments: tuple[str, ...],
        stdin: bytes,
        umask: int,
        user: int,
    ) -> tuple[object, ...]:
        who = {"user": user, "group": user, "extra_groups": []} if user else {}
        environment = {**os.environ, "LD_LIBRARY_PATH": LIBRARIES} if folder == self.real else None
        done = subprocess.run(
            [*program, *arguments],
            input=stdin,
            capture_output=True,
            cwd=folder,
            env=environment,
            umask=umask,
            **who,  # type: ignore[arg-type]
        )
        output = done.stdout.splitlines()
        if tool in SORTED or "-u" in arguments:
            output.sort()
        errors = done.stderr.replace(str(TOOLS / tool).encode(), tool.encode())
        errors = errors.replace(str(folder).encode(), b"FOLDER")
        return done.returncode, output, errors, contents(folder)


def contents(folder: Path) -> dict[str, object]:
    """All files below ``folder``: mode, owner, and of a map its type and entries."""
    found: dict[str, object] = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        entries = dumped(path) if path.suffix == ".db" and path.is_file() and not path.is_symlink() else None
        found[str(path.relative_to(folder))] = (oct(status.st_mode), status.st_uid, status.st_gid, entries)
    return found


def dumped(path: Path) -> object:
    """What libdb says of a map: its type, whether keys may repeat, its entries by key."""
    if path.stat().st_size == 0:
        return "empty"
    done = subprocess.run(["db5.3_dump", path], capture_output=True)
    if done.returncode != 0:
        return "damaged"
    header, _, rest = done.stdout.partition(b"HEADER=END\n")
    lines = rest.partition(b"DATA=END\n")[0].splitlines()
    about = [line for line in header.splitlines() if line.startswith((b"type=", b"duplicates="))]
    # Sorting is stable: the values of a key stay in their order.
    return about, sorted(zip(lines[0::2], lines[1::2], strict=True), key=lambda pair: pair[0])
