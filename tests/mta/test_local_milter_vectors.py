"""What we send to mail filters about mail of the sendmail command is what Postfix does (local_milters.jsonl)."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS.parent)]

from tests.milter_side import Ours, comparable, departs  # noqa: E402
from tests.vectors.local_milter_cases import cases  # noqa: E402
from tests.vectors.store import load  # noqa: E402

VECTORS = load("local_milters")
RECORDED = VECTORS.keyed("name")
_OURS = re.compile(r"(?:smtpd|cleanup): (?!warning: ID: bounce message failure|warning: bounce message failure)")
_BOUNDARY = re.compile(r'boundary="[^"]*"')
_DELAY = re.compile(r"delays?=[\d./]+, ")


def without_chance(answer: dict[str, Any]) -> dict[str, Any]:
    """Without what is another at each time: a report's content, how long it took."""
    found = comparable(answer)
    found["log"] = [_DELAY.sub("", line) for line in found["log"] if _OURS.match(line)]
    found["packets"] = [[[_plain(packet) for packet in one] for one in filter] for filter in found["packets"]]
    for one in found["queue"]:
        if one["envelope"][0] == "sender: " and one["envelope"][-1] == "recipient: ann@local.example":
            one["content"] = "a report"
    return found


def _plain(packet: Any) -> Any:
    if isinstance(packet, str) and packet.startswith("BThis is a MIME-encapsulated message."):
        return "a report"
    return _BOUNDARY.sub("", packet) if isinstance(packet, str) else packet


def settled(answer: dict[str, Any]) -> dict[str, Any]:
    """Of Postfix's, what a first attempt came to."""
    found = without_chance(answer)
    return found | {"log": once(found["log"]), "packets": [once(each) for each in found["packets"]]}


def once(found: list[Any]) -> list[Any]:
    """Postfix has tried a message that waits a second time before the recording ended, or not."""
    half = len(found) // 2
    return found[:half] if half and found[:half] == found[half:] else found


def test_as_recorded(tmp_path: Path) -> None:
    assert VECTORS.head.version == "3.7.11"
    some = cases()
    assert len(some) >= 100
    differences: list[str] = []
    for case, answer in zip(some, Ours(tmp_path).answers(some), strict=True):
        theirs, ours = settled(RECORDED[case.name]), without_chance(answer)
        found = {key: (theirs[key], ours[key]) for key in theirs if theirs[key] != ours[key]}
        if set(found) != departs(case):
            differences += [f"{case.name}: {key}\n   theirs {a}\n   ours   {b}" for key, (a, b) in found.items()]
    assert not differences, "\n".join(differences[:30]) + f"\n{len(differences)} differ"
