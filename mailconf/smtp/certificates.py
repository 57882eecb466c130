"""What an X.509 certificate is known by: fingerprints of it and of its key, and what kind of key that is.

Read from DER (RFC 5280 4.1), of which no more than the way to the public key is understood. What another host sends has
passed the TLS library before it comes here; what is no certificate gives `BadCertificate` all the same.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

_SEQUENCE, _INTEGER, _BIT_STRING, _VERSION = 0x30, 0x02, 0x03, 0xA0
_RSA = bytes.fromhex("2a864886f70d010101")
_EC = bytes.fromhex("2a8648ce3d0201")
_CURVES = {
    bytes.fromhex("2a8648ce3d030107"): "prime256v1",
    bytes.fromhex("2b81040022"): "secp384r1",
    bytes.fromhex("2b81040023"): "secp521r1",
}
_COMMON_NAME = bytes.fromhex("550403")
_BMP = 0x1E
_KINDS = {
    _COMMON_NAME: b"CN",
    bytes.fromhex("550404"): b"SN",
    bytes.fromhex("550405"): b"serialNumber",
    bytes.fromhex("550406"): b"C",
    bytes.fromhex("550407"): b"L",
    bytes.fromhex("550408"): b"ST",
    bytes.fromhex("550409"): b"street",
    bytes.fromhex("55040a"): b"O",
    bytes.fromhex("55040b"): b"OU",
    bytes.fromhex("55040c"): b"title",
    bytes.fromhex("55042a"): b"GN",
    bytes.fromhex("2a864886f70d010901"): b"emailAddress",
    bytes.fromhex("0992268993f22c640119"): b"DC",
    bytes.fromhex("0992268993f22c640101"): b"UID",
}
_EDWARDS = {bytes.fromhex("2b6570"): "ED25519", bytes.fromhex("2b6571"): "ED448"}


class BadCertificate(ValueError):
    """It cannot be read."""


class KeyKind(NamedTuple):
    """``algorithm`` is "RSA", "EC", "ED25519", "ED448" or "" for another; ``detail`` the bits, or the curve's name."""

    algorithm: str
    detail: str = ""


def fingerprint(data: bytes, digest: str) -> str:
    """``AA:BB:...``, as the tables of fingerprints have it. Raises ValueError for an unknown digest."""
    return hashlib.new(digest, data, usedforsecurity=False).digest().hex(":").upper()


def public_key(certificate: bytes) -> bytes:
    """The SubjectPublicKeyInfo, as it stands in the certificate. Raises BadCertificate."""
    whole, _ = _content(certificate, 0, _SEQUENCE)
    to_be_signed, _ = _content(whole, 0, _SEQUENCE)
    at = 0
    if to_be_signed[:1] == bytes((_VERSION,)):
        at = _end(to_be_signed, at)
    for _ in ("serial number", "signature", "issuer", "validity", "subject"):
        at = _end(to_be_signed, at)
    return to_be_signed[at : _end(to_be_signed, at)]


class Names(NamedTuple):
    """The names of whom a certificate is about and of who vouches for it, in one line as OpenSSL writes it, and of each
    the common name alone, b"" without one."""

    subject: bytes
    issuer: bytes
    subject_name: bytes
    issuer_name: bytes


def names(certificate: bytes) -> Names:
    """Raises BadCertificate."""
    whole, _ = _content(certificate, 0, _SEQUENCE)
    to_be_signed, _ = _content(whole, 0, _SEQUENCE)
    at = _end(to_be_signed, 0) if to_be_signed[:1] == bytes((_VERSION,)) else 0
    for _ in ("serial number", "signature"):
        at = _end(to_be_signed, at)
    issuer, at = _content(to_be_signed, at, _SEQUENCE)
    subject, _ = _content(to_be_signed, _end(to_be_signed, at), _SEQUENCE)  # the validity lies between
    (subject_line, subject_name), (issuer_line, issuer_name) = _name(subject), _name(issuer)
    return Names(subject_line, issuer_line, subject_name, issuer_name)


def _name(data: bytes) -> tuple[bytes, bytes]:
    """A name in one line, and its first common name."""
    line, common = bytearray(), b""
    at = 0
    while at < len(data):
        parts, at = _any(data, at)
        inner = 0
        while inner < len(parts):
            pair, inner = _content(parts, inner, _SEQUENCE)
            kind, after = _any(pair, 0)
            value, _ = _any(pair, after)
            if pair[after : after + 1] == bytes((_BMP,)):
                value = value.decode("utf-16-be", "replace").encode()
            line += b"/%s=%s" % (_KINDS.get(kind) or _dotted(kind), b"".join(map(_shown, value)))
            common = common or (value if kind == _COMMON_NAME else b"")
    return bytes(line), common


def _shown(byte: int) -> bytes:
    if byte in b"/+":
        return b"\\%c" % byte
    return b"%c" % byte if 0x20 <= byte <= 0x7E else b"\\x%02X" % byte


def _dotted(kind: bytes) -> bytes:
    """An object identifier by its numbers."""
    numbers, value = [], 0
    for byte in kind:
        value = value << 7 | byte & 0x7F
        if not byte & 0x80:
            numbers.append(value)
            value = 0
    first = numbers[0] if numbers else 0
    top = min(first // 40, 2)
    return ".".join(map(str, (top, first - 40 * top, *numbers[1:]))).encode()


def key_kind(certificate: bytes) -> KeyKind:
    """Raises BadCertificate."""
    content, _ = _content(public_key(certificate), 0, _SEQUENCE)
    algorithm, after = _content(content, 0, _SEQUENCE)
    name, parameters = _any(algorithm, 0)
    if name in _EDWARDS:
        return KeyKind(_EDWARDS[name])
    if name == _EC:
        curve, _ = _any(algorithm, parameters)
        return KeyKind("EC", _CURVES.get(curve, ""))
    if name != _RSA:
        return KeyKind("")
    bits, _ = _content(content, after, _BIT_STRING)
    numbers, _ = _content(bits[1:], 0, _SEQUENCE)
    modulus, _ = _content(numbers, 0, _INTEGER)
    return KeyKind("RSA", f"{int.from_bytes(modulus, 'big').bit_length()} bits")


def _header(data: bytes, at: int) -> tuple[int, int]:
    """Where the content of the element at ``at`` begins, and where it ends."""
    if at + 2 > len(data):
        raise BadCertificate("it ends too early")
    length, begin = data[at + 1], at + 2
    if length & 0x80:
        count = length & 0x7F
        if not 1 <= count <= 4:
            raise BadCertificate("a length has bad syntax")
        length, begin = int.from_bytes(data[begin : begin + count], "big"), begin + count
    if begin + length > len(data):
        raise BadCertificate("an element is longer than what it is in")
    return begin, begin + length


def _end(data: bytes, at: int) -> int:
    return _header(data, at)[1]


def _any(data: bytes, at: int) -> tuple[bytes, int]:
    begin, end = _header(data, at)
    return data[begin:end], end


def _content(data: bytes, at: int, tag: int) -> tuple[bytes, int]:
    """The content of an element of a known kind, and where the next one begins."""
    if data[at : at + 1] != bytes((tag,)):
        raise BadCertificate("it is no certificate")
    return _any(data, at)
