"""tests/vectors/maptypes/: cdb and LMDB files of the real engines; tests/vectors/record_maptypes.py makes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "vectors" / "maptypes"

FILES: dict[str, list[list[Any]]] = json.loads((FOLDER / "files.json").read_text(encoding="utf-8"))["files"]


def names(kind: str) -> list[str]:
    found = [name for name in FILES if name.endswith("." + kind)]
    assert found
    return found
