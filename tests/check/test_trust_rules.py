"""What check says of tables that Postfix does not trust in their role."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_postfix_rules import folder, found, with_line

__all__ = ["folder"]

RULES = "/^nobody$/ root\n/^list-(.+)$/ $1\n/^(b)/ a$$b\n/^(c)c/ x${1}@example.com\n"


def codes(folder: Path, top: Path) -> list[tuple[str, str, int, int]]:
    """(code, file, line, column) of what is found."""
    ours = [d for d in found(folder, top) if d.code in ("TB170", "TB171", "CK083")]
    assert all(d.hint for d in ours)
    return [(d.code, Path(d.span.source.name).name, *d.span.first) for d in ours if d.span]


@pytest.mark.parametrize(
    "line",
    [
        "alias_maps = regexp:/etc/postfix/rules",
        "alias_maps = proxy:pcre:/etc/postfix/rules",
        "mailbox_command_maps = pipemap:{regexp:/etc/postfix/rules, static:x}",
        "mailbox_transport_maps = regexp:/etc/postfix/rules",
        "transport_maps = unionmap:{static:x, pcre:/etc/postfix/rules}",
        "virtual_uid_maps = regexp:/etc/postfix/rules",
    ],
)
def test_text_of_the_address_where_none_is_allowed(line: str, folder: Path, tmp_path: Path) -> None:
    (folder / "rules").write_text(RULES)
    with_line(folder, line)
    assert codes(folder, tmp_path) == [("TB170", "rules", 2, 15), ("TB170", "rules", 4, 10)]


@pytest.mark.parametrize(
    "line",
    [
        "virtual_alias_maps = regexp:/etc/postfix/rules",
        "transport_maps = proxy:regexp:/etc/postfix/rules",
        "relay_recipient_maps = pcre:/etc/postfix/rules",
    ],
)
def test_text_of_the_address_where_it_is_allowed(line: str, folder: Path, tmp_path: Path) -> None:
    (folder / "rules").write_text(RULES)
    with_line(folder, line)
    assert codes(folder, tmp_path) == []


def test_a_table_that_stands_in_the_configuration(folder: Path, tmp_path: Path) -> None:
    with_line(folder, "virtual_mailbox_maps = static:x, pcre:{{/^(.*)@/ $$1}}")
    assert [(code, column) for code, _, _, column in codes(folder, tmp_path)] == [("TB170", 24)]


@pytest.mark.parametrize("table", ["tcp:127.0.0.1:1", "proxy:socketmap:unix:/x:y", "memcache:/etc/postfix/rules"])
@pytest.mark.parametrize("name", ["alias_maps", "virtual_gid_maps", "transport_maps"])
def test_tables_that_anyone_may_answer(name: str, table: str, folder: Path, tmp_path: Path) -> None:
    (folder / "rules").write_text("memcache = inet:127.0.0.1:1\n")
    with_line(folder, f"{name} = {table}")
    expected = [] if name == "transport_maps" else ["CK083"]
    assert [code for code, *_ in codes(folder, tmp_path)] == expected


def test_mailboxes_outside_the_base(folder: Path, tmp_path: Path) -> None:
    (folder / "vmailbox").write_text("a@example.net  a/../../b\nc@example.net c/../d/\n")
    assert codes(folder, tmp_path) == [("TB171", "vmailbox", 1, 16)]
