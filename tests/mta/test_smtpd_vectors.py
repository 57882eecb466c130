"""Our answers under many configurations are those of the real smtpd (tests/vectors/smtpd.jsonl, by record_smtp.py)."""

from __future__ import annotations

import json
import re
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from conversation import Conversation, policy_of

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS / "vectors"), str(TESTS / "live"), str(TESTS / "smtp")]

from record_smtp import told  # noqa: E402
from smtpd_dialogues import DIALOGUES, Dialogue  # noqa: E402
from test_smtp_vectors import neutral  # noqa: E402

from tests.vectors.store import load  # noqa: E402

VECTORS = load("smtpd")
RECORDED = VECTORS.keyed("name")
PRIVATE = {"smtpd_authorized_xclient_hosts": "127.0.0.1", "inet_protocols": "ipv4"}


@cache
def grouped() -> dict[str, dict[str, Dialogue]]:
    """The dialogues by their configuration."""
    groups: dict[str, dict[str, Dialogue]] = {}
    for name, dialogue in DIALOGUES.items():
        groups.setdefault(json.dumps(dict(dialogue.settings)), {})[name] = dialogue
    return groups


def test_the_recording_is_of_these_dialogues() -> None:
    assert VECTORS.head.version == "3.7.11"
    assert set(RECORDED) == set(DIALOGUES)


@pytest.mark.parametrize("settings", grouped())
def test_as_recorded(settings: str, tmp_path: Path) -> None:
    policy = policy_of(tmp_path, {**VECTORS.head.common["settings"], **PRIVATE, **json.loads(settings)})
    differences: list[Any] = []
    for name, dialogue in grouped()[settings].items():
        recorded = RECORDED[name]
        ours = Conversation(policy)
        replies = [ours.start()]
        for step in dialogue.steps:
            if replies[-1].endswith("<closed>"):
                break
            replies.append(ours.feed(step))
        if recorded["log"] is None:
            continue  # Postfix dumps core; ours has answered
        theirs = [neutral(as_utf8(reply)) for reply in recorded["replies"]]
        sent = ["greeting", *dialogue.steps]
        differences += [
            (name, *three) for three in zip(sent, theirs, map(neutral, replies), strict=False) if three[1] != three[2]
        ]
        log = [text for line in ours.end() if (text := told(line)) is not None]
        if log != recorded["log"]:
            differences.append((name, recorded["log"], log))
    assert not differences, "\n".join(str(d) for d in differences[:40]) + f"\n{len(differences)} differ"


def as_utf8(text: str) -> str:
    """The recorder reads bytes as Latin-1."""
    return re.sub(r"[^\x00-\x7f]+", lambda found: found[0].encode("latin-1").decode(errors="replace"), text)
