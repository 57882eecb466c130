"""What is stale, and why."""

from __future__ import annotations

import os
from pathlib import Path

import generations as g
import pytest

from mailconf.build.plan import plan
from mailconf.build.state import NAME, BuildState
from mailconf.diagnostics import Sink
from mailconf.files import Root
from mailconf.maps.build.write import write_map


@pytest.fixture
def root(tmp_path: Path) -> Path:
    g.write_sources(tmp_path, 1)
    g.build(tmp_path)
    return tmp_path


def reasons(root: Path) -> list[str]:
    return [target.reason for target in g.planned(root)]


def rewrite(path: Path, data: bytes) -> None:
    """New content under the old times, as ``cp -p`` from a backup leaves it."""
    status = path.stat()
    path.write_bytes(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def test_a_source_with_old_times_and_other_content(root: Path) -> None:
    source = root / "etc/mail/two"
    old = source.read_bytes()
    rewrite(source, old.replace(b"user1@", b"user_@"))
    assert reasons(root) == ["", "the source has changed", "", ""]
    rewrite(source, old)
    assert reasons(root) == ["", "", "", ""]
    source.write_bytes(b"short@example.com x\n")
    os.utime(source, (0, 0))
    assert reasons(root) == ["", "the source has changed", "", ""]


def test_touch_forces_a_rebuild(root: Path) -> None:
    map_time = (root / "etc/mail/one.db").stat().st_mtime
    os.utime(root / "etc/mail/one", (map_time + 1, map_time + 1))
    assert reasons(root) == ["the source is newer", "", "", ""]


def test_a_map_of_somebody_else_goes_by_its_times(root: Path) -> None:
    target, source = root / "etc/mail/one.db", root / "etc/mail/one"
    rewrite(source, b"other@example.com x\n")
    write_map("hash", target, [(b"other@example.com", b"x")])
    assert [(t.reason, t.foreign) for t in g.planned(root)][:2] == [("", True), ("", False)]
    now = target.stat().st_mtime
    os.utime(target, (now - 2, now - 2))
    os.utime(source, (now - 1, now - 1))
    assert [(t.reason, t.foreign) for t in g.planned(root)][:2] == [("the source is newer", True), ("", False)]
    g.build(root)
    assert [(t.reason, t.foreign) for t in g.planned(root)][:2] == [("", False), ("", False)]


def test_a_map_whose_inode_changed_but_not_its_content_is_ours(root: Path) -> None:
    target = root / "etc/mail/one.db"
    copy = target.with_name("copy")
    copy.write_bytes(target.read_bytes())
    copy.replace(target)
    assert not any(t.foreign or t.reason for t in g.planned(root))


def test_another_type_in_the_same_file(root: Path) -> None:
    sink = Sink()
    (target,) = plan(g.site(("btree:/etc/mail/one",)), Root(root), sink)
    assert (target.reason, len(sink)) == ("the map's type was hash", 0)
    both = plan(g.site(("btree:/etc/mail/one", "hash:/etc/mail/one")), Root(root), sink)
    assert [t.type for t in both] == ["btree"]
    assert [d.message for d in sink] == ["hash:/etc/mail/one and btree:/etc/mail/one would both be /etc/mail/one.db"]


def test_one_type_for_all(root: Path) -> None:
    sink = Sink()
    targets = plan(g.site((*g.TABLES, "cdb:/etc/mail/one")), Root(root), sink, map_type="cdb")
    assert [t.table for t in targets] == [
        "cdb:/etc/mail/one", "cdb:/etc/mail/two", "cdb:/etc/other/three", "cdb:/etc/other/four"
    ]  # fmt: skip
    assert [t.reason for t in targets] == ["no map yet", "no map yet", "", "no map yet"]
    assert [(d.code, d.message) for d in sink] == [
        ("BD004", f"virtual_alias_maps names {table}; the map is built as cdb")
        for table in ("hash:/etc/mail/one", "btree:/etc/mail/two", "lmdb:/etc/other/four")
    ]


@pytest.mark.parametrize("text", [b"", b"{}", b"[]", b"null", b'{"generation": 1, "maps": {"x": {}}}', b"[" * 100_000])
def test_a_state_that_is_none_counts_as_no_state(root: Path, text: bytes) -> None:
    path = root / "etc/mail/.mailconf" / NAME
    path.write_bytes(text)
    assert BuildState.load(path.parent, Root()) == BuildState()
    assert reasons(root) == ["", "", "", ""]


def test_a_state_survives_the_round_trip(root: Path) -> None:
    state = BuildState.load(root / "etc/mail/.mailconf", Root())
    assert len(state.maps) == 4
    assert BuildState.from_json(state.as_json()) == state


def test_a_tree_that_was_moved_is_still_known(root: Path) -> None:
    moved = root.with_name(root.name + "-moved")
    root.rename(moved)
    rewrite(moved / "etc/mail/one", b"other@example.com x\n")
    assert reasons(moved) == ["the source has changed", "", "", ""]


def test_a_source_in_a_folder_that_is_closed_to_us(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Root.stat

    def closed(self: Root, name: str | os.PathLike[str], *, follow: bool = True) -> os.stat_result:
        if Path(name).name.startswith("two"):
            raise PermissionError(13, "Permission denied", str(name))
        return real(self, name, follow=follow)

    with monkeypatch.context() as patched:
        patched.setattr(Root, "stat", closed)
        assert reasons(root) == ["", "it cannot be read", "", ""]
