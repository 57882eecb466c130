"""Records what the real engines make and say of the map types other than Berkeley DB's.

    python -m tests.vectors.record_maptypes

tests/vectors/rule_tables.jsonl has what postmap answers and warns for hard tables of rules, which come from
tests/live/rule_tables.py with fixed seeds. tests/vectors/maptypes/ has cdb and LMDB files with hard content, and
entries.jsonl what the engines read there; a long key or value is given by its length and SHA-256, what the file was
made of by its SHA-256.
"""

from __future__ import annotations

import hashlib
import random
import tempfile
from pathlib import Path

from mailconf.source import encode
from tests.live.file_tools import cdb_dump, cdb_make, mdb_dump, mdb_load
from tests.live.map_tools import Pairs, run
from tests.live.rule_tables import keys, random_table, theirs, utf8_folder
from tests.vectors import store
from tests.vectors.record_maps import awkward, brief

FILES = Path(__file__).parent / "maptypes"
TABLES = {"regexp": 81, "pcre": 80, "cidr": 81}
# Of postmap's files: the type of map, and how many users are deleted.
POSTMAP = {
    "postmap-deleted.lmdb": ("lmdb", 120),
    "postmap-empty.lmdb": ("lmdb", 150),
    "postmap.cdb": ("cdb", 0),
    "postmap.lmdb": ("lmdb", 0),
}
USERS = [f"user{n}@example{n % 7}.com" for n in range(150)]


def tables_asked() -> store.Inputs:
    cases = []
    for kind, count in TABLES.items():
        dice = random.Random(f"record {kind}")
        cases += [{"type": kind, "table": random_table(kind, dice)} for _ in range(count)]
    return store.Inputs(cases, {"keys": {kind: keys(kind) for kind in TABLES}})


def files_asked() -> store.Inputs:
    """How each file is made, in the order of their names."""
    contents = {name: (repr(pairs).encode(), 0) for name, pairs in _pairs().items()}
    contents |= {name: (_table(deleted).encode(), deleted) for name, (_, deleted) in POSTMAP.items()}
    cases = [
        {"file": name, "deleted": deleted, "sha256": hashlib.sha256(content).hexdigest()}
        for name, (content, deleted) in sorted(contents.items())
    ]
    return store.Inputs(cases)


def record(kind: str, text: str, scratch: Path) -> dict[str, object]:
    """What postmap answers of a table, and its warnings."""
    path = scratch / "table"
    path.write_bytes(encode(text))
    answers, warnings = theirs(scratch / "postfix", kind, path, keys(kind))
    return {"answers": answers, "warnings": [line.replace(str(path), "@FILE@") for line in warnings]}


def record_files() -> list[dict[str, object]]:
    """Make the cdb and LMDB files; their entries, in the order of their names."""
    FILES.mkdir(exist_ok=True)
    for name, pairs in _pairs().items():
        path = FILES / name
        path.unlink(missing_ok=True)
        (cdb_make if path.suffix == ".cdb" else mdb_load)(path, pairs)
    with tempfile.TemporaryDirectory() as scratch:
        for name, (kind, deleted) in POSTMAP.items():
            (FILES / name).write_bytes(_postmap(kind, Path(scratch), deleted).read_bytes())
    return [{"entries": entries(FILES / case["file"])} for case in files_asked().cases]


def entries(path: Path) -> list[list[object]]:
    """What the engine reads in a file."""
    dump = cdb_dump if path.suffix == ".cdb" else mdb_dump
    return [[brief(key), brief(value)] for key, value in dump(path)]


def _pairs() -> dict[str, Pairs]:
    """What the files hold that the databases' own tools make."""
    return {
        "tinycdb.cdb": [*awkward(300), (b"dup", b"first"), (b"dup", b"second")],
        "mdb_load.lmdb": [(key, value) for key, value in awkward(900) if 0 < len(key) < 512],
    }


def _table(deleted: int) -> str:
    """The users and, where one of them stays, a long value."""
    long = "Long@Example.com " + "x" * 20_000 + "\n" if deleted < len(USERS) else ""
    return "".join(f"{user}  box {n}\n" for n, user in enumerate(USERS)) + long


def _postmap(kind: str, scratch: Path, deleted: int) -> Path:
    """The file of the users' table without the first ``deleted`` ones."""
    source = scratch / "table"
    source.write_text(_table(deleted))
    run("postmap", "-c", utf8_folder(scratch / "postfix"), f"{kind}:{source}")
    if deleted:
        text = "\n".join(USERS[:deleted]).encode()
        run("postmap", "-c", utf8_folder(scratch / "postfix"), "-d", "-", f"{kind}:{source}", stdin=text)
    return source.with_name(f"table.{kind}")


def main() -> None:
    engine = store.postfix("tinycdb", "lmdb-utils")
    store.write("maptypes/entries", engine, __file__, record_files())
    with tempfile.TemporaryDirectory() as scratch:
        utf8_folder(Path(scratch, "postfix"))
        answers = [record(case["type"], case["table"], Path(scratch)) for case in tables_asked().cases]
    store.write("rule_tables", store.postfix(), __file__, answers)


INPUTS = {"maptypes/entries": files_asked, "rule_tables": tables_asked}

if __name__ == "__main__":
    main()
