"""What of keys and values is UTF-8, and how Postfix's daemons ask tables for it (postconf(5) smtputf8_enable)."""

from __future__ import annotations

from mailconf.encoding import decode
from mailconf.maps.core.table import LookupTable, TemporaryFailure


def is_utf8(data: bytes) -> bool:
    if data.isascii():
        return True
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def lookup_utf8(table: LookupTable, spec: str, key: bytes) -> bytes | None:
    """The value of ``key``: a value that is not UTF-8 is a failure. No table is asked for a key that is not.

    spec  how the table was named

    Raises TemporaryFailure in the words of the original.
    """
    value = table.lookup(key)
    if value is not None and not is_utf8(value):
        text = f'{spec}: key "{decode(key)}": non-UTF-8 value "{decode(value)}"'
        raise TemporaryFailure(f"{text}: malformed UTF-8 or invalid codepoint")
    return value
