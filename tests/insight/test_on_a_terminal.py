"""`mailconf test` on a terminal: a bar while it takes time, which is gone in the end, and colours."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import threading
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
CASES = 3_000


def on_a_terminal(file: Path, *, output: bool) -> tuple[str, str]:
    """What is drawn on the terminal that is standard error, with ``output`` standard output too; and what is piped."""
    master, slave = pty.openpty()
    drawn = bytearray()

    def read() -> None:
        while True:
            try:
                data = os.read(master, 65536)
            except OSError:  # nobody has the terminal any more
                return
            if not data:
                return
            drawn.extend(data)

    reader = threading.Thread(target=read)
    reader.start()
    environment = {**os.environ, "PYTHONPATH": str(TOP), "TERM": "xterm", "COLUMNS": "100"}
    for name in ("NO_COLOR", "FORCE_COLOR", "CI"):
        environment.pop(name, None)
    done = subprocess.run(
        [sys.executable, "-m", "mailconf", "test", str(file)],
        stdout=slave if output else subprocess.PIPE,
        stderr=slave,
        env=environment,
        check=False,
    )
    os.close(slave)
    reader.join()
    os.close(master)
    assert done.returncode == 0, drawn.decode()
    return drawn.decode(), (done.stdout or b"").decode()


def test_a_bar_is_drawn_and_cleared(tmp_path: Path) -> None:
    file = tmp_path / "a.test.yaml"
    rows = "".join(f"      u{number}@else.test    554\n" for number in range(CASES))
    file.write_text(f"site: {TOP}/examples/postfix/etc/postfix\ncases:\n  - table: |\n{rows}")
    drawn, piped = on_a_terminal(file, output=False)
    assert re.search(r"testing.*\d+%.*[\d,]+ cases", drawn), drawn[:500]
    assert drawn.rstrip().endswith(("\x1b[2K", "\x1b[?25h")) or "\x1b[2K" in drawn[-40:], drawn[-80:]
    assert piped == f"{CASES} cases: {CASES} passed\n"


def test_a_summary_is_coloured_and_has_the_time(tmp_path: Path) -> None:
    file = tmp_path / "a.test.yaml"
    file.write_text(f"site: {TOP}/examples/postfix/etc/postfix\ncases:\n  - {{to: x@else.test, reply: 554}}\n")
    drawn, _ = on_a_terminal(file, output=True)
    assert re.search(r"\x1b\[1;32m1 case: 1 passed in \d+\.\d\d s\x1b\[0m", drawn), drawn
    assert "testing" not in drawn
