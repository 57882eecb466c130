"""Messages that sendmail sends to hosts with TLS and logins; run inside a network of its own by `record_sendmail_hops`.

    python -m tests.vectors.sendmail_hops_driver FOLDER COMMAND...   < cases > answers

Cases and answers are JSON; an answer is what came to the host, and what was logged.
"""

from __future__ import annotations

import json
import re
import socket
import ssl
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from tests.vectors.sendmail_clients_driver import Syslog
from tests.vectors.sendmail_hops_cases import BASE

_PORT = 4000
_MESSAGE = b"Subject: hi\n\nbody\n"
_STAMP = re.compile(r"^(?:\w{3} [ \d]\d \d\d:\d\d:\d\d \S+ )?[\w/.-]+\[\d+\]: ")
_ID = re.compile(r"\b[0-9A-Za-x]{8}\d{6,9}\b")
_KEPT = re.compile(
    r"^(?:ID: )?(?:STARTTLS=client, (?:relay|cert|error: connect)|AUTH=client, relay=\S+, mech|ruleset=tls_)"
)
_ERRNO = re.compile(r"errno=\d+|reason=[a-z ]+|\S+@far\.example\.\.\. ")
_RESULT = re.compile(r"ID: to=(\S+?),.* dsn=(\S+),.* stat=(.*)")


class Host:
    """A host that takes mail as a case says. ``said`` is what came."""

    def __init__(self, folder: Path, does: dict[str, Any], port: int = 0) -> None:
        self._folder, self._does = folder, does
        self.said: list[str] = []
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port: int = self._listener.getsockname()[1]
        self._idle = threading.Event()
        self._idle.set()
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """The client has ended; what it said last is waited for."""
        self._listener.close()
        self._idle.wait(10)

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._idle.clear()
            try:
                self._talk(connection)
            except OSError:
                pass
            finally:
                self._idle.set()

    def _talk(self, connection: socket.socket) -> None:
        connection.sendall(b"220 peer.example ESMTP\r\n")
        file, secured = connection.makefile("rb"), False
        while line := file.readline():
            text = line.decode().strip()
            verb = text.partition(" ")[0].upper()
            self.said.append(text)
            if verb == "EHLO":
                keywords = self._does.get("ehlo_tls" if secured else "ehlo", [] if secured else ["STARTTLS"])
                lines = ["peer.example Hello", *keywords]
                ends = ["-"] * len(keywords) + [" "]
                connection.sendall(
                    "".join(f"250{end}{each}\r\n" for end, each in zip(ends, lines, strict=True)).encode()
                )
            elif verb == "STARTTLS":
                reply = self._does.get("starttls", "220 go")
                connection.sendall(f"{reply}\r\n".encode())
                if self._does.get("junk"):
                    break
                if reply.startswith("220"):
                    connection, secured = self._secured(connection), True
                    file = connection.makefile("rb")
            elif verb == "AUTH":
                for reply in self._does.get("auth", ["235 ok"]):
                    connection.sendall(f"{reply}\r\n".encode())
                    if reply.startswith("334"):
                        self.said.append(file.readline().decode().strip())
            elif verb == "DATA":
                connection.sendall(b"354 go\r\n")
                while file.readline() not in (b".\r\n", b""):
                    pass
                connection.sendall(b"250 ok\r\n")
            elif verb == "QUIT":
                connection.sendall(b"221 bye\r\n")
                break
            else:
                connection.sendall(b"250 2.0.0 ok\r\n")
        connection.close()

    def _secured(self, connection: socket.socket) -> socket.socket:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        name = self._does.get("cert", "server")
        context.load_cert_chain(self._folder / f"{name}.pem", self._folder / f"{name}.key")
        if self._does.get("asks"):
            context.load_verify_locations(self._folder / "ca.pem")
            context.verify_mode = ssl.CERT_OPTIONAL
        found = context.wrap_socket(connection, server_side=True)
        shown = found.getpeercert()
        self.said.append(f"(TLS, {dict(pair[0] for pair in shown['subject']) if shown else 'no certificate'})")
        return found


def commands(said: list[str]) -> list[str]:
    """What came to a host, without what every dialect writes in its way. A mailer's AUTH= is sendmail's alone."""
    kept = [re.sub(r"(?i)^(mail from|rcpt to)(:<[^>]*>).*", lambda m: m[1].upper() + m[2], text) for text in said]
    return [text for text in kept if text not in ("RSET", "QUIT")]


def logged(lines: list[str]) -> list[str]:
    """The lines about TLS, logins and rulesets, without ids."""
    found = [_ID.sub("ID", _STAMP.sub("", line)) for line in lines]
    return sorted(_ERRNO.sub("", line) for line in found if _KEPT.search(line))


def results(lines: list[str]) -> list[str]:
    """What became of each recipient."""
    found = [_RESULT.match(_ID.sub("ID", _STAMP.sub("", line))) for line in lines]
    return sorted(f"{match[1].strip('<>')} {match[2]} {match[3]}" for match in found if match)


def main() -> None:
    folder, command = Path(sys.argv[1]), sys.argv[2:]
    cases = json.load(sys.stdin)
    syslog = Syslog()
    answers = []
    for number, case in enumerate(cases):
        host = Host(folder, case["host"], _PORT + number)
        text = (BASE + case["text"]).replace("FOLDER", str(folder)).replace("PORT", str(host.port))
        (folder / "x.cf").write_text(text)
        for file in (folder / "q").iterdir():
            file.unlink()
        sender = [*command, "-C", str(folder / "x.cf"), "-f", "a@mail.example.org", *case["to"]]
        subprocess.run(sender, input=_MESSAGE, capture_output=True, timeout=120, check=False)
        syslog.settle()
        host.close()
        lines = syslog.taken()
        to = [line for line in results(lines) if "far.example" in line]
        answers.append({"said": commands(host.said), "results": to, "log": logged(lines)})
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
