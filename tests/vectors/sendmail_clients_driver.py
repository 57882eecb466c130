"""Several clients of one daemon, in steps; run inside a network of its own by `record_sendmail_clients`.

    python -m tests.vectors.sendmail_clients_driver FOLDER COMMAND...   < cases > answers

Cases and answers are JSON. Each case has a daemon of its own, COMMAND -bD -C ..., whose log is what comes to /dev/log.
An answer to a case has for each step what the server said and for how many whole seconds that was waited for.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import socket
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Protocol

from tests import logins
from tests.live import fixture_dns
from tests.vectors.sendmail_clients_cases import BASE, DNS
from tests.vectors.sendmail_smtp_driver import listening, masked

_PATIENCE = float(os.environ.get("PATIENCE", "60"))  # seconds that a reply is waited for
_PORT = 3000
_NEARLY = 0.1  # seconds by which a clock may be off
_MARK = "a line of the driver's own"
_PRIORITY = re.compile(r"^<\d+>\w{3} [ \d]\d \d\d:\d\d:\d\d ")


class Daemon(Protocol):
    """What clients connect to."""

    port: int

    def source(self, client: str) -> str:
        """The address from which a client connects."""
        ...

    def settle(self, left: int) -> None:
        """Return when a connection that was closed is no longer counted; so many are open."""


class Clients:
    """The connections of a case, by their names."""

    def __init__(self, daemon: Daemon, folder: Path = Path()) -> None:
        self.folder = folder  # with the clients' certificates
        self._daemon = daemon
        self._open: dict[str, tuple[socket.socket, Any]] = {}

    def close(self) -> None:
        for connection, file in self._open.values():
            file.close()
            connection.close()

    def step(self, name: str, action: str | list[str]) -> list[Any] | None:
        """What is said to a step: the reply, and the whole seconds that it took."""
        begun = time.monotonic()
        reply = self._done(name, action)
        return None if reply is None else [reply, int(time.monotonic() - begun + _NEARLY)]

    def _done(self, name: str, action: str | list[str]) -> str | None:
        verb, _, rest = ("", "", "") if isinstance(action, list) else action.partition(" ")
        if verb in ("connect", "hurry"):
            client, _, early = rest.partition(" ")
            return self._connect(name, client, early)
        if verb == "wait":
            time.sleep(float(rest))
            return ""
        if name not in self._open:
            return ""
        if action == "hang up":
            self._drop(name)
            return ""
        if action == "read":
            return self._reply(name)
        if verb == "tls":
            return self._secure(name, *rest.split())
        if verb in logins.CLIENTS:
            return self._log_in(name, verb, *rest.split())
        if verb == "raw":  # bytes, and nothing is waited for
            self._open[name][0].sendall(rest.encode("latin-1").decode("unicode_escape").encode("latin-1"))
            return ""
        data = "".join(f"{line}\r\n" for line in action) if isinstance(action, list) else f"{action}\r\n"
        with contextlib.suppress(ConnectionError):
            self._open[name][0].sendall(data.encode("latin-1"))
        reply = self._reply(name)
        if reply[:3] in ("", "221", "421"):
            self._drop(name)
        return reply

    def _connect(self, name: str, client: str, early: str) -> str:
        try:
            source = (self._daemon.source(client), 0)
            connection = socket.create_connection(("127.0.0.1", self._daemon.port), _PATIENCE, source)
        except OSError as failure:
            return type(failure).__name__
        self._open[name] = connection, connection.makefile("rb")
        if early == "silently":
            return ""
        if early:
            connection.sendall(f"{early}\r\n".encode("latin-1"))
        reply = self._reply(name)
        if reply[:3] in ("", "421"):
            self._drop(name)
        return reply

    def _secure(self, name: str, *words: str) -> str:
        """Begin TLS, ``words`` being the name of a certificate and the versions that the client takes; what was agreed
        on, or that it failed."""
        connection, file = self._open[name]
        file.close()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        for word in words:
            if word.startswith("TLS"):
                context.minimum_version = context.maximum_version = ssl.TLSVersion[word]
            elif word != "none":
                context.load_cert_chain(self.folder / f"{word}.pem", self.folder / f"{word}.key")
        try:
            secure = context.wrap_socket(connection)
        except OSError as failure:
            self._open[name] = connection, connection.makefile("rb")
            self._drop(name)
            return "TLS failed" if isinstance(failure, ssl.SSLError) else type(failure).__name__
        self._open[name] = secure, secure.makefile("rb")
        cipher = secure.cipher()
        assert cipher is not None
        return f"{secure.version()} {cipher[0]} {cipher[2]}"

    def _log_in(self, name: str, mechanism: str, *words: str) -> str:
        """Log in by CRAM-MD5 or DIGEST-MD5: what the server says, its challenges read, without their nonces."""
        said = []
        line = f"AUTH {logins.NAMES[mechanism]}"
        answers = logins.CLIENTS[mechanism](*words)
        while True:
            self._open[name][0].sendall(f"{line}\r\n".encode())
            reply = self._reply(name)
            if not reply.startswith("334 "):
                return "\n".join([*said, reply])
            challenge = base64.b64decode(reply[4:])
            said.append(logins.shown(challenge))
            line = base64.b64encode(answers(challenge)).decode()

    def _drop(self, name: str) -> None:
        connection, file = self._open.pop(name)
        file.close()
        connection.close()
        self._daemon.settle(len(self._open))

    def _reply(self, name: str) -> str:
        lines = []
        while True:
            try:
                line = self._open[name][1].readline(100_000).decode("latin-1").rstrip("\r\n")
            except OSError as failure:
                return type(failure).__name__
            lines.append(masked(line))
            if line[3:4] != "-":
                return "\n".join(lines)


class Syslog:
    """What is written to /dev/log, the lines without priority, time, and numbers of processes."""

    def __init__(self, place: str = "/dev/log") -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(place)
        self._place = place
        self._lines: list[str] = []
        self._marked = threading.Event()
        threading.Thread(target=self._take, daemon=True).start()

    def _take(self) -> None:
        while True:
            text = self._socket.recv(100_000).decode("latin-1").rstrip("\n\0")
            if text == _MARK:
                self._marked.set()
            else:
                self._lines.append(_PRIORITY.sub("", text))

    def settle(self) -> None:
        """Return when all has come that was sent before."""
        self._marked.clear()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(_MARK.encode(), self._place)
        self._marked.wait(_PATIENCE)

    def taken(self) -> list[str]:
        """What came since the last time."""
        lines, self._lines = self._lines, []
        return lines


class Process:
    """A daemon in a process of its own."""

    def __init__(self, folder: Path, command: list[str], text: str, port: int, more: str = "") -> None:
        self.port = port
        cf = folder / "x.cf"
        cf.write_bytes(text.replace("FOLDER", str(folder)).encode("latin-1"))
        options = [f"-ODaemonPortOptions=Port={port},Addr=127.0.0.1,Name=MTA{more}", f"-OPidFile={folder}/pid"]
        with (folder / f"err{port}").open("wb") as errors:
            self._process = subprocess.Popen(
                [*command, "-bD", "-C", str(cf), *options], stdin=subprocess.DEVNULL, stdout=errors, stderr=errors
            )
        end = time.monotonic() + 30
        while not listening(port) and time.monotonic() < end and self._process.poll() is None:
            time.sleep(0.02)
        self._ended = 0

    def source(self, client: str) -> str:
        return client

    def settle(self, left: int) -> None:
        """Wait until no process is left that has ended its session; sessions that are open have one each."""
        end = time.monotonic() + 10
        while time.monotonic() < end and self._over():
            time.sleep(0.01)

    def _over(self) -> bool:
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        return sum(1 for child in children if not _talks(child)) > 0

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(30)


def _talks(child: str) -> bool:
    """Whether a process has a connection that its client has not closed."""
    try:
        held = {str(each.readlink()) for each in Path(f"/proc/{child}/fd").iterdir()}
        lines = Path(f"/proc/{child}/net/tcp").read_text().splitlines()[1:]
    except OSError:
        return False
    return any(f"socket:[{line.split()[9]}]" in held and line.split()[3] == "01" for line in lines)


# Lines of the log that tell of the machine.
_OF_MACHINE = re.compile(
    r"sasl|engine=|starting daemon|started as|STARTTLS|AUTH: available|daemon MTA: listening|is not served:"
)
_STAMP = re.compile(r"^(?:\w{3} [ \d]\d \d\d:\d\d:\d\d \S+ )?sendmail\[\d+\]: ")
_ID = re.compile(r"\b[0-9A-Za-x]{8}\d{6,9}\b")


def same(lines: list[str]) -> list[str]:
    """Lines of a log without what is another each time, and without ids. Sorted, for several
    processes write them."""
    kept = [_STAMP.sub("", line) for line in lines if not _OF_MACHINE.search(line)]
    return sorted(_ID.sub("ID", line) for line in kept)


def fields(mail: str) -> list[str]:
    """The fields Received of delivered messages, without ids and dates."""
    found = re.findall(r"^Received: [^\n]*(?:\n[ \t][^\n]*)*", mail, re.MULTILINE)
    return [_ID.sub("ID", masked(each)) for each in found]


def played(daemon: Daemon, steps: list[list[Any]], folder: Path = Path()) -> list[list[Any]]:
    """What is said to each step of a case."""
    clients = Clients(daemon, folder)
    try:
        return [said for name, action in steps if (said := clients.step(name, action)) is not None]
    finally:
        clients.close()


def main() -> None:
    folder, command = Path(sys.argv[1]), sys.argv[2:]
    cases = json.load(sys.stdin)
    fixture_dns.serve(DNS)
    syslog = Syslog()
    answers = []
    for number, case in enumerate(cases):
        daemon = Process(folder, command, case["cf"] or BASE + (case["text"] or ""), _PORT + number)
        try:
            said = played(daemon, case["steps"])
        finally:
            daemon.stop()
        mail = folder / "mail"
        found = mail.read_text("latin-1") if mail.exists() else ""
        mail.unlink(missing_ok=True)
        errors = (folder / f"err{_PORT + number}").read_text("latin-1").splitlines()
        answers.append({"said": said, "log": [*syslog.taken(), *errors], "mail": found})
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
