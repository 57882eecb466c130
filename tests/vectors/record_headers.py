"""Records what cleanup queues of the messages of header_scenarios.py, as headers.json.

python tests/vectors/record_headers.py
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "live")]

from header_scenarios import BASE, RECIPIENT, SENDER, first_lines, plain, scenarios, whole  # noqa: E402
from private_postfix import PrivatePostfix, mail_version  # noqa: E402


def queued(postfix: PrivatePostfix, content: bytes) -> str:
    """The message as it stands in the queue, without the trace field of smtpd."""
    client = postfix.client()
    for command in ("EHLO client.example", f"MAIL FROM:<{SENDER}>", f"RCPT TO:<{RECIPIENT}>", "DATA"):
        client.command(command)
    text = content.replace(b"\n", b"\r\n").decode("utf-8", "surrogateescape")
    reply = client.command(text + ".")
    client.close()
    queue_id = re.fullmatch(r"250 .* queued as (\w+)", reply)
    if queue_id is None:
        return reply
    listing = subprocess.run(
        ["postcat", "-c", str(postfix.etc), "-bhq", queue_id[1]], check=True, capture_output=True
    ).stdout
    return plain(re.sub(rb"\AReceived: .*\n(?:\t.*\n)*", b"", listing))


def answers(postfix: PrivatePostfix) -> dict[str, Any]:
    found, before = [], None
    for parameters, fields in scenarios():
        if parameters != before:
            postfix.configure({**BASE, **parameters})
            before = parameters
        found.append(queued(postfix, whole(fields)))
    return {"fields": found, "first": [queued(postfix, whole(lines, first=True)) for lines in first_lines()]}


def record() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as top, PrivatePostfix(Path(top)) as postfix:
        return {"mail_version": mail_version(), **answers(postfix)}


if __name__ == "__main__":
    (HERE / "headers.json").write_text(json.dumps(record(), indent=0) + "\n")
