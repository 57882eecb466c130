"""Runs within the machine that `record_recipients` makes: lays the site out, asks sendmail, prints the answers as JSON.

The standard library alone is imported. A name server on the loopback answers with the records that are given.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

_TYPES = {1: "A", 15: "MX"}


def _name(text: str) -> bytes:
    return b"".join(bytes([len(label)]) + label.encode() for label in text.split(".") if label) + b"\0"


def _answer(query: bytes, records: dict[tuple[str, str], list[str]]) -> bytes:
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1 : at + 1 + query[at]].decode("latin-1").lower())
        at += query[at] + 1
    kind = _TYPES.get(struct.unpack(">H", query[at + 1 : at + 3])[0], "")
    name = ".".join(labels)
    known = any(other == name for other, _ in records)
    body = b""
    values = records.get((name, kind), [])
    for value in values:
        if kind == "MX":
            preference, _, host = value.partition(" ")
            data = struct.pack(">H", int(preference)) + _name(host)
        else:
            data = socket.inet_aton(value)
        body += b"\xc0\x0c" + struct.pack(">HHIH", 1 if kind == "A" else 15, 1, 60, len(data)) + data
    head = query[:2] + struct.pack(">HHHHH", 0x8580 | (0 if known else 3), 1, len(values), 0, 0)
    return head + query[12 : at + 5] + body


def serve(records: dict[tuple[str, str], list[str]]) -> None:
    """Answer the DNS on the loopback, for as long as the program runs."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listening.bind(("127.0.0.1", 53))

    def loop() -> None:
        while True:
            query, client = listening.recvfrom(4096)
            listening.sendto(_answer(query, records), client)

    threading.Thread(target=loop, daemon=True).start()


def lay_out(site: dict[str, Any], folders: dict[str, Any]) -> None:
    """Write the files of a site."""
    for name in folders:
        Path(name).mkdir(parents=True, exist_ok=True)
    for name, (text, owner, group, mode) in site.items():
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        if text.startswith("->"):
            path.symlink_to(text[2:])
            continue
        path.write_bytes(text.encode("latin-1"))
        os.chown(path, owner, group)
        path.chmod(mode)
        if name.startswith("/home/") and str(path.parent) not in folders:
            os.chown(path.parent, owner, group)
    for name, (owner, group, mode) in folders.items():
        os.chown(name, owner, group)
        Path(name).chmod(mode)


def main() -> None:
    world = json.loads(Path(sys.argv[1]).read_text())
    serve({(name, kind): values for name, kind, values in world["dns"]})
    lay_out(world["site"], world["folders"])
    for name, kind in world["tables"].items():
        command = ["/usr/sbin/makemap", "-C", "/dev/null", kind, name]
        subprocess.run(command, input=Path(name).read_bytes(), check=True)
    answers: list[dict[str, Any]] = []
    for built in (False, True):
        if built:
            subprocess.run(["sendmail", "-bi"], stdout=subprocess.DEVNULL, check=True)
        for at, call in enumerate(world["calls"]):
            if call["built"] is built:
                command = ["sendmail", "-bv", *call["arguments"]]
                done = subprocess.run(
                    [word.encode("latin-1") for word in command],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    check=False,
                )
                answers.append({"at": at, "printed": done.stdout.decode("latin-1"), "status": done.returncode})
    answers.sort(key=lambda answer: answer.pop("at"))
    sys.stdout.write(json.dumps(answers))


if __name__ == "__main__":
    main()
