"""The header fields that a delivery puts on top: local(8), virtual(8)."""

from __future__ import annotations

from pathlib import Path

import pytest
from dialogue import policy_of

from mailconf.files import Root
from mailconf.model.fileworld import FileWorld
from mailconf.model.recipient import Recipient
from mailconf.model.world import Ask, run

MAIN = """\
myhostname = here.example
mydestination = here.example
virtual_mailbox_domains = vm.example
virtual_mailbox_base = /boxes
virtual_mailbox_maps = inline:{ a@vm.example=a/ }
virtual_uid_maps = static:1000
virtual_gid_maps = static:1000
alias_maps = inline:{ { list = far@else.example, /var/mail/archive }, owner-list=joe }
"""
MASTER = "local unix - n n - - local\nvirtual unix - n n - - virtual\nsmtp unix - - n - - smtp\n"


@pytest.mark.parametrize(
    ("address", "original", "headers"),
    [
        (
            "a@vm.example",
            "A@alias.example",
            [("Return-Path: <s@far.example>", "X-Original-To: A@alias.example", "Delivered-To: a@vm.example")],
        ),
        (
            "list@here.example",
            "",
            [  # sent anew, and from the list's owner
                ("Delivered-To: list@here.example",),
                (
                    "Return-Path: <owner-list@here.example>",
                    "X-Original-To: list@here.example",
                    "Delivered-To: list@here.example",
                ),
            ],
        ),
        ("nobody-of-this-name@here.example", "", [()]),
    ],
)
def test_headers(address: str, original: str, headers: list[tuple[str, ...]], tmp_path: Path) -> None:
    (tmp_path / "main.cf").write_text(MAIN)
    (tmp_path / "master.cf").write_text(MASTER)
    policy, world = policy_of(tmp_path)[0], FileWorld(Root())
    route = run(policy.resolve(address, Ask(world)))
    question = policy.deliver(route, Ask(world), sender="s@far.example", recipient=Recipient(address, original))
    assert [item.headers for item in run(question).items] == headers


def test_without_a_message(tmp_path: Path) -> None:
    """explain has no recipient but the route's, and the null sender has its own form."""
    (tmp_path / "main.cf").write_text(MAIN)
    (tmp_path / "master.cf").write_text(MASTER)
    policy, world = policy_of(tmp_path)[0], FileWorld(Root())
    [item] = run(policy.deliver(run(policy.resolve("a@vm.example", Ask(world))), Ask(world))).items
    assert item.headers == ("Return-Path: <>", "X-Original-To: a@vm.example", "Delivered-To: a@vm.example")
