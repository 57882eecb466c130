"""A mail filter (milter) of the tests: it answers by a script, and notes every packet that it is sent.

A script is a dictionary, so that vectors can hold it:

    version, actions, protocol  what the filter asks for when options are negotiated: by default version 6, all actions
                                and all steps that the server offers; ``greeting`` is the raw packet instead
    symbols                     lists of macros by number of the stage, as the filter names them then
    answers                     by the letter of the command, the packets that answer it: a list of them for each time
                                that the command comes, the last one for all that follow. Without an entry the answer is
                                "continue", where one is due

A packet is a text of which each character is a byte: the letter, and the data. ``!close`` hangs up, ``!silent`` never
answers, ``!progress`` says without an end that it is at work, and what follows ``!raw`` is sent as it is.
"""

from __future__ import annotations

import socket
import struct
import threading
from pathlib import Path
from typing import Any

ALL_ACTIONS = 0x1FF
_NO_REPLY = {
    "C": 0x1000, "H": 0x2000, "M": 0x4000, "R": 0x8000, "T": 0x10000, "U": 0x20000, "L": 0x80, "N": 0x40000,
    "B": 0x80000,
}  # fmt: skip
_UNANSWERED = "DAQK"


def packet(text: str) -> bytes:
    data = text.encode("latin-1")
    return struct.pack(">I", len(data)) + data


def negotiation(version: int, actions: int, protocol: int, symbols: dict[str, str] | None = None) -> str:
    """The packet of the negotiation, as text."""
    data = b"O" + struct.pack(">III", version, actions, protocol)
    for stage, names in sorted((symbols or {}).items()):
        data += struct.pack(">I", int(stage)) + names.encode() + b"\0"
    return data.decode("latin-1")


class MilterServer:
    """Use as a context manager. ``script`` may be replaced between sessions; ``seen`` has the packets of each
    connection, in their order, and `await_end` waits until the connections are over."""

    def __init__(self, path: Path | None = None) -> None:
        self.script: dict[str, Any] = {}
        self.seen: list[list[str]] = []
        self._path = path
        self._open = 0
        self._changed = threading.Condition()
        self._clients: set[socket.socket] = set()

    def __enter__(self) -> MilterServer:
        if self._path is None:
            self._listening = socket.create_server(("127.0.0.1", 0))
            self.port: int = self._listening.getsockname()[1]
            self.address = f"inet:127.0.0.1:{self.port}"
        else:
            self._listening = socket.socket(socket.AF_UNIX)
            self._listening.bind(str(self._path))
            self._path.chmod(0o777)
            self._listening.listen()
            self.address = f"unix:{self._path}"
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        with self._changed:
            for client in self._clients:
                client.shutdown(socket.SHUT_RDWR)
        self._thread.join()

    def begin(self, script: dict[str, Any]) -> None:
        """Answer by ``script`` from now on, and forget what came so far."""
        with self._changed:
            self.script, self.seen = script, []

    def await_end(self, seconds: float = 60) -> list[list[str]]:
        """What was sent, once no connection is open. Raises TimeoutError."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._open == 0, seconds):
                raise TimeoutError("a connection to the filter stays open")
            return [list(packets) for packets in self.seen]

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            packets: list[str] = []
            with self._changed:
                self._open += 1
                self._clients.add(client)
                self.seen.append(packets)
                talk = threading.Thread(target=self._serve, args=(client, packets, self.script), daemon=True)
            talk.start()

    def _serve(self, client: socket.socket, packets: list[str], script: dict[str, Any]) -> None:
        try:
            _Talk(client, packets, script).run()
        except OSError:
            pass
        finally:
            client.close()
            with self._changed:
                self._open -= 1
                self._clients.discard(client)
                self._changed.notify_all()


class _Talk:
    """One connection."""

    def __init__(self, client: socket.socket, packets: list[str], script: dict[str, Any]) -> None:
        self._file = client.makefile("rb")
        self._client = client
        self._packets = packets
        self._script = script
        self._times: dict[str, int] = {}
        self._steps = 0

    def run(self) -> None:
        while (text := self._read()) is not None:
            self._packets.append(text)
            if text[:1] in ("Q",):
                continue
            if not all(map(self._send, self._answers(text))):
                return

    def _read(self) -> str | None:
        head = self._file.read(4)
        if len(head) < 4:
            return None
        (length,) = struct.unpack(">I", head)
        return self._file.read(length).decode("latin-1")

    def _answers(self, text: str) -> list[str]:
        letter = text[:1]
        if letter == "O":
            return [self._greeting(text)]
        number = self._times[letter] = self._times.get(letter, 0) + 1
        choices = self._script.get("answers", {}).get(letter)
        if choices is not None:
            return list(choices[min(number, len(choices)) - 1])
        due = letter not in _UNANSWERED and not self._steps & _NO_REPLY.get(letter, 0)
        return ["c"] if due else []

    def _greeting(self, text: str) -> str:
        script = self._script
        if "greeting" in script:
            return str(script["greeting"])
        version, actions, steps = struct.unpack(">III", text[1:13].encode("latin-1"))
        self._steps = script.get("protocol", steps & 0)
        version = script.get("version", min(version, 6))
        return negotiation(version, script.get("actions", actions), self._steps, script.get("symbols"))

    def _send(self, text: str) -> bool:
        """False where the connection is to end."""
        if text == "!close":
            return False
        if text == "!silent":
            while self._client.recv(65536):
                pass
            return False
        if text == "!progress":
            pause = threading.Event()
            while not pause.wait(0.05):
                self._client.sendall(packet("p"))
        self._client.sendall(text[4:].encode("latin-1") if text.startswith("!raw") else packet(text))
        return True
