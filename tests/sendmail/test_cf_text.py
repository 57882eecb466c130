"""The lines of a sendmail.cf at which sendmail stops: what sendmail 8.17.1.9 -bt said of recorded texts, and places."""

from __future__ import annotations

import time

import pytest

from mailconf.diagnostics import Sink
from mailconf.sendmail.cf_lines import CfLines
from mailconf.sendmail.cf_mistakes import report_cf
from mailconf.sendmail.cf_text import folded, mistakes
from mailconf.source import Source, decode
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
    data = b"Da\n b\r\n#c\n\td\n\nV10\nDe # f\n # g\n h#i\nZ"
    lines = list(folded(data))
    assert [(line.number, line.text) for line in lines] == [
        (1, b"Da\n b"), (3, b""), (5, b""), (6, b"V10"), (7, b"De\n\n h"), (10, b"Z"),
    ]  # fmt: skip
    assert b"".join(data[line.start : line.end] for line in lines) == data
    assert [mistake.line.number for mistake in mistakes(data)] == [10]


def test_a_cf_by_itself() -> None:
    data = HEAD + b"\n  \nRa b\nZebra\n\xe4\n"
    sink = Sink()
    report_cf(Source("sendmail.cf", decode(data)), data, sink)
    assert [(d.code, d.span and d.span.first) for d in sink] == [
        ("SM023", (12, 1)), ("SM024", (13, 1)), ("SM023", (14, 1)), ("SM023", (15, 1)),
    ]  # fmt: skip


def test_of_a_text_that_is_no_cf_not_every_line_is_reported() -> None:
    sink = Sink()
    data = b"no .cf\n" * 1000
    report_cf(Source("sendmail.cf", decode(data)), data, sink)
    assert len(sink) == 21


def test_maps_that_continue() -> None:
    data = b"Kaccess\n\thash\n\t-o /etc/mail/access\n#\n Kother hash /x\nO AliasFile=/a,\n /b\n"
    lines = CfLines("sendmail.cf", data, is_folded=True)
    assert [(m.line, m.name, m.type, m.flags, m.file) for m in lines.maps()] == [
        (1, "access", "hash", ("-o",), "/etc/mail/access")
    ]
    assert [file.file for file in lines.alias_files()] == ["/a", "/b"]
    assert CfLines("sendmail.cf", data).maps() == []  # the map tools read single lines


HOSTILE = [b"#" * 4, b" #", b"\n ", b"R\\#", b"$#", b"$", b"D{", b"\0", b"V10\n", b"S\n", b"x # \t", b"\r"]


@pytest.mark.parametrize("piece", HOSTILE)
def test_time_grows_with_the_size(piece: bytes) -> None:
    def cost(count: int) -> float:
        data = b"V10\n" + piece * count
        start = time.process_time()
        list(mistakes(data))
        return time.process_time() - start

    small = 20_000
    for _ in range(6):
        if min(cost(4 * small) for _ in range(3)) < 8 * max(min(cost(small) for _ in range(3)), 0.005):
            return
    pytest.fail("four times the size takes more than eight times as long")
