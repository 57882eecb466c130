"""One of Postfix's table tools, ours and the real one, side by side in two equal folders."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.live.file_tools import cdb_dump, mdb_dump
from tests.live.map_tools import Pairs, dump, verify

ROOT = Path(__file__).parents[2]
MAIN_CF = "compatibility_level = 3.6\n"
_TIME = re.compile(rb"(YP_LAST_MODIFIED:?\t)\d{10}\b")


class Pair:
    """Two equal folders below ``top``; every command runs in both."""

    def __init__(self, top: Path, tool: str) -> None:
        self.ours = top / "ours" / "site"
        self.real = top / "real" / "site"
        self.tools = {self.ours: [sys.executable, "-m", "mailconf", tool], self.real: [f"/usr/sbin/{tool}"]}
        for folder in self.tools:
            folder.mkdir(parents=True)
        self.main_cf(MAIN_CF)

    def main_cf(self, text: str) -> None:
        self.write("main.cf", text.encode())
        for folder in self.tools:
            # Postfix's programs wait while main.cf may still be changing.
            os.utime(folder / "main.cf", (10**9, 10**9))

    def write(self, name: str, data: bytes) -> None:
        for folder in self.tools:
            (folder / name).write_bytes(data)

    def run(self, *arguments: str, stdin: bytes = b"") -> tuple[int, bytes, bytes]:
        """What both said; AssertionError where they differ. The order of a listing is the map's own business."""
        ours = self.one(self.ours, arguments, stdin)
        real = self.one(self.real, arguments, stdin)
        assert ours == real, arguments
        return ours

    def run_quietly(self, *arguments: str, stdin: bytes = b"") -> tuple[int, bytes, bytes]:
        """The same without what is said on standard error (-v)."""
        ours, real = (self.one(folder, arguments, stdin)[:2] for folder in (self.ours, self.real))
        assert ours == real, arguments
        return *ours, b""

    def one(self, folder: Path, arguments: tuple[str, ...], stdin: bytes = b"") -> tuple[int, bytes, bytes]:
        """What the tool of ``folder`` says, without the time of an alias map and Berkeley DB's own remarks."""
        words = [*self.tools[folder], "-c", ".", *arguments]
        done = subprocess.run(
            words, cwd=folder, input=stdin, capture_output=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
        )
        out = _TIME.sub(rb"\1", done.stdout)
        if "-s" in arguments:
            out = b"\n".join(sorted(out.split(b"\n")))
        return done.returncode, out, done.stderr

    def maps_equal(self, name: str) -> None:
        """Both maps hold the same bytes, as the format's own tool reads them, but for the time of an alias map."""
        kind, _, file = name.partition(":")
        ours, real = (sorted(_stored(kind, folder / file)) for folder in (self.ours, self.real))
        assert ours == real


def _stored(kind: str, text: Path) -> Pairs:
    if kind == "cdb":
        items = cdb_dump(Path(f"{text}.cdb"))
    elif kind == "lmdb":
        items = mdb_dump(Path(f"{text}.lmdb"))
    else:
        verify(Path(f"{text}.db"))
        items = dump(Path(f"{text}.db"))
    return [(key, b"" if key == b"YP_LAST_MODIFIED" else value) for key, value in items]
