"""Runs within the machine that `record_sendmail_rewriting` makes: asks -bt, sends messages to a server of its own.

The standard library alone is imported.
"""

from __future__ import annotations

import json
import os
import queue
import re
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120
from recipients_driver import lay_out, serve  # type: ignore[import-not-found]

_MARK = "== done"
Heard = dict[str, Any]


def _talk(connection: socket.socket, heard: queue.Queue[Heard]) -> None:
    """One SMTP session; what was said lands in the queue."""
    said: Heard = {"mail": "", "rcpt": [], "head": ""}
    with connection, connection.makefile("rwb") as stream:

        def reply(text: str) -> None:
            stream.write(f"{text}\r\n".encode())
            stream.flush()

        reply("220 sink.test ESMTP")
        for line in stream:
            verb = line[:4].upper()
            if verb == b"DATA":
                reply("354 go on")
                lines = []
                while (text := stream.readline().decode("latin-1").rstrip("\r\n")) != ".":
                    lines.append(text)
                said["head"] = "\n".join(lines).partition("\n\n")[0]
                heard.put(said)
                reply("250 taken")
                continue
            if verb == b"MAIL":
                said["mail"] = line.decode("latin-1").strip()[10:]
            elif verb == b"RCPT":
                said["rcpt"].append(line.decode("latin-1").strip()[8:])
            elif verb == b"QUIT":
                reply("221 bye")
                break
            reply("250 ok")


def _listen(heard: queue.Queue[Heard]) -> None:
    listening = socket.create_server(("127.0.0.2", 25))

    def loop() -> None:
        while True:
            connection, _ = listening.accept()
            _talk(connection, heard)

    threading.Thread(target=loop, daemon=True).start()


def _try(cases: list[dict[str, Any]]) -> list[str]:
    lines = []
    for case in cases:
        lines += [f"/tryflags {case['flags']}", f"/try {case['mailer']} {case['address']}", f"={_MARK}"]
    asked = "".join(f"{line}\n" for line in lines).encode()
    done = subprocess.run(["sendmail", "-bt"], input=asked, stdout=subprocess.PIPE, check=True)
    parts = done.stdout.decode("latin-1").split(f'Unknown "=" command ={_MARK}\n')
    return [found[-1] if (found := re.findall(r"addr = (.*)", part)) else "" for part in parts[: len(cases)]]


def _send(case: dict[str, Any], heard: queue.Queue[Heard]) -> Heard:
    first = "" if case["field"] == "From" else "From: nobody@else.test\n"
    text = f"{first}{case['field']}: {case['address']}\nSubject: x\n\nbody\n"
    domain = "far.test" if case["mailer"] == "smtp" else f"{case['mailer']}.test"
    command = ["sendmail", "-oi", "-f", case["sender"], f"Target@{domain}"]
    subprocess.run(command, input=text.encode(), check=True, stdout=subprocess.DEVNULL)
    said = heard.get(timeout=20)
    field = re.search(rf"^{case['field']}:[ \t]*((?:.*\n?)(?:[ \t].*\n?)*)", said["head"], re.MULTILINE)
    return {"mail": said["mail"], "rcpt": said["rcpt"], "said": field[1].rstrip("\n") if field else None}


def main() -> None:
    world = json.loads(Path(sys.argv[1]).read_text())
    serve({("sink.test", "A"): ["127.0.0.2"]})
    lay_out(world["site"], {"/var/spool/mqueue": (0, 0, 0o700)})
    makemap = ["/usr/sbin/makemap", "-C", "/dev/null", "hash", "/etc/mail/generics"]
    subprocess.run(makemap, input=Path("/etc/mail/generics").read_bytes(), check=True)
    heard: queue.Queue[Heard] = queue.Queue()
    _listen(heard)
    tried = iter(_try([case for case in world["cases"] if case["how"] == "try"]))
    nothing: Heard = {"mail": "", "rcpt": []}
    answers = [nothing | {"said": next(tried)} if c["how"] == "try" else _send(c, heard) for c in world["cases"]]
    sys.stdout.write(json.dumps(answers))


if __name__ == "__main__":
    main()
