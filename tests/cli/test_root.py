"""--root: one folder has one name, however it was written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mailconf.files import Root


@pytest.mark.parametrize("given", ["../site", "../other/../site", "../site/"])
def test_a_root_above(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    site = tmp_path / "site"
    (site / "etc/mail").mkdir(parents=True)
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    root = Root(given)
    real = Path(os.path.realpath(site))
    assert root.top == real
    path = root.path("/etc/mail")
    assert path == real / "etc/mail"
    assert root.path(path) == path
    assert root.path(path.absolute()) == path
    assert root.inside(path) == root.inside("../site/etc/mail") == "/etc/mail"


def test_two_slashes_are_one(tmp_path: Path) -> None:
    assert Root("//").is_real
    root = Root(f"/{tmp_path}")
    assert root.path("/etc/mail") == tmp_path / "etc/mail" == root.path(tmp_path / "etc/mail")


def test_how_reports_name_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "site").mkdir()
    monkeypatch.chdir(tmp_path)
    for root, shown in (("site/", "site/etc/x"), (tmp_path / "site", f"{tmp_path}/site/etc/x"), (".", "site/etc/x")):
        assert str(Root(root).shown(tmp_path / "site/etc/x")) == shown
    assert Root("site").shown("/usr/share/x") == Path("/usr/share/x")
    assert Root().shown("/usr/share/x") == Path("/usr/share/x")
