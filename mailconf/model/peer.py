"""A client as sendmail calls it: by the name that leads back to its address, or by the address.

Source: Sendmail Installation and Operation Guide 5.2 ($_, ${client_name}, ${client_ptr}, ${client_resolve}); sendmail
8.17.1.9 -bD.
"""

from __future__ import annotations

from typing import NamedTuple

from mailconf.model.session import NameOutcome, Session


class Peer(NamedTuple):
    """The address as it is shown, the name of the address that nobody has verified, the verified one, and all in one:
    ``name [address] (may be forged)``. In the place of a name that is not known stands ``[address]``."""

    address: str
    pointer: str
    name: str
    text: str
    outcome: NameOutcome


def peer_of(session: Session) -> Peer:
    outcome = session.client_name.outcome
    if outcome is NameOutcome.FAILED and session.reverse_name.is_found:  # there is a name, and it does not lead back
        outcome = NameOutcome.FORGED
    found = session.client_name if outcome is NameOutcome.FOUND else session.reverse_name
    address = f"IPv6:{session.client_address}" if ":" in session.client_address else session.client_address
    bracketed = f"[{address}]"
    forged = outcome is NameOutcome.FORGED
    pointer = found.text if found.is_found else bracketed
    before = "" if pointer == bracketed else f"{pointer} "
    text = f"{before}{bracketed}{' (may be forged)' if forged else ''}"
    return Peer(address, pointer, bracketed if forged else pointer, text, outcome)
