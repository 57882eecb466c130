"""The postalias tool, hermetic: messages against vectors of the real one, its own entries, and its options."""

from __future__ import annotations

import io
import os
import sys
import tempfile
from pathlib import Path

import pytest

from mailconf.cli.postfix.postalias import rebuild_alias_databases, run
from mailconf.files import Root
from mailconf.maps.database.bdb_hash import HashFile
from mailconf.maps.database.cdb import CdbFile
from mailconf.tables.packed import is_large
from tests.vectors.store import load

VECTORS = load("postalias")
OWN = ["@", "YP_LAST_MODIFIED", "YP_MASTER_NAME"]


class Site:
    """A folder with a main.cf, in which the tool runs."""

    def __init__(self, folder: Path, capture: pytest.CaptureFixture[bytes], patch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.capture = capture
        self.patch = patch
        self.write("main.cf", "compatibility_level = 3.6\nmyhostname = mail.example.org\n")

    def write(self, name: str, text: str | bytes) -> None:
        (self.folder / name).write_bytes(text.encode() if isinstance(text, str) else text)

    def postalias(self, *arguments: str, stdin: bytes = b"") -> tuple[int, str, str]:
        """Exit status, standard output and standard error."""
        with tempfile.TemporaryFile() as file:
            file.write(stdin)
            file.seek(0)
            self.patch.setattr(sys, "stdin", io.TextIOWrapper(file))
            status = run("postalias", ["-c", ".", *arguments])
        return status, *self.said()

    def listing(self, table: str) -> dict[str, str]:
        """All entries but that of the time."""
        status, out, err = self.postalias("-s", table)
        assert (status, err) == (0, "")
        pairs = (line.split(":\t", 1) for line in out.splitlines())
        return {key: value for key, value in pairs if key != "YP_LAST_MODIFIED"}

    def said(self) -> tuple[str, str]:
        sys.stdout.flush()
        out, err = self.capture.readouterr()
        return out.decode("latin-1"), err.decode("latin-1")

    def stored(self, name: str) -> dict[bytes, bytes]:
        path = self.folder / name
        reader = CdbFile(path, name) if name.endswith(".cdb") else HashFile(path, name)
        found = dict(reader.items())
        reader.close()
        return found


@pytest.fixture
def site(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MAIL_CONFIG", raising=False)
    return Site(tmp_path, capfdbinary, monkeypatch)


def test_messages_and_entries_are_those_of_real_postalias(site: Site) -> None:
    for case in VECTORS.cases:
        site.write("main.cf", f"smtputf8_enable = {'yes' if case['utf8'] else 'no'}\n")
        site.write("T", case["text"].encode("latin-1"))
        status, out, err = site.postalias("hash:T")
        assert (status, out) == (0, "")
        assert err.split("\n")[:-1] == case["messages"]
        stored = {k.removesuffix(b"\0").decode("latin-1"): v for k, v in site.stored("T.db").items()}
        entries = sorted([k, v.removesuffix(b"\0").decode("latin-1")] for k, v in stored.items() if k not in OWN)
        assert entries == case["entries"]


def test_entries_of_its_own_have_no_nul(site: Site) -> None:
    site.write("t", "root: a\n")
    assert site.postalias("hash:t", "cdb:t") == (0, "", "")
    hash_map, cdb_map = site.stored("t.db"), site.stored("t.cdb")
    for stored in (hash_map, cdb_map):
        assert stored.pop(b"YP_LAST_MODIFIED").isdigit()
        assert stored.pop(b"YP_MASTER_NAME") == b"mail.example.org"
    assert hash_map == {b"root\0": b"a\0", b"@\0": b"@\0"}
    assert cdb_map == {b"root": b"a", b"@": b"@"}


def test_entries_of_its_own_give_way_once(site: Site) -> None:
    """An alias of the same name is the first entry; with -i the tool's own comes in its place."""
    site.write("t", '"@": x\n')
    assert site.postalias("t") == (0, "", 'postalias: warning: t.db: duplicate entry: "@"\n')
    assert site.stored("t.db")[b"@\0"] == b"x\0"
    assert site.postalias("-i", "t", stdin=b"new: n\n") == (0, "", "")
    assert site.stored("t.db")[b"@\0"] == b"@\0"
    assert site.stored("t.db")[b"new\0"] == b"n\0"


@pytest.mark.parametrize(
    ("kind", "flags", "more"),
    [
        ("hash", (), ""),
        ("cdb", (), ""),
        ("lmdb", (), ""),
        ("hash", ("-r",), '"@": x\n'),
        ("hash", ("-f",), "YP_LAST_MODIFIED: x\n"),
    ],
)
def test_many_short_lines(site: Site, kind: str, flags: tuple[str, ...], more: str) -> None:
    """The same, and the same warnings, as where a long comment makes it cheaper to keep entries as objects."""
    lines = "".join(f"{number:x}: v, w\nbad\n" for number in range(40_000)) + f"A: new\nÄ: ä\n{more}"
    assert is_large(lines.encode())
    site.write("t", lines + "#" * 3_000_000 + "\n")
    few = site.postalias(*flags, f"{kind}:t")
    listed = site.listing(f"{kind}:t")
    site.write("t", lines)
    assert site.postalias(*flags, f"{kind}:t") == few
    assert few[2].count("need name:value pair") == 40_000
    assert site.listing(f"{kind}:t") == listed
    assert listed["9c3f"] == "v, w"
    assert listed["A" if flags == ("-f",) else "a"] == ("v, w" if not flags else "new")


@pytest.mark.parametrize("flags", [(), ("-w",), ("-r",), ("-f",)])
@pytest.mark.parametrize("kind", ["hash", "btree", "lmdb"])
def test_many_short_lines_added(site: Site, kind: str, flags: tuple[str, ...]) -> None:
    """The same, and the same warnings, as where a long comment makes it cheaper to keep entries as objects."""
    lines = b"".join(b"%x: v\nbad\n" % number for number in range(40_000)) + b"10: new\nA: c\n"
    found = []
    for more in (b"", b"# " + b"a" * 3_000_000 + b"\n"):
        site.write("t", "10: old\nown: o\n")
        site.postalias(f"{kind}:t")
        said = site.postalias("-i", *flags, f"{kind}:t", stdin=lines + more)
        listed = {key: value for key, value in site.listing(f"{kind}:t").items() if not key.startswith("YP_")}
        found.append((said, listed))
    assert found[0] == found[1]
    (_, _, warnings), listed = found[0]
    assert warnings.count("need name:value pair") == 40_000
    again = 2 if flags == ("-f",) else 3
    assert warnings.count("duplicate") == (0 if flags in (("-w",), ("-r",)) else again)
    assert (listed["10"], listed["own"]) == ("new" if flags == ("-r",) else "old", "o")


@pytest.mark.parametrize(("kind", "called"), [("hash", "t.db"), ("btree", "t.db"), ("cdb", "t"), ("lmdb", "lmdb:t")])
def test_duplicates(site: Site, kind: str, called: str) -> None:
    site.write("t", "a: 1\nA: 2\n")
    assert site.postalias(f"{kind}:t") == (0, "", f'postalias: warning: {called}: duplicate entry: "a"\n')
    assert site.postalias("-q", "a", f"{kind}:t") == (0, "1\n", "")
    assert site.postalias("-r", f"{kind}:t") == (0, "", "")
    assert site.postalias("-q", "a", f"{kind}:t") == (0, "2\n", "")


def test_queries_print_key_and_colon(site: Site) -> None:
    site.write("t", 'a: b\n"x y": "|cmd"\n')
    assert site.postalias("t") == (0, "", "")
    assert site.postalias("-q", "-", "t", stdin=b"A\nnone\nx y\n") == (0, 'A:\tb\nx y:\t"|cmd"\n', "")
    _, out, _ = site.postalias("-s", "t")
    assert sorted(out.split("\n"))[1:3] == ["@:\t@", "YP_LAST_MODIFIED:\t" + out.partition("MODIFIED:\t")[2][:10]]
    assert site.postalias("-d", "a", "t") == (0, "", "")
    assert site.postalias("-q", "a", "t") == (1, "", "")


def test_options_of_postmap_are_none_of_its_own(site: Site) -> None:
    usage = "usage: postalias [-Nfinoprsuvw] [-c config_dir] [-d key] [-q key] [map_type:]file..."
    for letter in "bFhmU":
        words = f"postalias: invalid option -- '{letter}'\npostalias: fatal: {usage}\n"
        assert site.postalias(f"-{letter}", "t") == (1, "", words)


def test_rebuild_alias_databases(site: Site) -> None:
    site.write("main.cf", f"alias_database = hash:{site.folder}/a, cdb:{site.folder}/b\nmyhostname = m.example\n")
    site.write("a", "x: y\nbad\n")
    site.write("b", "z: q\n")
    assert rebuild_alias_databases(".", Root()) == 0
    words = f"postalias: warning: {site.folder}/a, line 2: need name:value pair\n"
    assert site.said() == ("", words)
    assert site.stored("a.db")[b"x\0"] == b"y\0"
    assert site.stored("b.cdb")[b"z"] == b"q"
    site.write("main.cf", "alias_database =\n")
    assert rebuild_alias_databases(".", Root()) == 0
    assert rebuild_alias_databases("none", Root()) == 75
    assert site.said() == ("", "newaliases: fatal: open none/main.cf: No such file or directory\n")


def test_rebuild_below_another_root(site: Site) -> None:
    etc = site.folder / "top" / "etc"
    (etc / "postfix").mkdir(parents=True)
    (etc / "postfix" / "main.cf").write_text("myhostname = m.example\n")
    (etc / "aliases").write_text("a: b\n")
    os.utime(etc / "aliases", (10**9, 10**9))
    assert rebuild_alias_databases(None, Root(site.folder / "top")) == 0
    assert site.said() == ("", "")
    assert site.stored("top/etc/aliases.db")[b"a\0"] == b"b\0"
