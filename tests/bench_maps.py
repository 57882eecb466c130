"""Maps of a million addresses as people have them: built over an old map, and asked for many keys.

Three orders: sorted; users that are numbered, of any domain; a permutation. Each with two processors and with one.
Our postmap is that of a plain ``pip install .``. The runs of both tools are interleaved, and the median of each counts.
Both are asked for keys of the map that the real one built.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.bench import Cost, Row, cost, installed, medians, processors

ORDERS = ("sequential", "sorted", "permuted")
KINDS = ("hash", "btree", "cdb", "lmdb")
KEYS = 200_000  # asked for, a quarter of which is absent
BUILDS, QUERIES = 3, 7  # runs
PROCESSORS = (2, 1)


class Measured(NamedTuple):
    """What one thing costs: ``task``, a map of type ``kind``, of a text in this order, on so many processors."""

    task: str
    kind: str
    order: str
    processors: int
    ours: Cost
    real: Cost


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


def measured(
    mailconf: Path, number: int, builds: int = BUILDS, queries: int = QUERIES, kinds: tuple[str, ...] = KINDS
) -> Iterator[Measured]:
    """Builds and lookups in every order, with maps of so many rows, and in so many runs."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ours: list[str | Path] = [mailconf, "postmap"]
        (folder / "main.cf").write_text("compatibility_level = 3.6\n")
        for order in ORDERS:
            text, keys = folder / order, folder / "keys"
            lines = table(order, number)
            text.write_text("".join(lines))
            keys.write_text(asked(lines))
            del lines
            for kind in kinds:
                commands = [[*tool, "-c", folder, f"{kind}:{text}"] for tool in (ours, ["postmap"])]
                cost(commands[1], processors(1))  # the old map
                questions = [[*command[:-1], "-q", "-", command[-1]] for command in commands]
                for count in PROCESSORS:
                    some = processors(count)
                    yield Measured("build", kind, order, count, *medians(commands, some, builds))
                    yield Measured("-q -", kind, order, count, *medians(questions, some, queries, keys))
                for old in folder.glob(f"{order}.*"):
                    old.unlink()


def rows(number: int) -> Iterator[Row]:
    """What is measured, and the times of ours and the real tool."""
    with tempfile.TemporaryDirectory() as name:
        for each in measured(installed(Path(name)), number):
            label = f"{each.task} {each.kind}, {each.order}, {each.processors} processor{'s' * (each.processors > 1)}"
            yield f"{label}, wall", each.ours.wall, each.real.wall
            yield f"{label}, processor", each.ours.processor, each.real.processor
