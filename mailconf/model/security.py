"""What a configuration asks of TLS and of logins: data, which the MTA acts by."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple


class TlsVersion(IntEnum):
    """Versions of TLS, in their order."""

    V1_0 = 1
    V1_1 = 2
    V1_2 = 3
    V1_3 = 4


class TlsTerms(NamedTuple):
    """Which TLS is good enough: the lowest and the highest version, those between them that are switched off, and the
    ciphers up to TLS 1.2 in OpenSSL's words."""

    lowest: TlsVersion = TlsVersion.V1_0
    highest: TlsVersion = TlsVersion.V1_3
    without: frozenset[TlsVersion] = frozenset()
    ciphers: str = ""


class KeyFiles(NamedTuple):
    """A key and its certificate, the certificates of issuers behind it; one file may have all of it."""

    certificate: str
    key: str


class ServerTls(NamedTuple):
    """What a service that takes mail offers (postconf(5) smtpd_tls_...).

    keys       files with the service's certificates
    ca_file    certificates of those that vouch for clients, "" for none; ``ca_folder`` the same as a directory
    ask        clients are asked for a certificate; ``require``: those without one are sent away
    wrapper    a session begins with TLS, without STARTTLS
    required   most commands wait for TLS
    digest     that of fingerprints
    in_header  the Received field tells of TLS
    logged     0: the log does not tell of connections that TLS protects
    timeout    of the handshake, seconds
    """

    keys: tuple[KeyFiles, ...] = ()
    ca_file: str = ""
    ca_folder: str = ""
    terms: TlsTerms = TlsTerms()
    ask: bool = False
    require: bool = False
    wrapper: bool = False
    required: bool = False
    digest: str = "sha256"
    in_header: bool = False
    logged: int = 0
    timeout: float = 300.0


class Logins(NamedTuple):
    """Who knows whether a client's login is good (postconf(5) smtpd_sasl_...).

    server             a socket of Dovecot's authentication server: "inet:host:port", or a path
    service            what the server is told that the login is for
    options            by which mechanisms are left out, in lower case; ``tls_options`` where TLS is in force
    in_header          the Received field names the account
    """

    server: str
    service: str = "smtp"
    options: frozenset[str] = frozenset()
    tls_options: frozenset[str] = frozenset()
    in_header: bool = False
