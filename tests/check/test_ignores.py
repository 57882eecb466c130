"""Comments that ignore findings: which lines they are about, and what is said of those that ignore nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailconf.check.ignores import without_ignored
from mailconf.diagnostics import Diagnostic, Severity
from mailconf.files import Memory, Mounted
from mailconf.source import Source
from tests.limits import within


def left(text: str, line: int, code: str = "PF012", name: str = "/etc/postfix/main.cf") -> list[str]:
    """The codes that are left of a finding in ``line``."""
    source = Source(name, text)
    found = Diagnostic(code, Severity.ERROR, "it is wrong", source.line_span(line))
    kept, ignored = without_ignored([found], [name], Memory({name: text}))
    assert ignored == (found not in kept)
    return [each.code for each in kept]


IGNORING = [
    ("# mailconf: ignore[PF012] reason\na = b\n", 2),
    ("# mailconf: ignore[PF012]\na = b", 2),
    ("#mailconf:ignore[PF012]\na = b\n", 2),
    ("  ## mailconf: ignore[PF012, CK001]\na = b\n", 2),
    ("# mailconf: ignore[CK001 PF012]\na = b\n", 2),
    ("# mailconf: ignore[PF0] all of that kind\na = b\n", 2),
    ("# mailconf: ignore[PF]\n\n# another comment\n\na = b\n", 5),
    ("# mailconf: ignore[PF012]\na =\n  b\n# comment\n\n  c\n", 6),
    ("# mailconf: ignore[PF012]\na =\n  b\n", 2),
    ("a = b\n# mailconf: ignore-file[PF012]\n", 1),
]
NOT_IGNORING = [
    ("# mailconf: ignore[PF012]\nx = y\na = b\n", 3),
    ("a = b # mailconf: ignore[PF012]\n", 1),  # there it is part of the value
    ("# mailconf: ignore[CK001]\na = b\n", 2),
    ("a = b\n# mailconf: ignore[PF012]\n", 1),
]


@pytest.mark.parametrize(("text", "line"), IGNORING)
def test_what_a_comment_is_about(text: str, line: int) -> None:
    assert left(text, line) == []


@pytest.mark.parametrize(("text", "line"), NOT_IGNORING)
def test_what_it_is_not_about(text: str, line: int) -> None:
    expected = ["PF012"] if text.startswith("a = b #") else ["CK121", "PF012"]
    assert sorted(left(text, line)) == expected


def test_a_comment_that_names_no_code() -> None:
    for comment in ("ignore", "ignore[]", "ignore[pf012]", "ignore PF012", "ignored[PF012]"):
        assert sorted(left(f"# mailconf: {comment}\na = b\n", 2)) == ["CK122", "PF012"]


def test_comments_of_a_mc_and_a_cf() -> None:
    mc = "/etc/mail/sendmail.mc"
    assert left("FEATURE(`x')dnl mailconf: ignore[SM012] reason\n", 1, "SM012", mc) == []
    assert left("dnl mailconf: ignore[SM012] reason\nFEATURE(`x',\n`y',\n`z')\n", 2, "SM012", mc) == []
    assert left("dnl mailconf: ignore[SM012]\ndefine(`x', `a\nb\nc')\nMAILER(`smtp')\n", 4, "SM012", mc) == []
    after = left("dnl mailconf: ignore[SM012]\ndefine(`x', `a\nb\nc')\nMAILER(`smtp')\n", 5, "SM012", mc)
    assert sorted(after) == ["CK121", "SM012"]
    cf = "/etc/mail/sendmail.cf"
    assert left("V10\nO MaxHopCount=0 # mailconf: ignore[SM012]\n", 2, "SM012", cf) == []


@given(st.text(alphabet="# \tadlnmicof:gre[]PF012,=\n`'", max_size=200))
def test_no_text_is_too_strange(text: str) -> None:
    source = Source("/f", f"{text}\n# mailconf: ignore[PF012]\na = b\n")
    found = Diagnostic("PF012", Severity.ERROR, "m", source.line_span(source.position(len(source.text) - 3).line))
    for name in ("/f", "/f.mc", "/f.cf"):
        kept, _ = without_ignored([found], [name], Memory({name: source.text}))
        assert all(each.code in ("CK121", "CK122", "PF012") for each in kept)
    assert found not in without_ignored([found], ["/f"], Memory({"/f": source.text}))[0]


@pytest.mark.parametrize("count", [5_000, 20_000])
@pytest.mark.parametrize(
    "comment", ["# mailconf: ignore[CK001]\n", "dnl mailconf: ignore[CK001]\n", f"dnl{' ' * 4000}x mailconf:\n"]
)
def test_many_comments_take_no_longer_each(comment: str, count: int) -> None:
    count = min(count, 4_000_000 // len(comment))
    name = "/etc/mail/sendmail.mc" if comment.startswith("dnl") else "/etc/postfix/main.cf"
    text = comment * count + "a = b\n"
    source = Source(name, text)
    found = [Diagnostic("PF012", Severity.ERROR, f"{n}", source.line_span(count + 1)) for n in range(50)]
    tree = Memory({name: text})
    with within(20):
        kept = without_ignored(found, [name], tree)[0]
    assert sum(each.code == "PF012" for each in kept) == 50


def test_what_only_a_machine_has_may_be_ignored_in_a_repository(tmp_path: Path) -> None:
    text = "# mailconf: ignore[CK064] made by the package\na = b\n# mailconf: ignore[PF012]\nc = d\n"
    (tmp_path / "main.cf").write_text(text)
    name = "/etc/postfix/main.cf"
    assert len(without_ignored([], [name], Mounted(tmp_path, "/etc/postfix"))[0]) == 1
    assert len(without_ignored([], [name], Memory({name: text}))[0]) == 2
