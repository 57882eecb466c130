"""Work in a second process, and ``postmap -q -``, which shares its keys with one."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from mailconf.cli import beside, postmap_query
from mailconf.cli.postfix_tool import Messages
from mailconf.cli.postmap import TOOL, Options
from mailconf.maps.write import map_path, write_map


def test_the_result_comes_back() -> None:
    with beside.beside(lambda: b"x" * 1_000_000) as other:
        assert other() == b"x" * 1_000_000
    with beside.beside(lambda: b"") as other:
        assert other() == b""
    with beside.beside(lambda: None) as other:
        assert other() is None


def test_a_failure_is_none(capfd: pytest.CaptureFixture[str]) -> None:
    def fails() -> bytes:
        raise ValueError

    with beside.beside(fails) as other:
        assert other() is None
    with beside.beside(lambda: os.kill(os.getpid(), 9) or b"") as other:
        assert other() is None
    assert capfd.readouterr() == ("", "")


def test_a_result_that_nobody_wants_ends_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    children: list[int] = []
    fork = os.fork

    def remembered() -> int:
        children.append(fork())
        return children[-1]

    monkeypatch.setattr(os, "fork", remembered)
    with beside.beside(lambda: b"x" * 10_000_000):
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
    expected = b"".join(b"%b\t%b\n" % (key, table[key]) for key in keys if key in table)
    assert tables(f"{kind}:{tmp_path / 't'}").lines(keys) == expected
    # The keys of which the first half knows nothing decide what counts for the second.
    late = [b"absent"] * 3000 + keys
    assert tables(f"{kind}:{tmp_path / 't'}").lines(late) == expected
    write_map(kind, map_path(kind, tmp_path / "u"), [(b"absent", b"here")], nul=nul)
    both = tables(f"{kind}:{tmp_path / 't'}", f"{kind}:{tmp_path / 'u'}")
    assert both.lines(late) == b"absent\there\n" * 3000 + expected


def test_what_needs_words_is_left_to_the_slow_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postmap_query, "SHARED", 1000)
    monkeypatch.setattr(beside, "processors", lambda: 2)
    keys = [b"k%d" % n for n in range(4000)]
    for empty in (5, 1500, 3999):  # its first keys, the first half, the second
        entries = [(key, b"" if n == empty else b"v") for n, key in enumerate(keys)]
        write_map("hash", tmp_path / "t.db", entries)
        assert tables(f"hash:{tmp_path / 't'}").lines(keys) is None
