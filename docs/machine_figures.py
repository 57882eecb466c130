"""The page machines.md, made of what tests/machines/figures.py keeps."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent.parent / "tests/machines"
ABOUT = """\
Each row is a step in a minimal Debian of its own, which `tests/machines/run RELEASE demo test live` makes by
debootstrap: no mail server, no locale, root's empty home. `make live` installs the engines there, those of the
release; what ours prints and which limits it has follow the installed version. tests/machines/figures.py takes the
figures from the logs.
"""
ABOUT_DEPLOYMENT = """\
What `tests/machines/deploy` saw when it did what [deploy.md](deploy.md) says: who serve runs as, and what became of two
messages, one for a mailbox of that user and one for a mailbox of another user.
"""


def page(note: str, figures: dict[str, Any], reasons: dict[str, dict[str, str]]) -> str:
    """Raises KeyError for what did not pass, or was skipped, and has no reason."""
    steps = {tuple(name.split()): step for name, step in figures.items() if not name.startswith("deploy ")}
    deployed = [(name.split()[1], found) for name, found in figures.items() if name.startswith("deploy ")]
    tested = {release: step["engines"] for (release, _), step in steps.items() if step["engines"]}
    lines = ["# Machines", "", note, ABOUT]
    lines += ["| Debian | Python | make | passed | failed | skipped | minutes |", "|---|---|---|---|---|---|---|"]
    lines += [_row(target, step) for (_, target), step in steps.items()]
    lines += ["", "## Engines", "", f"| package | {' | '.join(tested)} |", "|---|" + "---|" * len(tested)]
    for package in sorted({name for engines in tested.values() for name in engines}):
        lines.append(f"| {package} | {' | '.join(engines.get(package, '') for engines in tested.values())} |")
    lines += ["", "## What does not pass", ""]
    problems = Counter(
        (release, problem.partition("[")[0]) for (release, _), step in steps.items() for problem in step["problems"]
    )
    lines += [f"- {r}, `{name}` ({count}): {reasons[r][name]}" for (r, name), count in problems.items()] or ["Nothing."]
    skipped = [(release, target) for (release, target), step in steps.items() if step["skipped"]]
    lines += ["", *(f"Skipped in {r}, make {t}: {reasons[r][f'{t} skipped']}" for r, t in skipped)]
    lines += ["", "## With few rights", "", ABOUT_DEPLOYMENT]
    for what, found in deployed:
        lines += [
            f"{what}, {found['machine']}, in {found['seconds']} s:",
            "",
            *(f"    {text}" for text in found["seen"]),
            "",
        ]
    return "\n".join(lines)


def machines(note: str) -> str:
    read = [json.loads((FOLDER / name).read_text()) for name in ("figures.json", "reasons.json")]
    return page(note, *read)


def _row(target: str, step: dict[str, Any]) -> str:
    counts = [str(step[key]) for key in ("passed", "failed", "skipped")]
    if target == "demo":
        counts = ["it ends well" if step["well"] else "it fails", "", ""]
    cells = [step["debian"], step["python"], target, *counts, f"{step['seconds'] / 60:.1f}"]
    return f"| {' | '.join(cells)} |"
