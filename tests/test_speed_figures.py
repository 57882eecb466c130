"""The figures of docs/speed.md: how they are laid out, and that the page has a place for them."""

from __future__ import annotations

import pytest

from tests.bench import Cost
from tests.bench_maps import KINDS, ORDERS, PROCESSORS, Measured
from tests.speed_figures import CHECK, MAPS, PAGE, check_table, maps_table, written

FOUND = [
    Measured(task, kind, order, count, Cost(place + 1, count), Cost(10, 4))
    for task in ("build", "-q -")
    for kind in KINDS
    for place, order in enumerate(ORDERS)
    for count in PROCESSORS
]


def test_the_table_has_all_types_and_orders_and_the_ratios_of_ours_to_the_real_ones() -> None:
    rows = maps_table(FOUND).splitlines()
    wall = "0.10 / 0.20 / 0.30"
    assert rows[2] == f"| build hash | 0.5 | {wall} | 0.50 / 0.50 / 0.50 | {wall} | 0.25 / 0.25 / 0.25 |"
    assert rows[-1] == f"| `-q -` lmdb | 1.0 | {wall} | 0.50 / 0.50 / 0.50 | {wall} | 0.25 / 0.25 / 0.25 |"
    assert len(rows) == 2 + 2 * len(KINDS)


def test_a_check_stands_beside_its_bound() -> None:
    assert check_table([("check", 0.12, 0.15)]).splitlines()[-1] == "| check | 120 ms | 150 ms | 0.80 |"


def test_only_the_part_that_was_measured_changes() -> None:
    page = PAGE.read_text()
    new = written(page, MAPS, "figures\n")
    assert "written by make speed -->\nfigures\n<!-- end of maps" in new
    assert written(new, MAPS, "") == written(page, MAPS, "")
    assert new.partition(f"<!-- {CHECK}")[2] == page.partition(f"<!-- {CHECK}")[2]


def test_a_page_without_a_place_for_them_is_not_written() -> None:
    with pytest.raises(ValueError, match="no part maps"):
        written("# Speed\n", MAPS, "figures\n")
