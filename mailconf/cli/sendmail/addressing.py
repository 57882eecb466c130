"""The envelope of a message as the command line gives it: its sender, and recipients that are looked up at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from mailconf.model.world import run as drive
from mailconf.sendmail.policy.recipients import Recipients
from mailconf.sendmail.policy.recipients_disk import DiskRecipientsWorld
from mailconf.sendmail.rules.addresses import Parser
from mailconf.sendmail.rules.problems import EX_OK, EX_USAGE
from mailconf.sendmail.rules.run import Engine
from mailconf.sendmail.rules.tokens import Reading

if TYPE_CHECKING:
    from mailconf.cli.sendmail.startup import Start
    from mailconf.files import Tree
    from mailconf.sendmail.policy.recipients_list import Addressee
    from mailconf.sendmail.policy.recipients_world import RecipientsWorld
    from mailconf.sendmail.rules.book import Rulebook
    from mailconf.sendmail.rules.problems import CfProblem

_NULL = ("", "<>")


_REMARKS = ("050", "851")  # which only -v shows


class Addressing:
    """Sender and recipients of one message.

    recipients  all that the recipients come to
    named       what each recipient that was named came to, in their order
    sender      the envelope's: "<>" for none
    local       whether the sender is a user of this machine
    """

    def __init__(self, begun: Start, book: Rulebook, ask: Callable[[Rulebook], RecipientsWorld] | None = None) -> None:
        self._begun = begun
        self._problems = begun.problems
        self._hear = begun.problems.hear
        self._wrong = begun.wrong
        begun.problems.hear = self._listen
        self.engine = Engine(book, ask(book) if ask else world(begun.root, book), problems=begun.problems)
        self.engine.verbose = int(begun.call.verbose)
        self.recipients = Recipients(self.engine, self.engine.world)  # type: ignore[arg-type]
        self.sender = begun.caller.login
        self.local = True

    def _listen(self, problem: CfProblem) -> None:
        self._wrong += problem.code[:1] == "5"
        quiet = self._begun.call.mode == "m" and self.engine.book.options.get("ErrorMode", "")[:1] == "q"
        if (problem.code not in _REMARKS or self._begun.call.verbose) and not (quiet and not problem.grave):
            self._hear(problem)

    def show(self, text: str) -> None:
        """Print a remark about the address that is being worked on, whatever is asked for."""
        from mailconf.sendmail.rules.problems import CfProblem

        self._hear(CfProblem(text, "050", "", self._problems.subject, grave=False))

    def settle(self) -> None:
        """A wrong address counts for the exit status where nothing else does, not even a passing failure."""
        if self._wrong and self._problems.status == EX_OK:
            self._problems.settle(EX_USAGE)

    def leave_out_sender(self) -> None:
        """Where MeToo is off the sender is no recipient of the lists that name it."""
        drive(self.recipients.leave_out(self.sender))

    def set_sender(self) -> None:
        """Parse the sender; what is wrong with it is said, and said again where its domain is looked for."""
        given = self._begun.call.sender
        if given is not None and given.strip() in _NULL:
            self.sender, self.local = "<>", False
        else:
            text = _latin1(given) if given is not None else self._begun.caller.login
            found, _ = drive(Parser(self.engine, sender=True).parse(text))
            self.engine.scan(text, Reading.EXTERNAL)
            if found is not None and not found.bad and found.mailer is not None:
                self.sender = text
                self.local = found.mailer.has("w")
        self._problems.subject = ""

    def add_words(self, words: Iterable[str]) -> None:
        """Add recipients as a command line has them."""
        self.add_texts(map(_latin1, words))

    def add_texts(self, texts: Iterable[str]) -> None:
        """Add recipients as a field of a header has them, one character a byte."""
        for text in texts:
            drive(self.recipients.add_list(text))
            self._problems.subject = ""

    def sendable(self) -> list[Addressee]:
        return self.recipients.sendable()


def _latin1(text: str) -> str:
    return text.encode("utf-8", "surrogateescape").decode("latin-1")


def world(root: Tree, book: Rulebook) -> DiskRecipientsWorld:
    """What rulesets and recipients ask of this machine and the DNS."""
    return DiskRecipientsWorld.of_machine(root, book.options)
