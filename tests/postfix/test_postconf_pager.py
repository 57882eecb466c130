"""postconf pages long answers on a terminal, as git does, and only there."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from pathlib import Path

ROOT = Path(__file__).parents[2]
SITE = str(ROOT / "examples/postfix/etc/postfix")


def on_a_terminal(*arguments: str, rows: int = 24, **environment: str) -> str:
    """What ``postconf`` shows on a terminal of so many rows."""
    terminal, its_side = pty.openpty()
    fcntl.ioctl(its_side, termios.TIOCSWINSZ, struct.pack("HHHH", rows, 80, 0, 0))
    inherited = {name: value for name, value in os.environ.items() if name not in ("LESS", "PAGER")}
    command = [sys.executable, "-m", "mailconf", "postconf", "-c", SITE, *arguments]
    with subprocess.Popen(
        command, stdin=its_side, stdout=its_side, stderr=its_side, env={**inherited, **environment}, cwd=ROOT
    ) as process:
        os.close(its_side)
        shown = b""
        while True:
            try:
                data = os.read(terminal, 65536)
            except OSError:  # nobody has the other side any more
                break
            if not data:
                break
            shown += data
        process.wait()
    os.close(terminal)
    return shown.decode().replace("\r\n", "\n")


def test_a_long_answer_goes_through_the_pager() -> None:
    assert on_a_terminal("-d", PAGER="sed -n 1p") == "2bounce_notice_recipient = postmaster\n"
    assert on_a_terminal("-d", PAGER='echo "$LESS"; cat >/dev/null') == "FRX\n"
    assert on_a_terminal("-d", PAGER='echo "$LESS"; cat >/dev/null', LESS="S") == "S\n"


def test_a_short_answer_does_not() -> None:
    assert on_a_terminal("-h", "myorigin", PAGER="echo paged") == "$mydomain\n"
    assert on_a_terminal("-h", "myorigin", "mydomain", PAGER="echo paged; cat", rows=2).startswith("paged\n")


def test_no_pager_or_none_that_works() -> None:
    for pager in ("", "cat"):
        assert on_a_terminal("-d", PAGER=pager).startswith("2bounce_notice_recipient = postmaster\n")
    shown = on_a_terminal("-d", PAGER="/nonexistent/pager")
    assert "\n2bounce_notice_recipient = postmaster\n" in shown


def test_a_pipe_is_not_paged() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mailconf", "postconf", "-c", SITE, "-d"],
        capture_output=True,
        env={**os.environ, "PAGER": "echo paged"},
        check=True,
        cwd=ROOT,
    )
    assert done.stdout.startswith(b"2bounce_notice_recipient = postmaster\n")
