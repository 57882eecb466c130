"""The place of the network by which mynetworks has a client, in main.cf and in files that it names."""

from __future__ import annotations

import pytest

from mailconf.diagnostics import Sink
from mailconf.files import Memory
from mailconf.model.fileworld import FileWorld
from mailconf.model.inquiry import inquire
from mailconf.model.session import Session
from mailconf.postfix.policy.policy import compile_policy
from mailconf.postfix.settings.configuration import Configuration

MAIN = """myhostname = mail.example.com
mydestination = example.com
office = 198.51.100.0/24
mynetworks = 127.0.0.0/8
    # the office
    !192.0.2.9 192.0.2.0/24, [2001:DB8::]/32
    /etc/postfix/networks $office
    texthash:/etc/postfix/more
smtpd_relay_restrictions = permit_mynetworks, reject
"""
FILES = {
    "networks": "# 203.0.113.7\n\n203.0.113.0/28\n10.0.0.1 # 10.0.0.2\n/etc/postfix/deeper\n",
    "deeper": "172.16.0.0/12\n",
    "more": "203.0.113.200 x\n198.51.100.7 x\n",
}


@pytest.mark.parametrize(
    ("address", "network", "place"),
    [
        ("127.0.0.1", "127.0.0.0/8", "main.cf:4"),
        ("192.0.2.7", "192.0.2.0/24", "main.cf:6"),
        ("192.0.2.9", None, ""),
        ("2001:db8::7", "[2001:db8::]/32", "main.cf:6"),
        ("203.0.113.5", "203.0.113.0/28", "networks:3"),
        ("10.0.0.1", "10.0.0.1", "networks:4"),
        ("10.0.0.2", None, ""),
        ("172.16.3.4", "172.16.0.0/12", "deeper:1"),
        ("198.51.100.7", "198.51.100.0/24", "main.cf:4"),
        ("203.0.113.200", "texthash:/etc/postfix/more", "main.cf:8"),
    ],
)
def test_the_network_that_has_a_client(address: str, network: str | None, place: str) -> None:
    files = {f"/etc/postfix/{name}": text for name, text in FILES.items()}
    tree = Memory({"/etc/postfix/main.cf": MAIN, "/etc/postfix/master.cf": "", **files})
    sink = Sink()
    policy = compile_policy(Configuration.load("/etc/postfix", sink, tree), sink, None)
    inquiry = inquire(policy, FileWorld(tree), Session(client_address=address), ["x@far.test"])
    found = [step for answered in inquiry.steps for _, step in answered.verdict.trace.walk()]
    networks = [(step.detail, step.result, str(step.span)) for step in found if step.subject == "mynetworks"]
    assert networks == ([(address, network, f"/etc/postfix/{place}")] if network else [])
