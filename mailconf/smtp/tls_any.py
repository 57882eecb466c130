"""TLS that takes every certificate of the other side, also those that nobody vouches for, and says what they prove.

`AnyLayer` is used as `mailconf.smtp.tls.TlsLayer` is. Python's own ssl ends the handshake where a certificate is
not trusted, so this one is made with pyOpenSSL, which is installed with mailconf's extra ``tls``.

A session is never resumed: what a certificate was found to be is known of the handshake at which it was shown, alone.
"""

from __future__ import annotations

from typing import NamedTuple

from OpenSSL import SSL, crypto

from mailconf.smtp.tls import TlsFacts, TlsFailed

_READ = 65_536
_MOST = 262_144  # bytes that are read of the library at once
# What X509_verify_cert_error_string(3) has for the usual ones.
_FAULTS = {
    2: "unable to get issuer certificate",
    3: "unable to get certificate CRL",
    7: "certificate signature failure",
    9: "certificate is not yet valid",
    10: "certificate has expired",
    18: "self-signed certificate",
    19: "self-signed certificate in certificate chain",
    20: "unable to get local issuer certificate",
    21: "unable to verify the first certificate",
    23: "certificate revoked",
    26: "unsuitable certificate purpose",
}


class Trusted(NamedTuple):
    """Who vouches for clients: a file of certificates, a directory of them; a file with those that are revoked. "" for
    none."""

    file: str = ""
    folder: str = ""
    revoked: str = ""


def context(
    trusted: Trusted, ciphers: str = "", suites: str = "", options: int = 0, *, server: bool = True
) -> SSL.Context:
    """A context without keys. ``options`` are OpenSSL's, as Python's ssl numbers them. Raises SSL.Error."""
    found = SSL.Context(SSL.TLS_SERVER_METHOD if server else SSL.TLS_CLIENT_METHOD)
    found.set_options(options | SSL.OP_NO_RENEGOTIATION | SSL.OP_NO_TICKET | SSL.OP_NO_COMPRESSION)
    found.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    if ciphers:
        found.set_cipher_list(ciphers.encode())
    if suites:
        found.set_tls13_ciphersuites(suites.encode())
    if trusted.file or trusted.folder:
        found.load_verify_locations(trusted.file or None, trusted.folder or None)
    if trusted.revoked:
        found.load_verify_locations(trusted.revoked)
        store = found.get_cert_store()
        if store is not None:
            store.set_flags(crypto.X509StoreFlags.CRL_CHECK | crypto.X509StoreFlags.CRL_CHECK_ALL)
    found.set_verify(SSL.VERIFY_PEER, _note)
    return found


def _note(connection: SSL.Connection, certificate: crypto.X509, error: int, depth: int, good: int) -> bool:
    """Note what the library finds of a certificate; the handshake goes on all the same."""
    layer = connection.get_app_data()
    if isinstance(layer, AnyLayer):
        layer.found(error, depth, good=bool(good))
    return True


class AnyLayer:
    """One connection's. ``asks``: the client is asked for a certificate."""

    resumed = False

    def __init__(self, context: SSL.Context, *, asks: bool = True, server_side: bool = True, name: str = "") -> None:
        self._connection = SSL.Connection(context, None)
        self._connection.set_app_data(self)
        if not asks:
            self._connection.set_verify(SSL.VERIFY_NONE, None)
        self._error = 0  # the first that was found
        self._looked = False  # the other side's own certificate was looked at, and found good
        self.established = False
        self.closed = False
        if server_side:
            self._connection.set_accept_state()
            return
        if name:
            self._connection.set_tlsext_host_name(name.encode())
        self._connection.set_connect_state()
        self._read()

    def found(self, error: int, depth: int, *, good: bool) -> None:
        if not good:
            self._error = self._error or error
        elif depth == 0:
            self._looked = True

    def receive_data(self, data: bytes) -> bytes:
        """What the other side says with ``data``. Raises TlsFailed; `data_to_send` has the alert then."""
        view = memoryview(data)
        said = bytearray()
        while view:
            view = view[self._connection.bio_write(bytes(view[:_READ])) :]
            said += self._read()
        return bytes(said)

    def _read(self) -> bytes:
        said = bytearray()
        try:
            if not self.established:
                self._connection.do_handshake()
                self.established = True
            while len(said) < _MOST:
                said += self._connection.recv(_READ)
        except SSL.WantReadError:
            pass
        except SSL.ZeroReturnError:
            self.closed = True
        except SSL.Error as error:
            raise TlsFailed(_Failure(error)) from error
        return bytes(said)

    def send(self, data: bytes) -> None:
        """Say ``data``. Raises TlsFailed."""
        view = memoryview(data)
        while view:
            try:
                view = view[self._connection.send(bytes(view[:_READ])) :]
            except SSL.Error as error:
                raise TlsFailed(_Failure(error)) from error

    def data_to_send(self) -> bytes:
        """What the connection is to carry now; it is handed out once."""
        found = bytearray()
        while True:
            try:
                found += self._connection.bio_read(_READ)
            except SSL.Error:  # there is no more
                return bytes(found)

    def close(self) -> None:
        """End TLS: the other side is told."""
        try:
            self._connection.shutdown()
        except SSL.Error:  # there was no handshake
            pass

    def facts(self) -> TlsFacts:
        """After the handshake."""
        connection = self._connection
        shown = connection.get_peer_certificate()
        data = b"" if shown is None else crypto.dump_certificate(crypto.FILETYPE_ASN1, shown)
        fault = _FAULTS.get(self._error, f"error number {self._error}") if self._error else ""
        if data and not fault and not self._looked:
            fault = "not looked at"
        return TlsFacts(
            connection.get_protocol_version_name(),
            connection.get_cipher_name() or "",
            connection.get_cipher_bits() or 0,
            certificate=data,
            fault=fault,
        )


class _Failure(Exception):
    """An error of the library's, with its reason as Python's ssl has it."""

    def __init__(self, error: SSL.Error) -> None:
        super().__init__(error)
        found = error.args[0] if error.args and isinstance(error.args[0], list) else []
        self.reason = str(found[-1][2]) if found else str(error)
