"""The rulesets of templates/sendmail are ours: none of their rules is one of the library of m4 macros.

Rules that only hand a workspace on, such as ``R$*`` with ``$: $>canonify $1``, cannot be written otherwise. So a rule
counts by what it says in words: names, constants, macros and classes, as opposed to operators, ``$1`` and brackets.
Two or more of them in the same rule, blanks and letter case apart, and the rule is the library's.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.live import cf_sites
from tests.live.compare_cf import build

pytestmark = pytest.mark.live

_TOP = Path(__file__).parents[2]
_LIBRARY = _TOP / ".live/sendmail/usr/share/sendmail/cf"
_PLAIN = re.compile(r"\$[*+\-@:#|>\d]|\$[\[\]()]|[<>@.|]|\s")
_WORD = re.compile(r"\$[=~&]?\{\w+\}|\$[=~&]?\w|\w+|[^\w\s]")


def _rules(text: str) -> dict[str, str]:
    """The rules of a text: both sides without blanks and in lower case, with the line as it is."""
    found = {}
    for line in text.splitlines():
        sides = [side for side in line.split("\t") if side.strip()][:2]
        if line.startswith("R") and len(sides) == 2:
            found["\t".join("".join(side.split()).lower() for side in sides)] = line
    return found


def _words(rule: str) -> int:
    return len(_WORD.findall(_PLAIN.sub(" ", rule[1:])))


def test_no_rule_of_ours_is_the_librarys() -> None:
    library = {rule for path in _LIBRARY.rglob("*.m4") for rule in _rules(path.read_text("latin-1"))}
    assert len(library) > 500
    ours = {
        rule: f"{path.name}: {line}"
        for path in sorted((_TOP / "templates/sendmail").glob("*.j2"))
        for rule, line in _rules(path.read_text("latin-1")).items()
    }
    same = [line for rule, line in ours.items() if rule in library and _words(rule) >= 2]
    handed_on = len(ours.keys() & library) - len(same)
    print(f"{len(ours)} rules; as in the library: {len(same)}, of one word or none: {handed_on}")
    assert same == []


def test_no_rule_of_a_cf_of_ours_is_one_of_the_librarys_cf(tmp_path: Path) -> None:
    """The same of the files that are built: there the values of the .mc are in the rules."""
    same: dict[str, str] = {}
    rules: set[str] = set()
    for folder in cf_sites.make_all(tmp_path, [], 20):
        library, ours = (_rules(path.read_text("latin-1")) for path in build(folder.resolve()))
        sections = _rules((folder / "sendmail.mc").read_text("latin-1"))
        rules |= ours.keys()
        same |= {rule: line for rule, line in ours.items() if rule in library and rule not in sections}
    said = [line for rule, line in same.items() if _words(rule) >= 2]
    print(f"{len(rules)} rules; as in the library's .cf: {len(said)}, of one word or none: {len(same) - len(said)}")
    assert len(rules) > 500
    assert said == []
