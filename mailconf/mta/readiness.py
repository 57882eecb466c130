"""Reports to systemd that connections are taken, where a unit is Type=notify (sd_notify(3))."""

from __future__ import annotations

import os
import socket
from contextlib import suppress


def report_ready() -> None:
    """Send READY=1 to the socket that NOTIFY_SOCKET names: a path, or a name of the abstract space after "@".

    The variable is removed, so that no command inherits it. Where nobody reads the socket, nothing is reported.
    """
    name = os.environ.pop("NOTIFY_SOCKET", "")
    if name[:1] not in ("/", "@"):
        return
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as systemd:
        systemd.setblocking(False)
        systemd.connect("\0" + name[1:] if name.startswith("@") else name)
        systemd.send(b"READY=1\n")
