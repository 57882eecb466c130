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
