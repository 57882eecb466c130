from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailconf.postfix.text import master_cf
from mailconf.postfix.text.lines import config_lines
from mailconf.postfix.text.master_cf_tree import mistake, parse
from mailconf.source import Source, decode

LINES = st.lists(
    st.sampled_from(
        ["smtp inet n - n - - smtpd", "  -o a=b", "\t-o {c = d}", "# comment", "   # indented", "", "  ", "x unix",
         "  {open", "  close} more", "a{b c}d", "}{", "\r", "é \udcff", "x\0y z", " {\0} a", "\v a", "{}{} {"]
    ),
    max_size=8,
)  # fmt: skip
FREE = st.text(alphabet="ab{}# \t\n\v\r\0é", max_size=40)


@given(st.one_of(LINES.map("\n".join), LINES.map(lambda lines: "\n".join(lines) + "\n"), FREE))
@example("a {b\n# c\n  d} e\nf")
@example("a \n\va")
@example("a {\n\f#\n\vb} \n\n\v\0c")
@example(" lead\n  more\na b")
@example("a\n#\0\n a")
@example("a\n#\0\n a\0 b\n c")
@example("a {b\n \t#x\0}\n\n c} d\n#\0")
def test_the_grammar_and_the_reader_agree_and_nothing_is_lost(text: str) -> None:
    document = parse(Source("master.cf", text))
    assert document.text == text
    found = []
    for logical in config_lines(text):
        if not logical.orphan:
            words = master_cf.split_words(logical.text)
            found.append([(word, logical.place(at), logical.place(at + len(word) - 1) + 1) for word, at in words])
    assert [[(word, span.start, span.end) for word, span in node.words] for node in document.entries()] == found
    orphans = sum(logical.orphan for logical in config_lines(text))
    assert sum(node.kind == "orphan" for node in document.nodes) == orphans


@given(st.binary(max_size=150))
def test_any_bytes_are_read(data: bytes) -> None:
    text = decode(data)
    assert parse(Source("master.cf", text)).text == text


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("x unix - - -", "eight fields"),
        ("x tcp - - - - - smtpd", "type"),
        ("x unix maybe - - - - smtpd", "private, unprivileged and chroot"),
        ("x unix - - n 1m - smtpd", "wakeup"),
        ("x unix - - n - lots smtpd -o a=b", "process limit"),
        ("{x y} unix - - n - lots smtpd", "process limit"),
    ],
)
def test_mistakes_have_names(line: str, words: str) -> None:
    found = mistake(next(iter(master_cf.read(line))))
    assert found is not None and words in found.message and found.hint


def test_good_entries_have_none() -> None:
    for line in ("smtp inet n - n - - smtpd", "x unix - y n 10? 1 {a b} -o c=d {e f}", "y unix - - - ? - z"):
        entry = next(iter(master_cf.read(line)))
        assert entry.usable and mistake(entry) is None
