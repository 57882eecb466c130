"""The Received field as Postfix writes it (smtpd(8), cleanup(8))."""

from __future__ import annotations

from collections.abc import Iterator

from mailconf.model.address import external
from mailconf.model.security import Logins
from mailconf.model.session import Session
from mailconf.model.site import Site
from mailconf.model.transaction import HELO_NEUTRAL
from mailconf.mta.hop import Hop, date

# What ends a comment or a line does not stand in one.
_IN_COMMENT = str.maketrans(dict.fromkeys('()\\"\r\n\t\0', "?"))


class PostfixHop:
    def received(self, hop: Hop, site: Site, *, hides_client: bool = False) -> str:
        """With several recipients no recipient is named."""
        user = "" if hop.user is None else f", from userid {hop.user}"
        receiver, when = f"by {site.hostname.value} ({site.mail_name}{user})", date(hop.arrival)
        if hop.session is None:
            return f"Received: {receiver}\n\tid {hop.queue_id}; {when}"
        number = f" id {hop.queue_id}" if hop.queue_id else ""  # a message that is not queued here has none
        if hides_client:
            lines = [f"Received: {receiver}{number}"]
        else:
            lines = [_client(hop.session), *_security(hop.session, site)]
            lines.append(f"\t{receiver} with {_protocol(hop.session)}{number}")
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
    if session.protocol != "ESMTP":
        return name
    return name + ("S" if session.tls_protocol else "") + ("A" if session.sasl_username else "")


def _security(session: Session, site: Site) -> Iterator[str]:
    """TLS and the login, where the configuration wants them told (smtpd_tls_received_header,
    smtpd_sasl_authenticated_header)."""
    if session.tls_protocol and site.tls is not None and site.tls.in_header:
        agreed = f"{session.tls_protocol} with cipher {session.tls_cipher}"
        details = "".join(f"\n\t {line}" for line in session.tls_details.splitlines())
        yield f"\t(using {agreed} ({session.tls_bits}/{session.tls_bits} bits){details})"
        yield f"\t({_certificate(session)})"
    if session.sasl_username and isinstance(site.logins, Logins) and site.logins.in_header:
        account = session.sasl_username.translate(_IN_COMMENT)
        yield f"\t(Authenticated sender: {account})"


def _certificate(session: Session) -> str:
    found = session.certificate
    if found is None:
        return (
            "Client did not present a certificate" if session.certificate_asked else "No client certificate requested"
        )
    subject, issuer = (name.translate(_IN_COMMENT) for name in (found.subject, found.issuer))
    return f'Client CN "{subject}", Issuer "{issuer}" ({"verified OK" if found.trusted else "not verified"})'
