"""What Postfix's programs log about TLS and logins (recorded from 3.7.11, tests/vectors and tests/live)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from mailconf.model.security import TlsLevel
from mailconf.model.session import Session
from mailconf.mta.journal import Line, LogEvent
from mailconf.smtp.reply import Reply

_ACCEPT = "smtpd"
_UNKNOWN = "(unavailable)"
_SHOWN = 100  # characters of what a client calls a mechanism


def _tls_withheld(client: str, service: str, wrapper: bool) -> Iterable[Line]:
    what = "TLS service" if wrapper else "STARTTLS"
    return ((_ACCEPT, f"warning: Refusing {what} request from {client} for service {service}"),)


def _tls_broken(reason: str, file: str) -> Iterable[Line]:
    if not file:
        yield _ACCEPT, f"warning: {reason}"
        return
    yield _ACCEPT, f'warning: cannot get private key from file "{file}": disabling TLS support'
    yield _ACCEPT, f"warning: TLS library problem: {reason}"


def _tls_begun(client: str, session: Session) -> Iterable[Line]:
    certificate = session.certificate
    trust = "Anonymous" if certificate is None else "Trusted" if certificate.trusted else "Untrusted"
    return ((_ACCEPT, f"{trust} TLS connection established from {client}: {_terms(session)}"),)


def _terms(session: Session) -> str:
    """What was agreed on, in one line."""
    bits = session.tls_bits
    agreed = f"{session.tls_protocol} with cipher {session.tls_cipher} ({bits}/{bits} bits)"
    return " ".join((agreed, *session.tls_details.splitlines()))


def _tls_failed(client: str, reason: str) -> Iterable[Line]:
    yield _ACCEPT, f"SSL_accept error from {client}: -1"
    yield _ACCEPT, f"warning: TLS library problem: {reason}"


def _login_failed(client: str, method: str, reply: Reply, account: str | None) -> Iterable[Line]:
    reason = reply.text.partition(": authentication failed: ")[2] or reply.text.partition("failure: ")[2]
    whose = _UNKNOWN if account is None else account
    said = f"SASL {method[:_SHOWN]} authentication failed: {reason}"
    return ((_ACCEPT, f"warning: {client}: {said}, sasl_username={whose}"),)


def _hop_tls_begun(program: str, relay: str, level: TlsLevel, facts: Any) -> Iterable[Line]:
    trust = "Verified" if level >= TlsLevel.FINGERPRINT else "Untrusted"
    return ((program, f"{trust} TLS connection established to {relay}: {facts.terms}"),)


def _hop_tls_failed(program: str, relay: str, reason: object, untrusted: bool) -> Iterable[Line]:
    if untrusted:
        yield program, f"certificate verification failed for {relay}: {reason}"
        return
    yield program, f"SSL_connect error to {relay}: -1"
    yield program, f"warning: TLS library problem: {reason}"


LINES: dict[LogEvent, Callable[..., Iterable[Line]]] = {
    LogEvent.TLS_WITHHELD: _tls_withheld,
    LogEvent.TLS_BROKEN: _tls_broken,
    LogEvent.TLS_BEGUN: _tls_begun,
    LogEvent.TLS_FAILED: _tls_failed,
    LogEvent.LOGIN_FAILED: _login_failed,
    LogEvent.HOP_TLS_BEGUN: _hop_tls_begun,
    LogEvent.HOP_TLS_FAILED: _hop_tls_failed,
}
