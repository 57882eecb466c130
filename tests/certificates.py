"""Certificates of an authority that tests make up: for servers, for clients, good and bad ones."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

_DAY = datetime.timedelta(days=1)
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


class Pair(NamedTuple):
    """A certificate and its key, both as PEM."""

    certificate: bytes
    key: bytes

    def write(self, folder: Path, name: str) -> tuple[Path, Path]:
        """``name.pem`` and ``name.key`` in ``folder``."""
        paths = folder / f"{name}.pem", folder / f"{name}.key"
        for path, data in zip(paths, self, strict=True):
            path.write_bytes(data)
            path.chmod(0o600)
        return paths


class Authority:
    """A certificate authority. ``pem`` is its own certificate."""

    def __init__(self, name: str = "Test CA") -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name(name)
        self._certificate = _signed(self._name, self._name, self._key.public_key(), self._key, (), authority=True)
        self.pem = self._certificate.public_bytes(serialization.Encoding.PEM)

    def issue(self, *names: str, valid: bool = True, rsa_key: bool = False) -> Pair:
        """A certificate whose common name is the first of ``names``; all of them are subject alternative names.

        valid  whether its time has not passed
        """
        key: Key = rsa.generate_private_key(65537, 2048) if rsa_key else ec.generate_private_key(ec.SECP256R1())
        certificate = _signed(_name(names[0]), self._name, key.public_key(), self._key, names, valid=valid)
        return Pair(certificate.public_bytes(serialization.Encoding.PEM), _pem(key))


def self_signed(*names: str) -> Pair:
    """A certificate that nobody else vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(names[0])
    certificate = _signed(name, name, key.public_key(), key, names)
    return Pair(certificate.public_bytes(serialization.Encoding.PEM), _pem(key))


def _pem(key: Key) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _signed(
    subject: x509.Name,
    issuer: x509.Name,
    public: ec.EllipticCurvePublicKey | rsa.RSAPublicKey,
    key: ec.EllipticCurvePrivateKey,
    names: tuple[str, ...],
    *,
    authority: bool = False,
    valid: bool = True,
) -> x509.Certificate:
    now = datetime.datetime.now(datetime.UTC)
    first, last = (now - _DAY, now + 30 * _DAY) if valid else (now - 3 * _DAY, now - _DAY)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(first)
        .not_valid_after(last)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
    )
    if names:
        alternatives = [x509.DNSName(n) for n in names if n.isascii()] or [x509.DNSName("x.example")]
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    return builder.sign(key, hashes.SHA256())
