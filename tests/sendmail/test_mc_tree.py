from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from mailconf.diagnostics import Sink
from mailconf.m4 import MacroPlace, expand
from mailconf.sendmail.mc.tree import Call, Document, Kind, parse
from mailconf.sendmail.mc.vocabulary import SECTIONS, STATEMENTS, SWEEPING, VALUES
from mailconf.source import Source, decode, encode
from tests.limits import within

GRAMMAR_FILES = Path(__file__).parents[2] / "grammars"

# What a library's cf.m4 has done when the .mc is read, for the expander: the same names, without effect.
PREAMBLE = b"changecom()undefine(`format')" + b"".join(
    b"define(`%b', `%b')" % (name.encode(), b"`'dnl`'" if name in SWEEPING else b"")
    for name in sorted(STATEMENTS | SECTIONS | VALUES)
)

PIECES = st.sampled_from(
    [
        "FEATURE(`access_db', `hash -o /etc/x', , a)dnl\n",
        "define(`confX', `y')",
        "define(`A', B)dnl x\n",
        "dnl it's `so\n",
        "# it's FEATURE(x) here\n",
        "LOCAL_CONFIG\n",
        "Kfoo hash /etc/foo\n",
        'R$* ( $+ )\t$#error $@ 5.7.1 $: "no, $1"\n',
        "EXPOSED_USER(`root')",
        "LOCAL_DOMAIN(a b) lost MAILER(x)\n",
        "MAILER(local)\n",
        "MAILER(`smtp')dnl\n",
        "`quoted `twice''",
        "define(`confPRIVACY_FLAGS',dnl\n`goaway')dnl\n",
        "ifdef(`A', `MAILER(`a')', `MAILER(`b')')",
        "OSTYPE (`linux')\n",
        "divert(-1)",
        "divert(0)dnl\n",
        "divnum",
        " ",
        "\n",
        "'",
        ",",
        ")",
        "A",
        "B(x)",
        "A(x, (y, z), w)",
        "xdnl\n",
        "dnlx ",
        "define(`B', `q')",
        "eval(1 + (2, 3))",
        "VERSIONID(`$Id$')",
        "include (x)",
        "len(`abc')",
        "confCW_FILE",
        "undefine(`A')",
        "CONCAT(a, CONCAT(b, c)dnl d\n, e)",
        "1FEATURE(x)",
        "shift(a,b)",
        "index",
        "é",
        "\udcff",
        "_x",
        "define(\n `C' , 1)",
        "C",
        "DAEMON_OPTIONS(`Name=MTA, Port=25')dnl\n",
        "MASQUERADE_AS(`x')",
        "upper(x",
        "lower(`X')",
        "ifelse(A, `x', `y', `z')",
    ]
)
TEXTS = st.lists(PIECES, max_size=12).map(" ".join)  # an expansion joins what follows it
BROKEN = st.lists(
    st.one_of(PIECES, st.sampled_from(["`", "(", "define(", "define(`a", "FEATURE('x'", "include(`x/cf.m4')", "#"]))
)
FREE = st.text(alphabet="`'(),#AdnlX_ \n0é", max_size=40)


def names_and_places(document: Document) -> list[tuple[str, int, int]]:
    """As the expander reports them: a call's name, how many arguments it has, at which byte it stands."""
    found = []
    for node in document.walk():
        at = len(encode(node.span.source.text[: node.span.start]))
        arguments = len(node.arguments or ()) if isinstance(node, Call) else 0
        found.append((node.name if isinstance(node, Call) else "dnl", arguments, at))
    return found


@given(TEXTS)
@example("define(`A', `x')A(EXPOSED_USER(a)b)\nA")
@example("define( `A' , 1) A define(A) A define(A, x) define(A, y) A undefine(A) A undefine(`A') A")
@example("define(`A', A) define(`B', define(`C', `q') C) C B len(define(`E', 1), E) E")
@example("EXPOSED_USER(a)FEATURE(x)\nLOCAL_USER(`b')")
def test_the_grammar_and_the_expander_agree_on_what_is_called(text: str) -> None:
    called: list[tuple[str, int, int]] = []

    def heard(name: bytes, arguments: list[bytes], place: MacroPlace) -> None:
        if place.block.text is not None and place.block.base + place.offset >= len(PREAMBLE):
            called.append((name.decode(), len(arguments) - 1, place.block.base + place.offset - len(PREAMBLE)))

    expansion = expand("x.mc", PREAMBLE + encode(text), on_call=heard)
    sink = Sink()
    document = parse(Source("x.mc", text), sink)
    if b"ERROR: end of file" in expansion.messages:
        assert sink.failed
    else:
        assert names_and_places(document) == called
        assert not len(sink)


@given(st.one_of(BROKEN.map("".join), FREE, st.binary(max_size=80).map(decode)))
@example("`")
@example("define(`a', `b'\n\nMAILER(`x')\nFEATURE(`y`)\ndnl z\n")
def test_nothing_is_lost(text: str) -> None:
    source = Source("x.mc", text)
    document = parse(source, Sink())
    assert document.text == text
    at = 0
    for node in document.nodes:
        assert (node.span.start, node.span.end > at) == (at, True)
        at = node.span.end
    for call in document.calls():
        assert call.span.text.startswith(call.name)
        if call.arguments is not None:
            parts = ",".join(argument.span.text for argument in call.arguments)
            assert call.span.text == f"{call.name}({parts}){call.behind}"
            for argument in call.arguments:
                assert argument.literal is None or argument.place.text == argument.span.text.strip()


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ("dnl ok\ndefine(`A', `b'\nMAILER(`x')dnl\n", "SM001", (2, 1)),
        ("define(`A', (b)\n", "SM001", (1, 1)),
        ("FEATURE(`x`)dnl\nMAILER(`y')\n", "SM002", (1, 9)),
        ("FEATURE(`x)dnl\nOSTYPE(y)\n", "SM002", (1, 9)),
        ("OSTYPE(`x')\n`text\n", "SM002", (2, 1)),
        ("include(`x/cf.m4')\nEXPOSED_USER(`root'\n", "SM001", (2, 1)),
    ],
)
def test_what_is_never_closed_has_a_name_and_a_place(text: str, code: str, place: tuple[int, int]) -> None:
    sink = Sink()
    document = parse(Source("x.mc", text), sink)
    assert document.text == text
    found = next(iter(sink))
    assert (found.code, found.span and found.span.first) == (code, place)
    assert found.hint
    if "MAILER(`x')" in text:  # the reader goes on behind it
        assert [call.name for call in document.calls()] == ["MAILER"]


def test_what_stands_before_a_mistake_is_read() -> None:
    document = parse(Source("x.mc", "OSTYPE(`a')dnl\n\nFEATURE(`b')\ndefine(`c', `d'\n"), Sink())
    assert [call.literal(1) for call in document.calls()] == ["a", "b"]
    assert [node.kind for node in document.nodes[-2:]] == [Kind.TEXT, Kind.BROKEN]


def test_comments_end_where_the_library_is_included() -> None:
    text = "# FEATURE(`a') `\ninclude(`/usr/share/sendmail/cf/m4/cf.m4')dnl\n# FEATURE(`b')\n"
    document = parse(Source("x.mc", text), Sink())
    assert [(call.name, call.literal(1)) for call in document.calls()] == [
        ("include", "/usr/share/sendmail/cf/m4/cf.m4"),
        ("FEATURE", "b"),
    ]
    assert document.nodes[0].kind is Kind.COMMENT


def test_arguments() -> None:
    text = "define(`A',dnl x\n  `b c'(d, e) )FEATURE(`x', , LOWER(y), `z`'')"
    define, *_, feature = parse(Source("x.mc", text), Sink(), {"define", "FEATURE", "LOWER"}).calls()
    assert (define.literal(1), define.literal(2), define.literal(3)) == ("A", "  b c(d, e) ", "")
    assert [feature.literal(n) for n in range(1, 5)] == ["x", "", None, "z`'"]
    assert feature.arguments and feature.arguments[0].place.text == "`x'"
    assert feature.name_span.text == "FEATURE"


def test_sections_and_what_is_in_quotes() -> None:
    text = (
        "LOCAL_CONFIG\nKa hash /a\nLOCAL_RULE_0\nR$*\t$1\ndivert(0)\nifdef(`A', `MAILER(`b')dnl\ndefine(`C')', `D')\n"
    )
    document = parse(Source("x.mc", text), Sink())
    assert [(s.call.name, "".join(n.text for n in s.nodes)) for s in document.sections()] == [
        ("LOCAL_CONFIG", "\nKa hash /a\n"),
        ("LOCAL_RULE_0", "\nR$*\t$1\n"),
    ]
    ifdef = list(document.calls())[-1]
    assert ifdef.arguments
    inside = document.inside(ifdef.arguments[1].nodes[-1])
    assert [(call.name, call.literal(1), call.span.line) for call in inside.calls()] == [
        ("MAILER", "b", 6),
        ("define", "C", 7),
    ]


def test_a_long_file_is_read_in_a_second() -> None:
    line = "FEATURE(`access_db', `hash -o /etc/mail/access', `skip')dnl it's\n"
    line += "R$* < @ $+ . > $*\t$#esmtp $@ $2 $: $1 < @ $2 . > $3\n"
    text = "include(`/usr/share/cf/m4/cf.m4')dnl\n" + line * 1000
    parse(Source("x.mc", "MAILER(`x')"), Sink())  # the tables
    with within(15):
        document = parse(Source("x.mc", text), Sink())
    assert sum(1 for _ in document.calls()) == 1001


def test_many_unclosed_calls_take_no_square_of_time() -> None:
    text = "define(`a', (\nMAILER(`x'\n" * 2000
    with within(50):
        assert parse(Source("x.mc", text), Sink()).text == text


@pytest.mark.parametrize(
    "mistake", yaml.safe_load((GRAMMAR_FILES / "mc.bad.yaml").read_text()), ids=lambda m: m["code"]
)
def test_the_examples_of_mistakes(mistake: dict[str, Any]) -> None:
    for example_text in mistake["examples"]:
        sink = Sink()
        parse(Source("x.mc", example_text), sink)
        assert [(d.code, d.message) for d in sink] == [(mistake["code"], mistake["message"])], example_text
