"""smtp_header_checks and its like do what smtp(8) did (tests/vectors/record_sent_checks.py)."""

from __future__ import annotations

import re
from typing import Any

import pytest

from mailconf.diagnostics import Sink
from mailconf.files import Memory
from mailconf.model.fileworld import FileWorld
from mailconf.model.verdict import Inspection
from mailconf.model.world import Ask, run
from mailconf.postfix.policy.policy import compile_policy
from mailconf.postfix.settings.configuration import Configuration
from tests.vectors.content_check_cases import sent_groups
from tests.vectors.record_sent_checks import BASE
from tests.vectors.store import load

CASES = load("sent_checks").cases
MESSAGES = [(group.parameters, group.tables, message) for group in sent_groups() for message in group.messages]
TOP = "/etc/postfix"
TRACE = "Received: from client.example\n"
# cleanup gives these messages a header of its own, or the blank line that they lack, before they are sent.
CHANGED = ("b-warn\n\nno header", "not a header\n")
MASTER = "smtp unix - - n - - smtp\nlmtp unix - - n - - lmtp\nother unix - - n - - smtp -o smtp_header_checks=\n"


def sent(parameters: dict[str, str], tables: dict[str, str], message: str, transport: str = "smtp") -> Inspection:
    main = "".join(f"{name} = {value.replace('@TOP@', TOP)}\n" for name, value in {**BASE, **parameters}.items())
    files = {f"{TOP}/{name}": text for name, text in tables.items()}
    tree = Memory({f"{TOP}/main.cf": main, f"{TOP}/master.cf": MASTER, **files})
    policy = compile_policy(Configuration.load(TOP, Sink(), tree), Sink(), None)
    return run(policy.inspect_sent(transport, (TRACE + message).encode(), Ask(FileWorld(tree))))


def logged(case: dict[str, Any]) -> list[str]:
    """What smtp(8) logs of the checks, without what the table and the delivery have to say."""
    own = ("error: open ", "warning: regexp:", "status=")
    lines = [line for line in case["log"] if not line.startswith(own)]
    return [re.sub(r"^warning: [0-9A-F]{6,}: ", "warning: ", line) for line in lines]


@pytest.mark.parametrize("number", range(len(MESSAGES)))
def test_a_message_leaves_as_recorded(number: int) -> None:
    parameters, tables, message = MESSAGES[number]
    judge(parameters, tables, message, CASES[number])


def judge(parameters: dict[str, str], tables: dict[str, str], message: str, case: dict[str, Any]) -> None:
    """AssertionError where a message leaves otherwise than ``case`` has it."""
    found = sent(parameters, tables, message)
    assert [note.replace("Received: from client.example", "Received: ...") for note in found.notes] == logged(case)
    assert (found.reply is not None) == ("sent" not in case)
    if found.reply is not None:
        assert found.reply.code == 451 and case["log"][-1].startswith("status=deferred (local data error")
    elif "smtp_generic_maps" not in parameters and not any(text in message for text in CHANGED):
        assert found.content.decode().removeprefix(TRACE) == case["sent"]


def test_a_transport_has_what_its_service_sets() -> None:
    parameters = {"smtp_header_checks": "regexp:{{/^X/ IGNORE}}", "lmtp_header_checks": "regexp:{{/^X/ REPLACE Y: y}}"}
    message = "X: x\n\nx\n"
    assert b"X: x" not in sent(parameters, {}, message).content
    assert b"X: x" in sent(parameters, {}, message, "other").content
    assert b"Y: y" in sent(parameters, {}, message, "lmtp").content
    assert b"X: x" in sent(parameters, {}, message, "local").content
