from __future__ import annotations

import os
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st
from map_vectors import FOLDER
from table_cases import ANSWERS, MISTAKES

from mailconf.files import Root
from mailconf.maps.build.write import map_path, writable_types, write_map
from mailconf.maps.core.opening import Opening
from mailconf.maps.core.table import BulkTable, LookupTable, SequenceTable, TemporaryFailure, UnsupportedMap
from mailconf.maps.core.words import split_braced
from mailconf.maps.database import bdb_table
from mailconf.maps.database.bdb_hash import HashFile
from mailconf.maps.database.bdb_table import DatabaseTable
from mailconf.maps.registry import known_types, open_table

# They need a server or a database, and have tests of their own.
ASK_OTHERS = {"ldap", "memcache", "mysql", "pgsql", "socketmap", "sqlite", "tcp"}


def ask(spec: str, key: bytes) -> bytes | None:
    return open_table(spec, fold=bytes.lower).lookup(key)


@pytest.mark.parametrize(("spec", "key", "value"), [*ANSWERS, ("proxy:static:a", b"x", b"a")])
def test_tables_without_files(spec: str, key: bytes, value: bytes | None) -> None:
    assert ask(spec, key) == value


@pytest.mark.parametrize(
    ("spec", "words"), [*MISTAKES, ("proxy:" * 2000 + "static:x", "more than 100 tables within each other")]
)
def test_words_for_what_is_no_table(spec: str, words: str) -> None:
    with pytest.raises(UnsupportedMap) as caught:
        open_table(spec)
    assert str(caught.value).startswith(words)


def test_failures_are_not_absences() -> None:
    for spec in ("fail:x", "unionmap:{static:a, fail:b}", "pipemap:{static:x,fail:y}", "unionmap:{fail:a}"):
        with pytest.raises(TemporaryFailure, match="Application error"):
            ask(spec, b"x")
    with pytest.raises(TemporaryFailure, match="Application error"):
        open_table("fail:x").entries()  # type: ignore[attr-defined]


def test_missing_files() -> None:
    with pytest.raises(TemporaryFailure, match=r"^open database /no/such\.db: No such file or directory$"):
        open_table("hash:/no/such")
    with pytest.raises(TemporaryFailure, match=r"^open database /no/such: No such file or directory$"):
        open_table("texthash:/no/such")


def test_environ(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/here")
    assert open_table("environ:x").lookup(b"HOME") == b"/here"
    assert open_table("environ:x").lookup(b"no such variable\0") is None
    assert ask("environ:x", b"HOME") is None  # folded, as postmap without -f


def test_randmap_has_all_values() -> None:
    table = open_table("randmap:{a, b}")
    assert {table.lookup(b"x") for _ in range(200)} == {b"a", b"b"}


def test_texthash(tmp_path: Path) -> None:
    (tmp_path / "t").write_text("A 1\na 2\n# no\nB  x y \n")
    told: list[str] = []
    table = open_table("texthash:/t", Root(tmp_path), fold=bytes.lower, warn=told.append)
    assert table.lookup(b"A") == b"1"
    assert isinstance(table, SequenceTable)
    assert list(table.entries()) == [(b"a", b"1"), (b"b", b"x y")]
    assert told == ['/t, line 2: duplicate entry: "a"']
    as_written = open_table("texthash:/t", Root(tmp_path))
    assert (as_written.lookup(b"A"), as_written.lookup(b"a"), as_written.lookup(b"b")) == (b"1", b"2", None)


@pytest.mark.parametrize("name", ["hash-makemap", "hash-makemap-nul", "hash-postmap"])
def test_hash_with_and_without_nul(name: str) -> None:
    table = open_table(f"hash:{FOLDER / name}")
    assert table.lookup(b"user3@example3.com") == b"box3"
    assert table.lookup(b"user3@example3.com\0") is None or name == "hash-makemap-nul"
    assert table.lookup(b"nobody") is None
    assert isinstance(table, SequenceTable)
    assert dict(table.entries())[b"user3@example3.com"] == b"box3"


@pytest.mark.parametrize("kind", writable_types())
@given(
    plain=st.dictionaries(st.sampled_from([b"a", b"b", b"c", b"d"]), st.just(b"plain")),
    ended=st.dictionaries(st.sampled_from([b"a", b"b", b"c", b"d"]), st.just(b"ended")),
    keys=st.lists(st.sampled_from([b"a", b"b", b"C", b"d", b"e"]), max_size=6),
    singly=st.sampled_from([0, 2, 50]),
)
def test_many_keys_at_once(
    tmp_path_factory: pytest.TempPathFactory,
    kind: str,
    plain: dict[bytes, bytes],
    ended: dict[bytes, bytes],
    keys: list[bytes],
    singly: int,
) -> None:
    # A file that has keys with and without a NUL: which of them count depends on the keys that came before.
    source = tmp_path_factory.mktemp("many") / "t"
    entries = [*plain.items(), *((key + b"\0", value) for key, value in ended.items())]
    write_map(kind, map_path(kind, source), entries, nul=False)
    one_by_one, at_once = (open_table(f"{kind}:{source}", fold=bytes.lower) for _ in range(2))
    assert isinstance(at_once, BulkTable)
    expected = [one_by_one.lookup(key) for key in keys]
    with patch.object(bdb_table, "_SINGLY", singly):
        assert at_once.lookup_all(keys) == expected
        assert at_once.lookup_all(keys) == [one_by_one.lookup(key) for key in keys]
    one_by_one.close()
    at_once.close()


def test_every_table_closes_twice_and_says_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "t").write_text("a b\n")
    specs = {
        "texthash": "texthash:/t",
        "pipemap": "pipemap:{hash:/hash}",
        "unionmap": "unionmap:{hash:/hash}",
        "proxy": "proxy:hash:/hash",
        "unix": "unix:passwd.byname",
        "cidr": "cidr:{ {::1 ok} }",
        "regexp": "regexp:{ {/a/ ok} }",
        "pcre": "pcre:{ {/a/ ok} }",
    }
    for kind in writable_types():
        specs[kind] = f"{kind}:/{kind}"
        write_map(kind, map_path(kind, tmp_path / kind), [(b"a", b"b")])
    for kind in set(known_types()) - ASK_OTHERS:
        table = open_table(specs.get(kind, f"{kind}:{{a=b}}"), Root(tmp_path))
        assert isinstance(table, LookupTable)
        assert table.type == kind or kind == "proxy"
        table.close()
        table.close()


def test_accounts_below_another_root(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text("alice:x:1000:1000::/home/alice:/bin/sh\n")
    (tmp_path / "etc/group").write_text("staff:x:50:alice\n")
    users = open_table("unix:passwd.byname", Root(tmp_path), fold=bytes.lower)
    assert users.lookup(b"Alice") == b"alice:x:1000:1000::/home/alice:/bin/sh"
    assert [users.lookup(key) for key in (b"", b"ali", b"root")] == [None] * 3
    assert open_table("unix:group.byname", Root(tmp_path)).lookup(b"staff") == b"staff:x:50:alice"


def test_a_replaced_map_is_seen(tmp_path: Path) -> None:
    target = tmp_path / "t.db"
    write_map("hash", target, [(b"a", b"old")])
    table = open_table(f"hash:{tmp_path / 't'}")
    assert table.lookup(b"a") == b"old"
    write_map("hash", target, [(b"a", b"new")])
    assert table.lookup(b"a") == b"new"
    content = target.read_bytes()
    with target.open("r+b") as file:  # in place, as the real postmap does
        file.write(content.replace(b"new", b"now"))
    os.utime(target, (1, 1))
    assert table.lookup(b"a") == b"now"
    target.unlink()
    with pytest.raises(TemporaryFailure, match="No such file"):
        table.lookup(b"a")
    write_map("hash", target, [(b"a", b"back")])
    assert table.lookup(b"a") == b"back"
    table.close()
    with pytest.raises(ValueError, match="closed"):
        table.lookup(b"a")


@pytest.mark.parametrize("in_place", [True, False])
def test_a_map_that_changes_while_it_is_opened(tmp_path: Path, in_place: bool) -> None:
    target = tmp_path / "t.db"
    write_map("hash", target, [(b"a", b"old")])
    changes = [b"first", b"second"]

    def opened(path: Path, name: str) -> HashFile:
        database = HashFile(path, name)
        if changes:
            entries = [(b"a", changes.pop(0)), *((b"%d" % n, b"x" * 900) for n in range(len(changes) * 50))]
            write_map("hash", tmp_path / "new", entries)
            if in_place:
                target.write_bytes((tmp_path / "new").read_bytes())
            else:
                (tmp_path / "new").rename(target)
        return database

    table = DatabaseTable("hash", str(tmp_path / "t"), Opening(open_table), opened)
    assert table.lookup(b"a") == b"second"
    table.close()


@given(st.text("a{} ,:=\t"))
def test_no_name_gives_a_traceback(name: str) -> None:
    for kind in ("static", "inline", "unionmap", "pipemap", "randmap"):
        try:
            ask(f"{kind}:{name}", b"a")
        except (UnsupportedMap, TemporaryFailure):
            pass


@given(st.lists(st.text("ab{", min_size=1, max_size=4)))
def test_words_come_apart(words: list[str]) -> None:
    whole = [word + "}" * word.count("{") for word in words]
    assert list(split_braced(" ,".join(whole) + "\t")) == whole
