"""Records tests/vectors/maptypes.json: what the real postmap answers and warns for hard tables of rules.

    python -m tests.vectors.record_maptypes

The tables come from tests/live/rule_tables.py with fixed seeds; those that nothing was said about are left out.
"""

from __future__ import annotations

import json
import random
import tempfile
from pathlib import Path

from mailconf.source import encode
from tests.live.private_postfix import mail_version
from tests.live.rule_tables import keys, random_table, theirs, utf8_folder

TARGET = Path(__file__).parent / "maptypes.json"
KINDS = ("regexp", "pcre", "cidr")
TABLES = 80  # of each kind


def record(kind: str, scratch: Path) -> list[dict[str, object]]:
    dice = random.Random(f"record {kind}")
    path, folder = scratch / "table", utf8_folder(scratch / "postfix")
    tables: list[dict[str, object]] = []
    while len(tables) < TABLES:
        text = random_table(kind, dice)
        path.write_bytes(encode(text))
        answers, warnings = theirs(folder, kind, path, keys(kind))
        if answers or warnings:
            told = [line.replace(str(path), "@FILE@") for line in warnings]
            tables.append({"table": text, "answers": answers, "warnings": told})
    return tables


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        recorded = {kind: record(kind, Path(scratch)) for kind in KINDS}
    content = {"postfix": mail_version(), "keys": {kind: keys(kind) for kind in KINDS}, "tables": recorded}
    TARGET.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
