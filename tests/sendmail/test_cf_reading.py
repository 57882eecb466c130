"""What a .cf says: sendmail's answers to each case of tests/vectors/cf_cases.py, and what becomes of a whole file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mailconf.sendmail.cf.configuration import Cf
from mailconf.sendmail.cf.items import Mailer, Map
from mailconf.sendmail.cf.read import read_cf
from mailconf.source import Source
from tests.vectors.cf_cases import CASES, HEAD

VECTORS = Path(__file__).parents[1] / "vectors"
RECORDED = [json.loads(line) for line in (VECTORS / "cf_cases.jsonl").read_text().splitlines()[1:]]


def parsed(text: str) -> Cf:
    return read_cf(Source("x.cf", text))


def _map(map_: Map) -> list[object]:
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
    return [[o.name, o.sub, o.value] for o in cf.all(type(cf.settings("QueueDirectory")[0])) if o.name][2:]


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
