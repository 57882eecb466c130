"""Clients that do not wait for replies: reject_unauth_pipelining and the log, ours beside the real Postfix's."""

from __future__ import annotations

import re
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from private_postfix import Client
from site_postfix import SitePostfix, set_up

sys.path.insert(0, str(Path(__file__).parent.parent / "cli"))

from served_fixture import Served, serving

pytestmark = pytest.mark.live

MAIL, RCPT, TEXT = "MAIL FROM:<carol@example.edu>", "RCPT TO:<info@example.org>", "Subject: t\r\n\r\nx\r\n."
REST = [[MAIL], [RCPT], ["DATA"]]
DIALOGUES = {
    "as it should be": [["EHLO x.example"], [MAIL, RCPT, "DATA"], [TEXT, MAIL, RCPT], ["DATA"], [TEXT, "QUIT"]],
    "after EHLO": [["EHLO x.example", MAIL, RCPT, "DATA"]],
    "after EHLO, long before": [["EHLO x.example", "NOOP"], ["EHLO x.example"], *REST],
    "in SMTP": [["HELO x.example"], [MAIL, RCPT], ["DATA"]],
    "RSET in SMTP": [["HELO x.example"], ["RSET", "NOOP"], *REST],
    "RSET in ESMTP": [["EHLO x.example"], ["RSET", "NOOP"], *REST],
    "after DATA": [["EHLO x.example"], [MAIL], [RCPT], ["DATA", "."]],
    "after NOOP": [["EHLO x.example"], ["NOOP", "NOOP \xe9\t\\ \x01" + "y" * 200], *REST],
    "after VRFY": [["EHLO x.example"], ["VRFY bob@example.com", MAIL], [RCPT], ["DATA"]],
    "after an unknown command": [["EHLO x.example"], ["FOO", "NOOP"], *REST],
    "after a syntax error": [["HELO x.example"], ["MAIL FROM:<", "NOOP"], *REST],
    "with chunks": [["EHLO x.example"], [MAIL, RCPT, "BDAT 2 LAST\r\n", "NOOP"], *REST],
    "chunks in SMTP": [["HELO x.example"], [MAIL], [RCPT], ["BDAT 2 LAST\r\n", "NOOP"], *REST],
    "ETRN": [["EHLO x.example"], ["ETRN x.example", "NOOP"], *REST],
    "XCLIENT": [["XCLIENT ADDR=203.0.113.9", "EHLO x.example"], *REST],
    "XCLIENT as ESMTP": [["XCLIENT ADDR=203.0.113.9 PROTO=ESMTP HELO=x.example"], [MAIL, RCPT, "DATA"]],
}


@pytest.fixture(scope="module", params=["smtpd_data_restrictions", "smtpd_client_restrictions"])
def pair(request: pytest.FixtureRequest) -> Iterator[tuple[SitePostfix, Served]]:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        root.chmod(0o755)
        set_up(root)
        with (root / "etc/postfix/main.cf").open("a") as file:
            file.write(f"{request.param} = reject_unauth_pipelining\n")
        with SitePostfix(root, build=False) as postfix, serving(root, limit=300) as served:
            yield postfix, served


def played(port: int, steps: list[list[str]]) -> list[str]:
    client = Client(port)
    replies = []
    for step in steps:
        replies.append(client.command("\r\n".join(step)))
        replies += [client.reply() for _ in step[1:]]
    client.close()
    return [re.sub(r"queued as \w+", "queued as ID", reply) for reply in replies]


@pytest.mark.parametrize("name", DIALOGUES)
def test_replies_and_log(pair: tuple[SitePostfix, Served], name: str) -> None:
    postfix, served = pair
    since = postfix.log.stat().st_size
    before = len(served.log)
    assert played(served.port, DIALOGUES[name]) == played(postfix.port, DIALOGUES[name])
    served.wait_for("disconnect from")
    deadline = time.monotonic() + 20
    while not any("disconnect from" in line for line in postfix.log_lines(since)):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    found = [
        [line[line.index("improper") :] for line in lines if "improper command" in line]
        for lines in (served.log[before:], postfix.log_lines(since))
    ]
    assert found[0] == found[1]
