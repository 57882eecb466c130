"""An envelope recipient, from RCPT to its delivery."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Recipient:
    """One envelope recipient. ``address`` is in internal form.

    original  what RCPT TO said, before virtual aliases; ``orcpt`` and ``notify`` are the DSN parameters (RFC 3461)
    """

    address: str
    original: str = ""
    orcpt: str = ""
    notify: str = ""

    @property
    def origin(self) -> str:
        """What RCPT TO said; the address itself where nothing stood for it."""
        return self.original or self.address
