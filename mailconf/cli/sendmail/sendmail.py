"""``sendmail``: its modes, by the letter after -b or the name by which it was called.

Options, messages and exit status are the original's; ``--root DIR`` (ours) reads every absolute path below DIR, and
``--sendmail-version V`` (ours) names the version whose words are meant: 8.17, 8.18. docs/sendmail-command.md has the
list of what there is.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from mailconf.cli.sendmail.command_line import LETTERS
from mailconf.cli.sendmail.sendmail_tool import EX_UNAVAILABLE, EX_USAGE, say, valued
from mailconf.cli.sendmail.terminal import write
from mailconf.cli.shared.own_options import root_of, take_known
from mailconf.files import Root
from mailconf.sendmail.rules.problems import Stopped
from mailconf.sendmail.rules.version import DEFAULT, SendmailVersion, chosen_version

if TYPE_CHECKING:
    from mailconf.cli.sendmail.caller import Caller
    from mailconf.cli.sendmail.startup import Start
    from mailconf.files import Tree
    from mailconf.sendmail.rules.book import Rulebook
    from mailconf.sendmail.rules.machine import Machine

_OF_THE_QUEUE = "pPhH"
_AT_ONCE = 1 << 15  # characters of output
NAMES = {"newaliases": "i", "mailq": "p", "hoststat": "h", "purgestat": "H", "smtpd": "d"}
# Modes that there are not.
LATER = {
    "C": "has no control socket",
    "a": "does not speak ARPANET mail",
}


def run(name: str, arguments: list[str]) -> int:
    """Run ``sendmail arguments``; ``name`` is what it was called as. The exit status."""
    from mailconf.cli.sendmail.caller import caller_of

    arguments = list(arguments)
    ours = take_known(arguments, {"--root": True, "--sendmail-version": True}, valued(LETTERS))
    root = root_of(ours)
    try:
        version = chosen_version(root, ours.get("--sendmail-version"))
    except ValueError as failure:
        say(f"sendmail: {failure}")
        return EX_USAGE
    return start(name, arguments, root, caller_of(root), version=version)


def start(
    name: str,
    words: list[str],
    root: Tree,
    who: Caller,
    machine: Machine | None = None,
    version: SendmailVersion = DEFAULT,
) -> int:
    """Run it for a caller; ``machine`` is the one whose names and users count, else this one."""
    from mailconf.cli.sendmail.startup import Start

    mode = NAMES.get(os.path.basename(name), "m")  # noqa: PTH119
    try:
        begun = Start(name, mode, words, root, who, machine=machine, version=version)
        book = begun.load()
        return _mode(begun, book)
    except Stopped as stopped:
        return stopped.status


def _mode(begun: Start, book: Rulebook) -> int:
    call = begun.call
    if call.mode == "a" and not call.words and not call.from_headers:
        begun.problems.user("Recipient names must be specified", about="")
        return EX_USAGE
    if call.mode in _OF_THE_QUEUE or (call.mode == "m" and (call.queues or call.quarantine is not None)):
        return _queue_mode(begun, book)
    if call.mode in LATER:
        return _later(f"{LATER[call.mode]} (-b{call.mode})")
    if call.mode == "t":
        return _test_mode(begun, book)
    if call.mode == "i":
        from mailconf.cli.sendmail.alias_rebuild import rebuild

        return rebuild(begun, book)
    if call.mode == "v":
        from mailconf.cli.sendmail.verify_mode import verified

        return verified(begun, book)
    if call.mode in "dD":
        from mailconf.cli.sendmail.daemon import serve

        return serve(begun, book)
    if call.mode == "m":
        from mailconf.cli.sendmail.submit import submit

        return submit(begun, book)
    from mailconf.cli.sendmail.session_mode import serve_pipe

    if not isinstance(begun.root, Root):
        raise TypeError("a session needs the disk")
    return serve_pipe(begun, book, begun.root)


def _queue_mode(begun: Start, book: Rulebook) -> int:
    from mailconf.cli.sendmail import queue_mode

    modes = {"p": queue_mode.listed, "P": queue_mode.counted, "h": queue_mode.host_status, "H": queue_mode.host_status}
    return modes.get(begun.call.mode, queue_mode.run_queue)(begun, book)


def _later(what: str) -> int:
    sys.stdout.flush()
    say(f"sendmail: mailconf {what}")
    return EX_UNAVAILABLE


def _test_mode(begun: Start, book: Rulebook) -> int:
    from mailconf.cli.sendmail.startup import world_of
    from mailconf.sendmail.testmode.session import GREETING, LINE, PROMPT, TestModeSession

    output = _Output()
    begun.problems.hear = lambda problem: output.write(f"{problem.line()}\n")
    session = TestModeSession(book, world_of(begun.root, book), begun.problems, output.write)
    caller = begun.caller
    session.engine.macros.define("_", f"{caller.login or f'UID{caller.uid}'}@localhost")
    for category, level in begun.call.levels.items():
        session.set_levels(f"{category}.{level}")
    output.write(GREETING)
    lines = sys.stdin.buffer
    while True:
        output.write(PROMPT)
        output.flush()
        line = lines.readline(LINE)
        if not line or not session.answer(line.decode("latin-1")):
            output.flush()
            return begun.problems.status


class _Output:
    """Standard output, to which a trace writes many small pieces."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._length = 0

    def write(self, text: str) -> None:
        self._pieces.append(text)
        self._length += len(text)
        if self._length > _AT_ONCE:
            self.flush()

    def flush(self) -> None:
        write("".join(self._pieces))
        sys.stdout.buffer.flush()
        self._pieces.clear()
        self._length = 0
