"""Messages that commands put into the queue: each a file of its own, which the owner of the queue takes into a segment.

A command does not wait for the owner, and needs none: the file is durable under its name when `leave` returns. The
owner writes the message into a segment, with the name of the file as "came", and removes the file; until that is
durable the message is not attempted. A file whose name a record has was taken before a crash.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from typing import Any, BinaryIO

from mailconf.files import sync_folder
from mailconf.mta.queue.entry import QueueError
from mailconf.mta.queue.envelope import Broken, dump, entry, load
from mailconf.mta.queue.folder import NotReadable, QueueFolder, create, write_at
from mailconf.mta.queue.records import Record, RecordType, SegmentHead, pack, scan
from mailconf.mta.queue.writer import Content


def leave(folder: QueueFolder, serial: int, values: dict[str, Any], content: Content) -> None:
    """Put a message into the folder for the owner. Raises QueueError, and has left nothing there then."""
    unfinished, whole = folder.names(f"{serial:X}-{secrets.token_hex(8)}")
    head = SegmentHead(0, serial, secrets.token_bytes(8))
    text = dump(values)
    start = head.pack() + pack(head.mark, RecordType.ADD, serial, 0, text, content.size, content.crc)
    try:
        descriptor = create(unfinished, start)
        try:
            at = len(start)
            for piece in content.pieces():
                write_at(descriptor, piece, at)
                at += len(piece)
            os.fsync(descriptor)
            unfinished.rename(whole)
        except BaseException:
            with suppress(OSError):
                unfinished.unlink()
            raise
        finally:
            os.close(descriptor)
        try:
            sync_folder(folder.incoming)
        except BaseException:
            with suppress(OSError):
                whole.unlink()
            raise
    except OSError as error:
        raise QueueError(f"the queue {folder.path} cannot be written: {error.strerror}") from error


def look_at(folder: QueueFolder, name: str) -> tuple[BinaryIO, Record, dict[str, Any]]:
    """The message in a file that a command left: the open file, its record, the record's values. Raises QueueError."""
    file = folder.open(folder.incoming / name)
    try:
        size = file.seek(0, 2)
        file.seek(0)
        found = list(scan(file, size))
        if len(found) == 2 and isinstance(record := found[1], Record) and record.type is RecordType.ADD:
            values = load(record.text)
            entry(record.serial, values)
            return file, record, values
        reason = "it is no whole message"
    except OSError as error:
        reason = str(error.strerror)
    except Broken as error:
        reason = str(error)
    except BaseException:
        file.close()
        raise
    file.close()
    raise QueueError(f"{folder.incoming / name} is not taken into the queue: {reason}")


def look_or_refuse(
    folder: QueueFolder, name: str, report: Callable[[str], object]
) -> tuple[BinaryIO, Record, dict[str, Any]] | None:
    """`look_at`; None where there is no message to be taken. A file that is none is put aside, and the log told."""
    try:
        return look_at(folder, name)
    except FileNotFoundError:
        return None
    except QueueError as error:
        report(str(error))
        if not isinstance(error, NotReadable):
            with suppress(OSError):
                folder.refuse(name)
        return None
