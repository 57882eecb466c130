from __future__ import annotations

import os
from pathlib import Path

from site_fixture import mailconf

from mailconf.files import Root
from mailconf.maps.registry import open_table

MAPS = ("client_access", "sender_access", "recipient_access", "virtual", "vmailbox", "relay_recipients", "generic")


def build(root: Path, *options: str, status: int = 0) -> str:
    return mailconf("build", "--root", str(root), *options, "/etc/postfix", status=status).stdout


def maps(root: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in root.rglob("*.db")}


def test_every_map_is_built_once_and_then_only_when_stale(root: Path) -> None:
    first = build(root)
    assert "built hash:/etc/postfix/virtual: 5 entries (no map yet)" in first
    assert first.endswith("8 maps built, 0 up to date\n")
    assert sorted(maps(root)) == sorted([f"{name}.db" for name in (*MAPS, "aliases")])
    assert build(root) == "0 maps built, 8 up to date\n"

    virtual = root / "etc/postfix/virtual"
    future = (root / "etc/postfix/virtual.db").stat().st_mtime + 10
    os.utime(virtual, (future, future))
    assert build(root) == (
        "built hash:/etc/postfix/virtual: 5 entries (the source is newer)\n1 map built, 7 up to date\n"
    )
    assert build(root, "--force").endswith("8 maps built, 0 up to date\n")


def test_what_was_built_answers(root: Path) -> None:
    build(root)
    virtual = open_table("hash:/etc/postfix/virtual", Root(root))
    assert virtual.lookup(b"info@example.org") == b"alice@example.com"
    assert virtual.lookup(b"nobody@example.org") is None
    aliases = open_table("hash:/etc/aliases", Root(root))
    assert aliases.lookup(b"team") == b"alice, bob"


def test_a_dry_run_writes_nothing(root: Path) -> None:
    assert build(root, "--dry-run").endswith("8 maps would build, 0 up to date\n")
    assert maps(root) == {}


def test_a_mistake_in_one_table_leaves_every_old_map(root: Path) -> None:
    build(root)
    before = maps(root)
    with (root / "etc/postfix/generic").open("a") as file:
        file.write("new@example.com other@example.com\n")
    with (root / "etc/postfix/client_access").open("a") as file:
        file.write("203.0.113.9 REJCT\n")
    done = mailconf("build", "--root", str(root), "--force", "/etc/postfix", status=1)
    assert "client_access:5:13: error: REJCT is neither an action nor a restriction [TB010]" in done.stderr
    assert "nothing was built" in done.stderr
    assert maps(root) == before


def test_a_broken_main_cf_builds_nothing(root: Path) -> None:
    with (root / "etc/postfix/main.cf").open("a") as file:
        file.write("this is no parameter\n")
    done = mailconf("build", "--root", str(root), "/etc/postfix", status=1)
    assert "[PF002]" in done.stderr
    assert maps(root) == {}


def test_a_folder_without_a_configuration(tmp_path: Path) -> None:
    done = mailconf("build", str(tmp_path), status=1)
    assert "no Postfix configuration" in done.stderr
    assert mailconf("build", str(tmp_path / "none"), status=1).stderr
