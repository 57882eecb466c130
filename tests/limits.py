"""Limits of processor time that hold on any machine: multiples of known work, which is timed beside what is bounded.

A slow machine, or one whose processors are shared, takes longer for both. A unit is about a tenth of a second of a
processor of 2026 that does nothing else.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager

STEPS = 270_000
ROUNDS = 3


def _work() -> int:
    """What an interpreter does all day: calls, strings, dictionaries, lists."""
    counts: dict[str, int] = {}
    words = []
    for number in range(STEPS):
        word = str(number * 7919 % 10_007)
        counts[word] = counts.get(word, 0) + 1
        if word.startswith("1"):
            words.append(word.upper())
    return len(counts) + len("".join(words))


def unit() -> float:
    """Processor seconds that one unit takes now."""
    began = time.process_time()
    for _ in range(ROUNDS):
        _work()
    return (time.process_time() - began) / ROUNDS


@contextmanager
def within(units: float) -> Iterator[None]:
    """What runs inside takes at most so many units of this process's time.

    A full garbage collection that happens to begin inside does not look at what other tests of the process have left.
    """
    gc.collect()
    gc.freeze()
    try:
        before = unit()
        began = time.process_time()
        yield
        used = time.process_time() - began
    finally:
        gc.unfreeze()
    slower = max(before, unit())
    assert used < units * slower, f"{used:.2f} s are more than {units} units of {slower:.3f} s"
