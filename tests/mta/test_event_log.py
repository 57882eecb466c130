"""Events as JSON: what of their facts is written, how much of it, and in what letters."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mailconf.model.session import Session
from mailconf.model.verdict import Reply
from mailconf.mta import event_log
from mailconf.mta.event_log import ITEMS, LINE, TEXT, EventLog
from mailconf.mta.journal import LogEvent


def written(event: LogEvent, facts: dict[str, Any], lines: Any = ()) -> dict[str, Any]:
    out: list[bytes] = []
    log = EventLog(hostname="mx", clock=lambda: 1_795_355_705.25, pid=7, write=out.append)
    log.event(event, facts, lines)
    (line,) = out
    assert line.endswith(b"\n") and line.isascii() and line.count(b"\n") == 1
    assert all(byte >= 32 and byte != 127 for byte in line[:-1]) and len(line) <= LINE + 1
    found: dict[str, Any] = json.loads(line)
    return found


def test_an_object() -> None:
    found = written(LogEvent.REMOVED, {"queue_id": "5ABC"}, [("postfix/qmgr", "5ABC: removed")])
    assert found == {
        "version": 1, "time": "2026-11-22T13:55:05.250Z", "host": "mx", "pid": 7, "event": "removed",
        "facts": {"queue_id": "5ABC"}, "lines": [{"program": "postfix/qmgr", "text": "5ABC: removed"}],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ('"}\n{"event":"x"}\x00\x7f', '"}\n{"event":"x"}\x00\x7f'),
        ("a\udcff\ud800b", "a\\xff\\ud800b"),
        (b"\xff\x00a", "\\xff\x00a"),
        ("x" * (TEXT + 1), "x" * TEXT + "..."),
        (float("nan"), None),
        (OSError(28, "No space"), "OSError: [Errno 28] No space"),
        (Reply.of(550, "5.1.1 no"), "550 5.1.1 no"),
        (list(range(ITEMS + 5)), list(range(ITEMS))),
    ],
)
def test_a_fact(value: object, expected: object) -> None:
    assert written(LogEvent.CONTENT, {"text": value})["facts"] == {"text": expected}


def test_what_may_be_a_secret_is_not_written() -> None:
    class Other:
        def __str__(self) -> str:
            return "secret"

    session = Session(sasl_username="ann", sasl_method="PLAIN", content=b"secret", typed="secret")
    facts = {"client": "x[192.0.2.1]", "limit": 5, "text": "secret"}
    for event, given in (
        (LogEvent.RESPONSE_TOO_LONG, facts),
        (LogEvent.LOGIN_FAILED, {"client": "x", "method": "PLAIN", "reply": Reply.of(535, "secret"), "account": "ann"}),
        (LogEvent.TLS_BEGUN, {"client": "x", "session": session}),
        (LogEvent.CONTENT, {"text": Other()}),
    ):
        assert "secret" not in json.dumps(written(event, given))
    assert written(LogEvent.TLS_BEGUN, {"session": session})["facts"]["session"]["sasl_username"] == "ann"


def test_an_object_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_log, "TEXT", 100_000)
    found = written(LogEvent.CONTENT, {"text": "\x01" * LINE}, [("cleanup", "short"), ("cleanup", "other")])
    assert found["shortened"] is True and found["facts"] == {}
    assert found["lines"] == [{"program": "cleanup", "text": "short"}]
