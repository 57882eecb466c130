"""``sendmail -bs``: SMTP on standard input and output, by the same policy and state tables as over the network.

The client is the user who calls. Who sends more before EHLO is answered is refused from there on. Messages go into
mailconf's queue as those of a command line do; nothing is delivered from here.

Source: sendmail 8.17.1.9 -bs.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from mailconf.cli.sendmail.addressing import world
from mailconf.cli.sendmail.folders import queue_folder
from mailconf.cli.sendmail.sendmail_tool import say
from mailconf.cli.sendmail.terminal import hearing
from mailconf.cli.shared.sendmail_daemon import personality
from mailconf.model.fileworld import FileWorld
from mailconf.model.session import Session
from mailconf.mta.message import Context
from mailconf.mta.pipe import talk
from mailconf.mta.queue import QueueError
from mailconf.mta.resolver import Resolver
from mailconf.mta.world import MtaWorld
from mailconf.sendmail.policy import SendmailPolicy
from mailconf.sendmail.policy.filters import refuse_undefined
from mailconf.sendmail.policy.session import SendmailSession
from mailconf.sendmail.rules.problems import EX_TEMPFAIL, Stopped

if TYPE_CHECKING:
    from mailconf.cli.sendmail.startup import Start
    from mailconf.files import Root
    from mailconf.sendmail.rules.book import Rulebook


class _LocalSession(SendmailSession):
    """A session whose client is a user of this machine."""

    of_daemon = False
    login = ""

    def _client_macros(self) -> None:
        super()._client_macros()
        self.peer = f"{self.login}@localhost"
        self.client_name = "localhost"
        for name, value in (("_", self.peer), ("s", "localhost"), ("client_name", "localhost"), ("client_ptr", "")):
            self.macros.define(name, value)


class _LocalPolicy(SendmailPolicy):
    """The policy for one user who talks on a pipe."""

    login = ""

    def begin(self, session: Session) -> SendmailSession:
        super().begin(session)
        local = _LocalSession(self.compiled, session)
        local.login = self.login
        return local


def serve_pipe(begun: Start, book: Rulebook, root: Root) -> int:
    """Talk until the client ends it; the exit status."""

    def log(program: str, text: str) -> None:
        """Nobody keeps a log of a command."""

    try:
        refuse_undefined(book, hearing("s"))
    except Stopped as stopped:
        return stopped.status
    policy = _LocalPolicy(book, world(root, book))
    policy.login = begun.caller.login or f"UID{begun.caller.uid}"
    context = Context(policy, MtaWorld(FileWorld(root, trace=False), Resolver(), root=root), log, personality(policy))
    directory = root.path(queue_folder(book).rstrip("*"))
    try:
        talk(context, policy, directory, (sys.stdin.fileno(), sys.stdout.buffer))
    except (QueueError, OSError) as failure:
        say(f"sendmail: {failure}")
        return EX_TEMPFAIL
    return 0
