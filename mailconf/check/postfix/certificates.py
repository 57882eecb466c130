"""Dates of the certificates that main.cf and services name. They are read with the package cryptography, an extra."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mailconf.check.postfix.chains import certificate_files
from mailconf.check.subject import Subject
from mailconf.diagnostics import Severity, Sink, declare, warning
from mailconf.source import Span

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

CK093 = warning("CK093", "a certificate that is not valid today")
"""Why: Postfix looks at no date when it starts: it offers the certificate, and logs nothing. Clients that verify it, as
mail programs do, refuse to go on; a server that verifies a client's certificate does the same. Within two weeks of the
end it is a note.

Example: a file of smtpd_tls_cert_file whose certificate has expired, or is valid only from tomorrow on.

Remedy: renew the certificate, and reload Postfix; correct the clock where that is wrong.

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


def dates(subject: Subject, sink: Sink) -> None:
    """Report certificates that are not valid yet, not any more, or soon not; or that nobody can look (CK094)."""
    seen: set[str] = set()
    for name, path, data, span in certificate_files(subject):
        if path in seen:
            continue
        seen.add(path)
        try:
            from cryptography import x509
        except ImportError:
            message = "the dates of certificates are not looked at: the package cryptography is not installed"
            sink.report(CK094, message, span, hint="pip install 'mailconf[tls]'")
            return
        try:
            found = x509.load_pem_x509_certificates(data)[:MOST_CERTIFICATES]
        except ValueError:  # CK091 reports it
            continue
        for number, certificate in enumerate(found, 1):
            _judge(name, path, number, certificate, span, sink)


def _judge(name: str, path: str, number: int, certificate: Certificate, span: Span | None, sink: Sink) -> None:
    now = datetime.fromtimestamp(time.time(), UTC)
    first, last = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    which = f"the certificate in {path}" if number == 1 else f"certificate {number} in {path}"
    hint = "renew it, and reload Postfix"
    if last < now:
        sink.report(CK093, f"{name}: {which} expired on {last:%Y-%m-%d}", span, hint=hint)
    elif first > now:
        message = f"{name}: {which} is valid only from {first:%Y-%m-%d} on"
        sink.report(CK093, message, span, hint="wait, or correct this machine's clock")
    elif (last - now).days < SOON:
        message = f"{name}: {which} expires on {last:%Y-%m-%d}"
        sink.report(CK093, message, span, hint=hint, severity=Severity.NOTE)
