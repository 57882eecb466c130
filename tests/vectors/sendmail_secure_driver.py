"""Clients with TLS and logins of one daemon, in steps; run inside a network of its own by `record_sendmail_secure`.

    python -m tests.vectors.sendmail_secure_driver FOLDER COMMAND...   < cases > answers

Cases and answers are JSON; an answer is what was said to each step, and what was logged.
"""

from __future__ import annotations

import base64
import contextlib
import json
import re
import shutil
import socket
import sys
import threading
from pathlib import Path
from typing import Any

from mailconf.maps.database.bdb_hash_writer import write_hash
from tests import logins
from tests.live import fixture_dns
from tests.vectors.sendmail_clients_cases import DNS
from tests.vectors.sendmail_clients_driver import Process, Syslog, played
from tests.vectors.sendmail_secure_cases import BASE

_PORT = 3000
_STAMP = re.compile(r"^(?:\w{3} [ \d]\d \d\d:\d\d:\d\d \S+ )?[\w/.-]+\[\d+\]: ")
_ID = re.compile(r"\b[0-9A-Za-x]{8}\d{6,9}\b")
_KEPT = re.compile(r"STARTTLS|AUTH|TLS|ruleset=|authenticat|SYSERR|trusted")
_CHALLENGE = re.compile(r"\A334 ((?:PD|bm9uY2U9)[A-Za-z0-9+/]+=*)\Z")  # those with a nonce
# Lines that tell of the TLS library's source, of SASL's modules; and what only mailconf has to say.
_OF_LIBRARY = re.compile(r"STARTTLS=\w+: error:|AUTH: available mech=|is not served:")
_REASON = re.compile(r"reason=(?!wrong version number|unexpected eof)[a-z0-9 ]+")  # releases of the library differ
_UNREADABLE = re.compile(r" \[-?\d for \".*\"\](?=, relay)")  # which may have a password in it
_FINGERPRINT = re.compile(r"(?:[0-9A-F]{2}:)+[0-9A-F]{2}")


def masked(text: str) -> str:
    """A reply, or a line of the log, without what is another each time."""
    text = (
        _REASON.sub("reason=WHY", _UNREADABLE.sub("", _FINGERPRINT.sub("FP", text)))
        .replace("\x1b", "?")
        .replace("\\033", "?")
    )
    if text in ("ConnectionResetError", "BrokenPipeError"):  # the connection is closed in any case
        return ""
    return _CHALLENGE.sub(lambda found: f"334 {logins.shown(base64.b64decode(found[1]))}", text)


def logged(lines: list[str]) -> list[str]:
    """The lines about TLS and logins, without ids. Sorted, for several processes write them."""
    lines = [line for line in lines if not _OF_LIBRARY.search(line)]
    kept = [_ID.sub("ID", _STAMP.sub("", line)) for line in lines if _KEPT.search(line)]
    return sorted(masked(line) for line in kept)


def prepare(etc: Path, folder: str, case: dict[str, Any]) -> None:
    """The SASL library's files below ``etc``, for a case; ``folder`` is what FOLDER means."""
    sasl, database = etc / "sasl2", etc / "sasldb2"
    shutil.rmtree(sasl, ignore_errors=True)
    database.unlink(missing_ok=True)
    if case["sasl"] is not None:
        sasl.mkdir(mode=0o755)
        (sasl / "Sendmail.conf").write_text(case["sasl"].replace("FOLDER", folder))
    if case["users"] is not None:
        with database.open("xb") as output:
            write_hash(output, *sasldb(case["users"]))
        database.chmod(0o600)


def sasldb(users: dict[str, str]) -> tuple[list[bytes], list[bytes]]:
    """Keys and values of sasldb2."""
    names = [name.rpartition("@") for name in users]
    return [f"{user}\0{realm}\0userPassword".encode() for user, _, realm in names], [p.encode() for p in users.values()]


def saslauthd(place: Path, asked: list[str]) -> None:
    """A server of saslauthd's protocol: one password is good for everybody, "mute" gets no answer. What it is asked
    comes to ``asked``, without the password."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(place))
    listener.listen()

    def serve() -> None:
        while True:
            connection, _ = listener.accept()
            with connection:
                parts = [_counted(connection) for _ in range(4)]
                asked.append(f"AUTH asked of saslauthd: {parts[0]!r} {parts[2]!r} {parts[3]!r}")
                answer = b"OK" if parts[1] == b"secret" else b"NO"
                if parts[0] != b"mute":
                    connection.sendall(len(answer).to_bytes(2, "big") + answer)

    threading.Thread(target=serve, daemon=True).start()


def _counted(connection: socket.socket) -> bytes:
    length = int.from_bytes(connection.recv(2, socket.MSG_WAITALL), "big")
    return connection.recv(length, socket.MSG_WAITALL) if length else b""


def main() -> None:
    folder, command = Path(sys.argv[1]), sys.argv[2:]
    cases = json.load(sys.stdin)
    fixture_dns.serve(DNS)
    syslog = Syslog()
    asked: list[str] = []
    saslauthd(folder / "mux", asked)
    answers = []
    for number, case in enumerate(cases):
        prepare(Path("/etc"), str(folder), case)
        text = case["cf"] or BASE + (case["text"] or "")
        daemon = Process(folder, command, text, _PORT + number, case["daemon"])
        try:
            said = played(daemon, case["steps"], folder)
            with contextlib.suppress(FileNotFoundError):  # it did not start
                daemon.settle(0)
        finally:
            daemon.stop()
        syslog.settle()
        errors = (folder / f"err{_PORT + number}").read_text("latin-1").splitlines()
        answers.append(
            {"said": [masked(reply) for reply, _ in said], "log": logged([*syslog.taken(), *errors, *asked])}
        )
        asked.clear()
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
