"""Our Berkeley DB files in the hands of libdb, Postfix and sendmail, and theirs in ours."""

from __future__ import annotations

import os
import random
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailconf.maps.build.write import map_path, write_map
from mailconf.maps.core.table import SequenceTable
from mailconf.maps.database.bdb_btree import BtreeFile
from mailconf.maps.database.bdb_hash import HashFile
from mailconf.maps.registry import open_table
from mailconf.tables.packed import MANY
from tests.live.map_tools import dump, load, postfix_folder, run, sendmail, sendmail_cf, verify

pytestmark = pytest.mark.live

READERS = {"hash": HashFile, "btree": BtreeFile}
KINDS = list(READERS)
SLOW = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
ITEMS = st.binary(max_size=30) | st.binary(max_size=4) | st.integers(0, 9000).map(lambda n: b"x" * n)
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0\n", exclude_categories=["Z", "C"]), min_size=1)


@pytest.fixture
def postfix(tmp_path: Path) -> Path:
    return postfix_folder(tmp_path / "postfix")


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other users can write: pytest's own are closed to them."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        yield Path(folder)


@pytest.mark.parametrize("kind", KINDS)
@SLOW
@given(table=st.dictionaries(ITEMS, ITEMS, max_size=80), nul=st.booleans())
def test_libdb_reads_ours(tmp_path: Path, kind: str, table: dict[bytes, bytes], nul: bool) -> None:
    path = tmp_path / "t.db"
    write_map(kind, path, list(table.items()), nul=nul)
    verify(path)
    end = b"\0" if nul else b""
    pairs = dump(path)
    assert dict(pairs) == {key + end: value + end for key, value in table.items()}
    ours = open_table(f"{kind}:{tmp_path / 't'}")
    assert isinstance(ours, SequenceTable)
    assert list(ours.entries()) == [(key.partition(b"\0")[0], value.partition(b"\0")[0]) for key, value in pairs]


@pytest.mark.parametrize("kind", KINDS)
@SLOW
@given(
    table=st.dictionaries(ITEMS, ITEMS, max_size=80),
    size=st.sampled_from([512, 1024, 4096, 65536]),
    order=st.sampled_from([1234, 4321]),
)
def test_we_read_libdb_s(tmp_path: Path, kind: str, table: dict[bytes, bytes], size: int, order: int) -> None:
    path = tmp_path / "t.db"
    path.unlink(missing_ok=True)
    load(path, table.items(), f"type={kind}", f"db_pagesize={size}", f"db_lorder={order}")
    ours = READERS[kind](path)
    assert list(ours.items()) == dump(path)
    assert {key: ours.get(key) for key in table} == table
    ours.close()


@pytest.mark.parametrize("kind", KINDS)
@SLOW
@given(table=st.dictionaries(TEXT.map(str.casefold), TEXT, min_size=1, max_size=40))
def test_postmap_reads_ours(tmp_path: Path, postfix: Path, kind: str, table: dict[str, str]) -> None:
    entries = [(key.encode(), value.encode()) for key, value in table.items()]
    write_map(kind, tmp_path / "t.db", entries)
    spec = f"{kind}:{tmp_path / 't'}"
    listed = run("postmap", "-c", postfix, "-f", "-s", spec)
    assert sorted(listed.splitlines()) == sorted(b"%s\t%s" % pair for pair in entries)
    keys = b"".join(key + b"\n" for key, _ in entries)
    answers = run("postmap", "-c", postfix, "-f", "-q", "-", spec, stdin=keys)
    assert answers.split(b"\n") == [b"%s\t%s" % pair for pair in entries] + [b""]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [0, 1, 10, 20_000, 100_000])
def test_libdb_changes_ours(tmp_path: Path, postfix: Path, kind: str, count: int) -> None:
    spec, path = f"{kind}:{tmp_path / 't'}", tmp_path / "t.db"
    table = {b"user%d@example%d.com" % (n, n % 97): b"box %d" % n for n in range(count)}
    if count:
        table |= {b"long": b"v" * 70_000, b"k" * 1200: b"long key", b"k" * 40: b""}
    write_map(kind, path, list(table.items()))
    verify(path)
    more = {b"more%d" % n: b"m" * (n % 2000) + b"." for n in range(3000)}
    text = b"".join(b"%s %s\n" % pair for pair in more.items())
    run("postmap", "-c", postfix, "-i", spec, stdin=text)
    verify(path)
    gone = random.Random(count).sample(sorted(table), min(len(table), 2000))
    if gone:
        run("postmap", "-c", postfix, "-d", "-", spec, stdin=b"".join(key + b"\n" for key in gone))
    verify(path)
    left = {key: value for key, value in table.items() if key not in set(gone)} | more
    ours = open_table(spec)
    assert isinstance(ours, SequenceTable)
    assert dict(ours.entries()) == left
    for key, value in random.Random(1).sample(sorted(left.items()), min(len(left), 5000)):
        assert ours.lookup(key) == value


@pytest.mark.parametrize("kind", [*KINDS, "cdb", "lmdb"])
@pytest.mark.parametrize("order", ["sorted", "shuffled"])
def test_the_real_postmap_reads_a_large_map_of_ours(tmp_path: Path, postfix: Path, kind: str, order: str) -> None:
    """One that is written as arrays, and changed by the real tool afterwards where the type can be."""
    table = {b"user%d@%s.example.com" % (n, b"d" * (n % 60)): b"box%d" % n * (n % 9 + 1) for n in range(80_000)}
    pairs = sorted(table.items())
    if order == "shuffled":
        random.Random(3).shuffle(pairs)
    (tmp_path / "t").write_bytes(b"".join(b"%s\t%s\n" % pair for pair in pairs))
    assert (tmp_path / "t").stat().st_size > MANY
    spec = f"{kind}:{tmp_path / 't'}"
    run(sys.executable, "-m", "mailconf", "postmap", "-c", postfix, spec)
    if kind in KINDS:
        verify(tmp_path / "t.db")
    keys = b"".join(key + b"\n" + key + b"x\n" for key, _ in pairs)
    answers = run("postmap", "-c", postfix, "-q", "-", spec, stdin=keys)
    assert answers.splitlines() == [b"%s\t%s" % pair for pair in pairs]
    assert run(sys.executable, "-m", "mailconf", "postmap", "-c", postfix, "-q", "-", spec, stdin=keys) == answers
    if kind == "cdb":
        return
    more = [b"more%d" % n for n in range(3000)]
    run("postmap", "-c", postfix, "-i", spec, stdin=b"".join(key + b" new\n" for key in more))
    run("postmap", "-c", postfix, "-d", "-", spec, stdin=b"".join(key + b"\n" for key, _ in pairs[::5]))
    listed = run("postmap", "-c", postfix, "-s", spec)
    left = [b"%s\t%s" % pair for n, pair in enumerate(pairs) if n % 5] + [key + b"\tnew" for key in more]
    assert sorted(listed.splitlines()) == sorted(left)


@pytest.mark.parametrize("kind", KINDS)
def test_we_read_a_large_file_of_postmap_s(tmp_path: Path, postfix: Path, kind: str) -> None:
    table = {b"user%d@example%d.com" % (n, n % 97): b"box %d" % n for n in range(50_000)}
    (tmp_path / "t").write_bytes(b"".join(b"%s %s\n" % pair for pair in table.items()))
    run("postmap", "-c", postfix, f"{kind}:{tmp_path / 't'}")
    ours = open_table(f"{kind}:{tmp_path / 't'}")
    assert isinstance(ours, SequenceTable)
    assert dict(ours.entries()) == table
    for key, value in list(table.items())[::7]:
        assert ours.lookup(key) == value
        assert ours.lookup(key + b"x") is None


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("nul", [True, False])
def test_sendmail_reads_ours(tmp_path: Path, kind: str, nul: bool) -> None:
    table = {b"user%d@example%d.com" % (n, n % 97): b"box%d" % n for n in range(500)}
    write_map(kind, tmp_path / "t.db", list(table.items()), nul=nul)
    cf = sendmail_cf(tmp_path, f"Kx {kind} {tmp_path / 't'}")
    keys = [*list(table)[::9], b"nobody"]
    said = sendmail("sendmail", "-bt", "-C", cf, stdin=b"".join(b"/map x %s\n" % key for key in keys))
    for key in keys:
        answer = b"returns " + table[key] if key in table else b"no match"
        assert b"map_lookup: x (%s) %s (" % (key, answer) in said
    if not nul:  # editmap asks for keys without a NUL only
        assert sendmail("editmap", "-C", cf, "-q", kind, tmp_path / "t", "user9@example9.com") == b"box9\n"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("options", [[], ["-N"]])
def test_we_read_makemap_s(tmp_path: Path, kind: str, options: list[str]) -> None:
    table = {b"user%d@example%d.com" % (n, n % 97): b"box %d" % n for n in range(5000)}
    text = b"".join(b"%s\t%s\n" % pair for pair in table.items())
    sendmail("makemap", "-C", sendmail_cf(tmp_path), *options, kind, tmp_path / "t", stdin=text)
    ours = open_table(f"{kind}:{tmp_path / 't'}")
    assert isinstance(ours, SequenceTable)
    assert dict(ours.entries()) == table
    assert all(ours.lookup(key) == value for key, value in table.items())


@pytest.mark.parametrize("kind", KINDS)
def test_owner_and_mode_are_postmap_s(open_folder: Path, postfix: Path, kind: str) -> None:
    if os.geteuid() != 0:
        pytest.fail("compares owners: run the live tests as root")
    source = open_folder / "t"
    source.write_text("a b\n")
    target = map_path(kind, source)
    for uid, mode in ((0, 0o644), (0, 0o640), (65534, 0o666), (65534, 0o400), (65534, 0o751)):
        os.chown(source, uid, 65534)
        source.chmod(mode)
        target.unlink(missing_ok=True)
        run("postmap", "-c", postfix, f"{kind}:{source}")
        theirs = target.stat()
        target.unlink()
        write_map(kind, target, [(b"a", b"b")], source=source.stat())
        ours = target.stat()
        assert (ours.st_uid, ours.st_mode) == (theirs.st_uid, theirs.st_mode)
        assert ours.st_gid == theirs.st_gid or uid == 0
