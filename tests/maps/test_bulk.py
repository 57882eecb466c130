"""Work in a second process, and ``postmap -q -``, which shares its keys with one."""

from __future__ import annotations

import ctypes
import io
import os
import random
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from mailconf.maps.build.write import map_path, write_map
from mailconf.maps.bulk import beside, many
from mailconf.maps.bulk.many import ManyKeys
from mailconf.maps.core.table import BulkTable, Share, TemporaryFailure
from mailconf.maps.registry import open_table
from mailconf.tables.postmap import fold


def test_the_result_comes_back() -> None:
    for result in ([b"x" * 1_000_000], [b"%d" % n for n in range(100_000)], [b"", b""], [b""], []):
        with beside.beside(lambda result=result: list(result)) as other:  # type: ignore[misc]
            assert other() == result
    with beside.beside(lambda: None) as other:
        assert other() is None


def test_a_failure_is_none(capfd: pytest.CaptureFixture[str]) -> None:
    def fails() -> list[bytes]:
        raise ValueError

    with beside.beside(fails) as other:
        assert other() is None
    with beside.beside(lambda: os.kill(os.getpid(), 9) or []) as other:
        assert other() is None
    assert capfd.readouterr() == ("", "")


def test_a_result_that_nobody_wants_ends_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    children: list[int] = []
    fork = os.fork

    def remembered() -> int:
        children.append(fork())
        return children[-1]

    monkeypatch.setattr(os, "fork", remembered)
    with beside.beside(lambda: [b"x" * 10_000_000]):
        pass
    with pytest.raises(ChildProcessError):
        os.waitpid(children[0], os.WNOHANG)


MEMORY = 8 << 30


def test_what_another_process_gives_in_pieces() -> None:
    for pieces in ([b"x" * 1_000_000, b"", b"y"], [b"abc"], []):
        with beside.apart(lambda pieces=pieces: pieces, 1 << 20, 5, MEMORY) as other:  # type: ignore[misc]
            assert other() == b"".join(pieces)


@pytest.mark.parametrize("end", ["exception", "crash", "circles", "memory", "room", "abort"])
def test_a_process_that_may_end_badly(capfd: pytest.CaptureFixture[str], end: str) -> None:
    def work() -> Iterator[bytes]:
        yield b"begun"
        if end == "exception":
            raise ValueError
        if end == "crash":
            ctypes.string_at(0)
        if end == "memory":
            yield bytes(4 << 30)[:1]
        if end == "abort":
            os.write(2, b"last words\n")
            os.abort()
        if end == "room":
            yield bytes(1 << 20)
        while end == "circles":
            pass
        yield b"done"

    with beside.apart(work, 1 << 20, 1, 2 << 30) as other:
        assert other() is None
    assert capfd.readouterr() == ("", "")


def test_memory_that_the_system_does_not_have() -> None:
    with beside.apart(lambda: [b"x"], 1 << 60, 5, MEMORY) as other:
        assert other() is None


def asked(*specs: str) -> ManyKeys:
    tables = [open_table(spec, fold=fold) for spec in specs]
    return ManyKeys(len(specs), tables.__getitem__, b"\t".join, utf8=True, by_library=True)


def output(*specs: str, keys: list[bytes]) -> list[bytes] | None:
    texts = asked(*specs).texts(keys)
    return None if texts is None else b"".join(texts).splitlines()


@pytest.fixture
def two_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many keys are fewer, and the machine has two processors."""
    monkeypatch.setattr(many, "SHARED", 1000)
    monkeypatch.setattr(many, "FIRST", (20, 500))
    monkeypatch.setattr(many, "processors", lambda: 2)


@pytest.mark.usefixtures("two_processes")
@pytest.mark.parametrize("kind", ["hash", "btree", "cdb", "lmdb"])
@pytest.mark.parametrize("nul", [True, False])
def test_two_processes_say_what_one_does(tmp_path: Path, kind: str, nul: bool) -> None:
    table = {b"user%d@example.com" % n: b"box %d" % n for n in range(9000)}
    write_map(kind, map_path(kind, tmp_path / "t"), list(table.items()), nul=nul)
    keys = [key + b"x" * (n % 3 == 0) for n, key in enumerate(table)] * 2
    random.Random(kind).shuffle(keys)
    expected = [b"%b\t%b" % (key, table[key]) for key in keys if key in table]
    map_name = f"{kind}:{tmp_path / 't'}"
    assert output(map_name, keys=keys) == expected
    # Where the first keys do not show whether those of the map end with a NUL, more do, or one process looks for all.
    write_map(kind, map_path(kind, tmp_path / "u"), [(b"absent", b"here")], nul=nul)
    for absent in (300, 3000, 7000):
        late = [b"absent"] * absent + keys
        assert output(map_name, keys=late) == expected
        assert output(map_name, f"{kind}:{tmp_path / 'u'}", keys=late) == [b"absent\there"] * absent + expected


@pytest.mark.usefixtures("two_processes")
def test_what_needs_words_is_left_to_the_slow_way(tmp_path: Path) -> None:
    keys = [b"k%d" % n for n in range(4000)]
    for kind in ("hash", "cdb", "lmdb"):
        for empty in (5, 1500, 3999):  # its first keys, the first half, the second
            entries = [(key, b"" if n == empty else b"v") for n, key in enumerate(keys)]
            write_map(kind, map_path(kind, tmp_path / "t"), entries, nul=kind != "cdb")
            assert output(f"{kind}:{tmp_path / 't'}", keys=keys) is None
            assert by_library(f"{kind}:{tmp_path / 't'}", keys) is None


@pytest.mark.usefixtures("two_processes")
def test_a_map_that_is_replaced_between_the_two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = [b"key%d" % n for n in range(9000)]
    path = tmp_path / "t.db"
    write_map("hash", path, [(key, b"old") for key in keys])
    both = asked(f"hash:{tmp_path / 't'}")
    part_of = both._part_of

    def replacing(
        table: BulkTable, some: list[bytes], share: Share, places: object = None
    ) -> list[bytes | None] | None:
        if share[0] == 0 < share[1] < 1:  # the other process has the old map by now, or will have this one
            write_map("hash", path, [(b"x%d" % n, b"x") for n in range(100_000)] + [(key, b"new") for key in keys])
        return part_of(table, some, share, places)  # type: ignore[arg-type]

    monkeypatch.setattr(both, "_part_of", replacing)
    texts = both.texts(keys)
    assert texts is not None
    assert [line.partition(b"\t")[0] for line in b"".join(texts).splitlines()] == keys


def by_library(spec: str, keys: list[bytes]) -> bytes | None:
    """What is written where the library finds all of ``keys``; None where it is left to our readers."""
    out = io.BytesIO()
    found = asked(spec).written(b"".join([key + b"\n" for key in keys]), out.write)
    written = out.getvalue()
    assert found is None or found == bool(written)
    assert found is not None or not written
    return None if found is None else written


@pytest.mark.usefixtures("two_processes")
@pytest.mark.parametrize("cores", [1, 2])
@pytest.mark.parametrize("nul", [True, False])
@pytest.mark.parametrize("kind", ["cdb", "lmdb"])
def test_libraries_say_what_our_readers_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, nul: bool, cores: int
) -> None:
    monkeypatch.setattr(many, "processors", lambda: cores)
    table = {b"user%d@example.com" % n: b"box %d" % n + b"x" * (n % 7 * 300) for n in range(3000)}
    table["größe@example.com".encode()] = "größer".encode()
    write_map(kind, map_path(kind, tmp_path / "t"), list(table.items()), nul=nul)
    keys = [key + b"x" * (n % 3 == 0) for n, key in enumerate(table)] * 2
    random.Random(kind).shuffle(keys)
    keys = [key.upper() if n % 5 == 0 and key.isascii() else key for n, key in enumerate(keys)]
    map_name = f"{kind}:{tmp_path / 't'}"
    for some in (keys, [b"absent"] * 300 + keys, keys[:1001]):
        found = by_library(map_name, some)
        assert found is not None
        assert found.splitlines() == output(map_name, keys=some)
    assert by_library(map_name, [b"absent"] * 20_000) is None  # whether its keys end with a NUL is not known
    assert by_library(map_name, keys[:100]) is None
    if not nul:
        write_map(kind, map_path(kind, tmp_path / "t"), [*table.items(), (b"z", b"a\0b")], nul=nul)
        assert by_library(map_name, [*keys, b"z"]) is None
        assert output(map_name, keys=[*keys, b"z"])[-1] == b"z\ta"  # type: ignore[index]
    map_path(kind, tmp_path / "t").chmod(0o620)
    assert by_library(map_name, keys) is None  # anyone of the group may have written anything


@pytest.mark.usefixtures("two_processes")
@pytest.mark.parametrize("kind", ["cdb", "lmdb"])
def test_a_library_that_does_not_survive_its_file(tmp_path: Path, kind: str) -> None:
    """Damaged in places and in length: an answer of our readers' or none, and never a word of the library's."""
    table = {b"user%d@example.com" % n: b"box %d" % n for n in range(1200)}
    path = map_path(kind, tmp_path / "t")
    write_map(kind, path, list(table.items()))
    whole = path.read_bytes()
    chance = random.Random(7)
    answers = {True: 0, False: 0}
    for turn in range(60):
        data = bytearray(whole)
        for _ in range(1 << turn % 12):
            data[chance.randrange(len(data))] = chance.choice([0, 1, 0x7F, 0xFF, chance.randrange(256)])
        path.write_bytes(data[: chance.randrange(len(data))] if turn % 4 == 0 else data)
        with suppress(TemporaryFailure):
            answers[by_library(f"{kind}:{tmp_path / 't'}", list(table)) is None] += 1
    assert all(answers.values())
