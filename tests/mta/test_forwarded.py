"""XFORWARD is heard and passed on as by the real Postfix (tests/vectors/forwarded.jsonl, by record_forwarded.py)."""

from __future__ import annotations

from pathlib import Path

import pytest
from conversation import Conversation, policy_of

from mailconf.mta.queue.envelope import envelope, session_of
from mailconf.mta.smtp_client import about_client
from mailconf.smtp.forwarded import forwarding
from tests.vectors.forwarded_dialogues import DIALOGUES, MESSAGE, SETTINGS
from tests.vectors.record_forwarded import neutral
from tests.vectors.record_ways_out import SETTINGS as COMMON
from tests.vectors.store import load
from tests.vectors.ways_out import OFFERS

VECTORS = load("forwarded")
RECORDED = VECTORS.keyed("name")
OFFERED = OFFERS.rpartition("XFORWARD ")[2]


def passed_on(message: object) -> list[str]:
    """What the next host is told, after the message has been in the queue."""
    kept = envelope(message, size=1, body=1, hold=False, filter="")  # type: ignore[arg-type]
    message.session = session_of(kept["session"])  # type: ignore[attr-defined]
    return [neutral(line) for line in forwarding(OFFERED, about_client(message)) if line]  # type: ignore[arg-type]


@pytest.mark.parametrize("name", DIALOGUES)
def test_as_recorded(name: str, tmp_path: Path) -> None:
    settings = {**COMMON, **SETTINGS, "default_transport": "smtp:[127.0.0.1]:25", "inet_protocols": "ipv4"}
    settings["smtpd_authorized_xclient_hosts"] = "127.0.0.1"
    del settings["header_checks"]
    ours = Conversation(policy_of(tmp_path, settings))
    ours.answers.session.client_port = "12345"
    ours.start()
    replies = [
        neutral("|".join(line[4:] for line in reply.splitlines()))
        for reply in (ours.feed(f"{command}\r\n".encode()) for command in (*DIALOGUES[name], *MESSAGE))
    ]
    theirs = RECORDED[name]
    assert [reply.replace("queued as QUEUEID", "") for reply in replies] == [
        reply[4:].replace("queued as QUEUEID", "") for reply in theirs["replies"]
    ]
    assert [neutral(line) for line in ours.log if "client=" in line] == theirs["log"]
    assert [passed_on(message) for message in ours.intake.messages] == theirs["told"]
