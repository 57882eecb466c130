"""What the first messages of a TLS handshake tell (RFC 8446 4.1, 4.2): groups and signatures, which no API gives.

They pass in the clear. A server knows them from the bytes that it takes and sends; whatever is not understood is not
told, and nothing depends on it but the text of logs and trace fields.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from mailconf.smtp.certificates import KeyKind

_HANDSHAKE, _CLIENT_HELLO, _SERVER_HELLO = 22, 1, 2
_SIGNATURE_ALGORITHMS, _KEY_SHARE = 13, 51
# "HelloRetryRequest" as a server's random (RFC 8446 4.1.3).
_RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
_GROUPS = {
    23: "ECDHE (P-256)",
    24: "ECDHE (P-384)",
    25: "ECDHE (P-521)",
    29: "X25519",
    30: "X448",
    256: "DHE (2048 bits)",
    257: "DHE (3072 bits)",
    258: "DHE (4096 bits)",
    4588: "X25519MLKEM768",
}
# Number of a signature scheme -> the key that it needs, its name, its digest.
_SCHEMES = {
    0x0804: (KeyKind("RSA"), "RSA-PSS", "SHA256"),
    0x0805: (KeyKind("RSA"), "RSA-PSS", "SHA384"),
    0x0806: (KeyKind("RSA"), "RSA-PSS", "SHA512"),
    0x0403: (KeyKind("EC", "prime256v1"), "ECDSA", "SHA256"),
    0x0503: (KeyKind("EC", "secp384r1"), "ECDSA", "SHA384"),
    0x0603: (KeyKind("EC", "secp521r1"), "ECDSA", "SHA512"),
    0x0807: (KeyKind("ED25519"), "ED25519", ""),
    0x0808: (KeyKind("ED448"), "ED448", ""),
}


class Exchange(NamedTuple):
    """``group`` is the key exchange as logs name it, ``signature`` the server's: (name, of which key, digest)."""

    group: str = ""
    signature: tuple[str, str, str] | None = None


def exchange(received: bytes, sent: bytes, keys: Sequence[KeyKind]) -> Exchange:
    """Of a handshake of TLS 1.3: what a server has ``received`` and ``sent`` so far, and the keys that it has."""
    try:
        return Exchange(_group(sent), _signature(received, keys))
    except (IndexError, ValueError):
        return Exchange()


def _messages(data: bytes, kind: int) -> Iterator[bytes]:
    """The handshake messages of a kind, those that are in the clear."""
    stream = bytearray()
    at = 0
    while at + 5 <= len(data) and data[at] == _HANDSHAKE:
        length = int.from_bytes(data[at + 3 : at + 5], "big")
        stream += data[at + 5 : at + 5 + length]
        at += 5 + length
        if data[at : at + 1] == b"\x14":  # ChangeCipherSpec, between a retry and what follows it
            at += 6
    at = 0
    while at + 4 <= len(stream):
        length = int.from_bytes(stream[at + 1 : at + 4], "big")
        if stream[at] == kind and at + 4 + length <= len(stream):
            yield bytes(stream[at + 4 : at + 4 + length])
        at += 4 + length


def _extensions(data: bytes, at: int) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    end = at + 2 + int.from_bytes(data[at : at + 2], "big")
    at += 2
    while at + 4 <= min(end, len(data)):
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        found[int.from_bytes(data[at : at + 2], "big")] = data[at + 4 : at + 4 + length]
        at += 4 + length
    return found


def _group(sent: bytes) -> str:
    for hello in _messages(sent, _SERVER_HELLO):
        if hello[2:34] != _RETRY:
            at = 35 + hello[34] + 3  # version, random, session, cipher, compression
            share = _extensions(hello, at).get(_KEY_SHARE, b"")
            return _GROUPS.get(int.from_bytes(share[:2], "big"), "")
    return ""


def _signature(received: bytes, keys: Sequence[KeyKind]) -> tuple[str, str, str] | None:
    """The first of the client's schemes that the server has a key for."""
    hello = next(_messages(received, _CLIENT_HELLO), b"")
    if not hello:
        return None
    at = 35 + hello[34]
    at += 2 + int.from_bytes(hello[at : at + 2], "big")
    at += 1 + hello[at]
    schemes = _extensions(hello, at).get(_SIGNATURE_ALGORITHMS, b"")[2:]
    for number in range(0, len(schemes) - 1, 2):
        scheme = _SCHEMES.get(int.from_bytes(schemes[number : number + 2], "big"))
        if scheme is None:
            continue
        for key in keys:
            if key.algorithm == scheme[0].algorithm and scheme[0].detail in ("", key.detail):
                return scheme[1], key.detail, scheme[2]
    return None
