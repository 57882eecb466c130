"""Runs a `mailconf.mta.server.Server` for tests: ``server_main.py TOP [BROKEN]``; prints the port it listens on.

The Policy is the fixture's; mail to alice@example.com is delivered to TOP/mail/alice. While the file BROKEN exists the
configuration is broken. ``TOP/name`` holds the host name. The log goes to standard error. The queue is that of several
machines which SHARED_QUEUE of the environment names, if it names one; then MAILBOX is alice's mailbox.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from mta_fixture import FakeWorld, make_site
from smtpd_fixture import OpenPolicy

from mailconf.files import Root
from mailconf.model.limits import Limits
from mailconf.model.recipient import Identity, Recipient
from mailconf.model.site import Setting
from mailconf.model.verdict import Delivery, DeliveryKind
from mailconf.mta.log import Log
from mailconf.mta.resolver import Resolver
from mailconf.mta.server import BrokenConfiguration, Policies, Server, run
from tests.personality import PERSONALITY

TOP = Path(sys.argv[1])
BROKEN = TOP / "broken"


def compile() -> Policies:
    if BROKEN.exists():
        raise BrokenConfiguration("main.cf:1:1: error: something is wrong [PF001]")
    site = make_site(TOP / "queue")
    site.hostname = Setting((TOP / "name").read_text().strip())
    site.limits = Limits(connections=0, connections_per_client=0, error_sleep=0.0)
    mailbox = os.environ.get("MAILBOX", str(TOP / "mail/alice"))
    alice = Recipient("alice@example.com", identity=Identity(os.getuid(), os.getgid()))
    delivery = Delivery(DeliveryKind.MBOX, mailbox, alice)
    return Policies(OpenPolicy(site, deliveries={"alice@example.com": (delivery,)}), PERSONALITY)


def ready(addresses: list[tuple[str, int, str]]) -> None:
    print(addresses[0][1], flush=True)


if __name__ == "__main__":
    run(
        Server(
            compile,
            FakeWorld,
            [("127.0.0.1", 0, "smtp")],
            log=Log(),
            root=Root(),
            resolver=Resolver(hosts=None),
            ready=ready,
            shared=os.environ.get("SHARED_QUEUE", ""),
        )
    )
