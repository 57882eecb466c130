"""Dates of the certificates that main.cf and services name."""

from __future__ import annotations

from mailconf.check import certificates
from mailconf.check.postfix.chains import certificate_files
from mailconf.check.subject import Subject
from mailconf.diagnostics import Sink


def dates(subject: Subject, sink: Sink) -> None:
    """Report certificates that are not valid yet, not any more, or soon not; or that nobody can look (CK094)."""
    seen: set[str] = set()
    for name, path, data, span in certificate_files(subject):
        if path not in seen:
            seen.add(path)
            if not certificates.dates(name, path, data, span, sink):
                return
