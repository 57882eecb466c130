"""How a run of m4 ends early."""

from __future__ import annotations

from mailconf.m4.places import MacroPlace


class Stop(Exception):
    """m4 ends here with ``status``."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Fatal(Exception):
    """An error that ends the run; ``place`` is None where no place is known."""

    def __init__(self, message: str, place: MacroPlace | None, prefix: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.place = place
        self.prefix = prefix


class Exhausted(Fatal):
    """The budget is spent. ``what``: "steps", "depth" or "size"."""

    def __init__(self, what: str, message: str, place: MacroPlace | None) -> None:
        super().__init__(message, place)
        self.what = what
