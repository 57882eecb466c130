"""What is taken over passes the header and body checks of the configuration (header_checks(5))."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from mailconf.diagnostics import Sink
from mailconf.files import Memory
from mailconf.model.fileworld import FileWorld
from mailconf.model.session import Session
from mailconf.mta import pace
from mailconf.mta.intake import QueueIntake
from mailconf.mta.message import Context, IntakeRefused, Message, Recipient
from mailconf.postfix.policy.policy import compile_policy
from mailconf.postfix.settings.configuration import Configuration
from tests.personality import PERSONALITY

MAIN = "myhostname = mx.example.com\nmydestination = example.com\nheader_checks = regexp:{{/^Subject: %s/ %s}}\n"


class Taken:
    """A queue that keeps what it was given."""

    def __init__(self) -> None:
        self.messages: list[tuple[Message, bool, str]] = []

    async def add(self, message: Message, *, hold: bool, filter: str) -> int:
        self.messages.append((message, hold, filter))
        return 1


def taken(action: str, log: list[str], *, internal: bool = False) -> list[tuple[Message, bool, str]]:
    tree = Memory({"/etc/postfix/main.cf": MAIN % ("x", action), "/etc/postfix/master.cf": ""})
    policy = compile_policy(Configuration.load("/etc/postfix", Sink(), tree), Sink())
    context = Context(policy, FileWorld(tree), lambda program, text: log.append(f"{program}: {text}"), PERSONALITY)
    session = None if internal else Session(client_address="192.0.2.7", helo="a.test", recipients=["u@example.com"])
    content = b"Subject: x\nFrom: a@far.test\n\nbody\n"
    recipients = [Recipient("u@example.com", "u@example.com")]
    message = Message("A1", "a@far.test", recipients, content, 0.0, session=session, local=True)
    queue: Any = Taken()
    asyncio.run(QueueIntake(context, queue).accept(message))
    found: list[tuple[Message, bool, str]] = queue.messages
    return found


def test_a_refused_message_is_not_queued_and_the_log_says_why() -> None:
    log: list[str] = []
    with pytest.raises(IntakeRefused, match=r"550 5\.7\.1 no"):
        taken("REJECT no", log)
    session = "unknown[192.0.2.7]; from=<> to=<u@example.com> proto=SMTP helo=<a.test>"
    assert f"cleanup: A1: reject: header Subject: x from {session}: 5.7.1 no" in log


def test_effects_and_changes_reach_the_queue() -> None:
    ((message, hold, _),) = taken("HOLD", [])
    assert hold
    ((message, _, filter),) = taken("FILTER smtp:[192.0.2.9]", [])
    assert filter == "smtp:[192.0.2.9]"
    ((message, _, _),) = taken("REDIRECT v@example.com", [])
    assert [recipient.address for recipient in message.recipients] == ["v@example.com"]
    ((message, _, _),) = taken("REPLACE Subject: y", [])
    assert b"Subject: y\n" in message.content
    assert b"Subject: x\n" not in message.content
    assert taken("DISCARD", []) == []


@pytest.mark.parametrize(
    ("pattern", "least"),
    [("^[x]", 500), ("^once", 20)],  # every line is looked up; one alone may be found
)
def test_the_loop_is_given_back_between_the_lines_of_a_message(
    monkeypatch: pytest.MonkeyPatch, pattern: str, least: int
) -> None:
    monkeypatch.setattr(pace, "SLICE", 0.0)
    rules = f"body_checks = regexp:{{{{/{pattern}/ DUNNO}}}}\n"
    tree = Memory({"/etc/postfix/main.cf": rules, "/etc/postfix/master.cf": ""})
    policy = compile_policy(Configuration.load("/etc/postfix", Sink(), tree), Sink())
    context = Context(policy, FileWorld(tree), lambda program, text: None, PERSONALITY)
    content = b"From: a@far.test\n\n" + b"line\n" * 2000 + b"once\n"
    recipients = [Recipient("u@example.com", "u@example.com")]
    message = Message("A1", "a@far.test", recipients, content, 0.0, session=Session(), local=True)
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def both() -> None:
        beside = asyncio.create_task(others())
        await QueueIntake(context, cast(Any, Taken())).accept(message)
        beside.cancel()

    asyncio.run(both())
    assert turns > least


def test_mail_that_is_made_here_is_not_inspected() -> None:
    """postconf(5) internal_mail_filter_classes is empty."""
    assert len(taken("REJECT no", [], internal=True)) == 1
