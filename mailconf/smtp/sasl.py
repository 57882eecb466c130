"""Logging in at another server (RFC 4954): which mechanism is taken, and what is said (RFC 4616, RFC 2195).

A password is in nothing that is shown: neither in exceptions nor in the text of a `Secret`.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Collection, Iterable

from mailconf.source import encode

PREFERENCE = ("CRAM-MD5", "PLAIN", "LOGIN")
_PLAINTEXT = frozenset(("PLAIN", "LOGIN"))
# None of the mechanisms here withstands what these options are about (postconf(5) smtp_sasl_security_options).
_BEYOND = frozenset(("noactive", "nodictionary", "forward_secrecy", "mutual_auth"))


class BadChallenge(Exception):
    """The server's challenge cannot be answered; ``is_read``: it is base64 all the same."""

    def __init__(self, *, is_read: bool) -> None:
        super().__init__("there is no answer to a challenge" if is_read else "a challenge is no base64")
        self.is_read = is_read


def choose(offered: Iterable[str], options: Collection[str], counted: Collection[str] | None = None) -> str:
    """The mechanism of those that are offered, "" where none is left; ``counted`` are those that the site allows."""
    names = {name.upper() for name in offered}
    if _BEYOND.intersection(options):
        return ""
    for name in PREFERENCE:
        plain = name in _PLAINTEXT and "noplaintext" in options
        if name in names and (counted is None or name in counted) and not plain:
            return name
    return ""


class SaslClient:
    """One login."""

    def __init__(self, mechanism: str, user: str, password: str, other: str = "") -> None:
        self.mechanism = mechanism
        self._other = encode(other)  # as whom the user acts, where a mechanism can say so
        self._user, self._password = encode(user), encode(password)
        self._said = 0

    @property
    def initial(self) -> str | None:
        """The response that goes with AUTH, in base64; None where the server speaks first."""
        if self.mechanism != "PLAIN":
            return None
        return _encoded(b"\0".join((self._other, self._user, self._password)))

    def respond(self, challenge: str) -> str:
        """The answer to a challenge, both in base64. Raises BadChallenge."""
        try:
            data = base64.b64decode(encode(challenge), validate=True)
        except binascii.Error:
            raise BadChallenge(is_read=False) from None
        self._said += 1
        if self.mechanism == "CRAM-MD5" and self._said == 1:
            digest = hmac.new(self._password, data, "md5").hexdigest().encode()
            return _encoded(self._user + b" " + digest)
        if self.mechanism == "LOGIN" and self._said <= 2:
            return _encoded((self._user, self._password)[self._said - 1])
        raise BadChallenge(is_read=True)


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()
