"""Files of maps are closed with the tables that read them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mailconf.maps.database.raw_file import RawFile


def test_a_file_that_is_dropped_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "t.db"
    path.write_bytes(b"1234")
    file = RawFile(path, "", "a map")
    descriptor = file.descriptor
    assert file.read(1, 2) == b"23"
    del file
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


def test_a_file_that_cannot_be_opened_has_nothing_to_close(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        RawFile(tmp_path / "none", "", "a map")
