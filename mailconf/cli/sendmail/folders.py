"""The folders that sendmail works in, of the queue and of host states, and as whom it works: checked at its start.

Source: sendmail 8.17.1.9, each mode with folders that are missing, no folders, or another user's.
"""

from __future__ import annotations

import errno
import stat
from typing import TYPE_CHECKING

from mailconf.model.world import User
from mailconf.sendmail.rules.problems import EX_CONFIG, EX_OK

if TYPE_CHECKING:
    from mailconf.cli.sendmail.caller import Caller
    from mailconf.files import Tree
    from mailconf.sendmail.rules.book import Rulebook
    from mailconf.sendmail.rules.machine import Machine
    from mailconf.sendmail.rules.problems import Problems

QUEUE = "mqueue"  # where QueueDirectory has no value


def queue_folder(book: Rulebook) -> str:
    """QueueDirectory, as it is written."""
    return book.options.get("QueueDirectory") or QUEUE


def run_as(book: Rulebook, machine: Machine) -> User | None:
    """RunAsUser; None where it is not set, or is no user."""
    name = book.options.get("RunAsUser", "").partition(":")[0]
    if name.isdigit():
        return User(name, int(name), 0, "")
    return machine.user(name) if name else None


def check_folders(root: Tree, book: Rulebook, problems: Problems, machine: Machine, caller: Caller) -> bool:
    """Look at the folders; whether the queue's is one that its user cannot enter."""
    user = run_as(book, machine)
    if book.flag("UseMSP") and not (user and user.uid):
        _stop(problems, "Mail submission program must have RunAsUser set to non root user")
        return False
    if "QueueDirectory" not in book.options:
        _stop(problems, "QueueDirectory (Q) option must be set")
        return False
    queue = queue_folder(book)
    worker = user if user and user.uid else User(caller.login, caller.uid, caller.gid, "")
    what, number = _queue_failure(root, queue, worker)
    if what:
        _stop(problems, what, number)
        return True
    for fields in book.queues.values():
        path = fields.get("P", "")
        if path and not _is_below(root, path, queue):
            _stop(problems, f"QueuePath {path} not subpath of QueueDirectory {queue.rstrip('/')}/", errno.ENOENT)
            return False
    states = book.options.get("HostStatusDirectory", "")
    if states:
        try:
            root.list(states)
        except OSError as failure:
            problems.say(f"Warning: Cannot use HostStatusDirectory = {states}: {failure.strerror}")
    return False


def _stop(problems: Problems, text: str, number: int = 0) -> None:
    problems.status = EX_OK
    problems.system(text, number)
    problems.status = EX_CONFIG


def _queue_failure(root: Tree, queue: str, user: User) -> tuple[str, int]:
    """What of the queue's folder does not work, in sendmail's words, and errno(3); "" where all does."""
    try:
        if queue.endswith("*"):
            folder, _, start = queue.rstrip("*").rpartition("/")
            names = [name for name in root.list(folder or "/") if name.startswith(start)]
            if not any(root.is_folder(f"{folder}/{name}") for name in names):
                return f"can not opendir({queue.rstrip('*')})", errno.ENOENT
            queue = folder or "/"
        status = root.stat(queue)
    except OSError as failure:
        return f"can not chdir({queue.rstrip('/')}/)", failure.errno or errno.ENOENT
    number = 0
    if not stat.S_ISDIR(status.st_mode):
        number = errno.ENOTDIR
    elif user.uid:
        shift = 6 if status.st_uid == user.uid else 3 if status.st_gid == user.gid else 0
        number = 0 if status.st_mode >> shift & stat.S_IXOTH else errno.EACCES
    return f"can not chdir({queue.rstrip('/')}/)" if number else "", number


def _is_below(root: Tree, path: str, folder: str) -> bool:
    """Whether a queue's folder lies in that of all queues, without what ``*`` stands for."""
    folder = folder.rstrip("*").rstrip("/")
    return f"{path}/".startswith(f"{folder}/") or str(root.resolve(path)).startswith(str(root.resolve(folder)))
