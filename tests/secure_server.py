"""An SMTP server that says what a script says, with TLS and AUTH, in a thread; it keeps what it was sent.

The script maps verbs to replies, lines separated by newlines; of several in a list each is said once, the last for the
rest. "EHLO" is what is said before TLS, "EHLO, TLS" after it. A line that is no command is a response to a challenge,
kept as it is and answered by "response". "<close>" hangs up.
"""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from tests.one_by_one import OneByOne

Script = Mapping[str, str | Sequence[str]]
DEFAULTS: Script = {
    "banner": "220 sink.example ESMTP",
    "EHLO": "250-sink.example\n250-PIPELINING\n250 STARTTLS",
    "EHLO, TLS": "250-sink.example\n250 PIPELINING",
    "STARTTLS": "220 2.0.0 go",
    "DATA": "354 go",
    "QUIT": "221 bye",
    "AUTH": "235 2.7.0 welcome",
    "response": "235 2.7.0 welcome",
}
_VERBS = ("EHLO", "HELO", "MAIL", "RCPT", "DATA", "RSET", "QUIT", "STARTTLS", "AUTH", "NOOP")


class SecureServer(OneByOne):
    """Use as a context manager. ``sessions`` holds the commands of each session, "<TLS>" where TLS began.

    key       certificate and key
    handshake "garbage": something that is no TLS, "close": the connection ends
    wrapper   sessions begin with TLS
    newest    the highest version of TLS
    """

    def __init__(
        self,
        script: Script,
        key: tuple[Path, Path],
        *,
        handshake: str = "",
        wrapper: bool = False,
        newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3,
    ) -> None:
        self.script: dict[str, str | Sequence[str]] = {**DEFAULTS, **script}
        self.sessions: list[list[str]] = []
        self._handshake, self._wrapper = handshake, wrapper
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(*key)
        self._context.maximum_version = newest
        self._uses: dict[str, int] = {}
        super().__init__()

    def attend(self, peer: socket.socket) -> None:
        peer.settimeout(10)
        commands: list[str] = []
        self.sessions.append(commands)
        with suppress(OSError, ValueError):
            self._session(peer, commands)
        peer.close()

    def _said(self, key: str) -> str:
        scripted = self.script.get(key, "250 2.0.0 Ok")
        choices = [scripted] if isinstance(scripted, str) else scripted
        at = self._uses.get(key, 0)
        self._uses[key] = at + 1
        return choices[min(at, len(choices) - 1)]

    def _session(self, peer: socket.socket, commands: list[str]) -> None:
        secured = False
        if self._wrapper:
            peer = self._secured(peer, commands)
            secured = True
        lines = peer.makefile("rb")
        self._send(peer, self._said("banner"))
        while line := lines.readline():
            text = line.decode("latin-1").rstrip("\r\n")
            commands.append(text)
            verb = text.partition(" ")[0].upper()
            verb = verb if verb in _VERBS else "response"
            reply = self._said("EHLO, TLS" if verb == "EHLO" and secured else verb)
            if reply == "<close>":
                peer.close()
                return
            self._send(peer, reply)
            if verb == "STARTTLS" and reply.startswith("220"):
                if self._handshake == "close":
                    peer.close()
                    return
                if self._handshake == "garbage":
                    peer.recv(1)
                    peer.sendall(b"this is no TLS at all\r\n" * 20)
                    peer.recv(65536)
                    peer.close()
                    return
                peer = self._secured(peer, commands)
                lines, secured = peer.makefile("rb"), True
            if verb == "DATA" and reply.startswith("354"):
                while (line := lines.readline()) and line != b".\r\n":
                    pass
                self._send(peer, self._said("."))
            if verb == "QUIT":
                peer.close()
                return

    def _secured(self, peer: socket.socket, commands: list[str]) -> socket.socket:
        wrapped = self._context.wrap_socket(peer, server_side=True)
        commands.append("<TLS>")
        return wrapped

    @staticmethod
    def _send(peer: socket.socket, reply: str) -> None:
        peer.sendall(reply.replace("\n", "\r\n").encode() + b"\r\n")


def neutral(commands: Sequence[str]) -> list[str]:
    """The commands, without sizes and QUIT, which may be lost."""
    return [re.sub(r" SIZE=\d+", "", command) for command in commands if command not in ("QUIT", "RSET")]
