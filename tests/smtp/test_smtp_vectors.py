"""Our server side says what the real smtpd said (tests/vectors/smtp.jsonl)."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from permissive import Permissive

VECTORS = Path(__file__).parent.parent / "vectors"
sys.path.insert(0, str(VECTORS))

from smtp_dialogues import DIALOGUES  # noqa: E402

from tests.vectors.store import load  # noqa: E402

VECTORS_OF_SMTPD = load("smtp")
RECORDED = VECTORS_OF_SMTPD.keyed("name")

# Once an XFORWARD or XCLIENT command was used, smtpd drops these keywords from the list of the process's next session.
_FICKLE = re.compile(r"250-(?:XCLIENT|XFORWARD) [A-Z_ ]+\r\n")


def neutral(text: str) -> str:
    return _FICKLE.sub("", text)


def test_the_recording_is_of_these_dialogues() -> None:
    assert VECTORS_OF_SMTPD.head.version == "3.7.11"
    assert set(RECORDED) == set(DIALOGUES)


@pytest.mark.parametrize("name", DIALOGUES)
def test_step_by_step(name: str) -> None:
    ours = Permissive()
    replies = [ours.start().decode("latin-1")]
    for step in DIALOGUES[name]:
        replies.append(ours.feed(step).decode("latin-1"))
        if replies[-1].endswith("<closed>"):
            break
    assert [neutral(r) for r in replies] == [neutral(r) for r in RECORDED[name]["replies"]]


@pytest.mark.parametrize("name", DIALOGUES)
def test_whole_and_byte_by_byte_are_the_same(name: str) -> None:
    data = b"".join(DIALOGUES[name])
    whole, single = Permissive(), Permissive()
    out = whole.feed(data)
    pieces = b"".join(single.feed(data[at : at + 1]) for at in range(len(data)))
    assert pieces.replace(b"<closed>", b"") == out.replace(b"<closed>", b"")
    assert single.messages == whole.messages
    assert single.summary == whole.summary
