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
import tempfile
import time
from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
MAILCONF = [sys.executable, "-m", "mailconf"]
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
ENVIRONMENT["PYTHONPATH"] = str(TOP)
Row = tuple[str, float, float]


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


def table(folder: Path, rows: int) -> Path:
    """A table of ``rows`` addresses with values like those that people have."""
    path = folder / "table"
    with path.open("w") as file:
        for n in range(rows):
            file.write(f"user{n * 7919 % rows}@domain{n % 997}.example.com\tmailbox{n}@store{n % 13}.example.net\n")
    return path


def _built_anew(command: list[str | Path], spec: str, text: Path) -> float:
    """The least wall time of two builds of a map that is not there yet."""
    times = []
    for _ in range(2):
        for old in text.parent.glob(f"{text.name}.*"):
            old.unlink()
        times.append(timed(*command, spec))
    return min(times)


def maps(rows: int) -> Iterable[Row]:
    """Building and asking a map of each type, with /etc/postfix out of the way."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "main.cf").write_text("compatibility_level = 3.6\n")
        text = table(folder, rows)
        keys = folder / "keys"
        with text.open() as lines, keys.open("w") as file:
            for number, line in zip(range(200_000), lines, strict=False):
                file.write(line.split()[0] + ("x" if number % 4 == 0 else "") + "\n")
        for kind in ("hash", "btree", "cdb", "lmdb"):
            spec = f"{kind}:{text}"
            real: list[str | Path] = ["postmap", "-c", folder]
            ours = [*MAILCONF, *real]
            # LMDB takes another time over an old map, which grows with it.
            yield f"postmap {kind}: {rows} entries", *(_built_anew(command, spec, text) for command in (ours, real))
            yield (
                f"postmap -q - {kind}: 200000 keys",
                timed(*ours, "-q", "-", spec, stdin=keys, repeat=5),
                timed(*real, "-q", "-", spec, stdin=keys, repeat=5),
            )
            one = ("-q", "user7919@domain1.example.com", spec)
            yield f"postmap -q KEY {kind}:", timed(*ours, *one, repeat=5), timed(*real, *one, repeat=5)


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


BENCHES: dict[str, Callable[[int], Iterable[Row]]] = {"maps": maps, "postconf": postconf}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*")
    parser.add_argument("--rows", type=int, default=1_000_000)
    arguments = parser.parse_args()
    for module in sorted(Path(__file__).parent.glob("bench_*.py")):
        found = import_module(f"tests.{module.stem}")
        BENCHES[module.stem.removeprefix("bench_")] = found.rows
    subprocess.run([sys.executable, "-m", "compileall", "-q", TOP / "mailconf"], env=ENVIRONMENT, check=True)
    print(f"{'what':44} {'ours':>9} {'real':>9} {'ratio':>7}")
    for name in arguments.names or BENCHES:
        for what, ours, real in BENCHES[name](arguments.rows):
            print(f"{what:44} {ours:8.3f}s {real:8.3f}s {ours / real:7.2f}", flush=True)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    print(f"peak memory of any process: {peak / 1024:.0f} MB")


if __name__ == "__main__":
    main()
