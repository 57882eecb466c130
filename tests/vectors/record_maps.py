"""Records tests/vectors/maps/: small map files with hard content, made by the real engines, and what libdb reads there.

    python -m tests.vectors.record_maps [FILE...]      these only, or all

maps/entries.jsonl has, for each file, how it was made and its entries in the order of libdb's cursor; a value or key
above 200 bytes is given by its length and SHA-256, what the file was made of is by its SHA-256.
"""

from __future__ import annotations

import hashlib
import random
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.live.map_tools import Pairs, dump, load, postfix_folder, run, sendmail, sendmail_cf, verify
from tests.vectors import store

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


@dataclass(frozen=True)
class Recipe:
    """How a file is made: the tool, its options or the runs of it that follow, and what it reads."""

    tool: str
    options: list[Any]
    content: bytes
    make: Callable[[Path], None]

    def asked(self, name: str) -> dict[str, Any]:
        sha256 = hashlib.sha256(self.content).hexdigest()
        return {"file": name, "tool": self.tool, "options": store.brief(repr(self.options)), "sha256": sha256}


def postmap(kind: str, table: str, *then: list[str]) -> Recipe:
    """postmap on a text, and after it with each list of arguments."""

    def make(path: Path) -> None:
        source = path.with_suffix("")
        folder = postfix_folder(path.parent / "postfix")
        source.write_text(table, encoding="utf-8")
        run("postmap", "-c", folder, f"{kind}:{source}")
        for arguments in then:
            run("postmap", "-c", folder, *arguments, f"{kind}:{source}")

    return Recipe("postmap", [kind, *then], table.encode(), make)


def makemap(kind: str, table: str, *options: str) -> Recipe:
    def make(path: Path) -> None:
        sendmail("makemap", "-C", sendmail_cf(path.parent), *options, kind, path, stdin=table.encode())

    return Recipe("makemap", [*options, kind], table.encode(), make)


def loaded(pairs: Pairs, *header: str) -> Recipe:
    return Recipe("db5.3_load", [*header], repr(pairs).encode(), lambda path: load(path, pairs, *header))


def recipes() -> dict[str, Recipe]:
    big = "long@example.com " + "x" * 70_000 + "\n" + "y" * 1500 + " key\n"
    # makemap refuses duplicates and lines that start with white space.
    plain = "".join(line + "\n" for line in TABLE.split("\n") if not line.startswith((" ", "dup   second")))
    many = "".join(f"many value {n}\nfew{n % 20} {n}\n" for n in range(700)) + f"long {'v' * 900}\nlong {'w' * 900}\n"
    made: dict[str, Recipe] = {}
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
    return dict(sorted(made.items()))


def brief(item: bytes) -> str | list[object]:
    if len(item) <= 200:
        return item.decode("latin-1")
    return [len(item), hashlib.sha256(item).hexdigest()]


def inputs() -> store.Inputs:
    return store.Inputs([recipe.asked(name) for name, recipe in recipes().items()])


def main(only: list[str]) -> None:
    TARGET.mkdir(exist_ok=True)
    files = {case["file"]: case["entries"] for case in store.read_anyway("maps/entries").cases} if only else {}
    with tempfile.TemporaryDirectory() as scratch:
        for name, recipe in recipes().items():
            if only and name not in only:
                continue
            path = Path(scratch, name)
            recipe.make(path)
            verify(path)
            (TARGET / name).write_bytes(path.read_bytes())
            files[name] = [[brief(key), brief(value)] for key, value in dump(path)]
    packages = {**store.postfix().packages, **store.sendmail().packages}
    engine = store.Engine("Berkeley DB", str(packages["db5.3-util"]).partition("+")[0], packages)
    store.write("maps/entries", engine, __file__, [{"entries": files[name]} for name in recipes()])


INPUTS = {"maps/entries": inputs}

if __name__ == "__main__":
    main(sys.argv[1:])
