"""A content filter that takes mail by SMTP and answers as a script says, for tests and recorders.

A script is a dictionary: ``greeting``, and ``answers``: by verb (``.`` for the end of the content) a list of replies,
of which the last one is given again. A reply may have several lines; ``!close`` hangs up, ``!silent`` says nothing any
more, ``!raw`` sends what follows as it is. Without an answer the verb has the usual one.
"""

from __future__ import annotations

import socket
import threading
from types import TracebackType
from typing import Any

OFFERED = "250-filter.example\n250-XFORWARD NAME ADDR PROTO HELO SOURCE PORT IDENT\n250 8BITMIME"
_USUAL = {"EHLO": OFFERED, "DATA": "354 go on", "QUIT": "221 bye"}


class ProxyServer:
    """Use as a context manager. `begin` takes the script of what follows; ``seen`` has the lines of each connection."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self.script: dict[str, Any] = {}
        self.seen: list[list[str]] = []
        self._open = 0
        self._clients: set[socket.socket] = set()
        self._changed = threading.Condition()

    def __enter__(self) -> ProxyServer:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._socket.close()
        self.hang_up()

    def hang_up(self) -> None:
        """End the connections that are open."""
        with self._changed:
            for client in self._clients:
                try:
                    client.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def begin(self, script: dict[str, Any]) -> None:
        with self._changed:
            self.script, self.seen = script, []

    def await_end(self) -> list[list[str]]:
        """The lines of each connection, once all have ended."""
        with self._changed:
            if not self._changed.wait_for(lambda: not self._open, timeout=60):
                raise TimeoutError("a connection to the filter stays open")
            return self.seen

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._socket.accept()
            except OSError:
                return
            with self._changed:
                lines: list[str] = []
                self.seen.append(lines)
                self._open += 1
                self._clients.add(client)
                talk = threading.Thread(target=self._serve, args=(client, lines, self.script), daemon=True)
            talk.start()

    def _serve(self, client: socket.socket, lines: list[str], script: dict[str, Any]) -> None:
        try:
            _talk(client, lines, script)
        except OSError:
            pass
        finally:
            client.close()
            with self._changed:
                self._open -= 1
                self._clients.discard(client)
                self._changed.notify_all()


def _talk(client: socket.socket, lines: list[str], script: dict[str, Any]) -> None:
    times: dict[str, int] = {}

    def answer(verb: str) -> str | None:
        choices = script.get("answers", {}).get(verb)
        number = times[verb] = times.get(verb, 0) + 1
        text = choices[min(number, len(choices)) - 1] if choices else _USUAL.get(verb, "250 2.0.0 fine")
        return text if _send(client, text) else None

    if not _send(client, script.get("greeting", "220 filter.example ESMTP")):
        return
    in_content = False
    with client.makefile("rb") as reader:
        for raw in reader:
            line = raw.decode("latin-1").removesuffix("\r\n")
            lines.append(line)
            if in_content and line != ".":
                continue
            verb = "." if in_content else line.partition(" ")[0].upper()
            in_content = False
            said = answer(verb)
            if said is None or verb == "QUIT":
                return
            in_content = verb == "DATA" and said.startswith("354")


def _send(client: socket.socket, text: str) -> bool:
    """False where the connection is to end."""
    if text == "!close":
        return False
    if text == "!silent":
        while client.recv(65536):
            pass
        return False
    if text.startswith("!raw"):
        client.sendall(text[4:].encode("latin-1"))
    else:
        client.sendall(text.replace("\n", "\r\n").encode("latin-1") + b"\r\n")
    return True
