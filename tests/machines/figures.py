"""Keeps what the logs of tests/machines/run and tests/machines/deploy say: ``figures.py LOG...``.

    tests/machines/run trixie demo test live 2>&1 | tee LOG
    python3 tests/machines/figures.py LOG && .venv/bin/python docs/generate.py

The figures are in figures.json beside this script, those of a release and a target until the next log of the same;
docs/machines.md is made of them. What did not pass needs a reason, which is written by hand into reasons.json: the
release and the test's name, and the reason.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
FIGURES, REASONS = HERE / "figures.json", HERE / "reasons.json"

_MACHINE = re.compile(r"machines: Debian (\S+), Python (\S+), ")
_STEP = re.compile(r"machines: (\S+): make (\S+) (took|failed after) (\d+) s")
_SINGLE = re.compile(r"machines: \S+: make live of .+ (?:took|failed after) \d+ s")
_ENGINE = re.compile(r"engine: (\S+) (\S+)")
_SUMMARY = re.compile(r"=*\s*(?:\d+ [a-z]+, )*\d+ [a-z]+ in [\d.]+s(?: \([\d:]+\))?\s*=*")
_COUNT = re.compile(r"(\d+) (passed|failed|errors?|skipped)\b")
_PROBLEM = re.compile(r"(?:FAILED|ERROR) (.+?)(?: - .*)?")
_DEPLOYED = re.compile(r"deploy: (\w+): (.+): passed after (\d+) s")
_SEEN = re.compile(r"deploy: (?:probe|log|systemd-analyze security): (.+)")


def read_log(lines: list[str]) -> dict[str, dict[str, Any]]:
    """The figures of each step of a log, by release and target; raises ValueError where a step has no summary.

    A run of single files has none.
    """
    found: dict[str, dict[str, Any]] = {}
    machine = ("", "")
    engines: dict[str, str] = {}
    counts: dict[str, int] = {}
    problems: list[str] = []
    seen: list[str] = []
    for line in lines:
        if match := _MACHINE.match(line):
            machine = match[1], match[2]
        elif match := _ENGINE.fullmatch(line):
            engines[match[1]] = match[2]
        elif _SUMMARY.fullmatch(line):
            counts = {word: int(number) for number, word in _COUNT.findall(line)}
        elif match := _PROBLEM.fullmatch(line):
            problems.append(match[1])
        elif match := _SEEN.fullmatch(line):
            seen.append(re.sub(r"delay=.*?, dsn", "dsn", match[1]))
        elif match := _DEPLOYED.fullmatch(line):
            found[f"deploy {match[1]} {match[2].partition(',')[0]}"] = {
                "machine": match[2],
                "seen": seen,
                "seconds": int(match[3]),
            }
            seen = []
        elif _SINGLE.fullmatch(line):
            engines, counts, problems = {}, {}, []
        elif match := _STEP.fullmatch(line):
            release, target, end, seconds = match.groups()
            if target != "demo" and not counts:
                raise ValueError(f"{release}: make {target} has no line of pytest's with the counts")
            found[f"{release} {target}"] = {
                "debian": machine[0],
                "python": machine[1],
                "engines": engines,
                "well": end == "took",
                "passed": counts.get("passed", 0),
                "failed": counts.get("failed", 0) + counts.get("error", 0) + counts.get("errors", 0),
                "skipped": counts.get("skipped", 0),
                "seconds": int(seconds),
                "problems": sorted(problems),
            }
            engines, counts, problems = {}, {}, []
    return found


def main(logs: list[str]) -> None:
    figures = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
    for log in logs:
        figures |= read_log(Path(log).read_text(errors="replace").splitlines())
    FIGURES.write_text(json.dumps(dict(sorted(figures.items())), indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
