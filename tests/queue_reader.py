"""What lies in a queue, read by a test beside the MTA or when none runs: it changes nothing."""

from __future__ import annotations

from pathlib import Path

from mailconf.mta.queue import QueueEntry
from mailconf.mta.queue.envelope import entry
from mailconf.mta.queue.folder import QueueFolder
from mailconf.mta.queue.holdings import Holdings, read_message, read_segments
from mailconf.mta.queue.incoming import look_at


def queue_of(directory: Path, problems: list[str] | None = None) -> list[QueueEntry]:
    """The messages with their contents, in order of arrival, those that commands have left (serial 0) last.

    problems  takes what is wrong with the files; without it, that is an AssertionError
    """
    folder, holdings = QueueFolder(directory), Holdings()
    found: list[QueueEntry] = []
    if not folder.look():
        return []
    said = list(read_segments(folder, holdings))
    if problems is None:
        assert not [text for text in said if "damaged" in text or "missing" in text], said
    else:
        problems += said
    found += [read_message(folder, held, content=True) for _, held in sorted(holdings.messages.items())]
    for name in folder.messages():
        file, record, values = look_at(folder, name)
        with file:
            file.seek(record.start)
            if name not in holdings.came:
                found.append(entry(0, values, file.read(record.length)))
    return found
