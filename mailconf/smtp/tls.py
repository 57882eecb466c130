"""A layer of TLS between a connection and who speaks SMTP over it, on either side, without a socket.

Bytes of the connection go in by `TlsLayer.receive_data`, which gives what they mean; `TlsLayer.send` takes what is to
be said. After either, `data_to_send` has what the connection is to carry: the handshake, too, and what ends TLS.

What arrives before the handshake is over is never taken for something that was said under its protection: who speaks
SMTP drops what it holds before the layer is put in (RFC 3207 6).
"""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from typing import Any, NamedTuple

from mailconf.smtp.certificates import KeyKind
from mailconf.smtp.hellos import Exchange, exchange

_READ = 65_536
_KEPT = 32_768  # bytes of a handshake that are looked at
_PROTOCOLS = {"TLSv1.0": "TLSv1"}


class TlsFailed(Exception):
    """The handshake failed, or what came is not TLS; the message is the library's reason.

    untrusted  it failed for the certificate of the other side
    """

    def __init__(self, error: Exception) -> None:
        super().__init__(_reason(error))
        self.untrusted = isinstance(error, ssl.SSLCertVerificationError)


class TlsFacts(NamedTuple):
    """What was agreed on.

    certificate  the other side's as DER, b"" without one
    fault        why nobody vouches for it, "" where somebody does
    """

    protocol: str
    cipher: str
    bits: int
    exchange: Exchange = Exchange()
    certificate: bytes = b""
    fault: str = ""

    @property
    def terms(self) -> str:
        """Version and cipher, as logs have them."""
        return f"{self.protocol} with cipher {self.cipher} ({self.bits}/{self.bits} bits)"


class TlsLayer:
    """One connection's.

    keys  those of the server's certificates, to say how it signs

    ``established`` is whether the handshake is over, ``closed`` whether the other side has ended TLS.
    """

    def __init__(
        self,
        context: ssl.SSLContext,
        *,
        server_side: bool,
        server_name: str | None = None,
        keys: Sequence[KeyKind] = (),
    ) -> None:
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._object = context.wrap_bio(self._in, self._out, server_side=server_side, server_hostname=server_name)
        self._keys = keys
        self._received, self._sent = bytearray(), bytearray()  # of the handshake
        self.established = False
        self.closed = False
        if not server_side:
            self._shake()

    def receive_data(self, data: bytes) -> bytes:
        """What the other side says with ``data``. Raises TlsFailed; `data_to_send` has the alert then."""
        self._in.write(data)
        if not self.established:
            self._received += data[: _KEPT - len(self._received)]
            if not self._shake():
                return b""
        said = bytearray()
        try:
            while not self.closed:
                piece = self._object.read(_READ)
                said += piece
                self.closed = not piece
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.closed = True
        except ssl.SSLError as error:
            raise TlsFailed(error) from error
        return bytes(said)

    def _shake(self) -> bool:
        try:
            self._object.do_handshake()
        except ssl.SSLWantReadError:
            return False
        except (ssl.SSLError, ValueError) as error:
            raise TlsFailed(error) from error
        self.established = True
        return True

    def send(self, data: bytes) -> None:
        """Say ``data``. Raises TlsFailed."""
        view = memoryview(data)
        while view:
            try:
                view = view[self._object.write(view) :]
            except ssl.SSLError as error:
                raise TlsFailed(error) from error

    def data_to_send(self) -> bytes:
        """What the connection is to carry now; it is handed out once."""
        data = self._out.read()
        if len(self._sent) < _KEPT:
            self._sent += data[: _KEPT - len(self._sent)]
        return data

    def close(self) -> None:
        """End TLS: the other side is told."""
        try:
            self._object.unwrap()
        except (ssl.SSLError, ValueError):  # it does not answer, or there was no handshake
            pass

    @property
    def resumed(self) -> bool:
        """Whether the handshake went on with an earlier TLS session."""
        return bool(self._object.session_reused)

    def facts(self) -> TlsFacts:
        """After the handshake."""
        cipher = self._object.cipher()
        version = self._object.version() or ""
        name, _, bits = cipher if cipher is not None else ("", "", 0)
        found = Exchange()
        if version == "TLSv1.3" and self._object.server_side:
            found = exchange(bytes(self._received), bytes(self._sent), self._keys)
        certificate = self._object.getpeercert(binary_form=True) or b""
        return TlsFacts(_PROTOCOLS.get(version, version), name, bits, found, certificate)

    def names(self) -> tuple[str, str]:
        """The common names of the other side's certificate and of its issuer, of a certificate that was verified."""
        found = self._object.getpeercert() or {}
        return _common_name(found.get("subject")), _common_name(found.get("issuer"))

    def alternative_names(self) -> tuple[str, ...]:
        """The names of hosts of the other side's certificate, verified; its common name where it has none."""
        found = self._object.getpeercert() or {}
        listed: Any = found.get("subjectAltName", ())
        names = tuple(str(value) for kind, value in listed if kind == "DNS")
        common = _common_name(found.get("subject"))
        return names or ((common,) if common else ())


def _common_name(name: object) -> str:
    """The last one of a name as the library has it."""
    pairs = [pair for part in (name if isinstance(name, tuple) else ()) for pair in part]
    return next((str(value) for key, value in reversed(pairs) if key == "commonName"), "")


def _reason(error: Exception) -> str:
    """In the library's words, without the place in its source."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    reason = getattr(error, "reason", None)
    return reason.lower().replace("_", " ") if isinstance(reason, str) and reason else str(error)
