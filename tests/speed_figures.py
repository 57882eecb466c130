"""``make speed``: the figures of docs/speed.md, measured, printed and written there.

``python -m tests.speed_figures [--quick] [--only maps|check]`` installs mailconf with a plain ``pip install .`` in a
virtual environment of its own and compares it with the real tools (tests/bench_maps.py) and with its bounds
(tests/bench_check.py). Each row is printed as soon as it is known. ``--quick`` runs everything less often, and changes
the page only with ``--write``.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests import bench_check, bench_maps
from tests.bench import TOP, Cost, installed
from tests.bench_maps import KEYS, KINDS, ORDERS, PROCESSORS, Measured

PAGE = TOP / "docs/speed.md"
AIMS = {"hash": 0.5}  # of builds; else, and of lookups, 1.0
MAPS, CHECK = "maps", "check"
BEGIN, END = "<!-- {}: written by make speed -->\n", "<!-- end of {} -->\n"
QUICK = {"builds": 1, "queries": 3}


def ratio(each: Measured, what: str) -> float:
    """Ours to the real tool's: ``what`` of a `Cost`."""
    ours: float = getattr(each.ours, what)
    return ours / float(getattr(each.real, what))


def line(each: Measured) -> str:
    """One row, for whoever waits."""
    label = f"{each.task} {each.kind}, {each.order}, {each.processors} processor{'s' * (each.processors > 1)}"
    parts = [
        f"{what} {getattr(each.ours, what):6.3f} / {getattr(each.real, what):6.3f} s = {ratio(each, what):5.2f}"
        for what in Cost._fields
    ]
    return f"{label:38} {'   '.join(parts)}"


def maps_table(found: list[Measured]) -> str:
    """The ratios, the orders beside each other."""
    lines = [
        "| what | aim | two processors: wall | processor time | one: wall | processor time |",
        "|---|---|---|---|---|---|",
    ]
    for task in ("build", "-q -"):
        for kind in KINDS:
            cells = []
            for count in PROCESSORS:
                some = {
                    each.order: each for each in found if (each.task, each.kind, each.processors) == (task, kind, count)
                }
                cells += [" / ".join(f"{ratio(some[order], what):.2f}" for order in ORDERS) for what in Cost._fields]
            name = f"`{task}` {kind}" if task == "-q -" else f"{task} {kind}"
            aim = AIMS.get(kind, 1.0) if task == "build" else 1.0
            lines.append(f"| {name} | {aim} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def check_table(found: list[tuple[str, float, float]]) -> str:
    """Processor times and what they are measured against."""
    lines = ["| what | measured | bound, or postmap's time | ratio |", "|---|---|---|---|"]
    lines += [
        f"| {what} | {1000 * ours:.0f} ms | {1000 * limit:.0f} ms | {ours / limit:.2f} |" for what, ours, limit in found
    ]
    return "\n".join(lines) + "\n"


def circumstances(rows: int, runs: str, began: float, load: float) -> str:
    """Where and how it was measured."""
    postfix = subprocess.run(["postconf", "-h", "mail_version"], capture_output=True, text=True, check=False).stdout
    minutes = (time.monotonic() - began) / 60
    return (
        f"\n{rows:,} rows, {runs}; Python {platform.python_version()}, Postfix {postfix.strip() or 'unknown'}, "
        f"{len(os.sched_getaffinity(0))} processors, load {load:.1f} before and {os.getloadavg()[0]:.1f} after; "
        f"{minutes:.0f} minutes.\n"
    )


def written(page: str, part: str, text: str) -> str:
    """The page with other figures in a part of it. ValueError where it has no such part."""
    begin, end = BEGIN.format(part), END.format(part)
    before, _, rest = page.partition(begin)
    _, found, after = rest.partition(end)
    if not found:
        raise ValueError(f"no part {part} in the page")
    return f"{before}{begin}{text}{end}{after}"


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the figures of docs/speed.md.")
    parser.add_argument("--quick", action="store_true", help="run everything less often, and only print")
    parser.add_argument("--write", action="store_true", help="write the figures of --quick, too")
    parser.add_argument("--only", choices=(MAPS, CHECK))
    parser.add_argument("--rows", type=int, default=1_000_000)
    arguments = parser.parse_args()
    runs = QUICK if arguments.quick else {"builds": bench_maps.BUILDS, "queries": bench_maps.QUERIES}
    page = PAGE.read_text()
    with tempfile.TemporaryDirectory() as name:
        mailconf = installed(Path(name))
        if arguments.only != CHECK:
            began, load = time.monotonic(), os.getloadavg()[0]
            found = []
            for each in bench_maps.measured(mailconf, arguments.rows, **runs):
                found.append(each)
                print(line(each), flush=True)
            how = f"{KEYS:,} keys; medians of {runs['builds']} builds and {runs['queries']} lookups"
            text = maps_table(found) + circumstances(arguments.rows, how, began, load)
            page = written(page, MAPS, text)
            print(f"\n{text}", flush=True)
        if arguments.only != MAPS:
            began, load = time.monotonic(), os.getloadavg()[0]
            checks = 5 if arguments.quick else bench_check.RUNS
            rows = list(bench_check.measured(mailconf, arguments.rows, checks, runs["builds"]))
            how = f"medians of {checks} checks and {runs['builds']} builds, one processor"
            text = check_table(rows) + circumstances(arguments.rows, how, began, load)
            page = written(page, CHECK, text)
            print(text, flush=True)
    if arguments.write or not arguments.quick:
        PAGE.write_text(page)
        print(f"written to {PAGE}", file=sys.stderr)


if __name__ == "__main__":
    main()
