"""A server on loopback or a UNIX-domain socket that answers each request as a function says."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

CLOSE = b"<close>"  # an answer that ends with this is sent without it, and the connection closed


class Server:
    """``place`` is the port or the path; ``requests`` and ``connections`` are what was seen."""

    def __init__(self) -> None:
        self.place = ""
        self.requests: list[bytes] = []
        self.connections = 0


@contextmanager
def scripted(
    read: Callable[[BinaryIO], bytes], answer: Callable[[bytes], bytes], path: Path | None = None
) -> Iterator[Server]:
    """Serve while the block lasts: ``read`` takes one request (empty at the end), ``answer`` gives what to send."""
    seen = Server()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            seen.connections += 1
            while request := read(self.rfile):
                seen.requests.append(request)
                reply = answer(request)
                try:
                    self.wfile.write(reply.removesuffix(CLOSE))
                except OSError:
                    return
                if reply.endswith(CLOSE):
                    self.request.shutdown(socket.SHUT_RDWR)
                    return

    kind = socketserver.ThreadingUnixStreamServer if path else socketserver.ThreadingTCPServer
    with kind(str(path) if path else ("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        server.block_on_close = False
        seen.place = str(path) if path else str(server.server_address[1])
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield seen
        finally:
            server.shutdown()
            thread.join()


def lines(stream: BinaryIO) -> bytes:
    """One line."""
    return stream.readline()


def netstrings(stream: BinaryIO) -> bytes:
    """The content of one netstring."""
    digits = b""
    while (byte := stream.read(1)) not in (b":", b""):
        digits += byte
    return stream.read(int(digits) + 1)[:-1] if digits else b""


def netstring(text: bytes) -> bytes:
    return b"%d:%s," % (len(text), text)
