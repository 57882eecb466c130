from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from mailconf.check.sendmail.mc import check_mc
from mailconf.diagnostics import Diagnostic, Sink
from mailconf.files import Root
from mailconf.sendmail.mc.library import Library
from tests.limits import within
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


BLANKS = [  # what sendmail 8.17.1.9 -bt says of the .cf: unknown configuration line, and exits with 70
    ("OSTYPE(`linux')\nVERSIONID(`x')dnl\n \nM", None),
    ("OSTYPE(`linux')\nFEATURE(`masquerade_envelope') \nM", (2, 31)),
    ("VERSIONID(`x') \nOSTYPE(`linux')\n  FEATURE(`no_default_msa')dnl\nM", (3, 1)),
    ("OSTYPE(`linux')dnl\n\n\tFEATURE(`no_default_msa')dnl\nM", (3, 1)),
    ("  \ninclude(`/usr/share/sendmail/cf/m4/cf.m4')dnl\nOSTYPE(`linux')dnl\nM", (1, 1)),
    ("OSTYPE(`linux')dnl\nVERSIONID(`x\n$Id$')\nM", (2, 1)),
    ("\ufeffOSTYPE(`linux')dnl\nM", (1, 1)),
    ("OSTYPE(`linux')dnl\nM\x1a", (4, 1)),
]


@pytest.mark.parametrize("text", BLANKS, ids=lambda text: repr(text[0])[:30])
def test_lines_that_sendmail_does_not_know(text: tuple[str, tuple[int, int]], tmp_path: Path, library: Library) -> None:
    mailers = "FEATURE(`no_default_msa')dnl\nMAILER(`local')dnl\n"
    found = check(tmp_path, library, text[0].replace("\nM", "\n" + mailers))
    assert [(d.code, d.span and d.span.first) for d in found if d.code != "SM027"] == [("SM023", text[1])][
        : text[1] is not None
    ]


def test_a_diversion_that_the_library_ends(tmp_path: Path, library: Library) -> None:
    """Its cf.m4 ends with divert(0): what comes behind it is in the .cf, whatever the .mc said before."""
    start = "divert(-1)dnl\n# it is\ndnl words\ninclude(`/usr/share/sendmail/cf/m4/cf.m4')dnl\n"
    text = f"{start}OSTYPE(`linux')dnl\nFEATURE(`no_default_msa')dnl\ndefine (`confLOG_LEVEL', `9')dnl\n"
    text += (
        "# FEATURE(`access_db')\ndivert(-1)\nmany words here (\ndefine (`confB', `9')\ndivert(0)dnl\nMAILER(`local')\n"
    )
    for each in (library, None):
        found = check(tmp_path, each, text)
        assert [(d.code, d.span and d.span.line) for d in found] == [("SM004", 7), ("SM007", 8), ("SM004", 11)]


def test_a_diversion_in_a_file_that_is_included(tmp_path: Path, library: Library) -> None:
    (tmp_path / "quiet.m4").write_text("divert(-1)\n")
    text = "OSTYPE(`linux')dnl\nFEATURE(`no_default_msa')dnl\n{}FEATUR(`x')\ndivert(0)dnl\nMAILER(`local')dnl\n"
    assert check(tmp_path, library, text.format("include(`quiet.m4')")) == []
    assert [d.code for d in check(tmp_path, library, text.format(""))] == ["SM005"]


def test_what_the_library_says_itself_has_a_hint_that_helps(tmp_path: Path, library: Library) -> None:
    """Its own words lead on to FEATURE(blocklist_recipients.m4), which it does not have."""
    end = Path(library.folder, "m4/end.m4")
    before = end.read_text()
    words = "errprint(`FEATURE(blacklist_recipients) is deprecated; use FEATURE(blocklist_recipients.m4).\n')dnl\n"
    words += "errprint(`*** WARNING: confAUTO_REBUILD is no longer valid.\n')dnl\n"
    end.write_text(before + words)
    text = "OSTYPE(`linux')dnl\nFEATURE(`no_default_msa')dnl\ndefine(`confAUTO_REBUILD')dnl\nMAILER(`local')dnl\n"
    found = check(tmp_path, library, text)
    end.write_text(before)
    hints = {d.hint for d in found if d.code == "M4006"}
    assert hints == {"write FEATURE(`blocklist_recipients')dnl", "remove the definition"}
    assert "SM010" not in [d.code for d in found]


def test_where_comments_end_is_what_m4_does(tmp_path: Path, library: Library) -> None:
    """The library is read by another name, or only in words: "#" begins a comment up to where it is read."""
    rest = "OSTYPE(`linux')dnl\nFEATURE(`no_default_msa')dnl\n# FEATURE(`access_db')\nMAILER(`local')\n"
    for start in ("dnl include(`cf.m4')\n", "# it`s\nsinclude(`/usr/share/sendmail/cf/m4/cf.m4')dnl\n"):
        found = check(tmp_path, library, start + rest)
        assert [(d.code, d.span and d.span.line) for d in found] == [("SM007", 4 + (start[0] == "#"))]


def test_values_that_are_quoted_twice(tmp_path: Path, library: Library) -> None:
    text = (
        "OSTYPE(``linux'')dnl\nFEATURE(``no_default_msa'')dnl\nFEATURE(``access_db'')dnl\n"
        "DAEMON_OPTIONS(``Port=25,Name=MTA'')dnl\nCLIENT_OPTIONS(``Family=inet, Addr=192.0.2.1'')\n"
        "INPUT_MAIL_FILTER(``f'', ``S=local:/x, F=T'')dnl\nEXPOSED_USER(``root'')\nMAILER(``local'')dnl\n"
    )
    assert [str(d) for d in check(tmp_path, library, text)] == []
    (old,) = check(tmp_path, library, text.replace("``access_db''", "``notsticky''"))
    assert (old.code, old.span and old.span.line) == ("SM013", 3)
    wrong = check(tmp_path, library, text.replace("Name=", "Bind="))
    assert [(d.code, d.span and d.span.line) for d in wrong] == [("SM014", 4)]


def test_lines_of_a_cf_behind_the_mailers(tmp_path: Path, library: Library) -> None:
    text = "OSTYPE(`linux')dnl\nFEATURE(`no_default_msa')dnl\nMAILER(`local')dnl\n"
    lines = "Cw a.example.org\nDDBostic.COM\nC{Mine}x y\n# words\nFw-o /etc/mail/x\nTdaemon\nKx arith\nSx\nRa\tb\n"
    assert [str(d) for d in check(tmp_path, library, text + lines)] == []
    prose = "This file is ours\nDo not edit\nFor your information\nDjmail.example.org\n"
    text = text.replace("MAILER", "define(`confDOMAIN_NAME', `x.example.org')dnl\nMAILER")
    assert [(d.code, d.span and d.span.line) for d in check(tmp_path, library, text + prose)] == [
        ("SM012", 5), ("SM012", 6), ("SM012", 7), ("SM012", 8),
    ]  # fmt: skip


def test_without_a_newline_at_the_end(tmp_path: Path, library: Library) -> None:
    """m4 1.4.19 warns ("end of file treated as newline"), and the .cf is the same."""
    text = "OSTYPE(`linux')dnl\nFEATURE(`no_default_msa')dnl\nMAILER(`local')"
    assert check(tmp_path, library, text) == []
    (found,) = check(tmp_path, library, text + "dnl")
    assert (found.code, found.severity.value, found.span and found.span.line) == ("M4001", "warning", 3)


def test_the_library_at_another_place(tmp_path: Path, library: Library) -> None:
    text = "OSTYPE(`linux')dnl\nFEATURE(`no_default_msa')dnl\nMAILER(`local')dnl\n"
    (found,) = check(tmp_path, library, "include(`/opt/none/m4/cf.m4')dnl\n")
    assert found.hint == f"there is no library of sendmail's macros; write include(`{library.folder}/m4/cf.m4')dnl"
    assert check(tmp_path, library, found.hint.partition("write ")[2] + "\n" + text) == []
    other = write_library(tmp_path / "other")
    Path(other.folder).chmod(0o777)  # others can write to it: it is not used unless it is named
    (tmp_path / "mail").mkdir()
    text = f"include(`{other.folder}/m4/cf.m4')dnl\n{text}"
    (found,) = (d for d in check(tmp_path / "mail", library, text) if d.code == "M4005")
    assert found.hint.endswith(f"--cf-library {other.folder}")
    assert check(tmp_path / "mail", other, text) == []


def test_names_below_a_relative_root(tmp_path: Path, library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every finding once, under the name that the user's root gives the file."""
    (tmp_path / "site/etc/mail").mkdir(parents=True)
    text = "OSTYPE(`linux')dnl\nFEATURE(`no_default_msa')dnl\n# FEATURE(`access_db')\nMAILER(`local')dnl\nFEATUR(`x')\n"
    (tmp_path / "site/etc/mail/sendmail.mc").write_text(text)
    monkeypatch.chdir(tmp_path)
    sink = Sink()
    check_mc("/etc/mail/sendmail.mc", library, sink, root=Root("site"))
    assert [d.place for d in sink.sorted()] == ["site/etc/mail/sendmail.mc:3:3: ", "site/etc/mail/sendmail.mc:5:1: "]


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
    with within(100):
        check(tmp_path, library, "OSTYPE(`linux')dnl\n" + HOSTILE[name])


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
