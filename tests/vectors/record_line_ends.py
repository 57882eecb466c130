"""Plays line_end_dialogues.py to the real smtpd; what it says, queues and logs is stored in line_ends.jsonl, its
last words where it does not start in line_ends_fatal.jsonl.

Run as root from the project's top: ``python -m tests.vectors.record_line_ends``. Queue ids become ID; of a message what
is kept is its body; of the log the lines of rejections and of improper pipelining and the count of commands.
"""

from __future__ import annotations

import re
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from tests.live.private_postfix import QUEUE_ID, PrivatePostfix
from tests.vectors import store
from tests.vectors.line_end_dialogues import FATAL, RUNS
from tests.vectors.pauses import said

SETTINGS = {
    "myhostname": "mail.example.com",
    "mynetworks": "192.0.2.64/26",
    "relay_domains": "y.example",
    "smtpd_relay_restrictions": "permit_auth_destination, reject",
    "smtpd_data_restrictions": "check_client_access static:hold",
    "relay_transport": "discard",
    "local_recipient_maps": "",
    "smtpd_peername_lookup": "no",
}
QUIET, IDLE = 0.4, 0.05
KEPT = re.compile(r"reject: .*bare|improper|disconnect from|notes=")


def read(peer: socket.socket) -> str:
    """What the server says until it pauses, with "<closed>" when it hangs up."""
    return said(peer, QUIET, IDLE)


def play(port: int, dialogue: list[str]) -> list[str]:
    """The greeting and the answer to each step; less of them when the server hangs up."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as peer:
        replies = [read(peer)]
        for step in dialogue:
            peer.sendall(step.encode("latin-1"))
            replies.append(read(peer))
            if replies[-1].endswith("<closed>"):
                break
    return replies


def neutral(text: str) -> str:
    """Without queue ids and the keywords of EHLO."""
    text = re.sub(QUEUE_ID, "ID", text)
    return re.sub(r"250-mail.example.com\r\n(?:250-.*\r\n)+250 .*\r\n", "250 (keywords)\r\n", text)


def body(content: bytes) -> str:
    """What follows the headers, lines of many equal letters made short."""
    return re.sub(r"a{100,}", lambda m: f"a*{len(m[0])}", content.partition(b"\n\n")[2].decode("latin-1"))


def log_of(lines: list[str]) -> list[str]:
    """Of the last session."""
    first = max(at for at, line in enumerate(lines) if ": connect from" in line)
    return [neutral(line.partition(": ")[2]) for line in lines[first:] if KEPT.search(line)]


def queued(postfix: PrivatePostfix) -> list[str]:
    """The bodies of the messages in the queue, which is emptied."""
    found = []
    for queue_id in postfix.queue_ids():
        command = ["postcat", "-c", str(postfix.etc), "-bh", "-q", queue_id]
        found.append(body(subprocess.run(command, check=True, capture_output=True).stdout))
    if found:
        subprocess.run(["postsuper", "-c", str(postfix.etc), "-d", "ALL"], check=True, capture_output=True)
    return sorted(found)


def one(postfix: PrivatePostfix, dialogue: list[str]) -> dict[str, list[str]]:
    since = postfix.log.stat().st_size
    replies = [neutral(reply) for reply in play(postfix.port, dialogue)]
    lines = await_sessions(postfix, since, 1)
    return {"replies": replies, "messages": queued(postfix), "log": log_of(lines)}


def await_sessions(postfix: PrivatePostfix, since: int, count: int) -> list[str]:
    """The log's lines from byte ``since`` on, once so many sessions have ended."""
    deadline = time.monotonic() + 20
    while True:
        lines = postfix.log_lines(since)
        last = next((at for at in reversed(range(len(lines))) if ": connect from" in lines[at]), len(lines))
        ended = sum("disconnect from" in line for line in lines) >= count
        if ended and any("disconnect from" in line for line in lines[last:]):
            return lines
        if time.monotonic() > deadline:
            raise TimeoutError("no end of the session in the log")
        time.sleep(0.02)


def fatal(postfix: PrivatePostfix) -> str:
    """The last words of a smtpd that does not start."""
    since = postfix.log.stat().st_size
    socket.create_connection(("127.0.0.1", postfix.port), timeout=10).close()
    deadline = time.monotonic() + 20
    while True:
        for line in postfix.log_lines(since):
            if "smtpd: fatal: " in line:
                return line.partition("fatal: ")[2]
        if time.monotonic() > deadline:
            raise TimeoutError("smtpd starts")
        time.sleep(0.02)


def dialogues_asked() -> store.Inputs:
    cases = [
        {"run": run, "settings": settings, "dialogue": name, "steps": [store.brief(step) for step in steps]}
        for run, (settings, dialogues) in RUNS.items()
        for name, steps in dialogues.items()
    ]
    return store.Inputs(cases, {"settings": SETTINGS})


def fatal_asked() -> store.Inputs:
    return store.Inputs([{"settings": settings} for settings in FATAL], {"settings": SETTINGS})


def main() -> None:
    answers = []
    with tempfile.TemporaryDirectory() as top, PrivatePostfix(Path(top)) as postfix:
        for settings, dialogues in RUNS.values():
            since = postfix.log.stat().st_size
            postfix.configure({**SETTINGS, **settings})
            postfix.client().close()
            await_sessions(postfix, since, 2)  # this one, and the one by which the port was found to be open
            answers += [one(postfix, steps) for steps in dialogues.values()]
        last_words = []
        for settings in FATAL:
            postfix.configure({**SETTINGS, **settings})
            last_words.append({"fatal": fatal(postfix)})
    store.write("line_ends", store.postfix(), __file__, answers)
    store.write("line_ends_fatal", store.postfix(), __file__, last_words)


INPUTS = {"line_ends": dialogues_asked, "line_ends_fatal": fatal_asked}

if __name__ == "__main__":
    main()
