"""What a server says until it pauses, for recorders that do not know how many replies there will be."""

from __future__ import annotations

import re
import socket
import ssl

_WHOLE = re.compile(rb"(?:\A|\n)\d{3} [^\n]*\n\Z")


def said(peer: socket.socket, quiet: float, idle: float) -> str:
    """With "<closed>" when it hangs up. ``quiet``: seconds that are waited for more; ``idle``: after a whole reply."""
    text = b""
    peer.settimeout(quiet)
    while True:
        try:
            data = peer.recv(65536)
        except TimeoutError:
            break
        except (ConnectionError, ssl.SSLError):
            data = b""
        if not data:
            text += b"<closed>"
            break
        text += data
        if _WHOLE.search(text):
            peer.settimeout(idle)
    return text.decode("latin-1")
