"""``postsuper``: deletes, holds, releases, requeues and expires messages, as postsuper(1) of Postfix 3.7 does.

Options, messages and exit status are the original's; ``--root DIR`` and ``--postfix-version V`` are ours. Departures:

- It is for root and for the owner of the queue; the original is for root alone.
- ``-p``, ``-s`` and ``-S`` have nothing to do: the MTA removes what commands began when it starts, and messages have no
  files of their own.
- ``-r`` gives a message that is being attempted at this moment no new id; without a MTA that runs, messages keep their
  ids and addresses, and are attempted anew.
- ``-v`` is accepted and has no effect.
"""

from __future__ import annotations

import sys

from mailconf.cli.postfix.postfix_tool import ToolFatal
from mailconf.cli.postfix.queue_tool import QUEUE_ID, QueueTool
from mailconf.encoding import decode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from mailconf.mta.control import Operation
    from mailconf.mta.control.client import QueueAccess

_USAGE = (
    "postsuper [-c config_dir] [-d queue_id (delete)] [-e queue_id (expire)] [-f queue_id (expire and/or un-hold)]"
    " [-h queue_id (hold)] [-H queue_id (un-hold)] [-p (purge temporary files)] [-r queue_id (requeue)]"
    " [-s (structure fix)] [-S (redundant structure fix)][-v (verbose)] [queue...]"
)
# The letters in the order in which their counts are reported, with what is said of one message and of all.
_DONE = {
    "r": ("requeued", "Requeued"),
    "d": ("removed", "Deleted"),
    "e": ("expired", "Force-expired"),
    "h": ("placed on hold", "Placed on hold"),
    "H": ("released from hold", "Released from hold"),
}
_ORDER = "rdefhH"  # in which they are done
# The folders of the original's queue; some of ours are not among them, and hold nothing.
_FOLDERS = frozenset(
    ("maildrop", "incoming", "active", "deferred", "hold", "bounce", "defer", "trace", "flush"),
)


def run(name: str, arguments: list[str]) -> int:
    """Run ``postsuper arguments``; ``name`` is what the program was called as. The exit status."""
    tool = QueueTool(name, "psSv", "cdefhHr", _USAGE, 1)
    return tool.run(arguments, lambda options, words: _work(tool, options, words))


def _work(tool: QueueTool, options: list[tuple[str, str]], words: list[str]) -> int:
    tool.configured()
    for word in words:
        if word not in _FOLDERS:
            raise ToolFatal(f"invalid directory name: {word}")
    wanted = [(letter, value) for letter, value in options if letter in "defhHr"]
    if not wanted:
        return 0
    queue = tool.queue()
    try:
        counts = _Run(tool, queue, words).counts(wanted)
    finally:
        queue.close()
    for letter, (_, done) in _DONE.items():
        if letter in counts:
            count = counts[letter]
            tool.messages.plain(f"{done}: {count} message{'s' * (count != 1)}")
    return 0


class _Run:
    """What one call does to the queue."""

    def __init__(self, tool: QueueTool, queue: QueueAccess, folders: list[str]) -> None:
        from mailconf.mta.control import Operation, QueueName

        self._tool = tool
        self._queue = queue
        self._named = bool(folders)
        self._queues = [name for name in QueueName if name.value in folders]
        self._operations: dict[str, list[tuple[str, Operation]]] = {
            "d": [("d", Operation.DELETE)],
            "e": [("e", Operation.EXPIRE)],
            "f": [("e", Operation.EXPIRE), ("H", Operation.RELEASE)],
            "h": [("h", Operation.HOLD)],
            "H": [("H", Operation.RELEASE)],
            "r": [("r", Operation.REQUEUE)],
        }

    def counts(self, wanted: list[tuple[str, str]]) -> dict[str, int]:
        """How many messages something was done with, by the letter of what was done; in the original's order."""
        found: dict[str, int] = {}
        for letter, value in sorted(wanted, key=lambda each: _ORDER.index(each[0])):
            for counted, operation in self._operations[letter]:
                found[counted] = found.get(counted, 0) + self._done(counted, operation, value)
        return found

    def _done(self, letter: str, operation: Operation, value: str) -> int:
        if value == "ALL":
            if self._named and not self._queues:
                return 0
            return self._queue.operate_all(operation, self._queues)
        return sum(self._one(letter, operation, queue_id) for queue_id in _ids(value))

    def _one(self, letter: str, operation: Operation, queue_id: str) -> bool:
        if not QUEUE_ID.match(queue_id):
            self._tool.messages.warn(f"invalid mail queue id: {queue_id}")
            return False
        if self._named and not self._is_in(queue_id):
            return False
        done = self._queue.operate(operation, queue_id)
        if done:
            self._tool.messages.plain(f"{queue_id}: {_DONE[letter][0]}")
        return done

    def _is_in(self, queue_id: str) -> bool:
        """Whether a message is in one of the queues that were named."""
        found = self._queue.show(queue_id)
        return found is not None and found[0].queue in self._queues


def _ids(value: str) -> Iterator[str]:
    """The queue ids that a value stands for: itself, or with ``-`` the lines of standard input."""
    if value != "-":
        yield value
        return
    for line in sys.stdin.buffer:
        yield decode(line.removesuffix(b"\n"))
