from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from mailconf.maps.build import change
from mailconf.maps.build.change import delete_keys, update_map, update_packed
from mailconf.maps.build.write import (
    EXTENSIONS,
    Addition,
    DuplicateKey,
    Duplicates,
    map_path,
    writable_types,
    write_map,
    write_values,
)
from mailconf.maps.core.table import SequenceTable, TemporaryFailure, UnsupportedMap
from mailconf.maps.registry import open_table
from mailconf.tables.packed import Packed, Packing

KINDS = writable_types()
CHANGED = [kind for kind in KINDS if kind != "cdb"]


def content(kind: str, target: Path) -> dict[bytes, bytes]:
    table = open_table(f"{kind}:{str(target).removesuffix(EXTENSIONS[kind])}")
    assert isinstance(table, SequenceTable)
    try:
        return dict(table.entries())
    finally:
        table.close()


def test_map_path() -> None:
    assert map_path("hash", Path("/etc/postfix/access.old")) == Path("/etc/postfix/access.old.db")


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("nosuch", "unsupported dictionary type: nosuch. Is the postfix-nosuch package installed?"),
        ("static", "unsupported dictionary type: static does not support bulk-mode creation."),
        ("proxy", "can't create maps via the proxy service"),
    ],
)
def test_types_that_cannot_be_written(tmp_path: Path, kind: str, words: str) -> None:
    with pytest.raises(UnsupportedMap) as caught:
        write_map(kind, tmp_path / "t", [])
    assert str(caught.value) == words


@pytest.mark.parametrize("kind", KINDS)
def test_first_and_last(tmp_path: Path, kind: str) -> None:
    target = map_path(kind, tmp_path / "t")
    entries = [(b"a", b"1"), (b"b", b"2"), (b"a", b"3")]
    told: list[bytes] = []
    assert write_map(kind, target, entries, on_duplicate=told.append) == 2
    assert (content(kind, target), told) == ({b"a": b"1", b"b": b"2"}, [b"a"])
    write_map(kind, target, iter(entries), duplicates=Duplicates.LAST)
    assert content(kind, target) == {b"a": b"3", b"b": b"2"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_refused_duplicate_leaves_the_old_map(tmp_path: Path, kind: str) -> None:
    target = map_path(kind, tmp_path / "t")
    write_map(kind, target, [(b"old", b"1")])

    def refuse(key: bytes) -> None:
        raise DuplicateKey(key)

    with pytest.raises(DuplicateKey):
        write_map(kind, target, [(b"a", b"1"), (b"a", b"2")], on_duplicate=refuse)
    assert content(kind, target) == {b"old": b"1"}
    assert [path.name for path in tmp_path.iterdir()] == [target.name]


@pytest.mark.parametrize("kind", CHANGED)
@pytest.mark.parametrize("nul", [True, False])
@pytest.mark.parametrize("many", [change.MANY, 0])
def test_update_and_delete(tmp_path: Path, kind: str, nul: bool, many: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(change, "MANY", many)
    target = map_path(kind, tmp_path / "t")
    update_map(kind, target, [(b"a", b"1"), (b"b", b"2")], nul=nul)
    told: list[bytes] = []
    update_map(kind, target, [(b"b", b"3"), (b"c", b"4")], nul=nul, on_duplicate=told.append)
    assert (content(kind, target), told) == ({b"a": b"1", b"b": b"2", b"c": b"4"}, [b"b"])
    update_map(kind, target, [(b"b", b"5")], nul=nul, duplicates=Duplicates.LAST)
    assert content(kind, target)[b"b"] == b"5"
    inode = target.stat().st_ino
    assert delete_keys(kind, target, [b"x"]) == set()
    assert target.stat().st_ino == inode
    assert delete_keys(kind, target, [b"x", b"a", b"c", b"a"]) == {b"a", b"c"}
    assert content(kind, target) == {b"b": b"5"}
    update_map(kind, target, [(b"b", b"0")], nul=not nul)
    assert delete_keys(kind, target, [b"b"]) == {b"b"}  # the key with a NUL goes first
    assert content(kind, target) == {b"b": b"0" if nul else b"5"}


@pytest.mark.parametrize("kind", CHANGED)
@pytest.mark.parametrize("nul", [True, False])
@pytest.mark.parametrize("other", [[], [(b"z\0z", b"1")], [(b"z", b"")]])
@pytest.mark.parametrize("own", [[], [(b"own", b"new"), (b"none", b"new")]])
@pytest.mark.parametrize("duplicates", Duplicates)
def test_update_with_packed_entries(
    tmp_path: Path,
    kind: str,
    nul: bool,
    other: list[tuple[bytes, bytes]],
    own: list[tuple[bytes, bytes]],
    duplicates: Duplicates,
) -> None:
    """As with others, some of which take the place of the map's; not where the map holds such as cannot be packed."""
    end = b"\0" if nul else b""
    old = [(b"%d" % number, b"old") for number in range(100)] + [(b"own", b"old")] * bool(own) + other
    new = [(b"%d" % (number % 150), b"new%d" % number) for number in range(50, 220)]
    told: list[bytes] = []

    def tell(every: Packed, first: int, numbers: Iterable[int]) -> None:
        assert every.key(first) == new[0][0] + ended
        told.extend(every.key(number).removesuffix(ended) for number in numbers)

    def read(packing: Packing) -> bool:
        for pairs, more in ((new, ended), (own, end if own else b"")):
            packing.add_lists([key + more for key, _ in pairs], [value + more for _, value in pairs])
        return True

    ended = end if own else b""
    for first in (True, False):
        names: list[bytes] = []
        target, expected = (map_path(kind, tmp_path / name) for name in ("t", "u"))
        if not first:
            for path in (target, expected):
                path.unlink()
                write_map(kind, path, old, nul=nul)
        stored = [(key + end, value + end) for key, value in own]
        before = target.read_bytes() if target.exists() else b""
        addition = Addition(read, b"", 0, 1 << 10, ended if own else None, [key for key, _ in stored])
        nuls = False if own else nul
        done = update_packed(kind, target, addition, tell, nul=nuls, duplicates=duplicates)
        assert done is (first or not other)
        update_map(kind, expected, new, nul=nul, duplicates=duplicates, on_duplicate=names.append, last=stored)
        assert (target.read_bytes() == before) is not done
        if done:
            assert content(kind, target) == content(kind, expected)
            assert told == names
        told.clear()


@pytest.mark.parametrize("kind", CHANGED)
def test_what_cannot_be_changed(tmp_path: Path, kind: str) -> None:
    target = map_path(kind, tmp_path / "t")
    with pytest.raises(TemporaryFailure, match="No such file"):
        delete_keys(kind, target, [b"x"])
    target.write_bytes(b"this is no map" * 1000)
    for attempt in (lambda: delete_keys(kind, target, [b"x"]), lambda: update_map(kind, target, [(b"a", b"b")])):
        with pytest.raises(TemporaryFailure):
            attempt()
    assert target.read_bytes() == b"this is no map" * 1000


@pytest.mark.parametrize("kind", KINDS)
def test_modes(tmp_path: Path, kind: str) -> None:
    # What postmap 3.7.11 gives a new map for each mode of the text.
    target = map_path(kind, tmp_path / "t")
    source = tmp_path / "t"
    source.write_text("")
    for mode, new in {0o600: 0o600, 0o640: 0o640, 0o666: 0o644, 0o604: 0o604, 0o755: 0o644, 0o400: 0o600}.items():
        source.chmod(mode)
        target.unlink(missing_ok=True)
        write_map(kind, target, [], source=source.stat())
        assert target.stat().st_mode & 0o7777 == new
    target.chmod(0o660)
    write_map(kind, target, [], source=source.stat())
    if kind in CHANGED:
        update_map(kind, target, [(b"a", b"b")], source=source.stat())
    assert target.stat().st_mode & 0o7777 == 0o660


WRITER = """
import sys
import time
from pathlib import Path
from mailconf.maps.build.write import write_map
kind, target = sys.argv[1], Path(sys.argv[2])
for turn in range(10**9):
    print(turn, flush=True)
    write_map(kind, target, [(b"key%d" % n, b"%d" % turn) for n in range(3000)])
"""


@pytest.mark.parametrize("kind", KINDS)
def test_killed_writers_leave_a_whole_map(tmp_path: Path, kind: str) -> None:
    target = map_path(kind, tmp_path / "t")
    write_map(kind, target, [(b"key%d" % n, b"before") for n in range(3000)])
    dice = random.Random(kind)
    for _ in range(8):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, kind, str(target)], stdout=subprocess.PIPE, text=True, env=os.environ
        )
        assert writer.stdout is not None
        with writer, writer.stdout:
            for _ in range(dice.randrange(1, 4)):  # wait until it has begun a map for the first, second or third time
                assert writer.stdout.readline()
            for _ in range(dice.randrange(200_000)):
                pass  # it is somewhere in the middle now
            os.kill(writer.pid, signal.SIGKILL)
        found = content(kind, target)
        assert len(found) == 3000
        assert len(set(found.values())) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_readers_see_whole_maps_while_it_is_rebuilt(tmp_path: Path, kind: str) -> None:
    target = map_path(kind, tmp_path / "t")
    write_map(kind, target, [(b"key%d" % n, b"before") for n in range(3000)])
    table = open_table(f"{kind}:{tmp_path / 't'}")
    writer = subprocess.Popen([sys.executable, "-c", WRITER, kind, str(target)], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    seen = set()
    with writer, writer.stdout:
        until = time.monotonic() + 60
        while len(seen) < 5 and time.monotonic() < until:
            seen.add(table.lookup(b"key%d" % (len(seen) * 500)))
        os.kill(writer.pid, signal.SIGKILL)
    table.close()
    assert None not in seen
    assert len(seen) == 5


@pytest.mark.parametrize("kind", ["hash", "btree"])
@pytest.mark.parametrize("nul", [True, False])
def test_keys_keep_their_several_values(tmp_path: Path, kind: str, nul: bool) -> None:
    """What postmap 3.7.11 does with maps of makemap -d."""
    target = tmp_path / "t.db"
    end = b"\0" if nul else b""
    several = {b"a": [b"1", b"2"], b"b": [b"3", b"4"], b"c": [b"5"], b"many": [b"value %d" % n for n in range(900)]}
    write_values(kind, target, {key + end: [value + end for value in values] for key, values in several.items()})

    def values() -> dict[bytes, list[bytes]]:
        found: dict[bytes, list[bytes]] = {}
        table = open_table(f"{kind}:{tmp_path / 't'}")
        assert isinstance(table, SequenceTable)
        for key, value in table.entries():
            found.setdefault(key, []).append(value)
        table.close()
        return found

    told: list[bytes] = []
    update_map(kind, target, [(b"a", b"no"), (b"d", b"x"), (b"d", b"y")], nul=nul, on_duplicate=told.append)
    assert (values(), told) == (several | {b"d": [b"x"]}, [b"a", b"d"])
    update_map(kind, target, [(b"a", b"new"), (b"q", b"1"), (b"q", b"2")], nul=nul, duplicates=Duplicates.LAST)
    update_map(kind, target, [], nul=nul, last=[(b"c" + end, b"last" + end)])
    changed = several | {b"a": [b"1", b"2", b"new"], b"d": [b"x"], b"q": [b"1", b"2"], b"c": [b"5", b"last"]}
    assert values() == changed
    assert delete_keys(kind, target, [b"a", b"none", b"many"]) == {b"a", b"many"}
    assert values() == {key: some for key, some in changed.items() if key not in (b"a", b"many")}
