from __future__ import annotations

from pathlib import Path

import pytest

from mailconf.files import Root
from mailconf.sendmail.mc.library import PLACES, SETTING, find_library, is_library
from tests.sendmail.small_library import write_library


@pytest.fixture(autouse=True)
def no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SETTING, raising=False)


def test_the_one_that_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_library(tmp_path / "mine")
    write_library(tmp_path / "root/usr/share/sendmail/cf")
    root = Root(tmp_path / "root")
    named = find_library(root, str(tmp_path / "mine"))
    assert named is not None and named.folder == str(tmp_path / "mine")
    assert named.find("/usr/share/sendmail/cf/m4/cf.m4") == f"{tmp_path}/mine/m4/cf.m4"  # whatever else is there
    assert named.find("/usr/share/sendmail-cf/feature/x.m4") == f"{tmp_path}/mine/feature/x.m4"
    assert find_library(root, str(tmp_path / "none")) is None
    monkeypatch.setenv(SETTING, str(tmp_path / "mine"))
    assert find_library(root) == named
    monkeypatch.chdir(tmp_path)
    assert find_library(root, "mine") == named


def test_usual_places_below_the_root(tmp_path: Path) -> None:
    root = Root(tmp_path)
    write_library(tmp_path / "usr/share/sendmail-cf")
    found = find_library(root)
    assert found is not None and found.folder == f"{tmp_path}/usr/share/sendmail-cf"
    assert set(found.names) == set(PLACES)
    assert found.find("/usr/share/sendmail/cf/m4/cf.m4") == f"{found.folder}/m4/cf.m4"
    # Where there are two, each name means its own.
    write_library(tmp_path / "usr/share/sendmail/cf")
    found = find_library(root)
    assert found is not None and found.folder == f"{tmp_path}/usr/share/sendmail/cf"
    assert found.find("/usr/share/sendmail-cf/m4/cf.m4") == f"{tmp_path}/usr/share/sendmail-cf/m4/cf.m4"
    assert len(found.folders) == 2


def test_files(tmp_path: Path) -> None:
    library = write_library(tmp_path / "cf")
    root = Root(tmp_path)
    assert library.start == f"{tmp_path}/cf/m4/cf.m4"
    assert library.holds(library.start) and library.holds("/usr/share/sendmail-cf/x")
    assert not library.holds("/usr/share/sendmail-cfx/x") and not library.holds("/etc/mail/x")
    assert library.locate("/etc/mail/x", root) == f"{tmp_path}/etc/mail/x"
    assert library.locate("/usr/share/sendmail/cf/x", root) == f"{tmp_path}/cf/x"
    assert "access_db" in library.available("feature")
    assert library.available("nothing") == []
    assert is_library(str(tmp_path / "cf"), Root()) and not is_library(str(tmp_path), Root())
