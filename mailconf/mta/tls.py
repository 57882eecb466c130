"""The TLS of a configuration, made of its files: what a service offers, what a connection to another host asks for.

Keys are loaded at the start and at every reload, not for each session: a new certificate is in force after SIGHUP.
"""

from __future__ import annotations

import importlib.util
import ssl
import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from mailconf.files import Root
from mailconf.model.security import KeyFiles, ServerTls, TlsTerms, TlsVersion
from mailconf.model.session import ClientCertificate, Session
from mailconf.smtp.certificates import BadCertificate, KeyKind, fingerprint, key_kind, public_key
from mailconf.smtp.tls import TlsFacts, TlsFailed, TlsLayer

if TYPE_CHECKING:
    from OpenSSL import SSL

    from mailconf.smtp.tls_any import AnyLayer

_VERSIONS = {
    TlsVersion.V1_0: ssl.TLSVersion.TLSv1,
    TlsVersion.V1_1: ssl.TLSVersion.TLSv1_1,
    TlsVersion.V1_2: ssl.TLSVersion.TLSv1_2,
    TlsVersion.V1_3: ssl.TLSVersion.TLSv1_3,
}
_OFF = {
    TlsVersion.V1_0: ssl.OP_NO_TLSv1,
    TlsVersion.V1_1: ssl.OP_NO_TLSv1_1,
    TlsVersion.V1_2: ssl.OP_NO_TLSv1_2,
    TlsVersion.V1_3: ssl.OP_NO_TLSv1_3,
}
_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"


class TlsUnavailable(Exception):
    """The files or the terms are of no use; the message is the reason, ``file`` the one that is wrong, or ""."""

    def __init__(self, reason: str, file: str = "") -> None:
        super().__init__(reason)
        self.file = file


ServerLayer: TypeAlias = "TlsLayer | AnyLayer"


class Offered(NamedTuple):
    """What a service has to begin TLS with: the library's context, the kinds of its keys."""

    context: ssl.SSLContext
    keys: tuple[KeyKind, ...]
    asks: bool
    any: SSL.Context | None = None  # in the place of ``context``, for clients whose certificate may be any

    def layer(self, *, asks: bool = True) -> ServerLayer:
        """One connection's; ``asks``: whether this client is to be asked for a certificate."""
        if self.any is None:
            return TlsLayer(self.context, server_side=True, keys=self.keys)
        from mailconf.smtp.tls_any import AnyLayer

        return AnyLayer(self.any, asks=asks and self.asks)


def takes_any() -> bool:
    """Whether there is a library that takes certificates that nobody vouches for."""
    return importlib.util.find_spec("OpenSSL") is not None


def offered(tls: ServerTls, root: Root) -> Offered:
    """Raises TlsUnavailable."""
    if not tls.keys:
        raise TlsUnavailable("No server certs available. TLS won't be enabled")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    apply_terms(context, tls.terms)
    context.options |= ssl.OP_NO_RENEGOTIATION
    load_keys(context, tls.keys, root)
    asks = tls.ask and bool(tls.ca_file or tls.ca_folder)
    if tls.any:
        return Offered(context, (), asks and takes_any(), _any(tls, root) if takes_any() else None)
    if asks:
        trust(context, tls.ca_file, tls.ca_folder, root)
        context.verify_mode = ssl.CERT_OPTIONAL
    return Offered(context, tuple(_kinds(tls.keys, root)), asks)


def _any(tls: ServerTls, root: Root) -> SSL.Context:
    """The context for clients whose certificate may be any; the keys are good."""
    from OpenSSL import SSL

    from mailconf.smtp.tls_any import Trusted, context

    terms = tls.terms
    options = sum(_OFF[version] for version in TlsVersion if _is_off(version, terms))
    places = (tls.ca_file, tls.ca_folder, tls.revoked)
    trusted = Trusted(*(str(root.real(place)) if place else "" for place in places))
    try:
        found = context(trusted, terms.ciphers, terms.suites, options)
        use_keys(found, tls.keys, root)
    except (SSL.Error, OSError, ValueError, TypeError) as error:
        raise TlsUnavailable("the TLS library refuses the keys, the ciphers or who is trusted") from error
    return found


def use_keys(context: SSL.Context, keys: Iterable[KeyFiles], root: Root) -> None:
    """Give a context of pyOpenSSL its certificates. Raises SSL.Error, OSError, ValueError, TypeError."""
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    for files in keys:
        context.use_certificate_chain_file(str(root.real(files.certificate)))
        context.use_privatekey(load_pem_private_key(root.read(files.key), None))  # type: ignore[arg-type]


def _is_off(version: TlsVersion, terms: TlsTerms) -> bool:
    return version in terms.without or not terms.lowest <= version <= terms.highest


def apply_terms(context: ssl.SSLContext, terms: TlsTerms) -> None:
    """Raises TlsUnavailable where the ciphers are of no use."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of versions that the configuration asks for
        context.minimum_version, context.maximum_version = _VERSIONS[terms.lowest], _VERSIONS[terms.highest]
        for version in terms.without:
            context.options |= _OFF[version]
    try:
        if terms.ciphers:
            context.set_ciphers(terms.ciphers)
    except ssl.SSLError as error:
        raise TlsUnavailable(f'no cipher is left of "{terms.ciphers}"') from error


def load_keys(context: ssl.SSLContext, keys: Iterable[KeyFiles], root: Root) -> None:
    """Raises TlsUnavailable."""
    for files in keys:
        try:
            # A key that is encrypted is of no use: nobody is there who could be asked for its password.
            context.load_cert_chain(root.real(files.certificate), root.real(files.key), password=lambda: "")
        except (OSError, ValueError) as error:
            file = files.certificate if not root.is_file(files.certificate) else files.key
            raise TlsUnavailable(_plain(error), file) from error


def trust(context: ssl.SSLContext, file: str, folder: str, root: Root) -> None:
    """Raises TlsUnavailable."""
    try:
        context.load_verify_locations(
            root.real(file) if file else None,
            root.real(folder) if folder else None,
        )
    except OSError as error:
        raise TlsUnavailable(_plain(error), file or folder) from error


def _plain(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return (error.reason or str(error)).lower().replace("_", " ")
    return getattr(error, "strerror", None) or str(error)


def _kinds(keys: Iterable[KeyFiles], root: Root) -> Iterable[KeyKind]:
    for files in keys:
        text = root.read(files.certificate).decode("latin-1")
        begin, end = text.find(_BEGIN), text.find(_END)
        try:
            yield key_kind(ssl.PEM_cert_to_DER_cert(text[begin : end + len(_END)]))
        except (BadCertificate, ValueError):
            continue


def agreed_with(facts: TlsFacts) -> Session:
    """What is known of the TLS with another host, in the form that rulesets are asked in."""
    certificate = ClientCertificate(trusted=not facts.fault, data=facts.certificate, fault=facts.fault)
    return Session(
        tls_protocol=facts.protocol,
        tls_cipher=facts.cipher,
        tls_bits=facts.bits,
        certificate_asked=True,
        certificate=certificate if facts.certificate else None,
    )


def describe(session: Session, layer: ServerLayer, facts: TlsFacts, tls: ServerTls, offer: Offered) -> None:
    """Tell ``session`` what was agreed on with its client."""
    session.tls_protocol, session.tls_cipher, session.tls_bits = facts.protocol, facts.cipher, facts.bits
    session.certificate_asked = offer.asks and session.certificate_wanted
    session.certificate = _certificate(layer, facts, tls.digest) if facts.certificate else None
    session.tls_details = "\n".join(_details(facts))


def _certificate(layer: ServerLayer, facts: TlsFacts, digest: str) -> ClientCertificate:
    data = facts.certificate
    if not isinstance(layer, TlsLayer):
        return ClientCertificate(trusted=not facts.fault, data=data, fault=facts.fault)
    subject, issuer = layer.names()
    try:
        return ClientCertificate(
            subject, issuer, fingerprint(data, digest), fingerprint(public_key(data), digest), trusted=True
        )
    except ValueError:  # a digest that the library does not have
        return ClientCertificate(subject, issuer, trusted=True)


def _details(facts: TlsFacts) -> Iterable[str]:
    """How keys were exchanged and who signed how, by lines (TLS 1.3 alone)."""
    if facts.protocol != "TLSv1.3":
        return
    group, signature = facts.exchange
    parts = [f"key-exchange {group}"] if group else []
    if signature is not None:
        parts += _signed("server", *signature)
    if parts:
        yield " ".join(parts)
    if facts.certificate and (own := _scheme(facts.certificate)) is not None:
        yield " ".join(_signed("client", *own))


def _signed(who: str, name: str, key: str, digest: str) -> Iterable[str]:
    yield f"{who}-signature {name}" + (f" ({key})" if key else "")
    if digest:
        yield f"{who}-digest {digest}"


_DIGESTS = {"prime256v1": "SHA256", "secp384r1": "SHA384", "secp521r1": "SHA512"}


def _scheme(certificate: bytes) -> tuple[str, str, str] | None:
    """How a client with this certificate signs, as far as its key decides."""
    try:
        kind = key_kind(certificate)
    except BadCertificate:
        return None
    if kind.algorithm == "EC" and kind.detail in _DIGESTS:
        return "ECDSA", kind.detail, _DIGESTS[kind.detail]
    if kind.algorithm == "RSA":
        return "RSA-PSS", kind.detail, "SHA256"
    return (kind.algorithm, "", "") if kind.algorithm else None


def meant(layer: ServerLayer, data: bytes) -> tuple[bytes, TlsFailed | None]:
    """What ``data`` from a client mean; with the reason where they are no TLS: then there is nothing more to read."""
    try:
        return layer.receive_data(data), None
    except TlsFailed as failure:
        return b"", failure
