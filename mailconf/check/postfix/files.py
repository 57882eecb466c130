"""Files that main.cf names: do they exist below the root?"""

from __future__ import annotations

from mailconf.check.subject import Subject
from mailconf.diagnostics import Sink, warning
from mailconf.postfix.text.words import texts

CK061 = warning("CK061", "a file that main.cf names does not exist")
"""Why: a program that needs the file works without it or stops. Where a certificate is missing, smtpd logs a warning,
"TLS won't be enabled", and its clients send in the clear or not at all.

Example:
    # main.cf
    smtpd_tls_cert_file = /etc/postfix/server.pem

Remedy: create the file, correct its name, or unset the parameter.

Source: postconf(5), the parameters whose names end in _file, _CAfile and _chain_files; observed with Postfix 3.7.11.
"""

_FILES = ("_file", "_CAfile", "_cert_file", "_key_file", "_chain_files")


def existing(subject: Subject, sink: Sink) -> None:
    """Files that main.cf or an override names (certificates, keys, templates, ...)."""
    for name in subject.configuration.names():
        if not name.endswith(_FILES) or name == "maillog_file" or name not in subject.postfix.parameters:
            continue
        for path in texts(subject.configuration.value(name)):
            if path.startswith("/") and not path.startswith("/dev/") and not _exists(subject, path):
                message = f"{path}, which {name} names, does not exist"
                span = subject.configuration.place(name)
                sink.report(CK061, message, span, hint=f"create it, or unset {name}", cause=path)


def _exists(subject: Subject, path: str) -> bool:
    try:
        return subject.root.exists(path) or not subject.root.covers(path)
    except OSError:
        return True  # it cannot be looked at, or only Postfix can
