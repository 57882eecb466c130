"""What a .cf says: sendmail's answers to each case of tests/vectors/cf_cases.py, and what becomes of a whole file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailconf.sendmail.cf.configuration import Cf
from mailconf.sendmail.cf.items import CfMap, CfOption, Mailer
from mailconf.sendmail.cf.lines import CfLine, folded_lines
from mailconf.sendmail.cf.options import LETTERS, NAMELESS, NAMES, full_name
from mailconf.sendmail.cf.read import read_cf
from mailconf.sendmail.cf.write import text_of
from mailconf.source import Source, Span
from tests.vectors.cf_cases import CASES, HEAD
from tests.vectors.store import load

RECORDED = [(case["kind"], case["text"], case["names"], case["answer"]) for case in load("cf_cases").cases]


def parsed(text: str) -> Cf:
    return read_cf(Source("x.cf", text))


def _map(map_: CfMap) -> list[object]:
    appended = "".join(flag.value for flag in map_.flags if flag.letter == "a")
    return [map_.type, map_.file, map_.rest, appended, map_.has("o"), map_.has("N")]


def _mailer(mailer: Mailer) -> list[str]:
    sender, recipient = ("/".join(name or "0" for name in mailer.ruleset(letter)) for letter in "SR")
    return [mailer.name, mailer.get("P"), sender, recipient, "".join(sorted(mailer.flags)),
            " ".join(mailer.get("A").split())]  # fmt: skip


def _rules(cf: Cf, name: str) -> list[str]:
    found = cf.ruleset(name)
    sides = ((rule.lhs, rule.rhs) for rule in (found.rules if found else ()))
    return ["R" + "\t".join("".join(side.split()).replace("$$", "$") for side in both) for both in sides]


def _file(cf: Cf, name: str) -> list[object]:
    (file,) = (file for file in cf.class_files if file.name == name)
    return [file.source, file.format, file.is_map]


def _known(cf: Cf) -> list[list[str]]:
    return [[o.name, o.sub, o.value] for o in cf.all(CfOption) if o.name][2:]


OURS: dict[str, Callable[[Cf, list[str]], Any]] = {
    "macros": lambda cf, names: [cf.macros[name].value.replace("\n", "\\n") for name in names],
    "classes": lambda cf, names: [sorted({word.text.lower() for word in cf.members(name)}) for name in names],
    "maps": lambda cf, names: {name: _map(map_) for name, map_ in cf.maps.items()},
    "aliases": lambda cf, names: [[map_.type, map_.file] for map_ in cf.alias_files],
    "options": lambda cf, names: _known(cf),
    "mailers": lambda cf, names: [_mailer(mailer) for mailer in cf.mailers.values() if mailer.name != "prog"],
    "rulesets": lambda cf, names: [_rules(cf, name) for name in names],
    "headers": lambda cf, names: [[h.condition, f"{h.name}:{h.value}"] for h in cf.headers],
    "precedence": lambda cf, names: cf.precedences["foo"].number if "foo" in cf.precedences else 0,
    "files": lambda cf, names: _file(cf, names[0]),
    "environment": lambda cf, names: [cf.environment[name].value for name in names],
    "names": lambda cf, names: [[name, next((k for k, v in LETTERS.items() if v == name), "")] for name in names],
    "queues": lambda cf, names: sorted([g.name, g.get("R")] for g in cf.queue_groups.values() if "f" not in g.get("F")),
}


def _as_ours(kind: str, real: Any) -> Any:
    """Sendmail's answer without what the head brings along."""
    if kind == "mailers":
        return [[*each[:2], *(side.replace("parse", "0") for side in each[2:4]), "".join(sorted(each[4])), each[5]]
                for each in real]  # fmt: skip
    return [sorted({word.lower() for word in each}) for each in real] if kind == "classes" else real


@pytest.mark.parametrize("case", RECORDED, ids=lambda case: f"{case[0]}-{case[1][:30]}")
def test_a_cf_says_what_sendmail_reads(case: list[Any]) -> None:
    kind, text, names, real = case
    assert OURS[kind](parsed(HEAD + text), names) == _as_ours(kind, real)


def test_each_case_is_recorded() -> None:
    assert [tuple(case[:3]) for case in RECORDED] == [(kind, text, names) for kind, text, names in CASES]


def test_options_have_the_names_that_sendmail_has() -> None:
    recorded = next(case[3] for case in RECORDED if case[0] == "names")
    assert dict(recorded) == {name: next((k for k, v in LETTERS.items() if v == name), "") for name in NAMES}
    assert (full_name("loglevel"), full_name("Milt"), full_name("sslengine")) == ("LogLevel", "Milter", "SSLEngine")
    assert (full_name("Alias"), full_name("m"), full_name("nosuch"), full_name("")) == ("", "", "", "")
    assert not NAMELESS & LETTERS.keys()


def test_what_a_map_on_two_lines_says() -> None:
    """It was left out of a build without a word."""
    (map_,) = parsed("Kwatch hash\n\t-o /etc/mail/watch\n").maps.values()
    assert (map_.type, map_.file, map_.is_optional, map_.has_nul) == ("hash", "/etc/mail/watch", True, False)
    assert map_.file_span and (map_.file_span.first, map_.file_span.text) == ((2, 5), "/etc/mail/watch")
    assert [flag.span.first for flag in map_.flags] == [(2, 2)]


def test_places_of_parts() -> None:
    text = "V10\nSx\nR$* # no\n  a\t$1\t # yes\nO LogLevel = 9\nMx, P=/a, A=b\nCx one\n two\n"
    cf = parsed(text)
    (ruleset,) = cf.rulesets
    (rule,) = ruleset.rules
    assert (rule.lhs, rule.lhs_span.first, rule.lhs_span.last) == ("$*\n  a", (3, 2), (4, 4))
    assert (rule.rhs_span.first, rule.rhs_span.text, rule.comment) == ((4, 5), "$1", "")
    option = cf.option("loglevel")
    assert option and (option.value_span.first, option.value_span.text) == ((5, 14), "9")
    assert [equate.span.text for equate in cf.mailers["x"].equates] == ["P=/a", "A=b"]
    assert [(word.text, word.span.first) for word in cf.members("x")] == [("one", (7, 4)), ("two", (8, 2))]


def test_headers_that_check_add_none() -> None:
    cf = parsed("HSubject: $>+Check\nH*: $>Other\nHsubject: $> Again\nH?${auth}?X: y\nH??Z: z\n")
    assert {name: (h.ruleset, h.keeps_comments) for name, h in cf.header_checks.items()} == {
        "subject": ("Again", False),
        "*": ("Other", False),
    }
    assert [(h.name, h.macro, h.condition) for h in cf.headers] == [("X", "auth", "${auth}"), ("Z", "", "")]


def test_files_commands_and_maps_of_classes() -> None:
    files = list(parsed("Fw-o /a %[^#]\nF{x}|/bin/a b\nFyk@hash:/c d\nFz@LDAP\n").class_files)
    assert [(f.name, f.source, f.format, f.optional, f.is_file, f.is_command) for f in files] == [
        ("w", "/a", "%[^#]", True, True, False),
        ("x", "|/bin/a", "%s", False, False, True),
        ("y", "k@hash:/c d", "%s", False, False, False),
        ("z", "@LDAP", "%s", False, False, False),
    ]


def test_nothing_is_opened_or_run(tmp_path: Path) -> None:
    made = tmp_path / "made"
    cf = parsed(f"Fw|/bin/touch {made}\nKx program /bin/touch {made}\nFw{tmp_path}/none\nO AliasFile={tmp_path}/none\n")
    assert [list(cf.members("w")), len(cf.maps), len(cf.alias_files), list(cf.mistakes)] == [[], 1, 1, []]
    assert not made.exists()


def plain(value: object) -> object:
    """An item without its places."""
    if isinstance(value, (CfLine, Span)):
        return None
    return (type(value).__name__, *map(plain, value)) if isinstance(value, tuple) else value


def assert_written_again(text: str) -> None:
    cf = parsed(text)
    again = parsed(text_of(cf))
    assert [plain(item) for item in again.items] == [plain(item) for item in cf.items]


@pytest.mark.parametrize("text", [case[1] for case in RECORDED])
def test_what_is_written_reads_the_same(text: str) -> None:
    assert_written_again(HEAD + text)
    assert_written_again(text)


PIECES = st.sampled_from(
    [
        *(
            "D",
            "C",
            "F",
            "K",
            "O ",
            "O",
            "M",
            "Q",
            "X",
            "H",
            "S",
            "R",
            "P",
            "E",
            "V10",
            "V2",
            "T",
            "{x}",
            "{ab}",
            "x",
            "\n",
        ),
        *(" ", "\t", ",", "=", ":", "#", "\\", '"', "$", "$=", "?", "|", "@", "-o", "-k", "/a", "hash ", "A=b", "P=/x"),
        *("\n ", "\n\t", "\r\n", "\0", "LogLevel", "Timeout.", "9", "$>", "+", "é", "\udce4", "\x0b", "Received", "."),
        *("Mx, P=/x, A=b", "Sx\nR", "Kx hash ", "O AliasFile=", "Fw", "H?F?x: ", "Qa, "),
    ]
)


@given(st.lists(PIECES, max_size=40).map("".join))
@example("O \n =")
@example("O \n .x=1")
@example("O \t=1")
@example("O hash .")
def test_any_text_reads_and_is_written_again(text: str) -> None:
    assert_written_again("V10\n" + text)
    cf = parsed(text)
    lines = [line for line in folded_lines(cf.source) if line.text]
    assert [item.line for item in cf.items] == lines  # no line is lost
    for found in (cf.macros, cf.maps, cf.mailers, cf.rulesets, cf.headers, cf.alias_files, cf.user_databases):
        assert len(found) <= len(text)
    for name in cf.classes:
        assert len(list(cf.members(name))) <= len(text)


def test_a_map_declared_again_and_one_without_a_type() -> None:
    cf = parsed("Ka hash -o -T<X> /a x\nKa btree -T<X> -N\nKb -T<X>\nKc /etc/c\nKe ?\n")
    again = cf.maps["a"]
    assert (again.type, again.file, again.rest, [flag.text for flag in again.flags]) == (
        "btree",
        "/a",
        "x",
        ["-o", "-T<X>", "-N"],
    )
    assert [cf.maps[name].type for name in "bc"] == ["-T<X>", "/etc/c"]  # types that sendmail does not have
    assert [mistake.line.number for mistake in cf.mistakes] == [5]
