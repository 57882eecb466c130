"""What happens to a message on its way into the queue."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mta_fixture import Mta

from mailconf.model.session import Session
from mailconf.model.verdict import Effect, EffectKind
from mailconf.mta.header_addresses import rewrite, rewrite_value
from mailconf.mta.headers import Header, guard, join, split_message
from mailconf.mta.hop import date
from mailconf.mta.message import IntakeRefused, Message
from mailconf.mta.queue import QueueEntry


def drive(main: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(main, 30))


async def accepted(mta: Mta, message: Message) -> QueueEntry | None:
    """The message as it stands in the queue, held there."""
    assert mta.context.intake is not None
    message.effects = (*message.effects, Effect(EffectKind.HOLD))
    await mta.context.intake.accept(message)
    return await mta.manager.queue.find(message.queue_id)


def envelope(entry: QueueEntry | None) -> list[tuple[str, str]]:
    assert entry is not None
    return [(queued.recipient.address, queued.recipient.original) for queued in entry.recipients]


def test_envelope_addresses_are_completed_expanded_and_made_unique(tmp_path: Path) -> None:
    async def main() -> None:
        async with Mta(tmp_path) as mta:
            mta.policy.aliases["info@example.com"] = ("alice@example.com", "bob@example.com")
            mta.policy.aliases["both@example.com"] = ("alice@example.com", "Alice@example.com")
            wanted = ("info", "both@example.com", "alice@example.com", "alice@example.com")
            entry = await accepted(mta, mta.message("root", *wanted))
            assert entry is not None and entry.message.sender == "root@example.com"
            assert envelope(entry) == [
                ("alice@example.com", "info"),
                ("bob@example.com", "info"),
                ("alice@example.com", "both@example.com"),
                ("alice@example.com", "alice@example.com"),
            ]

    drive(main())


def test_blind_copies_go_to_new_mail_only_and_are_never_reported(tmp_path: Path) -> None:
    async def main() -> None:
        async with Mta(tmp_path) as mta:
            mta.policy.copies = ["archive@example.com"]
            entry = await accepted(mta, mta.message("a@x", "b@x"))
            assert envelope(entry)[-1] == ("archive@example.com", "archive@example.com")
            assert entry is not None and entry.recipients[-1].recipient.notify == "NEVER"
            own = mta.message("a@x", "b@x")
            own.session = None
            assert envelope(await accepted(mta, own)) == [("b@x", "b@x")]

    drive(main())


def test_effects(tmp_path: Path) -> None:
    async def main() -> None:
        async with Mta(tmp_path) as mta:
            message = mta.message("a@x", "b@x")
            message.effects = (
                Effect(EffectKind.REDIRECT, "c@x"),
                Effect(EffectKind.PREPEND, "X-Spam: maybe"),
                Effect(EffectKind.FILTER, "smtp:[127.0.0.1]:10025"),
            )
            entry = await accepted(mta, message)
            assert envelope(entry) == [("c@x", "c@x")]
            assert entry is not None and entry.hold and entry.filter == "smtp:[127.0.0.1]:10025"
            assert entry.message.content.startswith(b"X-Spam: maybe\n")
            with_copy = mta.message("a@x", "b@x")
            with_copy.effects = (Effect(EffectKind.BCC, "d@x"),)
            assert envelope(await accepted(mta, with_copy)) == [("b@x", "b@x"), ("d@x", "d@x")]
            gone = mta.message("a@x", "b@x")
            gone.effects = (Effect(EffectKind.DISCARD),)
            assert await accepted(mta, gone) is None

    drive(main())


def test_limits_and_failures_refuse(tmp_path: Path) -> None:
    async def refusal(mta: Mta, message: Message) -> str:
        assert mta.context.intake is not None
        with pytest.raises(IntakeRefused) as caught:
            await mta.context.intake.accept(message)
        assert [entry async for entry in mta.manager.queue.entries()] == []
        return str(caught.value.reply)

    async def main() -> None:
        async with Mta(tmp_path) as mta:
            loop = mta.message("a@x", "b@x", content=b"Received: x\n" * 50 + b"\nx\n")
            assert await refusal(mta, loop) == "554 5.4.0 Error: too many hops"
            assert mta.log("cleanup") == [f"warning: {loop.queue_id}: message rejected: hopcount exceeded"]
            big = mta.message("a@x", "b@x", content=b"x" * 10_240_001)
            assert await refusal(mta, big) == "552 5.3.4 Error: message file too big"
            mta.policy.failing.add("b@x")
            assert await refusal(mta, mta.message("a@x", "b@x")) == "451 4.3.0 Error: queue file write error"
            mta.policy.failing.clear()
            mta.policy.copies_fail = True
            assert await refusal(mta, mta.message("a@x", "b@x")) == "451 4.3.0 Error: queue file write error"
            assert "hash:/etc/postfix/bcc lookup error" in mta.log("cleanup")[-1]
            mta.policy.copies_fail = False
            fine = mta.message("a@x", "b@x", content=b"Received: x\n" * 49 + b"\nx\n")
            assert await accepted(mta, fine) is not None

    drive(main())


def test_remote_clients_headers_are_left_alone(tmp_path: Path) -> None:
    async def main() -> None:
        async with Mta(tmp_path) as mta:
            text = b"From: a\nTo: b,  c@d\nBcc: x\n\nbody\n"
            message = mta.message("a@x", "b@x", content=text)
            message.session = Session(client_address="192.0.2.1", server_address="192.0.2.9")
            message.local = False
            entry = await accepted(mta, message)
            assert entry is not None and entry.message.content == b"From: a\nTo: b,  c@d\n\nbody\n"
            assert mta.log("cleanup")[-1] == f"{message.queue_id}: message-id=<>"
            mta.policy.site.remote_header_domain = "domain.invalid"
            again = mta.message("a@x", "b@x", content=text)
            again.session, again.local = message.session, False
            entry = await accepted(mta, again)
            assert entry is not None
            assert entry.message.content == b"From: a@domain.invalid\nTo: b@domain.invalid, c@d\n\nbody\n"

    drive(main())


def test_undisclosed_recipients(tmp_path: Path) -> None:
    async def main() -> None:
        async with Mta(tmp_path) as mta:
            mta.policy.site.undisclosed_recipients_header = "To: undisclosed-recipients:;"
            entry = await accepted(mta, mta.message("a@x", "b@x"))
            assert entry is not None and b"\nTo: undisclosed-recipients:;\n" in entry.message.content
            entry = await accepted(mta, mta.message("a@x", "b@x", content=b"Cc: a@b\n\nx\n"))
            assert entry is not None and b"undisclosed" not in entry.message.content

    drive(main())


def test_dates_name_the_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setenv("TZ", "America/St_Johns")
    time.tzset()
    assert date(1_795_355_705.0) == "Sun, 22 Nov 2026 10:25:05 -0330 (NST)"
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    assert date(0) == "Thu, 1 Jan 1970 00:00:00 +0000 (UTC)"


# Headers


@given(st.binary())
def test_taking_apart_and_joining_keeps_the_message(content: bytes) -> None:
    headers, rest = split_message(content)
    again, rest_again = split_message(join(headers, rest))
    assert [(h.name, h.raw) for h in again] == [(h.name, h.raw) for h in headers]
    assert rest_again.removeprefix(b"\n") == rest.removeprefix(b"\n")


VALUES = st.text(alphabet='ab "\\()<>@,;:.[]\t\n\u00e9\udc80', max_size=30)


async def complete(address: str) -> str:
    return address if "@" in address or not address else f"{address}@example.com"


@given(VALUES)
def test_no_value_is_too_odd(value: str) -> None:
    header = Header("To", f"To: {value}".encode("utf-8", "surrogateescape"))
    once = asyncio.run(rewrite(header, complete))
    assert once is header or (once.raw.startswith(b"To: ") and b"\n\n" not in once.raw)


@given(st.text(alphabet="ab ()<>,\n", max_size=30))
def test_what_was_rewritten_once_is_complete(value: str) -> None:
    once = asyncio.run(rewrite(Header("To", f"To: {value}".encode()), complete))
    assert asyncio.run(rewrite(once, complete)) is once


@given(st.text(alphabet="ab!#-\u00e9\udc80", min_size=1), VALUES)
def test_a_value_in_which_nothing_changes_stays(local: str, comment: str) -> None:
    seen: list[str] = []

    async def same(address: str) -> str:
        seen.append(address)
        return address

    inside = "".join(c for c in comment if c not in "()\\")
    assert asyncio.run(rewrite_value(f"{local}@example.com, ({inside}) y <b@c>", same)) is None
    assert seen == [f"{local}@example.com", "b@c"]


def test_the_beginning_of_a_clients_message() -> None:
    assert (
        guard(b"From me\n>From you\nSubject: x\n")
        == b"X-Mailbox-Line: From me\nX-Mailbox-Line: >From you\nSubject: x\n"
    )
    assert guard(b" folded\n") == b"\n folded\n"
    assert guard(b"Subject: x\nFrom y\n") == b"Subject: x\nFrom y\n"
    assert guard(b"From x") == b"X-Mailbox-Line: From x"
