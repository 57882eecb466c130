"""makemap, editmap and praliases against what the real ones said (tests/vectors/record_sendmail_tools.py)."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from mailconf.maps.build import change, write
from mailconf.tables import makemap_packed, packed
from tests.cli.sendmail_fixture import Tools
from tests.vectors.store import load

VECTORS = load("sendmail_tools")
SCENARIOS = VECTORS.by("scenario")


@pytest.fixture
def tools(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch) -> Tools:
    return Tools(tmp_path, capfdbinary, monkeypatch)


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("name", SCENARIOS)
def test_as_recorded(tools: Tools, name: str, large: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if large:
        monkeypatch.setattr(packed, "MANY", 0)
        monkeypatch.setattr(change, "MANY", 0)
    (tools.folder / "cf").write_text(VECTORS.head.common["cf"])
    for step in SCENARIOS[name]:
        tool, words, text = step["tool"], step["arguments"], step["stdin"]
        found = tools.run(tool, *words, stdin=text.encode("latin-1"))
        lists = tool == "praliases" or "-u" in words
        assert (found[0], order(found[1], lists), found[2]) == (
            step["status"],
            order(step["stdout"], lists),
            step["stderr"],
        ), (tool, words, text)
        stored = {
            path.name: [[key.decode("latin-1"), value.decode("latin-1")] for key, value in tools.entries(path.name)]
            for path in sorted(tools.folder.glob("*.db"))
        }
        assert stored == step["maps"], (tool, words, text)


def order(out: str, lists: bool) -> str | list[str]:
    """Entries come in the order of the file, which is not the same in two hash files."""
    return sorted(out.split("\n")) if lists else out


@pytest.mark.parametrize("options", [(), ("-r",), ("-f",), ("-N",), ("-t", ","), ("-e",), ("-o",), ("-o", "-r")])
@pytest.mark.parametrize("kind", ["hash", "btree"])
def test_a_large_text_says_the_same(
    tools: Tools, kind: str, options: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (
        b"a b\nA c\n# x\n\nnone\n lead\n" + b"x" * 3000 + b"\nq \0w\nab 1\nabc 2\nk,v\nk,w\n" + b"K v\n" * 3 + b"last"
    )
    said = []
    for many in (1 << 22, 0):
        monkeypatch.setattr(packed, "MANY", many)
        monkeypatch.setattr(makemap_packed, "_BLOCK", 8)
        if "-o" in options:
            tools.run("makemap", kind, "t", stdin=b"ab 3\nold 4\n")
        said.append((tools.run("makemap", *options, kind, "t", stdin=text), tools.entries("t.db")))
    assert said[0] == said[1]


def test_modes(tools: Tools) -> None:
    tools.run("makemap", "hash", "t", stdin=b"a b\n")
    assert stat.S_IMODE((tools.folder / "t.db").stat().st_mode) == 0o640 & ~current_umask()
    (tools.folder / "t.db").chmod(0o604)
    tools.run("makemap", "hash", "t", stdin=b"a c\n")
    assert stat.S_IMODE((tools.folder / "t.db").stat().st_mode) == 0o604
    assert tools.entries("t.db") == [(b"a", b"c")]


def current_umask() -> int:
    umask = os.umask(0o022)
    os.umask(umask)
    return umask


def test_links_are_refused(tools: Tools) -> None:
    tools.run("makemap", "hash", "t", stdin=b"a b\n")
    (tools.folder / "s.db").symlink_to("t.db")
    refused = "makemap: error opening type hash map s: Symbolic links not allowed\n"
    assert tools.run("makemap", "hash", "s", stdin=b"a c\n") == (73, "", refused)
    assert tools.run("makemap", "-s", "hash", "s", stdin=b"a c\n") == (0, "", "")
    assert tools.entries("t.db") == [(b"a", b"c")]
    assert (tools.folder / "s.db").is_symlink()
    (tools.folder / "h.db").hardlink_to(tools.folder / "t.db")
    refused = "makemap: error opening type hash map t: Hard links not allowed\n"
    assert tools.run("makemap", "hash", "t", stdin=b"a d\n") == (73, "", refused)
    told = "makemap: t: the file has other names: they keep the old map\n"
    assert tools.run("makemap", "-s", "hash", "t", stdin=b"a d\n") == (0, "", told)
    assert tools.run("makemap", "-s", "hash", "t", stdin=b"a d\n") == (0, "", "")
    assert tools.entries("t.db") == [(b"a", b"d")]
    assert tools.entries("h.db") == [(b"a", b"c")]


def test_a_failure_to_write_leaves_the_old_map(tools: Tools, monkeypatch: pytest.MonkeyPatch) -> None:
    tools.run("makemap", "hash", "t", stdin=b"a b\n")

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(write, "load", lambda _: fail)
    status, out, err = tools.run("makemap", "hash", "t", stdin=b"c d\n")
    assert (status, out, err) == (73, "", "makemap: error opening type hash map t: No space left on device\n")
    monkeypatch.undo()
    assert (tools.folder / "t.db").exists()
    tools.patch.chdir(tools.folder)
    assert tools.entries("t.db") == [(b"a", b"b")]
    assert sorted(path.name for path in tools.folder.iterdir()) == ["cf", "t.db"]


def test_damaged_maps(tools: Tools) -> None:
    text = b"".join(b"key%d value%d\n" % (n, n) for n in range(2000))
    tools.run("makemap", "hash", "t", stdin=text)
    path = tools.folder / "t.db"
    whole = path.read_bytes()
    path.write_bytes(whole[:-4096] + b"\xff" * 4096)
    status, out, err = tools.run("makemap", "-u", "hash", "t")
    assert (status, err) == (74, "makemap: close(t): Database panic, run recovery\n")
    assert out.count("\n") > 1000
    path.write_bytes(whole[:6000])
    assert tools.run("makemap", "-u", "hash", "t")[0] == 73
    assert tools.run("editmap", "-u", "hash", "t", "a", "b")[0] in (73, 74)
    assert path.read_bytes() == whole[:6000]


def test_another_root(tools: Tools) -> None:
    (tools.folder / "etc/mail").mkdir(parents=True)
    (tools.folder / "etc/mail/sendmail.cf").write_text("Kaccess btree -T<TMPF> /etc/mail/access\n")
    root = ("--root", str(tools.folder))
    assert tools.run("makemap", *root, "cf", "/etc/mail/access", stdin=b"a b\n", cf=None)[0] == 0
    assert tools.entries("etc/mail/access.db") == [(b"a", b"b")]
    assert tools.run("editmap", *root, "-q", "btree", "/etc/mail/access", "a", cf=None)[:2] == (0, "b\n")


def test_start_is_lean(tools: Tools) -> None:
    """Making a map loads nothing that takes a person's time."""
    program = (
        "import sys; from mailconf.cli import main; status = main(['makemap', '-C', 'cf', 'hash', 't']);"
        "print(sorted({'lark', 'rich', 'click', 'yaml', 'sqlite3', 'asyncio', 'jinja2'} & set(sys.modules)), status)"
    )
    done = subprocess.run([sys.executable, "-c", program], input=b"a b\n", capture_output=True, cwd=tools.folder)
    assert done.stdout == b"[] 0\n"


@pytest.mark.parametrize("user", [0, 1234])
def test_who_needs_a_configuration(tools: Tools, user: int) -> None:
    """sendmail 8.17.1.9: root needs one, another user only for a type that it names; editmap always does."""
    tools.folder.chmod(0o777)
    for name in ("t", "x"):
        tools.run("makemap", "hash", name, stdin=b"a b\n")
        (tools.folder / f"{name}.db").chmod(0o666)
    tools.patch.setattr(os, "geteuid", lambda: user)
    missing = (66, "", "makemap: none: No such file or directory\n")
    unknown = (73, "", "makemap: error opening type  map x: Unknown database type\n")
    for words, other in (
        (["hash", "x"], (0, "", "")),
        (["-u", "hash", "t"], (0, "a\tb\n", "")),
        (["cf", "x"], missing),
        (["-i", "hash", "CF", "x"], missing),
        (["-i", "hash", "", "x"], unknown),
    ):
        expected = missing if user == 0 else other
        assert tools.run("makemap", *words, stdin=b"a b\n", cf="none") == expected, words
    expected = (66, "", "editmap: none: No such file or directory\n")
    assert tools.run("editmap", "-q", "hash", "t", "a", cf="none") == expected


def test_praliases_needs_a_configuration_for_the_names_of_the_files(tools: Tools) -> None:
    tools.run("makemap", "hash", "t", stdin=b"a b\n")
    assert tools.run("praliases", "-f", "t", cf="none")[:2] == (0, "a:b\n")
    assert tools.run("praliases", "a", cf="none") == (66, "", "praliases: none: No such file or directory\n")
