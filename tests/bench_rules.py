"""sendmail's rules: pairs of check_rcpt and 3,0 in address test mode, and how long that mode takes to start.

Three sites of tests/live/cf_sites.py with our own sendmail.cf are asked by ours and by the real ``sendmail -bt``, whose
output goes to /dev/null. What counts is processor time without that of a session that asks nothing, and only pairs
that both answer alike. Needs root: it runs on a machine of its own, with a DNS of its own.
"""

from __future__ import annotations

import json
import os
import random
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.bench import ENVIRONMENT, MAILCONF, TOP, Row
from tests.live.map_tools import SENDMAIL_ROOT

REAL = SENDMAIL_ROOT.resolve() / "usr/libexec/sendmail/sendmail"
NAMES = ("plain", "everyday", "virtual")
PAIRS = 1000


def rows(_: int) -> Iterable[Row]:
    if os.geteuid() or not REAL.is_file():
        print("the rules are measured as root, beside the sendmail that make live unpacks", file=sys.stderr)
        return
    with subprocess.Popen(
        [sys.executable, "-m", __name__], cwd=TOP, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True
    ) as alone:
        assert alone.stdout is not None
        for line in alone.stdout:
            what, ours, real = json.loads(line)
            yield what, ours, real


def measured() -> Iterable[Row]:
    """The rows, in a process that may become a machine of its own."""
    from tests.live import cf_sites
    from tests.live.compare_cf import LIBRARIES, build, machine

    environment = {**ENVIRONMENT, "LD_LIBRARY_PATH": LIBRARIES}
    ours, real = [*MAILCONF, "sendmail"], [str(REAL)]
    with machine(), tempfile.TemporaryDirectory(dir=SENDMAIL_ROOT) as top:
        Path(top).chmod(0o755)
        for folder in cf_sites.make_all(Path(top), list(NAMES)):
            _, cf = build(folder)
            lines = questions(folder)
            answers = [pairs_of(said(program, cf, lines, environment)) for program in (ours, real)]
            alike = sum(one == other for one, other in zip(*answers, strict=True))
            start = [spent(program, cf, [], environment, 5) for program in (ours, real)]
            took = [spent(program, cf, lines, environment, 3) for program in (ours, real)]
            each = [(whole - begin) / max(alike, 1) for whole, begin in zip(took, start, strict=True)]
            yield f"sendmail -bt starts, {folder.name}", start[0], start[1]
            what = f"{folder.name}: {alike} of {PAIRS} pairs alike, {1 / each[0]:.0f} a second"
            yield what, each[0] * PAIRS, each[1] * PAIRS


def questions(folder: Path) -> list[str]:
    """Pairs of lines for addresses in every form that the comparison knows."""
    from tests.live.cf_questions import addresses

    known = [address for address in addresses(folder, 500, 1) if address.isprintable() and address.strip()]
    chosen = random.Random(1).choices(known, k=PAIRS)
    return [f"{ruleset} {address}" for address in chosen for ruleset in ("check_rcpt", "3,0")]


def said(program: Sequence[str], cf: Path, lines: Sequence[str], environment: dict[str, str]) -> list[str]:
    """What was printed after each prompt."""
    from tests.live.compare_cf import prompts

    done = subprocess.run(
        [*program, "-bt", "-C", cf], input=_input(lines), env=environment, capture_output=True, check=False
    )
    return prompts(done.stdout.decode("latin-1"))[1 : len(lines) + 1]


def pairs_of(answers: list[str]) -> list[tuple[str, str]]:
    return list(zip(answers[::2], answers[1::2], strict=True))


def spent(program: Sequence[str], cf: Path, lines: Sequence[str], environment: dict[str, str], repeat: int) -> float:
    """The least processor time of a session, in seconds; its output is thrown away."""
    best = float("inf")
    for _ in range(repeat):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        quiet = subprocess.DEVNULL
        words = [*program, "-bt", "-C", str(cf)]
        subprocess.run(words, input=_input(lines), stdout=quiet, stderr=quiet, env=environment, check=False)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        best = min(best, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return best


def _input(lines: Sequence[str]) -> bytes:
    return "".join(f"{line}\n" for line in [*lines, "/quit"]).encode("latin-1", "replace")


if __name__ == "__main__":
    for row in measured():
        print(json.dumps(row), flush=True)
