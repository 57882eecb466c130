"""Every bench can be called as `tests.bench` calls it; what it measures is its own business."""

from __future__ import annotations

import inspect
from importlib import import_module
from pathlib import Path

import pytest

from tests.bench import BENCHES

MODULES = sorted(path.stem for path in Path(__file__).parent.glob("bench_*.py"))


@pytest.mark.parametrize("bench", [*BENCHES, *MODULES])
def test_a_bench_takes_the_number_of_rows(bench: str) -> None:
    rows = BENCHES.get(bench) or import_module(f"tests.{bench}").rows
    inspect.signature(rows).bind(1000)
