from __future__ import annotations

import io
import json
import tracemalloc
from difflib import get_close_matches

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailconf import diagnostics
from mailconf.cli.shared.report import show
from mailconf.diagnostics import Related, Severity, Sink, alike
from mailconf.source import Source

T1 = diagnostics.Code("TT001", Severity.ERROR, "a test")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def sink() -> Sink:
    found = Sink()
    source = Source("main.cf", "a = b\nsmtpd_bogus\x1b = \udcffx\n")
    found.report(
        T1, "no such parameter", source.span(6, 17), hint="remove it", related=(Related("first here", source.span(0)),)
    )
    found.report(T1, "no such file", file="master.cf", severity=Severity.WARNING)
    return found


def test_a_code_is_declared_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnostics, "CODES", {})
    diagnostics.error("TT002", "a test")
    with pytest.raises(ValueError, match="declared twice"):
        diagnostics.error("TT002", "again")


def test_only_errors_fail() -> None:
    quiet = Sink()
    quiet.report(T1, "careful", severity=Severity.WARNING)
    assert not quiet.failed
    assert sink().failed


def test_plain_text_is_a_line_a_finding_with_hint_and_relations() -> None:
    out = io.StringIO()
    show(sink(), stream=out)
    assert out.getvalue().splitlines() == [
        "main.cf:2:1: error: no such parameter [TT001]",
        "  main.cf:1:1: first here",
        "  hint: remove it",
        "master.cf: warning: no such file [TT001]",
    ]


def test_a_terminal_sees_a_caret_and_no_control_characters() -> None:
    out = Terminal()
    show(sink(), stream=out)
    assert "smtpd_bogus\\x1b = \\xffx" in out.getvalue()
    assert "^^^^^^^^^^^" in out.getvalue()


def test_of_a_very_long_line_a_terminal_sees_what_is_near() -> None:
    source = Source("main.cf", "first\n" + "a" * 300_000 + "here" + "b" * 300_000 + "\nlast\n")
    found = Sink()
    at = source.text.index("here")
    found.report(T1, "no such word", source.span(at, at + 4))
    out = Terminal()
    show(found, stream=out)
    assert "aaahere" in out.getvalue()
    assert "^^^^" in out.getvalue()
    assert len(out.getvalue()) < 2000


def test_json_has_every_field() -> None:
    assert json.loads(json.dumps([d.as_json() for d in sink().sorted()])) == [
        {
            "file": "main.cf",
            "line": 2,
            "column": 1,
            "end": {"line": 2, "column": 12},
            "severity": "error",
            "code": "TT001",
            "message": "no such parameter",
            "hint": "remove it",
            "related": [
                {
                    "file": "main.cf",
                    "line": 1,
                    "column": 1,
                    "end": {"line": 1, "column": 1},
                    "message": "first here",
                }
            ],
            "fix": [],
        },
        {
            "file": "master.cf",
            "line": None,
            "column": None,
            "end": None,
            "severity": "warning",
            "code": "TT001",
            "message": "no such file",
            "hint": None,
            "related": [],
            "fix": [],
        },
    ]


def test_findings_of_a_kind_are_counted_beyond_a_thousand() -> None:
    first, second, merged = Sink(), Sink(), Sink()
    one, other = Source("one", "x\n" * 2000), Source("other", "x\n" * 2000)
    for number in range(1500):
        first.report(T1, f"message {number}", one.span(2 * number))
        second.report(T1, f"message {number}", other.span(2 * number), severity=Severity.WARNING)
    for diagnostic in (*first, *second):
        merged.add(diagnostic)
    for sink in (first, merged):
        shown = [d for d in sink.sorted() if d.span is not None and d.span.source is one]
        assert [d.message for d in shown] == [*(f"message {number}" for number in range(1000)), "500 more like this"]
        assert shown[-1].span == one.span(2000)
        assert sum(d.stands_for for d in shown) == 1500
    assert len(first) == 1001 and len(merged) == 2002
    alone = Sink()
    alone.add(first.sorted()[-1])
    assert [d.message for d in alone] == ["500 more like this"]
    assert first.failed and not second.failed and merged.failed


def test_one_more_than_a_thousand() -> None:
    found = Sink()
    for _ in range(1000):
        found.report(T1, "wrong", file="x")
    assert len(found) == len(list(found)) == 1000
    found.report(T1, "wrong", file="x")
    assert [d.message for d in found][-1] == "one more like this"


def test_a_long_message_is_cut() -> None:
    found = Sink()
    found.report(T1, "there is no " + "x" * 5_000_000 + " here", hint="y" * 600)
    (diagnostic,) = found
    assert len(diagnostic.message) < 620 and diagnostic.hint == "y" * 600
    assert diagnostic.message.startswith("there is no xx") and diagnostic.message.endswith("xx here")


NAMES = ["smtp", "myhostname", "mydestination", "a"]


@given(st.text(alphabet="mydestinaoh", max_size=40), st.sampled_from([0.6, 0.7, 0.8]))
def test_names_that_are_alike(name: str, cutoff: float) -> None:
    assert alike(name, NAMES, 3, cutoff) == get_close_matches(name, NAMES, 3, cutoff)


def test_where_nothing_can_be_alike() -> None:
    tracemalloc.start()
    try:
        assert alike("ab" * 500_000, NAMES) == alike("a", []) == []
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()
