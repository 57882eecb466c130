"""What a configuration asks of TLS and of logins: data, which the MTA acts by."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import NamedTuple


class TlsVersion(IntEnum):
    """Versions of TLS, in their order."""

    V1_0 = 1
    V1_1 = 2
    V1_2 = 3
    V1_3 = 4


class TlsTerms(NamedTuple):
    """Which TLS is good enough: the lowest and the highest version, those between them that are switched off, and the
    ciphers up to TLS 1.2 and those of TLS 1.3 in OpenSSL's words."""

    lowest: TlsVersion = TlsVersion.V1_0
    highest: TlsVersion = TlsVersion.V1_3
    without: frozenset[TlsVersion] = frozenset()
    ciphers: str = ""
    suites: str = ""


class KeyFiles(NamedTuple):
    """A key and its certificate, the certificates of issuers behind it; one file may have all of it."""

    certificate: str
    key: str


class ServerTls(NamedTuple):
    """What a service that takes mail offers (postconf(5) smtpd_tls_...).

    keys       files with the service's certificates
    ca_file    certificates of those that vouch for clients, "" for none; ``ca_folder`` the same as a directory
    revoked    a file with certificates that do not count any more, "" for none
    any        whose certificate nobody vouches for is taken all the same, where the TLS library can do that; where it
               cannot, clients are not asked for one
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
    revoked: str = ""
    any: bool = False


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


class SaslLogins(NamedTuple):
    """How this host itself knows whether a client's login is good (sendmail; Cyrus SASL's pwcheck_method).

    realm       of accounts that name none
    methods     how a password is looked at, one after the other: "auxprop", "saslauthd"
    database    the file with the passwords, a hash file of Berkeley DB; "" for none
    socket      saslauthd's
    mechanisms  those that count, in upper case; None for all
    service     what saslauthd is told that the login is for
    """

    realm: str
    methods: tuple[str, ...] = ("auxprop",)
    database: str = ""
    socket: str = ""
    mechanisms: frozenset[str] | None = None
    service: str = "smtp"


class TlsLevel(IntEnum):
    """How much TLS a delivery to another host needs."""

    NONE = 0
    MAY = 1  # where the host offers it
    ENCRYPT = 2
    FINGERPRINT = 3  # and the host's certificate, or its key, is one of those that are named
    VERIFY = 4  # and somebody vouches for its certificate, for one of the names that count
    SECURE = 5  # the same, where no name counts that the DNS has said


class HopTls(NamedTuple):
    """What a delivery to another host asks of TLS.

    match        names that the certificate may have, a leading dot for any below it; fingerprints at that level
    wrapper      the session begins with TLS
    server_name  what the host is told that it is called, "" for nothing
    any          any certificate will do; what it proves is told
    retries      where TLS need not be, a message that has waited goes without it if the handshake fails
    status       the DSN status of a handshake that fails
    reuse        a connection with TLS may be kept for further messages
    """

    level: TlsLevel = TlsLevel.NONE
    match: tuple[str, ...] = ()
    terms: TlsTerms = TlsTerms()
    ca_file: str = ""
    ca_folder: str = ""
    keys: tuple[KeyFiles, ...] = ()
    wrapper: bool = False
    digest: str = "sha256"
    server_name: str = ""
    logged: int = 0
    timeout: float = 300.0
    any: bool = False
    retries: bool = True
    status: str = "4.7.5"
    reuse: bool = False


class Credentials(NamedTuple):
    """A login. Its text does not tell the password, so that no log can."""

    user: str
    password: str

    def __repr__(self) -> str:
        return f"Credentials({self.user!r}, ...)"

    def __str__(self) -> str:
        return repr(self)


class HopLogin(NamedTuple):
    """A login with another host; options, in lower case, leave mechanisms out: without TLS, with it, and where the
    host's certificate was verified.

    mechanisms  those that count, in upper case; None for all
    final       a login that is refused for good is no matter for another time
    other       as whom the user acts, "" for itself
    status      the DSN status of a login that fails for now; "" for that of the reply
    goes_on     the message goes without a login that is refused for good, or where none is offered
    """

    credentials: Credentials
    options: frozenset[str] = frozenset()
    tls_options: frozenset[str] = frozenset()
    verified_options: frozenset[str] = frozenset()
    mechanisms: frozenset[str] | None = None
    final: bool = False
    other: str = ""
    status: str = ""
    goes_on: bool = False


class Problem(NamedTuple):
    """In the dialect's words, with its DSN status."""

    text: str
    status: str


class HopAgreed(NamedTuple):
    """Whether what was agreed on with a host is good enough.

    problem  why not, for the host
    refused  why not, for recipients
    notes    lines for the log
    """

    problem: Problem | None = None
    refused: Mapping[str, Problem] = MappingProxyType({})
    notes: tuple[str, ...] = ()


class HopAsked(NamedTuple):
    """The host that `Policy.security` is asked about.

    transport    the one that delivers
    destination  the nexthop, as it is written
    host         the host's name; its port is ``port``. Of a UNIX socket its path, without a port: there is no TLS
    domain       the nexthop's domain or host, without brackets and port
    sender       of the message, in internal form
    address      the host's address
    refused      the code of the reply by which it has refused to begin TLS; 0 where it has not
    """

    transport: str
    destination: str
    host: str
    port: int
    domain: str
    sender: str
    address: str = ""
    refused: int = 0


class HopSecurity(NamedTuple):
    """What a delivery to one host asks for.

    problem   why there can be none now
    keep      connections for this destination are kept for further messages, whether there are any or not
    asked     what `Policy.agreed` is to be asked about, before the login, when it is known whether TLS is in force;
              None: it is not asked
    withheld  extensions, in capitals, that count as not offered by this host, ``silently`` for the log; None: those of
              the transport
    """

    tls: HopTls = HopTls()
    login: HopLogin | None = None
    problem: Problem | None = None
    keep: bool = False
    asked: HopAsked | None = None
    withheld: frozenset[str] | None = None
    silently: bool = False
