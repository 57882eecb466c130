"""The lines of a sendmail.cf at which sendmail stops: what sendmail 8.17.1.9 -bt said of recorded texts, and places."""

from __future__ import annotations

import pytest

from mailconf.diagnostics import Sink
from mailconf.files import Memory
from mailconf.sendmail.cf.configuration import Cf
from mailconf.sendmail.cf.lines import folded_lines
from mailconf.sendmail.cf.read import read_cf
from mailconf.sendmail.cf_mistakes import report_cf
from mailconf.source import Source, decode
from tests.test_costs import TIMES, growth, no_collection, one_heap  # noqa: F401 - fixtures
from tests.vectors.cf_inputs import HEAD, Input, judged
from tests.vectors.store import load

RECORDED = load("sendmail_cf").cases


def test_what_sendmail_says() -> None:
    assert len(RECORDED) > 1000
    wrong = []
    for case in RECORDED:
        text, before, status, said = (case[name] for name in ("text", "before", "status", "said"))
        data = Input(text.encode("latin-1"), before).data
        real, named, ours = judged(data, [(line, words) for line, words in said])
        if real - ours or ours - named or (ours and not status):
            wrong.append((text, before, said, ours))
    assert wrong == []


def test_lines_know_where_they_are() -> None:
    data = "Da\n b\r\n#c\n\td\n\nV10\nDe # f\n # g\n h#i\\#j\nZ"
    source = Source("x.cf", data)
    lines = list(folded_lines(source))
    assert [(line.number, line.text) for line in lines] == [
        (1, "Da\n b"), (3, ""), (5, ""), (6, "V10"), (7, "De\n\n h"), (10, "Z"),
    ]  # fmt: skip
    assert "".join(data[line.start : line.end] for line in lines) == data
    assert [mistake.line.number for mistake in read_cf(source).mistakes] == [10]


@pytest.mark.parametrize("text", [case["text"] for case in RECORDED[::7]])
def test_every_character_of_a_line_has_its_place(text: str) -> None:
    source = Source("x.cf", "V10\n" + text)
    for line in folded_lines(source):
        assert "".join(source.text[line.offset(at)] for at in range(len(line.text))) == line.text
        assert line.start <= line.span().start <= line.span().end <= line.end


def test_a_cf_by_itself() -> None:
    data = HEAD + b"\n  \nRa b\nZebra\n\xe4\n"
    sink = Sink()
    report_cf(Source("sendmail.cf", decode(data)), Memory({}), sink)
    assert [(d.code, d.span and d.span.first) for d in sink] == [
        ("SM023", (12, 1)), ("SM024", (13, 1)), ("SM023", (14, 1)), ("SM023", (15, 1)),
    ]  # fmt: skip


def test_of_a_text_that_is_no_cf_not_every_line_is_reported() -> None:
    sink = Sink()
    report_cf(Source("sendmail.cf", "no .cf\n" * 1000), Memory({}), sink)
    assert len(sink) == 21


HOSTILE = [
    "#" * 4, " #",
    "\n ", "R\\#", "$#", "$", "D{", "\0", "V10\n", "S\n", "x # \t", "\r", "Cx$=x\n", "C$=x ", "Mx, A=1\n", "a=1,",
    '"', "\\", "K hash -o -k ", "O AliasFile=", ",", ":", "Sx\nRa\tb\n", "Hx: y\n", "\t", "-k ", "\n \n",
]  # fmt: skip
HEADS = ["V10\n", "V10\nMx, ", "V10\nCx", "V10\nKx hash ", "V10\nO AliasFile=", "V10\nSx\nR", "V10\nFx"]


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("piece", HOSTILE)
def test_time_grows_with_the_size(piece: str, head: str) -> None:
    def read(text: str) -> None:
        everything(read_cf(Source("x.cf", head + text)))

    assert growth(read, piece) <= TIMES


def everything(cf: Cf) -> None:
    """Ask for all that a .cf says."""
    list(cf.mistakes)
    for name in cf.classes:
        list(cf.members(name))
        break
    assert cf.version is None or cf.version.level >= 0
    for found in (cf.macros, cf.maps, cf.alias_files, cf.user_databases, cf.mailers, cf.queue_groups, cf.filters):
        assert len(found) >= 0
    for more in (cf.headers, cf.header_checks, cf.precedences, cf.environment, cf.trusted_users, cf.rulesets):
        assert len(more) >= 0
