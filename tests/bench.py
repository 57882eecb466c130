"""``make bench``: our tools and the real ones on the same input in one run; what counts is the ratio.

``python -m tests.bench [--rows N] [NAME ...]`` runs the benches whose names are given, or all of them. A bench is a
function that gives rows of (what, our seconds, the real tool's seconds); tests/bench_*.py have more of them.

Our programs are measured as they run where they are installed, with their modules compiled: PYTHONDONTWRITEBYTECODE,
which would have them compiled at each start, is not passed on, and `main` compiles them beforehand.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from pathlib import Path
from statistics import median
from typing import NamedTuple

TOP = Path(__file__).resolve().parent.parent
MAILCONF = [sys.executable, "-m", "mailconf"]
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
ENVIRONMENT["PYTHONPATH"] = str(TOP)
Row = tuple[str, float, float]


class Cost(NamedTuple):
    """What a run takes, in seconds: on the clock, and of processors, by it and by the processes that it starts."""

    wall: float
    processor: float


def cost(
    command: Sequence[str | Path], processors: set[int], stdin: Path | None = None, *, may_fail: bool = False
) -> Cost:
    """One run of a command that may use these processors; what it prints is thrown away."""
    environment = {name: value for name, value in ENVIRONMENT.items() if name != "PYTHONPATH"}
    quiet = subprocess.DEVNULL
    with open(stdin or os.devnull, "rb") as source:  # noqa: PTH123
        mine = os.sched_getaffinity(0)
        os.sched_setaffinity(0, processors)  # what is started has the same
        try:
            start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run(
                command,
                stdin=source,
                stdout=quiet,
                stderr=quiet if may_fail else None,
                env=environment,
                cwd="/",
                check=not may_fail,
            )
            wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
        finally:
            os.sched_setaffinity(0, mine)
    return Cost(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def medians(
    commands: Sequence[Sequence[str | Path]],
    processors: set[int],
    runs: int,
    stdin: Path | None = None,
    *,
    may_fail: bool = False,
) -> list[Cost]:
    """The medians of what each of the ``commands`` takes, which run in turns."""
    turns = [[cost(command, processors, stdin, may_fail=may_fail) for command in commands] for _ in range(runs)]
    return [Cost(*map(median, zip(*costs, strict=True))) for costs in zip(*turns, strict=True)]


def processors(number: int) -> set[int]:
    """So many of those that we may use, the last ones: interrupts are often the first one's work."""
    return set(sorted(os.sched_getaffinity(0))[-number:])


def installed(folder: Path) -> Path:
    """The mailconf of a plain ``pip install .``, without extras, in a virtual environment below ``folder``."""
    environment = {name: value for name, value in ENVIRONMENT.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], env=environment, check=True)
    install = [folder / "venv/bin/python", "-m", "pip", "install", "-q", "--disable-pip-version-check", TOP]
    subprocess.run(install, env=environment, stderr=subprocess.DEVNULL, check=True)
    return folder / "venv/bin/mailconf"


def timed(*command: str | Path, stdin: Path | None = None, repeat: int = 1) -> float:
    """The least wall time of ``repeat`` runs, in seconds; what it prints is thrown away."""
    best = float("inf")
    for _ in range(repeat):
        with open(stdin or os.devnull, "rb") as source:  # noqa: PTH123
            start = time.perf_counter()
            subprocess.run(
                [str(word) for word in command],
                stdin=source,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=ENVIRONMENT,
                check=False,
            )
            best = min(best, time.perf_counter() - start)
    return best


def postconf(rows: int) -> Iterable[Row]:
    """What a person types all day."""
    site = TOP / "examples/postfix/etc/postfix"
    for options in (["-n"], ["-d"], ["-h", "myhostname"]):
        words = ["-c", str(site), *options]
        yield (
            f"postconf {' '.join(options)}",
            timed(*MAILCONF, "postconf", *words, repeat=10),
            timed("postconf", *words, repeat=10),
        )
    yield (
        "python3 -c pass (the floor)",
        timed(sys.executable, "-c", "pass", repeat=10),
        timed(sys.executable, "-S", "-c", "pass", repeat=10),
    )


BENCHES: dict[str, Callable[[int], Iterable[Row]]] = {"postconf": postconf}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*")
    parser.add_argument("--rows", type=int, default=1_000_000)
    arguments = parser.parse_args()
    for module in sorted(Path(__file__).parent.glob("bench_*.py")):
        found = import_module(f"tests.{module.stem}")
        BENCHES[module.stem.removeprefix("bench_")] = found.rows
    subprocess.run([sys.executable, "-m", "compileall", "-q", TOP / "mailconf"], env=ENVIRONMENT, check=True)
    print(f"{'what':46} {'ours':>9} {'real':>9} {'ratio':>7}")
    for name in arguments.names or BENCHES:
        for what, ours, real in BENCHES[name](arguments.rows):
            print(f"{what:46} {ours:8.3f}s {real:8.3f}s {ours / real:7.2f}", flush=True)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    print(f"peak memory of any process: {peak / 1024:.0f} MB")


if __name__ == "__main__":
    main()
