"""Nothing is relayed that the real Postfix does not relay: the recipients of relaying.py, asked of both.

What both accept has to be the same recipient in both queues. A sample of the recipients is asked, all of them with
``RELAYING=all`` in the environment (`make proof`); their number is printed.
"""

from __future__ import annotations

import os
import random
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from private_postfix import Client
from relaying import ADDRESSES, CLIENTS, SITES, recipients
from site_postfix import SitePostfix, set_up

sys.path.insert(0, str(Path(__file__).parent.parent / "cli"))

from served_fixture import Served, serving
from site_fixture import mailconf

pytestmark = pytest.mark.live

EACH = 250  # recipients that are asked of a site by each client
AT_ONCE = 50
SETTINGS = {"defer_transports": "local, virtual, relay, smtp", "always_bcc": ""}


@pytest.fixture(scope="module", params=SITES)
def pair(request: pytest.FixtureRequest) -> Iterator[tuple[str, SitePostfix, Served]]:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        root.chmod(0o755)
        set_up(root)
        with (root / "etc/postfix/main.cf").open("a") as file:
            file.writelines(f"{key} = {value}\n" for key, value in {**SETTINGS, **SITES[request.param]}.items())
        mailconf("build", "--root", str(root), "/etc/postfix")
        with SitePostfix(root, build=False) as postfix, serving(root, limit=600) as served:
            yield request.param, postfix, served


def chosen(site: str) -> list[str]:
    """Some of each class, the same ones each time; the site's name makes others."""
    known = recipients()
    if os.environ.get("RELAYING") == "all":
        return list(known.values())
    dice = random.Random(f"relaying {site}")
    found = []
    for class_name in ADDRESSES:
        names = [name for name in known if name.startswith(f"{class_name}, ")]
        found += [known[name] for name in dice.sample(names, EACH // len(ADDRESSES))]
    return found


def said(port: int, client: tuple[str, str], asked: list[str]) -> list[str]:
    """The replies to the recipients; a message goes to those that are accepted."""
    replies: list[str] = []
    for some in groups(asked):
        peer = Client(port)
        for line in ("EHLO c.example", "XCLIENT NAME={} ADDR={}".format(*client), "EHLO c.example"):
            assert peer.command(line)[:1] == "2"
        first = peer.command("\r\n".join(["MAIL FROM:<s@sender.example>", *(f"RCPT TO:<{each}>" for each in some)]))
        assert first.startswith("250")
        answers = [peer.reply() for _ in some]
        replies += answers
        if any(answer.startswith("250") for answer in answers):
            assert peer.command("DATA").startswith("354")
            assert peer.command("Subject: x\r\n\r\nx\r\n.").startswith("250")
        assert peer.command("QUIT").startswith("221")
        peer.close()
    return replies


def queued(lines: list[str]) -> set[tuple[str, str]]:
    """Recipients in the queue, with those that they were accepted as; small letters, since one of two recipients that
    differ in them alone is dropped. Postfix keeps both where one of them was quoted by the client and the other not.
    """
    found = (re.search(r" to=<(.*?)>,(?: orig_to=<(.*?)>,)? relay=", line) for line in lines)
    return {(match[1].lower(), (match[2] or match[1]).lower()) for match in found if match}


def test_what_is_accepted(pair: tuple[str, SitePostfix, Served]) -> None:
    site, postfix, served = pair
    asked = chosen(site)
    different: list[tuple[str, ...]] = []
    accepted = 0
    for client in CLIENTS:
        since, before = postfix.log.stat().st_size, len(served.log)
        theirs, ours = (said(port, client, asked) for port in (postfix.port, served.port))
        different += [(client[1], *row) for row in zip(asked, theirs, ours, strict=True) if row[1] != row[2]]
        accepted += sum(reply.startswith("250") for reply in theirs)
        count = sum(reply.startswith("250") for reply in theirs)
        if count:
            messages = sum(any(reply.startswith("250") for reply in some) for some in groups(theirs))
            wait_until(postfix, since, served, before, messages)
            real, own = queued(postfix.log_lines(since)), queued(served.log[before:])
            different += [(client[1], *each, "is in one queue alone") for each in real ^ own]
        postfix.drop_queue()
    print(f"{site}: {len(asked)} recipients of {len(CLIENTS)} clients, {accepted} accepted")
    assert different == []
    assert len(asked) >= 240 and accepted > 0


def groups(all_of_them: list[str]) -> Iterator[list[str]]:
    """Those of each message."""
    for at in range(0, len(all_of_them), AT_ONCE):
        yield all_of_them[at : at + AT_ONCE]


def wait_until(postfix: SitePostfix, since: int, served: Served, before: int, messages: int) -> None:
    """Both have attempted what they accepted."""

    def is_done(lines: list[str]) -> bool:
        begun = {match[1] for line in lines if (match := re.search(r"(\w+): client=", line))}
        if len(begun) < messages:
            return False
        for line in lines:
            if (match := re.search(r"(\w+): from=<.*nrcpt=(\d+) \(queue active\)", line)) and match[1] in begun:
                done = sum(f"{match[1]}: to=<" in each for each in lines)
                if done >= int(match[2]):
                    begun.discard(match[1])
        return not begun

    deadline = time.monotonic() + 60
    while not (is_done(postfix.log_lines(since)) and is_done(served.log[before:])):
        assert time.monotonic() < deadline, "something was not attempted"
        time.sleep(0.05)
