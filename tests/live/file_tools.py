"""The real tools for cdb and LMDB files, for the recording script and the side-by-side tests."""

from __future__ import annotations

from pathlib import Path

from tests.live.map_tools import Pairs, run


def cdb_make(path: Path, pairs: Pairs) -> None:
    """Make a file with tinycdb."""
    text = b"".join(b"+%d,%d:%s->%s\n" % (len(key), len(value), key, value) for key, value in pairs)
    run("cdb", "-c", path, "-", stdin=text + b"\n")


def cdb_dump(path: Path) -> Pairs:
    """The records of a file in their order."""
    text, at, pairs = run("cdb", "-d", path), 0, []
    while text[at : at + 1] == b"+":
        colon = text.index(b":", at)
        key_length, value_length = map(int, text[at + 1 : colon].split(b","))
        middle = colon + 1 + key_length
        pairs.append((text[colon + 1 : middle], text[middle + 2 : middle + 2 + value_length]))
        at = middle + 2 + value_length + 1
    return pairs


def mdb_load(path: Path, pairs: Pairs, mapsize: int = 1 << 24) -> None:
    """Make a file with LMDB's tool."""
    lines = [b"VERSION=3", b"format=bytevalue", b"type=btree", b"mapsize=%d" % mapsize, b"HEADER=END"]
    lines += [b" " + item.hex().encode() for pair in pairs for item in pair]
    run("mdb_load", "-n", path, stdin=b"\n".join([*lines, b"DATA=END", b""]))
    path.with_name(path.name + "-lock").unlink(missing_ok=True)


def mdb_dump(path: Path) -> Pairs:
    """The entries of a file in the order of their keys."""
    text = run("mdb_dump", "-n", path).split(b"HEADER=END\n")[1].split(b"DATA=END\n")[0]
    path.with_name(path.name + "-lock").unlink(missing_ok=True)
    items = [bytes.fromhex(line[1:].decode()) for line in text.split(b"\n")[:-1]]
    return list(zip(items[0::2], items[1::2], strict=True))
