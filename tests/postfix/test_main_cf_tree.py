from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailconf.diagnostics import Sink
from mailconf.postfix.settings import configuration
from mailconf.postfix.text import main_cf
from mailconf.postfix.text.main_cf_tree import parse
from mailconf.source import Source, decode

CODES = {main_cf.NO_EQUALS: "PF002", main_cf.NO_NAME: "PF003", main_cf.ORPHAN: "PF004"}
assert configuration.PF002  # declares the codes

LINES = st.lists(
    st.sampled_from(
        ["a = b", "b=c", "  more", "\tx = y", "# comment", "   # indented", "", "  ", "name", "= value",
         "two words = x",
         "e =", "a\0b = c", "v = x\0y", "=", "\r", "é = \udcff", "a#b = c", " = split", "a", "x = {\v}", "\0", " \0= z"]
    ),
    max_size=9,
)  # fmt: skip
FREE = st.text(alphabet="ab=# \t\n\v\r\0é", max_size=40)


@given(st.one_of(LINES.map("\n".join), LINES.map(lambda lines: "\n".join(lines) + "\n"), FREE))
@example("a\n  = b")
@example(" orphan\n  and more\n# c\na = b\n  c")
def test_the_grammar_and_the_reader_agree_and_nothing_is_lost(text: str) -> None:
    source, sink = Source("main.cf", text), Sink()
    document = parse(source, sink)
    assert document.text == text

    found = list(main_cf.read(text))
    read = [(d.name, d.value, d.start, d.end) for d in found if isinstance(d, main_cf.Definition)]
    assert [(n.name, n.value, n.span.start, n.span.end) for n in document.definitions()] == read

    mistakes = [(CODES[m.problem], m.logical.place(0)) for m in found if isinstance(m, main_cf.BrokenLine)]
    assert [(d.code, d.span.start) for d in sink if d.span] == mistakes


def test_comments_and_layout_stay() -> None:
    text = "# names\nmyhostname = mail.example.com\n\nmynetworks = 127.0.0.0/8\n    # the office\n    192.0.2.0/24\n"
    document = parse(Source("main.cf", text), Sink())
    assert [(n.name, n.value) for n in document.definitions()] == [
        ("myhostname", "mail.example.com"),
        ("mynetworks", "127.0.0.0/8    192.0.2.0/24"),
    ]
    assert document.text == text


@pytest.mark.parametrize(
    ("line", "code"), [("no equals", "PF002"), ("= nothing", "PF003"), (" orphan = x", "PF004"), ("a b = c", "PF002")]
)
def test_mistakes_have_names(line: str, code: str) -> None:
    sink = Sink()
    parse(Source("main.cf", f"{line}\nmydomain = x\n"), sink)
    assert [(d.code, d.span and d.span.first) for d in sink] == [(code, (1, 1))]


@given(st.binary(max_size=150))
def test_any_bytes_are_read(data: bytes) -> None:
    text = decode(data)
    assert parse(Source("main.cf", text), Sink()).text == text
