"""tests/vectors/maps/: map files of the real engines; tests/vectors/record_maps.py makes them."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from tests.vectors.store import load

FOLDER = Path(__file__).parents[1] / "vectors" / "maps"

FILES: dict[str, list[list[Any]]] = {case["file"]: case["entries"] for case in load("maps/entries").cases}


def names(kind: str) -> list[str]:
    found = [name for name in FILES if name.startswith(kind + "-")]
    assert found
    return found


def brief(item: bytes) -> str | list[Any]:
    """As the record has it: long items by length and digest."""
    return item.decode("latin-1") if len(item) <= 200 else [len(item), hashlib.sha256(item).hexdigest()]
