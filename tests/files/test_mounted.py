"""A folder as another: its names, and that nothing else is there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mailconf.files import Mounted


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mounted:
    folder = tmp_path / "repo/postfix"
    (folder / "tables").mkdir(parents=True)
    (folder / "main.cf").write_text("a = b\n")
    (folder / "tables/virtual").write_text("x y\n")
    (tmp_path / "secret").write_text("secret\n")
    (folder / "out").symlink_to(tmp_path / "secret")
    (folder / "in").symlink_to("tables/virtual")
    monkeypatch.chdir(tmp_path / "repo")
    return Mounted("postfix", "/etc/postfix")


@pytest.mark.parametrize("name", ["/etc/postfix/main.cf", "/etc/postfix/tables/../main.cf", "postfix/main.cf"])
def test_names_of_the_folder(tree: Mounted, name: str) -> None:
    assert tree.read(name) == b"a = b\n"
    assert tree.covers(name) and tree.exists(name) and not tree.is_real
    assert str(tree.path(name)) == tree.place(name) == "postfix/main.cf"
    assert tree.inside(name) == "/etc/postfix/main.cf"
    assert tree.real(name).read_bytes() == b"a = b\n"


@pytest.mark.parametrize(
    "name",
    ["/etc/passwd", "/etc/postfix/../passwd", "/etc/postfixx/main.cf", "/", "../secret", "/etc/postfix/../../etc"],
)
def test_nothing_else_is_there(tree: Mounted, name: str) -> None:
    assert not tree.covers(name) and not tree.exists(name)
    for ask in (tree.read, tree.stat, tree.list, lambda name: tree.head(name, 1)):
        with pytest.raises(FileNotFoundError):
            ask(name)


def test_links(tree: Mounted, tmp_path: Path) -> None:
    assert tree.read("/etc/postfix/in") == b"x y\n"
    assert tree.link("/etc/postfix/in") == "tables/virtual"
    with pytest.raises(FileNotFoundError):
        tree.read("/etc/postfix/out")
    with pytest.raises(FileNotFoundError):
        tree.personal("/etc/postfix/out", None, follow=True)
    assert not tree.exists("/etc/postfix/out")
    assert tree.is_link("/etc/postfix/out")


def test_the_folder_itself(tree: Mounted) -> None:
    assert tree.list("/etc/postfix") == ["in", "main.cf", "out", "tables"]
    assert str(tree.path("/etc/postfix")) == "postfix"
    assert tree.inside("postfix") == "/etc/postfix"


def test_the_folder_that_one_is_in(tree: Mounted) -> None:
    os.chdir("postfix")
    here = Mounted(".", "/etc/postfix")
    assert here.read("/etc/postfix/main.cf") == b"a = b\n"
    assert str(here.path("/etc/postfix/main.cf")) == "main.cf"
    assert here.inside("main.cf") == "/etc/postfix/main.cf"
