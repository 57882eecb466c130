"""mailconf.toml: what it may say, and what is said of mistakes in it."""

from __future__ import annotations

import pytest

from mailconf.check.baseline import fingerprint, without_known, written
from mailconf.check.preferences import Preferences, read_preferences
from mailconf.diagnostics import Diagnostic, Severity, Sink
from mailconf.files import Memory
from mailconf.source import Source


def read(text: str) -> tuple[Preferences | None, list[Diagnostic]]:
    sink = Sink()
    return read_preferences("/etc/postfix", Memory({"/etc/postfix/mailconf.toml": text}), sink), list(sink)


def finding(
    code: str = "PF012", name: str = "/etc/postfix/main.cf", text: str = "a = b\n", line: int = 1
) -> Diagnostic:
    return Diagnostic(code, Severity.WARNING, f"{code} is wrong", Source(name, text).line_span(line))


def test_everything_that_it_may_say() -> None:
    found, mistakes = read(
        '[check]\nselect = ["PF", "TB"]\nignore = ["PF013"]\nfail-on = "error"\nbaseline = "before.json"\n'
        '[check.per-file-ignores]\n"virtual*" = ["TB010"]\n'
    )
    assert mistakes == [] and found is not None
    assert found == Preferences(("PF", "TB"), ("PF013",), "error", "before.json", (("virtual*", ("TB010",)),))
    directory = "/etc/postfix"
    assert found.counts(finding(), directory)
    assert not found.counts(finding("PF013"), directory)
    assert not found.counts(finding("CK001"), directory)
    assert not found.counts(finding("TB010", "/etc/postfix/virtual.de"), directory)
    assert not found.counts(finding("TB010", "/etc/postfix/tables/virtual"), directory)
    assert found.counts(finding("TB010", "/etc/postfix/access"), directory)


def test_no_file() -> None:
    assert read_preferences("/etc/postfix", Memory({"/etc/postfix/": ""}), Sink()) == Preferences()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[check]\nselect = PF\n", 2),
        ("[check]\nselect = 'PF'\n", 1),
        ("[check]\nselect = ['pf']\n", 1),
        ("[check]\nselekt = ['PF']\n", 1),
        ("[chekc]\n", 1),
        ("check = 1\n", 1),
        ("[check]\nfail-on = 'note'\n", 1),
        ("[check]\nfail-on = ['error']\n", 1),
        ("[check]\nfail-on = {a = 1}\n", 1),
        ("[check]\nbaseline = 1\n", 1),
        ("[check]\nper-file-ignores = 1\n", 1),
        ("[check.per-file-ignores]\nx = 'TB'\n", 1),
        ("[check\n", 1),
        ("\udcff", 1),
        ("a = " + "[" * 5000, 1),
    ],
)
def test_mistakes_have_a_place(text: str, line: int) -> None:
    found, mistakes = read(text)
    assert found is None
    assert [(d.code, d.span is not None and d.span.line) for d in mistakes] == [("CK123", line)]


def test_what_fails() -> None:
    error, warning, note = (Diagnostic("X", severity, "m") for severity in Severity)
    for fail_on, failing in (("error", [error]), ("warning", [error, warning]), ("never", [])):
        preferences = Preferences(fail_on=fail_on)
        assert [d for d in (error, warning, note) if preferences.fails([d])] == failing


def test_a_baseline_hides_what_was_there_before() -> None:
    """Lines added above a finding do not make it new; a second finding like it is."""
    before = finding(text="a = b\n")
    tree = Memory({"/etc/postfix/before.json": written([before], "/etc/postfix")})
    moved = finding(text="x = y\na = b\n", line=2)
    name, directory = "/etc/postfix/before.json", "/etc/postfix"
    assert without_known([moved], name, directory, tree, Sink()) == ([], 1)
    assert without_known([moved, moved], name, directory, tree, Sink()) == ([moved], 1)
    told = before._replace(message="the value in line 12 is lost")
    again = told._replace(message="the value in line 13 is lost")
    assert fingerprint(told, directory) == fingerprint(again, directory)
    other = finding(text="a = c\n")
    assert without_known([other], name, directory, tree, Sink()) == ([other], 0)
    assert fingerprint(before, "/etc/postfix") == fingerprint(finding(name="/srv/x/main.cf"), "/srv/x/")


@pytest.mark.parametrize("text", ["", "[]", '{"version": 2, "findings": {}}', '{"version": 1}', "\udcff", "[" * 100000])
def test_a_baseline_that_is_none(text: str) -> None:
    sink = Sink()
    assert without_known([], "/b", "/", Memory({"/b": text}), sink) is None
    assert [d.code for d in sink] == ["CK124"]
