"""An envelope recipient, from RCPT to its delivery."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import NamedTuple


class RecipientKind(Enum):
    """What a recipient's text is: sendmail has all four in the envelope of a message, Postfix only addresses."""

    ADDRESS = "address"
    COMMAND = "command"  # "|command line", as an alias or a ~/.forward names it
    FILE = "file"  # "/path"
    ERROR = "error"  # nothing is delivered to it; its text is the address that is in error


class Identity(NamedTuple):
    """With whose rights something is done on the machine: numbers of a user and of a group."""

    uid: int
    gid: int


@dataclass(slots=True)
class Recipient:
    """One envelope recipient.

    address   in internal form; of a COMMAND or FILE as it was written
    original  what RCPT TO said, before virtual aliases; ``orcpt`` and ``notify`` are the DSN parameters (RFC 3461)
    owner     the envelope sender that its deliveries have (aliases(5) owner-name), "" for the message's own
    identity  with whose rights a mailbox, file or command is opened; None for the default privileges
    controller  who named a COMMAND or FILE, as the log has it; "" for the recipient itself
    error     of an ERROR, the reply that says what is wrong, "550 5.1.1 User unknown"
    """

    address: str
    original: str = ""
    orcpt: str = ""
    notify: str = ""
    kind: RecipientKind = RecipientKind.ADDRESS
    owner: str = ""
    identity: Identity | None = None
    error: str = ""
    controller: str = ""

    @property
    def origin(self) -> str:
        """What RCPT TO said; the address itself where nothing stood for it."""
        return self.original or self.address

    def __str__(self) -> str:
        return self.address

    def at(self, address: str) -> Recipient:
        """The recipient that ``address`` is in the place of this one: same origin, same DSN parameters."""
        return replace(self, address=address, original=self.origin)
