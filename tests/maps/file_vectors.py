"""tests/vectors/maptypes/: cdb and LMDB files of the real engines; tests/vectors/record_maptypes.py makes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.vectors.store import load

FOLDER = Path(__file__).parents[1] / "vectors" / "maptypes"

FILES: dict[str, list[list[Any]]] = {case["file"]: case["entries"] for case in load("maptypes/entries").cases}


def names(kind: str) -> list[str]:
    found = [name for name in FILES if name.endswith("." + kind)]
    assert found
    return found
