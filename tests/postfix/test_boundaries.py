"""Where an answer of Postfix 3.7.11 turns into the other: the last value of one side and the first of the other."""

from __future__ import annotations

from pathlib import Path

import pytest
from dialogue import ClosedWorld, Dialogue, dns_fixtures, policy_of

from mailconf.files import Root
from mailconf.model.fileworld import FileWorld
from mailconf.model.inquiry import inquire
from mailconf.model.policy import AddressPlace, Role, Side
from mailconf.model.session import Session, Verified
from mailconf.model.verdict import DeliveryKind
from mailconf.model.world import Ask, run
from mailconf.postfix.policy.policy import PostfixPolicy

VIRTUAL = """\
compatibility_level = 3.6
mydestination =
virtual_mailbox_domains = vm.example
virtual_mailbox_base = /vmail
virtual_mailbox_maps = static:box/
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
"""
UNKNOWN = """\
compatibility_level = 3.6
myhostname = mail.example.com
mydestination = example.com
local_recipient_maps =
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
smtpd_recipient_restrictions = {restriction}
"""
ZONE = {
    "four.example": {"A": ["192.0.2.1"]},
    "six.example": {"AAAA": ["2001:db8::1"]},
    "mx.example": {"MX": ["10 four.example."]},
    "text.example": {"TXT": ['"x"']},
}


def site(top: Path, main_cf: str, master_cf: str) -> PostfixPolicy:
    (top / "etc").mkdir()
    (top / "etc/main.cf").write_text(main_cf)
    (top / "etc/master.cf").write_text(master_cf)
    policy, sink = policy_of(Path("/etc"), Root(top))
    assert not [str(d) for d in sink]
    return policy


@pytest.mark.parametrize(
    ("uid", "gid", "more", "delivered"),
    [
        ("99", "1", "", False),
        ("100", "1", "", True),
        ("101", "1", "", True),
        ("100", "0", "", False),
        ("500", "1", "virtual_minimum_uid = 501", False),
        ("501", "1", "virtual_minimum_uid = 501", True),
    ],
)
def test_virtual_minimum_uid(tmp_path: Path, uid: str, gid: str, more: str, delivered: bool) -> None:
    """postconf(5) virtual_minimum_uid, 100 by default; a group must be above 0."""
    main_cf = VIRTUAL.format(uid=uid, gid=gid) + more + "\n"
    policy = site(tmp_path, main_cf, "virtual unix - n n - - virtual\n")
    ask = Ask(FileWorld(Root(tmp_path)))
    [item] = run(policy.deliver(run(policy.resolve("a@vm.example", ask)), ask)).items
    if delivered:
        assert (item.kind, item.recipient.identity) == (DeliveryKind.MAILDIR, (int(uid), int(gid)))
    else:
        assert item.kind is DeliveryKind.ERROR
        assert str(item.reply) == "450 4.3.5 mail system configuration error"


@pytest.mark.parametrize(
    ("name", "known"),
    [("four.example", True), ("six.example", True), ("mx.example", True), ("text.example", False), ("no.test", False)],
)
@pytest.mark.parametrize(
    ("restriction", "helo", "sender", "recipient", "refusal"),
    [
        ("reject_unknown_sender_domain", "x.example", "a@{}", "b@example.com", "450 4.1.8 <a@{}>: Sender address"),
        ("reject_unknown_recipient_domain", "x.example", "", "b@{}", "450 4.1.2 <b@{}>: Recipient address"),
        ("reject_unknown_helo_hostname", "{}", "", "b@example.com", "450 4.7.1 <{}>: Helo command"),
    ],
)
def test_any_address_makes_a_domain_known(
    tmp_path: Path, restriction: str, helo: str, sender: str, recipient: str, refusal: str, name: str, known: bool
) -> None:
    """An MX, an A or an AAAA record: a domain with nothing but an IPv6 address is not refused."""
    policy = site(
        tmp_path, UNKNOWN.format(restriction=restriction), "smtp inet n - n - - smtpd\nsmtp unix - - n - - smtp\n"
    )
    world = ClosedWorld(Root(tmp_path), dns=dns_fixtures(ZONE))
    dialogue = Dialogue(policy, world)
    dialogue.command(f"EHLO {helo.format(name)}")
    assert dialogue.command(f"MAIL FROM:<{sender.format(name)}>").startswith("250")
    reply = dialogue.command(f"RCPT TO:<{recipient.format(name)}>")
    if known:
        assert reply.startswith("250"), reply
    else:
        assert reply.startswith(refusal.format(name) + " rejected: "), reply


def test_explain_asks_for_the_outgoing_addresses_by_their_sides(tmp_path: Path) -> None:
    """What a mailer puts into MAIL is a sender, into RCPT a recipient: a policy may rewrite them differently."""
    main_cf = UNKNOWN.format(restriction="permit")
    policy = site(tmp_path, main_cf, "smtp inet n - n - - smtpd\nsmtp unix - - n - - smtp\n")

    class Sided(PostfixPolicy):
        async def rewrite(self, address: str, role: Role, ask: Ask) -> str:
            if role.transport:
                return f"{role.transport} {role.place.value} {role.side.value} {address}"
            return await super().rewrite(address, role, ask)

    policy.__class__ = Sided
    session = Session(
        client_name=Verified.found("localhost"), reverse_name=Verified.found("localhost"), sender="a@here.example"
    )
    world = ClosedWorld(Root(tmp_path), dns=dns_fixtures(ZONE))
    [destination] = inquire(policy, world, session, ["b@far.example"]).destinations["b@far.example"]
    envelope = AddressPlace.ENVELOPE.value
    assert destination.outgoing == f"smtp {envelope} {Side.RECIPIENT.value} b@far.example"
    assert destination.outgoing_sender == f"smtp {envelope} {Side.SENDER.value} a@here.example"
