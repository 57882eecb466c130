"""The client's side of Dovecot's authentication protocol, without a socket.

The server names its mechanisms; then logins are under way side by side, each by its number: it is answered by a
challenge, which the client's response follows, by success with the account's name, or by failure. Lines of fields with
tabs between them; what neither side knows is passed over.

Source: Dovecot's "Authentication Protocol v1.2"; observed with Dovecot 2.3.19.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import NamedTuple

from mailconf.source import decode, encode

LONGEST = 65_536  # bytes of a line of the server's
_MOST = 100  # mechanisms
_ESCAPED = re.compile("\x01([01rnt])")
_MEANING = {"0": "\0", "1": "\x01", "r": "\r", "n": "\n", "t": "\t"}
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Mechanism(NamedTuple):
    """``properties`` as the server names them: "plaintext", "dictionary", "active", "anonymous", "mutual-auth", ..."""

    name: str
    properties: frozenset[str] = frozenset()


class Ready(NamedTuple):
    """The server has said what it can; logins may begin."""

    mechanisms: tuple[Mechanism, ...]


class Challenge(NamedTuple):
    """What the client is to answer, in base64."""

    number: int
    text: str


class Success(NamedTuple):
    number: int
    account: str


class Failure(NamedTuple):
    """``reason`` is "" and ``account`` None where the server does not name them; ``temporary``: it may work later."""

    number: int
    reason: str = ""
    account: str | None = None
    temporary: bool = False


AuthEvent = Ready | Challenge | Success | Failure


class BadServer(Exception):
    """What the server says is not the protocol."""


class Request(NamedTuple):
    """A login that begins. ``initial`` is the response that came with AUTH, in base64; None without one."""

    mechanism: str
    service: str
    server_address: str
    client_address: str
    secured: bool = False
    initial: str | None = None


class AuthClient:
    """One connection to a server."""

    def __init__(self, process: int) -> None:
        self._buffer = bytearray()
        self._out = bytearray(f"VERSION\t1\t0\nCPID\t{process}\n".encode())
        self._mechanisms: list[Mechanism] = []
        self._last = 0
        self.ready = False

    def receive_data(self, data: bytes) -> None:
        self._buffer += data

    def data_to_send(self) -> bytes:
        data = bytes(self._out)
        self._out.clear()
        return data

    def begin(self, request: Request) -> int:
        """The number of the login."""
        self._last += 1
        addresses = f"lip={request.server_address}\trip={request.client_address}"
        fields = ["AUTH", str(self._last), request.mechanism, f"service={request.service}", "nologin", addresses]
        fields += ["secured"] if request.secured else []
        fields += [] if request.initial is None else [f"resp={request.initial}"]
        self._say(fields)
        return self._last

    def respond(self, number: int, response: str) -> None:
        """Answer a challenge; ``response`` is base64."""
        self._say(["CONT", str(number), response])

    def cancel(self, number: int) -> None:
        """Give a login up."""
        self._say(["CANCEL", str(number)])

    def _say(self, fields: Iterable[str]) -> None:
        line = "\t".join(fields)
        if "\n" in line:
            raise ValueError("a field has a line's end in it")
        self._out += encode(line) + b"\n"

    def next_event(self) -> AuthEvent | None:
        """The next event, None where data is missing. Raises BadServer."""
        while (end := self._buffer.find(b"\n")) >= 0:
            line = decode(bytes(self._buffer[:end]))
            del self._buffer[: end + 1]
            event = self._read(line.split("\t"))
            if event is not None:
                return event
        if len(self._buffer) > LONGEST:
            raise BadServer("a line is too long")
        return None

    def _read(self, fields: list[str]) -> AuthEvent | None:
        verb, *rest = fields
        if verb == "VERSION" and rest[:1] != ["1"]:
            raise BadServer("it speaks another version of the protocol")
        if verb == "MECH" and rest and len(self._mechanisms) < _MOST:
            self._mechanisms.append(Mechanism(printable(rest[0]), frozenset(rest[1:])))
        elif verb == "DONE" and not self.ready:
            self.ready = True
            return Ready(tuple(self._mechanisms))
        elif verb in ("CONT", "OK", "FAIL") and rest and rest[0].isascii() and rest[0].isdigit():
            return self._answer(verb, int(rest[0][:18]), rest[1:])
        return None

    @staticmethod
    def _answer(verb: str, number: int, fields: list[str]) -> AuthEvent:
        if verb == "CONT":
            return Challenge(number, printable(fields[0] if fields else ""))
        given = {key: unescaped(value) for key, _, value in (field.partition("=") for field in fields)}
        account = printable(given["user"]) if "user" in given else None
        if verb == "OK":
            return Success(number, account or "")
        return Failure(number, printable(given.get("reason", "")), account, "temp" in given)


def unescaped(text: str) -> str:
    """A field's value."""
    return _ESCAPED.sub(lambda found: _MEANING[found[1]], text)


def printable(text: str) -> str:
    """``text`` as replies, logs and header fields may have it."""
    return _CONTROL.sub("?", text)


# Options by which mechanisms are left out (postconf(5) smtpd_sasl_security_options), with the server's words for them.
_WITHOUT = {"noplaintext": "plaintext", "noactive": "active", "nodictionary": "dictionary", "noanonymous": "anonymous"}
_WITH = {"forward_secrecy": "forward-secrecy", "mutual_auth": "mutual-auth"}
OPTIONS = frozenset((*_WITHOUT, *_WITH))


def usable(mechanisms: Iterable[Mechanism], options: Collection[str]) -> tuple[Mechanism, ...]:
    """Those that the options, in lower case, leave."""
    shunned = {_WITHOUT[option] for option in options if option in _WITHOUT}
    wanted = {_WITH[option] for option in options if option in _WITH}
    return tuple(m for m in mechanisms if not m.properties & shunned and wanted <= m.properties)
