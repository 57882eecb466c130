"""What the real Postfix still knows after RSET, the end of a message, HELO and XCLIENT."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS / name) for name in ("live", "postfix")]

from forgotten_sessions import HOLDS, PARAMETERS, SESSIONS  # noqa: E402
from private_postfix import PrivatePostfix  # noqa: E402

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def postfix() -> Iterator[PrivatePostfix]:
    with tempfile.TemporaryDirectory() as name:
        top = Path(name)
        top.chmod(0o755)
        with PrivatePostfix(top) as running:
            yield running


@pytest.mark.parametrize("delay", ["yes", "no"])
def test_sessions(postfix: PrivatePostfix, delay: str) -> None:
    postfix.configure({**PARAMETERS, "smtpd_delay_reject": delay})
    for name, session in [(name, session) for of, name, session in SESSIONS if of == delay]:
        since = len(postfix.log_lines())
        client = postfix.client()
        try:
            replies = [client.command("foo\r\n." if command == "." else command) for command, _ in session]
        finally:
            client.close()
        expected = [start for _, start in session]
        assert [reply[: len(start)] for reply, start in zip(replies, expected, strict=True)] == expected, name
        if name == "HOLD is logged anew":
            assert _holds(postfix, since) == HOLDS


def _holds(postfix: PrivatePostfix, since: int) -> int:
    """How many have been logged when the session's end has been."""
    deadline = time.monotonic() + 20
    lines: list[str] = []
    while not any(line.startswith("postfix/smtpd: disconnect") for line in lines) and time.monotonic() < deadline:
        time.sleep(0.05)
        lines = postfix.log_lines(since)
    return len([line for line in lines if ": hold: " in line])
