"""The page proof.md, made of what tests/live/proof_figures.py keeps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FILE = Path(__file__).resolve().parent.parent / "tests/live/proof.json"
ABOUT = """\
`make proof` puts the scripts of Postfix's own suites, and lines that a generator makes, to Postfix's test programs and
to mailconf, and counts the answers that agree. The figures of a test file are those of its last run
(`tests/live/proof_figures.py` takes them from what the tests print).
"""


def page(note: str, figures: dict[str, Any]) -> str:
    lines = ["# Proof", "", note, ABOUT]
    for file, found in sorted(figures.items()):
        counts = ", ".join(f"{found[word]} {word}" for word in ("passed", "failed", "skipped"))
        lines += [f"## {file}", "", f"{counts}, in {found['seconds']} seconds.", ""]
        lines += [f"- Failed: `{problem}`" for problem in found["problems"]] + [""] * bool(found["problems"])
        if found["suites"]:
            lines += ["| suite | asked | agree |", "|---|---|---|"]
            lines += [f"| {name} | {asked:,} | {same:,} |" for name, (same, asked) in sorted(found["suites"].items())]
            same, asked = (sum(column) for column in zip(*found["suites"].values(), strict=True))
            lines += [f"| all | {asked:,} | {same:,} |", ""]
        if found["missing"]:
            lines += ["| suite | lines | missing in ours |", "|---|---|---|"]
            lines += [f"| {name} | {many} | {part} |" for name, (many, part) in sorted(found["missing"].items())]
            lines.append("")
    return "\n".join(lines)


def proof(note: str) -> str:
    return page(note, json.loads(FILE.read_text(encoding="utf-8")))
