"""A folder in which sendmail's map tools run, hermetic."""

from __future__ import annotations

import io
import sys
import tempfile
from importlib import import_module
from pathlib import Path

import pytest

from mailconf.cli.names import TOOLS
from mailconf.maps.core.table import TemporaryFailure
from mailconf.maps.database.bdb_btree import BtreeFile
from mailconf.maps.database.bdb_hash import HashFile


class Tools:
    """``run`` runs a tool as its original is run, in ``folder``."""

    def __init__(self, folder: Path, capture: pytest.CaptureFixture[bytes], patch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.capture = capture
        self.patch = patch
        patch.chdir(folder)
        (folder / "cf").write_text("V10/Berkeley\n")

    def run(self, tool: str, *words: str, stdin: bytes = b"", cf: str | None = "cf") -> tuple[int, str, str]:
        """Exit status, standard output and standard error, as Latin-1."""
        with tempfile.TemporaryFile() as file:
            file.write(stdin)
            file.seek(0)
            self.patch.setattr(sys, "stdin", io.TextIOWrapper(file))
            options = () if cf is None else ("-C", cf)
            status = import_module(TOOLS[tool]).run(tool, [*options, *words])
        sys.stdout.flush()
        out, err = self.capture.readouterr()
        return status, out.decode("latin-1"), err.decode("latin-1")

    def entries(self, name: str) -> list[tuple[bytes, bytes]]:
        """What the map holds, in the order of its keys."""
        file: HashFile | BtreeFile
        try:
            file = HashFile(self.folder / name)
        except TemporaryFailure:
            file = BtreeFile(self.folder / name)
        found = sorted(file.items(), key=lambda pair: pair[0])
        file.close()
        return found
