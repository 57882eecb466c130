"""Asks the real qmgr(8) how many deliveries to one destination it begins, as they succeed, and where none is reached.

``reached``: MESSAGES messages wait for a host that lets no message end before it is told to; stored is how many
sessions there are at the beginning, and each time after one was let go. ``unreached``: they wait for a port on which
nobody listens; stored is how many of them were tried before the destination was left alone. That may be some more than
it takes: those that are under way by then.
Run as root from the project's top: ``python -m tests.vectors.record_concurrency``.
"""

from __future__ import annotations

import smtplib
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.live.private_postfix import PrivatePostfix, free_port
from tests.vectors import store

MESSAGES = 30
STEPS = 8
STEADY = 0.5  # seconds in which no session begins or ends
SETTINGS = {
    "myhostname": "mail.example.com",
    "mydestination": "",
    "mynetworks": "127.0.0.0/8",
    "compatibility_level": "3.6",
    "smtp_connection_cache_on_demand": "no",
    "relayhost": "[127.0.0.1]:@PORT@",
    "notify_classes": "",
}
LIMIT, FIRST = "default_destination_concurrency_limit", "initial_destination_concurrency"
GAIN, LOSS = "default_destination_concurrency_positive_feedback", "default_destination_concurrency_negative_feedback"
COHORTS = "default_destination_concurrency_failed_cohort_limit"
REACHED: tuple[dict[str, str], ...] = (
    {},
    {FIRST: "1"},
    {FIRST: "2", LIMIT: "6"},
    {FIRST: "10", LIMIT: "4"},
    {FIRST: "2", LIMIT: "0"},
    {FIRST: "3", GAIN: "0.5"},
    {FIRST: "3", GAIN: "0.3"},
    {FIRST: "3", GAIN: "0"},
    {FIRST: "3", GAIN: "1/concurrency"},
    {FIRST: "3", GAIN: "1 / sqrt_concurrency"},
    {"smtp_initial_destination_concurrency": "2", "smtp_destination_concurrency_limit": "3"},
)
UNREACHED: tuple[dict[str, str], ...] = (
    {},
    {FIRST: "1"},
    {FIRST: "2"},
    {FIRST: "10"},
    {FIRST: "10", LIMIT: "3"},
    {LIMIT: "1"},
    {COHORTS: "0"},
    {COHORTS: "4"},
    {COHORTS: "4", LOSS: "0"},
    {COHORTS: "4", LOSS: "0.5"},
    {COHORTS: "4", LOSS: "1/concurrency"},
    {COHORTS: "2", LOSS: "1/sqrt_concurrency", FIRST: "8"},
    {"smtp_destination_concurrency_failed_cohort_limit": "6", FIRST: "2"},
)


class Gate:
    """A host that answers each end of a message when it is told to."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.port = int(self._socket.getsockname()[1])
        self._changed = threading.Condition()
        self._waiting: list[threading.Event] = []
        self._since = time.monotonic()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                peer, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._attend, args=(peer,), daemon=True).start()

    def _attend(self, peer: socket.socket) -> None:
        with suppress(OSError), peer, peer.makefile("rb") as lines:
            peer.sendall(b"220 sink.example\r\n")
            while line := lines.readline():
                if line[:4].upper() == b"DATA":
                    peer.sendall(b"354 go\r\n")
                    while lines.readline() != b".\r\n":
                        pass
                    go = threading.Event()
                    with self._changed:
                        self._waiting.append(go)
                        self._since = time.monotonic()
                    go.wait()
                peer.sendall(b"221 bye\r\n" if line[:4].upper() == b"QUIT" else b"250 ok\r\n")

    def count(self) -> int:
        """Sessions that wait, once no more of them come."""
        while True:
            with self._changed:
                if self._waiting and time.monotonic() - self._since > STEADY:
                    return len(self._waiting)
            time.sleep(0.05)

    def let_go(self) -> None:
        """End the message that has waited longest."""
        with self._changed:
            self._since = time.monotonic()
            self._waiting.pop(0).set()

    def close(self) -> None:
        self._socket.close()
        with self._changed:
            for go in self._waiting:
                go.set()


def filled(postfix: PrivatePostfix, settings: dict[str, str], port: int) -> None:
    """MESSAGES messages in the queue that all begin now."""
    chosen = {name: value.replace("@PORT@", str(port)) for name, value in {**SETTINGS, **settings}.items()}
    postfix.configure({**chosen, "defer_transports": "smtp"})
    with smtplib.SMTP("127.0.0.1", postfix.port) as client:
        for _ in range(MESSAGES):
            client.sendmail("a@b.example", ["x@y.example"], "Subject: x\r\n\r\nx\r\n")
    _await_deferred(postfix)
    postfix.configure(chosen)
    postfix.log.write_text("")
    subprocess.run(["postqueue", "-c", str(postfix.etc), "-f"], check=True)


def _await_deferred(postfix: PrivatePostfix) -> None:
    deadline = time.monotonic() + 60
    while sum("status=deferred" in line for line in postfix.log_lines()) < MESSAGES:
        if time.monotonic() > deadline:
            raise TimeoutError("not every message was deferred")
        time.sleep(0.05)


def reached(postfix: PrivatePostfix, settings: dict[str, str]) -> list[int]:
    gate = Gate()
    filled(postfix, settings, gate.port)
    found = [gate.count()]
    for _ in range(STEPS):
        gate.let_go()
        found.append(gate.count())
    gate.close()
    return found


def unreached(postfix: PrivatePostfix, settings: dict[str, str]) -> list[int]:
    filled(postfix, settings, free_port())
    _await_deferred(postfix)
    return [sum("status=deferred (connect to" in line for line in postfix.log_lines())]


def inputs() -> store.Inputs:
    cases: list[dict[str, Any]] = [{"kind": "reached", "settings": settings} for settings in REACHED]
    cases += [{"kind": "unreached", "settings": settings} for settings in UNREACHED]
    return store.Inputs(cases, {"settings": SETTINGS, "messages": MESSAGES, "steps": STEPS})


INPUTS = {"concurrency": inputs}


def main() -> None:
    with tempfile.TemporaryDirectory() as top:
        Path(top).chmod(0o755)
        with PrivatePostfix(Path(top)) as postfix:
            found: list[dict[str, Any]] = []
            for case in inputs().cases:
                try:
                    ask = reached if case["kind"] == "reached" else unreached
                    found.append({"begun": ask(postfix, case["settings"])})
                    print(case, found[-1], file=sys.stderr)
                except Exception as error:
                    print(case, error, file=sys.stderr)
                    found.append({store.LEFT_OUT: str(error)[:200]})
                postfix.drop_queue()
                postfix.log.write_text("")
            store.write("concurrency", store.postfix(), __file__, found)


if __name__ == "__main__":
    main()
