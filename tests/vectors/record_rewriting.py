"""Records trivial-rewrite's answers and what cleanup queues, for rewriting_scenarios.py, as rewriting.json.

python tests/vectors/record_rewriting.py
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "live"), str(HERE.parents[1])]

from private_postfix import PrivatePostfix, mail_version  # noqa: E402
from rewriting_scenarios import BASE, CLEANUP, Messages, Questions, messages, questions  # noqa: E402

from mailconf.model.address import external  # noqa: E402


def ask(postfix: PrivatePostfix, scenario: Questions) -> dict[str, Any]:
    postfix.configure({**BASE, **scenario.parameters})
    standard = [
        [postfix.canonify(external(address)), postfix.canonify(external(address), "remote")]
        for address in scenario.standard
    ]
    fields = ("flags", "transport", "nexthop", "recipient")
    resolved = []
    for address in scenario.resolve:
        for sender in scenario.senders:
            answer = postfix.resolve(address, sender)
            resolved.append([answer[name] for name in fields])
    return {"standard": standard, "resolve": resolved}


def queue(postfix: PrivatePostfix, scenario: Messages) -> list[dict[str, Any]]:
    """What is in the queue for each message: sender, recipients, the two header fields; or the refusal."""
    postfix.configure({**CLEANUP, **scenario.parameters}, scenario.tables)
    found = []
    for sender, recipients, author, addressee in scenario.messages:
        client = postfix.client()
        client.command("EHLO client.example")
        client.command(f"MAIL FROM:<{sender}>")
        for recipient in recipients:
            client.command(f"RCPT TO:<{recipient}>")
        client.command("DATA")
        reply = client.command(f"From: {author}\r\nTo: {addressee}\r\n\r\nfoo\r\n.")
        client.close()
        found.append(_queued(postfix, reply.rpartition(" ")[2]) if reply.startswith("250") else {"refused": reply})
    return found


def _queued(postfix: PrivatePostfix, queue_id: str) -> dict[str, Any]:
    listing = subprocess.run(
        ["postcat", "-c", str(postfix.etc), "-ehq", queue_id], check=True, capture_output=True, text=True
    ).stdout
    lines = [line.partition(": ") for line in listing.splitlines()]
    return {
        "sender": next(value for name, _, value in lines if name == "sender"),
        "recipients": [value for name, _, value in lines if name == "recipient"],
        "from": next(value for name, _, value in lines if name == "From"),
        "to": next(value for name, _, value in lines if name == "To"),
    }


def record() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as top, PrivatePostfix(Path(top)) as postfix:
        return {
            "mail_version": mail_version(),
            "questions": [ask(postfix, scenario) for scenario in questions()],
            "messages": [queue(postfix, scenario) for scenario in messages()],
        }


if __name__ == "__main__":
    (HERE / "rewriting.json").write_text(json.dumps(record(), indent=0, ensure_ascii=False) + "\n")
