"""Records tests/vectors/maps/: small map files with hard content, made by the real engines, and what libdb reads there.

    python -m tests.vectors.record_maps [FILE...]      these only, or all

maps.json has the engines' versions and, for each file, how it was made and its entries in the order of libdb's cursor;
a value or key above 200 bytes is given by its length and SHA-256.
"""

from __future__ import annotations

import hashlib
import json
import random
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.live.map_tools import Pairs, dump, load, postfix_folder, run, sendmail, sendmail_cf, verify, versions

TARGET = Path(__file__).parent / "maps"

TABLE = """\
# a comment
example.com     anything
@example.com    info
Capital@Example.COM   kept
info@example.com  a@example.com,
  b@example.com
# between

   "quoted local"@example.com
"a b"@example.com  quoted
dup   first
dup   second
j\u00fcrgen@example.org  g\u00fcnther
""" + "".join(f"user{n}@example{n % 7}.com  box{n}\n" for n in range(150))


def awkward(count: int) -> Pairs:
    """Keys that begin with others, empty ones, NULs, all bytes, big ones."""
    dice = random.Random(count)
    pairs = {b"": b"empty key", b"empty value": b"", b"nul\0inside": b"\0\0", b"\0": b"\0"}
    pairs |= {b"p" * n: b"prefix %d" % n for n in range(1, 20)}
    pairs |= {bytes([n]): b"byte %d" % n for n in range(1, 256, 7)}
    pairs |= {b"big" + b"k" * n: dice.randbytes(60) + b"v" * n for n in (119, 125, 126, 127, 400, 1021, 1022, 3000)}
    pairs |= {b"value %d" % n: b"w" * n for n in (500, 1024, 1025, 4070, 4071, 9000)}
    while len(pairs) < count:
        pairs[dice.randbytes(dice.randrange(1, 30))] = dice.randbytes(dice.randrange(40))
    return list(pairs.items())


def postmap(kind: str, table: str, *then: list[str]) -> Callable[[Path], None]:
    """postmap on a text, and after it with each list of arguments."""

    def make(path: Path) -> None:
        source = path.with_suffix("")
        folder = postfix_folder(path.parent / "postfix")
        source.write_text(table, encoding="utf-8")
        run("postmap", "-c", folder, f"{kind}:{source}")
        for arguments in then:
            run("postmap", "-c", folder, *arguments, f"{kind}:{source}")

    return make


def makemap(kind: str, table: str, *options: str) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        sendmail("makemap", "-C", sendmail_cf(path.parent), *options, kind, path, stdin=table.encode())

    return make


def loaded(pairs: Pairs, *header: str) -> Callable[[Path], None]:
    return lambda path: load(path, pairs, *header)


def recipes() -> dict[str, Callable[[Path], None]]:
    big = "long@example.com " + "x" * 70_000 + "\n" + "y" * 1500 + " key\n"
    # makemap refuses duplicates and lines that start with white space.
    plain = "".join(line + "\n" for line in TABLE.split("\n") if not line.startswith((" ", "dup   second")))
    many = "".join(f"many value {n}\nfew{n % 20} {n}\n" for n in range(700)) + f"long {'v' * 900}\nlong {'w' * 900}\n"
    made: dict[str, Callable[[Path], None]] = {}
    for kind in ("hash", "btree"):
        made |= {
            f"{kind}-postmap.db": postmap(kind, TABLE),
            f"{kind}-postmap-big.db": postmap(kind, big),
            f"{kind}-postmap-empty.db": postmap(kind, ""),
            f"{kind}-postmap-deleted.db": postmap(
                kind, TABLE, *(["-d", f"user{n}@example{n % 7}.com"] for n in range(150))
            ),
            f"{kind}-makemap.db": makemap(kind, plain),
            f"{kind}-makemap-nul.db": makemap(kind, plain, "-N"),
            f"{kind}-makemap-duplicates.db": makemap(kind, "a 1\na 2\na 3\nb 4\n", "-d"),
            f"{kind}-makemap-many.db": makemap(kind, many, "-d"),
            f"{kind}-512.db": loaded(awkward(200), f"type={kind}", "db_pagesize=512"),
            f"{kind}-4096.db": loaded(awkward(200), f"type={kind}", "db_pagesize=4096"),
            f"{kind}-16384.db": loaded(awkward(90), f"type={kind}", "db_pagesize=16384"),
            f"{kind}-big-endian.db": loaded(awkward(200), f"type={kind}", "db_pagesize=1024", "db_lorder=4321"),
        }
    return made


def brief(item: bytes) -> str | list[object]:
    if len(item) <= 200:
        return item.decode("latin-1")
    return [len(item), hashlib.sha256(item).hexdigest()]


def main(only: list[str]) -> None:
    TARGET.mkdir(exist_ok=True)
    record_path = TARGET / "maps.json"
    files = json.loads(record_path.read_text(encoding="utf-8"))["files"] if only else {}
    with tempfile.TemporaryDirectory() as scratch:
        for name, make in recipes().items():
            if only and name not in only:
                continue
            path = Path(scratch, name)
            make(path)
            verify(path)
            (TARGET / name).write_bytes(path.read_bytes())
            files[name] = [[brief(key), brief(value)] for key, value in dump(path)]
    record = {"engines": versions(), "files": dict(sorted(files.items()))}
    record_path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
