"""Records what cleanup queues of the messages of header_scenarios.py, as header_fields.jsonl; of the
first lines, as header_first_lines.jsonl.

python -m tests.vectors.record_headers
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path

from tests.live.private_postfix import PrivatePostfix
from tests.vectors import store
from tests.vectors.header_scenarios import BASE, BODY, RECIPIENT, SENDER, TOP, first_lines, plain, scenarios, whole


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


def fields_asked() -> store.Inputs:
    cases = [{"parameters": parameters, "fields": store.brief(fields)} for parameters, fields in scenarios()]
    return store.Inputs(cases, _COMMON)


def first_asked() -> store.Inputs:
    return store.Inputs([{"lines": store.brief(lines)} for lines in first_lines()], _COMMON)


def answers(postfix: PrivatePostfix) -> tuple[list[str], list[str]]:
    """What is queued of each message of `scenarios`, and of `first_lines`."""
    found, before = [], None
    for parameters, fields in scenarios():
        if parameters != before:
            postfix.configure({**BASE, **parameters})
            before = parameters
        found.append(queued(postfix, whole(fields)))
    return found, [queued(postfix, whole(lines, first=True)) for lines in first_lines()]


def main() -> None:
    with tempfile.TemporaryDirectory() as top, PrivatePostfix(Path(top)) as postfix:
        for name, texts in zip(INPUTS, answers(postfix), strict=True):
            store.write(name, store.postfix(), __file__, [{"queued": text} for text in texts])


_COMMON = {"base": BASE, "top": TOP, "body": BODY, "sender": SENDER, "recipient": RECIPIENT}
INPUTS = {"header_fields": fields_asked, "header_first_lines": first_asked}

if __name__ == "__main__":
    main()
