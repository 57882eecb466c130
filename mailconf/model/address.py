"""Mail addresses as the envelope has them.

Two forms (Postfix's terms): the *external* form is the one in SMTP and in headers, with quotes and backslashes
(RFC 5321 4.1.2); the *internal* form is unquoted: everything up to the last ``@`` is the local part as it is.
Policies and tables work on the internal form.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_SPACE = re.compile(r"[\t-\r]")
_ATOM = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-/=?^_`{|}~")


class Address(NamedTuple):
    """The local part and the domain of an internal address; ``domain`` is None where there is no ``@``."""

    local: str
    domain: str | None

    @classmethod
    def split(cls, internal: str) -> Address:
        local, at, domain = internal.rpartition("@")
        return cls(local, domain) if at else cls(internal, None)

    def __str__(self) -> str:
        return self.local if self.domain is None else f"{self.local}@{self.domain}"


def quote_local(local: str) -> str:
    """The external form of a local part: quoted when it is not a dot-string (RFC 5321 4.1.2)."""
    if local and all(part and _is_atom(part) for part in local.split(".")):
        return local
    escaped = local.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def external(internal: str) -> str:
    """The external form of an internal address; the null address stays empty.

    White space is a blank in it, so that it always fits on one line (as Postfix's programs do).
    """
    if not internal:
        return ""
    local, domain = Address.split(_SPACE.sub(" ", internal))
    return quote_local(local) if domain is None else f"{quote_local(local)}@{domain}"


def internal(text: str) -> str:
    """The internal form of an external address: quotes and backslashes undone."""
    if '"' not in text and "\\" not in text:
        return text
    out: list[str] = []
    at = 0
    while at < len(text):
        c = text[at]
        if c == "\\" and at + 1 < len(text):
            at += 1
            out.append(text[at])
        elif c != '"':
            out.append(c)
        at += 1
    return "".join(out)


def split_extension(local: str, delimiters: str, *, owner_special: bool = True, bounce: str = "") -> tuple[str, str]:
    """The local part without its extension, and the extension with the delimiter, "" without an extension.

    postconf(5) recipient_delimiter: any character of the set, the leftmost one counts. Where that is the first
    character there is no extension, whatever follows. Mailer-daemon and the double-bounce address have no extension,
    and with ``-`` as a delimiter neither have owner-list and list-request (postconf(5) owner_request_special).
    """
    if not delimiters:
        return local, ""
    folded = local.lower()
    if folded in ("mailer-daemon", "postmaster") or (bounce and folded == bounce.lower()):
        return local, ""
    if owner_special and "-" in delimiters and (folded.startswith("owner-") or folded.endswith("-request")):
        return local, ""
    at = next((at for at, character in enumerate(local) if character in delimiters), 0)
    return (local[:at], local[at:]) if at else (local, "")


def _is_atom(part: str) -> bool:
    return all(c in _ATOM or ord(c) >= 0x80 for c in part)
