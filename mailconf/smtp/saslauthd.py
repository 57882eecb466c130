"""The protocol of saslauthd(8), which knows whether a password is good: the question and its answer, without a socket.

A question is four texts, the account's name, the password, the service and the realm, each with its length before it in
two bytes; the answer is one, which begins with "OK" or "NO".
"""

from __future__ import annotations

from mailconf.smtp.sasl_server import Account

LONGEST = 1024  # bytes of a text
_LENGTH = 2


def question(account: Account, password: bytes, service: bytes) -> bytes:
    """Raises ValueError for a text that is too long."""
    texts = (account.user, password, service, account.realm)
    if any(len(text) > LONGEST for text in texts):
        raise ValueError("too long")
    return b"".join(len(text).to_bytes(_LENGTH, "big") + text for text in texts)


def answer(data: bytes) -> bool | None:
    """Whether the password is good; None where ``data`` is not the whole answer yet. Raises ValueError."""
    if len(data) < _LENGTH:
        return None
    length = int.from_bytes(data[:_LENGTH], "big")
    if length < _LENGTH or length > LONGEST:
        raise ValueError("an answer has no such length")
    if len(data) < _LENGTH + length:
        return None
    word = data[_LENGTH : _LENGTH + 2]
    if word not in (b"OK", b"NO"):
        raise ValueError("this is no answer")
    return word == b"OK"
