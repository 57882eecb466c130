"""``sendmail -bp``, ``-bP``, ``-bh``, ``-bH`` and ``-q...``: the queue listed and run, mailq, hoststat and purgestat.

The queue is mailconf's in QueueDirectory. Where a daemon runs on it, that one is asked to attempt the messages; where
none does, this process attempts them. What is held is what the original calls quarantined.

Source: sendmail 8.17.1.9 on a queue of its own.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from mailconf.cli.sendmail.folders import queue_folder
from mailconf.cli.sendmail.queue_selection import Selection, selected
from mailconf.cli.sendmail.sendmail_tool import DEFAULT_CF, EX_UNAVAILABLE, say
from mailconf.files import Root
from mailconf.mta.queue.entry import QueueError
from mailconf.sendmail.rules.problems import EX_TEMPFAIL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mailconf.cli.sendmail.startup import Start
    from mailconf.mta.control import Listing
    from mailconf.mta.control.client import QueueAccess
    from mailconf.sendmail.rules.book import Rulebook

EX_NOPERM = 77
_RECIPIENT_FACTOR, _RETRY_FACTOR = 30_000, 90_000
_HEAD = "-----Q-ID----- --Size-- -----Q-Time----- ------------Sender/Recipient-----------\n"
_LONG_HEAD = "-----Q-ID----- --Size-- -Priority- ---Q-Time--- --------Sender/Recipient--------\n"


def _opened(begun: Start, book: Rulebook) -> QueueAccess:
    from mailconf.mta.control.client import open_queue

    if not isinstance(begun.root, Root):
        raise QueueError("a queue is on the disk")
    return open_queue(begun.root.path(queue_folder(book).rstrip("*")))


def _may(begun: Start, book: Rulebook, flag: str) -> bool:
    """Whether PrivacyOptions let the caller do it: root, and who is in the group of the queue's folder."""
    flags = {word.strip().lower() for word in book.options.get("PrivacyOptions", "").split(",")}
    if flag not in flags or begun.caller.uid == 0:
        return True
    try:
        return begun.root.stat(queue_folder(book).rstrip("*")).st_gid == begun.caller.gid
    except OSError:
        return False


def listed(begun: Start, book: Rulebook) -> int:
    """Print the list of the queue; the exit status."""
    selection, _, group = selected(begun.call.queues)
    if not _may(begun, book, "restrictmailq"):
        begun.write("You are not permitted to see the queue\n\t\tTotal requests: 0\n")
        return 0
    try:
        queue = _opened(begun, book)
        try:
            found = [each for each in queue.listings() if selection.means(each)]
        finally:
            queue.close()
    except QueueError as failure:
        say(f"sendmail: {failure}")
        return EX_TEMPFAIL
    folder = queue_folder(book).rstrip("/")
    for line in _lines(folder, sorted(found, key=priority), verbose=begun.call.verbose, total=group is None):
        begun.write(line)
    return 0


def counted(begun: Start, book: Rulebook) -> int:
    """-bP: the number of messages, which the original keeps in shared memory, where it does; the exit status."""
    begun.write("Data unavailable: shared memory not updated\n")
    return 0


def host_status(begun: Start, book: Rulebook) -> int:
    """-bh, -bH: what is known of hosts; nothing where no HostStatusDirectory is set. The exit status."""
    if not book.options.get("HostStatusDirectory"):
        return 0
    sys.stdout.flush()
    say("sendmail: mailconf keeps no host status (HostStatusDirectory)")
    return EX_UNAVAILABLE


def priority(message: Listing) -> int:
    """By which messages are sorted: size, recipients and attempts (QueueSortOrder=priority)."""
    tries = message.tries * _RETRY_FACTOR
    return message.body + len(message.recipients) * _RECIPIENT_FACTOR + tries


def _lines(folder: str, messages: list[Listing], *, verbose: bool, total: bool) -> Iterator[str]:
    count = len(messages)
    if not count:
        yield f"{folder} is empty\n"
    else:
        yield f"\t\t{folder} ({count} request{'s' * (count != 1)})\n"
        yield _LONG_HEAD if verbose else _HEAD
    for message in messages:
        yield from _message(message, verbose=verbose)
    if total:
        yield f"\t\tTotal requests: {count}\n"


def _message(message: Listing, *, verbose: bool) -> Iterator[str]:
    from mailconf.mta.control import QueueName

    mark = "*" if message.queue is QueueName.ACTIVE else " "
    when = time.ctime(message.arrival)
    sender = shown(message.sender) or "<>"
    if verbose:
        yield f"{message.id}{mark}{message.body:8} {priority(message):10} {when[4:16]} {sender[:78]}\n"
    else:
        yield f"{message.id}{mark}{message.body:8} {when[:16]} {sender[:39]}\n"
    if message.queue is QueueName.HOLD:
        yield "     QUARANTINE: on hold\n"
    reason = next((each.reason for each in message.recipients if each.reason), "")
    if reason:
        yield f"                 ({shown(reason) if verbose else shown(reason)[:60]})\n"
    before, width = ("\t\t\t\t\t\t", 71) if verbose else ("\t\t\t\t\t ", 38)
    for recipient in message.recipients:
        yield f"{before}{shown(recipient.address)[:width]}\n"


def shown(text: str) -> str:
    """Text as sendmail prints it: bytes that are not printable in octal."""
    data = text.encode("latin-1", "replace")
    return "".join(chr(byte) if 32 <= byte < 127 else f"\\{byte:03o}" for byte in data)


def run_queue(begun: Start, book: Rulebook) -> int:
    """-q: attempt what is in the queue, once or at intervals; the exit status."""
    call = begun.call
    selection, interval, group = selected(call.queues)
    if not _may(begun, book, "restrictqrun"):
        begun.write("You do not have permission to process the queue\n")
        return EX_NOPERM
    groups = ["mqueue", *(name.lower() for name in book.queues)]
    if group is not None and group.lower() not in groups:
        begun.write(f"Queue group {group} unknown\n")
        return 0
    if interval:
        from mailconf.cli.sendmail.daemon import at_intervals

        return at_intervals(begun, book, interval, lambda: _run_once(begun, book, selection))
    return _run_once(begun, book, selection)


def _run_once(begun: Start, book: Rulebook, selection: Selection) -> int:
    """By the daemon that runs on the queue; where none does, in this process."""
    call = begun.call
    chosen = None
    try:
        queue = _opened(begun, book)
        try:
            if call.quarantine is not None:
                _quarantine(queue, selection, call.quarantine.strip())
                return 0
            if selection != Selection():
                chosen = [each.id for each in queue.listings() if selection.means(each)]
            if not queue.stopped:
                _attempt(queue, chosen)
                return 0
        finally:
            queue.close()
    except QueueError as failure:
        say(f"sendmail: {failure}")
        return EX_TEMPFAIL
    from mailconf.cli.shared.sendmail_daemon import run
    from mailconf.mta.server import Once

    cf = DEFAULT_CF if call.cf is None else call.cf
    return run(begun.root, cf, call.given, lambda problem: None, once=Once(chosen), quiet=True)


def _attempt(queue: QueueAccess, chosen: list[str] | None) -> None:
    """By the daemon that has the queue: everything, or what is chosen."""
    if chosen is None:
        queue.flush()
    else:
        for queue_id in chosen:
            queue.attempt(queue_id)


def _quarantine(queue: QueueAccess, selection: Selection, reason: str) -> None:
    """-Q with a reason puts messages on hold; without one it releases those that are."""
    from mailconf.mta.control import Operation

    operation = Operation.HOLD if reason else Operation.RELEASE
    for queue_id in [each.id for each in queue.listings() if selection.means(each)]:
        queue.operate(operation, queue_id)
