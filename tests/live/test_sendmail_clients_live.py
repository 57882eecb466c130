"""Several clients of a served sendmail.cf, beside the real daemon: sessions that are drawn anew, over the cases' sites.

MAILCONF_PROOF=1 asks more. Marked ``live``; namespaces need root.
"""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.live.sendmail_side import TOOLS
from tests.vectors.record_sendmail_clients import answered
from tests.vectors.sendmail_clients_cases import (
    BAD,
    CASES,
    GONE,
    GOOD,
    HELLO,
    LATER,
    LIAR,
    LOG_CASES,
    MAIL,
    MESSAGE,
    NAMELESS,
    OWN,
    RCPT,
    SLOW,
    dialogue,
)
from tests.vectors.sendmail_clients_driver import same

pytestmark = pytest.mark.live

SEED, COUNT, PROOF_COUNT = 20261130, 4, 40
_CLIENTS = (GOOD, BAD, SLOW, OWN, NAMELESS, LIAR, LATER, GONE)
_LINES: tuple[Any, ...] = (
    HELLO, "HELO localhost", "HELO client", MAIL, MAIL, "MAIL FROM:<bad@far.example>", "MAIL FROM:<>", RCPT, RCPT,
    "RCPT TO:<bob@example.org>", "RCPT TO:<x@nowhere.example>", "RCPT TO:<nobody>", "DATA", "RSET", "VRFY ann",
    "EXPN team", "NOOP", "ETRN x", "AUTH FOO", "VERB", "FOO", "STARTTLS", "MAIL FROM:<a@far.example> AUTH=<>",
)  # fmt: skip
_FEATURES = (
    "FEATURE(`delay_checks')dnl\n", "FEATURE(`ratecontrol', `nodelay')dnl\n", "FEATURE(`conncontrol', `nodelay')dnl\n",
    "FEATURE(`dnsbl', `list.example')dnl\n", "FEATURE(`enhdnsbl', `other.example', `', `t', `127.0.0.4.')dnl\n",
    "FEATURE(`require_rdns')dnl\n", "FEATURE(`block_bad_helo')dnl\n", "FEATURE(`use_client_ptr')dnl\n",
    "FEATURE(`blocklist_recipients')dnl\n", "FEATURE(`badmx')dnl\n",
)  # fmt: skip


def drawn(seed: int, count: int) -> list[dict[str, Any]]:
    """Sites of features, and what clients do there, one after the other and at once."""
    draw = random.Random(seed)
    found = []
    for _ in range(count):
        chosen = [feature for feature in _FEATURES if draw.random() < 0.4]
        if any("nodelay" in feature for feature in chosen) and _FEATURES[0] not in chosen:
            chosen.insert(0, _FEATURES[0])
        steps: list[list[Any]] = []
        names: list[str] = []
        for number in range(draw.randint(6, 12)):
            name = f"c{number}"
            steps += dialogue(name, draw.choice(_CLIENTS))
            names.append(name)
            for _ in range(draw.randint(2, 9)):
                who, line = draw.choice(names), draw.choice(_LINES)
                steps.append([who, line])
                if line == "DATA":  # a message is content, or lines that are no commands
                    steps.append([who, MESSAGE])
            if draw.random() < 0.4:
                steps.append([draw.choice(names), draw.choice(("QUIT", "hang up"))])
        found.append({"text": None, "mc": "".join(chosen), "steps": steps})
    return found


def compared(cases: list[dict[str, Any]]) -> list[tuple[object, ...]]:
    """What differs: the case, the step, the original's answer, ours. Of waits whole seconds; ours may take longer."""
    ours = answered([Path(sys.executable).parent / "mailconf", "sendmail"], cases)
    theirs = answered([TOOLS / "sendmail"], cases)
    different: list[tuple[object, ...]] = []
    count = 0
    for case, wanted, got in zip(cases, theirs, ours, strict=True):
        for step, (reply, seconds), (own, own_seconds) in zip(case["steps"], wanted["said"], got["said"], strict=True):
            count += 1
            if own != reply or own_seconds < seconds:
                different.append((case["mc"] or case["text"], step, (reply, seconds), (own, own_seconds)))
    print(f"{count} replies, {len(different)} differ")
    return different


def test_drawn_sessions() -> None:
    count = PROOF_COUNT if os.environ.get("MAILCONF_PROOF") else COUNT
    different = compared(drawn(SEED, count))
    assert not different, different[:3]


def test_the_daemon_refuses_and_waits() -> None:
    """What depends on the listener: MaxDaemonChildren, and the waits of repeated commands."""
    listening = [case for case in CASES if "MaxDaemonChildren" in (case["text"] or "")]
    waits = [{"text": "O MaxNOOPCommands=2\n", "mc": None, "steps": dialogue("a", GOOD, *["NOOP"] * 3)}]
    gone = {
        "text": "O AliasFile=hash:FOLDER/no-such-file\n",
        "mc": None,
        "steps": dialogue("a", GOOD, HELLO, "EXPN ann", "VRFY ann", "EXPN x@later.example", "EXPN team", MAIL, RCPT),
    }
    different = compared([*listening, *waits, gone])
    assert not different, different[:3]


def test_the_log() -> None:
    """What comes to the log of a served sendmail.cf, ids apart; deliveries are those of another agent."""
    cases = [case for case in LOG_CASES if "DeliveryMode=q" in case["text"] and "LogLevel=" not in case["text"][20:]]
    ours = answered([Path(sys.executable).parent / "mailconf", "sendmail"], cases[:3])
    theirs = answered([TOOLS / "sendmail"], cases[:3])
    for case, wanted, got in zip(cases, theirs, ours, strict=False):
        assert same(got["log"]) == same(wanted["log"]), case["text"]
