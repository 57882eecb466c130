"""Private keys and certificates that main.cf and services name: can TLS load them?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mailconf.check.subject import Subject
from mailconf.diagnostics import Sink, warning
from mailconf.postfix.settings.chain_files import MOST, ChainFile, ChainProblem, chain_problems, pair_problems
from mailconf.postfix.settings.configuration import Configuration
from mailconf.postfix.text.words import texts
from mailconf.source import Span

CK091 = warning("CK091", "a private key or certificate that TLS cannot load")
"""Why: with one such file the program logs a warning, "disabling TLS support", and goes on without TLS: smtpd answers
"454 4.7.0 TLS not available due to local problem" to STARTTLS, and its clients send in the clear or, where they need
TLS, not at all. In the files of ``smtpd_tls_chain_files`` each private key comes before its certificate, which comes
before those of its issuers.

Example:
    # main.cf
    smtpd_tls_chain_files = /etc/postfix/chain.pem
    # /etc/postfix/chain.pem
    -----BEGIN CERTIFICATE-----
    MAA=
    -----END CERTIFICATE-----

Remedy: write the objects of the file in their order, and name the private key for which the certificate was made.

Source: postconf(5), the parameters whose names end in ``_chain_files``, ``_cert_file`` and ``_key_file``; the problems
are those that Postfix 3.7.11 logs.
"""

_PREFIXES = ("smtpd_tls_", "smtp_tls_", "lmtp_tls_", "tlsproxy_tls_", "tlsproxy_client_")
_PAIRS = (("RSA", "cert_file", "key_file"), ("DSA", "dcert_file", "dkey_file"), ("ECDSA", "eccert_file", "eckey_file"))
_NONE = "none"  # postconf(5) smtpd_tls_cert_file: a server without a certificate


def chains(subject: Subject, sink: Sink) -> None:
    """Report files of main.cf and of services' ``-o`` that cannot be loaded; that one is missing, CK061 says."""
    for view, names in subject.configuration.views():
        for prefix in _PREFIXES:
            if view.is_known(f"{prefix}chain_files"):
                _of_program(subject, view, prefix, frozenset(names), sink)


def _of_program(subject: Subject, view: Configuration, prefix: str, names: frozenset[str], sink: Sink) -> None:
    chain = f"{prefix}chain_files"
    if value := view.value(chain):  # the others have no effect then
        if chain in names:
            found = _read(subject, texts(value))
            _report(view, chain, () if found is None else chain_problems(value, found), sink)
        return
    for kind, *pair in _PAIRS:
        certificate, key = (f"{prefix}{name}" for name in pair)
        if not names.isdisjoint((certificate, key)) and view.value(certificate).lower() not in ("", _NONE):
            found = _read(subject, (view.value(certificate), view.value(key)))
            if found is not None:
                _report(view, certificate if certificate in names else key, pair_problems(kind, *found), sink)


def certificate_files(subject: Subject) -> Iterator[tuple[str, str, bytes, Span | None]]:
    """The files with certificates that can be read: the parameter, the file's name and content, and the place."""
    for view, names in subject.configuration.views():
        for prefix in _PREFIXES:
            if not view.is_known(f"{prefix}chain_files"):
                continue
            listed = view.value(f"{prefix}chain_files")
            parameters = ("chain_files",) if listed else tuple(certificate for _, certificate, _ in _PAIRS)
            for parameter in (f"{prefix}{name}" for name in parameters):
                if parameter in frozenset(names):
                    for path in texts(view.value(parameter)):
                        for file in _read(subject, (path,)) or ():
                            yield parameter, path, file.content, view.place(parameter)


def _read(subject: Subject, names: Iterable[str]) -> list[ChainFile] | None:
    """The files; None where one cannot be read here."""
    try:
        return [ChainFile(name, subject.root.read(name, MOST)) for name in _placed(names)]
    except OSError:
        return None


def _placed(names: Iterable[str]) -> Iterator[str]:
    for name in names:
        if not name.startswith("/"):
            raise FileNotFoundError(name)  # it lies in the folder in which the program happens to run
        yield name


def _report(view: Configuration, name: str, problems: Iterable[ChainProblem], sink: Sink) -> None:
    for problem in problems:
        text = f"{problem.text}: TLS is switched off" if problem.fatal else problem.text
        sink.report(CK091, f"{name}: {text}", view.place(name), hint=problem.hint)
