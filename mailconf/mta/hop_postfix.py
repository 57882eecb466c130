"""The Received field as Postfix writes it (smtpd(8), cleanup(8))."""

from __future__ import annotations

from mailconf.model.address import external
from mailconf.model.session import Session
from mailconf.model.site import Site
from mailconf.model.transaction import HELO_NEUTRAL
from mailconf.mta.hop import Hop, date


class PostfixHop:
    def received(self, hop: Hop, site: Site, *, hides_client: bool = False) -> str:
        """With several recipients no recipient is named."""
        user = "" if hop.user is None else f", from userid {hop.user}"
        receiver, when = f"by {site.hostname.value} ({site.mail_name}{user})", date(hop.arrival)
        if hop.session is None:
            return f"Received: {receiver}\n\tid {hop.queue_id}; {when}"
        if hides_client:
            lines = [f"Received: {receiver} id {hop.queue_id}"]
        else:
            lines = [_client(hop.session), f"\t{receiver} with {_protocol(hop.session)} id {hop.queue_id}"]
        if len(hop.recipients) == 1:
            lines.append(f"\tfor <{external(hop.recipients[0])}>; {when}")
        else:
            lines[-1] += ";"
            lines.append(f"\t{when}")
        return "\n".join(lines)


def _client(session: Session) -> str:
    """Its name as the client gave it, then as it was found."""
    helo = (session.helo or session.client_name.text).translate(HELO_NEUTRAL)
    address = f"IPv6:{session.client_address}" if ":" in session.client_address else session.client_address
    return f"Received: from {helo} ({session.client_name} [{address}])"


def _protocol(session: Session) -> str:
    """RFC 3848's name of the protocol, and RFC 6531's."""
    name = "UTF8SMTP" if "SMTPUTF8" in session.sender_parameters else session.protocol
    return f"{name}A" if session.sasl_username else name
