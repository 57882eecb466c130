"""Records what the real engines make and say of the map types other than Berkeley DB's.

    python -m tests.vectors.record_maptypes

tests/vectors/maptypes.json has what postmap answers and warns for hard tables of rules, which come from
tests/live/rule_tables.py with fixed seeds; those that nothing was said about are left out. tests/vectors/maptypes/ has
cdb and LMDB files with hard content, and files.json what the engines read there; a long key or value is given by its
length and SHA-256.
"""

from __future__ import annotations

import json
import random
import tempfile
from pathlib import Path

from mailconf.source import encode
from tests.live.file_tools import cdb_dump, cdb_make, mdb_dump, mdb_load
from tests.live.map_tools import run
from tests.live.private_postfix import mail_version
from tests.live.rule_tables import keys, random_table, theirs, utf8_folder
from tests.vectors.record_maps import awkward, brief

TARGET = Path(__file__).parent / "maptypes.json"
FILES = Path(__file__).parent / "maptypes"
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


def record_files() -> None:
    """Make the cdb and LMDB files."""
    FILES.mkdir(exist_ok=True)
    path = FILES / "tinycdb.cdb"
    cdb_make(path, [*awkward(300), (b"dup", b"first"), (b"dup", b"second")])
    path = FILES / "mdb_load.lmdb"
    path.unlink(missing_ok=True)
    mdb_load(path, [(key, value) for key, value in awkward(900) if 0 < len(key) < 512])
    with tempfile.TemporaryDirectory() as scratch:
        for kind, deleted in (("cdb", 0), ("lmdb", 0), ("lmdb", 120)):
            made = _postmap(kind, Path(scratch), deleted)
            (FILES / f"postmap{'-deleted' if deleted else ''}.{kind}").write_bytes(made.read_bytes())
        made = _postmap("lmdb", Path(scratch), 150)
        (FILES / "postmap-empty.lmdb").write_bytes(made.read_bytes())
    dumps = {".cdb": cdb_dump, ".lmdb": mdb_dump}
    files = {
        path.name: [[brief(key), brief(value)] for key, value in dumps[path.suffix](path)]
        for path in sorted(FILES.glob("*.*db"))
    }
    record = {"postfix": mail_version(), "files": files}
    (FILES / "files.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def _postmap(kind: str, scratch: Path, deleted: int) -> Path:
    """The file of a table of 150 users without the first ``deleted`` ones and, where one stays, a long value."""
    users = [f"user{n}@example{n % 7}.com" for n in range(150)]
    long = "Long@Example.com " + "x" * 20_000 + "\n" if deleted < 150 else ""
    source = scratch / "table"
    source.write_text("".join(f"{user}  box {n}\n" for n, user in enumerate(users)) + long)
    run("postmap", "-c", utf8_folder(scratch / "postfix"), f"{kind}:{source}")
    if deleted:
        text = "\n".join(users[:deleted]).encode()
        run("postmap", "-c", utf8_folder(scratch / "postfix"), "-d", "-", f"{kind}:{source}", stdin=text)
    return source.with_name(f"table.{kind}")


def main() -> None:
    record_files()
    with tempfile.TemporaryDirectory() as scratch:
        recorded = {kind: record(kind, Path(scratch)) for kind in KINDS}
    content = {"postfix": mail_version(), "keys": {kind: keys(kind) for kind in KINDS}, "tables": recorded}
    TARGET.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
