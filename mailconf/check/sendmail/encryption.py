"""STARTTLS: the files without which sendmail does not offer it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailconf.diagnostics import Severity, error

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailconf.check.sendmail.subject import Written
    from mailconf.diagnostics import Sink
    from mailconf.model.site import Setting

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

SM048 = error("SM048", "a private key that sendmail does not use")
"""Why: sendmail uses a key that its owner alone can read, and that was made with the certificate. With another one it
logs "file unsafe: Group readable file" or "error: SSL_CTX_check_private_key failed", and does not offer STARTTLS.

Example: a file of confSERVER_KEY with the mode 644.

Remedy: run chmod 600 on the key, or set confDONT_BLAME_SENDMAIL to GroupReadableKeyFile where a group has to read it;
name the key with which the certificate was made.

Source: cf/README, "STARTTLS"; Sendmail Installation and Operation Guide, DontBlameSendmail; observed with sendmail
8.17.1.9 -d96.9.
"""

_MOST = 1 << 20  # bytes of a file with a key or certificates
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
    elif not _missing_files(subject, set_, name, sink):
        _pair(subject, set_, name, sink)


def _usual(option: str) -> str:
    return "/etc/ssl/certs" if option == _PATH else "/etc/ssl/certs/ca-certificates.crt"


def _files(setting: Setting[str]) -> list[str]:
    """The files of an option: one for each kind of key, with commas between them."""
    return [word.strip() for word in setting.value.split(",") if word.strip()]


def _missing_files(subject: Written, set_: Mapping[str, Setting[str]], name: Mapping[str, str], sink: Sink) -> bool:
    """Report files that are not there; of folders that are elsewhere a copy of a configuration knows nothing."""
    found = False
    for option in (_CERT, _KEY, _CA):
        for path in _files(set_[option]):
            if "$" in path or (path.startswith("/") and not _is_absent(subject, path)):
                continue
            found = True
            why = "which does not exist" if path.startswith("/") else "which is no absolute path"
            message = f"STARTTLS is not offered: {name[option]} names {path}, {why}"
            sink.report(SM033, message, set_[option].span, hint="name a file that is there")
    return found


def _is_absent(subject: Written, path: str) -> bool:
    try:
        return subject.root.covers(path) and not subject.root.exists(path)
    except OSError:
        return False


def _pair(subject: Written, set_: Mapping[str, Setting[str]], name: Mapping[str, str], sink: Sink) -> None:
    """Report a key that sendmail refuses, one of another certificate, and the dates of the certificates."""
    from mailconf.check import certificates as common

    blame = subject.option("DontBlameSendmail").value.lower()
    refused = 0o037 if "groupreadablekeyfile" in blame else 0o077
    read: dict[str, list[bytes]] = {_CERT: [], _KEY: []}
    for option, contents in read.items():
        for path in _files(set_[option]):
            try:
                contents.append(subject.root.read(path, _MOST))
                mode = subject.root.stat(path).st_mode
            except OSError:
                continue
            if option == _KEY and mode & refused and not subject.root.covers("/etc/passwd"):
                continue  # a copy in a repository, whose modes are not those of the machine
            if option == _KEY and mode & refused:
                message = f"STARTTLS is not offered: others can read or write {path} ({mode & 0o777:o})"
                hint = f"run chmod 600 {path}, or set confDONT_BLAME_SENDMAIL to GroupReadableKeyFile"
                sink.report(SM048, message, set_[_KEY].span, hint=hint)
                return
    for path, data in zip(_files(set_[_CERT]), read[_CERT], strict=False):
        if not common.dates(name[_CERT], path, data, set_[_CERT].span, sink):
            return
    for certificate, key in zip(read[_CERT], read[_KEY], strict=False):
        if common.belong_together(certificate, key) is False:
            message = f"STARTTLS is not offered: {name[_KEY]} was not made with the certificate of {name[_CERT]}"
            sink.report(SM048, message, set_[_KEY].span, hint="name the key with which the certificate was made")
            return
