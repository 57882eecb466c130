"""What may stand where a map is written: each row of the table in mailconf/maps/build/target.py."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mailconf.maps.build.change import delete_keys, update_map
from mailconf.maps.build.target import safe_target
from mailconf.maps.build.write import write_map
from mailconf.maps.database.bdb_hash import HashFile

NOBODY = 65534


def stored(path: Path) -> dict[bytes, bytes]:
    reader = HashFile(path, str(path))
    found = dict(reader.items())
    reader.close()
    return found


def give_away(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Let ``folder`` belong to another user than us: only root can do that; others become another user."""
    if os.geteuid() == 0:
        os.chown(folder, NOBODY, NOBODY)
    else:
        uid = os.geteuid() + 1
        patch.setattr(os, "geteuid", lambda: uid)


def as_root_elsewhere(folder: Path, patch: pytest.MonkeyPatch) -> None:
    if os.geteuid() == 0:
        os.chown(folder, NOBODY, NOBODY)
    patch.setattr(os, "geteuid", lambda: 0)


def test_a_plain_target_is_nothing_to_talk_about(tmp_path: Path) -> None:
    told: list[str] = []
    assert safe_target(tmp_path / "t.db", told.append) == tmp_path / "t.db"
    (tmp_path / "t.db").write_bytes(b"")
    assert safe_target(tmp_path / "t.db", told.append) == tmp_path / "t.db"
    assert told == []


@pytest.mark.parametrize("there", [True, False])
def test_the_file_behind_a_link_is_replaced(tmp_path: Path, there: bool) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    link = tmp_path / "t.db"
    link.symlink_to("elsewhere/real.db")
    if there:
        write_map("hash", elsewhere / "real.db", [(b"old", b"x")])
    write_map("hash", link, [(b"a", b"b")])
    update_map("hash", link, [(b"c", b"d")])
    assert delete_keys("hash", link, [b"a"]) == {b"a"}
    assert link.is_symlink()
    assert [path.name for path in elsewhere.iterdir()] == ["real.db"]
    assert stored(elsewhere / "real.db") == {b"c\0": b"d\0"}


@pytest.mark.parametrize("mode", [0o775, 0o777, 0o1777])
def test_a_link_that_others_may_have_made_is_refused(tmp_path: Path, mode: int) -> None:
    folder = tmp_path / "shared"
    folder.mkdir()
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    (folder / "t.db").symlink_to(victim)
    folder.chmod(mode)
    with pytest.raises(OSError, match="another user may have made"):
        write_map("hash", folder / "t.db", [(b"a", b"b")])
    assert victim.read_bytes() == b"precious"
    assert (folder / "t.db").is_symlink()


def test_a_link_in_the_folder_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "theirs"
    folder.mkdir()
    (folder / "t.db").symlink_to(tmp_path / "victim")
    give_away(folder, monkeypatch)
    with pytest.raises(OSError, match="another user may have made"):
        safe_target(folder / "t.db")


def test_a_link_is_refused_where_maps_are_staged(tmp_path: Path) -> None:
    write_map("hash", tmp_path / "real.db", [(b"a", b"b")])
    (tmp_path / "t.db").symlink_to("real.db")
    with pytest.raises(OSError, match="symbolic link"):
        write_map("hash", tmp_path / "t.db", [(b"c", b"d")], staged=tmp_path / ".staged")
    assert stored(tmp_path / "real.db") == {b"a\0": b"b\0"}
    assert not (tmp_path / ".staged").exists()


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.db")
    (tmp_path / "folder.db").mkdir()
    (tmp_path / "device.db").symlink_to("/dev/null")
    for name in ("pipe.db", "folder.db", "device.db"):
        with pytest.raises(OSError, match=r"no regular file|Is a directory"):
            write_map("hash", tmp_path / name, [(b"a", b"b")])
    assert (tmp_path / "pipe.db").is_fifo()
    assert (tmp_path / "folder.db").is_dir()


def test_other_names_keep_the_old_map(tmp_path: Path) -> None:
    told: list[str] = []
    write_map("hash", tmp_path / "t.db", [(b"a", b"old")])
    os.link(tmp_path / "t.db", tmp_path / "other.db")
    write_map("hash", tmp_path / "t.db", [(b"a", b"new")], warn=told.append)
    assert told == [f"{tmp_path}/t.db: the file has other names: they keep the old map"]
    assert stored(tmp_path / "t.db") == {b"a\0": b"new\0"}
    assert stored(tmp_path / "other.db") == {b"a\0": b"old\0"}


@pytest.mark.parametrize(("mode", "who"), [(0o775, "its group"), (0o777, "everybody"), (0o1777, "everybody")])
def test_a_folder_that_others_can_write_is_warned_about(tmp_path: Path, mode: int, who: str) -> None:
    told: list[str] = []
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(mode)
    write_map("hash", folder / "t.db", [(b"a", b"b")], warn=told.append)
    assert told == [f"{folder}/t.db: the folder can be written by {who}"]
    assert stored(folder / "t.db") == {b"a\0": b"b\0"}


def test_root_in_the_folder_of_another_user_is_warned_about(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    folder = tmp_path / "theirs"
    folder.mkdir()
    as_root_elsewhere(folder, monkeypatch)
    safe_target(folder / "t.db", told.append)
    assert told == [f"{folder}/t.db: the folder belongs to another user"]
