from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from mailconf.check.mc import check_mc
from mailconf.diagnostics import Diagnostic, Sink
from mailconf.sendmail.library import Library
from tests.sendmail.mc_library import library as write_library
from tests.sendmail.mc_mistakes import FRAME, LINE, MISTAKES, PLACE, Mistake

GRAMMAR_FILES = Path(__file__).parents[2] / "grammars"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    return write_library(tmp_path_factory.mktemp("library"))


def check(folder: Path, library: Library | None, text: str) -> list[Diagnostic]:
    path = folder / "sendmail.mc"
    path.write_text(text)
    sink = Sink()
    read = check_mc(path, library, sink)
    assert (read is None) == (library is None)
    return sink.sorted()


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda m: f"{m.code}-{m.text[:25]}")
def test_mistakes_have_a_name_a_place_and_a_hint(mistake: Mistake, tmp_path: Path, library: Library) -> None:
    found = check(tmp_path, library, FRAME[0] + mistake.text + FRAME[1])
    (diagnostic,) = (d for d in found if not d.code.startswith("M4") or d.severity.value == "error")
    assert diagnostic.code == mistake.code
    line = PLACE.get(mistake.text.partition("\n")[0], LINE)
    assert diagnostic.span and diagnostic.span.first == (line, mistake.column)
    assert mistake.hint in diagnostic.hint


TEXTUAL = [m for m in MISTAKES if m.code in ("SM001", "SM002", "SM003", "SM004", "SM005", "SM006", "SM007", "SM017")]


@pytest.mark.parametrize("mistake", TEXTUAL, ids=lambda m: f"{m.code}-{m.text[:25]}")
def test_without_the_library_the_text_is_looked_at(mistake: Mistake, tmp_path: Path) -> None:
    assert [d.code for d in check(tmp_path, None, FRAME[0] + mistake.text + FRAME[1])] == [mistake.code]


def test_definitions_in_the_wrong_place(tmp_path: Path, library: Library) -> None:
    text = (
        "define(`confTO_QUEUERETURN', `9d')dnl\nOSTYPE(`linux')dnl\nFEATURE(`no_default_msa')dnl\n"
        "MAILER(`local')dnl\ndefine(`LOCAL_MAILER_PATH', `/bin/mail')dnl\ndefine(`confLOG_LEVEL', `12')dnl\n"
    )
    early, late = check(tmp_path, library, text)
    assert (early.code, early.span and early.span.line) == ("SM011", 1)
    assert [r.span.line for r in early.related] == [2]
    assert (late.code, late.span and late.span.line) == ("SM011", 5)
    assert [r.span.line for r in late.related] == [4]


def test_a_feature_behind_a_mailer_is_told_where_it_belongs(tmp_path: Path, library: Library) -> None:
    found = check(tmp_path, library, "OSTYPE(`linux')dnl\nMAILER(`local')dnl\nFEATURE(`no_default_msa')dnl\n")
    assert [(d.severity.value, d.span and d.span.line) for d in found] == [("error", 3)]
    assert "VERSIONID, OSTYPE, DOMAIN, FEATURE" in found[0].hint


def test_what_m4_says_has_a_hint(tmp_path: Path, library: Library) -> None:
    found = check(tmp_path, library, "OSTYPE(`linux')dnl\ndefine(`confLOG_LEVEL', 1,2)dnl\nMAILER(`local')dnl\n")
    assert [(d.code, d.span and d.span.line) for d in found] == [("M4001", 2)]
    assert "quote the value" in found[0].hint


def test_a_name_that_the_library_does_not_have(tmp_path: Path, library: Library) -> None:
    found = check(tmp_path, library, "OSTYPE(`linux')dnl\nFEATURE(`acess_db')dnl\nMAILER(`local')dnl\n")
    assert [(d.severity.value, d.span and d.span.line) for d in found] == [("error", 2)]
    assert "access_db" in found[0].hint


def test_one_port_twice_with_the_librarys_own(tmp_path: Path, library: Library) -> None:
    text = "OSTYPE(`linux')dnl\nDAEMON_OPTIONS(`Name=x, Port=submission')dnl\nMAILER(`local')dnl\n"
    (found,) = check(tmp_path, library, text)
    assert (found.code, found.span and found.span.line) == ("SM016", 2)
    assert "no_default_msa" in found.hint


def test_a_good_file_has_no_mistakes(tmp_path: Path, library: Library) -> None:
    text = (
        "divert(-1)\n# it's about `quotes'\ndivert(0)dnl\ninclude(`/usr/share/sendmail/cf/m4/cf.m4')dnl\n"
        "VERSIONID(`$Id$')\nOSTYPE(linux)dnl\n# words\nFEATURE(no_default_msa)dnl\n"
        "FEATURE(`access_db', `hash -o /a')dnl\n"
        "define(`confPRIVATE', `1')ifdef(`confPRIVATE', `dnl', `define(`x')')\nDAEMON_OPTIONS(`Name=a, M=E')dnl\n"
        "INPUT_MAIL_FILTER(`f', `S=inet:1@h, F=T, T=R:2m')dnl\nMAILER(`local')dnl\nLOCAL_CONFIG\nKx arith\nO Foo (x)\n"
    )
    assert [str(d) for d in check(tmp_path, library, text)] == []


def test_other_quotes_are_told_and_what_follows_is_read_as_m4_reads_it(tmp_path: Path, library: Library) -> None:
    text = (
        "OSTYPE(`linux')dnl\nFEATURE(`no_default_msa')dnl\nchangequote([, ])dnl\ndefine([confLOG_LEVL], [`])dnl\n"
        "changequote(`, ')dnl\nMAILER(`local')dnl\n"
    )
    found = check(tmp_path, library, text)
    assert [(d.code, d.span and d.span.line) for d in found] == [("SM020", 3), ("SM009", 4)]


def test_macros_that_only_this_library_has(tmp_path: Path, library: Library) -> None:
    """A name that is a macro elsewhere is text where the library does not define it, and the other way round."""
    folder = Path(library.folder)
    (folder / "ostype/own.m4").write_text("define(`OWN', `dnl')undefine(`MAIL_FILTER')\n")
    text = "OSTYPE(`own')dnl\nFEATURE(`no_default_msa')dnl\nOWN(`a', (b)\n)\n# MAIL_FILTER(x\nMAILER(`local')dnl\n"
    assert [str(d) for d in check(tmp_path, library, text)] == []


def test_files_that_are_included_are_checked_too(tmp_path: Path, library: Library) -> None:
    (tmp_path / "site.m4").write_text("dnl site\nO Foo\nMASQUERADE_AS (`x')dnl\n# it's\nDAEMON_OPTIONS(a, b)dnl\n")
    text = "OSTYPE(`linux')dnl\nFEATURE(`no_default_msa')dnl\nLOCAL_CONFIG\ninclude(`site.m4')MAILER(`local')dnl\n"
    found = check(tmp_path, library, text)
    assert [(d.code, d.span and Path(str(d.span)).name) for d in found] == [
        ("SM004", "site.m4:3"),
        ("SM008", "site.m4:5"),
        ("SM014", "site.m4:5"),
    ]


def test_a_file_that_is_not_there(tmp_path: Path, library: Library) -> None:
    for each in (library, None):
        sink = Sink()
        assert check_mc(tmp_path / "none.mc", each, sink) is None
        assert [d.code for d in sink] == ["SM902"]


HOSTILE = {
    "calls": "define(" * 5000 + "a" + ")" * 5000,
    "conditions": "ifdef(`A', `" * 500 + "x" + "')" * 500,
    "parentheses": "define(" + "(" * 5000 + ")" * 5001,
    "quotes": "`" * 20_000 + "'" * 20_000,
    "never closed": "define(`a'\nFEATURE(`b'\n" * 1000,
    "options": "".join(f"define(`confA{i}', `x')dnl\n" for i in range(2000)),
    "mailers": "MAILER(`../../../../../../../etc/passwd')dnl\ndefine(`root', `x')dnl\n" * 100,
    "no macros": "FEATUR(`x')\n" * 2000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_is_read_soon(name: str, tmp_path: Path, library: Library) -> None:
    start = time.process_time()
    check(tmp_path, library, "OSTYPE(`linux')dnl\n" + HOSTILE[name])
    assert time.process_time() - start < 10


PARTS = [m.text for m in MISTAKES] + [
    "`",
    "'",
    "(",
    ")",
    "dnl",
    "\n",
    "#",
    ",",
    "LOCAL_CONFIG\n",
    "divert(-1)\n",
    "é",
    "\0",
    "\x80",
]


@settings(max_examples=60)
@given(st.lists(st.sampled_from(PARTS), max_size=8).map("\n".join), st.binary(max_size=40))
def test_no_text_gives_a_traceback(tmp_path_factory: pytest.TempPathFactory, text: str, data: bytes) -> None:
    folder = tmp_path_factory.mktemp("any")
    path = folder / "sendmail.mc"
    path.write_bytes(text.encode() + data)
    check_mc(path, write_library(folder), Sink())
    check_mc(path, None, Sink())


@pytest.mark.parametrize("mistake", yaml.safe_load((GRAMMAR_FILES / "mc_value.bad.yaml").read_text()))
def test_the_examples_of_quotes(mistake: dict[str, Any], tmp_path: Path) -> None:
    for example in mistake["examples"]:
        found = check(tmp_path, None, f"OSTYPE({example})dnl\n")
        assert [(d.code, d.message) for d in found] == [(mistake["code"], mistake["message"])], example
