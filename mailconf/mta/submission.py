"""Puts a message into the queue from outside the MTA, as a command does: at once, durable when it returns.

The body lies in a nameless file until then, and goes into the queue in pieces: a message of any size takes little
memory.
"""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO

from mailconf.mta.control.client import nudge
from mailconf.mta.message import Message
from mailconf.mta.queue import QueueError
from mailconf.mta.queue.envelope import body_size, envelope
from mailconf.mta.queue.folder import QueueFolder
from mailconf.mta.queue.incoming import leave
from mailconf.mta.queue.writer import Content, content_of, content_with
from mailconf.mta.queue_ids import QueueIds

_PIECE = 65536
# A running MTA counts its serials on from where it began, one by one: commands take theirs from far beyond.
_APART = 1 << 24


class Spool:
    """A body that is being collected in a nameless file in a folder."""

    def __init__(self, folder: Path) -> None:
        self.file: IO[bytes] = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed by `close`
        self.size = self.lines = 0

    def write(self, pieces: Iterable[bytes], limit: int = 0) -> bool:
        """Take the pieces; False as soon as there are more than ``limit`` bytes (0: no limit). Raises OSError."""
        for piece in pieces:
            self.size += len(piece)
            self.lines += piece.count(b"\n")
            if limit and self.size > limit:
                return False
            self.file.write(piece)
        self.file.flush()
        return True

    def pieces(self) -> Iterable[bytes]:
        """The body from its beginning."""
        self.file.seek(0)
        while piece := self.file.read(_PIECE):
            yield piece

    def close(self) -> None:
        self.file.close()


class Submission:
    """A queue that a command hands one message to. Raises QueueError.

    ids  how its messages are called
    """

    def __init__(self, directory: Path, ids: QueueIds) -> None:
        self._ids = ids
        self._folder = QueueFolder(directory)
        self._folder.make()
        self._serial = self._folder.next_serial() + _APART + secrets.randbelow(_APART)

    def queue_id(self, now: float) -> str:
        """The id that the message will have."""
        return self._ids.make(now, self._serial)

    def add(self, message: Message, body: Spool) -> None:
        """Enter a message whose content is its header; it is durable in the queue when this returns."""
        try:
            content = content_with(message.content, body.file, body.size)
        except OSError as error:
            raise QueueError(f"the message cannot be read: {error.strerror}") from error
        self._leave(message, content, message.content.count(b"\n") + body.lines, body.size, hold=False)

    def add_whole(self, message: Message, *, hold: bool = False, filter: str = "") -> int:
        """Enter a message with its whole content; its serial."""
        lines, body = message.content.count(b"\n"), body_size(message.content)
        self._leave(message, content_of(message.content), lines, body, hold=hold, filter=filter)
        return self._serial

    def _leave(
        self, message: Message, content: Content, lines: int, body: int, *, hold: bool, filter: str = ""
    ) -> None:
        values = envelope(message, size=content.size + lines, body=body, hold=hold, filter=filter)
        leave(self._folder, self._serial, values, content)
        if not hold and not message.waits:
            nudge(self._folder.directory)
