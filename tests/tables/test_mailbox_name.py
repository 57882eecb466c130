from __future__ import annotations

import pytest

from mailconf.tables.mailbox_name import below


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a", "a"),
        ("a/", "a/"),
        ("/abs//x", "/abs//x"),
        ("a..b/...", "a..b/..."),
        ("a/../b", "b"),
        ("a/../b/", "b/"),
        ("a/b/..", "a/"),
        ("/a/./../b", "b"),
        ("..", None),
        ("../", None),
        ("../../x/", None),
        ("a/../../x", None),
        ("/../x", None),
        ("a/..", None),
        ("./../x", None),
    ],
)
def test_no_name_leads_out_of_its_folder(name: str, expected: str | None) -> None:
    assert below(name) == expected
