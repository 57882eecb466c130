"""TLS and logins as main.cf asks for them: smtpd(8), TLS_README, SASL_README.

Grades of ciphers are what Postfix's own lists make of them; which ciphers OpenSSL has is another matter. Levels that
are for clients (verify, secure, ...) count as encrypt for a server. Logins are those of Dovecot's authentication
server: with another smtpd_sasl_type nobody can log in, which is reported (PF208).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from mailconf.model.security import KeyFiles, Logins, ServerTls, TlsTerms, TlsVersion
from mailconf.postfix.settings.configuration import Configuration

DOVECOT = "dovecot"
MAY, ENCRYPT = "may", "encrypt"
_ENCRYPTING = frozenset((ENCRYPT, "verify", "secure", "fingerprint", "dane", "dane-only"))
_VERSIONS = {
    "tlsv1": TlsVersion.V1_0,
    "tlsv1.0": TlsVersion.V1_0,
    "tlsv1.1": TlsVersion.V1_1,
    "tlsv1.2": TlsVersion.V1_2,
    "tlsv1.3": TlsVersion.V1_3,
}
# What the library calls the versions by number, as the lists may, too.
_NUMBERS = {0x0301: TlsVersion.V1_0, 0x0302: TlsVersion.V1_1, 0x0303: TlsVersion.V1_2, 0x0304: TlsVersion.V1_3}
_BOUND = re.compile(r"(>=|<=)\s*(\S+)\Z")
_GRADES = ("high", "medium", "low", "export", "null")


def server_level(c: Configuration) -> str:
    """ "none", "may" or "encrypt" (postconf(5) smtpd_tls_security_level and its forerunners)."""
    level = c.value("smtpd_tls_security_level").lower()
    if level in _ENCRYPTING:
        return ENCRYPT
    if level:
        return MAY if level == MAY else "none"
    if c.boolean("smtpd_enforce_tls"):
        return ENCRYPT
    return MAY if c.boolean("smtpd_use_tls") else "none"


def server_tls(c: Configuration) -> ServerTls | None:
    """What clients are offered; None where there is no TLS."""
    level, wrapper = server_level(c), c.boolean("smtpd_tls_wrappermode")
    if level == "none" and not wrapper:
        return None
    required = level == ENCRYPT
    asks, requires = c.boolean("smtpd_tls_ask_ccert"), c.boolean("smtpd_tls_req_ccert")
    return ServerTls(
        keys=tuple(_keys(c)),
        ca_file=c.value("smtpd_tls_CAfile"),
        ca_folder=c.value("smtpd_tls_CApath"),
        terms=terms(c, "smtpd", mandatory=required),
        ask=asks or (requires and (required or wrapper)),
        require=requires and (required or wrapper),
        wrapper=wrapper,
        required=required,
        digest=c.value("smtpd_tls_fingerprint_digest").lower(),
        in_header=c.boolean("smtpd_tls_received_header"),
        logged=_loglevel(c),
        timeout=c.seconds("smtpd_starttls_timeout"),
    )


def _loglevel(c: Configuration) -> int:
    value = c.value("smtpd_tls_loglevel")
    return int(value[:9]) if value.isascii() and value.isdigit() else 0


def _keys(c: Configuration) -> Iterator[KeyFiles]:
    """The files of certificates, in the order in which they are loaded."""
    chains = c.words("smtpd_tls_chain_files") if c.is_known("smtpd_tls_chain_files") else []
    if chains:
        yield from (KeyFiles(name, name) for name in chains)
        return
    for kind in ("", "ec", "d"):
        certificate = c.value(f"smtpd_tls_{kind}cert_file")
        if certificate and certificate != "none":
            yield KeyFiles(certificate, c.value(f"smtpd_tls_{kind}key_file") or certificate)


def terms(c: Configuration, program: str, *, mandatory: bool, protocols: str = "", grade: str = "") -> TlsTerms:
    """What TLS of ``program`` ("smtpd", "smtp", "lmtp") has to be; ``protocols`` and ``grade`` are a policy's own."""
    middle = "mandatory_" if mandatory else ""
    lowest, highest, without = versions(protocols or c.value(f"{program}_tls_{middle}protocols"))
    grade = (grade or c.value(f"{program}_tls_{middle}ciphers")).lower()
    excluded = c.words(f"{program}_tls_exclude_ciphers")
    if mandatory:
        excluded = [*excluded, *c.words(f"{program}_tls_mandatory_exclude_ciphers")]
    listed = c.value(f"tls_{grade}_cipherlist") if grade in _GRADES else c.value("tls_medium_cipherlist")
    names = (word for each in excluded for word in re.split(r"[:,\s]+", each) if word)
    return TlsTerms(lowest, highest, without, ":".join([listed, *(f"!{name}" for name in names)]))


def versions(value: str) -> tuple[TlsVersion, TlsVersion, frozenset[TlsVersion]]:
    """The lowest version, the highest, and those that are switched off (postconf(5) smtpd_tls_protocols)."""
    lowest, highest, without = TlsVersion.V1_0, TlsVersion.V1_3, set[TlsVersion]()
    named: set[TlsVersion] = set()
    for word in re.split(r"[,:\s]+", re.sub(r"([<>]=)\s+", r"\1", value)):
        if bound := _BOUND.match(word):
            version = _version(bound[2])
            if version is not None and bound[1] == ">=":
                lowest = version
            elif version is not None:
                highest = version
        elif word.startswith("!"):
            if (version := _version(word[1:])) is not None:
                without.add(version)
        elif (version := _version(word)) is not None:
            named.add(version)
    if named:
        without |= {version for version in TlsVersion if version not in named}
    return lowest, highest, frozenset(without)


def _version(word: str) -> TlsVersion | None:
    """None for one that is unknown, and for SSL, which nobody speaks any more."""
    if (found := _VERSIONS.get(word.lower())) is not None:
        return found
    try:
        return _NUMBERS.get(int(word, 16))
    except ValueError:
        return None


def auth_needs_tls(c: Configuration) -> bool:
    """Whether nobody can log in without TLS."""
    return c.boolean("smtpd_tls_auth_only") or server_level(c) == ENCRYPT


def logins(c: Configuration) -> Logins | None:
    """Who knows the clients' logins; None where nobody can log in."""
    if not c.boolean("smtpd_sasl_auth_enable") or c.value("smtpd_sasl_type").lower() != DOVECOT:
        return None
    path = c.value("smtpd_sasl_path")
    if path.startswith("unix:"):
        path = path[5:]
    if not path.startswith(("inet:", "/")):
        path = f"{c.value('queue_directory').rstrip('/')}/{path}"
    return Logins(
        server=path,
        service=c.value("smtpd_sasl_service") if c.is_known("smtpd_sasl_service") else "smtp",
        options=_options(c, "smtpd_sasl_security_options"),
        tls_options=_options(c, "smtpd_sasl_tls_security_options"),
        in_header=c.boolean("smtpd_sasl_authenticated_header"),
    )


def _options(c: Configuration, name: str) -> frozenset[str]:
    return frozenset(word.lower() for word in c.words(name))
