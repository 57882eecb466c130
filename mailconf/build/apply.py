"""The compiled maps take their places: each is written whole and renamed (`mailconf.maps.write`)."""

from __future__ import annotations

from collections.abc import Iterable

from mailconf.build.compile import Compiled
from mailconf.diagnostics import Sink, error
from mailconf.maps.write import write_map

BD003 = error("BD003", "a map cannot be written")


def apply(compiled: Iterable[Compiled], sink: Sink) -> None:
    """Write every map; one that cannot be written is reported, keeps its old content and does not stop the others."""
    for each in compiled:
        target = each.target
        try:
            write_map(target.type, target.target, each.entries.items(), source=each.status)
        except OSError as failure:
            sink.report(
                BD003,
                f"{target.target} cannot be written: {failure.strerror}",
                target.uses[0].span,
                hint="the old map, if there was one, is as it was",
            )
