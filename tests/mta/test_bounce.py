"""Who is told of what; the reports' form is compared with recorded ones in test_mailbox_vectors.py."""

from __future__ import annotations

import asyncio
import email
import email.policy
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mta_fixture import Mta

from mailconf.model.verdict import Delivery, DeliveryKind
from mailconf.mta.bounce import wanted
from mailconf.mta.message import Recipient
from mailconf.mta.reports_postfix import wrap


def drive(main: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(main, 30))


def report(mta: Mta, user: str = "alice") -> email.message.EmailMessage:
    """The message that stands first in the user's mailbox, which must hold nothing else."""
    text = (mta.manager.workers.root.top / "mail" / user).read_bytes()
    assert text.count(b"\nFrom ") == 0 and text.startswith(b"From ")
    found = email.message_from_bytes(text.partition(b"\n")[2], policy=email.policy.default)
    assert isinstance(found, email.message.EmailMessage)
    return found


def with_alice(mta: Mta) -> None:
    for name in ("alice@example.com", "postmaster@example.com"):
        mta.policy.deliveries[name] = (Delivery(DeliveryKind.MBOX, f"/mail/{name.partition('@')[0]}", Recipient(name)),)


def test_a_remote_servers_words_reach_the_sender(tmp_path: Path) -> None:
    async def main() -> None:
        async with Mta(tmp_path) as mta:
            with_alice(mta)
            mta.smtp.answers["bad@far.test"] = ("5.1.1", "no such user here")
            await mta.send("alice@example.com", "bad@far.test")
            message = report(mta)
            assert message.get_content_type() == "multipart/report" and message["From"].addresses[0].domain
            words, status, original = message.iter_parts()
            assert "<bad@far.test>: no such user here" in words.get_content()
            text = status.as_string()
            assert "Remote-MTA: dns; mx.test\n" in text
            assert "Diagnostic-Code: smtp; 550 5.1.1 no such user here" in text
            assert original.get_content_type() == "message/rfc822"

    drive(main())


def test_the_null_sender_is_told_nothing(tmp_path: Path) -> None:
    async def main() -> None:
        async with Mta(tmp_path) as mta:
            with_alice(mta)
            mta.smtp.answers["bad@far.test"] = ("5.1.1", "no")
            await mta.send("", "bad@far.test")
            assert mta.log("bounce") == [] and not (tmp_path / "mail").exists()

    drive(main())


def test_the_postmaster_is_told_of_double_bounces_on_request(tmp_path: Path) -> None:
    async def main() -> None:
        async with Mta(tmp_path) as mta:
            with_alice(mta)
            mta.policy.site.notify_classes = ("2bounce",)
            mta.smtp.answers["bad@far.test"] = ("5.1.1", "no")
            queue_id = await mta.send("", "bad@far.test")
            assert mta.log("bounce")[0].startswith(f"{queue_id}: postmaster non-delivery notification: ")
            message = report(mta, "postmaster")
            assert message["Return-Path"] == "<double-bounce@mail.example.com>"
            assert message["Subject"] == "Postmaster Copy: Undelivered Mail"
            assert message["Auto-Submitted"] == "auto-generated"
            mta.policy.deliveries.clear()
            await mta.send("double-bounce@mail.example.com", "postmaster@example.com")
            assert mta.log("bounce")[-1].endswith("undeliverable postmaster notification discarded")

    drive(main())


def test_a_delay_is_reported_once(tmp_path: Path) -> None:
    async def main() -> None:
        async with Mta(tmp_path) as mta:
            with_alice(mta)
            mta.policy.site.limits = mta.policy.site.limits._replace(delay_warning=3600.0)
            mta.smtp.answers["slow@far.test"] = ("4.4.1", "timed out")
            mta.smtp.answers["quiet@far.test"] = ("4.4.1", "timed out")
            await mta.send("alice@example.com", "slow@far.test", Recipient("quiet@far.test", notify="FAILURE"))
            for _ in range(40):
                await mta.advance(300)
            message = report(mta)
            assert message["Subject"] == "Delayed Mail (still being retried)"
            words, status, _ = message.iter_parts()
            assert "for more than 1 hour(s)" in words.get_content()
            assert "quiet" not in words.get_content()
            assert "Action: delayed" in status.as_string() and "Will-Retry-Until: " in status.as_string()

    drive(main())


def test_an_expired_message_is_reported_with_its_last_reason(tmp_path: Path) -> None:
    async def main() -> None:
        async with Mta(tmp_path) as mta:
            with_alice(mta)
            mta.policy.site.limits = mta.policy.site.limits._replace(queue_lifetime=200.0)
            mta.smtp.answers["slow@far.test"] = ("4.4.1", "timed out")
            await mta.send("alice@example.com", "slow@far.test")
            await mta.advance(300)
            words, status, _ = report(mta).iter_parts()
            assert "<slow@far.test>: timed out" in words.get_content()
            assert "Action: failed\nStatus: 4.4.1" in status.as_string()

    drive(main())


@pytest.mark.parametrize(
    ("notify", "told"),
    [("", "FAILURE DELAY"), ("NEVER", ""), ("SUCCESS", "SUCCESS"), ("failure,success", "FAILURE SUCCESS")],
)
def test_notify(notify: str, told: str) -> None:
    recipient = Recipient("a@b", notify=notify)
    words = ("FAILURE", "DELAY", "SUCCESS")
    assert [word for word in words if wanted(recipient, word)] == [word for word in words if word in told.split()]


@given(st.text(alphabet="ab  ", max_size=400))
def test_wrapping_keeps_the_words(text: str) -> None:
    lines = wrap(text).split("\n")
    assert " ".join(lines).split() == text.split()
    assert all(len(line) <= 79 or len(line.split()) == 1 for line in lines)
