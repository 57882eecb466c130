"""Records what Postfix sends to mail filters in the sessions of milter_cases.py, and what comes of their answers, as
milters.jsonl: the packets, the replies, the lines of the log, and what lies in the queue.

python -m tests.vectors.record_milters
"""

from __future__ import annotations

import re
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO

from tests.live.private_postfix import QUEUE_ID, PrivatePostfix
from tests.milter_server import MilterServer
from tests.vectors import store
from tests.vectors.milter_cases import BASE, FILTERS, Case, cases

_KEPT = ("sender: ", "recipient: ", "original_recipient: ", "done_recipient: ", "redirect_to: ", "named_attribute: ")
_ATTRIBUTES = ("notify_flags", "dsn_orig_rcpt", "dsn_envelope_id", "dsn_ret_flags")
_RECEIVED = re.compile(rb"^Received: .*\n(?:\t.*\n)*", re.MULTILINE)
_COMMON = ("connect from ", "disconnect from ", "message-id=", "client=")

Talk = Callable[[int, list[str]], list[str]]


class Normal:
    """Takes out of what is recorded what is another at each run."""

    def __init__(self, filters: list[str], top: str) -> None:
        self._names = {address: f"@FILTER{number}@" for number, address in enumerate(filters)}
        self._names |= {address.partition(":")[2]: name for address, name in list(self._names.items())}
        self._top = top

    def text(self, text: str) -> str:
        for address, name in self._names.items():
            text = text.replace(address, name)
        text = re.sub(QUEUE_ID, "ID", text)
        return text.replace(self._top, "@TOP@")

    def packet(self, packet: str) -> str:
        """Without the client's port, and the id of the message."""
        if packet[:1] == "C":
            name, _, rest = packet.partition("\0")
            if rest[:1] in ("4", "6"):
                packet = f"{name}\0{rest[0]}\0\0{rest[3:]}"
        if packet[:1] == "D":
            packet = re.sub(r"(\{(?:client|daemon)_port\}\0)\d+(?=\0)", r"\1PORT", packet)
            packet = re.sub(r"(^D.|\0)(i\0)[0-9A-F]{6,}(?=\0)", r"\1\2ID", packet)
        return self.text(packet)


def answered(
    postfix: PrivatePostfix, filters: list[MilterServer], normal: Normal, case: Case, talk: Talk
) -> dict[str, Any]:
    for server, script in zip(filters, case.filters, strict=False):
        server.begin(script)
    since = postfix.log.stat().st_size if postfix.log.exists() else 0
    replies = talk(postfix.port, case.session) if not case.submitted else submit(postfix, case.session)
    await_log(postfix, since, case)
    packets = [server.await_end() for server in filters[: len(case.filters)]]
    found: dict[str, Any] = {
        "packets": [[[store.brief(normal.packet(p)) for p in one] for one in connections] for connections in packets],
        "replies": [normal.text(reply) for reply in replies],
        "log": _log(postfix, since, normal),
        "queue": [_queued(path, normal) for path in _files(postfix.top / "queue")],
    }
    postfix.drop_queue()
    return found


def reply_from(reader: BinaryIO) -> str:
    """The next reply, its lines joined by "|"; "closed" where the server has closed the connection."""
    read = []
    try:
        while line := reader.readline().decode("latin-1"):
            read.append(line.rstrip("\r\n"))
            if line[3:4] != "-":
                break
    except ConnectionResetError:
        pass
    return "|".join(read) or "closed"


def converse(port: int, lines: list[str]) -> list[str]:
    """The replies to the greeting and to each line; a message is sent where it is asked for alone, ``!close`` hangs
    up."""
    replies = []
    with socket.create_connection(("127.0.0.1", port), timeout=120) as client:
        reader = client.makefile("rb")

        replies.append(reply_from(reader))
        for line in lines:
            if line == "!close":
                break
            if "\n" in line and not replies[-1].startswith("354") and not line.startswith("BDAT"):
                continue
            try:
                client.sendall(line.encode("latin-1").replace(b"\n", b"\r\n") + b"\r\n")
            except OSError:
                replies.append("closed")
                break
            replies.append(reply_from(reader))
            if replies[-1] == "closed" or replies[-1].startswith(("221", "421")):
                break
    return replies


def submit(postfix: PrivatePostfix, arguments: list[str]) -> list[str]:
    """A message by sendmail(1): the last argument is its text."""
    *options, text = arguments
    command = ["/usr/sbin/sendmail", "-C", str(postfix.etc), *options]
    done = subprocess.run(command, input=text.encode("latin-1"), capture_output=True, check=False)
    return [str(done.returncode)]


def await_log(postfix: PrivatePostfix, since: int, case: Case) -> None:
    """Until the log has all that is to come."""
    deadline = time.monotonic() + 60
    end = "disconnect from" if not case.submitted else "postfix/cleanup"
    while time.monotonic() < deadline:
        lines = postfix.log_lines(since)
        if any(end in line for line in lines):
            break
        time.sleep(0.01)
    if case.submitted:
        while time.monotonic() < deadline and not _is_settled(postfix, since):
            time.sleep(0.01)
        time.sleep(0.5)  # what follows cannot be awaited: perhaps nothing does


def _is_settled(postfix: PrivatePostfix, since: int) -> bool:
    """Whether the message was taken from the folder of commands, or stays there for now."""
    if not any((postfix.top / "queue" / "maildrop").iterdir()):
        return True
    said = ("Service unavailable", "not accepted, try again later", ": 4.7.9 ", "content rejected", "message failure")
    return any(word in line for line in postfix.log_lines(since) for word in said)


def told(lines: list[str], normal: Normal) -> list[str]:
    """The lines of a log, "program: text", without those that every session has."""
    texts = [normal.text(line) for line in lines]
    return [line for line in texts if not re.sub(r"^\w+: (?:ID: )?", "", line).startswith(_COMMON)]


def _log(postfix: PrivatePostfix, since: int, normal: Normal) -> list[str]:
    lines = postfix.log_lines(since)
    ours = [line.removeprefix("postfix/") for line in lines if line.startswith(("postfix/smtpd", "postfix/cleanup"))]
    return told(ours, normal)


def _files(queue: Path) -> list[Path]:
    """The messages in the queue, once none of them is incomplete."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = [
            path for folder in ("hold", "incoming", "active", "deferred") for path in (queue / folder).glob("[0-9A-F]*")
        ]
        try:
            if all(path.stat().st_mode & 0o100 for path in found):
                return sorted(found)
        except FileNotFoundError:
            continue
        time.sleep(0.01)
    raise TimeoutError("a message stays incomplete")


def _queued(path: Path, normal: Normal) -> dict[str, Any]:
    envelope = _postcat("-e", path).decode("latin-1").splitlines()
    content = _RECEIVED.sub(b"Received: ours\n", _postcat("-bh", path), count=1).decode("latin-1")
    kept = [
        line
        for line in envelope
        if line.startswith(_KEPT[:5])
        or (line.startswith("named_attribute: ") and line.split()[1].partition("=")[0] in _ATTRIBUTES)
    ]
    return {"held": path.parent.name == "hold", "envelope": kept, "content": store.brief(normal.text(content))}


def _postcat(option: str, path: Path) -> bytes:
    return subprocess.run(["postcat", option, str(path)], check=True, capture_output=True).stdout


def asked() -> store.Inputs:
    return store.Inputs([case.inputs() for case in cases()], {"base": BASE})


def answers(postfix: PrivatePostfix, some: list[Case] | None = None, talk: Talk = converse) -> Iterator[dict[str, Any]]:
    """What becomes of each case; nothing is delivered, for no qmgr runs."""
    with ExitStack() as stack:
        filters = [stack.enter_context(MilterServer()) for _ in range(FILTERS)]
        normal = Normal([server.address for server in filters], str(postfix.top))
        configured: object = None
        for case in cases() if some is None else some:
            parameters = {**BASE, **case.parameters}
            for number, server in enumerate(filters):
                parameters = {n: v.replace(f"@FILTER{number}@", server.address) for n, v in parameters.items()}
            if (parameters, case.tables) != configured:
                files = {n: filled(t, filters) for n, t in case.tables.items()}
                postfix.configure({**parameters, "master_service_disable": "qmgr.unix"}, files)
                configured = parameters, case.tables
            yield answered(postfix, filters, normal, case, talk)


def filled(text: str, filters: list[MilterServer]) -> str:
    for number, server in enumerate(filters):
        text = text.replace(f"@FILTER{number}@", server.address)
    return text


def main() -> None:
    with tempfile.TemporaryDirectory() as top, PrivatePostfix(Path(top)) as postfix:
        store.write("milters", store.postfix(), __file__, answers(postfix))


INPUTS = {"milters": asked}

if __name__ == "__main__":
    main()
