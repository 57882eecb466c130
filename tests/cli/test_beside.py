"""Work in a second process, and ``postmap -q -``, which shares its keys with one."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from mailconf.cli import beside, postmap_query
from mailconf.cli.postfix_tool import Messages
from mailconf.cli.postmap import TOOL, Options
from mailconf.maps.table import BulkTable, Share
from mailconf.maps.write import map_path, write_map


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


def tables(*specs: str) -> postmap_query.Tables:
    options = Options(TOOL)
    options.query = "-"
    names = [tuple(spec.split(":", 1)) for spec in specs]
    return postmap_query.Tables(names, options, Messages("postmap"))  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["hash", "btree", "cdb", "lmdb"])
@pytest.mark.parametrize("nul", [True, False])
def test_two_processes_say_what_one_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, nul: bool) -> None:
    monkeypatch.setattr(postmap_query, "SHARED", 1000)
    monkeypatch.setattr(beside, "processors", lambda: 2)
    table = {b"user%d@example.com" % n: b"box %d" % n for n in range(9000)}
    write_map(kind, map_path(kind, tmp_path / "t"), list(table.items()), nul=nul)
    keys = [key + b"x" * (n % 3 == 0) for n, key in enumerate(table)] * 2
    random.Random(kind).shuffle(keys)
    expected = [b"%b\t%b" % (key, table[key]) for key in keys if key in table]
    assert tables(f"{kind}:{tmp_path / 't'}").lines(keys) == expected
    # Where the first keys do not show whether those of the map end with a NUL, one process looks for them all.
    late = [b"absent"] * 3000 + keys
    assert tables(f"{kind}:{tmp_path / 't'}").lines(late) == expected
    write_map(kind, map_path(kind, tmp_path / "u"), [(b"absent", b"here")], nul=nul)
    both = tables(f"{kind}:{tmp_path / 't'}", f"{kind}:{tmp_path / 'u'}")
    assert both.lines(late) == [b"absent\there"] * 3000 + expected


def test_what_needs_words_is_left_to_the_slow_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postmap_query, "SHARED", 1000)
    monkeypatch.setattr(beside, "processors", lambda: 2)
    keys = [b"k%d" % n for n in range(4000)]
    for empty in (5, 1500, 3999):  # its first keys, the first half, the second
        entries = [(key, b"" if n == empty else b"v") for n, key in enumerate(keys)]
        write_map("hash", tmp_path / "t.db", entries)
        assert tables(f"hash:{tmp_path / 't'}").lines(keys) is None


def test_a_map_that_is_replaced_between_the_two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postmap_query, "SHARED", 1000)
    monkeypatch.setattr(beside, "processors", lambda: 2)
    keys = [b"key%d" % n for n in range(9000)]
    path = tmp_path / "t.db"
    write_map("hash", path, [(key, b"old") for key in keys])
    asked = tables(f"hash:{tmp_path / 't'}")
    part_of = asked._part_of

    def replacing(table: BulkTable, some: list[bytes], share: Share) -> list[bytes] | None:
        if share[0] == 0 < share[1] < 1:  # the other process has the old map by now, or will have this one
            write_map("hash", path, [(b"x%d" % n, b"x") for n in range(100_000)] + [(key, b"new") for key in keys])
        return part_of(table, some, share)

    monkeypatch.setattr(asked, "_part_of", replacing)
    lines = asked.lines(keys)
    assert lines is not None
    assert [line.partition(b"\t")[0] for line in lines] == keys
