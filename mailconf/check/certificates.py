"""Dates of certificates, for both engines. They are read with the package cryptography, an extra."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mailconf.diagnostics import Severity, Sink, declare, warning
from mailconf.source import Span

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

CK093 = warning("CK093", "a certificate that is not valid today")
"""Why: neither Postfix nor sendmail looks at dates when it starts: it offers the certificate, and logs nothing. Clients
that verify it, as mail programs do, refuse to go on, and so does a server that verifies a client. Within
two weeks of the end it is a note.

Example: a file of smtpd_tls_cert_file whose certificate has expired, or is valid only from tomorrow on.

Remedy: renew the certificate, and reload Postfix or restart sendmail; correct the clock where that is wrong.

Source: RFC 5280 4.1.2.5; observed with Postfix 3.7.11: tests/live/test_certificates_live.py.
"""
CK094 = declare("CK094", Severity.NOTE, "the dates of certificates are not looked at")
"""Why: without the package cryptography mailconf reads no dates: an expired certificate is not found.

Example: any certificate, where the package cryptography is not installed.

Remedy: pip install 'mailconf[tls]'

Source: docs/dependencies.md.
"""

SOON = 14  # days before the end
MOST_CERTIFICATES = 20  # of a file; no chain is longer


def dates(name: str, path: str, data: bytes, span: Span | None, sink: Sink) -> bool:
    """Report certificates that are not valid today, or soon not; False, with CK094, where nobody can look.

    name   the setting that names the file; ``path``, ``data``: the file, and what it holds
    """
    try:
        from cryptography import x509
    except ImportError:
        message = "the dates of certificates are not looked at: the package cryptography is not installed"
        sink.report(CK094, message, span, hint="pip install 'mailconf[tls]'")
        return False
    try:
        found = x509.load_pem_x509_certificates(data)[:MOST_CERTIFICATES]
    except ValueError:  # another rule reports it
        return True
    for number, certificate in enumerate(found, 1):
        _judge(name, path, number, certificate, span, sink)
    return True


def _judge(name: str, path: str, number: int, certificate: Certificate, span: Span | None, sink: Sink) -> None:
    now = datetime.fromtimestamp(time.time(), UTC)
    first, last = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    which = f"the certificate in {path}" if number == 1 else f"certificate {number} in {path}"
    hint = "renew it, and reload or restart the server"
    if last < now:
        sink.report(CK093, f"{name}: {which} expired on {last:%Y-%m-%d}", span, hint=hint)
    elif first > now:
        message = f"{name}: {which} is valid only from {first:%Y-%m-%d} on"
        sink.report(CK093, message, span, hint="wait, or correct this machine's clock")
    elif (last - now).days < SOON:
        message = f"{name}: {which} expires on {last:%Y-%m-%d}"
        sink.report(CK093, message, span, hint=hint, severity=Severity.NOTE)


def belong_together(certificate: bytes, key: bytes) -> bool | None:
    """Whether a private key was made with the first certificate of a file; None where one cannot be read."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

    try:
        public = x509.load_pem_x509_certificate(certificate).public_key()
        private = load_pem_private_key(key, None)
    except (ValueError, TypeError):  # not PEM, or a key with a passphrase
        return None
    form = Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    return private.public_key().public_bytes(*form) == public.public_bytes(*form)
