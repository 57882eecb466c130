"""TLS of a connection to another host: the context, the handshake, and whether the host is who it has to be."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TypeAlias

from mailconf.files import Root
from mailconf.model.security import HopTls, TlsLevel
from mailconf.mta.hop_connection import HopConnection
from mailconf.mta.tls import TlsUnavailable, apply_terms, load_keys, takes_any, trust, use_keys
from mailconf.smtp.certificates import BadCertificate, fingerprint, public_key
from mailconf.smtp.tls import TlsFailed, TlsLayer

if TYPE_CHECKING:
    from OpenSSL import SSL

    from mailconf.smtp.tls_any import AnyLayer

HostLayer: TypeAlias = "TlsLayer | AnyLayer"
KEPT = 60.0


def context_of(tls: HopTls, root: Root) -> ssl.SSLContext:
    """Raises TlsUnavailable."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False  # which names count is the configuration's to say: `objection`
    apply_terms(context, tls.terms)
    context.options |= ssl.OP_NO_RENEGOTIATION
    load_keys(context, tls.keys, root)
    if tls.level >= TlsLevel.VERIFY:
        context.verify_mode = ssl.CERT_REQUIRED
        if tls.ca_file or tls.ca_folder:
            trust(context, tls.ca_file, tls.ca_folder, root)
    else:
        context.verify_mode = ssl.CERT_NONE
    return context


def any_context_of(tls: HopTls, root: Root) -> SSL.Context:
    """The context for hosts whose certificate may be any. Raises TlsUnavailable."""
    from OpenSSL import SSL

    from mailconf.smtp.tls_any import Trusted, context

    folder = tls.ca_folder if tls.ca_folder and root.is_folder(tls.ca_folder) else ""
    file = tls.ca_file if tls.ca_file and root.is_file(tls.ca_file) else ""
    try:
        found = context(Trusted(*(str(root.real(each)) if each else "" for each in (file, folder))), server=False)
        use_keys(found, tls.keys, root)
    except (SSL.Error, OSError, ValueError, TypeError) as error:
        raise TlsUnavailable("the TLS library refuses the keys, or who is trusted") from error
    return found


class Contexts:
    """The contexts of an agent, each for `KEPT` seconds: certificates of authorities are many, and files change."""

    def __init__(self, root: Root, clock: Callable[[], float] = time.monotonic) -> None:
        self._root = root
        self._clock = clock
        self._made: dict[HopTls, tuple[float, ssl.SSLContext | SSL.Context]] = {}

    def layer(self, tls: HopTls) -> HostLayer:
        """For one connection. Raises TlsUnavailable."""
        context = self.of(tls)
        if isinstance(context, ssl.SSLContext):
            return TlsLayer(context, server_side=False, server_name=tls.server_name or None)
        from mailconf.smtp.tls_any import AnyLayer

        return AnyLayer(context, server_side=False, name=tls.server_name)

    def of(self, tls: HopTls) -> ssl.SSLContext | SSL.Context:
        """Raises TlsUnavailable."""
        key, now = tls._replace(match=(), server_name=""), self._clock()
        known = self._made.get(key)
        if known is not None and now - known[0] < KEPT:
            return known[1]
        self._made = {each: made for each, made in self._made.items() if now - made[0] < KEPT}
        context: ssl.SSLContext | SSL.Context
        context = any_context_of(tls, self._root) if tls.any and takes_any() else context_of(tls, self._root)
        self._made[key] = (now, context)
        return context


async def shake(layer: HostLayer, connection: HopConnection, patience: float) -> bytes:
    """The handshake; what the host has said behind it. Raises TlsFailed, TimeoutError, OSError, EOFError."""
    said = b""
    try:
        async with asyncio.timeout(patience or None):
            while True:
                await connection.write(layer.data_to_send(), None)
                if layer.established:
                    return said
                data = await connection.read(None)
                if not data:
                    raise EOFError
                said = layer.receive_data(data)
    except TlsFailed:
        await connection.write(layer.data_to_send(), patience)  # the alert
        raise


def is_meant(tls: HopTls, layer: HostLayer) -> bool:
    """Whether the host has the certificate or the name that counts."""
    if not isinstance(layer, TlsLayer):
        return True
    if tls.level is TlsLevel.FINGERPRINT:
        return _has_fingerprint(layer.facts().certificate, tls.match, tls.digest)
    if tls.level < TlsLevel.VERIFY:
        return True
    names = layer.alternative_names()
    return any(matches(name.lower(), pattern) for name in names for pattern in tls.match)


def _has_fingerprint(certificate: bytes, known: Iterable[str], digest: str) -> bool:
    try:
        found = {fingerprint(certificate, digest), fingerprint(public_key(certificate), digest)}
    except (BadCertificate, ValueError):
        return False
    return not found.isdisjoint(known)


def matches(name: str, pattern: str) -> bool:
    """Whether a certificate's name, in lower case, is what a pattern means: the name itself, or with a leading dot any
    below it. ``*.`` in the certificate stands for one label."""
    name, pattern = name.rstrip("."), pattern.rstrip(".")
    if pattern.startswith("."):
        return name.endswith(pattern) and len(name) > len(pattern)
    if name.startswith("*."):
        label, dot, rest = pattern.partition(".")
        return bool(label and dot) and rest == name[2:]
    return name == pattern
