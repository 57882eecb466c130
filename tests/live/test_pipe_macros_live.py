"""Macros in the command of a pipe(8) service, given to the real daemon: what it does with each, CK092 says."""

from __future__ import annotations

import time
from collections.abc import Iterator

import private_postfix
import pytest
from private_postfix import PrivatePostfix

from tests.vectors.pipe_macros import CASES

pytestmark = pytest.mark.live

NAMES = {words: f"t{number}" for number, words in enumerate(CASES)}


@pytest.fixture(scope="module")
def postfix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivatePostfix]:
    lines = "".join(
        f"{name} unix - n n - 1 pipe user=nobody argv=/bin/sh -c true {words}\n" for words, name in NAMES.items()
    )
    with pytest.MonkeyPatch.context() as patch:
        escaped = lines.replace("{", "{{").replace("}", "}}")
        patch.setattr(private_postfix, "MASTER", private_postfix.MASTER + escaped)
        for name, value in {
            "relay_domains": "static:all",
            "mynetworks": "127.0.0.0/8",
            "smtpd_relay_restrictions": "permit_mynetworks, reject",
            "transport_maps": "inline:{" + " ".join(f"{{{name}.test={name}:}}" for name in NAMES.values()) + "}",
        }.items():
            patch.setitem(private_postfix.BASE, name, value)
        with PrivatePostfix(tmp_path_factory.mktemp("macros")) as postfix:
            yield postfix


@pytest.mark.parametrize("words", CASES)
def test_the_daemon_does_what_is_recorded(postfix: PrivatePostfix, words: str) -> None:
    name, log = NAMES[words], postfix.top / "log"
    client = postfix.client()
    for command in ("EHLO x", "MAIL FROM:<>", f"RCPT TO:<u@{name}.test>", "DATA", "Subject: x\r\n\r\n."):
        client.command(command)
    client.close()
    deadline = time.monotonic() + 20
    while not (said := [line for line in log.read_text().splitlines() if is_about(line, name)]):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert CASES[words] in said[0]


def is_about(line: str, name: str) -> bool:
    """Whether pipe(8) reports a delivery of the service ``name``, or why it ends."""
    return "postfix/pipe[" in line and ("fatal:" in line or f"@{name}.test>" in line)
