"""The queue as earlier versions kept it, one SQLite file: its messages are taken into the segments once.

``<queue_directory>/mailconf.sqlite``, application_id `APPLICATION`, user_version 1, two tables:

    message    serial, queue_id, sender, arrival, next_attempt, hold, warned, local, body, ret, envid, filter, client
               (JSON: what is known of the client), size, content
    recipient  id, message, address, original, orcpt, notify, state, tries, dsn, text, relay, code, reply

Afterwards the file is called ``mailconf.sqlite.taken`` and not looked at any more. A crash before that repeats the
takeover, which knows what it has taken by then.
"""

from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mailconf.files import Untrusted, distrust, sync_folder
from mailconf.mta.message import Message, Recipient
from mailconf.mta.queue.entry import QueueError
from mailconf.mta.queue.envelope import body_size, envelope, session_of
from mailconf.source import decode

if TYPE_CHECKING:
    import sqlite3

APPLICATION = 0x6D637175  # "mcqu"
VERSION = 1
FILE = "mailconf.sqlite"
PATIENCE = 5.0  # seconds in which another process may end what it does in the file
_TAKEN = "mailconf.sqlite.taken"
_MESSAGES = """
SELECT serial, queue_id, sender, arrival, next_attempt, hold, warned, local, body, ret, envid, filter, client, size,
content FROM message ORDER BY serial
"""
_RECIPIENTS = """
SELECT address, original, orcpt, notify, state, tries, dsn, text, relay, code, reply
FROM recipient WHERE message=? ORDER BY id
"""

Take = Callable[[int, str, dict[str, Any], bytes], None]  # serial, name, values of an ADD, content


def take_over(directory: Path, take: Take, sync: Callable[[], None]) -> int:
    """Give every message to ``take``, then call ``sync``, and put the file aside; how many messages those were.

    Raises QueueError where the file cannot be read, or another user can have written it; then nothing is put aside.
    """
    path = directory / FILE
    if not path.exists() and not path.is_symlink():
        return 0
    import sqlite3

    count = 0
    try:
        _distrust(path)
        with closing(sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)) as base:
            _check(base, path)
            base.execute("BEGIN IMMEDIATE")
            for serial, values, content in _messages(base):
                take(serial, f"{FILE}:{values['id']}", values, content)
                count += 1
            sync()
            base.execute("COMMIT")
        path.rename(directory / _TAKEN)
        sync_folder(directory)
    except Untrusted as error:
        raise QueueError(f"the queue {error.filename} is not used: {error.strerror}") from error
    except (sqlite3.Error, OSError, ValueError, TypeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise QueueError(
            f"the mail in {path}, the queue of an earlier version, cannot be taken over: {reason}"
        ) from error
    return count


def _check(base: sqlite3.Connection, path: Path) -> None:
    if base.execute("PRAGMA application_id").fetchone()[0] != APPLICATION:
        raise QueueError(f"{path} is not a mail queue")
    version = base.execute("PRAGMA user_version").fetchone()[0]
    if version != VERSION:
        raise QueueError(f"the queue {path} has format {version}, this program takes over {VERSION}")


def _messages(base: sqlite3.Connection) -> Iterator[tuple[int, dict[str, Any], bytes]]:
    for row in base.execute(_MESSAGES):
        serial, queue_id, sender, arrival, due, hold, warned, local, body, ret, envid, filter, client, size, content = (
            row
        )
        recipients, state = [], {}
        for at, found in enumerate(base.execute(_RECIPIENTS, (serial,))):
            address, original, orcpt, notify, *outcome = found
            recipients.append(Recipient(decode(address), decode(original), decode(orcpt), notify))
            status, tries, dsn, text, relay, code, reply = outcome
            if status or tries:
                lines = decode(reply).split("\n") if code else []
                state[str(at)] = [status, tries, dsn, decode(text), decode(relay), code, lines]
        session = session_of(json.loads(client)) if client else None
        message = Message(
            queue_id, decode(sender), recipients, b"", arrival, body, ret, decode(envid), session, local=bool(local)
        )
        came, held = f"{FILE}:{queue_id}", bool(hold)
        values = envelope(message, size=size, body=body_size(content), hold=held, filter=decode(filter), came=came)
        values |= {"next": due, "warned": bool(warned), "state": state}
        yield serial, values, content


def _distrust(path: Path) -> None:
    """Raise Untrusted where another user can have written what is in the file, or in SQLite's journals of it."""
    for ending in ("", "-wal", "-shm", "-journal"):
        each = path.with_name(path.name + ending)
        with suppress(FileNotFoundError):
            status = os.lstat(each)
            if not stat.S_ISREG(status.st_mode):
                raise Untrusted(errno.EINVAL, "it is no regular file", str(each))
            distrust(status, each)
