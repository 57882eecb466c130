"""An SMTP or LMTP server that says what a script says, in a thread; it keeps what it was sent.

The script maps "banner", verbs and "." to replies: a text (lines separated by newlines, without line ends), a list of
them (one an occurrence, the last for the rest), "<close>", or "<hang>": nothing is said until the client goes. What is
not scripted is answered 250.
"""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from pathlib import Path

from tests.one_by_one import OneByOne

Script = dict[str, str | list[str]]

EHLO = "250-sink.example\n250-PIPELINING\n250-SIZE 1000000\n250-8BITMIME\n250 DSN"


class ScriptedServer(OneByOne):
    """Use as a context manager. ``sessions`` holds the commands of each session, the content as one item."""

    def __init__(self, script: Script, *, path: Path | None = None) -> None:
        self.script = {"banner": "220 sink.example ESMTP", "DATA": "354 go", "QUIT": "221 bye", "EHLO": EHLO, **script}
        self.sessions: list[list[str]] = []
        self.ended = threading.Event()  # after the first session
        super().__init__(path)

    def attend(self, peer: socket.socket) -> None:
        with peer:
            commands: list[str] = []
            self.sessions.append(commands)
            with suppress(OSError):
                self._session(peer, commands)
        self.ended.set()

    def _session(self, peer: socket.socket, commands: list[str]) -> None:
        uses: dict[str, int] = {}
        accepted = 0
        with peer.makefile("rb") as lines:

            def answer(key: str, times: int = 1) -> bool:
                scripted = self.script.get(key, "250 2.0.0 Ok")
                for _ in range(times):
                    choices = [scripted] if isinstance(scripted, str) else scripted
                    at = uses.setdefault(key, 0)
                    uses[key] += 1
                    reply = choices[min(at, len(choices) - 1)]
                    if reply == "<close>":
                        return False
                    if reply == "<hang>":
                        commands.extend(line.decode("latin-1").rstrip("\r\n") for line in lines)
                        return False
                    peer.sendall(reply.replace("\n", "\r\n").encode() + b"\r\n")
                    self.last = reply
                return True

            if not answer("banner"):
                return
            while line := lines.readline():
                text = line.decode("latin-1").rstrip("\r\n")
                commands.append(text)
                verb = text.partition(" ")[0].upper()
                if verb == "MAIL":
                    accepted = 0
                if not answer(verb):
                    return
                accepted += verb == "RCPT" and self.last.startswith("2")
                if verb == "DATA" and self.last.startswith("354"):
                    content = b""
                    while (line := lines.readline()) and line != b".\r\n":
                        content += line
                    commands.append(content.decode("latin-1"))
                    if not line or not answer(".", accepted if "LHLO" in commands[0] else 1):
                        return
                if verb == "QUIT":
                    return
