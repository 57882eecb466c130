"""Runs within the machine that `record_sendmail_speakers` makes: `sendmail_mailers_driver`, with somebody who speaks
LMTP and SMTP at a socket and at a port. The standard library alone is imported.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import socketserver
import sys
import threading
import time
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parent))

import sendmail_mailers_driver as driver
import sendmail_speaker

SOCKET, PORT = "/run/lmtp", 2424
_LINGERING = 5.0  # seconds that a program has to end
_numbers = itertools.count(1)
_talking = threading.Lock()


class Talk(socketserver.StreamRequestHandler):
    """A client of a socket."""

    def handle(self) -> None:
        with _talking:
            self._talk()

    def _talk(self) -> None:
        said: list[str] = []
        try:
            sendmail_speaker.talk("ok", self.rfile, self.wfile, said)
        except OSError as failure:
            said.append(type(failure).__name__)
        number = 10_000_000 + next(_numbers)
        for kind, text in {"argv": "\0socket\0", "env": "", "umask": "", "nice": "", "stdin": "\n".join(said)}.items():
            Path(driver.OUT, f"{number}.{kind}").write_text(text, encoding="latin-1")
        Path(driver.OUT, f"{number}.status").write_text("Uid:\t0\t0\nGid:\t0\t0\nGroups:\t\n")
        Path(driver.OUT, f"{number}.cwd").write_text("")


def probed() -> list[dict[str, Any]]:
    """What the programs were, once they have ended, or were ended."""
    begun = list(driver.OUT.glob("*.begun"))
    for path in begun:
        process, end = Path("/proc", path.stem), time.monotonic() + _LINGERING
        while process.exists() and not path.with_suffix(".cwd").exists() and time.monotonic() < end:
            time.sleep(0.02)
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(path.stem), signal.SIGKILL)
        path.unlink()
    with _talking:  # whoever talks has ended
        pass
    return _probed()


_probed = driver.probed


def main() -> None:
    driver.probed = probed
    for server in (
        socketserver.ThreadingTCPServer(("127.0.0.1", PORT), Talk),
        socketserver.ThreadingUnixStreamServer(SOCKET, Talk),
    ):
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
    Path(SOCKET).chmod(0o666)
    driver.main()


if __name__ == "__main__":
    main()
