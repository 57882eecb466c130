"""The messages of Postfix's programs about a myhostname or mydomain that is no host name (postconf(5) myhostname)."""

from __future__ import annotations

LONGEST, LONGEST_LABEL = 255, 63  # bytes


def hostname_problem(name: bytes) -> bytes:
    """The first mistake from the left, in the original's words; b"" for a host name."""
    shown = name[:100]
    label = 0  # how much of it there is
    for at, c in enumerate(name):
        following = name[at + 1 : at + 2]
        if c == ord("."):
            if label == 0 or not following:
                return b"misplaced delimiter: " + shown
            label = 0
            continue
        label += 1
        if c == ord("-"):
            if label == 1 or following in (b"", b"."):
                return b"misplaced hyphen: " + shown
        elif not (bytes([c]).isalnum() or c == ord("_")):
            return b"invalid character %d(decimal): %b" % (c, shown)
        elif label > LONGEST_LABEL:
            return b"hostname label too long: " + shown
    if not name.translate(None, b"0123456789."):
        return b"numeric hostname: " + shown
    if len(name) > LONGEST:
        return b"bad length %d for %b..." % (len(name), shown)
    return b""
