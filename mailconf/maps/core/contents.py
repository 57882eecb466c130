"""Values that name files and stand for their content (``postmap -F``; postconf(5) tls_server_sni_maps)."""

from __future__ import annotations

import re
from base64 import b64encode

from mailconf.files import Tree
from mailconf.source import decode


class NoContent(Exception):
    """It does not exist; the message is the original's."""


def content(value: bytes, root: Tree) -> bytes:
    """The content of the files that ``value`` names, a newline between them, in base64. Raises NoContent."""
    names = [decode(name) for name in re.split(rb"[, \t\r\n]+", value) if name]
    if not names:
        raise NoContent(f"empty pathname list: >>{decode(value)}<<'")
    parts = []
    for name in names:
        try:
            parts.append(root.read(name))
        except OSError as failure:
            raise NoContent(f"open {name}: {failure.strerror}") from failure
    return b64encode(b"\n".join(parts))
