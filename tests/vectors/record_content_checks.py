"""Records what cleanup does with the messages of content_check_cases.py, as content_checks.jsonl: the reply, the
lines of its log, the message in the queue and what the queue file has of its envelope.

python -m tests.vectors.record_content_checks
"""

from __future__ import annotations

import re
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.live.private_postfix import PrivatePostfix
from tests.vectors import store
from tests.vectors.content_check_cases import BASE, RECIPIENT, SENDER, Group, groups

_RECEIVED = re.compile(rb"^Received: .*\n(?:\t.*\n)*", re.MULTILINE)
_KEPT = ("recipient: ", "original_recipient: ", "redirect_to: ", "content_filter: ")
_TRACE = re.compile(r"Received: from .*? \(UTC\)")
# The queue id, and what every line of a check has of the session.
_SESSION = (
    " from localhost[127.0.0.1]; from=<ann@client.example> to=<bob@example.com> proto=ESMTP helo=<client.example>"
)
_VARYING = re.compile(rf"^[0-9A-F]{{6,}}: |(?<=^warning: )[0-9A-F]{{6,}}: |{re.escape(_SESSION)}")


def answered(postfix: PrivatePostfix, content: str) -> dict[str, Any]:
    """What becomes of a message; nothing is delivered, for no qmgr runs."""
    since = postfix.log.stat().st_size if postfix.log.exists() else 0
    client = postfix.client()
    for command in ("EHLO client.example", f"MAIL FROM:<{SENDER}>", f"RCPT TO:<{RECIPIENT}>", "DATA"):
        client.command(command)
    reply = client.command(content.replace("\n.", "\n..").replace("\n", "\r\n") + ".")
    client.command("QUIT")
    client.close()
    queue_id = re.fullmatch(r"250 .* queued as (\w+)", reply)
    found: dict[str, Any] = {"reply": re.sub(r"(?<=queued as )\w+", "ID", reply), "log": _log(postfix, since)}
    if queue_id is not None and (path := _file(postfix, queue_id[1])) is not None:
        found["held"] = path.parent.name == "hold"
        found["queued"] = _RECEIVED.sub(b"", _postcat("-bh", path), count=1).decode("utf-8", "surrogateescape")
        lines = _postcat("-e", path).decode().splitlines()
        found["envelope"] = [line for line in lines if line.startswith(_KEPT)]
    return found


def _file(postfix: PrivatePostfix, queue_id: str) -> Path | None:
    for folder in ("hold", "incoming", "active", "deferred"):
        path = postfix.top / "queue" / folder / queue_id
        if path.exists():
            return path
    return None


def _postcat(option: str, path: Path) -> bytes:
    return subprocess.run(["postcat", option, str(path)], check=True, capture_output=True).stdout


def _log(postfix: PrivatePostfix, since: int) -> list[str]:
    """The lines of cleanup, once smtpd has logged the end of the session; without those of every message."""
    deadline = time.monotonic() + 10
    lines: list[str] = []
    while not any("disconnect from" in line for line in lines):
        lines = postfix.log_lines(since)
        if time.monotonic() > deadline:
            raise TimeoutError("smtpd logs no end of the session")
        time.sleep(0.005)
    ours = [line.partition(": ")[2] for line in lines if line.startswith("postfix/cleanup")]
    plain = [_VARYING.sub("", _TRACE.sub("Received: ...", line)).replace(str(postfix.top), "@TOP@") for line in ours]
    return [line for line in plain if not line.startswith("message-id=")]


def asked() -> store.Inputs:
    cases = [
        {"parameters": group.parameters, "tables": group.tables, "content": store.brief(message)}
        for group in groups()
        for message in group.messages
    ]
    return store.Inputs(cases, {"base": BASE, "sender": SENDER, "recipient": RECIPIENT})


def answers(postfix: PrivatePostfix, some: list[Group] | None = None) -> list[dict[str, Any]]:
    found = []
    for group in groups() if some is None else some:
        postfix.configure({**BASE, **group.parameters, "master_service_disable": "qmgr.unix"}, group.tables)
        found += [answered(postfix, message) for message in group.messages]
    return found


def main() -> None:
    with tempfile.TemporaryDirectory() as top, PrivatePostfix(Path(top)) as postfix:
        store.write("content_checks", store.postfix(), __file__, answers(postfix))


INPUTS = {"content_checks": asked}

if __name__ == "__main__":
    main()
