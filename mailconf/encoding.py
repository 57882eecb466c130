"""Bytes and text: how configuration files, which are bytes to the real engines, are read and written.

Here they are ``str``, decoded as UTF-8 with ``surrogateescape``: every byte sequence survives the round trip. This is a
module of its own for the start-up time of tools: `mailconf.source` needs modules of Python's that take longer to load
than all of postconf.
"""

from __future__ import annotations

ENCODING = "utf-8"
ERRORS = "surrogateescape"


def decode(data: bytes) -> str:
    """Bytes of a file or a map as text; never fails."""
    return data.decode(ENCODING, ERRORS)


def encode(text: str) -> bytes:
    """The inverse of `decode`; lone surrogates that `decode` cannot have made become ``?``."""
    try:
        return text.encode(ENCODING, ERRORS)
    except UnicodeEncodeError:
        return text.encode(ENCODING, "replace")
