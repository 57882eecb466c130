"""Runs within the machine that `record_sendmail_reports` makes: mail is given to a daemon, hosts of the loopback and a
program take what it sends, and all of that is printed as JSON. The standard library alone is imported.

A case is over when nothing has come, and nothing was logged, for a while (QUIET, in seconds); where it says how many
messages come (``comes``), with the last of them.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import socketserver
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parent))

from recipients_driver import lay_out, serve
from sendmail_mailers_driver import OUT, PATIENCE, PORT, PROBE, Daemon, Syslog, masked, probed

QUIET = float(os.environ.get("QUIET", "0.7"))
QUEUE = Path("/var/spool/mqueue")
HOSTS = ("127.0.0.2", "127.0.0.9")
DEAD = ("/var/tmp/dead.letter", "/home/root/dead.letter", "/home/ann/dead.letter")
_BOUNDARY = re.compile(r"\bID\.\d+/")
_SIZE = re.compile(r"(?m)^(>>> MAIL .*) SIZE=\d+")
_AGO = re.compile(r"(?m)^T\d+$")


def shown(text: str) -> str:
    """A text without ids, dates, sizes and numbers of boundaries."""
    return _SIZE.sub(r"\1 SIZE=N", _BOUNDARY.sub("ID.N/", masked(text)))


class Hosts:
    """The hosts of the loopback. ``came`` has the messages: envelope and content."""

    def __init__(self, port: int = 25) -> None:
        self.case: dict[str, Any] = {}
        self.came: list[dict[str, Any]] = []
        self.changed = time.monotonic()
        hosts = self

        class Talk(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                with contextlib.suppress(OSError):
                    hosts.talk(self)

        self._servers = []
        for address in HOSTS:
            server = socketserver.ThreadingTCPServer((address, port), Talk)
            server.daemon_threads = True
            self.port = port = server.server_address[1]
            threading.Thread(target=server.serve_forever, daemon=True).start()
            self._servers.append(server)

    def close(self) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()

    def talk(self, peer: socketserver.StreamRequestHandler) -> None:
        says: dict[str, str] = self.case["says"]
        reports = peer.connection.getsockname()[0] == HOSTS[1]
        envelope: list[str] = []

        def answer(line: str, usual: str) -> str:
            keys = [key for key in says if line.upper().startswith(key.upper())]
            # What a verb alone says holds for the first host, not for the one that takes the reports.
            keys = [key for key in keys if ":" in key or not reports]
            reply = says[max(keys, key=len)] if keys else usual
            if reply == "<close>":
                raise OSError
            peer.wfile.write(reply.replace("\n", "\r\n").encode("latin-1") + b"\r\n")
            peer.wfile.flush()
            return reply

        if answer("banner", "220 host.example ESMTP")[:1] != "2":
            return
        words = ["host.example", *self.case["keywords"].split()]
        ehlo = "\n".join(f"250{' ' if word is words[-1] else '-'}{word}" for word in words)
        while line := peer.rfile.readline(100_000).decode("latin-1").rstrip("\r\n"):
            self.changed = time.monotonic()
            verb = line.partition(" ")[0].upper()
            if verb == "MAIL":
                envelope = []
            data = "354 go" if envelope[1:] else "503 5.0.0 Need RCPT (recipient)"
            usual = {"EHLO": ehlo, "DATA": data, "QUIT": "221 2.0.0 bye"}.get(verb, "250 2.0.0 ok")
            reply = answer(line, usual)
            if verb in ("MAIL", "RCPT") and reply[:1] == "2":
                envelope.append(re.sub(r" SIZE=\d+", "", line))
            if verb == "QUIT":
                return
            if verb == "DATA" and reply[:3] == "354":
                content = b""
                while (piece := peer.rfile.readline()) not in (b".\r\n", b""):
                    content += piece[1:] if piece.startswith(b".") else piece
                text = shown(content.decode("latin-1").replace("\r\n", "\n"))
                taken = {"by": "smtp", "envelope": envelope, "content": text}
                self.came.append(taken)  # before the client goes on
                if answer(".", "250 2.0.0 taken")[:1] != "2":
                    self.came.remove(taken)
                self.changed = time.monotonic()


def dialogue(case: dict[str, Any]) -> list[str]:
    """Give a message to the daemon: what it says to the recipients and the content."""
    with socket.create_connection(("127.0.0.1", PORT), PATIENCE) as connection:
        file = connection.makefile("rb")

        def ask(line: str) -> str:
            connection.sendall(line.encode("latin-1"))
            while True:
                answer = file.readline(10_000).decode("latin-1").rstrip("\r\n")
                if answer[3:4] != "-":
                    return answer

        ask("")
        ask("EHLO client.example\r\n")
        said = [ask(f"MAIL FROM:{case['mail']}\r\n")]
        said += [ask(f"RCPT TO:{recipient}\r\n") for recipient in case["recipients"]]
        if ask("DATA\r\n")[:3] == "354":
            said.append(ask(re.sub(r"(?m)^\.", "..", case["content"]).replace("\n", "\r\n") + ".\r\n"))
        ask("QUIT\r\n")
        return said


def quiet(hosts: Hosts, syslog: Syslog) -> None:
    """Return when nothing happens any more."""
    count, end = -1, time.monotonic() + PATIENCE
    last = time.monotonic()
    while time.monotonic() < end:
        now = len(syslog.lines) + len(list(OUT.glob("*.cwd")))
        if now != count:
            count, last = now, time.monotonic()
        if time.monotonic() - max(last, hosts.changed) > QUIET:
            return
        time.sleep(0.02)


def aged(seconds: int) -> None:
    """Make what is in the queue older."""
    for path in QUEUE.glob("qf*"):
        text = path.read_bytes().decode("latin-1")
        text = _AGO.sub(f"T{int(time.time()) - seconds}", text)
        path.write_bytes(re.sub(r"(?m)^K\d+$", "K0", text).encode("latin-1"))


def play(case: dict[str, Any], command: list[str], hosts: Hosts, syslog: Syslog) -> dict[str, Any]:
    """One message, and what came of it."""
    hosts.case, hosts.came = case, []
    syslog.taken()
    said = [shown(line) for line in dialogue(case)]
    if "comes" in case:
        end = time.monotonic() + PATIENCE
        while len(hosts.came) + len(list(OUT.glob("*.cwd"))) < case["comes"] and time.monotonic() < end:
            time.sleep(0.02)
    else:
        quiet(hosts, syslog)
    for age in case["ages"]:
        aged(age)
        words = [*command, "-q", "-C", "/etc/mail/x.cf"]
        subprocess.run(words, stdin=subprocess.DEVNULL, timeout=PATIENCE, check=False)
        quiet(hosts, syslog)
        hosts.came.append({"by": "run", "envelope": [], "content": ""})
    programs = [{"by": "program", "envelope": each["argv"][2:], "content": shown(each["stdin"])} for each in probed()]
    dead = {name: shown(Path(name).read_bytes().decode("latin-1")) for name in DEAD if Path(name).exists()}
    for name in dead:
        Path(name).unlink()
    log = [shown(line) for line in syslog.taken()]
    for path in QUEUE.glob("[a-zA-Z]f*"):  # the original's
        path.unlink()
    return {"said": said, "came": [*hosts.came, *programs], "dead": dead, "log": log}


def main() -> None:
    world = json.loads(Path(sys.argv[1]).read_text())
    command = sys.argv[2:]
    os.umask(0o022)
    serve({(name, kind): values for name, kind, values in world["dns"]})
    OUT.mkdir()
    OUT.chmod(0o1777)
    lay_out(world["site"], world["folders"])
    for name in world["probes"]:
        path = Path(name)
        path.write_text(f"#!/bin/sh\n{PROBE}")
        path.chmod(0o755)
    syslog, hosts, answers = Syslog(), Hosts(), []
    for text, cases in world["cases"]:
        if not Path("/etc/mail/aliases.db").exists():
            Path("/etc/mail/x.cf").write_text(text)
            build = ["/usr/sbin/sendmail", "-bi", "-C", "/etc/mail/x.cf"]
            subprocess.run(build, stdout=subprocess.DEVNULL, check=True)
        daemon = Daemon(command, text, syslog)
        if os.environ.get("VERBOSE"):
            sys.stderr.write("".join(f"{line}\n" for line in daemon.at_start))
        try:
            answers += [play(case, command, hosts, syslog) for case in cases]
        finally:
            daemon.stop()
    sys.stdout.write(json.dumps(answers))


if __name__ == "__main__":
    main()
