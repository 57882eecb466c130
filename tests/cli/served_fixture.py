"""``mailconf serve`` as a process, and its log as it comes."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from site_fixture import ENVIRONMENT

ONE = ("--listen", "127.0.0.1:0")
TWO = (*ONE, "--listen", "127.0.0.1:0=submission")


class Served:
    """``ports`` by service; ``port`` is the first. A thread reads the log: a full pipe would stop the server."""

    def __init__(self, root: Path, options: Sequence[str] = ONE, *, limit: float = 60) -> None:
        command = [sys.executable, "-m", "mailconf", "serve", "--root", str(root), "/etc/postfix", *options]
        self.figures = ""  # where they are, for a test of them
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, env=ENVIRONMENT)
        self.watchdog = threading.Timer(limit, self.process.kill)
        self.watchdog.start()
        self.log: list[str] = []
        self._seen = 0  # lines that wait_for has passed
        self._ended = False
        self._grown = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.ports: dict[str, int] = {}
        for _ in range(max(options.count("--listen"), 1)):
            found = self.wait_for(r"listening on (?:[\d.]+|\[[0-9a-f:]+\]):(\d+) for (\S+)")
            self.ports[found[2]] = int(found[1])
        self.port = next(iter(self.ports.values()))

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._grown:
                self.log.append(line.decode(errors="surrogateescape").rstrip("\n"))
                self._grown.notify_all()
        with self._grown:
            self._ended = True
            self._grown.notify_all()

    def wait_for(self, pattern: str) -> re.Match[str]:
        """The first line that matches behind the one that the last call found."""
        return self.wait_for_all(pattern, 1)[0]

    def wait_for_all(self, pattern: str, count: int) -> list[re.Match[str]]:
        """``count`` lines that match."""
        found: list[re.Match[str]] = []
        with self._grown:
            while len(found) < count:
                if self._seen == len(self.log):
                    assert not self._ended, f"{pattern} is not {count} times in the log:\n" + "\n".join(self.log[-50:])
                    self._grown.wait()
                    continue
                if match := re.search(pattern, self.log[self._seen]):
                    found.append(match)
                self._seen += 1
        return found

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and wait; the exit status."""
        os.kill(self.process.pid, number)
        status = self.process.wait()
        self._reader.join()
        return status


@contextmanager
def serving(root: Path, options: Sequence[str] = ONE, *, limit: float = 60) -> Iterator[Served]:
    served = Served(root, options, limit=limit)
    try:
        yield served
    finally:
        served.watchdog.cancel()
        served.process.kill()
        served.process.wait()
        served._reader.join()
        if served.process.stderr:
            served.process.stderr.close()
