"""A server of the tests: it listens, and a thread of its own hands each client over."""

from __future__ import annotations

import socket
import threading
from pathlib import Path
from typing import Self


class OneByOne:
    """Use it as a context manager. ``port`` is where it listens, unless it does at a path."""

    def __init__(self, path: Path | None = None, *, mode: int = 0o777) -> None:
        if path is None:
            self._socket = socket.create_server(("127.0.0.1", 0))
            self.port = int(self._socket.getsockname()[1])
        else:
            self._socket = socket.socket(socket.AF_UNIX)
            path.unlink(missing_ok=True)
            self._socket.bind(str(path))
            path.chmod(mode)
            self._socket.listen(64)
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self.end()
        self._thread.join(10)

    def _serve(self) -> None:
        while True:
            try:
                peer, _ = self._socket.accept()
            except OSError:
                return
            self.attend(peer)

    def attend(self, peer: socket.socket) -> None:
        """Talk to a client, which is the server's to close; the next one waits until this returns."""
        raise NotImplementedError

    def end(self) -> None:
        """No more clients come."""
