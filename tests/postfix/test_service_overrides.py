"""What ``-o`` sets for a service of master.cf that delivers wins for that service, as in Postfix 3.7.11."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailconf.diagnostics import Sink
from mailconf.files import Root
from mailconf.model.fileworld import FileWorld
from mailconf.model.inquiry import inquire
from mailconf.model.session import Session
from mailconf.postfix.policy.policy import PostfixPolicy, compile_policy
from mailconf.postfix.settings.configuration import Configuration

MAIN = """\
compatibility_level = 3.6
myhostname = mail.here.example
mydestination =
myorigin = here.example
smtp_generic_maps = inline:{{joe@here.example=common@common.example}}
alias_maps = inline:{{ann=plain@common.example}}
virtual_mailbox_base = /var/mail/common
virtual_mailbox_domains = boxes.example
virtual_mailbox_maps = static:box
virtual_uid_maps = static:5000
virtual_gid_maps = static:5000
mailbox_size_limit = 1000
virtual_mailbox_limit = 1000
"""
SERVICES = {
    "common": "smtp",
    "own": "smtp -o { smtp_generic_maps = inline:{{joe@here.example=own@own.example}} } -o smtp_helo_name=helo.example",
    "none": "smtp -o smtp_generic_maps=",
    "renamed": "smtp -o myhostname=renamed.example -o smtp_connect_timeout=7",
    "lists": "local -o { alias_maps = inline:{{ann=forwarded@common.example}} } -o mailbox_size_limit=2000",
    "plain": "local",
    "boxes": "virtual -o virtual_mailbox_base=/var/mail/own",
}


@pytest.fixture
def policy(tmp_path: Path) -> PostfixPolicy:
    routes = ", ".join(f"{{{name}.example={name}:[192.0.2.1]}}" for name in SERVICES)
    (tmp_path / "main.cf").write_text(f"{MAIN}transport_maps = inline:{{{routes}}}\n")
    lines = "".join(f"{name} unix - n n - - {arguments}\n" for name, arguments in SERVICES.items())
    (tmp_path / "master.cf").write_text(f"smtp inet n - n - - smtpd\n{lines}")
    sink = Sink()
    found = compile_policy(Configuration.load(str(tmp_path), sink), sink)
    assert not sink.failed
    return found


@pytest.mark.parametrize(
    ("transport", "sender"),
    [
        ("common", "common@common.example"),
        ("own", "own@own.example"),
        ("none", "joe@here.example"),
        ("renamed", "common@common.example"),
    ],
)
def test_outgoing_addresses(policy: PostfixPolicy, transport: str, sender: str) -> None:
    recipient = f"ann@{transport}.example"
    inquiry = inquire(policy, FileWorld(Root()), Session(sender="joe@here.example"), [recipient])
    assert [destination.outgoing_sender for destination in inquiry.destinations[recipient]] == [sender]


@pytest.mark.parametrize(
    ("transport", "target"),
    [
        ("lists", "forwarded@common.example"),
        ("plain", "plain@common.example"),
        ("boxes", "/var/mail/own/box"),
    ],
)
def test_deliveries(policy: PostfixPolicy, transport: str, target: str) -> None:
    recipient = f"ann@{transport}.example"
    inquiry = inquire(policy, FileWorld(Root()), Session(sender="joe@here.example"), [recipient])
    [destination] = inquiry.destinations[recipient]
    assert [delivery.target for delivery in destination.deliveries] == [target]


def test_names_and_limits(policy: PostfixPolicy) -> None:
    site = policy.site
    names = ("common", "own", "none", "renamed")
    assert {name: site.client_name(name) for name in names} == {
        "common": "mail.here.example",
        "own": "helo.example",
        "none": "mail.here.example",
        "renamed": "renamed.example",
    }
    assert site.hop_times("renamed").connect == 7 != site.hop_times("common").connect
    assert (site.limits_of("lists").mailbox_size, site.limits_of("plain").mailbox_size) == (2000, 1000)
