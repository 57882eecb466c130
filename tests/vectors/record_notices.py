"""Records which notices of sessions the postmaster gets (notify_classes), as notices.jsonl: sender, recipient, and the
whole text.

python -m tests.vectors.record_notices
"""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.live.private_postfix import QUEUE_ID, PrivatePostfix
from tests.vectors import store
from tests.vectors.notice_cases import BASE, Case, cases
from tests.vectors.record_milters import reply_from

_OURS = "double-bounce@", "twice@"
_DATE = re.compile(r"\w{3}, +\d+ \w{3} \d{4} [\d:]+ [+-]\d{4} \(\w+\)")
_RECEIVED = re.compile(r"\AReceived: .*\n(?:\t.*\n)*")
_IDENTITY = re.compile(r"(?<=Message-Id: <)\d+\.[0-9A-F]+(?=@)")


def converse(port: int, lines: list[str]) -> list[str]:
    """As record_milters's; ``!silent`` waits for the server to end the session."""
    replies: list[str] = []
    with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
        reader = client.makefile("rb")

        replies.append(reply_from(reader))
        for line in lines:
            if line == "!close":
                break
            if line == "!silent":
                while replies[-1] != "closed":
                    replies.append(reply_from(reader))
                break
            if "\n" in line and not replies[-1].startswith("354") and not line.startswith("BDAT"):
                continue
            try:
                client.sendall(line.encode("latin-1").replace(b"\n", b"\r\n") + b"\r\n")
            except OSError:
                break
            replies.append(reply_from(reader))
            if replies[-1] == "closed" or replies[-1].startswith(("221", "421", "521")):
                break
    return replies


def normal(text: str) -> str:
    """Without what is another at each time."""
    text = _DATE.sub("NOW", _IDENTITY.sub("TIME.ID", _RECEIVED.sub("", text)))
    return re.sub(QUEUE_ID, "ID", text)


def answered(postfix: PrivatePostfix, case: Case) -> dict[str, Any]:
    print(case.name, file=sys.stderr, flush=True)
    since = postfix.log.stat().st_size if postfix.log.exists() else 0
    replies = converse(postfix.port, case.session)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and not any("disconnect from" in line for line in postfix.log_lines(since)):
        time.sleep(0.01)
    time.sleep(0.3)  # a notice may follow, or none
    found = []
    for path in sorted((postfix.top / "queue" / "incoming").glob("[0-9A-F]*")):
        envelope = _postcat("-e", path).decode("latin-1").splitlines()
        sender = next(line.partition(": ")[2] for line in envelope if line.startswith("sender: "))
        if sender.startswith(_OURS) or sender == "":
            to = [line.partition(": ")[2] for line in envelope if line.startswith("recipient: ")]
            content = normal(_postcat("-bh", path).decode("utf-8", "replace"))
            found.append({"sender": sender, "to": to, "content": content})
    postfix.drop_queue()
    return {"replies": replies, "notices": found}


def _postcat(option: str, path: Path) -> bytes:
    return subprocess.run(["postcat", option, str(path)], check=True, capture_output=True).stdout


def asked() -> store.Inputs:
    return store.Inputs([case.inputs() for case in cases()], {"base": BASE})


def answers(postfix: PrivatePostfix, some: list[Case] | None = None) -> Iterator[dict[str, Any]]:
    before: object = None
    for case in cases() if some is None else some:
        parameters = {**BASE, **case.parameters}
        if parameters != before:
            postfix.configure({**parameters, "master_service_disable": "qmgr.unix"})
            before = parameters
        yield answered(postfix, case)


def main() -> None:
    with tempfile.TemporaryDirectory() as top, PrivatePostfix(Path(top)) as postfix:
        store.write("notices", store.postfix(), __file__, answers(postfix))


INPUTS = {"notices": asked}

if __name__ == "__main__":
    main()
