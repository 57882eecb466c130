"""What a session keeps between its questions, and what its parts share: the engine, what was said, what is decided."""

from __future__ import annotations

from copy import copy
from typing import Self

from mailconf.model.session import Session
from mailconf.model.world import Ask
from mailconf.sendmail.policy.asked_world import AskedWorld
from mailconf.sendmail.policy.session_check import Checked
from mailconf.sendmail.policy.session_heard import Heard
from mailconf.sendmail.policy.session_tls import login_macros
from mailconf.sendmail.policy.settings import Compiled, Daemon
from mailconf.smtp.reply import Reply
from mailconf.smtp.server_sendmail import REJECTED as REJECTED
from mailconf.source import decode, encode


def latin(text: str) -> str:
    """A text of the model's as the rules have it: a character a byte."""
    return text if text.isascii() else encode(text).decode("latin-1")


def modern(text: str) -> str:
    """A text of the rules' as the model has it."""
    return text if text.isascii() else decode(text.encode("latin-1", "replace"))


class SessionState:
    """See the module.

    denied    how the client was refused when it connected; None for one that is welcome
    features  the letters of ruleset srv_features, and of the daemon's modifiers
    daemon    the one of DaemonPortOptions that the client has reached
    discard   the message is thrown away, and the client is not told
    hold      why the message is put aside; "" where it is not
    """

    def __init__(self, policy: Compiled, session: Session) -> None:
        self.policy = policy
        self.session = session
        self.world = AskedWorld(policy.files)
        self.heard = Heard()
        self.engine = policy.engine(self.world, self.heard.problems)
        self.macros = self.engine.macros  # of the whole session
        self.denied: Reply | None = None
        self.features: frozenset[str] = frozenset()
        self.daemon = Daemon(mode=policy.settings.mode)
        self._discards = False  # all that this client sends
        self.client_name = ""
        self.peer = ""
        self.noted: list[str] = []  # lines for the log about the question at hand
        self.asking = ""  # the ruleset of the last question, and its arguments, as the log has them
        self._begin_transaction()

    @property
    def can_begin_tls(self) -> bool:
        """Whether TLS is not in force, and can be."""
        return self.session.tls_ready and not self.session.tls_protocol

    # -- the state of a transaction

    def _begin_transaction(self) -> None:
        self.engine.macros = self.macros.above()
        self.commas = not self.policy.book.flag("OldStyleHeaders")  # part the addresses of VRFY and EXPN
        self.bad_recipients = 0  # that were refused in this transaction
        self.discard = self._discards
        self.hold = ""

    def forget(self) -> None:
        self._begin_transaction()

    def branch(self, session: Session) -> Self:
        """The engine is that of both: what it knows of a message is forgotten where one begins."""
        found = copy(self)
        found.session = session
        found.forget()
        return found

    def _begin(self, ask: Ask) -> None:
        """A question begins: nothing has been said about it."""
        self.world.ask = ask
        if self.session.hasty and self.denied is None:
            self.denied = REJECTED
        self.heard.clear()
        self.noted = []
        self.asking = ""
        self.engine.verbose = 2 if self.session.verbose else 0
        if self.session.sasl_username:
            for name, value in login_macros(self.session).items():
                self.macros.define(name, value)

    def asked_about(self, ruleset: str, *texts: str) -> str:
        """A question to a ruleset, as the log has it."""
        arguments = ", ".join(f"arg{at}={modern(text)}" for at, text in enumerate(texts, 1))
        return f"ruleset={ruleset}, {arguments}, relay={modern(self.peer)}"

    def take(self, checked: Checked) -> None:
        """Heed what a ruleset wants besides a refusal."""
        self.discard = self.discard or checked.discards
        self.hold = checked.holds or self.hold
        if checked.discards:
            self.noted.append(f"{self.asking}, discard")
        if checked.holds:
            self.noted.append(f"{self.asking}, quarantine={modern(checked.holds)}")

    def define(self, name: str, value: str | None) -> None:
        self.engine.macros.define(name, value)
