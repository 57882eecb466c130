"""Logins of clients, where the server itself looks at what they send: PLAIN (RFC 4616), LOGIN, CRAM-MD5 (RFC 2195),
DIGEST-MD5 (RFC 2831, without its security layers), SCRAM (RFC 5802, 7677, without channel binding), EXTERNAL (RFC 4422
appendix A).

`SaslServer` is one login. It asks a `Knows` about accounts, which may take its time; nothing else is waited for. What a
client sends is bounded by who reads it. A password is in no exception.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Collection
from typing import NamedTuple, Protocol

_SCRAM = frozenset(f"SCRAM-SHA-{number}" for number in ("1", "224", "256", "384", "512"))
MECHANISMS = frozenset(("PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5", "EXTERNAL", *_SCRAM))
_PLAINTEXT = frozenset(("PLAIN", "LOGIN"))
# Which mechanisms are left by each of the letters of sendmail's AuthOptions (SASL's security flags).
_LEFT: dict[str, frozenset[str]] = {
    "a": frozenset(("EXTERNAL", *_SCRAM)),
    "c": frozenset((*_PLAINTEXT, "EXTERNAL")),
    "d": frozenset(("EXTERNAL",)),
    "f": frozenset(("EXTERNAL",)),
    "m": frozenset(("DIGEST-MD5", "EXTERNAL", *_SCRAM)),
    "p": MECHANISMS - _PLAINTEXT,
}
_DIRECTIVE = re.compile(rb'[ \t\r\n,]*([A-Za-z-]+)[ \t]*=[ \t]*(?:"((?:\\.|[^"\\])*)"|([^",\s]+))[ \t\r\n]*(?:,|\Z)')
_PAIR = re.compile(rb"\\(.)", re.DOTALL)
_CLIENT_FIRST = re.compile(rb"([ny],(?:a=[^,]*)?,)(n=((?:[^,=]|=2C|=3D)+),r=([!-+\--~]+)(?:,.*)?)\Z", re.DOTALL)
_SALT, _ITERATIONS = 18, 4096
_MOST = 20  # directives of a response
_SPACES = b" \t\r\n\v\f"

_BAD_PROTOCOL, _BAD_LOGIN = (-5, "bad protocol / cancel"), (-13, "authentication failure")
_NO_USER = (-20, "user not found")
GENERIC, NO_MECHANISM = (-1, "generic failure"), (-4, "no mechanism available")


class SaslFailed(Exception):
    """A login has failed: SASL's number and name for it, which is not told to the client; a detail; the account."""

    def __init__(self, kind: tuple[int, str], detail: str, user: bytes = b"") -> None:
        self.kind, self.user, self.detail = kind, user, detail
        number, name = kind
        shown = _BAD_LOGIN[0] if kind == _NO_USER else number
        super().__init__(f"{name} ({number}) SASL({shown}): {name}: {detail}")

    @classmethod
    def bad(cls, user: bytes, detail: str = "") -> SaslFailed:
        """The password is another one."""
        return cls(_BAD_LOGIN, detail, user)

    @classmethod
    def unknown(cls, user: bytes, detail: str = "") -> SaslFailed:
        """There is no such account."""
        return cls(_NO_USER, detail, user)


class Account(NamedTuple):
    """A name with its realm, without "@"."""

    user: bytes
    realm: bytes


class Knows(Protocol):
    """Who knows accounts. Both raise SaslFailed, whose detail is the asker's."""

    async def secret(self, account: Account) -> bytes:
        """The password of an account."""
        ...

    async def verify(self, account: Account, password: bytes) -> None:
        """Whether a password is the account's; raises SaslFailed where it is not."""
        ...


class Place(NamedTuple):
    """Where clients log in.

    host      named in challenges
    realm     of accounts whose name has none
    external  whom the client's certificate names; b"" for nobody
    """

    host: bytes
    realm: bytes
    external: bytes = b""


class Challenge(NamedTuple):
    data: bytes


class LoggedIn(NamedTuple):
    """``user`` is the account as the client has named it."""

    user: bytes


def left(options: Collection[str], *, secured: bool) -> frozenset[str]:
    """The mechanisms that options leave, letters of AuthOptions. ``secured``: TLS hides a password."""
    found = MECHANISMS
    for letter in options:
        if letter in _LEFT and not (letter == "p" and secured):
            found &= _LEFT[letter]
    return found


class SaslServer:
    """One login by ``mechanism``, one of `MECHANISMS`."""

    def __init__(self, mechanism: str, place: Place, knows: Knows) -> None:
        self._mechanism = mechanism
        self._place = place
        self._knows = knows
        self._turn = 0
        self._challenge = b""
        self._user = b""
        self._scram: Scram | None = None

    async def begin(self, initial: bytes | None) -> Challenge | LoggedIn:
        """What AUTH leads to; ``initial`` is the response that came with it. Raises SaslFailed."""
        if self._mechanism == "CRAM-MD5":
            if initial is not None:
                raise SaslFailed(_BAD_PROTOCOL, "Remote sent first but mech does not allow it.")
            self._challenge = b"<%d.%d@%s>" % (secrets.randbits(32), int(time.time()), self._place.host)
            return Challenge(self._challenge)
        if self._mechanism == "DIGEST-MD5":
            self._challenge = secrets.token_urlsafe(32).encode()
            told = b'nonce="%s",realm="%s",qop="auth",charset=utf-8,algorithm=md5-sess'
            return Challenge(told % (self._challenge, self._place.realm))
        if self._mechanism == "LOGIN" and not initial:
            return Challenge(b"Username:")
        return Challenge(b"") if initial is None else await self.respond(initial)

    async def respond(self, data: bytes) -> Challenge | LoggedIn:
        """The client's answer to the last challenge. Raises SaslFailed."""
        self._turn += 1
        if self._mechanism == "PLAIN":
            return await self._plain(data)
        if self._mechanism == "LOGIN":
            return await self._login(data)
        if self._mechanism == "CRAM-MD5":
            return await self._cram(data)
        if self._mechanism == "DIGEST-MD5":
            return await self._digest(data)
        if self._mechanism in _SCRAM:
            return await self._scrambled(data)
        if not self._place.external:
            raise SaslFailed.bad(b"", "there is no certificate")
        return LoggedIn(self._place.external)

    async def _plain(self, data: bytes) -> LoggedIn:
        parts = data.split(b"\0")
        shown = parts[0] or (parts[1] if len(parts) > 1 else b"")
        if len(parts) < 3:
            which = "author" if len(parts) == 1 else "author/en"
            raise SaslFailed(_BAD_PROTOCOL, f"Can only find {which} (no password)", shown)
        if len(parts) > 3:
            raise SaslFailed(_BAD_PROTOCOL, "Got more data than we were expecting in the PLAIN plugin\\n", parts[1])
        return await self._by_password(parts[1], parts[2], "Password verification failed")

    async def _login(self, data: bytes) -> Challenge | LoggedIn:
        if self._turn == 1:
            self._user = data
            return Challenge(b"Password:")
        return await self._by_password(self._user, data, "checkpass failed")

    async def _by_password(self, name: bytes, password: bytes, detail: str) -> LoggedIn:
        user = self._canonical(name)
        try:
            await self._knows.verify(self._account(user), password)
        except SaslFailed as failed:
            raise SaslFailed(failed.kind, detail, user) from None
        return LoggedIn(user)

    def _canonical(self, name: bytes) -> bytes:
        user = name.strip(_SPACES)
        if not user:
            raise SaslFailed(GENERIC, "All-whitespace username.")
        return user

    def _account(self, user: bytes) -> Account:
        name, at, realm = user.rpartition(b"@")
        return Account(name, realm) if at else Account(user, self._place.realm)

    async def _cram(self, data: bytes) -> LoggedIn:
        name, space, digest = data.rpartition(b" ")
        if not space:
            raise SaslFailed(_BAD_PROTOCOL, "need authentication name", data)
        user = self._canonical(name)
        account = self._account(user)
        try:
            secret = await self._knows.secret(account)
        except SaslFailed as failed:
            shown = f"{_text(account.user)}@{_text(account.realm)}"
            told = f"user: {shown} property: cmusaslsecretCRAM-MD5 not found in sasldb"
            raise SaslFailed(failed.kind, failed.detail or told, user) from None
        if not hmac.compare_digest(hmac.new(secret, self._challenge, "md5").hexdigest().encode(), digest):
            raise SaslFailed.bad(user, "incorrect digest response")
        return LoggedIn(user)

    async def _digest(self, data: bytes) -> Challenge | LoggedIn:
        if self._turn > 1:
            return LoggedIn(self._user)
        told = _directives(data)
        for name in ("username", "nonce", "nc", "cnonce", "digest-uri", "response"):
            if name not in told and name != "username":
                raise SaslFailed.bad(b"", f"required parameters missing: {name}")
        user = self._canonical(told.get("username", b""))
        realm = told.get("realm", b"")
        uri, quality = told["digest-uri"], told.get("qop", b"auth")
        counted = told["nonce"] == self._challenge and told["nc"] == b"00000001" and quality == b"auth"
        if not counted or not uri.lower().startswith(b"smtp/"):
            raise SaslFailed.bad(user, "client response doesn't match what we generated (tried bogus)")
        account = self._account(user) if not realm else Account(user, realm)
        try:
            secret = await self._knows.secret(account)
        except SaslFailed as failed:
            raise SaslFailed(failed.kind, "unable to canonify user and get auxprops", user) from None
        first = _md5(b"%s:%s:%s" % (user, realm, secret)) + b":%s:%s" % (told["nonce"], told["cnonce"])
        if "authzid" in told:
            first += b":" + told["authzid"]
        if not hmac.compare_digest(_response(first, b"AUTHENTICATE:" + uri, told), told["response"]):
            raise SaslFailed.bad(user, "client response doesn't match what we generated (tried bogus)")
        self._user = user if account.realm == self._place.realm else b"%s@%s" % (account.user, account.realm)
        return Challenge(b"rspauth=" + _response(first, b":" + uri, told))

    async def _scrambled(self, data: bytes) -> Challenge | LoggedIn:
        if self._turn > 2:
            return LoggedIn(self._user)
        if not data:
            raise SaslFailed(_BAD_PROTOCOL, f"{self._mechanism} input expected")
        try:
            if self._scram is not None:
                return Challenge(self._scram.final(data))
            self._scram = Scram(self._mechanism)
            name = self._scram.first(data)
        except _Unreadable:
            raise SaslFailed(_BAD_PROTOCOL, f"Invalid {self._mechanism} input") from None
        except ValueError as error:
            raise SaslFailed.bad(b"", str(error)) from None
        self._user = self._canonical(name)
        try:
            secret = await self._knows.secret(self._account(self._user))
        except SaslFailed as failed:
            raise SaslFailed(failed.kind, "unable to canonify user and get auxprops") from None
        return Challenge(self._scram.challenge(secret))


class _Unreadable(ValueError):
    """A message has another form."""


class Scram:
    """The messages of one login by SCRAM (RFC 5802 7)."""

    def __init__(self, mechanism: str) -> None:
        self._digest = mechanism.removeprefix("SCRAM-").replace("-", "").lower()
        self._header = self._bare = self._challenge = self._nonce = self._salted = b""

    def first(self, data: bytes) -> bytes:
        """The account's name, of the client's first message. Raises ValueError."""
        match = _CLIENT_FIRST.match(data)
        if match is None:
            raise _Unreadable
        self._header, self._bare, name, self._nonce = match.groups()
        return name.replace(b"=2C", b",").replace(b"=3D", b"=")

    def challenge(self, secret: bytes) -> bytes:
        salt = secrets.token_bytes(_SALT)
        self._salted = hashlib.pbkdf2_hmac(self._digest, secret, salt, _ITERATIONS)
        self._nonce += secrets.token_urlsafe(24).encode()
        self._challenge = b"r=%s,s=%s,i=%d" % (self._nonce, base64.b64encode(salt), _ITERATIONS)
        return self._challenge

    def final(self, data: bytes) -> bytes:
        """What proves the server, for the client's last message. Raises ValueError where that proves nothing."""
        before, comma, proof = data.rpartition(b",p=")
        wanted = b"c=%s,r=%s" % (base64.b64encode(self._header), self._nonce)
        if not comma or not hmac.compare_digest(before, wanted):
            raise _Unreadable
        told = b",".join((self._bare, self._challenge, before))
        key = self._hmac(self._salted, b"Client Key")
        stored = hashlib.new(self._digest, key).digest()
        signature = self._hmac(stored, told)
        right = bytes(a ^ b for a, b in zip(key, signature, strict=True))
        if not hmac.compare_digest(base64.b64encode(right), proof):
            raise ValueError("StoredKey mismatch")
        return b"v=" + base64.b64encode(self._hmac(self._hmac(self._salted, b"Server Key"), told))

    def _hmac(self, key: bytes, data: bytes) -> bytes:
        return hmac.new(key, data, self._digest).digest()


def _directives(data: bytes) -> dict[str, bytes]:
    """The directives of a response of DIGEST-MD5 (RFC 2831 7). Raises SaslFailed."""
    found: dict[str, bytes] = {}
    at = 0
    while at < len(data):
        match = _DIRECTIVE.match(data, at)
        if match is None or len(found) >= _MOST:
            raise SaslFailed.bad(b"", "Parse error")
        at = match.end()
        name = match[1].decode().lower()
        if name in found:
            raise SaslFailed.bad(b"", "Parse error")
        found[name] = match[3] if match[2] is None else _PAIR.sub(rb"\1", match[2])
    return found


def _response(first: bytes, second: bytes, told: dict[str, bytes]) -> bytes:
    parts = (_hex(first), told["nonce"], told["nc"], told["cnonce"], b"auth", _hex(second))
    return _hex(b":".join(parts))


def _md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()


def _hex(data: bytes) -> bytes:
    return _md5(data).hex().encode()


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
