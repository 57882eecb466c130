from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailconf.postfix.text import master_cf
from mailconf.source import Source


def read(text: str) -> master_cf.ServiceEntry:
    return next(iter(master_cf.read(text)))


def test_an_entry() -> None:
    text = "# c\nsmtp inet n - n - 1 smtpd -v\n  -o a=b # no comment\n# comment\n  -o { c = d e } x\n"
    entry = read(text)
    assert [field.text for field in entry.fields] == ["smtp", "inet", "n", "-", "n", "-", "1", "smtpd"]
    assert (entry.name, entry.type, entry.line, entry.usable) == ("smtp", "inet", 2, True)
    assert [(o.name, o.value) for o in entry.overrides] == [("a", "b")]  # "#" is an argument and ends the options
    word = next(entry.overrides).word
    assert Source("master.cf", text).span(word.start, word.end).text == "a=b"


def test_settings_in_braces() -> None:
    entry = read("x unix - - - - - smtpd -o { a = b  c } -o {d=} {e f}\n")
    assert [(o.name, o.value) for o in entry.overrides] == [("a", "b  c"), ("d", "")]
    assert [word.text for word in entry.arguments] == ["-o", "a=b  c", "-o", "d=", "e f"]


def test_what_the_daemon_sees_and_what_postconf_sees() -> None:
    entry = read("x unix - - - - - smtpd -vosmtpd_tls_wrappermode=yes -o { a = b }\n")
    assert [(o.name, o.value) for o in master_cf.settings(entry)] == [("smtpd_tls_wrappermode", "yes"), ("a", "b")]
    assert [o.name for o in entry.overrides] == ["de", "a"]


@pytest.mark.parametrize(
    ("line", "message", "column"),
    [
        ("x unix - - -", "bad field count", 1),
        ("x tcp - - - - - smtpd", 'invalid type field "tcp"', 3),
        ("x unix - maybe - - - smtpd", 'invalid unprivileged field "maybe"', 10),
        ("x unix - - - 1m - smtpd", 'invalid wakeup field "1m"', 14),
        ("x unix - - - - many smtpd", 'invalid process_limit field "many"', 16),
        ("x unix - - - - - smtpd -o {a", "missing '}' in \"{a\"", 27),
        ("x unix - - - - - smtpd -o {a b}", "missing '=' after attribute name: \"a b\"", 27),
    ],
)
def test_problems_have_places(line: str, message: str, column: int) -> None:
    problem = read(line).problems[0]
    assert problem.message == message
    assert Source("master.cf", line).position(problem.start).column == column


@given(st.text(alphabet="ab- \t\n{}=#o\0é", max_size=60))
def test_any_text_is_read(text: str) -> None:
    for entry in master_cf.read("x unix - - - - - y " + text):
        for word in (*entry.fields, *entry.arguments):
            assert 0 <= word.start <= word.end <= len(text) + 19
