"""What clients answer to the challenges of CRAM-MD5 (RFC 2195), DIGEST-MD5 (RFC 2831), SCRAM (RFC 7677), for tests."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable

Answers = Callable[[bytes], bytes]
_NONCES = ((rb'nonce="[^"]*"', b"nonce=N"), (rb"<[0-9.]+@", b"<N@"), (rb"rspauth=[0-9a-f]+", b"rspauth=N"),
    (rb"r=cn[^,]*,s=[^,]*,i=\d+", b"r=N,s=N,i=N"), (rb"\Av=.*", b"v=N"))  # fmt: skip
# A security layer, which only the original offers, and only before the first failure.
_LAYERS = re.compile(rb',auth-int,auth-conf(?=")|,(?:cipher|maxbuf)=(?:"[^"]*"|[^,]*)')
_DIRECTIVE = re.compile(r'([a-z-]+)=(?:"((?:\\.|[^"])*)"|([^,]*))')


def shown(challenge: bytes) -> str:
    """A challenge without what is another each time."""
    for pattern, name in _NONCES:
        challenge = re.sub(pattern, name, challenge)
    return _LAYERS.sub(b"", challenge).decode("latin-1")


def cram(user: str, password: str) -> Answers:
    def answer(challenge: bytes) -> bytes:
        return f"{user} {hmac.new(password.encode(), challenge, 'md5').hexdigest()}".encode()

    return answer


def digest(user: str, password: str, realm: str = "") -> Answers:
    """The first challenge is answered, the second one, which proves the server, by nothing."""

    def answer(challenge: bytes) -> bytes:
        if challenge.startswith(b"rspauth="):
            return b""
        told = {name: quoted or bare for name, quoted, bare in _DIRECTIVE.findall(challenge.decode("latin-1"))}
        where, uri = realm or told.get("realm", ""), "smtp/mail.example.org"
        first = hashlib.md5(f"{user}:{where}:{password}".encode()).digest() + f":{told['nonce']}:cn".encode()
        parts = (_hex(first), told["nonce"], "00000001", "cn", "auth", _hex(f"AUTHENTICATE:{uri}".encode()))
        named = f'username="{user}",realm="{where}",nonce="{told["nonce"]}",cnonce="cn",nc=00000001,qop=auth'
        return f'{named},digest-uri="{uri}",response={_hex(":".join(parts).encode())}'.encode()

    return answer


def _hex(data: bytes) -> str:
    return hashlib.md5(data).hexdigest()


def scram(user: str, password: str) -> Answers:
    """The server's proof is answered by nothing, once it is right; else by what no server takes."""
    first, told = f"n={user},r=cn", []

    def answer(challenge: bytes) -> bytes:
        if not challenge:
            return f"n,,{first}".encode()
        if challenge.startswith(b"v="):
            return b"" if base64.b64decode(challenge[2:]) == told[0] else b"wrong"
        nonce, salt, count = (part[2:] for part in challenge.split(b","))
        salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(salt), int(count))
        last = b"c=biws,r=" + nonce
        key = hmac.digest(salted, b"Client Key", "sha256")
        message = b",".join((first.encode(), challenge, last))
        proof = bytes(
            a ^ b for a, b in zip(key, hmac.digest(hashlib.sha256(key).digest(), message, "sha256"), strict=True)
        )
        told.append(hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), message, "sha256"))
        return last + b",p=" + base64.b64encode(proof)

    return answer


CLIENTS: dict[str, Callable[..., Answers]] = {"cram": cram, "digest": digest, "scram": scram}
NAMES = {"cram": "CRAM-MD5", "digest": "DIGEST-MD5", "scram": "SCRAM-SHA-256"}
