"""What is reported of a myhostname or mydomain that is no host name.

tests/live/test_postmap_types.py asks the real postmap.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from mailconf.cli.postfix.postfix_tool import Messages, ToolFatal, read_settings
from mailconf.files import Root
from mailconf.postfix.settings.host_names import hostname_problem


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        (b"a_b.com", b""),
        (b"a" * 63 + b".x", b""),
        (b"1.2.a", b""),
        (b"a b", b"invalid character 32(decimal): a b"),
        (b"a.b.", b"misplaced delimiter: a.b."),
        (b"..-", b"misplaced delimiter: ..-"),
        (b"a.-b", b"misplaced hyphen: a.-b"),
        (b"1.2.3.4", b"numeric hostname: 1.2.3.4"),
        (b"a." + b"b" * 64, b"hostname label too long: a." + b"b" * 64),
        (b"abcdefgh." * 30 + b"x", b"bad length 271 for " + (b"abcdefgh." * 12)[:100] + b"..."),
        (b"x" * 200, b"hostname label too long: " + b"x" * 100),
    ],
)
def test_problems(name: bytes, problem: bytes) -> None:
    assert hostname_problem(name) == problem


@pytest.mark.parametrize(
    ("main_cf", "says"),
    [
        ("myhostname =", "bad string length 0 < 1: myhostname = "),
        ("myhostname = x.$mydomain", "bad string length 0 < 1: mydomain = "),
        ("myhostname = $mydomain", "bad string length 0 < 1: myhostname = "),
        ("mydomain = 1\nmyhostname = a.b", "file {path}: parameter mydomain: bad parameter value: 1"),
        ("mydomain = a..b", "file {path}: parameter myhostname: bad parameter value: node.a..b"),
        ("mydomain = $myhostname", "file {path}: parameter myhostname: bad parameter value: node."),
    ],
)
def test_they_stop_a_tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, main_cf: str, says: str) -> None:
    monkeypatch.setattr("mailconf.postfix.settings.machine.node_name", lambda: "node")
    (tmp_path / "main.cf").write_text(main_cf + "\n")
    with pytest.raises(ToolFatal) as caught:
        read_settings(str(tmp_path), Root(), Messages("postmap"))
    assert str(caught.value) == says.format(path=tmp_path / "main.cf")


def test_names_that_refer_to_each_other_where_they_may(tmp_path: Path) -> None:
    (tmp_path / "main.cf").write_text(
        "myhostname = mx.$mydomain\nmydomain = example.org\ndefault_database_type = lmdb\n"
    )
    settings = read_settings(str(tmp_path), Root(), Messages("postmap"))
    assert settings.value("myhostname") == "mx.example.org"
