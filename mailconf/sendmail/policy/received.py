"""The field Received, by the line ``HReceived:`` of a sendmail.cf.

Source: Sendmail Installation and Operation Guide 5.1.4 (H lines), 5.2 (macros); sendmail 8.17.1.9 -bD.
"""

from __future__ import annotations

from typing import Protocol

from mailconf.model.peer import peer_of
from mailconf.model.session import Session
from mailconf.model.site import Site
from mailconf.sendmail.policy.session_state import latin, modern
from mailconf.sendmail.policy.session_tls import login_macros, tls_macros
from mailconf.sendmail.policy.settings import Compiled
from mailconf.sendmail.rules.dates import dated

_MOST = 8192  # characters
_LOCAL = "localhost"  # where a message is this host's own


class Came(Protocol):
    """How a message came: `mailconf.mta.hop.Hop`."""

    @property
    def queue_id(self) -> str: ...
    @property
    def arrival(self) -> float: ...
    @property
    def session(self) -> Session | None: ...
    @property
    def recipients(self) -> tuple[str, ...]: ...


class ReceivedField:
    """A `mailconf.mta.hop.HopField`."""

    def __init__(self, policy: Compiled) -> None:
        self._policy = policy

    def received(self, hop: Came, site: Site, *, hides_client: bool = False) -> str:
        """With several recipients no recipient is named. "" where the configuration has no such line."""
        book = self._policy.book
        line = next((line for line in book.added_headers if line.name.lower() == "received"), None)
        if line is None:
            return ""
        macros = book.macros.above()
        for name, value in hop_macros(hop, self._policy).items():
            macros.define(name, value)
        value = macros.expand(line.value, lambda message: None)[:_MOST].strip()
        return modern(f"{line.name}: {value}")


def hop_macros(hop: Came, policy: Compiled | None = None) -> dict[str, str | None]:
    """The macros that tell how a message came, by their names."""
    session = hop.session
    values: dict[str, str | None] = {"i": hop.queue_id, "b": dated(hop.arrival), "u": None}
    if session is None:
        return {**values, "s": _LOCAL, "_": _LOCAL, "r": None}
    peer = peer_of(session)
    if len(hop.recipients) == 1:
        values["u"] = latin(f"<{hop.recipients[0]}>")
    said = session.helo
    return {
        **values,
        "s": latin(peer.pointer if said is None else said),
        "_": latin(peer.text),
        "r": session.spoken or session.protocol,
        **(tls_macros(policy, session) if session.tls_protocol else {}),
        **login_macros(session),
    }
