"""Work on many keys that is done in parts."""

from __future__ import annotations

from mailconf.maps.database.bdb_table import ManyAtOnce

SHARES = ((0.0, 0.3), (0.3, 0.52), (0.52, 1.0))


def shared(database: ManyAtOnce, keys: list[bytes], end: bytes) -> list[bytes | None]:
    """What the shares of the work give together, each of them a part of the answers."""
    answers: list[bytes | None] = [None] * len(keys)
    for share in SHARES:
        part = database.get_all(keys, end, share)
        assert len(part) == len(keys)
        for n, value in enumerate(part):
            if value is not None:
                assert answers[n] is None
                answers[n] = value
    return answers
