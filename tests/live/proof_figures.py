"""``make proof``: runs test files with all their cases, and keeps the counts that they print.

    .venv/bin/python -m tests.live.proof_figures [--log LOG] FILE...

runs each file below tests/live with MAILCONF_PROOF=1, or takes what such a run has printed from LOG. The counts are in
proof.json beside this script, those of a file until its next run; docs/generate.py makes docs/proof.md of them, and
runs in the end. Exit status: 0 where all tests passed.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

TOP = Path(__file__).resolve().parents[2]
FIGURES = Path(__file__).with_name("proof.json")

_SUITE = re.compile(r"(.+): (\d+) of (\d+) (?:lines|cases|answers) (?:agree|alike)")
_RANDOM = re.compile(r"(lines at random): (\d+), of which (\d+) agree")
_ELSEWHERE = re.compile(r"recipients asked, all but (\d+) .*?: (\{.*\})")
_MISSING = re.compile(r"(\S+(?: \S+)?): (\d+) lines; missing in ours: (.+)")
_SUMMARY = re.compile(r"=*\s*(?:\d+ [a-z]+, )*\d+ [a-z]+ in ([\d.]+)s(?: \([\d:]+\))?\s*=*")
_COUNT = re.compile(r"(\d+) (passed|failed|errors?|skipped)\b")
_PROBLEM = re.compile(r"(?:FAILED|ERROR) \S+?::(.+?)(?: - .*)?")


def figures(lines: Iterable[str]) -> dict[str, Any]:
    """What a run of a test file has printed. ValueError where it has no last line: the run was cut off.

    suites   by name the answers that agree and all that were asked; missing  the lines of a suite whose part is missing
    in ours, and that part
    """
    found: dict[str, Any] = {"suites": {}, "missing": {}, "passed": 0, "failed": 0, "skipped": 0, "problems": []}
    for line in (line.strip() for line in lines):
        if match := _SUITE.fullmatch(line.lstrip(".")):
            found["suites"][match[1]] = [int(match[2]), int(match[3])]
        elif match := _RANDOM.fullmatch(line):
            found["suites"][match[1]] = [int(match[3]), int(match[2])]
        elif match := _ELSEWHERE.fullmatch(line):
            found["suites"].update(_elsewhere(int(match[1]), ast.literal_eval(match[2])))
        elif match := _MISSING.fullmatch(line):
            found["missing"][match[1]] = [int(match[2]), match[3]]
        elif match := _PROBLEM.fullmatch(line):
            found["problems"].append(match[1])
        elif match := _SUMMARY.fullmatch(line):
            found["seconds"] = round(float(match[1]))
            for count, word in _COUNT.findall(line):
                found["failed" if word.startswith("error") else word] += int(count)
    if "seconds" not in found:
        raise ValueError("the log does not have pytest's last line")
    return found


def _elsewhere(wrong: int, asked: dict[str, int]) -> Iterator[tuple[str, list[int]]]:
    """The counts of tests.live.smtpd_elsewhere. Which of them the differing ones belong to is not printed."""
    told = {"serve": "through serve", "explain": "through explain", "policy": "by the Policy", "warnings": "warnings"}
    total = sum(asked.get(how, 0) for how in told)
    if wrong:
        yield "recipients through serve, explain and the Policy", [total - wrong, total]
        return
    for how, name in told.items():
        if how in asked:
            what = "warnings in serve's log" if how == "warnings" else f"recipients {name}"
            yield what, [asked[how], asked[how]]


def run(file: str) -> list[str]:
    """What the tests of a file print, which is shown as it comes."""
    command = [sys.executable, "-m", "pytest", f"tests/live/{file}", "-m", "live"]
    command += ["-o", "addopts=-q -s --strict-markers"]
    environment = {**os.environ, "MAILCONF_PROOF": "1"}
    lines = []
    with subprocess.Popen(command, cwd=TOP, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            lines.append(line)
    return lines


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--log", type=Path)
    parser.add_argument("files", nargs="+", metavar="FILE")
    asked = parser.parse_args(arguments)
    kept = json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.exists() else {}
    failed = 0
    for file in asked.files:
        found = figures(asked.log.read_text(encoding="utf-8").splitlines() if asked.log else run(file))
        failed += found["failed"]
        kept[file] = found
        FIGURES.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    subprocess.run([sys.executable, TOP / "docs/generate.py"], check=True)
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
