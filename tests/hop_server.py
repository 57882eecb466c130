"""An SMTP or LMTP server that takes several sessions at a time and says what a script says; it keeps what it was sent.

The script is a list: what each session says, the last for all that follow. What one says maps "banner", verbs and "."
to a text, or to a list of them (one an occurrence, the last for the rest). A text's lines are sent as they are;
``<close>`` within it hangs up at that place, ``<wait>`` waits for a quarter of a second first. What is not scripted is
answered 250.
"""

from __future__ import annotations

import re
import socket
import ssl
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from io import BufferedReader
from pathlib import Path
from typing import Self

Says = Mapping[str, str | Sequence[str]]
DEFAULTS: Says = {
    "banner": "220 sink.example ESMTP",
    "EHLO": "250-sink.example\n250 PIPELINING",
    "LHLO": "250-sink.example\n250 PIPELINING",
    "STARTTLS": "220 go",
    "DATA": "354 go",
    "QUIT": "221 bye",
}
PIECES = re.compile("(<close>|<wait>)")


class HopServer:
    """Use as a context manager. ``sessions`` has the commands of each session in the order in which they began,
    ``taken`` the subjects of messages that were answered 2xx, with the number of the session; ``most`` how many
    sessions there were at a time. ``key``: a certificate and its key, for STARTTLS."""

    def __init__(
        self, script: Sequence[Says] = (), *, path: Path | None = None, key: tuple[Path, Path] | None = None
    ) -> None:
        self.context: ssl.SSLContext | None = None
        if key is not None:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(*key)
        self.script = [{**DEFAULTS, **says} for says in script] or [dict(DEFAULTS)]
        self.sessions: list[list[str]] = []
        self.taken: list[tuple[int, str]] = []
        self.most = 0  # sessions at a time
        self._now = 0
        self._changed = threading.Condition()
        self._peers: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        if path is None:
            self._socket = socket.create_server(("127.0.0.1", 0))
            self.port = int(self._socket.getsockname()[1])
        else:
            self._socket = socket.socket(socket.AF_UNIX)
            self._socket.bind(str(path))
            path.chmod(0o777)
            self._socket.listen(64)
            self.port = 0

    def __enter__(self) -> Self:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for peer in self._peers:
            with suppress(OSError):
                peer.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)

    def over(self, patience: float = 30.0) -> bool:
        """Whether all sessions end in time."""
        with self._changed:
            return self._changed.wait_for(lambda: self._now == 0, patience)

    def _serve(self) -> None:
        while True:
            try:
                peer, _ = self._socket.accept()
            except OSError:
                return
            peer.settimeout(60)
            self._peers.append(peer)
            with self._changed:
                number = len(self.sessions)
                self.sessions.append([])
                self._now += 1
                self.most = max(self.most, self._now)
            thread = threading.Thread(target=self._attend, args=(peer, number), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _attend(self, peer: socket.socket, number: int) -> None:
        try:
            with suppress(OSError, ValueError):
                _Session(self, number, peer, self.script[min(number, len(self.script) - 1)]).run()
        finally:
            with suppress(OSError):
                peer.shutdown(socket.SHUT_RDWR)
            peer.close()
            with self._changed:
                self._now -= 1
                self._changed.notify_all()


class _Closed(OSError):
    """The script hangs up."""


class _Session:
    def __init__(self, server: HopServer, number: int, peer: socket.socket, says: Says) -> None:
        self.server, self.number, self.peer, self.says = server, number, peer, says
        self.commands = server.sessions[number]
        self.uses: dict[str, int] = {}
        self.accepted = 0

    def chosen(self, key: str) -> str:
        """What is to be said now."""
        scripted = self.says.get(key, "250 2.0.0 Ok")
        choices = [scripted] if isinstance(scripted, str) else scripted
        at = self.uses.get(key, 0)
        self.uses[key] = at + 1
        return choices[min(at, len(choices) - 1)]

    def say(self, reply: str) -> None:
        for piece in PIECES.split(reply):
            if piece == "<close>":
                raise _Closed
            if piece == "<wait>":
                time.sleep(0.25)
            elif piece:
                self.peer.sendall(piece.replace("\n", "\r\n").encode() + b"\r\n")

    def run(self) -> None:
        lines = self.peer.makefile("rb")
        self.say(self.chosen("banner"))
        while line := lines.readline():
            text = line.decode("latin-1").rstrip("\r\n")
            self.commands.append(text)
            verb = text.partition(" ")[0].upper()
            self.accepted = 0 if verb in ("MAIL", "RSET") else self.accepted
            said = self.chosen(verb)
            self.say(said)
            self.accepted += verb == "RCPT" and said.startswith("2")
            if verb == "STARTTLS" and said.startswith("220"):
                assert self.server.context is not None
                self.peer = self.server.context.wrap_socket(self.peer, server_side=True)
                self.commands.append("<TLS>")
                lines = self.peer.makefile("rb")
            if verb == "DATA" and said.startswith("354") and not self._content(lines):
                return
            if verb == "QUIT":
                return

    def _content(self, lines: BufferedReader) -> bool:
        """Take a message; False where it is cut off."""
        content = b""
        while (line := lines.readline()) and line != b".\r\n":
            content += line
        self.commands.append("<content>" if line else "<cut off>")
        if not line:
            return False
        for _ in range(self.accepted if self.commands[0].startswith("LHLO") else 1):
            said = self.chosen(".")
            if said.startswith("2") and self.accepted:
                subject = re.search(rb"(?m)^Subject: (.*?)\r?$", content)
                self.server.taken.append((self.number, subject[1].decode() if subject else ""))
            self.say(said)
        return True
