"""Maps of a million addresses as people have them: built over an old map, and asked for many keys.

Three orders: sorted; users that are numbered, of any domain; a permutation. Each with all processors and with one.
Our postmap is that of a plain ``pip install .``, without extras, in a virtual environment made for this; the runs of
both are interleaved, and the least time of each counts: wall time with two processors, which share the work, and
processor time with one, which other work on the machine hardly changes. Both are asked for keys of the map that the
real one built.
"""

from __future__ import annotations

import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench import ENVIRONMENT, TOP, Row

ORDERS = ("sequential", "sorted", "permuted")
KINDS = ("hash", "btree", "cdb", "lmdb")
KEYS = 200_000  # asked for, a quarter of which is absent
BUILDS, QUERIES = 3, 7  # runs, of which the quickest counts


def table(order: str, rows: int) -> list[str]:
    """The lines of a table."""
    if order == "permuted":
        return [
            f"user{n * 7919 % rows}@domain{n % 997}.example.com\tmailbox{n}@store{n % 13}.example.net\n"
            for n in range(rows)
        ]
    dice = random.Random(7)
    lines = [
        f"user{n}@domain{dice.randrange(997)}.example.com\tmailbox{n}@store{n % 13}.example.net\n" for n in range(rows)
    ]
    return sorted(lines) if order == "sorted" else lines


def asked(lines: list[str]) -> str:
    """The first keys of a table, every fourth with a letter that makes it absent."""
    keys = (line.split("\t", 1)[0] for line in lines[:KEYS])
    return "".join(f"{key}{'' if number % 4 else 'x'}\n" for number, key in enumerate(keys))


def installed(folder: Path) -> Path:
    """The mailconf of a plain installation below ``folder``."""
    environment = {name: value for name, value in ENVIRONMENT.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], env=environment, check=True)
    install = [folder / "venv/bin/python", "-m", "pip", "install", "-q", "--disable-pip-version-check", TOP]
    subprocess.run(install, env=environment, stderr=subprocess.DEVNULL, check=True)
    return folder / "venv/bin/mailconf"


def seconds(command: list[str | Path], stdin: Path | None, processors: set[int]) -> float:
    """What one run takes that may use these processors: wall time, with one processor processor time.

    A run that fails is an error.
    """
    environment = {name: value for name, value in ENVIRONMENT.items() if name != "PYTHONPATH"}
    with open(stdin or os.devnull, "rb") as source:  # noqa: PTH123
        mine = os.sched_getaffinity(0)
        os.sched_setaffinity(0, processors)  # what is started has the same
        try:
            start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run(command, stdin=source, stdout=subprocess.DEVNULL, env=environment, cwd="/", check=True)
            if len(processors) > 1:
                return time.perf_counter() - start
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        finally:
            os.sched_setaffinity(0, mine)


def quickest(commands: list[list[str | Path]], stdin: Path | None, processors: set[int], runs: int) -> list[float]:
    """The least of what each of the ``commands`` takes, which run in turns."""
    times = [[seconds(command, stdin, processors) for command in commands] for _ in range(runs)]
    return [min(some) for some in zip(*times, strict=True)]


def rows(number: int) -> Iterator[Row]:
    """What is measured, and the times of ours and the real tool."""
    everything = sorted(os.sched_getaffinity(0))
    choices = [set(everything[:2])] if len(everything) > 1 else []
    choices.append({everything[0]})
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ours: list[str | Path] = [installed(folder), "postmap"]
        (folder / "main.cf").write_text("compatibility_level = 3.6\n")
        for order in ORDERS:
            text, keys = folder / order, folder / "keys"
            lines = table(order, number)
            text.write_text("".join(lines))
            keys.write_text(asked(lines))
            del lines
            for kind in KINDS:
                commands = [[*tool, "-c", folder, f"{kind}:{text}"] for tool in (ours, ["postmap"])]
                seconds(commands[1], None, choices[0])  # the old map
                queries = [[*command[:-1], "-q", "-", command[-1]] for command in commands]
                for some in choices:
                    label = f"{kind}, {order}, {len(some)} processor{'s' if len(some) > 1 else ''}"
                    yield f"build {label}", *quickest(commands, None, some, BUILDS)
                    yield f"-q - {label}", *quickest(queries, keys, some, QUERIES)
                for old in folder.glob(f"{order}.*"):
                    old.unlink()
