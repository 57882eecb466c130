"""Without room on the disk of the queue no message is taken (postconf(5) queue_minfree; Postfix 3.7.11).

There were 68,466,823,168 bytes free when these replies were recorded; ``of`` is a part of that.
"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from conversation import Conversation, policy_of

FREE = 68_466_823_168
SITE = {"compatibility_level": "3.6", "myhostname": "mail.example.com", "mydestination": "", "inet_protocols": "ipv4"}
FULL = "452 4.3.1 Insufficient system storage"
TOO_BIG = "552 5.3.4 Message size exceeds fixed limit"
OK = "250 2.1.0 Ok"


def of(part: float) -> str:
    return str(int(FREE * part))


@pytest.mark.parametrize(
    ("settings", "command", "reply"),
    [
        ({"queue_minfree": "1000000000000000"}, "MAIL FROM:<a@b.example>", FULL),
        ({"queue_minfree": "1000000000000000", "message_size_limit": "0"}, "MAIL FROM:<>", FULL),
        ({"message_size_limit": of(0.8)}, "MAIL FROM:<a@b.example>", FULL),
        ({"message_size_limit": of(0.8)}, f"MAIL FROM:<a@b.example> SIZE={of(0.6)}", FULL),
        ({"message_size_limit": of(0.5)}, "MAIL FROM:<a@b.example>", OK),
        ({"message_size_limit": of(0.5)}, f"MAIL FROM:<a@b.example> SIZE={of(0.6)}", TOO_BIG),
        ({"message_size_limit": "0"}, f"MAIL FROM:<a@b.example> SIZE={of(2)}", OK),
        ({}, "MAIL FROM:<a@b.example>", OK),
    ],
)
def test_as_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], command: str, reply: str
) -> None:
    asked = []

    def statvfs(path: str) -> SimpleNamespace:
        asked.append(str(path))
        return SimpleNamespace(f_bavail=FREE // 512, f_frsize=512)

    monkeypatch.setattr("os.statvfs", statvfs)
    ours = Conversation(policy_of(tmp_path, {**SITE, "queue_directory": str(tmp_path / "queue"), **settings}))
    ours.start()
    ours.feed(b"EHLO x\r\n")
    assert ours.feed(f"{command}\r\n".encode()) == f"{reply}\r\n"
    assert asked in ([str(tmp_path / "queue")], []) and bool(asked) == (
        settings.get("message_size_limit") != "0" or reply == FULL
    )
    assert ours.feed(b"VRFY x@y.example\r\n").startswith("252")
    told = [line for line in ours.log if "reject: MAIL" in line or "not enough" in line]
    if reply == FULL:
        assert told == [
            f"NOQUEUE: reject: MAIL from unknown[127.0.0.1]: {FULL}; proto=ESMTP helo=<x>",
            f"warning: not enough free space in mail queue: {FREE // 512 * 512} bytes < 1.5*message size limit",
        ]


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    ours = Conversation(policy_of(tmp_path, {**SITE, "queue_directory": str(tmp_path / "none"), "queue_minfree": "1"}))
    ours.start()
    ours.feed(b"EHLO x\r\n")
    assert ours.feed(b"MAIL FROM:<>\r\n").startswith("250")
