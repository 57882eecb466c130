"""Talks to a daemon, for each configuration one; run inside a network of its own by `record_sendmail_smtp`.

    python -m tests.vectors.sendmail_smtp_driver FOLDER COMMAND...   < cases > answers

Cases and answers are JSON; an answer is a list of [what was sent, what came]. The daemon is COMMAND -bD -C ...
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

from tests.vectors.sendmail_smtp_cases import BASE

_PATIENCE = float(os.environ.get("PATIENCE", "25"))  # seconds that a reply is waited for
_MASKS = (
    (re.compile(r"\b[0-9A-Za-z]{8}\d{6,9}\b(?= Message)"), "QID"),
    (re.compile(r"\w{3}, \d{1,2} \w{3} \d{4} \d\d:\d\d:\d\d (?:GMT|[+-]\d{4}(?: \(\w+\))?)"), "DATE"),
)


def masked(text: str) -> str:
    """A reply without what is another one each time."""
    for pattern, name in _MASKS:
        text = pattern.sub(name, text)
    return text


def listening(port: int) -> bool:
    """Whether something listens on a port: asked of the kernel, since a connection would be counted."""
    wanted = f":{port:04X}"
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    return any(line.split()[1].endswith(wanted) and line.split()[3] == "0A" for line in lines)


def _reply(file: object) -> str:
    lines = []
    while True:
        line = file.readline(100_000).decode("latin-1").rstrip("\r\n")  # type: ignore[attr-defined]
        lines.append(masked(line))
        if line[3:4] != "-":
            return "\n".join(lines)


def _send(connection: socket.socket, data: bytes) -> None:
    """Sends; where the server has closed already, what it said before that is still there to be read."""
    with contextlib.suppress(ConnectionError):
        connection.sendall(data)


def talk(port: int, client: str, sent: list[object]) -> list[list[str]]:
    """One session."""
    out: list[list[str]] = []
    with socket.create_connection(("127.0.0.1", port), _PATIENCE, source_address=(client, 0)) as connection:
        file = connection.makefile("rb")
        early = [str(line)[6:] for line in sent if str(line).startswith("early:")]
        for line in early:
            _send(connection, line.encode("latin-1") + b"\r\n")
        try:
            out.append(["(connect)", _reply(file)])
            out += [["(early)", _reply(file)] for _ in early]
            for line in sent[len(early) :]:
                if out[-1][1][:3] in ("", "221", "421"):
                    break
                if isinstance(line, list):
                    if out[-1][1][:3] != "354":
                        continue
                    data = "".join(f"{part}\r\n" for part in line)
                    _send(connection, data.encode("latin-1"))
                    out.append(["(message)", _reply(file)])
                    continue
                text = str(line)
                raw = text[4:] if text.startswith("raw:") else f"{text}\r\n"
                if text.startswith("bytes:"):  # one by one
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    for byte in text[6:].encode("latin-1"):
                        _send(connection, bytes((byte,)))
                else:
                    _send(connection, raw.encode("latin-1"))
                out.append([text, _reply(file)])
        except TimeoutError:
            out.append(["(silence)", ""])
        except OSError as failure:
            out.append(["(closed)", type(failure).__name__])
    return out


def main() -> None:
    folder, command = Path(sys.argv[1]), sys.argv[2:]
    cases = json.load(sys.stdin)
    answers: list[object] = []
    for number, (text, group) in enumerate(itertools.groupby(cases, lambda case: case["text"])):
        cf, port = folder / "x.cf", 3000 + number
        cf.write_bytes((BASE + text).replace("FOLDER", str(folder)).encode("latin-1"))
        more = re.search(r"^O DaemonPortOptions=Port=smtp,Addr=127\.0\.0\.1,Name=MTA(.*)$", text, re.MULTILINE)
        port_options = f"Port={port},Addr=127.0.0.1,Name=MTA{more[1] if more else ''}"
        options = [f"-ODaemonPortOptions={port_options}", f"-OPidFile={folder}/pid"]
        with (folder / f"err{number}").open("wb") as errors:
            daemon = subprocess.Popen(
                [*command, "-bD", "-C", str(cf), *options], stdin=subprocess.DEVNULL, stdout=errors, stderr=errors
            )
        try:
            end = time.monotonic() + 30
            while not listening(port) and time.monotonic() < end and daemon.poll() is None:
                time.sleep(0.02)
            for case in group:
                for name in ("hosts.allow", "hosts.deny"):
                    if name in case:
                        (folder / name).write_text(case[name])
                try:
                    answers.append(talk(port, case["client"], case["lines"]))
                except OSError as failure:
                    answers.append([["(connect)", type(failure).__name__]])
        finally:
            daemon.terminate()
            daemon.wait(30)
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
