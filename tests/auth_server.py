"""A server of Dovecot's authentication protocol, for tests: accounts, a challenge that is always the same.

It answers as doveadm's daemon does for the password ``PASSWORD`` of any account but those that are named here:
"temp" fails for the time being, "gone" ends the connection, "other" becomes another account, "locked" and "expired" are
refused with a code, "nonsense" is answered by a line that is not of the protocol, "silent" not at all. What is no
base64 is refused.
"""

from __future__ import annotations

import base64
import hmac
import re
import socket
import threading
from pathlib import Path

from tests.one_by_one import OneByOne

PASSWORD = "secret"
CHALLENGE = "<1.2@mail.example.com>"
MECHANISMS = ("PLAIN\tplaintext", "LOGIN\tplaintext", "CRAM-MD5\tdictionary\tactive", "ANONYMOUS\tanonymous")


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def plain(login: str, password: str = PASSWORD, identity: str = "") -> str:
    """The response of PLAIN."""
    return encoded(f"{identity}\0{login}\0{password}")


def cram(login: str, password: str = PASSWORD, challenge: str = CHALLENGE) -> str:
    """The response of CRAM-MD5."""
    return encoded(f"{login} {hmac.new(password.encode(), challenge.encode(), 'md5').hexdigest()}")


class AuthServer(OneByOne):
    """Use as a context manager; ``asked`` are the lines that clients have sent."""

    def __init__(self, path: Path | None = None, mechanisms: tuple[str, ...] = MECHANISMS, hello: bytes = b"") -> None:
        self.mechanisms = mechanisms
        self.hello = hello
        self.asked: list[str] = []
        super().__init__(path, mode=0o666)
        self._peers: list[socket.socket] = []

    def end(self) -> None:
        for peer in self._peers:
            peer.close()

    def attend(self, peer: socket.socket) -> None:
        self._peers.append(peer)
        threading.Thread(target=self._talk, args=(peer,), daemon=True).start()

    def _hello(self) -> bytes:
        lines = ["VERSION\t1\t2", *(f"MECH\t{each}" for each in self.mechanisms), "SPID\t1", "CUID\t1", "COOKIE\t00"]
        return self.hello or "".join(f"{line}\n" for line in (*lines, "DONE")).encode()

    def _talk(self, peer: socket.socket) -> None:
        under_way: dict[str, list[str]] = {}
        try:
            peer.sendall(self._hello())
            with peer.makefile("rb") as lines:
                for raw in lines:
                    line = raw.decode().rstrip("\n")
                    self.asked.append(line)
                    if (reply := self._answer(line, under_way)) is None:
                        break
                    peer.sendall(reply.encode())
        except (OSError, ValueError):
            pass
        finally:
            peer.close()

    def _answer(self, line: str, under_way: dict[str, list[str]]) -> str | None:
        verb, *words = line.split("\t")
        if verb not in ("AUTH", "CONT"):
            return ""
        number = words[0]
        if verb == "AUTH":
            steps = [words[1].upper()]
            given = [word[5:] for word in words if word.startswith("resp=")]
            under_way[number] = steps
        else:
            steps = under_way[number]
            given = words[1:2] or [""]
        try:
            # What stands behind the padding counts for nothing; from Python 3.13 on b64decode reads on there.
            steps += [base64.b64decode(re.sub("=[^=].*", "=", part)).decode() for part in given]
        except ValueError:
            return f"FAIL\t{number}\treason=Invalid base64 data\n"
        mechanism, *said = steps
        found = _CHECKS[mechanism](said) if mechanism in _CHECKS else ("", "", "")
        if isinstance(found, str):
            return f"CONT\t{number}\t{encoded(found)}\n"
        login, given_password, wanted = found
        if login == "gone":
            return None
        if login == "silent":
            return ""
        if login == "nonsense":
            return "WHAT\tis this\n"
        if login == "temp":
            return f"FAIL\t{number}\tuser=temp\ttemp\n"
        if login in ("locked", "expired"):
            code = "user_disabled" if login == "locked" else "pass_expired"
            return f"FAIL\t{number}\tuser={login}\tcode={code}\treason=no entry\n"
        if not login or given_password != wanted:
            return f"FAIL\t{number}\tuser={login}\n"
        return f"OK\t{number}\tuser={'somebody else' if login == 'other' else login}\n"


def _plain(said: list[str]) -> str | tuple[str, str, str]:
    if not said:
        return ""
    parts = said[0].split("\0")
    return (parts[1], parts[2], PASSWORD) if len(parts) == 3 else ("", "", PASSWORD)


def _login(said: list[str]) -> str | tuple[str, str, str]:
    if len(said) < 2:
        return ("Username:", "Password:")[len(said)]
    return said[0], said[1], PASSWORD


def _cram(said: list[str]) -> str | tuple[str, str, str]:
    if not said:
        return CHALLENGE
    login, _, digest = said[0].rpartition(" ")
    return login, digest, hmac.new(PASSWORD.encode(), CHALLENGE.encode(), "md5").hexdigest()


_CHECKS = {"PLAIN": _plain, "LOGIN": _login, "CRAM-MD5": _cram}
