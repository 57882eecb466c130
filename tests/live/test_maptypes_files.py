"""Our cdb and LMDB files in the hands of the real tools, and theirs in ours."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailconf.maps.build.write import write_map
from mailconf.maps.core.table import SequenceTable
from mailconf.maps.database.cdb import CdbFile
from mailconf.maps.database.lmdb import LmdbFile
from mailconf.maps.registry import open_table
from tests.live.file_tools import cdb_dump, cdb_make, mdb_dump, mdb_load
from tests.live.map_tools import Pairs, postfix_folder, run

pytestmark = pytest.mark.live

KINDS = ["cdb", "lmdb"]
DUMP = {"cdb": cdb_dump, "lmdb": mdb_dump}
MAKE = {"cdb": cdb_make, "lmdb": mdb_load}
FILE = {"cdb": CdbFile, "lmdb": LmdbFile}
SLOW = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
KEYS = st.binary(min_size=1, max_size=30) | st.integers(1, 510).map(lambda n: b"x" * n)
VALUES = st.binary(max_size=30) | st.integers(0, 9000).map(lambda n: b"x" * n)


@pytest.fixture
def postfix(tmp_path: Path) -> Path:
    return postfix_folder(tmp_path / "postfix")


def users(count: int) -> dict[bytes, bytes]:
    return {b"user%d@example%d.com" % (n, n % 97): b"box %d" % n for n in range(count)}


@pytest.mark.parametrize("kind", KINDS)
@SLOW
@given(table=st.dictionaries(KEYS, VALUES, max_size=80), nul=st.booleans())
def test_the_library_reads_ours(tmp_path: Path, kind: str, table: dict[bytes, bytes], nul: bool) -> None:
    path = tmp_path / f"t.{kind}"
    write_map(kind, path, table.items(), nul=nul)
    end = b"\0" if nul else b""
    assert sorted(DUMP[kind](path)) == sorted((key + end, value + end) for key, value in table.items())


@pytest.mark.parametrize("kind", KINDS)
@SLOW
@given(table=st.dictionaries(KEYS, VALUES, max_size=80))
def test_we_read_the_library_s(tmp_path: Path, kind: str, table: dict[bytes, bytes]) -> None:
    path = tmp_path / f"t.{kind}"
    path.unlink(missing_ok=True)
    MAKE[kind](path, list(table.items()))
    ours = FILE[kind](path)
    assert list(ours.items()) == DUMP[kind](path)
    assert {key: ours.get(key) for key in table} == table
    ours.close()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [0, 1, 1000, 100_000])
def test_postmap_reads_ours(tmp_path: Path, postfix: Path, kind: str, count: int) -> None:
    table = users(count) | {b"long": b"v" * 70_000, b"k" * 500: b"a long key"}
    spec = f"{kind}:{tmp_path / 't'}"
    write_map(kind, tmp_path / f"t.{kind}", table.items())
    asked = random.Random(count).sample(sorted(table), min(len(table), 2000))
    answers = run(
        "postmap", "-c", postfix, "-q", "-", spec, stdin=b"".join(b"%s\nno%s\n" % (key, key) for key in asked)
    )
    assert answers.split(b"\n") == [*(b"%s\t%s" % (key, table[key]) for key in asked), b""]
    if kind == "lmdb":
        assert dict(line.split(b"\t") for line in run("postmap", "-c", postfix, "-s", spec).splitlines()) == table
    else:
        assert run("cdb", "-q", tmp_path / "t.cdb", asked[0].decode()) == table[asked[0]]


@pytest.mark.parametrize("kind", KINDS)
def test_we_read_postmap_s(tmp_path: Path, postfix: Path, kind: str) -> None:
    table = users(50_000) | {b"long": b"v" * 70_000}
    (tmp_path / "t").write_bytes(b"".join(b"%s %s\n" % pair for pair in table.items()))
    run("postmap", "-c", postfix, f"{kind}:{tmp_path / 't'}")
    ours = open_table(f"{kind}:{tmp_path / 't'}")
    assert isinstance(ours, SequenceTable)
    assert dict(ours.entries()) == table
    for key, value in list(table.items())[::7]:
        assert ours.lookup(key) == value
        assert ours.lookup(key + b"x") is None


def test_the_same_cdb_file_as_postmap_s(tmp_path: Path, postfix: Path) -> None:
    table = users(20_000)
    (tmp_path / "t").write_bytes(b"".join(b"%s %s\n" % pair for pair in table.items()))
    run("postmap", "-c", postfix, f"cdb:{tmp_path / 't'}")
    write_map("cdb", tmp_path / "ours.cdb", table.items())
    assert (tmp_path / "ours.cdb").read_bytes() == (tmp_path / "t.cdb").read_bytes()


@pytest.mark.parametrize("count", [0, 1, 30_000])
def test_postmap_changes_our_lmdb(tmp_path: Path, postfix: Path, count: int) -> None:
    table = users(count)
    spec, path = f"lmdb:{tmp_path / 't'}", tmp_path / "t.lmdb"
    write_map("lmdb", path, table.items())
    ours = open_table(spec)
    more = {b"more%d" % n: b"m" * (n % 2000) + b"." for n in range(3000)}
    run("postmap", "-c", postfix, "-i", spec, stdin=b"".join(b"%s %s\n" % pair for pair in more.items()))
    assert ours.lookup(b"more7") == b"m" * 7 + b"."
    gone = random.Random(count).sample(sorted(table), min(len(table), 2000))
    if gone:
        run("postmap", "-c", postfix, "-d", "-", spec, stdin=b"".join(key + b"\n" for key in gone))
    left = {key: value for key, value in table.items() if key not in set(gone)} | more
    assert isinstance(ours, SequenceTable)
    assert dict(ours.entries()) == left
    pairs: Pairs = mdb_dump(path)
    assert dict(pairs) == {key + b"\0": value + b"\0" for key, value in left.items()}


def test_nul_at_the_end_is_looked_for_as_in_the_original(tmp_path: Path, postfix: Path) -> None:
    path = tmp_path / "t.cdb"
    cdb_make(path, [(b"with\0", b"1\0"), (b"without", b"2"), (b"cut", b"a\0b")])
    for order in ([b"with", b"without", b"cut", b"with"], [b"cut", b"with", b"without"]):
        answers = run("postmap", "-c", postfix, "-q", "-", f"cdb:{tmp_path / 't'}", stdin=b"\n".join(order))
        ours = open_table(f"cdb:{tmp_path / 't'}")
        found = [(key, ours.lookup(key)) for key in order]
        assert answers == b"".join(b"%s\t%s\n" % (key, value) for key, value in found if value is not None)
