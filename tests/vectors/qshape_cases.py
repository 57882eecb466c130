"""Queues and options that qshape is asked about: record_qshape.py puts them to the original, a test to ours."""

from __future__ import annotations

import random
from typing import Any

Message = tuple[float, str, list[str]]  # age in minutes, sender, recipients

FEW: list[Message] = [
    (1, "a@from.test", ["x@one.test", "y@one.test"]),
    (7.5, "", ["x@two.test"]),
    (12.5, "b@from.test", ["X@ONE.test", "x@a.b.one.test.", "local"]),
    (25, "MAILER-DAEMON", ['"a@b"@.dots..in.test']),
    (3000, "c@other.test", ["x@an.extremely.long.name.of.a.domain.that.does.not.fit.test"]),
    (90, "d@from.test", ["x@[192.0.2.1]", "x@a.de", "x@b.de"]),
]
BELOW: list[Message] = [
    (n * 3 + 0.5, f"s@n{n}.from.test", [f"x@n{n}.sub.example.com", f"y@m{n % 3}.example.com", "z@example.com"])
    for n in range(12)
]
CALLS: list[list[str]] = [
    [], ["-s"], ["-p"], ["-p", "-m", "2"], ["-p", "-m2", "-s"], ["-l"], ["-lt", "10"], ["-t", "1"], ["-b", "3"],
    ["-b", "1"], ["-b", "2", "-l"], ["-b", "20"], ["-w", "100"], ["-w", "60"], ["-b", "18", "-w", "90"],
    ["-t", "1000"], ["-n", "2"], ["-N", "1", "-n", "1"], ["-spl", "-b", "5", "-m", "1"], ["-b", "0"], ["-t", "-5"],
    ["-b", "x"], ["-m", "0", "-p"],
]  # fmt: skip
MISUSES: list[list[str]] = [["-h"], ["-x"], ["-sx"], ["-s", "-h", "-x"], ["-hx"]]


def many(seed: int) -> list[Message]:
    """Random messages, none at the edge between two ages."""
    dice = random.Random(seed)
    names = [f"d{n}.{'sub.' * (n % 3)}{dice.choice(('a', 'bb', 'ccc'))}.test" for n in range(40)]
    found: list[Message] = []
    for _ in range(150):
        age = dice.randint(0, 5000) + 0.5
        found.append(
            (age, f"s@{dice.choice(names)}", [f"r{n}@{dice.choice(names)}" for n in range(dice.randint(1, 4))])
        )
    return found


QUEUES = {"none": [], "few": FEW, "below": BELOW, "many 1": many(1), "many 2": many(2)}


def cases() -> list[dict[str, Any]]:
    found = [{"queue": name, "options": options} for name in QUEUES for options in CALLS]
    return [*found, *({"queue": "none", "options": options} for options in MISUSES)]
