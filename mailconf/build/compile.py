"""Sources into the entries of maps; every mistake is reported and nothing is written."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass

from mailconf.build.plan import Target
from mailconf.build.state import Stat, settled
from mailconf.diagnostics import Sink, error
from mailconf.source import Source, decode, encode
from mailconf.tables.check import Known
from mailconf.tables.postmap import fold
from mailconf.tables.reader import report_duplicates
from mailconf.tables.roles import check_table, read_table, table_role

BD002 = error("BD002", "a map's source cannot be read")


@dataclass(frozen=True, slots=True)
class Compiled:
    """A map's content: folded keys, the first of duplicates; ``status`` is the source's, for owner and mode.

    ``digest`` and ``stat`` say what the source was (`mailconf.build.state`).
    """

    target: Target
    entries: dict[bytes, bytes]
    status: os.stat_result
    digest: str
    stat: Stat

    def __len__(self) -> int:
        return len(self.entries)


def compile_targets(targets: Iterable[Target], sink: Sink, is_restriction: Known) -> list[Compiled]:
    """What each target is to hold. Mistakes in a text go to ``sink``; its other entries are read all the same.

    is_restriction  whether an access table may name a word as a restriction
    """
    compiled = []
    for target in targets:
        try:
            with target.source.open("rb") as file:
                status, now = os.fstat(file.fileno()), time.time_ns()
                data = file.read()
        except OSError as failure:
            sink.report(BD002, f"{target.source} cannot be read: {failure.strerror}", target.uses[0].span)
            continue
        digest = hashlib.sha256(data).hexdigest()
        entries = _entries(target, Source(str(target.source), decode(data)), sink, is_restriction)
        compiled.append(Compiled(target, entries, status, digest, settled(status, now)))
    return compiled


def _entries(target: Target, source: Source, sink: Sink, is_restriction: Known) -> dict[bytes, bytes]:
    role = table_role(target.roles[0])
    entries = read_table(role, source, sink)
    check_table(role, entries, sink, is_restriction)
    report_duplicates(entries, sink, _folded)
    content: dict[bytes, bytes] = {}
    for entry in entries:
        content.setdefault(fold(encode(entry.key)), encode(entry.value))
    return content


def _folded(key: str) -> str:
    return decode(fold(encode(key)))
