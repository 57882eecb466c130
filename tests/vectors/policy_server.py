"""A policy service (SMTPD_POLICY_README) that sends a prepared text for each sender, and an empty line behind it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Mapping
from types import TracebackType


class PolicyServer:
    """Use as a context manager; ``port`` is on 127.0.0.1. A sender without a text gets ``action=DUNNO``."""

    def __init__(self, answers: Mapping[str, str]) -> None:
        self._answers = answers
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> PolicyServer:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer: socket.socket) -> None:
        with peer, peer.makefile("rb") as file:
            request: dict[str, str] = {}
            for raw in file:
                name, equals, value = raw.decode().rstrip("\n").partition("=")
                if equals:
                    request[name] = value
                    continue
                text = self._answers.get(request.get("sender", ""), "action=DUNNO")
                try:
                    peer.sendall(f"{text}\n\n".encode())
                except OSError:
                    return
                request = {}
