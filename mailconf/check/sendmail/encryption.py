"""STARTTLS: the files without which sendmail does not offer it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailconf.diagnostics import Severity, error

if TYPE_CHECKING:
    from mailconf.check.sendmail.subject import Written
    from mailconf.diagnostics import Sink

SM033 = error("SM033", "STARTTLS that sendmail does not offer, for want of a file")
"""Why: sendmail offers STARTTLS where it has four things: a certificate, its key, a file and a directory of
certificates of authorities. Where one of them is not set, is no absolute path or, but for the directory, does not
exist, it logs "STARTTLS: ServerKeyFile missing" and the like, and clients send in the clear.

Example:
    # sendmail.mc
    define(`confSERVER_CERT', `/etc/mail/tls/mail.pem')dnl

Remedy: set confSERVER_CERT, confSERVER_KEY, confCACERT and confCACERT_PATH to absolute paths of files that exist.

Source: cf/README, "STARTTLS"; the log of sendmail 8.17.1.9 with each of them left out, and EHLO.
"""

_CERT, _KEY = "ServerCertFile", "ServerKeyFile"
_CA, _PATH = "CACertFile", "CACertPath"
_NAMES = {_CERT: "confSERVER_CERT", _KEY: "confSERVER_KEY", _CA: "confCACERT", _PATH: "confCACERT_PATH"}


def certificates(subject: Written, sink: Sink) -> None:
    """SM033: the settings of the server's TLS."""
    set_ = {option: subject.option(option) for option in _NAMES if subject.option(option).value}
    if not set_.keys() & {_CERT, _KEY}:
        return
    name = {option: subject.write(mc, option) for option, mc in _NAMES.items()}
    for one, other in ((_CERT, _KEY), (_KEY, _CERT)):
        if one in set_ and other not in set_:
            what = "key" if other == _KEY else "certificate"
            message = f"STARTTLS is not offered: {name[one]} is set, and {name[other]}, its {what}, is not"
            value = f"/etc/mail/tls/{what}.pem"
            hint = subject.write(f"write define(`{_NAMES[other]}', `{value}')dnl", f"write O {other}={value}")
            sink.report(SM033, message, set_[one].span, hint=hint)
            return
    missing = [option for option in (_CA, _PATH) if option not in set_]
    if missing:
        names = " and ".join(name[option] for option in missing)
        message = f"STARTTLS is not offered: {names} {'are' if len(missing) > 1 else 'is'} not set"
        hint = "set it as well: " + ", ".join(
            subject.write(f"define(`{_NAMES[option]}', `{_usual(option)}')dnl", f"O {option}={_usual(option)}")
            for option in missing
        )
        severity = Severity.NOTE if len(missing) > 1 else None
        sink.report(SM033, message, set_[_CERT].span, hint=hint, severity=severity)


def _usual(option: str) -> str:
    return "/etc/ssl/certs" if option == _PATH else "/etc/ssl/certs/ca-certificates.crt"
