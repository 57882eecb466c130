"""Records what smtp(8) makes of messages by smtp_header_checks and its like, as sent_checks.jsonl: the lines of its
log, and the message as the next server has it, without what was put on top of it.

python -m tests.vectors.record_sent_checks
"""

from __future__ import annotations

import re
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.live.private_postfix import PrivatePostfix
from tests.vectors import store
from tests.vectors.content_check_cases import SENDER, Group, sent_groups

BASE = {"myhostname": "mx.example.com", "mydestination": "", "mynetworks": "127.0.0.0/8"}
RECIPIENT = "bob@far.example"
_RECEIVED = re.compile(r"\AReceived: .*\n(?:\t.*\n)*")
_TRACE = re.compile(r"Received: from .*? \(UTC\)")
_OWN = re.compile(r"^[0-9A-F]{6,}: ")


class Recorder:
    """A server that takes every message, and keeps it."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        self.messages: list[bytes] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            with client, client.makefile("rwb") as stream:
                self._talk(stream)

    def _talk(self, stream: Any) -> None:
        def say(text: str) -> None:
            stream.write(f"{text}\r\n".encode())
            stream.flush()

        say("220 recorder ESMTP")
        for line in iter(stream.readline, b""):
            verb = line[:4].upper()
            if verb == b"EHLO":
                say("250-recorder")
                say("250 8BITMIME")
            elif verb == b"DATA":
                say("354 go on")
                lines = list(_content(stream))
                if lines[-1:] != [b".\r\n"]:
                    return  # the client has given up
                self.messages.append(b"".join(line.removeprefix(b".") for line in lines[:-1]))
                say("250 taken")
            elif verb == b"QUIT":
                say("221 bye")
                return
            else:
                say("250 ok")


def _content(stream: Any) -> Iterator[bytes]:
    for line in iter(stream.readline, b""):
        yield line
        if line == b".\r\n":
            return


def answered(postfix: PrivatePostfix, recorder: Recorder, content: str) -> dict[str, Any]:
    """What leaves of a message, and what smtp(8) logs of it."""
    since = postfix.log.stat().st_size if postfix.log.exists() else 0
    count = len(recorder.messages)
    client = postfix.client()
    for command in ("EHLO client.example", f"MAIL FROM:<{SENDER}>", f"RCPT TO:<{RECIPIENT}>", "DATA"):
        client.command(command)
    client.command(content.replace("\n.", "\n..").replace("\n", "\r\n") + ".")
    client.command("QUIT")
    client.close()
    found: dict[str, Any] = {"log": _log(postfix, since)}
    if len(recorder.messages) > count:
        text = recorder.messages[count].decode("utf-8", "surrogateescape").replace("\r\n", "\n")
        found["sent"] = _RECEIVED.sub("", text)
    return found


def _log(postfix: PrivatePostfix, since: int) -> list[str]:
    """The lines of smtp(8) about the message and its checks, once it has logged what became of it."""
    deadline = time.monotonic() + 8
    lines: list[str] = []
    while not any("status=" in line for line in lines):
        lines = [line.partition(": ")[2] for line in postfix.log_lines(since) if line.startswith("postfix/smtp:")]
        if time.monotonic() > deadline:
            raise TimeoutError("smtp logs no end of the delivery")
        time.sleep(0.005)
    plain = [_OWN.sub("", _TRACE.sub("Received: ...", line)).replace(str(postfix.top), "@TOP@") for line in lines]
    return [_status(line) for line in plain]


def _status(line: str) -> str:
    """Of the line about the delivery, what became of it."""
    found = re.search(r"status=.*", line)
    return re.sub(r"127\.0\.0\.1\[127\.0\.0\.1\]:\d+|127\.0\.0\.1\[127\.0\.0\.1\]", "HOST", found[0]) if found else line


def asked() -> store.Inputs:
    cases = [
        {"parameters": group.parameters, "tables": group.tables, "content": store.brief(message)}
        for group in sent_groups()
        for message in group.messages
    ]
    return store.Inputs(cases, {"base": BASE, "sender": SENDER, "recipient": RECIPIENT})


def answers(postfix: PrivatePostfix, some: list[Group] | None = None) -> list[dict[str, Any]]:
    found = []
    with Recorder() as recorder:
        own = {**BASE, "relayhost": f"[127.0.0.1]:{recorder.port}"}
        for group in sent_groups() if some is None else some:
            postfix.configure({**own, **group.parameters}, group.tables)
            found += [answered(postfix, recorder, message) for message in group.messages]
    return found


def main() -> None:
    with tempfile.TemporaryDirectory() as top, PrivatePostfix(Path(top)) as postfix:
        store.write("sent_checks", store.postfix(), __file__, answers(postfix))


INPUTS = {"sent_checks": asked}

if __name__ == "__main__":
    main()
