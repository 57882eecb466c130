"""``sendmail -bv``: what each address comes to, and what is wrong with it, in the original's words and order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from mailconf.cli.sendmail.addressing import Addressing
from mailconf.cli.sendmail.caller import Caller, caller_of
from mailconf.cli.sendmail.startup import Start
from mailconf.sendmail.rules.problems import EX_TEMPFAIL, EX_USAGE, Stopped

if TYPE_CHECKING:
    from mailconf.files import Tree
    from mailconf.model.world import User
    from mailconf.sendmail.policy.recipients_list import Addressee
    from mailconf.sendmail.policy.recipients_world import RecipientsWorld
    from mailconf.sendmail.rules.book import Rulebook
    from mailconf.sendmail.rules.machine import Machine


def verify(
    root: Tree,
    cf: str,
    recipients: Sequence[str],
    write: Callable[[str], object],
    *,
    sender: str = "",
    verbose: bool = False,
    given: Sequence[str] = (),
    caller: User | None = None,
    machine: Machine | None = None,
    world: Callable[[Rulebook], RecipientsWorld] | None = None,
) -> int:
    """Verify recipients as a command line would; the exit status.

    sender   -f, "" for the user who asks
    verbose  -v: each step is shown
    given    the values of -O
    caller   the user who asks; else who runs this process
    machine  whose names and users count, and ``world`` what is asked for everything else; otherwise this machine is
    """
    words = ["-C", cf, *(["-v"] if verbose else []), *(["-f", sender] if sender else [])]
    words += [word for option in given for word in ("-O", option)]
    who = Caller(caller.uid, caller.name, caller.gid, caller.home) if caller else caller_of(root)
    try:
        begun = Start("sendmail", "v", words, root, who, machine=machine, write=write)
        book = begun.load()
    except Stopped as stopped:
        return stopped.status
    begun.call.words = list(recipients)
    return verified(begun, book, world)


def verified(begun: Start, book: Rulebook, world: Callable[[Rulebook], RecipientsWorld] | None = None) -> int:
    """Verify the addresses of the command line, or with -t those of a header; the exit status."""
    call, problems = begun.call, begun.problems
    addressing = Addressing(begun, book, world)
    addressing.set_sender()
    if not call.words and not call.from_headers:
        problems.user("Recipient names must be specified", about="")
        return EX_USAGE
    addressing.add_words(call.words)
    if call.from_headers:
        from mailconf.cli.sendmail.submit import header_recipients

        header_recipients(begun, addressing)
    addressing.settle()
    addressing.leave_out_sender()
    for _, addressees in addressing.recipients.by_owner(addressing.sender):
        for addressee in addressees:
            problems.subject = addressee.text
            addressing.show(_deliverable(addressee))
    return 0 if problems.status == EX_TEMPFAIL else problems.status


def _deliverable(addressee: Addressee) -> str:
    host = f"host {addressee.host}, " if addressee.host else ""
    return f"deliverable: mailer {addressee.mailer.name}, {host}user {addressee.user}"
