"""Records trivial-rewrite's answers and what cleanup queues, for rewriting_scenarios.py.

    python -m tests.vectors.record_rewriting

The answers are standard_forms.jsonl and routes.jsonl; what is queued is queued_addresses.jsonl.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from typing import Any

from mailconf.model.address import external
from tests.live.private_postfix import PrivatePostfix
from tests.vectors import store
from tests.vectors.rewriting_scenarios import BASE, CLEANUP, Messages, Questions, messages, questions


def forms_asked() -> store.Inputs:
    cases = [
        {"scenario": number, "parameters": scenario.parameters, "address": address}
        for number, scenario in enumerate(questions())
        for address in scenario.standard
    ]
    return store.Inputs(cases, {"base": BASE})


def routes_asked() -> store.Inputs:
    cases = [
        {"scenario": number, "parameters": scenario.parameters, "address": address, "sender": sender}
        for number, scenario in enumerate(questions())
        for address in scenario.resolve
        for sender in scenario.senders
    ]
    return store.Inputs(cases, {"base": BASE})


def queued_asked() -> store.Inputs:
    cases = [
        {"scenario": number, "parameters": scenario.parameters, "tables": scenario.tables, "message": message}
        for number, scenario in enumerate(messages())
        for message in scenario.messages
    ]
    return store.Inputs(cases, {"base": CLEANUP})


def forms(postfix: PrivatePostfix, scenario: Questions) -> list[dict[str, Any]]:
    """Each address in standard form, for a local and for a remote client."""
    return [
        {"local": postfix.canonify(external(address)), "remote": postfix.canonify(external(address), "remote")}
        for address in scenario.standard
    ]


def routes(postfix: PrivatePostfix, scenario: Questions) -> list[dict[str, Any]]:
    found = []
    for address in scenario.resolve:
        for sender in scenario.senders:
            answer = postfix.resolve(address, sender)
            found.append({name: answer[name] for name in ("flags", "transport", "nexthop", "recipient")})
    return found


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


def main() -> None:
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in INPUTS}
    with tempfile.TemporaryDirectory() as top, PrivatePostfix(Path(top)) as postfix:
        for questioned in questions():
            postfix.configure({**BASE, **questioned.parameters})
            found["standard_forms"] += forms(postfix, questioned)
            found["routes"] += routes(postfix, questioned)
        for scenario in messages():
            found["queued_addresses"] += queue(postfix, scenario)
    for name, answers in found.items():
        store.write(name, store.postfix(), __file__, answers)


INPUTS = {"standard_forms": forms_asked, "routes": routes_asked, "queued_addresses": queued_asked}

if __name__ == "__main__":
    main()
